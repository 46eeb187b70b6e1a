/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store_internal.h"

struct line {
    char *key, *value;
};

struct model {
    struct line *lines;
    size_t n, room;
};

struct model *model_new(void)
{
    return calloc(1, sizeof(struct model));
}

void model_free(struct model *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->lines[i].key);
        free(m->lines[i].value);
    }
    free(m->lines);
    free(m);
}

/* ---- a sorted set of lines ------------------------------------------------------------------ */

static char *steal(struct buf *b)
{
    char *s = strdup(buf_cstr(b));

    buf_deinit(b);
    return s;
}

static size_t find(const struct model *m, const char *key, bool *found)
{
    size_t low = 0, high = m->n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (strcmp(m->lines[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < m->n && strcmp(m->lines[low].key, key) == 0;
    return low;
}

/* Takes both buffers. */
static void put(struct model *m, struct buf *key, struct buf *value)
{
    char *k = steal(key);
    bool found;
    size_t at = find(m, k, &found);

    if (found) {
        free(k);
        free(m->lines[at].value);
    } else {
        if (m->n == m->room) {
            m->room = m->room * 2 + 16;
            m->lines = realloc(m->lines, m->room * sizeof *m->lines);
        }
        memmove(&m->lines[at + 1], &m->lines[at], (m->n - at) * sizeof *m->lines);
        m->n++;
        m->lines[at].key = k;
    }
    m->lines[at].value = steal(value);
}

static void drop(struct model *m, size_t at)
{
    free(m->lines[at].key);
    free(m->lines[at].value);
    m->n--;
    memmove(&m->lines[at], &m->lines[at + 1], (m->n - at) * sizeof *m->lines);
}

/* Takes the buffer: all lines whose key starts with it. */
static void drop_prefix(struct model *m, struct buf *prefix)
{
    char *p = steal(prefix);

    for (size_t i = m->n; i > 0; i--) {
        if (strncmp(m->lines[i - 1].key, p, strlen(p)) == 0)
            drop(m, i - 1);
    }
    free(p);
}

static void drop_key(struct model *m, struct buf *key)
{
    char *k = steal(key);
    bool found;
    size_t at = find(m, k, &found);

    if (found)
        drop(m, at);
    free(k);
}

char *model_text(const struct model *m)
{
    struct buf b = { 0 };

    for (size_t i = 0; i < m->n; i++)
        buf_printf(&b, "%s => %s\n", m->lines[i].key, m->lines[i].value);
    return steal(&b);
}

/* ---- rows as text --------------------------------------------------------------------------- */

static void add_hex(struct buf *b, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "%02x", ((const uint8_t *)p)[i]);
    buf_str(b, " ");
}

static void add_text(struct buf *b, const char *s)
{
    if (s == NULL)
        buf_str(b, "NULL ");
    else
        buf_printf(b, "'%s' ", s);
}

static void add_strs(struct buf *b, const struct strs *l)
{
    buf_printf(b, "%zu[", l->n);
    for (size_t i = 0; i < l->n; i++)
        add_text(b, l->v[i]);
    buf_str(b, "] ");
}

static void add_field(struct buf *b, const struct field *f, const void *row)
{
    const void *at = field_at(f, row);

    buf_printf(b, "%s=", f->name);
    if (f->type == FIELD_STR)
        add_text(b, *(const char *const *)at);
    else if (f->type == FIELD_U64)
        buf_printf(b, "%" PRIu64 " ", *(const uint64_t *)at);
    else if (f->type == FIELD_I64)
        buf_printf(b, "%" PRId64 " ", *(const int64_t *)at);
    else if (f->type == FIELD_BOOL)
        buf_printf(b, "%d ", *(const bool *)at);
    else
        add_strs(b, at);
}

static void key_inventory(struct buf *b, const char *kind, uint32_t node_no, int section,
                          const char *key)
{
    buf_printf(b, "%s|%010u|%02d|%s", kind, node_no, section, key);
}

static void put_hash(struct model *m, const struct inventory_row *r)
{
    struct buf key = { 0 }, value = { 0 };

    key_inventory(&key, "hash", r->node_no, (int)r->section, r->key);
    buf_printf(&value, "%016" PRIx64, r->hash);
    put(m, &key, &value);
}

static void apply_inventory(struct model *m, const struct change *c)
{
    const struct inventory_row *r = &c->inventory;
    const struct record_desc *d = section_descs[r->section].row;
    struct buf key = { 0 }, value = { 0 };

    key_inventory(&key, "row", r->node_no, (int)r->section, r->key);
    if (r->row == NULL) {
        drop_key(m, &key);
        key_inventory(&key, "hash", r->node_no, (int)r->section, r->key);
        drop_key(m, &key);
        return;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        if (field_present(d, i, r->row))
            add_field(&value, &d->fields[i], r->row);
    }
    put(m, &key, &value);
    put_hash(m, r);
}

static void apply_meta(struct model *m, const struct change *c)
{
    const struct meta_row *r = &c->meta;
    struct buf key = { 0 }, value = { 0 };

    buf_str(&key, "meta");
    add_hex(&value, r->db_id.b, 16);
    buf_printf(&value, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %u %u %d",
               r->epoch, r->start_no, r->generation, r->event_no, r->token, r->next_node_no,
               r->next_resource_no, r->next_task_no, r->recover);
    buf_printf(&value, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d", r->seen_epoch,
               r->seen_generation, r->seen_token, r->ttl_ms, r->waits);
    put(m, &key, &value);
}

static void apply_start(struct model *m, const struct change *c)
{
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "start|%020" PRIu64 "|%020" PRIu64, c->start.epoch, c->start.start_no);
    add_hex(&value, c->start.nonce.b, 16);
    buf_printf(&value, "%" PRIu64 " %" PRId64, c->start.generation, c->start.at.v);
    put(m, &key, &value);
}

static void apply_node(struct model *m, const struct change *c)
{
    const struct node_row *r = &c->node;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "node|%010u", r->no);
    add_hex(&value, r->id.b, 16);
    add_text(&value, r->name);
    buf_printf(&value, "%d %d ", r->name_set, (int)r->admission);
    add_text(&value, r->text);
    add_hex(&value, r->boot_id.b, 16);
    add_hex(&value, r->key.b, 32);
    buf_printf(&value, "%d %d %" PRId64 " ", r->draining, r->rights_unknown, r->first_seen.v);
    add_text(&value, r->product_uuid);
    add_text(&value, r->lowest_mac);
    add_text(&value, r->hostname);
    add_text(&value, r->probe_version);
    add_text(&value, r->source);
    put(m, &key, &value);
}

