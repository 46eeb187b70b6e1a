/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases: the only right that ends by time. The table of docs/ARCHITECTURE.md section 5, "Rights
 * and who knows them", is what this file does. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "wire/codec.h"

enum { HISTORY_LOT = 100 }; /* so many over the retention go at once */

/* ---- where they stand ----------------------------------------------------------------------- */

static struct lease *lease_at(const struct link *l)
{
    return container_of(l, struct lease, on_node);
}

struct lease *lease_by_token(const struct coord *c, uint64_t token)
{
    return map_get(c->leases, &token, sizeof token);
}

static struct lease *by_request(const struct node *n, uint64_t request)
{
    for (const struct link *l = n->leases.next; l != &n->leases; l = l->next) {
        struct lease *lease = lease_at(l);

        if (lease->row.kind == KIND_LEASE && lease->row.request == request &&
            uuid_eq(lease->row.boot_id, n->row.boot_id))
            return lease;
    }
    return NULL;
}

/* Into the list by its end, from the back: most have one TTL. */
static void live_insert(struct coord *c, struct lease *l)
{
    struct link *at = c->leases_live.prev;

    while (at != &c->leases_live && container_of(at, struct lease, by_end)->ends.v > l->ends.v)
        at = at->prev;
    link_append(at->next, &l->by_end);
}

static uint64_t ttl_now(const struct coord *c)
{
    return (uint64_t)c->config.lease_ttl_ms;
}

static void live_from_now(struct coord *c, struct lease *l)
{
    l->ends.v = c->now.v + lease_span_ms(GUARD(OWN_TTL, true) ? l->row.ttl_ms : ttl_now(c));
    link_remove(&l->by_end);
    live_insert(c, l);
}

static struct lease *lease_new(struct coord *c, const struct lease_row *row, struct node *n,
                               struct resource *r)
{
    struct lease *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->row = *row;
    l->row.text = NULL;
    link_init(&l->by_end);
    if (text_set(&l->row.text, row->text) < 0 ||
        map_put(c->leases, &l->row.token, sizeof l->row.token, l) < 0) {
        free((void *)(uintptr_t)l->row.text);
        free(l);
        return NULL;
    }
    l->node = n;
    l->resource = r;
    link_append(&n->leases, &l->on_node);
    link_append(&r->seat->leases, &l->on_resource);
    if (l->row.state == LEASE_LIVE)
        live_from_now(c, l);
    return l;
}

static void lease_free(struct lease *l)
{
    free((void *)(uintptr_t)l->row.text);
    free(l);
}

void leases_free_all(struct coord *c)
{
    struct lease *l;
    size_t it = 0;

    while (c->leases != NULL && (l = map_next(c->leases, &it)) != NULL)
        lease_free(l);
    map_free(c->leases);
}

void lease_ttl_load(struct coord *c)
{
    if (c->meta.ttl_ms < ttl_now(c)) {
        c->meta.ttl_ms = ttl_now(c);
        c->meta_changed = true;
    }
    c->lost_until.v =
        c->now.v + lease_span_ms(GUARD(LONGEST_TTL, true) ? c->meta.ttl_ms : ttl_now(c));
}

void lease_ttl_settle(struct coord *c)
{
    if (c->meta.ttl_ms <= ttl_now(c) || c->now.v < c->lost_until.v)
        return;
    for (const struct link *l = c->leases_live.next; l != &c->leases_live; l = l->next) {
        if (container_of(l, struct lease, by_end)->row.ttl_ms > ttl_now(c))
            return;
    }
    c->meta.ttl_ms = ttl_now(c);
    c->meta_changed = true;
}

/* A right that was live when the coordinator ended runs for its whole time again. */
int lease_load(struct coord *c, const struct lease_row *row, struct resource *r)
{
    struct node *n = node_by_no(c, row->node_no);
    struct lease *l;

    if (n == NULL || r == NULL || r->seat == NULL || lease_by_token(c, row->token) != NULL)
        return 0;
    l = lease_new(c, row, n, r);
    if (l == NULL)
        return -ENOMEM;
    if (!GUARD(FULL_TTL, true))
        l->ends.v = c->now.v;
    return 0;
}

