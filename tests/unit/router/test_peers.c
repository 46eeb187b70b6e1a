/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flood control under virtual time. */
#include <criterion/criterion.h>
#include <poll.h>
#include <unistd.h>

#include "base/limits.h"
#include "peers.h"

static const uint8_t hash_seed[16] = { 7 };
static const struct peer_limits limits = {
    .each = { .messages_per_s = 10,
              .messages_burst = 20,
              .bytes_per_s = 1000,
              .bytes_burst = 3000 },
    .strangers = { .messages_per_s = 100,
                   .messages_burst = 100,
                   .bytes_per_s = 10000,
                   .bytes_burst = 10000 },
    .queued = 4,
};

static mono_ms at(int64_t ms)
{
    return (mono_ms){ 1000000 + ms };
}

static struct peers *new_peers(void)
{
    struct peers *p = peers_new(hash_seed, &limits, at(0));

    cr_assert_not_null(p);
    return p;
}

static struct peer *accepted(struct peers *p, const char *name, int64_t ms)
{
    struct peer *x = peers_get(p, name, strlen(name), at(ms));

    cr_assert_not_null(x);
    peer_accept(x, true);
    return x;
}

/* How many of `n` messages pass at one moment. */
static unsigned passed(struct peers *p, struct peer *x, unsigned n, size_t bytes, int64_t ms)
{
    unsigned ok = 0;

    for (unsigned i = 0; i < n; i++)
        ok += peers_take(p, x, bytes, at(ms)) == PEER_OK;
    return ok;
}

Test(peers, a_burst_then_the_rate)
{
    struct peers *p = new_peers();
    struct peer *x = accepted(p, "x", 0);

    cr_expect_eq(passed(p, x, 100, 1, 0), 20, "the burst");
    cr_expect_eq(passed(p, x, 100, 1, 99), 0, "a tenth of a second is not over");
    cr_expect_eq(passed(p, x, 100, 1, 100), 1, "now it is");
    cr_expect_eq(passed(p, x, 100, 1, 1100), 10, "one second's share");
    cr_expect_eq(passed(p, x, 100, 1, 86401100), 20, "no more than the burst, after a day too");
    peers_free(p);
}

Test(peers, bytes_are_limited_apart_from_messages)
{
    struct peers *p = new_peers();
    struct peer *x = accepted(p, "x", 0);

    cr_expect_eq(passed(p, x, 4, 1000, 0), 3);
    cr_expect_eq(passed(p, x, 4, 1000, 1000), 1);
    cr_expect_eq(passed(p, x, 20, 1, 1000), 0, "the byte bucket is empty");
    cr_expect_eq(passed(p, x, 5, 100, 1500), 5, "messages that were dropped cost nothing");
    peers_free(p);
}

Test(peers, what_is_larger_than_the_bucket_passes_a_full_one_and_empties_it)
{
    struct peers *p = new_peers();
    struct peer *x = accepted(p, "x", 0);

    cr_expect_eq(peers_take(p, x, 9999, at(0)), PEER_OK);
    cr_expect_eq(peers_take(p, x, 9999, at(2999)), PEER_FLOOD);
    cr_expect_eq(peers_take(p, x, 9999, at(3000)), PEER_OK);
    peers_free(p);
}

Test(peers, one_that_floods_costs_another_nothing)
{
    struct peers *p = new_peers();
    struct peer *flood = accepted(p, "flood", 0), *good = accepted(p, "good", 0);

    for (int64_t ms = 0; ms < 10000; ms += 100) {
        passed(p, flood, 1000, 1, ms);
        cr_assert_eq(peers_take(p, good, 1, at(ms)), PEER_OK, "at %d ms", (int)ms);
    }
    peers_free(p);
}

