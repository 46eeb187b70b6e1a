/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nodes answer to the orders of a scan: results under a lease, proofs of reach without one,
 * and that they will not. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/trust.h"
#include "wire/codec.h"

enum { BUSY_MS = 1000 };

static struct job *job_of(const struct coord *c, const struct order_key *key)
{
    struct job *j = job_by_key(c, key);

    return j != NULL && !GUARD(TOKEN_ON_RESULT, j->row.attempt != key->attempt) ? j : NULL;
}

int result_answer(struct step *s, const struct envelope *env, const struct node *n,
                  const struct order_key *order, bool taken, const char *text)
{
    struct result_ack *body = arena_zalloc(s->u->arena, sizeof *body);
    struct envelope *answer = answer_new(s, n, env->seq);

    if (body == NULL || answer == NULL)
        return -ENOMEM;
    REC_SET(body, result_ack, order, record_dup(s->u->arena, &order_key_desc, order));
    REC_SET(body, result_ack, taken, taken);
    if (!taken)
        REC_SET(body, result_ack, text, text);
    REC_SET(answer, envelope, result_ack, body);
    return body->order == NULL ? -ENOMEM : 0;
}

/* The node has looked afresh at what it says that it sees. */
static int word_judge(struct step *s, struct node *n, const struct resource *r, bool proven,
                      bool mismatch, const char *reason)
{
    struct edge *e = r == NULL ? NULL : edge_find(n, r);

    if (e == NULL)
        return 0;
    if (proven)
        return edge_believe(s, e, "it has looked, and proven it.");
    return mismatch ? edge_distrust(s, n, r, reason) : 0;
}

/* ---- who reaches it -------------------------------------------------------------------------- */

static int reach_note(struct step *s, const struct node *n, const struct resource *r,
                      enum reach_how how, const char *reason)
{
    struct change *ch = r == NULL ? NULL : emit(s, CHANGE_REACH);

    if (r == NULL)
        return 0;
    if (ch == NULL)
        return -ENOMEM;
    ch->reach = (struct reach_row){ .resource_no = r->no,
                                    .node_no = n->row.no,
                                    .how = how,
                                    .boot_id = n->row.boot_id,
                                    .reason = arena_strdup(s->u->arena, reason),
                                    .at = s->c->wall };
    return reason != NULL && ch->reach.reason == NULL ? -ENOMEM : 0;
}

/* Whoever has read it has proven that; so has who found that nothing has changed, which he read
 * nothing more for. Whoever has found something else has not. What else was in the way of a reading
 * says nothing of it. */
static int reach_of_scan(struct step *s, const struct lease *l, const struct scan_result *in)
{
    if (in->outcome != SCAN_NOT_READ)
        return reach_note(s, l->node, l->resource, in->unchanged ? REACHED_PROVEN : REACHED_READ,
                          NULL);
    return in->mismatch ? reach_note(s, l->node, l->resource, REACHED_NOT, in->reason) : 0;
}

/* ---- of a scan ------------------------------------------------------------------------------ */

/* The lease is live, and what it was granted for is what has come. */
static bool is_due(const struct coord *c, const struct node *n, const struct lease *l,
                   const struct job *j, const struct scan_result *in)
{
    bool lives = l != NULL && l->row.state == LEASE_LIVE && l->ends.v > c->now.v;

    if (!GUARD(TOKEN_ON_RESULT, true))
        return lives && j != NULL && j->now == JOB_RUNS;
    return lives && j != NULL && l->row.kind == KIND_LEASE && l->node == n &&
           uuid_eq(l->row.boot_id, n->row.boot_id) && j->now == JOB_RUNS &&
           j->row.token == in->token && l->row.task_no == j->row.task_no &&
           l->row.job_no == j->row.no;
}

/* The acknowledgement was lost. */
static bool was_taken(const struct node *n, const struct job *j, const struct scan_result *in)
{
    return j != NULL && j->row.state == JOB_DONE && j->row.token == in->token &&
           j->row.node_no == n->row.no;
}

