/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who reads which filesystem next: what the open shop chooses is offered, unless something is in
 * the way; that blocks the reading until it may be over. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/scan_internal.h"
#include "core/trust.h"

enum {
    RETRY_MS = 5000,  /* of what is in the way and was not heard to be over */
    UNHEARD_MOST = 2, /* an offer is made so often to one node */
    UNHEARD_REST_MS = 10000,
    DECLINED_REST_MS = 3000, /* its places may be full, which it says of each one */
    DECLINED_MOST_MS = 60000,
};

/* ---- what is in the way --------------------------------------------------------------------- */

static int hold(struct coord *c, struct job *j, const char *why, bool ends)
{
    return why == NULL ? -ENOMEM : job_hold(c, j, why, ends);
}

/* Nobody is believed to see it, or the node whose job it is is not: a proof ends that. */
static int ask_proofs(struct step *s, const struct reading *d, const struct node *only)
{
    int rc = 0;

    for (const struct edge *e = d->resource->edges; rc == 0 && e != NULL; e = e->next) {
        if (e->shown == EDGE_QUARANTINED && (only == NULL || e->node == only))
            rc = scan_ask_proof(s, d, e->node);
    }
    return rc;
}

/* Nobody reaches it, or the node whose job it is does not. */
static int hold_unreached(struct step *s, struct reading *d, struct job *j)
{
    const struct resource *r = d->resource;
    struct node *n = reading_is_once(d) ? NULL : node_by_no(s->c, j->row.node_no);
    char *label = resource_label(s->u->arena, r);
    struct verdict v = { 0 };
    const struct edge *e;
    int rc = label == NULL ? -ENOMEM : 0;

    if (rc == 0 && d->partial)
        return hold(s->c, j, d->why, false);
    if (rc == 0)
        rc = ask_proofs(s, d, n);
    if (n == NULL && r->edges != NULL && r->edges->next == NULL)
        n = r->edges->node;
    if (rc == 0 && n != NULL)
        rc = conflict(s->c, s->u->arena, r, WANT_SCAN, n, &v);
    if (rc < 0)
        return rc;
    if (v.text != NULL)
        return hold(s->c, j, v.text, false);
    for (e = r->edges; e != NULL && e->shown != EDGE_QUARANTINED; e = e->next)
        ;
    if (n == NULL && e != NULL)
        return hold(
            s->c, j,
            arena_printf(s->u->arena,
                         "%s: no node that is up and does not drain reaches it, and %s is not "
                         "believed to, since it found something else there (%s).",
                         label, e->node->row.name, e->distrust->text),
            false);
    return hold(s->c, j,
                n != NULL && n->row.draining
                    ? arena_printf(s->u->arena, "%s: %s is draining.", label, n->row.name)
                    : arena_printf(s->u->arena,
                                   "%s: no node that is up and does not drain reaches it.", label),
                false);
}

static bool is_idle(const struct job *j)
{
    return j->now == JOB_WAITS || j->now == JOB_HELD;
}

/* In order of time, from the back. `wholly`: for all nodes. */
static void reading_wait(struct coord *c, struct reading *d, bool wholly, int64_t ms)
{
    mono_ms until = { c->now.v + ms };
    struct link *at;

    link_remove(&d->blocked);
    at = c->readings_blocked.prev;
    while (at != &c->readings_blocked &&
           container_of(at, struct reading, blocked)->until.v > until.v)
        at = at->prev;
    link_append(at->next, &d->blocked);
    d->until = until;
    d->wholly = wholly;
    openshop_block_machine(c->shop, d->machine, wholly);
}

/* NULL: nobody in particular. */
static void reading_by(struct coord *c, struct reading *d, const struct node *by)
{
    link_remove(&d->in_way);
    if (by != NULL)
        link_append(&node_by_no(c, by->row.no)->in_way_of, &d->in_way);
}

