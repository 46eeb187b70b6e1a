/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Life of the core, and the step: which handler takes which event. */
#include <assert.h>
#include <errno.h>
#include <sodium/crypto_generichash.h>
#include <stdlib.h>

#include "core/core_internal.h"

enum { TOMBSTONES = 65536 };

void coord_update_init(struct coord_update *u, struct arena *a)
{
    memset(u, 0, sizeof *u);
    u->arena = a;
    u->changes_tail = &u->changes;
    u->messages_tail = &u->messages;
}

void coord_update_deinit(struct coord_update *u)
{
    for (struct outgoing *o = u->messages; o != NULL; o = o->next) {
        arena_free(o->reply_arena);
        o->reply_arena = NULL;
    }
    u->messages = NULL;
    u->messages_tail = &u->messages;
}

static bool maps_new(struct coord *c)
{
    struct map **maps[] = { &c->nodes_by_id,    &c->nodes_by_name, &c->keys,
                            &c->retired,        &c->resources,     &c->networks_by_name,
                            &c->tokens_by_hash, &c->drop_times,    &c->twins,
                            &c->pv_roots,       &c->objects,       &c->leases,
                            &c->fences,         &c->tasks_by_no };

    for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
        *maps[i] = map_new(c->config.hash_seed);
        if (*maps[i] == NULL)
            return false;
    }
    return true;
}

struct coord *coord_new(const struct core_config *config)
{
    struct coord *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->config = *config;
    if (c->config.protocol == 0)
        c->config.protocol = PROTOCOL_VERSION;
    c->tombstone_limit = TOMBSTONES;
    for (size_t i = 0; i < ARRAY_LEN(c->live); i++)
        link_init(&c->live[i]);
    link_init(&c->seers);
    link_init(&c->networks);
    link_init(&c->tokens);
    link_init(&c->tasks);
    link_init(&c->tasks_due);
    link_init(&c->jobs_unplaced);
    link_init(&c->offers);
    link_init(&c->orders_due);
    link_init(&c->jobs_held);
    link_init(&c->silent);
    link_init(&c->readings_blocked);
    link_init(&c->nodes_resting);
    c->task_kinds = config->task_kinds != NULL ? config->task_kinds : task_kinds;
    link_init(&c->leases_live);
    c->vgs_again = MONO_NEVER;
    stamp_init(&c->changed_nodes);
    stamp_init(&c->changed_resources);
    stamp_init(&c->changed_edges);
    c->walks = calloc(1, sizeof *c->walks);
    c->shop = openshop_new();
    if (c->walks == NULL || c->shop == NULL || rescans_init(c) < 0 || !maps_new(c)) {
        coord_free(c);
        return NULL;
    }
    return c;
}

/* Frees every value of a map, then the map. */
static void map_free_values(struct map *m, void (*value_free)(void *))
{
    size_t it = 0;
    void *v;

    if (m == NULL)
        return;
    while ((v = map_next(m, &it)) != NULL)
        value_free(v);
    map_free(m);
}

static void key_free_value(void *v)
{
    struct key *k = v;

    free(k->name);
    free(k);
}

static void resource_free_value(void *v)
{
    resource_free(v);
}

void coord_free(struct coord *c)
{
    if (c == NULL)
        return;
    tasks_free_all(c);
    scans_free_all(c);
    rescans_free(c);
    seers_drop_all(c);
    for (size_t i = 0; i < c->node_count; i++) {
        struct node *n = c->nodes[i];

        for (uint32_t e = 0; e < n->edge_count; e++)
            edge_free(n->edges[e]);
        node_free(n);
    }
    while (!link_empty(&c->networks))
        network_remove(c, container_of(c->networks.next, struct network, link));
    while (!link_empty(&c->tokens))
        token_free(c, container_of(c->tokens.next, struct token, link));
    leases_free_all(c);
    fences_free_all(c);
    graph_free_all(c);
    twins_free_all(c);
    map_free_values(c->keys, key_free_value);
    map_free_values(c->retired, free);
    map_free_values(c->resources, resource_free_value);
    map_free_values(c->drop_times, free);
    map_free(c->nodes_by_id);
    map_free(c->nodes_by_name);
    map_free(c->networks_by_name);
    map_free(c->tokens_by_hash);
    map_free(c->tasks_by_no);
    free(c->walks);
    free(c->nodes);
    free(c->slots);
    free(c->placeable);
    free(c->starts);
    free(c->dirty);
    free(c->splits);
    free(c->tombstones);
    free(c->mode_text);
    free(c);
}

