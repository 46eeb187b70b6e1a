/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quarantined edges: a node that found something else than it reports is not believed, which is
 * durable, and is not asked to read; and each way in which that ends. */
#include <criterion/criterion.h>

#include "scanning.h"
#include "core/trust.h"

TestSuite(trust, .init = setup, .fini = teardown);

#define FOUND "identity changed: its superblock has the UUID u9, not u1"

static const struct found other = {
    .outcome = SCAN_NOT_READ, .reason = FOUND, .again = true, .mismatch = true
};

static struct edge *edge(unsigned i, const char *fs)
{
    return edge_find(node_by_id(l->c, m[i].id), shelf_resource(l, RESOURCE_FILESYSTEM, fs));
}

static size_t events(const char *kind)
{
    return durable_count_events(l->d, kind, NULL);
}

/* It was to read F1 and found something else; which one. */
static unsigned quarantined(void)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    cr_assert(result(i, &order, token, other));
    cr_assert_eq(edge(i, F1)->shown, EDGE_QUARANTINED);
    return i;
}

/* F1 is gone, of two members now, or there. */
static const struct shelf *shelf_with(const char *container, uint64_t members)
{
    static struct shelf changed;

    changed = plain;
    changed.fs[0].container = container;
    changed.fs[0].members = members;
    return &changed;
}

/* The newest task: another than this one reads F1, and all others say so of their reach, but for
 * this one, which finds something else again. */
static void others_read(unsigned but)
{
    unsigned k = offered_to(F1);
    struct order_key order = offer_of(k, F1);

    cr_assert_neq(k, but);
    cr_assert(result(k, &order, ask(k, F1, &order), complete));
    for (unsigned i = 0; i < MACHINES; i++) {
        if (i == k)
            continue;
        order = offer_of(i, F1);
        cr_assert(reach(i, &order, i != but));
    }
    cr_assert_null(task());
}

/* ---- what it is ------------------------------------------------------------------------------ */

Test(trust, another_reads_what_one_finds_to_be_something_else)
{
    unsigned i = quarantined(), k = offered_to(F1);
    struct order_key order = offer_of(k, F1);
    const struct edge *e = edge(i, F1);

    cr_assert_neq(i, k);
    cr_assert_str_eq(e->distrust->text, FOUND);
    cr_assert_eq(e->distrust->since.v, l->wall.v);
    cr_assert_eq(e->state, EDGE_OK, "that is what it reports");
    cr_assert_eq(edge(i, F2)->shown, EDGE_OK, "of that it has said nothing");
    cr_assert_eq(edge(k, F1)->shown, EDGE_OK);
    cr_assert_eq(e->resource->counts[EDGE_QUARANTINED], 1);
    cr_assert_eq(e->node->counts[EDGE_QUARANTINED], 1);
    cr_assert_eq(l->c->counts[EDGE_QUARANTINED], 1);
    cr_assert_eq(durable_count_events(l->d, "edge.quarantined", FOUND), 1);
    cr_assert(result(k, &order, ask(k, F1, &order), complete));
}

Test(trust, it_lasts_over_a_restart_and_is_under_what_is_not_known)
{
    unsigned i = quarantined();
    int64_t since = edge(i, F1)->distrust->since.v;

    life_restart(l);
    cr_assert_eq(edge(i, F1)->shown, EDGE_UNKNOWN);
    machine_register(&m[i]);
    shelf_report(&m[i], &plain);
    cr_assert_eq(edge(i, F1)->shown, EDGE_QUARANTINED);
    cr_assert_str_eq(edge(i, F1)->distrust->text, FOUND);
    cr_assert_eq(edge(i, F1)->distrust->since.v, since);
    cr_assert_eq(events("edge.quarantined"), 1);
}

Test(trust, the_same_again_is_no_news_and_something_else_keeps_its_beginning)
{
    unsigned i = quarantined();
    int64_t since = edge(i, F1)->distrust->since.v;

    alive(2000);
    others_read(i);
    cr_assert_str_eq(edge(i, F1)->distrust->text, "Another filesystem is there.");
    cr_assert_eq(edge(i, F1)->distrust->since.v, since);
    cr_assert_eq(events("edge.quarantined"), 2);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    others_read(i);
    cr_assert_eq(edge(i, F1)->distrust->since.v, since);
    cr_assert_eq(events("edge.quarantined"), 2);
}

