/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an agent does with announcements of its storage and with orders to rescan. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world w;

static void setup(void)
{
    world_open(&w);
    world_start(&w);
    world_settle(&w);
    world_forget(&w);
}

static void teardown(void)
{
    world_close(&w);
}

TestSuite(agent_rescan, .init = setup, .fini = teardown);

static void note(const struct envelope *question)
{
    struct rescan_noted body = { .present = 0 };
    struct envelope env = { .present = 0 };

    REC_SET(&body, rescan_noted, task, 1);
    REC_SET(&env, envelope, rescan_noted, &body);
    world_answer(&w, question, &env);
}

static void order(uint64_t job, uint64_t attempt, const char *what)
{
    struct order_key key = { .present = 0 };
    struct rescan_order body = { .present = 0 };
    struct envelope env = { .present = 0 };

    REC_SET(&key, order_key, task, 1);
    REC_SET(&key, order_key, job, job);
    REC_SET(&key, order_key, attempt, attempt);
    REC_SET(&body, rescan_order, order, &key);
    REC_SET(&body, rescan_order, what, what);
    REC_SET(&body, rescan_order, timeout_ms, 25000);
    REC_SET(&env, envelope, rescan_order, &body);
    world_answer(&w, NULL, &env);
}

static void acknowledge(const struct envelope *told)
{
    struct result_ack body = { .present = 0 };
    struct envelope env = { .present = 0 };

    REC_SET(&body, result_ack, order, told->rescan_result->order);
    REC_SET(&body, result_ack, taken, true);
    REC_SET(&env, envelope, result_ack, &body);
    world_answer(&w, told, &env);
}

static struct rescan_result done(void)
{
    struct rescan_result r = { .present = 0 };
    static struct order_key none = { .present = 7 };

    REC_SET(&r, rescan_result, order, &none);
    REC_SET(&r, rescan_result, done, true);
    return r;
}

Test(agent_rescan, what_is_announced_is_told_until_it_is_noted)
{
    world_rescan_hint(&w, "target 6:0:1");
    cr_assert_eq(world_count(&w, envelope_rescan_want), 1, "at once");
    cr_expect_str_eq(world_last(&w, envelope_rescan_want)->rescan_want->what.v[0], "target 6:0:1");
    world_rescan_hint(&w, "target 6:0:1");
    cr_expect_eq(world_count(&w, envelope_rescan_want), 1, "on its way");
    world_pass(&w, 2100);
    cr_expect_eq(world_count(&w, envelope_rescan_want), 2, "not answered");
    note(world_last(&w, envelope_rescan_want));
    cr_expect_eq(world_count(&w, envelope_rescan_want), 3, "it was announced again since");
    note(world_last(&w, envelope_rescan_want));
    world_pass(&w, 1000);
    cr_expect_eq(world_count(&w, envelope_rescan_want), 3);
}

/* Storage that looked at once would see nothing new, and its pause kept it from what comes. */
Test(agent_rescan, storage_looks_when_something_has_come_of_what_was_announced_or_soon)
{
    unsigned runs = w.runs[WORKER_STORAGE];

    world_rescan_hint(&w, "target 6:0:1");
    world_pass(&w, 500);
    cr_expect_eq(w.runs[WORKER_STORAGE], runs, "a rescan is on its way");
    world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL); /* a disk */
    world_pass(&w, 200);
    cr_expect_eq(w.runs[WORKER_STORAGE], runs + 1, "not put off");
    world_event(&w, AGENT_WORKER_DONE, WORKER_STORAGE, NULL);
    world_pass(&w, 3000);
    cr_expect_eq(w.runs[WORKER_STORAGE], runs + 1, "once");
    world_rescan_hint(&w, "target 6:0:1");
    world_pass(&w, 2200);
    cr_expect_eq(w.runs[WORKER_STORAGE], runs + 2, "nothing has come");
}

