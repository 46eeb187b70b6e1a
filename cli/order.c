/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "order.h"

#include <errno.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at *s as a number: moves *s behind them. Leading zeros do not count. */
static const char *number(const char **s, size_t *n)
{
    const char *from;

    while (**s == '0' && is_digit((*s)[1]))
        (*s)++;
    from = *s;
    while (is_digit(**s))
        (*s)++;
    *n = (size_t)(*s - from);
    return from;
}

int natural_compare(const char *a, const char *b)
{
    const char *x = a != NULL ? a : "", *y = b != NULL ? b : "";
    const char *whole_x = x, *whole_y = y;

    while (*x != '\0' && *y != '\0') {
        const char *m, *n;
        size_t m_length, n_length;
        int d;

        if (!is_digit(*x) || !is_digit(*y)) {
            if (*x != *y)
                return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
            x++;
            y++;
            continue;
        }
        m = number(&x, &m_length);
        n = number(&y, &n_length);
        if (m_length != n_length)
            return m_length < n_length ? -1 : 1;
        d = memcmp(m, n, m_length);
        if (d != 0)
            return d;
    }
    if (*x != *y)
        return *x == '\0' ? -1 : 1;
    return strcmp(whole_x, whole_y); /* node01 and node1 */
}

static int by_node(const void *a, const void *b)
{
    const struct node_info *x = a, *y = b;
    int d = natural_compare(x->name, y->name);

    return d != 0 ? d : natural_compare(x->id, y->id);
}

unsigned resource_rank(const struct resource_info *x)
{
    int kind = x->kind != NULL ? resource_kind_by_name(x->kind) : RESOURCE_NETWORK;

    if (kind == RESOURCE_NETWORK && !x->declared)
        return RANK_PORT;
    return kind < 0 ? RANK_OTHER : (unsigned)kind;
}

static int by_resource(const void *a, const void *b)
{
    const struct resource_info *x = a, *y = b;
    unsigned p = resource_rank(x), q = resource_rank(y);
    int d;

    if (p != q)
        return p < q ? -1 : 1;
    d = natural_compare(x->label, y->label);
    return d != 0 ? d : natural_compare(x->id, y->id);
}

static int by_network(const void *a, const void *b)
{
    const struct network_info *x = a, *y = b;

    return natural_compare(x->name, y->name);
}

static int by_edge(const void *a, const void *b)
{
    const struct edge_info *x = a, *y = b;

    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return x->resource < y->resource ? -1 : x->resource > y->resource;
}

static int by_use(const void *a, const void *b)
{
    const struct use_info *x = a, *y = b;
    int d;

    if (x->resource != y->resource)
        return x->resource < y->resource ? -1 : 1;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    d = natural_compare(x->kind, y->kind);
    return d != 0 ? d : natural_compare(x->used_by, y->used_by);
}

/* From the number that an edge uses to the place in the array. */
struct place {
    uint64_t index;
    size_t at;
};

static int by_index(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->index < y->index ? -1 : x->index > y->index;
}

/* Replaces *index. False: it points nowhere. */
static bool replace(const struct place *list, size_t n, uint64_t *index)
{
    struct place key = { *index, 0 };
    const struct place *found = n == 0 ? NULL : bsearch(&key, list, n, sizeof *list, by_index);

    if (found != NULL)
        *index = found->at;
    return found != NULL;
}

/* Where the edges and uses of a reply point to. */
struct places {
    struct place *nodes, *resources;
    size_t node_count, resource_count;
};

static bool replace_both(const struct places *p, uint64_t *node, uint64_t *resource)
{
    return replace(p->nodes, p->node_count, node) &&
           replace(p->resources, p->resource_count, resource);
}

/* The records belong to the reply's arena, so they may be written. */
static void places_fill(struct reply *r, struct places *p)
{
    struct node_info *n = (struct node_info *)r->nodes.v;
    struct resource_info *x = (struct resource_info *)r->resources.v;

    for (size_t i = 0; i < r->nodes.n; i++) {
        p->nodes[i] = (struct place){ n[i].index, i };
        REC_SET(&n[i], node_info, index, i);
    }
    for (size_t i = 0; i < r->resources.n; i++) {
        p->resources[i] = (struct place){ x[i].index, i };
        REC_SET(&x[i], resource_info, index, i);
    }
    qsort(p->nodes, r->nodes.n, sizeof *p->nodes, by_index);
    qsort(p->resources, r->resources.n, sizeof *p->resources, by_index);
}

static void order_edges(struct reply *r, const struct places *p)
{
    struct edge_info *e = (struct edge_info *)r->edges.v;
    size_t kept = 0;

    for (size_t i = 0; i < r->edges.n; i++) {
        e[kept] = e[i];
        kept += !e[i].removed && replace_both(p, &e[kept].node, &e[kept].resource);
    }
    r->edges.n = kept;
    if (kept > 1)
        qsort(e, kept, sizeof *e, by_edge);
}

