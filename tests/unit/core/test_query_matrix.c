/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The snapshot and its filters; changes since a generation: who follows them alone has at all times
 * what a fresh snapshot shows. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "asking.h"
#include "base/limits.h"
#include "core/core_internal.h"
#include "model/render.h"

static struct request changes_since(uint64_t generation)
{
    struct request req = ask_for(OP_CHANGES);

    REC_SET(&req, request, since, generation);
    return req;
}

/* ---- snapshot ------------------------------------------------------------------------------- */

/* Three hosts; eth0 and VLAN 100 of the first two are declared, all else is unproven. */
static void start(struct fleet **f, struct host h[3])
{
    *f = fleet_new();
    for (uint8_t i = 0; i < 3; i++) {
        host_init(&h[i], *f, (uint8_t)(i + 1));
        h[i].ports[0].vlans[0] = 100;
        host_join(&h[i]);
    }
    define(*f, "lan", 0, "node-1/eth0");
    define(*f, "storage", 100, "*/eth0");
}

static struct request snapshot(const char *const *nodes, size_t node_count,
                               const char *const *resources, size_t resource_count)
{
    struct request req = ask_for(OP_SNAPSHOT);

    if (node_count > 0)
        REC_SET(&req, request, nodes, ((struct strs){ nodes, node_count }));
    if (resource_count > 0)
        REC_SET(&req, request, resources, ((struct strs){ resources, resource_count }));
    return req;
}

/* Every number in an edge is that of a node and a resource, and in order. */
static void check_indexes(const struct fleet *f)
{
    const struct node_info *n = f->reply->nodes.v;
    const struct resource_info *r = f->reply->resources.v;
    const struct edge_info *e = f->reply->edges.v;

    for (size_t i = 0; i < f->reply->nodes.n; i++)
        cr_expect_eq(n[i].index, i);
    for (size_t i = 0; i < f->reply->resources.n; i++)
        cr_expect_eq(r[i].index, i);
    for (size_t i = 0; i < f->reply->edges.n; i++)
        cr_expect(e[i].node < f->reply->nodes.n && e[i].resource < f->reply->resources.n);
}

Test(query_matrix, snapshot_of_nothing)
{
    struct fleet *f = fleet_new();

    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_SNAPSHOT)), REPLY_OK);
    cr_expect_eq(f->reply->nodes.n + f->reply->resources.n + f->reply->edges.n, 0);
    fleet_free(f);
}

Test(query_matrix, snapshot_of_all)
{
    struct fleet *f;
    struct host h[3];

    start(&f, h);
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_SNAPSHOT)), REPLY_OK);
    check_indexes(f);
    cr_expect_eq(f->reply->generation, coord_generation(f->c));
    cr_expect_eq(f->reply->nodes.n, 3);
    cr_expect_eq(f->reply->resources.n, 4);
    cr_expect_eq(f->reply->edges.n, 6);
    cr_expect_eq(edge_of(f, "node-3", "storage")->state, EDGE_OK);
    cr_expect_str_eq(edge_of(f, "node-3", "storage")->ports.v[0], "eth0.100");
    cr_expect_null(edge_of(f, "node-3", "lan"));
    cr_expect_str_eq(resource_of(f, "lan")->kind, "network");
    cr_expect_str_eq(resource_of(f, "lan")->key, resource_of(f, "lan")->id);
    cr_expect_str_eq(resource_of(f, "unproven:node-3/eth0")->key,
                     "unproven:03000000-0000-4000-0000-000000000001/eth0");
    fleet_free(f);
}

Test(query_matrix, snapshot_of_some_nodes)
{
    static const char *const nodes[] = { "node-1", "node-3", "node-1" };
    struct fleet *f;
    struct host h[3];

    start(&f, h);
    cr_assert_eq(ask(f, CLIENT_LOCAL, snapshot(nodes, 3, NULL, 0)), REPLY_OK);
    check_indexes(f);
    cr_expect_eq(f->reply->nodes.n, 2, "each once");
    cr_expect_eq(f->reply->resources.n, 3);
    cr_expect_eq(f->reply->edges.n, 4);
    cr_expect_null(resource_of(f, "unproven:node-2/eth0"));
    fleet_free(f);
}

