/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Envelopes to nodes, and the account of messages that were dropped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "wire/codec.h"
#include "wire/version.h"

enum {
    DROP_PERIOD_MS = 60000, /* one event for a key and reason in this time */
    DROP_EVENTS = 300,      /* and so many for all */
    DROP_KEYS = 8192,
};

static int send_envelope(struct step *s, struct envelope *env, struct route route)
{
    struct outgoing *out = arena_zalloc(s->u->arena, sizeof *out);

    if (out == NULL)
        return -ENOMEM;
    out->route = route;
    out->env = env;
    *s->u->messages_tail = out;
    s->u->messages_tail = &out->next;
    return 0;
}

/* Nodes may be rolled to another version one by one, so each is answered in what it speaks. */
static struct envelope *envelope_new(struct step *s, const struct node *n, uint64_t version,
                                     struct route route)
{
    struct envelope *env = arena_zalloc(s->u->arena, sizeof *env);
    const uint8_t *start;

    if (env == NULL)
        return NULL;
    REC_SET(env, envelope, version, version_of_answer(s->c->config.protocol, version));
    start = arena_memdup(s->u->arena, s->c->nonce.b, 16);
    if (start == NULL)
        return NULL;
    REC_SET(env, envelope, start, wire_bytes16(start));
    if (n != NULL) {
        const uint8_t *id = arena_memdup(s->u->arena, n->row.id.b, 16);

        if (id == NULL)
            return NULL;
        REC_SET(env, envelope, node_id, wire_bytes16(id));
    }
    return send_envelope(s, env, route) < 0 ? NULL : env;
}

struct envelope *node_envelope(struct step *s, const struct node *n)
{
    return envelope_new(s, n, n->protocol, n->route);
}

/* One that is refused for its version is told in the coordinator's own. */
static uint64_t version_of_event(const struct step *s)
{
    uint64_t own = s->c->config.protocol;
    uint64_t asked = s->ev->type == COORD_NODE_BAD ? own : s->ev->node.env->version;

    return version_is_served(own, asked) ? asked : own;
}

/* An envelope that is sent to where the event came from. */
struct envelope *answer_new(struct step *s, const struct node *n, uint64_t correlation)
{
    struct envelope *env = envelope_new(s, n, version_of_event(s), s->ev->route);

    if (env != NULL)
        REC_SET(env, envelope, correlation, correlation);
    return env;
}

static uint64_t correlation_of(const struct step *s)
{
    return s->ev->type == COORD_NODE_BAD ? s->ev->bad.correlation : s->ev->node.env->seq;
}

static int refused_send(struct step *s, enum refuse_reason reason, const char *text,
                        int64_t retry_ms)
{
    struct envelope *env = answer_new(s, NULL, correlation_of(s));
    struct refused *body = arena_zalloc(s->u->arena, sizeof *body);

    if (env == NULL || body == NULL)
        return -ENOMEM;
    REC_SET(body, refused, reason, (uint64_t)reason);
    if (text != NULL) {
        REC_SET(body, refused, text, arena_strdup(s->u->arena, text));
        if (body->text == NULL)
            return -ENOMEM;
    }
    if (retry_ms > 0)
        REC_SET(body, refused, retry_ms, (uint64_t)retry_ms);
    REC_SET(env, envelope, refused, body);
    return 0;
}

int answer_refused(struct step *s, enum refuse_reason reason, const char *text, int64_t retry_ms)
{
    int rc = drop_count(s, reason, text, 1);

    return rc < 0 ? rc : refused_send(s, reason, text, retry_ms);
}

int answer_enrolled(struct step *s, enum enrol_state state, const char *text, int64_t retry_ms)
{
    struct envelope *env = answer_new(s, NULL, correlation_of(s));
    struct enrolled *body = arena_zalloc(s->u->arena, sizeof *body);

    if (env == NULL || body == NULL)
        return -ENOMEM;
    REC_SET(body, enrolled, state, (uint64_t)state);
    if (text != NULL) {
        REC_SET(body, enrolled, text, arena_strdup(s->u->arena, text));
        if (body->text == NULL)
            return -ENOMEM;
    }
    if (retry_ms > 0)
        REC_SET(body, enrolled, retry_ms, (uint64_t)retry_ms);
    REC_SET(env, envelope, enrolled, body);
    return 0;
}

static void drop_times_clear(struct coord *c)
{
    size_t it = 0;
    struct drop *d;

    while ((d = map_next(c->drop_times, &it)) != NULL) {
        map_del(c->drop_times, &d->id, sizeof d->id);
        free(d);
    }
}

/* 1: an event is due; 0: there was one lately; -ENOMEM. */
static int drop_due(struct coord *c, const pubkey *key, enum refuse_reason reason)
{
    struct drop probe, *d;

    if (mono_since(c->now, c->drop_window) >= DROP_PERIOD_MS) {
        c->drop_window = c->now;
        c->drop_events = 0;
    }
    memset(&probe, 0, sizeof probe);
    probe.id.key = *key;
    probe.id.reason = (uint8_t)reason;
    d = map_get(c->drop_times, &probe.id, sizeof probe.id);
    if (d == NULL) {
        if (map_count(c->drop_times) >= DROP_KEYS)
            drop_times_clear(c);
        d = malloc(sizeof *d);
        if (d == NULL)
            return -ENOMEM;
        *d = probe;
        if (map_put(c->drop_times, &d->id, sizeof d->id, d) < 0) {
            free(d);
            return -ENOMEM;
        }
    } else if (mono_since(c->now, d->at) < DROP_PERIOD_MS) {
        return 0;
    }
    d->at = c->now;
    return c->drop_events++ < DROP_EVENTS ? 1 : 0;
}

int drop_count(struct step *s, enum refuse_reason reason, const char *text, uint64_t count)
{
    struct coord *c = s->c;
    const struct key *k = key_by(c, &s->ev->key);
    char hex[KEY_TEXT];
    int due;

    if ((size_t)reason >= DROP_REASONS)
        reason = REFUSE_MALFORMED;
    c->dropped += count;
    c->drops[reason] += count;
    /* After each restart every node is told to register: counted, but no event. */
    due = c->read_only || reason == REFUSE_NOT_REGISTERED ? 0 : drop_due(c, &s->ev->key, reason);
    if (due <= 0)
        return due;
    return event(s, "message.refused", SEVERITY_WARNING, k != NULL ? k->node : NULL, NULL,
                 "Refused a message of %s%.8s (%s): %s",
                 k != NULL && k->node != NULL ? k->node->row.name : "key ",
                 k != NULL && k->node != NULL ? "" : key_text(s->ev->key, hex),
                 refuse_reason_name(reason), text != NULL ? text : "no further reason.");
}

/* What the shell dropped before it came here. */
int session_bad(struct step *s)
{
    uint64_t count = s->ev->bad.count > 0 ? s->ev->bad.count : 1;
    int rc;

    s->c->received += count;
    rc = drop_count(s, s->ev->bad.reason, s->ev->bad.text, count);
    if (rc < 0 || !s->ev->bad.answer)
        return rc;
    return refused_send(s, s->ev->bad.reason, s->ev->bad.text, 0);
}
