/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the pool of scans share. Nothing else includes this. */
#ifndef MUSTER_SCAN_POOL_INTERNAL_H
#define MUSTER_SCAN_POOL_INTERNAL_H

#include "base/limits.h"
#include "scan_pool.h"
#include "worker_result.h"
#include "worker_spawn.h"

enum scan_state {
    SCAN_WORKING,
    SCAN_PROVING, /* the worker is gone; a process looks whether it has left anything */
    SCAN_RESIDUE, /* not proven */
    SCAN_REACHING,
    SCAN_OVER, /* to be told, and then forgotten */
};

struct scan_right {
    enum scan_state state;
    struct arena *arena; /* of all that it points to */
    const struct scan_order *order;
    bool noted;    /* in the run directory */
    bool told;     /* the agent knows that its worker is done */
    bool given_up; /* the process does not end: to be told */
    bool stale;    /* its worker has found another device than the order says */
    bool child;    /* there is a process, ended or not */
    bool ended, killed;
    int status; /* of wait, when ended */
    struct worker_process process;
    mono_ms until; /* its process must have ended */
    mono_ms again; /* SCAN_RESIDUE: when to look again */
    const void *result;
    const char *error;
};

/* An order that there was no memory for. */
struct scan_lost {
    uint64_t kind, request;
    struct order_key order;
};

struct scan_pool {
    struct scan_pool_config config;
    struct scan_right **rights;
    size_t count;
    struct arena *last;                              /* of what was told last */
    struct scan_lost lost[2 * LIMIT_SCANS_PER_NODE]; /* as many as the agent has places */
    size_t lost_count;
    mono_ms sweep_until;
};

/* scan_sweep.c: kills the workers that were started for this request of this boot, whoever started
 * them; how many there are. */
int end_workers_of(uuid128 boot, uint64_t request);

#endif
