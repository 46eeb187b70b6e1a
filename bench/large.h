/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The matrix of a large fleet in a core: reports of simulated hosts go through it as those of real
 * ones do, without the sockets between. Who is started on it decides what becomes of the rows. */
#ifndef MUSTER_BENCH_LARGE_H
#define MUSTER_BENCH_LARGE_H

#include "core/core.h"
#include "fleet_gen.h"

struct large {
    uint32_t nodes;
    struct fleet_shape shape;
    struct coord *coord;
    struct arena *arena; /* of the batch */
    struct coord_update update;
};

/* The core, with nothing loaded. 0 or -ENOMEM. */
int large_core(struct large *l);
/* The rows of a node that is let in, with its key; texts in the arena. */
void large_rows(struct large *l, uint32_t index, struct node_row *node, struct key_row *key);
void large_begin(struct large *l); /* a batch: what the last one produced is gone */
int large_step(struct large *l, struct coord_event *ev);
/* The node registers and reports what it has. 0 or a negative errno of the step. */
int large_report(struct large *l, uint32_t index);

#endif
