/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Load for a ZooKeeper server: as many sessions as there are clients, in one thread; each creates
 * an ephemeral node, deletes it, and so on, one request at a time. ZooKeeper's own protocol (the
 * records of zookeeper.jute: big-endian numbers, strings and buffers with their lengths), written
 * here since its C client needs threads for each session, which would take the processor time that
 * the server should have. See leases.py, which runs this. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "daemon.h"
#include "turn.h"

enum {
    EPOLL_BATCH = 256,
    WAIT_MS = 30000,
    SESSION_MS = 30000,
    OP_CREATE = 1,
    OP_DELETE = 2,
    OP_CLOSE = -11,
    ALL_RIGHTS = 31,
    EPHEMERAL = 1,
    HEADER_BYTES = 16, /* of an answer: xid, zxid, error */
};

struct session {
    int fd;
    bool exists;
    double since;
    uint8_t in[1024];
    size_t n;
};

struct bench {
    uint32_t count;
    struct session *sessions;
    int epoll;
    uint32_t waiting;
    struct buf out;
};

/* ---- messages -------------------------------------------------------------------------------- */

static void put32(struct buf *b, uint32_t v)
{
    uint32_t big = htobe32(v);

    buf_add(b, &big, sizeof big);
}

static void put64(struct buf *b, uint64_t v)
{
    uint64_t big = htobe64(v);

    buf_add(b, &big, sizeof big);
}

static void put_text(struct buf *b, const char *s)
{
    put32(b, (uint32_t)strlen(s));
    buf_str(b, s);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t big;

    memcpy(&big, p, sizeof big);
    return be32toh(big);
}

static int send_out(struct bench *b, const struct session *s, struct err *e)
{
    uint32_t length = htobe32((uint32_t)(b->out.n - sizeof length));

    if (b->out.failed)
        return err_set(e, -ENOMEM, "out of memory");
    memcpy(b->out.p, &length, sizeof length);
    return send(s->fd, b->out.p, b->out.n, MSG_NOSIGNAL) == (ssize_t)b->out.n
               ? 0
               : err_set(e, -EIO, "cannot send to ZooKeeper: %s", strerror(errno));
}

/* The length of the message comes in its place when it is sent. */
static void begin_message(struct bench *b)
{
    buf_reset(&b->out);
    put32(&b->out, 0);
}

static int send_hello(struct bench *b, const struct session *s, struct err *e)
{
    static const uint8_t no_password[16];

    begin_message(b);
    put32(&b->out, 0); /* version */
    put64(&b->out, 0); /* transaction seen last */
    put32(&b->out, SESSION_MS);
    put64(&b->out, 0); /* a new session */
    put32(&b->out, sizeof no_password);
    buf_add(&b->out, no_password, sizeof no_password);
    return send_out(b, s, e);
}

