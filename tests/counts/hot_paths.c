/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the coordinator does most, one path a run, for a tool that counts instructions: those inside
 * of functions named hot_*. All input follows from constants, so that a run counts what any other
 * does. The core is linked with its coord_step() wrapped, so that only the steps that a path is
 * about are counted. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"
#include "fleet_gen.h"
#include "fleet_vgs.h"
#include "rights.h"
#include "shop.h"
#include "wire/codec.h"

#define HOT __attribute__((noinline, noclone))

enum { NODES = 30, ROUNDS = 10, MOST_SECTIONS = 2 * SECTION_COUNT };

/* ---- what is counted ------------------------------------------------------------------------- */

static bool counting;

int __real_coord_step(struct coord *c, const struct coord_event *ev, struct coord_update *u);
int __wrap_coord_step(struct coord *c, const struct coord_event *ev, struct coord_update *u);
int hot_step(struct coord *c, const struct coord_event *ev, struct coord_update *u);
void hot_digest(struct section *v, size_t n, struct arena *a);
void hot_decode(const struct buf *b, struct arena *a);
void hot_conflict(const struct life *l, const struct resource *r, struct arena *a);
void hot_openshop(const struct shop *s);

HOT int hot_step(struct coord *c, const struct coord_event *ev, struct coord_update *u)
{
    return __real_coord_step(c, ev, u);
}

int __wrap_coord_step(struct coord *c, const struct coord_event *ev, struct coord_update *u)
{
    return counting ? hot_step(c, ev, u) : __real_coord_step(c, ev, u);
}

HOT void hot_digest(struct section *v, size_t n, struct arena *a)
{
    for (size_t i = 0; i < n; i++) {
        int rc = section_normalise(&v[i], a, NULL);

        assert(rc == 0);
    }
}

HOT void hot_decode(const struct buf *b, struct arena *a)
{
    struct envelope *env;
    struct err e;
    int rc = wire_decode_envelope(b->p, b->n, a, &env, &e);
    const struct section_body *bodies = rc == 0 ? env->report->sections.v : NULL;

    for (size_t i = 0; rc == 0 && i < env->report->sections.n; i++) {
        struct section out;

        rc = section_from_body(&bodies[i], a, &out, &e);
    }
    assert(rc == 0);
}

HOT void hot_conflict(const struct life *l, const struct resource *r, struct arena *a)
{
    for (size_t i = 0; i < l->c->node_count; i++) {
        struct verdict v;
        int rc = conflict(l->c, a, r, WANT_SCAN, l->c->nodes[i], &v);

        assert(rc == 0);
    }
}

HOT void hot_openshop(const struct shop *s)
{
    struct shop_result r = shop_openshop(s, false, &(struct shop_faults){ 0 }, 1, false);

    assert(r.left == 0);
}

/* ---- a fleet, and what it reports ------------------------------------------------------------ */

struct world {
    struct life *l;
    struct arena *a;
    struct fleet_shape shape;
    struct fleet_vgs *vgs;
    struct fleet_state state;
    struct machine m[NODES];
};

static size_t sections_of(struct world *w, unsigned node, struct section *out)
{
    static const enum worker_kind kinds[] = { WORKER_NET, WORKER_STORAGE, WORKER_LVM };
    size_t n = 0;

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        size_t more;
        int rc = fleet_sections(&w->shape, node, &w->state, kinds[k], w->a, out + n, &more);

        assert(rc == 0);
        n += more;
    }
    return n;
}

static void report(struct world *w, unsigned node)
{
    struct section v[MOST_SECTIONS];
    struct envelope env = { 0 };
    struct report body = { 0 };
    size_t n = sections_of(w, node, v);

    REC_SET(&env, envelope, report, &body);
    machine_say_sections(&w->m[node], &env, v, n);
}

/* All are known, and have said nothing yet. */
static void begin(struct world *w)
{
    w->l = life_new();
    w->l->light = w->l->doubtful = true;
    w->a = arena_new(0);
    fleet_shape_usual(&w->shape);
    w->shape.group = NODES;
    w->vgs = fleet_vgs_new(&w->shape, NODES);
    w->state.vgs = w->vgs;
    rights_offers(w->l);
    for (unsigned i = 0; i < NODES; i++) {
        machine_init(&w->m[i], w->l, i + 1);
        machine_join(&w->m[i]);
    }
}

static void end(struct world *w)
{
    life_free(w->l);
    fleet_vgs_free(w->vgs);
    arena_free(w->a);
}

static void all_report(struct world *w)
{
    for (unsigned i = 0; i < NODES; i++)
        report(w, i);
}

/* ---- paths ----------------------------------------------------------------------------------- */