/* Different for each call within an event and for each event. */
void step_random(struct step *s, void *out, size_t n)
{
    uint8_t in[sizeof s->ev->random + sizeof s->random_used];

    memcpy(in, s->ev->random, sizeof s->ev->random);
    memcpy(in + sizeof s->ev->random, &s->random_used, sizeof s->random_used);
    s->random_used++;
    crypto_generichash(out, n, in, sizeof in, NULL, 0);
}

int text_set(const char **to, const char *from)
{
    char *copy = NULL;

    if (from != NULL && from[0] != '\0') {
        copy = strdup(from);
        if (copy == NULL)
            return -ENOMEM;
    }
    free((void *)(uintptr_t)*to);
    *to = copy;
    return 0;
}

bool text_same(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static int on_loaded(struct step *s)
{
    return load_image(s);
}

static int on_tick(struct step *s)
{
    int rc = live_tick(s);

    if (rc == 0)
        rc = version_tick(s);
    if (rc == 0)
        rc = lease_tick(s);
    if (rc == 0)
        rc = offers_tick(s);
    if (rc == 0)
        rc = scans_tick(s);
    rescans_tick(s->c);
    return rc < 0 ? rc : matrix_retention(s);
}

static int on_store_state(struct step *s)
{
    struct coord *c = s->c;
    bool was = c->read_only;
    int rc;

    c->read_only = s->ev->store.read_only;
    rc = text_set((const char **)&c->mode_text, c->read_only ? s->ev->store.text : NULL);
    if (rc < 0 || was == c->read_only || !c->loaded)
        return rc;
    if (c->read_only) /* no event can be written now; the one of its end names its time */
        return 0;
    rc = event(s, "coordinator.writable", SEVERITY_INFO, NULL, NULL,
               "The database can be written again.");
    return rc < 0 ? rc : live_catch_up(s);
}

int coord_step(struct coord *c, const struct coord_event *ev, struct coord_update *u)
{
    static int (*const handlers[])(struct step *) = {
        [COORD_LOADED] = on_loaded,
        [COORD_TICK] = on_tick,
        [COORD_NODE_MESSAGE] = session_message,
        [COORD_NODE_BAD] = session_bad,
        [COORD_CLIENT_REQUEST] = query_request,
        [COORD_STORE_STATE] = on_store_state,
    };
    struct step s = { .c = c, .ev = ev, .u = u };
    int rc;

    assert((size_t)ev->type < ARRAY_LEN(handlers));
    if (!c->loaded && ev->type != COORD_LOADED && ev->type != COORD_STORE_STATE)
        return 0;
    c->now = ev->now;
    if (ev->listened.v > c->listened.v) /* decoders overtake each other by a little */
        c->listened = ev->listened;
    c->wall = ev->wall;
    rc = handlers[ev->type](&s);
    return rc < 0 || !c->loaded || c->read_only ? rc : tasks_settle(&s);
}

int coord_end_batch(struct coord *c, struct coord_update *u)
{
    struct step s = { .c = c, .u = u };
    bool waits = c->grants_from.v > c->now.v;
    struct change *ch;
    int rc;

    if (!c->loaded || c->read_only)
        return 0;
    if (c->meta.waits != waits) {
        c->meta.waits = waits;
        c->meta_changed = true;
    }
    lease_ttl_settle(c);
    if (c->meta.recover != c->recover) {
        c->meta.recover = c->recover;
        c->meta_changed = true;
    }
    if (c->pending) {
        rc = event_prune(&s);
        if (rc < 0)
            return rc;
        c->meta.generation++;
        u->visible = true;
    } else if (!c->meta_changed) {
        return 0;
    }
    c->pending = c->meta_changed = false;
    c->commits++;
    ch = emit(&s, CHANGE_META);
    if (ch == NULL)
        return -ENOMEM;
    ch->meta = c->meta;
    return 0;
}

static void sooner(mono_ms *first, mono_ms at)
{
    if (at.v < first->v)
        *first = at;
}

mono_ms coord_next_deadline(const struct coord *c)
{
    mono_ms first = c->next_retention;

    if (!c->loaded)
        return MONO_NEVER;
    sooner(&first, live_deadline(c));
    sooner(&first, version_deadline(c));
    sooner(&first, lease_deadline(c));
    sooner(&first, offers_deadline(c));
    sooner(&first, scans_deadline(c));
    sooner(&first, rescans_deadline(c));
    sooner(&first, vgs_deadline(c));
    return first;
}

uint64_t coord_generation(const struct coord *c)
{
    return c->meta.generation;
}

uint64_t coord_event_no(const struct coord *c)
{
    return c->meta.event_no;
}
