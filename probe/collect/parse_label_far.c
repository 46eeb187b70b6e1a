/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libblkid looks at beyond the head and the tail of a container. */
#include "collect/parse_label.h"

/* Boot sectors: Microsoft's fatgen103, its exFAT specification, and ntfs-3g's layout.h. */
enum {
    NAME = 3,
    SECTOR = 11,
    CLUSTER = 13,
    FAT_RESERVED = 14,
    FAT_TABLES = 16,
    FAT_TABLE_16 = 22,
    FAT_TABLE_32 = 36,
    FAT_ROOT_32 = 44,
    NTFS_MFT = 48,
    EXFAT_HEAP = 88,
    EXFAT_ROOT = 96,
    EXFAT_SECTOR_LOG = 108,
    EXFAT_CLUSTER_LOG = 109,
};

struct opt label_extended_start(struct bytes sector)
{
    enum { ENTRIES = 446, ENTRY_BYTES = 16, TYPE = 4, START = 8, SIGNATURE = 510 };

    if (bytes_le(sector, SIGNATURE, 2) != 0xaa55)
        return (struct opt){ .has = false };
    for (size_t at = ENTRIES; at < SIGNATURE; at += ENTRY_BYTES) {
        uint64_t type = bytes_le(sector, at + TYPE, 1), start = bytes_le(sector, at + START, 4);

        if ((type == 0x05 || type == 0x0f || type == 0x85) && start > 0)
            return (struct opt){ true, start };
    }
    return (struct opt){ .has = false };
}

static bool is_power_of_2(uint64_t v, uint64_t least, uint64_t most)
{
    return v >= least && v <= most && (v & (v - 1)) == 0;
}

static struct opt exfat_root(struct bytes b)
{
    uint64_t sector = bytes_le(b, EXFAT_SECTOR_LOG, 1), cluster = bytes_le(b, EXFAT_CLUSTER_LOG, 1);
    uint64_t root = bytes_le(b, EXFAT_ROOT, 4), heap = bytes_le(b, EXFAT_HEAP, 4);

    if (sector < 9 || sector > 12 || sector + cluster > 25 || root < 2)
        return (struct opt){ .has = false };
    return (struct opt){ true, (heap + ((root - 2) << cluster)) << sector };
}

static struct opt fat_root(struct bytes b)
{
    uint64_t sector = bytes_le(b, SECTOR, 2), cluster = bytes_le(b, CLUSTER, 1);
    uint64_t table = bytes_le(b, FAT_TABLE_16, 2), root = 2;

    if (table == 0) {
        table = bytes_le(b, FAT_TABLE_32, 4);
        root = bytes_le(b, FAT_ROOT_32, 4);
    }
    if (!is_power_of_2(sector, 512, 4096) || !is_power_of_2(cluster, 1, 128) || table == 0 ||
        root < 2)
        return (struct opt){ .has = false };
    return (struct opt){ true, (bytes_le(b, FAT_RESERVED, 2) + bytes_le(b, FAT_TABLES, 1) * table +
                                (root - 2) * cluster) *
                                   sector };
}

/* Over 128 the sectors of a cluster are a power of two. */
static struct opt ntfs_table(struct bytes b)
{
    uint64_t sector = bytes_le(b, SECTOR, 2), cluster = bytes_le(b, CLUSTER, 1);

    if (cluster > 240)
        cluster = UINT64_C(1) << (256 - cluster);
    if (!is_power_of_2(sector, 256, 4096) || !is_power_of_2(cluster, 1, 1 << 15))
        return (struct opt){ .has = false };
    return bytes_times(bytes_le(b, NTFS_MFT, 8), cluster * sector);
}

struct opt label_far_start(struct bytes sector)
{
    if (bytes_have(sector, NAME, "NTFS    "))
        return ntfs_table(sector);
    if (bytes_have(sector, NAME, "EXFAT   "))
        return exfat_root(sector);
    return fat_root(sector);
}

/* ECMA-167, 2/9.1: a sequence of volume structure descriptors from 32 KiB on, one for each sector.
 * An HFS volume (Inside Macintosh: Files, 2-60) may have HFS Plus in it. */
bool label_asks_for_more(struct bytes begin)
{
    enum { DESCRIPTORS = 32 << 10, STEP = 2048, HFS = 1024 };
    static const char *const ids[] = { "BEA01", "NSR02", "NSR03", "CD001", "BOOT2", "TEA01" };

    for (size_t at = DESCRIPTORS; at < begin.n; at += STEP) {
        for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
            if (bytes_have(begin, at + 1, ids[i]))
                return true;
        }
    }
    return bytes_have(begin, HFS, "BD");
}
