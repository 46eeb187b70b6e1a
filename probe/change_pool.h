/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The changes of volume groups of a supervisor: a worker for each, its order in the run directory
 * before it starts. A change is over when its worker is gone from the kernel, with all I/O that it
 * has begun, and never before; one that cannot be ended stays. As with worker_pool, nothing here
 * blocks; the caller waits for SIGCHLD and for the deadline. */
#ifndef MUSTER_CHANGE_POOL_H
#define MUSTER_CHANGE_POOL_H

#include <sys/types.h>

#include "agent.h"
#include "run_dir.h"

struct change_pool;

struct change_pool_config {
    const char *worker_path; /* executable: WORKER change BOOT TASK-JOB-ATTEMPT */
    struct run_dir *dir;
    uuid128 boot_id;
    int64_t timeout_ms; /* after which a worker is ended */
};

/* A change that is over. */
struct change_outcome {
    struct order_key order;
    const struct lvm_result *result; /* NULL: see error */
    const char *error;
};

/* Takes up what an earlier supervisor of this boot has left in the run directory, and ends its
 * workers. NULL with a sentence. */
struct change_pool *change_pool_new(const struct change_pool_config *config, mono_ms now, int *rc,
                                    struct err *e);
void change_pool_free(struct change_pool *p); /* kills all workers; does not wait for them */
/* What an earlier supervisor of this boot has begun, in `a`: the last order of each volume group,
 * and whether its worker may still live; such a one ends in an outcome. 0 or -ENOMEM. */
int change_pool_known(const struct change_pool *p, struct arena *a, struct agent_change **out,
                      size_t *n);

/* Copied. Whatever goes wrong is an outcome. */
void change_pool_run(struct change_pool *p, const struct lvm_change *change, mono_ms now);

/* A child of this process: true if it is one of the pool's, or of such a one's group. */
bool change_pool_owns(const struct change_pool *p, pid_t group);
void change_pool_reaped(struct change_pool *p, pid_t pid, int status);

/* Tells one outcome; its memory lives until the next call. False: nothing (more) has happened. */
bool change_pool_next(struct change_pool *p, mono_ms now, struct change_outcome *out);
mono_ms change_pool_deadline(const struct change_pool *p);

#endif
