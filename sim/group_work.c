/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker of a change, below the real pool (change_pool.c) and with the real plan
 * (probe/change/parse_*.c): it reads, has the plan decide, lets LVM's command read and write PV
 * after PV, and reads again. It may be stopped, hang or die between any two of these, and what it
 * was writing when it died may still reach the disk. */
#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "change_pool_internal.h"
#include "group.h"
#include "wire/codec.h"
#include "worker_spawn.h"

enum { START_US = 20000, READ_US = 150000, COMMAND_US = 100000, WRITE_US = 60000 };
enum { LANDS_PPM = 500000 };

static void commands(struct sim *s, void *host, uint64_t pid);
static void writes(struct sim *s, void *host, uint64_t pid);

/* ---- what it tells -------------------------------------------------------------------------- */

static void brings(struct sim *s, struct process *p, struct lvm_result *r)
{
    p->result = r;
    process_finish(s, p, 0);
}

static struct lvm_result *result(struct process *p, enum lvm_outcome outcome, const char *reason)
{
    struct lvm_result *r = arena_zalloc(p->arena, sizeof *r);

    if (r == NULL)
        abort();
    REC_SET(r, lvm_result, order, p->work->change->order->order);
    REC_SET(r, lvm_result, token, p->work->change->order->token);
    REC_SET(r, lvm_result, outcome, outcome);
    if (reason != NULL)
        REC_SET(r, lvm_result, reason, arena_strdup(p->arena, reason));
    return r;
}

static void ends(struct sim *s, struct process *p, enum lvm_outcome outcome, const char *reason)
{
    sim_trace(s, "%s: process %d ends: %s", p->host->name, p->pid,
              reason == NULL ? "done" : reason);
    oracle_snapshot_ends(s, p, outcome);
    brings(s, p, result(p, outcome, reason));
}

void group_work_ends(struct sim *s, struct process *p, enum lvm_outcome outcome, const char *reason)
{
    ends(s, p, outcome, outcome == LVM_DONE ? NULL : reason);
}

static void is_done(struct sim *s, struct process *p, const struct change_state *state)
{
    const struct lvm_order *o = p->work->change->order;
    const struct vg *vg = change_vg(state);
    const struct lv *lv = change_lv(state);
    struct lvm_result *r = result(p, LVM_DONE, NULL);

    REC_SET(r, lvm_result, vg_uuid, vg != NULL ? vg->uuid : o->vg_uuid);
    if (vg != NULL) {
        REC_SET(r, lvm_result, seqno, vg->seqno);
        REC_SET(r, lvm_result, mark, text_mark(vg->metadata_digest));
    }
    if (lv != NULL || o->lv_uuid != NULL)
        REC_SET(r, lvm_result, lv_uuid, lv != NULL ? lv->uuid : o->lv_uuid);
    sim_trace(s, "%s: process %d has done it", p->host->name, p->pid);
    oracle_snapshot_ends(s, p, LVM_DONE);
    brings(s, p, r);
}

/* ---- what LVM's command does ---------------------------------------------------------------- */

/* Of a snapshot it is the store. */
static const char *makes_lv(struct sim *s, const struct lvm_order *o, struct group_meta *m)
{
    const char *name = o->op == LVM_LV_SNAPSHOT ? o->new_name : o->lv;
    struct lv_meta *lv = &m->lvs[m->n];

    if (group_lv(m, name) != NULL || m->n == GROUP_LVS)
        return "LVM refused: there is one already";
    m->n++;
    lv->origin = 0;
    lv->id = ++s->group->lv_ids;
    lv->extents = o->size_bytes / EXTENT_BYTES;
    snprintf(lv->name, sizeof lv->name, "%s", name);
    snprintf(lv->tag, sizeof lv->tag, "%s", o->tag);
    return NULL;
}

static const char *changes_lv(const struct lvm_order *o, struct group_meta *m)
{
    struct lv_meta *lv = group_lv(m, o->lv);

    if (lv == NULL)
        return "LVM refused: there is no such LV";
    if (o->op == LVM_LV_REMOVE)
        *lv = m->lvs[--m->n];
    else if (o->op == LVM_LV_RENAME)
        snprintf(lv->name, sizeof lv->name, "%s", o->new_name);
    else
        lv->extents = o->size_bytes / EXTENT_BYTES;
    return NULL;
}

static const char *changes_pvs(struct sim *s, const struct lvm_order *o, struct group_meta *m)
{
    for (size_t i = 0; i < o->containers.n; i++) {
        unsigned pv = group_pv_of(s, o->containers.v[i]);

        if (o->op == LVM_VG_EXTEND)
            change_pv_uuid(o->tag, o->containers.v[i], m->pv_uuid[pv]);
        m->pvs = o->op == LVM_VG_EXTEND ? m->pvs | 1U << pv : m->pvs & ~(1U << pv);
    }
    return NULL;
}