Test(query_matrix, snapshot_of_some_resources)
{
    static const char *const resources[] = { "unproven:node-2/eth0", "lan", "lan" };
    struct fleet *f;
    struct host h[3];

    start(&f, h);
    cr_assert_eq(ask(f, CLIENT_LOCAL, snapshot(NULL, 0, resources, 3)), REPLY_OK);
    check_indexes(f);
    cr_expect_eq(f->reply->resources.n, 2);
    cr_expect_eq(f->reply->nodes.n, 2);
    cr_expect_eq(f->reply->edges.n, 2);
    cr_expect_null(node_of(f, "node-3"));
    fleet_free(f);
}

Test(query_matrix, snapshot_of_some_of_both)
{
    static const char *const nodes[] = { "node-3", "node-2" };
    static const char *const resources[] = { "storage", "lan" };
    struct fleet *f;
    struct host h[3];

    start(&f, h);
    cr_assert_eq(ask(f, CLIENT_LOCAL, snapshot(nodes, 2, resources, 2)), REPLY_OK);
    check_indexes(f);
    cr_expect_eq(f->reply->nodes.n, 2);
    cr_expect_eq(f->reply->resources.n, 2, "lan was asked for, if nobody of them sees it");
    cr_expect_eq(f->reply->edges.n, 2);
    cr_expect_not_null(edge_of(f, "node-2", "storage"));
    fleet_free(f);
}

Test(query_matrix, snapshot_of_what_is_not_there)
{
    static const char *const nodes[] = { "node-1", "nobody" };
    static const char *const resources[] = { "lan", "nothing" };
    struct fleet *f;
    struct host h[3];

    start(&f, h);
    expect_refusal(f, snapshot(nodes, 2, NULL, 0), REPLY_NOT_FOUND, "no node 'nobody'");
    expect_refusal(f, snapshot(nodes, 1, resources, 2), REPLY_NOT_FOUND, "no resource 'nothing'");
    cr_expect_eq(f->reply->nodes.n, 0);
    fleet_free(f);
}

/* More than one answer holds: said before it is built. */
Test(query_matrix, too_large)
{
    struct fleet *f = fleet_new();
    struct coord *c = f->c;
    size_t many = LIMIT_REPLY_BYTES / 100 + 1;

    for (size_t i = 0; i < many; i++) {
        struct resource *r = calloc(1, sizeof *r + 1);

        memcpy(r->id.b, &i, sizeof i);
        r->no = (uint32_t)i + 1000;
        r->owner = NULL;
        cr_assert_eq(map_put(c->resources, r->id.b, sizeof r->id.b, r), 0);
    }
    {
        struct coord_event ev = {
            .type = COORD_CLIENT_REQUEST, .now = f->now, .listened = f->now, .wall = f->wall
        };
        struct request req = ask_for(OP_RESOURCE_LIST);

        REC_SET(&req, request, version, PROTOCOL_VERSION);
        ev.local = true;
        ev.request = &req;
        cr_assert_eq(coord_step(c, &ev, &f->update), 0);
        cr_expect_eq(f->update.messages->reply->code, REPLY_TOO_LARGE);
        cr_expect_eq(f->update.messages->reply->resources.n, 0);
    }
    fleet_free(f);
}

/* ---- changes -------------------------------------------------------------------------------- */

Test(query_matrix, changes_refused)
{
    struct fleet *f;
    struct host h[3];
    uint64_t g;

    start(&f, h);
    g = coord_generation(f->c);
    expect_refusal(f, ask_for(OP_CHANGES), REPLY_INVALID, "the generation since which");
    expect_refusal(f, changes_since(g + 1), REPLY_RESYNC, "take a snapshot");
    expect_refusal(f, changes_since(0), REPLY_RESYNC, "take a snapshot");
    expect_refusal(f, changes_since(FLEET_GENERATION), REPLY_RESYNC, "take a snapshot");
    cr_expect_eq(ask(f, CLIENT_LOCAL, changes_since(FLEET_GENERATION + 1)), REPLY_OK);
    fleet_free(f);
}

