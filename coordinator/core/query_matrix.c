/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The matrix at one generation, and what changed after one. */
#include <errno.h>

#include "core/core_internal.h"

/* ---- snapshot ------------------------------------------------------------------------------- */

int choose_nodes(struct answer *q, struct chosen *ch, bool *good)
{
    struct strs names = q->req->nodes;

    ch->nodes = arena_array(q->a, names.n, sizeof(struct node *));
    if (ch->nodes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < names.n; i++) {
        struct node *n;
        size_t k = 0;
        int rc = answer_node(q, names.v[i], false, &n);

        *good = n != NULL;
        if (n == NULL)
            return rc;
        while (k < ch->node_count && ch->nodes[k] != n)
            k++;
        if (k == ch->node_count)
            ch->nodes[ch->node_count++] = n;
    }
    return 0;
}

int choose_resources(struct answer *q, struct chosen *ch, bool *good)
{
    struct strs names = q->req->resources;

    ch->resources = arena_array(q->a, names.n, sizeof(struct resource *));
    if (ch->resources == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < names.n; i++) {
        struct resource *r;
        size_t k = 0;
        int rc = answer_resource(q, names.v[i], &r);

        *good = r != NULL;
        if (r == NULL)
            return rc;
        while (k < ch->resource_count && ch->resources[k] != r)
            k++;
        if (k == ch->resource_count)
            ch->resources[ch->resource_count++] = r;
    }
    return 0;
}

static bool asks_images(const struct answer *q)
{
    return q->req->kind != NULL && resource_kind_by_name(q->req->kind) == RESOURCE_IMAGE;
}

int op_snapshot(struct answer *q)
{
    struct chosen ch = { 0 };
    struct pick p;
    bool good;
    int rc = answer_kind(q, &good);

    if (rc == 0 && good)
        rc = choose_nodes(q, &ch, &good);
    if (rc == 0 && good)
        rc = choose_resources(q, &ch, &good);
    if (rc < 0 || !good)
        return rc;
    if (asks_images(q) && ch.node_count + ch.resource_count > 0)
        rc = images_all(q, &ch.images, &ch.image_count);
    if (rc < 0)
        return rc;
    if (ch.node_count + ch.resource_count > 0)
        rc = pick_chosen(&p, q->a, &ch);
    else
        rc = asks_images(q) ? pick_images(&p, q) : pick_all(&p, q->a, q->c);
    return rc < 0 ? rc : pick_reply(q, &p);
}

/* ---- changes -------------------------------------------------------------------------------- */

static size_t count_since(const struct stamp *head, uint64_t since)
{
    size_t n = 0;

    for (const struct stamp *st = head->prev; st != head && st->gen > since; st = st->prev)
        n++;
    return n;
}

static int pick_since(struct pick *p, struct answer *q, uint64_t since)
{
    struct coord *c = q->c;
    struct stamp *st;

    if (pick_init(p, q->a, count_since(&c->changed_nodes, since),
                  count_since(&c->changed_resources, since),
                  count_since(&c->changed_edges, since)) < 0)
        return -ENOMEM;
    for (st = c->changed_nodes.prev; st != &c->changed_nodes && st->gen > since; st = st->prev)
        p->nodes[p->node_count++] = container_of(st, struct node, stamp);
    for (st = c->changed_resources.prev; st != &c->changed_resources && st->gen > since;
         st = st->prev)
        p->resources[p->resource_count++] = container_of(st, struct resource, stamp);
    for (st = c->changed_edges.prev; st != &c->changed_edges && st->gen > since; st = st->prev)
        p->edges[p->edge_count++] = container_of(st, struct edge, stamp);
    return 0;
}

static const struct tombstone *tombstone_at(const struct coord *c, size_t i)
{
    return &c->tombstones[(c->tombstone_first + i) % c->tombstone_cap];
}

