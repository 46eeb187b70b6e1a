/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

static const char *const level_names[] = { "ok", "warning", "critical", "unknown" };
static const char *const level_titles[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

struct answer {
    const struct reply *reply;
    const struct status_info *s;
    const char *endpoint;
    bool check;
    enum check_code level;
    const char *verdict; /* of the check, one line */
};

/* ---- as it is ------------------------------------------------------------------------------- */

static void nodes_text(struct text *t, const struct status_info *s)
{
    const struct {
        uint64_t n;
        const char *word;
    } counts[] = { { s->nodes_up, "up" },
                   { s->nodes_suspect, "suspect" },
                   { s->nodes_down, "down" },
                   { s->nodes_never, "not heard yet since the start" },
                   { s->nodes_pending, "pending" },
                   { s->nodes_quarantined, "quarantined" },
                   { s->nodes_dead, "declared dead" } };
    const char *list = "";
    uint64_t all = 0;

    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        all += counts[i].n;
        if (counts[i].n > 0)
            list = text_format(t, "%s%s%" PRIu64 " %s", list, *list != '\0' ? ", " : "",
                               counts[i].n, counts[i].word);
    }
    if (all == 0)
        text_pair(t, "nodes", "none yet");
    else
        text_pair(t, "nodes", "%" PRIu64 ": %s", all, list);
}

/* Why a message was dropped: "NAME COUNT", and what that means. */
static const struct reason {
    const char *name, *text;
    bool usual; /* no fault of anybody: the sender does it again */
} reasons[] = {
    { "malformed", "malformed", false },
    { "version", "of a version not spoken here", false },
    { "too-large", "too large", false },
    { "unknown-key", "of an unknown key", false },
    { "role", "not for their role", false },
    { "identity", "under another's identity", false },
    { "retired-boot", "of a boot that is over", false },
    { "replay", "sent twice", false },
    { "flood", "over their rate", false },
    { "quarantined", "of quarantined nodes", false },
    { "pending", "of nodes that wait for approval", false },
    { "not-registered", "not-registered", true },
    { "recover", "during mode recover", false },
    { "busy", "while too busy", false },
};

static const struct reason *reason_of(const char *drop)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        size_t n = strlen(reasons[i].name);

        if (strncmp(drop, reasons[i].name, n) == 0 && drop[n] == ' ')
            return &reasons[i];
    }
    return NULL;
}

/* Messages that a node sends before it is told to register anew are no fault: they are told apart
 * from what was dropped. */
static void messages_text(struct text *t, const struct status_info *s)
{
    uint64_t early = 0, dropped = s->messages_dropped;
    const char *why = "";

    for (size_t i = 0; i < s->drops.n; i++) {
        const char *drop = s->drops.v[i], *count = strrchr(drop, ' ');
        const struct reason *x = reason_of(drop);

        if (x != NULL && x->usual)
            early += strtoull(count, NULL, 10);
        else
            why = text_format(t, "%s%s%s", why, *why != '\0' ? ", " : "",
                              x != NULL ? text_format(t, "%s %s", count + 1, x->text) : drop);
    }
    dropped -= early < dropped ? early : dropped;
    if (dropped == 0)
        text_pair(t, "messages", "%" PRIu64 " received, none dropped", s->messages_received);
    else
        text_pair(t, "messages", "%" PRIu64 " received, %" PRIu64 " dropped%s%s",
                  s->messages_received, dropped, *why != '\0' ? ": " : "", why);
    if (early > 0)
        text_pair(t, "",
                  "%s before its node had registered, which is usual after a start; "
                  "the node repeats it",
                  counted(t, early, "more came", "more came, each"));
}

/* What is under way, where there is anything. */
static void rights_text(struct text *t, const struct status_info *s)
{
    if (s->tasks_running > 0)
        text_pair(t, "scans", "%s under way: %s running, %" PRIu64 " held",
                  counted(t, s->tasks_running, "task", "tasks"),
                  counted(t, s->jobs_running, "job", "jobs"), s->jobs_held);
    if (s->leases_live + s->leases_residue + s->holds > 0)
        text_pair(t, "rights", "%s live, %" PRIu64 " of unproven end; %s",
                  counted(t, s->leases_live, "lease", "leases"), s->leases_residue,
                  counted(t, s->holds, "hold", "holds"));
}

