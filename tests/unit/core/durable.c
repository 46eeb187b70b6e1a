/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "durable.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/text.h"

enum table_id {
    T_START,
    T_NODE,
    T_KEY,
    T_BOOT,
    T_SECTION,
    T_INVENTORY,
    T_RESOURCE,
    T_SIGHTING,
    T_EDGE,
    T_NETWORK,
    T_TOKEN,
    T_EVENT,
    T_LEASE,
    T_LEASE_HISTORY,
    T_FENCE,
    T_TASK,
    T_JOB,
    T_SCAN,
    T_REACH,
    T_IMAGE,
    T_COUNT,
};

/* Rows sorted by key. */
struct table {
    char *rows;
    size_t n, room;
};

struct durable {
    struct arena *a; /* texts; grows until the end */
    struct meta_row meta;
    struct table t[T_COUNT];
};

/* ---- tables --------------------------------------------------------------------------------- */

static int order_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int order_3(uint64_t a, uint64_t b, const char *x, uint64_t c, uint64_t d, const char *y)
{
    int o = order_u64(a, c);

    if (o == 0)
        o = order_u64(b, d);
    return o != 0 ? o : strcmp(x, y);
}

static int start_order(const void *x, const void *y)
{
    const struct start_row *a = x, *b = y;

    return order_3(a->epoch, a->start_no, "", b->epoch, b->start_no, "");
}

static int node_order(const void *x, const void *y)
{
    return order_u64(((const struct node_row *)x)->no, ((const struct node_row *)y)->no);
}

static int key_order(const void *x, const void *y)
{
    return memcmp(((const struct key_row *)x)->key.b, ((const struct key_row *)y)->key.b, 32);
}

static int boot_order(const void *x, const void *y)
{
    const struct retired_boot_row *a = x, *b = y;
    int o = order_u64(a->node_no, b->node_no);

    return o != 0 ? o : memcmp(a->boot_id.b, b->boot_id.b, 16);
}

static int section_order(const void *x, const void *y)
{
    const struct section_row_state *a = x, *b = y;

    return order_3(a->node_no, a->section, "", b->node_no, b->section, "");
}

static int inventory_order(const void *x, const void *y)
{
    const struct inventory_row *a = x, *b = y;

    return order_3(a->section, a->node_no, a->key, b->section, b->node_no, b->key);
}

static int resource_order(const void *x, const void *y)
{
    return order_u64(((const struct resource_row *)x)->no, ((const struct resource_row *)y)->no);
}

static int sighting_order(const void *x, const void *y)
{
    const struct sighting_row *a = x, *b = y;

    return order_3(a->node_no, a->section, a->row_key, b->node_no, b->section, b->row_key);
}

static int edge_order(const void *x, const void *y)
{
    const struct edge_row *a = x, *b = y;

    return order_3(a->node_no, a->resource_no, "", b->node_no, b->resource_no, "");
}

static int network_order(const void *x, const void *y)
{
    return memcmp(((const struct network_row *)x)->id.b, ((const struct network_row *)y)->id.b, 16);
}

static int token_order(const void *x, const void *y)
{
    return memcmp(((const struct token_row *)x)->hash, ((const struct token_row *)y)->hash, 32);
}

static int event_order(const void *x, const void *y)
{
    return order_u64(((const struct event_row *)x)->no, ((const struct event_row *)y)->no);
}

static int lease_order(const void *x, const void *y)
{
    return order_u64(((const struct lease_row *)x)->token, ((const struct lease_row *)y)->token);
}

static int lease_history_order(const void *x, const void *y)
{
    return order_u64(((const struct lease_history_row *)x)->token,
                     ((const struct lease_history_row *)y)->token);
}

static int fence_order(const void *x, const void *y)
{
    const struct fence_row *a = x, *b = y;
    int o = order_u64(a->node_no, b->node_no);

    return o != 0 ? o : memcmp(a->boot_id.b, b->boot_id.b, 16);
}

static int task_order(const void *x, const void *y)
{
    return order_u64(((const struct task_row *)x)->no, ((const struct task_row *)y)->no);
}

static int job_order(const void *x, const void *y)
{
    const struct job_row *a = x, *b = y;

    return order_3(a->task_no, a->no, "", b->task_no, b->no, "");
}

