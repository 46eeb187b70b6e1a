/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one rescan of a supervisor: its worker started, watched, killed, reaped. Nothing here blocks;
 * the caller waits for SIGCHLD and for the deadline. */
#ifndef MUSTER_RESCAN_POOL_H
#define MUSTER_RESCAN_POOL_H

#include <sys/types.h>

#include "base/err.h"
#include "wire/messages.h"

struct rescan_pool;

struct rescan_outcome_of {
    const struct rescan_result *result; /* until the next call; NULL: see error */
    const char *error;
    bool stuck; /* the worker cannot be ended; when it has ended there is another outcome */
};

/* `sys_root` NULL: this machine's own. Both texts must outlive it. NULL: out of memory. */
struct rescan_pool *rescan_pool_new(const char *worker_path, const char *sys_root);
void rescan_pool_free(struct rescan_pool *p); /* kills the worker; does not wait for it */

/* 0, or a negative errno with a sentence (-EBUSY: there is one). */
int rescan_pool_run(struct rescan_pool *p, const struct rescan_work *work, mono_ms now,
                    struct err *e);
bool rescan_pool_owns(const struct rescan_pool *p, pid_t group);
void rescan_pool_reaped(struct rescan_pool *p, pid_t pid, int status);
/* False: nothing (more) has happened. */
bool rescan_pool_next(struct rescan_pool *p, mono_ms now, struct rescan_outcome_of *out);
mono_ms rescan_pool_deadline(const struct rescan_pool *p);

#endif