/* What to do next: one complete command. */
static void next_text(struct text *t, const struct status_info *s)
{
    if (s->mode != NULL && strcmp(s->mode, "recover") == 0)
        text_pair(
            t, "next",
            "'muster recover --help' tells what to be sure of first; if a node has seen more, "
            "'muster event tail' names it (node.restore-detected)");
    else if (s->mode != NULL && strcmp(s->mode, "read-only") == 0)
        text_pair(t, "next",
                  "mend what the mode says; it goes on by itself once it can store again");
    else if (s->nodes_quarantined > 0)
        text_pair(t, "next", "'muster node list --state quarantined' tells why");
    else if (s->nodes_pending > 0)
        text_pair(t, "next",
                  "'muster node list --state pending' names them and tells how to let them in");
    else if (s->nodes_up + s->nodes_suspect + s->nodes_down + s->nodes_never == 0)
        text_pair(t, "next", "'muster token create' makes a token that admits a node");
    else if (s->nodes_down > 0)
        text_pair(t, "next", "'muster node list --state down' names them");
    else if (s->nodes_suspect > 0)
        text_pair(t, "next", "'muster node list --state suspect' names them");
    else if (s->sections_stuck > 0)
        text_pair(t, "next", "'muster node list' names the nodes with stuck or failed sections");
    else if (s->leases_residue > 0)
        text_pair(t, "next", "'muster lease list' names the nodes whose unmount is not proven");
    else if (s->edges_lost + s->edges_degraded + s->edges_quarantined > 0)
        text_pair(t, "next", "'muster matrix' names the nodes and tells how to find out why");
}

static void status_text(struct text *t, const void *data)
{
    const struct answer *a = data;
    const struct status_info *s = a->s;
    const char *mode = s->mode != NULL ? s->mode : "unknown";
    char up[24];

    text_line(t, "muster-coordinator %s, up %s, at %s", s->version != NULL ? s->version : "?",
              duration_text(s->uptime_ms, up), a->endpoint);
    if (strcmp(mode, "normal") == 0)
        text_pair(t, "mode", "normal");
    else
        text_pair(t, "mode", "%s: %s", mode, s->mode_text != NULL ? s->mode_text : "");
    nodes_text(t, s);
    text_pair(t, "resources", "%" PRIu64 "; edges: %s", s->resources,
              edge_counts(t, s->edges_ok, s->edges_degraded, s->edges_lost, s->edges_unknown,
                          s->edges_stuck, s->edges_quarantined));
    if (s->sections_stuck > 0)
        text_pair(t, "sections", "%" PRIu64 " stuck or failed", s->sections_stuck);
    rights_text(t, s);
    if (s->vgs_activating > 0)
        text_pair(t, "activation", "%s",
                  s->vgs_activating_text != NULL ? s->vgs_activating_text : "");
    messages_text(t, s);
    text_pair(t, "log", "event %" PRIu64 ", generation %" PRIu64, a->reply->event_no,
              a->reply->generation);
    text_pair(t, "database", "%s, epoch %" PRIu64 ", start %" PRIu64,
              s->db_id != NULL ? s->db_id : "?", s->epoch, s->start_no);
    next_text(t, s);
}

static void status_json(struct json *j, const void *data)
{
    const struct answer *a = data;

    json_head(j, a->reply);
    json_members(j, &status_info_desc, a->s);
    if (a->check) {
        json_str(j, "check", level_names[a->level]);
        json_str(j, "text", a->verdict);
    }
}

/* ---- as a monitoring check ------------------------------------------------------------------ */

static void check_text(struct text *t, const void *data)
{
    const struct answer *a = data;
    const struct status_info *s = a->s;

    buf_printf(t->out, "MUSTER %s: %s", level_titles[a->level], text_safe(t, a->verdict));
    if (s != NULL)
        buf_printf(t->out,
                   " | up=%" PRIu64 " suspect=%" PRIu64 " down=%" PRIu64 " never=%" PRIu64
                   " pending=%" PRIu64 " quarantined=%" PRIu64 " dead=%" PRIu64 " degraded=%" PRIu64
                   " lost=%" PRIu64 " unknown=%" PRIu64 " stuck=%" PRIu64 " sections_stuck=%" PRIu64
                   " leases=%" PRIu64 " residue=%" PRIu64 " holds=%" PRIu64
                   " edges_quarantined=%" PRIu64,
                   s->nodes_up, s->nodes_suspect, s->nodes_down, s->nodes_never, s->nodes_pending,
                   s->nodes_quarantined, s->nodes_dead, s->edges_degraded, s->edges_lost,
                   s->edges_unknown, s->edges_stuck, s->sections_stuck, s->leases_live,
                   s->leases_residue, s->holds, s->edges_quarantined);
    buf_str(t->out, "\n");
}

static void check_json(struct json *j, const void *data)
{
    const struct answer *a = data;

    if (a->s != NULL) {
        status_json(j, data);
        return;
    }
    json_str(j, "check", level_names[a->level]);
    json_str(j, "text", a->verdict);
}