Test(trust, what_comes_too_late_or_without_the_right_says_nothing)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token), k = (i + 1) % MACHINES;

    cr_assert(!result(k, &order, token, other));
    cr_assert_eq(edge(k, F1)->shown, EDGE_OK, "it had no lease");
    shelf_report(&m[i], shelf_with(NULL, 0));
    cr_assert(result(i, &order, token, other));
    cr_assert_eq(edge(i, F1)->shown, EDGE_LOST, "it has said so before");
    cr_assert_null(edge(i, F1)->distrust);
    cr_assert_eq(events("edge.quarantined"), 0);
}

Test(trust, whoever_is_not_believed_gets_no_hold)
{
    unsigned i = quarantined();

    cr_assert_eq(rights_take(l, m[i].name, F1), REPLY_REFUSED);
    cr_assert_not_null(strstr(l->reply->text, "is not believed to see it"), "%s", l->reply->text);
    cr_assert_not_null(strstr(l->reply->text, "UUID u9"), "%s", l->reply->text);
}

/* The newest job of the task is that it proves its reach of F1. */
static bool is_asked(unsigned i)
{
    const struct job *j = job(task()->job_count);

    return j->row.step == 1 && j->now == JOB_OFFERED && j->node == edge(i, F1)->node;
}

/* Nobody else sees F1, and it has found something else there. */
static void alone(struct order_key *order)
{
    uint64_t token;

    for (unsigned i = 1; i < MACHINES; i++)
        shelf_report(&m[i], shelf_with(NULL, 0));
    cr_assert_eq(reading(order, &token), 0);
    cr_assert(result(0, order, token, other));
    cr_assert(is_asked(0));
    *order = offer_of(0, F1);
    cr_assert_eq(order->job, 2);
    alive(6000); /* until it would be tried again */
    cr_assert(is_asked(0), "once");
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_not_null(strstr(job(1)->held, "found something else there"), "%s", job(1)->held);
}

/* ---- who is offered what --------------------------------------------------------------------- */

Test(trust, when_nobody_is_believed_the_scan_ends_and_says_so)
{
    for (unsigned n = 0; n < MACHINES; n++) {
        struct order_key order;
        unsigned i;

        if (n == 0)
            cr_assert_eq(scan(one, 1, false), REPLY_OK);
        i = offered_to(F1);
        order = offer_of(i, F1);
        cr_assert(result(i, &order, ask(i, F1, &order), other));
    }
    cr_assert_null(task(), "three attempts");
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    for (unsigned i = 0; i < MACHINES; i++) {
        struct order_key order = offer_of(i, F1);

        cr_assert_neq(order.job, 1, "it is asked for a proof alone");
        cr_assert(reach(i, &order, false));
    }
    cr_assert_eq(job(1)->now, JOB_HELD);
    cr_assert_not_null(strstr(job(1)->held, "found something else there"), "%s", job(1)->held);
    alive(DEFAULT_HELD_MS - 10000);
    cr_assert_not_null(task());
    alive(20000);
    cr_assert_null(task());
    cr_assert_eq(durable_count_events(l->d, "task.done", "0 complete, 0 incomplete, 1 not read"),
                 2);
    cr_assert_eq(durable_count_events(l->d, "task.done", "reach: 0 proven, 3 not"), 1);
}

Test(trust, who_alone_sees_it_proves_that_first_and_reads_it_then)
{
    struct order_key order;

    alone(&order);
    cr_assert(reach(0, &order, true));
    cr_assert_eq(edge(0, F1)->shown, EDGE_OK);
    order = offer_of(0, F1);
    cr_assert_eq(order.job, 1);
    cr_assert(result(0, &order, ask(0, F1, &order), complete));
    cr_assert_null(task());
    cr_assert_eq(
        durable_count_events(l->d, "task.done",
                             "1 complete, 0 incomplete, 0 not read; reach: 1 proven, 0 not"),
        1);
}

