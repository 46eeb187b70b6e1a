/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "script.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

const uuid128 script_db_id = { "sixteen bytes id" };

/* ---- randomness ----------------------------------------------------------------------------- */

static void random_bytes(uint64_t *r, void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)p)[i] = (uint8_t)random_next(r);
}

/* The same id for the same number, so that unique columns stay unique. */
static uuid128 numbered_id(uint64_t kind, uint64_t no)
{
    uint64_t r = kind * 1000003 + no;
    uuid128 id;

    random_bytes(&r, id.b, sizeof id.b);
    return id;
}

static uint64_t random_u64(uint64_t *r)
{
    static const uint64_t corners[] = { 0, 1, UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX };

    return random_chance(r, 30) ? corners[random_below(r, ARRAY_LEN(corners))]
                                : random_next(r) >> (1 + random_below(r, 63));
}

static wall_ms random_wall(uint64_t *r)
{
    return (wall_ms){ (int64_t)random_u64(r) * (random_chance(r, 10) ? -1 : 1) };
}

static const char *random_text(uint64_t *r, struct arena *a)
{
    static const char *const corners[] = {
        "",  "\"",   "\\", "\\\"]", "a'b;--", "Grüße, Ω 日本 \xf0\x9f\x90\xa7", "[\"x\",\"y\"]",
        "0", "NULL",
    };
    size_t n = random_chance(r, 5) ? 4096 : random_below(r, 24);
    char *s;

    if (random_chance(r, 30))
        return corners[random_below(r, ARRAY_LEN(corners))];
    s = arena_zalloc(a, n + 1);
    for (size_t i = 0; i < n; i++)
        s[i] = (char)(' ' + random_below(r, 95));
    return s;
}

static const char *random_text_0(uint64_t *r, struct arena *a)
{
    return random_chance(r, 30) ? NULL : random_text(r, a);
}

static struct strs random_strs(uint64_t *r, struct arena *a)
{
    size_t n = random_below(r, 4);
    const char **v = arena_array(a, n, sizeof *v);

    for (size_t i = 0; i < n; i++)
        v[i] = random_text(r, a);
    return (struct strs){ .v = v, .n = n };
}

/* ---- changes -------------------------------------------------------------------------------- */

#define NODES     6 /* so few that rows are met again */
#define RESOURCES 8
#define NETWORKS  5
#define TASKS     30

static uint32_t random_node(uint64_t *r)
{
    return 1 + (uint32_t)random_below(r, NODES);
}

static const char *random_key(uint64_t *r)
{
    static const char *const keys[] = { "eth0", "eth1", "bond0", "bond0.100", "e\"quote|", "Ω" };

    return keys[random_below(r, ARRAY_LEN(keys))];
}

static enum section_id random_section(uint64_t *r)
{
    return (enum section_id)random_below(r, SECTION_COUNT);
}

static void fill_record(uint64_t *r, struct arena *a, const struct record_desc *d, void *row,
                        const char *key)
{
    uint64_t *present = row;

    for (uint32_t i = 0; i < d->count; i++) {
        const struct field *f = &d->fields[i];
        void *at = (char *)row + f->offset;
        bool is_key = (f->flags & FIELD_KEY) != 0;

        if (!is_key && random_chance(r, 40))
            continue;
        *present |= UINT64_C(1) << i;
        if (f->type == FIELD_STR)
            *(const char **)at = is_key ? key : random_text(r, a);
        else if (f->type == FIELD_U64)
            *(uint64_t *)at = random_u64(r);
        else if (f->type == FIELD_I64)
            *(int64_t *)at = random_wall(r).v;
        else if (f->type == FIELD_BOOL)
            *(bool *)at = random_chance(r, 50);
        else
            *(struct strs *)at = random_strs(r, a);
    }
}

static void make_inventory(uint64_t *r, struct arena *a, struct change *c)
{
    struct inventory_row *inv = &c->inventory;

    inv->node_no = random_node(r);
    inv->section = random_section(r);
    inv->key = section_descs[inv->section].singleton ? "" : random_key(r);
    inv->hash = random_next(r);
    if (random_chance(r, 80)) {
        const struct record_desc *d = section_descs[inv->section].row;
        void *row = arena_zalloc(a, d->size);

        fill_record(r, a, d, row, inv->key);
        inv->row = row;
    }
}

