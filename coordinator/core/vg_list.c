/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volume groups as records of a reply: which version each node has, and who is behind. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/pick.h"
#include "core/query.h"

enum vg_standing { VG_CURRENT, VG_BEHIND, VG_OLD, VG_OTHER, VG_SILENT, VG_LOST };

static bool is_heard(const struct node *n)
{
    return n->live == NODE_UP && n->registered && n->row.admission == NODE_APPROVED;
}

static enum vg_standing standing(const struct edge *e)
{
    const struct resource *r = e->resource;
    const struct sighting *g = e->sightings;

    if (e->state == EDGE_LOST || g == NULL)
        return VG_LOST;
    if (!is_heard(e->node))
        return VG_SILENT;
    if (g->seen.size == r->size && g->seen.mark == r->mark)
        return g->seen.flawed ? VG_OLD : VG_CURRENT;
    return g->seen.size < r->size ? VG_BEHIND : VG_OTHER;
}

/* The task that has a right on it, and how many wait for one. */
static void count_tasks(const struct coord *c, const struct resource *r, struct vg_info *out)
{
    uint64_t waiting = 0;

    for (const struct link *l = c->tasks.next; l != &c->tasks; l = l->next) {
        const struct task *t = container_of(l, struct task, link);

        if (t->kind != &vg_kind || t->vg == NULL || vg_of(c, &t->vg->row) != r)
            continue;
        if (vg_right(c, t) != NULL)
            REC_SET(out, vg_info, task, t->row.no);
        else
            waiting++;
    }
    REC_SET(out, vg_info, waiting, waiting);
}

static void fill(const struct coord *c, const struct resource *r, struct vg_info *out)
{
    uint64_t of[VG_LOST + 1] = { 0 }, nodes = 0, activating = 0;

    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        of[standing(e)]++;
        activating += vg_is_activated_by(e);
        nodes++;
    }
    REC_SET(out, vg_info, resource, r->index);
    REC_SET(out, vg_info, adopted,
            r->seat != NULL && r->seat->scan != NULL && r->seat->scan->admitted);
    REC_SET(out, vg_info, seqno, r->size);
    REC_SET(out, vg_info, nodes, nodes - of[VG_LOST]);
    REC_SET(out, vg_info, current, of[VG_CURRENT]);
    REC_SET(out, vg_info, behind, of[VG_BEHIND] + of[VG_OLD] + of[VG_OTHER]);
    REC_SET(out, vg_info, silent, of[VG_SILENT]);
    REC_SET(out, vg_info, activating, activating);
    if (r->doubt_since.v != 0 && of[VG_BEHIND] + of[VG_OLD] + of[VG_OTHER] > 0)
        REC_SET(out, vg_info, differ_ms, r->doubt_since.v);
    count_tasks(c, r, out);
}

static const char *sentence(struct arena *a, const struct edge *e, enum vg_standing is)
{
    unsigned long long has = e->sightings == NULL ? 0 : e->sightings->seen.size;
    unsigned long long newest = e->resource->size;

    switch (is) {
    case VG_BEHIND:
        return arena_printf(a, "It has version %llu, and another node has %llu.", has, newest);
    case VG_OLD:
        return arena_printf(a,
                            "It has version %llu, and a device of an LV that is not as that says: "
                            "muster explain %s %s says which.",
                            has, e->node->row.name, e->resource->label);
    case VG_OTHER:
        return arena_printf(a, "It has version %llu with other metadata than those that most have.",
                            has);
    case VG_SILENT:
        return arena_printf(a, "It is not up; it had version %llu when it was heard.", has);
    case VG_LOST:
        return "It does not see it any more.";
    default:
        return NULL;
    }
}