Test(agent_rescan, the_same_again_and_again_is_told_less_and_less)
{
    unsigned told;

    for (int i = 0; i < 600; i++) {
        world_rescan_hint(&w, "device 6:0:1:1");
        if (world_last(&w, envelope_rescan_want) != NULL)
            note(world_last(&w, envelope_rescan_want));
        world_pass(&w, 1000);
        if (w.sent_count > WORLD_SENT / 2)
            break;
    }
    told = world_count(&w, envelope_rescan_want);
    cr_expect_geq(told, 3, "%u", told);
    cr_expect_leq(told, 12, "%u", told);
}

Test(agent_rescan, too_many_are_one_of_all)
{
    char what[64];
    const struct strs *told;

    for (int i = 0; i < 60; i++) {
        snprintf(what, sizeof what, "target %d:0:0", i);
        world_rescan_hint(&w, what);
    }
    told = &world_last(&w, envelope_rescan_want)->rescan_want->what;
    cr_expect_str_eq(told->v[told->n - 1], "all");
    world_pass(&w, 2500);
    cr_expect_leq(world_last(&w, envelope_rescan_want)->rescan_want->what.n, 49);
}

Test(agent_rescan, an_order_runs_once_and_its_result_is_told_until_it_is_answered)
{
    struct rescan_result r = done();

    order(1, 1, "target 6:0:1");
    cr_assert_eq(w.rescan_count, 1);
    cr_expect_str_eq(w.rescan->what, "target 6:0:1");
    order(1, 1, "target 6:0:1");
    cr_expect_eq(w.rescan_count, 1, "repeated");
    world_rescan_done(&w, &r, NULL, false);
    cr_assert_eq(world_count(&w, envelope_rescan_result), 1);
    order(1, 1, "target 6:0:1");
    cr_expect_eq(w.rescan_count, 1, "done already");
    cr_expect_eq(world_count(&w, envelope_rescan_result), 2, "told again");
    cr_expect_eq(world_last(&w, envelope_rescan_result)->rescan_result->order->job, 1);
    acknowledge(world_last(&w, envelope_rescan_result));
    world_forget(&w);
    world_pass(&w, 5000);
    cr_expect_eq(world_count(&w, envelope_rescan_result), 0);
}

Test(agent_rescan, a_later_attempt_of_what_runs_is_the_same)
{
    struct rescan_result r = done();

    order(1, 1, "target 6:0:1");
    order(1, 2, "target 6:0:1");
    cr_expect_eq(w.rescan_count, 1);
    world_rescan_done(&w, &r, NULL, false);
    cr_expect_eq(world_last(&w, envelope_rescan_result)->rescan_result->order->attempt, 2);
}

Test(agent_rescan, another_one_is_declined_and_so_is_all_while_a_worker_hangs)
{
    order(1, 1, "target 6:0:1");
    order(2, 1, "target 7:0:0");
    cr_assert_eq(world_count(&w, envelope_decline), 1);
    cr_expect_gt(world_last(&w, envelope_decline)->decline->retry_ms, 0);
    world_rescan_done(&w, NULL, "it hangs", true);
    cr_expect_str_eq(world_last(&w, envelope_rescan_result)->rescan_result->reason, "it hangs");
    acknowledge(world_last(&w, envelope_rescan_result));
    order(3, 1, "target 7:0:0");
    cr_expect_eq(world_count(&w, envelope_decline), 2);
    world_rescan_done(&w, NULL, "over", false);
    order(3, 2, "target 7:0:0");
    cr_expect_eq(w.rescan_count, 2);
}

Test(agent_rescan, what_is_announced_while_it_is_looked_at_is_told_after_that)
{
    struct rescan_result r = done();

    order(1, 1, "target 6:0:1");
    world_rescan_hint(&w, "target 6:0:1");
    cr_expect_eq(world_count(&w, envelope_rescan_want), 0);
    world_rescan_hint(&w, "target 7:0:0");
    cr_expect_eq(world_count(&w, envelope_rescan_want), 1, "of another one at once");
    world_rescan_done(&w, &r, NULL, false);
    cr_expect_eq(world_count(&w, envelope_rescan_want), 2);
}
