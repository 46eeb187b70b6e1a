/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fanout.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "base/arena.h"
#include "base/limits.h"
#include "daemon.h"
#include "net/net.h"
#include "wire/codec.h"

enum {
    MOST_BYTES = 4096, /* of a message */
    ID_BYTES = 5,      /* of a peer, as a ROUTER chooses it */
    IO_THREADS = 2,    /* as the coordinator has */
    EPOLL_BATCH = 256,
    WAIT_S = 120, /* until all are there */
    ROUND_S = 45,
    QUIET_S = 20, /* nothing comes for so long: something was lost, with its connection */
    TRIES = 5,
};

struct ends {
    char endpoint[64];
    struct keypair server;
    uint32_t nodes;
    int fd; /* to the parent */
};

/* ---- the ROUTER ------------------------------------------------------------------------------ */

struct router {
    struct ends ends;
    void *socket;
    uint8_t (*peers)[ID_BYTES];
    uint8_t *known; /* whether it has said that it is there */
    uint8_t message[MOST_BYTES];
};

/* Who it is from; which of the DEALERs says so, where it says that it is there; else the rest is
 * read over, and it is `nodes`. False: nothing has come for a while. */
static bool take(struct router *r, uint8_t id[ID_BYTES], uint32_t *index)
{
    char body[MOST_BYTES];
    int n = zmq_recv(r->socket, id, ID_BYTES, 0) == ID_BYTES
                ? zmq_recv(r->socket, body, sizeof body, 0)
                : -1;

    *index = r->ends.nodes;
    if (n == sizeof *index)
        memcpy(index, body, sizeof *index);
    return n >= 0;
}

static bool send_all(struct router *r, size_t n)
{
    for (uint32_t i = 0; i < r->ends.nodes; i++) {
        if (zmq_send(r->socket, r->peers[i], ID_BYTES, ZMQ_SNDMORE) < 0 ||
            zmq_send(r->socket, r->message, n, 0) < 0)
            return false;
    }
    return true;
}

/* Each says that it is there, before each round: who had to connect anew has another name then, and
 * what it said before may be lost. */
static bool learn(struct router *r)
{
    uint32_t known = 0, index;
    uint8_t id[ID_BYTES];

    memset(r->known, 0, r->ends.nodes);
    while (known < r->ends.nodes) {
        if (!take(r, id, &index))
            return false;
        if (index >= r->ends.nodes)
            continue; /* an answer of a round that has come to nothing */
        memcpy(r->peers[index], id, ID_BYTES);
        known += !r->known[index];
        r->known[index] = 1;
    }
    return true;
}

static bool answers(struct router *r)
{
    uint8_t id[ID_BYTES];
    uint32_t index;

    for (uint32_t i = 0; i < r->ends.nodes; i++) {
        if (!take(r, id, &index))
            return false;
    }
    return true;
}

/* The first byte of an order: whether answers are waited for. One of that byte alone: to learn.
 * What is told after it is when it was done; negative: it was not, and may be tried again. */
static bool route(struct router *r)
{
    uint8_t order[MOST_BYTES + 1];
    double done = learn(r) ? 0 : -1;

    while (send(r->ends.fd, &done, sizeof done, 0) > 0) {
        ssize_t n = recv(r->ends.fd, order, sizeof order, 0);
        bool good;

        if (n <= 0)
            return true;
        if (n == 1) {
            done = learn(r) ? 0 : -1;
            continue;
        }
        memcpy(r->message, order + 1, (size_t)n - 1);
        good = send_all(r, (size_t)n - 1) && (!order[0] || answers(r));
        done = good ? seconds_now() : -1;
    }
    return false;
}

