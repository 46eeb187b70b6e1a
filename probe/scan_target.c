/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan_target.h"

#include <errno.h>

#include "base/limits.h"

struct search {
    section_getter get;
    const void *ctx;
    struct arena *a;
    struct scan_order *out;
    const char **paths;
    size_t path_count, path_cap;
    bool failed;
};

static bool same(const char *x, const char *y)
{
    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

/* The row whose field (the first of its kind by offset) is that text; NULL: none. */
static const void *row_with(const struct search *s, enum section_id id, size_t offset,
                            const char *text)
{
    const struct section *rows = s->get(s->ctx, id);

    for (size_t i = 0; rows != NULL && i < rows->row_count; i++) {
        const char *row = section_row(rows, i);

        if (same(*(const char *const *)(row + offset), text))
            return row;
    }
    return NULL;
}

#define ROW_WITH(s, id, type, member, text) \
    ((const struct type *)row_with(s, id, offsetof(struct type, member), text))

/* ---- who the paths lead to ------------------------------------------------------------------ */

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
        if (same(kinds[i], identified_by))
            return true;
    }
    return false;
}

static void add_path(struct search *s, const char *device, const char *designator)
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

static void add_lun(struct search *s, const struct lun *lun)
{
    const struct section *rows = s->get(s->ctx, SECTION_PATHS);

    if (lun == NULL || lun->wwid == NULL || !is_vpd(lun->identified_by))
        return;
    for (size_t i = 0; rows != NULL && i < rows->row_count; i++) {
        const struct path *p = section_row(rows, i);

        if (p->active && same(p->lun, lun->key) && is_scsi(p->address) &&
            s->path_count < LIMIT_STRINGS)
            add_path(s, p->device, lun->wwid);
    }
}

/* A LUN, or a partition of one. */
static void add_container(struct search *s, const char *container)
{
    const struct partition *part = ROW_WITH(s, SECTION_PARTITIONS, partition, key, container);

    add_lun(s, ROW_WITH(s, SECTION_LUNS, lun, key, part == NULL ? container : part->container));
}

static void add_lv(struct search *s, const struct lv *lv)
{
    for (size_t i = 0; i < lv->pvs.n; i++) {
        const struct pv *pv = ROW_WITH(s, SECTION_PVS, pv, uuid, lv->pvs.v[i]);

        if (pv != NULL && pv->container != NULL)
            add_container(s, pv->container);
    }
}

/* ---- the device ----------------------------------------------------------------------------- */

static void set_device(struct scan_order *out, const char *device, const char *devnum,
                       uint64_t size_bytes)
{
    if (device != NULL)
        REC_SET(out, scan_order, device, device);
    if (devnum != NULL)
        REC_SET(out, scan_order, devnum, devnum);
    if (size_bytes != 0)
        REC_SET(out, scan_order, size_bytes, size_bytes);
}

/* "lv.UUID" is an LV; other containers are what luns and partitions have as keys, or have no row of
 * their own. */
static void find_device(struct search *s, const struct filesystem *fs)
{
    const char *key = fs->container;
    const struct lv *lv =
        strncmp(key, "lv.", 3) == 0 ? ROW_WITH(s, SECTION_LVS, lv, uuid, key + 3) : NULL;
    const struct partition *part = ROW_WITH(s, SECTION_PARTITIONS, partition, key, key);
    const struct lun *lun = ROW_WITH(s, SECTION_LUNS, lun, key, key);

    set_device(s->out, fs->device, NULL, 0);
    if (lv != NULL) {
        set_device(s->out, lv->device, lv->devnum, lv->size_bytes);
        add_lv(s, lv);
    } else if (part != NULL) {
        set_device(s->out, part->device, part->devnum, part->size_bytes);
        add_container(s, key);
    } else if (lun != NULL) {
        set_device(s->out, lun->device, lun->devnum, lun->size_bytes);
        add_container(s, key);
    }
}

int scan_target(section_getter get, const void *ctx, const struct scan_what *what, struct arena *a,
                struct scan_order *out, struct err *e)
{
    struct search s = { .get = get, .ctx = ctx, .a = a, .out = out };
    const struct filesystem *fs =
        ROW_WITH(&s, SECTION_FILESYSTEMS, filesystem, container, what->container);

    if (fs == NULL || fs->device == NULL)
        return err_set(e, -ENOENT, "this node does not see the container of it any more");
    if (!same(fs->uuid, what->uuid) || !same(fs->type, what->type))
        return err_set(e, -ENOENT, "this node has found another filesystem in its container");
    REC_SET(out, scan_order, type, fs->type);
    REC_SET(out, scan_order, uuid, fs->uuid);
    find_device(&s, fs);
    if (s.path_count > 0)
        REC_SET(out, scan_order, paths, ((struct strs){ s.paths, s.path_count }));
    return s.failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}
