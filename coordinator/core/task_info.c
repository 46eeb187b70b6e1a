/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "core/task_info.h"

static const char *const state_names[] = {
    [TASK_RUNNING] = "running",     [TASK_DONE] = "done",       [TASK_FAILED] = "failed",
    [TASK_CANCELLED] = "cancelled", [TASK_FAILING] = "failing", [TASK_CANCELLING] = "cancelling",
};

/* What results of jobs are called; of a kind's step that has no words of its own nothing. */
static const char *result_name(enum task_kind_id kind, const struct job_row *row)
{
    static const char *const read[] = {
        [SCAN_COMPLETE] = "complete", [SCAN_INCOMPLETE] = "incomplete", [SCAN_NOT_READ] = "not_read"
    };
    static const char *const reach[] = { [1] = "proven", [2] = "not_proven" };
    static const char *const rescan[] = { [1] = "done", [2] = "failed" };

    if (kind == TASK_RESCAN)
        return row->result < ARRAY_LEN(rescan) ? rescan[row->result] : NULL;

    if (kind != TASK_SCAN)
        return NULL;
    if (row->step == 0)
        return row->result < ARRAY_LEN(read) ? read[row->result] : NULL;
    return row->result < ARRAY_LEN(reach) ? reach[row->result] : NULL;
}

/* NULL: not a kind, or not a step of one. */
static const char *step_name(enum task_kind_id kind, uint32_t step)
{
    const struct task_kind *k = kind < TASK_KINDS ? task_kinds[kind] : NULL;

    return k != NULL && step < 2 * k->step_count ? k->steps[step % k->step_count].name : NULL;
}

void task_sums_add(struct task_sums *sums, const struct job_row *row)
{
    sums->jobs++;
    sums->done += row->state == JOB_DONE;
    sums->images += row->images;
    sums->mounts += row->mounts;
    sums->skipped += row->unchanged;
}

/* Sets the field unless there is nothing to say; copies. */
#define SET_TEXT(a, rec, TYPE, member, text)                   \
    do {                                                       \
        if ((text) != NULL) {                                  \
            REC_SET(rec, TYPE, member, arena_strdup(a, text)); \
            if ((rec)->member == NULL)                         \
                return -ENOMEM;                                \
        }                                                      \
    } while (0)

int task_info_fill(struct arena *a, const struct task_row *row, const struct task_sums *sums,
                   struct task_info *out)
{
    bool over = row->ended.v != 0;
    const struct task_kind *k = row->kind < TASK_KINDS ? task_kinds[row->kind] : NULL;

    REC_SET(out, task_info, no, row->no);
    SET_TEXT(a, out, task_info, kind, k != NULL ? k->name : NULL);
    SET_TEXT(a, out, task_info, state,
             row->state < ARRAY_LEN(state_names) ? state_names[row->state] : NULL);
    SET_TEXT(a, out, task_info, step, over ? NULL : step_name(row->kind, row->step));
    SET_TEXT(a, out, task_info, text, row->text);
    REC_SET(out, task_info, created_ms, row->created.v);
    if (over)
        REC_SET(out, task_info, ended_ms, row->ended.v);
    REC_SET(out, task_info, jobs, sums->jobs);
    REC_SET(out, task_info, jobs_done, sums->done);
    REC_SET(out, task_info, jobs_running, sums->running);
    REC_SET(out, task_info, jobs_held, sums->held);
    if (row->kind == TASK_SCAN) {
        REC_SET(out, task_info, images, sums->images);
        REC_SET(out, task_info, mounts, sums->mounts);
        REC_SET(out, task_info, skipped, sums->skipped);
    }
    if (row->every_node)
        REC_SET(out, task_info, every_node, true);
    return 0;
}

static int job_outcome(struct arena *a, enum task_kind_id kind, const struct job_row *row,
                       struct job_info *out)
{
    SET_TEXT(a, out, job_info, result, result_name(kind, row));
    SET_TEXT(a, out, job_info, reason, row->reason);
    if (row->token != 0)
        REC_SET(out, job_info, token, arena_printf(a, "%llu", (unsigned long long)row->token));
    if (row->state != JOB_DONE)
        return row->token != 0 && out->token == NULL ? -ENOMEM : 0;
    REC_SET(out, job_info, images, row->images);
    REC_SET(out, job_info, mounts, row->mounts);
    REC_SET(out, job_info, ms, (int64_t)row->ms);
    if (row->unchanged)
        REC_SET(out, job_info, unchanged, true);
    REC_SET(out, job_info, ended_ms, row->ended.v);
    return row->token != 0 && out->token == NULL ? -ENOMEM : 0;
}

int job_info_fill(struct arena *a, enum task_kind_id kind, const struct job_row *row, uuid128 node,
                  const char *node_name, const char *state, struct job_info *out)
{
    char id[UUID_TEXT];

    REC_SET(out, job_info, no, row->no);
    SET_TEXT(a, out, job_info, step, step_name(kind, row->step));
    if (!uuid_is_nil(row->resource))
        SET_TEXT(a, out, job_info, resource, uuid_text(row->resource, id));
    SET_TEXT(a, out, job_info, label, row->resource_label);
    if (!uuid_is_nil(node))
        SET_TEXT(a, out, job_info, node, uuid_text(node, id));
    SET_TEXT(a, out, job_info, node_name, node_name);
    SET_TEXT(a, out, job_info, state, state);
    REC_SET(out, job_info, attempt, row->attempt);
    return job_outcome(a, kind, row, out);
}
