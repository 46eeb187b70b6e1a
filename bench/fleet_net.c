/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_net.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include "base/limits.h"
#include "base/map.h"
#include "fleet_gen_internal.h"
#include "fleet_later.h"
#include "fleet_vgs.h"
#include "fleet_work.h"
#include "net/net.h"
#include "wire/codec.h"
#include "wire/token.h"

enum { EPOLL_BATCH = 256 };
#define OTHER_FD UINT32_MAX /* in place of a host's index */

struct sim {
    struct fleet_host host;
    struct agent *agent;
    struct arena *arena; /* identity's strings */
    struct keypair key;
    pubkey server;
    char secret[TOKEN_SECRET_TEXT];
    void *socket; /* NULL: it is off */
    struct fleet_work *works;
    struct arena *kept; /* what it remembers for a later probe of this boot */
    const struct memory *memory;
    bool enrolled;
    uint64_t protocol; /* version that its probe speaks */
    mono_ms due;
    uint32_t index;
    struct fleet_state state;
    struct buf held; /* an lvm_refresh that it has not acted on; empty: none */
};

struct fleet {
    struct fleet_options o;
    void *zmq;
    int epoll;
    struct sim *sims;
    uint32_t *heap;  /* of sim indexes by `due` */
    uint32_t *place; /* where a sim is in the heap */
    struct arena *scratch, *later;
    struct buf out;
    struct fleet_counts counts;
    struct fleet_mounted mounted;
    struct fleet_vgs *vgs;
    uint32_t tokens_used;
    bool holds;
};

static uint32_t number_of(const struct fleet *f, const struct sim *s)
{
    return f->o.first + s->index;
}

static void heap_swap(struct fleet *f, uint32_t i, uint32_t j)
{
    uint32_t a = f->heap[i], b = f->heap[j];

    f->heap[i] = b;
    f->heap[j] = a;
    f->place[b] = i;
    f->place[a] = j;
}

static bool heap_less(const struct fleet *f, uint32_t i, uint32_t j)
{
    return f->sims[f->heap[i]].due.v < f->sims[f->heap[j]].due.v;
}

