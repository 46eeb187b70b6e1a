/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdlib.h>

#include "core/pack.h"
#include "durable_internal.h"

struct durable *durable_new(uuid128 db_id)
{
    struct durable *d = calloc(1, sizeof *d);

    assert(d != NULL);
    d->a = arena_new(0);
    d->meta = (struct meta_row){
        .db_id = db_id, .epoch = 1, .next_node_no = 1, .next_resource_no = 1, .next_task_no = 1
    };
    return d;
}

const char *durable_text(struct durable *d, const char *s)
{
    return arena_strdup(d->a, s);
}

static void strs_copy(struct durable *d, struct strs *s)
{
    const char **v = arena_array(d->a, s->n, sizeof *v);

    for (size_t i = 0; i < s->n; i++)
        v[i] = durable_text(d, s->v[i]);
    s->v = v;
}

static void right_own(struct durable *d, enum table_id id, void *row)
{
    if (id == T_LEASE) {
        ((struct lease_row *)row)->text = durable_text(d, ((struct lease_row *)row)->text);
    } else if (id == T_LEASE_HISTORY) {
        struct lease_history_row *h = row;

        h->resource_label = durable_text(d, h->resource_label);
        h->node_name = durable_text(d, h->node_name);
        h->text = durable_text(d, h->text);
    } else if (id == T_FENCE) {
        ((struct fence_row *)row)->text = durable_text(d, ((struct fence_row *)row)->text);
    } else if (id == T_TASK) {
        ((struct task_row *)row)->text = durable_text(d, ((struct task_row *)row)->text);
    } else if (id == T_JOB) {
        struct job_row *j = row;

        j->resource_label = durable_text(d, j->resource_label);
        j->reason = durable_text(d, j->reason);
    } else if (id == T_VG_CHANGE) {
        struct vg_change_row *v = row;

        v->vg = durable_text(d, v->vg);
        v->vg_uuid = durable_text(d, v->vg_uuid);
        strs_copy(d, &v->containers);
        v->lv = durable_text(d, v->lv);
        v->lv_uuid = durable_text(d, v->lv_uuid);
        v->new_name = durable_text(d, v->new_name);
    } else if (id == T_SCAN) {
        struct scan_row *s = row;

        s->reason = durable_text(d, s->reason);
        s->fingerprint = durable_text(d, s->fingerprint);
    } else if (id == T_REACH) {
        ((struct reach_row *)row)->reason = durable_text(d, ((struct reach_row *)row)->reason);
    } else if (id == T_IMAGE) {
        struct image_row *i = row;

        i->image = record_dup(d->a, &image_desc, i->image);
    }
}

/* Texts and records become the durable's own. */
void durable_own(struct durable *d, enum table_id id, void *row)
{
    struct node_row *n = row;
    struct inventory_row *i = row;
    struct sighting_row *g = row;
    struct event_row *e = row;

    if (id == T_NODE) {
        const char **texts[] = { &n->name,     &n->text,          &n->product_uuid, &n->lowest_mac,
                                 &n->hostname, &n->probe_version, &n->source };

        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            *texts[k] = durable_text(d, *texts[k]);
    } else if (id == T_KEY) {
        ((struct key_row *)row)->name = durable_text(d, ((struct key_row *)row)->name);
    } else if (id == T_SECTION) {
        struct section_row_state *s = row;

        s->status_text = durable_text(d, s->status_text);
    } else if (id == T_INVENTORY) {
        i->key = durable_text(d, i->key);
        i->container = durable_text(d, i->container);
        i->above = durable_text(d, i->above);
        i->row = record_dup(d->a, section_descs[i->section].row, i->row);
    } else if (id == T_RESOURCE) {
        struct resource_row *r = row;

        r->key = durable_text(d, r->key);
        r->label = durable_text(d, r->label);
        r->seen_together = durable_text(d, r->seen_together);
        r->type = durable_text(d, r->type);
    } else if (id == T_SIGHTING) {
        g->row_key = durable_text(d, g->row_key);
        g->port = durable_text(d, g->port);
        g->base = durable_text(d, g->base);
    } else if (id == T_EDGE) {
        ((struct edge_row *)row)->distrust = durable_text(d, ((struct edge_row *)row)->distrust);
    } else if (id == T_NETWORK) {
        struct network_row *w = row;

        w->name = durable_text(d, w->name);
        strs_copy(d, &w->matches);
    } else if (id == T_EVENT) {
        e->kind = durable_text(d, e->kind);
        e->severity = durable_text(d, e->severity);
        e->text = durable_text(d, e->text);
        e->node_name = durable_text(d, e->node_name);
        e->resource_label = durable_text(d, e->resource_label);
    } else {
        right_own(d, id, row);
    }
}

