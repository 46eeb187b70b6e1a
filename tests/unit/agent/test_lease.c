/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases as a node knows them: asked for, used until their time and not beyond, renewed, lost,
 * ended; and what every message says of them. */
#include <criterion/criterion.h>

#include "wire/codec.h"
#include "world.h"

enum { TTL_MS = 15000, USED_MS = TTL_MS - TTL_MS / 1000 - LEASE_STOP_BUDGET_MS };

static const uint8_t resource[16] = { 0xf0 };
static const struct strs nothing = { NULL, 0 };

static void settled(struct world *w)
{
    world_open(w);
    world_start(w);
    world_settle(w);
}

static struct order_key order_of(uint64_t job)
{
    struct order_key o = { .present = 0 };

    REC_SET(&o, order_key, task, 7);
    REC_SET(&o, order_key, job, job);
    REC_SET(&o, order_key, attempt, 1);
    return o;
}

/* Of the filesystem of that number. */
static void offer_for(struct world *w, enum offer_kind kind, uint64_t job, uint8_t number,
                      const char *uuid)
{
    struct envelope env = { .present = 0 };
    struct offer body = { .present = 0 };
    struct order_key order = order_of(job);
    uint8_t id[16];

    memcpy(id, resource, sizeof id);
    id[15] = number;
    REC_SET(&body, offer, order, &order);
    REC_SET(&body, offer, kind, kind);
    REC_SET(&body, offer, resource, wire_bytes16(id));
    REC_SET(&body, offer, container, "serial.1");
    REC_SET(&body, offer, type, "ext4");
    REC_SET(&body, offer, uuid, uuid);
    REC_SET(&env, envelope, offer, &body);
    world_answer(w, NULL, &env);
}

/* Each job is of a filesystem of its own. */
static void offer_of(struct world *w, enum offer_kind kind, uint64_t job, const char *uuid)
{
    offer_for(w, kind, job, (uint8_t)job, uuid);
}

static void offer(struct world *w, uint64_t job)
{
    offer_of(w, OFFER_SCAN, job, "f0");
}

static void grant_for(struct world *w, const struct envelope *question, uint64_t token,
                      uint64_t ttl_ms)
{
    struct envelope env = { .present = 0 };
    struct granted body = { .present = 0 };

    REC_SET(&body, granted, token, token);
    REC_SET(&body, granted, ttl_ms, ttl_ms);
    REC_SET(&body, granted, order, question->lease_request->order);
    REC_SET(&body, granted, resource, question->lease_request->resource);
    REC_SET(&env, envelope, granted, &body);
    world_answer(w, question, &env);
}

static void grant(struct world *w, const struct envelope *question, uint64_t token)
{
    grant_for(w, question, token, TTL_MS);
}

/* Renews what the question holds, but for one request. */
static void renew(struct world *w, const struct envelope *question, uint64_t except)
{
    const struct right *v = question->lease_renew->rights.v;
    struct envelope env = { .present = 0 };
    struct renewed body = { .present = 0 };
    struct right out[WORLD_SCANS];
    size_t n = 0;

    for (size_t i = 0; i < question->lease_renew->rights.n; i++) {
        if (v[i].state == RIGHT_HELD && v[i].request != except)
            out[n++] = v[i];
    }
    REC_SET(&body, renewed, rights, ((struct recs){ out, n }));
    REC_SET(&env, envelope, renewed, &body);
    world_answer(w, question, &env);
}

static void acknowledge(struct world *w, const struct envelope *question,
                        const struct order_key *order, bool taken)
{
    struct envelope env = { .present = 0 };
    struct result_ack body = { .present = 0 };

    REC_SET(&body, result_ack, order, order);
    REC_SET(&body, result_ack, taken, taken);
    REC_SET(&env, envelope, result_ack, &body);
    world_answer(w, question, &env);
}

static struct world_scan *scanning(struct world *w, uint64_t job, uint64_t token)
{
    offer(w, job);
    grant(w, world_last(w, envelope_lease_request), token);
    return world_scan(w);
}

