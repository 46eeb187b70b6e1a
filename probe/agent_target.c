/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent_target.h"

#include "base/limits.h"

bool target_same(const char *x, const char *y)
{
    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

const void *target_row(const struct target_search *s, enum section_id id, size_t offset,
                       const char *text)
{
    const struct section *rows = s->get(s->ctx, id);

    for (size_t i = 0; rows != NULL && i < rows->row_count; i++) {
        const char *row = section_row(rows, i);

        if (target_same(*(const char *const *)(row + offset), text))
            return row;
    }
    return NULL;
}

/* SCSI addresses are HOST:CHANNEL:TARGET:LUN. */
static bool is_scsi(const char *address)
{
    size_t colons = 0;

    for (const char *p = address; p != NULL && *p != '\0'; p++)
        colons += *p == ':';
    return colons == 3;
}

static bool is_vpd(const char *identified_by)
{
    static const char *const kinds[] = { "naa", "eui", "t10", "uuid" };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (target_same(kinds[i], identified_by))
            return true;
    }
    return false;
}

static void add_path(struct target_search *s, const char *device, const char *designator)
{
    size_t cap = s->path_cap == 0 ? 16 : 2 * s->path_cap;

    if (s->path_count == s->path_cap) {
        const char **v = arena_array(s->a, cap, sizeof *v);

        s->failed |= v == NULL;
        if (v == NULL)
            return;
        if (s->path_count > 0)
            memcpy(v, s->paths, s->path_count * sizeof *v);
        s->paths = v;
        s->path_cap = cap;
    }
    s->paths[s->path_count] = arena_printf(s->a, "%s %s", device, designator);
    s->failed |= s->paths[s->path_count] == NULL;
    s->path_count++;
}

static void add_lun(struct target_search *s, const struct lun *lun)
{
    const struct section *rows = s->get(s->ctx, SECTION_PATHS);

    if (lun == NULL || lun->wwid == NULL || !is_vpd(lun->identified_by))
        return;
    for (size_t i = 0; rows != NULL && i < rows->row_count; i++) {
        const struct path *p = section_row(rows, i);

        if (p->active && target_same(p->lun, lun->key) && is_scsi(p->address) &&
            s->path_count < LIMIT_STRINGS)
            add_path(s, p->device, lun->wwid);
    }
}

void target_add_paths(struct target_search *s, const char *container)
{
    const struct partition *part = TARGET_ROW(s, SECTION_PARTITIONS, partition, key, container);

    add_lun(s, TARGET_ROW(s, SECTION_LUNS, lun, key, part == NULL ? container : part->container));
}
