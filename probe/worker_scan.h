/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker of a scan, of a reach, and of the proof that a scan has left nothing mounted. */
#ifndef MUSTER_WORKER_SCAN_H
#define MUSTER_WORKER_SCAN_H

#include "base/err.h"

#define WORKER_NAME "muster-probe-worker"
#define WORKER_SCAN "scan" /* its kind */

#define WORKER_RESCAN "rescan"

/* Reads its order, carries it out and sends its result. 0, or a negative errno with a sentence:
 * nobody was told. */
int worker_scan(struct err *e);

/* The worker of a rescan: the same. */
int worker_rescan(struct err *e);

#endif
