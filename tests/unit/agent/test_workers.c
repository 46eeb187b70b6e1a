/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When workers run, and what becomes of their sections when they fail, hang and come back. */
#include <criterion/criterion.h>

#include "world.h"

static const struct strs nothing = { NULL, 0 };

static void settled_world(struct world *w)
{
    world_open(w);
    w->config.rescan_ms = 3600 * 1000;
    world_start(w);
    world_settle(w);
    memset(w->runs, 0, sizeof w->runs);
}

/* The same with a coordinator that answers each heartbeat. */
static void pass_answered(struct world *w, int64_t ms)
{
    for (; ms > 0; ms -= 100) {
        size_t before = w->sent_count;

        world_pass(w, ms < 100 ? ms : 100);
        for (; before < w->sent_count; before++) {
            if (w->sent[before]->heartbeat != NULL)
                world_beat_acked(w, w->sent[before], 100, nothing);
            else if (w->sent[before]->report != NULL)
                world_report_acked(w, w->sent[before]);
        }
    }
}

Test(workers, all_run_at_the_start_and_at_each_rescan)
{
    struct world w;

    world_open(&w);
    world_start(&w);
    for (int k = 0; k < WORKER_KIND_COUNT; k++)
        cr_expect_eq(w.runs[k], 1, "%s", worker_kind_name((enum worker_kind)k));
    world_collect(&w);
    world_pass(&w, DEFAULT_RESCAN_MS / 2 - 1);
    for (int k = 0; k < WORKER_KIND_COUNT; k++)
        cr_expect_eq(w.runs[k], 1, "%s", worker_kind_name((enum worker_kind)k));
    world_pass(&w, DEFAULT_RESCAN_MS / 2 + 1);
    for (int k = 0; k < WORKER_KIND_COUNT; k++)
        cr_expect_eq(w.runs[k], 2, "%s", worker_kind_name((enum worker_kind)k));
    world_close(&w);
}

/* However many hints there are, and whatever they made of the next rescan. */
Test(workers, a_hint_may_be_answered_from_memory_and_a_rescan_may_not)
{
    struct world w;
    unsigned hints = 0, before;

    settled_world(&w);
    w.whole_runs[WORKER_STORAGE] = 0;
    for (; hints < 20; hints++) {
        world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
        pass_answered(&w, 3600 * 1000 / 40);
        world_collect(&w);
        world_forget(&w);
    }
    cr_expect_eq(w.runs[WORKER_STORAGE], hints);
    cr_expect_leq(w.whole_runs[WORKER_STORAGE], 1,
                  "a rescan comes at half its time at the soonest");
    for (; hints < 60; hints++) {
        world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
        pass_answered(&w, 3600 * 1000 / 40);
        world_collect(&w);
        world_forget(&w);
    }
    before = w.whole_runs[WORKER_STORAGE];
    cr_expect_geq(before, 1);
    cr_expect_leq(before, 3);
    /* One that failed has not read everything. */
    while (w.whole_runs[WORKER_STORAGE] == before || !w.running[WORKER_STORAGE]) {
        pass_answered(&w, 1000);
        if (w.running[WORKER_STORAGE] && w.whole_runs[WORKER_STORAGE] > before)
            break;
        world_collect(&w);
        world_forget(&w);
    }
    world_event(&w, AGENT_WORKER_DONE, WORKER_STORAGE, "it failed");
    before = w.whole_runs[WORKER_STORAGE];
    world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
    pass_answered(&w, 10000);
    cr_expect_eq(w.whole_runs[WORKER_STORAGE], before + 1);
    world_close(&w);
}

Test(workers, many_hints_are_one_run)
{
    struct world w;

    settled_world(&w);
    for (int i = 0; i < 100; i++)
        world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS - 1);
    cr_expect_eq(w.runs[WORKER_NET], 0);
    world_pass(&w, 1);
    cr_expect_eq(w.runs[WORKER_NET], 1);
    cr_expect_eq(w.runs[WORKER_SYSTEM], 0, "of its own kind only");
    world_collect(&w);
    world_pass(&w, 60000);
    cr_expect_eq(w.runs[WORKER_NET], 1);
    world_close(&w);
}

Test(workers, a_hint_while_it_runs_is_one_more_run)
{
    struct world w;

    settled_world(&w);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    for (int i = 0; i < 10; i++)
        world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, 1000);
    cr_expect_eq(w.runs[WORKER_NET], 1);
    world_collect(&w);
    world_pass(&w, WORLD_COALESCE_MS);
    cr_expect_eq(w.runs[WORKER_NET], 2);
    world_collect(&w);
    world_pass(&w, 60000);
    cr_expect_eq(w.runs[WORKER_NET], 2);
    world_close(&w);
}

