/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a right to what: leases to scan, holds to write, and those that were. */
#include "nouns.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

struct list {
    const struct reply *reply;
    bool holds, history;
};

/* ---- how one looks -------------------------------------------------------------------------- */

bool lease_is(const struct lease_info *l, const char *state)
{
    return l->state != NULL && strcmp(l->state, state) == 0;
}

const char *lease_text(struct text *t, const struct lease_info *l)
{
    const char *node = l->node_name != NULL ? l->node_name : "?";

    if (lease_is(l, "held"))
        return text_format(t, "%s holds it%s%s", node, l->text != NULL ? ": " : "",
                           l->text != NULL ? l->text : "");
    if (lease_is(l, "residue"))
        return text_format(t, "%s scanned it, and may have it mounted", node);
    return text_format(t, "%s scans it", node);
}

static void json_number(struct json *j, const char *name, bool present, int64_t n)
{
    if (present)
        json_int(j, name, n);
    else
        json_null(j, name);
}

static void json_moment(struct json *j, const char *name, bool present, int64_t ms)
{
    if (present)
        json_time(j, name, ms);
    else
        json_null(j, name);
}

void lease_json(struct json *j, const char *name, const struct lease_info *l, bool history)
{
    json_object(j, name);
    json_str(j, "resource", l->resource);
    json_str(j, "kind", l->kind);
    json_str(j, "node", l->node);
    json_str(j, "token", l->token);
    json_str(j, "state", l->state);
    json_number(j, "ttl_ms", REC_HAS(l, lease_info, ttl_ms), l->ttl_ms);
    json_number(j, "remaining_ms", REC_HAS(l, lease_info, remaining_ms), l->remaining_ms);
    json_str(j, "label", l->label);
    json_str(j, "node_name", l->node_name);
    json_str(j, "boot_id", l->boot_id);
    json_number(j, "task", REC_HAS(l, lease_info, task), (int64_t)l->task);
    json_str(j, "text", l->text);
    json_str(j, "right", l->right);
    if (history) {
        json_moment(j, "granted_at", REC_HAS(l, lease_info, granted_ms), l->granted_ms);
        json_moment(j, "ended_at", REC_HAS(l, lease_info, ended_ms), l->ended_ms);
        json_str(j, "end", l->end);
    }
    json_end_object(j);
}

/* ---- the list ------------------------------------------------------------------------------- */

static const struct lease_info *at(const void *p)
{
    return *(const struct lease_info *const *)p;
}

static int by_token(const struct lease_info *x, const struct lease_info *y)
{
    return natural_compare(x->token, y->token);
}

static int by_resource(const void *a, const void *b)
{
    int d = natural_compare(at(a)->label, at(b)->label);

    return d != 0 ? d : by_token(at(a), at(b));
}

static int by_time(const void *a, const void *b)
{
    const struct lease_info *x = at(a), *y = at(b);

    if (x->granted_ms != y->granted_ms)
        return x->granted_ms < y->granted_ms ? -1 : 1;
    return by_token(x, y);
}

static enum paint paint_of_end(const struct lease_info *l)
{
    if (lease_is(l, "residue") || (l->end != NULL && strcmp(l->end, "expired") == 0))
        return PAINT_WARN;
    return lease_is(l, "live") ? PAINT_GOOD : PAINT_NONE;
}

static void lease_row(struct text *t, struct table *b, const struct lease_info *l, bool history)
{
    bool over = lease_is(l, "over");
    char time[LOCAL_TIME_TEXT];

    table_cell(b, REC_HAS(l, lease_info, granted_ms) ? local_time(l->granted_ms, time) : "-",
               PAINT_NONE);
    table_cell(
        b, over ? age_text(t, REC_HAS(l, lease_info, ended_ms), l->ended_ms - l->granted_ms) : NULL,
        PAINT_NONE);
    table_cell(b,
               over || history ? NULL
                               : age_text(t, REC_HAS(l, lease_info, remaining_ms), l->remaining_ms),
               PAINT_NONE);
}

/* "restore of guest web-01; since 2026-11-24 16:11:59 +0100" */
static void hold_row(struct text *t, struct table *b, const struct lease_info *l)
{
    const char *lasted = age_text(t, REC_HAS(l, lease_info, ended_ms), l->ended_ms - l->granted_ms);
    char time[LOCAL_TIME_TEXT];

    table_cell(b,
               text_format(t, "%s; %s %s%s%s", l->text != NULL ? l->text : "?",
                           lasted != NULL ? "from" : "since", local_time(l->granted_ms, time),
                           lasted != NULL ? " for " : "", lasted != NULL ? lasted : ""),
               PAINT_NONE);
}

static void row(struct text *t, struct table *b, const struct list *x, const struct lease_info *l)
{
    bool over = lease_is(l, "over");

    table_cell(b, l->token, PAINT_NONE);
    table_cell(b, l->label != NULL ? l->label : l->resource, PAINT_NONE);
    table_cell(b, l->node_name, PAINT_NONE);
    if (x->holds)
        table_cell(b, l->right, PAINT_NONE);
    table_cell(b, over && l->end != NULL ? l->end : l->state, paint_of_end(l));
    if (x->holds)
        hold_row(t, b, l);
    else
        lease_row(t, b, l, x->history);
}