static int scan_order(const void *x, const void *y)
{
    return order_u64(((const struct scan_row *)x)->resource_no,
                     ((const struct scan_row *)y)->resource_no);
}

static int reach_order(const void *x, const void *y)
{
    const struct reach_row *a = x, *b = y;

    return order_3(a->resource_no, a->node_no, "", b->resource_no, b->node_no, "");
}

static int image_order(const void *x, const void *y)
{
    const struct image_row *a = x, *b = y;

    return order_3(a->filesystem_no, a->resource_no, "", b->filesystem_no, b->resource_no, "");
}

static const struct {
    size_t size;
    int (*order)(const void *, const void *);
} tables[T_COUNT] = {
    [T_START] = { sizeof(struct start_row), start_order },
    [T_NODE] = { sizeof(struct node_row), node_order },
    [T_KEY] = { sizeof(struct key_row), key_order },
    [T_BOOT] = { sizeof(struct retired_boot_row), boot_order },
    [T_SECTION] = { sizeof(struct section_row_state), section_order },
    [T_INVENTORY] = { sizeof(struct inventory_row), inventory_order },
    [T_RESOURCE] = { sizeof(struct resource_row), resource_order },
    [T_SIGHTING] = { sizeof(struct sighting_row), sighting_order },
    [T_EDGE] = { sizeof(struct edge_row), edge_order },
    [T_NETWORK] = { sizeof(struct network_row), network_order },
    [T_TOKEN] = { sizeof(struct token_row), token_order },
    [T_EVENT] = { sizeof(struct event_row), event_order },
    [T_LEASE] = { sizeof(struct lease_row), lease_order },
    [T_LEASE_HISTORY] = { sizeof(struct lease_history_row), lease_history_order },
    [T_FENCE] = { sizeof(struct fence_row), fence_order },
    [T_TASK] = { sizeof(struct task_row), task_order },
    [T_JOB] = { sizeof(struct job_row), job_order },
    [T_SCAN] = { sizeof(struct scan_row), scan_order },
    [T_REACH] = { sizeof(struct reach_row), reach_order },
    [T_IMAGE] = { sizeof(struct image_row), image_order },
};

static void *row_at(const struct durable *d, enum table_id id, size_t i)
{
    return d->t[id].rows + i * tables[id].size;
}

