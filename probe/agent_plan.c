/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When which worker runs: all at the start, soon after a hint of the kernel, and now and then. */
#include "agent_internal.h"

/* Hints that never cease (a port that flaps) must not keep a processor busy: after HINT_BURST runs
 * there is one for each HINT_REFILL_MS. */
enum { HINT_BURST = 50, HINT_REFILL_MS = 200, FAILED_FIRST_MS = 5000 };

void agent_plan_start(struct agent *a, mono_ms now)
{
    a->credit = HINT_BURST;
    a->credit_at = now;
    for (int k = 0; k < WORKER_KIND_COUNT; k++)
        a->jobs[k] = (struct job){ .state = JOB_IDLE, .due = now };
}

static void refill(struct agent *a, mono_ms now)
{
    int64_t more = mono_since(now, a->credit_at) / HINT_REFILL_MS;

    if (more <= 0)
        return;
    a->credit_at.v += more * HINT_REFILL_MS;
    a->credit = more >= HINT_BURST - (int64_t)a->credit ? HINT_BURST : a->credit + (uint32_t)more;
}

static void due_by_hint(struct agent *a, struct job *j, mono_ms now)
{
    mono_ms due = { now.v + a->config.coalesce_ms };

    refill(a, now);
    if (a->credit == 0 && a->credit_at.v + HINT_REFILL_MS > due.v)
        due.v = a->credit_at.v + HINT_REFILL_MS;
    if (due.v >= j->due.v)
        return;
    j->due = due;
    j->hinted = true;
}

void agent_plan_hint(struct agent *a, enum worker_kind kind, mono_ms now)
{
    struct job *j = &a->jobs[kind];

    if (j->state == JOB_IDLE)
        due_by_hint(a, j, now);
    else
        j->again = true;
}

/* A collection that failed is tried again before the next rescan, but not over and over. */
static int64_t pause_ms(struct agent *a, const struct job *j)
{
    int64_t ms = FAILED_FIRST_MS;

    if (j->failures == 0)
        return agent_jitter(a, a->config.rescan_ms);
    for (uint32_t i = 1; i < j->failures && ms < a->config.rescan_ms; i++)
        ms *= 2;
    return agent_jitter(a, ms < a->config.rescan_ms ? ms : a->config.rescan_ms);
}

void agent_plan_done(struct agent *a, enum worker_kind kind, bool good, mono_ms now)
{
    struct job *j = &a->jobs[kind];

    j->state = JOB_IDLE;
    j->hinted = false;
    j->failures = good ? 0 : j->failures + 1;
    j->due.v = now.v + pause_ms(a, j);
    if (j->again)
        due_by_hint(a, j, now);
    j->again = false;
}

void agent_plan_run(struct agent *a, struct turn *t)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        struct job *j = &a->jobs[k];
        struct agent_action *x;

        if (j->state != JOB_IDLE || j->due.v > t->now.v)
            continue;
        x = turn_action(t, AGENT_RUN_WORKER);
        if (x == NULL)
            return; /* still due */
        x->kind = (enum worker_kind)k;
        x->timeout_ms = a->config.worker_timeout_ms;
        refill(a, t->now);
        if (j->hinted && a->credit > 0)
            a->credit--;
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
        if (a->jobs[k].state == JOB_IDLE && a->jobs[k].due.v < first.v)
            first = a->jobs[k].due;
    }
    return first;
}