static void heap_fix(struct fleet *f, uint32_t sim)
{
    uint32_t i = f->place[sim];

    while (i > 0 && heap_less(f, i, (i - 1) / 2)) {
        heap_swap(f, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
    for (;;) {
        uint32_t least = i, l = 2 * i + 1, r = l + 1;

        if (l < f->o.nodes && heap_less(f, l, least))
            least = l;
        if (r < f->o.nodes && heap_less(f, r, least))
            least = r;
        if (least == i)
            return;
        heap_swap(f, i, least);
        i = least;
    }
}

static int send_envelope(struct fleet *f, struct sim *s, const struct envelope *env, struct err *e)
{
    struct envelope said = *env;
    int rc;

    said.version = s->protocol;
    buf_reset(&f->out);
    rc = fleet_later_kind(&said, &f->out, e);
    if (rc == 1)
        zmq_send(s->socket, f->out.p, f->out.n, ZMQ_DONTWAIT);
    buf_reset(&f->out);
    if (rc >= 0)
        rc = fleet_later_encode(&said, f->later, &f->out, e);
    if (rc < 0)
        return rc;
    /* A full queue drops the message, as a network would: the agent repeats what matters. */
    if (zmq_send(s->socket, f->out.p, f->out.n, ZMQ_DONTWAIT) < 0)
        return 0;
    f->counts.sent++;
    if (f->o.watch != NULL)
        f->o.watch(f->o.watcher, true, env);
    return 0;
}

static int step(struct fleet *f, struct sim *s, const struct agent_event *ev, struct err *e);

/* The "worker" of a simulated host answers at once. */
static int run_worker(struct fleet *f, struct sim *s, enum worker_kind kind, struct err *e)
{
    struct section sections[SECTION_COUNT];
    struct agent_event ev = { .type = AGENT_WORKER_DONE, .now = clock_mono() };
    struct arena *a = arena_new(0);
    int rc;

    if (a == NULL)
        return -ENOMEM;
    rc = fleet_sections(&f->o.shape, number_of(f, s), &s->state, kind, a, sections,
                        &ev.worker.section_count);
    if (rc == 0) {
        ev.worker.kind = kind;
        ev.worker.sections = sections;
        rc = step(f, s, &ev, e);
    }
    arena_free(a);
    return rc;
}

static int keep_memory(struct sim *s, const struct agent_action *x)
{
    s->enrolled = x->enrolled;
    s->memory = NULL;
    arena_reset(s->kept);
    if (x->memory == NULL)
        return 0;
    s->memory = record_dup(s->kept, &memory_desc, x->memory);
    return s->memory == NULL ? -ENOMEM : 0;
}

static int act(struct fleet *f, struct sim *s, const struct agent_action *x, struct err *e)
{
    switch (x->type) {
    case AGENT_SEND:
        return send_envelope(f, s, x->env, e);
    case AGENT_SAVE_MEMORY:
        return keep_memory(s, x);
    case AGENT_RUN_SCAN:
    case AGENT_RUN_REACH:
        return fleet_work_begin(&s->works, &f->mounted, &f->o.shape, x, clock_mono());
    case AGENT_RUN_CHANGE:
        return fleet_work_change(&s->works, f->vgs, fleet_group(&f->o.shape, number_of(f, s)), x,
                                 clock_mono());
    case AGENT_EXTEND_SCAN:
        fleet_work_extend(s->works, x->request, x->deadline);
        return 0;
    case AGENT_KILL_SCAN:
        fleet_work_kill(s->works, x->request, clock_mono());
        return 0;
    default: /* workers of inventory run after all this; thousands of logs are of no use */
        return 0;
    }
}

static int step(struct fleet *f, struct sim *s, const struct agent_event *ev, struct err *e)
{
    struct agent_action *actions = NULL;
    struct arena *a = arena_new(0);
    bool run[WORKER_KIND_COUNT] = { false };
    mono_ms work;
    int rc;

    if (a == NULL)
        return -ENOMEM;
    rc = agent_step(s->agent, ev, a, &actions);
    for (struct agent_action *x = actions; rc == 0 && x != NULL; x = x->next) {
        rc = act(f, s, x, e);
        if (x->type == AGENT_RUN_WORKER)
            run[x->kind] = true;
    }
    arena_free(a);
    for (int k = 0; rc == 0 && k < WORKER_KIND_COUNT; k++) {
        if (run[k])
            rc = run_worker(f, s, (enum worker_kind)k, e);
    }
    s->due = agent_next_deadline(s->agent);
    work = fleet_work_due(s->works);
    if (work.v < s->due.v)
        s->due = work;
    heap_fix(f, s->index);
    return rc;
}

static int handle_message(struct fleet *f, struct sim *s, zmq_msg_t *msg, struct err *e)
{
    const void *p = zmq_msg_data(msg);
    size_t n = zmq_msg_size(msg);
    struct envelope *env;
    struct agent_event ev = { .type = AGENT_MESSAGE, .now = clock_mono() };
    int rc;

    arena_reset(f->scratch);
    rc = wire_decode_envelope(p, n, f->scratch, &env, e);
    if (rc < 0)
        return rc;
    rc = fleet_is_later(s->protocol) ? fleet_later_hear(env, f->scratch) : 1;
    if (rc != 1)
        return rc;
    f->counts.received++;
    if (env->refused != NULL)
        f->counts.refused++;
    if (f->o.watch != NULL)
        f->o.watch(f->o.watcher, false, env);
    if (f->holds && env->lvm_refresh != NULL) {
        buf_reset(&s->held);
        buf_add(&s->held, p, n);
        return s->held.failed ? -ENOMEM : 0;
    }
    ev.message = env;
    return step(f, s, &ev, e);
}

/* A ZeroMQ descriptor signals edges only: read until there is nothing more. */
static int drain(struct fleet *f, struct sim *s, struct err *e)
{
    int rc = 0;
    zmq_msg_t msg;

    zmq_msg_init(&msg);
    while (rc == 0 && zmq_msg_recv(&msg, s->socket, ZMQ_DONTWAIT) >= 0)
        rc = handle_message(f, s, &msg, e);
    zmq_msg_close(&msg);
    return rc;
}

void fleet_hold(struct fleet *f)
{
    f->holds = true;
}

/* What a host was not given before. */
static int give_held(struct fleet *f, struct sim *s, struct err *e)
{
    struct agent_event ev = { .type = AGENT_MESSAGE, .now = clock_mono() };
    struct envelope *env;
    int rc;

    if (s->held.n == 0 || s->socket == NULL)
        return 0;
    arena_reset(f->scratch);
    rc = wire_decode_envelope(s->held.p, s->held.n, f->scratch, &env, e);
    buf_reset(&s->held);
    ev.message = env;
    if (rc == 0)
        rc = step(f, s, &ev, e);
    return rc < 0 ? rc : drain(f, s, e); /* as in run_due() */
}

int fleet_release(struct fleet *f, struct err *e)
{
    int rc = 0;

    f->holds = false;
    for (uint32_t i = 0; rc == 0 && i < f->o.nodes; i++)
        rc = give_held(f, &f->sims[i], e);
    return rc;
}

/* ---- a host goes on and off ------------------------------------------------------------------ */

static int sim_connect(struct fleet *f, struct sim *s, struct err *e)
{
    struct epoll_event watch = { .events = EPOLLIN | EPOLLET, .data.u32 = s->index };
    size_t fd_size = sizeof(int);
    int fd;

    s->socket = net_dealer(f->zmq, f->o.endpoint, &s->key, &s->server, LIMIT_NODE_MESSAGE_BYTES, e);
    if (s->socket == NULL)
        return -ENOMEM;
    if (zmq_getsockopt(s->socket, ZMQ_FD, &fd, &fd_size) != 0 ||
        epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &watch) != 0)
        return err_set(e, -errno, "cannot watch the connection of host %u: %s", number_of(f, s),
                       strerror(errno));
    return 0;
}

static int sim_start(struct fleet *f, struct sim *s, struct err *e)
{
    int rc;

    s->agent = agent_new(&(struct agent_config){
        .node_id = s->host.node_id,
        .boot_id = s->host.boot_id,
        .identity = &s->host.identity,
        .secret = s->secret,
        .enrolled = s->enrolled,
        .memory = s->memory,
        .rescan_ms = DEFAULT_RESCAN_MS,
        .worker_timeout_ms = DEFAULT_WORKER_TIMEOUT_MS,
        .coalesce_ms = DEFAULT_COALESCE_MS,
        .heartbeat_ms = f->o.heartbeat_ms,
        .jitter_seed = number_of(f, s),
        .first_seq = (uint64_t)clock_mono().v * 1000,
    });
    rc = s->agent == NULL ? -ENOMEM : sim_connect(f, s, e);
    return rc < 0
               ? rc
               : step(f, s, &(struct agent_event){ .type = AGENT_START, .now = clock_mono() }, e);
}

static int sim_boot(struct fleet *f, struct sim *s, struct err *e)
{
    int rc;

    if (f->tokens_used == f->o.token_count)
        return err_set(e, -ENOENT,
                       "no token is left for a new boot: give more than there are hosts");
    if (s->arena == NULL)
        s->arena = arena_new(0);
    if (s->kept == NULL)
        s->kept = arena_new(0);
    if (s->arena == NULL || s->kept == NULL)
        return -ENOMEM;
    arena_reset(s->arena);
    fleet_host(&f->o.shape, number_of(f, s), s->state.boots, s->arena, &s->host);
    rc = token_parse(f->o.tokens[f->tokens_used++], &s->server, s->secret, e);
    s->memory = NULL;
    s->enrolled = false;
    keypair_new(&s->key);
    return rc < 0 ? rc : sim_start(f, s, e);
}

/* No good-bye. */
static void sim_stop(struct fleet *f, struct sim *s)
{
    fleet_work_free_all(&s->works, &f->mounted);
    agent_free(s->agent);
    s->agent = NULL;
    if (s->socket != NULL)
        zmq_close(s->socket);
    s->socket = NULL;
    s->due.v = INT64_MAX;
    buf_reset(&s->held);
    heap_fix(f, s->index);
}

/* ---- the fleet ------------------------------------------------------------------------------- */

struct fleet *fleet_new(const struct fleet_options *o, struct err *e)
{
    struct fleet *f = calloc(1, sizeof *f);

    if (f == NULL)
        return NULL;
    f->o = *o;
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->zmq = zmq_ctx_new();
    f->sims = calloc(o->nodes, sizeof *f->sims);
    f->heap = calloc(o->nodes, sizeof *f->heap);
    f->place = calloc(o->nodes, sizeof *f->place);
    f->scratch = arena_new(LIMIT_DECODE_ARENA_BYTES);
    f->later = arena_new(0);
    f->mounted.by_resource = map_new((const uint8_t[16]){ 0 }); /* nobody chooses its keys */
    f->vgs = fleet_vgs_new(&f->o.shape, o->first + o->nodes);
    if (f->epoll < 0 || f->zmq == NULL || f->sims == NULL || f->heap == NULL || f->place == NULL ||
        f->scratch == NULL || f->later == NULL || f->mounted.by_resource == NULL ||
        f->vgs == NULL) {
        err_set(e, -ENOMEM, "not enough memory for %u simulated hosts", o->nodes);
        fleet_free(f);
        return NULL;
    }
    /* A closed one counts until libzmq has come to it, and all may be restarted at once. */
    zmq_ctx_set(f->zmq, ZMQ_MAX_SOCKETS, 2 * (int)o->nodes + 16);
    for (uint32_t i = 0; i < o->nodes; i++) {
        f->heap[i] = f->place[i] = i;
        f->sims[i].index = i;
        f->sims[i].protocol = PROTOCOL_VERSION;
        f->sims[i].state.vgs = f->vgs;
        f->sims[i].due.v = INT64_MAX;
    }
    for (uint32_t i = 0; i < o->nodes; i++) {
        if (sim_boot(f, &f->sims[i], e) != 0) {
            fleet_free(f);
            return NULL;
        }
    }
    return f;
}

void fleet_free(struct fleet *f)
{
    if (f == NULL)
        return;
    for (uint32_t i = 0; f->sims != NULL && f->heap != NULL && f->place != NULL && i < f->o.nodes;
         i++) {
        struct sim *s = &f->sims[i];

        sim_stop(f, s);
        arena_free(s->arena);
        arena_free(s->kept);
        buf_deinit(&s->held);
        keypair_wipe(&s->key);
    }
    if (f->zmq != NULL)
        zmq_ctx_term(f->zmq);
    if (f->epoll >= 0)
        close(f->epoll);
    buf_deinit(&f->out);
    arena_free(f->scratch);
    arena_free(f->later);
    map_free(f->mounted.by_resource);
    fleet_vgs_free(f->vgs);
    free(f->sims);
    free(f->heap);
    free(f->place);
    free(f);
}

static int finish_works(struct fleet *f, struct sim *s, mono_ms now, struct err *e)
{
    struct fleet_work *w;
    struct agent_event ev;
    int rc = 0;

    while (rc == 0 && (w = fleet_work_take(&s->works, &f->mounted, now, &ev)) != NULL) {
        rc = step(f, s, &ev, e);
        fleet_work_free(w);
    }
    return rc;
}

static int run_due(struct fleet *f, struct err *e)
{
    int rc = 0;
    mono_ms now = clock_mono();

    while (rc == 0 && f->sims[f->heap[0]].due.v <= now.v) {
        struct sim *s = &f->sims[f->heap[0]];

        rc = finish_works(f, s, now, e);
        if (rc == 0)
            rc = step(f, s, &(struct agent_event){ .type = AGENT_TICK, .now = now }, e);
        /* Sending may have swallowed the edge of an arrival. */
        if (rc == 0)
            rc = drain(f, s, e);
        if (s->due.v <= now.v)
            now = clock_mono();
    }
    return rc;
}

int fleet_run(struct fleet *f, int64_t timeout_ms, struct err *e)
{
    struct epoll_event events[EPOLL_BATCH];
    int64_t until = f->sims[f->heap[0]].due.v;
    int n, rc = 0;

    until = until == INT64_MAX ? timeout_ms : until - clock_mono().v;
    if (until < 0)
        until = 0;
    if (until < timeout_ms)
        timeout_ms = until;
    n = epoll_wait(f->epoll, events, EPOLL_BATCH, (int)timeout_ms);
    if (n < 0 && errno != EINTR)
        return err_set(e, -errno, "cannot wait for the connections: %s", strerror(errno));
    for (int i = 0; rc == 0 && i < n; i++) {
        uint32_t index = events[i].data.u32;

        if (index != OTHER_FD && f->sims[index].socket != NULL)
            rc = drain(f, &f->sims[index], e);
    }
    if (rc == 0)
        rc = run_due(f, e);
    return rc;
}

int fleet_watch(struct fleet *f, int fd, struct err *e)
{
    struct epoll_event watch = { .events = EPOLLIN | EPOLLET, .data.u32 = OTHER_FD };

    if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &watch) != 0)
        return err_set(e, -errno, "cannot wait for orders: %s", strerror(errno));
    return 0;
}

