/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the core loads of one node, as one string of bytes: the states of its sections, keys and
 * hashes of its rows, its sightings and its edges, in the order in which the core takes them. The
 * rows of the database are the truth; this is what a start reads in their place. It is of this
 * machine alone, and of one version of this file. Pure; what it opens may be anything. */
#ifndef MUSTER_CORE_PACK_H
#define MUSTER_CORE_PACK_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/rows.h"

enum { PACK_LAYOUT = 1, PACK_NONE = UINT32_MAX };

/* The rows of one node, each kind sorted as in struct stored. */
struct node_rows {
    const struct section_row_state *sections;
    size_t section_count;
    const struct inventory_row *inventory;
    size_t inventory_count;
    const struct sighting_row *sightings;
    size_t sighting_count;
    const struct edge_row *edges;
    size_t edge_count;
};

/* Appends them to `out`. 0, -ENOMEM. */
int pack_node(const struct node_rows *in, struct buf *out);
/* Is it of this layout? */
bool pack_is_current(const void *p, size_t n);
/* A checksum of what was packed. */
uint64_t pack_sum(const void *p, size_t n);

/* The rows of a section, still packed. */
struct pack_block {
    const uint8_t *p;
    size_t n;
    uint32_t count;
};

struct pack_sighting {
    struct sighting_row row;
    /* Of the section's rows and of the node's edges: whose it is; PACK_NONE: nothing's. */
    uint32_t at, edge;
};

/* Texts are in the bytes that were opened. */
struct pack {
    struct section_row_state *sections;
    size_t section_count;
    struct pack_block rows[SECTION_COUNT];
    struct pack_sighting *sightings;
    size_t sighting_count;
    struct edge_row *edges;
    size_t edge_count;
};

/* 0, -ENOMEM, -EBADMSG: they are no pack of this layout. Arrays go into `a`. */
int pack_open(const void *p, size_t n, uint32_t node_no, struct arena *a, struct pack *out);
/* The same of the block's rows. */
int pack_rows(const struct pack_block *b, enum section_id id, uint32_t node_no, struct arena *a,
              struct inventory_row **out);

#endif