/* As what the list of the next heartbeat names the request; 0: not at all. */
static uint64_t told_as(struct world *w, uint64_t request)
{
    const struct envelope *beat;
    const struct right *v;

    world_pass(w, DEFAULT_HEARTBEAT_MS);
    beat = world_last(w, envelope_heartbeat);
    world_beat_acked(w, beat, 100, nothing);
    v = beat->heartbeat->rights.v;
    for (size_t i = 0; i < beat->heartbeat->rights.n; i++) {
        if (v[i].request == request)
            return v[i].state;
    }
    return 0;
}

static void pass_heard(struct world *w, int64_t ms)
{
    for (; ms > 0; ms -= DEFAULT_HEARTBEAT_MS) {
        world_pass(w, ms < DEFAULT_HEARTBEAT_MS ? ms : DEFAULT_HEARTBEAT_MS);
        if (world_last(w, envelope_heartbeat) != NULL)
            world_beat_acked(w, world_last(w, envelope_heartbeat), 100, nothing);
    }
}

static struct scan_result complete(void)
{
    struct scan_result r = { .present = 0 };

    REC_SET(&r, scan_result, outcome, SCAN_COMPLETE);
    REC_SET(&r, scan_result, mounts, 1);
    return r;
}

Test(lease, offered_asked_granted_scanned_told)
{
    struct scan_result result = complete();
    const struct envelope *ask, *told;
    struct world_scan *s;
    struct world w;

    settled(&w);
    offer(&w, 3);
    ask = world_last(&w, envelope_lease_request);
    cr_assert_not_null(ask, "at once");
    cr_expect_eq(ask->lease_request->order->job, 3);
    cr_expect_eq(ask->lease_request->rights.n, 0, "of itself the request is the newest word");
    cr_expect_eq(told_as(&w, ask->seq), RIGHT_ASKED);
    grant(&w, ask, 42);
    s = world_scan(&w);
    cr_assert_not_null(s);
    cr_expect_eq(s->request, ask->seq);
    cr_expect_eq(s->token, 42);
    cr_expect_eq(s->deadline.v, w.now.v - DEFAULT_HEARTBEAT_MS + USED_MS);
    cr_expect_eq(told_as(&w, ask->seq), RIGHT_HELD);
    world_scan_done(&w, s, &result, NULL, true);
    told = world_last(&w, envelope_scan_result);
    cr_assert_not_null(told, "at once");
    cr_expect_eq(told->scan_result->outcome, SCAN_COMPLETE);
    cr_expect_eq(told->scan_result->token, 42);
    cr_expect_eq(told->scan_result->order->job, 3);
    cr_expect_eq(told->scan_result->rights.n, 0, "unmounted, as its own result says");
    cr_expect_eq(told_as(&w, ask->seq), RIGHT_HELD, "so that the result finds the lease live");
    acknowledge(&w, told, told->scan_result->order, true);
    cr_expect_eq(told_as(&w, ask->seq), 0);
    world_forget(&w);
    pass_heard(&w, 60000);
    cr_expect_eq(world_count(&w, envelope_scan_result), 0);
    cr_expect_eq(world_count(&w, envelope_lease_renew), 0);
    world_close(&w);
}

Test(lease, a_renewal_counts_from_when_it_was_sent)
{
    const struct envelope *first, *second;
    struct world_scan *s;
    struct world w;
    mono_ms sent;

    settled(&w);
    s = scanning(&w, 3, 42);
    sent.v = w.now.v + TTL_MS / 3;
    pass_heard(&w, TTL_MS / 3);
    first = world_last(&w, envelope_lease_renew);
    cr_assert_not_null(first, "after a third of the TTL");
    pass_heard(&w, 3000);
    renew(&w, first, 0);
    cr_expect_eq(s->deadline.v, sent.v + USED_MS, "not from its answer");
    pass_heard(&w, TTL_MS / 3 - 3000);
    second = world_last(&w, envelope_lease_renew);
    cr_assert_neq(second, first);
    renew(&w, second, 0);
    cr_expect_eq(s->deadline.v, sent.v + TTL_MS / 3 + USED_MS);
    renew(&w, first, 0);
    renew(&w, second, 0);
    cr_expect_eq(s->deadline.v, sent.v + TTL_MS / 3 + USED_MS, "an older answer takes nothing");
    world_close(&w);
}