static int reading_block(struct step *s, struct reading *d, const struct verdict *v)
{
    int rc = 0;

    reading_by(s->c, d, v->node);
    reading_wait(s->c, d, true, RETRY_MS);
    for (struct link *l = d->jobs.next; rc == 0 && l != &d->jobs; l = l->next) {
        if (is_idle(reading_job(l)))
            rc = hold(s->c, reading_job(l), v->text, v->way == WAY_LEASED);
    }
    return rc;
}

/* All that is held is tried again. */
static void reading_try(struct coord *c, struct reading *d)
{
    link_remove(&d->blocked);
    link_remove(&d->in_way);
    free((void *)(uintptr_t)d->why);
    d->why = NULL;
    openshop_block_machine(c->shop, d->machine, false);
    if (d->partial && scan_pairs(c, d) < 0)
        c->shop_failed = true;
    d->partial = false;
    for (struct link *l = d->jobs.next; l != &d->jobs; l = l->next) {
        if (reading_job(l)->now == JOB_HELD)
            job_enqueue(c, reading_job(l));
    }
}

void scans_wake(struct coord *c, const struct node *n)
{
    vgs_wake(c);
    while (n != NULL && !link_empty(&n->in_way_of))
        reading_try(c, container_of(n->in_way_of.next, struct reading, in_way));
    while (n == NULL && !link_empty(&c->readings_blocked))
        reading_try(c, container_of(c->readings_blocked.next, struct reading, blocked));
}

/* All that is not under way ends. */
static int reading_fails(struct step *s, struct reading *d, const char *why)
{
    struct link *at = d->jobs.next;
    bool last = at == &d->jobs;
    int rc = 0;

    while (rc == 0 && !last) {
        struct job *j = reading_job(at);

        at = at->next;
        last = at == &d->jobs; /* with the last job the reading goes */
        if (is_idle(j))
            rc = job_done(s, j, SCAN_NOT_READ, why);
    }
    return rc;
}

static int leave_out(struct coord *c, struct reading *d, const struct node *n, const char *why)
{
    openshop_drop(c->shop, n->server - 1, d->machine);
    d->partial = reading_is_once(d);
    return text_set(&d->why, why);
}

/* Of others the same may be true, or not: the node alone is left out, for so long if there is no
 * other. */
static int node_out(struct step *s, struct job *j, const struct node *n, const struct node *by,
                    const char *why, int64_t ms)
{
    struct reading *d = j->reading;
    int rc = leave_out(s->c, d, n, why);

    if (rc < 0)
        return rc;
    if (!reading_is_once(d) || openshop_machine_pairs(s->c->shop, d->machine) == 0) {
        reading_by(s->c, d, by);
        reading_wait(s->c, d, false, ms);
        return hold(s->c, j, why, false);
    }
    if (j->now != JOB_WAITS)
        job_enqueue(s->c, j);
    return 0;
}

/* This is in the way of what the shop has chosen, or the node has asked for. */
static int stopped(struct step *s, struct job *j, struct node *n, const struct verdict *v)
{
    switch (v->way) {
    case WAY_UNFIT:
    case WAY_OBSERVE:
        return reading_fails(s, j->reading, v->text);
    case WAY_UNREACHED:
    case WAY_ACTIVE:
    case WAY_HELD:
        return node_out(s, j, n, v->node, v->text, RETRY_MS);
    default:
        return reading_block(s, j->reading, v);
    }
}

/* ---- places --------------------------------------------------------------------------------- */

void scan_stop(struct coord *c, struct job *j)
{
    struct node *n;

    if (j->server == 0)
        return;
    n = c->servers[j->server - 1];
    openshop_fail(c->shop, j->server - 1, j->reading->machine);
    j->server = 0;
    j->reading->under_way = NULL;
    if (!scan_reached(n, j->reading->resource))
        openshop_drop(c->shop, n->server - 1, j->reading->machine);
    scans_wake(c, n);
}