/* Its key begins with the resource: "reach|RESOURCE|NODE". */
static void drop_reach_of(struct model *m, uint32_t node_no)
{
    for (size_t i = m->n; i > 0; i--) {
        const char *key = m->lines[i - 1].key;

        if (strncmp(key, "reach|", 6) == 0 && strtoul(key + 17, NULL, 10) == node_no)
            drop(m, i - 1);
    }
}

static void apply_node_delete(struct model *m, const struct change *c)
{
    static const char *const kinds[] = { "node", "boot",     "section", "hash", "row",
                                         "edge", "sighting", "key",     "fence" };

    drop_reach_of(m, c->node.no);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct buf prefix = { 0 };

        buf_printf(&prefix, "%s|%010u", kinds[i], c->node.no);
        drop_prefix(m, &prefix);
    }
}

/* The node comes first, so that the key goes with it; one key is one row all the same. */
static void apply_key(struct model *m, const struct change *c)
{
    const struct key_row *r = &c->key;
    struct buf key = { 0 }, value = { 0 }, hex = { 0 };
    char *suffix;

    add_hex(&hex, r->key.b, 32);
    suffix = steal(&hex);
    for (size_t i = m->n; i > 0; i--) {
        if (strncmp(m->lines[i - 1].key, "key|", 4) == 0 &&
            strcmp(m->lines[i - 1].key + 15, suffix) == 0)
            drop(m, i - 1);
    }
    buf_printf(&key, "key|%010u|%s", r->node_no, suffix);
    free(suffix);
    if (c->type == CHANGE_KEY_DELETE) {
        buf_deinit(&key);
        return;
    }
    buf_printf(&value, "%d %d ", (int)r->role, (int)r->state);
    add_hex(&value, r->boot_id.b, 16);
    add_text(&value, r->name);
    buf_printf(&value, "%" PRId64 " %d", r->created.v, r->bound);
    put(m, &key, &value);
}

static void apply_boot(struct model *m, const struct change *c)
{
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "boot|%010u|", c->retired_boot.node_no);
    add_hex(&key, c->retired_boot.boot_id.b, 16);
    if (c->type == CHANGE_RETIRED_BOOT_DELETE) {
        drop_key(m, &key);
        return;
    }
    buf_printf(&value, "%" PRId64, c->retired_boot.at.v);
    put(m, &key, &value);
}

static void apply_section(struct model *m, const struct change *c)
{
    const struct section_row_state *r = &c->section;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "section|%010u|%02d", r->node_no, (int)r->section);
    buf_printf(&value, "%" PRIu64 " ", r->generation);
    add_hex(&value, r->digest.b, 16);
    buf_printf(&value, "%d ", (int)r->status);
    add_text(&value, r->status_text);
    buf_printf(&value, "%" PRId64, r->at.v);
    put(m, &key, &value);
}

