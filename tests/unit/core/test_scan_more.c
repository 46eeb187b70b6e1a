/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scans where more than one thing is in the way, or what is in the way changes: that each job ends
 * all the same, for the right reason, and neither too early nor too late. */
#include <criterion/criterion.h>

#include "scanning.h"

TestSuite(scan_more, .init = setup, .fini = teardown);

static const struct shelf *mounted_shelf(void)
{
    static struct shelf used;

    used = plain;
    used.uses[0].kind = "mount";
    used.uses[0].container = "naa.6001-part1";
    return &used;
}

static void drain(unsigned i, bool on)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_NODE_DRAIN);
    REC_SET(&req, request, node, m[i].name);
    REC_SET(&req, request, flag, on);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    hear();
}

/* Time passes, and one alone is heard. */
static void alone(unsigned i, int64_t ms)
{
    for (int64_t t = 0; t < ms; t += 1000) {
        machine_heartbeat(&m[i]);
        hear();
        life_run(l, 1000);
        hear();
    }
}

static void only(unsigned i)
{
    for (unsigned k = 0; k < MACHINES; k++) {
        if (k != i)
            machine_goodbye(&m[k]);
    }
    hear();
}

static bool reach_failed(unsigned i, const struct order_key *order)
{
    struct reach_result body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, reach_result, order, order);
    REC_SET(&body, reach_result, proven, false);
    REC_SET(&body, reach_result, reason, "It did not answer in time.");
    REC_SET(&body, reach_result, again, true);
    REC_SET(&env, envelope, reach_result, &body);
    machine_say(&m[i], &env);
    return l->answer != NULL && l->answer->result_ack != NULL && l->answer->result_ack->taken;
}

/* The job of the machine in step reach. */
static const struct job *reach_of(unsigned i)
{
    const struct node *n = node_by_id(l->c, m[i].id);

    for (uint32_t k = 0; k < task()->job_count; k++) {
        const struct job *j = task()->jobs[k];

        if (j->row.step == 1 && j->row.node_no == n->row.no)
            return j;
    }
    cr_assert_fail("%s is not asked for a proof", m[i].name);
    return NULL;
}

/* ---- results --------------------------------------------------------------------------------- */

Test(scan_more, what_others_used_is_not_complete_whatever_else_is_in_the_way)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    shelf_report(&m[(i + 1) % MACHINES], mounted_shelf());
    cr_assert_eq(rights_admit(l, F1, false), REPLY_OK);
    cr_assert(result(i, &order, token, complete));
    cr_assert_eq(shelf_resource(l, RESOURCE_FILESYSTEM, F1)->seat->scan->outcome, SCAN_INCOMPLETE);
    cr_assert_eq(durable_count_events(l->d, "scan.incomplete", "has it mounted"), 1);
}

Test(scan_more, a_lost_node_s_share_goes_to_the_only_other_at_once)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token), other = (i + 1) % MACHINES;

    drain((i + 2) % MACHINES, true);
    for (unsigned n = 0; n < 20 && lease_by_token(l->c, token)->row.state == LEASE_LIVE; n++)
        alone(other, 1000);
    cr_assert_eq(job(1)->now, JOB_OFFERED);
    cr_assert_str_eq(job(1)->node->row.name, m[other].name);
}

Test(scan_more, whose_try_failed_is_tried_again_when_there_is_no_other)
{
    const struct found busy = { .outcome = SCAN_NOT_READ, .reason = "It was busy.", .again = true };
    struct order_key order;
    uint64_t token;
    unsigned i;

    for (i = 0; i < MACHINES; i++)
        machine_goodbye(&m[i]);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    machine_register(&m[0]);
    i = offered_to(F1);
    order = offer_of(i, F1);
    token = ask(i, F1, &order);
    for (unsigned k = 1; k < MACHINES; k++)
        machine_register(&m[k]);
    cr_assert(result(i, &order, token, busy));
    only(i);
    alone(i, 20000);
    cr_assert_eq(job(1)->row.attempt, 2);
    cr_assert_eq(job(1)->node, node_by_id(l->c, m[i].id));
}

/* ---- ends ------------------------------------------------------------------------------------ */

Test(scan_more, a_task_whose_last_job_ends_for_want_of_a_place_is_over_at_once)
{
    only(MACHINES);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_eq(rights_admit(l, F1, false), REPLY_OK);
    cr_assert_not_null(task());
    machine_register(&m[1]);
    cr_assert_null(task(), "it is not admitted any more");
}

Test(scan_more, whoever_is_declared_dead_is_not_waited_for)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token), dead = (i + 1) % MACHINES;

    cr_assert(result(i, &order, token, complete));
    life_restart(l); /* what was ordered waits to be ordered again */
    cr_assert_eq(reach_of(dead)->now, JOB_WAITS);
    life_run(l, 10000);
    cr_assert_eq(life_order(l, OP_NODE_DECLARE_DEAD, m[dead].name), REPLY_OK, "%s", l->reply->text);
    cr_assert_eq(reach_of(dead)->row.state, JOB_DONE);
    cr_assert_not_null(strstr(reach_of(dead)->row.reason, "declared dead"));
}

