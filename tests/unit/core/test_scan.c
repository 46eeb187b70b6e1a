/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scans from the operator's word to the last proof of reach: who is offered what, what is in the
 * way and for how long, what is taken of results and what is not. After each commit life.c holds a
 * core that is loaded from the database against the one that wrote it. */
#include <criterion/criterion.h>

#include "scanning.h"

TestSuite(scan, .init = setup, .fini = teardown);

/* ---- the whole way --------------------------------------------------------------------------- */

Test(scan, reads_once_and_has_the_others_prove_that_they_reach_it)
{
    struct order_key order, other;
    const struct scan_row *row;
    uint64_t token;
    unsigned i = reading(&order, &token);

    cr_assert_eq(l->answer->granted->ttl_ms, TTL);
    cr_assert_str_eq(l->answer->granted->container, "naa.6001-part1");
    cr_assert_str_eq(l->answer->granted->type, "ext4");
    cr_assert_str_eq(l->answer->granted->uuid, "u1");
    cr_assert_null(l->answer->granted->fingerprint);
    cr_assert_eq(job(1)->now, JOB_RUNS);
    cr_assert(result(i, &order, token, complete));
    cr_assert_eq(map_count(l->c->leases), 0);
    row = shelf_resource(l, RESOURCE_FILESYSTEM, F1)->seat->scan;
    cr_assert_eq(row->outcome, SCAN_COMPLETE);
    cr_assert_eq(row->images, 2);
    cr_assert_eq(row->ms, 700);
    cr_assert_str_eq(row->fingerprint, "ext4 1");
    cr_assert_eq(task()->row.step, 1);
    for (unsigned k = 0; k < MACHINES; k++) {
        cr_assert_eq(has_offer(k, F1), k != i);
        if (k == i)
            continue;
        other = offer_of(k, F1);
        cr_assert(reach(k, &other, k == (i + 1) % MACHINES));
    }
    cr_assert_null(task());
    cr_assert_eq(durable_count_events(l->d, "task.done", NULL), 1);
}

Test(scan, an_unchanged_filesystem_is_known_by_its_fingerprint)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    result(i, &order, token, complete);
    i = reading(&order, &token);
    cr_assert_str_eq(l->answer->granted->fingerprint, "ext4 1");
    cr_assert(result(
        i, &order, token,
        (struct found){ .outcome = SCAN_COMPLETE, .unchanged = true, .fingerprint = "ext4 1" }));
    cr_assert_eq(job(1)->row.images, 2);
    cr_assert(job(1)->row.unchanged);
    cr_assert_eq(job(1)->row.mounts, 0);
}

Test(scan, in_mode_every_each_node_reads_and_never_two_at_once)
{
    struct order_key order;
    uint64_t token;
    bool seen[MACHINES] = { false };

    cr_assert_eq(scan(one, 1, true), REPLY_OK);
    cr_assert_eq(task()->job_count, MACHINES);
    for (unsigned n = 0; n < MACHINES; n++) {
        size_t offers = 0;
        unsigned i = offered_to(F1);

        for (unsigned k = 0; k < MACHINES; k++)
            offers += has_offer(k, F1);
        cr_assert_eq(offers, 1);
        cr_assert(!seen[i]);
        seen[i] = true;
        order = offer_of(i, F1);
        token = ask(i, F1, &order);
        cr_assert(token != 0);
        cr_assert(result(i, &order, token, complete));
    }
    cr_assert_null(task());
}

Test(scan, filesystems_are_read_in_parallel)
{
    cr_assert_eq(scan(NULL, 0, false), REPLY_OK);
    cr_assert_eq(hear(), 2);
    cr_assert_neq(offered_to(F1), offered_to(F2));
    cr_assert_not_null(l->reply->tasks.v);
}

/* ---- what is refused ------------------------------------------------------------------------- */

Test(scan, what_is_not_admitted_is_refused_and_nothing_begins)
{
    const char *const names[] = { F1, F3 };

    cr_assert_eq(scan(names, 2, false), REPLY_REFUSED);
    cr_assert_not_null(strstr(l->reply->text, "muster fs admit"));
    cr_assert_null(task());
    cr_assert_eq(rights_admit(l, F1, false), REPLY_OK);
    cr_assert_eq(rights_admit(l, F2, false), REPLY_OK);
    cr_assert_eq(scan(NULL, 0, false), REPLY_REFUSED);
    cr_assert_eq(l->offer_count, 0);
}

