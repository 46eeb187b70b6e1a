/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a node sees, half-sees or does not see a resource: the chain of evidence, outermost first.
 * Pure; the shell brings the node's sections from the database. */
#ifndef MUSTER_CORE_EXPLAIN_H
#define MUSTER_CORE_EXPLAIN_H

#include "core/core.h"

/* What the core knows, copied out at query time into the reply's arena. */
struct explain_facts {
    const struct node_info *node;
    const struct resource_info *resource;
    const struct edge_info *edge;         /* NULL: never seen here */
    const struct network_info *network;   /* NULL: not declared */
    const struct sighting_row *sightings; /* of this edge */
    size_t sighting_count;
    wall_ms wall;
};

/* `sections`: SECTION_COUNT entries, status SECTION_NEVER where the database has none.
 * Fills reply->evidence in `a`. 0 or -ENOMEM. */
int explain_build(const struct explain_facts *f, const struct section *sections, struct arena *a,
                  struct reply *reply);

#endif
