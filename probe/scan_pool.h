/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scans of a supervisor: a worker for each, its right in the run directory before it starts,
 * and the proof that nothing is mounted before that is taken away again. As with worker_pool,
 * nothing here blocks; the caller waits for SIGCHLD and for the deadline. */
#ifndef MUSTER_SCAN_POOL_H
#define MUSTER_SCAN_POOL_H

#include <sys/types.h>

#include "agent.h"
#include "run_dir.h"

struct scan_pool;

struct scan_pool_config {
    const char *worker_path; /* executable: WORKER scan REQUEST */
    struct run_dir *dir;
    uuid128 boot_id;
    int64_t timeout_ms; /* of a reach */
};

enum scan_event {
    SCAN_EVENT_DONE,  /* as the agent's events of the same names */
    SCAN_EVENT_CLEAN, /* request alone */
    SCAN_EVENT_REACHED,
};

struct scan_outcome_of {
    enum scan_event type;
    uint64_t request;
    struct order_key order;           /* SCAN_EVENT_REACHED */
    const struct scan_result *scan;   /* NULL: see error */
    const struct reach_result *reach; /* the same */
    const char *error;
    bool clean;
    /* What the device is not any more, as its worker has found: it is to be looked at again. NULL:
     * nothing of the kind. */
    const struct scan_order *stale;
};

/* Takes up what an earlier supervisor of this boot has left in the run directory: ends its workers
 * and begins to prove that they have left nothing mounted. NULL with a sentence. */
struct scan_pool *scan_pool_new(const struct scan_pool_config *config, mono_ms now, int *rc,
                                struct err *e);
void scan_pool_free(struct scan_pool *p); /* kills all workers; does not wait for them */
/* True while it is worth while to wait for proofs before this node is heard of. */
bool scan_pool_sweeps(const struct scan_pool *p, mono_ms now);
/* What is not proven unmounted, in `a`. 0 or -ENOMEM. */
int scan_pool_residues(const struct scan_pool *p, struct arena *a, struct agent_residue **out,
                       size_t *n);

/* Of a scan or a reach; copied, but for what the pool adds. Whatever goes wrong is an outcome. */
void scan_pool_run(struct scan_pool *p, const struct scan_order *order, mono_ms now);
/* One that cannot be run at all: told as such. Its device may be missing in it. */
void scan_pool_refuse(struct scan_pool *p, const struct scan_order *order, const char *why);
void scan_pool_extend(struct scan_pool *p, uint64_t request, mono_ms deadline);
void scan_pool_kill(struct scan_pool *p, uint64_t request);

/* A child of this process: true if it is one of the pool's, or of such a one's group. */
bool scan_pool_owns(struct scan_pool *p, pid_t group);
void scan_pool_reaped(struct scan_pool *p, pid_t pid, int status);

/* Tells one outcome; its memory lives until the next call. False: nothing (more) has happened. */
bool scan_pool_next(struct scan_pool *p, mono_ms now, struct scan_outcome_of *out);
mono_ms scan_pool_deadline(const struct scan_pool *p);

#endif