static void order_uses(struct reply *r, const struct places *p)
{
    struct use_info *u = (struct use_info *)r->uses.v;
    size_t kept = 0;

    for (size_t i = 0; i < r->uses.n; i++) {
        u[kept] = u[i];
        kept += replace_both(p, &u[kept].node, &u[kept].resource);
    }
    r->uses.n = kept;
    if (kept > 1)
        qsort(u, kept, sizeof *u, by_use);
}

static int by_reach(const void *a, const void *b)
{
    const struct reach_info *x = a, *y = b;

    if (x->resource != y->resource)
        return x->resource < y->resource ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static void order_reaches(struct reply *r, const struct places *p)
{
    struct reach_info *x = (struct reach_info *)r->reaches.v;
    size_t kept = 0;

    for (size_t i = 0; i < r->reaches.n; i++) {
        x[kept] = x[i];
        kept += replace_both(p, &x[kept].node, &x[kept].resource);
    }
    r->reaches.n = kept;
    if (kept > 1)
        qsort(x, kept, sizeof *x, by_reach);
}

static int by_filesystem(const void *a, const void *b)
{
    const struct fs_info *x = a, *y = b;

    return x->resource < y->resource ? -1 : x->resource > y->resource;
}

static void order_filesystems(struct reply *r, const struct places *p)
{
    struct fs_info *f = (struct fs_info *)r->filesystems.v;
    size_t kept = 0;

    for (size_t i = 0; i < r->filesystems.n; i++) {
        f[kept] = f[i];
        kept += replace(p->resources, p->resource_count, &f[kept].resource);
    }
    r->filesystems.n = kept;
    if (kept > 1)
        qsort(f, kept, sizeof *f, by_filesystem);
}

static int by_vg(const void *a, const void *b)
{
    const struct vg_info *x = a, *y = b;

    return x->resource < y->resource ? -1 : x->resource > y->resource;
}

static int by_vg_node(const void *a, const void *b)
{
    const struct vg_node *x = a, *y = b;

    return x->node < y->node ? -1 : x->node > y->node;
}

static void order_vgs(struct reply *r, const struct places *p)
{
    struct vg_info *v = (struct vg_info *)r->vgs.v;
    struct vg_node *n = (struct vg_node *)r->vg_nodes.v;

    for (size_t i = 0; i < r->vgs.n; i++)
        replace(p->resources, p->resource_count, &v[i].resource);
    for (size_t i = 0; i < r->vg_nodes.n; i++)
        replace_both(p, &n[i].node, &n[i].resource);
    if (r->vgs.n > 1)
        qsort(v, r->vgs.n, sizeof *v, by_vg);
    if (r->vg_nodes.n > 1)
        qsort(n, r->vg_nodes.n, sizeof *n, by_vg_node);
}

/* They are in order already: the best first. A reason about a resource that is not there keeps a
 * number that points nowhere, and is shown without a name. */
static void order_placed(struct reply *r, const struct places *p)
{
    struct place_node *v = (struct place_node *)r->place_nodes.v;

    for (size_t i = 0; i < r->place_nodes.n; i++) {
        struct place_reason *reasons = (struct place_reason *)v[i].reasons.v;

        if (!replace(p->nodes, p->node_count, &v[i].node))
            v[i].node = r->nodes.n;
        for (size_t k = 0; k < v[i].reasons.n; k++) {
            if (REC_HAS(&reasons[k], place_reason, resource) &&
                !replace(p->resources, p->resource_count, &reasons[k].resource))
                reasons[k].resource = r->resources.n;
        }
    }
}

static void sort(struct recs list, size_t size, int (*compare)(const void *, const void *))
{
    if (list.n > 1)
        qsort((void *)list.v, list.n, size, compare);
}

int reply_order(struct reply *r)
{
    struct places p = { calloc(r->nodes.n + 1, sizeof *p.nodes),
                        calloc(r->resources.n + 1, sizeof *p.resources), r->nodes.n,
                        r->resources.n };
    int rc = p.nodes == NULL || p.resources == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        sort(r->nodes, sizeof(struct node_info), by_node);
        sort(r->resources, sizeof(struct resource_info), by_resource);
        sort(r->networks, sizeof(struct network_info), by_network);
        places_fill(r, &p);
        order_edges(r, &p);
        order_uses(r, &p);
        order_reaches(r, &p);
        order_filesystems(r, &p);
        order_vgs(r, &p);
        order_placed(r, &p);
    }
    free(p.nodes);
    free(p.resources);
    return rc;
}
