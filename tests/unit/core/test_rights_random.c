/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rights under random faults, against an oracle that shares nothing with the core: it knows in true
 * time who has what mounted, and that no two workers may, nor anybody beside a writer. Clocks of
 * nodes and coordinator go wrong by 1/1000; messages are lost, late and twice; the coordinator
 * starts again, the disk fails, hosts crash. Then each guard is taken away, and the oracle must see
 * it. A seed replays what it finds: MUSTER_SEED=N. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "places.h"
#include "rights.h"
#include "share.h"
#include "wire/codec.h"

enum { NODES = 3, FILESYSTEMS = 2, WORKERS = 8, IN_FLIGHT = 256, SEEDS = 100 };

#define TTL  INT64_C(60000)
#define STOP ((int64_t)LEASE_STOP_BUDGET_MS)
#define US   INT64_C(1000) /* true time is in microseconds */

/* What is left out, of what keeps workers apart. */
enum fault {
    FAULT_NONE,
    FAULT_RECEIPT,   /* the node counts from when the grant came */
    FAULT_LATE,      /* it uses a grant that comes after its deadline */
    FAULT_NO_TIMER,  /* its worker does not end by itself */
    FAULT_NODE_RATE, /* it trusts its clock */
    FAULT_RENEWED,   /* it counts from when Renewed came */
    FAULT_RATE,      /* the coordinator trusts its clock */
    FAULT_RESTART,   /* no full time again after a start */
    FAULT_RESIDUE,   /* residue is in no hold's way */
    FAULT_LIST,      /* what is mounted is left out of a list */
    FAULT_UNBOUND,   /* any new boot frees what the old one had */
    FAULT_COUNT,
};
static const char *const fault_names[FAULT_COUNT] = {
    "none", "receipt", "late",    "no timer", "node rate", "renewed",
    "rate", "restart", "residue", "list",     "unbound",
};

struct worker {
    uint64_t request, token; /* request 0: a free place */
    int fs;
    bool held, mounted, stuck; /* stuck: the kernel does not let go */
    int64_t sent, deadline;    /* by the node's clock, in microseconds */
    int64_t lingers;           /* after its deadline until it is unmounted */
};

struct host {
    struct machine m;
    double rate;
    bool cut;    /* no message comes through */
    bool off;    /* its power is */
    bool writes; /* it has a hold of filesystem 0, as it believes */
    struct worker w[WORKERS];
    struct {
        uint64_t seq;
        int64_t sent;
        bool held[WORKERS]; /* whom the renewal spoke of */
    } renewals[8];
    unsigned renewal;
};

struct flight {
    int64_t at; /* 0: a free place */
    int node;
    bool to_node;
    uuid128 boot;
    struct envelope *env;
    struct arena *a;
};

struct world {
    struct life *l;
    enum fault fault;
    int64_t t; /* true time */
    double rate;
    struct host h[NODES];
    struct flight f[IN_FLIGHT];
    bool instant; /* messages are neither late nor lost */
    uint64_t hold, highest;
    int mounts, holds, residues, restarts;
    char wrong[240];
};

static const struct shelf shelf = {
    .fs = { { .container = "naa.1", .uuid = "u1", .type = "ext4" },
            { .container = "naa.2", .uuid = "u2", .type = "xfs" } },
};
static const char *const fs_keys[FILESYSTEMS] = { "u1@naa.1", "u2@naa.2" };

static uint32_t below(struct world *w, uint32_t n)
{
    return life_rand(w->l, n);
}

static bool chance(struct world *w, uint32_t percent)
{
    return below(w, 100) < percent;
}

static int64_t clock_of(const struct world *w, const struct host *h)
{
    return (int64_t)((double)w->t * h->rate);
}

/* ---- the oracle ----------------------------------------------------------------------------- */

static void wrong(struct world *w, const char *what, int node, int other, int fs)
{
    if (w->wrong[0] == '\0')
        snprintf(w->wrong, sizeof w->wrong, "%s: nodes %d and %d, filesystem %d, at %lld ms", what,
                 node, other, fs, (long long)(w->t / US));
}