Test(query_matrix, changes_are_whole_and_nothing_else)
{
    struct fleet *f;
    struct host h[3];
    uint64_t g;

    start(&f, h);
    g = coord_generation(f->c);
    cr_assert_eq(ask(f, CLIENT_LOCAL, changes_since(g)), REPLY_OK);
    cr_expect_eq(f->reply->nodes.n + f->reply->resources.n + f->reply->edges.n, 0);
    h[0].ports[0].up = false;
    host_report(&h[0]);
    cr_assert_eq(ask(f, CLIENT_LOCAL, changes_since(g)), REPLY_OK);
    check_indexes(f);
    cr_expect_gt(f->reply->generation, g);
    cr_expect_eq(f->reply->nodes.n, 1);
    cr_expect_eq(f->reply->resources.n, 2);
    cr_expect_eq(f->reply->edges.n, 2);
    cr_expect_eq(edge_of(f, "node-1", "lan")->state, EDGE_LOST);
    cr_expect_eq(edge_of(f, "node-1", "lan")->paths_had, 1);
    cr_assert_eq(ask(f, CLIENT_LOCAL, changes_since(f->reply->generation)), REPLY_OK);
    cr_expect_eq(f->reply->edges.n, 0);
    fleet_free(f);
}

Test(query_matrix, removals_are_told)
{
    struct request forget = ask_for(OP_NODE_FORGET);
    struct fleet *f;
    struct host h[3];
    uint64_t g;

    start(&f, h);
    g = coord_generation(f->c);
    define(f, "lan", 0, "node-9/*");
    cr_assert_eq(ask(f, CLIENT_LOCAL, changes_since(g)), REPLY_OK);
    cr_expect(edge_of(f, "node-1", "lan")->removed);
    cr_expect_not(edge_of(f, "node-1", "unproven:node-1/eth0")->removed);
    define(f, "lan", 0, "node-1/*");
    cr_assert_eq(ask(f, CLIENT_LOCAL, changes_since(g)), REPLY_OK);
    cr_expect_not(edge_of(f, "node-1", "lan")->removed, "it is there again");
    cr_expect_eq(f->reply->removed_resources.n, 1);
    fleet_pass(f, 7000);
    REC_SET(&forget, request, node, "node-3");
    cr_assert_eq(ask(f, CLIENT_LOCAL, forget), REPLY_OK);
    cr_assert_eq(ask(f, CLIENT_LOCAL, changes_since(g)), REPLY_OK);
    cr_assert_eq(f->reply->removed_nodes.n, 1);
    cr_expect_str_eq(f->reply->removed_nodes.v[0], "03000000-0000-4000-0000-000000000001");
    fleet_free(f);
}

/* A list of texts has a limit on the wire; what would be over it is a resync, not a cut list. */
Test(query_matrix, resync_when_too_much_has_gone)
{
    static const uuid128 nil;
    struct fleet *f = fleet_new();
    uint64_t g = coord_generation(f->c);

    for (uint32_t i = 0; i < LIMIT_STRINGS; i++) {
        uuid128 id = { { 0xff } };

        memcpy(id.b + 4, &i, sizeof i);
        cr_assert_eq(bury(f->c, nil, id), 0);
    }
    fleet_commit(f);
    cr_assert_eq(ask(f, CLIENT_LOCAL, changes_since(g)), REPLY_OK);
    cr_expect_eq(f->reply->removed_resources.n, LIMIT_STRINGS);
    cr_assert_eq(bury(f->c, nil, (uuid128){ { 0xfe } }), 0);
    fleet_commit(f);
    expect_refusal(f, changes_since(g), REPLY_RESYNC, "take a snapshot");
    cr_expect_eq(ask(f, CLIENT_LOCAL, changes_since(g + 1)), REPLY_OK);
    fleet_free(f);
}

