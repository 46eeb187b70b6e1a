/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounded queues between threads. An element embeds a queue_node as its first member.
 *
 * Urgent ones overtake the others, by turns: between any two of them that are taken is one of the
 * others, if there is one. The limits are of each kind alone. */
#ifndef MUSTER_QUEUE_H
#define MUSTER_QUEUE_H

#include "base/types.h"

struct queue_node {
    struct queue_node *next;
    size_t weight; /* the pusher's; counts against the queue's weight limit */
    bool urgent;   /* the pusher's */
};

struct queue;

/* At most `count` elements; push_wait also waits while `weight` is exceeded (0: no limit; one
 * element always fits an empty queue). with_fd: queue_fd becomes readable when there is an element,
 * for a consumer that waits in zmq_poll. NULL: out of memory or descriptors. */
struct queue *queue_new(size_t count, size_t weight, bool with_fd);
void queue_free(struct queue *q); /* NULL is legal; elements are the caller's to take out before */

/* False: full or closed, the element stays the caller's. Never waits. */
bool queue_push(struct queue *q, struct queue_node *n);
/* Waits for room. False: closed, the element stays the caller's. */
bool queue_push_wait(struct queue *q, struct queue_node *n);

/* Takes up to `max` elements, oldest first of each kind, linked by `next`. Waits up to timeout_ms
 * for the first (negative: without limit, 0: not at all). Returns their number; 0 with nothing in
 * *out when the time is up, or at once when the queue is closed and empty. */
size_t queue_take(struct queue *q, size_t max, int64_t timeout_ms, struct queue_node **out);

/* The same of urgent ones alone, without waiting. */
size_t queue_take_urgent(struct queue *q, size_t max, struct queue_node **out);

/* A list that was taken: urgent ones first, each kind in its order. */
struct queue_node *queue_urgent_first(struct queue_node *list);

int queue_fd(const struct queue *q);
/* No pushes from now on; what is inside can still be taken. */
void queue_close(struct queue *q);
/* Closed and empty: nothing will ever come. */
bool queue_ended(struct queue *q);
size_t queue_count(struct queue *q);

#endif
