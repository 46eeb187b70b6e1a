/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_container.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

/* LVM's UUIDs have 32 characters, which it writes in groups (lib/uuid/uuid.c). Device-mapper's are
 * "LVM-", those of VG and LV, and "-LAYER" for what is inside of an LV. */
enum { LVM_ID = 32, LVM_PREFIX = 4, DEPTH_MAX = 16 };

/* `holder` lies on containers[below]. */
struct edge {
    const char *holder;
    size_t below;
};

struct finder {
    struct rows r;
    const struct tree *t;
    struct block_container *v;
    size_t n;
    struct edge *edges; /* sorted by holder */
    size_t edge_count;
};

const char *container_path(struct rows *r, const char *device)
{
    const char *path = rows_printf(r, "/dev/%s", device);

    if (path == NULL)
        return NULL;
    for (char *p = (char *)(uintptr_t)path; *p != '\0'; p++)
        *p = *p == '!' ? '/' : *p;
    return path;
}

static void add_luns(struct finder *f, const struct block_rows *rows)
{
    for (size_t i = 0; i < rows->lun_count; i++) {
        const struct lun *l = &rows->luns[i];
        struct block_container *c = &f->v[f->n];

        if (l->device == NULL || l->devnum == NULL || !dm_devnum(bytes_of(l->devnum), &c->devnum))
            continue;
        c->container = c->lun = l->key;
        c->device = l->device;
        c->holders = l->holders;
        c->paths_active = (struct opt){ true, l->paths_active };
        c->paths_total = (struct opt){ true, l->paths_total };
        c->readable = l->paths_active > 0 && !l->map_suspended &&
                      (l->state == NULL || strcmp(l->state, "ghost") != 0);
        f->n++;
    }
}

static const struct block_container *find(const struct finder *f, const char *container)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i].container != NULL && strcmp(f->v[i].container, container) == 0)
            return &f->v[i];
    }
    return NULL;
}

/* The rows are sorted by key, so that partitions of one LUN mostly stand together. */
static void add_partitions(struct finder *f, const struct block_rows *rows)
{
    const struct block_container *lun = NULL;

    for (size_t i = 0; i < rows->partition_count; i++) {
        const struct partition *p = &rows->partitions[i];
        struct block_container *c = &f->v[f->n];

        if (p->device == NULL || p->devnum == NULL || !dm_devnum(bytes_of(p->devnum), &c->devnum))
            continue;
        if (lun == NULL || strcmp(lun->container, p->container) != 0)
            lun = find(f, p->container);
        c->container = p->key;
        c->device = p->device;
        c->holders = p->holders;
        c->lun = p->container;
        c->number = p->number;
        if (lun != NULL) {
            c->paths_active = lun->paths_active;
            c->paths_total = lun->paths_total;
            c->readable = lun->readable;
        }
        f->n++;
    }
}

/* ---- virtual devices --------------------------------------------------------------------------
 */

static bool is_known(const struct finder *f, uint64_t devnum)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i].devnum == devnum)
            return true;
    }
    return false;
}

static struct strs holders_of(struct finder *f, const char *dir)
{
    const char *folder = dir == NULL ? NULL : rows_printf(&f->r, "%s/holders", dir);
    struct tree all = folder == NULL ? (struct tree){ NULL, 0 } : tree_children(f->t, folder);
    size_t n = all.n < LIMIT_STRINGS ? all.n : LIMIT_STRINGS;
    const char **v = rows_array(&f->r, n, sizeof *v);

    for (size_t i = 0; i < n && v != NULL; i++)
        v[i] = all.v[i].name;
    return v == NULL ? (struct strs){ NULL, 0 } : rows_strs(v, n);
}

static bool is_lvm(struct bytes uuid)
{
    return uuid.n >= LVM_PREFIX + 2 * LVM_ID && memcmp(uuid.p, "LVM-", LVM_PREFIX) == 0;
}

static const char *lv_container(struct finder *f, struct bytes uuid)
{
    const char *id = (const char *)uuid.p + LVM_PREFIX + LVM_ID;

    return rows_printf(&f->r, "lv.%.6s-%.4s-%.4s-%.4s-%.4s-%.4s-%.6s", id, id + 6, id + 10, id + 14,
                       id + 18, id + 22, id + 26);
}

/* Another LV of the same VG on it: it is a part of that one, and not for itself. */
static bool is_inner(const struct block_input *in, const struct dm_text *map,
                     const struct block_container *c)
{
    for (size_t i = 0; i < c->holders.n; i++) {
        for (size_t k = 0; k < in->map_count; k++) {
            const struct dm_text *other = &in->maps[k];
            char name[32];

            snprintf(name, sizeof name, "dm-%u", other->minor);
            if (strcmp(name, c->holders.v[i]) == 0 && is_lvm(other->uuid) &&
                memcmp(other->uuid.p, map->uuid.p, LVM_PREFIX + LVM_ID) == 0)
                return true;
        }
    }
    return false;
}

