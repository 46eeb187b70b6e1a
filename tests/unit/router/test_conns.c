/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which TCP connections hold more than they may. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conns.h"

enum { EACH = 20000, ALL = 50000, PAIRS = 4 };

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

Test(conns, one_that_sends_without_end_is_cut)
{
    struct conns *c = conns_new(EACH, ALL);
    struct pair bad = connect_pair(), good = connect_pair();

    conns_opened(c, 0, bad.ours);
    conns_opened(c, 0, good.ours);
    sent(&bad, EACH);
    sent(&good, EACH);
    cr_expect_eq(conns_check(c), 0, "as much as it may");
    conns_delivered(c, good.ours);
    sent(&bad, 1);
    sent(&good, 1);
    cr_expect_eq(conns_check(c), 1);
    cr_expect(is_cut(&bad));
    cr_expect_not(is_cut(&good), "its message came out");
    sent(&good, EACH);
    cr_expect_eq(conns_check(c), 0, "counted from there on");
    sent(&good, 1);
    cr_expect_eq(conns_check(c), 1);
    close_pair(&bad);
    close_pair(&good);
    conns_free(c);
}

Test(conns, when_all_hold_too_much_the_largest_are_cut)
{
    static const size_t held[PAIRS] = { 1000, 19000, 18000, 17000 };
    struct conns *c = conns_new(EACH, ALL);
    struct pair p[PAIRS];

    for (int i = 0; i < PAIRS; i++) {
        p[i] = connect_pair();
        conns_opened(c, 0, p[i].ours);
        sent(&p[i], held[i]);
    }
    cr_expect_eq(conns_check(c), 1);
    for (int i = 0; i < PAIRS; i++) {
        cr_expect_eq(is_cut(&p[i]), i == 1, "connection %d", i);
        close_pair(&p[i]);
    }
    conns_free(c);
}

Test(conns, a_descriptor_that_comes_again_begins_anew)
{
    struct conns *c = conns_new(EACH, ALL);
    struct pair p = connect_pair(), q;
    int fd = p.ours;

    conns_opened(c, 0, p.ours);
    sent(&p, EACH);
    conns_check(c);
    conns_closed(c, 0, p.ours);
    close_pair(&p);
    q = connect_pair();
    cr_assert(dup2(q.ours, fd) == fd);
    conns_opened(c, 0, fd);
    sent(&q, EACH);
    cr_expect_eq(conns_check(c), 0);
    close_pair(&q);
    if (fd != q.ours)
        close(fd);
    conns_free(c);
}

/* Sockets tell of their connections apart, so that the close of one may come to be known after the
 * same descriptor is another's. */
Test(conns, a_close_that_is_told_late)
{
    struct conns *c = conns_new(EACH, ALL);
    struct pair p = connect_pair();

    conns_opened(c, 1, p.ours);
    conns_closed(c, 0, p.ours);
    sent(&p, EACH + 1);
    cr_expect_eq(conns_check(c), 1, "it is still watched");
    close_pair(&p);
    conns_free(c);
}

Test(conns, what_is_no_connection_is_left_alone)
{
    struct conns *c = conns_new(EACH, ALL);

    conns_delivered(c, -1);
    conns_delivered(c, 100000);
    conns_closed(c, 0, 100000);
    conns_opened(c, 0, -1);
    conns_opened(c, 0, 4000); /* open no more */
    cr_expect_eq(conns_check(c), 0);
    conns_free(c);
}
