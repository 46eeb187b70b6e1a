/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of partitions: the kernel's own of a disk, and kpartx' device-mapper devices on a map. */
#include <stdlib.h>

#include "collect/parse_block_rows.h"

#define SECTOR_BYTES 512

static void set_sectors(struct block_build *b, const char *dir, struct partition *row)
{
    struct opt start = block_number(b, dir, "start"), size = block_number(b, dir, "size");

    if (start.has && start.v <= INT64_MAX / SECTOR_BYTES)
        REC_SET(row, partition, start_bytes, start.v * SECTOR_BYTES);
    if (size.has && size.v <= INT64_MAX / SECTOR_BYTES)
        REC_SET(row, partition, size_bytes, size.v * SECTOR_BYTES);
}

static void set_device(struct block_build *b, const char *name, const char *dir,
                       struct partition *row)
{
    uint64_t devnum;

    ROW_TEXT(row, partition, device, rows_text(&b->r, bytes_of(name)));
    if (dm_devnum(tree_file(b->t, dir, "dev"), &devnum))
        ROW_TEXT(row, partition, devnum, block_devnum_text(b, devnum));
    ROW_BOOL(row, partition, read_only, block_number(b, dir, "ro"));
    REC_SET(row, partition, holders, block_entries(b, dir, "holders"));
}

static struct partition *new_row(struct block_build *b, const struct block_lun *l, uint64_t number,
                                 struct block_rows *out)
{
    struct partition *row = &out->partitions[out->partition_count];
    const char *key = rows_printf(&b->r, "%s-part%llu", l->key, (unsigned long long)number);

    if (key == NULL)
        return NULL;
    for (size_t i = out->partition_count; i-- > 0 && out->partitions[i].container == l->key;) {
        if (out->partitions[i].number == number)
            return &out->partitions[i];
    }
    REC_SET(row, partition, key, key);
    REC_SET(row, partition, container, l->key);
    REC_SET(row, partition, number, number);
    out->partition_count++;
    return row;
}

/* A disk that a map holds has partitions that nobody can open: only where they lie is told. */
static void kernel_rows(struct block_build *b, const struct block_lun *l, const char *disk,
                        bool usable, struct block_rows *out)
{
    struct tree inner = tree_children(b->t, disk);

    for (size_t i = 0; i < inner.n; i++) {
        const char *dir = rows_printf(&b->r, "%s/%s", disk, inner.v[i].name);
        struct opt number = block_number(b, dir, "partition");
        struct partition *row = NULL;

        if (inner.v[i].kind == TREE_DIR && number.has && number.v <= INT32_MAX)
            row = new_row(b, l, number.v, out);
        if (row == NULL)
            continue;
        set_sectors(b, dir, row);
        if (usable)
            set_device(b, inner.v[i].name, dir, row);
    }
}

/* "part3-mpath-36001405..." is partition 3 of the map with the rest as its UUID. */
static bool part_of(const struct dm_map *map, const struct dm_map *whole, uint64_t *number)
{
    const char *dash;
    struct opt n;

    if (map->uuid == NULL || whole->uuid == NULL || strncmp(map->uuid, "part", 4) != 0)
        return false;
    dash = strchr(map->uuid, '-');
    if (dash == NULL || strcmp(dash + 1, whole->uuid) != 0)
        return false;
    n = bytes_number(
        (struct bytes){ (const uint8_t *)map->uuid + 4, (size_t)(dash - map->uuid - 4) }, 10);
    *number = n.v;
    return n.has && n.v <= INT32_MAX;
}

static void kpartx_rows(struct block_build *b, const struct block_lun *l,
                        const struct dm_map *const *parts, size_t n, struct block_rows *out)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = rows_printf(&b->r, "dm-%u", (unsigned)(parts[i]->devnum & UINT32_MAX));
        const char *dir = name == NULL ? NULL : tree_link(b->t, "/sys/block", name);
        struct partition *row = NULL;
        uint64_t number;

        if (name != NULL && part_of(parts[i], l->map, &number))
            row = new_row(b, l, number, out);
        if (row == NULL || REC_HAS(row, partition, device))
            continue;
        if (dir != NULL) {
            set_sectors(b, dir, row);
            set_device(b, name, dir, row);
        } else {
            ROW_TEXT(row, partition, device, name);
        }
        ROW_TEXT(row, partition, devnum, block_devnum_text(b, parts[i]->devnum));
        if (parts[i]->linear_start.has && parts[i]->linear_start.v <= INT64_MAX / SECTOR_BYTES)
            REC_SET(row, partition, start_bytes, parts[i]->linear_start.v * SECTOR_BYTES);
    }
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct partition *)a)->key, ((const struct partition *)b)->key);
}

static size_t room_for_rows(struct block_build *b)
{
    size_t n = b->map_count;

    for (size_t i = 0; i < b->lun_count; i++) {
        const struct block_lun *l = &b->luns[i];

        if (l->dir != NULL)
            n += tree_children(b->t, l->dir).n;
        if (l->map != NULL && l->path_count > 0)
            n += tree_children(b->t, l->paths[0]->dir).n;
    }
    return n;
}

void block_partition_rows(struct block_build *b, struct block_rows *out)
{
    const struct dm_map **parts = rows_array(&b->r, b->map_count, sizeof *parts);
    size_t n = 0;

    out->partitions = rows_array(&b->r, room_for_rows(b) + 1, sizeof *out->partitions);
    if (parts == NULL || out->partitions == NULL)
        return;
    for (size_t i = 0; i < b->map_count; i++) {
        if (b->maps[i].uuid != NULL && strncmp(b->maps[i].uuid, "part", 4) == 0)
            parts[n++] = &b->maps[i];
    }
    for (size_t i = 0; i < b->lun_count; i++) {
        const struct block_lun *l = &b->luns[i];

        if (l->map != NULL && l->path_count > 0)
            kernel_rows(b, l, l->paths[0]->dir, false, out);
        else if (l->map == NULL && l->dir != NULL)
            kernel_rows(b, l, l->dir, true, out);
        if (l->map != NULL)
            kpartx_rows(b, l, parts, n, out);
    }
    if (out->partition_count > 1)
        qsort(out->partitions, out->partition_count, sizeof *out->partitions, compare_rows);
}