static void apply_section_clear(struct model *m, const struct change *c)
{
    static const char *const kinds[] = { "section", "hash", "row", "sighting" };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct buf prefix = { 0 };

        buf_printf(&prefix, "%s|%010u|%02d", kinds[i], c->section.node_no, (int)c->section.section);
        drop_prefix(m, &prefix);
    }
}

static void apply_resource(struct model *m, const struct change *c)
{
    const struct resource_row *r = &c->resource;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "resource|%010u", r->no);
    add_hex(&value, r->id.b, 16);
    buf_printf(&value, "%d ", (int)r->kind);
    add_text(&value, r->key);
    add_text(&value, r->label);
    buf_printf(&value, "%" PRIu64 " %d %" PRId64 " %d ", r->vlan, r->declared, r->doubt_since.v,
               r->doubt_told);
    add_text(&value, r->seen_together);
    buf_printf(&value, "%u ", r->parent_no);
    add_text(&value, r->type);
    put(m, &key, &value);
}

static void apply_resource_delete(struct model *m, const struct change *c)
{
    struct buf key = { 0 };

    buf_printf(&key, "resource|%010u", c->resource.no);
    drop_key(m, &key);
}

static void apply_sighting(struct model *m, const struct change *c)
{
    const struct sighting_row *r = &c->sighting;
    struct buf key = { 0 }, value = { 0 };

    key_inventory(&key, "sighting", r->node_no, (int)r->section, r->row_key);
    if (c->type == CHANGE_SIGHTING_DELETE) {
        drop_key(m, &key);
        return;
    }
    buf_printf(&value, "%u ", r->resource_no);
    add_text(&value, r->port);
    add_text(&value, r->base);
    buf_printf(&value, "%" PRIu64 " %u %u %d %d %d %" PRIu64 " %" PRIu64, r->vlan, r->paths_active,
               r->paths_total, r->stuck, r->flawed, r->active, r->size, r->mark);
    put(m, &key, &value);
}

static void apply_edge(struct model *m, const struct change *c)
{
    const struct edge_row *r = &c->edge;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "edge|%010u|%010u", r->node_no, r->resource_no);
    if (c->type == CHANGE_EDGE_DELETE) {
        drop_key(m, &key);
        return;
    }
    buf_printf(&value, "%d %u %u %u %" PRId64 " %" PRId64 " %" PRId64 " ", (int)r->state,
               r->paths_active, r->paths_total, r->paths_had, r->had_until.v, r->since.v,
               r->distrusted.v);
    add_text(&value, r->distrust);
    put(m, &key, &value);
}

static void apply_network(struct model *m, const struct change *c)
{
    const struct network_row *r = &c->network;
    struct buf key = { 0 }, value = { 0 };

    buf_str(&key, "network|");
    add_hex(&key, r->id.b, 16);
    if (c->type == CHANGE_NETWORK_DELETE) {
        drop_key(m, &key);
        return;
    }
    add_text(&value, r->name);
    buf_printf(&value, "%" PRIu64 " ", r->vlan);
    add_strs(&value, &r->matches);
    buf_printf(&value, "%" PRId64, r->created.v);
    put(m, &key, &value);
}

static void apply_token(struct model *m, const struct change *c)
{
    const struct token_row *r = &c->token;
    struct buf key = { 0 }, value = { 0 };

    buf_str(&key, "token|");
    add_hex(&key, r->hash, 32);
    if (c->type == CHANGE_TOKEN_DELETE) {
        drop_key(m, &key);
        return;
    }
    buf_printf(&value, "%d ", (int)r->role);
    add_hex(&value, r->node.b, 16);
    buf_printf(&value, "%" PRId64 " %" PRId64 " %d", r->created.v, r->expires.v, (int)r->state);
    put(m, &key, &value);
}

static void apply_event(struct model *m, const struct change *c)
{
    const struct event_row *r = &c->event;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "event|%020" PRIu64, r->no);
    buf_printf(&value, "%" PRId64 " ", r->at.v);
    add_text(&value, r->kind);
    add_text(&value, r->severity);
    add_text(&value, r->text);
    buf_printf(&value, "%" PRIu64 " ", r->generation);
    add_hex(&value, r->node.b, 16);
    add_text(&value, r->node_name);
    add_hex(&value, r->resource.b, 16);
    add_text(&value, r->resource_label);
    put(m, &key, &value);
}

