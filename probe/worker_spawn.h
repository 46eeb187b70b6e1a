/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_WORKER_SPAWN_H
#define MUSTER_WORKER_SPAWN_H

#include <sys/types.h>

#include "worker_pool.h"

/* A started worker: leader of a process group of its own. */
struct worker_process {
    pid_t pid;
    int sock; /* its result comes here */
    int err;  /* what it writes to stderr, as much as a pipe of one page holds */
};

/* What a worker is asked for. */
struct worker_order {
    enum worker_kind kind;
    int memory; /* what its predecessor wanted kept: a memory file; -1: nothing */
    const struct device_names *touched;
    bool whole;
};

/* Starts the program with its request waiting in the socket. A program that cannot be started looks
 * like one that ends at once with status 127 and the reason on stderr. 0 or a negative errno with a
 * sentence. */
int worker_spawn(const struct worker_pool_config *config, const struct worker_order *order,
                 struct worker_process *out, struct err *e);
/* The same for a scan's: `WORKER scan BOOT REQUEST`, by which a later supervisor knows whose it is,
 * and which goes on listening. */
int worker_spawn_scan(const char *worker_path, uuid128 boot, const struct scan_order *order,
                      struct worker_process *out, struct err *e);
/* The same for a rescan's. `sys_root` NULL: this machine's own. */
int worker_spawn_rescan(const char *worker_path, const char *sys_root,
                        const struct rescan_work *work, struct worker_process *out, struct err *e);
/* Of a change: `WORKER change BOOT TASK-JOB-ATTEMPT`. */
int worker_spawn_change(const char *worker_path, uuid128 boot, const struct lvm_change *change,
                        struct worker_process *out, struct err *e);
int worker_spawn_refresh(const char *worker_path, const struct refresh_work *work,
                         struct worker_process *out, struct err *e);
void worker_process_close(struct worker_process *w); /* the descriptors */

#endif
