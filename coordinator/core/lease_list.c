/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases and holds as records of a reply: those that live from the core, those that are over from
 * the database. */
#include "core/lease_list.h"

#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum { LIST_DEFAULT = 1000 };

/* As `hold list` names it; a lease's is its own list's. */
static const char *right_name(enum right_kind kind)
{
    static const char *const names[] = { [KIND_LEASE] = "lease",
                                         [KIND_HOLD] = "hold",
                                         [KIND_CHANGE] = "change",
                                         [KIND_ACTIVATION] = "activation" };

    return names[kind];
}

/* ---- one ------------------------------------------------------------------------------------ */

static int ids_fill(struct arena *a, uint64_t token, uuid128 resource, uuid128 node, uuid128 boot,
                    struct lease_info *out)
{
    char text[UUID_TEXT];

    REC_SET(out, lease_info, token, arena_printf(a, "%llu", (unsigned long long)token));
    REC_SET(out, lease_info, resource, arena_strdup(a, uuid_text(resource, text)));
    REC_SET(out, lease_info, node, arena_strdup(a, uuid_text(node, text)));
    REC_SET(out, lease_info, boot_id, arena_strdup(a, uuid_text(boot, text)));
    return out->token == NULL || out->resource == NULL || out->node == NULL || out->boot_id == NULL
               ? -ENOMEM
               : 0;
}

int info_lease(const struct coord *c, struct arena *a, const struct lease *l,
               struct lease_info *out)
{
    static const char *const states[] = {
        [LEASE_LIVE] = "live", [LEASE_RESIDUE] = "residue", [LEASE_HELD] = "held"
    };
    int64_t rest = mono_since(l->ends, c->now);

    if (ids_fill(a, l->row.token, l->resource->id, l->node->row.id, l->row.boot_id, out) < 0)
        return -ENOMEM;
    REC_SET(out, lease_info, kind, resource_kind_name((enum resource_kind)l->resource->kind));
    REC_SET(out, lease_info, label, resource_label(a, l->resource));
    REC_SET(out, lease_info, node_name, arena_strdup(a, l->node->row.name));
    REC_SET(out, lease_info, state, states[l->row.state]);
    REC_SET(out, lease_info, right, right_name(l->row.kind));
    REC_SET(out, lease_info, granted_ms, l->row.granted.v);
    if (l->row.kind == KIND_LEASE)
        REC_SET(out, lease_info, ttl_ms, (int64_t)l->row.ttl_ms);
    if (l->row.state == LEASE_LIVE)
        REC_SET(out, lease_info, remaining_ms, rest > 0 ? rest : 0);
    if (l->row.text != NULL)
        REC_SET(out, lease_info, text, arena_strdup(a, l->row.text));
    if (l->row.task_no != 0)
        REC_SET(out, lease_info, task, l->row.task_no);
    return out->label == NULL || out->node_name == NULL ||
                   (l->row.text != NULL && out->text == NULL)
               ? -ENOMEM
               : 0;
}

int lease_list_info(struct arena *a, const struct lease_history_row *row, struct lease_info *out)
{
    static const char *const ends[] = { [LEASE_RELEASED] = "released",
                                        [LEASE_EXPIRED] = "expired",
                                        [LEASE_FENCED] = "fenced",
                                        [LEASE_BROKEN] = "broken" };
    bool hold = row->kind != KIND_LEASE;

    if (ids_fill(a, row->token, row->resource, row->node, row->boot_id, out) < 0)
        return -ENOMEM;
    REC_SET(out, lease_info, kind, resource_kind_name(row->resource_kind));
    REC_SET(out, lease_info, label, row->resource_label);
    REC_SET(out, lease_info, node_name, row->node_name);
    REC_SET(out, lease_info, state, "over");
    REC_SET(out, lease_info, right, right_name(row->kind));
    REC_SET(out, lease_info, granted_ms, row->granted.v);
    REC_SET(out, lease_info, ended_ms, row->ended.v);
    REC_SET(out, lease_info, end,
            hold && row->ending == LEASE_RELEASED ? "done" : ends[row->ending]);
    if (!hold)
        REC_SET(out, lease_info, ttl_ms, (int64_t)row->ttl_ms);
    if (row->text != NULL)
        REC_SET(out, lease_info, text, row->text);
    if (row->task_no != 0)
        REC_SET(out, lease_info, task, row->task_no);
    return 0;
}

