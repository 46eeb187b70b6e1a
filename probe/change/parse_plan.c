/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/parse_plan.h"

#include <errno.h>
#include <inttypes.h>

#include "base/guard.h"
#include "base/text.h"
#include "change/parse_plan_internal.h"

/* ---- is it as it was when it was decided? --------------------------------------------------- */

static int check_version(const struct planning *p)
{
    const struct lvm_order *o = p->o;

    /* The store of a snapshot is a version of its own, and this order's. */
    if (change_store(p->s) != NULL && change_is_near(p->s, p->vg))
        return 0;
    if (GUARD(CHANGE_VERSION, p->vg->seqno != o->seqno))
        return err_set(p->e, -EINVAL,
                       "volume group %s has version %" PRIu64 ", not %" PRIu64
                       " as when it was decided",
                       o->vg, p->vg->seqno, o->seqno);
    if (GUARD(CHANGE_VERSION, text_mark(p->vg->metadata_digest) != o->mark))
        return err_set(p->e, -EINVAL,
                       "volume group %s has another version %" PRIu64
                       " than when it was decided: its metadata were split, or written back",
                       o->vg, o->seqno);
    return 0;
}

static int check_pvs(const struct planning *p)
{
    const struct lvm_rows *rows = p->s->rows;
    size_t n = 0;

    for (size_t i = 0; i < rows->pv_count; i++) {
        const struct pv *pv = &rows->pvs[i];

        if (pv->duplicate)
            return err_set(p->e, -EINVAL, "two devices are the same PV %s", pv->uuid);
        if (!change_same(pv->vg_uuid, p->vg->uuid))
            continue;
        if (pv->missing || !change_has(&p->o->pvs, pv->uuid))
            return err_set(p->e, -EINVAL, "the PV %s of volume group %s is %s", pv->uuid, p->o->vg,
                           pv->missing ? "missing" : "not one that it had when it was decided");
        n++;
    }
    return n == p->o->pvs.n ? 0
                            : err_set(p->e, -EINVAL,
                                      "volume group %s has %zu PVs here, not %zu as when it was "
                                      "decided",
                                      p->o->vg, n, p->o->pvs.n);
}

static int check_vg(struct planning *p)
{
    int rc;

    p->vg = change_vg(p->s);
    if (p->vg == NULL)
        return err_set(p->e, -EINVAL, "there is no volume group %s on its devices any more",
                       p->o->vg);
    if (!change_same(p->vg->name, p->o->vg))
        return err_set(p->e, -EINVAL, "volume group %s is called %s now", p->o->vg, p->vg->name);
    rc = check_version(p);
    if (rc == 0)
        rc = check_pvs(p);
    if (rc == 0 && (p->vg->exported || p->vg->system_id != NULL || p->vg->lock_type != NULL))
        rc = err_set(p->e, -EINVAL, "volume group %s belongs to somebody else: it is %s", p->o->vg,
                     p->vg->exported            ? "exported"
                     : p->vg->lock_type != NULL ? "locked by lvmlockd"
                                                : "another system's");
    return rc;
}

static int check_lv(struct planning *p)
{
    const struct lvm_order *o = p->o;

    p->lv = change_lv_by_uuid(p->s, o->lv_uuid);
    if (p->lv == NULL)
        return err_set(p->e, -EINVAL, "there is no logical volume %s/%s any more", o->vg, o->lv);
    if (!change_same(p->lv->name, o->lv))
        return err_set(p->e, -EINVAL, "logical volume %s/%s is called %s now", o->vg, o->lv,
                       p->lv->name);
    return 0;
}

int plan_free_name(const struct planning *p, const char *name)
{
    const struct lv *lv = change_lv_by_name(p->s, name);

    return lv == NULL ? 0
                      : err_set(p->e, -EINVAL, "volume group %s has a logical volume %s already",
                                p->o->vg, name);
}

static int check_inactive(const struct planning *p)
{
    return p->lv->active ? err_set(p->e, -EINVAL, "logical volume %s/%s is active on this node",
                                   p->o->vg, p->o->lv)
                         : 0;
}

