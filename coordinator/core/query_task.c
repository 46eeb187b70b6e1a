/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks: those that run are here, those that are over in the database. */
#include <errno.h>

#include "core/core_internal.h"
#include "core/task_info.h"

enum { TASKS_PER_REPLY = 1000 };

static struct task_sums sums_of(const struct task *t)
{
    struct task_sums sums = { 0 };

    for (uint32_t i = 0; i < t->job_count; i++) {
        task_sums_add(&sums, &t->jobs[i]->row);
        sums.running += t->jobs[i]->now == JOB_RUNS || t->jobs[i]->paid;
        sums.held += t->jobs[i]->now == JOB_HELD;
    }
    return sums;
}

static int info_task(const struct answer *q, const struct task *t, struct task_info *out)
{
    struct task_sums sums = sums_of(t);
    int rc = task_info_fill(q->a, &t->row, &sums, out);

    if (rc == 0 && t->kind == &scan_kind)
        REC_SET(out, task_info, remaining_ms, (int64_t)scan_remaining_ms(q->c, t));
    return rc;
}

int answer_task(struct answer *q, const struct task *t)
{
    struct task_info *v = arena_array(q->a, 1, sizeof *v);

    if (v == NULL || info_task(q, t, v) < 0)
        return -ENOMEM;
    REC_SET(q->r, reply, tasks, ((struct recs){ v, 1 }));
    return 0;
}

/* Oldest first; then, by the shell, those that are over, newest first. */
int op_task_list(struct answer *q)
{
    struct task_info *v = arena_array(q->a, q->c->task_count, sizeof *v);
    uint64_t limit = REC_HAS(q->req, request, limit) ? q->req->limit : TASKS_PER_REPLY;
    size_t n = 0;

    if (v == NULL)
        return -ENOMEM;
    if (limit == 0 || limit > TASKS_PER_REPLY)
        return answer_fail(q, REPLY_INVALID, "The limit is 1 to %d tasks that are over.",
                           TASKS_PER_REPLY);
    for (struct link *l = q->c->tasks.next; l != &q->c->tasks; l = l->next) {
        if (info_task(q, container_of(l, struct task, link), &v[n++]) < 0)
            return -ENOMEM;
    }
    REC_SET(q->r, reply, tasks, ((struct recs){ v, n }));
    if (q->req->flag) {
        q->out->join.type = JOIN_TASKS;
        q->out->join.limit = limit;
    }
    return 0;
}

static const char *now_name(const struct job *j)
{
    static const char *const names[] = {
        [JOB_WAITS] = "waiting", [JOB_OFFERED] = "offered", [JOB_RUNS] = "running",
        [JOB_HELD] = "held",     [JOB_OVER] = "done",
    };

    /* An order to rescan is carried out at once. */
    return j->paid ? names[JOB_RUNS] : names[j->now];
}

static int info_job(const struct answer *q, const struct job *j, struct job_info *out)
{
    static const uuid128 nil;
    const struct node *n = j->node;
    struct job_row row = j->row;

    if (n == NULL && row.node_no != 0)
        n = node_by_no(q->c, row.node_no);
    if (j->held != NULL)
        row.reason = j->held;
    return job_info_fill(q->a, j->task->row.kind, &row, n != NULL ? n->row.id : nil,
                         n != NULL ? n->row.name : NULL, now_name(j), out);
}

/* NULL: the answer says why, or what the shell shall look for. */
static int task_asked(struct answer *q, struct task **out)
{
    *out = NULL;
    if (!REC_HAS(q->req, request, count) || q->req->count == 0)
        return answer_fail(q, REPLY_INVALID, "The request needs the number of a task.");
    if (q->req->count >= q->c->meta.next_task_no)
        return answer_fail(q, REPLY_NOT_FOUND, "There is no task %llu; see: muster task list",
                           (unsigned long long)q->req->count);
    *out = task_by_no(q->c, q->req->count);
    return 0;
}

int op_task_show(struct answer *q)
{
    struct task *t;
    struct job_info *v;
    int rc = task_asked(q, &t);

    if (rc < 0 || q->r->code != REPLY_OK)
        return rc;
    if (t == NULL) {
        q->out->join.type = JOIN_TASK;
        q->out->join.since = q->req->count;
        return 0;
    }
    v = arena_array(q->a, t->job_count, sizeof *v);
    if (v == NULL || answer_task(q, t) < 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < t->job_count; i++) {
        if (info_job(q, t->jobs[i], &v[i]) < 0)
            return -ENOMEM;
    }
    REC_SET(q->r, reply, jobs, ((struct recs){ v, t->job_count }));
    return 0;
}

int op_task_cancel(struct answer *q)
{
    struct task *t;
    int rc = task_asked(q, &t);

    if (rc < 0 || q->r->code != REPLY_OK)
        return rc;
    if (t == NULL)
        return answer_fail(q, REPLY_REFUSED, "Task %llu is over.",
                           (unsigned long long)q->req->count);
    if (t->row.state != TASK_RUNNING)
        return answer_fail(q, REPLY_REFUSED, "Task %u is being undone already.", t->row.no);
    rc = task_cancel(q->s, t);
    return rc < 0 ? rc : answer_task(q, t);
}