Test(trust, who_alone_sees_it_and_does_not_prove_it_is_not_asked_again)
{
    struct order_key order;

    alone(&order);
    life_restart(l);
    machine_register(&m[0]);
    shelf_report(&m[0], &plain);
    alive(5000);
    cr_assert(is_asked(0), "that is durable");
    order = offer_of(0, F1);
    cr_assert(reach(0, &order, false));
    alive(DEFAULT_HELD_MS - 20000);
    cr_assert_not_null(task());
    cr_assert_eq(task()->job_count, 2);
    alive(30000);
    cr_assert_null(task());
    cr_assert_eq(durable_count_events(l->d, "task.done", "1 not read; reach: 0 proven, 1 not"), 1);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert(is_asked(0), "but in another task");
}

Test(trust, whom_the_operator_drains_is_asked_for_no_proof)
{
    struct order_key order;
    struct request drain = { 0 };

    alone(&order);
    cr_assert(reach(0, &order, false));
    alive(DEFAULT_HELD_MS + 10000);
    cr_assert_null(task());
    REC_SET(&drain, request, op, OP_NODE_DRAIN);
    REC_SET(&drain, request, node, m[0].name);
    REC_SET(&drain, request, flag, true);
    cr_assert_eq(life_ask(l, &drain), REPLY_OK);
    cr_assert_eq(scan(one, 1, false), REPLY_OK);
    cr_assert_eq(task()->job_count, 1);
}

Test(trust, in_mode_every_the_job_of_one_that_is_not_believed_is_held)
{
    unsigned i = quarantined(), done = 0;

    others_read(i);
    cr_assert_eq(scan(one, 1, true), REPLY_OK);
    for (unsigned n = 0; n < 40 && done < MACHINES - 1; n++) {
        for (unsigned k = 0; k < MACHINES; k++) {
            struct order_key order;

            if (!has_offer(k, F1))
                continue;
            order = offer_of(k, F1);
            if (k == i) {
                cr_assert_eq(job((uint32_t)order.job)->row.step, 1, "it is to prove it first");
                cr_assert(reach(k, &order, false));
                continue;
            }
            done += result(k, &order, ask(k, F1, &order), complete);
        }
        alive(1000);
    }
    cr_assert_eq(task()->job_count, MACHINES + 1);
    for (uint32_t n = 1; n <= task()->job_count; n++) {
        const struct job *j = job(n);

        if (j->row.step == 1)
            continue;
        cr_assert_eq(j->now, j->row.node_no == edge(i, F1)->node->row.no ? JOB_HELD : JOB_OVER);
        if (j->now == JOB_HELD)
            cr_assert_not_null(strstr(j->held, "is not believed to see it"), "%s", j->held);
    }
    alive(DEFAULT_HELD_MS);
    cr_assert_null(task());
    cr_assert_eq(durable_count_events(l->d, "task.done", "2 complete, 0 incomplete, 1 not read"),
                 1);
}

/* ---- what is proven, and of which boot ------------------------------------------------------- */

static const struct reach_row *proof(unsigned i)
{
    const struct edge *e = edge(i, F1);

    return durable_reach(l->d, e->resource->no, e->node->row.no);
}

static void expect_proof(unsigned i, enum reach_how how, int64_t at)
{
    const struct reach_row *row = proof(i);

    cr_assert_not_null(row, "of %s nothing is known", m[i].name);
    cr_expect_eq(row->how, how);
    cr_expect_eq(row->at.v, at);
    cr_expect(uuid_eq(row->boot_id, edge(i, F1)->node->row.boot_id));
    cr_expect_eq(row->reason != NULL, how == REACHED_NOT);
}

