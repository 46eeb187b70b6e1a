/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the pool of changes share. Nothing else includes this. */
#ifndef MUSTER_CHANGE_POOL_INTERNAL_H
#define MUSTER_CHANGE_POOL_INTERNAL_H

#include "change_pool.h"

/* change_sweep.c: how many workers of this order of this boot there are, whoever has started them,
 * and I/O of them that is not over; with `end`, they are killed. -1: /proc cannot be read. */
int change_workers(uuid128 boot, const struct order_key *key, bool end);

#endif
