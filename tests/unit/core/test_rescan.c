/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rescans: what nodes want and operators ask for, the orders, and what comes of them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "machine.h"
#include "wire/codec.h"

enum { MACHINES = 3, TIMEOUT_MS = DEFAULT_RESCAN_TIMEOUT_MS };

#define IQN "iqn.2026-11.lab:a"

static struct life *l;
static struct machine m[MACHINES];

static void setup(void)
{
    l = life_new();
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_init(&m[i], l, i + 1);
        machine_join(&m[i]);
    }
    l->offer_count = 0;
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(core_rescan, .init = setup, .fini = teardown);

/* ---- what machines say and hear -------------------------------------------------------------- */

static void want_all(struct machine *of, const char *const *what, size_t n)
{
    struct rescan_want body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, rescan_want, what, ((struct strs){ (const char **)(uintptr_t)what, n }));
    REC_SET(&env, envelope, rescan_want, &body);
    machine_say(of, &env);
}

static void want(struct machine *of, const char *what)
{
    want_all(of, &what, 1);
    cr_assert_not_null(l->answer);
    cr_assert_not_null(l->answer->rescan_noted);
}

/* The only order of the last commit. */
static const struct rescan_order *ordered(const struct machine *of)
{
    uuid128 id;

    cr_assert_eq(l->offer_count, 1, "%zu orders", l->offer_count);
    cr_assert_not_null(l->offers[0]->rescan_order);
    cr_assert(wire_uuid(l->offers[0]->node_id, &id));
    cr_expect(uuid_eq(id, of->id), "the order is for another");
    return l->offers[0]->rescan_order;
}

static bool tell(struct machine *of, const struct order_key *order, struct rescan_result body)
{
    struct order_key key = *order;
    struct envelope env = { 0 };

    REC_SET(&body, rescan_result, order, &key);
    REC_SET(&env, envelope, rescan_result, &body);
    machine_say(of, &env);
    cr_assert_not_null(l->answer);
    cr_assert_not_null(l->answer->result_ack);
    return l->answer->result_ack->taken;
}

static struct rescan_result done(void)
{
    static const char *added[] = { "6:0:1:3" };
    struct rescan_result r = { 0 };

    REC_SET(&r, rescan_result, done, true);
    REC_SET(&r, rescan_result, ms, 40);
    REC_SET(&r, rescan_result, added, ((struct strs){ added, 1 }));
    return r;
}

static struct rescan_result failed(bool again)
{
    struct rescan_result r = { 0 };

    REC_SET(&r, rescan_result, done, false);
    REC_SET(&r, rescan_result, reason, "It does not answer.");
    REC_SET(&r, rescan_result, again, again);
    return r;
}

static void decline(struct machine *of, const struct order_key *order, uint64_t retry_ms)
{
    struct order_key key = *order;
    struct decline body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, decline, order, &key);
    REC_SET(&body, decline, reason, "Another runs here.");
    if (retry_ms > 0)
        REC_SET(&body, decline, retry_ms, retry_ms);
    REC_SET(&env, envelope, decline, &body);
    machine_say(of, &env);
}

static enum reply_code ask(const char *const *nodes, size_t n, const char *target, const char *lun)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_RESCAN);
    if (n > 0)
        REC_SET(&req, request, nodes, ((struct strs){ (const char **)(uintptr_t)nodes, n }));
    else
        REC_SET(&req, request, flag, true);
    if (target != NULL)
        REC_SET(&req, request, name, target);
    if (lun != NULL)
        REC_SET(&req, request, resource, lun);
    return life_ask(l, &req);
}

static const struct job *job(uint32_t no)
{
    const struct task *t = container_of(l->c->tasks.prev, struct task, link);

    cr_assert(!link_empty(&l->c->tasks));
    cr_assert_leq(no, t->job_count);
    return t->jobs[no - 1];
}

static struct task_info shown(uint64_t no)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_TASK_SHOW);
    REC_SET(&req, request, count, no);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    return *(const struct task_info *)l->reply->tasks.v;
}

