/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind of task that rescans, and the queue before the budget. What is ordered is carried out
 * at once, so an order has its place in the budget from before it is sent until its result, or
 * until its time is over in which the node must have ended it. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "model/rescan.h"

enum {
    AGAIN_MS = 5000, /* before the second attempt; before each later one four times as long */
    STOP_MS = 5000,  /* of its time, which the node has for the end of its worker */
};

static uint32_t number_or(uint64_t configured, uint32_t usual)
{
    return configured != 0 ? (uint32_t)configured : usual;
}

static int64_t timeout_ms(const struct coord *c)
{
    return c->config.rescan_timeout_ms != 0 ? c->config.rescan_timeout_ms
                                            : DEFAULT_RESCAN_TIMEOUT_MS;
}

int rescans_init(struct coord *c)
{
    struct rescans *r = &c->rescans;

    link_init(&r->queue);
    r->next = MONO_NEVER;
    r->quota = quota_new(number_or(c->config.rescans, DEFAULT_RESCANS),
                         number_or(c->config.rescans_per_target, DEFAULT_RESCANS_PER_TARGET),
                         c->config.hash_seed);
    return r->quota == NULL ? -ENOMEM : 0;
}

void rescans_free(struct coord *c)
{
    quota_free(c->rescans.quota);
}

/* Orders are not stored, so what an earlier life has sent may be under way for as long as it may
 * take. The first start of a database has none before it. */
void rescans_loaded(struct coord *c, bool first)
{
    c->rescans.from = c->now;
    if (!first || c->meta.start_no > 1)
        c->rescans.from.v += timeout_ms(c);
    c->rescans.due = true;
}

void rescans_wake(struct coord *c)
{
    c->rescans.due |= !link_empty(&c->rescans.queue);
}

/* ---- the step ------------------------------------------------------------------------------- */

int rescan_job(struct step *s, struct task *t, struct node *n, const char *what)
{
    struct job *j;

    return job_new_about(s, t, n, what, &j);
}

static int make(struct step *s, struct task *t)
{
    const struct rescan_chosen *ch = t->what;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ch->what.n; i++) {
        for (size_t k = 0; rc == 0 && k < ch->node_count; k++)
            rc = rescan_job(s, t, ch->nodes[k], ch->what.v[i]);
    }
    return rc;
}

static int order(struct step *s, struct job *j, struct envelope *env)
{
    struct rescan_order *o = arena_zalloc(s->u->arena, sizeof *o);
    struct order_key *key = arena_zalloc(s->u->arena, sizeof *key);
    const char *what = arena_strdup(s->u->arena, j->row.resource_label);

    if (o == NULL || key == NULL || what == NULL)
        return -ENOMEM;
    REC_SET(key, order_key, task, j->row.task_no);
    REC_SET(key, order_key, job, j->row.no);
    REC_SET(key, order_key, attempt, j->row.attempt);
    REC_SET(o, rescan_order, order, key);
    REC_SET(o, rescan_order, what, what);
    REC_SET(o, rescan_order, timeout_ms, (uint64_t)(timeout_ms(s->c) - STOP_MS));
    REC_SET(env, envelope, rescan_order, o);
    return 0;
}

static void queue(struct coord *c, struct job *j)
{
    link_append(&c->rescans.queue, &j->queue);
    c->rescans.due = true;
}

int rescan_again(struct step *s, struct job *j, const char *reason, int64_t wait_ms)
{
    int64_t ms = AGAIN_MS;

    for (uint64_t i = 1; i < j->row.attempt; i++)
        ms *= 4;
    j->not_before.v = s->c->now.v + (wait_ms > ms ? wait_ms : ms);
    return job_again(s, j, reason);
}

static int unanswered(struct step *s, struct job *j)
{
    if (++j->unheard * (int64_t)DEFAULT_OFFER_MS < timeout_ms(s->c))
        return job_order_again(s, j);
    return rescan_again(s, j, "It has not answered in time.", 0);
}

static int lost(struct step *s, struct job *j, enum job_loss how)
{
    switch (how) {
    case LOSS_SILENT:
        return job_done(s, j, RESCAN_FAILED, "It was silent.");
    case LOSS_OUT:
        return job_done(s, j, RESCAN_FAILED, "It was quarantined, or declared dead.");
    case LOSS_BOOT:
        return job_done(s, j, RESCAN_DONE, "It has been started anew, which looks at all.");
    case LOSS_NODE:
        break;
    }
    return 0;
}

