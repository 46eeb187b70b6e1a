/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When which worker runs: all at the start, soon after a hint of the kernel, and now and then. A
 * worker that has memory may answer a hint from it; now and then, however many hints there are, it
 * reads everything again. */
#include "agent_internal.h"

enum {
    FAILED_FIRST_MS = 5000,
    LATER_MS = 2000, /* for what is expected to bring a hint of its own before that */
};

/* Hints that never cease (a port that flaps, hundreds of LUNs that come one by one) must not keep a
 * processor busy: after a burst of runs there is one for each refill. After a run in which there
 * was a hint there is a pause as long as the run was, up to rest_ms, so that a host with many
 * devices gathers more of what happens into one. LVM takes most of a second each time. `patience`:
 * of how many time limits of a worker; those that ask hundreds of devices, each with a limit of its
 * own, have more. */
static const struct {
    uint32_t burst;
    int64_t refill_ms, rest_ms, patience;
} budgets[WORKER_KIND_COUNT] = {
    [WORKER_SYSTEM] = { 50, 200, 0, 1 }, [WORKER_NET] = { 50, 200, 0, 1 },
    [WORKER_LLDP] = { 50, 200, 0, 1 },   [WORKER_STORAGE] = { 100, 500, 1000, 4 },
    [WORKER_LVM] = { 2, 5000, 1000, 4 }, [WORKER_XEN] = { 50, 200, 1000, 1 },
};

void agent_plan_start(struct agent *a, mono_ms now)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++)
        a->jobs[k] = (struct worker_job){ .state = JOB_IDLE,
                                          .due = now,
                                          .whole_due = now,
                                          .rested = now,
                                          .credit = budgets[k].burst,
                                          .credit_at = now };
}

static void refill(struct agent *a, enum worker_kind kind, mono_ms now)
{
    struct worker_job *j = &a->jobs[kind];
    int64_t more = mono_since(now, j->credit_at) / budgets[kind].refill_ms;
    uint32_t lacks = budgets[kind].burst - j->credit;

    if (more <= 0)
        return;
    j->credit_at.v += more * budgets[kind].refill_ms;
    j->credit += more >= lacks ? lacks : (uint32_t)more;
}

static void due_by_hint(struct agent *a, enum worker_kind kind, mono_ms now, int64_t wait_ms)
{
    struct worker_job *j = &a->jobs[kind];
    mono_ms due = { now.v + wait_ms }, paid;

    refill(a, kind, now);
    paid.v = j->credit_at.v + budgets[kind].refill_ms;
    if (j->credit == 0 && paid.v > due.v)
        due = paid;
    if (j->rested.v > due.v)
        due = j->rested;
    if (due.v >= j->due.v)
        return;
    j->due = due;
    j->hinted = true;
}

static void hint(struct agent *a, enum worker_kind kind, mono_ms now, int64_t wait_ms)
{
    struct worker_job *j = &a->jobs[kind];

    if (j->state == JOB_IDLE)
        due_by_hint(a, kind, now, wait_ms);
    else
        j->again = true;
}

void agent_plan_hint(struct agent *a, enum worker_kind kind, mono_ms now)
{
    hint(a, kind, now, a->config.coalesce_ms);
}

void agent_plan_hint_later(struct agent *a, enum worker_kind kind, mono_ms now)
{
    hint(a, kind, now, LATER_MS);
}

void agent_plan_ask(struct agent *a, enum worker_kind kind, mono_ms now)
{
    struct worker_job *j = &a->jobs[kind];

    j->whole_due = now;
    if (j->state == JOB_IDLE) {
        j->due = now;
        j->hinted = false;
    } else {
        j->asked = true;
    }
}

/* A collection that failed is tried again before the next rescan, but not over and over. */
static int64_t pause_ms(struct agent *a, const struct worker_job *j)
{
    int64_t ms = FAILED_FIRST_MS;

    if (j->failures == 0)
        return agent_jitter(a, a->config.rescan_ms);
    for (uint32_t i = 1; i < j->failures && ms < a->config.rescan_ms; i++)
        ms *= 2;
    return agent_jitter(a, ms < a->config.rescan_ms ? ms : a->config.rescan_ms);
}

static int64_t rest_ms(enum worker_kind kind, int64_t took_ms)
{
    return took_ms < budgets[kind].rest_ms ? took_ms : budgets[kind].rest_ms;
}

void agent_plan_done(struct agent *a, enum worker_kind kind, bool good, mono_ms now)
{
    struct worker_job *j = &a->jobs[kind];

    j->state = JOB_IDLE;
    j->hinted = false;
    j->rested.v = now.v + (j->again ? rest_ms(kind, mono_since(now, j->started)) : 0);
    j->failures = good ? 0 : j->failures + 1;
    j->due.v = now.v + pause_ms(a, j);
    if (good && j->whole)
        j->whole_due = j->due;
    else if (good && j->whole_due.v < j->due.v)
        j->due = j->whole_due;
    if (j->again)
        due_by_hint(a, kind, now, a->config.coalesce_ms);
    j->again = false;
    if (j->asked)
        agent_plan_ask(a, kind, now);
    j->asked = false;
}

/* Of who is idle. What is asked for does not wait: after a change others count on this node's rows.
 */
static mono_ms due_of(const struct agent *a, enum worker_kind kind)
{
    const struct worker_job *j = &a->jobs[kind];
    mono_ms until = { 0 };

    if (j->hinted)
        until = agent_mend_until(a, kind);
    return until.v > j->due.v ? until : j->due;
}

void agent_plan_run(struct agent *a, struct turn *t)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        struct worker_job *j = &a->jobs[k];
        struct agent_action *x;

        if (j->state != JOB_IDLE || due_of(a, (enum worker_kind)k).v > t->now.v)
            continue;
        x = turn_action(t, AGENT_RUN_WORKER);
        if (x == NULL)
            return; /* still due */
        x->kind = (enum worker_kind)k;
        x->timeout_ms = a->config.worker_timeout_ms * budgets[k].patience;
        refill(a, (enum worker_kind)k, t->now);
        if (j->hinted && j->credit > 0)
            j->credit--;
        j->whole = x->whole = !j->hinted || j->whole_due.v <= t->now.v;
        j->state = JOB_RUNNING;
        j->hinted = false;
        j->again = false;
        j->started = t->now;
    }
}

mono_ms agent_plan_deadline(const struct agent *a)
{
    mono_ms first = { INT64_MAX };

    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        if (a->jobs[k].state == JOB_IDLE && due_of(a, (enum worker_kind)k).v < first.v)
            first = due_of(a, (enum worker_kind)k);
    }
    return first;
}