static const char *makes_group(struct sim *s, const struct lvm_order *o, struct group_meta *m)
{
    if (m->no != 0)
        return "LVM refused: there is one already";
    *m = (struct group_meta){ .vg = ++s->group->vg_ids };
    snprintf(m->tag, sizeof m->tag, "%s", o->tag);
    for (size_t i = 0; i < o->containers.n; i++) {
        unsigned pv = group_pv_of(s, o->containers.v[i]);

        change_pv_uuid(o->tag, o->containers.v[i], m->pv_uuid[pv]);
        m->pvs |= 1U << pv;
    }
    return NULL;
}

static const char *removes_group(struct group_meta *m)
{
    if (m->no == 0 || m->n > 0)
        return "LVM refused: it has LVs, or is none";
    m->pvs = 0;
    return NULL;
}

/* NULL: it makes `m` of what was there. */
static const char *make_next(struct sim *s, const struct process *p, struct group_meta *m)
{
    const struct lvm_order *o = p->work->change->order;

    if (p->work->repairs)
        return NULL;
    if (o->op == LVM_LV_CREATE || o->op == LVM_LV_SNAPSHOT)
        return makes_lv(s, o, m);
    if (o->op == LVM_VG_CREATE)
        return makes_group(s, o, m);
    if (o->op == LVM_VG_REMOVE)
        return removes_group(m);
    return o->op == LVM_VG_EXTEND || o->op == LVM_VG_REDUCE ? changes_pvs(s, o, m)
                                                            : changes_lv(o, m);
}

static bool has_more(const struct group_work *w)
{
    return (w->base.pvs | w->next.pvs) >> w->at != 0;
}

static void later(struct sim *s, struct process *p, world_us mean, happen_fn fn)
{
    process_later(s, p, 1000 + dice_about(s, mean), fn);
}

static void write_one(struct sim *s, struct process *p)
{
    struct group_work *w = p->work;

    sim_trace(s, "%s: process %d writes version %u (seqno %llu) on PV %u", p->host->name, p->pid,
              w->next.no, (unsigned long long)w->next.seqno, w->at);
    oracle_group_writes(s, p);
    group_write(s, w->at++, &w->next);
    while (has_more(w) && ((w->base.pvs | w->next.pvs) >> w->at & 1) == 0)
        w->at++;
    w->writes = has_more(w);
}

static void writes(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, writes);

    if (p == NULL)
        return;
    write_one(s, p);
    later(s, p, p->work->writes ? WRITE_US : READ_US, p->work->writes ? writes : p->work->then);
}

void group_work_begins(struct sim *s, struct process *p)
{
    struct group_work *w = p->work;

    w->at = 0;
    w->commanded = w->writes = true;
    oracle_group_begins(s, p);
    group_version(s, &w->next, p->host, w->change->order);
    later(s, p, WRITE_US, writes);
}

/* LVM reads by itself, and changes what it has read. */
static void commands(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, commands);
    struct group_work *w;
    const char *why;

    if (p == NULL)
        return;
    w = p->work;
    w->base = w->next = *group_newest(s->group);
    why = make_next(s, p, &w->next);
    if (why != NULL) {
        ends(s, p, LVM_REFUSED, why);
        return;
    }
    w->then = w->maps && !w->repairs ? group_snapshot_converts : group_work_looks;
    group_work_begins(s, p);
}

void group_work_dies(struct sim *s, struct process *p)
{
    if (p->work->writes && has_more(p->work) && dice_chance(s, LANDS_PPM))
        write_one(s, p);
    p->work->writes = false;
}

/* ---- what it decides ------------------------------------------------------------------------ */

/* A label is written before the metadata that name its PV. */
static void set_labels(const struct sim *s, const struct lvm_change *c, struct change_label *out)
{
    const struct group_meta *m = group_newest(s->group);
    const struct change_device *d = c->devices.v;

    for (size_t i = 0; i < c->devices.n; i++) {
        unsigned pv = group_pv_of(s, d[i].container);

        if (pv < GROUP_PVS && s->group->on[pv].no != 0)
            out[i].pv_uuid = s->group->on[pv].pv_uuid[pv];
        else if (pv < GROUP_PVS && (m->pvs >> pv & 1) != 0)
            out[i].pv_uuid = m->pv_uuid[pv];
    }
}

