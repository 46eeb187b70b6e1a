/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which nodes see a resource, as sets: "who sees all of these" is then an AND of words, whatever
 * the size of the fleet. A part of core_internal.h, which alone includes it.
 *
 * A set has a bit for each slot, and a node has a slot of its own for as long as it is there;
 * numbers of nodes only grow, slots are used again. A resource has sets from the first question
 * about it on, made by one walk over its edges, and recount() keeps them right. So they cost a
 * start nothing, and no memory where nobody asks. */
#ifndef MUSTER_CORE_SEERS_H
#define MUSTER_CORE_SEERS_H

/* So many resources have sets; of more, those that were asked about longest ago have none again. */
enum { SEERS_MOST = 256 };
/* Sets end with a whole step of so many words, so that they can be taken step by step. */
enum { SLOT_STEP = 4 };

struct seers {
    struct link link; /* coord.seers: asked about longest ago first */
    struct resource *resource;
    uint64_t *seen, *degraded; /* bits_words(coord.slot_cap) each, behind this struct */
};

int slot_take(struct coord *c, struct node *n); /* 0 or -ENOMEM */
void slot_leave(struct coord *c, struct node *n);

/* Made where there are none. They stay at least until SEERS_MOST others have been asked about, or a
 * node is added. NULL: out of memory. */
const struct seers *seers_of(struct coord *c, struct resource *r);
/* The node in that slot sees it so now; 0: it has no edge to it. */
void seers_set(struct seers *s, uint32_t slot, uint8_t shown);
void seers_drop(struct coord *c, struct resource *r);
void seers_drop_all(struct coord *c);

/* May something be placed on it, as far as the node itself goes? */
bool is_placeable(const struct node *n);
/* Its admission, liveness, registration or draining may have changed. */
void placeable_settle(struct coord *c, const struct node *n);
int seers_check(const struct coord *c, struct err *e);

#endif