Test(scan, a_lease_is_for_the_node_and_the_attempt_that_were_offered_it)
{
    struct order_key order, wrong;
    unsigned i;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    i = offered_to(F1);
    order = wrong = offer_of(i, F1);
    cr_assert_eq(ask((i + 1) % MACHINES, F1, &order), 0);
    wrong.attempt++;
    cr_assert_eq(ask(i, F1, &wrong), 0);
    wrong = order;
    wrong.job++;
    cr_assert_eq(ask(i, F1, &wrong), 0);
    cr_assert_eq(ask(i, F2, &order), 0);
    cr_assert(ask(i, F1, &order) != 0);
}

Test(scan, asking_again_gives_up_the_lease_before)
{
    struct order_key order;
    uint64_t token, second;
    unsigned i = reading(&order, &token);

    rights_clear(&m[i]); /* the answer was lost, and it does not know of it */
    second = ask(i, F1, &order);
    cr_assert_gt(second, token);
    cr_assert_eq(job(1)->row.attempt, 1);
    cr_assert_eq(map_count(l->c->leases), 1);
    cr_assert(!result(i, &order, token, complete), "the first lease is over");
}

/* ---- results --------------------------------------------------------------------------------- */

Test(scan, a_result_under_a_lease_that_is_over_is_not_taken)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token), k;

    for (unsigned n = 0; n < 17; n++) { /* it is heard, and does not renew */
        for (k = 0; k < MACHINES; k++)
            machine_heartbeat(&m[k]);
        life_run(l, 1000);
        hear();
    }
    cr_assert_eq(lease_by_token(l->c, token)->row.state, LEASE_RESIDUE);
    cr_assert_eq(job(1)->row.attempt, 2);
    cr_assert(!result(i, &order, token, complete));
    cr_assert_eq(shelf_resource(l, RESOURCE_FILESYSTEM, F1)->seat->scan->outcome, 0);
    cr_assert_eq(job(1)->row.state, JOB_OPEN);
}

Test(scan, a_result_comes_twice_and_counts_once)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    cr_assert(result(i, &order, token, complete));
    cr_assert(result(i, &order, token, complete), "the acknowledgement was lost");
    cr_assert_eq(job(1)->row.mounts, 1);
    cr_assert(!result((i + 1) % MACHINES, &order, token, complete), "of another node");
}

Test(scan, what_time_mends_is_tried_on_another_node_three_times_at_most)
{
    const struct found busy = { .outcome = SCAN_NOT_READ, .reason = "It was busy.", .again = true };
    struct order_key order;
    uint64_t token;
    bool seen[MACHINES] = { false };
    unsigned i;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    for (unsigned n = 0; n < LIMIT_JOB_ATTEMPTS; n++) {
        i = offered_to(F1);
        cr_assert(!seen[i]);
        seen[i] = true;
        order = offer_of(i, F1);
        cr_assert_eq(order.attempt, n + 1);
        token = ask(i, F1, &order);
        cr_assert(result(i, &order, token, busy));
    }
    cr_assert_null(task(), "nothing was read, so that nobody is asked for a proof");
    cr_assert_eq(durable_count_events(l->d, "scan.not-read", "busy"), 3);
}

Test(scan, what_is_still_mounted_is_residue_and_its_result_counts)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);
    struct found f = complete;

    f.mounted_still = true;
    cr_assert(result(i, &order, token, f));
    cr_assert_eq(lease_by_token(l->c, token)->row.state, LEASE_RESIDUE);
    cr_assert_eq(job(1)->row.state, JOB_DONE);
    cr_assert_eq(rights_take(l, "m2", F1), REPLY_REFUSED);
    rights_clear(&m[i]);
    machine_heartbeat(&m[i]);
    cr_assert_eq(rights_take(l, "m2", F1), REPLY_OK);
}

Test(scan, what_others_used_meanwhile_is_not_complete)
{
    struct shelf used = plain;
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    used.uses[0].kind = "mount";
    used.uses[0].container = "naa.6001-part1";
    shelf_report(&m[(i + 1) % MACHINES], &used);
    cr_assert(result(i, &order, token, complete));
    cr_assert_eq(job(1)->row.result, SCAN_INCOMPLETE);
    cr_assert_not_null(strstr(job(1)->row.reason, "has it mounted"));
}

/* ---- what is in the way ---------------------------------------------------------------------- */

Test(scan, a_mount_elsewhere_is_waited_for_and_named)
{
    struct shelf used = plain;

    used.uses[0].kind = "mount";
    used.uses[0].container = "naa.6001-part1";
    shelf_report(&m[1], &used);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(hear(), 0);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_not_null(strstr(job(1)->held, "m2 has it mounted"));
    alive(10000);
    cr_assert_eq(job(1)->now, JOB_HELD);
    shelf_report(&m[1], &plain);
    cr_assert_eq(hear(), 1, "as soon as it is free");
}

