/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

#include <inttypes.h>

#include "base/text.h"

static const char *const states[] = { "up",      "suspect",     "down", "never",
                                      "pending", "quarantined", "dead" };

/* ---- list ----------------------------------------------------------------------------------- */

struct list {
    const struct reply *reply;
    const char *state; /* NULL: all */
};

static bool listed(const struct list *l, const struct node_info *n)
{
    return l->state == NULL || (n->state != NULL && strcmp(n->state, l->state) == 0);
}

/* One remark after another: a sentence stands for itself. */
static const char *joined(struct text *t, const char *s, const char *more)
{
    size_t n = strlen(s);

    return text_format(t, "%s%s%s", s, n == 0 ? "" : s[n - 1] == '.' ? " " : "; ", more);
}

/* Why the node is as it is, or what is wrong with its sections. */
static const char *note(struct text *t, const struct node_info *n)
{
    const char *s = n->text != NULL ? n->text : "";

    for (size_t i = 0; i < n->sections_bad.n; i++)
        s = joined(t, s, n->sections_bad.v[i]);
    return n->draining ? joined(t, s, "draining") : s;
}

static const char *sees(struct text *t, const struct node_info *n)
{
    if (n->edges_ok + n->edges_degraded + n->edges_lost + n->edges_unknown + n->edges_quarantined ==
        0)
        return "-";
    return edge_counts(t, n->edges_ok, n->edges_degraded, n->edges_lost, n->edges_unknown, 0,
                       n->edges_quarantined);
}

static void summary_text(struct text *t, const struct node_info *nodes, size_t n)
{
    const char *s = counted(t, n, "node", "nodes");
    const char *before = ": ";

    for (size_t k = 0; k < ARRAY_LEN(states); k++) {
        uint64_t count = 0;

        for (size_t i = 0; i < n; i++)
            count += nodes[i].state != NULL && strcmp(nodes[i].state, states[k]) == 0;
        if (count > 0) {
            s = text_format(t, "%s%s%" PRIu64 " %s", s, before, count, states[k]);
            before = ", ";
        }
    }
    text_line(t, "%s", s);
}

/* The lowest version of the protocol above `last`, and how many speak it. */
static uint64_t next_protocol(const struct node_info *nodes, size_t n, uint64_t last,
                              uint64_t *count)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < n; i++) {
        if (nodes[i].protocol > last && nodes[i].protocol < next) {
            next = nodes[i].protocol;
            *count = 0;
        }
        *count += nodes[i].protocol == next;
    }
    return next;
}

/* While nodes are rolled to another version: how far that has come. */
static void protocols_text(struct text *t, const struct node_info *nodes, size_t n)
{
    const char *s = "";
    uint64_t count = 0, versions = 0, v = 0;

    while ((v = next_protocol(nodes, n, v, &count)) != UINT64_MAX)
        s = text_format(t, "%s%s%s of version %" PRIu64, s, versions++ > 0 ? ", " : "",
                        counted(t, count, "node", "nodes"), v);
    if (versions > 1)
        text_line(t, "Protocol: %s", s);
}

/* How to let the first of those in that wait for it. */
static void approve_text(struct text *t, const struct list *l)
{
    const struct node_info *nodes = l->reply->nodes.v;

    for (size_t i = 0; i < l->reply->nodes.n; i++) {
        const struct node_info *n = &nodes[i];
        const char *state = n->state != NULL ? n->state : "";

        if (!listed(l, n) || (strcmp(state, "pending") != 0 && strcmp(state, "quarantined") != 0))
            continue;
        text_line(t,
                  strcmp(state, "pending") == 0
                      ? "To let %s in: muster node approve %s"
                      : "To let %s in with the key that it uses now, once no other machine claims "
                        "to be it: muster node approve %s",
                  n->name, typed(t, n->name));
        return;
    }
}

