/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What depends on a resource, or on a node. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/explain_internal.h"
#include "core/impact.h"

enum { FEW = 2, PORTS_MOST = 4 };

static bool sees(const struct edge *e)
{
    return e->shown == EDGE_OK || e->shown == EDGE_DEGRADED;
}

static const char *state_of(const struct edge *e)
{
    return edge_state_name((enum edge_state)e->shown);
}

static const char *label_of(struct chain *ch, const struct resource *r)
{
    const char *label = resource_label(ch->a, r);

    ch->failed = ch->failed || label == NULL;
    return label;
}

/* ---- a resource: the nodes and ports that lead to it ---------------------------------------- */

static const char *ports_text(struct chain *ch, const struct edge *e)
{
    const char *text = "";
    size_t n = 0;

    for (const struct sighting *g = e->sightings; g != NULL; g = g->next) {
        if (n++ < PORTS_MOST)
            text = chain_text(ch, "%s%s%s", text, n > 1 ? ", " : "", g->seen.port);
    }
    return n <= PORTS_MOST ? text : chain_text(ch, "%s and %zu more", text, n - PORTS_MOST);
}

/* How many networks it sees now. */
static uint32_t networks_of(const struct node *n)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n->edge_count; i++)
        count += n->edges[i]->resource->kind == RESOURCE_NETWORK && sees(n->edges[i]);
    return count;
}

static void impact_on_node(struct chain *ch, const struct edge *e)
{
    const struct node *n = e->node;
    uint32_t others = networks_of(n) - (sees(e) ? 1 : 0);
    const char *name = chain_text(ch, "%s", n->row.name);
    const char *ports = ports_text(ch, e);

    if (e->resource->kind != RESOURCE_NETWORK)
        chain_add(ch, 1, "node", name, state_of(e), NULL, "%u of %u %s%s%s%s.", e->paths_active,
                  e->paths_total, kind_parts(e->resource->kind), *ports != '\0' ? ", as " : "",
                  ports, sees(e) ? "" : ", as last known");
    else if (e->sightings == NULL)
        chain_add(ch, 1, "node", name, state_of(e), NULL, "No port of it leads there any more.");
    else if (!sees(e))
        chain_add(ch, 1, "node", name, state_of(e), NULL, "Through %s, as last known.", ports);
    else if (others == 0)
        chain_add(ch, 1, "node", name, state_of(e), NULL,
                  "Through %s; it is the only network that this node sees now.", ports);
    else
        chain_add(ch, 1, "node", name, state_of(e), NULL, "Through %s; it sees %u other network%s.",
                  ports, others, others == 1 ? "" : "s");
}

/* "3 nodes see it now, 2 of them in full; 1 has lost it; of 4 it is not known." */
static void impact_of_resource(struct chain *ch, const struct resource *r, const struct pick *p)
{
    const uint32_t *counts = r->filesystem != NULL ? r->filesystem->counts : r->counts;
    uint32_t full = counts[EDGE_OK], seen = full + counts[EDGE_DEGRADED];
    uint32_t lost = counts[EDGE_LOST];
    uint32_t unknown = counts[EDGE_UNKNOWN] + counts[EDGE_STUCK];
    const char *text =
        seen == 0 ? "No node sees it now"
                  : chain_text(ch, "%u node%s it now", seen, seen == 1 ? " sees" : "s see");

    if (full < seen)
        text = chain_text(ch, "%s, %u of them with all paths", text, full);
    if (lost > 0)
        text = chain_text(ch, "%s; %u %s lost it", text, lost, lost == 1 ? "has" : "have");
    if (unknown > 0)
        text = chain_text(ch, "%s; of %u it is not known", text, unknown);
    if (counts[EDGE_QUARANTINED] > 0)
        text = chain_text(ch, "%s; %u %s not believed", text, counts[EDGE_QUARANTINED],
                          counts[EDGE_QUARANTINED] == 1 ? "is" : "are");
    chain_add(ch, 0, resource_kind_name(r->kind), label_of(ch, r), "info", NULL, "%s.", text);
    for (size_t i = 0; i < p->edge_count; i++)
        impact_on_node(ch, p->edges[i]);
}

/* ---- a node: what it alone sees, or few besides it ------------------------------------------ */

/* How many other nodes see it now. */
static uint32_t others_of(const struct edge *e)
{
    const struct resource *r = e->resource;

    return r->counts[EDGE_OK] + r->counts[EDGE_DEGRADED] - (sees(e) ? 1 : 0);
}