/* LVM resizes one only while it is active nowhere, which it cannot know. */
static int check_no_origin(const struct planning *p)
{
    return GUARD(ORIGIN_STAYS, change_has(&p->lv->role, "origin"))
               ? err_set(p->e, -EINVAL, "logical volume %s/%s has snapshots", p->o->vg, p->o->lv)
               : 0;
}

/* ---- words ---------------------------------------------------------------------------------- */

void plan_tags(struct planning *p)
{
    buf_printf(&p->words, " --addtag '%s'", p->o->tag);
    for (size_t i = 0; i < p->o->tags.n; i++)
        buf_printf(&p->words, " --addtag '%s'", p->o->tags.v[i]);
}

static int set_words(struct planning *p, struct buf *words, const char **out)
{
    const char *text = buf_cstr(words);

    *out = text == NULL ? NULL : arena_strdup(p->a, text);
    return *out == NULL ? err_set(p->e, -ENOMEM, "out of memory") : 0;
}

/* " DEVICE..." of the order's containers, each of which must be among its PVs, or (`fresh`) is to
 * become one. */
static int add_devices(struct planning *p, bool fresh, struct buf *out)
{
    for (size_t i = 0; i < p->o->containers.n; i++) {
        const struct change_device *d = change_device_of(p->s, p->o->containers.v[i]);

        if (d == NULL || (d->pv_uuid == NULL) != fresh)
            return err_set(p->e, -EINVAL, "%s is %s", p->o->containers.v[i],
                           d == NULL ? "not among the devices of the change"
                           : fresh   ? "a PV already"
                                     : "no PV of the volume group");
        buf_printf(out, " /dev/%s", d->device);
    }
    return 0;
}

int plan_extents(const struct planning *p, uint64_t *out)
{
    uint64_t bytes = change_size(p->s);

    if (bytes == 0)
        return err_set(p->e, -EINVAL,
                       "%" PRIu64 " bytes are more than volume group %s can have, in extents of "
                       "%" PRIu64,
                       p->o->size_bytes, p->o->vg, p->vg->extent_bytes);
    *out = bytes / p->vg->extent_bytes;
    return 0;
}

/* ---- labels --------------------------------------------------------------------------------- */

static int add_before(struct planning *p, const char *words)
{
    p->plan->before[p->plan->before_count++] = words;
    return words == NULL ? err_set(p->e, -ENOMEM, "out of memory") : 0;
}

/* An earlier attempt may have made it a PV, and died when LVM had marked it as used: it is made
 * anew, since LVM would not take it. */
static int make_pv(struct planning *p, const struct change_device *d)
{
    char uuid[LVM_UUID_TEXT];
    int rc = 0;

    change_pv_uuid(p->o->tag, d->container, uuid);
    if (change_label_of(p->s, d)->pv_uuid != NULL)
        rc = add_before(p, arena_printf(p->a, "pvremove -y -ff /dev/%s", d->device));
    return rc == 0
               ? add_before(p, arena_printf(p->a, "pvcreate -y --norestorefile --uuid %s /dev/%s",
                                            uuid, d->device))
               : rc;
}

/* The commands that make PVs of the containers, and the one that takes them away again. */
static int plan_labels(struct planning *p)
{
    struct change_plan *plan = p->plan;
    size_t n = p->o->containers.n;
    struct buf undo = { 0 };
    int rc;

    plan->before = arena_array(p->a, 2 * n, sizeof *plan->before);
    plan->fresh = arena_array(p->a, n, sizeof *plan->fresh);
    if (plan->before == NULL || plan->fresh == NULL)
        return err_set(p->e, -ENOMEM, "out of memory");
    buf_str(&undo, "pvremove -y");
    rc = add_devices(p, true, &undo);
    if (rc == 0)
        rc = set_words(p, &undo, &plan->undo);
    buf_deinit(&undo);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct change_device *d = change_device_of(p->s, p->o->containers.v[i]);

        plan->fresh[plan->fresh_count++] = d;
        rc = make_pv(p, d);
    }
    return rc;
}

/* Of PVs that are in no VG any more. LVM takes one whose metadata area lags behind for the VG's:
 * that it is not has been read from the others, and -ff says so. */
