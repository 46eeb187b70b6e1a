/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The account finds each kind of fault, and none where all is as it should be. */
#include <criterion/criterion.h>

#include "account.h"
#include "base/text.h"
#include "wire/codec.h"

enum { A, B, NODES, TTL = 6000 };

static const uuid128 ids[NODES] = { { { 0xa } }, { { 0xb } } };
static const uuid128 disk = { { 0xd } }, other = { { 0xe } };
static struct account *account;
static uuid128 nonce; /* of the start that speaks */
static mono_ms now;

static void start(uint8_t no)
{
    struct memory m = { 0 };
    struct registered body = { 0 };
    struct envelope env = { 0 };

    nonce = (uuid128){ { no } };
    account_spawned(account, now);
    REC_SET(&m, memory, start_no, no);
    REC_SET(&m, memory, nonce, wire_bytes16(nonce.b));
    REC_SET(&body, registered, coordinator, &m);
    REC_SET(&env, envelope, registered, &body);
    account_heard(account, A, &env, now);
}

static void ask(uint32_t node, uint64_t seq, uuid128 resource)
{
    struct lease_request body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, lease_request, resource, wire_bytes16(resource.b));
    REC_SET(&env, envelope, lease_request, &body);
    REC_SET(&env, envelope, seq, seq);
    account_sent(account, node, &env, now);
}

static void grant(uint32_t node, uint64_t seq, uuid128 resource, uint64_t token)
{
    struct granted body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, granted, token, token);
    REC_SET(&body, granted, ttl_ms, TTL);
    REC_SET(&body, granted, resource, wire_bytes16(resource.b));
    REC_SET(&env, envelope, granted, &body);
    REC_SET(&env, envelope, start, wire_bytes16(nonce.b));
    REC_SET(&env, envelope, correlation, seq);
    account_heard(account, node, &env, now);
}

/* A heartbeat that names one right, or none. */
static void beat(uint32_t node, uint64_t seq, uint64_t request, enum right_state state)
{
    struct heartbeat body = { 0 };
    struct envelope env = { 0 };
    struct right r = { 0 };

    REC_SET(&r, right, request, request);
    REC_SET(&r, right, state, (uint64_t)state);
    REC_SET(&body, heartbeat, rights, ((struct recs){ &r, request != 0 }));
    REC_SET(&env, envelope, heartbeat, &body);
    REC_SET(&env, envelope, seq, seq);
    account_sent(account, node, &env, now);
}

static void renew(uint32_t node, uint64_t seq, uint64_t request, uint64_t token)
{
    struct renewed body = { 0 };
    struct envelope env = { 0 };
    struct right r = { 0 };

    beat(node, seq, request, RIGHT_HELD);
    REC_SET(&r, right, request, request);
    REC_SET(&r, right, token, token);
    REC_SET(&r, right, state, RIGHT_HELD);
    REC_SET(&body, renewed, rights, ((struct recs){ &r, 1 }));
    REC_SET(&env, envelope, renewed, &body);
    REC_SET(&env, envelope, correlation, seq);
    account_heard(account, node, &env, now);
}

/* A list of one lease, or with `token` NULL an empty one; cut below `lowest`. */
static size_t list(const char *token, uuid128 node, const char *state, uint64_t lowest)
{
    struct account_scope scope = { .lowest = lowest };
    char node_text[UUID_TEXT], disk_text[UUID_TEXT];
    struct lease_info row = { 0 };

    REC_PUT(&row, lease_info, token, token);
    REC_SET(&row, lease_info, node, uuid_text(node, node_text));
    REC_SET(&row, lease_info, resource, uuid_text(disk, disk_text));
    REC_SET(&row, lease_info, state, state);
    return account_listed(account, &scope, &(struct recs){ &row, token != NULL });
}

static void expect(enum account_fault f, uint64_t count)
{
    const struct account_counts *n = account_counts(account);

    for (int i = 0; i < FAULT_COUNT; i++)
        cr_assert_eq(n->faults[i], i == (int)f ? count : 0, "%s: %llu",
                     account_fault_name((enum account_fault)i), (unsigned long long)n->faults[i]);
}

static void none(void)
{
    expect(FAULT_LOST, 0);
}

static void setup(void)
{
    account = account_new(ids, NODES);
    now.v = 1000;
    start(1);
    ask(A, 1, disk);
    grant(A, 1, disk, 10);
}

static void teardown(void)
{
    account_free(account);
}

TestSuite(account, .init = setup, .fini = teardown);

