/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three nodes, one filesystem and a coordinator of the test's own making, by the book of
 * docs/ARCHITECTURE.md: whatever is lost, doubled, late or out of order, however long a node is
 * cut off or stands still, however the coordinator is restarted and with clocks that differ by
 * 1/1000: never do two workers have it mounted. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wire/codec.h"
#include "world.h"

enum { NODES = 3, TTL_MS = 6000, STEP_MS = 50, FLIGHTS = 4096, LASTS_MS = 600000 };

struct flight {
    bool used, to_node;
    int node;
    int64_t at;
    const struct envelope *env;
};

struct node {
    struct world w;
    int64_t rate; /* its clock, in 1/1000000 */
    int64_t paused_until, cut_until;
    uint64_t last_seq;
    bool known;      /* to this start of the coordinator */
    int64_t ends_at; /* the running worker brings its result, in true time */
};

struct lease {
    bool live;
    int node;
    uint64_t request, token;
    int64_t ends;
};

struct play {
    struct node nodes[NODES];
    struct flight flights[FLIGHTS];
    struct arena *arena;
    struct lease lease;
    uint64_t token, job, start;
    uint64_t random;
    int64_t now;
    unsigned grants, taken, restarts;
};

static uint64_t dice(struct play *p, uint64_t sides)
{
    p->random = p->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (p->random >> 33) % sides;
}

static int64_t local(const struct play *p, const struct node *n)
{
    return 1000000 + p->now + p->now * n->rate / 1000000;
}

/* ---- the network --------------------------------------------------------------------------- */

static void fly(struct play *p, bool to_node, int node, const struct envelope *env)
{
    int copies = dice(p, 10) == 0 ? 0 : dice(p, 10) == 0 ? 2 : 1;

    for (size_t i = 0; i < FLIGHTS && copies > 0; i++) {
        struct flight *f = &p->flights[i];
        uint64_t late = dice(p, 6) == 0 ? 5000 : 40;

        if (f->used)
            continue;
        *f = (struct flight){ true, to_node, node, p->now + (int64_t)dice(p, late), env };
        copies--;
    }
    cr_assert_leq(copies, 0, "there is room for what is on its way");
}

static struct envelope *answer_to(struct play *p, const struct envelope *question)
{
    struct envelope *env = arena_zalloc(p->arena, sizeof *env);
    uint8_t *nonce = arena_zalloc(p->arena, 16);

    memcpy(nonce, &p->start, sizeof p->start);
    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, start, wire_bytes16(nonce));
    if (question != NULL)
        REC_SET(env, envelope, correlation, question->seq);
    return env;
}

/* ---- the coordinator ----------------------------------------------------------------------- */

static const struct right *find(const struct recs *rights, uint64_t request)
{
    const struct right *v = rights->v;

    for (size_t i = 0; i < rights->n; i++) {
        if (v[i].request == request)
            return &v[i];
    }
    return NULL;
}

static void told(struct play *p, int node, const struct envelope *env, const struct recs *rights)
{
    struct lease *l = &p->lease;
    const struct right *r;

    if (!l->live || l->node != node || l->request >= env->seq)
        return;
    r = find(rights, l->request);
    if (r == NULL || r->state == RIGHT_RESIDUE)
        l->live = false;
}

static void on_request(struct play *p, int node, const struct envelope *env)
{
    struct envelope *answer = answer_to(p, env);
    struct granted *g = arena_zalloc(p->arena, sizeof *g);
    struct denied *d = arena_zalloc(p->arena, sizeof *d);

    told(p, node, env, &env->lease_request->rights);
    if (p->lease.live) {
        REC_SET(d, denied, order, env->lease_request->order);
        REC_SET(answer, envelope, denied, d);
    } else {
        p->lease = (struct lease){ true, node, env->seq, ++p->token,
                                   p->now + TTL_MS + TTL_MS / LEASE_CLOCK_ERROR_PER_MS };
        p->grants++;
        REC_SET(g, granted, token, p->token);
        REC_SET(g, granted, ttl_ms, TTL_MS);
        REC_SET(g, granted, order, env->lease_request->order);
        REC_SET(g, granted, resource, env->lease_request->resource);
        REC_SET(answer, envelope, granted, g);
    }
    fly(p, true, node, answer);
}

static void on_renew(struct play *p, int node, const struct envelope *env)
{
    struct envelope *answer = answer_to(p, env);
    struct renewed *body = arena_zalloc(p->arena, sizeof *body);
    const struct right *r = find(&env->lease_renew->rights, p->lease.request);

    told(p, node, env, &env->lease_renew->rights);
    if (p->lease.live && p->lease.node == node && r != NULL && r->token == p->lease.token) {
        p->lease.ends = p->now + TTL_MS + TTL_MS / LEASE_CLOCK_ERROR_PER_MS;
        REC_SET(body, renewed, rights, ((struct recs){ r, 1 }));
    }
    REC_SET(answer, envelope, renewed, body);
    fly(p, true, node, answer);
}

