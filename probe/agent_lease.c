/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Offers, and the leases that are asked for them (docs/ARCHITECTURE.md section 5). A right is used
 * until a moment that is counted from when exactly the request was sent that was answered, or the
 * renewal; so however late an answer is, it gives no time that the coordinator does not wait. */
#include <errno.h>
#include <stdlib.h>

#include "agent_internal.h"
#include "base/guard.h"
#include "base/limits.h"
#include "base/log.h"
#include "wire/codec.h"

enum {
    DECLINED_MS = DEFAULT_OFFER_MS, /* places come free, and scans end */
    RESIDUE_MS = 10000,             /* it is tried again to prove it unmounted */
    UNSEEN_MS = 30000,              /* until the next inventory */
    REPEATED_MS = 1000,             /* an offer sooner than this is a message that was doubled */
};

int agent_lease_init(struct agent *a)
{
    struct leases *l = &a->leases;
    const struct agent_config *c = &a->config;
    uint32_t scans = c->scans == 0 ? DEFAULT_SCANS_PER_NODE : c->scans;

    if (scans > LIMIT_SCANS_PER_NODE)
        scans = LIMIT_SCANS_PER_NODE;
    l->scans = scans;
    l->slots = calloc(2 * scans, sizeof *l->slots);
    l->residues = calloc(c->residue_count + scans, sizeof *l->residues);
    if (l->slots == NULL || l->residues == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < c->residue_count; i++)
        l->residues[l->residue_count++] = c->residues[i];
    return 0;
}

void agent_lease_deinit(struct agent *a)
{
    for (uint32_t i = 0; a->leases.slots != NULL && i < 2 * a->leases.scans; i++)
        arena_free(a->leases.slots[i].arena);
    free(a->leases.slots);
    free(a->leases.residues);
}

bool slot_is_scan(const struct agent *a, const struct scan_slot *s)
{
    return s < a->leases.slots + a->leases.scans;
}

void slot_free(struct agent *a, struct scan_slot *s)
{
    struct leases *l = &a->leases;

    if (slot_is_scan(a, s) && s->state == SLOT_DONE && !s->clean)
        l->residues[l->residue_count++] =
            (struct agent_residue){ s->request, s->token, s->resource };
    arena_free(s->arena);
    *s = (struct scan_slot){ .state = SLOT_FREE };
}

/* ---- time ---------------------------------------------------------------------------------- */

/* When what was sent then, and was answered with this TTL, may be used no more. */
static mono_ms used_until(mono_ms sent, int64_t ttl_ms)
{
    int64_t error_ms = (ttl_ms + LEASE_CLOCK_ERROR_PER_MS - 1) / LEASE_CLOCK_ERROR_PER_MS;

    return (mono_ms){ sent.v + ttl_ms - GUARD(NODE_MARGIN, error_ms) -
                      GUARD(STOP_BUDGET, LEASE_STOP_BUDGET_MS) };
}

static void tell_to_end(struct scan_slot *s, struct turn *t, const char *why)
{
    struct agent_action *x = turn_action(t, AGENT_KILL_SCAN);

    if (x == NULL)
        return; /* still to be told */
    x->request = s->request;
    s->state = SLOT_ENDING;
    s->why = why;
}

static void slot_time(struct agent *a, struct scan_slot *s, struct turn *t)
{
    if (!slot_is_scan(a, s))
        return;
    if (s->state == SLOT_ASKED && mono_since(t->now, s->asked) >= AGENT_ASK_MS)
        slot_free(a, s);
    else if (s->state == SLOT_GRANTED && GUARD(GRANT_IN_TIME, t->now.v >= s->deadline.v))
        slot_free(a, s); /* nothing has begun */
    else if (s->state == SLOT_RUNNING && t->now.v >= s->deadline.v)
        tell_to_end(s, t, "the lease was not renewed in time");
}

void agent_lease_time(struct agent *a, struct turn *t)
{
    for (uint32_t i = 0; i < 2 * a->leases.scans; i++)
        slot_time(a, &a->leases.slots[i], t);
}

void agent_lease_void(struct agent *a)
{
    for (uint32_t i = 0; i < a->leases.scans; i++) {
        struct scan_slot *s = &a->leases.slots[i];

        if (GUARD(VOIDED, s->state == SLOT_WANTED || s->state == SLOT_ASKED))
            slot_free(a, s);
    }
}