Test(lease, without_renewal_it_ends_in_time)
{
    struct world_scan *s;
    struct world w;

    settled(&w);
    s = scanning(&w, 3, 42);
    pass_heard(&w, USED_MS - 1);
    cr_expect_not(s->told_to_end);
    pass_heard(&w, 1);
    cr_expect(s->told_to_end);
    cr_expect_eq(told_as(&w, s->request), RIGHT_HELD, "until it is proven");
    world_scan_done(&w, s, NULL, "ended by signal 9", true);
    cr_expect_eq(world_last(&w, envelope_scan_result)->scan_result->outcome, SCAN_NOT_READ);
    cr_expect_str_eq(world_last(&w, envelope_scan_result)->scan_result->reason,
                     "the lease was not renewed in time");
    world_close(&w);
}

Test(lease, a_grant_is_not_used_after_its_time)
{
    const struct envelope *ask;
    struct world w;

    settled(&w);
    offer(&w, 3);
    ask = world_last(&w, envelope_lease_request);
    pass_heard(&w, 3000);
    grant_for(&w, ask, 42, 5000); /* until 5000 - 5 - 2000 after the request */
    cr_expect_null(world_scan(&w), "too late");
    cr_expect_eq(told_as(&w, ask->seq), 0, "answered and not used: over");
    offer(&w, 4);
    ask = world_last(&w, envelope_lease_request);
    world_pass(&w, 100);
    grant_for(&w, ask, 43, 5000);
    cr_expect_not_null(world_scan(&w));
    world_close(&w);
}

Test(lease, a_pause_longer_than_the_ttl_costs_the_scan)
{
    const struct envelope *asked;
    struct world_scan *s;
    struct world w;

    settled(&w);
    s = scanning(&w, 3, 42);
    pass_heard(&w, TTL_MS / 3);
    asked = world_last(&w, envelope_lease_renew);
    w.now.v += 2 * TTL_MS; /* no step in between */
    renew(&w, asked, 0);
    cr_expect(s->told_to_end);
    cr_expect_leq(s->deadline.v, w.now.v - TTL_MS, "not extended");
    world_close(&w);
}

Test(lease, an_answer_that_comes_after_the_deadline_revives_nothing)
{
    const struct envelope *asked;
    struct world_scan *s;
    mono_ms deadline;
    struct world w;

    settled(&w);
    s = scanning(&w, 3, 42);
    deadline = s->deadline;
    pass_heard(&w, TTL_MS * 2 / 3);
    asked = world_last(&w, envelope_lease_renew);
    w.now = deadline; /* the renewal is good for longer, but the worker's timer has run out */
    renew(&w, asked, 0);
    cr_expect_eq(s->deadline.v, deadline.v);
    cr_expect(s->told_to_end);
    world_close(&w);
}

Test(lease, after_patience_a_request_is_over_and_its_grant_is_not_used)
{
    const struct envelope *ask;
    struct world w;

    settled(&w);
    offer(&w, 3);
    ask = world_last(&w, envelope_lease_request);
    pass_heard(&w, 10000);
    cr_expect_eq(told_as(&w, ask->seq), 0);
    grant_for(&w, ask, 42, LIMIT_LEASE_TTL_MS);
    cr_expect_null(world_scan(&w), "the list said that it is over");
    world_close(&w);
}

Test(lease, a_repeated_request_is_another_one)
{
    const struct envelope *first, *second;
    struct world w;

    settled(&w);
    offer(&w, 3);
    first = world_last(&w, envelope_lease_request);
    offer(&w, 3);
    cr_expect_eq(world_last(&w, envelope_lease_request), first, "an offer that was doubled");
    world_pass(&w, 3000);
    offer(&w, 3);
    second = world_last(&w, envelope_lease_request);
    cr_assert_neq(first, second);
    cr_expect_eq(second->lease_request->rights.n, 0, "the first is over");
    grant(&w, first, 42);
    cr_expect_null(world_scan(&w));
    grant(&w, second, 43);
    cr_assert_not_null(world_scan(&w));
    grant(&w, second, 43);
    grant(&w, second, 44);
    cr_expect_eq(w.scan_count, 1, "one worker, however often it is granted");
    world_close(&w);
}