Test(scan, what_stays_in_the_way_ends_as_not_read_and_why)
{
    struct shelf used = plain;

    used.uses[0].kind = "mount";
    used.uses[0].container = "naa.6001-part1";
    shelf_report(&m[1], &used);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    alive(DEFAULT_HELD_MS - 3000);
    cr_assert_eq(job(1)->now, JOB_HELD);
    alive(6000);
    cr_assert_null(task());
    cr_assert_eq(durable_count_events(l->d, "task.done", "1 not read"), 1);
}

Test(scan, the_holder_scans_its_own_mount)
{
    struct shelf used = plain;
    struct order_key order;

    cr_assert_eq(rights_take(l, "m2", F1), REPLY_OK);
    used.uses[0].kind = "mount";
    used.uses[0].container = "naa.6001-part1";
    shelf_report(&m[1], &used);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(offered_to(F1), 1);
    order = offer_of(1, F1);
    cr_assert(ask(1, F1, &order) != 0);
    cr_assert(l->answer->granted->own_mount);
}

Test(scan, one_filesystem_is_offered_once_whatever_asks_for_it)
{
    struct order_key order;
    unsigned i;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    i = offered_to(F1);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(hear(), 0);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_not_null(strstr(job(1)->held, "is to read it for task 1 first"));
    order = offer_of(i, F1);
    decline(i, &order, 4000);
    cr_assert_neq(offered_to(F1), i);
}

Test(scan, two_scans_of_one_filesystem_wait_for_each_other)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_eq(job(1)->due.v, MONO_NEVER.v, "a lease ends by itself");
    result(i, &order, token, complete);
    cr_assert_eq(job(1)->now, JOB_OFFERED);
}

Test(scan, the_next_node_gets_it_when_one_is_lost)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    for (unsigned n = 0; n < 20; n++) {
        for (unsigned k = 0; k < MACHINES; k++) {
            if (k != i)
                machine_heartbeat(&m[k]);
        }
        life_run(l, 1000);
        hear();
    }
    cr_assert_eq(job(1)->now, JOB_OFFERED);
    cr_assert_eq(job(1)->row.attempt, 2);
    cr_assert_str_neq(job(1)->node->row.name, m[i].name);
}

Test(scan, an_offer_that_is_not_heard_of_goes_to_another)
{
    unsigned i;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    i = offered_to(F1);
    held_count[i] = 0;
    alive(DEFAULT_OFFER_MS);
    cr_assert(has_offer(i, F1), "it is repeated first");
    held_count[i] = 0;
    alive(DEFAULT_OFFER_MS);
    cr_assert_neq(offered_to(F1), i);
}

Test(scan, who_declines_is_asked_again_when_it_said)
{
    unsigned i;
    struct order_key order;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    for (unsigned n = 0; n < MACHINES; n++) {
        i = offered_to(F1);
        order = offer_of(i, F1);
        decline(i, &order, 4000);
    }
    for (unsigned k = 0; k < MACHINES; k++)
        cr_assert(!has_offer(k, F1));
    alive(3000);
    for (unsigned k = 0; k < MACHINES; k++)
        cr_assert(!has_offer(k, F1));
    alive(2000);
    offered_to(F1);
}

Test(scan, who_will_not_is_not_asked_again_at_once)
{
    struct order_key order;
    unsigned i;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    for (unsigned n = 0; n < MACHINES; n++) {
        i = offered_to(F1);
        order = offer_of(i, F1);
        decline(i, &order, 0);
        cr_assert(!has_offer(i, F1));
    }
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_not_null(strstr(job(1)->held, "No place is free."));
}

Test(scan, what_nobody_reaches_waits_for_who_does)
{
    for (unsigned i = 0; i < MACHINES; i++)
        machine_goodbye(&m[i]);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(job(1)->now, JOB_HELD);
    machine_register(&m[2]);
    hear();
    cr_assert_eq(offered_to(F1), 2);
}

Test(scan, a_node_that_drains_gets_nothing)
{
    struct request req = { 0 };

    for (unsigned i = 0; i < 2; i++) {
        memset(&req, 0, sizeof req);
        REC_SET(&req, request, op, OP_NODE_DRAIN);
        REC_SET(&req, request, node, m[i].name);
        REC_SET(&req, request, flag, true);
        cr_assert_eq(life_ask(l, &req), REPLY_OK);
    }
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(offered_to(F1), 2);
}

/* ---- restarts, cancel, and the end of things ------------------------------------------------- */

