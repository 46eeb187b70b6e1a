/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/run_change.h"

#include <errno.h>
#include <lvm2cmd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "change/mapped.h"
#include "change/own_dev.h"
#include "change/parse_name.h"
#include "change/read_devices.h"
#include "change/read_group.h"
#include "change/wipe.h"
#include "collect/dm_driver.h"
#include "collect/lvm_library.h"
#include "collect/parse_lvm_mapped.h"

/* What was read of the devices. */
struct look {
    struct change_state state;
    struct lvm_rows rows;
    bool unequal; /* metadata areas lag behind */
};

/* ---- the result ----------------------------------------------------------------------------- */

bool change_is_refusal(int rc)
{
    return rc == -EINVAL || rc == -EOPNOTSUPP;
}

void change_set_outcome(struct change_run *r, enum lvm_outcome outcome, const char *reason)
{
    const char *text = reason == NULL ? NULL : arena_strdup(r->arena, reason);

    REC_SET(&r->result, lvm_result, order, r->change->order->order);
    REC_SET(&r->result, lvm_result, token, r->change->order->token);
    REC_SET(&r->result, lvm_result, outcome, outcome);
    if (outcome != LVM_DONE)
        REC_SET(&r->result, lvm_result, reason, text == NULL ? "out of memory" : text);
}

/* Before the metadata were read. A first attempt has changed nothing then; what an earlier one has
 * done before this one came, nobody knows. */
static void set_unread(struct change_run *r, int rc, const struct err *e)
{
    bool first = r->change->order->order->attempt <= 1;

    change_set_outcome(r, first && change_is_refusal(rc) ? LVM_REFUSED : LVM_FAILED, e->text);
}

void change_not_opened(struct change_run *r, int rc, const struct err *e)
{
    set_unread(r, rc, e);
}

static void set_done(struct change_run *r, const struct look *l)
{
    const struct lvm_order *o = r->change->order;
    const struct vg *vg = change_vg(&l->state);
    const struct lv *lv = change_lv(&l->state);

    change_set_outcome(r, LVM_DONE, NULL);
    if (vg != NULL) {
        REC_SET(&r->result, lvm_result, vg_uuid, vg->uuid);
        REC_SET(&r->result, lvm_result, seqno, vg->seqno);
        REC_SET(&r->result, lvm_result, mark, text_mark(vg->metadata_digest));
    } else if (o->vg_uuid != NULL) {
        REC_SET(&r->result, lvm_result, vg_uuid, o->vg_uuid);
    }
    if (lv != NULL)
        REC_SET(&r->result, lvm_result, lv_uuid, lv->uuid);
    else if (o->lv_uuid != NULL)
        REC_SET(&r->result, lvm_result, lv_uuid, o->lv_uuid);
}

/* ---- looking -------------------------------------------------------------------------------- */

static struct group group_of(const struct change_run *r)
{
    return (struct group){ .vg = r->change->order->vg,
                           .devices = r->change->devices,
                           .device_mapper = r->device_mapper };
}

static int read_state(struct change_run *r, const struct group *g, struct look *l, struct err *e)
{
    const struct vg *vg;
    struct lvm_input in;
    struct lvm_run *runs = NULL;
    int rc = group_read(g, r->arena, &in, &l->rows, e);

    l->unequal = lvm_library_unequal();
    if (rc < 0)
        return rc;
    l->state.rows = &l->rows;
    vg = change_vg(&l->state);
    if (vg != NULL)
        rc = parse_lvm_free(in.report, vg->uuid, r->arena, &runs, &l->state.run_count, e);
    l->state.runs = runs;
    return rc;
}

/* Whether the origin of a snapshot that was made is active here, and without it: an earlier worker
 * was killed between the metadata and the tables. */