static void make_path_lost(uint64_t *r, struct arena *a, struct change *c)
{
    (void)a;
    c->path_lost.node_no = random_node(r);
    c->path_lost.device = random_key(r);
    c->path_lost.at = random_wall(r);
}

static void make_node(uint64_t *r, struct arena *a, struct change *c)
{
    struct node_row *n = &c->node;

    n->no = random_node(r);
    n->id = numbered_id(1, n->no);
    n->name = random_text(r, a);
    n->name_set = random_chance(r, 50);
    n->admission = (enum node_admission)(1 + random_below(r, NODE_DEAD));
    n->text = random_text_0(r, a);
    random_bytes(r, n->boot_id.b, 16);
    random_bytes(r, n->key.b, 32);
    n->draining = random_chance(r, 50);
    n->rights_unknown = random_chance(r, 50);
    n->first_seen = random_wall(r);
    n->product_uuid = random_text_0(r, a);
    n->lowest_mac = random_text_0(r, a);
    n->hostname = random_text_0(r, a);
    n->probe_version = random_text_0(r, a);
    n->source = random_text_0(r, a);
}

static void make_key(uint64_t *r, struct arena *a, struct change *c)
{
    struct key_row *k = &c->key;
    uint64_t no = random_below(r, 9);

    for (int i = 0; i < 32; i++)
        k->key.b[i] = (uint8_t)(no + 1);
    k->role = (enum role)random_below(r, ROLE_OPERATOR + 1);
    k->state = (enum key_state)(1 + random_below(r, KEY_REVOKED));
    k->node_no = random_chance(r, 20) ? 0 : random_node(r);
    random_bytes(r, k->boot_id.b, 16);
    k->name = random_text_0(r, a);
    k->created = random_wall(r);
    k->bound = random_chance(r, 50);
}

static void make_boot(uint64_t *r, struct arena *a, struct change *c)
{
    (void)a;
    c->retired_boot.node_no = random_node(r);
    c->retired_boot.boot_id = numbered_id(2, random_below(r, 4));
    c->retired_boot.at = random_wall(r);
}

static void make_section(uint64_t *r, struct arena *a, struct change *c)
{
    struct section_row_state *s = &c->section;

    s->node_no = random_node(r);
    s->section = random_section(r);
    s->generation = random_u64(r);
    random_bytes(r, s->digest.b, 16);
    s->status = (enum section_status)random_below(r, SECTION_STUCK + 1);
    s->status_text = random_text_0(r, a);
    s->at = random_wall(r);
}

static void make_resource(uint64_t *r, struct arena *a, struct change *c)
{
    struct resource_row *x = &c->resource;

    x->no = 1 + (uint32_t)random_below(r, RESOURCES);
    x->id = numbered_id(3, x->no);
    x->kind = RESOURCE_NETWORK;
    x->key = random_text(r, a);
    x->label = random_text(r, a);
    x->vlan = random_u64(r);
    x->declared = random_chance(r, 50);
    x->doubt_since.v = (int64_t)random_u64(r);
    x->doubt_told = random_chance(r, 50);
    x->seen_together = random_text_0(r, a);
    x->parent_no = (uint32_t)random_below(r, RESOURCES);
    x->type = random_text_0(r, a);
}

static void make_sighting(uint64_t *r, struct arena *a, struct change *c)
{
    struct sighting_row *s = &c->sighting;

    s->node_no = random_node(r);
    s->section = random_section(r);
    s->row_key = random_key(r);
    s->resource_no = 1 + (uint32_t)random_below(r, RESOURCES);
    s->port = random_text(r, a);
    s->base = random_text(r, a);
    s->vlan = random_u64(r);
    s->paths_active = (uint32_t)random_next(r);
    s->paths_total = (uint32_t)random_next(r);
    s->stuck = random_next(r) & 1;
    s->flawed = random_next(r) & 1;
    s->active = random_next(r) & 1;
    s->size = random_u64(r);
    s->mark = random_u64(r);
}