/* The names of these, where they are few. */
static const char *others_text(struct chain *ch, const struct edge *e)
{
    const char *names[FEW] = { NULL };
    uint32_t n = 0;

    for (const struct edge *x = e->resource->edges; x != NULL && n < FEW; x = x->next) {
        if (x->node != e->node && sees(x))
            names[n++] = x->node->row.name;
    }
    if (n == FEW && strcmp(names[0], names[1]) > 0)
        return chain_text(ch, "%s and %s", names[1], names[0]);
    return n == FEW ? chain_text(ch, "%s and %s", names[0], names[1])
                    : chain_text(ch, "%s", n == 1 ? names[0] : "nobody");
}

static void impact_on_network(struct chain *ch, const struct edge *e)
{
    const char *label = label_of(ch, e->resource);
    uint32_t others = others_of(e);

    if (others == 0)
        chain_add(ch, 1, "network", label, state_of(e), NULL, "No other node sees it.");
    else if (others <= FEW)
        chain_add(ch, 1, "network", label, state_of(e), NULL, "Besides it only %s see%s it.",
                  others_text(ch, e), others == 1 ? "s" : "");
    else
        chain_add(ch, 1, "network", label, state_of(e), NULL, "%u other nodes see it.", others);
}

static const char *declared_text(struct chain *ch, uint32_t declared, uint32_t alone)
{
    if (declared == 0)
        return "No declared network is known on it.";
    if (declared == 1)
        return chain_text(ch, "1 declared network is known on it; %s.",
                          alone == 0 ? "other nodes see it too" : "no other node sees it");
    return chain_text(ch, "%u declared networks are known on it; %s.", declared,
                      alone == 0          ? "other nodes see each of them"
                      : alone == declared ? "no other node sees any of them"
                                          : chain_text(ch, "no other node sees %u of them", alone));
}

/* Declared networks, those that fewest others see first; then the ports that nobody can share. */
static void impact_of_node(struct chain *ch, const struct node *n)
{
    static const uint32_t classes[] = { 0, FEW, UINT32_MAX };
    uint32_t declared = 0, alone = 0, ports = 0;

    for (uint32_t i = 0; i < n->edge_count; i++) {
        declared += n->edges[i]->resource->network != NULL;
        ports += n->edges[i]->resource->kind == RESOURCE_NETWORK;
        alone += n->edges[i]->resource->network != NULL && others_of(n->edges[i]) == 0;
    }
    chain_add(ch, 0, "node", chain_text(ch, "%s", n->row.name), "info", NULL, "%s",
              declared_text(ch, declared, alone));
    for (size_t k = 0; k < ARRAY_LEN(classes); k++) {
        for (uint32_t i = 0; i < n->edge_count; i++) {
            const struct edge *e = n->edges[i];
            uint32_t others = e->resource->network != NULL ? others_of(e) : 0;

            if (e->resource->network != NULL && others <= classes[k] &&
                (k == 0 || others > classes[k - 1]))
                impact_on_network(ch, e);
        }
    }
    if (ports > declared)
        chain_add(ch, 1, "port", "unproven", "info", NULL,
                  "%u port%s of it; whether another node is on the same network is not known.",
                  ports - declared, ports - declared == 1 ? "" : "s");
}

/* ---- a node: storage that it alone sees, or few besides it ---------------------------------- */

static uint32_t images_of(const struct resource *r)
{
    return r->seat != NULL ? r->seat->image_count : 0;
}

static void impact_on_storage(struct chain *ch, const struct edge *e)
{
    const char *kind = resource_kind_name(e->resource->kind), *label = label_of(ch, e->resource);
    uint32_t others = others_of(e), n = images_of(e->resource);
    const char *images =
        n == 0 ? "" : chain_text(ch, " %u image%s in it.", n, n == 1 ? " is" : "s are");

    if (others == 0)
        chain_add(ch, 1, kind, label, state_of(e), NULL, "No other node sees it now.%s", images);
    else
        chain_add(ch, 1, kind, label, state_of(e), NULL, "Besides it only %s see%s it now.%s",
                  others_text(ch, e), others == 1 ? "s" : "", images);
}

/* What few others see is told one by one, what many see as a number, and so is what can be no other
 * node's. */
static void impact_of_kind(struct chain *ch, const struct node *n, enum resource_kind kind)
{
    uint32_t own = 0, many = 0;

    for (uint32_t i = 0; i < n->edge_count; i++) {
        const struct edge *e = n->edges[i];

        if (e->resource->kind != kind)
            continue;
        if (e->resource->owner != NULL)
            own++;
        else if (others_of(e) > FEW || chain_full(ch))
            many++;
        else
            impact_on_storage(ch, e);
    }
    if (own > 0)
        chain_add(ch, 1, resource_kind_name(kind), "own", "info", NULL,
                  "%u that can be no other node's.", own);
    if (many > 0)
        chain_add(ch, 1, resource_kind_name(kind), "shared", "info", NULL,
                  "%u more, which other nodes see too.", many);
}

/* ---- what the shell adds from the database -------------------------------------------------- */