/* Whether it is under way. */
static const char *ended(uint64_t no)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_TASK_SHOW);
    REC_SET(&req, request, count, no);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    return task_by_no(l->c, no) == NULL ? "over" : "runs";
}

/* ---- what a node wants ----------------------------------------------------------------------- */

Test(core_rescan, a_node_that_wants_one_is_ordered_it_and_its_result_ends_the_task)
{
    struct order_key order;

    want(&m[0], "target 6:0:1 " IQN);
    cr_expect_eq(l->answer->rescan_noted->task, 1);
    cr_expect_str_eq(ordered(&m[0])->what, "target 6:0:1 " IQN);
    cr_expect_lt(ordered(&m[0])->timeout_ms, (uint64_t)TIMEOUT_MS);
    order = *ordered(&m[0])->order;
    cr_expect(tell(&m[0], &order, done()));
    cr_expect_str_eq(ended(1), "over");
    cr_expect(!tell(&m[0], &order, done()), "it is over");
}

Test(core_rescan, what_is_wanted_already_is_wanted_once)
{
    static const char *const twice[] = { "target 6:0:1", "target 6:0:1", "device 6:0:1:4" };

    want_all(&m[0], twice, 3);
    want(&m[0], "target 6:0:1");
    cr_expect_eq(l->c->job_count, 2);
    want(&m[1], "target 6:0:1");
    cr_expect_eq(l->c->job_count, 3, "of another node it is another");
    cr_expect_eq(l->c->task_count, 1, "what is wanted at one time is one task");
}

Test(core_rescan, what_is_wanted_much_later_is_another_task)
{
    want(&m[0], "target 6:0:1");
    l->config.down_ms = 1;
    life_pass(l, 61000);
    machine_heartbeat(&m[1]);
    want(&m[1], "target 6:0:1");
    cr_expect_eq(l->answer->rescan_noted->task, 2);
}

Test(core_rescan, a_want_that_is_no_such_text_is_refused)
{
    static const char *const bad[] = {
        "",     "everything", "target",        "target ", "device 6:0:1", "device 6:0:1:x",
        "lun ", "all ",       "target  6:0:1", "host 6",  "- - -",        "device 6:0:1:1 ",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        want_all(&m[0], &bad[i], 1);
        cr_expect_eq(machine_refused(&m[0]), REFUSE_MALFORMED, "'%s'", bad[i]);
    }
    want_all(&m[0], bad, 0);
    cr_expect_eq(machine_refused(&m[0]), REFUSE_MALFORMED);
    cr_expect_eq(l->c->task_count, 0);
}

Test(core_rescan, a_node_does_one_at_a_time)
{
    static const char *const two[] = { "target 6:0:1", "target 7:0:0" };
    struct order_key order;

    want_all(&m[0], two, 2);
    order = *ordered(&m[0])->order;
    cr_expect(tell(&m[0], &order, done()));
    cr_expect_str_eq(ordered(&m[0])->what, "target 7:0:0");
}

/* ---- what becomes of an order ---------------------------------------------------------------- */

Test(core_rescan, an_order_that_is_not_answered_is_repeated_then_tried_again_then_failed)
{
    uint64_t attempt = 0;
    int64_t first = 0;
    unsigned heard = 0;

    want(&m[0], "target 6:0:1 " IQN);
    first = l->now.v;
    while (l->c->task_count > 0) {
        machine_heartbeat(&m[0]);
        life_pass(l, 1000);
        for (size_t i = 0; i < l->offer_count; i++, heard++)
            attempt = l->offers[i]->rescan_order->order->attempt;
        cr_assert_lt(l->now.v, first + 600000, "it never ends");
    }
    cr_expect_eq(attempt, LIMIT_JOB_ATTEMPTS);
    cr_expect_geq(l->now.v - first, LIMIT_JOB_ATTEMPTS * TIMEOUT_MS);
    cr_expect_geq(heard, 3 * LIMIT_JOB_ATTEMPTS);
    cr_expect_eq(quota_taken(l->c->rescans.quota), 0);
}

