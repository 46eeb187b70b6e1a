/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The invariants of changes of a volume group (ARCHITECTURE.md section 8), judged by who writes
 * what, and by what has been said. */
#include <stdlib.h>

#include "base/text.h"
#include "group.h"

/* ---- who has been told to change it --------------------------------------------------------- */

const struct group_order *oracle_group_order(const struct group *g, uint64_t token,
                                             const struct host *h, uint32_t lv)
{
    for (size_t i = g->order_n; i-- > 0;) {
        const struct group_order *o = &g->orders[i];

        if (o->token == token && o->host == h && o->lv == lv)
            return o;
    }
    return NULL;
}

static const struct group_order *order_of(const struct group *g, uint64_t token,
                                          const struct host *h)
{
    return oracle_group_order(g, token, h, 0);
}

uint32_t oracle_group_fork(const struct group *g, uint64_t token, const struct host *h)
{
    const struct group_order *o = order_of(g, token, h);

    return o == NULL ? 0 : o->in.fork;
}

static void note_order(struct sim *s, const struct brain *b, struct host *h,
                       const struct lvm_order *o)
{
    struct group *g = s->group;

    g->orders = realloc(g->orders, (g->order_n + 1) * sizeof *g->orders);
    if (g->orders == NULL)
        abort();
    g->orders[g->order_n++] = (struct group_order){ o->token, h, group_active_lv(o), lineage_now(b),
                                                    b->recovered_at != 0 };
}

/* Of a right that was lost in a restore nothing is known until an operator has gone on with what
 * was restored, from when on all nodes must have told. */
static bool is_lost(const struct sim *s, const struct group_order *to, const struct group_order *of)
{
    return to == NULL || of == NULL || (!to->recovered && !lineage_has(s, to->in.fork, of->in));
}

static bool is_excused(const struct sim *s, const struct process *p, const struct process *q)
{
    const struct group_order *x = order_of(s->group, p->work->change->order->token, p->host);
    const struct group_order *y = order_of(s->group, q->work->change->order->token, q->host);

    return is_lost(s, x, y) || is_lost(s, y, x);
}

/* ---- one writer ----------------------------------------------------------------------------- */

static uint64_t token_of(const struct process *p)
{
    return p->work->change->order->token;
}

static bool may_write(const struct process *q)
{
    return q->work != NULL && !q->ended && !group_is_activation(q->work->change->order);
}

static void judge_alone(struct sim *s, const struct process *p)
{
    for (uint32_t i = 0; i < s->o.hosts; i++) {
        const struct host *h = &s->hosts[i];

        for (size_t k = 0; k < h->process_n; k++) {
            const struct process *q = h->processes[k];

            if (q == p || !may_write(q) || !q->work->writes || is_excused(s, p, q))
                continue;
            sim_fail(s, "%s (token %llu) changes the volume group while %s (token %llu) does",
                     p->host->name, (unsigned long long)token_of(p), h->name,
                     (unsigned long long)token_of(q));
        }
    }
}

static bool is_outside(const struct version *v)
{
    return v->by != NULL && v->token == 0;
}

static bool takes_away(const struct lvm_order *o)
{
    return o->op == LVM_LV_REMOVE || o->op == LVM_LV_REDUCE;
}

static bool has_told(const struct sim *s, const struct host *h, uint32_t vg, uint32_t fork,
                     world_us before)
{
    for (uint32_t i = 0; i < h->told_group_n && i < ARRAY_LEN(h->told_group); i++) {
        if (h->told_group[i].vg == vg && h->told_group[i].at < before &&
            lineage_has(s, fork, h->told_group[i].in))
            return true;
    }
    return false;
}

/* What somebody has mapped after it was asked for is his own affair; and a node of which the
 * database does not know that it sees the volume group is not asked. */