Test(scan, goes_on_after_a_restart)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    life_restart(l);
    for (unsigned k = 0; k < MACHINES; k++) {
        machine_register(&m[k]);
        shelf_report(&m[k], &plain);
    }
    hear();
    cr_assert_eq(job(1)->now, JOB_RUNS);
    cr_assert(result(i, &order, token, complete));
    cr_assert_eq(job(1)->row.state, JOB_DONE);
}

Test(scan, an_offer_from_before_a_restart_is_of_the_same_attempt)
{
    struct order_key order;
    unsigned i;

    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    hear();
    held_count[0] = held_count[1] = held_count[2] = 0;
    life_restart(l);
    for (unsigned k = 0; k < MACHINES; k++) {
        machine_register(&m[k]);
        shelf_report(&m[k], &plain);
        hear();
    }
    i = offered_to(F1);
    order = offer_of(i, F1);
    cr_assert_eq(order.attempt, 1);
}

Test(scan, a_cancelled_one_finishes_what_runs)
{
    const char *const both[] = { F1, F2 };
    struct request req = { 0 };
    struct order_key order;
    uint64_t token;
    unsigned i;

    cr_assert_eq(scan(both, 2, false), REPLY_OK);
    i = offered_to(F1);
    order = offer_of(i, F1);
    token = ask(i, F1, &order);
    REC_SET(&req, request, op, OP_TASK_CANCEL);
    REC_SET(&req, request, count, task()->row.no);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_assert_eq(job(2)->row.state, JOB_DONE);
    cr_assert_eq(job(1)->now, JOB_RUNS);
    cr_assert(result(i, &order, token, complete));
    cr_assert_null(task());
    cr_assert_eq(shelf_resource(l, RESOURCE_FILESYSTEM, F1)->seat->scan->images, 2);
}

Test(scan, what_is_gone_is_not_read)
{
    struct shelf less = plain;
    struct order_key order;
    uint64_t token;
    unsigned i;

    less.fs[0].container = NULL;
    cr_assert_eq(scan(NULL, 0, false), REPLY_OK);
    i = offered_to(F1);
    order = offer_of(i, F1);
    for (unsigned k = 0; k < MACHINES; k++)
        shelf_report(&m[k], &less);
    token = ask(i, F1, &order);
    cr_assert_eq(token, 0);
    alive(DEFAULT_HELD_MS + 20000);
    cr_assert_null(task());
    cr_assert_eq(durable_count_events(l->d, "task.done", "2 not read"), 1);
}

Test(scan, its_figures_are_told)
{
    struct request req = { 0 };
    const struct task_info *info;
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    REC_SET(&req, request, op, OP_TASK_SHOW);
    REC_SET(&req, request, count, task()->row.no);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    info = l->reply->tasks.v;
    cr_assert_eq(info->jobs_running, 1);
    cr_assert_gt(info->remaining_ms, 0);
    result(i, &order, token, complete);
    memset(&req, 0, sizeof req);
    REC_SET(&req, request, op, OP_TASK_SHOW);
    REC_SET(&req, request, count, task()->row.no);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    info = l->reply->tasks.v;
    cr_assert_eq(info->images, 2);
    cr_assert_eq(info->mounts, 1);
}

static int64_t remaining_ms(const char *fs)
{
    struct request req = { 0 };
    const char *const names[] = { fs };

    cr_assert_eq(scan(names, 1, false), REPLY_OK);
    REC_SET(&req, request, op, OP_TASK_SHOW);
    REC_SET(&req, request, count, task()->row.no);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    return ((const struct task_info *)l->reply->tasks.v)->remaining_ms;
}

/* Three nodes read it, with a place or more each: the longest that is left counts. */
Test(scan, what_was_never_read_will_take_as_long_as_the_others)
{
    struct order_key order;
    uint64_t token;
    unsigned i;

    cr_assert_eq(remaining_ms(F2), 5000, "none was ever read");
    i = reading(&order, &token);
    cr_assert(result(i, &order, token, complete)); /* in 700 ms */
    cr_assert_eq(remaining_ms(F2), 700);
    life_restart(l);
    cr_assert_eq(remaining_ms(F2), 700);
}

Test(scan, what_is_gone_is_learnt_from_no_more)
{
    struct shelf without = plain;
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    cr_assert(result(i, &order, token, complete));
    without.fs[0].container = NULL;
    for (unsigned k = 0; k < MACHINES; k++)
        shelf_report(&m[k], &without);
    life_run(l, 2 * l->config.edge_retention_ms);
    cr_assert_null(resource_by_id(l->c, resource_seen_id(NULL, RESOURCE_FILESYSTEM, F1)));
    cr_assert_eq(remaining_ms(F2), 5000);
}
