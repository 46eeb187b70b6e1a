/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include "base/limits.h"
#include "wire/codec.h"

#define WATCHED                                                                    \
    (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECT_RETRIED | \
     ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |                      \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |  \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

enum { MOST_SOCKETS = 32, REOPEN_MS = 5000 };

/* What has been said of the connection, so that it is not repeated at each attempt. */
enum news { NEWS_NONE, NEWS_CONNECTED, NEWS_LOST, NEWS_NO_ANSWER, NEWS_NO_PROOF, NEWS_STRANGER };

struct uplink {
    const char *endpoint;
    struct keypair own;
    pubkey server;
    void *ctx, *socket, *monitor;
    int epoll; /* of both */
    unsigned monitors;
    struct buf out;
    enum news said;
    mono_ms reopen_at; /* ZeroMQ has given the connection up; INT64_MAX: it has not */
};

static bool watch_fd(const struct uplink *u, void *socket, int op)
{
    struct epoll_event in = { .events = EPOLLIN };
    size_t size = sizeof(int);
    int fd;

    return zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0 && epoll_ctl(u->epoll, op, fd, &in) == 0;
}

static void *fail(const char *what, struct err *e)
{
    err_set(e, -zmq_errno(), "%s: %s", what, zmq_strerror(zmq_errno()));
    return NULL;
}

/* Tells what becomes of a connection. */
static void *open_monitor(struct uplink *u, struct err *e)
{
    char name[64];
    int linger = 0;
    void *s;

    snprintf(name, sizeof name, "inproc://uplink-monitor-%u", u->monitors++);
    if (zmq_socket_monitor(u->socket, name, WATCHED) != 0)
        return fail("a connection cannot be watched", e);
    s = zmq_socket(u->ctx, ZMQ_PAIR);
    if (s == NULL)
        return fail("a connection cannot be watched", e);
    if (zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger) == 0 && zmq_connect(s, name) == 0 &&
        watch_fd(u, s, EPOLL_CTL_ADD))
        return s;
    fail("a connection cannot be watched", e);
    zmq_close(s);
    return NULL;
}

static void close_sockets(struct uplink *u)
{
    /* First of all: ZeroMQ's own thread waits, with a lock held, for somebody to hear its events.
     */
    if (u->socket != NULL)
        zmq_socket_monitor(u->socket, NULL, 0);
    if (u->monitor != NULL) {
        watch_fd(u, u->monitor, EPOLL_CTL_DEL);
        zmq_close(u->monitor);
    }
    if (u->socket != NULL) {
        watch_fd(u, u->socket, EPOLL_CTL_DEL);
        zmq_close(u->socket);
    }
    u->monitor = u->socket = NULL;
}

static bool open_sockets(struct uplink *u, struct err *e)
{
    u->socket = net_dealer_unconnected(u->ctx, u->endpoint, &u->own, &u->server,
                                       LIMIT_NODE_MESSAGE_BYTES, e);
    if (u->socket == NULL)
        return false;
    if (!watch_fd(u, u->socket, EPOLL_CTL_ADD)) {
        fail("a connection cannot be watched", e);
        goto fail;
    }
    u->monitor = open_monitor(u, e);
    if (u->monitor == NULL)
        goto fail;
    if (zmq_connect(u->socket, u->endpoint) == 0)
        return true;
    fail("cannot connect", e);
fail:
    close_sockets(u);
    return false;
}

static bool open_all(struct uplink *u, struct err *e)
{
    u->epoll = epoll_create1(EPOLL_CLOEXEC);
    u->ctx = zmq_ctx_new();
    if (u->epoll < 0 || u->ctx == NULL || zmq_ctx_set(u->ctx, ZMQ_IO_THREADS, 1) != 0 ||
        zmq_ctx_set(u->ctx, ZMQ_MAX_SOCKETS, MOST_SOCKETS) != 0)
        return fail("ZeroMQ cannot be set up", e) != NULL;
    return open_sockets(u, e);
}

struct uplink *uplink_open(const char *endpoint, const struct keypair *own, const pubkey *server,
                           struct err *e)
{
    struct uplink *u = calloc(1, sizeof *u);

    if (u == NULL) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    u->endpoint = endpoint;
    u->own = *own;
    u->server = *server;
    u->epoll = -1;
    u->reopen_at.v = INT64_MAX;
    if (open_all(u, e))
        return u;
    uplink_close(u);
    return NULL;
}

void uplink_close(struct uplink *u)
{
    if (u == NULL)
        return;
    close_sockets(u);
    if (u->ctx != NULL)
        zmq_ctx_term(u->ctx);
    if (u->epoll >= 0)
        close(u->epoll);
    buf_deinit(&u->out);
    keypair_wipe(&u->own);
    free(u);
}

int uplink_fd(const struct uplink *u)
{
    return u->epoll;
}

mono_ms uplink_deadline(const struct uplink *u)
{
    return u->reopen_at;
}

static bool readable(void *socket)
{
    int events = 0;
    size_t size = sizeof events;

    return socket != NULL && zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 &&
           (events & ZMQ_POLLIN) != 0;
}

bool uplink_pending(const struct uplink *u)
{
    /* Both are asked: it is the asking that takes back the descriptor's signal. */
    bool message = readable(u->socket), news = readable(u->monitor);

    return message || news;
}