/* What was in use by anybody else meanwhile is not complete, whatever its reader saw. */
static int judge(struct step *s, const struct node *n, const struct resource *r,
                 const struct scan_result *in, uint32_t *outcome, const char **reason)
{
    struct verdict v;
    int rc;

    *outcome = (uint32_t)in->outcome;
    *reason = in->outcome == SCAN_COMPLETE ? NULL : in->reason;
    if (in->outcome != SCAN_COMPLETE)
        return 0;
    rc = conflict(s->c, s->u->arena, r, WANT_READ, n, &v);
    if (rc < 0 || v.way == WAY_FREE)
        return rc;
    *outcome = SCAN_INCOMPLETE;
    *reason = arena_printf(s->u->arena, "It was in use while it was read: %s", v.text);
    return *reason == NULL ? -ENOMEM : 0;
}

static int scan_note(struct step *s, const struct lease *l, const struct scan_result *in,
                     uint32_t outcome, const char *reason, uint64_t images)
{
    struct scan_row *row = seat_scan(l->resource->seat);
    int rc = row == NULL || text_set(&row->reason, reason) < 0 ? -ENOMEM : 0;

    if (rc < 0)
        return rc;
    row->outcome = outcome;
    row->at = s->c->wall;
    row->node_no = l->node->row.no;
    row->token = l->row.token;
    row->images = images;
    if (outcome != SCAN_NOT_READ && !in->unchanged) {
        learnt_drop(&s->c->learnt, row->ms);
        learnt_add(&s->c->learnt, in->ms);
        row->ms = in->ms;
    }
    if (outcome == SCAN_COMPLETE) {
        row->complete_at = s->c->wall;
        rc = text_set(&row->fingerprint, in->fingerprint);
    }
    touch_resource(s->c, l->resource);
    return rc < 0 ? rc : emit_scan(s, row);
}

static int scan_event(struct step *s, const struct lease *l, uint32_t outcome, const char *reason)
{
    char label[200];
    int rc = outcome == SCAN_COMPLETE ? 0 : event_due_of_node(s, l->node);

    if (rc != 1)
        return rc;
    return event(s, outcome == SCAN_INCOMPLETE ? "scan.incomplete" : "scan.not-read",
                 SEVERITY_WARNING, l->node, l->resource, "%s has read %s%s: %s", l->node->row.name,
                 resource_label_in(l->resource, label, sizeof label),
                 outcome == SCAN_INCOMPLETE ? " in part" : " not at all",
                 reason != NULL ? reason : "it gives no reason.");
}

static int result_take(struct step *s, const struct lease *l, struct job *j,
                       const struct scan_result *in)
{
    struct scan_row *row = seat_scan(l->resource->seat);
    uint64_t images = row != NULL ? row->images : 0;
    const char *reason;
    uint32_t outcome;
    int rc = row == NULL ? -ENOMEM : judge(s, l->node, l->resource, in, &outcome, &reason);

    if (rc == 0 && outcome != SCAN_NOT_READ && !in->unchanged)
        rc = images_found(s, l->resource, &in->images, outcome == SCAN_COMPLETE, &images);
    if (rc == 0)
        rc = scan_note(s, l, in, outcome, reason, images);
    if (rc == 0)
        rc = reach_of_scan(s, l, in);
    if (rc == 0)
        rc = scan_event(s, l, outcome, reason);
    if (rc == 0)
        rc = word_judge(s, l->node, l->resource, in->outcome != SCAN_NOT_READ, in->mismatch,
                        in->reason);
    if (rc < 0)
        return rc;
    j->row.images = in->unchanged ? images : in->images.n;
    j->row.mounts += in->mounts;
    j->row.ms = in->ms;
    j->row.unchanged = in->unchanged;
    return outcome != SCAN_COMPLETE && in->again && j->row.attempt < LIMIT_JOB_ATTEMPTS
               ? scan_again(s, j, reason)
               : job_done(s, j, outcome, reason);
}

