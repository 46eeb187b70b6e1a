/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor: one loop round the agent. It touches no hardware, and nothing in it blocks. */
#ifndef MUSTER_SUPERVISOR_H
#define MUSTER_SUPERVISOR_H

#include "probe_options.h"

/* Runs until it is told to end by a signal: 0. A negative errno with a sentence: it could not
 * start, or cannot go on. Signals must be blocked before (supervisor_block_signals). */
int supervise(const struct probe_options *o, const char *worker_path, struct err *e);

void supervisor_block_signals(void);

#endif
