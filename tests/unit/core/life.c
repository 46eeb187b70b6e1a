/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "life.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "core/pack.h"
#include "join.h"
#include "wire/token.h"
#include "core/trust.h"

void life_draw(struct life *l, void *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        l->random = l->random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)out)[i] = (uint8_t)(l->random >> 56);
    }
}

uint32_t life_rand(struct life *l, uint32_t below)
{
    uint32_t r;

    life_draw(l, &r, sizeof r);
    return r % below;
}

static void die(const char *what, const char *text)
{
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

/* ---- loading -------------------------------------------------------------------------------- */

static struct coord *loaded(struct life *l, bool first, bool read_only, struct coord_update *u)
{
    struct coord *c = coord_new(&l->config);
    struct coord_event ev = { .type = COORD_STORE_STATE,
                              .now = l->now,
                              .listened = { l->now.v - l->deaf_ms },
                              .wall = l->wall };
    struct stored image;
    int rc = 0;

    durable_packed(l->d, &image);
    if (read_only) {
        ev.store.read_only = true;
        ev.store.text = "The disk is full.";
        rc = coord_step(c, &ev, u);
    }
    ev = (struct coord_event){
        .type = COORD_LOADED, .now = l->now, .listened = { l->now.v - l->deaf_ms }, .wall = l->wall
    };
    ev.loaded.image = &image;
    ev.loaded.first = first;
    ev.loaded.nonce = l->nonce;
    ev.loaded.started = l->now;
    if (rc == 0)
        rc = coord_step(c, &ev, u);
    assert(rc == 0);
    return c;
}

static void compare(struct life *l)
{
    struct coord_update u;
    struct arena *a = arena_new(0);
    struct err e = { "" };
    char *live = life_text(l->c), *again;
    struct coord *c;

    coord_update_init(&u, a);
    c = loaded(l, false, true, &u);
    if (u.changes != NULL)
        die("loading", "writes while nothing can be written");
    if (coord_check(c, &e) != 0)
        die("coord_check of a loaded core", e.text);
    again = life_text(c);
    if (strcmp(live, again) != 0) {
        fprintf(stderr, "--- live\n%s--- loaded\n%s", live, again);
        die("a loaded core", "differs from the one that wrote");
    }
    free(live);
    free(again);
    coord_free(c);
    coord_update_deinit(&u);
    arena_free(a);
}

/* ---- batches -------------------------------------------------------------------------------- */

static void forget(struct life *l)
{
    arena_free(l->kept);
    l->kept = arena_new(0);
    l->answer = NULL;
    l->reply = NULL;
    l->offer_count = 0;
}

static bool is_unasked(const struct envelope *env)
{
    return env->offer != NULL || env->rescan_order != NULL || env->lvm_order != NULL ||
           env->lvm_refresh != NULL;
}

static void take_messages(struct life *l)
{
    for (struct outgoing *o = l->update.messages; o != NULL; o = o->next) {
        if (o->env != NULL && is_unasked(o->env)) {
            assert(l->offer_count < LIFE_OFFERS);
            l->offers[l->offer_count++] = record_dup(l->kept, &envelope_desc, o->env);
        } else if (o->env != NULL)
            l->answer = record_dup(l->kept, &envelope_desc, o->env);
        else {
            join_reply(l, o);
            l->reply = record_dup(l->kept, &reply_desc, o->reply);
        }
    }
}

static void batch_end(struct life *l)
{
    coord_update_deinit(&l->update);
    arena_reset(l->arena);
    coord_update_init(&l->update, l->arena);
    l->batch = false;
}

void life_begin(struct life *l)
{
    assert(!l->batch);
    l->batch = true;
}

static void arm(struct life *l, bool on)
{
    if (l->arm != NULL)
        l->arm(on);
}

/* Out of memory: the batch is discarded and the core loaded anew. */
static void discard(struct life *l, int rc)
{
    assert(rc == -ENOMEM && l->arm != NULL);
    forget(l);
    batch_end(l);
    coord_free(l->c);
    l->c = loaded(l, false, l->read_only, &l->update);
    l->failed = true;
}

void life_commit(struct life *l)
{
    struct err e = { "" };
    int rc;

    arm(l, true);
    rc = coord_end_batch(l->c, &l->update);
    arm(l, false);
    if (rc != 0) {
        discard(l, rc);
        return;
    }
    if (l->read_only && l->update.changes != NULL)
        die("a core", "writes while nothing can be written");
    l->changes = l->update.change_count;
    for (const struct change *ch = l->update.changes; ch != NULL; ch = ch->next) {
        if (ch->type == CHANGE_PATH_LOST)
            join_path_lost(l, &ch->path_lost);
        l->lost += ch->type == CHANGE_EVENT && strcmp(ch->event.kind, "edge.lost") == 0;
        l->renamed += ch->type == CHANGE_EVENT && strcmp(ch->event.kind, "node.renamed") == 0;
    }
    if (!l->light && durable_apply(l->d, l->update.changes, &e) != 0)
        die("the changes of a batch", e.text);
    take_messages(l);
    batch_end(l);
    if (!l->read_only && !l->doubtful)
        compare(l);
}

void life_step(struct life *l, struct coord_event *ev)
{
    struct err e = { "" };
    int rc;

    ev->now = l->now;
    ev->listened.v = l->now.v - l->deaf_ms;
    ev->wall = l->wall;
    life_draw(l, ev->random, sizeof ev->random);
    if (!l->batch)
        forget(l);
    l->failed = false;
    arm(l, true);
    rc = coord_step(l->c, ev, &l->update);
    arm(l, false);
    if (rc != 0) {
        discard(l, rc);
        return;
    }
    if ((!l->light || l->steps++ % 100 == 0) && coord_check(l->c, &e) != 0)
        die("coord_check", e.text);
    if (!l->batch)
        life_commit(l);
}

void life_pass(struct life *l, int64_t ms)
{
    struct coord_event ev = { .type = COORD_TICK };

    l->now.v += ms;
    l->wall.v += ms;
    life_step(l, &ev);
}

void life_run(struct life *l, int64_t ms)
{
    int64_t end = l->now.v + ms;

    while (l->now.v < end) {
        int64_t due = coord_next_deadline(l->c).v;

        life_pass(l, (due <= l->now.v ? l->now.v + 1 : due < end ? due : end) - l->now.v);
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

static void start(struct life *l)
{
    l->read_only = false;
    l->c = loaded(l, true, false, &l->update);
    life_commit(l);
}

struct life *life_new_on(struct durable *d, uint8_t nonce)
{
    struct life *l = calloc(1, sizeof *l);

    assert(l != NULL);
    l->config = (struct core_config){ .heartbeat_ms = 2000,
                                      .suspect_ms = 6000,
                                      .down_ms = 30000,
                                      .edge_retention_ms = INT64_C(3600000),
                                      .event_retention_rows = 1000000,
                                      .lease_ttl_ms = 15000,
                                      .lease_history_rows = 1000,
                                      .enrol_by_token = true,
                                      .hash_seed = { 7 },
                                      .server_key = { { 0xcc } } };
    l->d = d;
    l->now.v = 5000000;
    l->wall.v = 1700000000000;
    l->random = nonce;
    l->nonce.b[0] = nonce;
    l->arena = arena_new(0);
    l->kept = arena_new(0);
    coord_update_init(&l->update, l->arena);
    start(l);
    return l;
}

struct life *life_new(void)
{
    return life_new_on(durable_new((uuid128){ { 0xdb } }), 1);
}

void life_free(struct life *l)
{
    coord_free(l->c);
    durable_free(l->d);
    coord_update_deinit(&l->update);
    arena_free(l->arena);
    arena_free(l->kept);
    free(l);
}

void life_restart(struct life *l)
{
    batch_end(l);
    coord_free(l->c);
    l->nonce.b[1]++;
    l->now.v += 100;
    l->wall.v += 100;
    start(l);
}

void life_fail(struct life *l)
{
    forget(l);
    batch_end(l);
    coord_free(l->c);
    l->read_only = true;
    l->c = loaded(l, false, true, &l->update);
    life_commit(l);
}

void life_writable(struct life *l, bool on)
{
    struct coord_event ev = { .type = COORD_STORE_STATE };

    l->read_only = !on;
    ev.store.read_only = !on;
    ev.store.text = on ? NULL : "The disk is full.";
    life_step(l, &ev);
}

/* ---- operator ------------------------------------------------------------------------------- */

enum reply_code life_ask(struct life *l, struct request *req)
{
    struct coord_event ev = { .type = COORD_CLIENT_REQUEST };

    REC_SET(req, request, version, PROTOCOL_VERSION);
    REC_SET(req, request, correlation, 1);
    ev.local = true;
    ev.request = req;
    life_step(l, &ev);
    assert(l->batch || l->failed || l->reply != NULL);
    if (l->failed)
        return REPLY_FAILED;
    return l->batch ? REPLY_OK : (enum reply_code)l->reply->code;
}

enum reply_code life_order(struct life *l, enum client_op op, const char *node)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    REC_SET(&req, request, node, node);
    REC_SET(&req, request, confirm, op == OP_RECOVER ? "recover" : node);
    REC_SET(&req, request, flag, true);
    return life_ask(l, &req);
}

enum reply_code life_define(struct life *l, const char *name, uint64_t vlan, const char *match)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, match != NULL ? OP_NETWORK_DEFINE : OP_NETWORK_DELETE);
    REC_SET(&req, request, name, name);
    REC_SET(&req, request, vlan, vlan);
    REC_SET(&req, request, matches, ((struct strs){ &match, match != NULL }));
    return life_ask(l, &req);
}