void agent_lease_stop(struct agent *a, struct turn *t)
{
    for (uint32_t i = 0; i < a->leases.scans; i++) {
        if (a->leases.slots[i].state == SLOT_RUNNING)
            tell_to_end(&a->leases.slots[i], t, "the probe ends");
    }
}

/* ---- offers -------------------------------------------------------------------------------- */

static bool same_order(const struct order_key *x, const struct order_key *y)
{
    return x->task == y->task && x->job == y->job && x->attempt == y->attempt;
}

static bool same_text(const char *x, const char *y)
{
    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

/* A row of the inventory is what is offered. */
static bool is_here(const struct agent *a, const struct offer *o)
{
    const struct section *rows = &a->parts[SECTION_FILESYSTEMS].content;

    for (size_t i = 0; i < rows->row_count; i++) {
        const struct filesystem *row = section_row(rows, i);

        if (same_text(row->container, o->container) && same_text(row->uuid, o->uuid))
            return true;
    }
    return false;
}

static void decline(struct agent *a, struct turn *t, const struct offer *o, const char *reason,
                    uint64_t retry_ms)
{
    struct decline *body = arena_zalloc(t->arena, sizeof *body);
    struct envelope *env = body == NULL ? NULL : agent_envelope(a, t);

    if (env == NULL) {
        t->failed = true;
        return; /* the offer comes again */
    }
    REC_SET(body, decline, order, o->order);
    REC_SET(body, decline, reason, reason);
    if (retry_ms > 0)
        REC_SET(body, decline, retry_ms, retry_ms);
    REC_SET(env, envelope, decline, body);
}

/* Offered again: what was said of it last is said again. */
static void offered_again(struct scan_slot *s, struct turn *t)
{
    if (s->state == SLOT_ASKED && mono_since(t->now, s->asked) >= REPEATED_MS)
        s->state = SLOT_WANTED;
    else if (s->state == SLOT_DONE && s->told != 0)
        s->tell_at = t->now;
}

/* Declines if this node has a right on the filesystem: of one that it asked for before, its list
 * could not say which of the two requests it is. */
static bool decline_held(struct agent *a, struct turn *t, const struct offer *o, uuid128 resource)
{
    const struct leases *l = &a->leases;

    for (uint32_t i = 0; i < l->scans; i++) {
        const struct scan_slot *s = &l->slots[i];
        bool asks = s->state == SLOT_WANTED || s->state == SLOT_ASKED;

        if (s->state == SLOT_FREE || !uuid_eq(s->resource, resource))
            continue;
        decline(a, t, o,
                asks                    ? "this node has asked for another lease of it"
                : s->state == SLOT_DONE ? "the result of another scan of it is not answered yet"
                                        : "another scan of it has not ended here",
                DECLINED_MS);
        return true;
    }
    for (size_t i = 0; i < l->residue_count; i++) {
        if (!uuid_eq(l->residues[i].resource, resource))
            continue;
        decline(a, t, o, "what an earlier scan of it has left here is not proven unmounted",
                RESIDUE_MS);
        return true;
    }
    return false;
}

static struct scan_slot *free_slot(struct agent *a, bool scan)
{
    struct scan_slot *from = a->leases.slots + (scan ? 0 : a->leases.scans);

    for (uint32_t i = 0; i < a->leases.scans; i++) {
        if (from[i].state == SLOT_FREE)
            return &from[i];
    }
    return NULL;
}

/* Room for the residue that each scan may become. */
static bool has_room(struct agent *a)
{
    struct leases *l = &a->leases;
    struct agent_residue *v;

    if (l->residue_count + l->scans > LIMIT_RIGHTS - l->scans)
        return false;
    v = realloc(l->residues, (l->residue_count + l->scans) * sizeof *v);
    if (v == NULL)
        return false;
    l->residues = v;
    return true;
}

static void take_up(struct agent *a, struct turn *t, const struct offer *o, uuid128 resource)
{
    bool scan = o->kind == OFFER_SCAN;
    struct scan_slot *s = free_slot(a, scan);

    if (s == NULL) {
        decline(a, t, o, "as many scans run here as may", DECLINED_MS);
        return;
    }
    if (scan && !has_room(a)) {
        decline(a, t, o, "too much is left here that is not proven unmounted", UNSEEN_MS);
        return;
    }
    if (!scan) {
        s->arena = arena_new(0);
        s->offer = s->arena == NULL ? NULL : record_dup(s->arena, &offer_desc, o);
        if (s->offer == NULL) {
            slot_free(a, s);
            t->failed = true;
            return;
        }
    }
    s->order = *o->order;
    s->resource = resource;
    s->state = scan ? SLOT_WANTED : SLOT_GRANTED;
}

static void hear_offer(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct offer *o = env->offer;
    uuid128 resource;

    if (a->state != AGENT_FOLLOWING || !agent_is_followed(a, env->start) ||
        !wire_uuid(o->resource, &resource))
        return;
    for (uint32_t i = 0; i < 2 * a->leases.scans; i++) {
        struct scan_slot *s = &a->leases.slots[i];

        if (s->state != SLOT_FREE && same_order(&s->order, o->order)) {
            offered_again(s, t);
            return;
        }
    }
    if (o->kind != OFFER_SCAN && o->kind != OFFER_REACH)
        decline(a, t, o, "this probe does not know what is offered", 0);
    else if (!is_here(a, o))
        decline(a, t, o, "this node has not found the filesystem when it looked last", UNSEEN_MS);
    else if (o->kind == OFFER_REACH || !decline_held(a, t, o, resource))
        take_up(a, t, o, resource);
}

/* ---- answers ------------------------------------------------------------------------------- */

static struct scan_slot *asked_in(struct agent *a, uint64_t seq)
{
    for (uint32_t i = 0; i < a->leases.scans; i++) {
        struct scan_slot *s = &a->leases.slots[i];

        if (s->state == SLOT_ASKED && !GUARD(NEWEST_REQUEST, s->request != seq))
            return s;
    }
    return NULL;
}

/* Only one that is new enough, and of this start of the coordinator, is a right. */
static const char *unfit(const struct agent *a, const struct scan_slot *s, const struct granted *g,
                         mono_ms now)
{
    uuid128 resource;

    if (!same_order(g->order, &s->order) || !wire_uuid(g->resource, &resource) ||
        !uuid_eq(resource, s->resource))
        return "it is not what was asked for";
    if (GUARD(TOKEN_FLOOR, g->token <= a->leases.token_floor))
        return "its token is not above those of an earlier start of the coordinator";
    if (g->ttl_ms > LIMIT_LEASE_TTL_MS)
        return "its time is longer than a lease may have";
    if (GUARD(GRANT_IN_TIME, now.v >= used_until(s->asked, (int64_t)g->ttl_ms).v))
        return "it came too late";
    return NULL;
}

void agent_saw_token(struct agent *a, uint64_t token)
{
    if (token <= a->memory.token)
        return;
    REC_SET(&a->memory, memory, token, token);
    a->dirty = true;
}

static void hear_granted(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct granted *g = env->granted;
    struct scan_slot *s = asked_in(a, env->correlation);
    const char *why;

    if (s == NULL)
        return;
    why = unfit(a, s, g, t->now);
    if (why == NULL) {
        s->arena = arena_new(0);
        s->grant = s->arena == NULL ? NULL : record_dup(s->arena, &granted_desc, g);
        t->failed |= s->grant == NULL;
    } else {
        agent_complain(a, t, LOG_LEVEL_WARNING, "a lease is not used: %s", why);
    }
    if (s->grant == NULL) {
        slot_free(a, s); /* answered: the next list says that it is over */
        return;
    }
    agent_saw_token(a, g->token);
    s->state = SLOT_GRANTED;
    s->token = g->token;
    s->ttl_ms = (int64_t)g->ttl_ms;
    s->deadline = used_until(GUARD(DEADLINE_FROM_SENDING, true) ? s->asked : t->now, s->ttl_ms);
    s->held_from = a->next_seq;
    if (s->asked.v + s->ttl_ms / 3 < a->leases.renew_at.v)
        a->leases.renew_at.v = s->asked.v + s->ttl_ms / 3;
}

static void hear_denied(struct agent *a, struct turn *t, const struct envelope *env)
{
    struct scan_slot *s = asked_in(a, env->correlation);

    (void)t;
    if (s != NULL)
        slot_free(a, s);
}

/* As a right that lives. */
static bool names(const struct recs *rights, const struct scan_slot *s)
{
    const struct right *v = rights->v;

    for (size_t i = 0; i < rights->n; i++) {
        if (v[i].request == s->request && v[i].token == s->token && v[i].state == RIGHT_HELD)
            return true;
    }
    return false;
}

static void extend(struct scan_slot *s, struct turn *t, mono_ms deadline)
{
    struct agent_action *x;

    if (s->state != SLOT_RUNNING || deadline.v <= s->deadline.v)
        return;
    x = turn_action(t, AGENT_EXTEND_SCAN);
    if (x == NULL)
        return;
    x->request = s->request;
    x->deadline = deadline;
    s->deadline = deadline;
}

static void hear_renewed(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct renewal *r = a->leases.renewals, *end = r + RENEWALS;

    while (r < end && (r->seq == 0 || r->seq != env->correlation))
        r++;
    if (r == end)
        return;
    for (uint32_t i = 0; i < a->leases.scans; i++) {
        struct scan_slot *s = &a->leases.slots[i];

        /* What that message did not name, its answer says nothing of. */
        if (s->state != SLOT_RUNNING || r->seq < s->held_from)
            continue;
        if (names(&env->renewed->rights, s))
            extend(s, t,
                   used_until(GUARD(DEADLINE_FROM_SENDING, true) ? r->sent : t->now, s->ttl_ms));
        else
            tell_to_end(s, t, "the lease was lost");
    }
}

static void hear_result_ack(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct result_ack *ack = env->result_ack;

    agent_change_ack(a, t, env);
    for (uint32_t i = 0; i < 2 * a->leases.scans; i++) {
        struct scan_slot *s = &a->leases.slots[i];

        if (s->state != SLOT_DONE || s->told == 0 || env->correlation < s->told ||
            !same_order(&s->order, ack->order))
            continue;
        if (!ack->taken)
            turn_log(t, LOG_LEVEL_INFO, "a result was not taken: %s",
                     ack->text == NULL ? "the coordinator gave no reason" : ack->text);
        slot_free(a, s);
    }
}

void agent_lease_hear(struct agent *a, struct turn *t, const struct envelope *env)
{
    if (env->offer != NULL) {
        hear_offer(a, t, env);
        return;
    }
    if (env->lvm_order != NULL || env->lvm_refresh != NULL) {
        (env->lvm_order != NULL ? agent_change_hear : agent_refresh_hear)(a, t, env);
        return;
    }
    if (!agent_hears(a, t, env))
        return;
    a->heard = t->now;
    if (env->granted != NULL)
        hear_granted(a, t, env);
    else if (env->denied != NULL)
        hear_denied(a, t, env);
    else if (env->renewed != NULL)
        hear_renewed(a, t, env);
    else if (env->result_ack != NULL)
        hear_result_ack(a, t, env);
}

void agent_lease_refused(struct agent *a, struct turn *t, const struct envelope *env)
{
    struct scan_slot *s = asked_in(a, env->correlation);
    bool wrong =
        env->refused->reason == REFUSE_MALFORMED || env->refused->reason == REFUSE_TOO_LARGE;

    if (s != NULL)
        slot_free(a, s);
    if (wrong)
        agent_change_refused(a, t, env);
    for (uint32_t i = 0; wrong && i < 2 * a->leases.scans; i++) {
        s = &a->leases.slots[i];
        if (s->state == SLOT_DONE && s->told != 0 && s->last_told == env->correlation) {
            turn_log(t, LOG_LEVEL_ERROR, "a result is given up, since it would be refused again");
            slot_free(a, s);
        }
    }
}

/* ---- workers ------------------------------------------------------------------------------- */

void agent_lease_run(struct agent *a, struct turn *t)
{
    for (uint32_t i = 0; i < 2 * a->leases.scans; i++) {
        struct scan_slot *s = &a->leases.slots[i];
        bool scan = slot_is_scan(a, s);
        struct agent_action *x;

        if (s->state != SLOT_GRANTED)
            continue;
        x = turn_action(t, scan ? AGENT_RUN_SCAN : AGENT_RUN_REACH);
        if (x == NULL)
            return; /* still granted */
        x->request = s->request;
        x->deadline = s->deadline;
        x->grant = s->grant;
        x->offer = s->offer;
        s->state = SLOT_RUNNING;
    }
}
