/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tokens and those who become clients by them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "asking.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/token.h"

#define DAY_MS INT64_C(86400000)

static struct request create(const char *role, int64_t ttl_ms)
{
    struct request req = ask_for(OP_TOKEN_CREATE);

    if (role != NULL)
        REC_SET(&req, request, role, role);
    if (ttl_ms != 0)
        REC_SET(&req, request, ttl_ms, ttl_ms);
    return req;
}

static struct request enrol(const char *secret, const char *name)
{
    struct request req = ask_for(OP_CLIENT_ENROL);

    if (secret != NULL)
        REC_SET(&req, request, secret, secret);
    if (name != NULL)
        REC_SET(&req, request, name, name);
    return req;
}

static const struct token_info *token(const struct fleet *f, size_t i)
{
    cr_assert_lt(i, f->reply->tokens.n);
    return (const struct token_info *)f->reply->tokens.v + i;
}

/* The secret of a new token of that role. */
static void make(struct fleet *f, const char *role, int64_t ttl_ms, char out[TOKEN_SECRET_TEXT])
{
    pubkey server;

    cr_assert_eq(ask(f, CLIENT_LOCAL, create(role, ttl_ms)), REPLY_OK, "%s", f->reply->text);
    cr_assert_eq(token_parse(token(f, 0)->token, &server, out, NULL), 0);
    cr_expect(pubkey_eq(server, f->config.server_key), "it tells whom to trust");
}

static void expect_stranger(struct fleet *f, struct request req, enum reply_code code,
                            const char *part)
{
    enum reply_code got = ask(f, CLIENT_STRANGER, req);

    cr_expect_eq(got, code, "code %d, not %d", got, code);
    cr_expect(code == REPLY_OK || strstr(f->reply->text, part) != NULL, "'%s' is not in '%s'", part,
              f->reply->text);
}

/* ---- create, list --------------------------------------------------------------------------- */

Test(query_token, created_and_listed)
{
    struct fleet *f = fleet_new();
    struct request req = create(NULL, 0);

    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_assert_eq(f->reply->tokens.n, 1);
    cr_expect_str_eq(token(f, 0)->role, "node");
    cr_expect_str_eq(token(f, 0)->state, "unused");
    cr_expect_eq(token(f, 0)->expires_ms, f->wall.v + DAY_MS);
    cr_expect_null(token(f, 0)->node);
    cr_expect(strstr(f->events, "token.created: 1 token for the role node made.") != NULL, "%s",
              f->events);
    REC_SET(&req, request, count, 3);
    REC_SET(&req, request, role, "observer");
    REC_SET(&req, request, ttl_ms, 1000);
    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_assert_eq(f->reply->tokens.n, 3);
    cr_expect_str_neq(token(f, 0)->token, token(f, 1)->token);
    cr_expect_str_neq(token(f, 1)->token, token(f, 2)->token);
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_TOKEN_LIST)), REPLY_OK);
    cr_assert_eq(f->reply->tokens.n, 4);
    for (size_t i = 0; i < 4; i++)
        cr_expect_null(token(f, i)->token, "the text is told once");
    fleet_pass(f, 1000);
    ask(f, CLIENT_LOCAL, ask_for(OP_TOKEN_LIST));
    cr_expect_str_eq(token(f, 0)->state, "unused");
    cr_expect_str_eq(token(f, 1)->state, "expired");
    fleet_free(f);
}

Test(query_token, refused)
{
    struct fleet *f = fleet_new();
    struct request req = create(NULL, 0);
    struct host h;

    host_init(&h, f, 1);
    host_join(&h);
    expect_refusal(f, create("king", 0), REPLY_INVALID, "node, observer or operator");
    expect_refusal(f, create("none", 0), REPLY_INVALID, "node, observer or operator");
    expect_refusal(f, create("node", 999), REPLY_INVALID, "from 1 s to 366 d");
    expect_refusal(f, create("node", -DAY_MS), REPLY_INVALID, "from 1 s to 366 d");
    expect_refusal(f, create("node", 367 * DAY_MS), REPLY_INVALID, "from 1 s to 366 d");
    REC_SET(&req, request, count, 0);
    expect_refusal(f, req, REPLY_INVALID, "From 1 to 20000");
    REC_SET(&req, request, count, LIMIT_TOKENS_PER_REQUEST + 1);
    expect_refusal(f, req, REPLY_INVALID, "From 1 to 20000");
    REC_SET(&req, request, count, 1);
    REC_SET(&req, request, node, "nobody");
    expect_refusal(f, req, REPLY_NOT_FOUND, "no node");
    REC_SET(&req, request, node, "node-1");
    REC_SET(&req, request, role, "operator");
    expect_refusal(f, req, REPLY_INVALID, "Only a token for a node");
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_TOKEN_LIST)), REPLY_OK);
    cr_expect_eq(f->reply->tokens.n, 1, "that of the host");
    cr_expect_str_eq(token(f, 0)->state, "used");
    fleet_free(f);
}