static void list_text(struct text *t, const void *data)
{
    static const struct column columns[] = { { "NODE", COLUMN_CUT },
                                             { "STATE", 0 },
                                             { "HEARD", COLUMN_RIGHT },
                                             { "SEES", COLUMN_CUT },
                                             { "NOTE", COLUMN_WRAP } };
    const struct list *l = data;
    const struct node_info *nodes = l->reply->nodes.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));

    if (l->reply->nodes.n == 0) {
        text_line(t,
                  "There are no nodes yet. 'muster token create' makes a token that admits one.");
        return;
    }
    for (size_t i = 0; i < l->reply->nodes.n; i++) {
        const struct node_info *n = &nodes[i];

        if (!listed(l, n))
            continue;
        table_cell(b, n->name, PAINT_NONE);
        table_cell(b, n->state, paint_of_word(n->state));
        table_cell(b, age_text(t, REC_HAS(n, node_info, heard_ms), n->heard_ms), PAINT_NONE);
        table_cell(b, sees(t, n), PAINT_NONE);
        table_cell(b, note(t, n), PAINT_NONE);
    }
    table_print(b);
    summary_text(t, nodes, l->reply->nodes.n);
    protocols_text(t, nodes, l->reply->nodes.n);
    approve_text(t, l);
}

static void list_json(struct json *j, const void *data)
{
    const struct list *l = data;
    const struct node_info *nodes = l->reply->nodes.v;

    json_head(j, l->reply);
    json_array(j, "nodes");
    for (size_t i = 0; i < l->reply->nodes.n; i++) {
        if (listed(l, &nodes[i]))
            json_object_of(j, NULL, &node_info_desc, &nodes[i]);
    }
    json_end_array(j);
}

static const struct view list_view = { list_text, list_json };

static int list_handle(struct run *r)
{
    REQUEST(req, OP_NODE_LIST);
    struct list l = { .state = option_value(r, "state") };
    struct muster_reply reply;
    bool known = l.state == NULL;
    int rc;

    for (size_t i = 0; !known && i < ARRAY_LEN(states); i++)
        known = strcmp(states[i], l.state) == 0;
    if (!known)
        return fail(r, "usage", NULL,
                    "--state takes up, suspect, down, never, pending, quarantined or dead, not "
                    "'%s'",
                    l.state);
    rc = ask(r, &req, &reply);
    l.reply = reply.reply;
    if (rc == 0)
        rc = show(r, &list_view, &l);
    muster_reply_free(&reply);
    return rc;
}

static const struct option list_options[] = {
    { 0, "state", "STATE", false,
      "only nodes in this state: up, suspect, down, never (heard since the coordinator started), "
      "pending, quarantined, dead" },
    { 0 },
};

const struct command node_list_command = {
    .noun = "node",
    .verb = "list",
    .summary = "all nodes: state, last heard, how they see what they see",
    .about =
        "One line for each node and a summary at the end. A node is up while it is heard, "
        "suspect after 6 s of silence, down after 30 s; never: approved, but not heard since "
        "the coordinator started. SEES counts the resources that it sees, by how it sees them; "
        "those of a node that is not up are unknown, not lost.",
    .example = "muster node list\n"
               "muster node list --state down",
    .options = list_options,
    .handle = list_handle,
};

/* ---- one node is told what to do ---------------------------------------------------------------
 */

struct done {
    const struct reply *reply;
    const char *text;
};

static void done_text(struct text *t, const void *data)
{
    text_line(t, "%s", ((const struct done *)data)->text);
}

static void done_json(struct json *j, const void *data)
{
    const struct done *d = data;

    json_head(j, d->reply);
    json_object_of(j, "node", &node_info_desc, d->reply->nodes.n > 0 ? d->reply->nodes.v : NULL);
}

static const struct view done_view = { done_text, done_json };

/* Asks, and says `text` with the node's name for %s. */
static int tell(struct run *r, struct request *req, const char *before, const char *after)
{
    struct muster_reply reply;
    struct done d = { 0 };
    int rc;

    REC_SET(req, request, node, r->arguments[0]);
    rc = ask(r, req, &reply);
    if (rc == 0) {
        const struct node_info *n = reply.reply->nodes.n > 0 ? reply.reply->nodes.v : NULL;
        const char *name = n != NULL && n->name != NULL ? n->name : r->arguments[0];

        d.reply = reply.reply;
        d.text = arena_printf(r->arena, "%s%s%s", before, name, after);
        rc = show(r, &done_view, &d);
    }
    muster_reply_free(&reply);
    return rc;
}

static int approve_handle(struct run *r)
{
    REQUEST(req, OP_NODE_APPROVE);

    return tell(r, &req, "", " is approved.");
}

