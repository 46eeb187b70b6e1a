/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The workers of simulated hosts: scans and proofs of reach that take a time and mount nothing, and
 * changes of volume groups, which are made up (fleet_vgs.h). One table knows which filesystems
 * would be mounted, and tells when two hosts have one at once. */
#ifndef MUSTER_FLEET_WORK_H
#define MUSTER_FLEET_WORK_H

#include "agent.h"
#include "fleet_gen.h"

struct map;
struct fleet_vgs;

enum fleet_work_kind { FLEET_SCAN, FLEET_REACH, FLEET_CHANGE };

struct fleet_work {
    struct fleet_work *next;
    struct arena *arena;
    mono_ms ends, deadline;
    enum fleet_work_kind kind;
    bool counted; /* in `mounted` */
    uint64_t request;
    struct order_key order;
    uuid128 resource;
    struct scan_result scan;
    struct reach_result proof;
    struct lvm_result change;
};

struct fleet_mounted {
    struct map *by_resource; /* of struct fleet_work */
    uint64_t scans, overlaps;
};

/* For AGENT_RUN_SCAN and AGENT_RUN_REACH: puts it on the list. 0, -ENOMEM. */
int fleet_work_begin(struct fleet_work **list, struct fleet_mounted *m, const struct fleet_shape *s,
                     const struct agent_action *x, mono_ms now);
/* For AGENT_RUN_CHANGE, on a host of the masking group: it is on the disks at once, and told later.
 * 0, -ENOMEM. */
int fleet_work_change(struct fleet_work **list, struct fleet_vgs *v, uint32_t group,
                      const struct agent_action *x, mono_ms now);
void fleet_work_extend(struct fleet_work *list, uint64_t request, mono_ms deadline);
void fleet_work_kill(struct fleet_work *list, uint64_t request, mono_ms now);
mono_ms fleet_work_due(const struct fleet_work *list); /* at INT64_MAX: nothing is under way */
/* Takes one that has ended off the list, with the event of it. NULL: none has. */
struct fleet_work *fleet_work_take(struct fleet_work **list, struct fleet_mounted *m, mono_ms now,
                                   struct agent_event *ev);
void fleet_work_free(struct fleet_work *w);
void fleet_work_free_all(struct fleet_work **list, struct fleet_mounted *m);

#endif