static int look_at_origin(struct change_run *r, struct look *l, struct err *e)
{
    const struct lvm_order *o = r->change->order;
    const struct lv *origin = change_origin(&l->state), *snapshot = change_lv(&l->state);
    struct mapped *v;
    size_t n;
    int rc;

    if (!r->device_mapper || origin == NULL || !origin->active || snapshot == NULL ||
        snapshot->origin == NULL)
        return 0;
    l->state.bare = !snapshot->active;
    rc = mapped_read(o->vg_uuid, r->arena, &v, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (mapped_names_lv(v[i].uuid) && mapped_is_lvs(v[i].uuid, origin->uuid) &&
            mapped_compare(origin, &l->rows.tables, v[i].map) == MAPPED_IS_BARE)
            l->state.bare = true;
    }
    return rc;
}

static int look(struct change_run *r, struct look *l, struct err *e)
{
    struct change_label *labels = arena_array(r->arena, r->change->devices.n, sizeof *labels);
    struct group group = group_of(r);
    int rc;

    *l = (struct look){
        .state = { .change = r->change, .labels = labels, .device_mapper = r->device_mapper }
    };
    if (labels == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = change_read_labels(r->change, r->arena, labels, e);
    if (rc == 0)
        rc = group_find(&group, r->arena, e);
    if (rc == 0)
        rc = read_state(r, &group, l, e);
    return rc == 0 ? look_at_origin(r, l, e) : rc;
}

/* ---- doing ---------------------------------------------------------------------------------- */

/* Another time, or elsewhere, it may be otherwise. */
static bool is_io(const char *trouble)
{
    static const char *const texts[] = { "Error writing", "Error reading", "Input/output",
                                         "rror opening" };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (strstr(trouble, texts[i]) != NULL)
            return true;
    }
    return false;
}

/* "lvcreate -y ..." with what LVM is to be told of everything. It activates nothing, and locks
 * nothing: the hold is the lock. -ECANCELED with LVM's reason, or
 * -EIO. */
static int command(const struct lvm_library *lvm, const char *config, const char *words,
                   struct err *e)
{
    size_t verb = strcspn(words, " ");
    struct buf text = { 0 };
    char trouble[LVM_TROUBLE_MAX];
    int rc;

    buf_add(&text, words, verb);
    buf_printf(&text, "%s --nolocking%s", config, words + verb);
    if (buf_cstr(&text) == NULL) {
        buf_deinit(&text);
        return err_set(e, -ENOMEM, "out of memory");
    }
    rc = lvm_library_run(lvm, buf_cstr(&text), NULL);
    buf_deinit(&text);
    lvm_library_trouble(trouble);
    if (rc == LVM2_COMMAND_SUCCEEDED)
        return 0;
    if (trouble[0] == '\0')
        return err_set(e, -ECANCELED, "LVM refused %.*s (%d)", (int)verb, words, rc);
    return err_set(e, is_io(trouble) ? -EIO : -ECANCELED, "LVM refused: %s", trouble);
}

static int prepare(struct change_run *r, const struct change_plan *plan, struct err *e)
{
    const struct change_device *d = r->change->devices.v;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->fresh_count; i++)
        rc = change_check_unused(plan->fresh[i], e);
    for (size_t i = 0; rc == 0 && i < plan->wipe_count; i++)
        rc = change_wipe(&d[plan->wipes[i].device], &plan->wipes[i], e);
    return rc;
}

/* Metadata alone are written with the one, devices get their tables too with the other. */
struct configs {
    struct buf metadata, mapping;
};

static int run_commands(const struct change_plan *plan, const struct lvm_library *lvm,
                        struct configs *configs, struct err *e)
{
    const char *config = buf_cstr(&configs->metadata);
    struct err why;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->before_count; i++)
        rc = command(lvm, config, plan->before[i], e);
    if (rc == 0 && plan->command != NULL)
        rc = command(lvm, config, plan->command, e);
    if (rc == 0 && plan->mapping != NULL)
        rc = command(lvm, buf_cstr(&configs->mapping), plan->mapping, e);
    if (rc < 0 && plan->undo != NULL)
        command(lvm, config, plan->undo, &why); /* LVM leaves those alone that are in a VG */
    if (rc == 0 && plan->after != NULL)
        rc = command(lvm, config, plan->after, e);
    return rc;
}

