/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conns.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

struct conn {
    bool open, cut;
    bool delivered; /* since the last check */
    bool spoke;     /* ever */
    bool accepted;
    uint8_t socket;
    mono_ms opened;
    uint64_t base; /* received when a message had come out last */
    uint64_t held;
};

struct conns {
    struct conn *all; /* by file descriptor */
    size_t count;
    size_t open; /* of them, and not cut: those are closed by libzmq in a moment */
    struct conns_limits limits;
};

struct conns *conns_new(const struct conns_limits *limits)
{
    struct conns *c = calloc(1, sizeof *c);

    if (c != NULL)
        c->limits = *limits;
    return c;
}

void conns_free(struct conns *c)
{
    if (c != NULL)
        free(c->all);
    free(c);
}

static void clear(struct conns *c, struct conn *x)
{
    c->open -= x->open && !x->cut;
    *x = (struct conn){ .open = false };
}

void conns_opened(struct conns *c, unsigned socket, int fd, mono_ms now)
{
    size_t i = (size_t)fd;

    if (fd < 0)
        return;
    if (i >= c->count) {
        size_t count = i + i / 2 + 64;
        struct conn *all = realloc(c->all, count * sizeof *all);

        if (all == NULL)
            return; /* this one is not watched */
        memset(all + c->count, 0, (count - c->count) * sizeof *all);
        c->all = all;
        c->count = count;
    }
    clear(c, &c->all[i]);
    c->all[i] = (struct conn){ .open = true, .socket = (uint8_t)socket, .opened = now };
    c->open++;
}

static struct conn *find(struct conns *c, int fd)
{
    return fd >= 0 && (size_t)fd < c->count && c->all[fd].open ? &c->all[fd] : NULL;
}

void conns_closed(struct conns *c, unsigned socket, int fd)
{
    struct conn *x = find(c, fd);

    if (x != NULL && x->socket == socket)
        clear(c, x);
}

void conns_delivered(struct conns *c, int fd, bool accepted)
{
    struct conn *x = find(c, fd);

    if (x == NULL)
        return;
    x->delivered = x->spoke = true;
    x->accepted = accepted;
}

bool conns_crowded(const struct conns *c)
{
    return c->open > c->limits.most;
}

static uint64_t received(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t n = sizeof info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_received : 0;
}

/* The descriptor may have become another connection's a moment ago; that one connects again. */
static uint64_t cut(struct conns *c, size_t i)
{
    uint64_t held = c->all[i].held;

    shutdown((int)i, SHUT_RDWR);
    c->open--;
    c->all[i].cut = true;
    c->all[i].held = 0;
    return held;
}

static size_t largest(const struct conns *c)
{
    size_t at = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (c->all[i].held > c->all[at].held)
            at = i;
    }
    return at;
}

static void check_held(struct conns *c, unsigned cuts[CONNS_CUTS])
{
    uint64_t all = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct conn *x = &c->all[i];
        uint64_t now = x->open && !x->cut ? received((int)i) : 0;

        if (!x->open || x->cut)
            continue;
        if (x->delivered || now < x->base)
            x->base = now;
        x->delivered = false;
        x->held = now - x->base;
        all += x->held;
        if (x->held > c->limits.each) {
            all -= cut(c, i);
            cuts[CONNS_ENDLESS]++;
        }
    }
    while (all > c->limits.all) {
        all -= cut(c, largest(c));
        cuts[CONNS_ENDLESS]++;
    }
}

static void check_silent(struct conns *c, mono_ms now, bool reading, unsigned cuts[CONNS_CUTS])
{
    for (size_t i = 0; i < c->count; i++) {
        struct conn *x = &c->all[i];

        if (!x->open || x->cut || x->spoke)
            continue;
        if (!reading) {
            x->opened = now; /* a message may be waiting */
        } else if (mono_since(now, x->opened) >= c->limits.silent_ms) {
            cut(c, i);
            cuts[CONNS_SILENT]++;
        }
    }
}

static int by_age(const void *a, const void *b)
{
    const struct conn *const *x = a, *const *y = b;

    return ((*x)->opened.v > (*y)->opened.v) - ((*x)->opened.v < (*y)->opened.v);
}

/* A sixteenth more than needed, so that a crowd is not sorted for each one that comes. Those
 * who come are let in rather than those who have come: whoever wants to keep others out must be
 * quicker at connecting than they are at showing who they are. */
static void check_crowd(struct conns *c, unsigned cuts[CONNS_CUTS])
{
    size_t n = 0, most = c->limits.most - c->limits.most / 16;
    struct conn **strangers = malloc((c->count + 1) * sizeof(struct conn *));

    if (strangers == NULL)
        return;
    for (size_t i = 0; i < c->count; i++) {
        struct conn *x = &c->all[i];

        if (x->open && !x->cut && !x->accepted)
            strangers[n++] = x;
    }
    qsort(strangers, n, sizeof(struct conn *), by_age);
    for (size_t i = 0; i < n && c->open > most; i++) {
        cut(c, (size_t)(strangers[i] - c->all));
        cuts[CONNS_CROWDED]++;
    }
    free(strangers);
}

void conns_check(struct conns *c, mono_ms now, bool reading, unsigned cuts[CONNS_CUTS])
{
    check_held(c, cuts);
    check_silent(c, now, reading, cuts);
    if (conns_crowded(c))
        check_crowd(c, cuts);
}
