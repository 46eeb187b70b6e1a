/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_CORETHREAD_INTERNAL_H
#define MUSTER_CORETHREAD_INTERNAL_H

#include <pthread.h>

#include "corethread.h"
#include "watch.h"

struct core_thread {
    struct core_thread_options o;
    pthread_t thread;
    bool started;
    struct coord *coord; /* NULL: could not be loaded again yet */
    struct watches *watches;
    struct arena *arena, *scratch;
    struct coord_update update;
    /* Works of the batch that is not committed yet: changes point into their memory. */
    struct queue_node *batch, **batch_tail;
    size_t batch_count;
    size_t batch_weight; /* bytes of its answers */
    mono_ms began;
    mono_ms listened; /* of the latest message that was stepped */
    bool only_asked;  /* of what is stepped now nothing came from a node */
    mono_ms quiet_at; /* when it is quiet, if no batch that writes much comes */
    mono_ms pack_at;  /* when the store may be given time to pack */
    size_t nodes;     /* loaded */
    bool read_only;
    mono_ms retry; /* read-only: when to try a write, or to load, again */
    char why[320]; /* read-only: a sentence for those who ask */
};

/* The messages of the batch, which is durable: envelopes to the sockets, replies to the readers. A
 * request without a reply gets one that says so. */
void deliver_batch(struct core_thread *t);
/* Refuses the requests in a list with REPLY_READ_ONLY and t->why; frees the list. */
void deliver_refusals(struct core_thread *t, struct queue_node *list);
/* To those who watch and whose time has come. */
void deliver_hints(struct core_thread *t);

/* What is done when it is quiet (quiet.c): a batch is to be committed; when there is something to
 * do next; doing it, if it is due. */
void quiet_note(struct core_thread *t);
mono_ms quiet_next(const struct core_thread *t);
void quiet_run(struct core_thread *t);

#endif
