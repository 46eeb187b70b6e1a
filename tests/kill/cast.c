/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cast.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "base/limits.h"
#include "base/text.h"
#include "cast_stock.h"
#include "net/net.h"
#include "random.h"
#include "wire/codec.h"
#include "wire/token.h"

enum {
    CLOCK_RATE = 20, /* their time over ours */
    RECONNECT_MS = 5,
    ERRANDS = 2 * LIMIT_SCANS_PER_NODE,
};

/* A worker of a scan or a reach, or what it has left mounted. */
struct errand {
    enum { ERRAND_NONE, ERRAND_SCAN, ERRAND_REACH, ERRAND_RESIDUE } kind;
    uint64_t request;
    struct order_key order;
    int64_t due_us;
    bool killed;
};

struct node {
    struct agent *agent;
    struct arena *arena; /* of the identity */
    struct identity identity;
    uuid128 id, boot;
    struct keypair key;
    pubkey server;
    char secret[TOKEN_SECRET_TEXT];
    void *socket;
    bool enrolled, remembers, silent;
    struct memory memory;
    uint8_t db_id[16], nonce[16];
    struct errand errands[ERRANDS];
};

struct cast {
    struct cast_options o;
    void *zmq;
    uint64_t random;
    int64_t began_us;
    struct node nodes[CAST_NODES];
    struct arena *scratch;
    struct buf out;
    struct cast_counts counts;
};

int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static mono_ms real_now(void)
{
    return (mono_ms){ now_us() / 1000 };
}

static mono_ms fast_now(const struct cast *c)
{
    return (mono_ms){ c->began_us / 1000 + (now_us() - c->began_us) * CLOCK_RATE / 1000 };
}

/* Our time at which their clock shows it. */
static int64_t due_us(const struct cast *c, mono_ms at)
{
    int64_t ahead_ms = at.v - c->began_us / 1000;

    return at.v == INT64_MAX ? INT64_MAX : c->began_us + (ahead_ms * 1000 + 999) / CLOCK_RATE + 1;
}

/* ---- workers -------------------------------------------------------------------------------- */

static struct errand *errand_new(struct node *n)
{
    for (size_t i = 0; i < ERRANDS; i++) {
        if (n->errands[i].kind == ERRAND_NONE)
            return &n->errands[i];
    }
    abort(); /* more than the agent may have */
}

/* Most scans are short, some longer than a lease lasts without a renewal. */
static int64_t takes_us(struct cast *c)
{
    uint64_t die = random_below(&c->random, 100);
    uint64_t most = die < 60 ? 5000 : die < 92 ? 40000 : 400000;

    return (int64_t)random_below(&c->random, most);
}

static void errand_begin(struct cast *c, struct node *n, const struct agent_action *x)
{
    bool scan = x->type == AGENT_RUN_SCAN;

    *errand_new(n) = (struct errand){
        .kind = scan ? ERRAND_SCAN : ERRAND_REACH,
        .request = x->request,
        .order = scan ? *x->grant->order : *x->offer->order,
        .due_us = now_us() + (scan ? takes_us(c) : 1000),
    };
}

static void errand_kill(struct node *n, uint64_t request)
{
    for (size_t i = 0; i < ERRANDS; i++) {
        struct errand *w = &n->errands[i];

        if (w->kind == ERRAND_SCAN && w->request == request) {
            w->killed = true;
            w->due_us = now_us();
        }
    }
}

static int step(struct cast *c, struct node *n, struct agent_event *ev, struct err *e);

static int scan_ends(struct cast *c, struct node *n, struct errand *w, struct err *e)
{
    struct agent_event ev = { .type = AGENT_SCAN_DONE };
    struct errand ended = *w;
    struct scan_result result = { 0 };
    struct image image = { 0 };
    int64_t left_us = 0;

    w->kind = ERRAND_NONE;
    stock_result(random_below(&c->random, 100), &result, &image);
    ev.scan.request = ended.request;
    ev.scan.clean = !random_chance(&c->random, 8);
    if (ended.killed)
        ev.scan.error = "it was killed";
    else
        ev.scan.result = &result;
    if (!ev.scan.clean) {
        left_us = (int64_t)random_below(&c->random, 100000);
        *w = (struct errand){ .kind = ERRAND_RESIDUE,
                              .request = ended.request,
                              .due_us = now_us() + left_us };
    }
    return step(c, n, &ev, e);
}

