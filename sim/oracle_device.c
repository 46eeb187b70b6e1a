/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The invariants of devices and snapshots (ARCHITECTURE.md section 8), judged by the tables that
 * hosts have, and by what is on the PVs. */
#include "group.h"

enum { NEGLECT_US = 4000000, GIVES_UP = 3 };

/* ---- who changes devices -------------------------------------------------------------------- */

static bool is_alive(const struct process *q)
{
    return !q->ended && !q->killed && (q->work != NULL || q->refresh != NULL);
}

/* Nobody makes devices beside another, nor goes on with what another holds still. */
void oracle_device_touched(struct sim *s, const struct process *p, const struct mapping *m)
{
    const struct host *h = p->host;

    for (size_t i = 0; s->o.mapped && i < h->process_n; i++) {
        const struct process *q = h->processes[i];

        if (q == p || !is_alive(q))
            continue;
        if (m != NULL && m->suspended && m->suspended_by == q->pid)
            sim_fail(s, "%s: process %d changes LV%u, which process %d holds still", h->name,
                     p->pid, m->lv, q->pid);
        else if (q->touched)
            sim_fail(s, "%s: process %d changes devices while process %d does", h->name, p->pid,
                     q->pid);
    }
    ((struct process *)(uintptr_t)p)->touched = true;
}

/* Two hosts that write to one store lose it. */
void oracle_device_made(struct sim *s, const struct mapping *m)
{
    for (const struct mapping *x = s->group->mappings; x != NULL; x = x->next) {
        for (const struct mapping *y = x->next; x->with != 0 && y != NULL; y = y->next) {
            if (y->lv == x->lv && y->with != 0 && y->host != x->host)
                sim_fail(s, "%s has the snapshot LV%u while %s has it", m->host->name, x->lv,
                         m->host == x->host ? y->host->name : x->host->name);
        }
    }
}

/* ---- what is suspended ----------------------------------------------------------------------- */

static bool has_worker(const struct host *h)
{
    for (size_t i = 0; i < h->process_n; i++) {
        const struct process *q = h->processes[i];

        if (!q->ended && (q->work != NULL || q->refresh != NULL))
            return true;
    }
    return false;
}

/* Who has suspended it lives, or what it was at is known to whoever comes after it. */
static bool is_known(const struct host *h, const struct mapping *m)
{
    const struct process *q = process_find(h, (uint64_t)m->suspended_by);

    return (q != NULL && !q->ended) || h->run.refreshes != NULL || h->run.change != NULL;
}

/* Its supervisor runs, and three workers have not died at it. */
static bool is_answered_for(const struct host *h)
{
    return h->supervisor.agent != NULL && !h->paused && !h->stopped && h->refresh_deaths < GIVES_UP;
}

void oracle_devices(struct sim *s)
{
    for (struct mapping *m = s->group->mappings; m != NULL; m = m->next) {
        if (!m->suspended)
            continue;
        if (!is_known(m->host, m))
            sim_fail(s, "%s has LV%u suspended, and nothing is left that says so", m->host->name,
                     m->lv);
        if (has_worker(m->host) || !is_answered_for(m->host))
            m->neglected = 0;
        else if (m->neglected == 0)
            m->neglected = s->now;
        else if (s->now - m->neglected > NEGLECT_US)
            sim_fail(s, "%s has LV%u suspended, and nobody sees to it", m->host->name, m->lv);
    }
}

/* ---- what a node says ------------------------------------------------------------------------ */

static const struct lv_meta *lv_in(const struct group_meta *m, uint32_t id)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->lvs[i].id == id)
            return &m->lvs[i];
    }
    return NULL;
}

