/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind of task that scans: first its filesystems are read, each by one node or by each that
 * sees it; then, where one has read, the others prove that they reach the same. Where nobody is
 * believed to see it, those whose word it is prove it first. */
#include <errno.h>
#include <stdlib.h>

#include "core/scan_internal.h"
#include "wire/codec.h"

enum { REACH_TRIES = 5, STEP_REACH = 1 };

/* ---- step read ------------------------------------------------------------------------------ */

/* What no node sees gets a job of no node, which says so. */
static int make_every(struct step *s, struct task *t, struct resource *r)
{
    struct job *j = NULL;
    int rc = 0;

    for (struct edge *e = r->edges; rc == 0 && e != NULL; e = e->next) {
        if (e->state != EDGE_LOST)
            rc = job_new(s, t, r, e->node, &j);
    }
    return rc == 0 && j == NULL ? job_new(s, t, r, NULL, &j) : rc;
}

static int make_read(struct step *s, struct task *t)
{
    const struct chosen *ch = t->what;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ch->resource_count; i++) {
        struct resource *r = ch->resources[i];
        struct job *j;

        rc = t->row.every_node ? make_every(s, t, r) : job_new(s, t, r, NULL, &j);
    }
    return rc;
}

static int offer_fill(struct step *s, const struct job *j, enum offer_kind kind,
                      struct envelope *env)
{
    const struct resource *r = resource_by_id(s->c, j->row.resource);
    struct offer *o = arena_zalloc(s->u->arena, sizeof *o);
    struct order_key *key = arena_zalloc(s->u->arena, sizeof *key);
    const uint8_t *id = arena_memdup(s->u->arena, j->row.resource.b, 16);
    struct fs_names names = { 0 };
    int rc = o == NULL || key == NULL || id == NULL ? -ENOMEM : 0;

    if (rc == 0 && r != NULL)
        rc = fs_names(s->u->arena, r, &names);
    if (rc < 0)
        return rc;
    REC_SET(key, order_key, task, j->row.task_no);
    REC_SET(key, order_key, job, j->row.no);
    REC_SET(key, order_key, attempt, j->row.attempt);
    REC_SET(o, offer, order, key);
    REC_SET(o, offer, kind, (uint64_t)kind);
    REC_SET(o, offer, resource, wire_bytes16(id));
    REC_PUT(o, offer, container, names.container);
    REC_PUT(o, offer, type, names.type);
    REC_PUT(o, offer, uuid, names.uuid);
    REC_SET(env, envelope, offer, o);
    return 0;
}

static int order_read(struct step *s, struct job *j, struct envelope *env)
{
    return offer_fill(s, j, OFFER_SCAN, env);
}

/* ---- step reach ----------------------------------------------------------------------------- */

/* By a job ahead of the step: those are the last of the first `n` jobs. */
static bool is_asked(const struct task *t, uint32_t n, const struct node *node,
                     const struct resource *r)
{
    while (n > 0 && t->jobs[n - 1]->row.step == STEP_REACH) {
        const struct job_row *row = &t->jobs[--n]->row;

        if (row->node_no == node->row.no && uuid_eq(row->resource, r->id))
            return true;
    }
    return false;
}

int scan_ask_proof(struct step *s, const struct reading *d, struct node *n)
{
    struct task *t = d->task;
    struct job *j;

    if (t->row.state != TASK_RUNNING || t->row.step == STEP_REACH || !may_order(n) ||
        n->row.draining || is_asked(t, t->job_count, n, d->resource) || !jobs_room(s->c, 1))
        return 0;
    return job_new_ahead(s, t, STEP_REACH, d->resource, n, &j);
}

/* Those that say that they reach it now, other than the one that has read it: whose word is not
 * believed may prove it, unless it was asked before anybody could read. Too many jobs are not made.
 */
static int make_reach_of(struct step *s, struct task *t, uint32_t reads, uint32_t reader,
                         struct resource *r)
{
    int rc = 0;