static int errand_ends(struct cast *c, struct node *n, struct errand *w, struct err *e)
{
    struct agent_event ev = { .type = AGENT_SCAN_CLEAN };
    struct reach_result reach = { 0 };
    struct errand ended = *w;

    if (w->kind == ERRAND_SCAN)
        return scan_ends(c, n, w, e);
    w->kind = ERRAND_NONE;
    if (ended.kind == ERRAND_RESIDUE) {
        ev.scan.request = ended.request;
        return step(c, n, &ev, e);
    }
    ev.type = AGENT_REACH_DONE;
    REC_SET(&reach, reach_result, order, &ended.order);
    REC_SET(&reach, reach_result, proven, true);
    ev.reach.order = ended.order;
    ev.reach.result = &reach;
    return step(c, n, &ev, e);
}

/* The worker of an inventory answers at once. */
static int run_worker(struct cast *c, struct node *n, enum worker_kind kind, struct err *e)
{
    struct section sections[SECTION_COUNT];
    struct agent_event ev = { .type = AGENT_WORKER_DONE, .worker.kind = kind };
    struct arena *a = arena_new(0);
    int rc = stock_inventory(&n->identity, kind, a, sections, &ev.worker.section_count);

    ev.worker.sections = sections;
    if (rc == 0)
        rc = step(c, n, &ev, e);
    arena_free(a);
    return rc;
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* A full queue drops the message, as a network would: the agent repeats what matters. */
static int send_up(struct cast *c, struct node *n, const struct envelope *env, struct err *e)
{
    int rc;

    account_sent(c->o.account, (uint32_t)(n - c->nodes), env, real_now());
    buf_reset(&c->out);
    rc = wire_encode(&envelope_desc, env, &c->out, e);
    if (rc == 0 && zmq_send(n->socket, c->out.p, c->out.n, ZMQ_DONTWAIT) >= 0)
        c->counts.sent++;
    return rc;
}

static void save(struct node *n, const struct agent_action *x)
{
    n->enrolled = x->enrolled;
    n->remembers = x->memory != NULL;
    if (x->memory == NULL)
        return;
    n->memory = *x->memory;
    memcpy(n->db_id, n->memory.db_id.p, sizeof n->db_id);
    memcpy(n->nonce, n->memory.nonce.p, sizeof n->nonce);
    n->memory.db_id.p = n->db_id;
    n->memory.nonce.p = n->nonce;
}

static int act(struct cast *c, struct node *n, const struct agent_action *x, struct err *e)
{
    switch (x->type) {
    case AGENT_SEND:
        return send_up(c, n, x->env, e);
    case AGENT_SAVE_MEMORY:
        save(n, x);
        break;
    case AGENT_RUN_SCAN:
    case AGENT_RUN_REACH:
        errand_begin(c, n, x);
        break;
    case AGENT_KILL_SCAN:
        errand_kill(n, x->request);
        break;
    case AGENT_RUN_WORKER:
    case AGENT_EXTEND_SCAN:
    case AGENT_RUN_RESCAN:
    case AGENT_RUN_CHANGE:
    case AGENT_RUN_REFRESH:
    case AGENT_LOG:
        break;
    }
    return 0;
}

static int step(struct cast *c, struct node *n, struct agent_event *ev, struct err *e)
{
    struct agent_action *actions = NULL;
    struct arena *a = arena_new(0);
    bool run[WORKER_KIND_COUNT] = { false };
    int rc;

    ev->now = fast_now(c);
    rc = a == NULL ? -ENOMEM : agent_step(n->agent, ev, a, &actions);
    for (struct agent_action *x = actions; rc == 0 && x != NULL; x = x->next) {
        rc = act(c, n, x, e);
        if (x->type == AGENT_RUN_WORKER)
            run[x->kind] = true;
    }
    arena_free(a);
    for (int k = 0; rc == 0 && k < WORKER_KIND_COUNT; k++) {
        if (run[k])
            rc = run_worker(c, n, (enum worker_kind)k, e);
    }
    return rc;
}

static int hear(struct cast *c, struct node *n, zmq_msg_t *msg, struct err *e)
{
    struct agent_event ev = { .type = AGENT_MESSAGE };
    struct envelope *env;
    int rc;

    arena_reset(c->scratch);
    rc = wire_decode_envelope(zmq_msg_data(msg), zmq_msg_size(msg), c->scratch, &env, e);
    if (rc < 0)
        return rc;
    c->counts.heard++;
    c->counts.refused += env->refused != NULL;
    account_heard(c->o.account, (uint32_t)(n - c->nodes), env, real_now());
    ev.message = env;
    return step(c, n, &ev, e);
}

static int drain_one(struct cast *c, struct node *n, struct err *e)
{
    zmq_msg_t msg;
    int rc = 0;

    zmq_msg_init(&msg);
    while (rc == 0 && zmq_msg_recv(&msg, n->socket, ZMQ_DONTWAIT) >= 0)
        rc = hear(c, n, &msg, e);
    zmq_msg_close(&msg);
    return rc;
}

int cast_drain(struct cast *c, struct err *e)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < CAST_NODES; i++) {
        if (!c->nodes[i].silent)
            rc = drain_one(c, &c->nodes[i], e);
    }
    return rc;
}

