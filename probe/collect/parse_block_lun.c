/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths and maps become LUNs. */
#include <stdlib.h>

#include "collect/parse_block_rows.h"

static int compare_maps(const void *a, const void *b)
{
    uint64_t x = ((const struct dm_map *)a)->devnum, y = ((const struct dm_map *)b)->devnum;

    return (x > y) - (x < y);
}

static int compare_in_map(const void *a, const void *b)
{
    uint64_t x = (*(struct block_path *const *)a)->devnum.v;
    uint64_t y = (*(struct block_path *const *)b)->devnum.v;

    return (x > y) - (x < y);
}

static struct block_path *by_devnum(struct block_path **sorted, size_t n, uint64_t devnum)
{
    struct block_path key = { .devnum = { true, devnum } }, *at = &key, **found;

    found = n == 0 ? NULL : bsearch(&at, sorted, n, sizeof *sorted, compare_in_map);
    return found == NULL ? NULL : *found;
}

/* Says to each path which multipath map uses it. The kernel gives a path to one map at a time. */
static void join_maps(struct block_build *b)
{
    struct block_path **sorted = rows_array(&b->r, b->path_count, sizeof *sorted);
    size_t n = 0;

    if (b->map_count > 1)
        qsort(b->maps, b->map_count, sizeof *b->maps, compare_maps);
    for (size_t i = 0; i < b->path_count && sorted != NULL; i++) {
        if (b->paths[i].devnum.has)
            sorted[n++] = &b->paths[i];
    }
    if (n > 1)
        qsort(sorted, n, sizeof *sorted, compare_in_map);
    for (size_t i = 0; i < b->map_count && n > 0; i++) {
        for (size_t k = 0; k < b->maps[i].path_count; k++) {
            struct block_path *p = by_devnum(sorted, n, b->maps[i].paths[k].devnum);

            if (p == NULL || p->map != NULL)
                continue;
            p->map = &b->maps[i];
            p->in_map = &b->maps[i].paths[k];
        }
    }
}

/* A path that says nothing of itself, of a map that is understood, is believed to be the map's;
 * another is known on this node alone. */
static void name_the_nameless(struct block_build *b)
{
    for (size_t i = 0; i < b->path_count; i++) {
        struct block_path *p = &b->paths[i];
        const char *map_wwid = p->map == NULL ? NULL : block_map_wwid(b, p->map);

        if (p->key != NULL)
            continue;
        p->identified_by = "none";
        if (map_wwid != NULL)
            p->key = map_wwid;
        else if (p->map != NULL)
            p->key = rows_printf(&b->r, "local.dm-%u", (unsigned)(p->map->devnum & UINT32_MAX));
        else
            p->key = rows_printf(&b->r, "local.%s", p->name);
    }
}

static int compare_keys(const void *a, const void *b)
{
    const struct block_path *x = *(struct block_path *const *)a;
    const struct block_path *y = *(struct block_path *const *)b;
    int c = strcmp(x->key, y->key);

    return c != 0 ? c : block_compare_names(x->name, y->name);
}

static void group_paths(struct block_build *b, struct block_path **sorted)
{
    for (size_t i = 0; i < b->path_count; i++)
        sorted[i] = &b->paths[i];
    if (b->path_count > 1)
        qsort(sorted, b->path_count, sizeof *sorted, compare_keys);
    for (size_t i = 0; i < b->path_count; i++) {
        struct block_lun *l = &b->luns[b->lun_count];

        if (b->lun_count > 0 && strcmp(l[-1].key, sorted[i]->key) == 0) {
            l--;
        } else {
            *l = (struct block_lun){ .key = sorted[i]->key, .paths = &sorted[i] };
            b->lun_count++;
        }
        l->path_count++;
        sorted[i]->lun = l;
    }
}

static int compare_lun(const void *a, const void *b)
{
    return strcmp(((const struct block_lun *)a)->key, ((const struct block_lun *)b)->key);
}

/* Of the first `sorted` LUNs, or of those that were added after them. */
static struct block_lun *lun_by_key(struct block_build *b, size_t sorted, const char *key)
{
    struct block_lun wanted = { .key = key }, *found = NULL;

    if (sorted > 0)
        found = bsearch(&wanted, b->luns, sorted, sizeof *b->luns, compare_lun);
    for (size_t i = sorted; i < b->lun_count && found == NULL; i++) {
        if (strcmp(b->luns[i].key, key) == 0)
            found = &b->luns[i];
    }
    return found;
}

static struct block_lun *lun_of_designator(struct block_build *b, const struct dm_map *map,
                                           const char *wwid)
{
    for (size_t i = 0; i < b->path_count && wwid != NULL; i++) {
        if (b->paths[i].map == map && block_path_fits(&b->paths[i], wwid))
            return b->paths[i].lun;
    }
    return NULL;
}

