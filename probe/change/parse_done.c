/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is, and whether it is what was asked for. */
#include "base/guard.h"
#include "change/parse_plan_internal.h"

bool change_same(const char *x, const char *y)
{
    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

bool change_has(const struct strs *v, const char *text)
{
    for (size_t i = 0; i < v->n; i++) {
        if (change_same(v->v[i], text))
            return true;
    }
    return false;
}

/* ---- devices ------------------------------------------------------------------------------- */

size_t change_device_count(const struct change_state *s)
{
    return s->change->devices.n;
}

const struct change_device *change_device_at(const struct change_state *s, size_t i)
{
    return (const struct change_device *)s->change->devices.v + i;
}

const struct change_device *change_device_of(const struct change_state *s, const char *container)
{
    for (size_t i = 0; i < change_device_count(s); i++) {
        if (change_same(change_device_at(s, i)->container, container))
            return change_device_at(s, i);
    }
    return NULL;
}

const struct change_label *change_label_of(const struct change_state *s,
                                           const struct change_device *d)
{
    return &s->labels[d - (const struct change_device *)s->change->devices.v];
}

/* ---- rows ---------------------------------------------------------------------------------- */

const struct vg *change_vg(const struct change_state *s)
{
    const struct lvm_order *o = s->change->order;

    for (size_t i = 0; i < s->rows->vg_count; i++) {
        const struct vg *vg = &s->rows->vgs[i];

        if (o->vg_uuid == NULL ? change_same(vg->name, o->vg) : change_same(vg->uuid, o->vg_uuid))
            return vg;
    }
    return NULL;
}

const struct pv *change_pv(const struct change_state *s, const char *uuid)
{
    for (size_t i = 0; i < s->rows->pv_count; i++) {
        if (change_same(s->rows->pvs[i].uuid, uuid))
            return &s->rows->pvs[i];
    }
    return NULL;
}

static const struct lv *lv_with(const struct change_state *s, const char *uuid, const char *name)
{
    const struct vg *vg = change_vg(s);

    for (size_t i = 0; vg != NULL && i < s->rows->lv_count; i++) {
        const struct lv *lv = &s->rows->lvs[i];

        if (change_same(lv->vg_uuid, vg->uuid) &&
            (uuid != NULL ? change_same(lv->uuid, uuid) : change_same(lv->name, name)))
            return lv;
    }
    return NULL;
}

const struct lv *change_lv_by_name(const struct change_state *s, const char *name)
{
    return lv_with(s, NULL, name);
}

const struct lv *change_lv_by_uuid(const struct change_state *s, const char *uuid)
{
    return uuid == NULL ? NULL : lv_with(s, uuid, NULL);
}

const struct lv *change_lv(const struct change_state *s)
{
    const struct lvm_order *o = s->change->order;

    if (o->op == LVM_LV_CREATE)
        return change_lv_by_name(s, o->lv);
    return o->op == LVM_LV_SNAPSHOT ? change_lv_by_name(s, o->new_name)
                                    : change_lv_by_uuid(s, o->lv_uuid);
}

const struct lv *change_origin(const struct change_state *s)
{
    const struct lvm_order *o = s->change->order;

    return o->op == LVM_LV_SNAPSHOT ? change_lv_by_uuid(s, o->lv_uuid) : NULL;
}

uint64_t change_size(const struct change_state *s)
{
    const struct vg *vg = change_vg(s);
    uint64_t bytes = s->change->order->size_bytes, left;

    if (vg == NULL || vg->extent_bytes == 0)
        return 0;
    left = bytes % vg->extent_bytes;
    if (left == 0)
        return bytes;
    return bytes > UINT64_MAX - vg->extent_bytes ? 0 : bytes + vg->extent_bytes - left;
}

const struct lv *change_store(const struct change_state *s)
{
    const struct lvm_order *o = s->change->order;
    const struct lv *lv = o->op == LVM_LV_SNAPSHOT ? change_lv_by_name(s, o->new_name) : NULL;

    return GUARD(STORE_FOUND, lv != NULL && lv->origin == NULL && change_has(&lv->tags, o->tag) &&
                                  lv->size_bytes == change_size(s))
               ? lv
               : NULL;
}

/* ---- is it so? ------------------------------------------------------------------------------ */

/* Those that the task makes of the containers are all in the VG. */
static bool has_new_pvs(const struct change_state *s, const struct vg *vg)
{
    const struct lvm_order *o = s->change->order;
    char uuid[LVM_UUID_TEXT];

    for (size_t i = 0; i < o->containers.n; i++) {
        const struct pv *pv;

        change_pv_uuid(o->tag, o->containers.v[i], uuid);
        pv = change_pv(s, uuid);
        if (pv == NULL || !change_same(pv->vg_uuid, vg->uuid))
            return false;
    }
    return o->containers.n > 0;
}

/* None of the containers is in the VG. */
static bool has_given_up(const struct change_state *s, const struct vg *vg)
{
    const struct lvm_order *o = s->change->order;

    for (size_t i = 0; i < o->containers.n; i++) {
        const struct change_device *d = change_device_of(s, o->containers.v[i]);
        const struct pv *pv = d == NULL ? NULL : change_pv(s, d->pv_uuid);

        if (d == NULL || (pv != NULL && change_same(pv->vg_uuid, vg->uuid)))
            return false;
    }
    return o->containers.n > 0;
}

static bool made_lv(const struct change_state *s)
{
    const struct lvm_order *o = s->change->order;
    const struct lv *lv = change_lv(s);

    return lv != NULL && change_has(&lv->tags, o->tag) && lv->size_bytes == change_size(s) &&
           (o->op != LVM_LV_SNAPSHOT || change_same(lv->origin, o->lv));
}

bool change_is_near(const struct change_state *s, const struct vg *vg)
{
    const struct lvm_order *o = s->change->order;

    return vg->seqno >= o->seqno && vg->seqno - o->seqno <= CHANGE_VERSIONS;
}

/* Nothing on any device belongs to the VG. */
static bool is_removed(const struct change_state *s)
{
    for (size_t i = 0; i < s->rows->pv_count; i++) {
        if (change_same(s->rows->pvs[i].vg_uuid, s->change->order->vg_uuid))
            return false;
    }
    return change_vg(s) == NULL;
}

bool change_is_so(const struct change_state *s)
{
    const struct lvm_order *o = s->change->order;
    const struct vg *vg = change_vg(s);
    const struct lv *lv = change_lv(s);

    if (o->op == LVM_VG_REMOVE)
        return is_removed(s);
    if (vg == NULL || !change_is_near(s, vg))
        return false;
    switch (o->op) {
    case LVM_VG_CREATE:
        return change_has(&vg->tags, o->tag) && has_new_pvs(s, vg);
    case LVM_VG_EXTEND:
        return has_new_pvs(s, vg);
    case LVM_VG_REDUCE:
        return has_given_up(s, vg);
    case LVM_LV_CREATE:
    case LVM_LV_SNAPSHOT:
        return made_lv(s);
    case LVM_LV_EXTEND:
    case LVM_LV_REDUCE:
        return lv != NULL && lv->size_bytes == change_size(s);
    case LVM_LV_REMOVE:
        return lv == NULL;
    case LVM_LV_RENAME:
        return lv != NULL && change_same(lv->name, o->new_name);
    case LVM_VG_AUTOACTIVATION_OFF:
        return REC_HAS(vg, vg, autoactivation) && !vg->autoactivation;
    default:
        return false;
    }
}

bool change_leaves_labels(const struct change_state *s)
{
    const struct lvm_order *o = s->change->order;

    for (size_t i = 0; i < change_device_count(s); i++) {
        const struct change_device *d = change_device_at(s, i);
        bool goes = o->op == LVM_VG_REMOVE ||
                    (o->op == LVM_VG_REDUCE && change_has(&o->containers, d->container));

        if (goes && s->labels[i].pv_uuid != NULL)
            return true;
    }
    return false;
}
