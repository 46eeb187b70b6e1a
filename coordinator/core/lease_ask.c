/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests for leases: for jobs that were offered, and the answers to them. */
#include <errno.h>

#include "core/core_internal.h"
#include "wire/codec.h"

static int job_asked(struct step *s, struct node *n, struct job *j, uint64_t seq, struct lease **l,
                     struct verdict *why)
{
    struct lease_row what = {
        .kind = KIND_LEASE, .request = seq, .task_no = j->row.task_no, .job_no = j->row.no
    };
    struct resource *r = resource_by_id(s->c, j->row.resource);
    int rc;

    *why = (struct verdict){ .way = WAY_UNREACHED, .text = "There is no such filesystem here." };
    *l = NULL;
    rc = r == NULL ? 0 : lease_grant(s, n, r, &what, l, why);
    if (rc < 0)
        return rc;
    return *l != NULL ? job_take(s, j, (*l)->row.token) : job_step(j)->denied(s, j, n, why);
}

static const struct order_key *order_copy(struct step *s, const struct order_key *order)
{
    return record_dup(s->u->arena, &order_key_desc, order);
}

static int deny(struct step *s, const struct envelope *env, const struct node *n, const char *text)
{
    struct denied *body = arena_zalloc(s->u->arena, sizeof *body);
    struct envelope *answer = answer_new(s, n, env->seq);

    if (body == NULL || answer == NULL)
        return -ENOMEM;
    REC_SET(body, denied, order, order_copy(s, env->lease_request->order));
    REC_SET(body, denied, text, text);
    REC_SET(answer, envelope, denied, body);
    return body->order == NULL ? -ENOMEM : 0;
}

int fs_names(struct arena *a, const struct resource *r, struct fs_names *out)
{
    const char *at = strchr(r->key, '@');
    const char *type = r->seat != NULL ? r->seat->type : NULL;
    bool uuid = at != NULL && at != r->key;

    out->container = arena_strdup(a, at != NULL ? at + 1 : r->key);
    out->type = arena_strdup(a, type);
    out->uuid = uuid ? arena_strndup(a, r->key, (size_t)(at - r->key)) : NULL;
    return out->container == NULL || (type != NULL && out->type == NULL) ||
                   (uuid && out->uuid == NULL)
               ? -ENOMEM
               : 0;
}

/* In mode every each node reads it in any case. */
static bool may_skip(const struct coord *c, const struct lease *l)
{
    const struct scan_row *scan = l->resource->seat->scan;
    const struct task *t = task_by_no(c, l->row.task_no);

    return scan != NULL && scan->fingerprint != NULL && (t == NULL || !t->row.every_node);
}

static int granted_names(struct step *s, const struct lease *l, struct granted *body)
{
    const struct resource *r = l->resource;
    struct fs_names names;

    if (fs_names(s->u->arena, r, &names) < 0)
        return -ENOMEM;
    REC_PUT(body, granted, container, names.container);
    REC_PUT(body, granted, type, names.type);
    REC_PUT(body, granted, uuid, names.uuid);
    if (may_skip(s->c, l))
        REC_PUT(body, granted, fingerprint, arena_strdup(s->u->arena, r->seat->scan->fingerprint));
    return 0;
}

static int grant_answer(struct step *s, const struct envelope *env, const struct lease *l,
                        bool own_mount)
{
    struct granted *body = arena_zalloc(s->u->arena, sizeof *body);
    struct envelope *answer = answer_new(s, l->node, env->seq);
    const uint8_t *id = arena_memdup(s->u->arena, l->resource->id.b, 16);

    if (body == NULL || answer == NULL || id == NULL)
        return -ENOMEM;
    REC_SET(body, granted, token, l->row.token);
    REC_SET(body, granted, ttl_ms, l->row.ttl_ms);
    REC_SET(body, granted, order, order_copy(s, env->lease_request->order));
    REC_SET(body, granted, resource, wire_bytes16(id));
    if (own_mount)
        REC_SET(body, granted, own_mount, true);
    REC_SET(answer, envelope, granted, body);
    return body->order == NULL ? -ENOMEM : granted_names(s, l, body);
}

/* The job that it may have; NULL: none that was offered to it. One that asks again for what it has
 * gives up the lease that it was granted for it, since it cannot know of that. */
static struct job *job_for_request(struct step *s, struct node *n, const struct lease_request *in)
{
    struct job *j = job_by_key(s->c, in->order);
    uuid128 id;

    if (j == NULL || j->row.attempt != in->order->attempt || j->node != n ||
        job_step(j)->denied == NULL || !wire_uuid(in->resource, &id) ||
        !uuid_eq(id, j->row.resource))
        return NULL;
    if (j->now == JOB_RUNS)
        j->row.token = 0;
    return j->now == JOB_OFFERED || j->now == JOB_RUNS ? j : NULL;
}

int on_lease_request(struct step *s, const struct envelope *env, struct key *k)
{
    const struct lease_request *in = env->lease_request;
    struct verdict why;
    struct lease *l;
    struct job *j;
    int rc;

    if (s->c->read_only) /* nor is anything on offer */
        return deny(s, env, k->node, "Nothing can be stored just now.");
    j = job_for_request(s, k->node, in);
    rc = rights_told(s, k->node, env->seq, in->rights);
    if (rc == 0)
        rc = live_heard(s, k->node);
    if (rc < 0)
        return rc;
    if (j == NULL || (j->now != JOB_OFFERED && j->now != JOB_RUNS))
        return deny(s, env, k->node, "That is not offered to this node now.");
    rc = job_asked(s, k->node, j, env->seq, &l, &why);
    if (rc < 0)
        return rc;
    return l != NULL ? grant_answer(s, env, l, why.own_mount) : deny(s, env, k->node, why.text);
}