/* An edge is of a node that is there: the node first, in the same batch. */
static void make_edge(uint64_t *r, struct arena *a, struct change *c)
{
    struct edge_row *x = &c->edge;

    x->node_no = random_node(r);
    x->resource_no = 1 + (uint32_t)random_below(r, RESOURCES);
    x->distrust = random_text_0(r, a);
    x->distrusted = random_wall(r);
    x->state = (enum edge_state)(1 + random_below(r, EDGE_LOST));
    x->paths_active = (uint32_t)random_next(r);
    x->paths_total = (uint32_t)random_next(r);
    x->paths_had = (uint32_t)random_next(r);
    x->had_until = random_wall(r);
    x->since = random_wall(r);
}

static void make_network(uint64_t *r, struct arena *a, struct change *c)
{
    struct network_row *n = &c->network;
    uint64_t no = random_below(r, NETWORKS);

    n->id = numbered_id(4, no);
    n->name = arena_printf(a, "network %llu %s", (unsigned long long)no, random_text(r, a));
    n->vlan = random_u64(r);
    n->matches = random_strs(r, a);
    n->created = random_wall(r);
}

static void make_token(uint64_t *r, struct arena *a, struct change *c)
{
    uuid128 id = numbered_id(5, random_below(r, 6));

    (void)a;
    memcpy(c->token.hash, id.b, 16);
    memcpy(c->token.hash + 16, id.b, 16);
    c->token.role = (enum role)(1 + random_below(r, ROLE_OPERATOR));
    random_bytes(r, c->token.node.b, 16);
    c->token.created = random_wall(r);
    c->token.expires = random_wall(r);
    c->token.state = (enum token_state)(1 + random_below(r, TOKEN_EXPIRED));
}

static void make_event(uint64_t *r, struct arena *a, struct change *c)
{
    struct event_row *x = &c->event;

    x->no = 1 + random_below(r, 40);
    x->at = random_wall(r);
    x->kind = random_text(r, a);
    x->severity = random_text(r, a);
    x->text = random_text(r, a);
    x->generation = random_u64(r);
    random_bytes(r, x->node.b, 16);
    x->node_name = random_text_0(r, a);
    random_bytes(r, x->resource.b, 16);
    x->resource_label = random_text_0(r, a);
}

static void make_meta(uint64_t *r, struct arena *a, struct change *c)
{
    (void)a;
    c->meta.db_id = script_db_id;
    c->meta.epoch = random_u64(r);
    c->meta.start_no = random_u64(r);
    c->meta.generation = random_u64(r);
    c->meta.event_no = random_u64(r);
    c->meta.token = random_u64(r);
    c->meta.next_node_no = (uint32_t)random_next(r);
    c->meta.next_resource_no = (uint32_t)random_next(r);
    c->meta.next_task_no = (uint32_t)random_next(r);
    c->meta.recover = random_next(r) & 1;
    c->meta.seen_epoch = random_u64(r);
    c->meta.seen_generation = random_u64(r);
    c->meta.seen_token = random_u64(r);
    c->meta.ttl_ms = random_u64(r);
    c->meta.waits = random_next(r) & 1;
}

static void make_start(uint64_t *r, struct arena *a, struct change *c)
{
    (void)a;
    c->start.epoch = random_below(r, 3);
    c->start.start_no = random_below(r, 5);
    random_bytes(r, c->start.nonce.b, 16);
    c->start.generation = random_u64(r);
    c->start.at = random_wall(r);
}

static void make_lease(uint64_t *r, struct arena *a, struct change *c)
{
    struct lease_row *x = &c->lease;

    x->token = 1 + random_below(r, 30);
    x->kind = (enum right_kind)(1 + random_below(r, KIND_CHANGE));
    x->state = (enum lease_state)(1 + random_below(r, LEASE_HELD));
    x->resource_no = 1 + (uint32_t)random_below(r, RESOURCES);
    x->node_no = random_node(r);
    random_bytes(r, x->boot_id.b, 16);
    x->request = random_u64(r);
    x->ttl_ms = random_u64(r);
    x->granted = random_wall(r);
    x->task_no = (uint32_t)random_next(r);
    x->job_no = (uint32_t)random_next(r);
    x->text = random_text_0(r, a);
}