static void nothing_text(struct text *t, const struct list *x)
{
    if (x->history)
        text_line(t, "There are no %s, and none that are over.", x->holds ? "holds" : "leases");
    else if (x->holds)
        text_line(t, "Nobody holds anything.");
    else
        text_line(t, "There are no leases: nothing is being scanned. --history shows those that "
                     "are over.");
}

static const struct lease_info **ordered(struct arena *a, const struct list *x)
{
    const struct lease_info *l = x->reply->leases.v;
    size_t n = x->reply->leases.n;
    const struct lease_info **v = arena_array(a, n + 1, sizeof *v);

    for (size_t i = 0; v != NULL && i < n; i++)
        v[i] = &l[i];
    if (v != NULL)
        qsort(v, n, sizeof *v, x->history ? by_time : by_resource);
    return v;
}

/* Of the list as it is now LASTED is empty, and left out; of history LEFT would be too much. */
static const struct column lease_columns[] = {
    { "TOKEN", COLUMN_RIGHT }, { "RESOURCE", COLUMN_CUT }, { "NODE", COLUMN_CUT },   { "STATE", 0 },
    { "GRANTED", 0 },          { "LASTED", COLUMN_RIGHT }, { "LEFT", COLUMN_RIGHT },
};
static const struct column hold_columns[] = {
    { "TOKEN", COLUMN_RIGHT },
    { "RESOURCE", COLUMN_CUT },
    { "NODE", COLUMN_CUT },
    { "RIGHT", 0 },
    { "STATE", 0 },
    { "FOR", COLUMN_WRAP },
};

static void list_text(struct text *t, const void *data)
{
    const struct list *x = data;
    size_t n = x->reply->leases.n, residue = 0;
    const struct lease_info **v = ordered(t->arena, x);
    struct table *b = x->holds ? table_new(t, hold_columns, ARRAY_LEN(hold_columns))
                               : table_new(t, lease_columns, ARRAY_LEN(lease_columns));

    if (v == NULL) {
        t->failed = true;
        return;
    }
    if (n == 0) {
        nothing_text(t, x);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        row(t, b, x, v[i]);
        residue += lease_is(v[i], "residue");
    }
    table_print(b);
    text_line(t, "%s%s",
              x->holds ? counted(t, n, "hold", "holds") : counted(t, n, "lease", "leases"),
              x->reply->more ? ", and there are more: --node and --resource narrow them" : "");
    if (residue > 0)
        text_line(t, "Residue: it is not proven that the node has unmounted it. Others may scan "
                     "it, nobody may write, until that node says so or is fenced.");
}

static void list_json(struct json *j, const void *data)
{
    const struct list *x = data;
    struct arena *a = arena_new(0);
    const struct lease_info **v = a != NULL ? ordered(a, x) : NULL;

    json_head(j, x->reply);
    json_array(j, x->holds ? "holds" : "leases");
    for (size_t i = 0; v != NULL && i < x->reply->leases.n; i++)
        lease_json(j, NULL, v[i], x->history);
    json_end_array(j);
    j->out->failed = j->out->failed || v == NULL;
    arena_free(a);
}

static int list(struct run *r, enum client_op op)
{
    static const struct view view = { list_text, list_json };
    REQUEST(req, op);
    struct strs nodes = option_values(r, "node"), resources = option_values(r, "resource");
    struct list x = { .holds = op == OP_HOLD_LIST, .history = option_given(r, "history") };
    struct muster_reply reply;
    int rc;

    REC_SET(&req, request, flag, x.history);
    if (nodes.n > 0)
        REC_SET(&req, request, nodes, nodes);
    if (resources.n > 0)
        REC_SET(&req, request, resources, resources);
    rc = ask(r, &req, &reply);
    x.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &view, &x);
    muster_reply_free(&reply);
    return rc;
}

static int lease_list_handle(struct run *r)
{
    return list(r, OP_LEASE_LIST);
}

static int hold_list_handle(struct run *r)
{
    return list(r, OP_HOLD_LIST);
}

static const struct option options[] = {
    { 0, "history", NULL, false, "also those that are over: how each ended, and when" },
    { 0, "node", "NODE", true, "only of this node" },
    { 0, "resource", "RESOURCE", true, "only of this resource" },
    { 0 },
};

const struct command lease_list_command = {
    .noun = "lease",
    .verb = "list",
    .summary = "which node may mount which filesystem to scan it",
    .about =
        "A lease is a short, exclusive right of one node to mount one filesystem read-only and "
        "scan it. LEFT is how long it lasts unless the node renews it. live: it does; residue: its "
        "time is up, or its worker is gone, but it is not proven that the filesystem is "
        "unmounted.\n"
        "Over are those that were released (the node has unmounted it), expired (it proved that "
        "later) or fenced (that boot of the node is over). Tokens only grow: what is done under an "
        "older one is refused.",
    .example = "muster lease list\n"
               "muster lease list --history --node rack7-03\n"
               "muster --json lease list --history --resource data",
    .options = options,
    .handle = lease_list_handle,
};

const struct command hold_list_command = {
    .noun = "hold",
    .verb = "list",
    .summary = "which node may write to what, and what for",
    .about = "A hold is the exclusive right of one node to write: to mount a filesystem "
             "read-write, or to change a volume group. No time ends it: what it was taken for is "
             "done, that boot of the node is proven over (fenced), or an operator breaks it.",
    .example = "muster hold list\n"
               "muster hold list --history --resource data",
    .options = options,
    .handle = hold_list_handle,
};