/* Nobody else has it mounted by a worker that lives; beside a writer nobody at all. */
static void oracle(struct world *w)
{
    int live[FILESYSTEMS] = { -1, -1 };

    for (int n = 0; n < NODES; n++) {
        for (int i = 0; i < WORKERS; i++) {
            const struct worker *x = &w->h[n].w[i];

            if (x->request == 0 || !x->mounted)
                continue;
            for (int o = 0; o < NODES && x->fs == 0; o++) {
                if (o != n && w->h[o].writes)
                    wrong(w, "mounted beside a writer", n, o, 0);
            }
            if (x->stuck)
                continue;
            if (live[x->fs] >= 0)
                wrong(w, "mounted twice", n, live[x->fs], x->fs);
            live[x->fs] = n;
        }
    }
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static void worker_over(struct world *w, struct host *h, struct worker *x)
{
    if (x->mounted && chance(w, 5)) {
        x->stuck = true;
        w->residues++;
    } else {
        x->mounted = false;
    }
    x->held = x->stuck;
    if (!x->mounted)
        x->request = 0;
    (void)h;
}

/* What their timers have done by now. */
static void timers(struct world *w)
{
    for (int n = 0; n < NODES; n++) {
        struct host *h = &w->h[n];
        int64_t now = clock_of(w, h);

        for (int i = 0; i < WORKERS; i++) {
            struct worker *x = &h->w[i];

            if (x->request == 0 || x->stuck)
                continue;
            if (!x->held && now >= x->deadline && w->fault != FAULT_LATE)
                x->request = 0; /* no grant of it could be used any more */
            else if (x->held && now >= x->deadline + x->lingers && w->fault != FAULT_NO_TIMER)
                worker_over(w, h, x);
        }
    }
}

/* t_sent + ttl (1 - e) - stop_budget, in microseconds. */
static int64_t deadline(const struct world *w, int64_t sent)
{
    int64_t e = w->fault == FAULT_NODE_RATE ? 0 : TTL / LEASE_CLOCK_ERROR_PER_MS;

    return sent + (TTL - e - STOP) * US;
}

static void list_fill(struct world *w, struct host *h)
{
    rights_clear(&h->m);
    for (int i = 0; i < WORKERS; i++) {
        const struct worker *x = &h->w[i];

        if (x->request != 0 && !(w->fault == FAULT_LIST && chance(w, 5)))
            rights_add(&h->m, x->request,
                       x->stuck  ? RIGHT_RESIDUE
                       : x->held ? RIGHT_HELD
                                 : RIGHT_ASKED,
                       x->token);
    }
}

static void got_granted(struct world *w, struct host *h, const struct envelope *env)
{
    const struct granted *g = env->granted;

    for (int i = 0; i < WORKERS; i++) {
        struct worker *x = &h->w[i];

        if (x->request != env->correlation || x->held)
            continue;
        if (w->fault == FAULT_RECEIPT)
            x->deadline = deadline(w, clock_of(w, h));
        if (clock_of(w, h) >= x->deadline && w->fault != FAULT_LATE)
            return;
        x->token = g->token;
        x->held = x->mounted = true;
        x->lingers = chance(w, 50) ? STOP * US : below(w, (uint32_t)STOP) * US;
        w->mounts++;
        oracle(w);
    }
}

static void got_renewed(struct world *w, struct host *h, const struct envelope *env)
{
    for (size_t k = 0; k < ARRAY_LEN(h->renewals); k++) {
        if (h->renewals[k].seq != env->correlation)
            continue;
        for (int i = 0; i < WORKERS; i++) {
            const struct right *v = env->renewed->rights.v;
            struct worker *x = &h->w[i];
            bool named = false;

            if (!h->renewals[k].held[i] || x->request == 0 || !x->held || x->stuck)
                continue;
            for (size_t r = 0; r < env->renewed->rights.n; r++)
                named = named || (v[r].request == x->request && v[r].token == x->token);
            if (!named)
                worker_over(w, h, x);
            else if (clock_of(w, h) < x->deadline)
                x->deadline =
                    deadline(w, w->fault == FAULT_RENEWED ? clock_of(w, h) : h->renewals[k].sent);
        }
    }
}

static void got(struct world *w, struct host *h, const struct envelope *env)
{
    if (env->granted != NULL) {
        got_granted(w, h, env);
    } else if (env->renewed != NULL) {
        got_renewed(w, h, env);
    } else if (env->denied != NULL) {
        for (int i = 0; i < WORKERS; i++) {
            if (h->w[i].request == env->correlation && !h->w[i].held)
                h->w[i].request = 0;
        }
    }
}

/* ---- the network ---------------------------------------------------------------------------- */

static int64_t delay(struct world *w)
{
    return w->instant || chance(w, 50) ? 0
           : chance(w, 80)             ? below(w, 300) * US
                                       : below(w, 90000) * US;
}

static void send_one(struct world *w, int node, bool to_node, const struct envelope *env)
{
    for (int i = 0; i < IN_FLIGHT; i++) {
        struct flight *f = &w->f[i];

        if (f->at != 0)
            continue;
        f->at = w->t + delay(w) + 1;
        f->node = node;
        f->to_node = to_node;
        f->boot = w->h[node].m.boot;
        f->a = arena_new(0);
        f->env = record_dup(f->a, &envelope_desc, env);
        return;
    }
}

static void send(struct world *w, int node, bool to_node, const struct envelope *env)
{
    if (w->h[node].cut || w->h[node].off || (!w->instant && chance(w, 5)))
        return;
    send_one(w, node, to_node, env);
    if (chance(w, 5))
        send_one(w, node, to_node, env);
}

/* The coordinator's clock goes on to the true time. */
static void coordinator_now(struct world *w)
{
    int64_t now = (int64_t)((double)w->t * w->rate / US);

    if (now > w->l->now.v) {
        w->l->wall.v += now - w->l->now.v;
        w->l->now.v = now;
    }
}

/* Puts the list of live leases in order again after their ends were changed. */
static void resort(struct coord *c)
{
    struct link *head = &c->leases_live, done;

    link_init(&done);
    while (!link_empty(head)) {
        struct lease *l = container_of(head->next, struct lease, by_end);
        struct link *at = done.prev;

        link_remove(&l->by_end);
        while (at != &done && container_of(at, struct lease, by_end)->ends.v > l->ends.v)
            at = at->prev;
        link_append(at->next, &l->by_end);
    }
    while (!link_empty(&done)) {
        struct link *first = done.next;

        link_remove(first);
        link_append(head, first);
    }
}

/* What the core would do without the guard. */
static void tamper(struct world *w)
{
    struct lease *l;
    size_t it = 0;

    while (w->fault == FAULT_RATE && (l = map_next(w->l->c->leases, &it)) != NULL) {
        int64_t plain = w->l->now.v + TTL;

        if (l->row.state == LEASE_LIVE && l->ends.v > plain)
            l->ends.v = plain;
    }
    resort(w->l->c);
}

static void to_coordinator(struct world *w, struct flight *f)
{
    struct host *h = &w->h[f->node];
    uint64_t seq = h->m.seq;

    coordinator_now(w);
    machine_say(&h->m, f->env);
    h->m.seq = seq;
    tamper(w);
    if (w->l->answer == NULL || w->l->failed)
        return;
    if (w->l->answer->granted != NULL) {
        if (w->l->answer->granted->token <= w->highest)
            wrong(w, "a token that is not higher", f->node, f->node, 0);
        w->highest = w->l->answer->granted->token;
    }
    send(w, f->node, true, w->l->answer);
}

static void deliver(struct world *w)
{
    for (;;) {
        struct flight *first = NULL;
        struct flight f;

        for (int i = 0; i < IN_FLIGHT; i++) {
            if (w->f[i].at != 0 && w->f[i].at <= w->t && (first == NULL || w->f[i].at < first->at))
                first = &w->f[i];
        }
        if (first == NULL)
            return;
        f = *first;
        first->at = 0;
        if (!w->h[f.node].cut && !w->h[f.node].off && uuid_eq(f.boot, w->h[f.node].m.boot)) {
            if (f.to_node)
                got(w, &w->h[f.node], f.env);
            else
                to_coordinator(w, &f);
        }
        arena_free(f.a);
    }
}

/* ---- what happens --------------------------------------------------------------------------- */

static void envelope_begin(struct host *h, struct envelope *env)
{
    memset(env, 0, sizeof *env);
    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, node_id, wire_bytes16(h->m.id.b));
    REC_SET(env, envelope, boot_id, wire_bytes16(h->m.boot.b));
    REC_SET(env, envelope, seq, ++h->m.seq);
}

