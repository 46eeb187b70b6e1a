/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables: rows in the order of their keys. */
#include <assert.h>
#include <stdlib.h>

#include "durable_internal.h"

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

static int vg_change_order(const void *x, const void *y)
{
    const struct vg_change_row *a = x, *b = y;

    return order_3(a->task_no, 0, "", b->task_no, 0, "");
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
    [T_VG_CHANGE] = { sizeof(struct vg_change_row), vg_change_order },
    [T_SCAN] = { sizeof(struct scan_row), scan_order },
    [T_REACH] = { sizeof(struct reach_row), reach_order },
    [T_IMAGE] = { sizeof(struct image_row), image_order },
};

size_t durable_row_size(enum table_id id)
{
    return tables[id].size;
}

void *durable_row(const struct durable *d, enum table_id id, size_t i)
{
    return d->t[id].rows + i * durable_row_size(id);
}

static size_t place_of(const struct durable *d, enum table_id id, const void *row, bool *found)
{
    size_t low = 0, high = d->t[id].n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (tables[id].order(durable_row(d, id, mid), row) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *found = low < d->t[id].n && tables[id].order(durable_row(d, id, low), row) == 0;
    return low;
}

size_t durable_from(const struct durable *d, enum table_id id, const void *row)
{
    bool found;

    return place_of(d, id, row, &found);
}

const void *durable_find(const struct durable *d, enum table_id id, const void *row)
{
    bool found;
    size_t at = place_of(d, id, row, &found);

    return found ? durable_row(d, id, at) : NULL;
}

void durable_put(struct durable *d, enum table_id id, const void *row)
{
    struct table *t = &d->t[id];
    size_t size = durable_row_size(id), at;
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

void durable_drop_at(struct durable *d, enum table_id id, size_t at)
{
    struct table *t = &d->t[id];
    size_t size = durable_row_size(id);

    memmove(t->rows + at * size, t->rows + (at + 1) * size, (t->n - at - 1) * size);
    t->n--;
}

bool durable_drop(struct durable *d, enum table_id id, const void *row)
{
    bool found;
    size_t at = place_of(d, id, row, &found);

    if (found)
        durable_drop_at(d, id, at);
    return found;
}
