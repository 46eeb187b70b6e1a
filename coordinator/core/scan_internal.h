/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What scan_shop.c and scan_place.c share. */
#ifndef MUSTER_CORE_SCAN_INTERNAL_H
#define MUSTER_CORE_SCAN_INTERNAL_H

#include "core/core_internal.h"

static inline bool reading_is_once(const struct reading *d)
{
    return !d->task->row.every_node;
}

static inline struct job *reading_job(struct link *l)
{
    return container_of(l, struct job, of_reading);
}

/* That this node does, or would do. NULL: none. */
struct job *reading_job_of(const struct reading *d, const struct node *n);
void reading_free(struct reading *d);
/* Of the job's task and filesystem, with the job in it. *out NULL: there is no such filesystem. */
int scan_reading(struct coord *c, struct job *j, struct reading **out);
int scan_server(struct coord *c, struct node *n); /* node.server; 0 or -ENOMEM */
uint32_t scan_estimate(const struct coord *c, const struct resource *r);
bool scan_reaches(const struct edge *e);
bool scan_reached(const struct node *n, const struct resource *r); /* is there such an edge? */
/* The pair is there as long as the node reaches it. What is under way ends by itself. */
int scan_pair(struct coord *c, struct reading *d, struct node *n, bool can);
/* scan.c. The node whose word on it is not believed is to prove that it reaches it, once in a task:
 * then it may read it. */
int scan_ask_proof(struct step *s, const struct reading *d, struct node *n);
int scan_pairs(struct coord *c, struct reading *d); /* of all that reach it */

#endif