Test(peers, strangers_share_what_they_may_send_and_leave_the_others_theirs)
{
    struct peers *p = new_peers();
    struct peer *good = accepted(p, "good", 0), *late;
    unsigned ok = 0;

    for (unsigned i = 0; i < 1000; i++) {
        struct peer *x = peers_get(p, &i, sizeof i, at(0));

        ok += passed(p, x, 20, 1, 0);
    }
    cr_expect_eq(ok, 100, "all strangers together, whatever number of keys they made");
    cr_expect_eq(passed(p, good, 20, 1, 0), 20, "who was accepted has a bucket of its own");
    late = peers_get(p, "late", 4, at(0));
    cr_expect_eq(peers_take(p, late, 1, at(0)), PEER_STRANGER);
    cr_expect_eq(peers_take(p, late, 1, at(10)), PEER_OK, "their bucket fills too");
    peer_accept(late, true);
    cr_expect_eq(passed(p, late, 10, 1, 10), 10, "a stranger no more");
    peer_accept(late, false);
    cr_expect_eq(peers_take(p, late, 1, at(10)), PEER_STRANGER, "and one again");
    peers_free(p);
}

Test(peers, the_same_name_is_the_same_connection)
{
    struct peers *p = new_peers();
    struct peer *x = peers_get(p, "x", 1, at(0));

    cr_expect_eq(peers_get(p, "x", 1, at(1)), x);
    cr_expect_neq(peers_get(p, "y", 1, at(1)), x);
    cr_expect_neq(peers_get(p, "x\0", 2, at(1)), x);
    cr_expect_eq(peers_count(p), 3);
    peers_free(p);
}

Test(peers, no_more_than_the_limit)
{
    struct peers *p = new_peers();
    uint32_t i;

    for (i = 0; i < LIMIT_PEERS; i++)
        cr_assert_not_null(peers_get(p, &i, sizeof i, at(0)));
    cr_expect_null(peers_get(p, &i, sizeof i, at(0)));
    i = 5;
    cr_expect_not_null(peers_get(p, &i, sizeof i, at(0)), "those that are there stay");
    peers_expire(p, at(5000));
    i = LIMIT_PEERS;
    cr_expect_not_null(peers_get(p, &i, sizeof i, at(5000)));
    peers_free(p);
}

Test(peers, forgotten_when_idle_but_never_richer)
{
    struct peers *p = new_peers();
    struct peer *x;

    peers_get(p, "stranger", 8, at(0));
    x = accepted(p, "x", 0);
    passed(p, x, 20, 1, 0);
    peers_expire(p, at(4999));
    cr_expect_eq(peers_count(p), 2);
    peers_expire(p, at(5000));
    cr_expect_eq(peers_count(p), 1, "the stranger is forgotten first");
    peers_expire(p, at(59999));
    cr_expect_eq(peers_count(p), 1);
    peers_expire(p, at(60000));
    cr_expect_eq(peers_count(p), 0);
    peers_free(p);
}

/* 3000 bytes at 10 bytes/s are back after 300 s, long after a peer counts as idle. */
Test(peers, an_empty_bucket_is_not_forgotten)
{
    struct peer_limits slow = limits;
    struct peers *p;
    struct peer *x;

    slow.each.bytes_per_s = 10;
    p = peers_new(hash_seed, &slow, at(0));
    x = accepted(p, "x", 0);
    cr_assert_eq(peers_take(p, x, 3000, at(0)), PEER_OK);
    peers_expire(p, at(299999));
    cr_expect_eq(peers_count(p), 1, "a new one would have a full bucket");
    peers_expire(p, at(300000));
    cr_expect_eq(peers_count(p), 0);
    peers_free(p);
}

Test(peers, drops_are_told_once_a_second)
{
    struct peers *p = new_peers();
    struct peer *x = accepted(p, "x", 0), *y = accepted(p, "y", 0);

    cr_expect(peer_drop(x, at(0)), "the first one at once");
    cr_expect_not(peer_drop(x, at(999)));
    cr_expect(peer_drop(y, at(999)), "each for itself");
    cr_expect(peer_drop(x, at(1000)));
    cr_expect_not(peer_drop(x, at(1999)));
    peers_free(p);
}