static void ask(struct world *w, int n, int fs)
{
    struct host *h = &w->h[n];
    struct worker *x = NULL;
    const struct resource *r;
    struct order_key order;
    struct lease_request body = { 0 };
    struct envelope env;

    for (int i = 0; i < WORKERS && x == NULL; i++)
        x = h->w[i].request == 0 ? &h->w[i] : NULL;
    if (x == NULL || h->off)
        return;
    list_fill(w, h);
    envelope_begin(h, &env);
    r = shelf_resource(w->l, RESOURCE_FILESYSTEM, fs_keys[fs]);
    order = rights_offer(&h->m, r);
    REC_SET(&body, lease_request, order, &order);
    REC_SET(&body, lease_request, resource, wire_bytes16(r->id.b));
    REC_SET(&body, lease_request, rights, ((struct recs){ h->m.rights, h->m.right_count }));
    REC_SET(&env, envelope, lease_request, &body);
    *x = (struct worker){ .request = h->m.seq, .fs = fs, .sent = clock_of(w, h) };
    x->deadline = deadline(w, x->sent);
    send(w, n, false, &env);
}

static void renew(struct world *w, int n)
{
    struct host *h = &w->h[n];
    struct lease_renew body = { 0 };
    struct envelope env;
    unsigned k = h->renewal++ % ARRAY_LEN(h->renewals);

    if (h->off)
        return;
    list_fill(w, h);
    envelope_begin(h, &env);
    REC_SET(&body, lease_renew, rights, ((struct recs){ h->m.rights, h->m.right_count }));
    REC_SET(&env, envelope, lease_renew, &body);
    h->renewals[k].seq = h->m.seq;
    h->renewals[k].sent = clock_of(w, h);
    for (int i = 0; i < WORKERS; i++)
        h->renewals[k].held[i] = h->w[i].request != 0 && h->w[i].held && !h->w[i].stuck;
    send(w, n, false, &env);
}

