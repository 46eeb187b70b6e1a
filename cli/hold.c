/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds are taken, end, and are broken. */
#include "nouns.h"

#include <inttypes.h>

#define LONGEST_FOR 200 /* characters of a sentence for a person */

struct done {
    const struct reply *reply;
    const char *text;
    bool taken;
};

static void done_text(struct text *t, const void *data)
{
    text_line(t, "%s", ((const struct done *)data)->text);
}

static void done_json(struct json *j, const void *data)
{
    const struct done *d = data;

    json_head(j, d->reply);
    if (d->taken)
        lease_json(j, "hold", d->reply->leases.v, false);
}

static const struct view view = { done_text, done_json };

/* ---- take ----------------------------------------------------------------------------------- */

static int take_handle(struct run *r)
{
    REQUEST(req, OP_HOLD_TAKE);
    const char *node = option_value(r, "node"), *what = option_value(r, "for");
    struct muster_reply reply;
    const struct lease_info *l;
    int rc;

    if (node == NULL || *node == '\0')
        return fail(r, "usage", NULL, "say which node is to write: --node NODE");
    if (what == NULL || *what == '\0' || text_width(what) > LONGEST_FOR)
        return fail(r, "usage", NULL,
                    "say in up to %d characters what it is for: --for 'restore of guest web-01'",
                    LONGEST_FOR);
    REC_SET(&req, request, resource, r->arguments[0]);
    REC_SET(&req, request, node, node);
    REC_SET(&req, request, name, what);
    rc = ask(r, &req, &reply);
    if (rc == 0 && reply.reply->leases.n == 0)
        rc = fail(r, "failed", NULL, "the coordinator answered without a hold");
    if (rc == 0) {
        struct done d = { .reply = reply.reply, .taken = true };

        l = reply.reply->leases.v;
        d.text = arena_printf(r->arena, "%s holds %s. Once it is done: muster hold end %s",
                              l->node_name != NULL ? l->node_name : node,
                              l->label != NULL ? l->label : r->arguments[0],
                              l->token != NULL ? l->token : "?");
        rc = d.text != NULL ? show(r, &view, &d) : fail(r, "local", NULL, "out of memory");
    }
    muster_reply_free(&reply);
    return rc;
}

static const struct option take_options[] = {
    { 0, "node", "NODE", false, "the node that is to write" },
    { 0, "for", "TEXT", false, "what for, in a few words: those who are refused read it" },
    { 0 },
};

const struct command hold_take_command = {
    .noun = "hold",
    .verb = "take",
    .arguments = "FS",
    .least = 1,
    .most = 1,
    .needs = "--node NODE --for TEXT",
    .summary = "give one node the right to write to a filesystem",
    .about =
        "From then on no other node is given a lease or a hold of it, nor of what it lies in or a "
        "copy of it. It is refused while anybody has one, while it is mounted or open on another "
        "node, or while it is not known whether it is. No time ends a hold.",
    .example = "muster hold take data --node rack7-03 --for 'restore of guest web-01'",
    .options = take_options,
    .handle = take_handle,
};

/* ---- end ------------------------------------------------------------------------------------ */

static int end_handle(struct run *r)
{
    REQUEST(req, OP_HOLD_END);
    struct muster_reply reply;
    uint64_t token;
    int rc = argument_number(r, 0, "TOKEN", "hold list", &token);

    if (rc != 0)
        return rc;
    REC_SET(&req, request, count, token);
    rc = ask(r, &req, &reply);
    if (rc == 0)
        rc = show(r, &view,
                  &(struct done){
                      .reply = reply.reply,
                      .text = arena_printf(r->arena, "The hold %" PRIu64 " has ended.", token) });
    muster_reply_free(&reply);
    return rc;
}

const struct command hold_end_command = {
    .noun = "hold",
    .verb = "end",
    .arguments = "TOKEN",
    .least = 1,
    .most = 1,
    .summary = "what a hold was taken for is done",
    .about = "TOKEN is the number that 'muster hold take' told and 'muster hold list' shows. Say "
             "it once the node has unmounted the filesystem and nothing is left to write.",
    .example = "muster hold end 3298534883332",
    .handle = end_handle,
};

/* ---- break ---------------------------------------------------------------------------------- */

/* clang-format off */
#define BREAK_MEANS \
    "What must be true: nobody writes to it any more, and nobody will: you have looked on the node, "  \
    "or it is off. muster cannot tell. What happens: others may mount and change it at once; should "  \
    "that node still write, the data are lost. Where the node is off, 'muster node declare-dead' is "  \
    "the better word: it ends all its rights, and that boot is told to stop should it come back."
/* clang-format on */

static int break_handle(struct run *r)
{
    REQUEST(req, OP_HOLD_BREAK);
    const char *again = option_value(r, "type-name"), *name = r->arguments[0];
    struct muster_reply reply;
    int rc;

    if (again == NULL)
        return fail(r, "usage", BREAK_MEANS,
                    "nothing was done; to confirm, give the name once more: muster hold break %s "
                    "--type-name %s",
                    name, name);
    if (strcmp(again, name) != 0)
        return fail(r, "usage", "Nothing was done.", "--type-name '%s' is not the filesystem '%s'",
                    again, name);
    REC_SET(&req, request, resource, name);
    REC_SET(&req, request, confirm, again);
    rc = ask(r, &req, &reply);
    if (rc == 0)
        rc = show(
            r, &view,
            &(struct done){ .reply = reply.reply,
                            .text = arena_printf(r->arena, "The hold of %s is broken.", name) });
    muster_reply_free(&reply);
    return rc;
}

static const struct option break_options[] = {
    { 0, "type-name", "NAME", false, "the exact name once more, to confirm" },
    { 0 },
};

const struct command hold_break_command = {
    .noun = "hold",
    .verb = "break",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .needs = "--type-name NAME",
    .summary = "your word that nobody writes to it any more",
    .about = "Ends a hold whose node will not end it. Of a volume group, ends the right of the\n"
             "task that changes it, where its node is not up in the boot that has begun it:\n"
             "the task goes on with another node.\n" BREAK_MEANS "\n"
             "The word is kept in the event log. Only the exact name is taken (label, key or id), "
             "twice.",
    .example = "muster hold break data --type-name data",
    .options = break_options,
    .handle = break_handle,
};