struct durable *durable_copy(const struct durable *from)
{
    struct durable *d = durable_new(from->meta.db_id);

    d->meta = from->meta;
    for (enum table_id id = 0; id < T_COUNT; id++) {
        struct table *t = &d->t[id];

        *t = (struct table){ .n = from->t[id].n, .room = from->t[id].n };
        t->rows = malloc(t->n * durable_row_size(id) + 1);
        assert(t->rows != NULL);
        if (t->n > 0)
            memcpy(t->rows, from->t[id].rows, t->n * durable_row_size(id));
        for (size_t i = 0; i < t->n; i++)
            durable_own(d, id, durable_row(d, id, i));
    }
    return d;
}

void durable_mark_backup(struct durable *d)
{
    d->meta.recover = true;
}

void durable_free(struct durable *d)
{
    if (d == NULL)
        return;
    for (enum table_id id = 0; id < T_COUNT; id++)
        free(d->t[id].rows);
    arena_free(d->a);
    free(d);
}

/* ---- what is there -------------------------------------------------------------------------- */

/* Tasks that run, and their jobs. */
static void running(struct durable *d, struct stored *out)
{
    out->tasks = arena_array(d->a, d->t[T_TASK].n, sizeof *out->tasks);
    out->jobs = arena_array(d->a, d->t[T_JOB].n, sizeof *out->jobs);
    out->vg_changes = arena_array(d->a, d->t[T_VG_CHANGE].n, sizeof *out->vg_changes);
    for (size_t i = 0; i < d->t[T_TASK].n; i++) {
        const struct task_row *t = durable_row(d, T_TASK, i);

        if (t->ended.v == 0)
            out->tasks[out->task_count++] = *t;
    }
    for (size_t i = 0; i < d->t[T_JOB].n; i++) {
        const struct job_row *j = durable_row(d, T_JOB, i);
        struct task_row probe = { .no = j->task_no };
        const struct task_row *t = durable_find(d, T_TASK, &probe);

        if (t != NULL && t->ended.v == 0)
            out->jobs[out->job_count++] = *j;
    }
    for (size_t i = 0; i < d->t[T_VG_CHANGE].n; i++) {
        const struct vg_change_row *v = durable_row(d, T_VG_CHANGE, i);
        struct task_row probe = { .no = v->task_no };
        const struct task_row *t = durable_find(d, T_TASK, &probe);

        if (t != NULL && t->ended.v == 0)
            out->vg_changes[out->vg_change_count++] = *v;
    }
}

void durable_image(struct durable *d, struct stored *out)
{
    *out = (struct stored){
        .meta = d->meta,
        .starts = (struct start_row *)d->t[T_START].rows,
        .start_count = d->t[T_START].n,
        .nodes = (struct node_row *)d->t[T_NODE].rows,
        .node_count = d->t[T_NODE].n,
        .keys = (struct key_row *)d->t[T_KEY].rows,
        .key_count = d->t[T_KEY].n,
        .boots = (struct retired_boot_row *)d->t[T_BOOT].rows,
        .boot_count = d->t[T_BOOT].n,
        .sections = (struct section_row_state *)d->t[T_SECTION].rows,
        .section_count = d->t[T_SECTION].n,
        .inventory = (struct inventory_row *)d->t[T_INVENTORY].rows,
        .inventory_count = d->t[T_INVENTORY].n,
        .resources = (struct resource_row *)d->t[T_RESOURCE].rows,
        .resource_count = d->t[T_RESOURCE].n,
        .sightings = (struct sighting_row *)d->t[T_SIGHTING].rows,
        .sighting_count = d->t[T_SIGHTING].n,
        .edges = (struct edge_row *)d->t[T_EDGE].rows,
        .edge_count = d->t[T_EDGE].n,
        .networks = (struct network_row *)d->t[T_NETWORK].rows,
        .network_count = d->t[T_NETWORK].n,
        .tokens = (struct token_row *)d->t[T_TOKEN].rows,
        .token_count = d->t[T_TOKEN].n,
        .leases = (struct lease_row *)d->t[T_LEASE].rows,
        .lease_count = d->t[T_LEASE].n,
        .fences = (struct fence_row *)d->t[T_FENCE].rows,
        .fence_count = d->t[T_FENCE].n,
        .scans = (struct scan_row *)d->t[T_SCAN].rows,
        .scan_count = d->t[T_SCAN].n,
        .lease_history_count = d->t[T_LEASE_HISTORY].n,
        .oldest_event_no =
            d->t[T_EVENT].n > 0 ? ((const struct event_row *)durable_row(d, T_EVENT, 0))->no : 0,
    };
    running(d, out);
}