Test(lease, what_is_not_renewed_is_lost)
{
    const struct envelope *asked;
    struct world_scan *s;
    struct world w;

    settled(&w);
    s = scanning(&w, 3, 42);
    pass_heard(&w, TTL_MS / 3);
    asked = world_last(&w, envelope_lease_renew);
    scanning(&w, 4, 43);
    renew(&w, asked, s->request);
    cr_expect(w.scans[0].told_to_end);
    cr_expect_not(w.scans[1].told_to_end, "that renewal was sent before it was granted");
    pass_heard(&w, TTL_MS / 3);
    renew(&w, world_last(&w, envelope_lease_renew), w.scans[1].request);
    cr_expect(w.scans[1].told_to_end);
    world_close(&w);
}

Test(lease, a_denied_or_refused_request_is_over)
{
    struct envelope env = { .present = 0 };
    struct denied body = { .present = 0 };
    const struct envelope *ask;
    struct world w;

    settled(&w);
    offer(&w, 3);
    ask = world_last(&w, envelope_lease_request);
    REC_SET(&body, denied, order, ask->lease_request->order);
    REC_SET(&env, envelope, denied, &body);
    world_answer(&w, ask, &env);
    cr_expect_eq(told_as(&w, ask->seq), 0);
    grant(&w, ask, 42);
    cr_expect_null(world_scan(&w));
    offer(&w, 3);
    ask = world_last(&w, envelope_lease_request);
    world_refused(&w, ask, REFUSE_BUSY, 0);
    cr_expect_eq(told_as(&w, ask->seq), 0);
    world_close(&w);
}

Test(lease, there_are_so_many_places)
{
    struct world w;

    world_open(&w);
    w.config.scans = 2;
    world_start(&w);
    world_settle(&w);
    scanning(&w, 1, 41);
    scanning(&w, 2, 42);
    offer(&w, 3);
    cr_expect_eq(world_count(&w, envelope_lease_request), 2);
    cr_assert_not_null(world_last(&w, envelope_decline));
    cr_expect_eq(world_last(&w, envelope_decline)->decline->order->job, 3);
    cr_expect_gt(world_last(&w, envelope_decline)->decline->retry_ms, 0);
    world_scan_done(&w, &w.scans[0], NULL, "a reason", true);
    acknowledge(&w, world_last(&w, envelope_scan_result),
                world_last(&w, envelope_scan_result)->scan_result->order, true);
    offer(&w, 3);
    cr_expect_eq(world_count(&w, envelope_lease_request), 3);
    cr_expect_eq(world_last(&w, envelope_lease_request)->lease_request->rights.n, 1);
    world_close(&w);
}

Test(lease, what_is_not_in_the_inventory_is_declined)
{
    struct world w;

    settled(&w);
    offer_of(&w, OFFER_SCAN, 3, "another");
    cr_expect_null(world_last(&w, envelope_lease_request));
    cr_assert_not_null(world_last(&w, envelope_decline));
    world_close(&w);
}

/* An offer of another scan of filesystem 3 is declined for that reason. */
static void declines_it(struct world *w, const char *why)
{
    unsigned requests = world_count(w, envelope_lease_request);
    unsigned declined = world_count(w, envelope_decline);
    const struct decline *d;

    offer_for(w, OFFER_SCAN, 9, 3, "f0");
    cr_expect_eq(world_count(w, envelope_lease_request), requests);
    cr_assert_eq(world_count(w, envelope_decline), declined + 1, "%s", why);
    d = world_last(w, envelope_decline)->decline;
    cr_expect_eq(d->order->job, 9);
    cr_expect_not_null(strstr(d->reason, why), "%s", d->reason);
    cr_expect_gt(d->retry_ms, 0, "another time it may be free");
}

