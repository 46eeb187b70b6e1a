/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rescans: begun, and waited for. */
#include <inttypes.h>

#include "base/text.h"
#include "scan.h"

#define MANY_JOBS 24 /* of more only those that are not done are listed */

static bool is_done(const struct job_info *j)
{
    return j->result != NULL && strcmp(j->result, "done") == 0;
}

static bool is_new(const struct job_info *j)
{
    return j->reason != NULL && strcmp(j->reason, "No LUN is new.") != 0;
}

/* ---- what came of it ------------------------------------------------------------------------ */

static void job_row(struct text *t, struct table *b, const struct job_info *j)
{
    bool over = j->state == NULL || strcmp(j->state, "done") == 0;
    const char *word = !over ? j->state : j->result != NULL ? j->result : "not begun";

    table_cell(b, j->node_name != NULL ? j->node_name : "-", PAINT_NONE);
    table_cell(b, j->label, PAINT_NONE);
    table_cell(b, word, !over ? PAINT_NONE : is_done(j) ? PAINT_GOOD : PAINT_BAD);
    table_cell(b, age_text(t, REC_HAS(j, job_info, ms), j->ms), PAINT_NONE);
    table_cell(b, j->reason, PAINT_NONE);
}

void rescan_jobs_text(struct text *t, const struct job_info **v, size_t n)
{
    static const struct column columns[] = {
        { "NODE", COLUMN_CUT },   { "LOOKS AT", COLUMN_CUT }, { "RESULT", 0 },
        { "TIME", COLUMN_RIGHT }, { "REASON", COLUMN_WRAP },
    };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    size_t left_out = 0;

    for (size_t i = 0; i < n; i++) {
        if (n > MANY_JOBS && is_done(v[i]) && !is_new(v[i]))
            left_out++;
        else
            job_row(t, b, v[i]);
    }
    table_print(b);
    if (left_out > 0)
        text_line(t, "%s%zu done, with no LUN that is new", left_out < n ? "and " : "", left_out);
}

bool is_rescan(const struct task_info *k)
{
    return k->kind != NULL && strcmp(k->kind, "rescan") == 0;
}

static void rescanned_text(struct text *t, const void *data)
{
    const struct reply *r = data;
    const struct task_info *k = r->tasks.v;
    const struct job_info **v = jobs_ordered(t->arena, r);
    char took[24];

    if (v == NULL) {
        t->failed = true;
        return;
    }
    rescan_jobs_text(t, v, r->jobs.n);
    text_line(t, "%s In %s.", k->text != NULL ? k->text : "",
              duration_text(k->ended_ms - k->created_ms, took));
}

static void rescanned_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_object_of(j, "task", &task_info_desc, r->tasks.v);
    json_array_of(j, "jobs", &job_info_desc, r->jobs);
}

const struct view rescanned_view = { rescanned_text, rescanned_json };

int rescanned_exit(struct run *r, const struct reply *reply)
{
    const struct task_info *k = reply->tasks.v;
    const struct job_info *j = reply->jobs.v;
    size_t bad = 0;

    for (size_t i = 0; i < reply->jobs.n; i++)
        bad += !is_done(&j[i]);
    if (k->state != NULL && strcmp(k->state, "done") != 0)
        return fail(r, "failed", NULL, "task %" PRIu64 " is %s%s%s", k->no, k->state,
                    k->text != NULL ? ": " : "", k->text != NULL ? k->text : "");
    if (bad == 0)
        return EXIT_DONE;
    return fail(r, "failed", NULL, "%zu of %zu rescans %s not done", bad, reply->jobs.n,
                bad == 1 ? "is" : "are");
}

/* ---- muster rescan -------------------------------------------------------------------------- */

static void begun_text(struct text *t, const void *data)
{
    const struct task_info *k = ((const struct reply *)data)->tasks.v;

    text_line(t, "Task %" PRIu64 " rescans on %s. How it goes: muster task watch %" PRIu64, k->no,
              counted(t, k->jobs, "node", "nodes"), k->no);
}

static void begun_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_object_of(j, "task", &task_info_desc, r->tasks.v);
}

static int wait_for(struct run *r, uint64_t no)
{
    struct muster_reply reply;
    int rc = follow(r, no, &reply);

    if (rc == 0)
        rc = show(r, &rescanned_view, reply.reply);
    if (rc == 0)
        rc = rescanned_exit(r, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

static int usage(struct run *r)
{
    bool all = option_given(r, "all-nodes");

    if (all && r->argument_count > 0)
        return fail(r, "usage", NULL, "nodes are named, or --all-nodes is given; not both");
    if (!all && r->argument_count == 0)
        return fail(r, "usage", NULL, "nodes are to be named, or --all-nodes given");
    if (option_given(r, "target") && option_given(r, "lun"))
        return fail(r, "usage", NULL, "a rescan is of a --target or of a --lun; not of both");
    return 0;
}

static int handle(struct run *r)
{
    static const struct view view = { begun_text, begun_json };
    REQUEST(req, OP_RESCAN);
    struct strs nodes = { r->arguments, r->argument_count };
    struct muster_reply reply;
    bool wait = option_given(r, "wait");
    uint64_t no = 0;
    int rc = usage(r);

    if (rc != 0)
        return rc;
    if (nodes.n > 0)
        REC_SET(&req, request, nodes, nodes);
    else
        REC_SET(&req, request, flag, true);
    if (option_given(r, "target"))
        REC_SET(&req, request, name, option_value(r, "target"));
    if (option_given(r, "lun"))
        REC_SET(&req, request, resource, option_value(r, "lun"));
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->tasks.n == 0)
        rc = fail(r, "failed", NULL, "the coordinator answered without a task");
    if (rc == 0) {
        no = ((const struct task_info *)reply.reply->tasks.v)->no;
        if (!wait)
            rc = show(r, &view, reply.reply);
    }
    muster_reply_free(&reply);
    return rc == 0 && wait ? wait_for(r, no) : rc;
}

static const struct option options[] = {
    { 0, "all-nodes", NULL, false, "each node that is up" },
    { 0, "target", "TARGET", false,
      "only this target: its iSCSI name, its FC WWNN or WWPN, or HOST:CHANNEL:TARGET as the node's "
      "kernel names it" },
    { 0, "lun", "LUN", false, "only this LUN, on each of its paths: its size and identity" },
    { 0, "wait", NULL, false, "show how it goes, and what came of it" },
    { 0 },
};

const struct command rescan_command = {
    .noun = "rescan",
    .arguments = "[NODE...]",
    .least = 0,
    .most = MOST_ARGUMENTS,
    .summary = "have nodes look what LUNs their storage has",
    .about =
        "Begins a task in which each NODE asks its SCSI targets which LUNs they have and takes up "
        "those that it does not have yet; with --lun it reads size and identity of one LUN again. "
        "It is done by itself when storage announces a change; an idle target does not, until it is "
        "spoken to.\n"
        "Only so many nodes ask at one time, in all and at each target (coordinator.conf(5)): the "
        "others wait. LUNs that a target does not name any more are told, and stay.",
    .example = "muster rescan xen1 --wait\n"
               "muster rescan --all-nodes --target iqn.2026-11.lab:array1 --wait\n"
               "muster rescan --all-nodes --lun naa.6001405a1b2c3d4e   # it was grown",
    .exits = "0 done, with --wait on all nodes; 1 refused, failed, or not done on all; 2 usage, 3 "
             "coordinator not reachable.",
    .options = options,
    .handle = handle,
};