static void apply_event_prune(struct model *m, const struct change *c)
{
    struct buf last = { 0 };
    char *key;

    buf_printf(&last, "event|%020" PRIu64, c->event.no);
    key = steal(&last);
    for (size_t i = m->n; i > 0; i--) {
        if (strncmp(m->lines[i - 1].key, "event|", 6) == 0 && strcmp(m->lines[i - 1].key, key) <= 0)
            drop(m, i - 1);
    }
    free(key);
}

/* ---- rights, tasks, scans ------------------------------------------------------------------- */

static void apply_lease(struct model *m, const struct change *c)
{
    const struct lease_row *r = &c->lease;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "lease|%020" PRIu64, r->token);
    if (c->type == CHANGE_LEASE_DELETE) {
        drop_key(m, &key);
        return;
    }
    buf_printf(&value, "%d %d %u %u ", (int)r->kind, (int)r->state, r->resource_no, r->node_no);
    add_hex(&value, r->boot_id.b, 16);
    buf_printf(&value, "%" PRIu64 " %" PRIu64 " %" PRId64 " %u %u ", r->request, r->ttl_ms,
               r->granted.v, r->task_no, r->job_no);
    add_text(&value, r->text);
    put(m, &key, &value);
}

static void apply_lease_history(struct model *m, const struct change *c)
{
    const struct lease_history_row *r = &c->lease_history;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "lease_history|%020" PRIu64, r->token);
    buf_printf(&value, "%d ", (int)r->kind);
    add_hex(&value, r->resource.b, 16);
    buf_printf(&value, "%d ", (int)r->resource_kind);
    add_text(&value, r->resource_label);
    add_hex(&value, r->node.b, 16);
    add_text(&value, r->node_name);
    add_hex(&value, r->boot_id.b, 16);
    buf_printf(&value, "%" PRIu64 " %" PRId64 " %" PRId64 " %d %u ", r->ttl_ms, r->granted.v,
               r->ended.v, (int)r->ending, r->task_no);
    add_text(&value, r->text);
    put(m, &key, &value);
}

static void apply_lease_history_prune(struct model *m, const struct change *c)
{
    uint64_t seen = 0;

    for (size_t i = m->n; i > 0; i--) {
        if (strncmp(m->lines[i - 1].key, "lease_history|", 14) == 0 &&
            ++seen > c->lease_history.token)
            drop(m, i - 1);
    }
}

static void apply_fence(struct model *m, const struct change *c)
{
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "fence|%010u|", c->fence.node_no);
    add_hex(&key, c->fence.boot_id.b, 16);
    if (c->type == CHANGE_FENCE_DELETE) {
        drop_key(m, &key);
        return;
    }
    buf_printf(&value, "%d %" PRId64 " ", (int)c->fence.how, c->fence.at.v);
    add_text(&value, c->fence.text);
    put(m, &key, &value);
}

static void apply_task(struct model *m, const struct change *c)
{
    const struct task_row *r = &c->task;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "task|%010u", r->no);
    buf_printf(&value, "%d %d %u %d %" PRId64 " %" PRId64 " ", (int)r->kind, (int)r->state, r->step,
               r->every_node, r->created.v, r->ended.v);
    buf_printf(&value, "%u ", r->left_out);
    add_text(&value, r->text);
    put(m, &key, &value);
}

static void drop_task(struct model *m, unsigned no)
{
    struct buf key = { 0 };

    buf_printf(&key, "task|%010u", no);
    drop_key(m, &key);
    buf_printf(&key, "job|%010u|", no);
    drop_prefix(m, &key);
    buf_printf(&key, "vg_change|%010u", no);
    drop_prefix(m, &key);
}

/* The lines of tasks are in the order of their numbers. */
static void apply_task_prune(struct model *m, const struct change *c)
{
    unsigned old[LIMIT_TASKS_PRUNED], n = 0, no;
    int64_t ended;

    for (size_t i = 0; i < m->n && n < LIMIT_TASKS_PRUNED; i++) {
        if (sscanf(m->lines[i].key, "task|%u", &no) == 1 && no <= c->task.no &&
            sscanf(m->lines[i].value, "%*d %*d %*u %*d %*d %" SCNd64, &ended) == 1 && ended != 0)
            old[n++] = no;
    }
    while (n > 0)
        drop_task(m, old[--n]);
}

static void apply_vg_change(struct model *m, const struct change *c)
{
    const struct vg_change_row *r = &c->vg_change;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "vg_change|%010u", r->task_no);
    buf_printf(&value, "%u ", r->op);
    add_text(&value, r->vg);
    add_text(&value, r->vg_uuid);
    add_strs(&value, &r->containers);
    add_text(&value, r->lv);
    add_text(&value, r->lv_uuid);
    add_text(&value, r->new_name);
    buf_printf(&value, "%" PRIu64 " %d %" PRIu64 " %" PRIu64 " %u %" PRIu64 " ", r->size_bytes,
               r->done, r->seqno, r->mark, r->node_no, r->extent_bytes);
    put(m, &key, &value);
}