static int with_lvm(struct change_run *r, const struct change_plan *plan, struct err *e)
{
    struct lvm_library lvm;
    struct configs configs = { .metadata = { 0 } };
    struct group group = group_of(r);
    size_t n = group.devices.n;
    int rc = group_find(&group, r->arena, e);

    if (rc == 0)
        rc = lvm_library_config(group.lvm, n, false, true, &configs.metadata, e);
    if (rc == 0)
        rc = lvm_library_config(group.lvm, n, true, true, &configs.mapping, e);
    if (rc == 0)
        rc = lvm_library_open(&lvm, e);
    if (rc == 0) {
        rc = run_commands(plan, &lvm, &configs, e);
        lvm_library_close(&lvm);
    } else if (rc > 0) {
        rc = -EOPNOTSUPP;
    }
    buf_deinit(&configs.metadata);
    buf_deinit(&configs.mapping);
    return rc;
}

static int do_plan(struct change_run *r, const struct change_plan *plan, struct err *e)
{
    const struct change_device *d = r->change->devices.v;
    struct err why;
    int rc = prepare(r, plan, e), flushed = 0;

    if (rc == 0)
        rc = with_lvm(r, plan, e);
    for (size_t i = 0; flushed == 0 && i < r->change->devices.n; i++)
        flushed = change_flush(&d[i], &why);
    return rc == 0 && flushed < 0 ? err_set(e, flushed, "%s", why.text) : rc;
}

/* An earlier attempt has died between two PVs: the metadata of one say what was asked for, and
 * those of the other would be what is left when the first is gone. */
static int repair(struct change_run *r, struct look *l, struct err *e)
{
    struct change_plan plan = { .command = arena_printf(r->arena, "vgck -y --updatemetadata %s",
                                                        r->change->order->vg) };
    int rc = plan.command == NULL ? err_set(e, -ENOMEM, "out of memory") : do_plan(r, &plan, e);

    return rc == 0 ? look(r, l, e) : rc;
}

/* ---- the whole of it ------------------------------------------------------------------------- */

/* It is so; *l is what was read last. */
static void settle(struct change_run *r, struct look *l)
{
    struct change_plan plan;
    struct err e;
    int rc = 0;

    if (l->unequal && change_vg(&l->state) != NULL)
        rc = repair(r, l, &e);
    if (rc < 0)
        change_set_outcome(r, LVM_FAILED, e.text);
    else if (change_next(&l->state, r->arena, &plan, &e) != CHANGE_IS_DONE)
        change_set_outcome(r, LVM_FAILED, "the metadata have changed while they were repaired");
    else
        set_done(r, l);
}

/* LVM has refused to make a snapshot of it: the LV that was to be its store goes. */
static void give_up(struct change_run *r, struct look *after)
{
    const struct lvm_order *o = r->change->order;
    struct change_plan plan = { .command = arena_printf(r->arena, "lvremove -y %s/%s", o->vg,
                                                        o->new_name) };
    struct err e;

    if (plan.command != NULL && do_plan(r, &plan, &e) == 0)
        look(r, after, &e);
}

/* What a command has brought, that ended like this. */
static void judge(struct change_run *r, const struct look *before, int did, const struct err *said)
{
    const struct vg *was = change_vg(&before->state), *is;
    struct change_plan plan;
    struct look after;
    struct err e;
    int rc = look(r, &after, &e);

    if (rc < 0) {
        change_set_outcome(r, LVM_FAILED, did < 0 ? said->text : e.text);
        return;
    }
    if (did == -ECANCELED && change_store(&after.state) != NULL) {
        give_up(r, &after);
        change_set_outcome(r, change_store(&after.state) == NULL ? LVM_REFUSED : LVM_FAILED,
                           said->text);
        return;
    }
    is = change_vg(&after.state);
    if (change_next(&after.state, r->arena, &plan, &e) == CHANGE_IS_DONE)
        settle(r, &after);
    else if (did < 0 && (is == NULL) == (was == NULL) && (is == NULL || is->seqno == was->seqno))
        change_set_outcome(r, did == -ECANCELED || did == -EINVAL ? LVM_REFUSED : LVM_FAILED,
                           said->text);
    else
        change_set_outcome(
            r, LVM_FAILED,
            did < 0 ? said->text : "LVM has said that it is done, and the metadata do not say so");
}

