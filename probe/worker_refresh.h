/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker that makes the devices of LVs what the metadata say. */
#ifndef MUSTER_WORKER_REFRESH_H
#define MUSTER_WORKER_REFRESH_H

#include "base/err.h"

#define WORKER_REFRESH "refresh" /* its kind */

/* Reads its work, does it and sends its result. 0, or a negative errno with a sentence: nobody was
 * told. */
int worker_refresh(struct err *e);

#endif
