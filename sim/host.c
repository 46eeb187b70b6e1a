/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine: the real agent, with workers that bring what stock.c says after a while. What a probe
 * keeps in /run outlives it, but not the boot. */
#include <stdlib.h>

#include "sim_internal.h"
#include "wire/codec.h"

enum { WORKER_US = 8000, BOOT_US = 20000000 };

static void step(struct sim *s, struct host *h, struct agent_event *ev);

struct errand { /* of a worker */
    struct host *host;
    enum worker_kind kind;
};

static void worker_done(struct sim *s, void *what, uint64_t life)
{
    struct errand *w = what;
    struct section sections[SECTION_COUNT];
    struct agent_event ev = { .type = AGENT_WORKER_DONE };
    struct arena *a;

    if (w->host->agent == NULL || w->host->life != life) {
        free(w);
        return;
    }
    if (w->host->paused) {
        agenda_put_owned(s, s->now + WORKER_US, worker_done, w, life);
        return;
    }
    a = arena_new(0);
    ev.worker.kind = w->kind;
    ev.worker.sections = sections;
    if (stock_sections(w->host, w->kind, a, sections, &ev.worker.section_count) != 0)
        sim_fail(s, "the inventory of host %u is wrong", w->host->no);
    step(s, w->host, &ev);
    arena_free(a);
    free(w);
}

static void wake(struct sim *s, void *what, uint64_t stamp)
{
    struct host *h = what;

    if (h->agent != NULL && !h->paused && h->stamp == stamp)
        step(s, h, &(struct agent_event){ .type = AGENT_TICK });
}

static void arm(struct sim *s, struct host *h)
{
    world_us at = clock_reaches(&h->clock, s->now, agent_next_deadline(h->agent));

    if (at != WORLD_NEVER)
        agenda_put(s, at, wake, h, ++h->stamp);
}

static void save(struct host *h, const struct agent_action *x)
{
    h->enrolled = x->enrolled;
    h->remembers = x->memory != NULL;
    if (x->memory == NULL)
        return;
    h->memory = *x->memory;
    if (h->memory.db_id.n == sizeof h->db_id) {
        memcpy(h->db_id, h->memory.db_id.p, sizeof h->db_id);
        h->memory.db_id.p = h->db_id;
    }
    if (h->memory.nonce.n == sizeof h->nonce) {
        memcpy(h->nonce, h->memory.nonce.p, sizeof h->nonce);
        h->memory.nonce.p = h->nonce;
    }
}

static void act(struct sim *s, struct host *h, const struct agent_action *x)
{
    struct errand *w;

    switch (x->type) {
    case AGENT_SEND:
        net_send_up(s, h, x->env);
        break;
    case AGENT_RUN_WORKER:
        w = malloc(sizeof *w);
        if (w == NULL)
            abort();
        *w = (struct errand){ h, x->kind };
        agenda_put_owned(s, s->now + dice_about(s, WORKER_US), worker_done, w, h->life);
        break;
    case AGENT_SAVE_MEMORY:
        save(h, x);
        break;
    case AGENT_RUN_SCAN:
    case AGENT_EXTEND_SCAN:
    case AGENT_KILL_SCAN:
    case AGENT_RUN_REACH:
        sim_fail(s, "%s is to scan, and the coordinator here offers nothing", h->name);
        break;
    case AGENT_LOG:
        sim_trace(s, "%s: %s", h->name, x->text);
        break;
    }
}

static void step(struct sim *s, struct host *h, struct agent_event *ev)
{
    struct agent_action *actions = NULL;
    struct arena *a = arena_new(0);

    ev->now = clock_shows(&h->clock, s->now);
    s->counts.steps++;
    if (agent_step(h->agent, ev, a, &actions) != 0)
        sim_fail(s, "a step of %s fails", h->name);
    for (; actions != NULL; actions = actions->next)
        act(s, h, actions);
    arena_free(a);
    arm(s, h);
}

