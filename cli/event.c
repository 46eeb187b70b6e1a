/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event log: what there is of it, and what is added while one looks. */
#include "nouns.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/since.h"

#define DEFAULT_LINES  20
#define WAIT_MS        60000
#define NO_WIDTH       6
#define SEVERITY_WIDTH 9 /* "warning" and a gap */
#define KIND_WIDTH     23
#define LEAST_TEXT     40 /* the sentence stands beside the rest only where it has so much room */
#define LONGEST_LINE   1000000
#define LOCAL_TIME_LEN 25

/* What was fetched, in the order of the log. */
struct tail {
    struct muster_reply *batches; /* in the run's arena */
    size_t count, cap;
    uint64_t last; /* event that was fetched last */
    bool follow, lost;
};

/* ---- how it looks --------------------------------------------------------------------------- */

static enum paint paint_of(const struct event_info *e)
{
    enum paint p = paint_of_word(e->severity);

    return p != PAINT_NONE ? p : PAINT_DIM;
}

/* "   104  2026-11-24 16:11:51 +0100  error    edge.lost             node2 has lost mgmt.", with
 * the sentence on lines of its own where it has no room beside. */
static void event_text(struct text *t, const void *data)
{
    const struct event_info *e = data;
    const char *kind = text_safe(t, e->kind);
    const char *severity =
        text_cut(t, text_safe(t, e->severity != NULL ? e->severity : ""), SEVERITY_WIDTH - 1);
    const char *no = text_format(t, "%*" PRIu64, NO_WIDTH, e->no);
    size_t at = text_width(no) + 2 + LOCAL_TIME_LEN + 2 + SEVERITY_WIDTH, width = text_width(kind);
    char time[LOCAL_TIME_TEXT];

    buf_printf(t->out, "%s  %s  ", no, local_time(e->wall_ms, time));
    text_paint(t, paint_of(e), severity);
    buf_printf(t->out, "%*s", SEVERITY_WIDTH - (int)text_width(severity), "");
    text_paint(t, PAINT_BOLD, kind);
    if (at + KIND_WIDTH + LEAST_TEXT > t->columns) {
        at = NO_WIDTH + 2;
        buf_printf(t->out, "\n%*s", (int)at, "");
    } else {
        buf_printf(t->out, "%*s", width < KIND_WIDTH ? (int)(KIND_WIDTH - width) : 2, "");
        at += width < KIND_WIDTH ? KIND_WIDTH : width + 2;
    }
    text_wrap(t, e->text != NULL ? e->text : "", at, at, PAINT_NONE);
}

static void event_json(struct json *j, const void *data)
{
    json_members(j, &event_info_desc, data);
}

static void batch_text(struct text *t, const struct reply *r)
{
    const struct event_info *e = r->events.v;

    for (size_t i = 0; i < r->events.n; i++)
        event_text(t, &e[i]);
}

static void tail_text(struct text *t, const void *data)
{
    const struct tail *x = data;
    size_t n = 0;

    for (size_t i = 0; i < x->count; i++) {
        batch_text(t, x->batches[i].reply);
        n += x->batches[i].reply->events.n;
    }
    if (n == 0)
        text_line(t, "There are no events to show.");
}

static void tail_json(struct json *j, const void *data)
{
    const struct tail *x = data;

    json_head(j, x->batches[x->count - 1].reply);
    json_array(j, "events");
    for (size_t i = 0; i < x->count; i++) {
        const struct reply *r = x->batches[i].reply;
        const struct event_info *e = r->events.v;

        for (size_t k = 0; k < r->events.n; k++)
            json_object_of(j, NULL, &event_info_desc, &e[k]);
    }
    json_end_array(j);
}

static const struct view tail_view = { tail_text, tail_json };
static const struct view event_view = { event_text, event_json };

/* ---- fetching ------------------------------------------------------------------------------- */

static int keep(struct run *r, struct tail *x, const struct muster_reply *reply)
{
    const struct event_info *e = reply->reply->events.v;
    size_t n = reply->reply->events.n;

    if (x->count == x->cap) {
        size_t cap = x->cap == 0 ? 8 : 2 * x->cap;
        struct muster_reply *more = arena_array(r->arena, cap, sizeof *more);

        if (more == NULL)
            return fail(r, "local", NULL, "out of memory");
        if (x->count > 0)
            memcpy(more, x->batches, x->count * sizeof *more);
        x->batches = more;
        x->cap = cap;
    }
    x->batches[x->count++] = *reply;
    if (n > 0)
        x->last = e[n - 1].no;
    return 0;
}

static void forget(struct tail *x)
{
    for (size_t i = 0; i < x->count; i++)
        muster_reply_free(&x->batches[i]);
    x->count = 0;
}

/* All events from `req` on, batch by batch. */
static int fetch(struct run *r, struct tail *x, struct request *req)
{
    bool more = true;
    int rc = 0;

    while (rc == 0 && more) {
        struct muster_reply reply;

        rc = ask(r, req, &reply);
        if (rc == 0) {
            more = reply.reply->more && reply.reply->events.n > 0;
            rc = keep(r, x, &reply);
        }
        if (rc != 0)
            muster_reply_free(&reply);
        REC_CLEAR(req, request, since_wall_ms);
        REC_SET(req, request, since, x->last);
    }
    return rc;
}