struct fleet_counts fleet_counts(const struct fleet *f)
{
    struct fleet_counts c = f->counts;

    c.registered = 0;
    for (uint32_t i = 0; i < f->o.nodes; i++)
        c.registered += f->sims[i].agent != NULL && agent_registered(f->sims[i].agent);
    c.scans = f->mounted.scans;
    c.overlaps = f->mounted.overlaps;
    return c;
}

/* ---- what happens to a host ------------------------------------------------------------------ */

static int hint(struct fleet *f, struct sim *s, enum worker_kind kind, struct err *e)
{
    struct agent_event ev = { .type = AGENT_KERNEL_HINT, .now = clock_mono() };

    ev.worker.kind = kind;
    return s->agent == NULL ? 0 : step(f, s, &ev, e);
}

int fleet_change(struct fleet *f, uint32_t index, struct err *e)
{
    struct sim *s = &f->sims[index];

    s->state.revision++;
    return hint(f, s, WORKER_NET, e);
}

int fleet_link(struct fleet *f, uint32_t index, uint32_t nic, bool up, struct err *e)
{
    struct sim *s = &f->sims[index];
    uint64_t bit = UINT64_C(1) << nic;

    s->state.nics_down = up ? s->state.nics_down & ~bit : s->state.nics_down | bit;
    s->state.revision++;
    return hint(f, s, WORKER_NET, e);
}

