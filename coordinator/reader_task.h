/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks that are over, from the database. */
#ifndef MUSTER_READER_TASK_H
#define MUSTER_READER_TASK_H

#include "store.h"
#include "wire/messages.h"

/* The newest `limit` behind those that the reply has. 0, or as store_read_tasks. */
int reader_tasks(struct store_reader *store, uint64_t limit, struct arena *a, struct reply *reply,
                 struct err *e);
/* One with its jobs; where there is none any more the reply says so. */
int reader_task(struct store_reader *store, uint64_t no, struct arena *a, struct reply *reply,
                struct err *e);

#endif
