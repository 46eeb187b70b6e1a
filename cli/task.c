/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks: what is under way, and what has been. */
#include "scan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

static enum paint paint_of_task(const struct task_info *k)
{
    const char *s = k->state != NULL ? k->state : "";

    if (strcmp(s, "failed") == 0)
        return PAINT_BAD;
    if (strcmp(s, "cancelled") == 0)
        return PAINT_WARN;
    return strcmp(s, "running") == 0 ? PAINT_GOOD : PAINT_NONE;
}

static bool runs(const struct task_info *k)
{
    return k->state == NULL || strcmp(k->state, "running") == 0;
}

/* ---- list ----------------------------------------------------------------------------------- */

struct list {
    const struct reply *reply;
    bool all;
};

static int by_no(const void *a, const void *b)
{
    const struct task_info *x = *(const struct task_info *const *)a;
    const struct task_info *y = *(const struct task_info *const *)b;

    return x->no < y->no ? -1 : x->no > y->no;
}

static const struct task_info **ordered(struct arena *a, const struct reply *r)
{
    const struct task_info *k = r->tasks.v;
    const struct task_info **v = arena_array(a, r->tasks.n + 1, sizeof *v);

    for (size_t i = 0; v != NULL && i < r->tasks.n; i++)
        v[i] = &k[i];
    if (v != NULL)
        qsort(v, r->tasks.n, sizeof *v, by_no);
    return v;
}

static void row(struct text *t, struct table *b, const struct task_info *k)
{
    char time[LOCAL_TIME_TEXT];

    table_cell(b, text_format(t, "%" PRIu64, k->no), PAINT_NONE);
    table_cell(b, k->kind, PAINT_NONE);
    table_cell(b, k->state, paint_of_task(k));
    table_cell(b, text_format(t, "%" PRIu64 "/%" PRIu64, k->jobs_done, k->jobs), PAINT_NONE);
    table_cell(b, k->jobs_held > 0 ? text_format(t, "%" PRIu64, k->jobs_held) : NULL, PAINT_WARN);
    table_cell(
        b,
        text_format(t, "%s%s%s",
                    REC_HAS(k, task_info, created_ms) ? local_time(k->created_ms, time) : "-",
                    k->text != NULL ? "; " : "", k->text != NULL ? k->text : ""),
        PAINT_NONE);
}

static void list_text(struct text *t, const void *data)
{
    static const struct column columns[] = {
        { "TASK", COLUMN_RIGHT }, { "KIND", 0 },
        { "STATE", 0 },           { "DONE", COLUMN_RIGHT },
        { "HELD", COLUMN_RIGHT }, { "BEGUN", COLUMN_WRAP },
    };
    const struct list *l = data;
    const struct task_info **v = ordered(t->arena, l->reply);
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));

    if (v == NULL) {
        t->failed = true;
        return;
    }
    if (l->reply->tasks.n == 0) {
        text_line(t, l->all ? "There has been no task yet."
                            : "No task is under way. --all shows those that are over too.");
        return;
    }
    for (size_t i = 0; i < l->reply->tasks.n; i++)
        row(t, b, v[i]);
    table_print(b);
    text_line(t, "%s%s", counted(t, l->reply->tasks.n, "task", "tasks"),
              l->reply->more ? ", the newest" : "");
}

static void list_json(struct json *j, const void *data)
{
    const struct list *l = data;

    json_head(j, l->reply);
    json_array_of(j, "tasks", &task_info_desc, l->reply->tasks);
}

static int list_handle(struct run *r)
{
    static const struct view view = { list_text, list_json };
    REQUEST(req, OP_TASK_LIST);
    struct list l = { .all = option_given(r, "all") };
    struct muster_reply reply;
    int rc;

    REC_SET(&req, request, flag, l.all);
    rc = ask(r, &req, &reply);
    l.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &view, &l);
    muster_reply_free(&reply);
    return rc;
}

static const struct option list_options[] = {
    { 0, "all", NULL, false, "also those that are over" },
    { 0 },
};

const struct command task_list_command = {
    .noun = "task",
    .verb = "list",
    .summary = "what is under way, and how far it is",
    .about = "A task is one durable operation, such as a scan; it goes on over a restart of the "
             "coordinator and of nodes. It consists of jobs: DONE counts those that are done, HELD "
             "those that something is in the way of: 'muster task show' says what.",
    .example = "muster task list\n"
               "muster task list --all",
    .options = list_options,
    .handle = list_handle,
};

/* ---- show and watch ------------------------------------------------------------------------- */

static void head_text(struct text *t, const struct task_info *k)
{
    char time[LOCAL_TIME_TEXT], took[24];

    text_paint(t, PAINT_BOLD, text_format(t, "task %" PRIu64 ": %s", k->no, text_safe(t, k->kind)));
    buf_str(t->out, "\n");
    text_pair(t, "state", "%s%s%s%s", k->state != NULL ? k->state : "?",
              runs(k) && k->step != NULL ? ", step " : "",
              runs(k) && k->step != NULL ? k->step : "",
              k->every_node ? ", each node that sees it" : "");
    if (k->text != NULL)
        text_pair(t, "text", "%s", k->text);
    text_pair(t, "jobs", "%s", task_figures(t, k, !runs(k)));
    if (REC_HAS(k, task_info, created_ms))
        text_pair(t, "begun", "%s", local_time(k->created_ms, time));
    if (REC_HAS(k, task_info, ended_ms))
        text_pair(t, "ended", "%s, after %s", local_time(k->ended_ms, time),
                  duration_text(k->ended_ms - k->created_ms, took));
    if (!runs(k) && !is_rescan(k))
        text_pair(t, "found", "%s; %s, %" PRIu64 " unchanged",
                  counted(t, k->images, "image", "images"),
                  counted(t, k->mounts, "mount", "mounts"), k->skipped);
}