/* It is current: what it had when it was asked is as the metadata say. */
void oracle_device_acknowledged(struct sim *s, const struct host *h, const struct group_question *q,
                                const struct group_meta *meta)
{
    for (const struct mapping *m = s->group->mappings; s->o.mapped && m != NULL; m = m->next) {
        const struct lv_meta *lv = lv_in(meta, m->lv);

        if (m->host != h || m->vg != meta->vg || m->since >= q->at)
            continue;
        if (lv == NULL)
            sim_fail(s, "%s tells that it is current, and has a device of LV%u, which is no more",
                     h->name, m->lv);
        else if (m->suspended)
            sim_fail(s, "%s tells that it is current, and LV%u is suspended", h->name, m->lv);
        else if (lv->origin == 0 && m->through != group_has_snapshots(meta, m->lv))
            sim_fail(s, "%s tells that it is current, and LV%u is written to %s", h->name, m->lv,
                     m->through ? "through snapshots that are no more" : "past its snapshots");
    }
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static bool is_lost(const struct sim *s, const struct group_order *by, const struct mapping *m)
{
    return !(by->recovered || lineage_has(s, by->in.fork, m->in)) ||
           !(m->recovered || lineage_has(s, m->in.fork, by->in));
}

/* The database of the order has heard of it before the change was asked for. */
static bool was_told(const struct sim *s, const struct group_order *by, const struct mapping *m,
                     uint64_t task)
{
    const struct group *g = s->group;

    return m->told && task < g->asked_n && m->told_at < g->asked[task] &&
           lineage_has(s, by->in.fork, m->told_in);
}

/* It is kept by the host that writes to its origin: by a right of its own, or as it has told. */
void oracle_snapshot_converts(struct sim *s, const struct process *p, uint32_t origin)
{
    const struct lvm_order *o = p->work->change->order;
    const struct group_order *by = oracle_group_order(s->group, o->token, p->host, 0);

    for (const struct mapping *m = s->group->mappings; by != NULL && m != NULL; m = m->next) {
        if (m->lv != origin || m->host == p->host || m->with != 0)
            continue;
        if (m->token != 0 ? !is_lost(s, by, m) : was_told(s, by, m, o->order->task))
            sim_fail(s, "%s makes a snapshot of LV%u, which %s has active", p->host->name, origin,
                     m->host->name);
    }
}

/* By this right: a database that was put back numbers its tasks anew, and so are the tags. */
static bool has_made(const struct group *g, const struct process *p)
{
    const struct lvm_order *o = p->work->change->order;
    const struct group_order *by = oracle_group_order(g, o->token, p->host, 0);

    for (size_t i = 0; by != NULL && i < g->version_n; i++) {
        const struct version *v = &g->versions[i];

        if (v->written && v->by == p->host && v->boots == p->host->boots && v->token == o->token &&
            v->op == LVM_LV_SNAPSHOT && v->fork == by->in.fork)
            return true;
    }
    return false;
}

static bool has_store(const struct group_meta *m, const struct lvm_order *o)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (strcmp(m->lvs[i].tag, o->tag) == 0 && strcmp(m->lvs[i].name, o->new_name) == 0)
            return true;
    }
    return false;
}

static void judge_made(struct sim *s, const struct process *p)
{
    const struct group_meta *meta = group_newest(s->group);
    const struct mapping *m;

    for (uint32_t i = 0; i < meta->n; i++) {
        const struct lv_meta *lv = &meta->lvs[i];

        if (strcmp(lv->name, p->work->change->order->new_name) != 0)
            continue;
        m = lv->origin == 0 ? NULL : group_mapping(s, p->host, lv->origin);
        if (lv->origin == 0)
            sim_fail(s, "%s calls a snapshot done that is an LV of its own", p->host->name);
        else if (m != NULL &&
                 (m->suspended || !m->through || group_mapping(s, p->host, lv->id) == NULL))
            sim_fail(s, "%s calls a snapshot of LV%u done, which is %s", p->host->name, m->lv,
                     m->suspended ? "suspended" : "written to past it");
        return;
    }
    sim_fail(s, "%s calls a snapshot done that there is not", p->host->name);
}

void oracle_snapshot_ends(struct sim *s, const struct process *p, enum lvm_outcome outcome)
{
    const struct lvm_order *o = p->work->change->order;

    if (o->op != LVM_LV_SNAPSHOT)
        return;
    if (outcome == LVM_DONE)
        judge_made(s, p);
    else if (outcome == LVM_REFUSED && has_made(s->group, p) &&
             has_store(group_newest(s->group), o))
        sim_fail(s, "%s tells that nothing has changed, and has left the store of a snapshot",
                 p->host->name);
}

/* An origin stays as it is while it has snapshots. */
void oracle_origin_changes(struct sim *s, const struct process *p)
{
    const struct lvm_order *o = p->work->change->order;
    const struct lv_meta *lv = group_lv_by_uuid(&p->work->base, o->lv_uuid);

    if (lv == NULL || p->work->repairs ||
        (o->op != LVM_LV_REMOVE && o->op != LVM_LV_REDUCE && o->op != LVM_LV_EXTEND))
        return;
    if (group_has_snapshots(&p->work->base, lv->id))
        sim_fail(s, "%s changes LV%u, of which there are snapshots", p->host->name, lv->id);
}
