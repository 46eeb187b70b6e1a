/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FAT12, FAT16, FAT32: Microsoft's fatgen103, and the state bits that Linux keeps in the boot
 * sector (fs/fat/inode.c). Windows keeps its own in the second entry of the table, with the
 * opposite sense; one of both is enough to be dirty. */
#include "collect/parse_superblock.h"

enum {
    SECTOR_BYTES = 11,
    CLUSTER_SECTORS = 13,
    RESERVED_SECTORS = 14,
    TABLES = 16,
    ROOT_ENTRIES = 17,
    SECTORS_16 = 19,
    TABLE_SECTORS_16 = 22,
    SECTORS_32 = 32,
    TABLE_SECTORS_32 = 36, /* FAT32 from here on */
    INFO_SECTOR = 48,      /* where the count of free clusters is */
    STATE_OF_16 = 37,
    STATE_OF_32 = 65,
    BOOT_SECTOR = 512,
    INFO_MAGIC = 484,
    INFO_FREE = 488,
};
enum { BOOT_DIRTY = 1, BOOT_ERROR = 2 };
enum { FAT12_CLUSTERS = 4085 }; /* fewer than */

struct fat {
    uint64_t sector, reserved, clusters;
    bool is_32, is_12;
};

static bool parse_shape(struct bytes head, struct fat *f, struct superblock *out)
{
    uint64_t cluster = bytes_le(head, CLUSTER_SECTORS, 1), sectors = bytes_le(head, SECTORS_16, 2);
    uint64_t table = bytes_le(head, TABLE_SECTORS_16, 2), used;

    f->sector = bytes_le(head, SECTOR_BYTES, 2);
    f->reserved = bytes_le(head, RESERVED_SECTORS, 2);
    f->is_32 = table == 0;
    if (f->is_32)
        table = bytes_le(head, TABLE_SECTORS_32, 4);
    if (sectors == 0)
        sectors = bytes_le(head, SECTORS_32, 4);
    if (f->sector < 512 || f->sector > 4096 || (f->sector & (f->sector - 1)) != 0 || cluster == 0 ||
        (cluster & (cluster - 1)) != 0 || f->reserved == 0)
        return false;
    used = f->reserved + bytes_le(head, TABLES, 1) * table +
           (bytes_le(head, ROOT_ENTRIES, 2) * 32 + f->sector - 1) / f->sector;
    if (used >= sectors)
        return false;
    f->clusters = (sectors - used) / cluster;
    f->is_12 = !f->is_32 && f->clusters < FAT12_CLUSTERS;
    out->block_bytes = bytes_times(cluster, f->sector);
    out->size_bytes = bytes_times(sectors, f->sector);
    return true;
}

/* The bits are set while all is well. FAT12 has none. */
static void table_bits(struct bytes table, const struct fat *f, bool *dirty, bool *error)
{
    size_t width = f->is_32 ? 4 : 2;
    uint64_t entry = bytes_le(table, width, width);

    if (f->is_12 || 2 * width > table.n)
        return;
    *dirty = (entry & (f->is_32 ? UINT64_C(1) << 27 : UINT64_C(1) << 15)) == 0;
    *error = (entry & (f->is_32 ? UINT64_C(1) << 26 : UINT64_C(1) << 14)) == 0;
}

static enum superblock_state state_of(struct bytes boot, struct bytes table, const struct fat *f)
{
    uint64_t state = bytes_le(boot, f->is_32 ? STATE_OF_32 : STATE_OF_16, 1);
    bool dirty = false, error = false;

    table_bits(table, f, &dirty, &error);
    if (error || (state & BOOT_ERROR) != 0)
        return STATE_ERROR;
    return dirty || (state & BOOT_DIRTY) != 0 ? STATE_DIRTY : STATE_CLEAN;
}

uint64_t fat_table_at(struct bytes boot)
{
    struct superblock sb;
    struct fat f;

    return parse_shape(boot, &f, &sb) ? f.reserved * f.sector : 0;
}

enum superblock_state fat_state(struct bytes boot, struct bytes table)
{
    struct superblock sb;
    struct fat f;

    return parse_shape(boot, &f, &sb) ? state_of(boot, table, &f) : STATE_UNTOLD;
}

static struct opt free_of_32(struct bytes head, const struct fat *f, uint64_t cluster_bytes)
{
    size_t at = (size_t)(bytes_le(head, INFO_SECTOR, 2) * f->sector);
    uint64_t clusters = bytes_le(head, at + INFO_FREE, 4);

    if (!f->is_32 || !bytes_have(head, at, "RRaA") || !bytes_have(head, at + INFO_MAGIC, "rrAa") ||
        at + BOOT_SECTOR > head.n || clusters > f->clusters)
        return (struct opt){ .has = false };
    return bytes_times(clusters, cluster_bytes);
}

bool parse_fat(struct bytes head, struct superblock *out)
{
    struct fat f;
    size_t at;

    if (head.n < BOOT_SECTOR || !parse_shape(head, &f, out))
        return false;
    at = (size_t)(f.reserved * f.sector);
    out->state =
        state_of(head, at < head.n ? bytes_part(head, at, head.n - at) : (struct bytes){ 0 }, &f);
    out->free_bytes = free_of_32(head, &f, out->block_bytes.v);
    return true;
}
