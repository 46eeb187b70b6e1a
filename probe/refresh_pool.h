/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The refreshes of a supervisor, one after the other: what each is to do in the run directory
 * before its worker starts. What an earlier supervisor of this boot has left there is done first,
 * since its worker may have been killed while a device was suspended. Nothing here blocks; the
 * caller waits for SIGCHLD and for the deadline. */
#ifndef MUSTER_REFRESH_POOL_H
#define MUSTER_REFRESH_POOL_H

#include <sys/types.h>

#include "base/err.h"
#include "run_dir.h"

struct refresh_pool;

struct refresh_pool_config {
    const char *worker_path; /* executable: WORKER refresh */
    struct run_dir *dir;
    uuid128 boot_id;
    int64_t timeout_ms; /* after which a worker is ended */
};

struct refresh_outcome {
    struct order_key order;
    const struct refresh_result *result; /* until the next call; NULL: see error */
    const char *error;
};

/* NULL with a sentence. */
struct refresh_pool *refresh_pool_new(const struct refresh_pool_config *config, int *rc,
                                      struct err *e);
void refresh_pool_free(struct refresh_pool *p); /* kills the worker; does not wait for it */

/* Copied. Whatever goes wrong is an outcome. One at a time waits for what an earlier supervisor has
 * left. */
void refresh_pool_run(struct refresh_pool *p, const struct refresh_work *work);
/* What an earlier supervisor has left, and is not told yet: in `a`, the works are the pool's. 0 or
 * -ENOMEM. */
int refresh_pool_known(const struct refresh_pool *p, struct arena *a,
                       const struct refresh_work *const **out, size_t *n);
bool refresh_pool_owns(const struct refresh_pool *p, pid_t group);
void refresh_pool_reaped(struct refresh_pool *p, pid_t pid, int status);
/* Starts what waits, and tells one outcome. False: nothing (more) has happened. */
bool refresh_pool_next(struct refresh_pool *p, mono_ms now, struct refresh_outcome *out);
mono_ms refresh_pool_deadline(const struct refresh_pool *p);

#endif
