/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader_task.h"

#include <errno.h>

#include "base/limits.h"
#include "core/task_info.h"

/* A task may have ended after the core has filled the reply: it is listed once. */
static bool is_listed(const struct recs *list, uint64_t no)
{
    const struct task_info *v = list->v;

    for (size_t i = 0; i < list->n; i++) {
        if (v[i].no == no)
            return true;
    }
    return false;
}

int reader_tasks(struct store_reader *store, uint64_t limit, struct arena *a, struct reply *reply,
                 struct err *e)
{
    struct task_row *rows;
    struct task_sums *sums;
    struct recs list = reply->tasks;
    size_t count;
    bool more;
    int rc = store_read_tasks(store, 0, limit, a, &rows, &sums, &count, &more, e);
    struct task_info *v = rc == 0 ? arena_array(a, list.n + count, sizeof *v) : NULL;

    if (v == NULL)
        return rc != 0 ? rc : -ENOMEM;
    if (list.n > 0)
        memcpy(v, list.v, list.n * sizeof *v);
    list.v = v;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (!is_listed(&reply->tasks, rows[i].no))
            rc = task_info_fill(a, &rows[i], &sums[i], &v[list.n++]);
    }
    REC_SET(reply, reply, tasks, list);
    if (more)
        REC_SET(reply, reply, more, true);
    return rc;
}

static int jobs_fill(struct store_reader *store, const struct task_row *task, struct arena *a,
                     struct reply *reply, struct err *e)
{
    struct stored_job *jobs;
    struct job_info *v;
    size_t count;
    int rc = store_read_jobs(store, task->no, a, &jobs, &count, e);

    if (rc != 0)
        return rc;
    v = arena_array(a, count, sizeof *v);
    if (v == NULL)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = job_info_fill(a, task->kind, &jobs[i].row, jobs[i].node, jobs[i].node_name, "done",
                           &v[i]);
    REC_SET(reply, reply, jobs, ((struct recs){ v, count }));
    return rc;
}

int reader_task(struct store_reader *store, uint64_t no, struct arena *a, struct reply *reply,
                struct err *e)
{
    struct task_row *row;
    struct task_sums *sums;
    struct task_info *v;
    size_t count;
    bool more;
    int rc = store_read_tasks(store, (uint32_t)no, 1, a, &row, &sums, &count, &more, e);

    if (rc == 0 && count == 0) {
        REC_SET(reply, reply, code, REPLY_NOT_FOUND);
        REC_SET(reply, reply, text,
                arena_printf(a,
                             "Task %llu is long over and no longer kept: task_history in "
                             "coordinator.conf(5) says how many are.",
                             (unsigned long long)no));
        return reply->text == NULL ? -ENOMEM : 0;
    }
    if (rc != 0)
        return rc;
    v = arena_array(a, 1, sizeof *v);
    if (v == NULL || task_info_fill(a, row, sums, v) < 0)
        return -ENOMEM;
    REC_SET(reply, reply, tasks, ((struct recs){ v, 1 }));
    return jobs_fill(store, row, a, reply, e);
}
