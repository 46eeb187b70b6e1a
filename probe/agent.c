/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent's life and its step. */
#include <errno.h>
#include <sodium/utils.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent_internal.h"
#include "base/limits.h"
#include "base/log.h"

enum { ASK_FIRST_MS = 1000, ASK_BEATS = 4, SHORTEST_BEAT_MS = 100 };

static const struct {
    const char *name;
    uint32_t sections;
} kinds[WORKER_KIND_COUNT] = {
    [WORKER_SYSTEM] = { "system", 1u << SECTION_SYSTEM | 1u << SECTION_CPU },
    [WORKER_NET] = { "net", 1u << SECTION_NICS | 1u << SECTION_BONDS | 1u << SECTION_VLANS |
                                1u << SECTION_BRIDGES },
    [WORKER_LLDP] = { "lldp", 1u << SECTION_LLDP },
    [WORKER_STORAGE] = { "storage", 1u << SECTION_HBAS | 1u << SECTION_LUNS | 1u << SECTION_PATHS |
                                        1u << SECTION_PARTITIONS | 1u << SECTION_FILESYSTEMS |
                                        1u << SECTION_USES },
    [WORKER_LVM] = { "lvm", 1u << SECTION_PVS | 1u << SECTION_VGS | 1u << SECTION_LVS },
    [WORKER_XEN] = { "xen", 1u << SECTION_XEN | 1u << SECTION_DOMAINS },
};

const char *worker_kind_name(enum worker_kind k)
{
    return (unsigned)k < WORKER_KIND_COUNT ? kinds[k].name : "?";
}

int worker_kind_by_name(const char *name)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        if (strcmp(kinds[k].name, name) == 0)
            return k;
    }
    return -1;
}

uint32_t worker_kind_sections(enum worker_kind k)
{
    return (unsigned)k < WORKER_KIND_COUNT ? kinds[k].sections : 0;
}

struct agent_action *turn_action(struct turn *t, enum agent_action_type type)
{
    struct agent_action *x = arena_zalloc(t->arena, sizeof *x);

    if (x == NULL) {
        t->failed = true;
        return NULL;
    }
    x->type = type;
    *t->tail = x;
    t->tail = &x->next;
    return x;
}

static void log_text(struct turn *t, int level, const char *text)
{
    const char *copy = arena_strdup(t->arena, text);
    struct agent_action *x = copy == NULL ? NULL : turn_action(t, AGENT_LOG);

    if (x == NULL) {
        t->failed = true;
        return;
    }
    x->text = copy;
    x->level = level;
}

void turn_log(struct turn *t, int level, const char *fmt, ...)
{
    char text[sizeof((struct agent *)0)->said];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_text(t, level, text);
}

void agent_complain(struct agent *a, struct turn *t, int level, const char *fmt, ...)
{
    char text[sizeof a->said];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (strcmp(text, a->said) == 0)
        return;
    memcpy(a->said, text, sizeof text);
    log_text(t, level, text);
}

