/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients of a load generator: DEALERs in one thread, each of which sends a message, waits for the
 * answer, and sends the next. */
#ifndef MUSTER_BENCH_DEALERS_H
#define MUSTER_BENCH_DEALERS_H

#include <zmq.h>

#include "base/buf.h"
#include "net/net.h"
#include "turn.h"

struct dealers;

/* What client `index` sends next, into `out`, which is empty. `answer` is what it was answered;
 * NULL: nothing yet. 0; 1: that was no answer, it waits on; negative with a sentence. */
typedef int dealers_next(void *ctx, uint32_t index, zmq_msg_t *answer, struct buf *out,
                         struct err *e);

struct dealers_options {
    const char *endpoint;
    const pubkey *server;
    uint32_t count;
    int64_t most_bytes; /* of an answer */
    dealers_next *next;
    void *ctx;
};

/* With a new key for each. NULL with a sentence. */
struct dealers *dealers_new(const struct dealers_options *o, struct err *e);
void dealers_free(struct dealers *d); /* NULL is legal */

/* For what comes before the turns: one message and its answer. 0, or negative with a sentence. */
int dealers_ask(struct dealers *d, uint32_t index, const struct buf *message, zmq_msg_t *answer,
                struct err *e);

/* All of them for the time of the turn, and until the last has its answer: a turn_work. */
int dealers_turn(void *dealers, struct turn *t, struct err *e);

#endif
