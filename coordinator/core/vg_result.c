/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nodes answer to the orders of a change of a volume group. */
#include <errno.h>

#include "core/core_internal.h"

enum { BUSY_MS = 1000, TRIES = 5 };

static bool is_ordered_of(const struct job *j, const struct node *n, const struct order_key *key)
{
    return j != NULL && j->task->vg != NULL && j->row.attempt == key->attempt && j->node == n &&
           j->now == JOB_OFFERED;
}

static bool was_done_by(const struct job *j, const struct node *n)
{
    return j != NULL && j->row.state == JOB_DONE && j->row.node_no == n->row.no;
}

/* ---- the change ----------------------------------------------------------------------------- */

static int keep(struct vg_change *v, const char **to, const char *text)
{
    *to = arena_strdup(v->arena, text);
    return (*to != NULL) == (text != NULL) ? 0 : -ENOMEM;
}

/* Nodes tell of it later than of what they were asked. */
static void made_by_us(const struct coord *c, const struct vg_change_row *row)
{
    const struct resource *r = vg_of(c, row);

    if (r == NULL || r->seat == NULL)
        return;
    r->seat->own_seqno = row->seqno;
    r->seat->own_mark = row->mark;
}

static int done(struct step *s, struct job *j, const struct lvm_result *in)
{
    struct task *t = j->task;
    struct vg_change_row *row = &t->vg->row;
    int rc = 0;

    row->done = true;
    row->seqno = in->seqno;
    row->mark = in->mark;
    made_by_us(s->c, row);
    if (row->vg_uuid == NULL)
        rc = keep(t->vg, &row->vg_uuid, in->vg_uuid);
    if (rc == 0 && row->lv_uuid == NULL)
        rc = keep(t->vg, &row->lv_uuid, in->lv_uuid);
    if (rc == 0)
        rc = vg_change_save(s, t);
    return rc < 0 ? rc : job_done(s, j, VG_OUT_DONE, NULL);
}

/* Nothing writes any more: the worker is gone, or never was. */
static int not_done(struct step *s, struct job *j, const char *reason)
{
    int rc = vg_release(s, j->task);

    return rc < 0 ? rc : job_done(s, j, VG_OUT_FAILED, reason);
}

int vg_again(struct step *s, struct job *j, const char *reason)
{
    if (j->begun)
        j->row.result = VG_OUT_UNKNOWN;
    return job_again(s, j, reason);
}

void vg_over(struct step *s, struct job *j)
{
    (void)s;
    if (j->begun && j->row.result != VG_OUT_DONE)
        j->row.result = VG_OUT_UNKNOWN;
}

static int result_take(struct step *s, struct job *j, const struct lvm_result *in)
{
    const char *reason = in->reason != NULL ? in->reason : "The node gives no reason.";

    if (in->outcome == LVM_DONE)
        return done(s, j, in);
    j->begun = in->outcome != LVM_REFUSED; /* which is known of the attempts before it too */
    if (in->outcome == LVM_STARTED)
        return 0;
    return in->outcome == LVM_FAILED && j->row.attempt < LIMIT_JOB_ATTEMPTS
               ? vg_again(s, j, reason)
               : not_done(s, j, reason);
}

/* The right that it was ordered under, and that is not over. */
static bool is_under(const struct coord *c, const struct job *j, const struct node *n,
                     const struct lease *l)
{
    if (l == NULL || l->node != n || !uuid_eq(l->row.boot_id, n->row.boot_id))
        return false;
    return j->task->kind == &activation_kind
               ? l == activation_right(vg_lv_of(c, &j->task->vg->row))
               : l->row.kind == KIND_CHANGE && l->row.task_no == j->row.task_no;
}

int on_lvm_result(struct step *s, const struct envelope *env, struct key *k)
{
    const struct lvm_result *in = env->lvm_result;
    struct node *n = k->node;
    struct job *j = job_by_key(s->c, in->order);
    const struct lease *l = lease_by_token(s->c, in->token);
    bool due = is_ordered_of(j, n, in->order) && is_under(s->c, j, n, l);
    bool was = in->outcome != LVM_STARTED && was_done_by(j, n);
    int rc = 0;

    if (s->c->read_only)
        return answer_refused(s, REFUSE_BUSY, "The coordinator cannot store just now.", BUSY_MS);
    if (in->outcome < LVM_STARTED || in->outcome > LVM_FAILED)
        return answer_refused(s, REFUSE_MALFORMED, "A change has no such outcome.", 0);
    if (due && j->task->kind == &activation_kind)
        rc = activation_result(s, j, in);
    else if (due)
        rc = result_take(s, j, in);
    if (rc == 0)
        rc = live_heard(s, n);
    return rc < 0 ? rc
                  : result_answer(s, env, n, in->order, due || was,
                                  "Its right is over: it is nobody's change any more.");
}

/* ---- who is current ------------------------------------------------------------------------- */

/* What it has said last tells more than that it is silent now, at work on it perhaps. */
int vg_unheard(struct step *s, struct job *j)
{
    const char *said = j->row.reason;

    if (++j->unheard < TRIES || j->row.step == VG_STEP_UNMAP)
        return job_order_again(s, j);
    return job_done(s, j, VG_OUT_FAILED,
                    said != NULL ? said : "It does not answer what it was asked.");
}

/* It is asked again, as if it had not answered, unless that has been often enough. */
static int not_current(struct step *s, struct job *j, const char *reason)
{
    if (reason == NULL)
        reason = "It gives no reason.";
    if (++j->unheard >= TRIES)
        return job_done(s, j, VG_OUT_FAILED, reason);
    if (text_same(j->row.reason, reason))
        return 0;
    return text_set(&j->row.reason, reason) < 0 ? -ENOMEM : job_save(s, j);
}

int on_lvm_refreshed(struct step *s, const struct envelope *env, struct key *k)
{
    const struct lvm_refreshed *in = env->lvm_refreshed;
    struct node *n = k->node;
    struct job *j = job_by_key(s->c, in->order);
    bool due = is_ordered_of(j, n, in->order) && job_step(j)->place == NULL;
    bool was = was_done_by(j, n);
    int rc = 0;

    if (s->c->read_only)
        return answer_refused(s, REFUSE_BUSY, "The coordinator cannot store just now.", BUSY_MS);
    if (due)
        rc = in->current ? job_done(s, j, VG_OUT_DONE, NULL) : not_current(s, j, in->reason);
    if (rc == 0)
        rc = live_heard(s, n);
    return rc < 0 ? rc
                  : result_answer(s, env, n, in->order, due || was,
                                  "That is not asked of this node any more.");
}

/* ---- that it will not ----------------------------------------------------------------------- */

int vg_declined(struct step *s, struct job *j, const char *reason, int64_t retry_ms)
{
    if (retry_ms > 0) /* the order is repeated in any case */
        return 0;
    if (job_step(j)->place == NULL)
        return job_done(s, j, VG_OUT_FAILED, reason);
    return j->row.attempt < LIMIT_JOB_ATTEMPTS ? vg_again(s, j, reason) : not_done(s, j, reason);
}
