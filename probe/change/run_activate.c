/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/run_activate.h"

#include <errno.h>
#include <lvm2cmd.h>

#include "base/text.h"
#include "change/mapped.h"
#include "change/own_dev.h"
#include "change/parse_active.h"
#include "change/read_devices.h"
#include "change/read_group.h"
#include "collect/dm_driver.h"
#include "collect/lvm_library.h"

enum { PASSES = 4 }; /* of removing: devices lie on each other */

/* What there is. */
struct look {
    struct group group;
    struct lvm_rows rows;
    const struct lv *lv;
    struct mapped *mapped;
    size_t mapped_count;
    bool was; /* there was a device before, which this order has not made */
};

bool activate_is_for(const struct lvm_order *o)
{
    return o->op == LVM_LV_ACTIVATE || o->op == LVM_LV_DEACTIVATE;
}

int activate_open(struct change_run *r, struct err *e)
{
    int rc;

    r->device_mapper = dm_driver_is_there();
    if (!r->device_mapper)
        return r->change->order->op == LVM_LV_ACTIVATE
                   ? err_set(e, -EINVAL, "this node has no device-mapper")
                   : 0;
    lvm_library_with_udev();
    rc = change_ask_paths(r->change, e);
    if (rc == 0)
        rc = own_dev_make(r->change, true, false, e);
    if (rc == 0)
        dm_driver_open();
    return rc;
}

/* ---- the result ----------------------------------------------------------------------------- */

static void set_outcome(struct change_run *r, enum lvm_outcome outcome, const char *reason)
{
    const struct lvm_order *o = r->change->order;

    change_set_outcome(r, outcome, reason);
    REC_PUT(&r->result, lvm_result, vg_uuid, o->vg_uuid);
    REC_PUT(&r->result, lvm_result, lv_uuid, o->lv_uuid);
}

/* ---- looking -------------------------------------------------------------------------------- */

static bool is_its(const struct change_run *r, const struct mapped *m)
{
    return m->name != NULL && mapped_names_lv(m->uuid) &&
           mapped_is_lvs(m->uuid, r->change->order->lv_uuid);
}

/* Of the LV alone; the others are left out. */
static int look_mapped(struct change_run *r, struct look *l, struct err *e)
{
    size_t n = 0;
    int rc = mapped_read(r->change->order->vg_uuid, r->arena, &l->mapped, &l->mapped_count, e);

    for (size_t i = 0; rc == 0 && i < l->mapped_count; i++) {
        if (is_its(r, &l->mapped[i]))
            l->mapped[n++] = l->mapped[i];
    }
    l->mapped_count = rc == 0 ? n : 0;
    return rc;
}

static int look_rows(struct change_run *r, struct look *l, struct err *e)
{
    struct lvm_input in;
    int rc = group_read(&l->group, r->arena, &in, &l->rows, e);

    return rc == 0 ? active_find(r->change->order, &l->rows, &l->lv, e) : rc;
}

static bool is_done(const struct look *l)
{
    for (size_t i = 0; i < l->mapped_count; i++) {
        if (active_is_done(l->lv, &l->rows.tables, l->mapped[i].uuid, l->mapped[i].map))
            return true;
    }
    return false;
}

/* ---- deactivating --------------------------------------------------------------------------- */

/* 0: there is no device of it. 1: the kernel removes none that is open. */
static int remove_all(struct change_run *r, struct look *l, struct err *e)
{
    int rc = look_mapped(r, l, e);

    for (int i = 0; rc == 0 && l->mapped_count > 0 && i < PASSES; i++) {
        for (size_t k = 0; k < l->mapped_count; k++)
            mapped_remove(&l->mapped[k]);
        rc = look_mapped(r, l, e);
    }
    return rc < 0 ? rc : l->mapped_count > 0;
}