/* The first tombstone that is newer than `since`. */
static size_t tombstone_place(const struct coord *c, uint64_t since)
{
    size_t low = 0, high = c->tombstone_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (tombstone_at(c, mid)->gen <= since)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* What the tombstones say to a client that still has what they stand for. */
struct removals {
    struct strs nodes, resources;
    const char **node_ids, **resource_ids;
};

static int removal_add(struct arena *a, const char **ids, struct strs *list, uuid128 id)
{
    char text[UUID_TEXT];

    ids[list->n] = arena_strdup(a, uuid_text(id, text));
    return ids[list->n++] == NULL ? -ENOMEM : 0;
}

/* An edge of a node or resource that is gone goes with it; one that is there again comes whole. */
static void edge_gone(const struct coord *c, struct pick *p, const struct tombstone *t)
{
    struct node *n = node_by_id(c, t->node);
    struct resource *r = resource_by_id(c, t->resource);

    if (n != NULL && r != NULL && edge_find(n, r) == NULL)
        p->gone[p->gone_count++] = (struct gone){ n, r };
}

static int collect_removals(struct answer *q, uint64_t since, struct pick *p, struct removals *out)
{
    const struct coord *c = q->c;
    size_t first = tombstone_place(c, since), n = c->tombstone_count - first;

    out->node_ids = arena_array(q->a, n, sizeof *out->node_ids);
    out->resource_ids = arena_array(q->a, n, sizeof *out->resource_ids);
    p->gone = arena_array(q->a, n, sizeof *p->gone);
    if (out->node_ids == NULL || out->resource_ids == NULL || p->gone == NULL)
        return -ENOMEM;
    out->nodes.v = out->node_ids;
    out->resources.v = out->resource_ids;
    for (size_t i = first; i < c->tombstone_count; i++) {
        const struct tombstone *t = tombstone_at(c, i);
        int rc = 0;

        if (uuid_is_nil(t->resource))
            rc = removal_add(q->a, out->node_ids, &out->nodes, t->node);
        else if (uuid_is_nil(t->node))
            rc = removal_add(q->a, out->resource_ids, &out->resources, t->resource);
        else
            edge_gone(c, p, t);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int op_changes(struct answer *q)
{
    struct removals gone = { { NULL, 0 }, { NULL, 0 }, NULL, NULL };
    uint64_t since = q->req->since;
    struct pick p;
    bool good;
    int rc = answer_kind(q, &good);

    if (rc < 0 || !good)
        return rc;
    if (!REC_HAS(q->req, request, since))
        return answer_fail(q, REPLY_INVALID,
                           "The request needs the generation since which to tell the changes.");
    if (since < q->c->changes_from || since > q->c->meta.generation)
        return answer_fail(q, REPLY_RESYNC,
                           "Changes since generation %llu are not known here, only those since "
                           "%llu up to %llu; take a snapshot.",
                           (unsigned long long)since, (unsigned long long)q->c->changes_from,
                           (unsigned long long)q->c->meta.generation);
    rc = asks_images(q) ? pick_images_since(&p, q, since) : pick_since(&p, q, since);
    if (rc == 0)
        rc = collect_removals(q, since, &p, &gone);
    if (rc == 0 && asks_images(q))
        rc = pick_images_gone(&p, q->a);
    if (rc < 0)
        return rc;
    if (gone.nodes.n > LIMIT_STRINGS || gone.resources.n > LIMIT_STRINGS)
        return answer_fail(q, REPLY_RESYNC,
                           "More than %u nodes or resources have gone since generation %llu; take "
                           "a snapshot.",
                           LIMIT_STRINGS, (unsigned long long)since);
    rc = pick_reply(q, &p);
    if (rc < 0 || q->r->code != REPLY_OK)
        return rc;
    if (gone.nodes.n > 0)
        REC_SET(q->r, reply, removed_nodes, gone.nodes);
    if (gone.resources.n > 0)
        REC_SET(q->r, reply, removed_resources, gone.resources);
    return 0;
}