static void beat(struct world *w, int n)
{
    struct host *h = &w->h[n];
    struct heartbeat body = { 0 };
    struct envelope env;

    if (h->off)
        return;
    list_fill(w, h);
    envelope_begin(h, &env);
    REC_SET(&body, heartbeat, rights, ((struct recs){ h->m.rights, h->m.right_count }));
    REC_SET(&env, envelope, heartbeat, &body);
    send(w, n, false, &env);
}

/* At once: it registers where that is needed, and tells what it sees. */
static void present(struct world *w, int n)
{
    struct host *h = &w->h[n];
    struct node *node = node_by_id(w->l->c, h->m.id);

    if (h->off || h->cut)
        return;
    coordinator_now(w);
    list_fill(w, h);
    if (node == NULL || !node->registered || !uuid_eq(node->row.boot_id, h->m.boot))
        machine_register(&h->m);
    if (machine_registered(&h->m) ||
        (node != NULL && node->registered && uuid_eq(node->row.boot_id, h->m.boot))) {
        machine_heartbeat(&h->m);
        if (w->l->answer != NULL && w->l->answer->heartbeat_ack != NULL && !w->l->read_only)
            shelf_report(&h->m, &shelf);
    }
    tamper(w);
}

/* Mostly of a node that the coordinator knows to be well. */
static void ask_well(struct world *w, int n)
{
    const struct node *node = node_by_id(w->l->c, w->h[n].m.id);

    if (chance(w, 80) &&
        (!node->registered || node->live != NODE_UP || node->counts[EDGE_OK] < FILESYSTEMS + 1))
        present(w, n);
    ask(w, n, (int)below(w, FILESYSTEMS));
}