static void apply_job(struct model *m, const struct change *c)
{
    const struct job_row *r = &c->job;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "job|%010u|%010u", r->task_no, r->no);
    buf_printf(&value, "%u %d %u ", r->step, (int)r->state, r->resource_no);
    add_hex(&value, r->resource.b, 16);
    add_text(&value, r->resource_label);
    buf_printf(&value, "%u %" PRIu64 " %u ", r->node_no, r->attempt, r->result);
    add_text(&value, r->reason);
    buf_printf(&value, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %" PRId64 " ", r->token,
               r->images, r->mounts, r->ms, r->unchanged, r->ended.v);
    put(m, &key, &value);
}

static void apply_scan(struct model *m, const struct change *c)
{
    const struct scan_row *r = &c->scan;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "scan|%010u", r->resource_no);
    if (c->type == CHANGE_SCAN_DELETE) {
        drop_key(m, &key);
        buf_printf(&key, "reach|%010u|", r->resource_no);
        drop_prefix(m, &key);
        buf_printf(&key, "image|%010u|", r->resource_no);
        drop_prefix(m, &key);
        return;
    }
    buf_printf(&value, "%d %" PRId64 " %u ", r->admitted, r->admitted_at.v, r->outcome);
    add_text(&value, r->reason);
    buf_printf(&value, "%" PRId64 " %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " ", r->at.v,
               r->node_no, r->token, r->ms, r->images, r->complete_at.v);
    add_text(&value, r->fingerprint);
    put(m, &key, &value);
}

static void apply_reach(struct model *m, const struct change *c)
{
    const struct reach_row *r = &c->reach;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "reach|%010u|%010u", r->resource_no, r->node_no);
    if (c->type == CHANGE_REACH_DELETE) {
        drop_key(m, &key);
        return;
    }
    buf_printf(&value, "%d ", r->how);
    add_hex(&value, r->boot_id.b, sizeof r->boot_id.b);
    add_text(&value, r->reason);
    buf_printf(&value, "%" PRId64 " ", r->at.v);
    put(m, &key, &value);
}

static void apply_image(struct model *m, const struct change *c)
{
    const struct image_row *r = &c->image;
    struct buf key = { 0 }, value = { 0 };

    buf_printf(&key, "image|%010u|%010u", r->filesystem_no, r->resource_no);
    if (r->image == NULL) {
        drop_key(m, &key);
        return;
    }
    buf_printf(&value, "%" PRId64 " ", r->seen.v);
    for (uint32_t i = 0; i < image_desc.count; i++) {
        if (field_present(&image_desc, i, r->image))
            add_field(&value, &image_desc.fields[i], r->image);
    }
    put(m, &key, &value);
}

/* Lost paths are read by explain alone; test_store.c has a test of their own. */
static void apply_nothing(struct model *m, const struct change *c)
{
    (void)m;
    (void)c;
}

void model_apply(struct model *m, const struct change *c)
{
    static void (*const apply[CHANGE_TYPE_COUNT])(struct model *, const struct change *) = {
        [CHANGE_META] = apply_meta,
        [CHANGE_START] = apply_start,
        [CHANGE_NODE] = apply_node,
        [CHANGE_NODE_DELETE] = apply_node_delete,
        [CHANGE_KEY] = apply_key,
        [CHANGE_KEY_DELETE] = apply_key,
        [CHANGE_RETIRED_BOOT] = apply_boot,
        [CHANGE_RETIRED_BOOT_DELETE] = apply_boot,
        [CHANGE_SECTION] = apply_section,
        [CHANGE_SECTION_CLEAR] = apply_section_clear,
        [CHANGE_INVENTORY] = apply_inventory,
        [CHANGE_PATH_LOST] = apply_nothing,
        [CHANGE_RESOURCE] = apply_resource,
        [CHANGE_RESOURCE_DELETE] = apply_resource_delete,
        [CHANGE_SIGHTING] = apply_sighting,
        [CHANGE_SIGHTING_DELETE] = apply_sighting,
        [CHANGE_EDGE] = apply_edge,
        [CHANGE_EDGE_DELETE] = apply_edge,
        [CHANGE_NETWORK] = apply_network,
        [CHANGE_NETWORK_DELETE] = apply_network,
        [CHANGE_TOKEN] = apply_token,
        [CHANGE_TOKEN_DELETE] = apply_token,
        [CHANGE_EVENT] = apply_event,
        [CHANGE_EVENT_PRUNE] = apply_event_prune,
        [CHANGE_LEASE] = apply_lease,
        [CHANGE_LEASE_DELETE] = apply_lease,
        [CHANGE_LEASE_HISTORY] = apply_lease_history,
        [CHANGE_LEASE_HISTORY_PRUNE] = apply_lease_history_prune,
        [CHANGE_FENCE] = apply_fence,
        [CHANGE_FENCE_DELETE] = apply_fence,
        [CHANGE_TASK] = apply_task,
        [CHANGE_TASK_PRUNE] = apply_task_prune,
        [CHANGE_JOB] = apply_job,
        [CHANGE_VG_CHANGE] = apply_vg_change,
        [CHANGE_SCAN] = apply_scan,
        [CHANGE_SCAN_DELETE] = apply_scan,
        [CHANGE_REACH] = apply_reach,
        [CHANGE_REACH_DELETE] = apply_reach,
        [CHANGE_IMAGE] = apply_image,
    };

    assert(apply[c->type] != NULL);
    apply[c->type](m, c);
}

