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
    size_t open;   /* of them, and not cut: those are closed by libzmq in a moment */
    size_t silent; /* of those, without a message so far */
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

/* It counts no more. */
static void leave(struct conns *c, struct conn *x)
{
    if (!x->open || x->cut)
        return;
    c->open--;
    c->silent -= !x->spoke;
}

static void clear(struct conns *c, struct conn *x)
{
    leave(c, x);
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
    c->silent++;
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

    if (x == NULL || x->cut)
        return;
    c->silent -= !x->spoke;
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
    leave(c, &c->all[i]);
    c->all[i].cut = true;
    c->all[i].held = 0;
    return held;
}

bool conns_cut(struct conns *c, int fd, mono_ms at)
{
    struct conn *x = find(c, fd);

    if (x == NULL || x->cut || x->opened.v > at.v)
        return false;
    cut(c, (size_t)fd);
    return true;
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
        uint64_t now;

        if (!x->open || x->cut)
            continue;
        now = received((int)i);
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

static int by_age(const void *a, const void *b)
{
    const struct conn *const *x = a, *const *y = b;

    return ((*x)->opened.v > (*y)->opened.v) - ((*x)->opened.v < (*y)->opened.v);
}

static int by_hope(const void *a, const void *b)
{
    const struct conn *const *x = a, *const *y = b;

    if ((*x)->spoke != (*y)->spoke)
        return (*x)->spoke ? -1 : 1;
    return (*x)->spoke ? by_age(a, b) : by_age(b, a);
}

/* Those that are open and pass the test, in order; free them. NULL: out of memory. */
static struct conn **in_order(struct conns *c, bool (*test)(const struct conn *x),
                              int (*order)(const void *, const void *), size_t *n)
{
    struct conn **v = malloc((c->count + 1) * sizeof(struct conn *));

    *n = 0;
    for (size_t i = 0; v != NULL && i < c->count; i++) {
        if (c->all[i].open && !c->all[i].cut && test(&c->all[i]))
            v[(*n)++] = &c->all[i];
    }
    if (v != NULL)
        qsort(v, *n, sizeof(struct conn *), order);
    return v;
}

static bool is_silent(const struct conn *x)
{
    return !x->spoke;
}

static bool is_stranger(const struct conn *x)
{
    return !x->accepted;
}

static void check_silent(struct conns *c, mono_ms now, unsigned cuts[CONNS_CUTS])
{
    size_t n;
    struct conn **v = in_order(c, is_silent, by_age, &n);

    for (size_t i = 0; v != NULL && i < n; i++) {
        if (c->silent <= c->limits.silent_few ||
            mono_since(now, v[i]->opened) < c->limits.silent_ms)
            break;
        cut(c, (size_t)(v[i] - c->all));
        cuts[CONNS_SILENT]++;
    }
    free(v);
}

/* A message of theirs may be waiting: their time begins anew. */
static void excuse_silent(struct conns *c, mono_ms now)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->all[i].open && !c->all[i].spoke)
            c->all[i].opened = now;
    }
}

/* A sixteenth more than needed, so that a crowd is not sorted for each one that comes. */
static void check_crowd(struct conns *c, unsigned cuts[CONNS_CUTS])
{
    size_t n, most = c->limits.most - c->limits.most / 16;
    struct conn **v = in_order(c, is_stranger, by_hope, &n);

    for (size_t i = 0; v != NULL && i < n && c->open > most; i++) {
        cut(c, (size_t)(v[i] - c->all));
        cuts[CONNS_CROWDED]++;
    }
    free(v);
}

void conns_check(struct conns *c, mono_ms now, bool reading, unsigned cuts[CONNS_CUTS])
{
    check_held(c, cuts);
    if (!reading)
        excuse_silent(c, now);
    else if (c->silent > c->limits.silent_few)
        check_silent(c, now, cuts);
    if (c->open > c->limits.most)
        check_crowd(c, cuts);
}
