/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of a change. What the rows say may be old: the worker looks again. */
#include <errno.h>

#include "agent_target.h"

struct finding {
    struct target_search search;
    const struct lvm_order *order;
    const struct lvm_change *earlier;
    struct change_device *devices;
    size_t n;
    struct err *e;
};

#define ROW_WITH(f, id, type, member, text) TARGET_ROW(&(f)->search, id, type, member, text)

/* Number and size of a LUN or a partition. */
static int set_device(struct finding *f, const char *container, struct change_device *d)
{
    const struct partition *part = ROW_WITH(f, SECTION_PARTITIONS, partition, key, container);
    const struct lun *lun = ROW_WITH(f, SECTION_LUNS, lun, key, container);
    const char *device = part != NULL ? part->device : lun == NULL ? NULL : lun->device;
    const char *devnum = part != NULL ? part->devnum : lun == NULL ? NULL : lun->devnum;
    uint64_t size = part != NULL ? part->size_bytes : lun == NULL ? 0 : lun->size_bytes;

    if (device == NULL || devnum == NULL)
        return err_set(f->e, -ENOENT, "this node has no LUN or partition %s now", container);
    REC_SET(d, change_device, container, container);
    REC_SET(d, change_device, device, device);
    REC_SET(d, change_device, devnum, devnum);
    if (size != 0)
        REC_SET(d, change_device, size_bytes, size);
    f->search.paths = NULL;
    f->search.path_count = f->search.path_cap = 0;
    target_add_paths(&f->search, container);
    if (f->search.path_count > 0)
        REC_SET(d, change_device, paths, ((struct strs){ f->search.paths, f->search.path_count }));
    return f->search.failed ? err_set(f->e, -ENOMEM, "out of memory") : 0;
}

/* LVM has it, or looks at it. */
static bool is_lvms(const struct use *u)
{
    return target_same(u->kind, "open") ||
           (target_same(u->kind, "dm") && target_same(u->type, "LVM"));
}

/* A guest, a mount, an array... What only LVM uses may be changed, unless it is to be empty. */
static int check_uses(struct finding *f, const char *container, bool fresh)
{
    const struct section *rows = f->search.get(f->search.ctx, SECTION_USES);

    for (size_t i = 0; rows != NULL && i < rows->row_count; i++) {
        const struct use *u = section_row(rows, i);

        if (!target_same(u->container, container) || (!fresh && is_lvms(u)))
            continue;
        return err_set(f->e, -ENOENT, "%s is in use on this node: %s %s", container,
                       u->kind == NULL ? "by" : u->kind,
                       u->used_by == NULL ? "somebody" : u->used_by);
    }
    return 0;
}

/* The devices that an earlier attempt was begun with; 0: there was none. */
static size_t earlier_devices(const struct finding *f, const struct change_device **out)
{
    const struct order_key *now = f->order->order, *then;

    if (f->earlier == NULL)
        return 0;
    then = f->earlier->order->order;
    *out = f->earlier->devices.v;
    return then->task == now->task && then->job == now->job ? f->earlier->devices.n : 0;
}

/* Where an earlier attempt has found the PV; NULL: it did not. */
static const char *earlier_container(const struct finding *f, const char *uuid)
{
    const struct change_device *d = NULL;
    size_t n = earlier_devices(f, &d);

    for (size_t i = 0; i < n; i++) {
        if (target_same(d[i].pv_uuid, uuid))
            return d[i].container;
    }
    return NULL;
}

static int add_pv(struct finding *f, const char *uuid)
{
    const struct pv *pv = ROW_WITH(f, SECTION_PVS, pv, uuid, uuid);
    const char *container = pv == NULL || pv->missing ? NULL : pv->container;
    struct change_device *d = &f->devices[f->n];
    int rc;

    if (container == NULL)
        container = earlier_container(f, uuid);
    if (container == NULL)
        return err_set(f->e, -ENOENT, "this node does not see the PV %s of volume group %s", uuid,
                       f->order->vg);
    if (pv != NULL && pv->duplicate)
        return err_set(f->e, -ENOENT, "this node sees two devices that are the PV %s", uuid);
    rc = set_device(f, container, d);
    if (rc == 0)
        rc = check_uses(f, container, false);
    if (rc < 0)
        return rc;
    REC_SET(d, change_device, pv_uuid, uuid);
    f->n++;
    return 0;
}