static int storage_hint(struct fleet *f, struct sim *s, struct err *e)
{
    int rc = hint(f, s, WORKER_STORAGE, e);

    return rc < 0 ? rc : hint(f, s, WORKER_LVM, e);
}

int fleet_port(struct fleet *f, uint32_t index, uint32_t port, bool up, struct err *e)
{
    struct sim *s = &f->sims[index];
    uint32_t bit = UINT32_C(1) << port;

    s->state.ports_down = up ? s->state.ports_down & ~bit : s->state.ports_down | bit;
    return storage_hint(f, s, e);
}

int fleet_lun(struct fleet *f, uint32_t index, uint32_t lun, bool mapped, struct err *e)
{
    struct sim *s = &f->sims[index];
    uint64_t bit = UINT64_C(1) << lun % 64, *word = &s->state.luns_gone[lun / 64];

    *word = mapped ? *word & ~bit : *word | bit;
    return storage_hint(f, s, e);
}

void fleet_crash(struct fleet *f, uint32_t index)
{
    sim_stop(f, &f->sims[index]);
}

int fleet_restart(struct fleet *f, uint32_t index, struct err *e)
{
    struct sim *s = &f->sims[index];

    if (s->socket == NULL)
        return 0;
    sim_stop(f, s);
    return sim_start(f, s, e);
}

int fleet_roll(struct fleet *f, uint32_t index, uint32_t version, struct err *e)
{
    f->sims[index].protocol = version;
    return fleet_restart(f, index, e);
}

int fleet_boot(struct fleet *f, uint32_t index, struct err *e)
{
    struct sim *s = &f->sims[index];

    sim_stop(f, s);
    s->state.boots++;
    return sim_boot(f, s, e);
}
