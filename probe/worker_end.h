/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_WORKER_END_H
#define MUSTER_WORKER_END_H

#include "worker_spawn.h"

/* A sentence in `a`, or a constant one, for a worker that ended with this status of wait, which is
 * not 0: how, and the first line that it wrote to stderr. */
const char *worker_end_text(const struct worker_process *w, int status, struct arena *a);

#endif