static void finish(struct world *w, int n)
{
    struct worker *x = &w->h[n].w[below(w, WORKERS)];

    if (x->request != 0 && x->held && (!x->stuck || chance(w, 20))) {
        x->mounted = x->stuck = false;
        x->request = 0;
    }
}

static void hold(struct world *w)
{
    int n = (int)below(w, NODES);
    struct lease *l, *hidden[64];
    size_t it = 0, count = 0;

    coordinator_now(w);
    if (w->hold != 0) {
        if (chance(w, 50) && rights_end(w->l, w->hold) == REPLY_OK) {
            for (int i = 0; i < NODES; i++)
                w->h[i].writes = false;
            w->hold = 0;
        }
        return;
    }
    while (w->fault == FAULT_RESIDUE && (l = map_next(w->l->c->leases, &it)) != NULL) {
        if (l->row.state == LEASE_RESIDUE && count < ARRAY_LEN(hidden)) {
            link_remove(&l->on_resource);
            hidden[count++] = l;
        }
    }
    if (rights_take(w->l, w->h[n].m.name, fs_keys[0]) == REPLY_OK) {
        w->hold = strtoull(((const struct lease_info *)w->l->reply->leases.v)->token, NULL, 10);
        if (w->hold <= w->highest)
            wrong(w, "a token that is not higher", n, n, 0);
        w->highest = w->hold;
        w->h[n].writes = !w->h[n].off;
        w->holds++;
    }
    while (count > 0) {
        l = hidden[--count];
        link_append(&l->resource->seat->leases, &l->on_resource);
    }
    oracle(w);
}

static void restart(struct world *w)
{
    mono_ms ends[64];
    uint64_t tokens[64];
    struct lease *l;
    size_t it = 0, n = 0;

    coordinator_now(w);
    while ((l = map_next(w->l->c->leases, &it)) != NULL && n < ARRAY_LEN(ends)) {
        /* As if only the row's time of grant counted. */
        tokens[n] = l->row.token;
        ends[n++].v = w->l->now.v + TTL - (w->l->wall.v - l->row.granted.v);
    }
    life_restart(w->l);
    w->t += 101 * US;
    w->restarts++;
    for (size_t i = 0; w->fault == FAULT_RESTART && i < n; i++) {
        l = lease_by_token(w->l->c, tokens[i]);
        if (l != NULL && l->row.state == LEASE_LIVE && ends[i].v < l->ends.v) {
            l->ends = ends[i];
        }
    }
    resort(w->l->c);
}

static void disk_fails(struct world *w)
{
    coordinator_now(w);
    life_fail(w->l);
    life_writable(w->l, true);
}

/* The power goes: nothing is mounted on it any more. Later it boots, and the coordinator learns of
 * it by a key that is bound, or is not; or an operator declares it dead. */
static void crash(struct world *w, int n)
{
    struct host *h = &w->h[n];

    h->off = true;
    h->writes = false;
    for (int i = 0; i < WORKERS; i++)
        h->w[i] = (struct worker){ .request = 0 };
}

static void boot(struct world *w, int n)
{
    struct host *h = &w->h[n];
    char secret[33];

    coordinator_now(w);
    if (chance(w, 30) && life_order(w->l, OP_NODE_DECLARE_DEAD, h->m.name) == REPLY_OK &&
        w->hold != 0 && lease_by_token(w->l->c, w->hold) == NULL)
        w->hold = 0;
    machine_reboot(&h->m);
    h->off = h->cut = false;
    life_token(w->l, chance(w, 50) ? h->m.name : NULL, secret);
    machine_enrol(&h->m, secret);
    w->t += 7000 * US;
}

/* Another host shows itself as this node, which lives on behind a partition: its key is not bound.
 */