Test(core_rescan, one_that_failed_and_may_mend_waits_before_it_is_tried_again)
{
    struct order_key order;

    want(&m[0], "target 6:0:1");
    order = *ordered(&m[0])->order;
    cr_expect(tell(&m[0], &order, failed(true)));
    cr_expect_eq(l->offer_count, 0, "not at once");
    life_pass(l, 4000);
    cr_expect_eq(l->offer_count, 0);
    life_pass(l, 1500);
    cr_expect_eq(ordered(&m[0])->order->attempt, 2);
    cr_expect(!tell(&m[0], &order, failed(true)), "the first attempt is over");
    cr_expect(tell(&m[0], &order, done()), "but what is done is done");
    cr_expect_eq(l->c->task_count, 0);
}

Test(core_rescan, one_that_failed_for_good_is_not_tried_again)
{
    struct order_key order;

    want(&m[0], "target 6:0:1");
    order = *ordered(&m[0])->order;
    cr_expect(tell(&m[0], &order, failed(false)));
    cr_expect_eq(l->c->task_count, 0);
}

Test(core_rescan, one_that_is_declined_waits_as_long_as_the_node_says)
{
    struct order_key order;

    want(&m[0], "target 6:0:1");
    order = *ordered(&m[0])->order;
    decline(&m[0], &order, 9000);
    cr_expect_eq(quota_taken(l->c->rescans.quota), 0, "its place is free");
    life_pass(l, 8000);
    cr_expect_eq(l->offer_count, 0);
    machine_heartbeat(&m[0]);
    life_pass(l, 1500);
    order = *ordered(&m[0])->order;
    decline(&m[0], &order, 0);
    cr_expect_eq(l->c->task_count, 0);
}

Test(core_rescan, a_result_of_another_node_is_nothing)
{
    struct order_key order;

    want(&m[0], "target 6:0:1");
    order = *ordered(&m[0])->order;
    cr_expect(!tell(&m[1], &order, done()));
    cr_expect_eq(l->c->task_count, 1);
}

Test(core_rescan, a_node_that_falls_silent_has_failed)
{
    want(&m[0], "target 6:0:1");
    life_pass(l, 31000);
    cr_expect_eq(l->c->task_count, 0);
    cr_expect_eq(quota_taken(l->c->rescans.quota), 0);
}

Test(core_rescan, a_restarted_coordinator_orders_nothing_while_earlier_orders_may_be_under_way)
{
    uint64_t attempt;

    want(&m[0], "target 6:0:1 " IQN);
    attempt = ordered(&m[0])->order->attempt;
    life_restart(l);
    machine_register(&m[0]);
    cr_expect_eq(l->offer_count, 0);
    for (int64_t waited = 0; waited < TIMEOUT_MS - 1000; waited += 1000) {
        machine_heartbeat(&m[0]);
        life_pass(l, 1000);
        cr_assert_eq(l->offer_count, 0, "after %lld ms", (long long)waited);
    }
    machine_heartbeat(&m[0]);
    life_pass(l, 1500);
    cr_expect_eq(ordered(&m[0])->order->attempt, attempt, "it is the same attempt");
    cr_expect_str_eq(ordered(&m[0])->what, "target 6:0:1 " IQN);
}

Test(core_rescan, a_cancelled_task_waits_for_what_is_under_way_and_begins_nothing)
{
    static const char *const two[] = { "target 6:0:1", "target 7:0:0" };
    struct request req = { 0 };
    struct order_key order;

    want_all(&m[0], two, 2);
    order = *ordered(&m[0])->order;
    REC_SET(&req, request, op, OP_TASK_CANCEL);
    REC_SET(&req, request, count, 1);
    cr_expect_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(l->c->task_count, 1);
    cr_expect(tell(&m[0], &order, done()));
    cr_expect_eq(l->offer_count, 0);
    cr_expect_eq(l->c->task_count, 0);
}