/* SplitMix64. */
static uint64_t next_random(struct agent *a)
{
    uint64_t x = a->random += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

int64_t agent_jitter(struct agent *a, int64_t ms)
{
    int64_t half = ms / 2;

    return ms - (int64_t)(next_random(a) % (uint64_t)(half + 1));
}

int64_t agent_backoff(struct agent *a)
{
    int64_t most = ASK_BEATS * a->heartbeat_ms, ms = ASK_FIRST_MS;

    for (uint32_t i = 1; i < a->attempts && ms < most; i++)
        ms *= 2;
    return agent_jitter(a, ms < most ? ms : most);
}

void agent_enter(struct agent *a, enum agent_state state, mono_ms now, int64_t delay_ms)
{
    a->state = state;
    a->state_seq = a->next_seq;
    a->retry_at.v = now.v + delay_ms;
    a->burst.open = 0;
    agent_lease_void(a);
}

static int64_t or_default(int64_t v, int64_t fallback)
{
    return v > 0 ? v : fallback;
}

struct agent *agent_new(const struct agent_config *config)
{
    struct agent *a = calloc(1, sizeof *a);

    if (a == NULL)
        return NULL;
    a->config = *config;
    a->config.rescan_ms = or_default(config->rescan_ms, DEFAULT_RESCAN_MS);
    a->config.worker_timeout_ms = or_default(config->worker_timeout_ms, DEFAULT_WORKER_TIMEOUT_MS);
    a->heartbeat_ms = or_default(config->heartbeat_ms, DEFAULT_HEARTBEAT_MS);
    if (a->heartbeat_ms < SHORTEST_BEAT_MS)
        a->heartbeat_ms = SHORTEST_BEAT_MS;
    a->enrolled = config->enrolled;
    a->random = config->jitter_seed;
    /* 0 is what an answer to nothing carries. */
    a->next_seq = config->first_seq > 0 ? config->first_seq : 1;
    if (config->secret != NULL)
        snprintf(a->secret, sizeof a->secret, "%s", config->secret);
    a->config.secret = NULL;
    a->config.memory = NULL;
    if (config->memory != NULL)
        agent_remember(a, config->memory);
    a->dirty = false;
    for (int i = 0; i < SECTION_COUNT; i++)
        a->parts[i].content.id = (enum section_id)i;
    if (agent_lease_init(a) == 0 && agent_mend_init(a) == 0 && agent_change_init(a) == 0)
        return a;
    agent_free(a);
    return NULL;
}

void agent_free(struct agent *a)
{
    if (a == NULL)
        return;
    for (int i = 0; i < SECTION_COUNT; i++)
        arena_free(a->parts[i].arena);
    agent_lease_deinit(a);
    agent_rescan_deinit(a);
    agent_change_deinit(a);
    agent_refresh_deinit(a);
    sodium_memzero(a->secret, sizeof a->secret);
    free(a);
}

static void on_start(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    if (a->state != AGENT_IDLE)
        return;
    a->started = t->now;
    for (int i = 0; i < SECTION_COUNT; i++)
        a->parts[i].status_since = t->now;
    agent_plan_start(a, t->now);
    agent_enter(a, a->enrolled ? AGENT_REGISTERING : AGENT_ENROLLING, t->now, 0);
    (void)ev;
}

static void on_tick(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    (void)a;
    (void)ev;
    (void)t;
}

static void on_message(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    agent_hear(a, t, ev->message);
}

static void on_hint(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    agent_plan_hint(a, ev->worker.kind, t->now);
}

/* Where PVs may come and go. */
static const enum section_id lvm_lies_on[] = { SECTION_LUNS, SECTION_PARTITIONS,
                                               SECTION_FILESYSTEMS };

static void on_done(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    digest128 before[ARRAY_LEN(lvm_lies_on)];
    mono_ms began = a->jobs[ev->worker.kind].started;
    bool differs = false;

    /* A worker that was given up says nothing that counts. */
    if (a->jobs[ev->worker.kind].state != JOB_RUNNING)
        return;
    for (size_t i = 0; i < ARRAY_LEN(lvm_lies_on); i++)
        before[i] = a->parts[lvm_lies_on[i]].content.digest;
    agent_worker_done(a, t, ev);
    agent_plan_done(a, ev->worker.kind, ev->worker.error == NULL, t->now);
    /* At the start LVM looks at the same time. */
    for (size_t i = 0; i < ARRAY_LEN(lvm_lies_on); i++)
        differs |= a->parts[lvm_lies_on[i]].content.generation > 1 &&
                   !digest_eq(before[i], a->parts[lvm_lies_on[i]].content.digest);
    if (differs)
        agent_plan_hint(a, WORKER_LVM, t->now);
    if (ev->worker.kind == WORKER_LVM)
        agent_refresh_looked(a, t, began);
}

static void on_stuck(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    struct worker_job *j = &a->jobs[ev->worker.kind];

    if (j->state != JOB_RUNNING)
        return;
    j->state = JOB_STUCK;
    agent_mark(a, t, ev->worker.kind, SECTION_STUCK, ev->worker.error);
    if (ev->worker.kind == WORKER_LVM)
        agent_refresh_looked(a, t, t->now);
}

static void on_gone(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    struct worker_job *j = &a->jobs[ev->worker.kind];

    if (j->state != JOB_STUCK)
        return;
    j->state = JOB_IDLE;
    j->again = false;
    j->hinted = j->asked = false;
    j->due = t->now;
}

static void on_scan_done(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    agent_scan_done(a, t, ev);
}

static void on_scan_clean(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    (void)t;
    agent_scan_clean(a, ev);
}

static void on_reach_done(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    agent_reach_done(a, t, ev);
}

static void on_rescan_hint(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    agent_rescan_hint(a, t, ev);
}

static void on_rescan_done(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    agent_rescan_done(a, t, ev);
}

static void on_change_done(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    agent_change_done(a, t, ev);
}

static void on_refresh_done(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    agent_mend_done(a, t, ev);
}

static void on_stop(struct agent *a, const struct agent_event *ev, struct turn *t)
{
    agent_lease_stop(a, t);
    agent_goodbye(a, t, ev->reason);
    agent_enter(a, AGENT_STOPPED, t->now, 0);
}

static bool names_a_worker(enum agent_event_type type)
{
    return type == AGENT_KERNEL_HINT || type == AGENT_WORKER_DONE || type == AGENT_WORKER_STUCK ||
           type == AGENT_WORKER_GONE;
}

int agent_step(struct agent *a, const struct agent_event *ev, struct arena *arena,
               struct agent_action **actions)
{
    static void (*const handlers[])(struct agent *, const struct agent_event *, struct turn *) = {
        [AGENT_START] = on_start,
        [AGENT_TICK] = on_tick,
        [AGENT_MESSAGE] = on_message,
        [AGENT_KERNEL_HINT] = on_hint,
        [AGENT_WORKER_DONE] = on_done,
        [AGENT_WORKER_STUCK] = on_stuck,
        [AGENT_WORKER_GONE] = on_gone,
        [AGENT_STOP] = on_stop,
        [AGENT_SCAN_DONE] = on_scan_done,
        [AGENT_SCAN_CLEAN] = on_scan_clean,
        [AGENT_REACH_DONE] = on_reach_done,
        [AGENT_RESCAN_HINT] = on_rescan_hint,
        [AGENT_RESCAN_DONE] = on_rescan_done,
        [AGENT_CHANGE_DONE] = on_change_done,
        [AGENT_REFRESH_DONE] = on_refresh_done,
    };
    struct turn t = { .arena = arena, .tail = actions, .now = ev->now };

    *actions = NULL;
    if (a->state == AGENT_STOPPED || (a->state == AGENT_IDLE && ev->type != AGENT_START))
        return 0;
    if (names_a_worker(ev->type) && (unsigned)ev->worker.kind >= WORKER_KIND_COUNT)
        return 0;
    agent_lease_time(a, &t);
    handlers[ev->type](a, ev, &t);
    if (a->state != AGENT_STOPPED)
        agent_plan_run(a, &t);
    agent_talk(a, &t);
    return t.failed ? -ENOMEM : 0;
}

static mono_ms earlier(mono_ms x, mono_ms y)
{
    return x.v < y.v ? x : y;
}

mono_ms agent_next_deadline(const struct agent *a)
{
    if (a->state == AGENT_IDLE || a->state == AGENT_STOPPED)
        return (mono_ms){ INT64_MAX };
    return earlier(agent_plan_deadline(a),
                   earlier(agent_talk_deadline(a),
                           earlier(agent_rights_deadline(a),
                                   earlier(agent_rescan_deadline(a), agent_change_deadline(a)))));
}

bool agent_registered(const struct agent *a)
{
    return a->state == AGENT_FOLLOWING;
}

const struct section *agent_section(const struct agent *a, enum section_id id)
{
    return &a->parts[id].content;
}
