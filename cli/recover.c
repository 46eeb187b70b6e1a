/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

#include <inttypes.h>

#define CONFIRMATION "recover"

static void recover_text(struct text *t, const void *data)
{
    const struct reply *r = data;

    text_line(t,
              "The database is taken as it is: epoch %" PRIu64 ", generation %" PRIu64
              ". Nodes follow it again and report anew.",
              r->status->epoch, r->generation);
    text_line(t, "What was declared, named or approved after the backup is gone: compare 'muster "
                 "network list' and 'muster node list' with your notes.");
}

static void recover_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_object_of(j, "status", &status_info_desc, r->status);
}

static int handle(struct run *r)
{
    static const struct view view = { recover_text, recover_json };
    REQUEST(req, OP_RECOVER);
    REQUEST(status, OP_STATUS);
    const char *confirm = option_value(r, "confirm");
    struct muster_reply reply;
    int rc;

    if (confirm == NULL || strcmp(confirm, CONFIRMATION) != 0)
        return fail(r, "usage",
                    "It cannot be taken back: what was declared after the backup is gone. "
                    "'muster event tail' tells which node has seen more (node.restore-detected).",
                    "say that you mean it: muster recover --confirm " CONFIRMATION);
    REC_SET(&req, request, confirm, confirm);
    rc = ask(r, &req, &reply);
    muster_reply_free(&reply);
    if (rc != 0)
        return rc;
    rc = ask(r, &status, &reply);
    if (rc == 0 && reply.reply->status == NULL)
        rc = fail(r, "failed", NULL, "the coordinator answered without a status");
    if (rc == 0)
        rc = show(r, &view, reply.reply);
    muster_reply_free(&reply);
    return rc;
}

static const struct option options[] = {
    { 0, "confirm", CONFIRMATION, false, "the word itself, to confirm" },
    { 0 },
};

const struct command recover_command = {
    .noun = "recover",
    .needs = "--confirm recover",
    .summary = "take a restored database as the true one",
    .about =
        "A backup says of itself that it is one, and a copied file is known as a copy; and nodes "
        "remember what they have seen of the coordinator, so they notice when its database is "
        "older than that. The coordinator then is in mode 'recover': it refuses every change and waits "
        "for your word. This command is it: the epoch rises above everything that any node "
        "has reported, and nodes follow again.\n"
        "The event node.restore-detected names the first node that has seen more, and what.\n"
        "Be sure first that this is the database that you want, and that no other coordinator "
        "runs on another copy of it.",
    .example = "muster status                       # mode recover, and what that means\n"
               "muster event tail                   # node.restore-detected: which node\n"
               "muster recover --confirm recover",
    .options = options,
    .handle = handle,
};
