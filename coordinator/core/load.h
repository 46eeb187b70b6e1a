/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What load.c and load_pack.c share. All give 0 or -ENOMEM. */
#ifndef MUSTER_CORE_LOAD_H
#define MUSTER_CORE_LOAD_H

#include "core/core_internal.h"
#include "core/pack.h"

/* Finds resources by their number while the image is loaded. */
struct numbers {
    const struct stored *image; /* resources sorted by number */
    struct resource **at;       /* one for each of image's; NULL: left out */
    size_t last;                /* what was found last: the next is often asked for next */
};
struct resource *resource_by_no(struct numbers *ns, uint32_t no); /* or NULL */

/* Nothing is done where the node is NULL. */
int load_section(struct node *n, const struct section_row_state *row);
/* `count` rows of one section, sorted by key as the database gives them. */
int load_rows(struct coord *c, struct node *n, const struct inventory_row *rows, size_t count);
int load_edge(struct node *n, const struct edge_row *row, struct numbers *ns, struct edge **out);
/* That the row `at` shows what the edge leads to; either may be NULL. */
int load_sighting(struct coord *c, struct node *n, const struct sighting_row *row, struct row *at,
                  struct edge *e);
/* -EBADMSG: one of them is no pack. As stored.pack_wait: one has not come. */
int load_packs(struct coord *c, const struct stored *im, struct numbers *ns);

#endif
