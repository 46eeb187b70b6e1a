/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the coordinator's answers do. An answer counts only for a question of the present state:
 * what is late, doubled or out of order finds its question gone. */
#include "agent_internal.h"
#include "base/guard.h"
#include "base/limits.h"
#include "base/log.h"
#include "wire/codec.h"

enum {
    LONGEST_WAIT_MS = 60000, /* whatever the coordinator asks for */
    LONGEST_BEAT_MS = 60000,
    SHORTEST_BEAT_MS = 100,
    HELD_MS = 30000, /* a report that is wrong is not repeated before */
};

static bool answers_now(const struct agent *a, const struct envelope *env)
{
    return env->correlation >= a->state_seq && env->correlation < a->next_seq;
}

static int64_t asked_wait(struct agent *a, uint64_t retry_ms, int64_t fallback)
{
    if (retry_ms == 0)
        return fallback;
    if (retry_ms > LONGEST_WAIT_MS)
        retry_ms = LONGEST_WAIT_MS;
    /* Never sooner than asked, and not all at once. */
    return (int64_t)retry_ms + agent_jitter(a, (int64_t)retry_ms / 4);
}

static void ask_later(struct agent *a, struct turn *t, int64_t wait_ms)
{
    a->retry_at.v = t->now.v + wait_ms;
}

static void hear_rejected(struct agent *a, struct turn *t, const struct enrolled *body)
{
    bool had_secret = a->secret[0] != '\0' && !a->without_secret;

    agent_complain(a, t, LOG_LEVEL_ERROR, "the coordinator rejects this node%s: %s",
                   had_secret ? "'s token; asking for an operator's approval instead" : "",
                   body->text == NULL ? "it gave no reason" : body->text);
    a->without_secret = had_secret;
    ask_later(a, t, had_secret ? agent_backoff(a) : agent_jitter(a, SLOW_RETRY_MS));
}

static void hear_enrolled(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct enrolled *body = env->enrolled;

    if (a->state != AGENT_ENROLLING || !answers_now(a, env))
        return;
    if (body->state == ENROL_REJECTED) {
        hear_rejected(a, t, body);
    } else if (body->state != ENROL_APPROVED) {
        agent_complain(a, t, LOG_LEVEL_INFO, "waiting to be admitted: %s",
                       body->text == NULL ? "the coordinator gave no reason" : body->text);
        a->attempts = 0;
        ask_later(a, t, asked_wait(a, body->retry_ms, agent_jitter(a, DECLINING_RETRY_MS)));
    } else {
        turn_log(t, LOG_LEVEL_INFO, "enrolled: this boot's key is admitted");
        a->said[0] = '\0';
        a->attempts = 0;
        a->enrolled = true;
        a->dirty = true;
        agent_enter(a, AGENT_REGISTERING, t->now, 0);
    }
}

static bool named(const struct strs *names, int section)
{
    for (size_t i = 0; i < names->n; i++) {
        if (section_by_name(names->v[i]) == section)
            return true;
    }
    return false;
}

/* What it did not ask for, it has as the register said. */
static void note_offered(struct agent *a, const struct strs *want)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        struct part *p = &a->parts[i];

        p->told_any = p->offered_any && !named(want, i);
        p->told = p->offered;
        p->not_before.v = 0;
    }
}

static void take_heartbeat(struct agent *a, uint64_t ms)
{
    if (ms >= SHORTEST_BEAT_MS && ms <= LONGEST_BEAT_MS)
        a->heartbeat_ms = (int64_t)ms;
}

/* A register that was repeated may be answered by two starts of the coordinator, and the answer of
 * the later one may come when the first has been taken. But it has been told less than is
 * remembered by now, so that it could not find out that its database is old: it is told anew. True:
 * it may be taken all the same. */
static bool another_start(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct memory *c = env->registered->coordinator;
    bool later = a->state == AGENT_FOLLOWING && env->correlation < a->next_seq &&
                 !agent_same_start(a, c) && agent_decline(a, c) == NULL;

    if (later && GUARD(TOLD_ALL, true))
        agent_enter(a, AGENT_REGISTERING, t->now, 0);
    return later && !GUARD(TOLD_ALL, true);
}