void life_token(struct life *l, const char *node, char out[33])
{
    struct request req = { 0 };
    const struct token_info *t;
    enum reply_code code;
    pubkey server;
    int rc;

    REC_SET(&req, request, op, OP_TOKEN_CREATE);
    if (node != NULL)
        REC_SET(&req, request, node, node);
    code = life_ask(l, &req);
    assert(code == REPLY_OK);
    t = l->reply->tokens.v;
    rc = token_parse(t->token, &server, out, NULL);
    assert(rc == 0);
}

/* ---- what the core holds -------------------------------------------------------------------- */

const struct edge *life_edge(const struct life *l, const char *node, const char *label)
{
    const struct node *n = node_by_name(l->c, node);
    const struct resource *r = resource_by_text(l->c, label);

    return n == NULL || r == NULL ? NULL : edge_find(n, r);
}

uint8_t life_shown(const struct life *l, const char *node, const char *label)
{
    const struct edge *e = life_edge(l, node, label);

    return e == NULL ? 0 : e->shown;
}

static void hex(FILE *f, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%02x", ((const uint8_t *)p)[i]);
    fputc(' ', f);
}

static const char *or_dash(const char *s)
{
    return s == NULL || s[0] == '\0' ? "-" : s;
}

static int by_row(const void *x, const void *y)
{
    const struct sighting *a = *(struct sighting *const *)x, *b = *(struct sighting *const *)y;
    int o = a->section - b->section;

    return o != 0 ? o : strcmp(a->row_key, b->row_key);
}

