/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which other nodes a node is compared with when something is explained: the one that sees the
 * resource best, and for each PV that is missing the one that sees that best. */
#include <errno.h>

#include "core/core_internal.h"

enum {
    ROUTES_MOST = 256, /* of a peer */
    PEERS_MOST = 8,    /* whose rows are all read */
    PVS_MOST = 64,     /* that are missing, and are looked for */
};

/* 1. all paths before some, 2. more paths, 3. by name. */
bool edge_is_better(const struct edge *a, const struct edge *b)
{
    if (b == NULL || a->shown != b->shown)
        return b == NULL || a->shown < b->shown;
    if (a->paths_active != b->paths_active)
        return a->paths_active > b->paths_active;
    return strcmp(a->node->row.name, b->node->row.name) < 0;
}

static bool edge_sees(const struct edge *e)
{
    return e != NULL && (e->shown == EDGE_OK || e->shown == EDGE_DEGRADED);
}

const struct edge *edge_best(const struct resource *r, const struct node *n)
{
    const struct edge *best = NULL;

    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        if (e->node != n && edge_sees(e) && edge_is_better(e, best))
            best = e;
    }
    return best;
}

/* ---- peers ---------------------------------------------------------------------------------- */

static int copy_route(struct arena *a, const struct node *n, const struct edge *there,
                      const struct sighting *g, struct explain_route *out)
{
    const struct edge *here = edge_find(n, there->resource);
    bool port = here != NULL && here->sightings != NULL;

    *out = (struct explain_route){
        .link = arena_strdup(a, g->row_key),
        .network = arena_strdup(a, there->resource->network->name),
        .here = here != NULL ? here->shown : 0,
        .port = port ? arena_strdup(a, here->sightings->seen.port) : NULL,
    };
    return out->link == NULL || out->network == NULL || (port && out->port == NULL) ? -ENOMEM : 0;
}

/* The declared networks that the peer's links are on, and how this node stands to them. */
static int copy_routes(struct arena *a, const struct node *n, const struct node *peer,
                       struct explain_peer *out)
{
    struct explain_route *v = arena_array(a, ROUTES_MOST, sizeof *v);

