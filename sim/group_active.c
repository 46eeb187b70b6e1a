/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Activation of LVs of the volume group: who asks for it, and the worker that makes and removes
 * tables. Whether it may is decided by the real code (probe/change/parse_active.c). */
#include <errno.h>
#include <stdlib.h>

#include "change/parse_active.h"
#include "group.h"

enum { ASK_US = 4000000, START_US = 20000, READ_US = 150000, TABLE_US = 40000 };
enum { IN_USE_PPM = 100000, REFUSES_PPM = 50000, CANCEL_ONE_IN = 8 };

bool group_is_activation(const struct lvm_order *o)
{
    return o->op == LVM_LV_ACTIVATE || o->op == LVM_LV_DEACTIVATE;
}

uint32_t group_active_lv(const struct lvm_order *o)
{
    return !group_is_activation(o) || o->lv_uuid == NULL
               ? 0
               : (uint32_t)strtoul(o->lv_uuid + strlen("LV"), NULL, 10);
}

/* ---- the worker ----------------------------------------------------------------------------- */

static const struct lvm_order *order_of(const struct process *p)
{
    return p->work->change->order;
}

static struct mapping *table_of(const struct sim *s, const struct process *p)
{
    return group_mapping(s, p->host, group_active_lv(order_of(p)));
}

/* 0: it may be activated. */
static int may(struct sim *s, struct process *p, struct err *e)
{
    struct lvm_rows *rows = arena_zalloc(p->arena, sizeof *rows);
    const struct lv *lv;

    if (rows == NULL)
        abort();
    group_rows(s, p->host, group_newest(s->group), p->arena, rows);
    return active_find(order_of(p), rows, &lv, e);
}

/* What was there before stays, so that "refused" is true. False: it has ended, and is gone. */
static bool activates(struct sim *s, struct process *p)
{
    struct mapping *m = table_of(s, p);
    struct err e = { "LVM refused" };
    int rc = may(s, p, &e);

    if (rc == 0 && m == NULL && dice_chance(s, REFUSES_PPM))
        rc = -EINVAL;
    if (rc < 0) {
        group_work_ends(s, p, rc == -EINVAL && m == NULL ? LVM_REFUSED : LVM_FAILED, e.text);
        return false;
    }
    p->work->was = m != NULL;
    oracle_device_touched(s, p, m);
    if (m != NULL)
        m->suspended = false;
    if (m == NULL)
        m = group_map(s, p->host, group_lv_by_uuid(group_newest(s->group), order_of(p)->lv_uuid));
    oracle_active_made(s, m, order_of(p));
    s->counts.activations++;
    return true;
}

static bool deactivates(struct sim *s, struct process *p)
{
    struct mapping *m = table_of(s, p);

    if (m != NULL)
        oracle_device_touched(s, p, m);
    if (m != NULL && (m->through || m->with != 0)) {
        group_work_ends(s, p, LVM_REFUSED, "it has snapshots, or is one");
        return false;
    }
    if (m != NULL && dice_chance(s, IN_USE_PPM)) {
        group_work_ends(s, p, LVM_REFUSED, "it is in use");
        return false;
    }
    if (m != NULL) {
        group_unmap(s, m);
        s->counts.deactivations++;
    }
    return true;
}

/* It has a table that is not what the metadata say; somebody may have it open. */
static void undoes(struct sim *s, struct process *p)
{
    struct mapping *m = table_of(s, p);
    bool stays = m != NULL && (p->work->was || dice_below(s, 2) == 0);

    if (m != NULL && !stays)
        group_unmap(s, m);
    group_work_ends(s, p, stays ? LVM_FAILED : LVM_REFUSED, "LVM cannot read all of it");
}

static bool is_so(const struct sim *s, const struct process *p)
{
    const struct mapping *m = table_of(s, p);
    const struct lv_meta *lv = group_lv_by_uuid(group_newest(s->group), order_of(p)->lv_uuid);

    if (order_of(p)->op != LVM_LV_ACTIVATE)
        return m == NULL;
    return m != NULL && (!s->o.mapped || (lv != NULL && m->extents == lv->extents));
}

