/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_lvm_mapped.h"

#include <string.h>

#define LVM      "LVM-"
#define ORIGIN   "thickorigin" /* lv_role (lvmreport(7)) */
#define SNAPSHOT "thicksnapshot"

/* Of lv_attr: state of the device (lvs(8)). */
enum { UUID_LETTERS = 32, PREFIX = MAPPED_PREFIX_TEXT - 1, ATTR_STATE = 4 };

static void plain(const char *uuid, char out[UUID_LETTERS + 1])
{
    size_t n = 0;

    for (const char *p = uuid == NULL ? "" : uuid; *p != '\0' && n < UUID_LETTERS; p++) {
        if (*p != '-')
            out[n++] = *p;
    }
    out[n] = '\0';
}

void mapped_prefix(const char *group, char out[MAPPED_PREFIX_TEXT])
{
    char letters[UUID_LETTERS + 1];

    plain(group, letters);
    out[0] = '\0';
    if (strlen(letters) != UUID_LETTERS)
        return;
    memcpy(out, LVM, sizeof LVM - 1);
    memcpy(out + sizeof LVM - 1, letters, sizeof letters);
}

bool mapped_is_lvs(const char *uuid, const char *volume)
{
    char letters[UUID_LETTERS + 1];

    plain(volume, letters);
    return strlen(letters) == UUID_LETTERS && strncmp(uuid + PREFIX, letters, UUID_LETTERS) == 0;
}

bool mapped_names_lv(const char *uuid)
{
    return strlen(uuid) >= PREFIX + UUID_LETTERS;
}

/* ---- one device ------------------------------------------------------------------------------ */

static char state_of(const struct lv *lv)
{
    return lv->attr == NULL || strlen(lv->attr) <= ATTR_STATE ? '?' : lv->attr[ATTR_STATE];
}

static bool has_role(const struct lv *lv, const char *role)
{
    for (size_t i = 0; i < lv->role.n; i++) {
        if (strcmp(lv->role.v[i], role) == 0)
            return true;
    }
    return false;
}

bool mapped_is_origin(const struct lv *lv)
{
    return has_role(lv, ORIGIN);
}

/* What lies under the device that has the LV's name: there the sectors of an origin or a snapshot
 * are. */
static bool is_below(const struct lv *lv, struct bytes suffix)
{
    return (has_role(lv, ORIGIN) && bytes_equal(suffix, "-real")) ||
           (has_role(lv, SNAPSHOT) && bytes_equal(suffix, "-cow"));
}

static enum mapped_state compare_sectors(const struct lv *lv, const struct lvm_tables *tables,
                                         const struct dm_text *map)
{
    const char *wanted = lvm_table_of(tables, lv->uuid);

    return wanted == NULL || lvm_table_is(map->table, wanted) ? MAPPED_AS_IT_IS_TO_BE
                                                              : MAPPED_IS_OLD;
}

/* An origin that writes past its snapshots, or the store of one as an LV of its own. Whatever else
 * is not so of it: with a new table it would get what another host keeps. */
static bool is_bare(const struct lv *lv, const struct dm_text *map)
{
    const char *target = has_role(lv, ORIGIN)     ? "snapshot-origin"
                         : has_role(lv, SNAPSHOT) ? "snapshot"
                                                  : NULL;

    return target != NULL && map->table.n > 0 && !lvm_table_has_target(map->table, target);
}

const char *mapped_bare_text(const struct lv *lv)
{
    return has_role(lv, ORIGIN)
               ? "active here without its snapshots, which are not kept while it is written to here"
               : "active here as an LV of its own, and is what another LV's snapshot is kept in";
}

enum mapped_state mapped_compare(const struct lv *lv, const struct lvm_tables *tables,
                                 const struct dm_text *map)
{
    struct bytes suffix = { map->uuid.p + PREFIX + UUID_LETTERS,
                            map->uuid.n - PREFIX - UUID_LETTERS };

    if (suffix.n > 0)
        return is_below(lv, suffix) ? compare_sectors(lv, tables, map) : MAPPED_AS_IT_IS_TO_BE;
    if (state_of(lv) == '-')
        return MAPPED_AS_IT_IS_TO_BE; /* it was there a moment ago */
    if (is_bare(lv, map))
        return MAPPED_IS_BARE;
    if (map->suspended || (state_of(lv) != 'a' && state_of(lv) != 'I'))
        return MAPPED_IS_OLD;
    if (has_role(lv, ORIGIN) || has_role(lv, SNAPSHOT))
        return MAPPED_AS_IT_IS_TO_BE;
    return compare_sectors(lv, tables, map);
}

/* ---- faults --------------------------------------------------------------------------------- */

static const struct lv *lv_of(const struct mapped_lvm *lvm, const struct vg *vg, const char *uuid)
{
    for (size_t i = 0; i < lvm->lv_count; i++) {
        const struct lv *lv = &lvm->lvs[i];

        if (lv->vg_uuid != NULL && strcmp(lv->vg_uuid, vg->uuid) == 0 &&
            mapped_is_lvs(uuid, lv->uuid))
            return lv;
    }
    return NULL;
}

static const char *sentence(struct rows *r, const struct vg *vg, const struct lv *lv,
                            const struct mapped_lvm *lvm, const struct dm_text *map)
{
    const char *group = vg->name == NULL ? vg->uuid : vg->name;

    if (lv == NULL)
        return rows_printf(r, "%.*s is a device of a logical volume of %s that is no more",
                           (int)map->name.n, (const char *)map->name.p, group);
    switch (mapped_compare(lv, lvm->tables, map)) {
    case MAPPED_IS_OLD:
        return rows_printf(r, "the table of %s/%s is not what the metadata say (%s)", group,
                           lv->name, lv->attr == NULL ? "unknown" : lv->attr);
    case MAPPED_IS_BARE:
        return rows_printf(r, "%s/%s is %s", group, lv->name, mapped_bare_text(lv));
    default:
        return NULL;
    }
}

static const char *fault_of(struct rows *r, const struct dm_text *maps, size_t n,
                            const struct vg *vg, const struct mapped_lvm *lvm)
{
    char prefix[MAPPED_PREFIX_TEXT];
    const char *fault = NULL;

    mapped_prefix(vg->uuid, prefix);
    for (size_t i = 0; prefix[0] != '\0' && fault == NULL && i < n; i++) {
        const char *uuid;

        if (maps[i].uuid.n < PREFIX || memcmp(maps[i].uuid.p, prefix, PREFIX) != 0)
            continue;
        uuid = rows_text(r, maps[i].uuid);
        if (uuid != NULL && mapped_names_lv(uuid))
            fault = sentence(r, vg, lv_of(lvm, vg, uuid), lvm, &maps[i]);
    }
    return fault;
}

void mapped_faults(struct rows *r, const struct dm_text *maps, size_t map_count,
                   const struct mapped_lvm *lvm, struct vg *vgs, size_t vg_count)
{
    for (size_t i = 0; i < vg_count; i++) {
        const char *fault = fault_of(r, maps, map_count, &vgs[i], lvm);

        if (fault != NULL)
            REC_SET(&vgs[i], vg, fault, fault);
    }
}
