/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which nodes, resources and edges go into a reply, and the numbers that they have in it. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

static int by_node_no(const void *a, const void *b)
{
    uint32_t x = (*(struct node *const *)a)->row.no, y = (*(struct node *const *)b)->row.no;

    return x < y ? -1 : x > y;
}

static int by_resource_no(const void *a, const void *b)
{
    uint32_t x = (*(struct resource *const *)a)->no, y = (*(struct resource *const *)b)->no;

    return x < y ? -1 : x > y;
}

static int by_both(const void *a, const void *b)
{
    const struct edge *x = *(struct edge *const *)a, *y = *(struct edge *const *)b;

    if (x->node != y->node)
        return x->node->row.no < y->node->row.no ? -1 : 1;
    return x->resource->no < y->resource->no ? -1 : x->resource->no > y->resource->no;
}

int pick_init(struct pick *p, struct arena *a, size_t nodes, size_t resources, size_t edges)
{
    memset(p, 0, sizeof *p);
    p->nodes = arena_array(a, nodes, sizeof(struct node *));
    p->resources = arena_array(a, resources, sizeof(struct resource *));
    p->edges = arena_array(a, edges, sizeof(struct edge *));
    return p->nodes != NULL && p->resources != NULL && p->edges != NULL ? 0 : -ENOMEM;
}

static void pick_node(struct pick *p, struct node *n)
{
    if (n->index == NOT_PICKED)
        p->nodes[n->index = (uint32_t)p->node_count++] = n;
}

static void pick_resource(struct pick *p, struct resource *r)
{
    if (r->index == NOT_PICKED)
        p->resources[r->index = (uint32_t)p->resource_count++] = r;
}

/* Adds the ends of the edges, and leaves everything in it once. */
static void pick_ends(struct pick *p, size_t nodes, size_t resources)
{
    for (size_t i = 0; i < p->edge_count; i++)
        p->edges[i]->node->index = p->edges[i]->resource->index = NOT_PICKED;
    for (size_t i = 0; i < p->lent_count; i++)
        p->lent[i].edge->node->index = p->lent[i].image->index = NOT_PICKED;
    for (size_t i = 0; i < nodes; i++)
        p->nodes[i]->index = NOT_PICKED;
    for (size_t i = 0; i < resources; i++)
        p->resources[i]->index = NOT_PICKED;
    for (size_t i = 0; i < nodes + p->edge_count; i++) {
        struct node *n = i < nodes ? p->nodes[i] : p->edges[i - nodes]->node;

        pick_node(p, n);
    }
    for (size_t i = 0; i < resources + p->edge_count; i++) {
        struct resource *r = i < resources ? p->resources[i] : p->edges[i - resources]->resource;

        pick_resource(p, r);
    }
    for (size_t i = 0; i < p->lent_count; i++) {
        pick_node(p, p->lent[i].edge->node);
        pick_resource(p, p->lent[i].image);
    }
}

/* The edges of images among them, into `out`. */
static int lend_chosen(struct pick *out, struct arena *a, const struct chosen *ch)
{
    struct lending l = { .of_picked = ch->node_count > 0 };

    l.images = arena_array(a, ch->resource_count + ch->image_count, sizeof(struct resource *));
    if (l.images == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < ch->resource_count; i++) {
        if (ch->resources[i]->kind == RESOURCE_IMAGE)
            l.images[l.count++] = ch->resources[i];
    }
    for (size_t i = 0; i < ch->image_count && ch->resource_count == 0; i++)
        l.images[l.count++] = ch->images[i];
    lending_sort(&l);
    for (size_t i = 0; i < l.count; i++) {
        if (i > 0 && l.images[i]->filesystem == l.images[i - 1]->filesystem)
            continue;
        for (const struct edge *e = l.images[i]->filesystem->edges; e != NULL; e = e->next)
            e->node->index = NOT_PICKED;
    }
    for (size_t i = 0; i < ch->node_count; i++)
        ch->nodes[i]->index = 0;
    return pick_lend(out, a, &l);
}

/* The edges between the chosen; `none` chosen stands for all of that side. */
static int pick_edges(struct pick *p, struct arena *a, const struct chosen *ch)
{
    struct pick images = { .lent_count = 0 };
    size_t room = 0, lent;

    for (size_t i = 0; i < ch->node_count; i++)
        room += ch->nodes[i]->edge_count;
    for (size_t i = 0; i < ch->resource_count && ch->node_count == 0; i++) {
        for (const struct edge *e = ch->resources[i]->edges; e != NULL; e = e->next)
            room++;
    }
    if (lend_chosen(&images, a, ch) < 0)
        return -ENOMEM;
    lent = images.lent != NULL ? images.lent_count : 0;
    if (pick_init(p, a, ch->node_count + room + lent, ch->resource_count + room + lent, room) < 0)
        return -ENOMEM;
    p->lent = images.lent;
    p->lent_count = images.lent_count;
    for (size_t i = 0; i < ch->node_count; i++) {
        for (uint32_t k = 0; k < ch->nodes[i]->edge_count; k++)
            ch->nodes[i]->edges[k]->resource->index = NOT_PICKED;
    }
    for (size_t i = 0; i < ch->resource_count; i++)
        ch->resources[i]->index = 0;
    for (size_t i = 0; i < ch->node_count; i++) {
        for (uint32_t k = 0; k < ch->nodes[i]->edge_count; k++) {
            struct edge *e = ch->nodes[i]->edges[k];

            if (ch->resource_count == 0 || e->resource->index != NOT_PICKED)
                p->edges[p->edge_count++] = e;
        }
    }
    for (size_t i = 0; i < ch->resource_count && ch->node_count == 0; i++) {
        for (struct edge *e = ch->resources[i]->edges; e != NULL; e = e->next)
            p->edges[p->edge_count++] = e;
    }
    return 0;
}