static void judge_unmapped(struct sim *s, const struct process *p)
{
    const struct lvm_order *o = p->work->change->order;
    const struct lv_meta *lv = group_lv_by_uuid(&p->work->base, o->lv_uuid);
    const struct group_order *by = order_of(s->group, o->token, p->host);
    const struct group *g = s->group;

    if (!takes_away(o) || lv == NULL || p->work->repairs || o->order->task >= g->asked_n ||
        by == NULL)
        return;
    for (const struct mapping *m = g->mappings; m != NULL; m = m->next) {
        if (m->lv == lv->id && m->since < g->asked[o->order->task] &&
            has_told(s, m->host, p->work->base.vg, by->in.fork, g->asked[o->order->task]))
            sim_fail(s, "task %llu takes extents of LV%u away while %s has it mapped",
                     (unsigned long long)o->order->task, m->lv, m->host->name);
    }
}

/* A change is decided for one version. What the worker could not see when it compared, since it was
 * written after that, it changes all the same: LVM reads by itself. */
static void judge_decided(struct sim *s, const struct process *p)
{
    const struct lvm_order *o = p->work->change->order;
    const struct version *meant = group_by_mark(s->group, o->mark), *v;

    if (p->work->base.no == 0) /* it makes one */
        return;
    v = &s->group->versions[p->work->base.no - 1];
    if (p->work->repairs || v == meant || (v->token != 0 && v->task == o->order->task) ||
        (is_outside(v) && v->at >= p->work->looked))
        return;
    sim_fail(s, "%s (token %llu) changes version %u of the volume group, and was told to change %u",
             p->host->name, (unsigned long long)o->token, v->meta.no,
             meant == NULL ? 0 : meant->meta.no);
}

void oracle_group_begins(struct sim *s, const struct process *p)
{
    judge_alone(s, p);
    judge_decided(s, p);
    judge_unmapped(s, p);
    oracle_origin_changes(s, p);
}

/* The first write replaces what was read, and nothing that came after it. */
static void judge_base(struct sim *s, const struct process *p)
{
    const struct group_meta *now = group_newest(s->group);
    const struct version *v;

    if (now->no == p->work->base.no || now->no == p->work->next.no ||
        (now->vg == p->work->base.vg && now->no != 0 && now->seqno < p->work->base.seqno))
        return; /* the last: of a removal what a PV had that lagged behind */
    if (now->no == 0) {
        if (p->work->next.pvs == 0) /* by itself, and of what is left there was nothing */
            return;
        sim_fail(s, "%s (token %llu) writes version %u of a volume group that is removed",
                 p->host->name, (unsigned long long)token_of(p), p->work->next.no);
        return;
    }
    v = &s->group->versions[now->no - 1];
    if (is_lost(s, order_of(s->group, token_of(p), p->host), order_of(s->group, v->token, v->by)))
        return;
    sim_fail(s,
             "%s (token %llu) writes over version %u of the volume group, of which it has not read",
             p->host->name, (unsigned long long)token_of(p), now->no);
}

/* Nor over another volume group's. */
static void judge_place(struct sim *s, const struct process *p)
{
    const struct group_meta *on = &s->group->on[p->work->at];
    const struct group_order *by = on->no == 0
                                       ? NULL
                                       : order_of(s->group, s->group->versions[on->no - 1].token,
                                                  s->group->versions[on->no - 1].by);

    if (on->no == 0 || on->vg == p->work->next.vg ||
        (by != NULL && is_lost(s, order_of(s->group, token_of(p), p->host), by)))
        return;
    sim_fail(s, "%s (token %llu) writes volume group V%u over PV %u of V%u", p->host->name,
             (unsigned long long)token_of(p), p->work->next.vg, p->work->at, on->vg);
}

void oracle_group_writes(struct sim *s, const struct process *p)
{
    judge_place(s, p);
    judge_alone(s, p);
    judge_base(s, p);
}

/* ---- what coordinators say ------------------------------------------------------------------ */