/* ---- what an operator asks for --------------------------------------------------------------- */

Test(core_rescan, an_operator_asks_all_nodes_or_some)
{
    static const char *const two[] = { "m1", "m3" };

    cr_expect_eq(ask(NULL, 0, NULL, NULL), REPLY_OK);
    cr_expect_str_eq(((const struct task_info *)l->reply->tasks.v)->text,
                     "all targets, on 3 nodes.");
    cr_expect_eq(l->offer_count, 3);
    cr_expect_str_eq(l->offers[0]->rescan_order->what, "all");
    cr_expect_eq(ask(two, 2, IQN, NULL), REPLY_OK);
    cr_expect_str_eq(((const struct task_info *)l->reply->tasks.v)->text,
                     "target " IQN ", on 2 nodes.");
    cr_expect_str_eq(job(2)->row.resource_label, "target " IQN);
    cr_expect_eq(job(2)->now, JOB_WAITS, "the node does one at a time");
    cr_expect_eq(shown(1).jobs_running, 3);
    cr_expect_eq(shown(2).jobs_running, 0);
    cr_expect_eq(shown(2).jobs, 2);
}

Test(core_rescan, what_cannot_be_done_is_refused_in_a_sentence)
{
    static const char *const m1[] = { "m1" }, *const none[] = { "m9" };

    cr_expect_eq(ask(none, 1, NULL, NULL), REPLY_NOT_FOUND);
    cr_expect_eq(ask(m1, 1, " x", NULL), REPLY_INVALID);
    cr_expect_eq(ask(m1, 1, "", NULL), REPLY_INVALID);
    cr_expect_eq(ask(m1, 1, IQN, "naa.1"), REPLY_INVALID);
    cr_expect_str_eq(l->reply->text, "A rescan is of a target or of a LUN, not of both.");
    cr_expect_eq(ask(m1, 1, NULL, "naa.1"), REPLY_NOT_FOUND);
    cr_expect_eq(ask(m1, 1, NULL, "unproven:m1/eth0"), REPLY_REFUSED);
    life_pass(l, 31000);
    cr_expect_eq(ask(m1, 1, NULL, NULL), REPLY_REFUSED);
    cr_expect_str_eq(l->reply->text, "m1 cannot be asked now: it is down.");
    cr_expect_eq(ask(NULL, 0, NULL, NULL), REPLY_REFUSED);
    cr_expect_str_eq(l->reply->text, "No node is up.");
    cr_expect_eq(l->c->task_count, 0);
}

/* ---- how many at one time -------------------------------------------------------------------- */

Test(core_quota, what_is_of_no_target_counts_at_each)
{
    static const uint8_t seed[16] = { 1 };
    struct quota *q = quota_new(4, 2, seed);

    cr_expect_eq(quota_take(q, "a"), 1);
    cr_expect_eq(quota_take(q, "a"), 1);
    cr_expect_eq(quota_take(q, "a"), 0, "two of one");
    cr_expect_eq(quota_take(q, ""), 0, "a has two already");
    cr_expect_eq(quota_take(q, "b"), 1);
    quota_give(q, "a");
    cr_expect(quota_news(q));
    cr_expect(!quota_news(q));
    cr_expect_eq(quota_take(q, ""), 1);
    cr_expect_eq(quota_taken_of(q, "a"), 2);
    cr_expect_eq(quota_taken_of(q, "c"), 1);
    cr_expect_eq(quota_take(q, "a"), 0);
    cr_expect_eq(quota_take(q, "b"), 0);
    cr_expect_eq(quota_take(q, "c"), 1);
    cr_expect(quota_full(q));
    cr_expect_eq(quota_take(q, "d"), 0, "four in all");
    quota_give(q, "");
    quota_give(q, "a");
    quota_give(q, "b");
    quota_give(q, "c");
    cr_expect_eq(quota_taken(q), 0);
    quota_free(q);
}