static void make_lease_history(uint64_t *r, struct arena *a, struct change *c)
{
    struct lease_history_row *x = &c->lease_history;

    x->token = 1 + random_below(r, 30); /* of a prune: so many stay */
    x->kind = (enum right_kind)(1 + random_below(r, KIND_CHANGE));
    random_bytes(r, x->resource.b, 16);
    x->resource_kind = (enum resource_kind)(1 + random_below(r, RESOURCE_KINDS - 1));
    x->resource_label = random_text(r, a);
    random_bytes(r, x->node.b, 16);
    x->node_name = random_text(r, a);
    random_bytes(r, x->boot_id.b, 16);
    x->ttl_ms = random_u64(r);
    x->granted = random_wall(r);
    x->ended = random_wall(r);
    x->ending = (enum lease_ending)(1 + random_below(r, LEASE_BROKEN));
    x->task_no = (uint32_t)random_next(r);
    x->text = random_text_0(r, a);
}

static void make_fence(uint64_t *r, struct arena *a, struct change *c)
{
    c->fence.node_no = random_node(r);
    c->fence.boot_id = numbered_id(2, random_below(r, 4));
    c->fence.how = (enum fence_how)(1 + random_below(r, FENCE_OPERATOR));
    c->fence.at = random_wall(r);
    c->fence.text = random_text_0(r, a);
}

static void make_task(uint64_t *r, struct arena *a, struct change *c)
{
    struct task_row *x = &c->task;

    x->no = 1 + (uint32_t)random_below(r, TASKS);
    x->kind = TASK_SCAN;
    x->state = (enum task_state)(1 + random_below(r, TASK_CANCELLING));
    x->step = (uint32_t)random_next(r);
    x->every_node = random_chance(r, 50);
    x->left_out = (uint32_t)random_next(r);
    x->created = random_wall(r);
    x->ended.v = random_chance(r, 50) ? 0 : random_wall(r).v;
    x->text = random_text_0(r, a);
}

static void make_job(uint64_t *r, struct arena *a, struct change *c)
{
    struct job_row *x = &c->job;

    x->task_no = 1 + (uint32_t)random_below(r, TASKS);
    x->no = (uint32_t)random_below(r, 3);
    x->step = (uint32_t)random_next(r);
    x->state = (enum job_progress)(1 + random_below(r, JOB_DONE));
    x->resource_no = (uint32_t)random_next(r);
    random_bytes(r, x->resource.b, 16);
    x->resource_label = random_text(r, a);
    x->node_no = random_node(r);
    x->attempt = random_u64(r);
    x->result = (uint32_t)random_next(r);
    x->reason = random_text_0(r, a);
    x->token = random_u64(r);
    x->images = random_u64(r);
    x->mounts = random_u64(r);
    x->ms = random_u64(r);
    x->unchanged = random_chance(r, 50);
    x->ended = random_wall(r);
}

static void make_vg_change(uint64_t *r, struct arena *a, struct change *c)
{
    struct vg_change_row *x = &c->vg_change;

    x->task_no = 1 + (uint32_t)random_below(r, TASKS);
    x->op = (uint32_t)random_next(r);
    x->vg = random_text(r, a);
    x->vg_uuid = random_text_0(r, a);
    x->containers = random_strs(r, a);
    x->lv = random_text_0(r, a);
    x->lv_uuid = random_text_0(r, a);
    x->new_name = random_text_0(r, a);
    x->size_bytes = random_u64(r);
    x->done = random_chance(r, 50);
    x->seqno = random_u64(r);
    x->mark = random_u64(r);
    x->node_no = (uint32_t)random_next(r);
    x->extent_bytes = random_u64(r);
}

static void make_scan(uint64_t *r, struct arena *a, struct change *c)
{
    struct scan_row *x = &c->scan;

    x->resource_no = 1 + (uint32_t)random_below(r, RESOURCES);
    x->admitted = random_chance(r, 50);
    x->admitted_at = random_wall(r);
    x->outcome = (uint32_t)random_next(r);
    x->reason = random_text_0(r, a);
    x->at = random_wall(r);
    x->node_no = random_node(r);
    x->token = random_u64(r);
    x->ms = random_u64(r);
    x->images = random_u64(r);
    x->complete_at = random_wall(r);
    x->fingerprint = random_text_0(r, a);
}

