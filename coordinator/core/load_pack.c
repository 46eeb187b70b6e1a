/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes from their packs. Of sections whose rows nothing refers to (paths above all, of which there
 * are more than of all else) the rows stay packed until the node reports. */
#include <errno.h>
#include <stdlib.h>

#include "core/load.h"

/* For what is needed of a node while it is loaded: to give it back each time costs more. */
enum { SCRATCH_BYTES = 256 << 10 };

/* Their rows are sightings, twins or relations. */
static const uint32_t referred = 1u << SECTION_PVS | 1u << SECTION_USES;

static bool stays_packed(unsigned id)
{
    return (((sighting_sections | referred) >> id) & 1u) == 0;
}

static int keep_packed(struct slot *slot, const struct pack_block *b)
{
    slot->stored = true; /* as load_rows() */
    slot->packed = malloc(b->n);
    if (slot->packed == NULL)
        return -ENOMEM;
    memcpy(slot->packed, b->p, b->n);
    slot->packed_bytes = b->n;
    slot->packed_rows = b->count;
    return 0;
}

static int load_pack_rows(struct coord *c, struct node *n, const struct pack *p, struct arena *a)
{
    struct inventory_row *rows;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < p->section_count; i++)
        rc = load_section(n, &p->sections[i]);
    for (unsigned id = 0; rc == 0 && id < SECTION_COUNT; id++) {
        if (p->rows[id].count == 0)
            continue;
        if (stays_packed(id)) {
            rc = keep_packed(&n->sections[id], &p->rows[id]);
            continue;
        }
        rc = pack_rows(&p->rows[id], (enum section_id)id, n->row.no, a, &rows);
        if (rc == 0)
            rc = load_rows(c, n, rows, p->rows[id].count);
    }
    return rc;
}

/* `a` is for what is not needed afterwards. */
static int load_pack(struct coord *c, const struct node_pack *from, struct numbers *ns,
                     struct arena *a)
{
    struct node *n = node_by_no(c, from->node_no);
    struct edge **edges;
    struct pack p;
    int rc = n == NULL ? 0 : pack_open(from->p, from->n, from->node_no, a, &p);

    if (n == NULL || rc < 0)
        return rc;
    edges = arena_array(a, p.edge_count, sizeof(struct edge *));
    rc = edges == NULL ? -ENOMEM : load_pack_rows(c, n, &p, a);
    if (rc == 0)
        rc = edges_reserve(n, p.edge_count);
    for (size_t i = 0; rc == 0 && i < p.edge_count; i++)
        rc = load_edge(n, &p.edges[i], ns, &edges[i]);
    for (size_t i = 0; rc == 0 && i < p.sighting_count; i++) {
        const struct pack_sighting *g = &p.sightings[i];
        const struct slot *slot = &n->sections[g->row.section];

        rc = load_sighting(c, n, &g->row, g->at < slot->row_count ? &slot->rows[g->at] : NULL,
                           g->edge != PACK_NONE ? edges[g->edge] : NULL);
    }
    return rc;
}

int load_packs(struct coord *c, const struct stored *im, struct numbers *ns)
{
    struct arena *a = arena_new(0);
    int rc = a == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < (im->pack_wait != NULL ? im->node_count : im->pack_count);
         i++) {
        if (arena_used(a) > SCRATCH_BYTES)
            arena_reset(a);
        rc = im->pack_wait != NULL ? im->pack_wait(im->loading, i) : 0;
        if (rc == 0)
            rc = load_pack(c, &im->packs[i], ns, a);
    }
    arena_free(a);
    return rc;
}

void slot_unpacked(struct slot *slot)
{
    free(slot->packed);
    slot->packed = NULL;
    slot->packed_bytes = slot->packed_rows = 0;
}

static int slot_unpack(struct coord *c, struct node *n, enum section_id id, struct arena *a)
{
    struct slot *slot = &n->sections[id];
    struct pack_block b = { slot->packed, slot->packed_bytes, slot->packed_rows };
    struct inventory_row *rows;
    int rc;

    arena_reset(a);
    rc = pack_rows(&b, id, n->row.no, a, &rows);
    if (rc == 0)
        rc = load_rows(c, n, rows, b.count);
    slot_unpacked(slot);
    /* The store has checked the pack; if it is none all the same, each row is written again. */
    return rc == -EBADMSG ? 0 : rc;
}

int rows_unpack(struct coord *c, struct node *n)
{
    struct arena *a = NULL;
    int rc = 0;

    for (unsigned id = 0; rc == 0 && id < SECTION_COUNT; id++) {
        if (n->sections[id].packed == NULL)
            continue;
        a = a == NULL ? arena_new(0) : a;
        rc = a == NULL ? -ENOMEM : slot_unpack(c, n, (enum section_id)id, a);
    }
    arena_free(a);
    return rc;
}