static void carry_out(struct change_run *r, struct look *l)
{
    struct change_plan plan;
    struct err e;
    int rc = change_next(&l->state, r->arena, &plan, &e);

    if (rc == CHANGE_IS_DONE) {
        settle(r, l);
    } else if (rc == CHANGE_TO_DO) {
        int did = do_plan(r, &plan, &e);

        judge(r, l, did, &e);
    } else {
        change_set_outcome(r, change_is_refusal(rc) ? LVM_REFUSED : LVM_FAILED, e.text);
    }
}

/* What the kernel loads when it is asked for it, LVM would start a program for. */
static void open_mapping(void)
{
    dm_driver_load("snapshot");
    lvm_library_with_udev();
}

int change_open(struct change_run *r, struct err *e)
{
    const struct lvm_order *o = r->change->order;
    char path[160];
    int rc;

    r->device_mapper = dm_driver_is_there();
    rc = change_check(o, r->device_mapper, e);
    snprintf(path, sizeof path, "/dev/%.128s", o->vg);
    /* LVM says so of the /dev that it sees. */
    if (rc == 0 && o->op == LVM_VG_CREATE && access(path, F_OK) == 0)
        rc = err_set(e, -EINVAL, "a volume group cannot be called %s here: there is a %s", o->vg,
                     path);
    if (rc == 0)
        rc = change_ask_paths(r->change, e);
    if (rc == 0 && o->op == LVM_LV_SNAPSHOT)
        open_mapping();
    if (rc == 0)
        rc = own_dev_make(r->change, r->device_mapper, true, e);
    if (rc == 0 && o->op == LVM_LV_SNAPSHOT)
        dm_driver_open();
    return rc;
}

/* Devices of LVs of the volume group that an earlier worker has left suspended go on. */
static int resume(struct change_run *r, struct err *e)
{
    struct mapped *v;
    size_t n;
    int rc;

    if (!r->device_mapper || r->change->order->vg_uuid == NULL)
        return 0;
    rc = mapped_read(r->change->order->vg_uuid, r->arena, &v, &n, e);
    return rc == 0 ? mapped_resume(v, n, e) : rc;
}

/* Gone ones lose their name. False: nothing more goes. */
static bool remove_some(struct mapped *v, size_t n, const char *volume)
{
    bool some = false;

    for (size_t i = 0; i < n; i++) {
        if (v[i].name == NULL || !mapped_names_lv(v[i].uuid) || !mapped_is_lvs(v[i].uuid, volume) ||
            mapped_remove(&v[i]) != 0)
            continue;
        v[i].name = NULL;
        some = true;
    }
    return some;
}

/* An earlier worker was killed when LVM had made the devices of the snapshot, and had not written
 * the metadata that say it is one: they go, layers from the top, and it is looked again. The kernel
 * removes none that is open; nothing can be in what has never been a snapshot. */
static int clear_store(struct change_run *r, struct look *l, struct err *e)
{
    const struct lv *store = change_store(&l->state);
    struct mapped *v;
    size_t n = 0;
    int rc;

    if (store == NULL || !store->active)
        return 0;
    rc = mapped_read(r->change->order->vg_uuid, r->arena, &v, &n, e);
    while (rc == 0 && remove_some(v, n, store->uuid))
        ;
    return rc == 0 ? look(r, l, e) : rc;
}

void change_carry_out(struct change_run *r)
{
    struct look l;
    struct err e;
    int rc = resume(r, &e);

    if (rc == 0)
        rc = look(r, &l, &e);
    if (rc == 0)
        rc = clear_store(r, &l, &e);
    if (rc < 0)
        set_unread(r, rc, &e);
    else
        carry_out(r, &l);
}
