/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

#define KEY_DIGITS "8" /* of a key that are shown, and that name it */

static void list_text(struct text *t, const void *data)
{
    static const struct column columns[] = {
        { "CLIENT", COLUMN_CUT }, { "ROLE", 0 }, { "STATE", 0 }, { "KEY", 0 }, { "SINCE", 0 },
    };
    const struct reply *r = data;
    const struct client_info *clients = r->clients.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    char time[LOCAL_TIME_TEXT];

    if (r->clients.n == 0) {
        text_line(t, "No remote client is enrolled. 'muster token create --role observer' makes a "
                     "token for one, 'muster enrol --help' tells how to use it.");
        return;
    }
    for (size_t i = 0; i < r->clients.n; i++) {
        const struct client_info *x = &clients[i];
        bool active = x->state != NULL && strcmp(x->state, "active") == 0;

        table_cell(b, x->name, PAINT_NONE);
        table_cell(b, x->role, PAINT_NONE);
        table_cell(b, x->state, active ? PAINT_GOOD : PAINT_DIM);
        table_cell(b, x->key != NULL ? text_format(t, "%." KEY_DIGITS "s", x->key) : "",
                   PAINT_NONE);
        table_cell(b, REC_HAS(x, client_info, created_ms) ? local_time(x->created_ms, time) : "-",
                   PAINT_NONE);
    }
    table_print(b);
    text_line(t, "%s", counted(t, r->clients.n, "client", "clients"));
}

static void list_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_array_of(j, "clients", &client_info_desc, r->clients);
}

static int list_handle(struct run *r)
{
    static const struct view view = { list_text, list_json };
    REQUEST(req, OP_CLIENT_LIST);

    return ask_and_show(r, &req, &view);
}

const struct command client_list_command = {
    .noun = "client",
    .verb = "list",
    .summary = "the remote clients that were enrolled",
    .about = "Shows each key that may ask over tcp: what it called itself, what it may do, and the "
             "first digits of the key. Who connects on the coordinator's own machine needs no key "
             "and is not listed.",
    .example = "muster client list",
    .handle = list_handle,
};

/* ---- revoke --------------------------------------------------------------------------------- */

static int revoke_handle(struct run *r)
{
    return ask_to_revoke(r, OP_CLIENT_REVOKE, "is no client any more.");
}

const struct command client_revoke_command = {
    .noun = "client",
    .verb = "revoke",
    .arguments = "CLIENT",
    .least = 1,
    .most = 1,
    .summary = "take a remote client's right away",
    .about = "CLIENT is its name, or the first " KEY_DIGITS " digits or more of its key where "
             "several have one name. What it asks is refused from then on. The key stays known, so "
             "that no token admits it again: to come back, that machine needs a new key and a new "
             "token.",
    .example = "muster client revoke grafana\n"
               "muster client revoke 9f3c02ab",
    .handle = revoke_handle,
};
