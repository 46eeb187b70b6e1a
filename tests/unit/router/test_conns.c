/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which TCP connections hold more than they may. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conns.h"

enum { EACH = 20000, ALL = 50000, PAIRS = 4, MOST = 32, SILENT_MS = 1000, FEW = 1 };

static mono_ms at = { 5000 };

struct pair {
    int ours, theirs;
};

static struct pair connect_pair(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct pair p = { .theirs = socket(AF_INET, SOCK_STREAM, 0) };

    cr_assert(bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 1) == 0);
    cr_assert(getsockname(listener, (struct sockaddr *)&a, &n) == 0);
    cr_assert(connect(p.theirs, (struct sockaddr *)&a, sizeof a) == 0);
    p.ours = accept(listener, NULL, NULL);
    cr_assert(p.ours >= 0);
    close(listener);
    return p;
}

static void close_pair(const struct pair *p)
{
    close(p->ours);
    close(p->theirs);
}

/* Comes back when all of it has been received. */
static void sent(const struct pair *p, size_t n)
{
    char *bytes = calloc(1, n);

    cr_assert_eq(send(p->theirs, bytes, n, 0), (ssize_t)n);
    cr_assert_eq(recv(p->ours, bytes, n, MSG_WAITALL), (ssize_t)n);
    free(bytes);
}

/* The sender sees the end of its connection. */
static bool is_cut(const struct pair *p)
{
    char byte;

    return recv(p->theirs, &byte, 1, MSG_DONTWAIT) == 0;
}

static struct conns *new_conns(void)
{
    struct conns_limits l = {
        .each = EACH, .all = ALL, .most = MOST, .silent_few = FEW, .silent_ms = SILENT_MS
    };

    return conns_new(&l);
}

static unsigned check_as(struct conns *c, bool reading, enum conns_cut why)
{
    unsigned cuts[CONNS_CUTS] = { 0 };

    conns_check(c, at, reading, cuts);
    for (unsigned i = 0; i < CONNS_CUTS; i++)
        cr_expect(i == why || cuts[i] == 0, "cut for another reason: %u", i);
    return cuts[why];
}

static unsigned check(struct conns *c)
{
    return check_as(c, true, CONNS_ENDLESS);
}

Test(conns, one_that_sends_without_end_is_cut)
{
    struct conns *c = new_conns();
    struct pair bad = connect_pair(), good = connect_pair();

    conns_opened(c, 0, bad.ours, at);
    conns_opened(c, 0, good.ours, at);
    sent(&bad, EACH);
    sent(&good, EACH);
    cr_expect_eq(check(c), 0, "as much as it may");
    conns_delivered(c, good.ours, false);
    sent(&bad, 1);
    sent(&good, 1);
    cr_expect_eq(check(c), 1);
    cr_expect(is_cut(&bad));
    cr_expect_not(is_cut(&good), "its message came out");
    sent(&good, EACH);
    cr_expect_eq(check(c), 0, "counted from there on");
    sent(&good, 1);
    cr_expect_eq(check(c), 1);
    close_pair(&bad);
    close_pair(&good);
    conns_free(c);
}

Test(conns, when_all_hold_too_much_the_largest_are_cut)
{
    static const size_t held[PAIRS] = { 1000, 19000, 18000, 17000 };
    struct conns *c = new_conns();
    struct pair p[PAIRS];

    for (int i = 0; i < PAIRS; i++) {
        p[i] = connect_pair();
        conns_opened(c, 0, p[i].ours, at);
        sent(&p[i], held[i]);
    }
    cr_expect_eq(check(c), 1);
    for (int i = 0; i < PAIRS; i++) {
        cr_expect_eq(is_cut(&p[i]), i == 1, "connection %d", i);
        close_pair(&p[i]);
    }
    conns_free(c);
}

Test(conns, a_descriptor_that_comes_again_begins_anew)
{
    struct conns *c = new_conns();
    struct pair p = connect_pair(), q;
    int fd = p.ours;

    conns_opened(c, 0, p.ours, at);
    sent(&p, EACH);
    check(c);
    conns_closed(c, 0, p.ours);
    close_pair(&p);
    q = connect_pair();
    cr_assert(dup2(q.ours, fd) == fd);
    conns_opened(c, 0, fd, at);
    sent(&q, EACH);
    cr_expect_eq(check(c), 0);
    close_pair(&q);
    if (fd != q.ours)
        close(fd);
    conns_free(c);
}

/* Sockets tell of their connections apart, so that the close of one may come to be known after the
 * same descriptor is another's. */