static void impostor(struct world *w, int n)
{
    struct machine other = w->h[n].m;
    char secret[33];

    coordinator_now(w);
    w->h[n].cut = true;
    w->t += 7000 * US;
    coordinator_now(w);
    machine_reboot(&other);
    life_token(w->l, w->fault == FAULT_UNBOUND ? other.name : NULL, secret);
    machine_enrol(&other, secret);
    machine_register(&other);
    if (machine_registered(&other))
        shelf_report(&other, &shelf);
    present(w, 0);
    ask(w, 0, 0);
    ask(w, 0, 1);
}

static void tick(struct world *w)
{
    coordinator_now(w);
    life_pass(w->l, 0);
    if (w->hold != 0 && lease_by_token(w->l->c, w->hold) == NULL) {
        w->hold = 0; /* fenced with its boot */
        for (int i = 0; i < NODES; i++)
            w->h[i].writes = w->h[i].writes && !w->h[i].off;
    }
}

static void at_once(struct world *w, int n, int fs)
{
    w->instant = true;
    present(w, n);
    ask(w, n, fs);
    w->t += 10;
    deliver(w);
    w->t += 10;
    deliver(w);
    w->instant = false;
}

static struct worker *mounted(struct host *h, int fs)
{
    for (int i = 0; i < WORKERS; i++) {
        if (h->w[i].request != 0 && h->w[i].mounted && !h->w[i].stuck && h->w[i].fs == fs)
            return &h->w[i];
    }
    return NULL;
}

/* One has it and is cut off, uses all the time that it may, and the other asks the moment that the
 * coordinator takes it for over. */
static void race(struct world *w, int n)
{
    int fs = (int)below(w, FILESYSTEMS), other = (n + 1) % NODES;
    struct worker *x;
    struct lease *l;

    if (w->h[n].off || w->h[n].cut || w->h[other].off)
        return;
    w->h[other].cut = false;
    at_once(w, n, fs);
    x = mounted(&w->h[n], fs);
    l = x == NULL ? NULL : lease_by_token(w->l->c, x->token);
    if (l == NULL)
        return;
    x->lingers = STOP * US;
    w->h[n].cut = true;
    w->t = (int64_t)((double)(l->ends.v - 100) * US / w->rate);
    tick(w);
    w->instant = true;
    present(w, other);
    w->t = (int64_t)((double)(l->ends.v + 1) * US / w->rate) + US;
    timers(w);
    tick(w);
    at_once(w, other, fs);
}

static bool has_mounted(const struct host *h)
{
    bool any = false;

    for (int i = 0; i < WORKERS; i++)
        any = any || (h->w[i].request != 0 && h->w[i].mounted);
    return any;
}

/* Time goes on, by a little or to when the coordinator next wants to act. */
static void advance(struct world *w)
{
    int64_t due = coord_next_deadline(w->l->c).v, jump = 0;

    if (chance(w, 40) && due < w->l->now.v + 2 * TTL && due >= w->l->now.v)
        jump = (int64_t)((double)(due - w->l->now.v) * US / w->rate) + US + below(w, 2000);
    w->t += jump > 0 ? jump : chance(w, 70) ? below(w, 60) * US : below(w, 20000) * US;
    timers(w);
    deliver(w);
    tick(w);
    timers(w);
    deliver(w);
    oracle(w);
}

