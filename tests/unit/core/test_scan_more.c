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