Test(lease, whoever_has_a_right_on_a_filesystem_declines_other_scans_of_it)
{
    struct scan_result result = complete();
    const struct envelope *told;
    struct world w;

    settled(&w);
    offer(&w, 3);
    declines_it(&w, "has asked for another lease of it");
    grant(&w, world_last(&w, envelope_lease_request), 42);
    declines_it(&w, "another scan of it has not ended");
    world_scan_done(&w, world_scan(&w), &result, NULL, false);
    declines_it(&w, "is not answered yet");
    told = world_last(&w, envelope_scan_result);
    acknowledge(&w, told, told->scan_result->order, true);
    declines_it(&w, "is not proven unmounted");
    offer(&w, 4);
    cr_expect_eq(world_count(&w, envelope_lease_request), 2, "of others it does not");
    offer_for(&w, OFFER_REACH, 10, 3, "f0");
    cr_expect_eq(w.reach_count, 1, "a reach needs no right");
    world_scan_clean(&w, &w.scans[0]);
    offer_for(&w, OFFER_SCAN, 9, 3, "f0");
    cr_expect_eq(world_count(&w, envelope_lease_request), 3);
    world_close(&w);
}

Test(lease, a_scan_that_is_unmounted_but_not_answered_is_a_right_too)
{
    struct scan_result result = complete();
    struct world w;

    settled(&w);
    scanning(&w, 3, 42);
    world_scan_done(&w, world_scan(&w), &result, NULL, true);
    declines_it(&w, "is not answered yet");
    world_close(&w);
}

Test(lease, residue_stays_in_the_list_until_it_is_clean)
{
    const struct envelope *told;
    struct world_scan *s;
    struct world w;

    settled(&w);
    s = scanning(&w, 3, 42);
    world_scan_done(&w, s, NULL, "the worker cannot be ended", false);
    told = world_last(&w, envelope_scan_result);
    cr_assert_eq(told->scan_result->rights.n, 1);
    cr_expect_eq(((const struct right *)told->scan_result->rights.v)->state, RIGHT_RESIDUE);
    cr_expect_eq(told_as(&w, s->request), RIGHT_HELD, "so that the result finds the lease live");
    acknowledge(&w, told, told->scan_result->order, true);
    cr_expect_eq(told_as(&w, s->request), RIGHT_RESIDUE);
    scanning(&w, 4, 43);
    cr_expect_eq(told_as(&w, s->request), RIGHT_RESIDUE);
    world_scan_clean(&w, &w.scans[0]);
    cr_expect_eq(told_as(&w, w.scans[0].request), 0);
    cr_expect_eq(told_as(&w, w.scans[1].request), RIGHT_HELD);
    world_close(&w);
}

Test(lease, residue_of_an_earlier_probe_is_told_from_the_first_word)
{
    struct agent_residue left = { .request = 77, .token = 11, .resource = { { 0xf0 } } };
    struct world_scan s = { .request = 77 };
    const struct envelope *first;
    struct world w;

    left.resource.b[15] = 3;
    world_open(&w);
    w.config.residues = &left;
    w.config.residue_count = 1;
    w.config.scans = 2;
    w.config.enrolled = true;
    world_start(&w);
    first = world_last(&w, envelope_node_register);
    cr_assert_not_null(first);
    cr_expect_eq(first->node_register->scans, 2, "the coordinator offers no more than that");
    cr_assert_eq(first->node_register->rights.n, 1);
    cr_expect_eq(((const struct right *)first->node_register->rights.v)->request, 77);
    cr_expect_eq(((const struct right *)first->node_register->rights.v)->token, 11);
    world_collect(&w);
    world_registered(&w, world_last(&w, envelope_node_register), nothing);
    declines_it(&w, "is not proven unmounted");
    world_scan_clean(&w, &s);
    cr_expect_eq(told_as(&w, 77), 0);
    offer(&w, 3);
    cr_expect_eq(world_count(&w, envelope_lease_request), 1);
    world_close(&w);
}

