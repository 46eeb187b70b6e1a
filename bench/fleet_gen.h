/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Simulated hosts: the inventory that host `index` of the fleet of `seed` would report. The same
 * seed gives the same fleet. Fake by purpose; for benchmarks and demonstrations alone. */
#ifndef MUSTER_FLEET_GEN_H
#define MUSTER_FLEET_GEN_H

#include "agent.h"

struct fleet_shape {
    uint64_t seed;
    uint32_t nics;          /* physical NICs of each host; pairs of them make bonds */
    uint32_t vlans;         /* VLANs over the bonds */
    uint32_t bad_per_mille; /* hosts with one NIC without carrier */
};

struct fleet_host {
    uuid128 node_id, boot_id;
    struct identity identity;
};

void fleet_host(const struct fleet_shape *shape, uint32_t index, struct arena *a,
                struct fleet_host *out);

/* The sections of one worker kind, normalised, in `a`. `revision` changes one NIC's carrier count,
 * so that another revision is another inventory of the same shape. 0, -ENOMEM. */
int fleet_sections(const struct fleet_shape *shape, uint32_t index, uint32_t revision,
                   enum worker_kind kind, struct arena *a, struct section *out, size_t *count);

#endif
