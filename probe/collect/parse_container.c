/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_container.h"

#include <errno.h>
#include <stdlib.h>

#include "collect/parse_container_rows.h"

#define SECTOR_BYTES 512

static int compare_name(const void *key, const void *c)
{
    return strcmp(key, ((const struct block_container *)c)->container);
}

struct block_container *container_by_name(struct block_container *v, size_t n, const char *name)
{
    return n == 0 ? NULL : bsearch(name, v, n, sizeof *v, compare_name);
}

static int compare_devices(const void *a, const void *b)
{
    const struct block_container *x = *(struct block_container *const *)a;
    const struct block_container *y = *(struct block_container *const *)b;

    return strcmp(x->device, y->device);
}

static int compare_containers(const void *a, const void *b)
{
    const struct block_container *x = a, *y = b;
    int c = strcmp(x->container, y->container);

    return c != 0                                   ? c
           : x->device == NULL || y->device == NULL ? (x->device != NULL) - (y->device != NULL)
                                                    : strcmp(x->device, y->device);
}

/* ---- LUNs and partitions: their rows say it all --------------------------------------------- */

static bool is_memory(const char *device)
{
    return strncmp(device, "zram", 4) == 0 || strncmp(device, "ram", 3) == 0;
}

static void add_lun(struct container_build *b, const struct lun *row)
{
    struct block_container *c = &b->v[b->n++];

    *c = (struct block_container){ .kind = CONTAINER_LUN, .container = row->key, .lun = row->key };
    c->device = REC_HAS(row, lun, device) ? row->device : NULL;
    if (REC_HAS(row, lun, devnum))
        dm_devnum(bytes_of(row->devnum), &c->devnum);
    c->size_bytes = (struct opt){ REC_HAS(row, lun, size_bytes), row->size_bytes };
    c->holders = row->holders;
    c->paths_active = (struct opt){ true, row->paths_active };
    c->paths_total = (struct opt){ true, row->paths_total };
    c->suspended = row->map_suspended;
    c->top = c->device != NULL && !is_memory(c->device) && strcmp(row->state, "ghost") != 0;
}

static void add_partition(struct container_build *b, const struct partition *row, bool readable)
{
    struct block_container *c = &b->v[b->n++];

    *c = (struct block_container){ .kind = CONTAINER_PARTITION,
                                   .container = row->key,
                                   .lun = row->container };
    c->device = REC_HAS(row, partition, device) ? row->device : NULL;
    if (REC_HAS(row, partition, devnum))
        dm_devnum(bytes_of(row->devnum), &c->devnum);
    c->size_bytes = (struct opt){ REC_HAS(row, partition, size_bytes), row->size_bytes };
    c->holders = row->holders;
    c->start_bytes = (struct opt){ REC_HAS(row, partition, start_bytes), row->start_bytes };
    c->top = readable && (c->device != NULL || (c->start_bytes.has && c->size_bytes.has));
}

static int compare_lun_key(const void *key, const void *row)
{
    return strcmp(key, ((const struct lun *)row)->key);
}

static const struct lun *lun_of(const struct block_rows *rows, const char *key)
{
    return rows->lun_count == 0
               ? NULL
               : bsearch(key, rows->luns, rows->lun_count, sizeof *rows->luns, compare_lun_key);
}

static void add_rows(struct container_build *b, const struct block_rows *rows)
{
    for (size_t i = 0; i < rows->lun_count; i++)
        add_lun(b, &rows->luns[i]);
    for (size_t i = 0; i < rows->partition_count; i++) {
        const struct partition *row = &rows->partitions[i];
        const struct lun *lun = lun_of(rows, row->container);
        bool known = lun != NULL;

        add_partition(b, row,
                      known && strcmp(lun->state, "ghost") != 0 &&
                          (!REC_HAS(lun, lun, device) || !is_memory(lun->device)));
        if (!known)
            continue;
        b->v[b->n - 1].paths_active = (struct opt){ true, lun->paths_active };
        b->v[b->n - 1].paths_total = (struct opt){ true, lun->paths_total };
    }
}

/* ---- what is on top of them ------------------------------------------------------------------ */

/* Devices of a kind that has no rows of its own, and of which none is a LUN's or a partition's. */
static void add_devices(struct container_build *b)
{
    struct tree all = tree_children(b->t, "/sys/block");

    for (size_t i = 0; i < all.n && !b->r.failed; i++) {
        const char *name = all.v[i].name;
        struct block_container c = { .device = name };
        struct opt sectors;

        if (all.v[i].kind != TREE_LINK || container_has_device(b, name))
            continue;
        b->dir = (const char *)all.v[i].data;
        if (!container_identify(b, name, &c))
            continue;
        sectors = bytes_number(tree_file(b->t, b->dir, "size"), 10);
        if (sectors.has && sectors.v <= INT64_MAX / SECTOR_BYTES)
            c.size_bytes = (struct opt){ true, sectors.v * SECTOR_BYTES };
        dm_devnum(tree_file(b->t, b->dir, "dev"), &c.devnum);
        c.holders = container_holders(b);
        c.top &= c.size_bytes.has && c.size_bytes.v > 0;
        b->v[b->n++] = c;
    }
}