int uplink_send(struct uplink *u, const struct envelope *env, struct err *e)
{
    int rc;

    buf_reset(&u->out);
    rc = wire_encode(&envelope_desc, env, &u->out, e);
    if (rc < 0)
        return rc;
    if (u->socket == NULL)
        rc = -EAGAIN;
    else if (zmq_send(u->socket, u->out.p, u->out.n, ZMQ_DONTWAIT) >= 0)
        rc = 0;
    else if (zmq_errno() == EAGAIN)
        rc = -EAGAIN;
    else
        rc = err_set(e, -EIO, "a message cannot be sent: %s", zmq_strerror(zmq_errno()));
    if (u->out.cap > (64u << 10))
        buf_deinit(&u->out); /* a large report, seldom sent */
    return rc;
}

/* Takes one message of all its frames. False: there is none. *whole: it was one frame. */
static bool take_message(void *socket, zmq_msg_t *m, bool *whole)
{
    zmq_msg_t more;

    if (socket == NULL || zmq_msg_recv(m, socket, ZMQ_DONTWAIT) < 0)
        return false;
    *whole = !zmq_msg_more(m);
    if (*whole)
        return true;
    zmq_msg_init(&more);
    while (zmq_msg_recv(&more, socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&more))
        continue;
    zmq_msg_close(&more);
    return true;
}

int uplink_receive(struct uplink *u, struct arena *a, struct envelope **out, struct err *e)
{
    zmq_msg_t m;
    bool whole;
    int rc = 0;

    zmq_msg_init(&m);
    if (take_message(u->socket, &m, &whole)) {
        if (whole)
            rc = wire_decode_envelope(zmq_msg_data(&m), zmq_msg_size(&m), a, out, e);
        else
            rc = err_set(e, -EBADMSG, "a message has more than one frame");
        rc = rc == 0 ? 1 : rc;
    }
    zmq_msg_close(&m);
    return rc;
}

/* ---- what is heard of the connection ------------------------------------------------------ */

static const struct {
    enum log_level level;
    const char *before, *after; /* the endpoint */
} lines[] = {
    [NEWS_CONNECTED] = { LOG_LEVEL_INFO, "connected to ", "" },
    [NEWS_LOST] = { LOG_LEVEL_WARNING, "trying again: the connection is lost to ", "" },
    [NEWS_NO_ANSWER] = { LOG_LEVEL_WARNING, "trying again: there is no answer from ",
                         "; does the coordinator run there?" },
    [NEWS_NO_PROOF] = { LOG_LEVEL_ERROR, "trying again: the encrypted handshake fails with ",
                        "; does the token name another coordinator's key? When its server.key was "
                        "replaced, this probe needs a new token and an empty run directory" },
    [NEWS_STRANGER] = { LOG_LEVEL_ERROR, "trying again: another protocol is spoken at ",
                        "; is that the coordinator's port for nodes?" },
};

static enum news meaning(uint16_t event, uint32_t value)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        return NEWS_CONNECTED;
    case ZMQ_EVENT_DISCONNECTED:
        return NEWS_LOST;
    case ZMQ_EVENT_CONNECT_RETRIED:
        return NEWS_NO_ANSWER;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC ? NEWS_NO_PROOF : NEWS_STRANGER;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return NEWS_NO_PROOF;
    default:
        return NEWS_NONE;
    }
}

/* A connection that is lost or refused is tried again, which says nothing new. */
static bool is_new(const struct uplink *u, enum news n)
{
    if (n == NEWS_NONE || n == u->said)
        return false;
    if (n == NEWS_NO_ANSWER)
        return u->said == NEWS_NONE || u->said == NEWS_CONNECTED;
    return n != NEWS_LOST || u->said == NEWS_CONNECTED;
}

/* After a breach of the protocol ZeroMQ closes the connection and tries no more, which shows by
 * what does not follow: that it will try again. */
static void follow(struct uplink *u, uint16_t event, mono_ms now)
{
    if (event == ZMQ_EVENT_DISCONNECTED)
        u->reopen_at.v = now.v + REOPEN_MS;
    else if (event == ZMQ_EVENT_CONNECT_RETRIED || event == ZMQ_EVENT_CONNECT_DELAYED ||
             event == ZMQ_EVENT_CONNECTED)
        u->reopen_at.v = INT64_MAX;
}

/* The next event of the connection. False: there is none. */
static bool take_event(struct uplink *u, mono_ms now, enum news *n)
{
    uint16_t event;
    uint32_t value;
    zmq_msg_t m;
    bool whole, got;

    zmq_msg_init(&m);
    got = take_message(u->monitor, &m, &whole);
    *n = NEWS_NONE;
    if (got && zmq_msg_size(&m) >= sizeof event + sizeof value) {
        memcpy(&event, zmq_msg_data(&m), sizeof event);
        memcpy(&value, (char *)zmq_msg_data(&m) + sizeof event, sizeof value);
        follow(u, event, now);
        *n = meaning(event, value);
    }
    zmq_msg_close(&m);
    return got;
}

static enum news reopen(struct uplink *u, mono_ms now)
{
    enum news n = u->said == NEWS_LOST ? NEWS_NONE : NEWS_STRANGER;
    struct err e;

    close_sockets(u);
    u->reopen_at.v = open_sockets(u, &e) ? INT64_MAX : now.v + REOPEN_MS;
    return n;
}

bool uplink_news(struct uplink *u, mono_ms now, enum log_level *level, struct err *text)
{
    enum news n = NEWS_NONE;

    while (!is_new(u, n) && take_event(u, now, &n))
        continue;
    if (!is_new(u, n) && now.v >= u->reopen_at.v)
        n = reopen(u, now);
    if (!is_new(u, n))
        return false;
    u->said = n;
    *level = lines[n].level;
    err_set(text, 0, "%s%s%s", lines[n].before, u->endpoint, lines[n].after);
    return true;
}