Test(query_token, bound_to_a_node)
{
    static const char id[] = "12345678-1234-4234-8234-123456789abc";
    struct fleet *f = fleet_new();
    struct request req = create(NULL, 0);
    char text[UUID_TEXT];
    struct host h;

    host_init(&h, f, 1);
    host_join(&h);
    REC_SET(&req, request, node, "node-1");
    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_expect_str_eq(token(f, 0)->node, uuid_text(h.id, text));
    REC_SET(&req, request, node, id);
    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_expect_str_eq(token(f, 0)->node, id, "one that is not known yet");
    fleet_free(f);
}

/* Unused tokens are never thrown away; spent ones make room. */
Test(query_token, room)
{
    struct fleet *f = fleet_new();
    struct request req = create(NULL, 2000);

    REC_SET(&req, request, count, 20000);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    expect_refusal(f, req, REPLY_REFUSED, "more than 65536 unused tokens");
    fleet_pass(f, 2000);
    cr_expect_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    ask(f, CLIENT_LOCAL, ask_for(OP_TOKEN_LIST));
    cr_expect_leq(f->reply->tokens.n, LIMIT_TOKENS);
    fleet_free(f);
}

/* ---- clients -------------------------------------------------------------------------------- */

Test(query_token, a_stranger_becomes_a_client)
{
    struct fleet *f = fleet_new();
    char secret[TOKEN_SECRET_TEXT];

    make(f, "observer", 0, secret);
    expect_stranger(f, enrol(secret, "grafana"), REPLY_OK, "");
    cr_expect(strstr(f->events, "client.enrolled: grafana is now an observer.") != NULL, "%s",
              f->events);
    cr_expect_eq(ask(f, CLIENT_STRANGER, ask_for(OP_STATUS)), REPLY_OK);
    cr_expect_eq(ask(f, CLIENT_STRANGER, ask_for(OP_TOKEN_LIST)), REPLY_FORBIDDEN);
    expect_stranger(f, enrol(secret, "grafana"), REPLY_OK, ""); /* asked again */
    fleet_free(f);
}

Test(query_token, no_client_without_a_good_token)
{
    struct fleet *f = fleet_new();
    char secret[TOKEN_SECRET_TEXT], of_node[TOKEN_SECRET_TEXT], late[TOKEN_SECRET_TEXT];
    static const char unknown[] = "0123456789abcdef0123456789abcdef";

    make(f, "operator", 0, secret);
    make(f, "node", 0, of_node);
    make(f, "observer", 1000, late);
    expect_stranger(f, enrol(secret, NULL), REPLY_INVALID, "needs a name");
    expect_stranger(f, enrol(secret, "a b"), REPLY_INVALID, "needs a name");
    expect_stranger(f, enrol(NULL, "me"), REPLY_REFUSED, "not known here");
    expect_stranger(f, enrol(unknown, "me"), REPLY_REFUSED, "not known here");
    expect_stranger(f, enrol("short", "me"), REPLY_REFUSED, "not known here");
    expect_stranger(f, enrol(of_node, "me"), REPLY_REFUSED, "another role");
    fleet_pass(f, 1000);
    expect_stranger(f, enrol(late, "me"), REPLY_REFUSED, "expired");
    expect_refusal(f, enrol(secret, "me"), REPLY_INVALID, "local socket needs no enrolment");
    cr_expect_eq(ask(f, CLIENT_STRANGER, ask_for(OP_STATUS)), REPLY_FORBIDDEN);
    cr_assert_eq(ask(f, CLIENT_OPERATOR, enrol(secret, "me")), REPLY_OK);
    expect_stranger(f, enrol(secret, "me"), REPLY_REFUSED, "used already");
    fleet_free(f);
}

/* ---- taking it back -------------------------------------------------------------------------- */

static struct request named(enum client_op op, const char *name)
{
    struct request req = ask_for(op);

    REC_SET(&req, request, name, name);
    return req;
}