/* ---- all ------------------------------------------------------------------------------------ */

static bool has_id(const uuid128 *v, size_t n, uuid128 id)
{
    for (size_t i = 0; i < n; i++) {
        if (uuid_eq(v[i], id))
            return true;
    }
    return n == 0;
}

static bool wanted(const struct lease_list_facts *f, enum right_kind kind, uuid128 resource,
                   uuid128 node)
{
    return (kind == KIND_LEASE) == (f->kind == KIND_LEASE) &&
           has_id(f->resources, f->resource_count, resource) &&
           has_id(f->nodes, f->node_count, node);
}

bool lease_list_wants(const struct lease_list_facts *f, const struct lease_history_row *row)
{
    return wanted(f, row->kind, row->resource, row->node);
}

static int facts_make(struct answer *q, const struct chosen *ch, struct lease_list_facts *f)
{
    f->kind = q->req->op == OP_HOLD_LIST ? KIND_HOLD : KIND_LEASE;
    f->limit = REC_HAS(q->req, request, limit) && q->req->limit > 0 && q->req->limit < LIST_DEFAULT
                   ? q->req->limit
                   : LIST_DEFAULT;
    f->resources = arena_array(q->a, ch->resource_count, sizeof *f->resources);
    f->nodes = arena_array(q->a, ch->node_count, sizeof *f->nodes);
    if (f->resources == NULL || f->nodes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < ch->resource_count; i++)
        f->resources[f->resource_count++] = ch->resources[i]->id;
    for (size_t i = 0; i < ch->node_count; i++)
        f->nodes[f->node_count++] = ch->nodes[i]->row.id;
    return 0;
}

static int by_token(const void *x, const void *y)
{
    const struct lease *a = *(struct lease *const *)x, *b = *(struct lease *const *)y;

    return a->row.token < b->row.token ? -1 : a->row.token > b->row.token;
}

static int list_live(struct answer *q, const struct lease_list_facts *f)
{
    struct lease **v = arena_array(q->a, map_count(q->c->leases), sizeof(struct lease *)), *l;
    struct lease_info *out;
    size_t n = 0, it = 0;

    if (v == NULL)
        return -ENOMEM;
    while ((l = map_next(q->c->leases, &it)) != NULL) {
        if (wanted(f, l->row.kind, l->resource->id, l->node->row.id))
            v[n++] = l;
    }
    qsort(v, n, sizeof(struct lease *), by_token);
    out = arena_array(q->a, n, sizeof *out);
    if (out == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (info_lease(q->c, q->a, v[i], &out[i]) < 0)
            return -ENOMEM;
    }
    REC_SET(q->r, reply, leases, ((struct recs){ out, n }));
    return 0;
}

int op_lease_list(struct answer *q)
{
    struct lease_list_facts *f = arena_zalloc(q->a, sizeof *f);
    struct chosen ch = { 0 };
    bool good = true;
    int rc = f == NULL ? -ENOMEM : 0;

    if (rc == 0 && q->req->nodes.n > 0)
        rc = choose_nodes(q, &ch, &good);
    if (rc == 0 && good && q->req->resources.n > 0)
        rc = choose_resources(q, &ch, &good);
    if (rc < 0 || !good)
        return rc;
    rc = facts_make(q, &ch, f);
    if (rc == 0)
        rc = list_live(q, f);
    if (rc == 0 && q->req->flag) {
        q->out->join.type = JOIN_LEASES;
        q->out->join.lease_list = f;
    }
    return rc;
}