static int plan_removal(struct planning *p)
{
    struct buf words = { 0 };
    bool any = false;
    int rc;

    buf_str(&words, "pvremove -y -ff");
    for (size_t i = 0; i < change_device_count(p->s); i++) {
        const struct change_device *d = change_device_at(p->s, i);

        if (p->s->labels[i].pv_uuid == NULL ||
            (p->o->op == LVM_VG_REDUCE && !change_has(&p->o->containers, d->container)))
            continue;
        buf_printf(&words, " /dev/%s", d->device);
        any = true;
    }
    rc = any ? set_words(p, &words, &p->plan->after) : 0;
    buf_deinit(&words);
    return rc;
}

/* ---- what each op is ------------------------------------------------------------------------ */

static int vg_create(struct planning *p)
{
    const struct vg *there = change_vg(p->s);
    int rc;

    if (there != NULL)
        return err_set(p->e, -EINVAL, "there is a volume group %s already: %s", p->o->vg,
                       there->uuid);
    rc = plan_labels(p);
    /* Where its LVs are active is arbitrated: no LVM that knows this property does it by itself. */
    buf_printf(&p->words, "vgcreate -y --setautoactivation n -s %" PRIu64 "b",
               REC_HAS(p->o, lvm_order, extent_bytes) ? p->o->extent_bytes
                                                      : (uint64_t)CHANGE_EXTENT_BYTES);
    plan_tags(p);
    buf_printf(&p->words, " %s", p->o->vg);
    return rc == 0 ? add_devices(p, true, &p->words) : rc;
}

static int vg_extend(struct planning *p)
{
    int rc = plan_labels(p);

    buf_printf(&p->words, "vgextend -y %s", p->o->vg);
    return rc == 0 ? add_devices(p, true, &p->words) : rc;
}

static int vg_reduce(struct planning *p)
{
    for (size_t i = 0; i < p->o->containers.n; i++) {
        const struct change_device *d = change_device_of(p->s, p->o->containers.v[i]);
        const struct pv *pv = d == NULL ? NULL : change_pv(p->s, d->pv_uuid);

        if (pv != NULL && pv->extents_allocated != 0)
            return err_set(p->e, -EINVAL,
                           "the PV on %s is in use: %" PRIu64 " of its extents are allocated",
                           d->device, pv->extents_allocated);
    }
    if (p->o->containers.n >= p->o->pvs.n)
        return err_set(p->e, -EINVAL, "volume group %s would have no PV left", p->o->vg);
    buf_printf(&p->words, "vgreduce -y %s", p->o->vg);
    return add_devices(p, false, &p->words);
}

static int vg_remove(struct planning *p)
{
    if (p->vg->lvs != 0)
        return err_set(p->e, -EINVAL, "volume group %s has %" PRIu64 " logical volumes", p->o->vg,
                       p->vg->lvs);
    buf_printf(&p->words, "vgremove -y %s", p->o->vg);
    return 0;
}

static int vg_autoactivation_off(struct planning *p)
{
    buf_printf(&p->words, "vgchange -y --setautoactivation n %s", p->o->vg);
    return 0;
}

/* Not activated, and so not wiped, by LVM: it is wiped before (parse_place.c). */
static int lv_create(struct planning *p)
{
    uint64_t extents;
    int rc = plan_free_name(p, p->o->lv);

    if (rc == 0)
        rc = plan_extents(p, &extents);
    if (rc < 0)
        return rc;
    buf_printf(&p->words, "lvcreate -y -an -Zn -Wn -l %" PRIu64 " -n %s", extents, p->o->lv);
    plan_tags(p);
    buf_printf(&p->words, " %s", p->o->vg);
    return change_place(p->s, extents, p->a, p->plan, &p->words, p->e);
}

/* One that is active here keeps its table, which is the beginning of the new one, until it is
 * refreshed as on every other node. */
