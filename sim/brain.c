/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A coordinator: the real core, with the shell's rules about batches made again in little: steps,
 * one commit in flight, and only then the messages. A commit may fail, and the process may end at
 * any time between the two. */
#include <errno.h>
#include <stdlib.h>

#include "sim_internal.h"
#include "wire/codec.h"

enum { COMMIT_US = 800, SLOW_COMMIT_US = 300000, WRITABLE_US = 1500000 };
enum { CONFIGURED_ONE_IN = 2 };
enum { FAILED_COMMIT_PPM = 3000, SLOW_COMMIT_PPM = 2000, DURABLE_PPM = 500000 };

static void arm(struct sim *s, struct brain *b);
static void deliver_batch(struct sim *s, struct brain *b);
static void take_up(struct sim *s, struct brain *b, const struct letter *l);

static void batch_begin(struct brain *b)
{
    coord_update_deinit(&b->update);
    arena_reset(b->arena);
    coord_update_init(&b->update, b->arena);
}

static int step(struct sim *s, struct brain *b, struct coord_event *ev)
{
    ev->now = clock_shows(&b->clock, s->now);
    ev->listened.v = ev->now.v - b->deaf_ms;
    ev->wall.v = 1700000000000 + s->now / 1000;
    dice_fill(s, ev->random, sizeof ev->random);
    s->counts.steps++;
    return coord_step(b->c, ev, &b->update);
}

static void load(struct sim *s, struct brain *b, bool first)
{
    const struct core_config config = { .heartbeat_ms = DEFAULT_HEARTBEAT_MS,
                                        .suspect_ms = DEFAULT_SUSPECT_MS,
                                        .down_ms = DEFAULT_DOWN_MS,
                                        .edge_retention_ms = DEFAULT_EDGE_RETENTION_MS,
                                        .event_retention_rows = 2000,
                                        .lease_ttl_ms = b->ttl_ms,
                                        .lease_history_rows = DEFAULT_LEASE_HISTORY_ROWS,
                                        .enrol_by_token = true,
                                        .hash_seed = { 7 },
                                        .server_key = { { 0xcc } } };
    struct stored stored;
    struct coord_event ev = { .type = COORD_STORE_STATE };

    b->c = coord_new(&config);
    durable_packed(b->disk, &stored);
    if (b->read_only) {
        ev.store.read_only = true;
        ev.store.text = "The disk takes no writes.";
        step(s, b, &ev);
    }
    ev = (struct coord_event){ .type = COORD_LOADED };
    ev.loaded.image = &stored;
    ev.loaded.first = first;
    ev.loaded.nonce = b->nonce;
    ev.loaded.started = b->started;
    if (step(s, b, &ev) != 0)
        sim_fail(s, "the core cannot be loaded");
}

static void writable(struct sim *s, void *what, uint64_t stamp)
{
    struct brain *b = what;
    struct coord_event ev = { .type = COORD_STORE_STATE };

    if (b->c == NULL || b->life != stamp || !b->read_only)
        return;
    if (b->paused || b->committing) {
        agenda_put(s, s->now + WRITABLE_US, writable, b, stamp);
        return;
    }
    b->read_only = false;
    step(s, b, &ev);
    arm(s, b);
}

static void empty(struct inbox *box)
{
    for (size_t i = 0; i < box->n; i++)
        free(box->v[i]);
    box->n = 0;
}

/* Its messages are taken up again by a core that is loaded anew and reads only. */
static void reads_only(struct sim *s, struct brain *b)
{
    batch_begin(b);
    coord_free(b->c);
    b->life++;
    b->read_only = true;
    load(s, b, false);
    for (size_t i = 0; i < b->batch.n; i++)
        take_up(s, b, b->batch.v[i]);
    deliver_batch(s, b);
    agenda_put(s, s->now + WRITABLE_US, writable, b, b->life);
}

static void apply(struct sim *s, struct brain *b)
{
    struct err e = { "" };

    if (b->update.changes == NULL)
        return;
    if (durable_store(b->disk, b->update.changes, &e) != 0)
        sim_fail(s, "the changes of a batch: %s", e.text);
    oracle_active_stored(s, b);
}

static void send_batch(struct sim *s, struct brain *b)
{
    for (struct outgoing *o = b->update.messages; o != NULL; o = o->next) {
        if (o->env != NULL)
            net_send_down(s, b, &o->route, o->env);
    }
}

static void deliver_batch(struct sim *s, struct brain *b)
{
    send_batch(s, b);
    batch_begin(b);
}

