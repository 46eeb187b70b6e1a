/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flood control: what each connection may send, and how much of it may wait inside. Owned by the
 * thread that reads the sockets; the functions that other threads may call say so. */
#ifndef MUSTER_PEERS_H
#define MUSTER_PEERS_H

#include <stdatomic.h>

#include "base/types.h"

/* Rates of one connection; 0: without limit. `queued`: its messages that may wait inside. */
struct peer_limits {
    uint64_t messages_per_s, messages_burst;
    uint64_t bytes_per_s, bytes_burst;
    uint32_t queued;
};

struct peers;
struct peer;

enum peer_verdict {
    PEER_OK,
    PEER_FLOOD, /* over its rate */
    PEER_BUSY,  /* too much of it is waiting already */
};

/* NULL: out of memory. */
struct peers *peers_new(const uint8_t seed[16], const struct peer_limits *limits);
void peers_free(struct peers *p); /* all tickets must be back */

/* The connection named by `id` (at most 33 bytes: a key or a route), made when it is new. NULL:
 * LIMIT_PEERS of them, or out of memory. */
struct peer *peers_get(struct peers *p, const void *id, size_t n, mono_ms now);
/* Takes one message of `bytes` out of the buckets. */
enum peer_verdict peers_take(struct peers *p, struct peer *peer, size_t bytes, mono_ms now);
/* Counts a dropped message. Returns how many to tell of now, with an answer: 0 within a second of
 * the last answer. What is held back comes out of a later call or of peers_expire. */
uint64_t peer_drop(struct peer *peer, mono_ms now);
/* Forgets connections that have been idle and returns drops that were not told of. */
uint64_t peers_expire(struct peers *p, mono_ms now);
size_t peers_count(const struct peers *p);

/* One answer to a wrong message a second: true when it is due. Any thread. */
bool peer_may_answer(struct peer *peer, mono_ms now);

/* All that waits inside. */
struct budget {
    atomic_size_t messages, bytes;
    atomic_bool stalled; /* the reader of the sockets waits for room */
    int fd;              /* eventfd that wakes it */
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
};

void ticket_take(struct ticket *t, struct budget *b, struct peer *peer, size_t bytes);
void ticket_release(struct ticket *t); /* any thread; again is harmless */

#endif
