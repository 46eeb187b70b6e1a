/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoder threads: bytes in, decoded work out. They share nothing: the messages of one connection
 * always go to the same thread, so their order is kept. */
#ifndef MUSTER_DECODE_H
#define MUSTER_DECODE_H

#include "base/err.h"
#include "work.h"

struct decoders;

/* Results go to `core`; answers to clients that cannot be decoded go straight to `out`. NULL with a
 * sentence. */
struct decoders *decoders_new(unsigned threads, struct queue *core, struct queue *out,
                              struct err *e);
/* Never waits. False: full; the work stays the caller's. */
bool decoders_submit(struct decoders *d, struct work *w);
/* Finishes what was submitted, then ends the threads. */
void decoders_stop(struct decoders *d);
void decoders_free(struct decoders *d); /* after stop; NULL is legal */

/* One piece of raw work, decoded in place: it becomes WORK_NODE, WORK_REQUEST or WORK_BAD. Returns
 * the answer to a client whose request goes no further, or NULL. */
struct post *decode_work(struct work *w);

#endif
