/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One process of a host, as process.c and accident.c know it. */
#ifndef MUSTER_SIM_PROCESS_INTERNAL_H
#define MUSTER_SIM_PROCESS_INTERNAL_H

#include "sim_internal.h"

struct group_work;
struct group_refresh;
struct process {
    struct host *host;
    pid_t pid;
    uint64_t life; /* of the supervisor that has started it */
    struct arena *arena;
    const struct scan_order *order; /* NULL: it is no scan's */
    struct group_work *work;        /* of a change; NULL: it is none's */
    struct group_refresh *refresh;  /* of a refresh; NULL: it is none's */
    bool touched;                   /* it has changed a device of device-mapper */
    struct disk *disk;
    mono_ms deadline;
    world_us since;
    struct mount *mount;
    uint64_t version; /* of what it reads */
    bool dirty;
    bool stopped, hangs; /* by SIGSTOP; in the kernel */
    bool walks;
    bool killed, ended, reaped, closed;
    happen_fn blocked; /* what it does next when it can */
    int status;
    const void *result; /* scan_result, reach_result or lvm_result */
    bool clean;
};

struct host *process_here(struct sim **s); /* whose system calls are made */
struct process *process_new(const char *name);
void process_finish(struct sim *s, struct process *p, int status);
/* The process that is to do `fn` now; NULL: it cannot, or not yet. */
struct process *process_at_work(void *host, uint64_t pid, happen_fn fn);
/* group_work.c: it was killed, and of what it wrote the last may still have reached the disk. */
void group_work_dies(struct sim *s, struct process *p);
void process_later(struct sim *s, struct process *p, world_us in, happen_fn fn);
struct process *process_find(const struct host *h, uint64_t pid); /* NULL: it is gone */
void process_unblock(struct sim *s, struct process *p);
void process_free(struct process *p);
void process_deaf(bool deaf); /* the pool's system calls kill nobody */
void process_kill(struct sim *s, struct process *p);
void process_timer(struct sim *s, void *host, uint64_t pid);
void process_walked(struct sim *s, void *host, uint64_t pid);
/* What chance has for a worker that is to read for so long. */
void process_accidents(struct sim *s, struct process *p, world_us walk);

#endif
