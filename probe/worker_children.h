/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_WORKER_CHILDREN_H
#define MUSTER_WORKER_CHILDREN_H

#include <sys/types.h>

/* Calls `each`, if it is not NULL, for children of this process's main thread, as
 * /proc/PID/task/TID/children lists them: not for all if there are many hundreds. How many there
 * were; -1: this kernel does not tell. */
int worker_children(void (*each)(void *ctx, pid_t pid), void *ctx);

#endif
