/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

const struct option change_options[] = {
    { 0, "wait", NULL, false, "wait until it is done, and every node that is up is current" },
    { 0 },
};

static void task_text(struct text *t, const void *data)
{
    const struct task_info *k = ((const struct reply *)data)->tasks.v;

    if (REC_HAS(k, task_info, ended_ms))
        text_line(t, "%s", k->text != NULL ? k->text : "It is over.");
    else
        text_line(t, "Task %" PRIu64 ": %s How it goes: muster task watch %" PRIu64, k->no,
                  k->text != NULL ? k->text : "a change.", k->no);
}

static void task_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_object_of(j, "task", &task_info_desc, r->tasks.v);
    json_array_of(j, "jobs", &job_info_desc, r->jobs);
}

static const struct view view = { task_text, task_json };

static int wait_for(struct run *r, uint64_t no)
{
    struct muster_reply reply;
    int rc = follow(r, no, &reply);
    const struct task_info *k = rc == 0 ? reply.reply->tasks.v : NULL;

    if (rc == 0 && k->state != NULL && strcmp(k->state, "done") != 0)
        rc = fail(r, "failed", NULL, "%s", k->text != NULL ? k->text : "it was not done");
    else if (rc == 0)
        rc = show(r, &view, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

static int begin(struct run *r, struct request *req)
{
    struct muster_reply reply;
    bool wait = option_given(r, "wait");
    uint64_t no = 0;
    int rc = ask(r, req, &reply);

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

int change_ask(struct run *r, struct vg_ask *what)
{
    REQUEST(req, OP_VG_CHANGE);

    REC_SET(&req, request, vg_ask, what);
    return begin(r, &req);
}

int change_ask_active(struct run *r, struct vg_ask *what, const char *node)
{
    REQUEST(req, OP_LV_ACTIVATE);

    REC_SET(&req, request, vg_ask, what);
    REC_PUT(&req, request, node, node);
    return begin(r, &req);
}

/* KiB and so on, as letters of lvm(8). 0: no such unit. */
static uint64_t unit_of(const char *s)
{
    static const char letters[] = "bkmgtpe";
    const char *at;

    if (*s == '\0')
        return UINT64_C(1) << 20;
    at = strchr(letters, *s | 0x20);
    if (at == NULL || (s[1] != '\0' && strcasecmp(s + 1, "iB") != 0))
        return 0;
    return UINT64_C(1) << (10 * (at - letters));
}

int argument_size(struct run *r, size_t i, uint64_t *out)
{
    return text_size(r, r->arguments[i], out);
}

int text_size(struct run *r, const char *s, uint64_t *out)
{
    uint64_t unit;
    double n;
    char *end;

    errno = 0;
    n = strtod(s, &end);
    unit = unit_of(end);
    if (*s < '0' || *s > '9' || errno != 0 || unit == 0 || n <= 0 || n * (double)unit >= 9.2e18 ||
        strspn(s, "0123456789.") != (size_t)(end - s))
        return fail(r, "usage", NULL,
                    "a size is a number and one of b k M G T P E, as 20G for 20 GiB, not '%s'", s);
    *out = (uint64_t)(n * (double)unit);
    return 0;
}
