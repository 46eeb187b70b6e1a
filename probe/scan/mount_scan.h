/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts a container so that no byte of it can change: over a read-only loop device with direct
 * I/O, which ends by itself when nothing has it any more, and holds the container open for itself
 * alone until then. Where there is device-mapper ext4 and XFS are mounted on a snapshot of the loop
 * device, in which their journal is replayed; else, and the others, without replay of it. */
#ifndef MUSTER_SCAN_MOUNT_SCAN_H
#define MUSTER_SCAN_MOUNT_SCAN_H

#include "scan/loop.h"
#include "scan/read_container.h"
#include "scan/snapshot.h"

struct scan_mount {
    struct loop loop;
    struct snapshot snapshot;
    struct err why; /* there should be a snapshot, and is none; "": there should be none */
    int root;       /* the open top folder; -1 */
    const char *at;
    bool mounted, replayed, forgets; /* btrfs knows the loop device */
};

/* Nothing. */
#define SCAN_NOT_MOUNTED \
    ((struct scan_mount){ .loop = { .fd = -1 }, .snapshot = { .fd = -1 }, .root = -1 })

/* What needs root and reads nothing of what is on the container: the snapshot, and the loop device
 * below it, to which the container's exclusive descriptor is given. A snapshot that cannot be made
 * is no error. 0 or a negative errno with a sentence; to be unmounted in either case. */
int scan_mount_prepare(struct scan_mount *m, struct container *c, const char *type, uint64_t token,
                       struct err *e);
/* Mounts it, prepared or not. `replay`: on the snapshot, if there is one. The container's exclusive
 * descriptor is given to the loop device. In a mount namespace of the process's own. 0 or a
 * negative errno with a sentence; to be unmounted in either case. */
int scan_mount(struct scan_mount *m, struct container *c, const char *type, uint64_t token,
               bool replay, const char *at, struct err *e);
/* 0: what was read of it was right; or a negative errno with a sentence. */
int scan_mount_check(const struct scan_mount *m, struct err *e);
/* The mount that this host has of it anyway, read-only for this process. -ENOENT: there is none. */
int scan_mount_own(struct scan_mount *m, const struct container *c, const char *at, struct err *e);
/* Takes all of it away. 0 or a negative errno with a sentence. */
int scan_unmount(struct scan_mount *m, struct err *e);

/* 0: the container can be opened by one alone, so nothing of it is mounted; tried for limit_ms.
 * -EBUSY or another negative errno with a sentence. */
int scan_prove(const char *device, const char *devnum, int64_t limit_ms, struct err *e);
#endif