static int fill_node(struct arena *a, const struct edge *e, struct vg_node *out)
{
    static const char *const names[] = { "current", "behind", "behind", "other", "silent", "lost" };
    enum vg_standing is = standing(e);
    const char *text = sentence(a, e, is);

    REC_SET(out, vg_node, node, e->node->index);
    REC_SET(out, vg_node, resource, e->resource->index);
    if (e->sightings != NULL)
        REC_SET(out, vg_node, seqno, e->sightings->seen.size);
    REC_SET(out, vg_node, state, names[is]);
    REC_SET(out, vg_node, activates, vg_is_activated_by(e));
    if (text != NULL)
        REC_SET(out, vg_node, text, text);
    return text == NULL && is != VG_CURRENT ? -ENOMEM : 0;
}

static int by_node(const void *a, const void *b)
{
    const struct vg_node *x = a, *y = b;

    return x->node < y->node ? -1 : x->node > y->node;
}

/* After pick_reply(), which has given the nodes their numbers. */
static int list_nodes(struct answer *q, const struct resource *r)
{
    size_t n = 0, at = 0;
    struct vg_node *v;

    for (const struct edge *e = r->edges; e != NULL; e = e->next)
        n++;
    v = arena_array(q->a, n, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        if (fill_node(q->a, e, &v[at++]) < 0)
            return -ENOMEM;
    }
    qsort(v, n, sizeof *v, by_node);
    REC_SET(q->r, reply, vg_nodes, ((struct recs){ v, n }));
    return 0;
}

/* What is in it, as a node that is current has read it. */
static int add_contents(struct answer *q, const struct resource *r)
{
    struct recs sections;
    int rc;

    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        if (standing(e) != VG_CURRENT)
            continue;
        rc = info_sections(q->c, q->a, e->node, &sections);
        if (rc < 0)
            return rc;
        REC_SET(q->r, reply, sections, sections);
        q->out->join.type = JOIN_NODE_SECTIONS;
        q->out->join.node_no = e->node->row.no;
        return 0;
    }
    return 0;
}

static int show(struct answer *q, struct resource *r)
{
    struct chosen ch = { .resources = &r, .resource_count = 1 };
    struct vg_info *v = arena_zalloc(q->a, sizeof *v);
    struct pick p;
    int rc = v == NULL ? -ENOMEM : pick_chosen(&p, q->a, &ch);

    if (rc == 0)
        rc = pick_reply(q, &p);
    if (rc < 0 || q->r->code != REPLY_OK)
        return rc;
    fill(q->c, r, v);
    REC_SET(q->r, reply, vgs, ((struct recs){ v, 1 }));
    rc = list_nodes(q, r);
    if (rc == 0)
        rc = activation_list(q, r);
    return rc < 0 ? rc : add_contents(q, r);
}

static int list(struct answer *q)
{
    struct vg_info *v;
    struct pick p;
    size_t n = 0;
    int rc = pick_init(&p, q->a, 0, map_count(q->c->resources), 0);

    if (rc < 0)
        return rc;
    pick_resources(&p, q->c);
    for (size_t i = 0; i < p.resource_count; i++) {
        if (p.resources[i]->kind == RESOURCE_VG)
            p.resources[n++] = p.resources[i];
    }
    p.resource_count = n;
    rc = pick_reply(q, &p);
    if (rc < 0 || q->r->code != REPLY_OK)
        return rc;
    v = arena_array(q->a, n, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        fill(q->c, p.resources[i], &v[i]);
    REC_SET(q->r, reply, vgs, ((struct recs){ v, n }));
    return 0;
}

int op_vg_list(struct answer *q)
{
    struct resource *r = NULL;
    int rc;

    if (!REC_HAS(q->req, request, resource))
        return list(q);
    rc = answer_resource(q, q->req->resource, &r);
    if (r == NULL)
        return rc;
    return r->kind == RESOURCE_VG
               ? show(q, r)
               : answer_fail(q, REPLY_INVALID, "'%s' is a %s, and no volume group.",
                             answer_quote(q, q->req->resource),
                             resource_kind_name((enum resource_kind)r->kind));
}
