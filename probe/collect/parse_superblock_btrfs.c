/* SPDX-License-Identifier: GPL-2.0-or-later */
/* btrfs: struct btrfs_super_block in include/uapi/linux/btrfs_tree.h of Linux. What is on disk is
 * consistent at all times, mounted or not. Only a log tree tells that somebody has it mounted, or
 * did not unmount it well: something was synced that is in no transaction yet. */
#include "collect/parse_superblock.h"

enum {
    AT = 64 << 10, /* of the superblock; all below are offsets in it */
    BYTES = 4096,
    FLAGS = 56,
    MAGIC = 64,
    LOG_ROOT = 96,
    TOTAL_BYTES = 112,
    BYTES_USED = 120,
    NUM_DEVICES = 136,
    SECTOR_SIZE = 144,
    DEVICE_ID = 201, /* of the device item within */
};
enum { FLAG_ERROR = 1 << 2 };

bool parse_btrfs(struct bytes head, struct superblock *out)
{
    struct bytes sb = bytes_part(head, AT, BYTES);
    uint64_t total, used, sector;

    if (!bytes_have(sb, MAGIC, "_BHRfS_M"))
        return false;
    total = bytes_le(sb, TOTAL_BYTES, 8);
    used = bytes_le(sb, BYTES_USED, 8);
    sector = bytes_le(sb, SECTOR_SIZE, 4);
    if (sector < 4096 || sector > 65536 || (sector & (sector - 1)) != 0)
        return false;
    out->block_bytes = (struct opt){ true, sector };
    out->size_bytes = (struct opt){ true, total };
    if (used <= total)
        out->free_bytes = (struct opt){ true, total - used };
    out->members = (struct opt){ true, bytes_le(sb, NUM_DEVICES, 8) };
    out->member_id = (struct opt){ true, bytes_le(sb, DEVICE_ID, 8) };
    if ((bytes_le(sb, FLAGS, 8) & FLAG_ERROR) != 0)
        out->state = STATE_ERROR;
    else if (bytes_le(sb, LOG_ROOT, 8) != 0)
        out->state = STATE_DIRTY;
    return true;
}
