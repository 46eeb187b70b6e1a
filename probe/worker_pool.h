/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker processes of a supervisor, one of a kind: started, watched, killed, reaped. Nothing
 * here blocks. The caller waits for SIGCHLD and for the deadline, then takes outcomes until there
 * is none. A worker has ended when all processes of its group have; what has left the group is
 * ended, and reaped whenever that comes, but not waited for: it may be held by a device that never
 * answers. What a worker wants kept is given to the next one of its kind, unread: a memory file, of
 * which this process has no more than the descriptor. One that fails changes nothing in that, and
 * the devices that were named to it are named to the next one again. */
#ifndef MUSTER_WORKER_POOL_H
#define MUSTER_WORKER_POOL_H

#include <sys/types.h>

#include "agent.h"
#include "device_names.h"

struct worker_pool;

struct worker_pool_config {
    const char *worker_path; /* executable: WORKER KIND */
    struct strs interfaces, devices;
    const char *sys_root; /* NULL: this machine's own /sys and /proc */
    /* Leaders of process groups that are somebody else's children of this process; and what becomes
     * of a child that is not the pool's. NULL: there are none. */
    bool (*owns)(void *others, pid_t group);
    void (*reaped)(void *others, pid_t pid, int status);
    void *others;
};

/* As the agent's events of the same names. */
enum worker_outcome_type { WORKER_OUTCOME_DONE, WORKER_OUTCOME_STUCK, WORKER_OUTCOME_GONE };

struct worker_outcome {
    enum worker_outcome_type type;
    enum worker_kind kind;
    const struct section *sections; /* in the arena */
    size_t section_count;
    const char *error; /* in the arena; NULL: good */
};

/* Makes this process the one to which orphans of its workers come. For its main thread; one pool in
 * a process. The config's memory must outlive the pool. NULL: out of memory. */
struct worker_pool *worker_pool_new(const struct worker_pool_config *config);
/* Kills all workers; does not wait for them. */
void worker_pool_free(struct worker_pool *pool);

/* The kernel has announced something of these devices: the next worker of each kind is told. */
void worker_pool_touch(struct worker_pool *pool, const struct device_names *names);

/* `whole`: it is to read everything again. 0, or a negative errno with a sentence (-EBUSY: there is
 * one of this kind). */
int worker_pool_start(struct worker_pool *pool, enum worker_kind kind, bool whole,
                      int64_t timeout_ms, mono_ms now, struct err *e);

/* Reaps, kills who is over the time limit, and tells one outcome; its memory is in `a`. False:
 * nothing (more) has happened. */
bool worker_pool_next(struct worker_pool *pool, mono_ms now, struct arena *a,
                      struct worker_outcome *out);
mono_ms worker_pool_deadline(const struct worker_pool *pool);

#endif
