/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rescans, as the node has them: what its storage has announced is told until it is noted, and not
 * again before a pause that grows; one order at a time is carried out, and its result is told until
 * it is answered (docs/ARCHITECTURE.md section 4, "Rescans"). */
#include <stdio.h>
#include <stdlib.h>

#include "agent_internal.h"
#include "base/limits.h"
#include "base/log.h"
#include "wire/codec.h"

enum {
    TELL_MS = 2000,        /* what is not answered is told again */
    FIRST_PAUSE_MS = 1000, /* before the same is wanted again; doubled each time */
    LONGEST_PAUSE_MS = 300000,
    FORGET_MS = 600000, /* after that the pause is short again */
    DECLINED_MS = 5000,
    KEPT_BYTES = 1 << 20, /* memory of an order and its result */
};

void agent_rescan_deinit(struct agent *a)
{
    for (size_t i = 0; i < a->rescans.count; i++)
        free(a->rescans.wants[i].what);
    free(a->rescans.wants);
    arena_free(a->rescans.arena);
}

/* ---- what is wanted ------------------------------------------------------------------------- */

/* The storage's own name of the target, as a path to it tells; NULL: none does. */
static const char *target_name(const struct agent *a, const struct scsi_address *at)
{
    const struct section *paths = &a->parts[SECTION_PATHS].content;

    for (size_t i = 0; i < paths->row_count; i++) {
        const struct path *row = section_row(paths, i);
        struct scsi_address x;

        if (row->address == NULL || !scsi_device_parse(row->address, &x) ||
            !scsi_same_target(&x, at))
            continue;
        if (row->target != NULL || row->target_port != NULL)
            return row->target != NULL ? row->target : row->target_port;
    }
    return NULL;
}

/* With the name of its target, if that is known and short enough. The caller frees it. */
static char *full_text(const struct agent *a, const char *what)
{
    struct rescan_what w;
    const char *name = NULL;
    char text[RESCAN_TEXT];

    if (!rescan_parse(what, &w))
        return NULL;
    if (w.kind == RESCAN_TARGET || w.kind == RESCAN_DEVICE)
        name = w.name[0] == '\0' ? target_name(a, &w.at) : NULL;
    if (name == NULL)
        return strdup(what);
    snprintf(text, sizeof text, "%s %s", what, name);
    return strdup(rescan_parse(text, &w) ? text : what);
}

static struct rescan_wish *wish_of(struct agent *a, const char *what)
{
    for (size_t i = 0; i < a->rescans.count; i++) {
        if (strcmp(a->rescans.wants[i].what, what) == 0)
            return &a->rescans.wants[i];
    }
    return NULL;
}

/* Takes `what`. NULL: out of memory. */
static struct rescan_wish *wish_new(struct agent *a, char *what)
{
    struct rescan_wish *v =
        realloc(a->rescans.wants, (a->rescans.count + 1) * sizeof *a->rescans.wants);

    if (v == NULL) {
        free(what);
        return NULL;
    }
    a->rescans.wants = v;
    v += a->rescans.count++;
    *v = (struct rescan_wish){ .what = what };
    return v;
}

static void wish_drop(struct agent *a, struct rescan_wish *w)
{
    free(w->what);
    *w = a->rescans.wants[--a->rescans.count];
}

static void want(struct agent *a, struct turn *t, const char *what)
{
    char *text = full_text(a, what);
    struct rescan_wish *w = text == NULL ? NULL : wish_of(a, text);

    if (w != NULL) {
        free(text);
    } else if (text != NULL && a->rescans.count >= RESCAN_WISHES && strcmp(text, "all") != 0) {
        free(text);
        want(a, t, "all"); /* too many to tell one by one */
        return;
    } else if (text != NULL) {
        w = wish_new(a, text);
    }
    t->failed |= w == NULL;
    if (w == NULL || w->state == WISH_DUE)
        return;
    if (w->state == WISH_NOTED)
        w->state = WISH_DUE;
    else
        w->again = true;
}

void agent_rescan_hint(struct agent *a, struct turn *t, const struct agent_event *ev)
{
    struct rescan_what w;

    if (!rescan_parse(ev->rescan.what, &w))
        return;
    want(a, t, ev->rescan.what);
    /* What the rescan finds is announced, and its end is a hint too; if it does not come (there is
     * no coordinator, or its budget is spent) storage looks without it. */
    agent_plan_hint_later(a, WORKER_STORAGE, t->now);
}