static void show_text(struct text *t, const void *data)
{
    const struct reply *r = data;
    const struct job_info **v = jobs_ordered(t->arena, r);

    if (v == NULL) {
        t->failed = true;
        return;
    }
    head_text(t, r->tasks.v);
    if (r->jobs.n == 0)
        return;
    buf_str(t->out, "\n");
    if (is_rescan(r->tasks.v))
        rescan_jobs_text(t, v, r->jobs.n);
    else
        jobs_text(t, v, r->jobs.n, false);
}

static void show_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_object_of(j, "task", &task_info_desc, r->tasks.v);
    json_array_of(j, "jobs", &job_info_desc, r->jobs);
}

static const struct view show_view = { show_text, show_json };

static int show_handle(struct run *r)
{
    REQUEST(req, OP_TASK_SHOW);
    struct muster_reply reply;
    uint64_t no;
    int rc = argument_number(r, 0, "TASK", "task list --all", &no);

    if (rc != 0)
        return rc;
    REC_SET(&req, request, count, no);
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->tasks.n == 0)
        rc = fail(r, "failed", NULL, "the coordinator answered without a task");
    if (rc == 0)
        rc = show(r, &show_view, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

const struct command task_show_command = {
    .noun = "task",
    .verb = "show",
    .arguments = "TASK",
    .least = 1,
    .most = 1,
    .summary = "one task, what came of its jobs, and what is in the way",
    .about = "Shows how far the task is and each of its jobs: which filesystem, its result or "
             "state, which node does it, and why it is held, not complete or not read. Of many "
             "jobs those are listed that are not complete; with --json all are there.",
    .example = "muster task show 7",
    .handle = show_handle,
};

/* It may have been over long ago. */
static int watch_handle(struct run *r)
{
    struct muster_reply reply = { NULL, NULL };
    uint64_t no;
    int rc = argument_number(r, 0, "TASK", "task list", &no);
    REQUEST(req, OP_TASK_SHOW);

    if (rc != 0)
        return rc;
    REC_SET(&req, request, count, no);
    rc = ask(r, &req, &reply);
    if (rc == 0) {
        muster_reply_free(&reply);
        rc = follow(r, no, &reply);
    }
    if (rc == 0) {
        const struct task_info *k = reply.reply->tasks.v;
        bool rescan = is_rescan(k);

        rc = show(r, r->json ? &show_view : rescan ? &rescanned_view : &scanned_view, reply.reply);
        if (rc == 0)
            rc = rescan ? rescanned_exit(r, reply.reply) : scanned_exit(r, reply.reply);
    }
    muster_reply_free(&reply);
    return rc;
}

const struct command task_watch_command = {
    .noun = "task",
    .verb = "watch",
    .arguments = "TASK",
    .least = 1,
    .most = 1,
    .summary = "show how a task goes until it is over, and what came of it",
    .about = "The same as 'muster scan --wait' shows, of a task that runs already: a bar on a "
             "terminal, a line now and then without one, and the result at its end. Ctrl-C ends "
             "the watching, not the task.",
    .example = "muster task watch 7",
    .exits = "0 it is done, and complete; 1 refused, failed, cancelled or not complete; 2 usage, 3 "
             "coordinator not reachable.",
    .handle = watch_handle,
};

/* ---- cancel --------------------------------------------------------------------------------- */

static void cancel_text(struct text *t, const void *data)
{
    const struct task_info *k = ((const struct reply *)data)->tasks.v;

    if (runs(k))
        text_line(t,
                  "Task %" PRIu64
                  " begins nothing new; %s under way %s. Its end: muster task watch "
                  "%" PRIu64,
                  k->no, counted(t, k->jobs_running, "job", "jobs"),
                  k->jobs_running == 1 ? "ends first" : "end first", k->no);
    else
        text_line(t, "Task %" PRIu64 " is %s.", k->no, k->state);
}

static void cancel_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_object_of(j, "task", &task_info_desc, r->tasks.v);
}

static int cancel_handle(struct run *r)
{
    static const struct view view = { cancel_text, cancel_json };
    REQUEST(req, OP_TASK_CANCEL);
    struct muster_reply reply;
    uint64_t no;
    int rc = argument_number(r, 0, "TASK", "task list", &no);

    if (rc != 0)
        return rc;
    REC_SET(&req, request, count, no);
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->tasks.n == 0)
        rc = fail(r, "failed", NULL, "the coordinator answered without a task");
    if (rc == 0)
        rc = show(r, &view, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

const struct command task_cancel_command = {
    .noun = "task",
    .verb = "cancel",
    .arguments = "TASK",
    .least = 1,
    .most = 1,
    .summary = "end a task: nothing new is begun",
    .about = "What a node is doing for it at this moment ends by itself and counts; the rest is "
             "not begun. What was found so far stays.",
    .example = "muster task list\n"
               "muster task cancel 7",
    .handle = cancel_handle,
};
