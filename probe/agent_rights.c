/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent says of its rights: the list, requests, renewals, results. */
#include "agent_internal.h"
#include "base/guard.h"
#include "base/limits.h"
#include "wire/codec.h"

/* A worker has it; or its result has not been answered, which must find a live lease. */
static bool is_held(const struct scan_slot *s)
{
    return s->state == SLOT_GRANTED || s->state == SLOT_RUNNING || s->state == SLOT_ENDING ||
           s->state == SLOT_DONE;
}

static void add_right(struct right *v, size_t *n, uint64_t request, enum right_state state,
                      uint64_t token, const uuid128 *resource)
{
    struct right *r = &v[(*n)++];

    REC_SET(r, right, request, request);
    REC_SET(r, right, state, state);
    REC_SET(r, right, resource, wire_bytes16(resource->b));
    if (state != RIGHT_ASKED)
        REC_SET(r, right, token, token);
}

static void add_slot(const struct scan_slot *s, bool own, struct right *v, size_t *n)
{
    if (own && s->state == SLOT_DONE && !s->clean)
        add_right(v, n, s->request, RIGHT_RESIDUE, s->token, &s->resource);
    else if (own)
        return;
    else if (GUARD(ASKED_ON_LIST, s->state == SLOT_ASKED))
        add_right(v, n, s->request, RIGHT_ASKED, 0, &s->resource);
    else if (GUARD(HELD_ON_LIST, is_held(s)))
        add_right(v, n, s->request, RIGHT_HELD, s->token, &s->resource);
}

/* One that has begun, for a database that has lost its right. */
static void add_changes(const struct agent *a, struct right *v, size_t *n)
{
    static const uuid128 none;

    for (int i = 0; i < CHANGE_SLOTS; i++) {
        const struct change_slot *s = &a->changes.slots[i];

        if (s->state == CHANGE_WANTED || s->state == CHANGE_RUNS)
            add_right(v, n, 0, RIGHT_CHANGE, s->change->order->token, &none);
    }
}

bool agent_rights(struct agent *a, struct turn *t, const struct scan_slot *own, struct recs *out)
{
    const struct leases *l = &a->leases;
    struct right *v =
        arena_array(t->arena, l->scans + l->residue_count + LIMIT_CHANGES_PER_NODE, sizeof *v);
    size_t n = 0;

    if (v == NULL) {
        t->failed = true;
        return false;
    }
    for (uint32_t i = 0; i < l->scans; i++)
        add_slot(&l->slots[i], &l->slots[i] == own, v, &n);
    for (size_t i = 0; i < GUARD(RESIDUE_ON_LIST, l->residue_count); i++)
        add_right(v, &n, l->residues[i].request, RIGHT_RESIDUE, l->residues[i].token,
                  &l->residues[i].resource);
    add_changes(a, v, &n);
    *out = (struct recs){ .v = v, .n = n };
    return true;
}

/* A request that is repeated is another one: no answer to the earlier counts. */
static void send_request(struct agent *a, struct turn *t, struct scan_slot *s)
{
    struct lease_request *body = arena_zalloc(t->arena, sizeof *body);
    struct recs rights;
    struct envelope *env;

    if (body == NULL || !agent_rights(a, t, s, &rights)) {
        t->failed = true;
        return;
    }
    env = agent_envelope(a, t);
    if (env == NULL)
        return;
    REC_SET(body, lease_request, order, &s->order);
    REC_SET(body, lease_request, resource, wire_bytes16(s->resource.b));
    REC_SET(body, lease_request, rights, rights);
    REC_SET(env, envelope, lease_request, body);
    s->request = env->seq;
    s->asked = t->now;
    s->state = SLOT_ASKED;
}

static bool keeps_alive(const struct scan_slot *s)
{
    return is_held(s) && s->state != SLOT_ENDING;
}

