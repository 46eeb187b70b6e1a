/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One-time tokens: made for an operator, used once by a node or a client. Secrets are answered once
 * and stored as hashes alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "wire/token.h"

#define TOKEN_TTL_DEFAULT_MS (INT64_C(24) * 3600 * 1000)
#define TOKEN_TTL_MAX_MS     (INT64_C(366) * 24 * 3600 * 1000)

int token_load(struct coord *c, const struct token_row *row)
{
    struct token *t = calloc(1, sizeof *t);
    int rc;

    if (t == NULL)
        return -ENOMEM;
    t->row = *row;
    link_init(&t->link);
    rc = map_put(c->tokens_by_hash, t->row.hash, sizeof t->row.hash, t);
    if (rc < 0) {
        free(t);
        return rc == -EEXIST ? 0 : rc;
    }
    link_append(&c->tokens, &t->link);
    return 0;
}

void token_free(struct coord *c, struct token *t)
{
    map_del(c->tokens_by_hash, t->row.hash, sizeof t->row.hash);
    link_remove(&t->link);
    free(t);
}

struct token *token_find(const struct coord *c, const char *secret)
{
    uint8_t hash[32];

    return token_hash(secret, hash) ? map_get(c->tokens_by_hash, hash, sizeof hash) : NULL;
}

const char *token_unusable(const struct coord *c, const struct token *t, enum role role,
                           uuid128 node)
{
    if (t == NULL)
        return "This token is not known here; ask an operator for another.";
    if (t->row.role != role)
        return "This token was made for another role.";
    if (t->row.state == TOKEN_USED)
        return "This token has been used already; each serves once.";
    if (t->row.state == TOKEN_EXPIRED || c->wall.v >= t->row.expires.v)
        return "This token has expired; ask an operator for another.";
    if (!uuid_is_nil(t->row.node) && !uuid_eq(t->row.node, node))
        return "This token was made for another node.";
    return NULL;
}

static const char *token_id(const struct token_row *t, char out[9])
{
    snprintf(out, 9, "%02x%02x%02x%02x", t->hash[0], t->hash[1], t->hash[2], t->hash[3]);
    return out;
}

int token_use(struct step *s, struct token *t, const struct node *n, const char *who)
{
    char id[9];
    int rc;

    t->row.state = TOKEN_USED;
    rc = emit_token(s, &t->row, CHANGE_TOKEN);
    if (rc < 0)
        return rc;
    return event(s, "token.used", SEVERITY_INFO, n, NULL, "Token %s was used by %s.",
                 token_id(&t->row, id), who);
}

static bool token_spent(const struct coord *c, const struct token *t)
{
    return t->row.state != TOKEN_UNUSED || c->wall.v >= t->row.expires.v;
}

/* Makes room for `more` tokens by deleting spent ones, oldest first. False: there is none. */
static int tokens_make_room(struct step *s, size_t more, bool *room)
{
    struct coord *c = s->c;
    struct link *at = c->tokens.next;

    while (map_count(c->tokens_by_hash) + more > LIMIT_TOKENS && at != &c->tokens) {
        struct token *t = container_of(at, struct token, link);
        int rc;

        at = at->next;
        if (!token_spent(c, t))
            continue;
        rc = emit_token(s, &t->row, CHANGE_TOKEN_DELETE);
        if (rc < 0)
            return rc;
        token_free(c, t);
    }
    *room = map_count(c->tokens_by_hash) + more <= LIMIT_TOKENS;
    return 0;
}

static int token_info_fill(const struct coord *c, struct arena *a, const struct token *t,
                           struct token_info *out)
{
    char id[9], node[UUID_TEXT];

    REC_SET(out, token_info, id, arena_strdup(a, token_id(&t->row, id)));
    REC_SET(out, token_info, role, role_name(t->row.role));
    REC_SET(out, token_info, expires_ms, t->row.expires.v);
    REC_SET(out, token_info, created_ms, t->row.created.v);
    REC_SET(out, token_info, state,
            t->row.state == TOKEN_USED ? "used"
            : token_spent(c, t)        ? "expired"
                                       : "unused");
    if (!uuid_is_nil(t->row.node)) {
        REC_SET(out, token_info, node, arena_strdup(a, uuid_text(t->row.node, node)));
        if (out->node == NULL)
            return -ENOMEM;
    }
    return out->id == NULL ? -ENOMEM : 0;
}

static int token_make(struct answer *q, struct token_row *row, struct token_info *out)
{
    uint8_t secret[16];
    char hex[TOKEN_SECRET_TEXT], text[TOKEN_TEXT];
    struct token *t;
    int rc;

    step_random(q->s, secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++)
        snprintf(hex + 2 * i, 3, "%02x", secret[i]);
    if (!token_hash(hex, row->hash))
        return -EINVAL;
    rc = token_load(q->c, row);
    if (rc == 0)
        rc = emit_token(q->s, row, CHANGE_TOKEN);
    if (rc < 0)
        return rc;
    t = map_get(q->c->tokens_by_hash, row->hash, sizeof row->hash);
    rc = token_info_fill(q->c, q->a, t, out);
    REC_SET(out, token_info, token,
            arena_strdup(q->a, token_format(q->c->config.server_key, secret, text)));
    return rc < 0 || out->token == NULL ? -ENOMEM : 0;
}