Test(conns, a_close_that_is_told_late)
{
    struct conns *c = new_conns();
    struct pair p = connect_pair();

    conns_opened(c, 1, p.ours, at);
    conns_closed(c, 0, p.ours);
    sent(&p, EACH + 1);
    cr_expect_eq(check(c), 1, "it is still watched");
    close_pair(&p);
    conns_free(c);
}

Test(conns, what_is_no_connection_is_left_alone)
{
    struct conns *c = new_conns();

    conns_delivered(c, -1, false);
    conns_delivered(c, 100000, false);
    conns_closed(c, 0, 100000);
    conns_opened(c, 0, -1, at);
    conns_opened(c, 0, 4000, at); /* open no more */
    cr_expect_eq(check(c), 0);
    conns_free(c);
}

Test(conns, of_those_that_never_say_anything_a_few_stay)
{
    struct conns *c = new_conns();
    struct pair first = connect_pair(), second = connect_pair(), other = connect_pair();

    conns_opened(c, 0, first.ours, at);
    conns_opened(c, 0, second.ours, (mono_ms){ at.v + 1 });
    conns_opened(c, 0, other.ours, at);
    conns_delivered(c, other.ours, false);
    at.v += SILENT_MS - 1;
    cr_expect_eq(check_as(c, true, CONNS_SILENT), 0);
    at.v += 1;
    cr_expect_eq(check_as(c, false, CONNS_SILENT), 0, "what it says may be waiting");
    at.v += SILENT_MS - 1;
    cr_expect_eq(check_as(c, true, CONNS_SILENT), 0, "counted from when we read again");
    at.v += 1;
    cr_expect_eq(check_as(c, true, CONNS_SILENT), 1);
    cr_expect_eq(is_cut(&first) + is_cut(&second), 1, "a few may be silent for ever");
    cr_expect_not(is_cut(&other));
    cr_expect_eq(check_as(c, true, CONNS_SILENT), 0);
    close_pair(&first);
    close_pair(&second);
    close_pair(&other);
    conns_free(c);
}

/* In a rush those that are nearly in get in; whoever has spoken and was not accepted goes first. */
Test(conns, in_a_crowd_the_newest_that_have_said_nothing_go)
{
    struct conns_limits l = { EACH, ALL, .most = 4, .silent_few = 100, .silent_ms = SILENT_MS };
    struct conns *c = conns_new(&l);
    struct pair p[6];

    for (int i = 0; i < 6; i++) {
        p[i] = connect_pair();
        at.v++;
        conns_opened(c, 0, p[i].ours, at);
    }
    conns_delivered(c, p[3].ours, false);
    cr_expect_eq(check_as(c, true, CONNS_CROWDED), 2);
    for (int i = 0; i < 6; i++) {
        cr_expect_eq(is_cut(&p[i]), i == 3 || i == 5, "connection %d", i);
        close_pair(&p[i]);
    }
    conns_free(c);
}

Test(conns, what_has_the_descriptor_since_stays)
{
    struct conns *c = new_conns();
    struct pair p = connect_pair();

    at.v++;
    conns_opened(c, 0, p.ours, at);
    cr_expect_not(conns_cut(c, p.ours, (mono_ms){ at.v - 1 }));
    cr_expect_not(is_cut(&p));
    cr_expect(conns_cut(c, p.ours, at));
    cr_expect(is_cut(&p));
    cr_expect_not(conns_cut(c, p.ours, at), "once");
    cr_expect_not(conns_cut(c, -1, at));
    close_pair(&p);
    conns_free(c);
}

Test(conns, strangers_make_room_for_who_comes_the_oldest_first)
{
    struct conns *c = new_conns();
    struct pair p[MOST + 1];

    for (int i = 0; i <= MOST; i++) {
        p[i] = connect_pair();
        at.v++;
        conns_opened(c, 0, p[i].ours, at);
        conns_delivered(c, p[i].ours, i == 0);
        cr_expect_eq(conns_crowded(c), i == MOST);
    }
    cr_expect_eq(check_as(c, true, CONNS_CROWDED), 1 + MOST / 16);
    cr_expect_not(is_cut(&p[0]), "it is of the fleet");
    for (int i = 1; i <= MOST; i++)
        cr_expect_eq(is_cut(&p[i]), i <= 1 + MOST / 16, "connection %d", i);
    cr_expect_not(conns_crowded(c), "those that were cut will be closed");
    cr_expect_eq(check_as(c, true, CONNS_CROWDED), 0);
    for (int i = 0; i <= MOST; i++) {
        conns_closed(c, 0, p[i].ours);
        close_pair(&p[i]);
    }
    conns_opened(c, 0, 3, at);
    conns_closed(c, 0, 3);
    cr_expect_not(conns_crowded(c));
    conns_free(c);
}