/* INT64_MAX: nothing is held that is to live on. */
static int64_t renew_ms(const struct agent *a)
{
    int64_t ms = INT64_MAX;

    for (uint32_t i = 0; i < a->leases.scans; i++) {
        const struct scan_slot *s = &a->leases.slots[i];

        if (keeps_alive(s) && s->ttl_ms / 3 < ms)
            ms = s->ttl_ms / 3;
    }
    return ms;
}

static void send_renew(struct agent *a, struct turn *t)
{
    struct lease_renew *body = arena_zalloc(t->arena, sizeof *body);
    struct leases *l = &a->leases;
    struct recs rights;
    struct envelope *env;

    if (body == NULL || !agent_rights(a, t, NULL, &rights)) {
        t->failed = true;
        return;
    }
    env = agent_envelope(a, t);
    if (env == NULL)
        return;
    REC_SET(body, lease_renew, rights, rights);
    REC_SET(env, envelope, lease_renew, body);
    l->renewals[l->renewal_count++ % RENEWALS] = (struct renewal){ env->seq, t->now };
    l->renew_at.v = t->now.v + renew_ms(a);
}

static void send_scan(struct agent *a, struct turn *t, struct scan_slot *s)
{
    struct scan_result *body = arena_memdup(t->arena, &s->scan, sizeof s->scan);
    struct recs rights;
    struct envelope *env;

    if (body == NULL || !agent_rights(a, t, s, &rights)) {
        t->failed = true;
        return;
    }
    env = agent_envelope(a, t);
    if (env == NULL)
        return;
    REC_SET(body, scan_result, rights, rights);
    REC_SET(env, envelope, scan_result, body);
    s->told = s->told == 0 ? env->seq : s->told;
    s->last_told = env->seq;
    s->tell_at.v = t->now.v + TELL_BEATS * a->heartbeat_ms;
}

static void send_reach(struct agent *a, struct turn *t, struct scan_slot *s)
{
    struct envelope *env = agent_envelope(a, t);

    if (env == NULL)
        return;
    REC_SET(env, envelope, reach_result, &s->reach);
    s->told = s->told == 0 ? env->seq : s->told;
    s->last_told = env->seq;
    s->tell_at.v = t->now.v + TELL_BEATS * a->heartbeat_ms;
}

void agent_rights_talk(struct agent *a, struct turn *t)
{
    for (uint32_t i = 0; i < 2 * a->leases.scans; i++) {
        struct scan_slot *s = &a->leases.slots[i];

        if (s->state == SLOT_WANTED)
            send_request(a, t, s);
        else if (s->state == SLOT_DONE && t->now.v >= s->tell_at.v)
            (slot_is_scan(a, s) ? send_scan : send_reach)(a, t, s);
    }
    if (renew_ms(a) == INT64_MAX)
        a->leases.renew_at.v = INT64_MAX;
    else if (t->now.v >= a->leases.renew_at.v)
        send_renew(a, t);
}

static mono_ms slot_deadline(const struct agent *a, const struct scan_slot *s)
{
    bool talks = a->state == AGENT_FOLLOWING;

    if (s->state == SLOT_GRANTED || (s->state == SLOT_WANTED && talks))
        return (mono_ms){ 0 }; /* memory was short */
    if (s->state == SLOT_DONE && talks)
        return s->tell_at;
    if (s->state == SLOT_ASKED)
        return (mono_ms){ s->asked.v + AGENT_ASK_MS };
    if (s->state == SLOT_RUNNING && slot_is_scan(a, s))
        return s->deadline;
    return (mono_ms){ INT64_MAX };
}

mono_ms agent_rights_deadline(const struct agent *a)
{
    mono_ms first = { a->state == AGENT_FOLLOWING ? a->leases.renew_at.v : INT64_MAX };

    for (uint32_t i = 0; i < 2 * a->leases.scans; i++) {
        mono_ms at = slot_deadline(a, &a->leases.slots[i]);

        if (at.v < first.v)
            first = at;
    }
    return first;
}