/* Of this commit. */
static enum sim_failure failure(struct sim *s, const struct brain *b)
{
    if (b->update.changes == NULL)
        return SIM_FAILS_NOT;
    if (++s->counts.commits == s->o.fail_commit)
        return s->o.fail_how;
    return s->rough && dice_chance(s, FAILED_COMMIT_PPM)
               ? (enum sim_failure)(1 + dice_below(s, SIM_FAILURES - 1))
               : SIM_FAILS_NOT;
}

/* False: it has not. */
static bool stored(struct sim *s, struct brain *b)
{
    enum sim_failure how = failure(s, b);

    if (how != SIM_FAILS && how != SIM_FAILS_TO_SYNC)
        apply(s, b);
    if (how == SIM_FAILS_NOT)
        return true;
    s->counts.failed_commits++;
    sim_trace(s, "coordinator %u: commit %llu fails, and is%s on the disk", b->no,
              (unsigned long long)s->counts.commits,
              how == SIM_FAILS || how == SIM_FAILS_TO_SYNC ? " not" : "");
    if (b->begun && (how == SIM_FAILS || how == SIM_FAILS_AND_IS)) {
        reads_only(s, b);
    } else {
        brain_crash(s, b);
        chaos_restart(s, b);
    }
    return false;
}

static void committed(struct sim *s, void *what, uint64_t stamp)
{
    struct brain *b = what;

    if (b->c == NULL || b->life != stamp)
        return;
    b->committing = false;
    if (stored(s, b)) {
        b->begun = true;
        if (GUARD(DURABLE, true))
            send_batch(s, b);
        batch_begin(b);
    }
    empty(&b->batch);
    arm(s, b);
}

/* A batch is over: to the disk with it, if there is anything to be written. */
static void commit(struct sim *s, struct brain *b)
{
    world_us takes = COMMIT_US + dice_about(s, COMMIT_US);

    if (coord_end_batch(b->c, &b->update) != 0)
        sim_fail(s, "a batch cannot be ended");
    if (b->update.changes == NULL) {
        deliver_batch(s, b);
        empty(&b->batch);
        return;
    }
    if (s->rough && dice_chance(s, SLOW_COMMIT_PPM))
        takes += dice_about(s, SLOW_COMMIT_US);
    b->committing = true;
    if (!GUARD(DURABLE, true))
        send_batch(s, b);
    agenda_put(s, s->now + takes, committed, b, b->life);
}

static void take_up(struct sim *s, struct brain *b, const struct letter *l)
{
    struct coord_event ev = { .type = COORD_NODE_MESSAGE, .key = l->key };
    struct err e = { "" };
    struct envelope *env;
    struct section *sections = NULL;
    size_t n = 0;

    if (wire_decode_envelope(l->bytes, l->n, b->arena, &env, &e) != 0) {
        sim_fail(s, "a probe's message cannot be decoded: %s", e.text);
        return;
    }
    net_describe(s, "taken up", l, env);
    if (env->report != NULL) {
        n = env->report->sections.n;
        sections = arena_array(b->arena, n, sizeof *sections);
        for (size_t i = 0; i < n; i++) {
            if (section_from_body((const struct section_body *)env->report->sections.v + i,
                                  b->arena, &sections[i], &e) != 0)
                sim_fail(s, "a probe's section is wrong: %s", e.text);
        }
    }
    ev.node.env = env;
    ev.node.sections = sections;
    ev.node.section_count = n;
    ev.route.n = sizeof l->host->no + sizeof l->host_life;
    memcpy(ev.route.id, &l->host->no, sizeof l->host->no);
    memcpy(ev.route.id + sizeof l->host->no, &l->host_life, sizeof l->host_life);
    if (step(s, b, &ev) != 0)
        sim_fail(s, "a step of the core fails");
    lineage_told(s, l, env);
    oracle_taken_up(s, l, env);
}

static void wake(struct sim *s, void *what, uint64_t stamp)
{
    struct brain *b = what;
    struct coord_event ev = { .type = COORD_TICK };
    struct inbox taken;

    if (b->c == NULL || b->stamp != stamp || b->paused || b->committing)
        return;
    taken = b->batch;
    b->batch = b->inbox;
    b->inbox = taken;
    for (size_t i = 0; i < b->batch.n; i++)
        take_up(s, b, b->batch.v[i]);
    if (coord_next_deadline(b->c).v <= clock_shows(&b->clock, s->now).v && step(s, b, &ev) != 0)
        sim_fail(s, "a tick of the core fails");
    commit(s, b);
    arm(s, b);
}

