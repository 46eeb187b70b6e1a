/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filesystems, who sees them, and who uses what they lie in. */
#include <errno.h>

#include "core/core_internal.h"
#include "core/explain_internal.h"
#include "core/fs_list.h"

/* ---- which ---------------------------------------------------------------------------------- */

static int choose_all_nodes(struct answer *q, struct chosen *ch)
{
    ch->nodes = q->c->nodes;
    ch->node_count = q->c->node_count;
    return 0;
}

int choose_all_filesystems(struct answer *q, struct chosen *ch)
{
    struct pick all;
    int rc = pick_init(&all, q->a, 0, map_count(q->c->resources), 0);

    if (rc < 0)
        return rc;
    pick_resources(&all, q->c);
    ch->resources = all.resources;
    for (size_t i = 0; i < all.resource_count; i++) {
        if (all.resources[i]->kind == RESOURCE_FILESYSTEM)
            ch->resources[ch->resource_count++] = all.resources[i];
    }
    return 0;
}

static int check_filesystems(struct answer *q, const struct chosen *ch, bool *good)
{
    for (size_t i = 0; i < ch->resource_count; i++) {
        const struct resource *r = ch->resources[i];

        *good = r->kind == RESOURCE_FILESYSTEM;
        if (!*good)
            return answer_fail(q, REPLY_INVALID,
                               "'%s' is a %s; this lists filesystems: give the label, key or id of "
                               "one.",
                               answer_quote(q, r->key), resource_kind_name(r->kind));
    }
    return 0;
}

/* ---- what the shell needs to find their uses ------------------------------------------------ */

/* Who is asked what it is: who sees it best, else who is silent and saw it. */
static uint32_t teller(const struct resource *r, const struct edge *best)
{
    if (best != NULL)
        return best->node->row.no;
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        if (e->sightings != NULL)
            return e->node->row.no;
    }
    return 0;
}

static int want(struct answer *q, const struct resource *r, bool named, struct fs_wanted *out)
{
    const char *container = key_container(r->key);
    size_t n = container > r->key ? (size_t)(container - r->key) - 1 : 0;
    const struct edge *best = edge_best(r, NULL);

    *out = (struct fs_wanted){
        .container = arena_strdup(q->a, container),
        .uuid = arena_strndup(q->a, r->key, n),
        .index = r->index,
        .no = named ? r->no : 0,
        .owned = r->owner != NULL,
        .owner_no = r->owner != NULL ? r->owner->row.no : 0,
        .seen = best != NULL,
        .node_no = best != NULL ? best->node->row.no : 0,
        .row_no = teller(r, best),
    };
    return out->container != NULL && out->uuid != NULL ? 0 : -ENOMEM;
}

static int gather(struct answer *q, const struct pick *p, struct fs_list_facts *f)
{
    f->fs = arena_array(q->a, p->resource_count, sizeof *f->fs);
    f->nodes = arena_array(q->a, p->node_count, sizeof *f->nodes);
    if (f->fs == NULL || f->nodes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < p->resource_count; i++) {
        if (want(q, p->resources[i], q->req->resources.n > 0, &f->fs[f->fs_count++]) < 0)
            return -ENOMEM;
    }
    for (size_t i = 0; i < p->node_count; i++)
        f->nodes[f->node_count++] = info_fs_node(q->c, p->nodes[i], p->nodes[i]->index);
    return 0;
}

/* Leases and holds of the filesystems: theirs alone, not those of what they lie in. */
static int rights_fill(struct answer *q, const struct pick *p)
{
    struct lease_info *v;
    size_t room = 0, n = 0;

    for (size_t i = 0; i < p->resource_count; i++) {
        const struct link *head = &p->resources[i]->seat->leases;

        for (const struct link *at = head->next; at != head; at = at->next)
            room++;
    }
    v = arena_array(q->a, room, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < p->resource_count; i++) {
        const struct link *head = &p->resources[i]->seat->leases;

        for (const struct link *at = head->next; at != head; at = at->next) {
            const struct lease *l = container_of(at, struct lease, on_resource);

            if (info_lease(q->c, q->a, l, &v[n++]) < 0)
                return -ENOMEM;
        }
    }
    REC_SET(q->r, reply, leases, ((struct recs){ v, n }));
    return 0;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static int answer_list(struct answer *q, const struct chosen *ch)
{
    struct fs_list_facts *f = arena_zalloc(q->a, sizeof *f);
    struct pick p;
    int rc;

    if (f == NULL)
        return -ENOMEM;
    if (ch->resource_count == 0 || ch->node_count == 0) {
        /* Here "none chosen" does not stand for all. */
        rc = pick_init(&p, q->a, ch->node_count, ch->resource_count, 0);
        for (size_t i = 0; rc == 0 && i < ch->node_count; i++)
            p.nodes[p.node_count++] = ch->nodes[i];
    } else {
        rc = pick_chosen(&p, q->a, ch);
    }
    if (rc == 0)
        rc = pick_reply(q, &p);
    if (rc < 0 || q->r->code != REPLY_OK)
        return rc;
    rc = gather(q, &p, f);
    if (rc == 0)
        rc = rights_fill(q, &p);
    if (rc < 0)
        return rc;
    q->out->join.type = JOIN_FS_LIST;
    q->out->join.fs_list = f;
    return 0;
}

int op_fs_list(struct answer *q)
{
    struct chosen ch = { 0 };
    bool good = true;
    int rc = q->req->nodes.n > 0 ? choose_nodes(q, &ch, &good) : choose_all_nodes(q, &ch);

    if (rc == 0 && good)
        rc = q->req->resources.n > 0 ? choose_resources(q, &ch, &good)
                                     : choose_all_filesystems(q, &ch);
    if (rc == 0 && good)
        rc = check_filesystems(q, &ch, &good);
    return rc < 0 || !good ? rc : answer_list(q, &ch);
}