Test(query_token, a_revoked_token_admits_nobody)
{
    struct fleet *f = fleet_new();
    char secret[TOKEN_SECRET_TEXT], id[16];

    make(f, "observer", 0, secret);
    snprintf(id, sizeof id, "%s", token(f, 0)->id);
    expect_refusal(f, named(OP_TOKEN_REVOKE, "00000000"), REPLY_NOT_FOUND,
                   "no unused token '00000000'");
    expect_refusal(f, ask_for(OP_TOKEN_REVOKE), REPLY_NOT_FOUND, "no unused token");
    cr_assert_eq(ask(f, CLIENT_LOCAL, named(OP_TOKEN_REVOKE, id)), REPLY_OK);
    cr_expect(strstr(f->events, "token.revoked: Token ") != NULL, "%s", f->events);
    expect_stranger(f, enrol(secret, "grafana"), REPLY_REFUSED, "not known");
    ask(f, CLIENT_LOCAL, ask_for(OP_TOKEN_LIST));
    cr_expect_eq(f->reply->tokens.n, 0);
    make(f, "observer", 1000, secret);
    snprintf(id, sizeof id, "%s", token(f, 0)->id);
    fleet_pass(f, 1000);
    expect_refusal(f, named(OP_TOKEN_REVOKE, id), REPLY_NOT_FOUND, "no unused token");
    fleet_free(f);
}

static const struct client_info *client(const struct fleet *f, size_t i)
{
    cr_assert_lt(i, f->reply->clients.n);
    return (const struct client_info *)f->reply->clients.v + i;
}

Test(query_token, a_revoked_client_is_out_for_good)
{
    struct fleet *f = fleet_new();
    char secret[TOKEN_SECRET_TEXT], key[KEY_TEXT];
    struct host h;

    host_init(&h, f, 1);
    host_join(&h);
    ask(f, CLIENT_LOCAL, ask_for(OP_CLIENT_LIST));
    cr_expect_eq(f->reply->clients.n, 0, "a node is none");
    make(f, "observer", 0, secret);
    expect_stranger(f, enrol(secret, "grafana"), REPLY_OK, "");
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_CLIENT_LIST)), REPLY_OK);
    cr_assert_eq(f->reply->clients.n, 1);
    cr_expect_str_eq(client(f, 0)->name, "grafana");
    cr_expect_str_eq(client(f, 0)->role, "observer");
    cr_expect_str_eq(client(f, 0)->state, "active");
    cr_expect_eq(client(f, 0)->created_ms, f->wall.v);
    snprintf(key, sizeof key, "%.8s", client(f, 0)->key);
    expect_refusal(f, named(OP_CLIENT_REVOKE, "nobody"), REPLY_NOT_FOUND, "no active client");
    expect_refusal(f, named(OP_CLIENT_REVOKE, "node-1"), REPLY_NOT_FOUND, "no active client");
    cr_assert_eq(ask(f, CLIENT_LOCAL, named(OP_CLIENT_REVOKE, key)), REPLY_OK);
    cr_expect(strstr(f->events, "client.revoked: grafana (key ") != NULL, "%s", f->events);
    expect_stranger(f, ask_for(OP_STATUS), REPLY_FORBIDDEN, "was revoked; a new key");
    ask(f, CLIENT_LOCAL, ask_for(OP_CLIENT_LIST));
    cr_expect_str_eq(client(f, 0)->state, "revoked");
    make(f, "observer", 0, secret);
    expect_stranger(f, enrol(secret, "grafana"), REPLY_FORBIDDEN, "was revoked");
    expect_refusal(f, named(OP_CLIENT_REVOKE, "grafana"), REPLY_NOT_FOUND, "no active client");
    fleet_free(f);
}

Test(query_token, of_two_clients_with_one_name_the_key_says_which)
{
    struct fleet *f = fleet_new();
    char secret[TOKEN_SECRET_TEXT], key[KEY_TEXT];
    struct request req;

    make(f, "observer", 0, secret);
    expect_stranger(f, enrol(secret, "grafana"), REPLY_OK, "");
    make(f, "observer", 0, secret);
    req = enrol(secret, "grafana");
    cr_assert_eq(ask(f, CLIENT_OBSERVER, req), REPLY_OK, "another key");
    ask(f, CLIENT_LOCAL, ask_for(OP_CLIENT_LIST));
    cr_assert_eq(f->reply->clients.n, 2);
    snprintf(key, sizeof key, "%s", client(f, 0)->key);
    expect_refusal(f, named(OP_CLIENT_REVOKE, "grafana"), REPLY_REFUSED, "2 clients are called");
    cr_assert_eq(ask(f, CLIENT_LOCAL, named(OP_CLIENT_REVOKE, key)), REPLY_OK);
    cr_expect_eq(ask(f, CLIENT_LOCAL, named(OP_CLIENT_REVOKE, "grafana")), REPLY_OK);
    fleet_free(f);
}