static int lease_emit(struct step *s, const struct lease *l)
{
    struct change *ch = emit(s, CHANGE_LEASE);

    if (ch == NULL)
        return -ENOMEM;
    ch->lease = l->row;
    ch->lease.text = arena_strdup(s->u->arena, l->row.text);
    touch_node(s->c, l->node);
    touch_resource(s->c, l->resource);
    return l->row.text != NULL && ch->lease.text == NULL ? -ENOMEM : 0;
}

/* ---- grants --------------------------------------------------------------------------------- */

/* Higher than all before, in this epoch and in those before it. */
static uint64_t token_next(struct coord *c)
{
    uint64_t least = c->meta.epoch << LEASE_EPOCH_SHIFT;

    if (c->meta.token < least)
        c->meta.token = least;
    return ++c->meta.token;
}

int lease_give(struct step *s, struct node *n, struct resource *r, const struct lease_row *what,
               struct lease **out)
{
    bool hold = what->kind != KIND_LEASE;
    struct lease_row row = *what;

    row.token = token_next(s->c);
    row.state = hold ? LEASE_HELD : LEASE_LIVE;
    row.resource_no = r->no;
    row.node_no = n->row.no;
    row.boot_id = n->row.boot_id;
    row.ttl_ms = hold ? 0 : ttl_now(s->c);
    row.granted = s->c->wall;
    *out = lease_new(s->c, &row, n, r);
    return *out == NULL ? -ENOMEM : lease_emit(s, *out);
}

int lease_grant(struct step *s, struct node *n, struct resource *r, const struct lease_row *what,
                struct lease **out, struct verdict *why)
{
    enum want want = what->kind == KIND_HOLD ? WANT_HOLD : WANT_SCAN;
    int rc = conflict(s->c, s->u->arena, r, want, n, why);

    *out = NULL;
    return rc < 0 || why->way != WAY_FREE ? rc : lease_give(s, n, r, what, out);
}

/* What it was granted for is not done by its node. */
static int lease_lost(struct step *s, const struct lease *l, const char *why)
{
    const struct order_key key = { .task = l->row.task_no, .job = l->row.job_no };
    struct job *j = l->row.kind == KIND_LEASE ? job_by_key(s->c, &key) : NULL;

    if (j == NULL || j->now != JOB_RUNS || j->row.token != l->row.token)
        return 0;
    j->row.token = 0; /* a result that comes yet is not the job's, also when it ends now */
    return job_step(j)->unleased(s, j, why);
}

