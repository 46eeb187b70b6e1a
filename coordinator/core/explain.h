/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a node sees, half-sees or does not see a resource: the chain of evidence, outermost first.
 * Pure; the shell brings the node's sections from the database. */
#ifndef MUSTER_CORE_EXPLAIN_H
#define MUSTER_CORE_EXPLAIN_H

#include "core/core.h"

/* A port of the node that more than one declared network matches. */
struct explain_rival {
    const char *port, *network, *other;
};

/* What the core knows, copied out at query time into the reply's arena. */
struct explain_facts {
    const struct node_info *node;
    const struct resource_info *resource;
    const struct edge_info *edge;         /* NULL: never seen here */
    const struct network_info *network;   /* NULL: not declared */
    const struct sighting_row *sightings; /* of this edge */
    size_t sighting_count;
    const struct explain_rival *rivals; /* that concern this resource */
    size_t rival_count;
    struct recs states; /* section_body without rows: status and ages, which the database has not */
    wall_ms wall;
};

/* Puts the ages of `states` on sections that were read from the database; a section that is not
 * known to have been confirmed since the start has none. */
void section_ages(struct recs states, struct section_body *bodies, size_t n);

/* `sections`: SECTION_COUNT entries, status SECTION_NEVER where the database has none.
 * Fills reply->evidence in `a`. 0 or -ENOMEM. */
int explain_build(const struct explain_facts *f, const struct section *sections, struct arena *a,
                  struct reply *reply);

#endif