static int stop(int rc)
{
    return rc < 0 ? rc : 1;
}

/* Fills the row from the request. 1: refused, the answer says why. */
static int token_request(struct answer *q, struct token_row *row)
{
    const struct request *req = q->req;
    int role = req->role != NULL ? role_by_name(req->role) : ROLE_NODE;
    int64_t ttl = REC_HAS(req, request, ttl_ms) ? req->ttl_ms : TOKEN_TTL_DEFAULT_MS;

    if (role <= ROLE_NONE)
        return stop(answer_fail(q, REPLY_INVALID, "The role is node, observer or operator."));
    if (ttl < 1000 || ttl > TOKEN_TTL_MAX_MS)
        return stop(answer_fail(q, REPLY_INVALID, "A token lives from 1 s to 366 d."));
    *row = (struct token_row){ .role = (enum role)role,
                               .created = q->c->wall,
                               .expires = { q->c->wall.v + ttl },
                               .state = TOKEN_UNUSED };
    if (req->node == NULL)
        return 0;
    if (role != ROLE_NODE)
        return stop(answer_fail(q, REPLY_INVALID, "Only a token for a node can be bound to one."));
    if (!uuid128_parse(req->node, &row->node)) {
        struct node *n;
        int rc = answer_node(q, req->node, false, &n);

        if (rc < 0 || n == NULL)
            return rc < 0 ? rc : 1;
        row->node = n->row.id;
    }
    return 0;
}

int op_token_create(struct answer *q)
{
    uint64_t count = REC_HAS(q->req, request, count) ? q->req->count : 1;
    struct token_info *infos;
    struct token_row row;
    bool room;
    int rc = token_request(q, &row);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (count < 1 || count > LIMIT_TOKENS_PER_REQUEST)
        return answer_fail(q, REPLY_INVALID, "From 1 to %u tokens can be made at once.",
                           LIMIT_TOKENS_PER_REQUEST);
    rc = tokens_make_room(q->s, count, &room);
    if (rc < 0)
        return rc;
    if (!room)
        return answer_fail(q, REPLY_REFUSED,
                           "There would be more than %u unused tokens; let some be used or expire.",
                           LIMIT_TOKENS);
    infos = arena_array(q->a, count, sizeof *infos);
    if (infos == NULL)
        return -ENOMEM;
    for (uint64_t i = 0; i < count; i++) {
        rc = token_make(q, &row, &infos[i]);
        if (rc < 0)
            return rc;
    }
    REC_SET(q->r, reply, tokens, ((struct recs){ .v = infos, .n = count }));
    return event(q->s, "token.created", SEVERITY_INFO, NULL, NULL,
                 "%llu token%s for the role %s made.", (unsigned long long)count,
                 count == 1 ? "" : "s", role_name(row.role));
}

int op_token_list(struct answer *q)
{
    size_t n = map_count(q->c->tokens_by_hash), i = 0;
    struct token_info *infos = arena_array(q->a, n, sizeof *infos);

    if (infos == NULL)
        return -ENOMEM;
    for (struct link *l = q->c->tokens.next; l != &q->c->tokens; l = l->next) {
        int rc = token_info_fill(q->c, q->a, container_of(l, struct token, link), &infos[i++]);

        if (rc < 0)
            return rc;
    }
    REC_SET(q->r, reply, tokens, ((struct recs){ .v = infos, .n = n }));
    return 0;
}

/* How many unused tokens have this id; the first of them goes to *found. */
static size_t tokens_by_id(const struct coord *c, const char *text, struct token **found)
{
    char id[9];
    size_t n = 0;

    for (struct link *l = c->tokens.next; l != &c->tokens; l = l->next) {
        struct token *t = container_of(l, struct token, link);

        if (token_spent(c, t) || strcmp(token_id(&t->row, id), text) != 0)
            continue;
        if (n++ == 0)
            *found = t;
    }
    return n;
}

int op_token_revoke(struct answer *q)
{
    const char *text = q->req->name != NULL ? q->req->name : "";
    struct token *t = NULL;
    size_t n = tokens_by_id(q->c, text, &t);
    int rc;

    if (n == 0)
        return answer_fail(q, REPLY_NOT_FOUND,
                           "There is no unused token '%s'; 'muster token list' shows their ids.",
                           answer_quote(q, text));
    if (n > 1)
        return answer_fail(q, REPLY_REFUSED,
                           "%zu unused tokens have the id %s by chance; let them expire.", n, text);
    rc = emit_token(q->s, &t->row, CHANGE_TOKEN_DELETE);
    if (rc < 0)
        return rc;
    token_free(q->c, t);
    return event(q->s, "token.revoked", SEVERITY_INFO, NULL, NULL, "Token %s was revoked.", text);
}
