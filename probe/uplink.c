/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

#include "base/limits.h"
#include "wire/codec.h"

#define MONITOR "inproc://uplink-monitor"
#define WATCHED                                                                           \
    (ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |         \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

enum { MOST_SOCKETS = 8 };

/* What has been said of the connection, so that it is not repeated at each attempt. */
enum news { NEWS_NONE, NEWS_CONNECTED, NEWS_LOST, NEWS_NO_ANSWER, NEWS_NO_PROOF, NEWS_STRANGER };

struct uplink {
    const char *endpoint;
    void *ctx, *socket, *monitor;
    struct buf out;
    enum news said;
};

static bool watch(struct uplink *u, struct err *e)
{
    int linger = 0;

    if (zmq_socket_monitor(u->socket, MONITOR, WATCHED) != 0)
        goto fail;
    u->monitor = zmq_socket(u->ctx, ZMQ_PAIR);
    if (u->monitor == NULL || zmq_setsockopt(u->monitor, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_connect(u->monitor, MONITOR) != 0)
        goto fail;
    return true;
fail:
    err_set(e, -zmq_errno(), "a connection cannot be watched: %s", zmq_strerror(zmq_errno()));
    return false;
}

static bool open_all(struct uplink *u, const struct keypair *own, const pubkey *server,
                     struct err *e)
{
    u->ctx = zmq_ctx_new();
    if (u->ctx == NULL || zmq_ctx_set(u->ctx, ZMQ_IO_THREADS, 1) != 0 ||
        zmq_ctx_set(u->ctx, ZMQ_MAX_SOCKETS, MOST_SOCKETS) != 0) {
        err_set(e, -ENOMEM, "ZeroMQ cannot be set up: %s", zmq_strerror(zmq_errno()));
        return false;
    }
    u->socket =
        net_dealer_unconnected(u->ctx, u->endpoint, own, server, LIMIT_NODE_MESSAGE_BYTES, e);
    if (u->socket == NULL || !watch(u, e))
        return false;
    if (zmq_connect(u->socket, u->endpoint) == 0)
        return true;
    err_set(e, -zmq_errno(), "cannot connect to %s: %s", u->endpoint, zmq_strerror(zmq_errno()));
    return false;
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
    if (open_all(u, own, server, e))
        return u;
    uplink_close(u);
    return NULL;
}

void uplink_close(struct uplink *u)
{
    if (u == NULL)
        return;
    if (u->socket != NULL) {
        zmq_socket_monitor(u->socket, NULL, 0);
        zmq_close(u->socket);
    }
    if (u->monitor != NULL)
        zmq_close(u->monitor);
    if (u->ctx != NULL)
        zmq_ctx_term(u->ctx);
    buf_deinit(&u->out);
    free(u);
}

void uplink_fds(const struct uplink *u, int fd[UPLINK_FDS])
{
    void *const of[UPLINK_FDS] = { u->socket, u->monitor };

    for (int i = 0; i < UPLINK_FDS; i++) {
        size_t size = sizeof fd[i];

        if (zmq_getsockopt(of[i], ZMQ_FD, &fd[i], &size) != 0)
            fd[i] = -1;
    }
}

static bool readable(void *socket)
{
    int events = 0;
    size_t size = sizeof events;

    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
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
    if (zmq_send(u->socket, u->out.p, u->out.n, ZMQ_DONTWAIT) >= 0)
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

    if (zmq_msg_recv(m, socket, ZMQ_DONTWAIT) < 0)
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
    [NEWS_NO_PROOF] = { LOG_LEVEL_ERROR, "trying again: no proof of the token's key from ",
                        "; it is another coordinator, or its server.key was replaced (then this "
                        "probe needs a new token and an empty run directory)" },
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

bool uplink_news(struct uplink *u, enum log_level *level, struct err *text)
{
    zmq_msg_t m;
    enum news n = NEWS_NONE;
    bool whole;

    zmq_msg_init(&m);
    while (!is_new(u, n) && take_message(u->monitor, &m, &whole)) {
        uint16_t event;
        uint32_t value;

        if (zmq_msg_size(&m) < sizeof event + sizeof value)
            continue;
        memcpy(&event, zmq_msg_data(&m), sizeof event);
        memcpy(&value, (char *)zmq_msg_data(&m) + sizeof event, sizeof value);
        n = meaning(event, value);
    }
    zmq_msg_close(&m);
    if (!is_new(u, n))
        return false;
    u->said = n;
    *level = lines[n].level;
    err_set(text, 0, "%s%s%s", lines[n].before, u->endpoint, lines[n].after);
    return true;
}