Test(workers, a_port_that_never_stops_flapping_is_looked_at_five_times_a_second)
{
    struct world w;

    settled_world(&w);
    for (int i = 0; i < 60000; i += 20) {
        world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
        pass_answered(&w, 20);
        world_collect(&w);
        world_forget(&w);
    }
    cr_expect_leq(w.runs[WORKER_NET], 50 + 60 * 5 + 1);
    cr_expect_geq(w.runs[WORKER_NET], 60 * 5 - 1);
    world_close(&w);
}

/* Hints each 5 ms for `ms`, while a run of storage takes `run_ms`; LVM's takes 800 ms. */
static void storm(struct world *w, int64_t ms, int64_t run_ms)
{
    int64_t since[WORKER_KIND_COUNT] = { 0 };

    for (int64_t t = 0; t < ms; t += 5) {
        world_event(w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
        pass_answered(w, 5);
        for (int k = WORKER_STORAGE; k <= WORKER_LVM; k++) {
            since[k] = w->running[k] ? since[k] + 5 : 0;
            if (since[k] >= (k == WORKER_LVM ? 800 : run_ms)) {
                w->lun_bytes++;
                world_event(w, AGENT_WORKER_DONE, (enum worker_kind)k, NULL);
            }
        }
        world_forget(w);
    }
}

Test(workers, many_devices_at_once_are_a_few_runs)
{
    struct world w;

    settled_world(&w);
    storm(&w, 2000, 400); /* hundreds of LUNs: a run takes its time, and so does the pause */
    cr_expect_geq(w.runs[WORKER_STORAGE], 2);
    cr_expect_leq(w.runs[WORKER_STORAGE], 3, "%u", w.runs[WORKER_STORAGE]);
    cr_expect_leq(w.runs[WORKER_LVM], 2, "%u", w.runs[WORKER_LVM]);
    world_close(&w);
}

Test(workers, a_steady_storm_of_devices_neither_starves_nor_floods)
{
    struct world w;

    settled_world(&w);
    storm(&w, 60000, 20);
    cr_expect_geq(w.runs[WORKER_STORAGE], 60 * 2 - 1, "%u", w.runs[WORKER_STORAGE]);
    cr_expect_leq(w.runs[WORKER_STORAGE], 100 + 60 * 2 + 1, "%u", w.runs[WORKER_STORAGE]);
    cr_expect_geq(w.runs[WORKER_LVM], 60 / 5 - 1, "%u", w.runs[WORKER_LVM]);
    cr_expect_leq(w.runs[WORKER_LVM], 2 + 60 / 5 + 1, "%u", w.runs[WORKER_LVM]);
    /* Its budget is its own. */
    w.runs[WORKER_NET] = 0;
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    cr_expect_eq(w.runs[WORKER_NET], 1);
    world_close(&w);
}

Test(workers, a_device_that_comes_alone_is_looked_at_at_once)
{
    struct world w;

    settled_world(&w);
    for (unsigned i = 1; i <= 10; i++) {
        world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
        world_pass(&w, WORLD_COALESCE_MS);
        cr_expect_eq(w.runs[WORKER_STORAGE], i);
        world_pass(&w, 30);
        world_collect(&w);
        pass_answered(&w, 1000);
        world_forget(&w);
    }
    world_close(&w);
}

/* What comes during a run may be the first of many; what comes after it is answered as soon as what
 * comes alone. */
Test(workers, after_a_run_is_a_pause_if_there_was_a_hint_in_it)
{
    enum { RUN_MS = 300 };
    struct world w;

    settled_world(&w);
    for (int in_it = 0; in_it < 2; in_it++) {
        unsigned runs = w.runs[WORKER_STORAGE];

        world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
        world_pass(&w, WORLD_COALESCE_MS);
        cr_expect_eq(w.runs[WORKER_STORAGE], runs + 1);
        world_pass(&w, RUN_MS);
        if (in_it == 1)
            world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
        world_collect(&w);
        world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
        world_pass(&w, WORLD_COALESCE_MS);
        cr_expect_eq(w.runs[WORKER_STORAGE], in_it == 0 ? runs + 2 : runs + 1);
        world_pass(&w, RUN_MS - WORLD_COALESCE_MS);
        cr_expect_eq(w.runs[WORKER_STORAGE], runs + 2);
        world_collect(&w);
        pass_answered(&w, 1000);
        world_forget(&w);
    }
    world_close(&w);
}

Test(workers, lvm_looks_again_when_what_it_may_lie_on_has_changed)
{
    struct world w;

    settled_world(&w);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_collect(&w);
    world_pass(&w, 1000);
    cr_expect_eq(w.runs[WORKER_LVM], 0, "nothing has changed");
    w.lun_bytes++;
    world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_event(&w, AGENT_WORKER_DONE, WORKER_STORAGE, NULL);
    cr_expect_eq(world_count(&w, envelope_report), 1, "LVM keeps nobody waiting");
    world_pass(&w, WORLD_COALESCE_MS);
    cr_expect_eq(w.runs[WORKER_LVM], 1);
    world_close(&w);
}

Test(workers, a_change_is_reported_at_once_and_no_change_is_not)
{
    struct world w;

    settled_world(&w);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_collect(&w);
    cr_expect_eq(world_count(&w, envelope_report), 0);
    w.mtu = 9000;
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_collect(&w);
    cr_expect_eq(world_count(&w, envelope_report), 1);
    world_close(&w);
}

static const struct section_body *reported(const struct world *w, enum section_id id)
{
    const struct envelope *env = world_last(w, envelope_report);
    const struct section_body *bodies = env == NULL ? NULL : env->report->sections.v;

    for (size_t i = 0; bodies != NULL && i < env->report->sections.n; i++) {
        if (bodies[i].section == (uint64_t)id)
            return &bodies[i];
    }
    return NULL;
}

Test(workers, one_that_fails_keeps_its_last_rows_and_is_tried_again)
{
    const struct section_body *nics;
    struct world w;

    settled_world(&w);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_event(&w, AGENT_WORKER_DONE, WORKER_NET, "the worker was ended by signal 11 (SEGV)");
    nics = reported(&w, SECTION_NICS);
    cr_assert_not_null(nics);
    cr_expect_eq(nics->status, SECTION_FAILED);
    cr_expect_str_eq(nics->status_text, "the worker was ended by signal 11 (SEGV)");
    cr_expect_eq(nics->nics.n, 1, "the last good rows");
    cr_expect_null(reported(&w, SECTION_SYSTEM), "and no other's");
    pass_answered(&w, 5000);
    cr_expect_eq(w.runs[WORKER_NET], 2);
    world_collect(&w);
    pass_answered(&w, 100);
    nics = reported(&w, SECTION_NICS);
    cr_expect_eq(nics->status, SECTION_OK);
    cr_expect_null(nics->status_text);
    world_close(&w);
}

Test(workers, one_that_fails_again_and_again_is_tried_ever_more_slowly)
{
    struct world w;

    settled_world(&w);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    for (int i = 0; i < 36000; i++) {
        pass_answered(&w, 100);
        world_forget(&w);
        if (w.running[WORKER_NET])
            world_event(&w, AGENT_WORKER_DONE, WORKER_NET, "no");
    }
    cr_expect_geq(w.runs[WORKER_NET], 8);
    cr_expect_leq(w.runs[WORKER_NET], 16, "%u runs in an hour", w.runs[WORKER_NET]);
    world_close(&w);
}

Test(workers, a_stuck_one_is_let_be_until_it_is_gone)
{
    const struct section_body *nics;
    struct world w;

    settled_world(&w);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    pass_answered(&w, 2000);
    world_event(&w, AGENT_WORKER_STUCK, WORKER_NET, "the worker has not answered within 2 s");
    nics = reported(&w, SECTION_NICS);
    cr_assert_not_null(nics);
    cr_expect_eq(nics->status, SECTION_STUCK);
    cr_expect_eq(nics->status_age_ms, 2000, "since it was started");
    cr_expect_eq(nics->nics.n, 1);
    world_forget(&w);
    for (int i = 0; i < 100; i++)
        world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_SYSTEM, NULL);
    pass_answered(&w, 600000);
    cr_expect_eq(w.runs[WORKER_NET], 1, "no second one beside it");
    cr_expect_eq(w.runs[WORKER_SYSTEM], 1, "the others go on");
    cr_expect_geq(world_count(&w, envelope_heartbeat), 299);
    world_event(&w, AGENT_WORKER_GONE, WORKER_NET, NULL);
    cr_expect_eq(w.runs[WORKER_NET], 2, "at once");
    world_collect(&w);
    nics = reported(&w, SECTION_NICS);
    cr_assert_not_null(nics);
    cr_expect_eq(nics->status, SECTION_OK);
    world_close(&w);
}

Test(workers, what_a_stuck_one_brings_at_last_does_not_count)
{
    struct world w;

    settled_world(&w);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_event(&w, AGENT_WORKER_STUCK, WORKER_NET, "stuck");
    world_event(&w, AGENT_WORKER_DONE, WORKER_NET, NULL);
    cr_expect_eq(agent_section(w.agent, SECTION_NICS)->status, SECTION_STUCK);
    world_close(&w);
}

Test(workers, a_section_that_was_not_brought_has_failed)
{
    struct agent_event done = { .type = AGENT_WORKER_DONE };
    struct agent_action *actions;
    struct world w;

    settled_world(&w);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    done.now = w.now;
    done.worker.kind = WORKER_NET;
    cr_assert_eq(agent_step(w.agent, &done, w.arena, &actions), 0);
    cr_expect_eq(agent_section(w.agent, SECTION_NICS)->status, SECTION_FAILED);
    cr_expect_eq(agent_section(w.agent, SECTION_SYSTEM)->status, SECTION_ABSENT);
    world_close(&w);
}
