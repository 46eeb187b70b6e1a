/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine: the real agent and the real pool of scans, with workers that bring what stock.c says
 * after a while. What a probe keeps in /run outlives it, but not the boot. */
#include <stdarg.h>
#include <stdlib.h>

#include "core/list.h"
#include "probe_options.h"
#include "process_internal.h"
#include "wire/codec.h"

enum { WORKER_US = 8000, LVM_US = 250000, BOOT_US = 20000000, SWEEP_US = 50000, HINT_US = 20000 };
enum { HINT_LOST_PPM = 100000 };

static const struct probe_options options = { .run_dir = "/run/muster-probe",
                                              .worker_timeout_ms = DEFAULT_WORKER_TIMEOUT_MS };

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

    if (w->host->supervisor.agent == NULL || w->host->life != life) {
        free(w);
        return;
    }
    if (w->host->paused || w->host->stopped) {
        agenda_put_owned(s, s->now + WORKER_US, worker_done, w, life);
        return;
    }
    a = arena_new(0);
    ev.worker.kind = w->kind;
    ev.worker.sections = sections;
    if (stock_sections(s, w->host, w->kind, a, sections, &ev.worker.section_count) != 0)
        sim_fail(s, "the inventory of host %u is wrong", w->host->no);
    step(s, w->host, &ev);
    arena_free(a);
    free(w);
}

static void wake(struct sim *s, void *what, uint64_t stamp)
{
    struct host *h = what;

    if (h->stamp != stamp)
        return;
    h->wakes = 0;
    host_turn(s, h);
}

static void arm(struct sim *s, struct host *h)
{
    mono_ms at = scan_pool_deadline(h->supervisor.scans);
    world_us when;

    if (h->supervisor.agent != NULL && agent_next_deadline(h->supervisor.agent).v < at.v)
        at = agent_next_deadline(h->supervisor.agent);
    if (h->supervisor.agent != NULL && change_pool_deadline(h->supervisor.changes).v < at.v)
        at = change_pool_deadline(h->supervisor.changes);
    if (refresh_pool_deadline(h->supervisor.refreshes).v < at.v)
        at = refresh_pool_deadline(h->supervisor.refreshes);
    when = clock_reaches(&h->clock, s->now, at);
    if (h->supervisor.agent == NULL && when > s->now + SWEEP_US)
        when = s->now + SWEEP_US;
    if (when == WORLD_NEVER || when == h->wakes)
        return;
    h->wakes = when;
    agenda_put(s, when, wake, h, ++h->stamp);
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

/* LVM takes longer than others, and tells what there was when it began. */
static void run_errand(struct sim *s, struct host *h, enum worker_kind kind)
{
    bool looks = kind == WORKER_LVM && s->group != NULL;
    struct errand *w = malloc(sizeof *w);

    if (w == NULL)
        abort();
    *w = (struct errand){ h, kind };
    if (looks)
        group_looks(s, h);
    agenda_put_owned(s, s->now + dice_about(s, looks ? LVM_US : WORKER_US), worker_done, w,
                     h->life);
}

static void act(struct sim *s, struct host *h, const struct agent_action *x)
{
    switch (x->type) {
    case AGENT_SEND:
        net_send_up(s, h, x->env);
        break;
    case AGENT_RUN_WORKER:
        run_errand(s, h, x->kind);
        break;
    case AGENT_SAVE_MEMORY:
        save(h, x);
        break;
    case AGENT_RUN_SCAN:
    case AGENT_EXTEND_SCAN:
    case AGENT_KILL_SCAN:
    case AGENT_RUN_REACH:
        supervisor_scan(&h->supervisor, x, clock_shows(&h->clock, s->now));
        break;
    case AGENT_RUN_CHANGE:
        supervisor_change(&h->supervisor, x, clock_shows(&h->clock, s->now));
        break;
    case AGENT_RUN_RESCAN: /* no operator of this world asks for one */
        break;
    case AGENT_RUN_REFRESH:
        supervisor_refresh(&h->supervisor, x);
        break;
    case AGENT_LOG:
        sim_trace(s, "%s: %s", h->name, x->text);
        break;
    }
}

static void step(struct sim *s, struct host *h, struct agent_event *ev)
{
    struct agent_action *actions = NULL;
    struct arena *a = s->actions;

    arena_reset(a);
    process_at(s, h);
    ev->now = clock_shows(&h->clock, s->now);
    s->counts.steps++;
    if (agent_step(h->supervisor.agent, ev, a, &actions) != 0)
        sim_fail(s, "a step of %s fails", h->name);
    for (; actions != NULL; actions = actions->next)
        act(s, h, actions);
    arm(s, h);
}

void supervisor_log(enum log_level level, const char *fmt, ...)
{
    char text[200];
    struct sim *s;
    struct host *h = process_here(&s);
    va_list args;

    (void)level;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sim_trace(s, "%s: %s", h->name, text);
}

/* What supervisor_scan.c has to tell. */
int supervisor_step(struct supervisor *supervisor, const struct agent_event *ev, struct err *e)
{
    struct host *h = container_of(supervisor, struct host, supervisor);
    struct agent_event copy = *ev;

    (void)e;
    step(h->sim, h, &copy);
    return 0;
}

/* What is on a simulated disk may change; which disk it is does not. */
int supervisor_look_again(struct supervisor *supervisor, const struct scan_order *order,
                          mono_ms now, struct err *e)
{
    (void)supervisor;
    (void)order;
    (void)now;
    (void)e;
    return 0;
}

static void agent_begin(struct sim *s, struct host *h)
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
        .mends = s->o.mapped,
        .first_seq = (uint64_t)clock_shows(&h->clock, s->now).v * 1000,
    };
    struct arena *a = arena_new(0);
    struct agent_residue *residues;
    struct agent_change *changes;

    if (scan_pool_residues(h->supervisor.scans, a, &residues, &config.residue_count) < 0 ||
        change_pool_known(h->supervisor.changes, a, &changes, &config.change_count) < 0 ||
        refresh_pool_known(h->supervisor.refreshes, a, &config.refreshes, &config.refresh_count) <
            0)
        abort();
    config.residues = residues;
    config.changes = changes;
    h->supervisor.agent = agent_new(&config);
    step(s, h, &(struct agent_event){ .type = AGENT_START });
    arena_free(a);
}