/* When there is something to do next. */
static void arm(struct sim *s, struct brain *b)
{
    world_us at;

    if (b->c == NULL || b->paused || b->committing)
        return;
    at = b->inbox.n > 0 ? s->now : clock_reaches(&b->clock, s->now, coord_next_deadline(b->c));
    if (at != WORLD_NEVER)
        agenda_put(s, at, wake, b, ++b->stamp);
}

void brain_deliver(struct sim *s, struct letter *l)
{
    struct brain *b = l->brain;
    struct inbox *box = &b->inbox;

    if (box->n == box->cap) {
        box->cap = box->cap == 0 ? 64 : 2 * box->cap;
        box->v = realloc(box->v, box->cap * sizeof(struct letter *));
        if (box->v == NULL)
            abort();
    }
    box->v[box->n++] = l;
    if (box->n == 1)
        arm(s, b);
}

void brain_start(struct sim *s, struct brain *b)
{
    if (b->c != NULL || b->disk == NULL)
        return;
    if (b->arena == NULL) {
        b->arena = arena_new(0);
        coord_update_init(&b->update, b->arena);
        clock_start(&b->clock, s->now, 1000000000, sim_rate(s));
    }
    b->life++;
    b->committing = b->paused = b->read_only = b->begun = false;
    b->started = clock_shows(&b->clock, s->now);
    if (s->rough && s->reconfigured && dice_below(s, CONFIGURED_ONE_IN) == 0)
        sim_draw_ttl(s);
    b->ttl_ms = s->ttl_ms;
    b->waits_ms = (int64_t)durable_meta(b->disk)->ttl_ms;
    if (b->waits_ms < b->ttl_ms)
        b->waits_ms = b->ttl_ms;
    b->started_at = s->now;
    dice_fill(s, &b->nonce, sizeof b->nonce);
    sim_trace(s, "coordinator %u: starts, with leases of %lld ms", b->no, (long long)b->ttl_ms);
    batch_begin(b);
    load(s, b, true);
    commit(s, b);
    arm(s, b);
}

void brain_crash(struct sim *s, struct brain *b)
{
    if (b->c == NULL)
        return;
    s->counts.crashes++;
    /* Nobody has heard of what was under way; whether it is on the disk is a matter of luck. */
    if (b->committing && dice_chance(s, DURABLE_PPM))
        apply(s, b);
    sim_trace(s, "coordinator %u: ends by kill -9", b->no);
    coord_free(b->c);
    b->c = NULL;
    empty(&b->inbox);
    empty(&b->batch);
    batch_begin(b);
}

void brain_deinit(struct brain *b)
{
    coord_free(b->c);
    empty(&b->inbox);
    empty(&b->batch);
    free(b->inbox.v);
    free(b->batch.v);
    coord_update_deinit(&b->update);
    arena_free(b->arena);
}

void brain_pause(struct sim *s, struct brain *b)
{
    if (b->c == NULL || b->paused)
        return;
    sim_trace(s, "coordinator %u: is stopped", b->no);
    b->paused = true;
    b->paused_at = s->now;
}

void brain_go_on(struct sim *s, struct brain *b)
{
    if (!b->paused)
        return;
    sim_trace(s, "coordinator %u: goes on", b->no);
    b->paused = false;
    b->deaf_ms += clock_shows(&b->clock, s->now).v - clock_shows(&b->clock, b->paused_at).v;
    arm(s, b);
}

bool brain_ask(struct sim *s, struct brain *b, struct request *req,
               void (*take)(void *with, const struct reply *r), void *with)
{
    struct coord_event ev = { .type = COORD_CLIENT_REQUEST, .local = true, .request = req };

    if (b->c == NULL || b->paused || b->committing || b->read_only)
        return false;
    REC_SET(req, request, version, PROTOCOL_VERSION);
    REC_SET(req, request, correlation, 1);
    if (step(s, b, &ev) != 0 || coord_end_batch(b->c, &b->update) != 0)
        sim_fail(s, "a question of the operator fails");
    if (!stored(s, b)) {
        arm(s, b);
        return false;
    }
    for (struct outgoing *o = b->update.messages; o != NULL; o = o->next) {
        if (o->reply != NULL && take != NULL)
            take(with, o->reply);
    }
    deliver_batch(s, b);
    arm(s, b);
    return true;
}