/* ---- a client that follows ------------------------------------------------------------------ */

struct entry {
    char key[160]; /* "n ID", "r ID", "e NODE RESOURCE" */
    char *text;
};

struct follower {
    struct entry *v;
    size_t n, cap;
    uint64_t generation;
    uint64_t resyncs, answers;
};

static struct entry *entry_of(struct follower *w, const char *key)
{
    for (size_t i = 0; i < w->n; i++) {
        if (strcmp(w->v[i].key, key) == 0)
            return &w->v[i];
    }
    return NULL;
}

static void drop_at(struct follower *w, size_t i)
{
    free(w->v[i].text);
    w->v[i] = w->v[--w->n];
}

static void put(struct follower *w, const char *key, const struct record_desc *d, const void *rec)
{
    struct entry *e = entry_of(w, key);
    struct buf b = { 0 };
    struct json j;

    if (e == NULL) {
        if (w->n == w->cap)
            w->v = realloc(w->v, (w->cap = 2 * w->cap + 16) * sizeof *w->v);
        e = &w->v[w->n++];
        snprintf(e->key, sizeof e->key, "%s", key);
    } else {
        free(e->text);
    }
    json_init(&j, &b);
    json_object(&j, NULL);
    json_record(&j, d, rec);
    json_end_object(&j);
    e->text = strdup(buf_cstr(&b));
    buf_deinit(&b);
}

/* A node or resource goes with all its edges. */
static void take_away(struct follower *w, char kind, const char *id)
{
    for (size_t i = w->n; i-- > 0;) {
        const char *key = w->v[i].key;

        if ((key[0] == kind && strcmp(key + 2, id) == 0) ||
            (key[0] == 'e' && strncmp(key + (kind == 'n' ? 2 : 39), id, 36) == 0))
            drop_at(w, i);
    }
}

static void take_edge(struct follower *w, const struct reply *r, struct edge_info e)
{
    const struct node_info *n = (const struct node_info *)r->nodes.v + e.node;
    const struct resource_info *x = (const struct resource_info *)r->resources.v + e.resource;
    char key[160];

    snprintf(key, sizeof key, "e %s %s", n->id, x->id);
    if (e.removed) {
        if (entry_of(w, key) != NULL)
            drop_at(w, (size_t)(entry_of(w, key) - w->v));
        return;
    }
    REC_CLEAR(&e, edge_info, node);
    REC_CLEAR(&e, edge_info, resource);
    REC_CLEAR(&e, edge_info, age_ms);
    put(w, key, &edge_info_desc, &e);
}

/* As docs/PROTOCOL.md says: what is gone first. */
static void apply(struct follower *w, const struct reply *r)
{
    const struct edge_info *edges = r->edges.v;
    char key[160];

    for (size_t i = 0; i < r->removed_nodes.n; i++)
        take_away(w, 'n', r->removed_nodes.v[i]);
    for (size_t i = 0; i < r->removed_resources.n; i++)
        take_away(w, 'r', r->removed_resources.v[i]);
    for (size_t i = 0; i < r->nodes.n; i++) {
        struct node_info n = ((const struct node_info *)r->nodes.v)[i];

        REC_CLEAR(&n, node_info, index);
        REC_CLEAR(&n, node_info, heard_ms);
        snprintf(key, sizeof key, "n %s", n.id);
        put(w, key, &node_info_desc, &n);
    }
    for (size_t i = 0; i < r->resources.n; i++) {
        struct resource_info x = ((const struct resource_info *)r->resources.v)[i];

        REC_CLEAR(&x, resource_info, index);
        snprintf(key, sizeof key, "r %s", x.id);
        put(w, key, &resource_info_desc, &x);
    }
    for (size_t i = 0; i < r->edges.n; i++)
        take_edge(w, r, edges[i]);
    w->generation = r->generation;
}

static void empty(struct follower *w)
{
    while (w->n > 0)
        drop_at(w, w->n - 1);
}

