/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread that owns core and store. It drains the queue, steps the core, commits all that the
 * batch produced in one transaction, and only then lets its messages out. While a commit runs the
 * next batch gathers in the queue. A batch that cannot be committed is discarded and the core
 * loaded anew from the database: the only failure path is the start-up path. */
#ifndef MUSTER_CORETHREAD_H
#define MUSTER_CORETHREAD_H

#include "reader.h"
#include "store.h"
#include "work.h"

struct core_thread;

struct core_thread_options {
    struct core_config config;
    struct store *store;
    struct queue *in, *out;
    struct reader *reader, *backup_reader;
    struct budget *budget; /* for what is on its way, and for how long it was listened */
    uuid128 nonce;         /* of this start */
};

/* Loads the core and commits this start. NULL with a sentence. */
struct core_thread *core_thread_new(const struct core_thread_options *o, struct err *e);
/* What was loaded; before the thread is started. */
void core_thread_loaded(const struct core_thread *t, size_t *nodes, uint64_t *generation);
int core_thread_start(struct core_thread *t, struct err *e); /* 0 or a negative errno */
/* After queue_close(in): the last batch is committed, the thread ends. */
void core_thread_stop(struct core_thread *t);
void core_thread_free(struct core_thread *t); /* after stop; NULL is legal */

#endif
