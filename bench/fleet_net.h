/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thousands of simulated probes in one process and one thread: the real agent and the real wire
 * code, each on its own CURVE connection; only the hardware is made up (fleet_gen.h). */
#ifndef MUSTER_FLEET_NET_H
#define MUSTER_FLEET_NET_H

#include "base/err.h"
#include "fleet_gen.h"

struct fleet;

struct fleet_options {
    const char *endpoint;
    struct fleet_shape shape;
    uint32_t nodes;
    char **tokens; /* one whole token text for each node */
    int64_t heartbeat_ms;
};

/* NULL with a sentence. Connects nothing yet. */
struct fleet *fleet_new(const struct fleet_options *o, struct err *e);
void fleet_free(struct fleet *f);

/* Handles what there is to handle, waits at most `timeout_ms` for more. 0, or a negative errno. */
int fleet_run(struct fleet *f, int64_t timeout_ms, struct err *e);

struct fleet_counts {
    uint32_t registered; /* nodes that the coordinator has accepted now */
    uint64_t sent, received, refused;
};
struct fleet_counts fleet_counts(const struct fleet *f);

/* One host's networks change: the next revision of its inventory, by a kernel hint. */
int fleet_change(struct fleet *f, uint32_t index, struct err *e);

#endif