static void make_reach(uint64_t *r, struct arena *a, struct change *c)
{
    c->reach.resource_no = 1 + (uint32_t)random_below(r, RESOURCES);
    c->reach.node_no = random_node(r);
    c->reach.how = (enum reach_how)random_below(r, REACHED_READ + 1);
    random_bytes(r, c->reach.boot_id.b, 16);
    c->reach.reason = random_text_0(r, a);
    c->reach.at = random_wall(r);
}

/* A path is always the same resource. */
static void make_image(uint64_t *r, struct arena *a, struct change *c)
{
    uint32_t no = (uint32_t)random_below(r, 4);
    struct image *image = arena_zalloc(a, sizeof *image);

    c->image.filesystem_no = 1 + (uint32_t)random_below(r, RESOURCES);
    c->image.resource_no = 100 + 10 * c->image.filesystem_no + no;
    c->image.seen = random_wall(r);
    fill_record(r, a, &image_desc, image, arena_printf(a, "/images/%u.qcow2", no));
    if (random_chance(r, 80))
        c->image.image = image;
}

/* Deletes take the fields that name the row from a random one. */
static const struct {
    unsigned weight;
    void (*make)(uint64_t *, struct arena *, struct change *);
} makers[CHANGE_TYPE_COUNT] = {
    [CHANGE_META] = { 2, make_meta },
    [CHANGE_START] = { 2, make_start },
    [CHANGE_NODE] = { 8, make_node },
    [CHANGE_NODE_DELETE] = { 1, make_node },
    [CHANGE_KEY] = { 4, make_key },
    [CHANGE_KEY_DELETE] = { 2, make_key },
    [CHANGE_RETIRED_BOOT] = { 4, make_boot },
    [CHANGE_RETIRED_BOOT_DELETE] = { 2, make_boot },
    [CHANGE_SECTION] = { 8, make_section },
    [CHANGE_SECTION_CLEAR] = { 2, make_section },
    [CHANGE_INVENTORY] = { 30, make_inventory },
    [CHANGE_PATH_LOST] = { 6, make_path_lost },
    [CHANGE_RESOURCE] = { 6, make_resource },
    [CHANGE_RESOURCE_DELETE] = { 1, make_resource },
    [CHANGE_SIGHTING] = { 10, make_sighting },
    [CHANGE_SIGHTING_DELETE] = { 3, make_sighting },
    [CHANGE_EDGE] = { 10, make_edge },
    [CHANGE_EDGE_DELETE] = { 3, make_edge },
    [CHANGE_NETWORK] = { 4, make_network },
    [CHANGE_NETWORK_DELETE] = { 2, make_network },
    [CHANGE_TOKEN] = { 4, make_token },
    [CHANGE_TOKEN_DELETE] = { 2, make_token },
    [CHANGE_EVENT] = { 10, make_event },
    [CHANGE_EVENT_PRUNE] = { 1, make_event },
    [CHANGE_LEASE] = { 8, make_lease },
    [CHANGE_LEASE_DELETE] = { 5, make_lease },
    [CHANGE_LEASE_HISTORY] = { 8, make_lease_history },
    [CHANGE_LEASE_HISTORY_PRUNE] = { 1, make_lease_history },
    [CHANGE_FENCE] = { 4, make_fence },
    [CHANGE_FENCE_DELETE] = { 2, make_fence },
    [CHANGE_TASK] = { 6, make_task },
    [CHANGE_TASK_PRUNE] = { 1, make_task },
    [CHANGE_JOB] = { 8, make_job },
    [CHANGE_VG_CHANGE] = { 6, make_vg_change },
    [CHANGE_SCAN] = { 6, make_scan },
    [CHANGE_SCAN_DELETE] = { 1, make_scan },
    [CHANGE_REACH] = { 6, make_reach },
    [CHANGE_REACH_DELETE] = { 2, make_reach },
    [CHANGE_IMAGE] = { 10, make_image },
};

static enum change_type random_type(uint64_t *r)
{
    unsigned total = 0, at;
    int t = 0;

    for (int i = 0; i < CHANGE_TYPE_COUNT; i++)
        total += makers[i].weight;
    at = (unsigned)random_below(r, total);
    while (at >= makers[t].weight)
        at -= makers[t++].weight;
    return (enum change_type)t;
}