Test(scan_more, what_a_dead_node_used_is_in_the_way_no_more)
{
    shelf_report(&m[1], mounted_shelf());
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    for (unsigned n = 0; n < 11; n++)
        alone(0, 1000);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_eq(life_order(l, OP_NODE_DECLARE_DEAD, m[1].name), REPLY_OK);
    cr_assert_eq(job(1)->now, JOB_OFFERED);
}

/* ---- those who decline ----------------------------------------------------------------------- */

Test(scan_more, a_proof_waits_for_a_free_place_and_not_for_ever)
{
    struct order_key order, other;
    uint64_t token;
    unsigned i = reading(&order, &token), k = (i + 1) % MACHINES;
    int64_t waited = 0;

    cr_assert(result(i, &order, token, complete));
    for (; waited < DEFAULT_HELD_MS - 6000; waited += 3000) {
        if (has_offer(k, F1)) {
            other = offer_of(k, F1);
            decline(k, &other, 3000);
        }
        alive(3000);
    }
    cr_assert_eq(reach_of(k)->row.state, JOB_OPEN);
    for (; waited < DEFAULT_HELD_MS + 6000 && task() != NULL; waited += 3000) {
        if (has_offer(k, F1)) {
            other = offer_of(k, F1);
            decline(k, &other, 3000);
        }
        alive(3000);
    }
    cr_assert_null(task());
    cr_assert_eq(durable_count_events(l->d, "task.done", "0 proven, 2 not"), 1);
}

/* As when it was started anew and has other containers since. */
Test(scan_more, who_does_not_see_it_any_more_is_asked_for_no_proof)
{
    struct shelf other_shelf = plain;
    struct order_key order, other;
    uint64_t token;
    unsigned i = reading(&order, &token), k = (i + 1) % MACHINES;

    cr_assert(result(i, &order, token, complete));
    other = offer_of(k, F1);
    decline(k, &other, 30000);
    cr_assert_eq(reach_of(k)->row.state, JOB_OPEN, "it may only not have looked yet");
    other_shelf.fs[0] = (struct shelf_fs){ 0 };
    shelf_report(&m[k], &other_shelf);
    alive(DEFAULT_OFFER_MS);
    cr_assert_eq(reach_of(k)->row.state, JOB_DONE);
    cr_assert_eq(reach_of(k)->row.result, REACH_NOT_PROVEN);
    cr_assert_not_null(strstr(reach_of(k)->row.reason, "does not see it any more"));
}

Test(scan_more, a_new_attempt_at_a_proof_is_asked_for_as_often_as_the_first)
{
    struct order_key order, other;
    uint64_t token;
    unsigned i = reading(&order, &token), k = (i + 1) % MACHINES;

    cr_assert(result(i, &order, token, complete));
    alive(4 * DEFAULT_OFFER_MS);
    other = offer_of(k, F1);
    cr_assert(reach_failed(k, &other));
    cr_assert_eq(reach_of(k)->row.attempt, 2);
    alive(2 * DEFAULT_OFFER_MS);
    cr_assert_eq(reach_of(k)->row.state, JOB_OPEN);
}

Test(scan_more, who_declines_one_filesystem_is_offered_another)
{
    const char *const two[] = { F2 };
    struct order_key order;
    uint64_t token;

    only(1);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    order = offer_of(1, F1);
    decline(1, &order, 30000);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_not_null(strstr(job(1)->held, "No place is free."));
    alone(1, 4000);
    cr_assert_eq(scan(two, 1, false), REPLY_OK);
    order = offer_of(1, F2);
    token = ask(1, F2, &order);
    cr_assert(result(1, &order, token, complete));
    cr_assert(!has_offer(1, F1), "of that one it said when");
    alone(1, 28000);
    cr_assert(has_offer(1, F1));
}

Test(scan_more, who_declines_for_ever_is_not_waited_for_for_ever)
{
    struct order_key order;

    only(1);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    for (unsigned n = 0; n < 100 && task() != NULL; n++) {
        if (has_offer(1, F1)) {
            order = offer_of(1, F1);
            decline(1, &order, 4000);
        }
        alone(1, 1000);
    }
    cr_assert_null(task());
    cr_assert_eq(durable_count_events(l->d, "task.done", "1 not read"), 1);
}

/* ---- how long is long ------------------------------------------------------------------------ */

