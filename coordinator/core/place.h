/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Placement: which nodes can run what needs all of these resources, and what is against the others
 * (docs/ARCHITECTURE.md section 9). Two parts: sets of nodes (place.c), which answer for the whole
 * fleet by ANDs of words, and sentences (place_why.c), which are made for the nodes that are shown.
 */
#ifndef MUSTER_CORE_PLACE_H
#define MUSTER_CORE_PLACE_H

#include "base/arena.h"
#include "base/limits.h"
#include "core/core.h"

struct resource;
struct node;

/* What is against a node, a bit each: something about itself, and of the `i`th need two things. */
#define PLACE_OUT         UINT64_C(1)          /* it is not up, not let in, or drains */
#define PLACE_UNFIT(i)    (UINT64_C(2) << (i)) /* it cannot have it */
#define PLACE_DEGRADED(i) (UINT64_C(2) << (LIMIT_NEEDS + (i))) /* it sees it, in part */
/* The bits of which an eligible node has none. */
#define PLACE_AGAINST (PLACE_DEGRADED(0) - 1)
_Static_assert(1 + 2 * LIMIT_NEEDS <= 64, "a reason mask has a bit for each");
_Static_assert(PLACE_UNFIT(0) == PLACE_OUT << 1, "the bits follow each other");

/* Text NULL: nothing is in the way. */
struct place_bar {
    const char *text, *mend;
};

struct place_need {
    struct resource *resource;      /* as it was asked for */
    struct resource *carrier;       /* whose edges count: of an image its filesystem */
    const struct resource *vg;      /* of an LV, and of what is in one; NULL: none */
    const uint64_t *fit, *degraded; /* sets of slots (core/seers.h) */
    /* Who has it keeps all others from it, and something else may keep him from it. */
    const struct node *taker;
    struct place_bar bar, taker_bar;
};

struct place {
    struct coord *c;
    struct arena *a;
    struct place_need needs[LIMIT_NEEDS];
    size_t need_count, words; /* of each set */
};

/* Makes the sets of these resources, LIMIT_NEEDS at most, where they are not there yet. What is
 * made is good until the core's next step. 0 or -ENOMEM. */
int place_begin(struct place *p, struct coord *c, struct arena *a, struct resource *const *list,
                size_t n);
/* The slots of the eligible nodes, into p->words words; how many they are. */
size_t place_eligible(const struct place *p, uint64_t *set);
/* What is against the node of each slot, into 64 * p->words masks. */
void place_masks(const struct place *p, uint64_t *masks);

/* The sentences that go with the node's mask: struct place_reason, in order of the needs. 0 or
 * -ENOMEM. */
int place_reasons(const struct place *p, const struct node *n, uint64_t mask, struct recs *out);

#endif