/* In mode every each node that sees it has a job, and here there was none. */
static int seen_by_none(struct step *s, struct job *j)
{
    const char *why = arena_printf(s->u->arena, "%s: no node sees it now.", j->row.resource_label);

    return why == NULL ? -ENOMEM : job_done(s, j, SCAN_NOT_READ, why);
}

int scan_place(struct step *s, struct job *j)
{
    struct node *n = NULL;
    struct reading *d;
    int rc;

    scan_stop(s->c, j);
    if (j->task->row.every_node && j->row.node_no == 0)
        return seen_by_none(s, j);
    rc = scan_reading(s->c, j, &d);
    if (rc < 0)
        return rc;
    if (d == NULL)
        return job_done(s, j, SCAN_NOT_READ, "It is gone: no node sees it any more.");
    if (!reading_is_once(d)) {
        n = node_by_no(s->c, j->row.node_no);
        if (n == NULL)
            return job_done(s, j, SCAN_NOT_READ, "The node was forgotten.");
        return scan_reached(n, d->resource) ? scan_pair(s->c, d, n, true) : hold_unreached(s, d, j);
    }
    if (openshop_machine_pairs(s->c->shop, d->machine) > 0)
        return 0;
    if (d->partial && link_empty(&d->blocked)) /* those that are left out are all that is left */
        reading_wait(s->c, d, false, RETRY_MS);
    return hold_unreached(s, d, j);
}

/* Its lease is still there, or it begins anew. */
int scan_resumed(struct step *s, struct job *j)
{
    struct node *n = j->node;
    struct reading *d;
    int rc;

    if (lease_by_token(s->c, j->row.token) == NULL)
        return s->c->read_only ? 0 : job_again(s, j, "Its lease is over.");
    rc = scan_reading(s->c, j, &d);
    if (rc == 0 && d != NULL)
        rc = scan_server(s->c, n);
    if (rc == 0 && d != NULL)
        rc = openshop_add_pair(s->c->shop, n->server - 1, d->machine,
                               scan_estimate(s->c, d->resource));
    if (rc < 0 || d == NULL)
        return rc;
    if (openshop_start(s->c->shop, n->server - 1, d->machine)) {
        j->server = n->server;
        d->under_way = j;
    }
    return 0;
}

int scan_again(struct step *s, struct job *j, const char *reason)
{
    const struct node *n = j->node;
    struct reading *d = j->reading;
    int rc;

    scan_stop(s->c, j);
    rc = job_again(s, j, reason);
    if (rc < 0 || d == NULL || j->now == JOB_OVER || j->reading == NULL)
        return rc;
    if (!reading_is_once(d) ||
        openshop_machine_pairs(s->c->shop, d->machine) <= scan_reached(n, d->resource)) {
        reading_wait(s->c, d, true, RETRY_MS);
        return 0;
    }
    return leave_out(s->c, d, n, reason != NULL ? reason : "It gives no reason.");
}

static void node_rest(struct coord *c, struct node *n, int64_t ms)
{
    mono_ms until = { c->now.v + ms };
    struct link *at;

    link_remove(&n->rests);
    at = c->nodes_resting.prev;
    while (at != &c->nodes_resting && container_of(at, struct node, rests)->rests_until.v > until.v)
        at = at->prev;
    link_append(at->next, &n->rests);
    n->rests_until = until;
    if (n->server != 0)
        openshop_block_server(c->shop, n->server - 1, true);
}

/* Its node does not take it up: another may, or this one after a time. */
static int not_taken_up(struct step *s, struct job *j, const char *reason, int64_t ms)
{
    const struct node *n = j->node;
    const char *why = arena_printf(s->u->arena, "%s does not read it: %s", n->row.name, reason);
    int rc;

    if (why == NULL)
        return -ENOMEM;
    scan_stop(s->c, j);
    rc = job_withdraw(s, j);
    return rc < 0 ? rc : node_out(s, j, n, NULL, why, ms);
}

