/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Edges of images in a reply: those of their filesystems, lent to each. There may be very many of
 * them, so they are counted first, and made only where the reply can hold them. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

/* The images of a reply, those of a filesystem one after the other. */
static int by_filesystem(const void *a, const void *b)
{
    const struct resource *x = *(struct resource *const *)a, *y = *(struct resource *const *)b;

    if (x->filesystem != y->filesystem)
        return x->filesystem->no < y->filesystem->no ? -1 : 1;
    return x->no < y->no ? -1 : x->no > y->no;
}

static int by_node(const void *a, const void *b)
{
    uint32_t x = (*(struct edge *const *)a)->node->row.no;
    uint32_t y = (*(struct edge *const *)b)->node->row.no;

    return x < y ? -1 : x > y;
}

static bool is_picked(const struct edge *e, const struct lending *l)
{
    return !l->of_picked || e->node->index != NOT_PICKED;
}

/* What changed after `since`: of an image that is new all edges, else those that changed. */
static bool is_lent(const struct edge *e, const struct resource *image, const struct lending *l)
{
    return is_picked(e, l) && (e->stamp.gen > l->since || image->stamp.gen > l->since);
}

struct counts {
    size_t all, changed;
};

static struct counts counts_of(const struct resource *fs, const struct lending *l)
{
    struct counts n = { 0, 0 };

    for (const struct edge *e = fs->edges; e != NULL; e = e->next) {
        n.all += is_picked(e, l);
        n.changed += is_picked(e, l) && e->stamp.gen > l->since;
    }
    return n;
}

/* A filesystem's edges are counted once for all of its images. */
static size_t count_all(const struct lending *l)
{
    struct counts n = { 0, 0 };
    size_t count = 0;

    for (size_t i = 0; i < l->count; i++) {
        const struct resource *image = l->images[i];

        if (i == 0 || image->filesystem != l->images[i - 1]->filesystem)
            n = counts_of(image->filesystem, l);
        count += image->stamp.gen > l->since ? n.all : n.changed;
    }
    return count;
}

void lending_sort(struct lending *l)
{
    if (l->count > 1)
        qsort(l->images, l->count, sizeof(struct resource *), by_filesystem);
}

/* Of the images v[0 .. n), which are of one filesystem. */
static int lend_of(struct pick *p, struct arena *a, const struct lending *l,
                   struct resource *const *v, size_t n)
{
    struct resource *fs = v[0]->filesystem;
    struct edge **edges;
    size_t count = 0;

    for (const struct edge *e = fs->edges; e != NULL; e = e->next)
        count++;
    edges = arena_array(a, count, sizeof(struct edge *));
    if (edges == NULL)
        return -ENOMEM;
    count = 0;
    for (struct edge *e = fs->edges; e != NULL; e = e->next)
        edges[count++] = e;
    qsort(edges, count, sizeof(struct edge *), by_node);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < n; k++) {
            if (is_lent(edges[i], v[k], l))
                p->lent[p->lent_count++] = (struct lent){ edges[i], v[k] };
        }
    }
    return 0;
}

int pick_lend(struct pick *p, struct arena *a, struct lending *l)
{
    size_t count, first = 0;
    int rc = 0;

    if (l->count == 0)
        return 0;
    lending_sort(l);
    count = count_all(l);
    p->lent_count = count;
    if (count > LENT_MOST)
        return 0; /* the reply will say that it is too large */
    p->lent = arena_array(a, count, sizeof *p->lent);
    if (p->lent == NULL)
        return -ENOMEM;
    p->lent_count = 0;
    for (size_t i = 1; rc == 0 && i <= l->count; i++) {
        if (i < l->count && l->images[i]->filesystem == l->images[first]->filesystem)
            continue;
        rc = lend_of(p, a, l, &l->images[first], i - first);
        first = i;
    }
    return rc;
}

/* An edge of a filesystem is told once, and then for each of its images. */
int info_lent(struct answer *q, const struct pick *p, struct edge_info *out)
{
    for (size_t i = 0; i < p->lent_count; i++) {
        const struct lent *l = &p->lent[i];
        int rc = 0;

        if (i > 0 && l->edge == p->lent[i - 1].edge)
            out[i] = out[i - 1];
        else
            rc = info_edge(q->c, q->a, l->edge, &out[i]);
        if (rc < 0)
            return rc;
        REC_SET(&out[i], edge_info, resource, l->image->index);
    }
    return 0;
}