/* What is wrong, worst first, in one line. */
static void judge(struct run *r, struct answer *a)
{
    const struct status_info *s = a->s;
    const struct {
        enum check_code level;
        uint64_t n;
        const char *one, *many;
    } findings[] = {
        { CHECK_CRITICAL, s->nodes_down, "node down", "nodes down" },
        { CHECK_CRITICAL, s->nodes_quarantined, "node quarantined", "nodes quarantined" },
        { CHECK_CRITICAL, s->edges_lost, "edge lost", "edges lost" },
        { CHECK_CRITICAL, s->edges_quarantined, "edge quarantined", "edges quarantined" },
        { CHECK_WARNING, s->nodes_suspect, "node suspect", "nodes suspect" },
        { CHECK_WARNING, s->nodes_pending, "node waits for approval", "nodes wait for approval" },
        { CHECK_WARNING, s->sections_stuck, "section stuck", "sections stuck" },
        { CHECK_WARNING, s->leases_residue, "lease without a proven end",
          "leases without a proven end" },
        { CHECK_WARNING, s->edges_degraded, "edge degraded", "edges degraded" },
        { CHECK_WARNING, s->edges_stuck, "edge stuck", "edges stuck" },
        /* Of a node that may still be heard that is no news. */
        { CHECK_WARNING, s->nodes_never > 0 ? 0 : s->edges_unknown, "edge unknown",
          "edges unknown" },
    };
    bool normal = s->mode == NULL || strcmp(s->mode, "normal") == 0;
    const char *list = normal ? "" : arena_printf(r->arena, "mode %s", s->mode);

    a->level = normal ? CHECK_OK : CHECK_CRITICAL;
    for (size_t i = 0; list != NULL && i < ARRAY_LEN(findings); i++) {
        if (findings[i].n == 0)
            continue;
        list = arena_printf(r->arena, "%s%s%" PRIu64 " %s", list, *list != '\0' ? ", " : "",
                            findings[i].n, findings[i].n == 1 ? findings[i].one : findings[i].many);
        if (findings[i].level > a->level)
            a->level = findings[i].level;
    }
    if (list != NULL && s->vgs_activating > 0 && s->vgs_activating_text != NULL) {
        list = arena_printf(r->arena, "%s%s%s", list, *list != '\0' ? ", " : "",
                            s->vgs_activating_text);
        a->level = a->level < CHECK_WARNING ? CHECK_WARNING : a->level;
    }
    if (list != NULL && *list == '\0')
        list =
            s->nodes_never > 0
                ? arena_printf(r->arena, "%" PRIu64 " of %" PRIu64 " nodes heard since the start",
                               s->nodes_up, s->nodes_up + s->nodes_never)
                : arena_printf(r->arena, "%" PRIu64 " node%s up, %" PRIu64 " edge%s ok",
                               s->nodes_up, s->nodes_up == 1 ? "" : "s", s->edges_ok,
                               s->edges_ok == 1 ? "" : "s");
    a->verdict = list != NULL ? list : "out of memory";
}

static const struct view status_view = { status_text, status_json };
static const struct view check_view = { check_text, check_json };

/* A check never fails in another way than its own: what keeps it from an answer is "unknown". */
static int check(struct run *r, const struct request *req)
{
    struct muster_reply reply = { NULL, NULL };
    struct answer a = { .check = true, .level = CHECK_UNKNOWN };
    int rc = muster_connect(&r->connect, &r->client);

    if (rc == 0)
        rc = muster_call(r->client, req, &reply);
    a.verdict = muster_error(r->client);
    if (rc == 0 && reply.reply->status != NULL) {
        a.reply = reply.reply;
        a.s = reply.reply->status;
        judge(r, &a);
    } else if (rc == 0) {
        a.verdict = "the coordinator answered without a status";
    }
    show(r, &check_view, &a);
    muster_reply_free(&reply);
    return (int)a.level;
}

static int handle(struct run *r)
{
    REQUEST(req, OP_STATUS);
    struct muster_reply reply;
    struct answer a = { 0 };
    int rc;

    if (option_given(r, "check"))
        return check(r, &req);
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->status == NULL) {
        rc = fail(r, "failed", NULL, "the coordinator answered without a status");
    } else if (rc == 0) {
        a = (struct answer){ .reply = reply.reply,
                             .s = reply.reply->status,
                             .endpoint = muster_endpoint(r->client) };
        rc = show(r, &status_view, &a);
    }
    muster_reply_free(&reply);
    return rc;
}

static const struct option options[] = {
    { 0, "check", NULL, false, "one line and an exit code for a monitoring system" },
    { 0 },
};

const struct command status_command = {
    .noun = "status",
    .summary = "how the coordinator and the fleet are",
    .about =
        "Shows how the coordinator is, how many nodes it hears, how the edges between nodes "
        "and resources stand, and what to look at next.\n"
        "With --check it prints one line for a monitoring system: critical for nodes that are "
        "down or quarantined, lost edges, and a coordinator that is not in mode normal; "
        "warning for what is suspect, pending, stuck, degraded or unknown, for leases whose "
        "end is not proven, and for volume groups of muster's that a node activates by itself. Behind the | stand figures to plot: nodes that are up to dead, edges "
        "that are degraded to stuck or quarantined, stuck sections, leases and holds.",
    .example = "muster status\n"
               "muster status --check --timeout 5s      # from Nagios, Icinga, ...",
    .exits =
        "With --check: 0 ok, 1 warning, 2 critical, 3 unknown (the coordinator did not "
        "answer, or the command line is wrong). Otherwise: 0 done, 1 refused or failed, 2 usage, 3 coordinator not "
        "reachable.",
    .options = options,
    .handle = handle,
};