static const char *outcome(const struct coord *c, struct arena *a, const struct task *t)
{
    uint32_t of[RESCAN_FAILED + 1] = { 0 };

    (void)c;
    for (uint32_t i = 0; i < t->job_count; i++)
        of[t->jobs[i]->row.result <= RESCAN_FAILED ? t->jobs[i]->row.result : 0]++;
    return of[0] > 0 ? arena_printf(a, "%u done, %u failed, %u cancelled.", of[RESCAN_DONE],
                                    of[RESCAN_FAILED], of[0])
                     : arena_printf(a, "%u done, %u failed.", of[RESCAN_DONE], of[RESCAN_FAILED]);
}

static const struct task_step steps[] = {
    { .name = "look",
      .make = make,
      .order = order,
      .queue = queue,
      .unanswered = unanswered,
      .lost = lost,
      .declined = rescan_declined,
      .failure = RESCAN_FAILED,
      .binds = true },
};

const struct task_kind rescan_kind = { "rescan", steps, ARRAY_LEN(steps), outcome };

/* ---- the queue ------------------------------------------------------------------------------ */

static struct job *queued_at(struct link *l)
{
    return container_of(l, struct job, queue);
}

/* A node does one at a time: a second one would only wait for the kernel's lock of the first. */
static bool rescans_now(const struct node *n)
{
    for (const struct link *l = n->under_way.next; l != &n->under_way; l = l->next) {
        if (container_of(l, struct job, link)->paid)
            return true;
    }
    return false;
}

static const char *target_of(const struct job *j)
{
    struct rescan_what w;

    return j->row.resource_label != NULL && rescan_parse(j->row.resource_label, &w)
               ? rescan_target(&w)
               : "";
}

void rescan_repay(struct coord *c, struct job *j)
{
    if (j->paid)
        quota_give(c->rescans.quota, target_of(j));
    j->paid = false;
}

/* 1: it is ordered. */
static int try_order(struct step *s, struct job *j)
{
    int rc;

    if (!may_order(j->node) || rescans_now(j->node))
        return 0;
    rc = quota_take(s->c->rescans.quota, target_of(j));
    if (rc != 1)
        return rc;
    j->paid = true;
    rc = job_offer(s, j, j->node);
    return rc < 0 ? rc : 1;
}

int rescans_settle(struct step *s)
{
    struct rescans *r = &s->c->rescans;
    struct link *l, *next;
    int rc = 0;

    if (!quota_news(r->quota) && !r->due)
        return 0;
    r->due = false;
    r->next = link_empty(&r->queue) || r->from.v <= s->c->now.v ? MONO_NEVER : r->from;
    if (r->from.v > s->c->now.v)
        return 0;
    for (l = r->queue.next; rc >= 0 && l != &r->queue && !quota_full(r->quota); l = next) {
        struct job *j = queued_at(l);

        next = l->next;
        if (j->not_before.v <= s->c->now.v)
            rc = try_order(s, j);
        else if (j->not_before.v < r->next.v)
            r->next = j->not_before;
    }
    return rc < 0 ? rc : 0;
}

void rescans_tick(struct coord *c)
{
    if (c->rescans.next.v <= c->now.v)
        c->rescans.due = true;
}

mono_ms rescans_deadline(const struct coord *c)
{
    return c->read_only ? MONO_NEVER : c->rescans.next;
}

/* ---- is it what it should be? --------------------------------------------------------------- */

int rescans_check(const struct coord *c, struct err *e)
{
    uint32_t paid = 0, waiting = 0, queued = 0;

    for (struct link *l = c->tasks.next; l != &c->tasks; l = l->next) {
        const struct task *t = container_of(l, struct task, link);

        for (uint32_t i = 0; t->kind == &rescan_kind && i < t->job_count; i++) {
            const struct job *j = t->jobs[i];

            paid += j->paid;
            waiting += j->now == JOB_WAITS;
            if (j->paid != (j->now == JOB_OFFERED))
                return err_set(e, -EINVAL, "rescan %u of task %u has a place and no order", i + 1,
                               t->row.no);
        }
    }
    for (const struct link *l = c->rescans.queue.next; l != &c->rescans.queue; l = l->next)
        queued++;
    if (paid != quota_taken(c->rescans.quota) || waiting != queued)
        return err_set(e, -EINVAL, "%u rescans have places, not %u; %u wait, not %u", paid,
                       quota_taken(c->rescans.quota), waiting, queued);
    return 0;
}