/* Nodes with odd numbers are packed, the others in rows: the core takes both. */
static bool is_packed(uint32_t node_no)
{
    return node_no % 2 != 0;
}

/* Of the node, or with 0 not in a pack. */
static bool is_of(const struct durable *d, enum table_id id, size_t i, uint32_t node_no)
{
    uint32_t no = *(const uint32_t *)durable_row(d, id, i); /* all begin with it */

    return node_no == 0 ? !is_packed(no) : no == node_no;
}

/* The rows of table `id` that are of the node; of the others those that are in rows. */
static void *rows_of(struct durable *d, enum table_id id, uint32_t node_no, size_t *count)
{
    size_t size = durable_row_size(id), n = 0;
    char *rows;

    for (size_t i = 0; i < d->t[id].n; i++)
        n += is_of(d, id, i, node_no);
    rows = arena_array(d->a, n, size);
    *count = 0;
    for (size_t i = 0; i < d->t[id].n; i++) {
        if (is_of(d, id, i, node_no))
            memcpy(rows + (*count)++ * size, durable_row(d, id, i), size);
    }
    return rows;
}

void durable_packed(struct durable *d, struct stored *out)
{
    durable_image(d, out);
    out->packs = arena_array(d->a, out->node_count, sizeof *out->packs);
    for (size_t i = 0; i < out->node_count; i++) {
        uint32_t no = out->nodes[i].no;
        struct node_rows r;
        struct buf b = { 0 };
        int rc;

        if (!is_packed(no))
            continue;
        r.sections = rows_of(d, T_SECTION, no, &r.section_count);
        r.inventory = rows_of(d, T_INVENTORY, no, &r.inventory_count);
        r.sightings = rows_of(d, T_SIGHTING, no, &r.sighting_count);
        r.edges = rows_of(d, T_EDGE, no, &r.edge_count);
        rc = pack_node(&r, &b);
        assert(rc == 0);
        out->packs[out->pack_count++] = (struct node_pack){ no, arena_memdup(d->a, b.p, b.n), b.n };
        buf_deinit(&b);
    }
    out->sections = rows_of(d, T_SECTION, 0, &out->section_count);
    out->inventory = rows_of(d, T_INVENTORY, 0, &out->inventory_count);
    out->sightings = rows_of(d, T_SIGHTING, 0, &out->sighting_count);
    out->edges = rows_of(d, T_EDGE, 0, &out->edge_count);
}

const struct meta_row *durable_meta(const struct durable *d)
{
    return &d->meta;
}

size_t durable_events(const struct durable *d)
{
    return d->t[T_EVENT].n;
}

const struct event_row *durable_event(const struct durable *d, size_t i)
{
    return durable_row(d, T_EVENT, i);
}

size_t durable_count_events(const struct durable *d, const char *kind, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < d->t[T_EVENT].n; i++) {
        const struct event_row *e = durable_row(d, T_EVENT, i);

        n += strcmp(e->kind, kind) == 0 && (text == NULL || strstr(e->text, text) != NULL);
    }
    return n;
}

const struct image_row *durable_image_at(const struct durable *d, uint32_t filesystem_no,
                                         const char *path)
{
    for (size_t i = 0; i < d->t[T_IMAGE].n; i++) {
        const struct image_row *x = durable_row(d, T_IMAGE, i);

        if (x->filesystem_no == filesystem_no && strcmp(x->image->path, path) == 0)
            return x;
    }
    return NULL;
}

const struct reach_row *durable_reach(const struct durable *d, uint32_t resource_no,
                                      uint32_t node_no)
{
    const struct reach_row key = { .resource_no = resource_no, .node_no = node_no };

    return durable_find(d, T_REACH, &key);
}

size_t durable_images(const struct durable *d)
{
    return d->t[T_IMAGE].n;
}

size_t durable_tasks(const struct durable *d)
{
    return d->t[T_TASK].n;
}

size_t durable_sections(const struct durable *d)
{
    return d->t[T_SECTION].n;
}

size_t durable_inventory(const struct durable *d)
{
    return d->t[T_INVENTORY].n;
}
