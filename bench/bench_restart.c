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
#include "large.h"
#include "net/net.h"
#include "store.h"

enum { NODES_A_BATCH = 32 };

struct bench {
    const char *dir;
    struct large l;
    struct store *store;
};

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int end(struct bench *b, struct err *e)
{
    int rc = coord_end_batch(b->l.coord, &b->l.update);

    if (rc == 0 && b->l.update.changes != NULL)
        rc = store_commit(b->store, b->l.update.changes, e);
    coord_update_deinit(&b->l.update);
    return rc;
}

/* ---- fill ----------------------------------------------------------------------------------- */

/* The nodes are in already: who has a key is no matter of this. */
static int nodes_write(struct bench *b, struct err *e)
{
    struct change *first = NULL, **tail = &first;

    for (uint32_t i = 0; i < b->l.nodes; i++) {
        struct change *c = arena_array(b->l.arena, 2, sizeof *c);

        if (c == NULL)
            return -ENOMEM;
        c[0].type = CHANGE_NODE;
        c[1].type = CHANGE_KEY;
        large_rows(&b->l, i, &c[0].node, &c[1].key);
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
    struct stored image;
    double at = seconds();
    int rc = large_core(&b->l), end_rc;

    if (a == NULL || rc < 0) {
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
        large_begin(&b->l);
        rc = large_step(&b->l, &ev);
        end_rc = store_load_end(b->store, e);
        rc = end_rc != 0 ? end_rc : rc;
        *core_s = seconds() - at;
        if (rc == 0)
            rc = end(b, e);
    }
    arena_free(a);
    return rc;
}

static int fill(struct bench *b, struct err *e)
{
    double unused[2], began = seconds();
    int rc = nodes_write(b, e);

    if (rc == 0)
        rc = load(b, e, &unused[0], &unused[1]);
    for (uint32_t i = 0; rc == 0 && i < b->l.nodes;) {
        large_begin(&b->l);
        do
            rc = rc == 0 ? large_report(&b->l, i) : rc;
        while (++i % NODES_A_BATCH != 0 && i < b->l.nodes);
        if (rc == 0)
            rc = end(b, e);
    }
    while (rc == 0 && store_packs_due(b->store) > 0)
        rc = store_pack(b->store, NODES_A_BATCH, e);
    if (rc == 0)
        printf("%u nodes with %u filesystems each, written in %.1f s\n", b->l.nodes,
               b->l.shape.filesystems, seconds() - began);
    return rc;
}

/* ---- main ----------------------------------------------------------------------------------- */

static int measure(struct bench *b, double opened, struct err *e)
{
    double read_s = 0, core_s = 0;
    uint32_t per_node = 2 * b->l.shape.filesystems + b->l.shape.vlans + b->l.shape.nics / 2;
    int rc = load(b, e, &read_s, &core_s);

    if (rc == 0)
        printf("open %.3f s, read %.3f s, core %.3f s: %.2f M edges/s\n", opened, read_s, core_s,
               (double)b->l.nodes * per_node / (read_s + core_s) / 1e6);
    return rc;
}

static int parse(int argc, char **argv, struct bench *b)
{
    int c;

    while ((c = getopt(argc, argv, "d:n:f:h")) != -1) {
        if (c == 'd')
            b->dir = optarg;
        else if (c == 'n')
            b->l.nodes = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'f')
            b->l.shape.filesystems = (uint32_t)strtoul(optarg, NULL, 10);
        else
            return -1;
    }
    return b->dir == NULL || b->l.nodes == 0 || b->l.nodes > LIMIT_NODES ||
                   b->l.shape.filesystems == 0 || b->l.shape.filesystems > FLEET_LUNS ||
                   optind != argc - 1
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
    coord_free(b->l.coord);
    store_close(b->store);
    return rc;
}

int main(int argc, char **argv)
{
    struct bench b = { .l.nodes = 8000 };
    struct err e = { "" };
    int rc;

    fleet_shape_usual(&b.l.shape);
    b.l.shape.vgs = b.l.shape.bad_per_mille = 0;
    b.l.shape.filesystems = 120;
    if (parse(argc, argv, &b) != 0) {
        fputs("Usage: bench-restart -d STATE-DIR [-n NODES] [-f FILESYSTEMS] fill|load\n", stderr);
        return 2;
    }
    b.l.arena = arena_new(0);
    rc = b.l.arena == NULL ? -ENOMEM : run(&b, argv[optind], &e);
    if (rc != 0)
        fprintf(stderr, "bench-restart: %s\n", e.text[0] != '\0' ? e.text : strerror(-rc));
    arena_free(b.l.arena);
    return rc == 0 ? 0 : 1;
}