void host_turn(struct sim *s, struct host *h)
{
    struct supervisor *p = &h->supervisor;
    mono_ms now = clock_shows(&h->clock, s->now);
    struct err e;

    if (p->scans == NULL || h->paused || h->stopped)
        return;
    process_at(s, h);
    processes_reap(h);
    supervisor_hear_scans(p, now, &e);
    supervisor_hear_changes(p, now, &e);
    supervisor_hear_refreshes(p, now, &e);
    if (p->agent == NULL && !scan_pool_sweeps(p->scans, now))
        agent_begin(s, h);
    else if (p->agent != NULL && agent_next_deadline(p->agent).v <= now.v)
        step(s, h, &(struct agent_event){ .type = AGENT_TICK });
    arm(s, h);
}

static void hint_of(struct sim *s, struct host *h, enum worker_kind kind)
{
    struct agent_event ev = { .type = AGENT_KERNEL_HINT, .worker.kind = kind };

    if (h->supervisor.agent != NULL && !h->paused && !h->stopped)
        step(s, h, &ev);
}

static void hint(struct sim *s, void *what, uint64_t life)
{
    struct host *h = what;

    if (h->life == life)
        hint_of(s, h, WORKER_STORAGE);
}

void host_lvm_hint(struct sim *s, struct host *h)
{
    hint_of(s, h, WORKER_LVM);
}

void host_loses_luns(struct sim *s, struct host *h)
{
    sim_trace(s, "%s: has lost the LUNs of the volume group", h->name);
    h->lost_luns = true;
    hint_of(s, h, WORKER_STORAGE);
    hint_of(s, h, WORKER_LVM);
}

void host_has_luns(struct sim *s, struct host *h)
{
    if (!h->lost_luns)
        return;
    h->lost_luns = false;
    hint_of(s, h, WORKER_STORAGE);
    hint_of(s, h, WORKER_LVM);
}

void host_mounts_changed(struct sim *s, struct host *h)
{
    if (!dice_chance(s, HINT_LOST_PPM))
        agenda_put(s, s->now + HINT_US, hint, h, h->life);
}