/* ---- all of them, and those that changed ---------------------------------------------------- */

int images_all(struct answer *q, struct resource ***out, size_t *count)
{
    struct resource *r;
    size_t it = 0;

    *out = arena_array(q->a, map_count(q->c->resources), sizeof(struct resource *));
    *count = 0;
    if (*out == NULL)
        return -ENOMEM;
    while ((r = map_next(q->c->resources, &it)) != NULL) {
        if (r->kind == RESOURCE_IMAGE)
            (*out)[(*count)++] = r;
    }
    return 0;
}

static int by_no(const void *a, const void *b)
{
    uint32_t x = (*(struct resource *const *)a)->no, y = (*(struct resource *const *)b)->no;

    return x < y ? -1 : x > y;
}

int pick_images(struct pick *p, struct answer *q)
{
    struct lending l = { .since = 0 };
    int rc = images_all(q, &l.images, &l.count);

    if (rc == 0)
        rc = pick_init(p, q->a, q->c->node_count, l.count, 0);
    if (rc == 0)
        rc = pick_lend(p, q->a, &l);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < q->c->node_count; i++)
        p->nodes[p->node_count++] = q->c->nodes[i];
    for (size_t i = 0; i < l.count; i++)
        p->resources[p->resource_count++] = l.images[i];
    qsort(p->resources, p->resource_count, sizeof(struct resource *), by_no);
    return 0;
}

/* An image counts who sees it as its filesystem does, and so changes with it. */
static size_t changed_images(const struct coord *c, uint64_t since, struct resource **out)
{
    const struct stamp *head = &c->changed_resources;
    size_t n = 0;

    for (struct stamp *st = head->prev; st != head && st->gen > since; st = st->prev) {
        struct resource *r = container_of(st, struct resource, stamp);
        uint32_t count = r->seat != NULL ? r->seat->image_count : 0;

        if (r->filesystem != NULL && r->filesystem->stamp.gen <= since && out != NULL)
            out[n] = r;
        n += r->filesystem != NULL && r->filesystem->stamp.gen <= since;
        for (uint32_t i = 0; i < count && out != NULL; i++)
            out[n + i] = r->seat->images[i];
        n += count;
    }
    return n;
}

/* All nodes that have changed, and those that see an image that has. */
static void nodes_since(struct pick *p, struct coord *c, uint64_t since)
{
    for (size_t i = 0; i < c->node_count; i++)
        c->nodes[i]->index = NOT_PICKED;
    for (size_t i = 0; i < p->lent_count; i++)
        p->lent[i].edge->node->index = 0;
    for (size_t i = 0; i < c->node_count; i++) {
        struct node *n = c->nodes[i];

        if (n->index != NOT_PICKED || n->stamp.gen > since)
            p->nodes[p->node_count++] = n;
    }
}

int pick_images_since(struct pick *p, struct answer *q, uint64_t since)
{
    struct lending l = { .since = since, .count = changed_images(q->c, since, NULL) };
    int rc = pick_init(p, q->a, q->c->node_count, l.count, 0);

    l.images = arena_array(q->a, l.count, sizeof(struct resource *));
    if (rc < 0 || l.images == NULL)
        return -ENOMEM;
    changed_images(q->c, since, l.images);
    rc = pick_lend(p, q->a, &l);
    if (rc < 0 || p->lent_count > LENT_MOST)
        return rc;
    nodes_since(p, q->c, since);
    for (size_t i = 0; i < l.count; i++)
        p->resources[p->resource_count++] = l.images[i];
    return 0;
}

int pick_images_gone(struct pick *p, struct arena *a)
{
    size_t n = 0, from = p->gone_count;
    struct gone *v;

    for (size_t i = 0; i < from; i++)
        n += p->gone[i].resource->seat != NULL ? p->gone[i].resource->seat->image_count : 0;
    if (n > LENT_MOST) {
        p->lent_count = n; /* as with edges that are there */
        return 0;
    }
    v = arena_array(a, n, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    n = 0;
    for (size_t i = 0; i < from; i++) {
        const struct seat *seat = p->gone[i].resource->seat;

        for (uint32_t k = 0; seat != NULL && k < seat->image_count; k++)
            v[n++] = (struct gone){ p->gone[i].node, seat->images[k] };
    }
    p->gone = v;
    p->gone_count = n;
    return 0;
}
