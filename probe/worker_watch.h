/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker of a pool that has one at a time: whose it is, that it has ended, until when it may
 * run. Nothing here blocks. */
#ifndef MUSTER_WORKER_WATCH_H
#define MUSTER_WORKER_WATCH_H

#include "base/types.h"
#include "worker_spawn.h"

struct worker_watch {
    struct worker_process process; /* of `child` */
    bool child;                    /* there is one */
    bool ended, killed;
    int status;    /* of one that has ended, as waitpid(2) gives it */
    mono_ms until; /* then it is killed */
};

/* Its process was started. */
void worker_watch_begin(struct worker_watch *w, mono_ms until);
bool worker_watch_owns(const struct worker_watch *w, pid_t group);
void worker_watch_reaped(struct worker_watch *w, pid_t pid, int status);
void worker_watch_kill(struct worker_watch *w); /* its end comes later, if it can end */
/* It has ended, and what it brought was taken. */
void worker_watch_close(struct worker_watch *w);
void worker_watch_free(struct worker_watch *w); /* kills it; does not wait for it */

#endif