Test(trust, who_has_read_and_who_has_proven_is_stored_with_moment_and_boot)
{
    unsigned i = quarantined(), k = offered_to(F1), third = MACHINES - i - k;
    struct order_key order = offer_of(k, F1);
    int64_t first = l->wall.v, second;

    expect_proof(i, REACHED_NOT, first);
    cr_assert_str_eq(proof(i)->reason, FOUND);
    cr_assert_null(proof(k));
    alive(2000);
    second = l->wall.v;
    cr_assert(result(k, &order, ask(k, F1, &order), complete));
    expect_proof(k, REACHED_READ, second);
    expect_proof(i, REACHED_NOT, first);
    order = offer_of(i, F1);
    cr_assert(reach(i, &order, true));
    expect_proof(i, REACHED_PROVEN, second);
    order = offer_of(third, F1);
    cr_assert(reach(third, &order, false));
    expect_proof(third, REACHED_NOT, second);
    machine_reboot(&m[k]);
    life_run(l, 60000);
    machine_join(&m[k]);
    cr_assert(!uuid_eq(proof(k)->boot_id, edge(k, F1)->node->row.boot_id), "of the boot before");
}

Test(trust, that_nothing_has_changed_is_a_proof_and_what_was_in_use_is_none)
{
    static const struct found in_use = { .outcome = SCAN_NOT_READ, .reason = "In use." };
    static const struct found same = { .outcome = SCAN_COMPLETE,
                                       .fingerprint = "ext4 1",
                                       .unchanged = true };
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    cr_assert(result(i, &order, token, in_use));
    cr_assert_null(proof(i));
    cr_assert_null(task());
    i = reading(&order, &token);
    cr_assert(result(i, &order, token, same));
    expect_proof(i, REACHED_PROVEN, l->wall.v);
}

/* ---- how it ends ----------------------------------------------------------------------------- */

Test(trust, a_proof_of_reach_ends_it_and_a_failed_one_begins_it)
{
    unsigned i = quarantined(), k = offered_to(F1), third = MACHINES - i - k;
    struct order_key order = offer_of(k, F1);

    cr_assert(result(k, &order, ask(k, F1, &order), complete));
    order = offer_of(i, F1);
    cr_assert(reach(i, &order, true));
    cr_assert_eq(edge(i, F1)->shown, EDGE_OK);
    cr_assert_null(edge(i, F1)->distrust);
    cr_assert_eq(durable_count_events(l->d, "edge.believed", "proven it"), 1);
    order = offer_of(third, F1);
    cr_assert(reach(third, &order, false));
    cr_assert_eq(edge(third, F1)->shown, EDGE_QUARANTINED);
    life_restart(l);
    cr_assert_null(edge(i, F1)->distrust);
    cr_assert_not_null(edge(third, F1)->distrust);
}

Test(trust, what_is_not_reported_any_more_and_comes_back_is_believed)
{
    unsigned i = quarantined();

    shelf_report(&m[i], &plain);
    cr_assert_eq(edge(i, F1)->shown, EDGE_QUARANTINED, "it says the same as before");
    shelf_report(&m[i], shelf_with(NULL, 0));
    cr_assert_eq(edge(i, F1)->shown, EDGE_LOST);
    cr_assert_null(edge(i, F1)->distrust);
    shelf_report(&m[i], &plain);
    cr_assert_eq(edge(i, F1)->shown, EDGE_OK);
    cr_assert_eq(events("edge.believed"), 0, "that it was lost is what the log tells");
}

Test(trust, what_is_reported_as_something_else_is_believed)
{
    unsigned i = quarantined();

    shelf_report(&m[i], shelf_with("naa.6001-part1", 2));
    cr_assert_eq(edge(i, F1)->shown, EDGE_OK);
    cr_assert_eq(durable_count_events(l->d, "edge.believed", "not what it reported then"), 1);
}

Test(trust, a_path_that_fails_is_no_new_word)
{
    struct shelf lost = plain;
    unsigned i = quarantined();

    lost.fs[0].lost = true;
    shelf_report(&m[i], &lost);
    cr_assert_eq(edge(i, F1)->shown, EDGE_LOST);
    shelf_report(&m[i], &plain);
    cr_assert_eq(edge(i, F1)->shown, EDGE_QUARANTINED);
}

Test(trust, a_new_boot_looks_anew)
{
    unsigned i = quarantined();

    machine_reboot(&m[i]);
    life_run(l, 60000);
    machine_join(&m[i]);
    cr_assert_null(edge(i, F1)->distrust);
    shelf_report(&m[i], &plain);
    cr_assert_eq(edge(i, F1)->shown, EDGE_OK);
}