static void edge_text(FILE *f, const struct edge *e)
{
    struct sighting *v[256];
    size_t n = 0;
    char label[300];

    fprintf(f,
            "    edge %u %s state %u %u/%u had %u until %lld since %lld bare %d "
            "distrust %s since %lld\n",
            e->resource->no, resource_label_in(e->resource, label, sizeof label), e->state,
            e->paths_active, e->paths_total, e->paths_had, (long long)e->had_until.v,
            (long long)e->since.v, e->bare, or_dash(e->distrust != NULL ? e->distrust->text : NULL),
            (long long)(e->distrust != NULL ? e->distrust->since.v : 0));
    for (struct sighting *g = e->sightings; g != NULL && n < ARRAY_LEN(v); g = g->next)
        v[n++] = g;
    qsort(v, n, sizeof v[0], by_row);
    for (size_t i = 0; i < n; i++)
        fprintf(f,
                "      sighting %u %s port %s base %u vlan %u stacked %d ambiguous %d %u/%u "
                "flawed %d size %llu mark %llu\n",
                v[i]->section, v[i]->row_key, v[i]->seen.port, v[i]->seen.base_len, v[i]->seen.vlan,
                v[i]->seen.stacked, v[i]->ambiguous, v[i]->seen.paths_active,
                v[i]->seen.paths_total, v[i]->seen.flawed, (unsigned long long)v[i]->seen.size,
                (unsigned long long)v[i]->seen.mark);
}

static void packed_text(FILE *f, const struct slot *slot, enum section_id id)
{
    struct pack_block b = { slot->packed, slot->packed_bytes, slot->packed_rows };
    struct arena *a = arena_new(0);
    struct inventory_row *rows;
    int rc = pack_rows(&b, id, 0, a, &rows);

    assert(rc == 0);
    for (uint32_t i = 0; i < b.count; i++)
        fprintf(f, "      row %s %016llx\n", rows[i].key, (unsigned long long)rows[i].hash);
    arena_free(a);
}