static int run_router(const struct ends *ends)
{
    struct router r = { .ends = *ends };
    struct err e;
    void *zmq = zmq_ctx_new();
    int quiet_ms = QUIET_S * 1000;
    bool good;

    zmq_ctx_set(zmq, ZMQ_IO_THREADS, IO_THREADS);
    r.socket = net_router(zmq, ends->endpoint, &ends->server, "fanout", MOST_BYTES, 0, &e);
    r.peers = calloc(ends->nodes, sizeof *r.peers);
    r.known = calloc(ends->nodes, 1);
    if (r.socket != NULL)
        zmq_setsockopt(r.socket, ZMQ_RCVTIMEO, &quiet_ms, sizeof quiet_ms);
    good = r.socket != NULL && r.peers != NULL && r.known != NULL && route(&r);
    if (!good)
        fprintf(stderr, "the bare ROUTER has ended: %s\n", zmq_strerror(zmq_errno()));
    return good ? 0 : 1;
}

/* ---- the DEALERs ----------------------------------------------------------------------------- */

struct dealers {
    struct ends ends;
    void **sockets;
    int epoll;
    struct arena *scratch;
    uint8_t answer[MOST_BYTES];
    size_t answer_bytes;
    uint32_t received;
};

static bool watch(struct dealers *d, int fd, uint32_t index)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u32 = index };

    return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool drain(struct dealers *d, void *socket)
{
    struct envelope *env;
    struct err e;
    zmq_msg_t msg;
    bool good = true;

    zmq_msg_init(&msg);
    while (good && zmq_msg_recv(&msg, socket, ZMQ_DONTWAIT) >= 0) {
        arena_reset(d->scratch);
        good =
            wire_decode_envelope(zmq_msg_data(&msg), zmq_msg_size(&msg), d->scratch, &env, &e) == 0;
        d->received++;
        if (good && d->answer_bytes > 0)
            good = zmq_send(socket, d->answer, d->answer_bytes, 0) >= 0;
    }
    zmq_msg_close(&msg);
    return good;
}

/* A socket signals what comes from its first reading on. */
static bool connect_all(struct dealers *d)
{
    void *zmq = zmq_ctx_new();
    struct err e;

    zmq_ctx_set(zmq, ZMQ_MAX_SOCKETS, (int)d->ends.nodes + 16);
    for (uint32_t i = 0; i < d->ends.nodes; i++) {
        struct keypair own;
        size_t size = sizeof(int);
        int fd;

        keypair_new(&own);
        d->sockets[i] =
            net_dealer(zmq, d->ends.endpoint, &own, &d->ends.server.public_key, MOST_BYTES, &e);
        if (d->sockets[i] == NULL || zmq_send(d->sockets[i], &i, sizeof i, 0) < 0 ||
            zmq_getsockopt(d->sockets[i], ZMQ_FD, &fd, &size) != 0 || !watch(d, fd, i) ||
            !drain(d, d->sockets[i]))
            return false;
    }
    return true;
}

/* An order is what each answers, and nothing when it is to be silent. */
static bool hear_order(struct dealers *d)
{
    uint8_t order[MOST_BYTES + 1];
    ssize_t n = recv(d->ends.fd, order, sizeof order, MSG_DONTWAIT);

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    d->answer_bytes = (size_t)n - 1;
    memcpy(d->answer, order + 1, d->answer_bytes);
    d->received = 0;
    for (uint32_t i = 0; i < d->ends.nodes; i++) {
        if (zmq_send(d->sockets[i], &i, sizeof i, 0) < 0 || !drain(d, d->sockets[i]))
            return false;
    }
    return send(d->ends.fd, &(double){ 0 }, sizeof(double), 0) > 0;
}

static bool listen_all(struct dealers *d)
{
    struct epoll_event events[EPOLL_BATCH];
    bool good = watch(d, d->ends.fd, d->ends.nodes);

    while (good) {
        int n = epoll_wait(d->epoll, events, EPOLL_BATCH, -1);
        uint32_t before = d->received;

        for (int i = 0; good && i < n; i++) {
            uint32_t index = events[i].data.u32;

            good = index == d->ends.nodes ? hear_order(d) : drain(d, d->sockets[index]);
        }
        if (good && d->received == d->ends.nodes && before < d->received)
            good = send(d->ends.fd, &(double){ seconds_now() }, sizeof(double), 0) > 0;
    }
    return good;
}