static void act(struct world *w)
{
    int n = (int)below(w, NODES);
    struct host *h = &w->h[n];

    switch (below(w, 60)) {
    case 0:
        h->cut = !h->cut;
        break;
    case 1:
        restart(w);
        break;
    case 2:
        if (chance(w, 30))
            disk_fails(w);
        break;
    case 3:
        if (h->off)
            boot(w, n);
        else if (chance(w, 20))
            crash(w, n);
        break;
    case 4:
    case 5:
        hold(w);
        break;
    case 6:
        if (chance(w, 30) && !h->off && n != 0 && has_mounted(h))
            impostor(w, n);
        break;
    case 7:
        if (chance(w, 30))
            race(w, n);
        break;
    case 8:
    case 9:
        finish(w, n);
        break;
    default:
        if (chance(w, 30))
            renew(w, n);
        else if (chance(w, 20))
            beat(w, n);
        else if (chance(w, 30))
            present(w, n);
        else
            ask_well(w, n);
    }
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void world_begin(struct world *w, uint64_t seed, enum fault fault)
{
    static const double rates[] = { 0.999, 1.0, 1.001 };

    memset(w, 0, sizeof *w);
    w->fault = fault;
    w->l = life_new();
    rights_offers(w->l);
    w->l->doubtful = fault != FAULT_NONE || seed % 8 != 0;
    w->l->random = seed;
    w->l->config.lease_ttl_ms = TTL;
    life_restart(w->l);
    w->rate = rates[below(w, 3)];
    if (chance(w, 60))
        w->rate = 1.001;
    w->t = (int64_t)((double)w->l->now.v * US / w->rate) + US;
    for (int n = 0; n < NODES; n++) {
        struct host *h = &w->h[n];

        h->rate = chance(w, 60) ? 0.999 : rates[below(w, 3)];
        machine_init(&h->m, w->l, (unsigned)n + 1);
        machine_join(&h->m);
        shelf_report(&h->m, &shelf);
    }
    for (int i = 0; i < FILESYSTEMS; i++)
        cr_assert_eq(rights_admit(w->l, fs_keys[i], true), REPLY_OK);
}

static void world_end(struct world *w)
{
    for (int i = 0; i < IN_FLIGHT; i++) {
        if (w->f[i].at != 0)
            arena_free(w->f[i].a);
    }
    life_free(w->l);
}

/* True: nothing is wrong. */
static bool run(uint64_t seed, enum fault fault, int steps, struct world *w)
{
    bool right;

    world_begin(w, seed, fault);
    for (int i = 0; i < steps && w->wrong[0] == '\0'; i++) {
        act(w);
        timers(w);
        deliver(w);
        advance(w);
        if (fault == FAULT_NONE && i % 16 == 0)
            places_expect(w->l->c);
    }
    right = w->wrong[0] == '\0';
    world_end(w);
    return right;
}

static uint64_t first_seed(void)
{
    const char *s = getenv("MUSTER_SEED");

    return s != NULL ? strtoull(s, NULL, 10) : 1;
}

Test(rights_random, exclusion_holds)
{
    uint64_t seed = first_seed(), mounts = 0, holds = 0, residues = 0, restarts = 0;
    unsigned runs = getenv("MUSTER_LONG") != NULL ? 2000 : share_of(40, 6, "seeds");

    for (unsigned i = 0; i < runs; i++, seed++) {
        struct world w;

        cr_assert(run(seed, FAULT_NONE, 1500, &w), "MUSTER_SEED=%llu: %s", (unsigned long long)seed,
                  w.wrong);
        mounts += (uint64_t)w.mounts;
        holds += (uint64_t)w.holds;
        residues += (uint64_t)w.residues;
        restarts += (uint64_t)w.restarts;
    }
    printf("# %llu mounts, %llu holds, %llu residues, %llu restarts\n", (unsigned long long)mounts,
           (unsigned long long)holds, (unsigned long long)residues, (unsigned long long)restarts);
    cr_expect(mounts >= 20 * runs && residues > runs && restarts > 10 * runs);
    cr_expect(holds > 5 || runs < 40);
}

/* Whoever takes a guard away is found out. Under a sanitizer, where most of the time would go into
 * the search, it begins at the seed that has shown it. */
Test(rights_random, each_guard_is_needed)
{
    static const uint64_t shown[FAULT_COUNT] = { [FAULT_RESTART] = 16, [FAULT_RESIDUE] = 57 };

    for (enum fault fault = FAULT_RECEIPT; fault < FAULT_COUNT; fault++) {
        uint64_t seed = does_all() || shown[fault] == 0 ? 1 : shown[fault];
        struct world w;

        while (seed < SEEDS && run(seed, fault, 1500, &w))
            seed++;
        cr_expect(seed < SEEDS, "without the guard '%s' nothing is wrong", fault_names[fault]);
        printf("# without '%s': seed %llu: %s\n", fault_names[fault], (unsigned long long)seed,
               w.wrong);
        fflush(stdout);
    }
}