static void slot_text(FILE *f, const struct slot *slot, size_t id)
{
    if (!slot->stored && slot->row_count == 0)
        return;
    fprintf(f, "    section %zu status %u %s at %lld ", id, slot->status,
            or_dash(slot->status_text), (long long)slot->at.v);
    hex(f, slot->digest.b, 16);
    fputc('\n', f);
    for (uint32_t i = 0; i < slot->row_count; i++)
        fprintf(f, "      row %s %016llx\n", slot->rows[i].key,
                (unsigned long long)slot->rows[i].hash);
    if (slot->packed != NULL)
        packed_text(f, slot, (enum section_id)id);
}

static void node_text(FILE *f, const struct node *n)
{
    fprintf(f, "  node %u %s set %d admission %u text %s draining %d unknown %d seen %lld ",
            n->row.no, n->row.name, n->row.name_set, n->row.admission, or_dash(n->row.text),
            n->row.draining, n->row.rights_unknown, (long long)n->row.first_seen.v);
    hex(f, n->row.id.b, 16);
    hex(f, n->row.boot_id.b, 16);
    hex(f, n->row.key.b, 32);
    fprintf(f, "%s %s %s %s %s\n", or_dash(n->row.product_uuid), or_dash(n->row.lowest_mac),
            or_dash(n->row.hostname), or_dash(n->row.probe_version), or_dash(n->row.source));
    fprintf(f, "    key ");
    hex(f, n->key != NULL ? n->key->key.b : (const uint8_t[32]){ 0 }, 32);
    fprintf(f, "claim ");
    hex(f, n->claim != NULL && n->claim->durable ? n->claim->key.b : (const uint8_t[32]){ 0 }, 32);
    fputc('\n', f);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        slot_text(f, &n->sections[i], i);
    for (uint32_t i = 0; i < n->edge_count; i++)
        edge_text(f, n->edges[i]);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The values of a map have no order: a line for each, sorted. */
static void sorted(FILE *f, const struct map *m, void (*line)(FILE *, const void *))
{
    size_t n = 0, it = 0, size;
    char **v = calloc(map_count(m) + 1, sizeof *v);
    const void *value;

    assert(v != NULL);
    while ((value = map_next(m, &it)) != NULL) {
        FILE *one = open_memstream(&v[n++], &size);

        line(one, value);
        fclose(one);
    }
    qsort(v, n, sizeof *v, by_text);
    for (size_t i = 0; i < n; i++) {
        fputs(v[i], f);
        free(v[i]);
    }
    free(v);
}

static void key_line(FILE *f, const void *v)
{
    const struct key *k = v;

    if (!k->durable)
        return;
    fprintf(f, "  key ");
    hex(f, k->key.b, 32);
    hex(f, k->boot_id.b, 16);
    fprintf(f, "role %u state %u node %u %s %lld\n", k->role, k->state,
            k->node != NULL ? k->node->row.no : 0, or_dash(k->name), (long long)k->created.v);
}

static void retired_line(FILE *f, const void *v)
{
    const struct retired_boot *b = v;

    fprintf(f, "  retired %u ", b->id.node_no);
    hex(f, b->id.boot_id, 16);
    fputc('\n', f);
}

static void resource_line(FILE *f, const void *v)
{
    const struct resource *r = v;

    if (r->seat != NULL && r->seat->scan != NULL)
        fprintf(f, "  scan %08u admitted %d %lld %s\n", r->no, r->seat->scan->admitted,
                (long long)r->seat->scan->admitted_at.v, or_dash(r->seat->scan->fingerprint));
    fprintf(f, "  resource %08u vlan %u declared %d port %s owner %u in %u type %s ", r->no,
            r->vlan, r->network != NULL, or_dash(r->key), r->owner != NULL ? r->owner->row.no : 0,
            r->filesystem != NULL ? r->filesystem->no : 0,
            or_dash(r->seat != NULL ? r->seat->type : NULL));
    hex(f, r->id.b, 16);
    fputc('\n', f);
}

static int by_id(const void *x, const void *y)
{
    const struct resource *a = *(struct resource *const *)x, *b = *(struct resource *const *)y;

    return a->no < b->no ? -1 : a->no > b->no;
}

/* What is in doubt, as a query would tell it. */
static void doubt_lines(FILE *f, const struct coord *c)
{
    struct resource **v = calloc(map_count(c->resources) + 1, sizeof(struct resource *)), *r;
    struct arena *a = arena_new(0);
    size_t n = 0, it = 0;

    assert(v != NULL && a != NULL);
    while ((r = map_next(c->resources, &it)) != NULL) {
        if (r->kind != RESOURCE_NETWORK)
            v[n++] = r;
    }
    qsort(v, n, sizeof(struct resource *), by_id);
    for (size_t i = 0; i < n; i++) {
        struct resource_info info = { 0 };
        const char *sets;

        assert(doubts_fill(c, a, v[i], &info) == 0 && twin_sets_text(a, v[i]->twin, &sets) == 0);
        fprintf(f, "  doubt %u since %lld told %d sets %s class %s\n", v[i]->no,
                (long long)v[i]->doubt_since.v, v[i]->doubt_told, or_dash(sets),
                or_dash(info.conflict_class));
        for (size_t k = 0; k < info.doubts.n; k++) {
            const char *text = info.doubts.v[k], *cut;

            /* Who is silent is not known after a start. */
            for (; (cut = strstr(text, " (silent)")) != NULL; text = cut + strlen(" (silent)"))
                fprintf(f, "%.*s", (int)(cut - text), text);
            fprintf(f, "%s\n", text);
        }
    }
    arena_free(a);
    free(v);
}

static void network_line(FILE *f, const void *v)
{
    const struct network *w = v;

    fprintf(f, "  network %s vlan %u ports %u created %lld", w->name, w->vlan, w->ports,
            (long long)w->created.v);
    for (uint32_t i = 0; i < w->match_count; i++)
        fprintf(f, " %s/%s", w->matches[i].node, w->matches[i].port);
    fputc('\n', f);
}

static void token_line(FILE *f, const void *v)
{
    const struct token *t = v;

    fprintf(f, "  token ");
    hex(f, t->row.hash, 32);
    hex(f, t->row.node.b, 16);
    fprintf(f, "role %u state %u until %lld\n", t->row.role, t->row.state,
            (long long)t->row.expires.v);
}

static void task_lines(FILE *f, const struct coord *c)
{
    for (const struct link *l = c->tasks.next; l != &c->tasks; l = l->next) {
        const struct task *t = container_of(l, struct task, link);

        fprintf(f, "  task %u kind %u state %u step %u open %u left out %u: %s\n", t->row.no,
                t->row.kind, t->row.state, t->row.step, t->open, t->row.left_out,
                or_dash(t->row.text));
        for (uint32_t i = 0; i < t->job_count; i++) {
            const struct job_row *j = &t->jobs[i]->row;

            fprintf(f, "    job %u step %u state %u of %u node %u attempt %llu result %u: %s\n",
                    j->no, j->step, j->state, j->resource_no, j->node_no,
                    (unsigned long long)j->attempt, j->result, or_dash(j->reason));
        }
    }
}

static void lease_line(FILE *f, const void *v)
{
    const struct lease *r = v;

    fprintf(f, "  right %llu kind %u state %u of %u on %u request %llu ttl %llu for %s ",
            (unsigned long long)r->row.token, r->row.kind, r->row.state, r->node->row.no,
            r->resource->no, (unsigned long long)r->row.request, (unsigned long long)r->row.ttl_ms,
            or_dash(r->row.text));
    hex(f, r->row.boot_id.b, 16);
    fputc('\n', f);
}

char *life_text(const struct coord *c)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    fprintf(f,
            "epoch %llu start %llu generation %llu event %llu oldest %llu token %llu next %u %u "
            "recover %d %llu %llu %llu\n",
            (unsigned long long)c->meta.epoch, (unsigned long long)c->meta.start_no,
            (unsigned long long)c->meta.generation, (unsigned long long)c->meta.event_no,
            (unsigned long long)c->oldest_event_no, (unsigned long long)c->meta.token,
            c->meta.next_node_no, c->meta.next_resource_no, c->recover,
            (unsigned long long)c->meta.seen_epoch, (unsigned long long)c->meta.seen_generation,
            (unsigned long long)c->meta.seen_token);
    for (size_t i = 0; i < c->start_count; i++)
        fprintf(f, "  start %llu %llu\n", (unsigned long long)c->starts[i].epoch,
                (unsigned long long)c->starts[i].start_no);
    sorted(f, c->keys, key_line);
    sorted(f, c->retired, retired_line);
    sorted(f, c->resources, resource_line);
    doubt_lines(f, c);
    sorted(f, c->networks_by_name, network_line);
    sorted(f, c->tokens_by_hash, token_line);
    sorted(f, c->leases, lease_line);
    fprintf(f, "  over %llu\n", (unsigned long long)c->lease_history_count);
    for (size_t i = 0; i < c->node_count; i++)
        node_text(f, c->nodes[i]);
    task_lines(f, c);
    fclose(f);
    return text;
}