void host_probe_start(struct sim *s, struct host *h)
{
    struct agent_config config = {
        .node_id = h->id,
        .boot_id = h->boot,
        .identity = &h->identity,
        .secret = h->secrets[(h->boots - 1) % HOST_TOKENS],
        .enrolled = h->enrolled,
        .memory = h->remembers ? &h->memory : NULL,
        .rescan_ms = DEFAULT_RESCAN_MS,
        .worker_timeout_ms = DEFAULT_WORKER_TIMEOUT_MS,
        .coalesce_ms = DEFAULT_COALESCE_MS,
        .heartbeat_ms = DEFAULT_HEARTBEAT_MS,
        .jitter_seed = (uint32_t)dice(s),
        .first_seq = (uint64_t)clock_shows(&h->clock, s->now).v * 1000,
    };

    if (!h->powered || h->agent != NULL)
        return;
    h->life++;
    sim_trace(s, "%s: its probe starts", h->name);
    h->agent = agent_new(&config);
    step(s, h, &(struct agent_event){ .type = AGENT_START });
}

static void forget_late(struct host *h)
{
    for (size_t i = 0; i < h->late_n; i++)
        free(h->late[i]);
    h->late_n = 0;
}

void host_probe_end(struct sim *s, struct host *h)
{
    if (h->agent == NULL)
        return;
    s->counts.ends++;
    sim_trace(s, "%s: its probe ends by kill -9", h->name);
    agent_free(h->agent);
    h->agent = NULL;
    h->life++;
    forget_late(h);
}

void host_power_off(struct sim *s, struct host *h)
{
    if (!h->powered)
        return;
    host_probe_end(s, h);
    sim_trace(s, "%s: is off", h->name);
    h->powered = h->paused = false;
}

void host_power_on(struct sim *s, struct host *h)
{
    if (h->powered)
        return;
    h->powered = true;
    h->boots++;
    h->enrolled = h->remembers = false;
    dice_fill(s, &h->boot, sizeof h->boot);
    dice_fill(s, &h->key, sizeof h->key);
    clock_start(&h->clock, s->now, BOOT_US, (int32_t)dice_below(s, 1001) - 500);
    sim_trace(s, "%s: boots", h->name);
    host_probe_start(s, h);
}

void host_pause(struct sim *s, struct host *h, bool clock_too)
{
    if (!h->powered || h->paused)
        return;
    s->counts.pauses++;
    sim_trace(s, "%s: is stopped%s", h->name, clock_too ? " with its clock" : "");
    h->paused = true;
    if (clock_too)
        clock_stop(&h->clock, s->now);
}

static void hear(struct sim *s, struct host *h, struct letter *l)
{
    struct agent_event ev = { .type = AGENT_MESSAGE };
    struct envelope *env;
    struct err e = { "" };

    arena_reset(s->scratch);
    if (wire_decode_envelope(l->bytes, l->n, s->scratch, &env, &e) != 0)
        sim_fail(s, "a coordinator's message cannot be decoded: %s", e.text);
    net_describe(s, "heard", h, false, env);
    ev.message = env;
    if (!s->failed)
        step(s, h, &ev);
    free(l);
}

void host_go_on(struct sim *s, struct host *h)
{
    struct letter **late = h->late;
    size_t n = h->late_n;

    if (!h->paused)
        return;
    sim_trace(s, "%s: goes on", h->name);
    h->paused = false;
    if (h->clock.stopped)
        clock_go_on(&h->clock, s->now);
    h->late = NULL;
    h->late_n = h->late_cap = 0;
    for (size_t i = 0; i < n; i++) {
        if (h->agent != NULL)
            hear(s, h, late[i]);
        else
            free(late[i]);
    }
    free(late);
    if (h->agent != NULL)
        step(s, h, &(struct agent_event){ .type = AGENT_TICK });
}

void host_deliver(struct sim *s, struct letter *l)
{
    struct host *h = l->host;

    if (h->agent == NULL) {
        free(l);
        return;
    }
    if (!h->paused) {
        hear(s, h, l);
        return;
    }
    if (h->late_n == h->late_cap) {
        h->late_cap = h->late_cap == 0 ? 16 : 2 * h->late_cap;
        h->late = realloc(h->late, h->late_cap * sizeof(struct letter *));
        if (h->late == NULL)
            abort();
    }
    h->late[h->late_n++] = l;
}