/* Maps that sysfs has not told of. */
static void add_maps(struct container_build *b)
{
    for (size_t i = 0; i < b->map_count && !b->r.failed; i++) {
        uint64_t devnum = b->maps[i].devnum;
        const char *name = rows_printf(&b->r, "dm-%u", (unsigned)(devnum & UINT32_MAX));
        struct block_container c = { .device = name };

        if (name == NULL || container_has_device(b, name) ||
            tree_link(b->t, "/sys/block", name) != NULL)
            continue;
        b->dir = NULL;
        if (!container_identify(b, name, &c))
            continue;
        c.devnum = devnum;
        c.top = false;
        b->v[b->n++] = c;
    }
}

/* ---- paths ------------------------------------------------------------------------------------
 */

/* Fewest active paths first, then most in all. */
static int compare_paths(const void *a, const void *b)
{
    const struct block_container *x = *(struct block_container *const *)a;
    const struct block_container *y = *(struct block_container *const *)b;

    if (x->paths_active.v != y->paths_active.v)
        return (x->paths_active.v > y->paths_active.v) - (x->paths_active.v < y->paths_active.v);
    return (x->paths_total.v < y->paths_total.v) - (x->paths_total.v > y->paths_total.v);
}

static struct block_container *by_device(struct block_container **sorted, size_t n,
                                         const char *device)
{
    struct block_container key = { .device = device }, *at = &key, **found;

    found = n == 0 ? NULL : bsearch(&at, sorted, n, sizeof *sorted, compare_devices);
    return found == NULL ? NULL : *found;
}

/* What is on a container has its paths, unless it has some already: those with the fewest come
 * first, so that each is visited once. */
static void spread(struct block_container **sorted, size_t n, struct block_container *from,
                   struct block_container **waiting)
{
    size_t k = 0;

    waiting[k++] = from;
    while (k > 0) {
        const struct block_container *c = waiting[--k];

        for (size_t i = 0; i < c->holders.n; i++) {
            struct block_container *above = by_device(sorted, n, c->holders.v[i]);

            if (above == NULL || above->paths_active.has)
                continue;
            above->paths_active = c->paths_active;
            above->paths_total = c->paths_total;
            waiting[k++] = above;
        }
    }
}

static void spread_paths(struct container_build *b)
{
    struct block_container **sorted = rows_array(&b->r, b->n, sizeof(void *));
    struct block_container **seeds = rows_array(&b->r, b->n, sizeof(void *));
    struct block_container **waiting = rows_array(&b->r, b->n + 1, sizeof(void *));
    size_t devices = 0, n = 0;

    if (b->r.failed)
        return;
    for (size_t i = 0; i < b->n; i++) {
        if (b->v[i].device != NULL)
            sorted[devices++] = &b->v[i];
        if (b->v[i].paths_active.has)
            seeds[n++] = &b->v[i];
    }
    if (devices > 1)
        qsort(sorted, devices, sizeof *sorted, compare_devices);
    if (n > 1)
        qsort(seeds, n, sizeof *seeds, compare_paths);
    for (size_t i = 0; i < n; i++)
        spread(sorted, devices, seeds[i], waiting);
}

/* Two arrays can have one UUID, as clones have. */
void containers_sort(struct rows *r, struct block_container *v, size_t n)
{
    bool again = false;

    if (n > 1)
        qsort(v, n, sizeof *v, compare_containers);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(v[i].container, v[i - 1].container) != 0 || v[i].device == NULL)
            continue;
        v[i].container = rows_printf(r, "local.%s", v[i].device);
        again = true;
        if (v[i].container == NULL)
            return;
    }
    if (again)
        qsort(v, n, sizeof *v, compare_containers);
}

static void read_maps(struct container_build *b)
{
    const struct block_input *in = b->in;

    b->maps = rows_array(&b->r, in->map_count, sizeof *b->maps);
    for (size_t i = 0; i < in->map_count && !b->r.failed; i++)
        parse_dm(&b->r, &in->maps[i], &b->maps[i]);
    b->map_count = in->map_count;
}

int parse_containers(const struct block_input *in, const struct block_rows *rows, struct arena *a,
                     struct block_container **out, size_t *n, struct err *e)
{
    struct container_build b = { .r = { .a = a }, .in = in, .t = &in->tree };
    size_t room = rows->lun_count + rows->partition_count + in->map_count +
                  tree_children(&in->tree, "/sys/block").n;

    b.v = rows_array(&b.r, room, sizeof *b.v);
    read_maps(&b);
    if (!b.r.failed)
        add_rows(&b, rows);
    if (!b.r.failed)
        container_index(&b);
    if (!b.r.failed)
        add_devices(&b);
    if (!b.r.failed)
        add_maps(&b);
    if (!b.r.failed)
        spread_paths(&b);
    if (!b.r.failed)
        containers_sort(&b.r, b.v, b.n);
    *out = b.v;
    *n = b.r.failed ? 0 : b.n;
    return b.r.failed ? err_set(e, -ENOMEM, "out of memory while finding what holds data") : 0;
}