static int run_dealers(const struct ends *ends)
{
    struct dealers d = { .ends = *ends };

    d.sockets = calloc(ends->nodes, sizeof(void *));
    d.epoll = epoll_create1(EPOLL_CLOEXEC);
    d.scratch = arena_new(LIMIT_DECODE_ARENA_BYTES);
    if (d.sockets == NULL || d.epoll < 0 || d.scratch == NULL || !connect_all(&d))
        return 1;
    return listen_all(&d) ? 0 : 1;
}

/* ---- both ------------------------------------------------------------------------------------ */

static void wait_at_most(int fd, int seconds)
{
    struct timeval limit = { .tv_sec = seconds };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static pid_t begin(struct ends ends, int (*run)(const struct ends *), int *fd)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        ends.fd = pair[1];
        _exit(run(&ends));
    }
    close(pair[1]);
    *fd = pair[0];
    wait_at_most(*fd, WAIT_S);
    return pid;
}

/* Negative: it has ended, does not answer, or has not done it. */
static double hear(int fd)
{
    double at;

    return recv(fd, &at, sizeof at, 0) == sizeof at ? at : -1;
}

/* What a round that has come to nothing may have told too late. */
static void hear_all(int fd)
{
    double at;

    while (recv(fd, &at, sizeof at, MSG_DONTWAIT) > 0)
        ;
}

int fanout_start(struct fanout *f, uint32_t nodes, struct err *e)
{
    struct ends ends = { .nodes = nodes };

    *f = (struct fanout){ .nodes = nodes, .to_router = -1, .to_dealers = -1 };
    keypair_new(&ends.server);
    snprintf(ends.endpoint, sizeof ends.endpoint, "tcp://127.0.0.1:%d", loopback_port());
    f->router = begin(ends, run_router, &f->to_router);
    f->dealers = begin(ends, run_dealers, &f->to_dealers);
    if (f->router < 0 || f->dealers < 0 || hear(f->to_router) < 0) {
        fanout_stop(f);
        return err_set(e, -EIO, "a bare ROUTER with %u DEALERs does not come up", nodes);
    }
    wait_at_most(f->to_router, ROUND_S);
    wait_at_most(f->to_dealers, ROUND_S);
    return 0;
}

static void end(pid_t *pid, int *fd)
{
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
    }
    if (*fd >= 0)
        close(*fd);
    *pid = 0;
    *fd = -1;
}

void fanout_stop(struct fanout *f)
{
    end(&f->router, &f->to_router);
    end(&f->dealers, &f->to_dealers);
}

static bool say(int fd, bool first, const struct buf *b)
{
    uint8_t order[MOST_BYTES + 1] = { first };
    size_t n = b == NULL ? 0 : b->n;

    if (n > MOST_BYTES)
        return false;
    if (n > 0)
        memcpy(order + 1, b->p, n);
    return send(fd, order, n + 1, MSG_NOSIGNAL) == (ssize_t)(n + 1);
}

static double try_round(struct fanout *f, const struct buf *message, const struct buf *answer)
{
    double began, heard, answered;

    hear_all(f->to_dealers);
    hear_all(f->to_router);
    if (!say(f->to_dealers, true, answer) || hear(f->to_dealers) < 0 ||
        !say(f->to_router, false, NULL) || hear(f->to_router) < 0)
        return -1;
    began = seconds_now();
    if (!say(f->to_router, answer != NULL, message))
        return -1;
    heard = hear(f->to_dealers);
    answered = hear(f->to_router);
    if (heard < 0 || answered < 0)
        return -1;
    return (answer != NULL ? answered : heard) - began;
}

double fanout_round(struct fanout *f, const struct buf *message, const struct buf *answer,
                    struct err *e)
{
    double took = -1;

    for (int i = 0; took < 0 && i < TRIES; i++) {
        f->repeated += i > 0;
        took = try_round(f, message, answer);
    }
    if (took < 0)
        err_set(e, -EIO, "the bare ROUTER did not bring its messages to %u DEALERs in %d tries",
                f->nodes, TRIES);
    return took;
}