/* Sets the beginning that was asked for, or else the newest few. */
static int begin(struct run *r, struct tail *x, struct request *req)
{
    const char *given = option_value(r, "since");
    uint64_t lines = DEFAULT_LINES;
    REQUEST(hello, OP_HELLO);
    struct muster_reply reply;
    struct timespec now = { 0, 0 };
    struct since since;
    int rc = option_number(r, "lines", 1, LIMIT_EVENTS_PER_REPLY, &lines);

    if (rc != 0)
        return rc;
    if (given == NULL) {
        rc = ask(r, &hello, &reply);
        if (rc == 0 && reply.reply->event_no > lines)
            x->last = reply.reply->event_no - lines;
        muster_reply_free(&reply);
        REC_SET(req, request, since, x->last);
        return rc;
    }
    if (option_given(r, "lines"))
        return fail(r, "usage", NULL, "give --since or --lines, not both");
    clock_gettime(CLOCK_REALTIME, &now);
    if (!since_parse(given, (wall_ms){ (int64_t)now.tv_sec * 1000 }, &since))
        return fail(r, "usage", NULL,
                    "--since takes the number of an event, a time such as '2026-11-24 16:00', or "
                    "how long ago, such as 10m, not '%s'",
                    given);
    x->last = since.number;
    if (since.by_number)
        REC_SET(req, request, since, since.number);
    else
        REC_SET(req, request, since_wall_ms, since.from_ms);
    return 0;
}

/* ---- following ------------------------------------------------------------------------------ */

static int show_each(struct run *r, struct tail *x)
{
    int rc = 0;

    for (size_t i = 0; i < x->count; i++) {
        const struct event_info *e = x->batches[i].reply->events.v;

        for (size_t k = 0; rc == 0 && k < x->batches[i].reply->events.n; k++)
            rc = show(r, &event_view, &e[k]);
    }
    forget(x);
    return rc;
}

/* Waits until there is more than x->last. -EPIPE: nobody reads any more; an exit code; or 0. */
static int await(struct run *r, struct tail *x, uint64_t *generation)
{
    uint64_t newest = x->last;
    int rc = muster_wait(r->client, generation, &newest, WAIT_MS);

    if (rc == -ETIMEDOUT)
        return 0;
    if (rc == MUSTER_E_UNREACHABLE) {
        if (!x->lost)
            notice(r, "%s; waiting for it", muster_error(r->client));
        x->lost = true;
        return rest() ? 0 : -EPIPE;
    }
    if (rc != 0)
        return ask_failed(r, rc, NULL);
    if (x->lost)
        notice(r, "the coordinator is back");
    x->lost = false;
    if (newest < x->last) {
        notice(r,
               "the event log ends at %" PRIu64 " now, before event %" PRIu64
               ": another database is in use; going on from there",
               newest, x->last);
        x->last = newest;
    }
    return 0;
}

/* The reply is there, or the coordinator went away meanwhile, which await() finds out and tells. */
static int fetch_more(struct run *r, struct tail *x)
{
    bool more = true;

    while (more) {
        struct muster_reply reply;
        int rc = muster_events(r->client, x->last, 0, &reply);

        if (rc == 0) {
            more = reply.reply->more && reply.reply->events.n > 0;
            rc = keep(r, x, &reply);
            if (rc == 0)
                rc = show_each(r, x);
        } else {
            rc = rc == MUSTER_E_UNREACHABLE ? 0 : ask_failed(r, rc, reply.reply);
            more = false;
            muster_reply_free(&reply);
        }
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int follow(struct run *r, struct tail *x)
{
    uint64_t generation = x->batches[x->count - 1].reply->generation;
    int rc = show_each(r, x);

    while (rc == 0) {
        rc = await(r, x, &generation);
        if (rc == 0 && !x->lost)
            rc = fetch_more(r, x);
    }
    return rc == -EPIPE ? EXIT_FAILED : rc;
}

static int handle(struct run *r)
{
    REQUEST(req, OP_EVENTS);
    struct tail x = { .follow = option_given(r, "follow") };
    int rc = begin(r, &x, &req);

    /* One line an event for a program that reads it. */
    if (!isatty(STDOUT_FILENO))
        r->out.columns = LONGEST_LINE;
    if (rc == 0)
        rc = fetch(r, &x, &req);
    if (rc == 0)
        rc = x.follow ? follow(r, &x) : show(r, &tail_view, &x);
    forget(&x);
    return rc;
}

static const struct option options[] = {
    { 'f', "follow", NULL, false, "go on and print each event as it comes, until Ctrl-C" },
    { 0, "since", "NUMBER|TIME|DURATION", false,
      "begin after the event of that number, at a time ('2026-11-24 16:00'), or so long ago (10m)" },
    { 'n', "lines", "N", false, "without --since: the newest N events (default: 20)" },
    { 0 },
};

const struct command event_tail_command = {
    .noun = "event",
    .verb = "tail",
    .summary = "what happened, oldest first; -f goes on",
    .about =
        "Prints the newest events of the coordinator's durable log: nodes that come and go, "
        "edges that change, what operators did. Each has a number that never comes twice, which "
        "--since takes, a time, a severity (info, warning, error) and a kind. On a terminal the "
        "sentence may stand below; into a pipe or file each event is one line. With -f it waits for more, also over a restart of the coordinator.\n"
        "With --json one document; with -f as well, one JSON object a line.",
    .example = "muster event tail\n"
               "muster event tail -f\n"
               "muster event tail --since 2h\n"
               "muster --json event tail --since 4711 -f     # for a program",
    .options = options,
    .handle = handle,
};
