/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nodes say of rescans: that they want one, since their storage has announced a change, and
 * what came of one. What several want within a while is put in one task. */
#include <errno.h>

#include "core/core_internal.h"
#include "model/rescan.h"
#include "wire/codec.h"

enum { BUSY_MS = 1000, ROOM_MS = 30000, JOIN_MS = 60000, JOIN_MOST = 4096, WANTS_MOST = 64 };

static bool is_wanted(const struct link *jobs, const char *what)
{
    for (const struct link *l = jobs->next; l != jobs; l = l->next) {
        const struct job *j = container_of(l, struct job, link);

        if (j->task->kind == &rescan_kind && text_same(j->row.resource_label, what))
            return true;
    }
    return false;
}

/* Those that no open job of the node looks at: one that is ordered and that the node has not begun
 * looks later than this, and one that it has begun it would have told first. */
static int what_is_new(struct step *s, const struct node *n, const struct strs *what,
                       struct strs *out)
{
    const char **v = arena_array(s->u->arena, what->n, sizeof *v);

    *out = (struct strs){ v, 0 };
    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < what->n; i++) {
        bool told = false;

        for (size_t k = 0; k < out->n; k++)
            told |= text_same(v[k], what->v[i]);
        if (!told && !is_wanted(&n->waiting, what->v[i]) && !is_wanted(&n->under_way, what->v[i]))
            v[out->n++] = what->v[i];
    }
    return 0;
}

static struct task *young_task(const struct coord *c)
{
    struct task *t = c->rescans.wanted_no == 0 || c->rescans.wanted_until.v <= c->now.v
                         ? NULL
                         : task_by_no(c, c->rescans.wanted_no);

    return t != NULL && t->row.state == TASK_RUNNING && t->job_count < JOIN_MOST ? t : NULL;
}

static int put_in_task(struct step *s, struct node *n, struct strs what, struct task **t)
{
    struct coord *c = s->c;
    struct rescan_chosen ch = { &n, 1, what };
    int rc = 0;

    *t = young_task(c);
    if (*t != NULL) {
        for (size_t i = 0; rc == 0 && i < what.n; i++)
            rc = rescan_job(s, *t, n, what.v[i]);
        return rc;
    }
    rc = task_new(s, TASK_RESCAN, false, "What the nodes' storage has announced.", &ch, t);
    if (rc < 0)
        return rc;
    c->rescans.wanted_no = (*t)->row.no;
    c->rescans.wanted_until.v = c->now.v + JOIN_MS;
    return 0;
}

static int note(struct step *s, const struct envelope *env, const struct node *n,
                const struct task *t)
{
    struct rescan_noted *body = arena_zalloc(s->u->arena, sizeof *body);
    struct envelope *answer = answer_new(s, n, env->seq);

    if (body == NULL || answer == NULL)
        return -ENOMEM;
    if (t != NULL)
        REC_SET(body, rescan_noted, task, t->row.no);
    REC_SET(answer, envelope, rescan_noted, body);
    return 0;
}

static const char *want_fault(const struct strs *what)
{
    struct rescan_what w;

    if (what->n == 0 || what->n > WANTS_MOST)
        return "A node wants 1 to 64 rescans at one time.";
    for (size_t i = 0; i < what->n; i++) {
        if (!rescan_parse(what->v[i], &w))
            return "A rescan is of no such thing.";
    }
    return NULL;
}

int on_rescan_want(struct step *s, const struct envelope *env, struct key *k)
{
    const char *fault = want_fault(&env->rescan_want->what);
    struct node *n = k->node;
    struct task *t = NULL;
    struct strs what;
    int rc;

    if (fault != NULL)
        return answer_refused(s, REFUSE_MALFORMED, fault, 0);
    if (s->c->read_only)
        return answer_refused(s, REFUSE_BUSY, "The coordinator cannot store just now.", BUSY_MS);
    rc = what_is_new(s, n, &env->rescan_want->what, &what);
    if (rc == 0 && what.n > 0 && (!jobs_room(s->c, what.n) || !tasks_room(s->c)))
        return answer_refused(s, REFUSE_BUSY, "There are as many tasks and jobs as may be.",
                              ROOM_MS);
    if (rc == 0 && what.n > 0)
        rc = put_in_task(s, n, what, &t);
    if (rc == 0)
        rc = live_heard(s, n);
    return rc < 0 ? rc : note(s, env, n, t);
}

/* ---- results -------------------------------------------------------------------------------- */

enum { LISTED = 8 };

/* "2 LUNs added: 6:0:0:3, 6:0:0:4"; NULL: out of memory. */
static const char *luns_text(struct arena *a, const struct strs *luns, const char *what)
{
    const char *s = arena_printf(a, "%zu LUN%s %s: ", luns->n, luns->n == 1 ? "" : "s", what);

    for (size_t i = 0; s != NULL && i < luns->n && i < LISTED; i++)
        s = arena_printf(a, "%s%s%.60s", s, i > 0 ? ", " : "", luns->v[i]);
    return s != NULL && luns->n > LISTED ? arena_printf(a, "%s, ...", s) : s;
}

/* What a result says, in one sentence. NULL: out of memory. */
static const char *result_text(struct arena *a, const struct rescan_result *in)
{
    const char *s = in->done ? "" : in->reason != NULL ? in->reason : "It gives no reason.";

    if (in->added.n > 0) {
        const char *more = luns_text(a, &in->added, "added");

        s = more == NULL ? NULL : arena_printf(a, "%s%s%s.", s, *s != '\0' ? " " : "", more);
    }
    if (s != NULL && in->gone.n > 0) {
        const char *more = luns_text(a, &in->gone, "gone from the target");

        s = more == NULL ? NULL : arena_printf(a, "%s%s%s.", s, *s != '\0' ? " " : "", more);
    }
    if (s != NULL && *s == '\0')
        s = "No LUN is new.";
    return s;
}

/* What an earlier attempt has done after all is done. */
static bool is_due(const struct job *j, const struct node *n, const struct rescan_result *in)
{
    bool newest = j != NULL && j->row.attempt == in->order->attempt;

    return j != NULL && j->task->kind == &rescan_kind && j->row.state != JOB_DONE && j->node == n &&
           in->order->attempt <= j->row.attempt && (newest || in->done);
}

static int take(struct step *s, struct job *j, const struct rescan_result *in)
{
    const char *text = result_text(s->u->arena, in);

    if (text == NULL)
        return -ENOMEM;
    j->row.ms = in->ms;
    if (in->done)
        return job_done(s, j, RESCAN_DONE, text);
    return in->again ? rescan_again(s, j, text, 0) : job_done(s, j, RESCAN_FAILED, text);
}

int on_rescan_result(struct step *s, const struct envelope *env, struct key *k)
{
    const struct rescan_result *in = env->rescan_result;
    struct job *j = job_by_key(s->c, in->order);
    bool due = is_due(j, k->node, in);
    int rc = 0;

    if (s->c->read_only)
        return answer_refused(s, REFUSE_BUSY, "The coordinator cannot store just now.", BUSY_MS);
    if (due)
        rc = take(s, j, in);
    if (rc == 0)
        rc = live_heard(s, k->node);
    return rc < 0 ? rc
                  : result_answer(s, env, k->node, in->order, due,
                                  "That is not asked of this node any more.");
}

int rescan_declined(struct step *s, struct job *j, const char *reason, int64_t retry_ms)
{
    if (reason == NULL)
        reason = "It declines.";
    return retry_ms > 0 ? rescan_again(s, j, reason, retry_ms)
                        : job_done(s, j, RESCAN_FAILED, reason);
}
