/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread with a read-only connection to the database: it brings what a reply still needs, encodes
 * it and passes it on. There are two, so that a large backup holds no query up. */
#ifndef MUSTER_READER_H
#define MUSTER_READER_H

#include "backup.h"
#include "store.h"
#include "work.h"

struct reader;

struct reader_options {
    const struct store_options *store;
    struct queue *out;
    int64_t backup_idle_ms;
    bool backups; /* this one serves backups */
};

/* Starts the thread. NULL with a sentence. */
struct reader *reader_new(const struct reader_options *o, struct err *e);
/* Takes the job. Waits when too many are queued. */
void reader_submit(struct reader *r, struct job *j);
/* Bytes of the answers that it has not encoded yet. Any thread. */
size_t reader_weight(const struct reader *r);
/* Finishes what was submitted, ends the thread. NULL is legal. */
void reader_stop(struct reader *r);
void reader_free(struct reader *r); /* after stop; NULL is legal */

#endif
