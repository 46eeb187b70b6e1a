/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peers that choose ZeroMQ's own kind of routing id. libzmq gives a peer that brings none five
 * bytes, a zero and the next number of a counter, and ends the process when somebody has that name
 * already (socket_base.cpp and router.cpp, identify_peer and add_out_pipe, 4.3). A name of that
 * form that the counter has not come to is one that a peer has made up: when it speaks it is found
 * here, and cut before the counter comes there. Where the counter is, is learnt as libzmq tells it:
 * by a connection of our own. One that never speaks is found by nobody,
 * and lasts until it is cut for its silence (conns.h): what is left is that whoever has the
 * coordinator's key, and makes tens of thousands of silent connections and thousands of others for
 * minutes, may hit the counter, whose beginning nobody knows, by chance.
 * Owned by the thread of the sockets. */
#ifndef MUSTER_COORDINATOR_ROUTING_IDS_H
#define MUSTER_COORDINATOR_ROUTING_IDS_H

#include "base/err.h"
#include "base/types.h"

struct routing_ids;

/* For one ROUTER. NULL with a sentence. */
struct routing_ids *routing_ids_new(void *ctx, void *router, struct err *e);
void routing_ids_free(struct routing_ids *ids); /* before the router is closed; NULL is legal */

/* A descriptor, and when a message with a made-up id had come from it. */
struct routing_ids_forged {
    int fd;
    mono_ms at;
};

/* A message came with this routing id, from the descriptor `fd`. */
void routing_ids_seen(struct routing_ids *ids, const uint8_t *id, size_t n, int fd, mono_ms now);
/* True: the message is our own, and not from a peer. Puts those who made up their ids into forged[]
 * (room for ROUTING_IDS_WAITING) and their number into *count. */
bool routing_ids_own(struct routing_ids *ids, const uint8_t *id, size_t n, int fd,
                     struct routing_ids_forged *forged, size_t *count);
/* Learns where the counter is, if it matters now. To be called after each batch of messages. */
void routing_ids_ask(struct routing_ids *ids);

/* Connections that wait to be judged; what is over it is judged by its next message. */
enum { ROUTING_IDS_WAITING = 256 };

#endif