Test(scan_more, only_the_time_in_which_something_is_in_the_way_counts)
{
    struct order_key order, first;
    const struct task *second;
    uint64_t token;
    unsigned i, user = 2;

    shelf_report(&m[user], mounted_shelf());
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    alive(30000);
    shelf_report(&m[user], &plain);
    i = offered_to(F1);
    first = offer_of(i, F1);
    token = ask(i, F1, &first);
    cr_assert(token != 0);
    for (unsigned k = 0; k < MACHINES; k++) {
        while (has_offer(k, F1)) {
            order = offer_of(k, F1);
            cr_assert_eq(ask(k, F1, &order), 0);
        }
    }
    second = task()->jobs[0]->now == JOB_HELD ? task()
                                              : container_of(task()->link.prev, struct task, link);
    cr_assert_eq(second->jobs[0]->now, JOB_HELD);
    for (unsigned n = 0; n < 40; n++) {
        if (n % 5 == 0)
            cr_assert_eq(rights_renew(&m[i]), 1);
        alive(1000);
    }
    shelf_report(&m[user], mounted_shelf());
    cr_assert(result(i, &first, token, complete));
    alive(20000);
    cr_assert_eq(second->jobs[0]->now, JOB_HELD);
    cr_assert_not_null(strstr(second->jobs[0]->held, "has it mounted"));
    alive(15000);
    cr_assert_eq(durable_count_events(l->d, "task.done", "1 not read"), 1);
}

Test(scan_more, who_waits_for_another_task_is_offered_it_as_soon_as_that_is_cancelled)
{
    struct request req = { 0 };
    size_t offers;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    offers = hear();
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    offers += hear();
    cr_assert_eq(offers, 1);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_eq(job(1)->due.v, MONO_NEVER.v, "a scan ends by itself");
    cr_assert_not_null(strstr(job(1)->held, "is to read it for task 1 first"));
    REC_SET(&req, request, op, OP_TASK_CANCEL);
    REC_SET(&req, request, count, 1);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_assert_eq(job(1)->now, JOB_OFFERED, "as soon as that is called off");
}

/* ---- what is said ---------------------------------------------------------------------------- */

Test(scan_more, those_who_drain_are_not_said_to_be_down)
{
    for (unsigned i = 0; i < MACHINES; i++)
        drain(i, true);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_not_null(strstr(job(1)->held, "drain"));
}

Test(scan_more, who_was_left_out_is_asked_again_when_nobody_else_is_left)
{
    struct order_key order;
    unsigned i;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    i = offered_to(F1);
    order = offer_of(i, F1);
    decline(i, &order, 0);
    cr_assert_neq(offered_to(F1), i);
    only(i);
    alone(i, 20000);
    cr_assert(has_offer(i, F1));
}

/* ---- places that come and go ----------------------------------------------------------------- */

Test(scan_more, what_waits_for_a_place_says_so_when_there_is_none_any_more)
{
    const char *const two[] = { F2 };
    struct order_key order;

    only(1);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    order = offer_of(1, F1);
    decline(1, &order, 3000);
    cr_assert_eq(scan(two, 1, false), REPLY_OK);
    cr_assert_eq(job(1)->now, JOB_WAITS, "for a node that rests");
    machine_goodbye(&m[1]);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_not_null(strstr(job(1)->held, "no node that is up"));
}

Test(scan_more, who_was_left_out_is_asked_again_when_those_that_rest_are_gone)
{
    const char *const two[] = { F2 };
    struct order_key order;
    unsigned i;

    cr_assert_eq(scan(two, 1, false), REPLY_OK);
    for (unsigned n = 0; n + 1 < MACHINES; n++) {
        i = offered_to(F2);
        order = offer_of(i, F2);
        decline(i, &order, 3000);
    }
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    i = offered_to(F1); /* the others rest */
    order = offer_of(i, F1);
    decline(i, &order, 0);
    cr_assert_eq(job(1)->now, JOB_WAITS);
    only(i);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_not_null(strstr(job(1)->held, "No place is free."));
    alone(i, 6000);
    cr_assert(has_offer(i, F1));
}

Test(scan_more, what_has_a_place_again_is_held_no_more)
{
    const char *const two[] = { F2 };
    struct order_key order;

    only(1);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    order = offer_of(1, F1);
    decline(1, &order, 3000);
    drain(1, true);
    cr_assert_eq(scan(two, 1, false), REPLY_OK);
    cr_assert_eq(job(1)->now, JOB_HELD);
    drain(1, false);
    cr_assert_eq(job(1)->now, JOB_WAITS, "for a node that rests");
    alone(1, 4000);
    cr_assert_eq(job(1)->now, JOB_OFFERED);
}

/* ---- what nobody sees ------------------------------------------------------------------------ */

Test(scan_more, in_mode_every_what_no_node_sees_is_said_not_to_be_read)
{
    struct shelf lost = plain;

    lost.fs[0].container = NULL;
    for (unsigned i = 0; i < MACHINES; i++)
        shelf_report(&m[i], &lost);
    cr_assert_eq(scan(one, 1, true), REPLY_OK);
    cr_assert_null(task(), "there is nothing to wait for");
    cr_assert_eq(durable_count_events(l->d, "task.done", "0 complete, 0 incomplete, 1 not read"),
                 1);
}
