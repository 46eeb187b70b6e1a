/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P8 and the third part of P4: the database of a large fleet, and what a start makes of it.
 *
 * fill  a new state directory gets the matrix of a simulated fleet: the reports of its nodes go
 *       through the real core into the real store, without the sockets between.
 * load  what a coordinator does before it serves, part by part: the database is opened, read, and
 *       made into the core's state while the packs of its nodes are read by a second thread. Edges
 * a second are those of the matrix over the last two.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/text.h"
#include "core/core.h"
#include "fleet_gen.h"
#include "net/net.h"
#include "store.h"
#include "wire/codec.h"

enum { NODES_A_BATCH = 32 };

struct bench {
    const char *dir;
    uint32_t nodes, filesystems;
    struct fleet_shape shape;
    struct store *store;
    struct coord *coord;
    struct arena *arena;
    struct coord_update update;
};

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct core_config config(void)
{
    return (struct core_config){
        .heartbeat_ms = DEFAULT_HEARTBEAT_MS,
        .suspect_ms = DEFAULT_SUSPECT_MS,
        .down_ms = DEFAULT_DOWN_MS,
        .edge_retention_ms = DEFAULT_EDGE_RETENTION_MS,
        .event_retention_rows = DEFAULT_EVENT_RETENTION_ROWS,
        .lease_ttl_ms = DEFAULT_LEASE_TTL_MS,
        .lease_history_rows = DEFAULT_LEASE_HISTORY_ROWS,
        .enrol_by_token = true,
    };
}

static int step(struct bench *b, struct coord_event *ev)
{
    ev->now = ev->listened = clock_mono();
    ev->wall = clock_wall();
    random_bytes(ev->random, sizeof ev->random);
    return coord_step(b->coord, ev, &b->update);
}

static int begin(struct bench *b)
{
    arena_reset(b->arena);
    coord_update_init(&b->update, b->arena);
    return 0;
}

static int end(struct bench *b, struct err *e)
{
    int rc = coord_end_batch(b->coord, &b->update);

    if (rc == 0 && b->update.changes != NULL)
        rc = store_commit(b->store, b->update.changes, e);
    coord_update_deinit(&b->update);
    return rc;
}

/* ---- fill ----------------------------------------------------------------------------------- */

static pubkey key_of(uint32_t index)
{
    pubkey key = { { 0 } };

    memcpy(key.b, &index, sizeof index);
    key.b[sizeof key.b - 1] = 1;
    return key;
}

/* The nodes are in already: who has a key is no matter of this. */
static int nodes_write(struct bench *b, struct err *e)
{
    struct change *first = NULL, **tail = &first;
    wall_ms now = clock_wall();

    for (uint32_t i = 0; i < b->nodes; i++) {
        struct change *c = arena_array(b->arena, 2, sizeof *c);
        struct fleet_host h;

        if (c == NULL)
            return -ENOMEM;
        fleet_host(&b->shape, i, 0, b->arena, &h);
        c[0].type = CHANGE_NODE;
        c[0].node = (struct node_row){ .no = i + 1,
                                       .id = h.node_id,
                                       .name = h.identity.hostname,
                                       .admission = NODE_APPROVED,
                                       .boot_id = h.boot_id,
                                       .key = key_of(i),
                                       .first_seen = now };
        c[1].type = CHANGE_KEY;
        c[1].key = (struct key_row){ .key = key_of(i),
                                     .role = ROLE_NODE,
                                     .state = KEY_ACTIVE,
                                     .node_no = i + 1,
                                     .boot_id = h.boot_id,
                                     .created = now,
                                     .bound = true };
        c[0].next = &c[1];
        *tail = &c[0];
        tail = &c[1].next;
    }
    return store_commit(b->store, first, e);
}

static int load(struct bench *b, struct err *e, double *read_s, double *core_s)
{
    struct coord_event ev = { .type = COORD_LOADED };
    struct arena *a = arena_new(0);
    struct core_config c = config();
    struct stored image;
    double at = seconds();
    int rc, end_rc;

    b->coord = coord_new(&c);
    if (a == NULL || b->coord == NULL) {
        arena_free(a);
        return -ENOMEM;
    }
    rc = store_load_begin(b->store, a, &image, e);
    *read_s = seconds() - at;
    if (rc == 0) {
        ev.loaded.image = &image;
        ev.loaded.first = true;
        random_bytes(&ev.loaded.nonce, sizeof ev.loaded.nonce);
        at = seconds();
        rc = begin(b);
        if (rc == 0)
            rc = step(b, &ev);
        end_rc = store_load_end(b->store, e);
        rc = end_rc != 0 ? end_rc : rc;
        *core_s = seconds() - at;
        if (rc == 0)
            rc = end(b, e);
    }
    arena_free(a);
    return rc;
}

static int say(struct bench *b, uint32_t index, struct envelope *env, const struct fleet_host *h,
               const struct section *sections, size_t count)
{
    struct coord_event ev = { .type = COORD_NODE_MESSAGE, .key = key_of(index) };

    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, node_id, wire_bytes16(h->node_id.b));
    REC_SET(env, envelope, boot_id, wire_bytes16(h->boot_id.b));
    REC_SET(env, envelope, seq, sections == NULL ? 1 : 2);
    ev.node.env = env;
    ev.node.sections = sections;
    ev.node.section_count = count;
    return step(b, &ev);
}