    if (v == NULL)
        return -ENOMEM;
    out->routes = v;
    for (uint32_t i = 0; i < peer->edge_count; i++) {
        const struct edge *e = peer->edges[i];

        for (const struct sighting *g = e->sightings; g != NULL; g = g->next) {
            if (e->resource->network == NULL || out->route_count == ROUTES_MOST)
                break;
            if (copy_route(a, n, e, g, &v[out->route_count++]) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

/* Which of the peers it is, as another one if need be. */
static int peer_add(struct answer *q, const struct node *n, const struct node *peer,
                    struct explain_facts *f, size_t *which)
{
    struct explain_peer *p;

    for (*which = 0; *which < f->peer_count; (*which)++) {
        if (f->peers[*which].no == peer->row.no)
            return 0;
    }
    if (*which == PEERS_MOST) {
        *which = PEER_NONE;
        return 0;
    }
    p = &f->peers[f->peer_count++];
    *p = (struct explain_peer){ .name = arena_strdup(q->a, peer->row.name), .no = peer->row.no };
    return p->name == NULL ? -ENOMEM : copy_routes(q->a, n, peer, p);
}

/* ---- PVs ------------------------------------------------------------------------------------ */

/* A node that has the PV now, and through which edge. */
struct keeper {
    const struct node *node;
    const struct edge *edge; /* to what it lies on; NULL: that is no resource */
    const struct twin *pv;
};

static bool keeper_is_better(const struct keeper *a, const struct keeper *b)
{
    if (b->node == NULL || (a->edge == NULL) != (b->edge == NULL))
        return b->node == NULL || a->edge != NULL;
    return a->edge != NULL ? edge_is_better(a->edge, b->edge)
                           : strcmp(a->node->row.name, b->node->row.name) < 0;
}

/* Does the node see what carries the UUID there? */
static bool keeps(const struct node *n, const struct edge *e, const char *uuid,
                  const struct twin *pv)
{
    const struct slot *slot = &n->sections[SECTION_PVS];
    const struct row *row = slot->confirmed ? row_by_key(slot, uuid) : NULL;

    return row != NULL && row->twin == pv && n->live == NODE_UP &&
           n->row.admission == NODE_APPROVED && (e == NULL || edge_sees(e));
}

/* `e`: its edge to what the PV is on; NULL: that is no resource. */
static void keeper_try(struct keeper *best, const struct node *n, const struct edge *e,
                       const char *uuid, const struct twin *pv)
{
    struct keeper k = { n, e, pv };

    if (keeps(n, e, uuid, pv) && keeper_is_better(&k, best))
        *best = k;
}

static struct keeper pv_keeper(const struct coord *c, const struct twins *t, const struct node *but,
                               const char *uuid)
{
    struct keeper best = { NULL, NULL, NULL };

    for (const struct link *l = t->list.next; l != &t->list; l = l->next) {
        const struct twin *pv = twin_at(l);
        const struct resource *r = twin_resource(c, pv);

        for (const struct edge *e = r != NULL ? r->edges : NULL; e != NULL; e = e->next) {
            if (e->node != but)
                keeper_try(&best, e->node, e, uuid, pv);
        }
        for (size_t i = 0; i < c->node_count && r == NULL; i++) {
            if (c->nodes[i] != but)
                keeper_try(&best, c->nodes[i], NULL, uuid, pv);
        }
    }
    return best;
}

static int pv_add(struct answer *q, const struct node *n, const struct keeper *k, const char *uuid,
                  struct explain_facts *f, struct explain_pv *out)
{
    *out = (struct explain_pv){ .uuid = arena_strdup(q->a, uuid),
                                .node = arena_strdup(q->a, k->node->row.name),
                                .container = arena_strdup(q->a, k->pv->container) };
    if (out->uuid == NULL || out->node == NULL || out->container == NULL)
        return -ENOMEM;
    f->pv_count++;
    return peer_add(q, n, k->node, f, &out->peer);
}

/* Those that volume groups of `of` name and it does not see, unless they were added as `n`'s. Only
 * so many that some node sees are looked for. */
static int pvs_missing(struct answer *q, const struct node *of, const struct node *n,
                       struct explain_facts *f, struct explain_pv *v, size_t *looked)
{
    const struct slot *slot = &of->sections[SECTION_PVS];
    int rc = 0;

    for (uint32_t i = 0; i < slot->row_count && rc == 0; i++) {
        const char *uuid = slot->rows[i].key;
        const struct twins *t = slot->rows[i].twin == NULL ? twins_of_pv(q->c, uuid) : NULL;
        struct keeper k;

        if (t == NULL || (of != n && row_by_key(&n->sections[SECTION_PVS], uuid) != NULL))
            continue;
        if ((*looked)++ == PVS_MOST) {
            f->pvs_left_out = true;
            break;
        }
        k = pv_keeper(q->c, t, n, uuid);
        if (k.node != NULL)
            rc = pv_add(q, n, &k, uuid, f, &v[f->pv_count]);
    }
    return rc;
}

static int add_pvs(struct answer *q, const struct node *n, const struct node *best,
                   struct explain_facts *f)
{
    struct explain_pv *v = arena_array(q->a, PVS_MOST, sizeof *v);
    size_t looked = 0;
    int rc = v == NULL ? -ENOMEM : 0;

    f->pvs = v;
    if (rc == 0)
        rc = pvs_missing(q, n, n, f, v, &looked);
    return rc == 0 && best != NULL && !f->pvs_left_out ? pvs_missing(q, best, n, f, v, &looked)
                                                       : rc;
}

/* ---- all of it ------------------------------------------------------------------------------ */

int explain_peers(struct answer *q, const struct node *n, const struct resource *r,
                  struct explain_facts *f)
{
    const struct edge *best = edge_best(r, n), *e = edge_find(n, r);
    bool elsewhere = r->owner != NULL && r->owner != n;
    int rc = 0;

    f->kind = (enum resource_kind)r->kind;
    f->key = arena_strdup(q->a, r->key);
    f->best = PEER_NONE;
    f->peers = arena_array(q->a, PEERS_MOST, sizeof *f->peers);
    if (elsewhere)
        f->owner = arena_strdup(q->a, r->owner->row.name);
    if (f->key == NULL || f->peers == NULL || (elsewhere && f->owner == NULL))
        return -ENOMEM;
    if (r->kind == RESOURCE_NETWORK || (e != NULL && e->shown == EDGE_OK))
        return 0;
    if (best != NULL)
        rc = peer_add(q, n, best->node, f, &f->best);
    return rc < 0 || r->kind == RESOURCE_LUN ? rc
                                             : add_pvs(q, n, best != NULL ? best->node : NULL, f);
}