static void follower_free(struct follower *w)
{
    empty(w);
    free(w->v);
}

static void take_snapshot(struct follower *w, struct fleet *f)
{
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_SNAPSHOT)), REPLY_OK);
    empty(w);
    apply(w, f->reply);
}

static void follow(struct follower *w, struct fleet *f)
{
    enum reply_code code = ask(f, CLIENT_LOCAL, changes_since(w->generation));

    w->answers++;
    if (code == REPLY_RESYNC) {
        w->resyncs++;
        take_snapshot(w, f);
        return;
    }
    cr_assert_eq(code, REPLY_OK, "%s", f->reply->text);
    apply(w, f->reply);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static void expect_same(struct follower *w, struct follower *fresh, const char *when)
{
    qsort(w->v, w->n, sizeof *w->v, by_key);
    qsort(fresh->v, fresh->n, sizeof *fresh->v, by_key);
    for (size_t i = 0; i < w->n || i < fresh->n; i++) {
        const char *mine = i < w->n ? w->v[i].key : "~",
                   *its = i < fresh->n ? fresh->v[i].key : "~";

        cr_assert_str_eq(mine, its, "%s: the follower has %s, the snapshot %s", when, mine, its);
        cr_assert_str_eq(w->v[i].text, fresh->v[i].text, "%s: %s is\n%s, not\n%s", when, mine,
                         w->v[i].text, fresh->v[i].text);
    }
}

/* ---- a random life -------------------------------------------------------------------------- */

static uint64_t next(uint64_t *s)
{
    uint64_t z = (*s += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t *s, uint64_t n)
{
    return next(s) % n;
}

static uint64_t seed(void)
{
    const char *given = getenv("MUSTER_SEED");
    uint64_t s = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

    fprintf(stderr, "MUSTER_SEED=%llu\n", (unsigned long long)s);
    return s;
}

enum { HOSTS = 6 };

static void change_ports(struct host *h, uint64_t *s)
{
    struct port *p = &h->ports[below(s, FLEET_PORTS)];

    switch (below(s, 4)) {
    case 0:
        p->there = !p->there;
        break;
    case 1:
        p->up = !p->up;
        break;
    case 2:
        p->vlans[below(s, 3)] = (uint16_t)below(s, 4); /* 0: no link */
        break;
    default:
        h->status = below(s, 3) == 0 ? SECTION_STUCK : SECTION_OK;
        break;
    }
    /* Two links of one tag on one port would be one port twice. */
    if (p->vlans[1] == p->vlans[0])
        p->vlans[1] = 0;
    if (p->vlans[2] == p->vlans[0] || p->vlans[2] == p->vlans[1])
        p->vlans[2] = 0;
    host_report(h);
}

static void operate_on_node(struct fleet *f, uint64_t *s)
{
    static const enum client_op ops[] = { OP_NODE_APPROVE, OP_NODE_RENAME, OP_NODE_FORGET,
                                          OP_NODE_DECLARE_DEAD, OP_NODE_DRAIN };
    struct request req = ask_for(ops[below(s, ARRAY_LEN(ops))]);
    char node[24], name[24];

    snprintf(node, sizeof node, "%s-%d", below(s, 2) ? "node" : "rack", (int)below(s, HOSTS) + 1);
    snprintf(name, sizeof name, "%s-%d", below(s, 2) ? "node" : "rack", (int)below(s, HOSTS) + 1);
    REC_SET(&req, request, node, node);
    REC_SET(&req, request, name, name);
    REC_SET(&req, request, confirm, node);
    REC_SET(&req, request, flag, below(s, 2));
    ask(f, CLIENT_LOCAL, req);
}

static void operate_on_network(struct fleet *f, uint64_t *s)
{
    static const char *const names[] = { "a", "b", "c" };
    static const char *const matches[] = { "*/eth0",   "*/eth?",   "node-1/*", "rack-*/eth1",
                                           "node-?/*", "*-3/eth0", "*/*",      "*/eth2" };
    struct request req = ask_for(below(s, 4) == 0 ? OP_NETWORK_DELETE : OP_NETWORK_DEFINE);
    const char *match = matches[below(s, ARRAY_LEN(matches))];

    REC_SET(&req, request, name, names[below(s, ARRAY_LEN(names))]);
    REC_SET(&req, request, vlan, below(s, 3));
    REC_SET(&req, request, matches, ((struct strs){ &match, 1 }));
    ask(f, CLIENT_LOCAL, req);
}

static void live(struct fleet *f, struct host hosts[HOSTS], uint64_t *s)
{
    struct host *h = &hosts[below(s, HOSTS)];

    switch (below(s, 12)) {
    case 0:
        host_reboot(h);
        host_enrol(h, below(s, 4) != 0);
        break;
    case 1:
        host_enrol(h, below(s, 2));
        break;
    case 2:
        if (host_register(h) && below(s, 2))
            host_report(h);
        break;
    case 3:
        if (below(s, 4) == 0)
            host_goodbye(h);
        break;
    case 4:
        fleet_pass(f, (int64_t)below(s, 4000));
        break;
    case 5:
        if (below(s, 10) == 0)
            fleet_pass(f, (int64_t)below(s, 4000000)); /* past the retention of edges */
        break;
    case 6:
        operate_on_node(f, s);
        break;
    case 7:
        operate_on_network(f, s);
        break;
    case 8:
        for (size_t i = 0; i < HOSTS; i++)
            host_beat(&hosts[i]);
        break;
    default:
        change_ports(h, s);
        break;
    }
}

/* Two clients: one asks after each step, one seldom. `limit`: tombstones that are kept. */
static void follow_a_life(uint64_t s, int steps, size_t limit, struct follower *often,
                          struct follower *seldom)
{
    struct fleet *f = fleet_new();
    struct host hosts[HOSTS];
    struct follower fresh = { 0 };
    char when[64];

    if (limit > 0)
        f->c->tombstone_limit = limit;
    for (uint8_t i = 0; i < HOSTS; i++) {
        host_init(&hosts[i], f, (uint8_t)(i + 1));
        if (i % 2 == 0)
            host_join(&hosts[i]);
    }
    take_snapshot(often, f);
    take_snapshot(seldom, f);
    for (int i = 0; i < steps; i++) {
        bool together = below(&s, 4) == 0;

        snprintf(when, sizeof when, "step %d", i);
        if (together)
            fleet_begin(f);
        for (uint64_t n = together ? below(&s, 5) : 1; n > 0; n--)
            live(f, hosts, &s);
        if (!together || below(&s, 2)) { /* in the middle of a batch, too */
            follow(often, f);
            take_snapshot(&fresh, f);
            expect_same(often, &fresh, when);
        }
        if (together)
            fleet_commit(f);
        if (below(&s, 40) == 0) {
            follow(seldom, f);
            take_snapshot(&fresh, f);
            expect_same(seldom, &fresh, when);
        }
    }
    follower_free(&fresh);
    fleet_free(f);
}

Test(query_matrix, changes_lead_to_what_a_snapshot_shows)
{
    struct follower often = { 0 }, seldom = { 0 };
    uint64_t s = seed();

    for (int i = 0; i < 8; i++) {
        follow_a_life(s + (uint64_t)i * 1000003, 1500, 0, &often, &seldom);
        empty(&often);
        empty(&seldom);
    }
    cr_expect_eq(often.resyncs, 0);
    cr_expect_eq(seldom.resyncs, 0);
    follower_free(&often);
    follower_free(&seldom);
}

/* With few tombstones some answers are "resync", and all others are still right. */
Test(query_matrix, resync_when_tombstones_overflow)
{
    struct follower often = { 0 }, seldom = { 0 };

    follow_a_life(seed(), 4000, 4, &often, &seldom);
    cr_expect_gt(seldom.resyncs, 0);
    cr_expect_lt(often.resyncs, often.answers / 2);
    follower_free(&often);
    follower_free(&seldom);
}
