/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

struct revoked {
    const struct reply *reply;
    const char *name, *rest;
};

static void revoked_text(struct text *t, const void *data)
{
    const struct revoked *x = data;

    text_line(t, "%s %s", x->name, x->rest);
}

static void revoked_json(struct json *j, const void *data)
{
    const struct revoked *x = data;

    json_head(j, x->reply);
}

int ask_to_revoke(struct run *r, enum client_op op, const char *rest)
{
    static const struct view view = { revoked_text, revoked_json };
    REQUEST(req, op);
    struct muster_reply reply;
    int rc;

    REC_SET(&req, request, name, r->arguments[0]);
    rc = ask(r, &req, &reply);
    if (rc == 0)
        rc = show(r, &view, &(struct revoked){ reply.reply, r->arguments[0], rest });
    muster_reply_free(&reply);
    return rc;
}
