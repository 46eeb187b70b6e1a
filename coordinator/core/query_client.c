/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Remote clients: their keys. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum { KEY_DIGITS_LEAST = 8 };

/* An unknown key becomes a client. */
int op_client_enrol(struct answer *q)
{
    const struct coord_event *ev = q->s->ev;
    struct token *t = q->req->secret != NULL ? token_find(q->c, q->req->secret) : NULL;
    static const uuid128 nil;
    const char *why;
    struct key *k;
    int rc;

    if (ev->local || pubkey_is_nil(ev->key))
        return answer_fail(q, REPLY_INVALID,
                           "The local socket needs no enrolment; connect over tcp to enrol a key.");
    if (q->role == ROLE_OBSERVER || q->role == ROLE_OPERATOR)
        return 0; /* asked again by the same key */
    k = key_by(q->c, &ev->key);
    if (k != NULL)
        return answer_fail(q, REPLY_FORBIDDEN,
                           k->role == ROLE_NODE
                               ? "This key is a node's; a client needs a key of its own."
                               : "This key was revoked; enrol with a new one.");
    if (q->req->name == NULL || !node_name_valid(q->req->name))
        return answer_fail(q, REPLY_INVALID,
                           "A client needs a name of letters, digits, '.', '_' and '-'.");
    why = token_unusable(
        q->c, t, t != NULL && t->row.role == ROLE_OPERATOR ? ROLE_OPERATOR : ROLE_OBSERVER, nil);
    if (why != NULL)
        return answer_fail(q, REPLY_REFUSED, "%s", why);
    k = key_new(q->s, &ev->key, t->row.role, KEY_ACTIVE);
    if (k == NULL)
        return -ENOMEM;
    rc = text_set((const char **)&k->name, q->req->name);
    if (rc == 0)
        rc = emit_key(q->s, k, CHANGE_KEY);
    if (rc == 0)
        rc = token_use(q->s, t, NULL, q->req->name);
    if (rc < 0)
        return rc;
    return event(q->s, "client.enrolled", SEVERITY_INFO, NULL, NULL, "%s is now an %s.",
                 q->req->name, role_name(k->role));
}

/* ---- list and revoke ------------------------------------------------------------------------ */

static bool is_client(const struct key *k)
{
    return k->role == ROLE_OBSERVER || k->role == ROLE_OPERATOR;
}

static int by_age(const void *a, const void *b)
{
    const struct key *const *x = a, *const *y = b;

    if ((*x)->created.v != (*y)->created.v)
        return (*x)->created.v < (*y)->created.v ? -1 : 1;
    return memcmp((*x)->key.b, (*y)->key.b, sizeof(*x)->key.b);
}

static int client_info_fill(struct arena *a, const struct key *k, struct client_info *out)
{
    char key[KEY_TEXT];

    REC_SET(out, client_info, name, arena_strdup(a, k->name != NULL ? k->name : ""));
    REC_SET(out, client_info, key, arena_strdup(a, key_text(k->key, key)));
    REC_SET(out, client_info, role, role_name(k->role));
    REC_SET(out, client_info, state, k->state == KEY_ACTIVE ? "active" : "revoked");
    REC_SET(out, client_info, created_ms, k->created.v);
    return out->name == NULL || out->key == NULL ? -ENOMEM : 0;
}

int op_client_list(struct answer *q)
{
    struct key **keys = arena_array(q->a, map_count(q->c->keys) + 1, sizeof *keys), *k;
    struct client_info *infos;
    size_t n = 0, it = 0;

    if (keys == NULL)
        return -ENOMEM;
    while ((k = map_next(q->c->keys, &it)) != NULL) {
        if (is_client(k))
            keys[n++] = k;
    }
    qsort(keys, n, sizeof(struct key *), by_age);
    infos = arena_array(q->a, n + 1, sizeof *infos);
    if (infos == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (client_info_fill(q->a, keys[i], &infos[i]) < 0)
            return -ENOMEM;
    }
    REC_SET(q->r, reply, clients, ((struct recs){ .v = infos, .n = n }));
    return 0;
}

static bool is_called(const struct key *k, const char *text)
{
    char key[KEY_TEXT];
    size_t n = strlen(text);

    if (k->name != NULL && strcmp(k->name, text) == 0)
        return true;
    return n >= KEY_DIGITS_LEAST && strncmp(key_text(k->key, key), text, n) == 0;
}

/* How many active clients are called so; the first of them goes to *found. */
static size_t find_clients(const struct coord *c, const char *text, struct key **found)
{
    size_t n = 0, it = 0;
    struct key *k;

    while ((k = map_next(c->keys, &it)) != NULL) {
        if (!is_client(k) || k->state != KEY_ACTIVE || !is_called(k, text))
            continue;
        if (n++ == 0)
            *found = k;
    }
    return n;
}

/* The key stays, so that no token admits it again. */
int op_client_revoke(struct answer *q)
{
    const char *text = q->req->name != NULL ? q->req->name : "";
    char digits[KEY_TEXT];
    struct key *k = NULL;
    size_t n = find_clients(q->c, text, &k);
    int rc;

    if (n == 0)
        return answer_fail(q, REPLY_NOT_FOUND,
                           "There is no active client '%s'; 'muster client list' shows them.",
                           answer_quote(q, text));
    if (n > 1)
        return answer_fail(
            q, REPLY_REFUSED,
            "%zu clients are called '%s'; give the beginning of one's key, as muster "
            "client list shows it.",
            n, answer_quote(q, text));
    k->state = KEY_REVOKED;
    rc = emit_key(q->s, k, CHANGE_KEY);
    if (rc < 0)
        return rc;
    key_text(k->key, digits);
    digits[KEY_DIGITS_LEAST] = '\0';
    return event(q->s, "client.revoked", SEVERITY_WARNING, NULL, NULL,
                 "%s (key %s) is no client any more.", k->name != NULL ? k->name : "A client",
                 digits);
}