static void deactivate(struct change_run *r, struct look *l)
{
    const struct lvm_order *o = r->change->order;
    struct err e;
    int rc = r->device_mapper ? look_mapped(r, l, &e) : 0;

    if (rc == 0 && l->mapped_count > 0)
        rc = mapped_resume(l->mapped, l->mapped_count, &e);
    if (rc == 0 && l->mapped_count > 0)
        rc = remove_all(r, l, &e);
    if (rc > 0)
        err_set(&e, 0, "logical volume %s/%s is in use here", o->vg, o->lv);
    set_outcome(r, rc == 0 ? LVM_DONE : rc > 0 ? LVM_REFUSED : LVM_FAILED, rc == 0 ? NULL : e.text);
}

/* ---- activating ----------------------------------------------------------------------------- */

/* 0, 1 with a sentence when LVM refuses, or a negative errno with one. */
static int run_lvm(struct change_run *r, struct look *l, struct err *e)
{
    const struct lvm_order *o = r->change->order;
    struct lvm_library lvm = { .so = NULL };
    char trouble[LVM_TROUBLE_MAX];
    struct buf text = { 0 };
    int rc;

    buf_str(&text, "lvchange");
    rc = lvm_library_config(l->group.lvm, l->group.devices.n, true, false, &text, e);
    buf_printf(&text, " --nolocking -ay %s/%s", o->vg, o->lv);
    if (rc == 0 && buf_cstr(&text) == NULL)
        rc = err_set(e, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = lvm_library_open(&lvm, e) == 0 ? 0 : -EIO;
    if (rc == 0) {
        if (lvm_library_run(&lvm, buf_cstr(&text), NULL) != LVM2_COMMAND_SUCCEEDED)
            rc = 1;
        lvm_library_close(&lvm);
        lvm_library_trouble(trouble);
    }
    buf_deinit(&text);
    if (rc > 0)
        err_set(e, rc, "LVM refused: %s", trouble[0] == '\0' ? "it gives no reason" : trouble);
    return rc;
}

/* What is half there goes, so that "refused" is true. */
static void undo(struct change_run *r, struct look *l, const char *why)
{
    struct err e;
    int rc = l->was ? 1 : remove_all(r, l, &e);

    set_outcome(r, rc == 0 ? LVM_REFUSED : LVM_FAILED, why);
}

/* LVM's word alone counts for nothing: it says that it is done where nothing is. */
static void judge(struct change_run *r, struct look *l, int did, const struct err *said)
{
    struct err e;
    int rc = look_rows(r, l, &e);

    if (rc == 0)
        rc = look_mapped(r, l, &e);
    if (rc == 0 && is_done(l))
        set_outcome(r, LVM_DONE, NULL);
    else if (did != 0)
        undo(r, l, said->text);
    else
        undo(r, l, rc < 0 ? e.text : "LVM has said that it is active, and there is no such device");
}

static void activate(struct change_run *r, struct look *l)
{
    struct err e;
    int rc = look_mapped(r, l, &e);

    l->was = l->mapped_count > 0;
    if (rc == 0) /* an earlier worker was killed at it */
        rc = mapped_resume(l->mapped, l->mapped_count, &e);
    if (rc == 0)
        rc = group_find(&l->group, r->arena, &e);
    if (rc == 0)
        rc = look_rows(r, l, &e);
    if (rc < 0) { /* whatever there is of it was there before */
        bool nothing = change_is_refusal(rc) && l->mapped_count == 0;

        set_outcome(r, nothing ? LVM_REFUSED : LVM_FAILED, e.text);
        return;
    }
    rc = is_done(l) ? 0 : run_lvm(r, l, &e);
    judge(r, l, rc, &e);
}

void activate_carry_out(struct change_run *r)
{
    struct look l = { .group = { .vg = r->change->order->vg,
                                 .devices = r->change->devices,
                                 .device_mapper = true } };

    if (r->change->order->lv_uuid == NULL || r->change->order->vg_uuid == NULL)
        set_outcome(r, LVM_REFUSED, "the order does not say which LV");
    else if (r->change->order->op == LVM_LV_ACTIVATE)
        activate(r, &l);
    else
        deactivate(r, &l);
}