void model_apply_all(struct model *m, const struct change *list)
{
    for (; list != NULL; list = list->next)
        model_apply(m, list);
}

/* ---- a database as a model ------------------------------------------------------------------ */

/* Every row of an image is a change that writes it. */
#define APPLY_ALL(m, change_type, member, rows, count)    \
    do {                                                  \
        for (size_t i_ = 0; i_ < (count); i_++) {         \
            struct change c_ = { .type = (change_type) }; \
            c_.member = (rows)[i_];                       \
            model_apply(m, &c_);                          \
        }                                                 \
    } while (0)

static void apply_stored(struct model *m, const struct stored *im)
{
    struct change meta = { .type = CHANGE_META };

    meta.meta = im->meta;
    model_apply(m, &meta);
    APPLY_ALL(m, CHANGE_START, start, im->starts, im->start_count);
    APPLY_ALL(m, CHANGE_NODE, node, im->nodes, im->node_count);
    APPLY_ALL(m, CHANGE_KEY, key, im->keys, im->key_count);
    APPLY_ALL(m, CHANGE_RETIRED_BOOT, retired_boot, im->boots, im->boot_count);
    APPLY_ALL(m, CHANGE_RESOURCE, resource, im->resources, im->resource_count);
    APPLY_ALL(m, CHANGE_NETWORK, network, im->networks, im->network_count);
    APPLY_ALL(m, CHANGE_TOKEN, token, im->tokens, im->token_count);
    APPLY_ALL(m, CHANGE_LEASE, lease, im->leases, im->lease_count);
    APPLY_ALL(m, CHANGE_FENCE, fence, im->fences, im->fence_count);
    APPLY_ALL(m, CHANGE_SCAN, scan, im->scans, im->scan_count);
    APPLY_ALL(m, CHANGE_TASK, task, im->tasks, im->task_count);
    APPLY_ALL(m, CHANGE_JOB, job, im->jobs, im->job_count);
    APPLY_ALL(m, CHANGE_VG_CHANGE, vg_change, im->vg_changes, im->vg_change_count);
}

/* Of a node, its rows as they are; and its pack must be what they make. */
static int apply_node_rows(struct model *m, struct store *s, const struct stored *im,
                           uint32_t node_no, struct arena *a, struct node_rows *out)
{
    struct buf packed = { 0 }, key = { 0 };
    int rc = store_node_rows(s, node_no, a, out);

    if (rc != SQLITE_OK || pack_node(out, &packed) != 0)
        return -EIO;
    APPLY_ALL(m, CHANGE_SECTION, section, out->sections, out->section_count);
    APPLY_ALL(m, CHANGE_SIGHTING, sighting, out->sightings, out->sighting_count);
    APPLY_ALL(m, CHANGE_EDGE, edge, out->edges, out->edge_count);
    for (size_t i = 0; i < out->inventory_count; i++)
        put_hash(m, &out->inventory[i]);
    for (size_t i = 0; i < im->pack_count; i++) {
        const struct node_pack *p = &im->packs[i];

        if (p->node_no == node_no && (p->n != packed.n || memcmp(p->p, packed.p, p->n) != 0)) {
            buf_printf(&key, "pack and rows differ|%u", node_no);
            put(m, &key, &(struct buf){ 0 });
        }
    }
    buf_deinit(&packed);
    return 0;
}