static size_t place_of(const struct durable *d, enum table_id id, const void *row, bool *found)
{
    size_t low = 0, high = d->t[id].n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (tables[id].order(row_at(d, id, mid), row) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *found = low < d->t[id].n && tables[id].order(row_at(d, id, low), row) == 0;
    return low;
}

static const void *row_find(const struct durable *d, enum table_id id, const void *row)
{
    bool found;
    size_t at = place_of(d, id, row, &found);

    return found ? row_at(d, id, at) : NULL;
}

static void row_put(struct durable *d, enum table_id id, const void *row)
{
    struct table *t = &d->t[id];
    size_t size = tables[id].size, at;
    bool found;

    at = place_of(d, id, row, &found);
    if (!found) {
        if (t->n == t->room) {
            t->room = 2 * t->room + 16;
            t->rows = realloc(t->rows, t->room * size);
            assert(t->rows != NULL);
        }
        memmove(t->rows + (at + 1) * size, t->rows + at * size, (t->n - at) * size);
        t->n++;
    }
    memcpy(t->rows + at * size, row, size);
}

static void row_drop_at(struct durable *d, enum table_id id, size_t at)
{
    struct table *t = &d->t[id];
    size_t size = tables[id].size;

    memmove(t->rows + at * size, t->rows + (at + 1) * size, (t->n - at - 1) * size);
    t->n--;
}

static bool row_drop(struct durable *d, enum table_id id, const void *row)
{
    bool found;
    size_t at = place_of(d, id, row, &found);

    if (found)
        row_drop_at(d, id, at);
    return found;
}

/* ---- life ----------------------------------------------------------------------------------- */

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

static const char *text_copy(struct durable *d, const char *s)
{
    return arena_strdup(d->a, s);
}

static void strs_copy(struct durable *d, struct strs *s)
{
    const char **v = arena_array(d->a, s->n, sizeof *v);

    for (size_t i = 0; i < s->n; i++)
        v[i] = text_copy(d, s->v[i]);
    s->v = v;
}

static void right_own(struct durable *d, enum table_id id, void *row)
{
    if (id == T_LEASE) {
        ((struct lease_row *)row)->text = text_copy(d, ((struct lease_row *)row)->text);
    } else if (id == T_LEASE_HISTORY) {
        struct lease_history_row *h = row;

        h->resource_label = text_copy(d, h->resource_label);
        h->node_name = text_copy(d, h->node_name);
        h->text = text_copy(d, h->text);
    } else if (id == T_FENCE) {
        ((struct fence_row *)row)->text = text_copy(d, ((struct fence_row *)row)->text);
    } else if (id == T_TASK) {
        ((struct task_row *)row)->text = text_copy(d, ((struct task_row *)row)->text);
    } else if (id == T_JOB) {
        struct job_row *j = row;

        j->resource_label = text_copy(d, j->resource_label);
        j->reason = text_copy(d, j->reason);
    } else if (id == T_SCAN) {
        struct scan_row *s = row;

        s->reason = text_copy(d, s->reason);
        s->fingerprint = text_copy(d, s->fingerprint);
    } else if (id == T_REACH) {
        ((struct reach_row *)row)->reason = text_copy(d, ((struct reach_row *)row)->reason);
    } else if (id == T_IMAGE) {
        struct image_row *i = row;

        i->image = record_dup(d->a, &image_desc, i->image);
    }
}

/* Texts and records become the durable's own. */
static void row_own(struct durable *d, enum table_id id, void *row)
{
    struct node_row *n = row;
    struct inventory_row *i = row;
    struct sighting_row *g = row;
    struct event_row *e = row;

    if (id == T_NODE) {
        const char **texts[] = { &n->name,     &n->text,          &n->product_uuid, &n->lowest_mac,
                                 &n->hostname, &n->probe_version, &n->source };

        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            *texts[k] = text_copy(d, *texts[k]);
    } else if (id == T_KEY) {
        ((struct key_row *)row)->name = text_copy(d, ((struct key_row *)row)->name);
    } else if (id == T_SECTION) {
        struct section_row_state *s = row;

        s->status_text = text_copy(d, s->status_text);
    } else if (id == T_INVENTORY) {
        i->key = text_copy(d, i->key);
        i->container = text_copy(d, i->container);
        i->above = text_copy(d, i->above);
        i->row = record_dup(d->a, section_descs[i->section].row, i->row);
    } else if (id == T_RESOURCE) {
        struct resource_row *r = row;

        r->key = text_copy(d, r->key);
        r->label = text_copy(d, r->label);
        r->seen_together = text_copy(d, r->seen_together);
        r->type = text_copy(d, r->type);
    } else if (id == T_SIGHTING) {
        g->row_key = text_copy(d, g->row_key);
        g->port = text_copy(d, g->port);
        g->base = text_copy(d, g->base);
    } else if (id == T_EDGE) {
        ((struct edge_row *)row)->distrust = text_copy(d, ((struct edge_row *)row)->distrust);
    } else if (id == T_NETWORK) {
        struct network_row *w = row;

        w->name = text_copy(d, w->name);
        strs_copy(d, &w->matches);
    } else if (id == T_EVENT) {
        e->kind = text_copy(d, e->kind);
        e->severity = text_copy(d, e->severity);
        e->text = text_copy(d, e->text);
        e->node_name = text_copy(d, e->node_name);
        e->resource_label = text_copy(d, e->resource_label);
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
        t->rows = malloc(t->n * tables[id].size + 1);
        assert(t->rows != NULL);
        if (t->n > 0)
            memcpy(t->rows, from->t[id].rows, t->n * tables[id].size);
        for (size_t i = 0; i < t->n; i++)
            row_own(d, id, row_at(d, id, i));
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

/* ---- changes -------------------------------------------------------------------------------- */

static bool of_node(enum table_id id, const void *row, uint32_t no)
{
    switch (id) {
    case T_KEY:
        return ((const struct key_row *)row)->node_no == no;
    case T_BOOT:
        return ((const struct retired_boot_row *)row)->node_no == no;
    case T_SECTION:
        return ((const struct section_row_state *)row)->node_no == no;
    case T_INVENTORY:
        return ((const struct inventory_row *)row)->node_no == no;
    case T_SIGHTING:
        return ((const struct sighting_row *)row)->node_no == no;
    case T_EDGE:
        return ((const struct edge_row *)row)->node_no == no;
    case T_FENCE:
        return ((const struct fence_row *)row)->node_no == no;
    case T_REACH:
        return ((const struct reach_row *)row)->node_no == no;
    default:
        return false;
    }
}

static void drop_node(struct durable *d, uint32_t no)
{
    for (enum table_id id = 0; id < T_COUNT; id++) {
        for (size_t i = d->t[id].n; i-- > 0;) {
            if (of_node(id, row_at(d, id, i), no))
                row_drop_at(d, id, i);
        }
    }
}

static void drop_section(struct durable *d, uint32_t no, enum section_id section)
{
    for (size_t i = d->t[T_INVENTORY].n; i-- > 0;) {
        const struct inventory_row *r = row_at(d, T_INVENTORY, i);

        if (r->node_no == no && r->section == section)
            row_drop_at(d, T_INVENTORY, i);
    }
    for (size_t i = d->t[T_SIGHTING].n; i-- > 0;) {
        const struct sighting_row *r = row_at(d, T_SIGHTING, i);

        if (r->node_no == no && r->section == section)
            row_drop_at(d, T_SIGHTING, i);
    }
}

static bool has_edges(struct durable *d, uint32_t resource_no)
{
    for (size_t i = 0; i < d->t[T_EDGE].n; i++) {
        if (((const struct edge_row *)row_at(d, T_EDGE, i))->resource_no == resource_no)
            return true;
    }
    return false;
}

static void drop_jobs(struct durable *d, uint32_t task_no)
{
    for (size_t i = d->t[T_JOB].n; i-- > 0;) {
        if (((const struct job_row *)row_at(d, T_JOB, i))->task_no == task_no)
            row_drop_at(d, T_JOB, i);
    }
}

/* What hangs on a filesystem that is scanned no more. */
static void drop_scan(struct durable *d, uint32_t resource_no)
{
    for (size_t i = d->t[T_REACH].n; i-- > 0;) {
        if (((const struct reach_row *)row_at(d, T_REACH, i))->resource_no == resource_no)
            row_drop_at(d, T_REACH, i);
    }
    for (size_t i = d->t[T_IMAGE].n; i-- > 0;) {
        if (((const struct image_row *)row_at(d, T_IMAGE, i))->filesystem_no == resource_no)
            row_drop_at(d, T_IMAGE, i);
    }
}

static void prune(struct durable *d, uint64_t no)
{
    while (d->t[T_EVENT].n > 0 && ((const struct event_row *)row_at(d, T_EVENT, 0))->no <= no)
        row_drop_at(d, T_EVENT, 0);
}

static int put(struct durable *d, enum table_id id, const void *row, size_t size)
{
    union {
        struct change room;
        char bytes[sizeof(struct change)];
    } copy;

    assert(size == tables[id].size && size <= sizeof copy);
    memcpy(&copy, row, size);
    row_own(d, id, &copy);
    row_put(d, id, &copy);
    return 0;
}

#define PUT(d, id, row) put((d), (id), &(row), sizeof(row))

static int apply_inventory(struct durable *d, const struct change *ch, struct err *e)
{
    const struct inventory_row *r = &ch->inventory;
    const struct section_desc *desc = &section_descs[r->section];

    if (r->row == NULL)
        return row_drop(d, T_INVENTORY, r)
                   ? 0
                   : err_set(e, -EINVAL, "delete of row %s, which is not there", r->key);
    if (r->hash != record_hash(desc->row, r->row) ||
        strcmp(r->key, section_row_key(desc, r->row)) != 0)
        return err_set(e, -EINVAL, "row %s has another key or hash than its record", r->key);
    return PUT(d, T_INVENTORY, *r);
}

static int must(bool done, const char *what, struct err *e)
{
    return done ? 0 : err_set(e, -EINVAL, "delete of %s that is not there", what);
}

static int apply_delete(struct durable *d, const struct change *ch, struct err *e)
{
    switch (ch->type) {
    case CHANGE_NODE_DELETE:
        drop_node(d, ch->node.no);
        return must(row_drop(d, T_NODE, &ch->node), "a node", e);
    case CHANGE_KEY_DELETE:
        return must(row_drop(d, T_KEY, &ch->key), "a key", e);
    case CHANGE_RETIRED_BOOT_DELETE:
        return must(row_drop(d, T_BOOT, &ch->retired_boot), "a retired boot", e);
    case CHANGE_SECTION_CLEAR:
        drop_section(d, ch->section.node_no, ch->section.section);
        return must(row_drop(d, T_SECTION, &ch->section), "a section", e);
    case CHANGE_RESOURCE_DELETE:
        if (has_edges(d, ch->resource.no))
            return err_set(e, -EINVAL, "resource %u is deleted before its edges", ch->resource.no);
        return must(row_drop(d, T_RESOURCE, &ch->resource), "a resource", e);
    case CHANGE_SIGHTING_DELETE:
        return must(row_drop(d, T_SIGHTING, &ch->sighting), "a sighting", e);
    case CHANGE_EDGE_DELETE:
        return must(row_drop(d, T_EDGE, &ch->edge), "an edge", e);
    case CHANGE_NETWORK_DELETE:
        return must(row_drop(d, T_NETWORK, &ch->network), "a network", e);
    case CHANGE_TOKEN_DELETE:
        return must(row_drop(d, T_TOKEN, &ch->token), "a token", e);
    case CHANGE_EVENT_PRUNE:
        prune(d, ch->event.no);
        return 0;
    case CHANGE_LEASE_DELETE:
        return must(row_drop(d, T_LEASE, &ch->lease), "a lease", e);
    case CHANGE_LEASE_HISTORY_PRUNE:
        while (d->t[T_LEASE_HISTORY].n > ch->lease_history.token)
            row_drop_at(d, T_LEASE_HISTORY, 0);
        return 0;
    case CHANGE_FENCE_DELETE:
        return must(row_drop(d, T_FENCE, &ch->fence), "a fence", e);
    case CHANGE_TASK_DELETE:
        drop_jobs(d, ch->task.no);
        return must(row_drop(d, T_TASK, &ch->task), "a task", e);
    case CHANGE_SCAN_DELETE:
        drop_scan(d, ch->scan.resource_no);
        return must(row_drop(d, T_SCAN, &ch->scan), "a scan", e);
    case CHANGE_REACH_DELETE:
        return must(row_drop(d, T_REACH, &ch->reach), "a reach", e);
    default:
        return err_set(e, -EINVAL, "change of unknown type %d", (int)ch->type);
    }
}

/* A token is given out once: it is live or over, and none is above the highest. */
static int apply_lease(struct durable *d, const struct lease_row *r, struct err *e)
{
    struct lease_history_row over = { .token = r->token };

    if (row_find(d, T_LEASE_HISTORY, &over) != NULL)
        return err_set(e, -EINVAL, "token %" PRIu64 " was over already", r->token);
    return PUT(d, T_LEASE, *r);
}

static int apply_right(struct durable *d, const struct change *ch, struct err *e)
{
    switch (ch->type) {
    case CHANGE_LEASE:
        return apply_lease(d, &ch->lease, e);
    case CHANGE_LEASE_HISTORY:
        return PUT(d, T_LEASE_HISTORY, ch->lease_history);
    case CHANGE_FENCE:
        return PUT(d, T_FENCE, ch->fence);
    case CHANGE_TASK:
        return PUT(d, T_TASK, ch->task);
    case CHANGE_JOB:
        return PUT(d, T_JOB, ch->job);
    case CHANGE_SCAN:
        return PUT(d, T_SCAN, ch->scan);
    case CHANGE_REACH:
        return PUT(d, T_REACH, ch->reach);
    case CHANGE_IMAGE:
        if (ch->image.image == NULL)
            return must(row_drop(d, T_IMAGE, &ch->image), "an image", e);
        return PUT(d, T_IMAGE, ch->image);
    default:
        return apply_delete(d, ch, e);
    }
}

static int apply(struct durable *d, const struct change *ch, struct err *e)
{
    switch (ch->type) {
    case CHANGE_META:
        d->meta = ch->meta;
        return 0;
    case CHANGE_START:
        return PUT(d, T_START, ch->start);
    case CHANGE_NODE:
        return PUT(d, T_NODE, ch->node);
    case CHANGE_KEY:
        return PUT(d, T_KEY, ch->key);
    case CHANGE_RETIRED_BOOT:
        return PUT(d, T_BOOT, ch->retired_boot);
    case CHANGE_SECTION:
        return PUT(d, T_SECTION, ch->section);
    case CHANGE_INVENTORY:
        return apply_inventory(d, ch, e);
    case CHANGE_RESOURCE:
        return PUT(d, T_RESOURCE, ch->resource);
    case CHANGE_SIGHTING:
        return PUT(d, T_SIGHTING, ch->sighting);
    case CHANGE_EDGE:
        return PUT(d, T_EDGE, ch->edge);
    case CHANGE_NETWORK:
        return PUT(d, T_NETWORK, ch->network);
    case CHANGE_TOKEN:
        return PUT(d, T_TOKEN, ch->token);
    case CHANGE_EVENT:
        if (!text_is_clean(ch->event.text, strlen(ch->event.text)))
            return err_set(e, -EINVAL, "event %s has text that no reply can hold", ch->event.kind);
        return PUT(d, T_EVENT, ch->event);
    default:
        return apply_right(d, ch, e);
    }
}

/* ---- does every row lead to where it should? ------------------------------------------------ */

static bool has_edge(const struct durable *d, uint32_t node_no, uint32_t resource_no)
{
    struct edge_row r = { .node_no = node_no, .resource_no = resource_no };

    return row_find(d, T_EDGE, &r) != NULL;
}

static int check_sighting(const struct durable *d, const struct sighting_row *g, struct err *e)
{
    struct inventory_row row = { .node_no = g->node_no, .section = g->section, .key = g->row_key };

    if (row_find(d, T_INVENTORY, &row) == NULL)
        return err_set(e, -EINVAL, "sighting %s of no row", g->row_key);
    if (!has_edge(d, g->node_no, g->resource_no))
        return err_set(e, -EINVAL, "sighting %s of no edge", g->row_key);
    return 0;
}

/* What is written for people who read the database: the node's name of today, before what is its
 * own. */
static bool label_is_right(const struct durable *d, const struct resource_row *r)
{
    const char *head = r->kind == RESOURCE_NETWORK ? "unproven:" : "";

    for (size_t i = 0; i < d->t[T_NODE].n; i++) {
        const struct node_row *n = row_at(d, T_NODE, i);
        char key[64], label[128], id[UUID_TEXT];

        snprintf(key, sizeof key, "%s%s/", head, uuid_text(n->id, id));
        if (strncmp(r->key, key, strlen(key)) != 0)
            continue;
        snprintf(label, sizeof label, "%s%s/", head, n->name);
        return strncmp(r->label, label, strlen(label)) == 0 &&
               (r->kind != RESOURCE_NETWORK ||
                strcmp(r->label + strlen(label), r->key + strlen(key)) == 0);
    }
    return r->declared || r->kind != RESOURCE_NETWORK;
}

static int check_resource(const struct durable *d, const struct resource_row *r, struct err *e)
{
    struct network_row w = { .id = r->id };
    struct resource_row parent = { .no = r->parent_no };
    bool edge = r->kind == RESOURCE_IMAGE && row_find(d, T_RESOURCE, &parent) != NULL;

    for (size_t i = 0; i < d->t[T_EDGE].n && !edge; i++)
        edge = ((const struct edge_row *)row_at(d, T_EDGE, i))->resource_no == r->no;
    for (size_t i = 0; i < d->t[T_LEASE].n && !edge; i++)
        edge = ((const struct lease_row *)row_at(d, T_LEASE, i))->resource_no == r->no;
    if (r->declared != (row_find(d, T_NETWORK, &w) != NULL))
        return err_set(e, -EINVAL, "resource %s and its network contradict", r->key);
    if (!label_is_right(d, r))
        return err_set(e, -EINVAL, "resource %s is labelled %s", r->key, r->label);
    if (!r->declared && !edge)
        return err_set(e, -EINVAL, "resource %s is seen by nobody", r->key);
    return r->no < d->meta.next_resource_no
               ? 0
               : err_set(e, -EINVAL, "resource %s has a number that is not used yet", r->key);
}

/* Rows of a section that was collected are those that its digest is of. */
static int check_digest(struct durable *d, const struct section_row_state *row, struct err *e)
{
    const struct record_desc *desc = section_descs[row->section].row;
    struct section s = { .id = row->section,
                         .status = row->status,
                         .status_text = row->status_text };
    struct arena *a;
    int rc;

    if (row->status != SECTION_OK && row->status != SECTION_ABSENT)
        return 0;
    a = arena_new(0);
    s.rows = arena_array(a, d->t[T_INVENTORY].n, desc->size);
    for (size_t i = 0; i < d->t[T_INVENTORY].n; i++) {
        const struct inventory_row *r = row_at(d, T_INVENTORY, i);

        if (r->node_no == row->node_no && r->section == row->section)
            memcpy((char *)s.rows + s.row_count++ * desc->size, r->row, desc->size);
    }
    rc = section_normalise(&s, a, e);
    if (rc == 0 && !digest_eq(s.digest, row->digest))
        rc = err_set(e, -EINVAL, "the rows of section %s of node %u are not those of its digest",
                     section_descs[row->section].name, row->node_no);
    arena_free(a);
    return rc;
}

static bool owned(const struct durable *d, enum table_id id, const void *row)
{
    for (size_t n = 0; n < d->t[T_NODE].n; n++) {
        if (of_node(id, row, ((const struct node_row *)row_at(d, T_NODE, n))->no))
            return true;
    }
    return id == T_KEY && ((const struct key_row *)row)->role != ROLE_NODE;
}

static int check_row(struct durable *d, enum table_id id, const void *row, struct err *e)
{
    int rc = 0;

    if (id == T_RESOURCE)
        return check_resource(d, row, e);
    if (id == T_SIGHTING)
        rc = check_sighting(d, row, e);
    else if (id == T_SECTION)
        rc = check_digest(d, row, e);
    if (rc == 0 && !owned(d, id, row))
        rc = err_set(e, -EINVAL, "a row of table %d is of no node", (int)id);
    return rc;
}

/* A right is of a node and a resource that are there; of live leases a resource has one, of holds
 * one, and no hold beside a lease or residue. */
static int check_lease(const struct durable *d, size_t at, struct err *e)
{
    const struct lease_row *r = row_at(d, T_LEASE, at);
    struct node_row n = { .no = r->node_no };
    struct resource_row of = { .no = r->resource_no };

    if (row_find(d, T_NODE, &n) == NULL || row_find(d, T_RESOURCE, &of) == NULL)
        return err_set(e, -EINVAL, "the right %" PRIu64 " leads to no node or resource", r->token);
    if (r->token > d->meta.token)
        return err_set(e, -EINVAL, "the right %" PRIu64 " has a token that is not used yet",
                       r->token);
    for (size_t i = 0; i < at; i++) {
        const struct lease_row *o = row_at(d, T_LEASE, i);

        if (o->resource_no == r->resource_no && o->node_no != r->node_no &&
            o->state != LEASE_RESIDUE && r->state != LEASE_RESIDUE)
            return err_set(e, -EINVAL, "the rights %" PRIu64 " and %" PRIu64 " exclude each other",
                           o->token, r->token);
    }
    return 0;
}

/* Each image has a row and a resource, called as its filesystem and its path. */
static int check_images(const struct durable *d, struct err *e)
{
    size_t images = 0;

    for (size_t i = 0; i < d->t[T_IMAGE].n; i++) {
        const struct image_row *x = row_at(d, T_IMAGE, i);
        struct resource_row fs = { .no = x->filesystem_no }, r = { .no = x->resource_no };
        const struct resource_row *in = row_find(d, T_RESOURCE, &fs);
        const struct resource_row *of = row_find(d, T_RESOURCE, &r);
        char name[512];

        if (in == NULL || of == NULL || of->kind != RESOURCE_IMAGE || of->parent_no != in->no)
            return err_set(e, -EINVAL, "image %u leads to no filesystem or resource", r.no);
        snprintf(name, sizeof name, "%s:%s", in->key, x->image->path);
        if (strncmp(name, of->key, sizeof name - 1) != 0)
            return err_set(e, -EINVAL, "the image %s has the key %s", name, of->key);
        snprintf(name, sizeof name, "%s:%s", in->label, x->image->path);
        if (strncmp(name, of->label, sizeof name - 1) != 0)
            return err_set(e, -EINVAL, "the image %s has the label %s", name, of->label);
    }
    for (size_t i = 0; i < d->t[T_RESOURCE].n; i++)
        images += ((const struct resource_row *)row_at(d, T_RESOURCE, i))->kind == RESOURCE_IMAGE;
    return images == d->t[T_IMAGE].n
               ? 0
               : err_set(e, -EINVAL, "%zu images are resources, %zu have rows", images,
                         d->t[T_IMAGE].n);
}

/* What hangs on a resource, a task or a filesystem hangs on one that is there. */
static int check_hanging(const struct durable *d, struct err *e)
{
    for (size_t i = 0; i < d->t[T_SCAN].n; i++) {
        struct resource_row r = { .no = ((struct scan_row *)row_at(d, T_SCAN, i))->resource_no };

        if (row_find(d, T_RESOURCE, &r) == NULL)
            return err_set(e, -EINVAL, "the scan of resource %u is of none", r.no);
    }
    for (size_t i = 0; i < d->t[T_JOB].n; i++) {
        struct task_row t = { .no = ((struct job_row *)row_at(d, T_JOB, i))->task_no };

        if (row_find(d, T_TASK, &t) == NULL)
            return err_set(e, -EINVAL, "a job is of task %u, which is not there", t.no);
    }
    return check_images(d, e);
}

int durable_check(struct durable *d, struct err *e)
{
    int rc = check_hanging(d, e);

    for (size_t i = 0; i < d->t[T_LEASE].n && rc == 0; i++)
        rc = check_lease(d, i, e);

    for (enum table_id id = T_KEY; id <= T_EDGE; id++) {
        for (size_t i = 0; i < d->t[id].n && rc == 0; i++)
            rc = check_row(d, id, row_at(d, id, i), e);
    }
    return rc;
}

int durable_store(struct durable *d, const struct change *changes, struct err *e)
{
    int rc = 0;

    for (const struct change *ch = changes; ch != NULL && rc == 0; ch = ch->next)
        rc = apply(d, ch, e);
    return rc;
}

int durable_apply(struct durable *d, const struct change *changes, struct err *e)
{
    int rc = durable_store(d, changes, e);

    return rc == 0 ? durable_check(d, e) : rc;
}

/* ---- what is there -------------------------------------------------------------------------- */

/* Tasks that run, and their jobs. */
static void running(struct durable *d, struct stored *out)
{
    out->tasks = arena_array(d->a, d->t[T_TASK].n, sizeof *out->tasks);
    out->jobs = arena_array(d->a, d->t[T_JOB].n, sizeof *out->jobs);
    for (size_t i = 0; i < d->t[T_TASK].n; i++) {
        const struct task_row *t = row_at(d, T_TASK, i);

        if (t->ended.v == 0)
            out->tasks[out->task_count++] = *t;
    }
    for (size_t i = 0; i < d->t[T_JOB].n; i++) {
        const struct job_row *j = row_at(d, T_JOB, i);
        struct task_row probe = { .no = j->task_no };
        const struct task_row *t = row_find(d, T_TASK, &probe);

        if (t != NULL && t->ended.v == 0)
            out->jobs[out->job_count++] = *j;
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
            d->t[T_EVENT].n > 0 ? ((const struct event_row *)row_at(d, T_EVENT, 0))->no : 0,
    };
    running(d, out);
}

size_t durable_events(const struct durable *d)
{
    return d->t[T_EVENT].n;
}

const struct event_row *durable_event(const struct durable *d, size_t i)
{
    return row_at(d, T_EVENT, i);
}

size_t durable_count_events(const struct durable *d, const char *kind, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < d->t[T_EVENT].n; i++) {
        const struct event_row *e = row_at(d, T_EVENT, i);

        n += strcmp(e->kind, kind) == 0 && (text == NULL || strstr(e->text, text) != NULL);
    }
    return n;
}

const struct image_row *durable_image_at(const struct durable *d, uint32_t filesystem_no,
                                         const char *path)
{
    for (size_t i = 0; i < d->t[T_IMAGE].n; i++) {
        const struct image_row *x = row_at(d, T_IMAGE, i);

        if (x->filesystem_no == filesystem_no && strcmp(x->image->path, path) == 0)
            return x;
    }
    return NULL;
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