static int send_next(struct bench *b, struct session *s, struct err *e)
{
    char path[32];

    snprintf(path, sizeof path, "/lease-%td", s - b->sessions);
    begin_message(b);
    put32(&b->out, 1); /* xid */
    put32(&b->out, s->exists ? OP_DELETE : OP_CREATE);
    put_text(&b->out, path);
    if (s->exists) {
        put32(&b->out, UINT32_MAX); /* of any version */
    } else {
        put_text(&b->out, "holder");
        put32(&b->out, 1); /* entry of the access list */
        put32(&b->out, ALL_RIGHTS);
        put_text(&b->out, "world");
        put_text(&b->out, "anyone");
        put32(&b->out, EPHEMERAL);
    }
    return send_out(b, s, e);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Bytes of one whole message that is there, with its length; 0: there is none yet; negative. */
static ssize_t whole(const struct session *s)
{
    uint32_t n = s->n < 4 ? 0 : get32(s->in);

    if (s->n >= 4 && n > sizeof s->in - 4)
        return -EBADMSG;
    return s->n >= 4 && s->n >= n + 4 ? (ssize_t)n + 4 : 0;
}

static int read_more(struct session *s, int flags, struct err *e)
{
    ssize_t n = recv(s->fd, s->in + s->n, sizeof s->in - s->n, flags);

    if (n < 0 && errno == EAGAIN)
        return 1;
    if (n <= 0)
        return err_set(e, -EIO, "ZooKeeper has ended a session");
    s->n += (size_t)n;
    return 0;
}

static void drop(struct session *s, size_t n)
{
    memmove(s->in, s->in + n, s->n - n);
    s->n -= n;
}

static int on_answer(struct bench *b, struct session *s, struct turn *t, size_t n, struct err *e)
{
    uint32_t error = n < HEADER_BYTES + 4 ? UINT32_MAX : get32(s->in + 16);

    drop(s, n);
    if (error != 0)
        return err_set(e, -EPROTO, "ZooKeeper answers with error %d", (int)error);
    s->exists = !s->exists;
    if (turn_done(t, &s->since))
        return send_next(b, s, e);
    b->waiting--;
    return 0;
}

static int drain(struct bench *b, struct session *s, struct turn *t, struct err *e)
{
    int rc = read_more(s, MSG_DONTWAIT, e);
    ssize_t n = 0;

    if (rc != 0)
        return rc < 0 ? rc : 0;
    while (rc == 0 && (n = whole(s)) > 0)
        rc = on_answer(b, s, t, (size_t)n, e);
    return n < 0 ? err_set(e, -EBADMSG, "ZooKeeper's answer is too large") : rc;
}

static int work(void *ctx, struct turn *t, struct err *e)
{
    struct epoll_event events[EPOLL_BATCH];
    struct bench *b = ctx;
    int n, rc = 0;

    b->waiting = b->count;
    for (uint32_t i = 0; rc == 0 && i < b->count; i++) {
        b->sessions[i].since = seconds_now();
        rc = send_next(b, &b->sessions[i], e);
    }
    while (rc == 0 && b->waiting > 0) {
        n = epoll_wait(b->epoll, events, EPOLL_BATCH, WAIT_MS);
        if (n == 0)
            rc = err_set(e, -ETIMEDOUT, "ZooKeeper does not answer");
        for (int i = 0; rc == 0 && i < n; i++)
            rc = drain(b, &b->sessions[events[i].data.u32], t, e);
    }
    return rc;
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static int open_session(struct bench *b, uint32_t i, uint16_t port, struct err *e)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event ev = { .events = EPOLLIN, .data.u32 = i };
    struct session *s = &b->sessions[i];
    int on = 1, rc;

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        epoll_ctl(b->epoll, EPOLL_CTL_ADD, s->fd, &ev) != 0)
        return err_set(e, -errno, "cannot connect to ZooKeeper: %s", strerror(errno));
    rc = send_hello(b, s, e);
    while (rc == 0 && whole(s) == 0)
        rc = read_more(s, 0, e);
    if (rc == 0 && whole(s) < 0)
        rc = err_set(e, -EBADMSG, "that is not ZooKeeper");
    if (rc == 0)
        drop(s, (size_t)whole(s));
    return rc;
}

/* Its node goes with it, so that the next to come finds none. */
static void close_session(struct bench *b, struct session *s)
{
    struct err e;

    begin_message(b);
    put32(&b->out, 1); /* xid */
    put32(&b->out, (uint32_t)OP_CLOSE);
    if (send_out(b, s, &e) == 0) {
        while (whole(s) == 0 && read_more(s, 0, &e) == 0)
            ;
    }
    close(s->fd);
}

static void close_all(struct bench *b)
{
    for (uint32_t i = 0; b->sessions != NULL && i < b->count; i++) {
        if (b->sessions[i].fd > 0)
            close_session(b, &b->sessions[i]);
    }
    if (b->epoll >= 0)
        close(b->epoll);
    buf_deinit(&b->out);
    free(b->sessions);
}

int main(int argc, char **argv)
{
    uint32_t count = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    struct bench b = { .count = count, .sessions = calloc(count, sizeof *b.sessions) };
    struct err e = { "" };
    int rc = 0;

    if (count == 0 || b.sessions == NULL) {
        fputs("Usage: bench-zookeeper PORT CLIENTS\n", stderr);
        return 2;
    }
    b.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = open_session(&b, i, (uint16_t)strtoul(argv[1], NULL, 10), &e);
    if (rc == 0)
        rc = turns(work, &b, 0, &e);
    if (rc < 0)
        fprintf(stderr, "bench-zookeeper: %s\n", e.text);
    close_all(&b);
    return rc < 0 ? 1 : 0;
}
