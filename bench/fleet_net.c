/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_net.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include "base/limits.h"
#include "net/net.h"
#include "wire/codec.h"
#include "wire/token.h"

#define EPOLL_BATCH 256

struct sim {
    struct fleet_host host;
    struct agent *agent;
    struct arena *arena; /* identity's strings */
    struct keypair key;
    pubkey server;
    char secret[TOKEN_SECRET_TEXT];
    void *socket;
    mono_ms due;
    uint32_t index, revision;
};

struct fleet {
    struct fleet_options o;
    void *zmq;
    int epoll;
    struct sim *sims;
    uint32_t *heap;  /* of sim indexes by `due` */
    uint32_t *place; /* where a sim is in the heap */
    struct arena *scratch, *rows;
    struct buf out;
    struct fleet_counts counts;
};

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
    int rc;

    buf_reset(&f->out);
    rc = wire_encode(&envelope_desc, env, &f->out, e);
    if (rc < 0)
        return rc;
    /* A full queue drops the message, as a network would: the agent repeats what matters. */
    if (zmq_send(s->socket, f->out.p, f->out.n, ZMQ_DONTWAIT) >= 0)
        f->counts.sent++;
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
    rc = fleet_sections(&f->o.shape, s->index, s->revision, kind, a, sections,
                        &ev.worker.section_count);
    if (rc == 0) {
        ev.worker.kind = kind;
        ev.worker.sections = sections;
        rc = step(f, s, &ev, e);
    }
    arena_free(a);
    return rc;
}

static int step(struct fleet *f, struct sim *s, const struct agent_event *ev, struct err *e)
{
    struct agent_action *actions = NULL;
    struct arena *a = arena_new(0);
    bool run[WORKER_KIND_COUNT] = { false };
    int rc;

    if (a == NULL)
        return -ENOMEM;
    rc = agent_step(s->agent, ev, a, &actions);
    for (struct agent_action *x = actions; rc == 0 && x != NULL; x = x->next) {
        if (x->type == AGENT_SEND)
            rc = send_envelope(f, s, x->env, e);
        else if (x->type == AGENT_RUN_WORKER)
            run[x->kind] = true;
    }
    arena_free(a);
    for (int k = 0; rc == 0 && k < WORKER_KIND_COUNT; k++) {
        if (run[k])
            rc = run_worker(f, s, (enum worker_kind)k, e);
    }
    s->due = agent_next_deadline(s->agent);
    heap_fix(f, s->index);
    return rc;
}

static int handle_message(struct fleet *f, struct sim *s, zmq_msg_t *msg, struct err *e)
{
    struct envelope *env;
    struct agent_event ev = { .type = AGENT_MESSAGE, .now = clock_mono() };
    int rc;

    arena_reset(f->scratch);
    rc = wire_decode_envelope(zmq_msg_data(msg), zmq_msg_size(msg), f->scratch, &env, e);
    if (rc < 0)
        return rc;
    f->counts.received++;
    if (env->refused != NULL)
        f->counts.refused++;
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

static int sim_start(struct fleet *f, uint32_t index, struct err *e)
{
    struct sim *s = &f->sims[index];
    struct epoll_event watch = { .events = EPOLLIN | EPOLLET, .data.u32 = index };
    size_t fd_size = sizeof(int);
    int fd, rc;

    s->arena = arena_new(0);
    if (s->arena == NULL)
        return -ENOMEM;
    fleet_host(&f->o.shape, index, s->arena, &s->host);
    rc = token_parse(f->o.tokens[index], &s->server, s->secret, e);
    if (rc < 0)
        return rc;
    keypair_new(&s->key);
    s->agent = agent_new(&(struct agent_config){
        .node_id = s->host.node_id,
        .boot_id = s->host.boot_id,
        .identity = &s->host.identity,
        .secret = s->secret,
        .rescan_ms = DEFAULT_RESCAN_MS,
        .worker_timeout_ms = DEFAULT_WORKER_TIMEOUT_MS,
        .coalesce_ms = DEFAULT_COALESCE_MS,
        .heartbeat_ms = f->o.heartbeat_ms,
        .jitter_seed = index,
        .first_seq = (uint64_t)clock_mono().v * 1000,
    });
    s->socket = net_dealer(f->zmq, f->o.endpoint, &s->key, &s->server, LIMIT_NODE_MESSAGE_BYTES, e);
    if (s->agent == NULL || s->socket == NULL)
        return -ENOMEM;
    if (zmq_getsockopt(s->socket, ZMQ_FD, &fd, &fd_size) != 0 ||
        epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &watch) != 0)
        return err_set(e, -errno, "cannot watch the connection of host %u: %s", index,
                       strerror(errno));
    return step(f, s, &(struct agent_event){ .type = AGENT_START, .now = clock_mono() }, e);
}

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
    if (f->epoll < 0 || f->zmq == NULL || f->sims == NULL || f->heap == NULL || f->place == NULL ||
        f->scratch == NULL) {
        err_set(e, -ENOMEM, "not enough memory for %u simulated hosts", o->nodes);
        fleet_free(f);
        return NULL;
    }
    zmq_ctx_set(f->zmq, ZMQ_MAX_SOCKETS, (int)o->nodes + 16);
    for (uint32_t i = 0; i < o->nodes; i++) {
        f->heap[i] = f->place[i] = i;
        f->sims[i].index = i;
        f->sims[i].due.v = INT64_MAX;
    }
    for (uint32_t i = 0; i < o->nodes; i++) {
        if (sim_start(f, i, e) != 0) {
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
    for (uint32_t i = 0; f->sims != NULL && i < f->o.nodes; i++) {
        struct sim *s = &f->sims[i];

        agent_free(s->agent);
        arena_free(s->arena);
        keypair_wipe(&s->key);
        if (s->socket != NULL)
            zmq_close(s->socket);
    }
    if (f->zmq != NULL)
        zmq_ctx_term(f->zmq);
    if (f->epoll >= 0)
        close(f->epoll);
    buf_deinit(&f->out);
    arena_free(f->scratch);
    free(f->sims);
    free(f->heap);
    free(f->place);
    free(f);
}

static int run_due(struct fleet *f, struct err *e)
{
    int rc = 0;
    mono_ms now = clock_mono();

    while (rc == 0 && f->sims[f->heap[0]].due.v <= now.v) {
        struct sim *s = &f->sims[f->heap[0]];

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
    int64_t until = f->sims[f->heap[0]].due.v - clock_mono().v;
    int n, rc = 0;

    if (until < 0)
        until = 0;
    if (until < timeout_ms)
        timeout_ms = until;
    n = epoll_wait(f->epoll, events, EPOLL_BATCH, (int)timeout_ms);
    if (n < 0 && errno != EINTR)
        return err_set(e, -errno, "cannot wait for the connections: %s", strerror(errno));
    for (int i = 0; rc == 0 && i < n; i++)
        rc = drain(f, &f->sims[events[i].data.u32], e);
    if (rc == 0)
        rc = run_due(f, e);
    return rc;
}

struct fleet_counts fleet_counts(const struct fleet *f)
{
    struct fleet_counts c = f->counts;

    c.registered = 0;
    for (uint32_t i = 0; i < f->o.nodes; i++)
        c.registered += agent_registered(f->sims[i].agent) ? 1u : 0u;
    return c;
}

int fleet_change(struct fleet *f, uint32_t index, struct err *e)
{
    struct sim *s = &f->sims[index];
    struct agent_event ev = { .type = AGENT_KERNEL_HINT, .now = clock_mono() };

    s->revision++;
    ev.worker.kind = WORKER_NET;
    return step(f, s, &ev, e);
}
