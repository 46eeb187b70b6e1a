/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a node sees a resource or not, and what depends on either. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/explain_internal.h"
#include "core/fs_list.h"

/* ---- explain: the facts are copied here, the chain is built where the inventory is ---------- */

static int copy_sighting(struct arena *a, const struct sighting *g, struct sighting_row *out)
{
    *out = (struct sighting_row){
        .section = (enum section_id)g->section,
        .row_key = arena_strdup(a, g->row_key),
        .port = arena_strdup(a, g->seen.port),
        .base = arena_strndup(a, g->seen.port, g->seen.base_len),
        .vlan = g->seen.vlan,
        .paths_active = g->seen.paths_active,
        .paths_total = g->seen.paths_total,
    };
    return out->row_key != NULL && out->port != NULL && out->base != NULL ? 0 : -ENOMEM;
}

static int copy_sightings(struct arena *a, const struct edge *e, struct explain_facts *f)
{
    struct sighting_row *rows;
    size_t n = 0;

    for (const struct sighting *g = e->sightings; g != NULL; g = g->next)
        n++;
    rows = arena_array(a, n, sizeof *rows);
    if (rows == NULL)
        return -ENOMEM;
    f->sightings = rows;
    for (const struct sighting *g = e->sightings; g != NULL; g = g->next) {
        if (copy_sighting(a, g, &rows[f->sighting_count++]) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* Does this port, which matches several networks, concern the resource? */
static bool concerns(const struct node *n, const struct sighting *g, const struct resource *r)
{
    if (!g->ambiguous)
        return false;
    if (r->network == NULL)
        return g->edge->resource == r;
    return network_matches_seen(r->network, n->row.name, &g->seen);
}

static int add_rival(struct answer *q, const struct node *n, const struct sighting *g,
                     const struct resource *r, struct explain_rival *out)
{
    struct network *found[2] = { NULL, NULL };
    const struct network *one, *other;

    network_match(q->c, n->row.name, &g->seen, found);
    one = r->network != NULL ? r->network : found[0];
    other = found[0] != one ? found[0] : found[1];
    *out = (struct explain_rival){
        .port = arena_strdup(q->a, g->seen.port),
        .network = arena_strdup(q->a, one->name),
        .other = arena_strdup(q->a, other->name),
    };
    return out->port != NULL && out->network != NULL && out->other != NULL ? 0 : -ENOMEM;
}

enum { RIVALS_MOST = 16 };

static int add_rivals(struct answer *q, const struct node *n, const struct resource *r,
                      struct explain_facts *f)
{
    struct explain_rival *v = arena_array(q->a, RIVALS_MOST, sizeof *v);

    if (v == NULL)
        return -ENOMEM;
    f->rivals = v;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct slot *slot = &n->sections[i];

        if ((sighting_sections >> i & 1u) == 0)
            continue; /* its rows have something else in that place */
        for (uint32_t k = 0; k < slot->row_count && f->rival_count < RIVALS_MOST; k++) {
            const struct sighting *g = slot->rows[k].sighting;

            if (g == NULL || !concerns(n, g, r))
                continue;
            if (add_rival(q, n, g, r, &v[f->rival_count++]) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

/* ---- who else uses it: looked up in the database by what it lies in ------------------------- */

static int compare_nodes(const void *a, const void *b)
{
    const struct fs_node *x = a, *y = b;

    return (x->no > y->no) - (x->no < y->no);
}

static const char *container_of_resource(struct arena *a, const struct resource *r)
{
    if (r->kind == RESOURCE_LV)
        return arena_printf(a, "lv.%s", r->key);
    return arena_strdup(a, r->kind == RESOURCE_FILESYSTEM ? key_container(r->key) : r->key);
}

/* Nodes with an edge, but for the one that is asked about. */
static int add_holders(struct answer *q, const struct node *n, const struct resource *r,
                       struct explain_facts *f)
{
    struct fs_list_facts *list = arena_zalloc(q->a, sizeof *list);
    struct fs_wanted *wanted = arena_zalloc(q->a, sizeof *wanted);
    const char **names;
    size_t room = 0;

    if (r->kind == RESOURCE_NETWORK || r->kind == RESOURCE_VG)
        return 0;
    for (const struct edge *e = r->edges; e != NULL; e = e->next)
        room++;
    names = arena_array(q->a, room, sizeof *names);
    if (list == NULL || wanted == NULL || names == NULL)
        return -ENOMEM;
    list->nodes = arena_array(q->a, room, sizeof *list->nodes);
    *wanted = (struct fs_wanted){ .container = container_of_resource(q->a, r), .uuid = "" };
    if (list->nodes == NULL || wanted->container == NULL)
        return -ENOMEM;
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        size_t i = list->node_count;

        if (e->node == n)
            continue;
        names[i] = arena_strdup(q->a, e->node->row.name);
        if (names[i] == NULL)
            return -ENOMEM;
        list->nodes[list->node_count++] = info_fs_node(q->c, e->node, i);
    }
    if (list->node_count == 0)
        return 0;
    qsort(list->nodes, list->node_count, sizeof *list->nodes, compare_nodes);
    list->fs = wanted;
    list->fs_count = 1;
    f->holders = names;
    q->out->join.fs_list = list;
    return 0;
}

/* ---- LUNs that had more paths ---------------------------------------------------------------- */

static bool has_fallen(const struct edge *e)
{
    return e->resource->kind == RESOURCE_LUN && e->had_until.v != 0 &&
           e->paths_had > e->paths_active;
}

/* Any of them may be below what is asked about. */
static int add_fallen(struct answer *q, const struct node *n, struct explain_facts *f)
{
    struct explain_fallen *v;
    size_t room = 0;

    for (uint32_t i = 0; i < n->edge_count; i++)
        room += has_fallen(n->edges[i]);
    v = arena_array(q->a, room, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    f->fallen = v;
    for (uint32_t i = 0; i < n->edge_count; i++) {
        const struct edge *e = n->edges[i];

        if (!has_fallen(e))
            continue;
        v[f->fallen_count] = (struct explain_fallen){
            .key = arena_strdup(q->a, e->resource->key),
            .had = e->paths_had,
            .total = e->sightings != NULL ? e->paths_total : 0,
            .until = e->had_until,
        };
        if (v[f->fallen_count++].key == NULL)
            return -ENOMEM;
    }
    return 0;
}

static int add_image(struct answer *q, const struct resource *image, struct explain_facts *f)
{
    struct resource_info *fs = arena_zalloc(q->a, sizeof *fs);

    f->image = arena_zalloc(q->a, sizeof *f->image);
    if (fs == NULL || f->image == NULL || info_resource(q->c, q->a, image->filesystem, fs) < 0)
        return -ENOMEM;
    f->image->filesystem = fs;
    return image_want(q->a, image, &f->image->wanted);
}

/* `r`: what has the edges. */
static int gather(struct answer *q, const struct node *n, const struct resource *r,
                  struct explain_facts *f)
{
    struct edge *e = edge_find(n, r);
    struct network_info *network = arena_zalloc(q->a, sizeof *network);
    int rc = network == NULL ? -ENOMEM : 0;

    f->node = q->r->nodes.v;
    f->resource = q->r->resources.v;
    f->edge = e != NULL ? q->r->edges.v : NULL;
    f->wall = q->c->wall;
    f->reach_of = r->kind == RESOURCE_FILESYSTEM ? r->no : 0;
    f->self = info_fs_node(q->c, n, 0);
    if (rc == 0 && r->network != NULL) {
        f->network = network;
        rc = info_network(q->a, r->network, network);
    }
    if (rc == 0 && e != NULL)
        rc = copy_sightings(q->a, e, f);
    if (rc == 0)
        rc = add_rivals(q, n, r, f);
    if (rc == 0)
        rc = explain_peers(q, n, r, f);
    if (rc == 0)
        rc = add_holders(q, n, r, f);
    if (rc == 0 && r->kind == RESOURCE_LV)
        rc = activation_explain(q, r, &f->active);
    if (rc == 0 && r->kind != RESOURCE_NETWORK)
        rc = add_fallen(q, n, f);
    return rc < 0 ? rc : info_sections(q->c, q->a, n, &f->states);
}

int op_explain(struct answer *q)
{
    struct explain_facts *f = arena_zalloc(q->a, sizeof *f);
    struct node *n;
    struct resource *r;
    struct pick p;
    struct chosen ch = { .nodes = &n, .resources = &r, .node_count = 1, .resource_count = 1 };
    int rc = answer_node(q, q->req->node, false, &n);

    if (n == NULL || f == NULL)
        return f == NULL ? -ENOMEM : rc;
    rc = answer_resource(q, q->req->resource, &r);
    if (r == NULL)
        return rc;
    rc = pick_chosen(&p, q->a, &ch);
    if (rc == 0)
        rc = pick_reply(q, &p);
    if (rc == 0 && r->filesystem != NULL)
        rc = add_image(q, r, f);
    if (rc == 0)
        rc = gather(q, n, resource_carrier(r), f);
    if (rc < 0)
        return rc;
    q->out->join.type = JOIN_EXPLAIN;
    q->out->join.node_no = n->row.no;
    q->out->join.explain = f;
    return 0;
}