static void on_result(struct play *p, int node, const struct envelope *env)
{
    struct envelope *answer = answer_to(p, env);
    struct result_ack *body = arena_zalloc(p->arena, sizeof *body);
    bool taken =
        p->lease.live && p->lease.node == node && p->lease.token == env->scan_result->token;

    told(p, node, env, &env->scan_result->rights);
    p->taken += taken && env->scan_result->outcome == SCAN_COMPLETE;
    REC_SET(body, result_ack, order, env->scan_result->order);
    REC_SET(body, result_ack, taken, taken);
    REC_SET(answer, envelope, result_ack, body);
    fly(p, true, node, answer);
}

static void refuse(struct play *p, int node, const struct envelope *env)
{
    struct envelope *answer = answer_to(p, env);
    struct refused *body = arena_zalloc(p->arena, sizeof *body);

    REC_SET(body, refused, reason, REFUSE_NOT_REGISTERED);
    REC_SET(answer, envelope, refused, body);
    fly(p, true, node, answer);
}

static void on_register(struct play *p, int node, const struct envelope *env)
{
    struct envelope *answer = answer_to(p, env);
    struct registered *body = arena_zalloc(p->arena, sizeof *body);
    struct memory *me = arena_zalloc(p->arena, sizeof *me);
    uint8_t *nonce = arena_zalloc(p->arena, 16), *db = arena_zalloc(p->arena, 16);

    told(p, node, env, &env->node_register->rights);
    p->nodes[node].known = true;
    memcpy(nonce, &p->start, sizeof p->start);
    db[0] = 1;
    REC_SET(me, memory, db_id, wire_bytes16(db));
    REC_SET(me, memory, epoch, 1);
    REC_SET(me, memory, start_no, p->start);
    REC_SET(me, memory, nonce, wire_bytes16(nonce));
    REC_SET(me, memory, generation, 1);
    REC_SET(me, memory, token, p->token);
    REC_SET(body, registered, coordinator, me);
    REC_SET(answer, envelope, registered, body);
    fly(p, true, node, answer);
}

static void on_beat(struct play *p, int node, const struct envelope *env)
{
    struct envelope *answer = answer_to(p, env);
    struct heartbeat_ack *body = arena_zalloc(p->arena, sizeof *body);

    told(p, node, env, &env->heartbeat->rights);
    REC_SET(body, heartbeat_ack, generation, 1);
    REC_SET(answer, envelope, heartbeat_ack, body);
    fly(p, true, node, answer);
}

static void coordinator_hears(struct play *p, int node, const struct envelope *env)
{
    struct node *n = &p->nodes[node];

    if (env->seq <= n->last_seq)
        return;
    n->last_seq = env->seq;
    if (env->node_register != NULL)
        on_register(p, node, env);
    else if (!n->known)
        refuse(p, node, env);
    else if (env->heartbeat != NULL)
        on_beat(p, node, env);
    else if (env->lease_request != NULL)
        on_request(p, node, env);
    else if (env->lease_renew != NULL)
        on_renew(p, node, env);
    else if (env->scan_result != NULL)
        on_result(p, node, env);
}

static void restart(struct play *p)
{
    p->start++;
    p->restarts++;
    for (int i = 0; i < NODES; i++) {
        p->nodes[i].known = false;
        p->nodes[i].last_seq = 0;
    }
    p->lease.ends = p->now + TTL_MS + TTL_MS / LEASE_CLOCK_ERROR_PER_MS;
}

static void offer(struct play *p)
{
    struct envelope *env = answer_to(p, NULL);
    struct offer *body = arena_zalloc(p->arena, sizeof *body);
    struct order_key *order = arena_zalloc(p->arena, sizeof *order);
    static const uint8_t resource[16] = { 0xf0 };

    REC_SET(order, order_key, task, 1);
    REC_SET(order, order_key, job, ++p->job);
    REC_SET(order, order_key, attempt, 1);
    REC_SET(body, offer, order, order);
    REC_SET(body, offer, kind, OFFER_SCAN);
    REC_SET(body, offer, resource, wire_bytes16(resource));
    REC_SET(body, offer, container, "serial.1");
    REC_SET(body, offer, uuid, "f0");
    REC_SET(env, envelope, offer, body);
    fly(p, true, (int)dice(p, NODES), env);
}

/* ---- nodes --------------------------------------------------------------------------------- */

/* A worker that was told to end, or whose time is over, takes up to the budget until it is gone. */
static bool is_mounted(const struct play *p, const struct node *n, const struct world_scan *s)
{
    return !s->ended && local(p, n) < s->deadline.v + LEASE_STOP_BUDGET_MS;
}