static void says(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, says);

    if (p == NULL)
        return;
    if (order_of(p)->op == LVM_LV_ACTIVATE && dice_chance(s, REFUSES_PPM))
        undoes(s, p);
    else if (is_so(s, p))
        group_work_ends(s, p, LVM_DONE, NULL);
    else
        group_work_ends(s, p, LVM_FAILED, "it is not so");
}

static void works(struct sim *s, void *host, uint64_t pid)
{
    struct process *p = process_at_work(host, pid, works);

    if (p == NULL)
        return;
    if ((order_of(p)->op == LVM_LV_ACTIVATE ? activates : deactivates)(s, p))
        process_later(s, p, 1000 + dice_about(s, TABLE_US), says);
}

void group_active_begins(struct sim *s, struct process *p)
{
    process_later(s, p, 1000 + dice_about(s, START_US + READ_US), works);
}

/* ---- who asks ------------------------------------------------------------------------------- */

static void answered(void *with, const struct reply *r)
{
    const struct task_info *t = r->tasks.v;
    struct sim *s = with;

    if (r->code != REPLY_OK || r->tasks.n == 0) {
        sim_trace(s, "no activation: %s", r->text == NULL ? "nothing is said of it" : r->text);
        return;
    }
    s->counts.tasks++;
    sim_trace(s, "task %llu: %s", (unsigned long long)t->no, t->text);
}

static bool is_active(const struct sim *s, const struct lv_meta *lv)
{
    for (const struct mapping *m = s->group->mappings; m != NULL; m = m->next) {
        if (m->lv == lv->id && m->token != 0)
            return true;
    }
    return false;
}

/* `on`: where it is to be active; NULL: nowhere any more. */
static void ask_that(struct sim *s, struct brain *b, const struct lv_meta *lv,
                     const struct host *on)
{
    struct request req = { 0 };
    struct vg_ask what = { 0 };
    char key[16];

    group_uuid_text(group_newest(s->group)->vg, key);
    REC_SET(&what, vg_ask, op, on != NULL ? LVM_LV_ACTIVATE : LVM_LV_DEACTIVATE);
    REC_SET(&what, vg_ask, vg, key);
    REC_SET(&what, vg_ask, lv, lv->name);
    REC_SET(&req, request, op, OP_LV_ACTIVATE);
    REC_SET(&req, request, vg_ask, &what);
    if (on != NULL)
        REC_SET(&req, request, node, on->name);
    brain_ask(s, b, &req, answered, s);
}

/* What is active is mostly to be so no more. */
static void ask(struct sim *s, struct brain *b, const struct lv_meta *lv)
{
    bool on = !is_active(s, lv) || dice_below(s, 3) == 0;

    ask_that(s, b, lv, on ? &s->hosts[dice_below(s, s->o.hosts)] : NULL);
}

void group_asks_active(struct sim *s, const struct host *h)
{
    const struct group_meta *m = group_newest(s->group);

    if (m->n > 0)
        ask_that(s, &s->brains[0], &m->lvs[0], h);
}

bool group_has_lv(const struct sim *s)
{
    return group_newest(s->group)->n > 0 && !group_is_unequal(s->group);
}

bool group_is_active(const struct sim *s, const struct host *h)
{
    const struct mapping *m = s->group->mappings;

    while (m != NULL && (m->host != h || m->token == 0))
        m = m->next;
    for (size_t i = 0; m != NULL && i < h->process_n; i++) {
        if (h->processes[i]->work != NULL)
            return false;
    }
    return m != NULL;
}

static void asks(struct sim *s, void *with, uint64_t stamp)
{
    const struct group_meta *m = group_newest(s->group);
    struct brain *b = &s->brains[s->brains[1].c != NULL ? dice_below(s, BRAINS) : 0];

    (void)with, (void)stamp;
    if (!s->storm)
        return;
    agenda_put(s, s->now + dice_about(s, ASK_US), asks, NULL, 0);
    if (dice_below(s, CANCEL_ONE_IN) == 0)
        operator_cancels(s, b);
    else if (m->n > 0)
        ask(s, b, &m->lvs[dice_below(s, m->n)]);
}

void group_active_start(struct sim *s)
{
    if (s->o.active)
        agenda_put(s, s->now + dice_about(s, ASK_US), asks, NULL, 0);
}