/* What is being looked at is wanted when that is over, since it may have been looked at before. */
static bool is_told_now(const struct agent *a, const struct rescan_wish *w, mono_ms now)
{
    const struct agent_rescans *r = &a->rescans;
    bool runs = r->state == RESCAN_NEW || r->state == RESCAN_RUNS;

    return w->state != WISH_NOTED && w->at.v <= now.v &&
           !(runs && strcmp(r->order->what, w->what) == 0);
}

static void tell_wants(struct agent *a, struct turn *t)
{
    const char **v = arena_array(t->arena, RESCAN_WISHES + 1, sizeof *v);
    struct rescan_want *body = arena_zalloc(t->arena, sizeof *body);
    struct envelope *env;
    size_t n = 0;

    for (size_t i = 0; v != NULL && i < a->rescans.count && n <= RESCAN_WISHES; i++) {
        if (is_told_now(a, &a->rescans.wants[i], t->now))
            v[n++] = arena_strdup(t->arena, a->rescans.wants[i].what);
    }
    if (n == 0)
        return;
    env = body == NULL ? NULL : agent_envelope(a, t);
    if (env == NULL) {
        t->failed = true;
        return;
    }
    for (size_t i = 0; i < a->rescans.count; i++) {
        struct rescan_wish *w = &a->rescans.wants[i];

        if (!is_told_now(a, w, t->now))
            continue;
        w->state = WISH_TOLD;
        w->told = env->seq;
        w->at.v = t->now.v + TELL_MS;
    }
    REC_SET(body, rescan_want, what, ((struct strs){ v, n }));
    REC_SET(env, envelope, rescan_want, body);
}

/* It is in the coordinator's hands. What was announced since then is told after a pause. */
static void noted(struct agent *a, struct turn *t, uint64_t seq)
{
    for (size_t i = 0; i < a->rescans.count; i++) {
        struct rescan_wish *w = &a->rescans.wants[i];

        if (w->state != WISH_TOLD || w->told != seq)
            continue;
        w->state = w->again ? WISH_DUE : WISH_NOTED;
        w->again = false;
        w->at.v = t->now.v + w->pause_ms;
        w->pause_ms = w->pause_ms == 0                     ? FIRST_PAUSE_MS
                      : w->pause_ms * 2 > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS
                                                           : w->pause_ms * 2;
    }
}

static void forget(struct agent *a, mono_ms now)
{
    for (size_t i = a->rescans.count; i-- > 0;) {
        struct rescan_wish *w = &a->rescans.wants[i];

        if (w->state == WISH_NOTED && now.v >= w->at.v + FORGET_MS)
            wish_drop(a, w);
    }
}

/* ---- what is ordered ------------------------------------------------------------------------ */

static bool same_order(const struct order_key *x, const struct order_key *y)
{
    return x->task == y->task && x->job == y->job && x->attempt == y->attempt;
}

static void decline(struct agent *a, struct turn *t, const struct rescan_order *o,
                    const char *reason)
{
    struct decline *body = arena_zalloc(t->arena, sizeof *body);
    struct envelope *env = body == NULL ? NULL : agent_envelope(a, t);

    if (env == NULL) {
        t->failed = true;
        return;
    }
    REC_SET(body, decline, order, o->order);
    REC_SET(body, decline, reason, reason);
    REC_SET(body, decline, retry_ms, DECLINED_MS);
    REC_SET(env, envelope, decline, body);
}

static void order_free(struct agent_rescans *r)
{
    arena_free(r->arena);
    r->arena = NULL;
    r->order = NULL;
    r->state = RESCAN_IDLE;
    r->told = r->last_told = 0;
}

static void take_up(struct agent *a, struct turn *t, const struct rescan_order *o)
{
    struct agent_rescans *r = &a->rescans;

    order_free(r); /* a result that was taken, as its answer was lost */
    r->arena = arena_new(KEPT_BYTES);
    r->order = r->arena == NULL ? NULL : record_dup(r->arena, &rescan_order_desc, o);
    if (r->order == NULL) {
        order_free(r);
        t->failed = true;
        return; /* it comes again */
    }
    r->key = *r->order->order;
    r->state = RESCAN_NEW;
}

static void hear_order(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct rescan_order *o = env->rescan_order;
    struct agent_rescans *r = &a->rescans;
    bool works = r->state == RESCAN_NEW || r->state == RESCAN_RUNS;

    if (a->state != AGENT_FOLLOWING || !agent_is_followed(a, env->start))
        return;
    if (r->state != RESCAN_IDLE && same_order(&r->key, o->order)) {
        if (r->state == RESCAN_TELLS)
            r->tell_at = t->now;
    } else if (r->stuck) {
        decline(a, t, o, "an earlier rescan has not ended here: its worker waits in the kernel");
    } else if (works && strcmp(r->order->what, o->what) == 0) {
        r->key = *o->order; /* the same once more */
    } else if (works) {
        decline(a, t, o, "another rescan is under way here");
    } else {
        take_up(a, t, o);
    }
}