int scan_declined(struct step *s, struct job *j, const char *reason, int64_t retry_ms)
{
    if (retry_ms > 0)
        node_rest(s->c, j->node, retry_ms < DECLINED_REST_MS ? retry_ms : DECLINED_REST_MS);
    return not_taken_up(s, j, reason != NULL ? reason : "it gives no reason.",
                        retry_ms == 0                 ? RETRY_MS
                        : retry_ms < DECLINED_MOST_MS ? retry_ms
                                                      : DECLINED_MOST_MS);
}

/* It ends some time also when each is as deaf as this one. */
int scan_unanswered(struct step *s, struct job *j)
{
    const char *why;

    if (++j->unheard < UNHEARD_MOST)
        return job_order_again(s, j);
    if (j->unheeded_since.v == 0)
        j->unheeded_since = s->c->now;
    if (mono_since(s->c->now, j->unheeded_since) < DEFAULT_HELD_MS) {
        node_rest(s->c, j->node, UNHEARD_REST_MS);
        return not_taken_up(s, j, "it does not answer offers.", UNHEARD_REST_MS);
    }
    why = arena_printf(s->u->arena, "%s does not answer offers.", j->node->row.name);
    return why == NULL ? -ENOMEM : job_done(s, j, SCAN_NOT_READ, why);
}

int scan_lost(struct step *s, struct job *j, enum job_loss how)
{
    if (j->now == JOB_OFFERED) {
        scan_stop(s->c, j);
        return job_withdraw(s, j);
    }
    return how == LOSS_NODE && j->now == JOB_RUNS ? scan_again(s, j, "The node was forgotten.") : 0;
}

void scan_over(struct step *s, struct job *j)
{
    struct coord *c = s->c;
    struct reading *d = j->reading;
    const struct node *had = j->server != 0 ? c->servers[j->server - 1] : NULL;

    if (d == NULL)
        return;
    if (had != NULL) {
        d->under_way = NULL;
        openshop_finish(c->shop, j->server - 1, d->machine);
    } else if (!reading_is_once(d)) {
        const struct node *n = node_by_no(c, j->row.node_no);

        if (n != NULL && n->server != 0)
            openshop_drop(c->shop, n->server - 1, d->machine);
    }
    j->server = 0;
    j->reading = NULL;
    link_remove(&j->of_reading);
    if (d->by_node != NULL)
        map_del(d->by_node, &j->row.node_no, sizeof j->row.node_no);
    if (link_empty(&d->jobs)) {
        openshop_remove_machine(c->shop, d->machine);
        c->readings[d->machine] = NULL;
        reading_free(d);
    }
    if (had != NULL)
        scans_wake(c, had);
}

/* ---- what changes --------------------------------------------------------------------------- */

int scan_gone(struct step *s, struct resource *r)
{
    int rc = 0;

    while (rc == 0 && r->seat != NULL && !link_empty(&r->seat->readings)) {
        struct reading *d = container_of(r->seat->readings.next, struct reading, of_seat);

        rc = job_done(s, reading_job(d->jobs.next), SCAN_NOT_READ,
                      "It is gone: no node sees it any more.");
    }
    return rc;
}

int scan_denied(struct step *s, struct job *j, struct node *n, const struct verdict *v)
{
    int rc;

    if (j->now == JOB_RUNS)
        return scan_again(s, j, v->text);
    scan_stop(s->c, j);
    rc = job_withdraw(s, j);
    return rc < 0 ? rc : stopped(s, j, n, v);
}

/* ---- dispatch ------------------------------------------------------------------------------- */

/* What another task has offered of this filesystem, which is as good as a lease of it. NULL: none.
 */
static const struct job *offered_of(const struct reading *d)
{
    const struct link *head = &d->resource->seat->readings;

    for (const struct link *l = head->next; l != head; l = l->next) {
        const struct reading *other = container_of(l, struct reading, of_seat);

        if (other != d && other->under_way != NULL && other->under_way->now == JOB_OFFERED)
            return other->under_way;
    }
    return NULL;
}

