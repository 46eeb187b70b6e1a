/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quarantined edges: the node said that it sees a resource, and when it looked, something else was
 * there. Results of functions that can fail: 0, or -ENOMEM. */
#ifndef MUSTER_CORE_TRUST_H
#define MUSTER_CORE_TRUST_H

#include "core/core_internal.h"

/* A node's word on a resource is not believed. */
struct distrust {
    wall_ms since;
    char text[]; /* what it found instead */
};

struct distrust *distrust_new(const char *text, wall_ms since); /* free() it; NULL: out of memory */

/* When the node looked, something else was there: `why` is its sentence, may be NULL. Nothing
 * happens if it does not say any more that it sees the resource. */
int edge_distrust(struct step *s, struct node *n, const struct resource *r, const char *why);
/* It is believed again, with an event that tells why; nothing if it was all the time. */
int edge_believe(struct step *s, struct edge *e, const char *why);
/* It says nothing of the resource any more. True: there is a row to write. */
bool edge_word_ends(struct edge *e);

#endif