static void add_map(struct finder *f, const struct block_input *in, const struct dm_text *map)
{
    uint64_t devnum = DM_DEVNUM(map->major, map->minor);
    struct block_container *c = &f->v[f->n];
    const char *name = rows_text(&f->r, map->name);
    bool lvm = is_lvm(map->uuid);

    if (is_known(f, devnum) || name == NULL)
        return;
    c->device = rows_printf(&f->r, "dm-%u", map->minor);
    c->devnum = devnum;
    c->holders = holders_of(f, c->device == NULL ? NULL : tree_link(f->t, "/sys/block", c->device));
    c->readable = !map->suspended;
    if (lvm && map->uuid.n == LVM_PREFIX + 2 * LVM_ID) {
        c->container = lv_container(f, map->uuid);
        c->readable = c->readable && !is_inner(in, map, c);
    } else {
        c->container = rows_printf(&f->r, "dm.%s", name);
        c->readable = c->readable && !lvm;
    }
    f->n++;
}

static bool starts(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* MD arrays, bcache and DRBD. */
static void add_virtual(struct finder *f, const struct tree_entry *disk)
{
    const char *dir = (const char *)disk->data;
    struct block_container *c = &f->v[f->n];
    bool md = starts(disk->name, "md");

    if (disk->kind != TREE_LINK ||
        !(md || starts(disk->name, "bcache") || starts(disk->name, "drbd")) ||
        !dm_devnum(tree_file(f->t, dir, "dev"), &c->devnum) || is_known(f, c->devnum) ||
        bytes_number(bytes_trim(tree_file(f->t, dir, "size")), 10).v == 0)
        return;
    c->device = disk->name;
    c->container = md ? NULL : rows_printf(&f->r, "local.%s", disk->name);
    c->holders = holders_of(f, dir);
    c->readable = true;
    f->n++;
}

/* ---- what lies below --------------------------------------------------------------------------
 */

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    int order = strcmp(x->holder, y->holder);

    return order != 0 ? order : (x->below > y->below) - (x->below < y->below);
}

static void find_edges(struct finder *f)
{
    size_t room = 0;

    for (size_t i = 0; i < f->n; i++)
        room += f->v[i].holders.n;
    f->edges = rows_array(&f->r, room, sizeof *f->edges);
    for (size_t i = 0; i < f->n && f->edges != NULL; i++) {
        for (size_t k = 0; k < f->v[i].holders.n; k++)
            f->edges[f->edge_count++] = (struct edge){ f->v[i].holders.v[k], i };
    }
    if (f->edge_count > 1)
        qsort(f->edges, f->edge_count, sizeof *f->edges, compare_edges);
}

static size_t first_edge(const struct finder *f, const char *holder)
{
    size_t low = 0, high = f->edge_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(f->edges[middle].holder, holder) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Each device is done once: those below it have their figures before it has its own. A circle,
 * which the kernel does not make, ends at the depth. */
static void find_paths(struct finder *f, struct block_container *c, unsigned depth)
{
    if (c->paths_total.has || c->lun != NULL || depth == DEPTH_MAX)
        return;
    for (size_t i = first_edge(f, c->device);
         i < f->edge_count && strcmp(f->edges[i].holder, c->device) == 0; i++) {
        struct block_container *below = &f->v[f->edges[i].below];

        find_paths(f, below, depth + 1);
        if (!below->paths_total.has ||
            (c->paths_total.has && below->paths_active.v >= c->paths_active.v))
            continue;
        c->paths_active = below->paths_active;
        c->paths_total = below->paths_total;
    }
}

int parse_containers(const struct block_input *in, const struct block_rows *rows, struct arena *a,
                     struct block_container **out, size_t *n, struct err *e)
{
    struct finder f = { .r = { .a = a }, .t = &in->tree };
    struct tree disks = tree_children(&in->tree, "/sys/block");

    f.v = rows_array(&f.r, rows->lun_count + rows->partition_count + in->map_count + disks.n + 1,
                     sizeof *f.v);
    if (f.v == NULL)
        return err_set(e, -ENOMEM, "out of memory while listing what holds data");
    add_luns(&f, rows);
    add_partitions(&f, rows);
    for (size_t i = 0; i < in->map_count; i++)
        add_map(&f, in, &in->maps[i]);
    for (size_t i = 0; i < disks.n; i++)
        add_virtual(&f, &disks.v[i]);
    find_edges(&f);
    for (size_t i = 0; i < f.n; i++) {
        find_paths(&f, &f.v[i], 0);
        /* Without a path below, a read would wait for one. */
        if (f.v[i].paths_total.has && f.v[i].paths_active.v == 0)
            f.v[i].readable = false;
    }
    *out = f.v;
    *n = f.n;
    return f.r.failed ? err_set(e, -ENOMEM, "out of memory while listing what holds data") : 0;
}