static void scans_go_on(struct play *p, struct node *n)
{
    struct scan_result result = { .present = 0 };
    struct world_scan *s = world_scan(&n->w);

    if (s == NULL || s->ended)
        return;
    REC_SET(&result, scan_result, outcome, SCAN_COMPLETE);
    if (n->ends_at == 0)
        n->ends_at = p->now + (int64_t)dice(p, 15000);
    if (!is_mounted(p, n, s))
        world_scan_done(&n->w, s, NULL, "killed", dice(p, 8) != 0);
    else if (s->told_to_end && dice(p, 20) == 0)
        world_scan_done(&n->w, s, NULL, "killed", true);
    else if (!s->told_to_end && p->now >= n->ends_at && local(p, n) < s->deadline.v)
        world_scan_done(&n->w, s, &result, NULL, true);
    if (!s->ended)
        return;
    n->ends_at = 0;
    if (n->w.scan_count > WORLD_SCANS / 2)
        n->w.scan_count = 0;
}

static void node_sends(struct play *p, int i)
{
    struct node *n = &p->nodes[i];

    for (size_t k = 0; k < n->w.sent_count; k++) {
        if (p->now >= n->cut_until)
            fly(p, false, i, n->w.sent[k]);
    }
    world_forget(&n->w);
}

static void node_lives(struct play *p, int i)
{
    struct node *n = &p->nodes[i];

    if (p->now < n->paused_until)
        return;
    world_pass(&n->w, local(p, n) - n->w.now.v);
    world_collect(&n->w);
    scans_go_on(p, n);
    node_sends(p, i);
}

static void arrive(struct play *p)
{
    for (size_t i = 0; i < FLIGHTS; i++) {
        struct flight *f = &p->flights[i];
        struct node *n = &p->nodes[f->node];

        if (!f->used || f->at > p->now || (f->to_node && p->now < n->paused_until))
            continue;
        f->used = false;
        if (p->now < n->cut_until)
            continue;
        if (!f->to_node) {
            coordinator_hears(p, f->node, f->env);
            continue;
        }
        n->w.now.v = local(p, n);
        n->w.coordinator.nonce = f->env->start;
        world_answer(&n->w, &(struct envelope){ .seq = f->env->correlation },
                     record_dup(p->arena, &envelope_desc, f->env));
        node_sends(p, f->node);
    }
}

static void disturb(struct play *p)
{
    struct node *n = &p->nodes[dice(p, NODES)];

    if (dice(p, 200) == 0)
        n->paused_until = p->now + (int64_t)dice(p, 12000);
    if (dice(p, 60) == 0)
        n->cut_until = p->now + (int64_t)dice(p, 12000);
    if (dice(p, 1500) == 0)
        restart(p);
    if (p->lease.live && p->now >= p->lease.ends)
        p->lease.live = false; /* residue: other scans may follow */
}

static void check_exclusion(const struct play *p, uint64_t seed)
{
    int mounted = 0;

    for (int i = 0; i < NODES; i++) {
        const struct world *w = &p->nodes[i].w;

        for (unsigned k = 0; k < w->scan_count; k++)
            mounted += is_mounted(p, &p->nodes[i], &w->scans[k]);
    }
    cr_assert_leq(mounted, 1, "seed %llu: mounted twice at %lld ms", (unsigned long long)seed,
                  (long long)p->now);
}

static void play(uint64_t seed, struct play *p)
{
    *p = (struct play){ .arena = arena_new(0), .random = seed, .start = 1 };
    for (int i = 0; i < NODES; i++) {
        struct node *n = &p->nodes[i];

        n->rate = i == 0 ? 0 : i == 1 ? 900 : -900;
        world_open(&n->w);
        n->w.config.enrolled = true;
        n->w.config.jitter_seed = (uint32_t)(seed + (uint64_t)i);
        n->w.config.first_seq = 5000;
        world_start(&n->w);
        world_collect(&n->w);
    }
    for (p->now = STEP_MS; p->now < LASTS_MS; p->now += STEP_MS) {
        disturb(p);
        if (dice(p, 4) == 0)
            offer(p);
        arrive(p);
        for (int i = 0; i < NODES; i++)
            node_lives(p, i);
        check_exclusion(p, seed);
    }
    for (int i = 0; i < NODES; i++)
        world_close(&p->nodes[i].w);
    arena_free(p->arena);
}

Test(lease_random, two_nodes_never_have_it_mounted)
{
    const char *given = getenv("MUSTER_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000;
    struct play *p = malloc(sizeof *p);
    unsigned grants = 0, taken = 0, restarts = 0;

    printf("# seed %llu (MUSTER_SEED=... replays it)\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < 4; i++) {
        play(seed + i, p);
        grants += p->grants;
        taken += p->taken;
        restarts += p->restarts;
    }
    printf("# %u grants, %u results taken, %u restarts\n", grants, taken, restarts);
    cr_expect_gt(taken, 10, "of %u grants", grants);
    free(p);
}