static void path_digest(struct world *w)
{
    struct section v[MOST_SECTIONS];

    for (unsigned i = 0; i < ROUNDS; i++)
        hot_digest(v, sections_of(w, i, v), w->a);
}

static void path_decode(struct world *w)
{
    struct section v[MOST_SECTIONS];
    struct section_body bodies[MOST_SECTIONS] = { 0 };
    struct envelope env = { 0 };
    struct report body = { 0 };
    struct buf b = { 0 };
    struct err e;
    size_t n = sections_of(w, 0, v);
    int rc;

    for (size_t i = 0; i < n; i++) {
        v[i].generation = 1;
        section_to_body(&v[i], &bodies[i]);
    }
    REC_SET(&body, report, sections, ((struct recs){ bodies, n }));
    REC_SET(&env, envelope, version, PROTOCOL_VERSION);
    REC_SET(&env, envelope, node_id, wire_bytes16(w->m[0].id.b));
    REC_SET(&env, envelope, boot_id, wire_bytes16(w->m[0].boot.b));
    REC_SET(&env, envelope, seq, 1);
    REC_SET(&env, envelope, report, &body);
    rc = wire_encode(&envelope_desc, &env, &b, &e);
    assert(rc == 0);
    for (unsigned i = 0; i < ROUNDS; i++)
        hot_decode(&b, w->a);
    buf_deinit(&b);
}

static void path_report(struct world *w)
{
    counting = true;
    all_report(w);
}

static void path_report_again(struct world *w)
{
    all_report(w);
    path_report(w);
}

static void path_report_changed(struct world *w)
{
    all_report(w);
    w->state.ports_down = 1;
    w->state.nics_down = 1;
    w->state.revision = 1;
    path_report(w);
}

static void path_heartbeat(struct world *w)
{
    all_report(w);
    counting = true;
    for (unsigned i = 0; i < NODES; i++)
        machine_heartbeat(&w->m[i]);
}

static void ask_changes(struct world *w, uint64_t since)
{
    struct request req = { 0 };
    enum reply_code code;

    REC_SET(&req, request, op, OP_CHANGES);
    REC_SET(&req, request, since, since);
    counting = true;
    code = life_ask(w->l, &req);
    counting = false;
    assert(code == REPLY_OK);
}

/* Half of all paths have gone since. */
static void path_matrix_changes(struct world *w)
{
    uint64_t since;

    all_report(w);
    since = w->l->c->meta.generation;
    w->state.ports_down = 1;
    all_report(w);
    ask_changes(w, since);
}

static const struct resource *filesystem(const struct world *w, uint32_t no)
{
    struct resource *r;
    size_t it = 0;

    while ((r = map_next(w->l->c->resources, &it)) != NULL) {
        if (r->kind == RESOURCE_FILESYSTEM && no-- == 0)
            return r;
    }
    return NULL;
}

static void admit_all(struct world *w)
{
    struct request req = { 0 };
    enum reply_code code;

    all_report(w);
    REC_SET(&req, request, op, OP_FS_ADMIT);
    REC_SET(&req, request, flag, true);
    code = life_ask(w->l, &req);
    assert(code == REPLY_OK);
}

static void path_conflict(struct world *w)
{
    admit_all(w);
    for (uint32_t i = 0; i < w->shape.filesystems; i++)
        hot_conflict(w->l, filesystem(w, i), w->a);
}

static void path_lease(struct world *w)
{
    const char *why;

    admit_all(w);
    counting = true;
    for (uint32_t i = 0; i < w->shape.filesystems; i++) {
        uint64_t token = rights_ask(&w->m[i], filesystem(w, i), &why);

        if (token == 0)
            fprintf(stderr, "no lease: %s\n", why);
        assert(token != 0);
    }
}

static void path_openshop(struct world *w)
{
    struct shop s;

    (void)w;
    shop_make(&s, SHOP_HEAVY, 60, 40, 4, 1);
    hot_openshop(&s);
    shop_free(&s);
}

/* ---- which ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(struct world *w);
} paths[] = {
    { "digest", path_digest },
    { "decode", path_decode },
    { "report", path_report },
    { "report-again", path_report_again },
    { "report-changed", path_report_changed },
    { "heartbeat", path_heartbeat },
    { "matrix-changes", path_matrix_changes },
    { "conflict", path_conflict },
    { "lease", path_lease },
    { "openshop", path_openshop },
};

int main(int argc, char **argv)
{
    static struct world w;

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (argc < 2)
            puts(paths[i].name);
        if (argc != 2 || strcmp(argv[1], paths[i].name) != 0)
            continue;
        begin(&w);
        paths[i].run(&w);
        end(&w);
        return 0;
    }
    return argc < 2 ? 0 : 2;
}