static int by_best(const void *a, const void *b)
{
    const struct edge *x = *(const struct edge *const *)a, *y = *(const struct edge *const *)b;

    return x == y ? 0 : edge_is_better(x, y) ? -1 : 1;
}

static int impact_nodes(struct answer *q, const struct pick *p, struct impact_facts *f)
{
    const struct edge **v = arena_array(q->a, p->edge_count, sizeof *v);
    struct impact_node *nodes = arena_array(q->a, IMPACT_NODES_MOST, sizeof *nodes);

    if (v == NULL || nodes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < p->edge_count; i++)
        v[i] = p->edges[i];
    qsort(v, p->edge_count, sizeof(const struct edge *), by_best);
    f->nodes = nodes;
    f->left_out = p->edge_count > IMPACT_NODES_MOST ? p->edge_count - IMPACT_NODES_MOST : 0;
    for (; f->node_count < p->edge_count - f->left_out; f->node_count++) {
        const struct node *n = v[f->node_count]->node;
        const char *name = arena_strdup(q->a, n->row.name);

        if (name == NULL)
            return -ENOMEM;
        nodes[f->node_count] = (struct impact_node){ n->row.no, n->row.id, name };
    }
    return 0;
}

static int image_facts(struct arena *a, const struct resource *fs, struct impact_facts *f)
{
    if (fs == NULL)
        return 0;
    f->filesystem_id = fs->id;
    f->filesystem = arena_strdup(a, fs->key);
    f->filesystem_label = resource_label(a, fs);
    return f->filesystem == NULL || f->filesystem_label == NULL ? -ENOMEM : 0;
}

/* An image's edges are its filesystem's. */
static int take_lent(struct arena *a, struct pick *p)
{
    p->edges = arena_array(a, p->lent_count, sizeof(struct edge *));
    if (p->edges == NULL)
        return -ENOMEM;
    for (p->edge_count = 0; p->edge_count < p->lent_count; p->edge_count++)
        p->edges[p->edge_count] = p->lent[p->edge_count].edge;
    return 0;
}

/* Of a node what it uses; of storage what stands on it. */
static int impact_join(struct answer *q, const struct pick *p, const struct node *n,
                       const struct resource *r)
{
    struct impact_facts *f = arena_zalloc(q->a, sizeof *f);
    struct impact_node *one = arena_zalloc(q->a, sizeof *one);

    if (f == NULL || one == NULL)
        return -ENOMEM;
    if (n == NULL && r->kind == RESOURCE_NETWORK)
        return 0;
    q->out->join.type = JOIN_IMPACT;
    q->out->join.impact = f;
    if (n == NULL) {
        f->kind = (enum resource_kind)r->kind;
        f->id = r->id;
        f->key = arena_strdup(q->a, r->key);
        f->label = resource_label(q->a, r);
        if (f->key == NULL || f->label == NULL || image_facts(q->a, r->filesystem, f) < 0)
            return -ENOMEM;
        return impact_nodes(q, p, f);
    }
    f->kind = RESOURCE_NETWORK;
    *one = (struct impact_node){ n->row.no, n->row.id, arena_strdup(q->a, n->row.name) };
    f->nodes = one;
    f->node_count = 1;
    return one->name == NULL ? -ENOMEM : 0;
}

int op_impact(struct answer *q)
{
    struct chain chain = { .a = q->a };
    struct node *n = NULL;
    struct resource *r = NULL;
    struct chosen ch = { .nodes = &n, .resources = &r };
    struct pick p;
    int rc;

    if ((q->req->node == NULL) == (q->req->resource == NULL))
        return answer_fail(q, REPLY_INVALID,
                           "The request needs a node or a resource, one of them.");
    rc = q->req->node != NULL ? answer_node(q, q->req->node, false, &n)
                              : answer_resource(q, q->req->resource, &r);
    if (rc < 0 || (n == NULL && r == NULL))
        return rc;
    ch.node_count = n != NULL;
    ch.resource_count = r != NULL;
    rc = pick_chosen(&p, q->a, &ch);
    if (rc == 0)
        rc = pick_reply(q, &p);
    if (rc == 0 && r != NULL && r->filesystem != NULL && q->r->code == REPLY_OK)
        rc = take_lent(q->a, &p);
    if (rc < 0 || q->r->code != REPLY_OK)
        return rc;
    if (n != NULL) {
        impact_of_node(&chain, n);
        for (enum resource_kind k = RESOURCE_LUN; k < RESOURCE_KINDS; k++)
            impact_of_kind(&chain, n, k);
    } else {
        impact_of_resource(&chain, r, &p);
    }
    REC_SET(q->r, reply, evidence, ((struct recs){ chain.v, chain.n }));
    return chain.failed ? -ENOMEM : impact_join(q, &p, n, r);
}