void host_probe_start(struct sim *s, struct host *h)
{
    struct err e = { "" };

    if (!h->powered || h->supervisor.scans != NULL)
        return;
    h->life++;
    sim_trace(s, "%s: its probe starts", h->name);
    h->supervisor.options = &options;
    h->supervisor.boot_id = h->boot;
    h->supervisor.dir = &h->run;
    process_at(s, h);
    if (supervisor_open_scans(&h->supervisor, h->name, &e) < 0 ||
        supervisor_open_changes(&h->supervisor, h->name, &e) < 0 ||
        supervisor_open_refreshes(&h->supervisor, h->name, &e) < 0)
        sim_fail(s, "%s: %s", h->name, e.text);
    else
        host_turn(s, h);
}

static void forget_late(struct host *h)
{
    for (size_t i = 0; i < h->late_n; i++)
        free(h->late[i]);
    h->late_n = 0;
}

void host_probe_end(struct sim *s, struct host *h)
{
    if (h->supervisor.scans == NULL)
        return;
    s->counts.ends++;
    h->stopped = false;
    sim_trace(s, "%s: its probe ends by kill -9", h->name);
    agent_free(h->supervisor.agent);
    h->supervisor.agent = NULL;
    processes_lose_supervisor(s, h);
    h->life++;
    forget_late(h);
}

void host_power_off(struct sim *s, struct host *h)
{
    if (!h->powered)
        return;
    host_probe_end(s, h);
    processes_end(h);
    disks_host_ends(s, h);
    users_host_ends(s, h);
    group_host_ends(s, h);
    sim_trace(s, "%s: is off", h->name);
    h->powered = h->paused = h->stopped = false;
}

void host_power_on(struct sim *s, struct host *h)
{
    if (h->powered || h->gone)
        return;
    h->powered = true;
    h->boots++;
    h->enrolled = h->remembers = false;
    h->thawed = 0;
    h->told = (struct host_told){ .result_n = 0 };
    h->told_group_n = 0;
    h->acked = (struct acked){ .any = false };
    memset(h->nonce, 0, sizeof h->nonce);
    dice_fill(s, &h->boot, sizeof h->boot);
    dice_fill(s, &h->key, sizeof h->key);
    clock_start(&h->clock, s->now, BOOT_US, sim_rate(s));
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
    if (!clock_too)
        return;
    clock_stop(&h->clock, s->now);
    processes_freeze(h);
}

void host_stop_probe(struct sim *s, struct host *h)
{
    sim_trace(s, "%s: its probe is stopped, and its workers go on", h->name);
    h->stopped = true;
}

static void hear(struct sim *s, struct host *h, struct letter *l)
{
    struct agent_event ev = { .type = AGENT_MESSAGE };
    struct envelope *env;
    struct err e = { "" };
    struct memory before = h->memory;
    uint8_t start[16];

    arena_reset(s->scratch);
    if (wire_decode_envelope(l->bytes, l->n, s->scratch, &env, &e) != 0)
        sim_fail(s, "a coordinator's message cannot be decoded: %s", e.text);
    net_describe(s, "heard", l, env);
    ev.message = env;
    oracle_group_heard(s, h, env);
    memcpy(start, h->nonce, sizeof start);
    if (!s->failed) {
        step(s, h, &ev);
        lineage_heard(s, l, env, &before, start);
    }
    free(l);
}

void host_go_on(struct sim *s, struct host *h)
{
    struct letter **late = h->late;
    size_t n = h->late_n;

    if (!h->paused && !h->stopped)
        return;
    sim_trace(s, "%s: goes on", h->name);
    h->paused = h->stopped = false;
    if (h->clock.stopped) {
        clock_go_on(&h->clock, s->now);
        h->thawed = s->now;
    }
    h->late = NULL;
    h->late_n = h->late_cap = 0;
    for (size_t i = 0; i < n; i++) {
        if (h->supervisor.agent != NULL)
            hear(s, h, late[i]);
        else
            free(late[i]);
    }
    free(late);
    processes_go_on(s, h);
    host_turn(s, h);
}

void host_deliver(struct sim *s, struct letter *l)
{
    struct host *h = l->host;

    if (h->supervisor.agent == NULL) {
        free(l);
        return;
    }
    if (!h->paused && !h->stopped) {
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