/* What a node's clock or its workers say, in no order that a coordinator could rely on. *next: when
 * there is more. */
static int live_one(struct cast *c, struct node *n, int64_t *next, struct err *e)
{
    int64_t now = now_us(), due;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ERRANDS; i++) {
        struct errand *w = &n->errands[i];

        if (w->kind != ERRAND_NONE && w->due_us <= now)
            rc = errand_ends(c, n, w, e);
        if (w->kind != ERRAND_NONE && w->due_us < *next)
            *next = w->due_us;
    }
    if (rc == 0 && agent_next_deadline(n->agent).v <= fast_now(c).v)
        rc = step(c, n, &(struct agent_event){ .type = AGENT_TICK }, e);
    due = due_us(c, agent_next_deadline(n->agent));
    *next = due < *next ? due : *next;
    return rc;
}

static int live(struct cast *c, int64_t *next, struct err *e)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < CAST_NODES; i++) {
        if (!c->nodes[i].silent)
            rc = live_one(c, &c->nodes[i], next, e);
    }
    return rc;
}

/* The last millisecond before `until_us` is not slept through: that moment itself is what is
 * random. */
static bool wait_readable(struct cast *c, int64_t next_us, int64_t until_us, int fd)
{
    zmq_pollitem_t items[CAST_NODES + 1] = { { 0 } };
    int64_t now = now_us(), wait_ms = (next_us - now + 999) / 1000;
    int n = 0;

    if (wait_ms > (until_us - now) / 1000)
        wait_ms = (until_us - now) / 1000;
    if (fd >= 0)
        items[n++] = (zmq_pollitem_t){ .fd = fd, .events = ZMQ_POLLIN };
    for (uint32_t i = 0; i < CAST_NODES; i++) {
        if (!c->nodes[i].silent)
            items[n++] = (zmq_pollitem_t){ .socket = c->nodes[i].socket, .events = ZMQ_POLLIN };
    }
    zmq_poll(items, n, wait_ms < 0 ? 0 : (long)wait_ms);
    return fd >= 0 && (items[0].revents & ZMQ_POLLIN) != 0;
}