/* The reader must say of a section what the image says of it. */
static void check_state(struct model *m, const struct node_rows *im, uint32_t node_no,
                        const struct section *s)
{
    const struct section_row_state *state = NULL;
    struct buf key = { 0 }, value = { 0 };

    for (size_t i = 0; i < im->section_count; i++) {
        if (im->sections[i].node_no == node_no && im->sections[i].section == s->id)
            state = &im->sections[i];
    }
    if (state == NULL
            ? s->status == SECTION_NEVER
            : s->status == state->status && s->generation == state->generation &&
                  digest_eq(s->digest, state->digest) &&
                  (s->status_text == NULL) == (state->status_text == NULL) &&
                  (s->status_text == NULL || strcmp(s->status_text, state->status_text) == 0))
        return;
    buf_printf(&key, "reader and image differ|%u|%d", node_no, (int)s->id);
    put(m, &key, &value);
}

static int apply_sections(struct model *m, struct store_reader *r, const struct node_rows *im,
                          uint32_t node_no, struct arena *a, struct err *e)
{
    struct section sections[SECTION_COUNT];
    int rc = store_read_sections(r, node_no, a, sections, e);

    for (int i = 0; rc == 0 && i < SECTION_COUNT; i++) {
        check_state(m, im, node_no, &sections[i]);
        for (size_t j = 0; j < sections[i].row_count; j++) {
            struct change c = { .type = CHANGE_INVENTORY };
            struct buf key = { 0 };
            bool known;

            c.inventory.node_no = node_no;
            c.inventory.section = (enum section_id)i;
            c.inventory.row = section_row(&sections[i], j);
            c.inventory.key = section_row_key(&section_descs[i], c.inventory.row);
            c.inventory.hash = sections[i].hashes[j];
            key_inventory(&key, "hash", node_no, i, c.inventory.key);
            find(m, buf_cstr(&key), &known);
            if (known) {
                buf_deinit(&key);
            } else {
                buf_str(&key, " is not in the image");
                put(m, &key, &(struct buf){ 0 });
            }
            model_apply(m, &c);
        }
    }
    return rc;
}

static int apply_events(struct model *m, struct store_reader *r, struct arena *a, struct err *e)
{
    uint64_t since = 0;
    bool more = true;
    int rc = 0;

    while (rc == 0 && more) {
        struct event_row *rows;
        size_t n;

        rc = store_read_events(r, since, (wall_ms){ INT64_MIN }, 7, a, &rows, &n, &more, e);
        if (rc == 0 && n > 0) {
            APPLY_ALL(m, CHANGE_EVENT, event, rows, n);
            since = rows[n - 1].no;
        }
    }
    return rc;
}

/* What no part of the store reads all of: the tables as they are. */
static const struct {
    const char *sql, *name;
    int keys;
    int list; /* column of a list of texts; 0: none */
} unread[] = {
    { "SELECT token, kind, resource, resource_kind, resource_label, node, node_name, boot_id, "
      "ttl_ms, granted, ended, ending, task_no, text FROM lease_history",
      "lease_history", 1, 0 },
    { "SELECT no, kind, state, step, every_node, created, ended, left_out, text FROM task WHERE ended <> 0",
      "task", 1, 0 },
    { "SELECT task_no, no, step, state, resource_no, resource, resource_label, node_no, attempt, "
      "result, reason, token, images, mounts, ms, unchanged, ended FROM job "
      "WHERE NOT task_no IN (SELECT no FROM task WHERE ended = 0)",
      "job", 2, 0 },
    { "SELECT task_no, op, vg, vg_uuid, containers, lv, lv_uuid, new_name, size_bytes, done, seqno, "
      "mark, node_no, extent_bytes FROM vg_change WHERE NOT task_no IN (SELECT no FROM task WHERE ended = 0)",
      "vg_change", 1, 4 },
    { "SELECT resource_no, node_no, how, boot_id, reason, at FROM reach", "reach", 2, 0 },
};

static void add_column(struct buf *b, sqlite3_stmt *st, int i)
{
    if (sqlite3_column_type(st, i) == SQLITE_INTEGER)
        buf_printf(b, "%lld ", (long long)sqlite3_column_int64(st, i));
    else if (sqlite3_column_type(st, i) == SQLITE_BLOB)
        add_hex(b, sqlite3_column_blob(st, i), (size_t)sqlite3_column_bytes(st, i));
    else
        add_text(b, (const char *)sqlite3_column_text(st, i));
}

/* "[]", or texts that are quoted by JSON. NULL: of a database that is damaged. */
static void add_list(struct buf *b, const char *json)
{
    struct arena *a = arena_new(0);
    struct strs list = { NULL, 0 };

    if (json == NULL)
        add_text(b, NULL);
    else if (store_list_parse(json, a, &list) == SQLITE_OK)
        add_strs(b, &list);
    arena_free(a);
}

