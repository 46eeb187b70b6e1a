/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/parse_active.h"

#include <errno.h>
#include <string.h>

static bool same(const char *x, const char *y)
{
    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static bool has_role(const struct lv *lv, const char *role)
{
    for (size_t i = 0; i < lv->role.n; i++) {
        if (same(lv->role.v[i], role))
            return true;
    }
    return false;
}

/* Others have layers, or processes that watch them, or devices of other LVs beside. */
static bool is_plain(const struct lv *lv)
{
    return (same(lv->type, "linear") || same(lv->type, "striped")) && lv->origin == NULL &&
           !has_role(lv, "origin") && !has_role(lv, "snapshot");
}

static const struct vg *vg_of(const struct lvm_order *o, const struct lvm_rows *rows)
{
    for (size_t i = 0; i < rows->vg_count; i++) {
        if (same(rows->vgs[i].uuid, o->vg_uuid))
            return &rows->vgs[i];
    }
    return NULL;
}

int active_find(const struct lvm_order *o, const struct lvm_rows *rows, const struct lv **lv,
                struct err *e)
{
    const struct vg *vg = vg_of(o, rows);

    *lv = NULL;
    if (vg == NULL)
        return err_set(e, -EINVAL, "this node does not find volume group %s", o->vg);
    if (vg->seqno < o->seqno)
        return err_set(e, -EAGAIN, "this node reads version %llu of volume group %s, and not %llu",
                       (unsigned long long)vg->seqno, o->vg, (unsigned long long)o->seqno);
    for (size_t i = 0; i < rows->lv_count && *lv == NULL; i++) {
        if (same(rows->lvs[i].vg_uuid, o->vg_uuid) && same(rows->lvs[i].uuid, o->lv_uuid))
            *lv = &rows->lvs[i];
    }
    if (*lv == NULL)
        return err_set(e, -EINVAL, "volume group %s has no LV %s", o->vg, o->lv);
    if (!same((*lv)->name, o->lv))
        return err_set(e, -EINVAL, "LV %s/%s is called %s now", o->vg, o->lv, (*lv)->name);
    if (!is_plain(*lv))
        return err_set(e, -EINVAL,
                       "LV %s/%s is of type %s, and muster activates linear and striped ones",
                       o->vg, o->lv, (*lv)->type == NULL ? "unknown" : (*lv)->type);
    return (*lv)->paths_active < (*lv)->paths_total
               ? err_set(e, -EINVAL, "this node does not see all PVs of LV %s/%s", o->vg, o->lv)
               : 0;
}

bool active_is_layer(const char *uuid)
{
    const char *suffix = strrchr(uuid, '-');

    return mapped_names_lv(uuid) && (same(suffix, "-real") || same(suffix, "-cow"));
}

bool active_is_done(const struct lv *lv, const struct lvm_tables *tables, const char *uuid,
                    const struct dm_text *map)
{
    char prefix[MAPPED_PREFIX_TEXT];

    mapped_prefix(lv->vg_uuid, prefix);
    return prefix[0] != '\0' && strncmp(uuid, prefix, strlen(prefix)) == 0 &&
           mapped_names_lv(uuid) && mapped_is_lvs(uuid, lv->uuid) &&
           strlen(uuid) == 2 * strlen(prefix) - strlen("LVM-") && lv->active && map->table.n > 0 &&
           mapped_compare(lv, tables, map) == MAPPED_AS_IT_IS_TO_BE;
}
