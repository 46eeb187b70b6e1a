/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be refused before LVM is asked. */
#include <errno.h>
#include <inttypes.h>

#include "change/parse_plan_internal.h"
#include "model/lvm_name.h"

/* What an order of each kind says beside its VG. */
static const struct {
    bool makes_vg, containers, lv, lv_uuid, new_name, size;
} needs[] = {
    [LVM_VG_CREATE] = { .makes_vg = true, .containers = true },
    [LVM_VG_EXTEND] = { .containers = true },
    [LVM_VG_REDUCE] = { .containers = true },
    [LVM_VG_REMOVE] = { .lv = false },
    [LVM_LV_CREATE] = { .lv = true, .size = true },
    [LVM_LV_EXTEND] = { .lv = true, .lv_uuid = true, .size = true },
    [LVM_LV_REDUCE] = { .lv = true, .lv_uuid = true, .size = true },
    [LVM_LV_REMOVE] = { .lv = true, .lv_uuid = true },
    [LVM_LV_RENAME] = { .lv = true, .lv_uuid = true, .new_name = true },
    [LVM_LV_SNAPSHOT] = { .lv = true, .lv_uuid = true, .new_name = true, .size = true },
    [LVM_VG_AUTOACTIVATION_OFF] = { .lv = false },
};

static int check_names(const struct lvm_order *o, struct err *e)
{
    int rc = change_vg_name(o->vg, e);

    /* An LV that is there has whatever name it has, but none that ends a word of a command. */
    if (rc == 0 && o->op == LVM_LV_CREATE)
        rc = change_lv_name(o->vg, o->lv, e);
    else if (rc == 0 && needs[o->op].lv)
        rc = change_vg_name(o->lv, e);
    if (rc == 0 && needs[o->op].new_name)
        rc = change_lv_name(o->vg, o->new_name, e);
    if (rc == 0)
        rc = change_tag(o->tag, e);
    for (size_t i = 0; rc == 0 && i < o->tags.n; i++)
        rc = change_tag(o->tags.v[i], e);
    return rc;
}

static int check_parts(const struct lvm_order *o, struct err *e)
{
    /* Of one that is removed, an earlier attempt may have left no PV. */
    if (!needs[o->op].makes_vg && (!change_is_uuid(o->vg_uuid) || o->seqno == 0 || o->mark == 0 ||
                                   (o->pvs.n == 0 && o->op != LVM_VG_REMOVE)))
        return err_set(e, -EINVAL, "the order does not say which volume group %s it is about",
                       o->vg);
    if (needs[o->op].makes_vg && o->vg_uuid != NULL)
        return err_set(e, -EINVAL, "the order is to make a volume group that there is already");
    if (needs[o->op].containers && o->containers.n == 0)
        return err_set(e, -EINVAL, "the order names no devices");
    if (needs[o->op].lv_uuid && !change_is_uuid(o->lv_uuid))
        return err_set(e, -EINVAL, "the order does not say which logical volume %s/%s it is about",
                       o->vg, o->lv);
    if (REC_HAS(o, lvm_order, extent_bytes) && lvm_extent_fault(o->extent_bytes) != NULL)
        return err_set(e, -EINVAL, "%" PRIu64 " bytes for an extent of volume group %s %s",
                       o->extent_bytes, o->vg, lvm_extent_fault(o->extent_bytes));
    if (needs[o->op].size && o->size_bytes == 0)
        return err_set(e, -EINVAL, "the order does not say how large %s/%s is to be", o->vg, o->lv);
    return 0;
}

int change_check(const struct lvm_order *o, bool device_mapper, struct err *e)
{
    int rc;

    if (o->op < LVM_VG_CREATE || o->op > LVM_VG_AUTOACTIVATION_OFF)
        return err_set(e, -EINVAL, "this probe does not know what change is asked for: %" PRIu64,
                       o->op);
    rc = check_names(o, e);
    if (rc == 0)
        rc = check_parts(o, e);
    if (rc == 0 && strncmp(o->vg, "VG_XenStorage-", strlen("VG_XenStorage-")) == 0)
        rc = err_set(e, -EINVAL, "%s belongs to xapi", o->vg);
    if (rc == 0 && o->op == LVM_LV_SNAPSHOT && !device_mapper)
        rc = err_set(e, -EINVAL,
                     "this node has no device-mapper, without which LVM makes no snapshots");
    return rc;
}

/* Its PV may be gone already. */
static bool may_lack_label(const struct lvm_order *o, const struct change_device *d)
{
    return o->op == LVM_VG_REMOVE ||
           (o->op == LVM_VG_REDUCE && change_has(&o->containers, d->container));
}

static int check_pv(const struct lvm_order *o, const struct change_device *d,
                    const struct change_label *label, struct err *e)
{
    if (change_same(label->pv_uuid, d->pv_uuid))
        return 0;
    if (label->pv_uuid != NULL)
        return err_set(e, -EINVAL, "%s is the PV %s now, not %s", d->device, label->pv_uuid,
                       d->pv_uuid);
    if (label->holds != NULL)
        return err_set(e, -EINVAL, "%s has %s on it now, and is not the PV %s", d->device,
                       label->holds, d->pv_uuid);
    return may_lack_label(o, d) ? 0
                                : err_set(e, -EINVAL,
                                          "%s has no label of LVM now, and is not the PV "
                                          "%s",
                                          d->device, d->pv_uuid);
}

int change_check_label(const struct lvm_change *c, size_t i, const struct change_label *label,
                       struct err *e)
{
    const struct change_device *d = (const struct change_device *)c->devices.v + i;
    char own[LVM_UUID_TEXT];

    if (d->pv_uuid != NULL)
        return check_pv(c->order, d, label, e);
    change_pv_uuid(c->order->tag, d->container, own);
    if (change_same(label->pv_uuid, own))
        return 0;
    if (label->pv_uuid != NULL)
        return err_set(e, -EINVAL, "%s is a PV already: %s", d->device, label->pv_uuid);
    if (label->holds != NULL)
        return err_set(e, -EINVAL, "%s is not empty: there is %s on it", d->device, label->holds);
    return 0;
}
