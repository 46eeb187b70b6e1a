/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection of a client: a DEALER and the monitor that tells whether it is up. A request is
 * sent on a connection that is up or not at all, so that one that was given up is never done later,
 * when the coordinator comes back. */
#ifndef MUSTER_CLIENT_CONN_H
#define MUSTER_CLIENT_CONN_H

#include <zmq.h>

#include "base/buf.h"
#include "net/net.h"

enum conn_state {
    CONN_DOWN,
    CONN_HANDSHAKE, /* something listens there; it has not proven yet to be the coordinator */
    CONN_UP,
};

struct conn {
    void *ctx, *socket, *monitor; /* socket and monitor are NULL while closed */
    enum conn_state state;
    bool broke;   /* a handshake began and did not end well, since it was opened */
    uint64_t ups; /* times that it came up, over all openings */
};

int conn_init(struct conn *n, struct err *e); /* 0, or a negative errno with a sentence */
void conn_deinit(struct conn *n);
/* Connecting goes on in the background. 0, or a negative errno with a sentence. */
int conn_open(struct conn *n, const char *endpoint, const struct keypair *own, const pubkey *server,
              struct err *e);
void conn_close(struct conn *n); /* drops what is not sent */

enum { CONN_MESSAGE = 1, CONN_STATE = 2 };
/* Waits for a message (CONN_MESSAGE), a change of the state or of `ups` (CONN_STATE: both are up to
 * date), or for the time: -ETIMEDOUT. Another negative errno: the sockets are broken. */
int conn_wait(struct conn *n, mono_ms until);
/* One whole message into `m`, which the caller has initialised. 0, -EAGAIN: none, -EBADMSG: it has
 * more than one frame (all are taken). */
int conn_receive(struct conn *n, zmq_msg_t *m);
/* 0 or a negative errno. */
int conn_send(struct conn *n, const struct buf *b);

#endif
