/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scans: begun, and waited for. */
#include "scan.h"

#include <inttypes.h>

struct begun {
    const struct reply *reply;
    const struct task_info *task;
};

static void begun_text(struct text *t, const void *data)
{
    const struct task_info *k = ((const struct begun *)data)->task;

    if (k->jobs == 0)
        text_line(t, "Task %" PRIu64 " has nothing to scan.", k->no);
    else
        text_line(t, "Task %" PRIu64 " scans %s%s. How it goes: muster task watch %" PRIu64, k->no,
                  counted(t, k->jobs, "filesystem", "filesystems"),
                  k->every_node ? ", counted once for each node that sees it" : "", k->no);
}

static void begun_json(struct json *j, const void *data)
{
    const struct begun *b = data;

    json_head(j, b->reply);
    json_object_of(j, "task", &task_info_desc, b->task);
}

static int wait_for(struct run *r, uint64_t no)
{
    struct muster_reply reply;
    int rc = follow(r, no, &reply);

    if (rc == 0)
        rc = show(r, &scanned_view, reply.reply);
    if (rc == 0)
        rc = scanned_exit(r, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

static int handle(struct run *r)
{
    static const struct view view = { begun_text, begun_json };
    REQUEST(req, OP_SCAN);
    struct strs names = { r->arguments, r->argument_count };
    struct muster_reply reply;
    struct begun b;
    uint64_t no = 0;
    bool wait = option_given(r, "wait");
    int rc;

    if (names.n > 0)
        REC_SET(&req, request, resources, names);
    REC_SET(&req, request, flag, option_given(r, "every-node"));
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->tasks.n == 0)
        rc = fail(r, "failed", NULL, "the coordinator answered without a task");
    if (rc == 0) {
        b = (struct begun){ reply.reply, reply.reply->tasks.v };
        no = b.task->no;
        if (!wait)
            rc = show(r, &view, &b);
    }
    muster_reply_free(&reply);
    return rc == 0 && wait ? wait_for(r, no) : rc;
}

static const struct option options[] = {
    { 0, "every-node", NULL, false,
      "each node that sees a filesystem mounts and reads it; otherwise one does, and the others "
      "prove that they reach it" },
    { 0, "wait", NULL, false, "show how it goes, and what came of it" },
    { 0 },
};

const struct command scan_command = {
    .noun = "scan",
    .arguments = "[FS...]",
    .least = 0,
    .most = MOST_ARGUMENTS,
    .summary = "find the file-backed guest disks of admitted filesystems",
    .about =
        "Begins a task that has each FS (without one: each that is admitted) mounted read-only on "
        "one node at a time and walked through for disk images. All filesystems are read in "
        "parallel, over all nodes that see them. FS is a label, a UUID or UUID@CONTAINER.\n"
        "A result is complete; or incomplete, and why (it is in use, its journal is not replayed, a "
        "bound was hit); or not read, and why. A filesystem that has not changed since its last "
        "complete scan is not mounted again: its result is complete, unchanged.\n"
        "With --wait a bar on a terminal shows how many are done, running, waiting and held "
        "(something is in their way), how many images were found, and about how long it will "
        "take; without a terminal a line now and then does. Ctrl-C ends the waiting, not the scan.",
    .example = "muster fs admit data images\n"
               "muster scan --wait\n"
               "muster scan data --every-node --wait\n"
               "muster --json scan --wait                    # for a program",
    .exits = "0 done, with --wait all are complete; 1 refused, failed, or not all are complete; 2 "
             "usage, 3 coordinator not reachable.",
    .options = options,
    .handle = handle,
};