const struct command node_approve_command = {
    .noun = "node",
    .verb = "approve",
    .arguments = "NODE",
    .least = 1,
    .most = 1,
    .summary = "let a pending or quarantined node in",
    .about = "Admits a node that waits (pending), or ends the quarantine of one that was in "
             "conflict: the key that it uses now is the right one from here on. Look at the reason "
             "first: two machines under one identity must not both be let in.",
    .example = "muster node list --state pending\n"
               "muster node approve rack7-03",
    .handle = approve_handle,
};

static int rename_handle(struct run *r)
{
    REQUEST(req, OP_NODE_RENAME);

    REC_SET(&req, request, name, r->arguments[1]);
    return tell(r, &req, "The node is called ", " now.");
}

const struct command node_rename_command = {
    .noun = "node",
    .verb = "rename",
    .arguments = "NODE NAME",
    .least = 2,
    .most = 2,
    .summary = "give a node another name",
    .about = "The name stays with the machine over reboots and reinstallations: it belongs to the "
             "node's id, not to its host name. Networks whose match names the node are matched "
             "again at once.",
    .example = "muster node rename 4c4c4544 rack7-03",
    .handle = rename_handle,
};

static int forget_handle(struct run *r)
{
    REQUEST(req, OP_NODE_FORGET);

    return tell(r, &req, "", " is forgotten.");
}

const struct command node_forget_command = {
    .noun = "node",
    .verb = "forget",
    .arguments = "NODE",
    .least = 1,
    .most = 1,
    .summary = "remove a node that will not come back",
    .about = "Removes the node with its inventory, edges and keys; its events stay. It takes the "
             "exact name or id, no prefix. If the machine does come back it must be enrolled "
             "again.",
    .example = "muster node forget rack7-03",
    .handle = forget_handle,
};

/* clang-format off */
#define DEAD_MEANS \
    "What must be true: the machine is really off and stays off: you have cut its power, or stand " \
    "before it. muster can tell only that it is silent. What happens: from then on it counts as "   \
    "off, and what its last boot had a right to is free for others; should that boot ever speak "   \
    "again, it is quarantined. It cannot be taken back; the machine comes in again with its next "  \
    "boot and a new token."
/* clang-format on */

static int declare_dead_handle(struct run *r)
{
    REQUEST(req, OP_NODE_DECLARE_DEAD);
    const char *again = option_value(r, "type-name");

    if (again == NULL)
        return fail(r, "usage", DEAD_MEANS,
                    "nothing was done; to confirm, give the name once more: muster node "
                    "declare-dead %s --type-name %s",
                    r->arguments[0], r->arguments[0]);
    if (strcmp(again, r->arguments[0]) != 0)
        return fail(r, "usage", "Nothing was done.", "--type-name '%s' is not the node '%s'", again,
                    r->arguments[0]);
    REC_SET(&req, request, confirm, again);
    return tell(r, &req, "", " is declared dead.");
}

static const struct option declare_dead_options[] = {
    { 0, "type-name", "NODE", false, "the node's exact name once more, to confirm" },
    { 0 },
};

const struct command node_declare_dead_command = {
    .noun = "node",
    .verb = "declare-dead",
    .arguments = "NODE",
    .least = 1,
    .most = 1,
    .needs = "--type-name NODE",
    .summary = "your word that a node is off",
    .about =
        "For a machine that is off for certain and that nothing else can prove to be off.\n" DEAD_MEANS
        "\n"
        "The word is kept in the event log. Only the exact name is taken, twice.",
    .example = "muster node declare-dead rack7-03 --type-name rack7-03",
    .options = declare_dead_options,
    .handle = declare_dead_handle,
};

static int drain_handle(struct run *r)
{
    REQUEST(req, OP_NODE_DRAIN);
    bool end = option_given(r, "end");

    REC_SET(&req, request, flag, !end);
    return tell(r, &req, "", end ? " is no longer draining." : " is draining.");
}

static const struct option drain_options[] = {
    { 0, "end", NULL, false, "the node may be used again" },
    { 0 },
};

const struct command node_drain_command = {
    .noun = "node",
    .verb = "drain",
    .arguments = "NODE",
    .least = 1,
    .most = 1,
    .summary = "mark a node as not to be given new work",
    .about = "Marks the node for maintenance: it is watched as before, but nothing new is placed "
             "on it until 'muster node drain NODE --end'.",
    .example = "muster node drain rack7-03\n"
               "muster node drain rack7-03 --end",
    .options = drain_options,
    .handle = drain_handle,
};
