/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which nodes, resources and edges go into a reply. A part of core_internal.h, which alone includes
 * it. */
#ifndef MUSTER_CORE_PICK_H
#define MUSTER_CORE_PICK_H

struct gone { /* an edge that was removed between two that are still there */
    struct node *node;
    struct resource *resource;
};

struct pick {
    struct node **nodes;
    struct resource **resources;
    struct edge **edges;
    struct gone *gone;
    size_t node_count, resource_count, edge_count, gone_count;
};

/* What was asked for, each once. One side empty: whatever has an edge to the other. */
struct chosen {
    struct node **nodes;
    struct resource **resources;
    size_t node_count, resource_count;
};

int pick_init(struct pick *p, struct arena *a, size_t nodes, size_t resources, size_t edges);
int pick_all(struct pick *p, struct arena *a, const struct coord *c);
void pick_resources(struct pick *p, const struct coord *c); /* all */
int pick_chosen(struct pick *p, struct arena *a, const struct chosen *ch);
int pick_reply(struct answer *q, struct pick *p); /* numbers them, fills the reply */

#endif
