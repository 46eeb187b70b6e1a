/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dealers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon.h"

enum { EPOLL_BATCH = 256, WAIT_MS = 30000 };

struct dealers {
    struct dealers_options o;
    void *zmq;
    int epoll;
    void **sockets;
    double *since;
    struct buf out;
    uint32_t waiting; /* clients that wait for an answer */
};

static int open_one(struct dealers *d, uint32_t i, struct err *e)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u32 = i };
    int limit_ms = WAIT_MS, fd;
    size_t n = sizeof fd;
    struct keypair own;

    keypair_new(&own);
    d->sockets[i] = net_dealer(d->zmq, d->o.endpoint, &own, d->o.server, d->o.most_bytes, e);
    keypair_wipe(&own);
    if (d->sockets[i] == NULL)
        return -EIO;
    zmq_setsockopt(d->sockets[i], ZMQ_RCVTIMEO, &limit_ms, sizeof limit_ms);
    if (zmq_getsockopt(d->sockets[i], ZMQ_FD, &fd, &n) != 0 ||
        epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
        return err_set(e, -EIO, "a connection cannot be watched");
    return 0;
}

struct dealers *dealers_new(const struct dealers_options *o, struct err *e)
{
    struct dealers *d = calloc(1, sizeof *d);
    int rc = 0;

    if (d == NULL)
        return NULL;
    d->o = *o;
    d->zmq = zmq_ctx_new();
    d->epoll = epoll_create1(EPOLL_CLOEXEC);
    d->sockets = calloc(o->count, sizeof *d->sockets);
    d->since = calloc(o->count, sizeof *d->since);
    if (d->zmq == NULL || d->epoll < 0 || d->sockets == NULL || d->since == NULL)
        rc = err_set(e, -ENOMEM, "not enough memory for %u clients", o->count);
    if (rc == 0)
        zmq_ctx_set(d->zmq, ZMQ_MAX_SOCKETS, (int)o->count + 16);
    for (uint32_t i = 0; rc == 0 && i < o->count; i++)
        rc = open_one(d, i, e);
    if (rc == 0)
        return d;
    dealers_free(d);
    return NULL;
}

void dealers_free(struct dealers *d)
{
    if (d == NULL)
        return;
    for (uint32_t i = 0; d->sockets != NULL && i < d->o.count; i++) {
        if (d->sockets[i] != NULL)
            zmq_close(d->sockets[i]);
    }
    if (d->zmq != NULL)
        zmq_ctx_term(d->zmq);
    if (d->epoll >= 0)
        close(d->epoll);
    buf_deinit(&d->out);
    free(d->sockets);
    free(d->since);
    free(d);
}

static int send_one(struct dealers *d, uint32_t i, const struct buf *b, struct err *e)
{
    return zmq_send(d->sockets[i], b->p, b->n, 0) < 0
               ? err_set(e, -EIO, "a client cannot send: %s", zmq_strerror(zmq_errno()))
               : 0;
}

int dealers_ask(struct dealers *d, uint32_t i, const struct buf *message, zmq_msg_t *answer,
                struct err *e)
{
    int rc = send_one(d, i, message, e);

    if (rc == 0 && zmq_msg_recv(answer, d->sockets[i], 0) < 0)
        rc = err_set(e, -EIO, "a client was not answered within %d s", WAIT_MS / 1000);
    return rc;
}

/* Takes what there is for one client, and sends what comes of it. */
static int drain(struct dealers *d, uint32_t i, struct turn *t, struct err *e)
{
    zmq_msg_t m;
    int rc = 0;

    zmq_msg_init(&m);
    while (rc == 0 && zmq_msg_recv(&m, d->sockets[i], ZMQ_DONTWAIT) >= 0) {
        buf_reset(&d->out);
        rc = d->o.next(d->o.ctx, i, &m, &d->out, e);
        if (rc == 1) {
            rc = 0;
        } else if (rc == 0 && turn_done(t, &d->since[i])) {
            rc = send_one(d, i, &d->out, e);
        } else {
            d->waiting--;
        }
    }
    zmq_msg_close(&m);
    return rc;
}

static int begin(struct dealers *d, struct turn *t, struct err *e)
{
    int rc = 0;

    d->waiting = d->o.count;
    for (uint32_t i = 0; rc == 0 && i < d->o.count; i++) {
        buf_reset(&d->out);
        rc = d->o.next(d->o.ctx, i, NULL, &d->out, e);
        d->since[i] = seconds_now();
        if (rc == 0)
            rc = send_one(d, i, &d->out, e);
        if (rc == 0) /* sending may swallow the edge of an arrival */
            rc = drain(d, i, t, e);
    }
    return rc;
}

int dealers_turn(void *dealers, struct turn *t, struct err *e)
{
    struct epoll_event events[EPOLL_BATCH];
    struct dealers *d = dealers;
    int n, rc = begin(d, t, e);

    while (rc == 0 && d->waiting > 0) {
        n = epoll_wait(d->epoll, events, EPOLL_BATCH, WAIT_MS);
        if (n == 0)
            rc = err_set(e, -ETIMEDOUT, "%u clients were not answered within %d s", d->waiting,
                         WAIT_MS / 1000);
        for (int i = 0; rc == 0 && i < n; i++)
            rc = drain(d, events[i].data.u32, t, e);
    }
    return rc;
}