/* A right is given to nobody while another's worker lives. */
static void judge_given(struct sim *s, const struct group_order *given)
{
    for (uint32_t i = 0; i < s->o.hosts; i++) {
        const struct host *h = &s->hosts[i];

        for (size_t k = 0; k < h->process_n; k++) {
            const struct process *q = h->processes[k];

            if (!may_write(q) || (token_of(q) == given->token && h == given->host) ||
                is_lost(s, given, order_of(s->group, token_of(q), h)))
                continue;
            sim_fail(
                s,
                "%s is told to change the volume group (token %llu) while a worker of %s may (token %llu)",
                given->host->name, (unsigned long long)given->token, h->name,
                (unsigned long long)token_of(q));
        }
    }
}

static void note_report(struct host *h, const struct envelope *env)
{
    const struct section_body *v = env->report->sections.v;

    for (size_t i = 0; i < env->report->sections.n; i++) {
        if (v[i].section == SECTION_VGS)
            h->group_reports[h->group_report_n++ % ARRAY_LEN(h->group_reports)] =
                (struct group_report){ env->seq, h->seen == NULL ? 0 : h->seen->vg };
    }
}

static void note_acknowledged(struct sim *s, const struct brain *b, struct host *h, uint64_t seq)
{
    for (size_t i = 0; i < ARRAY_LEN(h->group_reports); i++) {
        if (h->group_reports[i].seq == seq && seq != 0)
            h->told_group[h->told_group_n++ % ARRAY_LEN(h->told_group)] =
                (struct group_seen){ lineage_now(b), s->now, h->group_reports[i].vg };
    }
}

void oracle_group_sent_down(struct sim *s, struct brain *b, struct host *h,
                            const struct envelope *env)
{
    const struct lvm_order *o = env->lvm_order;
    const struct group_order *known;

    if (s->group != NULL && env->report_ack != NULL) {
        note_acknowledged(s, b, h, env->correlation);
        oracle_active_acknowledged(s, b, h, env->correlation);
    }
    if (o == NULL || s->group == NULL)
        return;
    known = oracle_group_order(s->group, o->token, h, group_active_lv(o));
    if (known != NULL && known->in.fork == b->fork)
        return;
    note_order(s, b, h, o);
    sim_trace(s, "%s: is told to do task %llu (token %llu)", h->name,
              (unsigned long long)o->order->task, (unsigned long long)o->token);
    if (o->op == LVM_LV_ACTIVATE)
        oracle_active_ordered(s, b, &s->group->orders[s->group->order_n - 1]);
    else if (o->op != LVM_LV_DEACTIVATE)
        judge_given(s, &s->group->orders[s->group->order_n - 1]);
}

/* ---- what nodes say ------------------------------------------------------------------------- */

/* The newest. One that comes again may be about a later version. */
static struct group_question *question_of(struct host *h, const struct order_key *key,
                                          uint64_t mark)
{
    for (size_t i = 1; i <= ARRAY_LEN(h->questions); i++) {
        struct group_question *q = &h->questions[(h->question_n - i) % ARRAY_LEN(h->questions)];

        if (q->at != 0 && q->task == key->task && q->job == key->job &&
            q->attempt == key->attempt && q->mark == mark)
            return q;
    }
    return NULL;
}

void oracle_group_heard(struct sim *s, struct host *h, const struct envelope *env)
{
    const struct lvm_refresh *in = env->lvm_refresh;
    struct group_question *q;

    if (in == NULL || s->group == NULL)
        return;
    q = question_of(h, in->order, in->mark);
    if (q != NULL && memcmp(q->start, env->start.p, sizeof q->start) == 0)
        return;
    q = &h->questions[h->question_n++ % ARRAY_LEN(h->questions)];
    *q = (struct group_question){ .task = in->order->task,
                                  .job = in->order->job,
                                  .attempt = in->order->attempt,
                                  .mark = in->mark,
                                  .at = s->now };
    memcpy(q->start, env->start.p, sizeof q->start);
    snprintf(q->vg, sizeof q->vg, "%s", in->vg_uuid == NULL ? "" : in->vg_uuid);
    if (in->unmapped.n > 0)
        snprintf(q->unmapped, sizeof q->unmapped, "%s", in->unmapped.v[0]);
}

