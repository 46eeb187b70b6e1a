/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts a container so that no byte of it can change: over a read-only loop device with direct
 * I/O, read-only, without replay of its journal. The loop device ends by itself when nothing has it
 * any more; it holds the container open for itself alone until then. */
#ifndef MUSTER_SCAN_MOUNT_SCAN_H
#define MUSTER_SCAN_MOUNT_SCAN_H

#include "scan/read_container.h"

#define SCAN_LOOP "muster-scan-" /* and the token: what the loop device calls its file */

struct scan_mount {
    char loop[32]; /* "/dev/loop7"; "": none */
    int loop_fd;
    int root; /* the open top folder; -1 */
    const char *at;
    bool mounted, forgets; /* btrfs knows the loop device */
};

/* The container's exclusive descriptor is given to the loop device. In a mount namespace of the
 * process's own. 0 or a negative errno with a sentence; to be unmounted in either case. */
int scan_mount(struct scan_mount *m, struct container *c, const char *type, uint64_t token,
               const char *at, struct err *e);
/* The mount that this host has of it anyway, read-only for this process. -ENOENT: there is none. */
int scan_mount_own(struct scan_mount *m, const struct container *c, const char *at, struct err *e);
/* Takes all of it away. 0 or a negative errno with a sentence. */
int scan_unmount(struct scan_mount *m, struct err *e);

/* 0: the container can be opened by one alone, so nothing of it is mounted; tried for limit_ms.
 * -EBUSY or another negative errno with a sentence. */
int scan_prove(const char *device, const char *devnum, int64_t limit_ms, struct err *e);
#endif
