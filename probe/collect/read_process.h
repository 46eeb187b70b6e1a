/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The children that ask devices, as /proc tells of them. */
#ifndef MUSTER_COLLECT_READ_PROCESS_H
#define MUSTER_COLLECT_READ_PROCESS_H

#include <sys/types.h>

#include "base/types.h"

/* When a process was started, in ticks since boot; 0: there is none, or it has ended and only its
 * parent has not noticed. *state, if not NULL: R, S, D, ... as ps(1) shows it, 0: there is none. */
uint64_t process_started(pid_t pid, char *state);

/* Whether a process waits, for a device or whatever: one that is ready to run, and is not let, does
 * not. Also true when nothing can be told. */
bool process_waits(pid_t pid);

/* Whether a child of this process, or of an earlier worker, is still there. One that has ended is
 * taken leave of. */
bool process_lives(pid_t pid, uint64_t started);

#endif
