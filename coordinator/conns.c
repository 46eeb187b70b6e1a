/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conns.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

struct conn {
    bool open, delivered; /* delivered: since the last check */
    uint8_t socket;
    uint64_t base; /* received when a message had come out last */
    uint64_t held;
};

struct conns {
    struct conn *all; /* by file descriptor */
    size_t count;
    uint64_t limit_each, limit_all;
};

struct conns *conns_new(uint64_t each, uint64_t all)
{
    struct conns *c = calloc(1, sizeof *c);

    if (c != NULL) {
        c->limit_each = each;
        c->limit_all = all;
    }
    return c;
}

void conns_free(struct conns *c)
{
    if (c != NULL)
        free(c->all);
    free(c);
}

void conns_opened(struct conns *c, unsigned socket, int fd)
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
    c->all[i] = (struct conn){ .open = true, .socket = (uint8_t)socket };
}

static struct conn *find(struct conns *c, int fd)
{
    return fd >= 0 && (size_t)fd < c->count && c->all[fd].open ? &c->all[fd] : NULL;
}

void conns_closed(struct conns *c, unsigned socket, int fd)
{
    struct conn *x = find(c, fd);

    if (x != NULL && x->socket == socket)
        *x = (struct conn){ 0 };
}

void conns_delivered(struct conns *c, int fd)
{
    struct conn *x = find(c, fd);

    if (x != NULL)
        x->delivered = true;
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
    c->all[i] = (struct conn){ 0 };
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

unsigned conns_check(struct conns *c)
{
    uint64_t all = 0;
    unsigned cuts = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct conn *x = &c->all[i];
        uint64_t now = x->open ? received((int)i) : 0;

        if (!x->open)
            continue;
        if (x->delivered || now < x->base)
            x->base = now;
        x->delivered = false;
        x->held = now - x->base;
        all += x->held;
        if (x->held > c->limit_each) {
            all -= cut(c, i);
            cuts++;
        }
    }
    while (all > c->limit_all) {
        all -= cut(c, largest(c));
        cuts++;
    }
    return cuts;
}
