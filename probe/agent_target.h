/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the rows of this node to the devices that a worker is to look at, and the paths below them
 * that can be asked who they are. Pure. */
#ifndef MUSTER_AGENT_TARGET_H
#define MUSTER_AGENT_TARGET_H

#include "base/arena.h"
#include "base/err.h"
#include "model/sections.h"
#include "wire/messages.h"

/* The sections of this node, by enum section_id. */
typedef const struct section *(*section_getter)(const void *ctx, enum section_id id);

struct target_search {
    section_getter get;
    const void *ctx;
    struct arena *a;
    const char **paths; /* "DEVICE DESIGNATOR" */
    size_t path_count, path_cap;
    bool failed; /* out of memory */
};

bool target_same(const char *x, const char *y);
/* The row whose field (a text, by offset) is that text; NULL: none. */
const void *target_row(const struct target_search *s, enum section_id id, size_t offset,
                       const char *text);
#define TARGET_ROW(s, id, type, member, text) \
    ((const struct type *)target_row(s, id, offsetof(struct type, member), text))

/* Adds the paths of a LUN, or of the one that a partition is of. */
void target_add_paths(struct target_search *s, const char *container);

/* The worker's part of a change: the devices of all PVs of the order, then those that are to become
 * PVs. `earlier`: what was begun last of this volume group, NULL: nothing; of the same job, it
 * tells where a PV was that the job itself may have taken away. In `a`. 0; -ENOENT with a sentence:
 * this node cannot do it, with what it has and sees; -ENOMEM. */
int change_target(section_getter get, const void *ctx, const struct lvm_order *order,
                  const struct lvm_change *earlier, struct arena *a, struct lvm_change *out,
                  struct err *e);

#endif
