/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_ROUTER_INTERNAL_H
#define MUSTER_ROUTER_INTERNAL_H

#include <pthread.h>
#include <sys/stat.h>

#include "conns.h"
#include "router.h"
#include "routing_ids.h"

#define ENDPOINT_TEXT  CONFIG_TEXT
#define REFUSE_REASONS (REFUSE_BUSY + 1)

struct router {
    struct router_options o;
    pthread_t thread;
    bool started;
    void *sockets[SOCKET_COUNT], *monitors[SOCKET_COUNT], *zap;
    struct peers *peers[SOCKET_COUNT];
    struct conns *conns;
    struct routing_ids *ids[SOCKET_COUNT]; /* of TCP */
    struct stat local_file;                /* of the local socket; st_ino 0: none */
    char endpoints[SOCKET_COUNT][ENDPOINT_TEXT];
    atomic_bool paused;
    mono_ms now, expired, conns_checked;
    mono_ms round; /* when the last one ended */
    bool drained;  /* in this round: nothing more is there for the nodes' socket to be read */
    /* Drops by their reason that the core has not been told of yet, and the latest of each. */
    struct {
        uint64_t count;
        pubkey key;
        const char *text;
    } untold[REFUSE_REASONS];
    uint64_t unsent; /* answers that nobody was there to take */
};

/* Takes the post. One who has gone, or does not read, loses it; the ticket comes back when it has
 * been read. */
void router_send(struct router *r, struct post *p);

/* Counts a drop; the core is told of it within a second. `key` may be NULL. */
void router_count(struct router *r, const pubkey *key, enum refuse_reason reason, const char *text);
void router_tell(struct router *r); /* the core, of all drops */

/* Too much waits inside to read this socket; whoever makes room wakes us. */
bool router_stalled(struct router *r, unsigned socket);
/* Reads a batch of what waits at a socket. */
void router_receive(struct router *r, unsigned socket);

#endif