static void add_image_column(struct buf *b, sqlite3_stmt *st, int i, const struct field *f)
{
    if (sqlite3_column_type(st, i) == SQLITE_NULL)
        return;
    buf_printf(b, "%s=", f->name);
    if (f->type == FIELD_STRS)
        add_list(b, (const char *)sqlite3_column_text(st, i));
    else
        add_column(b, st, i);
}

static void dump_images(struct model *m, sqlite3 *db)
{
    struct buf sql = { 0 };
    sqlite3_stmt *st;

    buf_str(&sql, "SELECT filesystem_no, resource_no, seen");
    for (uint32_t i = 0; i < image_desc.count; i++)
        buf_printf(&sql, ", %s", image_desc.fields[i].name);
    buf_str(&sql, " FROM image");
    assert(sqlite3_prepare_v2(db, buf_cstr(&sql), -1, &st, NULL) == SQLITE_OK);
    buf_deinit(&sql);
    while (sqlite3_step(st) == SQLITE_ROW) {
        struct buf key = { 0 }, value = { 0 };

        buf_printf(&key, "image|%010d|%010d", sqlite3_column_int(st, 0), sqlite3_column_int(st, 1));
        add_column(&value, st, 2);
        for (uint32_t i = 0; i < image_desc.count; i++)
            add_image_column(&value, st, (int)i + 3, &image_desc.fields[i]);
        put(m, &key, &value);
    }
    sqlite3_finalize(st);
}

static void dump_tables(struct model *m, sqlite3 *db)
{
    for (size_t t = 0; t < ARRAY_LEN(unread); t++) {
        sqlite3_stmt *st;

        assert(sqlite3_prepare_v2(db, unread[t].sql, -1, &st, NULL) == SQLITE_OK);
        while (sqlite3_step(st) == SQLITE_ROW) {
            struct buf key = { 0 }, value = { 0 };

            buf_str(&key, unread[t].name);
            for (int i = 0; i < unread[t].keys; i++)
                buf_printf(&key, unread[t].keys == 1 && t == 0 ? "|%020lld" : "|%010lld",
                           (long long)sqlite3_column_int64(st, i));
            for (int i = unread[t].keys; i < sqlite3_column_count(st); i++) {
                if (i == unread[t].list && i > 0)
                    add_list(&value, (const char *)sqlite3_column_text(st, i));
                else
                    add_column(&value, st, i);
            }
            put(m, &key, &value);
        }
        sqlite3_finalize(st);
    }
    dump_images(m, db);
}

/* False: the database cannot be opened. */
static bool apply_unread(struct model *m, const struct store_options *o)
{
    char path[PATH_MAX];
    sqlite3 *db = NULL;
    bool opened;

    snprintf(path, sizeof path, "%s/%s", o->dir, STORE_FILE);
    opened = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, o->vfs) == SQLITE_OK;
    if (opened)
        dump_tables(m, db);
    sqlite3_close(db);
    return opened;
}

/* As a coordinator does: the packs come while what has come is used. */
static int load_in_parts(struct store *s, struct arena *a, struct stored *im, struct err *e)
{
    int rc = store_load_begin(s, a, im, e), waited = 0, end;

    if (rc != 0)
        return rc;
    for (size_t i = 0; waited == 0 && im->pack_wait != NULL && i < im->node_count; i++)
        waited = im->pack_wait(im->loading, i);
    end = store_load_end(s, e);
    assert((waited == 0) == (end == 0));
    return end;
}

char *database_text(struct store *s, const struct store_options *o, struct err *e)
{
    struct arena *a = arena_new(0);
    struct model *m = model_new();
    struct store_reader *r = NULL;
    struct stored im;
    char *text = NULL;
    int rc = load_in_parts(s, a, &im, e);

    if (rc == 0)
        rc = store_reader_open(o, &r, e);
    if (rc == 0) {
        apply_stored(m, &im);
        for (uint32_t no = 0; rc == 0 && no < 16; no++) { /* the tests' nodes */
            struct node_rows rows;

            rc = apply_node_rows(m, s, &im, no, a, &rows);
            if (rc == 0)
                rc = apply_sections(m, r, &rows, no, a, e);
        }
    }
    if (rc == 0)
        rc = apply_events(m, r, a, e);
    if (rc == 0 && !apply_unread(m, o))
        rc = err_set(e, -EIO, "the tables that nobody reads cannot be read");
    if (rc == 0)
        text = model_text(m);
    store_reader_close(r);
    model_free(m);
    arena_free(a);
    return text;
}