int on_scan_result(struct step *s, const struct envelope *env, struct key *k)
{
    const struct scan_result *in = env->scan_result;
    struct node *n = k->node;
    struct job *j = job_of(s->c, in->order);
    bool by_token = GUARD(TOKEN_ON_RESULT, true) || j == NULL;
    struct lease *l = lease_by_token(s->c, by_token ? in->token : j->row.token);
    bool due = is_due(s->c, n, l, j, in);
    int rc = 0;

    if (s->c->read_only)
        return answer_refused(s, REFUSE_BUSY, "The coordinator cannot store just now.", BUSY_MS);
    if (in->outcome < SCAN_COMPLETE || in->outcome > SCAN_NOT_READ)
        return answer_refused(s, REFUSE_MALFORMED, "A scan has no such outcome.", 0);
    if (due)
        rc = result_take(s, l, j, in);
    /* Judged before the list, which does not name that right any more. */
    due = due || was_taken(n, j, in);
    if (rc == 0)
        rc = rights_told(s, n, env->seq, in->rights);
    if (rc == 0)
        rc = live_heard(s, n);
    return rc < 0 ? rc
                  : result_answer(s, env, n, in->order, due,
                                  "Its lease is over: it is read again under another.");
}

/* ---- of a proof of reach -------------------------------------------------------------------- */

static int reach_take(struct step *s, struct job *j, struct node *n, const struct reach_result *in)
{
    const struct resource *r = resource_by_id(s->c, j->row.resource);
    int rc = reach_note(s, n, r, in->proven ? REACHED_PROVEN : REACHED_NOT,
                        in->proven ? NULL : in->reason);

    if (rc == 0)
        rc = word_judge(s, n, r, in->proven, in->mismatch, in->reason);
    if (rc < 0)
        return rc;
    return !in->proven && in->again ? job_again(s, j, in->reason)
                                    : job_done(s, j, in->proven ? REACH_PROVEN : REACH_NOT_PROVEN,
                                               in->proven ? NULL : in->reason);
}

static bool is_ordered_of(const struct job *j, const struct node *n)
{
    return j != NULL && j->node == n && (j->now == JOB_OFFERED || j->now == JOB_RUNS);
}

int on_reach_result(struct step *s, const struct envelope *env, struct key *k)
{
    const struct reach_result *in = env->reach_result;
    struct job *j = job_of(s->c, in->order);
    bool due =
        is_ordered_of(j, k->node) && job_step(j)->place == NULL && job_step(j)->queue == NULL;
    bool was = j != NULL && j->row.state == JOB_DONE && j->row.node_no == k->node->row.no;
    int rc = 0;

    if (s->c->read_only)
        return answer_refused(s, REFUSE_BUSY, "The coordinator cannot store just now.", BUSY_MS);
    if (due)
        rc = reach_take(s, j, k->node, in);
    if (rc == 0)
        rc = live_heard(s, k->node);
    return rc < 0 ? rc
                  : result_answer(s, env, k->node, in->order, due || was,
                                  "That is not asked of this node any more.");
}

/* ---- that it will not ----------------------------------------------------------------------- */

int on_decline(struct step *s, const struct envelope *env, struct key *k)
{
    const struct decline *in = env->decline;
    struct job *j = job_of(s->c, in->order);
    int rc = live_heard(s, k->node);

    if (rc < 0 || s->c->read_only || j == NULL || j->now != JOB_OFFERED || j->node != k->node)
        return rc;
    if (job_step(j)->declined != NULL)
        return job_step(j)->declined(s, j, in->reason, (int64_t)in->retry_ms);
    if (job_step(j)->place != NULL)
        return scan_declined(s, j, in->reason, (int64_t)in->retry_ms);
    return reach_declined(s, j, in->reason, (int64_t)in->retry_ms);
}