Test(lease, what_is_clean_before_its_result_is_answered_leaves_nothing)
{
    struct scan_result result = complete();
    const struct envelope *told;
    struct world_scan *s;
    struct world w;

    settled(&w);
    s = scanning(&w, 3, 42);
    world_scan_done(&w, s, &result, NULL, false);
    world_scan_clean(&w, s);
    pass_heard(&w, 5000);
    told = world_last(&w, envelope_scan_result);
    cr_expect_eq(told->scan_result->rights.n, 0, "its own result says that it is unmounted");
    acknowledge(&w, told, told->scan_result->order, true);
    cr_expect_eq(told_as(&w, s->request), 0);
    world_close(&w);
}

Test(lease, a_result_is_told_until_it_is_answered)
{
    struct scan_result result = complete();
    const struct envelope *told;
    struct world w;

    settled(&w);
    scanning(&w, 3, 42);
    world_scan_done(&w, world_scan(&w), &result, NULL, true);
    told = world_last(&w, envelope_scan_result);
    pass_heard(&w, 30000);
    cr_expect_geq(world_count(&w, envelope_scan_result), 6);
    cr_expect_geq(world_count(&w, envelope_lease_renew), 5, "its lease is kept live");
    acknowledge(&w, told, told->scan_result->order, false);
    cr_expect_not_null(strstr(w.log, "not taken"));
    world_forget(&w);
    pass_heard(&w, 30000);
    cr_expect_eq(world_count(&w, envelope_scan_result), 0);
    world_close(&w);
}

Test(lease, a_new_start_of_the_coordinator_gets_the_list_and_voids_what_is_asked)
{
    const struct envelope *ask, *again;
    struct world_scan *s;
    struct world w;

    settled(&w);
    s = scanning(&w, 3, 42);
    offer(&w, 7);
    offer(&w, 4);
    ask = world_last(&w, envelope_lease_request);
    cr_expect_eq(ask->lease_request->rights.n, 2);
    world_refused(&w, ask, REFUSE_NOT_REGISTERED, 0);
    again = world_last(&w, envelope_node_register);
    cr_assert_not_null(again);
    cr_assert_eq(again->node_register->rights.n, 1);
    cr_expect_eq(((const struct right *)again->node_register->rights.v)->request, s->request);
    cr_expect_eq(again->node_register->memory->token, 42);
    grant(&w, ask, 43);
    cr_expect_eq(w.scan_count, 1, "what was asked before is over");
    REC_SET(&w.coordinator, memory, start_no, 2);
    w.nonce[0] = 2;
    REC_SET(&w.coordinator, memory, token, 44);
    world_registered(&w, again, nothing);
    cr_assert_not_null(world_last(&w, envelope_lease_renew), "at once: does it know the lease?");
    cr_expect_not(s->told_to_end);
    offer(&w, 5);
    grant(&w, world_last(&w, envelope_lease_request), 42);
    cr_expect_eq(w.scan_count, 1, "a token of an earlier start, again");
    cr_expect_not_null(strstr(w.log, "not above those of an earlier start"));
    offer(&w, 6);
    grant(&w, world_last(&w, envelope_lease_request), 44);
    cr_expect_eq(w.scan_count, 1, "a token of an earlier start, which this node has never seen");
    offer(&w, 7);
    grant(&w, world_last(&w, envelope_lease_request), 45);
    cr_expect_eq(w.scan_count, 2);
    world_close(&w);
}

Test(lease, what_another_start_grants_is_not_used)
{
    struct world w;

    settled(&w);
    offer(&w, 3);
    w.nonce[0] = 2;
    grant(&w, world_last(&w, envelope_lease_request), 42);
    cr_expect_null(world_scan(&w), "it has not been accepted");
    cr_expect_not(agent_registered(w.agent));
    offer(&w, 4);
    cr_expect_eq(world_count(&w, envelope_lease_request), 1);
    world_close(&w);
}

Test(lease, a_coordinator_that_lacks_a_lease_is_not_followed)
{
    struct world w;

    settled(&w);
    scanning(&w, 3, 42);
    world_pass(&w, 20000);
    REC_SET(&w.coordinator, memory, start_no, 2);
    w.nonce[0] = 2;
    world_registered(&w, world_last(&w, envelope_node_register), nothing);
    cr_expect_not(agent_registered(w.agent));
    cr_expect_not_null(strstr(w.log, "lacks a lease"));
    world_close(&w);
}