static bool is_known(const struct finding *f, const char *container)
{
    for (size_t i = 0; i < f->n; i++) {
        if (target_same(f->devices[i].container, container))
            return true;
    }
    return false;
}

/* A PV that an earlier attempt may have taken out of the volume group. */
static int add_former(struct finding *f, const char *container)
{
    const struct change_device *d = NULL;
    size_t n = earlier_devices(f, &d);

    for (size_t i = 0; i < n; i++) {
        if (d[i].pv_uuid != NULL && target_same(d[i].container, container))
            return add_pv(f, d[i].pv_uuid);
    }
    return err_set(f->e, -ENOENT, "there is no PV of volume group %s on %s", f->order->vg,
                   container);
}

static int add_container(struct finding *f, const char *container)
{
    int rc;

    if (is_known(f, container))
        return 0; /* the worker knows whether an earlier attempt has made it a PV */
    if (f->order->op != LVM_VG_EXTEND && f->order->op != LVM_VG_CREATE)
        return add_former(f, container);
    rc = set_device(f, container, &f->devices[f->n]);
    if (rc == 0)
        rc = check_uses(f, container, true);
    f->n += rc == 0;
    return rc;
}

/* Those that a removal that was begun had: this node may not take them for its PVs any more. */
static int add_all_former(struct finding *f)
{
    const struct change_device *d = NULL;
    size_t n = f->order->op == LVM_VG_REMOVE ? earlier_devices(f, &d) : 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!is_known(f, d[i].container))
            rc = add_pv(f, d[i].pv_uuid);
    }
    return rc;
}

/* LVM is told of the devices of one volume group, and would not see that there is another. */
static int check_name(struct finding *f)
{
    const struct section *rows = f->search.get(f->search.ctx, SECTION_VGS);

    for (size_t i = 0; rows != NULL && i < rows->row_count; i++) {
        const struct vg *vg = section_row(rows, i);

        /* One that is to be made may be there already, by an earlier attempt. */
        if (!target_same(vg->name, f->order->vg) || target_same(vg->uuid, f->order->vg_uuid))
            continue;
        for (size_t k = 0; k < vg->tags.n; k++) {
            if (target_same(vg->tags.v[k], f->order->tag))
                return 0;
        }
        return err_set(f->e, -ENOENT, "there is %s volume group %s on this node: %s",
                       f->order->vg_uuid == NULL ? "a" : "another", f->order->vg, vg->uuid);
    }
    return 0;
}

int change_target(section_getter get, const void *ctx, const struct lvm_order *order,
                  const struct lvm_change *earlier, struct arena *a, struct lvm_change *out,
                  struct err *e)
{
    struct finding f = {
        .search = { .get = get, .ctx = ctx, .a = a }, .order = order, .earlier = earlier, .e = e
    };
    int rc;

    f.devices = arena_array(
        a, order->pvs.n + order->containers.n + (earlier == NULL ? 0 : earlier->devices.n),
        sizeof *f.devices);
    if (f.devices == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = check_name(&f);
    for (size_t i = 0; rc == 0 && i < order->pvs.n; i++)
        rc = add_pv(&f, order->pvs.v[i]);
    for (size_t i = 0; rc == 0 && i < order->containers.n; i++)
        rc = add_container(&f, order->containers.v[i]);
    if (rc == 0)
        rc = add_all_former(&f);
    if (rc == 0 && f.n == 0)
        rc = err_set(e, -ENOENT, "this node sees no PV of volume group %s", order->vg);
    REC_SET(out, lvm_change, order, order);
    REC_SET(out, lvm_change, devices, ((struct recs){ f.devices, f.n }));
    return rc;
}
