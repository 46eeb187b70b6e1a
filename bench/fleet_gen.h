/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Simulated hosts: the inventory that host `index` of a fleet would report. The same seed gives the
 * same fleet. Fake by purpose; for benchmarks and demonstrations alone. */
#ifndef MUSTER_FLEET_GEN_H
#define MUSTER_FLEET_GEN_H

#include "agent.h"
#include "fleet_shape.h"

struct fleet_vgs;

struct fleet_host {
    uuid128 node_id, boot_id;
    struct identity identity;
};

/* What has happened to a host; all 0: nothing. */
struct fleet_state {
    uint32_t revision; /* counts carrier changes: another one is another inventory of one shape */
    uint32_t boots;
    uint64_t nics_down;  /* bit set of NICs without carrier, beside those that the seed made so */
    uint32_t ports_down; /* bit set of FC ports */
    uint64_t luns_gone[FLEET_LUNS / 64]; /* bit set of LUNs of its group that are unmapped */
    const struct fleet_vgs *vgs;         /* of the whole fleet; what LVM reads, if it is asked */
};

void fleet_host(const struct fleet_shape *shape, uint32_t index, uint32_t boots, struct arena *a,
                struct fleet_host *out);

/* The sections of one worker kind, normalised, in `a`. 0, -ENOMEM. */
int fleet_sections(const struct fleet_shape *shape, uint32_t index, const struct fleet_state *state,
                   enum worker_kind kind, struct arena *a, struct section *out, size_t *count);

/* What a scan of the filesystem with this UUID finds: its images in `a`, sorted; and how long it
 * takes. 0, -ENOMEM. */
int fleet_images(const struct fleet_shape *shape, const char *uuid, struct arena *a,
                 struct recs *out);
int64_t fleet_scan_ms(const struct fleet_shape *shape, const char *uuid);

#endif
