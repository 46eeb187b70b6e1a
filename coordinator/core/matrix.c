/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Edges: what each node sees of each resource. An edge is the sum of its sightings; what is shown
 * of it also takes in whether the node is heard and its sections are confirmed. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

/* Where the edge to resource number `no` stands or would stand. */
static uint32_t edge_place(const struct node *n, uint32_t no)
{
    uint32_t low = 0, high = n->edge_count;

    if (high > 0 && n->edges[high - 1]->resource->no < no)
        return high; /* new resources have the highest numbers; a start loads them in order */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (n->edges[mid]->resource->no < no)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct edge *edge_find(const struct node *n, const struct resource *r)
{
    uint32_t at = edge_place(n, r->no);

    return at < n->edge_count && n->edges[at]->resource == r ? n->edges[at] : NULL;
}

int edges_reserve(struct node *n, size_t count)
{
    struct edge **more;

    if (count <= n->edge_cap)
        return 0;
    more = realloc(n->edges, count * sizeof(struct edge *));
    if (more == NULL)
        return -ENOMEM;
    n->edges = more;
    n->edge_cap = (uint32_t)count;
    return 0;
}

struct edge *edge_new(struct node *n, struct resource *r)
{
    struct edge *e = calloc(1, sizeof *e);
    uint32_t at = edge_place(n, r->no);

    if (e == NULL)
        return NULL;
    if (n->edge_count == n->edge_cap && edges_reserve(n, n->edge_cap + n->edge_cap / 2 + 8) < 0) {
        free(e);
        return NULL;
    }
    memmove(&n->edges[at + 1], &n->edges[at], (n->edge_count - at) * sizeof(struct edge *));
    n->edges[at] = e;
    n->edge_count++;
    e->node = n;
    e->resource = r;
    e->bare = true;
    e->next = r->edges;
    if (r->edges != NULL)
        r->edges->prev = e;
    r->edges = e;
    return e;
}

/* Takes the edge from the count of its shown state to that of another; 0: none. */
static void recount(struct coord *c, struct edge *e, uint8_t is)
{
    uint8_t was = e->shown;

    if (was != 0) {
        c->counts[was]--;
        e->node->counts[was]--;
        e->resource->counts[was]--;
    }
    if (is != 0) {
        c->counts[is]++;
        e->node->counts[is]++;
        e->resource->counts[is]++;
    }
    if (e->resource->seers != NULL)
        seers_set(e->resource->seers, e->node->slot, is);
    e->shown = is;
}

uint8_t edge_shown_state(const struct edge *e)
{
    const struct node *n = e->node;
    bool stuck = false;

    if (n->row.admission != NODE_APPROVED || n->live != NODE_UP)
        return EDGE_UNKNOWN;
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        const struct slot *slot = &n->sections[i];

        if (!((e->held_by >> i) & 1u))
            continue;
        if (!slot->stored || !slot->confirmed || slot->status == SECTION_NEVER)
            return EDGE_UNKNOWN;
        if (slot->status == SECTION_STUCK || slot->status == SECTION_FAILED)
            stuck = true;
    }
    if (stuck || edge_is_stuck(e))
        return EDGE_STUCK;
    if (e->sightings == NULL && e->state != EDGE_LOST)
        return EDGE_UNKNOWN; /* of an earlier boot, and not settled yet */
    return e->distrust != NULL && e->state != EDGE_LOST ? EDGE_QUARANTINED : e->state;
}

void edge_refresh(struct coord *c, struct edge *e)
{
    uint8_t is = edge_shown_state(e);

    if (is == e->shown)
        return;
    recount(c, e, is);
    scan_edge(c, e, false);
    touch_edge(c, e);
}

void edges_refresh(struct coord *c, struct node *n)
{
    for (uint32_t i = 0; i < n->edge_count; i++)
        edge_refresh(c, n->edges[i]);
}

void edge_free(struct edge *e)
{
    free(e->distrust);
    free(e);
}

void edge_unlink(struct coord *c, struct edge *e)
{
    struct node *n = e->node;
    uint32_t at = edge_place(n, e->resource->no);

    recount(c, e, 0);
    scan_edge(c, e, true);
    stamp_remove(&e->stamp);
    memmove(&n->edges[at], &n->edges[at + 1], (n->edge_count - at - 1) * sizeof(struct edge *));
    n->edge_count--;
    if (e->prev != NULL)
        e->prev->next = e->next;
    else
        e->resource->edges = e->next;
    if (e->next != NULL)
        e->next->prev = e->prev;
    edge_free(e);
}

int edge_remove(struct step *s, struct edge *e)
{
    struct coord *c = s->c;
    struct resource *r = e->resource;
    int rc = e->fresh ? 0 : emit_edge(s, e, CHANGE_EDGE_DELETE);

    if (rc == 0)
        rc = bury(c, e->node->row.id, r->id);
    if (rc < 0)
        return rc;
    touch_node(c, e->node);
    touch_resource(c, r);
    edge_unlink(c, e);
    return r->network == NULL && r->edges == NULL && !resource_is_kept(r) ? resource_delete(s, r)
                                                                          : 0;
}

int edge_dirty(struct coord *c, struct edge *e)
{
    if (e->dirty)
        return 0;
    if (c->dirty_count == c->dirty_cap) {
        size_t cap = c->dirty_cap == 0 ? 64 : 2 * c->dirty_cap;
        struct edge **more = realloc(c->dirty, cap * sizeof(struct edge *));

        if (more == NULL)
            return -ENOMEM;
        c->dirty = more;
        c->dirty_cap = cap;
    }
    c->dirty[c->dirty_count++] = e;
    e->dirty = true;
    return 0;
}

void edge_attach(struct edge *e, struct sighting *g)
{
    g->edge = e;
    g->next = e->sightings;
    e->sightings = g;
    if (e->resource->network != NULL)
        e->resource->network->ports++;
    version_add(g);
}

void edge_detach(struct sighting *g)
{
    struct sighting **at = &g->edge->sightings;

    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    if (g->edge->resource->network != NULL)
        g->edge->resource->network->ports--;
    version_remove(g->edge->resource, g);
    g->edge = NULL;
}

int64_t edge_age_ms(const struct coord *c, const struct edge *e)
{
    int64_t oldest = -1;

    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        const struct slot *slot = &e->node->sections[i];
        int64_t age;

        if (!((e->held_by >> i) & 1u))
            continue;
        if (!slot->stored || !slot->confirmed)
            return -1;
        age = mono_since(c->now, slot->confirmed_at) + slot->age_ms;
        if (age > oldest)
            oldest = age;
    }
    return oldest;
}