Test(lease, in_silence_the_scan_ends_and_the_list_waits_for_the_answer)
{
    struct world_scan *s;
    struct world w;

    settled(&w);
    s = scanning(&w, 3, 42);
    world_pass(&w, USED_MS);
    cr_expect(s->told_to_end);
    world_scan_done(&w, s, NULL, "killed", true);
    cr_expect_null(world_last(&w, envelope_scan_result), "nobody is there");
    world_pass(&w, 20000);
    cr_expect_eq(world_last(&w, envelope_node_register)->node_register->rights.n, 1);
    REC_SET(&w.coordinator, memory, token, 42);
    world_registered(&w, world_last(&w, envelope_node_register), nothing);
    cr_expect_not_null(world_last(&w, envelope_scan_result));
    world_close(&w);
}

Test(lease, a_result_too_large_for_a_message_is_said_to_be)
{
    struct scan_result result = complete();
    struct image *images = calloc(LIMIT_IMAGES, sizeof *images);
    char path[400];
    struct world w;

    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    for (size_t i = 0; i < LIMIT_IMAGES; i++)
        REC_SET(&images[i], image, path, path);
    REC_SET(&result, scan_result, images, ((struct recs){ images, LIMIT_IMAGES }));
    settled(&w);
    scanning(&w, 3, 42);
    world_scan_done(&w, world_scan(&w), &result, NULL, true);
    cr_expect_eq(world_last(&w, envelope_scan_result)->scan_result->outcome, SCAN_NOT_READ);
    world_close(&w);
    free(images);
}

Test(lease, a_refused_result_is_given_up)
{
    struct scan_result result = complete();
    struct world w;

    settled(&w);
    scanning(&w, 3, 42);
    world_scan_done(&w, world_scan(&w), &result, NULL, true);
    world_refused(&w, world_last(&w, envelope_scan_result), REFUSE_MALFORMED, 0);
    cr_expect_eq(told_as(&w, world_scan(&w)->request), 0);
    world_close(&w);
}

Test(lease, a_reach_needs_no_lease)
{
    struct reach_result result = { .present = 0 };
    const struct envelope *told;
    struct world w;

    settled(&w);
    offer_of(&w, OFFER_REACH, 3, "f0");
    offer_of(&w, OFFER_REACH, 3, "f0");
    cr_assert_eq(w.reach_count, 1);
    cr_expect_null(world_last(&w, envelope_lease_request));
    REC_SET(&result, reach_result, proven, true);
    world_reach_done(&w, &result, NULL);
    told = world_last(&w, envelope_reach_result);
    cr_assert_not_null(told);
    cr_expect(told->reach_result->proven);
    cr_expect_eq(told->reach_result->order->job, 3);
    pass_heard(&w, 10000);
    cr_expect_geq(world_count(&w, envelope_reach_result), 2);
    acknowledge(&w, told, told->reach_result->order, true);
    world_forget(&w);
    pass_heard(&w, 30000);
    cr_expect_eq(world_count(&w, envelope_reach_result), 0);
    offer_of(&w, OFFER_REACH, 4, "f0");
    world_reach_done(&w, NULL, "it does not answer");
    cr_expect_not(world_last(&w, envelope_reach_result)->reach_result->proven);
    cr_expect_str_eq(world_last(&w, envelope_reach_result)->reach_result->reason,
                     "it does not answer");
    world_close(&w);
}

Test(lease, who_stops_ends_its_scans)
{
    struct agent_event stop = { .type = AGENT_STOP, .reason = "the probe ends" };
    struct agent_action *actions;
    struct world w;

    settled(&w);
    scanning(&w, 3, 42);
    stop.now = w.now;
    cr_assert_eq(agent_step(w.agent, &stop, w.arena, &actions), 0);
    cr_assert_not_null(actions);
    cr_expect_eq(actions->type, AGENT_KILL_SCAN);
    world_close(&w);
}
