/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor's half: what a worker left behind, believed only as far as it can be checked. */
#ifndef MUSTER_WORKER_RESULT_H
#define MUSTER_WORKER_RESULT_H

#include "worker_spawn.h"

/* Takes the one message that the worker, which has ended, left in `sock`. Sections are normalised
 * and live in `a`; `out` has room for SECTION_COUNT. *memory: a sealed memory file of at most
 * LIMIT_WORKER_KEEPS_BYTES for the next worker of this kind, which the caller closes; -1: none.
 * What is in it is not looked at. 0, or a negative errno with a sentence: what the worker reported,
 * or what is wrong with its result. Never blocks. */
int worker_result_take(int sock, enum worker_kind kind, struct arena *a, struct section *out,
                       size_t *count, int *memory, struct err *e);

/* What the worker of a scan has left. */
struct worker_scan_end {
    const void *record; /* NULL: none */
    bool clean;         /* it says that nothing is left mounted */
    bool stale;         /* it found the device otherwise than the order says */
};

/* The same for a scan's worker that ended with this status: its record is of this description
 * (NULL: none is expected). */
int worker_scan_take(const struct worker_process *w, int status, const struct record_desc *d,
                     struct arena *a, struct worker_scan_end *out, struct err *e);

#endif