int pick_chosen(struct pick *p, struct arena *a, const struct chosen *ch)
{
    int rc = pick_edges(p, a, ch);

    if (rc < 0 || p->lent_count > LENT_MOST)
        return rc;
    for (size_t i = 0; i < ch->node_count; i++)
        p->nodes[i] = ch->nodes[i];
    for (size_t i = 0; i < ch->resource_count; i++)
        p->resources[i] = ch->resources[i];
    pick_ends(p, ch->node_count, ch->resource_count);
    qsort(p->nodes, p->node_count, sizeof(struct node *), by_node_no);
    qsort(p->resources, p->resource_count, sizeof(struct resource *), by_resource_no);
    qsort(p->edges, p->edge_count, sizeof(struct edge *), by_both);
    return 0;
}

void pick_resources(struct pick *p, const struct coord *c)
{
    struct resource *r;
    size_t it = 0;

    while ((r = map_next(c->resources, &it)) != NULL)
        p->resources[p->resource_count++] = r;
    qsort(p->resources, p->resource_count, sizeof(struct resource *), by_resource_no);
}

int pick_all(struct pick *p, struct arena *a, const struct coord *c)
{
    size_t edges = 0;

    for (size_t i = 0; i < c->node_count; i++)
        edges += c->nodes[i]->edge_count;
    if (pick_init(p, a, c->node_count, map_count(c->resources), edges) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < c->node_count; i++) {
        struct node *n = c->nodes[i];

        p->nodes[p->node_count++] = n;
        for (uint32_t k = 0; k < n->edge_count; k++)
            p->edges[p->edge_count++] = n->edges[k];
    }
    pick_resources(p, c);
    return 0;
}

static int fill_nodes(struct answer *q, const struct pick *p)
{
    struct node_info *v = arena_array(q->a, p->node_count, sizeof *v);

    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < p->node_count; i++) {
        int rc = info_node(q->c, q->a, p->nodes[i], &v[i]);

        if (rc < 0)
            return rc;
    }
    REC_SET(q->r, reply, nodes, ((struct recs){ v, p->node_count }));
    return 0;
}

static int fill_resources(struct answer *q, const struct pick *p)
{
    struct resource_info *v = arena_array(q->a, p->resource_count, sizeof *v);

    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < p->resource_count; i++) {
        int rc = info_resource(q->c, q->a, p->resources[i], &v[i]);

        if (rc < 0)
            return rc;
    }
    REC_SET(q->r, reply, resources, ((struct recs){ v, p->resource_count }));
    return 0;
}

static int fill_edges(struct answer *q, const struct pick *p)
{
    size_t n = p->edge_count + p->lent_count;
    struct edge_info *v = arena_array(q->a, n + p->gone_count, sizeof *v);

    if (v == NULL || info_lent(q, p, v + p->edge_count) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < p->edge_count; i++) {
        int rc = info_edge(q->c, q->a, p->edges[i], &v[i]);

        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < p->gone_count; i++) {
        struct edge_info *e = &v[n + i];

        REC_SET(e, edge_info, node, p->gone[i].node->index);
        REC_SET(e, edge_info, resource, p->gone[i].resource->index);
        REC_SET(e, edge_info, removed, true);
    }
    REC_SET(q->r, reply, edges, ((struct recs){ v, n + p->gone_count }));
    return 0;
}

/* Leaves what is of one kind, and all nodes. */
static void keep_kind(struct pick *p, enum resource_kind kind)
{
    size_t resources = 0, edges = 0, gone = 0;

    for (size_t i = 0; i < p->resource_count; i++) {
        if (p->resources[i]->kind == kind)
            p->resources[resources++] = p->resources[i];
    }
    for (size_t i = 0; i < p->edge_count; i++) {
        if (p->edges[i]->resource->kind == kind)
            p->edges[edges++] = p->edges[i];
    }
    for (size_t i = 0; i < p->gone_count; i++) {
        if (p->gone[i].resource->kind == kind)
            p->gone[gone++] = p->gone[i];
    }
    if (kind != RESOURCE_IMAGE)
        p->lent_count = 0;
    p->resource_count = resources;
    p->edge_count = edges;
    p->gone_count = gone;
}

int pick_reply(struct answer *q, struct pick *p)
{
    uint64_t least, edges;
    int rc;

    if (q->req->kind != NULL) /* answer_kind has looked at it */
        keep_kind(p, (enum resource_kind)resource_kind_by_name(q->req->kind));
    edges = (uint64_t)p->edge_count + p->lent_count;
    least = (uint64_t)p->node_count * NODE_BYTES + (uint64_t)p->resource_count * RESOURCE_BYTES +
            edges * EDGE_BYTES;
    if (least > LIMIT_REPLY_BYTES)
        return answer_fail(q, REPLY_TOO_LARGE,
                           "%zu nodes, %zu resources and %llu edges are more than one answer of %u "
                           "MiB holds; ask for some nodes or resources at a time.",
                           p->node_count, p->resource_count, (unsigned long long)edges,
                           LIMIT_REPLY_BYTES >> 20);
    for (size_t i = 0; i < p->node_count; i++)
        p->nodes[i]->index = (uint32_t)i;
    for (size_t i = 0; i < p->resource_count; i++)
        p->resources[i]->index = (uint32_t)i;
    rc = fill_nodes(q, p);
    if (rc == 0)
        rc = fill_resources(q, p);
    return rc < 0 ? rc : fill_edges(q, p);
}