static void hear_registered(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct registered *body = env->registered;
    bool asked = agent_duties[a->state].registers && answers_now(a, env);
    const char *why;

    if (!asked && !another_start(a, t, env))
        return;
    why = agent_decline(a, body->coordinator);
    if (why != NULL) {
        agent_complain(a, t, LOG_LEVEL_ERROR, "not following this coordinator: %s", why);
        agent_enter(a, AGENT_DECLINING, t->now, agent_jitter(a, DECLINING_RETRY_MS));
        return;
    }
    turn_log(t, LOG_LEVEL_INFO, "registered as %s",
             body->node_name == NULL ? "a node without a name" : body->node_name);
    a->said[0] = '\0';
    a->attempts = 0;
    agent_remember(a, body->coordinator);
    take_heartbeat(a, body->heartbeat_ms);
    note_offered(a, &body->want);
    agent_enter(a, AGENT_FOLLOWING, t->now, 0);
    a->leases.renew_at = t->now; /* does it know them? */
    a->heard = t->now;
    a->report_at = t->now;
    a->beat_at.v = t->now.v + agent_jitter(a, a->heartbeat_ms);
}

bool agent_hears(struct agent *a, struct turn *t, const struct envelope *env)
{
    if (a->state != AGENT_FOLLOWING || GUARD(ANSWERS_NOW, !answers_now(a, env)))
        return false;
    if (agent_is_followed(a, env->start))
        return true;
    agent_enter(a, AGENT_REGISTERING, t->now, 0);
    return false;
}

static void hear_heartbeat_ack(struct agent *a, struct turn *t, const struct envelope *env)
{
    if (!agent_hears(a, t, env))
        return;
    a->heard = t->now;
    agent_saw_generation(a, env->heartbeat_ack->generation);
    for (int i = 0; i < SECTION_COUNT; i++) {
        struct part *p = &a->parts[i];

        /* Asked before the last report had come? That report answers it. */
        if (!named(&env->heartbeat_ack->want, i) || env->correlation < p->reported_seq)
            continue;
        p->told_any = false;
        if (p->reported_seq >= a->burst.first && p->reported_seq <= a->burst.last)
            a->burst.open = 0; /* it was lost */
    }
}

static void close_report(struct agent *a, uint64_t correlation)
{
    struct burst *b = &a->burst;

    if (b->open != 0 && correlation >= b->first && correlation <= b->last)
        b->open &= ~(1u << (correlation - b->first));
}

static void hear_report_ack(struct agent *a, struct turn *t, const struct envelope *env)
{
    const struct section_state *s = env->report_ack->sections.v;
    bool more = false;

    if (!agent_hears(a, t, env))
        return;
    a->heard = t->now;
    agent_saw_generation(a, env->report_ack->generation);
    for (size_t i = 0; i < env->report_ack->sections.n; i++) {
        struct part *p;

        if (s[i].section >= SECTION_COUNT)
            continue;
        p = &a->parts[s[i].section];
        if (p->reported_seq == env->correlation && wire_digest(s[i].digest, &p->told))
            p->told_any = true;
    }
    for (int i = 0; i < SECTION_COUNT; i++)
        more |= a->parts[i].reported_seq == env->correlation && !a->parts[i].told_any;
    close_report(a, env->correlation);
    if (more) /* not all of it was kept: no reason to repeat it at full speed */
        a->report_at.v = t->now.v + agent_jitter(a, a->heartbeat_ms);
}

static void react_enrol(struct agent *a, struct turn *t, const struct envelope *env)
{
    (void)env;
    a->dirty |= a->enrolled;
    a->enrolled = false;
    a->without_secret = false;
    agent_enter(a, AGENT_ENROLLING, t->now, a->attempts == 0 ? 0 : agent_backoff(a));
}

static void react_register(struct agent *a, struct turn *t, const struct envelope *env)
{
    (void)env;
    agent_enter(a, AGENT_REGISTERING, t->now, a->attempts == 0 ? 0 : agent_backoff(a));
}

/* The state's own question, later; who was registered must ask anew. */
static void wait_with(struct agent *a, struct turn *t, int64_t wait_ms)
{
    enum agent_state next = agent_duties[a->state].beats ? AGENT_REGISTERING : a->state;

    agent_enter(a, next, t->now, wait_ms);
}

static void react_wait(struct agent *a, struct turn *t, const struct envelope *env)
{
    wait_with(a, t, asked_wait(a, env->refused->retry_ms, agent_backoff(a)));
}

