/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nouns.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/limits.h"

/* ---- create --------------------------------------------------------------------------------- */

/* One token a line and nothing else: `muster token create > FILE` makes a token file. */
static void create_text(struct text *t, const void *data)
{
    const struct reply *r = data;
    const struct token_info *tokens = r->tokens.v;

    for (size_t i = 0; i < r->tokens.n; i++)
        buf_printf(t->out, "%s\n", text_safe(t, tokens[i].token));
}

static void tokens_json(struct json *j, const void *data)
{
    const struct reply *r = data;

    json_head(j, r);
    json_array_of(j, "tokens", &token_info_desc, r->tokens);
}

static int request_of(struct run *r, struct request *req)
{
    const char *role = option_value(r, "role"), *node = option_value(r, "node");
    uint64_t count = 1;
    int64_t ttl_ms = 0;
    int rc = option_number(r, "count", 1, LIMIT_TOKENS_PER_REQUEST, &count);

    if (rc == 0)
        rc = option_duration(r, "ttl", &ttl_ms);
    if (rc != 0)
        return rc;
    if (role != NULL && role_by_name(role) <= ROLE_NONE)
        return fail(r, "usage", NULL, "--role takes node, observer or operator, not '%s'", role);
    if (node != NULL && role != NULL && role_by_name(role) != ROLE_NODE)
        return fail(r, "usage", NULL,
                    "--node binds a token of role node to one node, not one of "
                    "role %s",
                    role);
    if (role != NULL)
        REC_SET(req, request, role, role);
    if (ttl_ms > 0)
        REC_SET(req, request, ttl_ms, ttl_ms);
    if (node != NULL)
        REC_SET(req, request, node, node);
    REC_SET(req, request, count, count);
    return 0;
}

static int create_handle(struct run *r)
{
    static const struct view view = { create_text, tokens_json };
    REQUEST(req, OP_TOKEN_CREATE);
    int rc = request_of(r, &req);

    if (rc == 0)
        rc = ask_and_show(r, &req, &view);
    if (rc == 0 && isatty(STDOUT_FILENO))
        notice(r, "a token admits whoever has it, once; keep it in a file of your own: (umask 077; "
                  "muster token create > FILE)");
    return rc;
}

static const struct option create_options[] = {
    { 0, "role", "ROLE", false,
      "node (a probe), observer (a client that reads) or operator (a client that may change); "
      "default: node" },
    { 0, "count", "N", false, "how many (default: 1)" },
    { 0, "ttl", "TIME", false, "how long it can be used (default: 1d)" },
    { 0, "node", "NODE", false, "only this node may use it: a name, or the id of one to come" },
    { 0 },
};

const struct command token_create_command = {
    .noun = "token",
    .verb = "create",
    .summary = "make one-time tokens that admit nodes or clients",
    .about = "Prints one token a line and nothing else. A token admits one key, once, until it "
             "expires, and tells its bearer which coordinator to trust. It is shown this one time; "
             "the coordinator keeps only a hash of it. Give it to muster-probe with --token-file, "
             "or to 'muster enrol' on a remote client.",
    .example = "(umask 077; muster token create > token)           # for a node\n"
               "(umask 077; muster token create --count 300 > tokens)\n"
               "muster token create --role observer --ttl 1h       # for a remote client",
    .options = create_options,
    .handle = create_handle,
};

/* ---- list ----------------------------------------------------------------------------------- */

static void list_text(struct text *t, const void *data)
{
    static const struct column columns[] = {
        { "TOKEN", 0 }, { "ROLE", 0 }, { "STATE", 0 }, { "EXPIRES", 0 }, { "FOR NODE", 0 },
    };
    const struct reply *r = data;
    const struct token_info *tokens = r->tokens.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    char time[LOCAL_TIME_TEXT];
    size_t unused = 0;

    for (size_t i = 0; i < r->tokens.n; i++) {
        const struct token_info *x = &tokens[i];
        bool fresh = x->state != NULL && strcmp(x->state, "unused") == 0;

        unused += fresh;
        table_cell(b, x->id, PAINT_NONE);
        table_cell(b, x->role, PAINT_NONE);
        table_cell(b, x->state, fresh ? PAINT_GOOD : PAINT_DIM);
        table_cell(b, REC_HAS(x, token_info, expires_ms) ? local_time(x->expires_ms, time) : "-",
                   PAINT_NONE);
        table_cell(b, x->node != NULL ? text_format(t, "%.8s", x->node) : "", PAINT_NONE);
    }
    table_print(b);
    text_line(t, "%s, %zu unused", counted(t, r->tokens.n, "token", "tokens"), unused);
}

static int list_handle(struct run *r)
{
    static const struct view view = { list_text, tokens_json };
    REQUEST(req, OP_TOKEN_LIST);

    return ask_and_show(r, &req, &view);
}

const struct command token_list_command = {
    .noun = "token",
    .verb = "list",
    .summary = "the tokens that were made: role, state, expiry",
    .about = "Shows each token by the first digits of its hash, by which the event log names it "
             "too; the token itself is not kept anywhere.",
    .example = "muster token list",
    .handle = list_handle,
};

/* ---- revoke --------------------------------------------------------------------------------- */

static int revoke_handle(struct run *r)
{
    return ask_to_revoke(r, OP_TOKEN_REVOKE, "admits nobody any more.");
}

const struct command token_revoke_command = {
    .noun = "token",
    .verb = "revoke",
    .arguments = "TOKEN",
    .least = 1,
    .most = 1,
    .summary = "make an unused token useless",
    .about = "TOKEN is its id, as 'muster token list' shows it; not the token itself. Whom a used "
             "token has admitted it does not put out: for that there are 'muster client revoke', "
             "'muster node declare-dead' and 'muster node forget'.",
    .example = "muster token revoke 1234abcd",
    .handle = revoke_handle,
};