static void set_state(struct sim *s, struct process *p, struct change_state *out)
{
    const struct lvm_change *c = p->work->change;
    const struct group_meta *m = group_newest(s->group);
    struct lvm_rows *rows = arena_zalloc(p->arena, sizeof *rows);
    struct lvm_run *run = arena_zalloc(p->arena, sizeof *run);
    struct change_label *labels = arena_array(p->arena, c->devices.n, sizeof *labels);

    if (rows == NULL || run == NULL || labels == NULL)
        abort();
    group_rows(s, p->host, m, p->arena, rows);
    if (rows->pv_count > 0)
        *run = (struct lvm_run){ .pv_uuid = rows->pvs[0].uuid,
                                 .start = rows->pvs[0].extents_allocated,
                                 .count = GROUP_EXTENTS - rows->pvs[0].extents_allocated };
    set_labels(s, c, labels);
    *out = (struct change_state){ .change = c,
                                  .labels = labels,
                                  .rows = rows,
                                  .runs = run,
                                  .run_count = 1,
                                  .device_mapper = s->o.mapped,
                                  .bare = group_snapshot_is_bare(s, p) };
}

/* Labels of PVs that are in no volume group any more. */
static void drop_labels(struct sim *s, const struct process *p)
{
    const struct strs *v = &p->work->change->order->containers;

    for (size_t i = 0; i < v->n; i++) {
        unsigned pv = group_pv_of(s, v->v[i]);

        if ((group_newest(s->group)->pvs >> pv & 1) == 0)
            s->group->on[pv] = (struct group_meta){ .no = 0 };
    }
}

/* What lies on the devices may be what lies there. */
static int check_labels(const struct change_state *state, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < state->change->devices.n; i++)
        rc = change_check_label(state->change, i, &state->labels[i], e);
    return rc;
}

static void goes_on(struct sim *s, struct process *p, const struct change_plan *plan)
{
    p->work->maps = plan->mapping != NULL;
    if (plan->command == NULL && plan->mapping == NULL) {
        drop_labels(s, p);
        later(s, p, READ_US, group_work_looks);
    } else if (p->work->commanded) {
        ends(s, p, LVM_FAILED, "LVM has said that it is done, and the metadata do not say so");
    } else {
        later(s, p, COMMAND_US, plan->command != NULL ? commands : group_snapshot_converts);
    }
}

void group_work_looks(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, group_work_looks);
    struct change_state state;
    struct change_plan plan;
    struct err e = { "" };
    int rc;

    if (p == NULL)
        return;
    p->work->looked = s->now;
    if (s->o.mapped && !p->work->resumed)
        group_resume_all(s, p);
    set_state(s, p, &state);
    if (!p->work->resumed && group_snapshot_clears(s, p, &state))
        set_state(s, p, &state);
    p->work->resumed = true;
    rc = check_labels(&state, &e);
    if (rc == 0)
        rc = change_next(&state, p->arena, &plan, &e);
    if (rc == CHANGE_TO_DO) {
        goes_on(s, p, &plan);
    } else if (rc < 0) {
        ends(s, p, p->work->commanded ? LVM_FAILED : change_not_made(&state), e.text);
    } else if (GUARD(MADE_EQUAL, group_is_unequal(s->group))) {
        p->work->repairs = true;
        later(s, p, COMMAND_US, commands);
    } else {
        is_done(s, p, &state);
    }
}

/* ---- what the pool calls -------------------------------------------------------------------- */

int worker_spawn_change(const char *name, uuid128 boot, const struct lvm_change *change,
                        struct worker_process *out, struct err *e)
{
    struct process *p = process_new(name);
    struct sim *s = p->host->sim;

    (void)boot, (void)e;
    p->work = arena_zalloc(p->arena, sizeof *p->work);
    if (p->work == NULL)
        abort();
    p->work->change = record_dup(p->arena, &lvm_change_desc, change);
    if (p->work->change == NULL)
        abort();
    sim_trace(s, "%s: process %d is to change %s (task %llu, attempt %llu, token %llu)",
              p->host->name, p->pid, GROUP_NAME, (unsigned long long)change->order->order->task,
              (unsigned long long)change->order->order->attempt,
              (unsigned long long)change->order->token);
    s->counts.changes++;
    process_accidents(s, p, 2 * READ_US + COMMAND_US + 2 * WRITE_US);
    if (group_is_activation(change->order))
        group_active_begins(s, p);
    else
        later(s, p, START_US + READ_US, group_work_looks);
    *out = (struct worker_process){ .pid = p->pid, .sock = p->pid, .err = -1 };
    return 0;
}

int change_workers(uuid128 boot, const struct order_key *key, bool end)
{
    struct sim *s;
    struct host *h = process_here(&s);
    int n = 0;

    (void)boot;
    for (size_t i = 0; i < h->process_n; i++) {
        struct process *p = h->processes[i];
        const struct order_key *own = p->work == NULL ? NULL : p->work->change->order->order;

        if (own == NULL || p->ended || own->task != key->task || own->job != key->job ||
            own->attempt != key->attempt)
            continue;
        if (end)
            process_kill(s, p);
        n++;
    }
    return n;
}