static int node_report(struct bench *b, uint32_t index)
{
    static const enum worker_kind kinds[] = { WORKER_SYSTEM, WORKER_NET, WORKER_STORAGE };
    static const struct fleet_state state = { .revision = 0 };
    struct section *v = arena_array(b->arena, 2 * SECTION_COUNT, sizeof *v);
    struct fleet_host *h = arena_zalloc(b->arena, sizeof *h);
    struct envelope *env = arena_array(b->arena, 2, sizeof *env);
    struct node_register *reg = arena_zalloc(b->arena, sizeof *reg);
    struct report *report = arena_zalloc(b->arena, sizeof *report);
    size_t n = 0;
    int rc = v == NULL || h == NULL || env == NULL || reg == NULL || report == NULL ? -ENOMEM : 0;

    if (rc == 0)
        fleet_host(&b->shape, index, 0, b->arena, h);
    for (size_t k = 0; rc == 0 && k < ARRAY_LEN(kinds); k++) {
        size_t more = 0;

        rc = fleet_sections(&b->shape, index, &state, kinds[k], b->arena, v + n, &more);
        n += more;
    }
    if (rc < 0)
        return rc;
    REC_SET(reg, node_register, identity, &h->identity);
    REC_SET(&env[0], envelope, node_register, reg);
    REC_SET(&env[1], envelope, report, report);
    rc = say(b, index, &env[0], h, NULL, 0);
    return rc < 0 ? rc : say(b, index, &env[1], h, v, n);
}

static int fill(struct bench *b, struct err *e)
{
    double unused[2], began = seconds();
    int rc = nodes_write(b, e);

    if (rc == 0)
        rc = load(b, e, &unused[0], &unused[1]);
    for (uint32_t i = 0; rc == 0 && i < b->nodes;) {
        rc = begin(b);
        do
            rc = rc == 0 ? node_report(b, i) : rc;
        while (++i % NODES_A_BATCH != 0 && i < b->nodes);
        if (rc == 0)
            rc = end(b, e);
    }
    while (rc == 0 && store_packs_due(b->store) > 0)
        rc = store_pack(b->store, NODES_A_BATCH, e);
    if (rc == 0)
        printf("%u nodes with %u filesystems each, written in %.1f s\n", b->nodes, b->filesystems,
               seconds() - began);
    return rc;
}

/* ---- main ----------------------------------------------------------------------------------- */

static int measure(struct bench *b, double opened, struct err *e)
{
    double read_s = 0, core_s = 0;
    uint32_t per_node = 2 * b->filesystems + b->shape.vlans + b->shape.nics / 2;
    int rc = load(b, e, &read_s, &core_s);

    if (rc == 0)
        printf("open %.3f s, read %.3f s, core %.3f s: %.2f M edges/s\n", opened, read_s, core_s,
               (double)b->nodes * per_node / (read_s + core_s) / 1e6);
    return rc;
}

static int parse(int argc, char **argv, struct bench *b)
{
    int c;

    while ((c = getopt(argc, argv, "d:n:f:h")) != -1) {
        if (c == 'd')
            b->dir = optarg;
        else if (c == 'n')
            b->nodes = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'f')
            b->filesystems = (uint32_t)strtoul(optarg, NULL, 10);
        else
            return -1;
    }
    return b->dir == NULL || b->nodes == 0 || b->nodes > LIMIT_NODES || b->filesystems == 0 ||
                   b->filesystems > FLEET_LUNS || optind != argc - 1
               ? -1
               : 0;
}

static int run(struct bench *b, const char *what, struct err *e)
{
    struct store_options o = { .dir = b->dir };
    double at = seconds();
    uuid128 id;
    int rc = store_open(&o, &b->store, e);

    random_bytes(&id, sizeof id);
    if (rc == 0)
        rc = store_init_identity(b->store, id, e);
    if (rc == 0)
        rc = strcmp(what, "fill") == 0 ? fill(b, e) : measure(b, seconds() - at, e);
    coord_free(b->coord);
    store_close(b->store);
    return rc;
}

int main(int argc, char **argv)
{
    struct bench b = { .nodes = 8000, .filesystems = 120 };
    struct err e = { "" };
    int rc;

    if (parse(argc, argv, &b) != 0) {
        fputs("Usage: bench-restart -d STATE-DIR [-n NODES] [-f FILESYSTEMS] fill|load\n", stderr);
        return 2;
    }
    fleet_shape_usual(&b.shape);
    b.shape.vgs = b.shape.bad_per_mille = 0;
    b.shape.filesystems = b.filesystems;
    b.arena = arena_new(0);
    rc = b.arena == NULL ? -ENOMEM : run(&b, argv[optind], &e);
    if (rc != 0)
        fprintf(stderr, "bench-restart: %s\n", e.text[0] != '\0' ? e.text : strerror(-rc));
    arena_free(b.arena);
    return rc == 0 ? 0 : 1;
}