static struct change *add(struct change ***tail, struct arena *a, enum change_type type)
{
    struct change *c = arena_zalloc(a, sizeof *c);

    c->type = type;
    **tail = c;
    *tail = &c->next;
    return c;
}

struct change *script_batch(uint64_t seed, uint32_t number, uint32_t size, struct arena *a)
{
    uint64_t r = seed * UINT64_C(0x10000) + number;
    struct change *list = NULL, **tail = &list;
    struct change *mark;

    for (uint32_t i = 0; i < size; i++) {
        enum change_type type = random_type(&r);
        struct change edge = { .type = type };

        if (type == CHANGE_EDGE) {
            struct change *node = add(&tail, a, CHANGE_NODE);

            make_node(&r, a, node);
            make_edge(&r, a, &edge);
            edge.edge.node_no = node->node.no;
            *add(&tail, a, type) = edge;
        } else {
            makers[type].make(&r, a, add(&tail, a, type));
        }
    }
    /* No two states are the same text. */
    mark = add(&tail, a, CHANGE_START);
    mark->start = (struct start_row){ .epoch = 9, .start_no = 9, .at = { number } };
    return list;
}

struct script *script_new(uint64_t seed, uint32_t count, uint32_t size)
{
    struct script *s = calloc(1, sizeof *s);
    struct model *m = model_new();
    struct change first = { .type = CHANGE_META };

    s->arena = arena_new(0);
    s->count = count;
    s->batches = calloc(count, sizeof *s->batches);
    s->texts = calloc(count + 1, sizeof *s->texts);
    first.meta = (struct meta_row){ .db_id = script_db_id,
                                    .epoch = 1,
                                    .next_node_no = 1,
                                    .next_resource_no = 1,
                                    .next_task_no = 1 };
    model_apply(m, &first);
    s->texts[0] = model_text(m);
    for (uint32_t i = 0; i < count; i++) {
        s->batches[i] = script_batch(seed, i, size, s->arena);
        model_apply_all(m, s->batches[i]);
        s->texts[i + 1] = model_text(m);
    }
    model_free(m);
    return s;
}

void script_free(struct script *s)
{
    for (uint32_t i = 0; i <= s->count; i++)
        free(s->texts[i]);
    free(s->texts);
    free(s->batches);
    arena_free(s->arena);
    free(s);
}

/* ---- folders -------------------------------------------------------------------------------- */

char *temp_dir(void)
{
    const char *in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char *dir = NULL;

    if (asprintf(&dir, "%s/muster-store-XXXXXX", in) < 0 || mkdtemp(dir) == NULL)
        abort();
    return dir;
}

void temp_remove(char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    while (d != NULL && (entry = readdir(d)) != NULL)
        unlinkat(dirfd(d), entry->d_name, 0);
    if (d != NULL)
        closedir(d);
    rmdir(dir);
    free(dir);
}

static void copy_file(const char *from_dir, const char *to_dir, const char *name)
{
    char from[512], to[512];
    struct stat st;
    int in, out;

    snprintf(from, sizeof from, "%s/%s", from_dir, name);
    snprintf(to, sizeof to, "%s/%s", to_dir, name);
    in = open(from, O_RDONLY);
    if (in < 0)
        return;
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0 || fstat(in, &st) != 0)
        abort();
    while (st.st_size > 0) {
        ssize_t n = sendfile(out, in, NULL, (size_t)st.st_size);

        if (n <= 0)
            abort();
        st.st_size -= n;
    }
    close(in);
    close(out);
}

char *temp_crash_copy(const char *dir)
{
    char *copy = temp_dir();

    copy_file(dir, copy, STORE_FILE);
    copy_file(dir, copy, STORE_FILE "-wal");
    copy_file(dir, copy, STORE_FILE "-journal");
    return copy;
}

char *script_empty_database(void)
{
    char *dir = temp_dir();
    struct store_options o = { .dir = dir };
    struct store *store = NULL;
    struct err e;

    if (store_open(&o, &store, &e) != 0 || store_init_identity(store, script_db_id, &e) != 0)
        abort();
    store_close(store);
    return dir;
}