Test(peers, what_waits_inside_is_limited)
{
    struct peers *p = new_peers();
    struct peer *x = accepted(p, "x", 0);
    struct ticket t[9];
    struct budget b;

    cr_assert_eq(budget_init(&b), 0);
    for (unsigned i = 0; i < 8; i++) {
        cr_expect_eq(peers_take(p, x, 1, at(0)), i < 4 ? PEER_OK : PEER_BUSY, "message %u", i);
        ticket_take(&t[i], &b, x, 1);
    }
    cr_expect_eq(peers_take(p, x, 1, at(0)), PEER_FULL);
    for (unsigned i = 0; i < 5; i++)
        ticket_release(&t[i]);
    cr_expect_eq(peers_take(p, x, 1, at(0)), PEER_OK, "three are inside");
    peers_expire(p, at(1000000));
    cr_expect_eq(peers_count(p), 1, "not forgotten while a ticket is out");
    for (unsigned i = 5; i < 8; i++) {
        ticket_release(&t[i]);
        ticket_release(&t[i]); /* again is harmless */
    }
    peers_expire(p, at(1000000));
    cr_expect_eq(peers_count(p), 0);
    budget_deinit(&b);
    peers_free(p);
}

Test(peers, answers_that_nobody_reads_are_limited)
{
    struct peers *p = new_peers();
    struct peer *x = accepted(p, "x", 0);
    struct ticket t[3];
    struct budget b;

    cr_assert_eq(budget_init(&b), 0);
    for (unsigned i = 0; i < 3; i++)
        ticket_take(&t[i], &b, x, 1);
    cr_expect(ticket_answer(&t[0], 2 * (size_t)LIMIT_UNREAD_BYTES), "one always may");
    cr_expect_not(ticket_answer(&t[1], 1));
    ticket_release(&t[0]);
    ticket_release(&t[1]);
    cr_expect(ticket_answer(&t[2], LIMIT_UNREAD_BYTES), "the others have been read");
    ticket_release(&t[2]);
    budget_deinit(&b);
    peers_free(p);
}

static bool readable(int fd)
{
    struct pollfd f = { .fd = fd, .events = POLLIN };

    return poll(&f, 1, 0) == 1;
}

Test(peers, a_full_budget_wakes_whoever_waits_for_room)
{
    static struct ticket t[LIMIT_QUEUED_MESSAGES];
    struct budget b;

    cr_assert_eq(budget_init(&b), 0);
    for (unsigned i = 0; i < LIMIT_QUEUED_MESSAGES * 3 / 4; i++)
        ticket_take(&t[i], &b, NULL, 0);
    cr_expect(budget_full(&b, 3), "nodes stop at three quarters");
    cr_expect_not(budget_full(&b, 4), "operators go on");
    ticket_release(&t[0]);
    cr_expect_not(readable(b.fd), "nobody waits");
    ticket_take(&t[0], &b, NULL, 0);
    atomic_store(&b.stalled, true);
    ticket_release(&t[0]);
    cr_expect(readable(b.fd));
    for (unsigned i = 1; i < LIMIT_QUEUED_MESSAGES * 3 / 4; i++)
        ticket_release(&t[i]);
    cr_expect_eq(atomic_load(&b.messages), 0);
    budget_deinit(&b);
}

Test(peers, a_budget_of_bytes)
{
    struct ticket t;
    struct budget b;

    cr_assert_eq(budget_init(&b), 0);
    ticket_take(&t, &b, NULL, LIMIT_QUEUED_BYTES / 4 * 3);
    cr_expect(budget_full(&b, 3));
    cr_expect_not(budget_full(&b, 4));
    ticket_release(&t);
    cr_expect_not(budget_full(&b, 3));
    cr_expect_eq(atomic_load(&b.bytes), 0);
    budget_deinit(&b);
}