static int lv_extend(struct planning *p)
{
    uint64_t extents;
    int rc = plan_extents(p, &extents);

    if (rc == 0)
        rc = check_no_origin(p);
    if (rc == 0 && change_size(p->s) <= p->lv->size_bytes)
        rc = err_set(p->e, -EINVAL, "logical volume %s/%s has %" PRIu64 " bytes already", p->o->vg,
                     p->o->lv, p->lv->size_bytes);
    if (rc < 0)
        return rc;
    buf_printf(&p->words, "lvextend -y -l %" PRIu64 " %s/%s", extents, p->o->vg, p->o->lv);
    return add_devices(p, false, &p->words);
}

static int lv_reduce(struct planning *p)
{
    uint64_t extents;
    int rc = plan_extents(p, &extents);

    if (rc == 0 && change_size(p->s) >= p->lv->size_bytes)
        rc = err_set(p->e, -EINVAL, "logical volume %s/%s has only %" PRIu64 " bytes", p->o->vg,
                     p->o->lv, p->lv->size_bytes);
    if (rc == 0)
        rc = check_no_origin(p);
    if (rc == 0)
        rc = check_inactive(p);
    if (rc == 0)
        buf_printf(&p->words, "lvreduce -y -f -l %" PRIu64 " %s/%s", extents, p->o->vg, p->o->lv);
    return rc;
}

static int lv_remove(struct planning *p)
{
    int rc = check_no_origin(p); /* LVM would remove its snapshots too */

    if (rc == 0)
        rc = check_inactive(p);
    if (rc == 0)
        buf_printf(&p->words, "lvremove -y %s/%s", p->o->vg, p->o->lv);
    return rc;
}

static int lv_rename(struct planning *p)
{
    int rc = plan_free_name(p, p->o->new_name);

    if (rc == 0)
        rc = check_inactive(p); /* its device would keep its name */
    if (rc == 0)
        buf_printf(&p->words, "lvrename -y %s %s %s", p->o->vg, p->o->lv, p->o->new_name);
    return rc;
}

/* ---- the plan ------------------------------------------------------------------------------- */

static int (*const ops[])(struct planning *p) = {
    [LVM_VG_CREATE] = vg_create,
    [LVM_VG_EXTEND] = vg_extend,
    [LVM_VG_REDUCE] = vg_reduce,
    [LVM_VG_REMOVE] = vg_remove,
    [LVM_LV_CREATE] = lv_create,
    [LVM_LV_EXTEND] = lv_extend,
    [LVM_LV_REDUCE] = lv_reduce,
    [LVM_LV_REMOVE] = lv_remove,
    [LVM_LV_RENAME] = lv_rename,
    [LVM_LV_SNAPSHOT] = plan_snapshot,
    [LVM_VG_AUTOACTIVATION_OFF] = vg_autoactivation_off,
};

static int plan_change(struct planning *p)
{
    bool removes = p->o->op == LVM_VG_REDUCE || p->o->op == LVM_VG_REMOVE;
    int rc = p->o->op == LVM_VG_CREATE ? 0 : check_vg(p);

    if (rc == 0 && p->o->lv_uuid != NULL)
        rc = check_lv(p);
    if (rc == 0)
        rc = ops[p->o->op](p);
    if (rc == 0 && p->words.n > 0)
        rc = set_words(p, &p->words, &p->plan->command);
    return rc == 0 && removes ? plan_removal(p) : rc;
}

enum lvm_outcome change_not_made(const struct change_state *s)
{
    return GUARD(STORE_LEFT, change_store(s) != NULL) ? LVM_FAILED : LVM_REFUSED;
}

int change_next(const struct change_state *s, struct arena *a, struct change_plan *out,
                struct err *e)
{
    struct planning p = { .s = s, .o = s->change->order, .a = a, .plan = out, .e = e };
    int rc;

    *out = (struct change_plan){ .command = NULL };
    if (GUARD(DONE_ALREADY, change_is_so(s))) {
        bool left = change_leaves_labels(s), bare = GUARD(SNAPSHOT_JOINED, s->bare);

        rc = left ? plan_removal(&p) : bare ? plan_join(&p) : 0;
        return rc < 0 ? rc : left || bare ? CHANGE_TO_DO : CHANGE_IS_DONE;
    }
    rc = plan_change(&p);
    buf_deinit(&p.words);
    return rc < 0 ? rc : CHANGE_TO_DO;
}