int cast_run(struct cast *c, int64_t until_us, bool (*enough)(const void *), const void *what,
             int fd, struct err *e)
{
    int rc = 0;

    while (rc == 0) {
        int64_t next = until_us;

        rc = cast_drain(c, e);
        if (rc != 0 || (enough != NULL && enough(what)))
            break;
        rc = live(c, &next, e);
        if (rc != 0 || now_us() >= until_us || wait_readable(c, next, until_us, fd))
            break;
    }
    return rc;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static int begin(struct cast *c, struct node *n, struct err *e)
{
    n->agent = agent_new(&(struct agent_config){
        .node_id = n->id,
        .boot_id = n->boot,
        .identity = &n->identity,
        .secret = n->secret,
        .enrolled = n->enrolled,
        .memory = n->remembers ? &n->memory : NULL,
        .rescan_ms = DEFAULT_RESCAN_MS,
        .worker_timeout_ms = DEFAULT_WORKER_TIMEOUT_MS,
        .coalesce_ms = DEFAULT_COALESCE_MS,
        .heartbeat_ms = c->o.heartbeat_ms,
        .jitter_seed = (uint32_t)random_next(&c->random),
        .first_seq = (uint64_t)fast_now(c).v * 1000,
    });
    if (n->agent == NULL)
        return err_set(e, -ENOMEM, "no memory for an agent");
    return step(c, n, &(struct agent_event){ .type = AGENT_START }, e);
}

void cast_silence(struct cast *c, uint32_t node, bool silent)
{
    c->nodes[node].silent = silent;
}

static int connect_up(struct cast *c, struct node *n, struct err *e)
{
    int ms = RECONNECT_MS;

    n->socket = net_dealer_unconnected(c->zmq, c->o.endpoint, &n->key, &n->server,
                                       LIMIT_NODE_MESSAGE_BYTES, e);
    if (n->socket == NULL)
        return -EIO;
    if (zmq_setsockopt(n->socket, ZMQ_RECONNECT_IVL, &ms, sizeof ms) != 0 ||
        zmq_setsockopt(n->socket, ZMQ_RECONNECT_IVL_MAX, &ms, sizeof ms) != 0 ||
        zmq_connect(n->socket, c->o.endpoint) != 0)
        return err_set(e, -EIO, "cannot connect to %s", c->o.endpoint);
    return 0;
}

static void disconnect(struct node *n)
{
    int none = 0;

    if (n->socket == NULL)
        return;
    zmq_setsockopt(n->socket, ZMQ_LINGER, &none, sizeof none);
    zmq_close(n->socket);
    n->socket = NULL;
}

int cast_restart(struct cast *c, uint32_t node, bool forgets, struct err *e)
{
    struct node *n = &c->nodes[node];
    int rc = 0;

    agent_free(n->agent);
    n->agent = NULL;
    memset(n->errands, 0, sizeof n->errands);
    if (forgets) { /* nor may what is on its way tell of it */
        n->remembers = false;
        disconnect(n);
        rc = connect_up(c, n, e);
    }
    return rc == 0 ? begin(c, n, e) : rc;
}

static int join(struct cast *c, uint32_t i, struct err *e)
{
    struct node *n = &c->nodes[i];
    int rc = token_parse(c->o.tokens[i], &n->server, n->secret, e);

    if (rc < 0)
        return rc;
    n->arena = arena_new(0);
    stock_identity(i, n->id, n->arena, &n->identity);
    keypair_new(&n->key);
    rc = connect_up(c, n, e);
    return rc == 0 ? begin(c, n, e) : rc;
}

static uuid128 id_of(uint64_t *random)
{
    uint64_t w[2] = { random_next(random), random_next(random) };
    uint8_t raw[16];

    memcpy(raw, w, sizeof raw);
    return uuid_v4_from(raw);
}

void cast_ids(uint64_t seed, uuid128 ids[CAST_NODES])
{
    for (uint32_t i = 0; i < CAST_NODES; i++)
        ids[i] = id_of(&seed);
}

struct cast *cast_new(const struct cast_options *o, struct err *e)
{
    struct cast *c = calloc(1, sizeof *c);
    uuid128 ids[CAST_NODES];

    if (c == NULL)
        abort();
    c->o = *o;
    c->random = o->seed ^ UINT64_C(0x63617374);
    c->began_us = now_us();
    c->zmq = zmq_ctx_new();
    c->scratch = arena_new(LIMIT_DECODE_ARENA_BYTES);
    cast_ids(o->seed, ids);
    for (uint32_t i = 0; i < CAST_NODES; i++) {
        c->nodes[i].id = ids[i];
        c->nodes[i].boot = id_of(&c->random);
        if (join(c, i, e) != 0) {
            cast_free(c);
            return NULL;
        }
    }
    return c;
}

void cast_free(struct cast *c)
{
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < CAST_NODES; i++) {
        agent_free(c->nodes[i].agent);
        arena_free(c->nodes[i].arena);
        keypair_wipe(&c->nodes[i].key);
        disconnect(&c->nodes[i]);
    }
    zmq_ctx_term(c->zmq);
    buf_deinit(&c->out);
    arena_free(c->scratch);
    free(c);
}

struct cast_counts cast_counts(const struct cast *c)
{
    struct cast_counts counts = c->counts;

    counts.registered = 0;
    for (uint32_t i = 0; i < CAST_NODES; i++)
        counts.registered += c->nodes[i].agent != NULL && agent_registered(c->nodes[i].agent);
    return counts;
}