static struct block_lun *lun_of_first_path(struct block_build *b, const struct dm_map *map)
{
    for (size_t i = 0; i < b->path_count; i++) {
        if (b->paths[i].map == map)
            return b->paths[i].lun;
    }
    return NULL;
}

/* Gives each multipath map to its LUN: the one that its UUID names; else, when that is not
 * understood, its first path's. One whose paths are all gone keeps a LUN of its own. */
static void give_maps(struct block_build *b)
{
    size_t with_paths = b->lun_count;

    for (size_t i = 0; i < b->map_count; i++) {
        const struct dm_map *map = &b->maps[i];
        struct block_lun *l;
        const char *wwid;

        if (!map->multipath)
            continue;
        wwid = block_map_wwid(b, map);
        l = lun_of_designator(b, map, wwid);
        if (l == NULL && wwid != NULL)
            l = lun_by_key(b, with_paths, wwid);
        if (l == NULL && wwid == NULL)
            l = lun_of_first_path(b, map);
        if (l == NULL && wwid != NULL) {
            l = &b->luns[b->lun_count++];
            l->key = wwid;
        }
        if (l != NULL && l->map == NULL)
            l->map = map;
    }
}

/* "nvme0c1n2" of native multipath belongs to "nvme0n2" (kernel: nvme_mpath_set_disk_name()). */
static const char *head_of(struct block_build *b, const struct block_path *p)
{
    const char *c = strchr(p->name + strlen("nvme"), 'c'), *n = c == NULL ? NULL : strchr(c, 'n');
    const char *head = NULL;

    if (p->hidden && n != NULL)
        head = rows_printf(&b->r, "%.*s%s", (int)(c - p->name), p->name, n);
    return head != NULL && tree_link(b->t, "/sys/block", head) != NULL ? head : NULL;
}

/* The head of a native NVMe multipath device stays for as long as somebody has it open, its paths
 * do not. */
static void give_heads(struct block_build *b, struct tree all, size_t sorted)
{
    for (size_t i = 0; i < all.n; i++) {
        const char *dir = (const char *)all.v[i].data;
        struct designators d = { .n = 0 };
        struct block_lun *l;

        if (all.v[i].kind != TREE_LINK || strstr(dir, "/nvme-subsystem/") == NULL)
            continue;
        designator_add(&b->r, &d, tree_file(b->t, dir, "wwid"));
        if (d.n == 0 || d.v[0].kind == DESIGNATOR_OTHER)
            continue;
        l = lun_by_key(b, sorted, d.v[0].text);
        if (l == NULL) {
            l = &b->luns[b->lun_count++];
            l->key = d.v[0].text;
        }
        if (l->path_count == 0 && l->map == NULL)
            l->head = rows_text(&b->r, bytes_of(all.v[i].name));
    }
}

static const char *dm_name(struct block_build *b, const struct dm_map *map)
{
    return rows_printf(&b->r, "dm-%u", (unsigned)(map->devnum & UINT32_MAX));
}

static void choose_device(struct block_build *b, struct block_lun *l)
{
    const struct block_path *best = NULL;

    for (size_t i = 0; i < l->path_count; i++) {
        if (l->head == NULL)
            l->head = head_of(b, l->paths[i]);
        if (!l->paths[i]->hidden &&
            (best == NULL || (l->paths[i]->row.active && !best->row.active)))
            best = l->paths[i];
    }
    if (l->map != NULL)
        l->device = dm_name(b, l->map);
    else if (l->head != NULL)
        l->device = l->head;
    else
        l->device = best == NULL ? NULL : best->name;
    l->dir = l->device == NULL ? NULL : tree_link(b->t, "/sys/block", l->device);
}

void block_find_luns(struct block_build *b)
{
    struct block_path **sorted = rows_array(&b->r, b->path_count, sizeof *sorted);
    struct tree all = tree_children(b->t, "/sys/block");
    size_t with_paths;

    b->luns = rows_array(&b->r, b->path_count + b->map_count + all.n, sizeof *b->luns);
    for (size_t i = 0; i < b->path_count; i++)
        block_identify(b, &b->paths[i]);
    join_maps(b);
    name_the_nameless(b);
    if (b->r.failed)
        return;
    group_paths(b, sorted);
    with_paths = b->lun_count;
    give_maps(b);
    give_heads(b, all, with_paths);
    if (b->lun_count > 1)
        qsort(b->luns, b->lun_count, sizeof *b->luns, compare_lun);
    for (size_t i = 0; i < b->lun_count; i++) {
        for (size_t k = 0; k < b->luns[i].path_count; k++)
            b->luns[i].paths[k]->lun = &b->luns[i];
    }
    for (size_t i = 0; i < b->path_count; i++)
        block_path_row(b, &b->paths[i]);
    for (size_t i = 0; i < b->lun_count; i++) {
        block_find_ghost(b, &b->luns[i]);
        choose_device(b, &b->luns[i]);
    }
}