void agent_rescan_run(struct agent *a, struct turn *t)
{
    struct agent_rescans *r = &a->rescans;
    struct agent_action *x;

    if (r->state != RESCAN_NEW)
        return;
    x = turn_action(t, AGENT_RUN_RESCAN);
    if (x == NULL)
        return; /* still new */
    x->rescan = r->order;
    r->state = RESCAN_RUNS;
}

void agent_rescan_done(struct agent *a, struct turn *t, const struct agent_event *ev)
{
    struct agent_rescans *r = &a->rescans;
    const struct rescan_result *copy;
    const char *why = ev->rescan.error;

    r->stuck = ev->rescan.stuck;
    if (r->state != RESCAN_RUNS)
        return;
    copy = ev->rescan.result == NULL ? NULL
                                     : record_dup(r->arena, &rescan_result_desc, ev->rescan.result);
    if (copy != NULL) {
        r->result = *copy;
    } else {
        const char *text = why == NULL ? NULL : arena_strdup(r->arena, why);

        r->result = (struct rescan_result){ .present = 0 };
        REC_SET(&r->result, rescan_result, done, false);
        REC_SET(&r->result, rescan_result, reason,
                text == NULL ? "the worker brought no result" : text);
        REC_SET(&r->result, rescan_result, again, true);
    }
    r->state = RESCAN_TELLS;
    r->tell_at = t->now;
}

static void tell_result(struct agent *a, struct turn *t)
{
    struct agent_rescans *r = &a->rescans;
    struct envelope *env = agent_envelope(a, t);

    if (env == NULL)
        return;
    REC_SET(&r->result, rescan_result, order, &r->key);
    REC_SET(env, envelope, rescan_result, &r->result);
    r->told = r->told == 0 ? env->seq : r->told;
    r->last_told = env->seq;
    r->tell_at.v = t->now.v + TELL_MS;
}

/* ---- answers -------------------------------------------------------------------------------- */

bool agent_rescan_hear(struct agent *a, struct turn *t, const struct envelope *env)
{
    struct agent_rescans *r = &a->rescans;

    if (env->rescan_order != NULL) {
        hear_order(a, t, env);
        return true;
    }
    if (env->rescan_noted != NULL) {
        if (agent_hears(a, t, env)) {
            a->heard = t->now;
            noted(a, t, env->correlation);
        }
        return true;
    }
    if (env->result_ack != NULL && r->state == RESCAN_TELLS && r->told != 0 &&
        env->correlation >= r->told && same_order(&r->key, env->result_ack->order) &&
        agent_hears(a, t, env)) {
        a->heard = t->now;
        order_free(r);
        return true;
    }
    return false;
}

void agent_rescan_refused(struct agent *a, const struct envelope *env)
{
    struct agent_rescans *r = &a->rescans;
    bool wrong =
        env->refused->reason == REFUSE_MALFORMED || env->refused->reason == REFUSE_TOO_LARGE;

    if (!wrong)
        return; /* it is told again */
    if (r->state == RESCAN_TELLS && r->last_told != 0 && r->last_told == env->correlation)
        order_free(r);
    for (size_t i = a->rescans.count; i-- > 0;) {
        struct rescan_wish *w = &a->rescans.wants[i];

        if (w->state == WISH_TOLD && w->told == env->correlation)
            wish_drop(a, w);
    }
}

void agent_rescan_talk(struct agent *a, struct turn *t)
{
    forget(a, t->now);
    tell_wants(a, t);
    if (a->rescans.state == RESCAN_TELLS && t->now.v >= a->rescans.tell_at.v)
        tell_result(a, t);
}

mono_ms agent_rescan_deadline(const struct agent *a)
{
    const struct agent_rescans *r = &a->rescans;
    mono_ms first = { INT64_MAX };

    if (r->state == RESCAN_NEW)
        first.v = 0; /* memory was short */
    if (a->state != AGENT_FOLLOWING)
        return first;
    if (r->state == RESCAN_TELLS && r->tell_at.v < first.v)
        first = r->tell_at;
    for (size_t i = 0; i < r->count; i++) {
        const struct rescan_wish *w = &r->wants[i];
        mono_ms at = { w->at.v + (w->state == WISH_NOTED ? FORGET_MS : 0) };

        if (at.v < first.v && (w->state == WISH_NOTED || is_told_now(a, w, at)))
            first = at;
    }
    return first;
}