static int blocked_by_offer(struct step *s, struct reading *d, const struct job *other)
{
    struct verdict v = { .way = WAY_LEASED, .node = other->node };
    char *label = resource_label(s->u->arena, d->resource);

    v.text = label == NULL ? NULL
                           : arena_printf(s->u->arena, "%s: %s is to read it for task %u first.",
                                          label, other->node->row.name, other->row.task_no);
    return v.text == NULL ? -ENOMEM : reading_block(s, d, &v);
}

static int offer_next(struct step *s, const struct openshop_pair *p)
{
    struct reading *d = s->c->readings[p->machine];
    struct node *n = s->c->servers[p->server];
    struct job *j = reading_job_of(d, n);
    const struct node *holder = hold_of(d->resource);
    const struct job *other = offered_of(d);
    struct verdict v;
    int rc;

    assert(j != NULL && j->server == 0);
    if (other != NULL) {
        openshop_fail(s->c->shop, p->server, p->machine);
        return blocked_by_offer(s, d, other);
    }
    rc = conflict(s->c, s->u->arena, d->resource, WANT_SCAN, n, &v);
    if (rc < 0)
        return rc;
    if (v.way == WAY_USED && holder != NULL && holder != n)
        v.way = WAY_HELD; /* the holder scans what it has mounted itself */
    if (v.way == WAY_FREE) {
        j->server = n->server;
        d->under_way = j;
        return job_offer(s, j, n);
    }
    openshop_fail(s->c->shop, p->server, p->machine);
    return stopped(s, j, n, &v);
}

int scans_settle(struct step *s)
{
    struct coord *c = s->c;
    struct openshop_pair p;
    int rc = c->shop_failed ? -ENOMEM : 0;

    while (rc == 0 && openshop_next(c->shop, &p))
        rc = offer_next(s, &p);
    return rc;
}

/* ---- time ----------------------------------------------------------------------------------- */

static struct reading *blocked_first(const struct coord *c)
{
    return link_empty(&c->readings_blocked)
               ? NULL
               : container_of(c->readings_blocked.next, struct reading, blocked);
}

static struct node *resting_first(const struct coord *c)
{
    return link_empty(&c->nodes_resting) ? NULL
                                         : container_of(c->nodes_resting.next, struct node, rests);
}

static struct job *held_first(const struct coord *c)
{
    return link_empty(&c->jobs_held) ? NULL : container_of(c->jobs_held.next, struct job, offer);
}

int scans_tick(struct step *s)
{
    struct coord *c = s->c;
    struct reading *d;
    struct node *n;
    struct job *j;
    int rc = 0;

    if (c->read_only)
        return 0;
    while ((n = resting_first(c)) != NULL && n->rests_until.v <= c->now.v) {
        link_remove(&n->rests);
        n->rests_until.v = 0;
        if (n->server != 0)
            openshop_block_server(c->shop, n->server - 1, false);
    }
    while (rc == 0 && (j = held_first(c)) != NULL && j->due.v <= c->now.v) {
        const char *why = arena_strdup(s->u->arena, j->held);

        rc = why == NULL ? -ENOMEM : job_done(s, j, job_step(j)->failure, why);
    }
    while (rc == 0 && (d = blocked_first(c)) != NULL && d->until.v <= c->now.v)
        reading_try(c, d);
    return rc;
}

mono_ms scans_deadline(const struct coord *c)
{
    const struct reading *d = blocked_first(c);
    const struct node *n = resting_first(c);
    const struct job *j = held_first(c);
    mono_ms first = d != NULL ? d->until : MONO_NEVER;

    if (c->read_only)
        return MONO_NEVER;
    if (n != NULL && n->rests_until.v < first.v)
        first = n->rests_until;
    if (j != NULL && j->due.v < first.v)
        first = j->due;
    return first;
}
