/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for changes. The coordinator sends hints for DEFAULT_WATCH_MS after it was asked; a wait
 * asks again well before that, and whenever the connection has come up anew. */
#include "internal.h"

#include <errno.h>

#include "base/limits.h"
#include "base/text.h"

#define RENEW_MS (DEFAULT_WATCH_MS / 3)

static bool renewal_due(const struct muster_client *c, mono_ms now)
{
    return c->watch_ups != c->conn.ups || mono_since(now, c->watch_at) >= RENEW_MS;
}

static int renew(struct muster_client *c, mono_ms now)
{
    struct request req = { 0 };
    int rc;

    REC_SET(&req, request, op, OP_WATCH);
    rc = exchange_send(c, &req, &c->watch_correlation);
    c->watch_ups = c->conn.ups;
    c->watch_at = now;
    return rc;
}

static mono_ms earlier(mono_ms a, mono_ms b)
{
    return a.v < b.v ? a : b;
}

/* A hint may be older than what the caller has seen since, so it can only raise the figures. */
static bool take_hint(const struct muster_client *c, uint64_t *generation, uint64_t *event_no)
{
    bool higher = c->hint_generation > *generation || c->hint_event_no > *event_no;

    if (c->hint_generation > *generation)
        *generation = c->hint_generation;
    if (c->hint_event_no > *event_no)
        *event_no = c->hint_event_no;
    return higher;
}

/* The answer to a renewal that this wait has sent is newer than the caller's figures, so that lower
 * ones mean another database, and the caller has to hear of it too. */
static int take_message(struct muster_client *c, uint64_t *generation, uint64_t *event_no,
                        bool *changed, bool *answered)
{
    struct muster_reply r;
    int rc = exchange_take(c, &r);

    if (rc == EXCHANGE_NOTHING)
        return 0;
    if (rc != 0)
        return rc;
    if (r.reply->correlation == c->watch_correlation || r.reply->correlation == 0) {
        *answered = true;
        if (r.reply->code != REPLY_OK)
            rc = client_fail(c, MUSTER_E_REPLY, "%s",
                             r.reply->text != NULL ? r.reply->text
                                                   : "the coordinator sends no hints");
        c->hint_generation = r.reply->generation;
        c->hint_event_no = r.reply->event_no;
        *changed = c->hint_generation != *generation || c->hint_event_no != *event_no;
        *generation = c->hint_generation;
        *event_no = c->hint_event_no;
    }
    muster_reply_free(&r);
    return rc;
}

/* 0: the figures have changed; -ETIMEDOUT; MUSTER_E_... */
static int wait_change(struct muster_client *c, uint64_t *generation, uint64_t *event_no,
                       mono_ms until)
{
    bool changed = false, answered = true;
    mono_ms answer_by = until;

    while (!changed) {
        mono_ms now = clock_mono();
        int rc;

        if (take_hint(c, generation, event_no))
            return 0;
        if (c->conn.state == CONN_UP && renewal_due(c, now)) {
            rc = renew(c, now);
            if (rc != 0)
                return rc;
            answered = false;
            answer_by = (mono_ms){ now.v + c->timeout_ms };
        }
        rc = conn_wait(
            &c->conn, earlier(until, answered ? (mono_ms){ c->watch_at.v + RENEW_MS } : answer_by));
        now = clock_mono();
        if (rc == CONN_MESSAGE)
            rc = take_message(c, generation, event_no, &changed, &answered);
        else if (rc == CONN_STATE && c->conn.state != CONN_UP)
            rc = exchange_ready(c, (mono_ms){ now.v + c->timeout_ms });
        else if (rc < 0 && rc != -ETIMEDOUT)
            rc = exchange_broken(c, rc);
        else
            rc = 0;
        if (rc != 0)
            return rc;
        if (!changed && !answered && now.v >= answer_by.v)
            return client_fail(c, MUSTER_E_UNREACHABLE,
                               "the coordinator at %s has stopped answering", c->endpoint);
        if (!changed && now.v >= until.v)
            return -ETIMEDOUT;
    }
    return 0;
}

int muster_wait(struct muster_client *c, uint64_t *generation, uint64_t *event_no,
                int64_t timeout_ms)
{
    mono_ms now = clock_mono(), until = { now.v + timeout_ms };
    char limit[24];
    int rc;

    c->err.text[0] = '\0';
    rc = exchange_ready(c, (mono_ms){ now.v + c->timeout_ms });
    if (rc == 0)
        rc = wait_change(c, generation, event_no, until);
    if (rc == -ETIMEDOUT)
        client_fail(c, rc, "nothing changed within %s", duration_text(timeout_ms, limit));
    else if (rc != 0)
        conn_close(&c->conn);
    return rc;
}
