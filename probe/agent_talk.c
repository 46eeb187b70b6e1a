/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent says unasked, and when: enrol, register, heartbeat, goodbye. */
#include "agent_internal.h"
#include "base/limits.h"
#include "base/log.h"
#include "wire/codec.h"

enum { SILENT_BEATS = 3 };

const struct agent_duty agent_duties[AGENT_STATE_COUNT] = {
    [AGENT_IDLE] = { 0 },
    [AGENT_ENROLLING] = { .enrols = true },
    [AGENT_REGISTERING] = { .registers = true },
    [AGENT_FOLLOWING] = { .beats = true, .reports = true },
    /* It may be slow and count on the heartbeats, or it may be another start that knows nothing. */
    [AGENT_SILENT] = { .registers = true, .beats = true },
    /* Asks on, so that the coordinator learns what this node remembers. */
    [AGENT_DECLINING] = { .registers = true },
    [AGENT_STOPPED] = { 0 },
};

struct envelope *agent_envelope(struct agent *a, struct turn *t)
{
    struct envelope *env = arena_zalloc(t->arena, sizeof *env);
    struct agent_action *x = env == NULL ? NULL : turn_action(t, AGENT_SEND);

    if (x == NULL) {
        t->failed = true;
        return NULL;
    }
    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, node_id, wire_bytes16(a->config.node_id.b));
    REC_SET(env, envelope, boot_id, wire_bytes16(a->config.boot_id.b));
    REC_SET(env, envelope, seq, a->next_seq);
    a->next_seq++;
    x->env = env;
    return env;
}

static struct recs section_states(struct agent *a, struct turn *t)
{
    struct section_state *v = arena_array(t->arena, SECTION_COUNT, sizeof *v);
    struct recs out = { .v = v };

    if (v == NULL) {
        t->failed = true;
        return out;
    }
    for (int i = 0; i < SECTION_COUNT; i++) {
        const struct part *p = &a->parts[i];
        struct section_state *s = &v[out.n];

        if (!p->known)
            continue;
        REC_SET(s, section_state, section, (uint64_t)i);
        REC_SET(s, section_state, generation, p->content.generation);
        REC_SET(s, section_state, digest, wire_bytes16(p->content.digest.b));
        REC_SET(s, section_state, age_ms, part_age_ms(a, p, t->now));
        REC_SET(s, section_state, status_age_ms, mono_since(t->now, p->status_since));
        out.n++;
    }
    return out;
}

static void send_enrol(struct agent *a, struct turn *t)
{
    struct enrol *body = arena_zalloc(t->arena, sizeof *body);
    struct envelope *env = body == NULL ? NULL : agent_envelope(a, t);

    if (env == NULL) {
        t->failed = true;
        return;
    }
    if (a->secret[0] != '\0' && !a->without_secret)
        REC_SET(body, enrol, secret, a->secret);
    REC_SET(body, enrol, identity, a->config.identity);
    REC_SET(env, envelope, enrol, body);
}

static void send_register(struct agent *a, struct turn *t)
{
    struct node_register *body = arena_zalloc(t->arena, sizeof *body);
    struct envelope *env = NULL;
    struct recs rights;

    if (body != NULL && agent_rights(a, t, NULL, &rights))
        env = agent_envelope(a, t);
    if (env == NULL) {
        t->failed = true;
        return;
    }
    REC_SET(body, node_register, rights, rights);
    REC_SET(body, node_register, identity, a->config.identity);
    if (a->remembers)
        REC_SET(body, node_register, memory, &a->memory);
    REC_SET(body, node_register, sections, section_states(a, t));
    REC_SET(body, node_register, scans, a->leases.scans);
    REC_SET(env, envelope, node_register, body);
    for (int i = 0; i < SECTION_COUNT; i++) {
        a->parts[i].offered_any = a->parts[i].known;
        a->parts[i].offered = a->parts[i].content.digest;
    }
}

static void send_heartbeat(struct agent *a, struct turn *t)
{
    struct heartbeat *body = arena_zalloc(t->arena, sizeof *body);
    struct envelope *env = NULL;
    struct recs rights;

    if (body != NULL && agent_rights(a, t, NULL, &rights))
        env = agent_envelope(a, t);
    if (env == NULL) {
        t->failed = true;
        return;
    }
    REC_SET(body, heartbeat, rights, rights);
    REC_SET(body, heartbeat, sections, section_states(a, t));
    REC_SET(env, envelope, heartbeat, body);
}

void agent_goodbye(struct agent *a, struct turn *t, const char *reason)
{
    struct goodbye *body;
    struct envelope *env;

    if (!agent_duties[a->state].beats)
        return;
    body = arena_zalloc(t->arena, sizeof *body);
    env = body == NULL ? NULL : agent_envelope(a, t);
    if (env == NULL) {
        t->failed = true;
        return;
    }
    if (reason != NULL)
        REC_SET(body, goodbye, reason, reason);
    REC_SET(env, envelope, goodbye, body);
}

static mono_ms silent_at(const struct agent *a)
{
    return (mono_ms){ a->heard.v + SILENT_BEATS * a->heartbeat_ms + 1 };
}

static void notice_silence(struct agent *a, struct turn *t)
{
    if (a->state != AGENT_FOLLOWING || t->now.v < silent_at(a).v)
        return;
    agent_complain(a, t, LOG_LEVEL_WARNING,
                   "the coordinator has not answered for %lld ms; registering again",
                   (long long)mono_since(t->now, a->heard));
    a->attempts = 0;
    agent_enter(a, AGENT_SILENT, t->now, 0);
}

/* Before anything is sent: what a later probe must know is kept before this one acts on it. */
static void save_memory(struct agent *a, struct turn *t)
{
    struct agent_action *x = a->dirty ? turn_action(t, AGENT_SAVE_MEMORY) : NULL;

    if (x == NULL)
        return; /* still dirty, if it was */
    x->memory = a->remembers ? &a->memory : NULL;
    x->enrolled = a->enrolled;
    a->dirty = false;
}

void agent_talk(struct agent *a, struct turn *t)
{
    const struct agent_duty *duty;

    save_memory(a, t);
    notice_silence(a, t);
    agent_lease_run(a, t);
    agent_rescan_run(a, t);
    agent_change_run(a, t);
    agent_mend_run(a, t);
    duty = &agent_duties[a->state];
    if ((duty->enrols || duty->registers) && t->now.v >= a->retry_at.v) {
        a->attempts++;
        a->retry_at.v =
            t->now.v +
            (a->state == AGENT_DECLINING ? agent_jitter(a, DECLINING_RETRY_MS) : agent_backoff(a));
        if (duty->enrols)
            send_enrol(a, t);
        else
            send_register(a, t);
    }
    if (duty->beats && t->now.v >= a->beat_at.v) {
        a->beat_at.v = t->now.v + a->heartbeat_ms;
        send_heartbeat(a, t);
    }
    if (duty->reports) {
        agent_rights_talk(a, t);
        agent_rescan_talk(a, t);
        agent_change_talk(a, t);
        agent_report(a, t);
    }
}

mono_ms agent_talk_deadline(const struct agent *a)
{
    const struct agent_duty *duty = &agent_duties[a->state];
    mono_ms first = { INT64_MAX };

    if (duty->enrols || duty->registers)
        first = a->retry_at;
    if (duty->beats && a->beat_at.v < first.v)
        first = a->beat_at;
    if (a->state == AGENT_FOLLOWING && silent_at(a).v < first.v)
        first = silent_at(a);
    if (duty->reports) {
        mono_ms report = agent_report_deadline(a);

        if (report.v < first.v)
            first = report;
    }
    return first;
}
