/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

/* Faster than a node's: a person waits, and there are few of them. On this machine it costs next to
 * nothing to find nobody there. */
#define RECONNECT_IVL_MS     50
#define RECONNECT_IVL_MAX_MS 1000
#define LOCAL                "ipc://"
/* A call has a limit of its own, and a handshake that breaks was broken by the other side: who says
 * nothing is told from who says something else. */
#define NO_LIMIT 0

#define EVENTS                                                                      \
    (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |   \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

int conn_init(struct conn *n, struct err *e)
{
    *n = (struct conn){ .ctx = zmq_ctx_new() };
    if (n->ctx == NULL)
        return err_set(e, -zmq_errno(), "a connection cannot be made: %s",
                       zmq_strerror(zmq_errno()));
    return 0;
}

void conn_deinit(struct conn *n)
{
    conn_close(n);
    if (n->ctx != NULL)
        zmq_ctx_term(n->ctx);
    n->ctx = NULL;
}

static bool set_int(void *s, int option, int value)
{
    return zmq_setsockopt(s, option, &value, sizeof value) == 0;
}

static bool monitor_open(struct conn *n)
{
    char name[48];

    snprintf(name, sizeof name, "inproc://monitor-%p", n->socket);
    n->monitor = zmq_socket(n->ctx, ZMQ_PAIR);
    return n->monitor != NULL && set_int(n->monitor, ZMQ_LINGER, 0) &&
           zmq_socket_monitor(n->socket, name, EVENTS) == 0 && zmq_connect(n->monitor, name) == 0;
}

static int most_between(const char *endpoint)
{
    return strncmp(endpoint, LOCAL, strlen(LOCAL)) == 0 ? RECONNECT_IVL_MS : RECONNECT_IVL_MAX_MS;
}

int conn_open(struct conn *n, const char *endpoint, const struct keypair *own, const pubkey *server,
              struct err *e)
{
    n->state = CONN_DOWN;
    n->broke = false;
    n->socket = net_dealer_unconnected(n->ctx, endpoint, own, server, LIMIT_REPLY_BYTES, e);
    if (n->socket == NULL)
        return -EINVAL;
    if (!set_int(n->socket, ZMQ_RECONNECT_IVL, RECONNECT_IVL_MS) ||
        !set_int(n->socket, ZMQ_RECONNECT_IVL_MAX, most_between(endpoint)) ||
        !set_int(n->socket, ZMQ_HANDSHAKE_IVL, NO_LIMIT) || !monitor_open(n) ||
        zmq_connect(n->socket, endpoint) != 0) {
        int code = zmq_errno();

        conn_close(n);
        return err_set(e, -code, "cannot connect to %s: %s", endpoint, zmq_strerror(code));
    }
    return 0;
}

void conn_close(struct conn *n)
{
    if (n->monitor != NULL) {
        zmq_socket_monitor(n->socket, NULL, 0);
        zmq_close(n->monitor);
    }
    if (n->socket != NULL) {
        set_int(n->socket, ZMQ_LINGER, 0);
        zmq_close(n->socket);
    }
    n->socket = n->monitor = NULL;
    n->state = CONN_DOWN;
}

/* Both frames of the next event of the monitor. False: there is none. */
static bool monitor_next(struct conn *n, uint16_t *event)
{
    zmq_msg_t frame;
    int more = 1;
    bool got = false;

    while (more) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, n->monitor, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return false;
        }
        if (!got && zmq_msg_size(&frame) >= sizeof *event) {
            memcpy(event, zmq_msg_data(&frame), sizeof *event);
            got = true;
        }
        more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return got;
}

static void monitor_take(struct conn *n)
{
    uint16_t event;

    while (monitor_next(n, &event)) {
        switch (event) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            n->state = CONN_UP;
            n->ups++;
            break;
        case ZMQ_EVENT_CONNECTED:
            n->state = CONN_HANDSHAKE;
            break;
        default:
            n->broke = n->broke || n->state != CONN_UP;
            n->state = CONN_DOWN;
            break;
        }
    }
}

int conn_wait(struct conn *n, mono_ms until)
{
    zmq_pollitem_t items[] = {
        { .socket = n->socket, .events = ZMQ_POLLIN },
        { .socket = n->monitor, .events = ZMQ_POLLIN },
    };

    for (;;) {
        int64_t left = mono_since(until, clock_mono());
        int rc = zmq_poll(items, 2, left <= 0 ? 0 : left > 3600000 ? 3600000 : (long)left);

        if (rc < 0 && zmq_errno() != EINTR)
            return -zmq_errno();
        /* Messages first: an answer that came just before the connection broke counts. */
        if (rc > 0 && (items[0].revents & ZMQ_POLLIN))
            return CONN_MESSAGE;
        if (rc > 0) {
            monitor_take(n);
            return CONN_STATE;
        }
        if (left <= 0)
            return -ETIMEDOUT;
    }
}

int conn_receive(struct conn *n, zmq_msg_t *m)
{
    int frames = 0, more = 1;

    while (more) {
        if (zmq_msg_recv(m, n->socket, ZMQ_DONTWAIT) < 0)
            return -zmq_errno();
        more = zmq_msg_more(m);
        frames++;
    }
    return frames == 1 ? 0 : -EBADMSG;
}

int conn_send(struct conn *n, const struct buf *b)
{
    return zmq_send(n->socket, b->p, b->n, ZMQ_DONTWAIT) < 0 ? -zmq_errno() : 0;
}