Test(account, what_is_listed_is_no_fault)
{
    cr_assert(account_has(account, A) && !account_has(account, B));
    cr_assert_eq(list("10", ids[A], "live", 0), 0);
    account_look_again(account);
    cr_assert_eq(list(NULL, ids[A], "live", 11), 1, "a list that is cut says nothing of it");
    beat(A, 2, 0, RIGHT_HELD);
    cr_assert_eq(list("10", ids[A], "over", 0), 0);
    cr_assert(!account_has(account, A));
    none();
}

/* A node that scans no more and cannot unmount: its silence would not keep anybody waiting. */
Test(account, residue_is_no_grant_that_a_node_has)
{
    beat(A, 2, 1, RIGHT_RESIDUE);
    cr_assert(!account_has(account, A));
    none();
}

Test(account, what_is_not_listed_is_lost)
{
    list(NULL, ids[A], "live", 0);
    expect(FAULT_LOST, 1);
}

Test(account, what_is_listed_for_another_differs)
{
    list("10", ids[B], "live", 0);
    expect(FAULT_DIFFERS, 1);
}

Test(account, what_nobody_asked_differs)
{
    grant(B, 7, disk, 11);
    expect(FAULT_DIFFERS, 1);
}

Test(account, what_its_node_has_is_not_over)
{
    beat(A, 2, 1, RIGHT_HELD);
    list("10", ids[A], "over", 0);
    expect(FAULT_OVER, 1);
}

Test(account, tokens_of_a_later_start_are_higher)
{
    start(2);
    ask(B, 1, other);
    grant(B, 1, other, 10);
    expect(FAULT_TOKEN, 1);
}

Test(account, what_comes_late_is_of_its_own_start)
{
    uuid128 first = nonce;

    ask(A, 2, other);
    start(2);
    ask(B, 1, (uuid128){ { 0xf } });
    grant(B, 1, (uuid128){ { 0xf } }, 12);
    nonce = first;
    grant(A, 2, other, 11);
    none();
    ask(A, 3, (uuid128){ { 0xf0 } });
    grant(A, 3, (uuid128){ { 0xf0 } }, 13);
    expect(FAULT_TOKEN, 1);
}

Test(account, tokens_of_one_node_are_in_order)
{
    ask(A, 2, other);
    grant(A, 2, other, 9);
    expect(FAULT_TOKEN, 1);
}

Test(account, starts_are_in_order)
{
    start(3);
    start(2);
    expect(FAULT_TOKEN, 1);
}

Test(account, two_have_not_one_disk)
{
    ask(B, 1, disk);
    now.v += TTL - 1;
    grant(B, 1, disk, 11);
    expect(FAULT_TWO, 1);
}

Test(account, what_is_over_may_be_granted_again)
{
    beat(A, 2, 0, RIGHT_HELD);
    ask(B, 1, disk);
    grant(B, 1, disk, 11);
    none();
}

Test(account, residue_lets_others_scan)
{
    beat(A, 2, 1, RIGHT_RESIDUE);
    ask(B, 1, disk);
    grant(B, 1, disk, 11);
    none();
}

Test(account, time_lets_others_scan)
{
    ask(B, 1, disk);
    now.v += TTL;
    grant(B, 1, disk, 11);
    none();
    cr_assert_eq(account_counts(account)->expired, 1);
}

Test(account, a_renewal_gives_time)
{
    now.v += TTL / 2;
    renew(A, 2, 1, 10);
    ask(B, 1, disk);
    now.v += TTL / 2;
    grant(B, 1, disk, 11);
    expect(FAULT_TWO, 1);
}

Test(account, a_start_gives_the_whole_time)
{
    now.v += TTL / 2;
    start(2);
    ask(B, 1, disk);
    now.v += TTL / 2;
    grant(B, 1, disk, 11);
    expect(FAULT_TWO, 1);
}

Test(account, what_has_run_out_once_needs_no_more_time)
{
    now.v += TTL;
    account_killed(account, now);
    start(2);
    ask(B, 1, disk);
    now.v += 1;
    grant(B, 1, disk, 11);
    none();
}

Test(account, starts_that_are_short_add_up_to_nothing)
{
    for (uint8_t no = 2; no < 9; no++) {
        now.v += TTL / 2;
        account_killed(account, now);
        start(no);
    }
    ask(B, 1, disk);
    now.v += TTL - 1;
    grant(B, 1, disk, 11);
    expect(FAULT_TWO, 1);
}

Test(account, a_mode_is_normal)
{
    account_mode(account, "normal", NULL);
    none();
    account_mode(account, "recover", "It is old.");
    expect(FAULT_MODE, 1);
}