static void judge_tables(struct sim *s, const struct host *h, const struct group_question *q,
                         const struct group_meta *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        const struct mapping *map = group_mapping(s, h, m->lvs[i].id);
        char uuid[16];

        if (map == NULL || map->since >= q->at)
            continue;
        snprintf(uuid, sizeof uuid, "LV%u", map->lv);
        if (strcmp(uuid, q->unmapped) == 0)
            sim_fail(s, "%s tells that it has not mapped %s, and it has", h->name, uuid);
        else if (map->extents != m->lvs[i].extents)
            sim_fail(s, "%s tells that it is current, and its table of %s is old", h->name, uuid);
    }
}

/* Of a volume group that is removed: the host does not see it. */
static void judge_gone(struct sim *s, const struct host *h, const struct group_question *q)
{
    char uuid[16];

    if (h->seen == NULL || h->seen->no == 0)
        return;
    group_uuid_text(h->seen->vg, uuid);
    if (q == NULL || strcmp(uuid, q->vg) == 0)
        sim_fail(s, "%s tells that it sees volume group %s no more, and it does", h->name, uuid);
}

/* Nobody is acknowledged who is behind. */
static void judge_current(struct sim *s, struct host *h, const struct lvm_refreshed *in)
{
    const struct group_question *q = question_of(h, in->order, in->mark);
    const struct version *v;

    if (!REC_HAS(in, lvm_refreshed, seqno)) {
        judge_gone(s, h, q);
        return;
    }
    v = group_by_mark(s->group, in->mark);
    if (q == NULL || v == NULL || v->meta.seqno != in->seqno || v->overtaken < q->at ||
        h->seen == NULL || h->seen->no != v->meta.no)
        sim_fail(s, "%s tells that it has what task %llu asks for, and it has seqno %llu", h->name,
                 (unsigned long long)in->order->task,
                 h->seen == NULL ? 0ULL : (unsigned long long)h->seen->seqno);
    else {
        judge_tables(s, h, q, &v->meta);
        oracle_device_acknowledged(s, h, q, &v->meta);
    }
}

/* A volume group that is called removed is on no PV. */
static void judge_removed(struct sim *s, const struct host *h, const struct lvm_result *in)
{
    for (unsigned i = 0; in->vg_uuid != NULL && i < GROUP_PVS; i++) {
        char uuid[16];

        group_uuid_text(s->group->on[i].vg, uuid);
        if (s->group->on[i].no != 0 && strcmp(uuid, in->vg_uuid) == 0)
            sim_fail(s, "%s calls volume group %s removed, and it is on PV %u (token %llu)",
                     h->name, uuid, i, (unsigned long long)in->token);
    }
}

/* A later version has taken the metadata off this PV: one that removes the volume group takes them
 * off one PV after the other, while the others have what they had. */
static bool is_given_up(const struct group *g, const struct version *v, unsigned pv)
{
    for (uint32_t i = v->meta.no; g->on[pv].no == 0 && i < g->version_n; i++) {
        const struct version *w = &g->versions[i];

        if (w->written && w->meta.vg == v->meta.vg && (w->meta.pvs >> pv & 1) == 0)
            return true;
    }
    return false;
}

/* Every PV of it has what is called done. It may be told again when it is of the past. */
static void judge_done(struct sim *s, const struct host *h, const struct lvm_result *in)
{
    const struct version *v = group_by_mark(s->group, in->mark);

    if (v == NULL || !v->written || v->meta.seqno != in->seqno) {
        sim_fail(s, "%s calls a version done that there is not", h->name);
        return;
    }
    for (unsigned i = 0; i < GROUP_PVS; i++) {
        if ((v->meta.pvs >> i & 1) != 0 && group_newest(s->group)->vg == v->meta.vg &&
            s->group->on[i].seqno < v->meta.seqno && (group_newest(s->group)->pvs >> i & 1) != 0 &&
            !is_given_up(s->group, v, i))
            sim_fail(s, "%s calls version %u done, and PV %u does not have it (token %llu)",
                     h->name, v->meta.no, i, (unsigned long long)in->token);
    }
}