int lease_forget(struct step *s, struct lease *l)
{
    struct change *ch = emit(s, CHANGE_LEASE_DELETE);
    int rc = ch == NULL ? -ENOMEM : lease_lost(s, l, "The database was restored meanwhile.");

    if (rc < 0)
        return rc;
    ch->lease.token = l->row.token;
    map_del(s->c->leases, &l->row.token, sizeof l->row.token);
    l->row.token = token_next(s->c);
    link_remove(&l->on_resource);
    link_append(&l->resource->seat->leases, &l->on_resource);
    if (map_put(s->c->leases, &l->row.token, sizeof l->row.token, l) < 0)
        return -ENOMEM;
    return lease_emit(s, l);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static int history_prune(struct step *s)
{
    struct coord *c = s->c;
    uint64_t keep = c->config.lease_history_rows;
    struct change *ch;

    if (++c->lease_history_count <= keep + HISTORY_LOT)
        return 0;
    ch = emit(s, CHANGE_LEASE_HISTORY_PRUNE);
    if (ch == NULL)
        return -ENOMEM;
    ch->lease_history.token = c->lease_history_count = keep;
    return 0;
}

static int history_add(struct step *s, const struct lease *l, enum lease_ending how)
{
    struct change *ch = emit(s, CHANGE_LEASE_HISTORY);
    struct arena *a = s->u->arena;

    if (ch == NULL)
        return -ENOMEM;
    ch->lease_history = (struct lease_history_row){
        .token = l->row.token,
        .kind = l->row.kind,
        .resource = l->resource->id,
        .resource_kind = (enum resource_kind)l->resource->kind,
        .resource_label = resource_label(a, l->resource),
        .node = l->node->row.id,
        .node_name = arena_strdup(a, l->node->row.name),
        .boot_id = l->row.boot_id,
        .ttl_ms = l->row.ttl_ms,
        .granted = l->row.granted,
        .ended = s->c->wall,
        .ending = how,
        .task_no = l->row.task_no,
        .text = arena_strdup(a, l->row.text),
    };
    if (ch->lease_history.resource_label == NULL || ch->lease_history.node_name == NULL ||
        (l->row.text != NULL && ch->lease_history.text == NULL))
        return -ENOMEM;
    return history_prune(s);
}

/* What the node still reports of the scan is older than the proof that it is over. */
static int uses_over(const struct coord *c, const struct lease *l)
{
    int rc;

    l->node->over[l->node->over_count++ % NODE_OVER] = l->row.token;
    for (struct object *o = graph_walk(c, l->resource, &rc); o != NULL; o = o->next) {
        for (const struct link *at = o->uses.next; at != &o->uses; at = at->next) {
            struct use_at *u = container_of(at, struct use_at, link);

            if (u->node == l->node && use_mark_kind(u->mark) == USE_SCAN &&
                use_mark_token(u->mark) == l->row.token)
                u->over = true;
        }
    }
    return rc;
}

int lease_end(struct step *s, struct lease *l, enum lease_ending how)
{
    struct change *ch = emit(s, CHANGE_LEASE_DELETE);
    struct resource *r = l->resource;
    const struct node *n = l->node;
    int rc;

    if (ch == NULL)
        return -ENOMEM;
    ch->lease.token = l->row.token;
    rc = history_add(s, l, how);
    if (rc < 0)
        return rc;
    touch_node(s->c, l->node);
    touch_resource(s->c, r);
    rc = l->row.kind == KIND_LEASE ? uses_over(s->c, l) : 0;
    if (rc == 0)
        rc = lease_lost(s, l,
                        how == LEASE_FENCED ? "The boot of the node that read it is over."
                                            : "The node that read it gave its lease back.");
    if (rc < 0)
        return rc;
    map_del(s->c->leases, &l->row.token, sizeof l->row.token);
    link_remove(&l->on_node);
    link_remove(&l->on_resource);
    link_remove(&l->by_end);
    lease_free(l);
    scans_wake(s->c, n);
    /* It was kept for its rights alone. */
    return r->edges == NULL && link_empty(&r->seat->leases) ? resource_delete(s, r) : 0;
}

/* Over by time or by the node's own word, and not proven unmounted. */
static int lease_residue(struct step *s, struct lease *l, const char *why)
{
    char label[200];
    int rc;

    l->row.state = LEASE_RESIDUE;
    link_remove(&l->by_end);
    rc = lease_emit(s, l);
    if (rc == 0)
        rc = lease_lost(s, l, "The node that read it has lost its lease.");
    scans_wake(s->c, l->node);
    if (rc == 0)
        rc = event_due_of_node(s, l->node);
    if (rc != 1)
        return rc;
    return event(s, "lease.residue", SEVERITY_WARNING, l->node, l->resource,
                 "The lease of %s for %s (token %llu) is over, and not proven unmounted: %s.",
                 resource_label_in(l->resource, label, sizeof label), l->node->row.name,
                 (unsigned long long)l->row.token, why);
}

int lease_tick(struct step *s)
{
    struct link *head = &s->c->leases_live;

    while (!s->c->read_only && !link_empty(head)) {
        struct lease *l = container_of(head->next, struct lease, by_end);
        int rc;

        if (l->ends.v > s->c->now.v)
            return 0;
        rc = lease_residue(s, l, "the node has not renewed it in time");
        if (rc < 0)
            return rc;
    }
    return 0;
}

mono_ms lease_deadline(const struct coord *c)
{
    return c->read_only || link_empty(&c->leases_live)
               ? MONO_NEVER
               : container_of(c->leases_live.next, struct lease, by_end)->ends;
}

/* ---- what the node says --------------------------------------------------------------------- */

static const struct right *right_of(struct recs rights, uint64_t request)
{
    const struct right *v = rights.v;

    for (size_t i = 0; i < rights.n; i++) {
        if (v[i].request == request)
            return &v[i];
    }
    return NULL;
}

static int right_gone(struct step *s, struct lease *l)
{
    bool expired = l->row.state == LEASE_RESIDUE;
    char label[200];
    int rc = expired ? event_due_of_node(s, l->node) : 0;

    if (rc == 1)
        rc = event(s, "lease.expired", SEVERITY_INFO, l->node, l->resource,
                   "%s has confirmed that %s is unmounted (token %llu).", l->node->row.name,
                   resource_label_in(l->resource, label, sizeof label),
                   (unsigned long long)l->row.token);
    return rc < 0 ? rc : lease_end(s, l, expired ? LEASE_EXPIRED : LEASE_RELEASED);
}

/* In a database that is older than its lease: whatever was granted is over before long, and nothing
 * is taken under a token that nobody knows. *whole false: what it has a right on is not known. */
static int right_found(struct step *s, struct node *n, const struct right *right, bool *whole)
{
    struct lease_row row = { .kind = KIND_LEASE,
                             .state = right->state == RIGHT_HELD ? LEASE_LIVE : LEASE_RESIDUE,
                             .node_no = n->row.no,
                             .boot_id = n->row.boot_id,
                             .request = right->request,
                             .ttl_ms = s->c->meta.ttl_ms,
                             .granted = s->c->wall,
                             .text = "its node has told of it" };
    struct resource *r;
    struct lease *l;
    uuid128 id;

    r = right->state != RIGHT_ASKED && wire_uuid(right->resource, &id) ? resource_by_id(s->c, id)
                                                                       : NULL;
    *whole = *whole && (!GUARD(ASKED_UNKNOWN, true) || (r != NULL && r->seat != NULL));
    if (r == NULL || r->seat == NULL || !GUARD(FOUND_RIGHTS, true))
        return 0;
    do
        row.token = token_next(s->c);
    while (GUARD(FOUND_TOKEN,
                 row.token == right->token)); /* an old database counts up to the lost ones again */
    row.resource_no = r->no;
    l = lease_new(s->c, &row, n, r);
    return l == NULL ? -ENOMEM : lease_emit(s, l);
}

/* A change of a volume group that this database does not know of: what the node may write is known
 * when it tells of it no more. */
static bool is_lost_change(const struct coord *c, const struct node *n, const struct right *right)
{
    const struct lease *l = lease_by_token(c, right->token);

    return l == NULL || (l->row.kind != KIND_CHANGE && l->row.kind != KIND_ACTIVATION) ||
           l->node != n || !uuid_eq(l->row.boot_id, n->row.boot_id);
}

/* While it is not known what the node has, its list says it. */
static int rights_found(struct step *s, struct node *n, struct recs rights)
{
    const struct right *v = rights.v;
    bool whole = true;
    int rc = 0;

    if (n->rights_told && !n->row.rights_unknown)
        return 0;
    for (size_t i = 0; rc == 0 && i < rights.n; i++) {
        if (v[i].state == RIGHT_CHANGE)
            whole = whole && !is_lost_change(s->c, n, &v[i]);
        else if (by_request(n, v[i].request) == NULL)
            rc = right_found(s, n, &v[i], &whole);
    }
    n->list_told = whole;
    return rc < 0 ? rc : rights_known(s, n);
}

int rights_told(struct step *s, struct node *n, uint64_t seq, struct recs rights)
{
    struct link *at = n->leases.next;

    if (s->c->read_only) /* the list comes again, whole */
        return 0;
    while (at != &n->leases) {
        struct lease *l = lease_at(at);
        const struct right *right = right_of(rights, l->row.request);
        int rc = 0;

        at = at->next;
        /* A list from before the request says nothing of it. */
        if (GUARD(HOLD_NOT_LISTED, l->row.kind != KIND_LEASE) ||
            GUARD(LIST_OF_BOOT, !uuid_eq(l->row.boot_id, n->row.boot_id)) ||
            GUARD(LIST_ORDER, l->row.request >= seq))
            continue;
        if (right == NULL)
            rc = right_gone(s, l);
        else if (right->state == RIGHT_RESIDUE && l->row.state == LEASE_LIVE)
            rc = lease_residue(s, l, "the node says so");
        if (rc < 0)
            return rc;
    }
    return rights_found(s, n, rights);
}

/* Only before its end: what has been counted as residue may be another's by now. */
static bool may_renew(const struct coord *c, const struct lease *l, const struct right *right)
{
    return l != NULL && right->state == RIGHT_HELD &&
           !GUARD(RENEW_TOKEN, l->row.token != right->token) &&
           !GUARD(RENEW_LIVE, l->row.state != LEASE_LIVE || l->ends.v <= c->now.v);
}

int lease_renew(struct step *s, struct node *n, struct recs rights, struct recs *renewed)
{
    const struct right *v = rights.v;
    struct right *out = arena_array(s->u->arena, rights.n, sizeof *out);
    size_t count = 0;

    if (out == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < rights.n; i++) {
        struct lease *l = by_request(n, v[i].request);

        if (!may_renew(s->c, l, &v[i]))
            continue;
        live_from_now(s->c, l);
        REC_SET(&out[count], right, request, l->row.request);
        REC_SET(&out[count], right, state, RIGHT_HELD);
        REC_SET(&out[count], right, token, l->row.token);
        count++;
    }
    *renewed = (struct recs){ out, count };
    return 0;
}

int on_lease_renew(struct step *s, const struct envelope *env, struct key *k)
{
    const struct lease_renew *in = env->lease_renew;
    struct renewed *body = arena_zalloc(s->u->arena, sizeof *body);
    struct recs renewed;
    struct envelope *answer;
    int rc = rights_told(s, k->node, env->seq, in->rights);

    if (rc == 0)
        rc = lease_renew(s, k->node, in->rights, &renewed);
    if (rc == 0)
        rc = live_heard(s, k->node);
    if (rc < 0)
        return rc;
    answer = answer_new(s, k->node, env->seq);
    if (answer == NULL || body == NULL)
        return -ENOMEM;
    REC_SET(body, renewed, rights, renewed);
    REC_SET(answer, envelope, renewed, body);
    return 0;
}

/* ---- is it what it should be? --------------------------------------------------------------- */

int leases_check(const struct coord *c, struct err *e)
{
    size_t listed = 0, live = 0, it = 0;
    const struct lease *l;
    mono_ms last = { INT64_MIN };

    for (const struct link *at = c->leases_live.next; at != &c->leases_live; at = at->next) {
        l = container_of(at, struct lease, by_end);
        if (l->ends.v < last.v || l->row.state != LEASE_LIVE)
            return err_set(e, -EINVAL, "the live leases are out of order at token %llu",
                           (unsigned long long)l->row.token);
        last = l->ends;
        listed++;
    }
    while ((l = map_next(c->leases, &it)) != NULL) {
        live += l->row.state == LEASE_LIVE;
        if (l->row.token > c->meta.token || l->row.resource_no != l->resource->no ||
            l->row.node_no != l->node->row.no || resource_by_id(c, l->resource->id) != l->resource)
            return err_set(e, -EINVAL, "token %llu stands where it should not",
                           (unsigned long long)l->row.token);
    }
    return listed == live
               ? 0
               : err_set(e, -EINVAL, "%zu leases are live and %zu are listed", live, listed);
}
