/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device-mapper snapshot of a device that nobody writes to: what is written to it goes to memory,
 * and is gone with it. The kernel takes it away when nothing has it open any more, so that it does
 * not outlive the process that made it, nor its mount. */
#ifndef MUSTER_SCAN_SNAPSHOT_H
#define MUSTER_SCAN_SNAPSHOT_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct snapshot {
    char path[32]; /* "/dev/dm-3" */
    int fd;        /* keeps it; -1: there is none */
    unsigned major, minor;
    uint64_t memory_bytes;
};

/* What it is of: a read-only device. */
struct snapshot_of {
    dev_t origin;
    uint64_t size_bytes;
    uint32_t sector_bytes;
    uint64_t token;
};

/* 0; 1: this machine has no device-mapper; or a negative errno with a sentence. For root. What
 * device-mapper is asked later is asked over a descriptor that this leaves open. */
int snapshot_make(struct snapshot *s, const struct snapshot_of *of, struct err *e);
/* 0; -ENOSPC: more was written than its memory holds, and what was read of it is not to be relied
 * on; or another negative errno; with a sentence. */
int snapshot_check(const struct snapshot *s, struct err *e);
/* Whoever has it open still has it; then it goes by itself. */
void snapshot_close(struct snapshot *s);

/* Takes away, now or when nothing has it open, what a process that was killed while it made one may
 * have left of it. For root. */
void snapshot_sweep(uint64_t token);

#endif