    for (struct edge *e = r->edges; rc == 0 && e != NULL; e = e->next) {
        struct job *j;

        if (e->node->row.no == reader || !may_order(e->node) ||
            (e->shown != EDGE_OK && e->shown != EDGE_DEGRADED && e->shown != EDGE_QUARANTINED) ||
            is_asked(t, reads, e->node, r))
            continue;
        if (jobs_room(s->c, 1))
            rc = job_new(s, t, r, e->node, &j);
        else
            t->row.left_out++;
    }
    return rc;
}

static int make_reach(struct step *s, struct task *t)
{
    uint32_t reads = t->job_count;
    int rc = 0;

    if (t->row.every_node)
        return 0;
    for (uint32_t i = 0; rc == 0 && i < reads; i++) {
        const struct job *j = t->jobs[i];
        struct resource *r = resource_by_id(s->c, j->row.resource);
        bool read = j->row.result == SCAN_COMPLETE || j->row.result == SCAN_INCOMPLETE;

        if (j->row.step == 0 && read && r != NULL)
            rc = make_reach_of(s, t, reads, j->row.node_no, r);
    }
    return rc;
}

static int order_reach(struct step *s, struct job *j, struct envelope *env)
{
    return offer_fill(s, j, OFFER_REACH, env);
}

/* The node has looked since it was asked, or has been started anew, and does not see it. */
static bool is_lost(struct coord *c, const struct job *j)
{
    const struct resource *r = resource_by_id(c, j->row.resource);
    const struct edge *e = r == NULL ? NULL : edge_find(j->node, r);

    return e == NULL || e->state == EDGE_LOST;
}

static int reach_ends_lost(struct step *s, struct job *j)
{
    return job_done(s, j, REACH_NOT_PROVEN, "It does not see it any more.");
}

static int reach_unanswered(struct step *s, struct job *j)
{
    if (is_lost(s->c, j))
        return reach_ends_lost(s, j);
    return ++j->unheard < REACH_TRIES
               ? job_order_again(s, j)
               : job_done(s, j, REACH_NOT_PROVEN, "It does not answer what it was asked.");
}

static int reach_lost(struct step *s, struct job *j, enum job_loss how)
{
    if (how == LOSS_SILENT)
        return job_done(s, j, REACH_NOT_PROVEN, "It was silent when it was asked.");
    if (how == LOSS_OUT)
        return job_done(s, j, REACH_NOT_PROVEN,
                        "It was quarantined, or declared dead, before it had answered.");
    return how == LOSS_BOOT ? job_again(s, j, "The node has been started anew.") : 0;
}

int reach_declined(struct step *s, struct job *j, const char *reason, int64_t retry_ms)
{
    if (is_lost(s->c, j))
        return reach_ends_lost(s, j);
    j->unheard = 0;
    if (j->unheeded_since.v == 0)
        j->unheeded_since = s->c->now;
    /* The order is repeated in any case. */
    return retry_ms > 0 && mono_since(s->c->now, j->unheeded_since) < DEFAULT_HELD_MS
               ? 0
               : job_done(s, j, job_step(j)->failure, reason);
}

/* ---- the kind ------------------------------------------------------------------------------- */

struct outcomes {
    uint32_t of[SCAN_NOT_READ + 1], cancelled, proven, not_proven;
};

static struct outcomes outcomes_of(const struct task *t)
{
    struct outcomes o = { 0 };

    for (uint32_t i = 0; i < t->job_count; i++) {
        const struct job_row *row = &t->jobs[i]->row;

        if (row->step != 0)
            *(row->result == REACH_PROVEN ? &o.proven : &o.not_proven) += 1;
        else if (row->result > SCAN_NOT_READ)
            o.cancelled++;
        else
            o.of[row->result]++;
    }
    o.cancelled += o.of[0];
    return o;
}

static const char *outcome(const struct coord *c, struct arena *a, const struct task *t)
{
    struct outcomes o = outcomes_of(t);
    const char *text =
        arena_printf(a, "%u complete, %u incomplete, %u not read", o.of[SCAN_COMPLETE],
                     o.of[SCAN_INCOMPLETE], o.of[SCAN_NOT_READ]);

    (void)c;
    if (text != NULL && o.cancelled > 0)
        text = arena_printf(a, "%s, %u cancelled", text, o.cancelled);
    if (text != NULL && o.proven + o.not_proven > 0)
        text = arena_printf(a, "%s; reach: %u proven, %u not", text, o.proven, o.not_proven);
    if (text != NULL && t->row.left_out > 0)
        text = arena_printf(a, "%s, %u not asked, since there are too many jobs", text,
                            t->row.left_out);
    return text == NULL ? NULL : arena_printf(a, "%s.", text);
}

