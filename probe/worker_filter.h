/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker may ask of the kernel. */
#ifndef MUSTER_WORKER_FILTER_H
#define MUSTER_WORKER_FILTER_H

#include "base/err.h"
#include "base/types.h"

enum worker_freedom {
    /* Starts programs, which are trusted to change no files but those that their user may. */
    WORKER_RUNS_PROGRAMS = 1u << 0,
    /* Starts copies of itself, which may leave its process group, and signals single processes. */
    WORKER_FORKS = 1u << 1,
    /* Opens devices: of ioctl(2) it has the commands that ask, by number, and no others. */
    WORKER_ASKS_DEVICES = 1u << 2,
    /* What it may open for writing is ruled by worker_rules, or all its mounts are read-only and
     * the nodes of devices that it may only read are so by their modes (worker_frozen.h). */
    WORKER_IS_RULED = 1u << 3,
    /* Has threads. */
    WORKER_THREADS = 1u << 4,
    /* Takes mounts away, and opens files by openat2(2), whose flags a filter does not see: who may
     * write nothing must be nobody. */
    WORKER_UNMOUNTS = 1u << 5,
    /* Makes loop devices and mounts them. */
    WORKER_MOUNTS = 1u << 6,
    /* Of ioctl(2) it has SG_IO alone. Only for who has no CAP_SYS_RAWIO: of others, and on a
     * descriptor for reading, the kernel takes no command that writes (drivers/scsi/scsi_ioctl.c).
     */
    WORKER_ASKS_TARGETS = 1u << 9,
    /* Of ioctl(2) it has hypercalls, on the descriptor of Xen that it has open: which they are, a
     * filter does not see. */
    WORKER_ASKS_XEN = 1u << 10,
    /* Writes to devices: those that it has in a /dev of its own (change/own_dev.h). It makes no
     * file and cuts none, and its ioctls still change nothing. */
    WORKER_WRITES = 1u << 7,
    /* Where there is device-mapper: drops tables that are not in use, suspends and resumes. */
    WORKER_MAPS = 1u << 8,
    /* And loads tables and removes devices, which needs what WORKER_MAPS allows too. */
    WORKER_LOADS = 1u << 11,
    /* And makes devices: those of a snapshot, or of an LV that is activated. Which, a filter does
     * not see. */
    WORKER_MAKES_MAPS = 1u << 12,
};

/* From now on this process and its children get EPERM for whatever changes the machine. But for its
 * freedoms (bits of enum worker_freedom) the process can open nothing for writing, change no name,
 * start no process and signal, trace or talk to none.
 *
 * So no byte of a device can be changed by a worker that asks devices, whatever is on them and
 * whatever it was made to run: write(2) and its like need a descriptor that is open for writing,
 * and there is none of a device, nor can it get one (open, /proc/PID/fd, pidfd_getfd); and the
 * ioctls that change something without one (SG_IO, NVMe commands, BLKFLSBUF, BLKRRPART,
 * DM_TABLE_LOAD, ...) are not among its commands. The one descriptor for writing that it has is
 * /dev/mapper/control, opened before, which knows ioctls only.
 *
 * Needs no_new_privs. A kernel or an architecture without seccomp filters goes without. 0, or a
 * negative errno with a sentence. */
int worker_filter(unsigned freedoms, struct err *e);

/* From now on this process can open for writing, in any way, these files, what is below these
 * folders, and nothing else, by Landlock; paths that are not there are passed over. The list ends
 * with NULL. 1; 0: this kernel has no Landlock; or a negative errno with a sentence. Not for a
 * process that looks at others in /proc, since Landlock hides them. */
int worker_rules(const char *const *paths, struct err *e);
/* Whether this kernel has Landlock. */
bool worker_rules_are_there(void);

#endif