static void react_slow(struct agent *a, struct turn *t, const struct envelope *env)
{
    (void)env;
    wait_with(a, t, agent_jitter(a, SLOW_RETRY_MS));
}

/* The coordinator is there but takes nothing just now: reports wait, heartbeats go on. */
static void react_ease(struct agent *a, struct turn *t, const struct envelope *env)
{
    int64_t wait_ms = asked_wait(a, env->refused->retry_ms, agent_jitter(a, a->heartbeat_ms));

    if (a->state != AGENT_FOLLOWING) {
        react_wait(a, t, env);
        return;
    }
    a->heard = t->now;
    if (env->correlation == 0)
        a->burst.open = 0;
    close_report(a, env->correlation);
    a->report_at.v = t->now.v + wait_ms;
}

/* Something in the message is wrong and would be wrong again. */
static void react_hold(struct agent *a, struct turn *t, const struct envelope *env)
{
    if (a->state != AGENT_FOLLOWING) {
        react_slow(a, t, env);
        return;
    }
    a->heard = t->now;
    for (int i = 0; i < SECTION_COUNT; i++) {
        struct part *p = &a->parts[i];
        bool on_its_way = a->burst.open != 0 && p->reported_seq >= a->burst.first;

        if (p->reported_seq != 0 &&
            (p->reported_seq == env->correlation || (env->correlation == 0 && on_its_way)))
            p->not_before.v = t->now.v + agent_jitter(a, HELD_MS);
    }
    if (env->correlation == 0)
        a->burst.open = 0;
    close_report(a, env->correlation);
}

/* The network may have doubled a message; only if the question itself is refused are we behind.
 * Never ahead of the clock by more than what was sent: a later probe of this boot begins with the
 * clock, and its lists must count as newer than all that is still on its way. */
static void react_skip(struct agent *a, struct turn *t, const struct envelope *env)
{
    (void)env;
    if (!agent_duties[a->state].registers && !agent_duties[a->state].enrols)
        return;
    if (a->next_seq < (uint64_t)t->now.v * 1000)
        a->next_seq = (uint64_t)t->now.v * 1000;
    wait_with(a, t, agent_backoff(a));
}

static void hear_refused(struct agent *a, struct turn *t, const struct envelope *env)
{
    static void (*const reactions[])(struct agent *, struct turn *, const struct envelope *) = {
        [REFUSE_MALFORMED] = react_hold,    [REFUSE_VERSION] = react_slow,
        [REFUSE_TOO_LARGE] = react_hold,    [REFUSE_UNKNOWN_KEY] = react_enrol,
        [REFUSE_ROLE] = react_slow,         [REFUSE_IDENTITY] = react_slow,
        [REFUSE_RETIRED_BOOT] = react_slow, [REFUSE_REPLAY] = react_skip,
        [REFUSE_FLOOD] = react_ease,        [REFUSE_QUARANTINED] = react_slow,
        [REFUSE_PENDING] = react_wait,      [REFUSE_NOT_REGISTERED] = react_register,
        [REFUSE_RECOVER] = react_wait,      [REFUSE_BUSY] = react_ease,
    };
    const struct refused *body = env->refused;
    bool known = body->reason < ARRAY_LEN(reactions) && reactions[body->reason] != NULL;

    /* What cannot be read at all is refused without a number. */
    if (env->correlation != 0 && !answers_now(a, env))
        return;
    agent_lease_refused(a, t, env);
    agent_rescan_refused(a, env);
    agent_complain(a, t, LOG_LEVEL_WARNING, "the coordinator refuses (%s): %s",
                   known ? refuse_reason_name((enum refuse_reason)body->reason) : "unknown reason",
                   body->text == NULL ? "it gave no reason" : body->text);
    (known ? reactions[body->reason] : react_slow)(a, t, env);
}

void agent_hear(struct agent *a, struct turn *t, const struct envelope *env)
{
    if (env->enrolled != NULL)
        hear_enrolled(a, t, env);
    else if (env->registered != NULL)
        hear_registered(a, t, env);
    else if (env->heartbeat_ack != NULL)
        hear_heartbeat_ack(a, t, env);
    else if (env->report_ack != NULL)
        hear_report_ack(a, t, env);
    else if (env->refused != NULL)
        hear_refused(a, t, env);
    else if (!agent_rescan_hear(a, t, env))
        agent_lease_hear(a, t, env);
}