static const struct task_step steps[] = {
    { .name = "read",
      .make = make_read,
      .order = order_read,
      .place = scan_place,
      .resumed = scan_resumed,
      .unanswered = scan_unanswered,
      .lost = scan_lost,
      .denied = scan_denied,
      .unleased = scan_again,
      .over = scan_over,
      .failure = SCAN_NOT_READ },
    [STEP_REACH] = { .name = "reach",
                     .make = make_reach,
                     .order = order_reach,
                     .unanswered = reach_unanswered,
                     .lost = reach_lost,
                     .failure = REACH_NOT_PROVEN },
};

const struct task_kind scan_kind = { "scan", steps, ARRAY_LEN(steps), outcome };

/* ---- muster scan ---------------------------------------------------------------------------- */

static bool is_admitted(const struct resource *r)
{
    return r->seat != NULL && r->seat->scan != NULL && r->seat->scan->admitted;
}

static int by_number(const void *a, const void *b)
{
    const struct resource *x = *(struct resource *const *)a, *y = *(struct resource *const *)b;

    return x->no < y->no ? -1 : x->no > y->no;
}

/* Of those that nobody sees any more the name is all that is left. */
static int choose_admitted(struct answer *q, struct chosen *ch)
{
    struct resource *r;
    size_t it = 0, n = 0;

    while ((r = map_next(q->c->resources, &it)) != NULL)
        n += is_admitted(r);
    ch->resources = arena_array(q->a, n, sizeof(struct resource *));
    if (ch->resources == NULL)
        return -ENOMEM;
    it = 0;
    while ((r = map_next(q->c->resources, &it)) != NULL) {
        if (is_admitted(r))
            ch->resources[ch->resource_count++] = r;
    }
    qsort(ch->resources, ch->resource_count, sizeof(struct resource *), by_number);
    return 0;
}

static int scan_room(struct answer *q, const struct chosen *ch, bool *good)
{
    size_t jobs = ch->resource_count;

    for (size_t i = 0; q->req->flag && i < ch->resource_count; i++) {
        for (const struct edge *e = ch->resources[i]->edges; e != NULL; e = e->next)
            jobs++;
    }
    *good = false;
    if (ch->resource_count == 0)
        return answer_fail(q, REPLY_REFUSED,
                           "No filesystem is admitted to scans; the first one is with: muster fs "
                           "admit FS");
    if (!tasks_room(q->c))
        return answer_fail(q, REPLY_REFUSED, "%u tasks run already; end some, or wait.",
                           LIMIT_TASKS);
    if (!jobs_room(q->c, jobs))
        return answer_fail(q, REPLY_REFUSED,
                           "That is %zu readings, and no more than %u jobs of all tasks can be "
                           "open; name fewer filesystems.",
                           jobs, LIMIT_JOBS);
    *good = true;
    return 0;
}

int op_scan(struct answer *q)
{
    struct chosen ch = { 0 };
    struct task *t;
    bool good = true;
    const char *text;
    int rc = q->req->resources.n > 0 ? choose_resources(q, &ch, &good) : choose_admitted(q, &ch);

    if (rc == 0 && good && q->req->resources.n > 0)
        rc = scan_possible(q, &ch, true, &good);
    if (rc == 0 && good)
        rc = scan_room(q, &ch, &good);
    if (rc < 0 || !good)
        return rc;
    text = arena_printf(q->a, "%zu filesystem%s, %s.", ch.resource_count,
                        ch.resource_count == 1 ? "" : "s",
                        q->req->flag ? "each read by each node that sees it" : "each read once");
    rc = text == NULL ? -ENOMEM : task_new(q->s, TASK_SCAN, q->req->flag, text, &ch, &t);
    return rc < 0 ? rc : answer_task(q, t);
}