/* What was made cannot be told from what was there when somebody has changed it since. */
static bool is_changed_outside(const struct group *g, const struct version *v)
{
    for (uint32_t i = v->meta.no; i < g->version_n; i++) {
        if (is_outside(&g->versions[i]))
            return true;
    }
    return false;
}

/* On whose PVs another has been made since: the order is for PVs that are not there any more. */
static bool is_replaced(const struct group *g, const struct version *v)
{
    for (uint32_t i = v->meta.no; v->meta.pvs == 0 && i < g->version_n; i++) {
        if (g->versions[i].meta.vg != v->meta.vg)
            return true;
    }
    return false;
}

/* Who is told that nothing has changed asks for it again. A database that was copied while it was
 * under way may order it anew when it is no more what was made. */
static void judge_refused(struct sim *s, const struct host *h, const struct lvm_result *in)
{
    const struct group *g = s->group;
    const struct group_order *order = order_of(g, in->token, h);

    for (size_t i = 0; order != NULL && i < g->version_n; i++) {
        const struct version *v = &g->versions[i];

        if (v->by == h && v->boots == h->boots && v->token == in->token &&
            v->task == in->order->task && v->fork == order->in.fork && v->written &&
            v->op != LVM_LV_SNAPSHOT && !is_changed_outside(g, v) && !is_replaced(g, v))
            sim_fail(s, "%s tells that nothing has changed, and has made version %u (token %llu)",
                     h->name, v->meta.no, (unsigned long long)in->token);
    }
}

void oracle_group_sent_up(struct sim *s, struct host *h, const struct envelope *env)
{
    const struct lvm_result *in = env->lvm_result;

    if (s->group == NULL)
        return;
    if (env->report != NULL)
        note_report(h, env);
    oracle_active_sent_up(s, h, env);
    if (in != NULL && !REC_HAS(in, lvm_result, seqno) && in->outcome == LVM_DONE)
        judge_removed(s, h, in); /* or of an activation, which names none and makes no version */
    else if (in != NULL && in->outcome == LVM_DONE)
        judge_done(s, h, in);
    else if (in != NULL && in->outcome == LVM_REFUSED)
        judge_refused(s, h, in);
    else if (env->lvm_refreshed != NULL && env->lvm_refreshed->current)
        judge_current(s, h, env->lvm_refreshed);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void judge_groups(void *with, const struct reply *r)
{
    struct sim *s = with;
    const struct vg_info *v = r->vgs.v;

    size_t n = 0;

    for (size_t i = 0; i < r->vgs.n; i++) { /* those that are no more are remembered for a while */
        const struct vg_info *x = (const struct vg_info *)r->vgs.v + i;

        n += x->nodes > 0;
        v = x->nodes > 0 ? x : v;
    }
    if (r->code != REPLY_OK || n != (group_newest(s->group)->no != 0))
        sim_fail(s, "at the end there are %zu volume groups", n);
    else if (n > 0 && (v->seqno != group_newest(s->group)->seqno || v->current != s->o.hosts))
        sim_fail(s,
                 "at the end %llu of %u hosts have seqno %llu of the volume group, which has %llu",
                 (unsigned long long)v->current, s->o.hosts, (unsigned long long)v->seqno,
                 (unsigned long long)group_newest(s->group)->seqno);
}

void oracle_group_end(struct sim *s)
{
    struct request req = { 0 };

    if (s->group == NULL)
        return;
    REC_SET(&req, request, op, OP_VG_LIST);
    if (!brain_ask(s, &s->brains[0], &req, judge_groups, s))
        sim_fail(s, "at the end the coordinator does not answer");
}
