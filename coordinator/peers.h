/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flood control: what each connection may send, and how much of it may wait inside. Owned by the
 * thread that reads the sockets; the functions that other threads may call say so. */
#ifndef MUSTER_PEERS_H
#define MUSTER_PEERS_H

#include <stdatomic.h>

#include "base/types.h"

struct peer_rate {
    uint64_t messages_per_s, messages_burst; /* per_s 0: without limit */
    uint64_t bytes_per_s, bytes_burst;
};

/* `queued`: messages of one connection that may wait inside. Anybody can make any number of keys,
 * so those that have not been accepted yet share `strangers` beside their own rate: however many
 * they are, they leave room for the others. */
struct peer_limits {
    struct peer_rate each, strangers;
    uint32_t queued;
};

struct peers;
struct peer;

enum peer_verdict {
    PEER_OK,
    PEER_FLOOD,    /* over its rate */
    PEER_STRANGER, /* over the rate of all strangers */
    PEER_BUSY,     /* `queued` messages of it are waiting already */
    PEER_FULL,     /* twice as many */
};

/* NULL: out of memory. */
struct peers *peers_new(const uint8_t seed[16], const struct peer_limits *limits, mono_ms now);
void peers_free(struct peers *p); /* all tickets must be back */

/* The connection named by `id` (at most 33 bytes: a key or a route), made when it is new. NULL:
 * LIMIT_PEERS of them, or out of memory. */
struct peer *peers_get(struct peers *p, const void *id, size_t n, mono_ms now);
/* Takes one message of `bytes` out of the buckets. */
enum peer_verdict peers_take(struct peers *p, struct peer *peer, size_t bytes, mono_ms now);
/* A message was dropped: true when that is to be told, which is once a second. */
bool peer_drop(struct peer *peer, mono_ms now);
/* Forgets connections that have been idle and would start no richer than they are. */
void peers_expire(struct peers *p, mono_ms now);
size_t peers_count(const struct peers *p);

/* It has proved to be of the fleet and is no stranger any more; or it is of the fleet no more. Any
 * thread, while a ticket is out. */
void peer_accept(struct peer *peer, bool accepted);
/* How many messages of it are inside. Any thread, while a ticket is out. */
unsigned peer_waiting(const struct peer *peer);
bool peer_accepted(const struct peer *peer);

/* All that waits inside. */
struct budget {
    atomic_size_t messages, bytes;
    atomic_size_t coming; /* of the messages: those that have not reached the core */
    atomic_bool stalled;  /* the reader of the sockets waits for room */
    /* The monotonic clock without the time in which the nodes' socket was not read: because there
     * was no room, or because this process did not run. */
    _Atomic int64_t listened;
    int fd; /* eventfd that wakes it */
};

int budget_init(struct budget *b); /* 0 or a negative errno */
void budget_deinit(struct budget *b);
/* True when more than `share` of 4 quarters is used. */
bool budget_full(const struct budget *b, unsigned share);

/* The right of one message to be inside; goes with it from thread to thread. */
struct ticket {
    struct budget *budget;
    struct peer *peer; /* may be NULL */
    size_t bytes;
    size_t unread;
    bool arrived; /* at the core */
};

void ticket_take(struct ticket *t, struct budget *b, struct peer *peer, size_t bytes);
/* The core has it. How many others are still on their way? */
size_t ticket_arrive(struct ticket *t);
/* Its answer of `bytes` goes out and counts until the ticket is released. False: this connection
 * has LIMIT_UNREAD_BYTES of answers that it does not read (one always may). */
bool ticket_answer(struct ticket *t, size_t bytes);
void ticket_release(struct ticket *t); /* any thread; again is harmless */

#endif
