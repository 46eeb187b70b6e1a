/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ext2, ext3, ext4: Documentation/filesystems/ext4/super.rst of Linux. A container that is an
 * external journal has the same superblock, with a flag of its own. */
#include "collect/parse_superblock.h"

enum {
    AT = 1024, /* of the superblock; all below are offsets in it */
    BYTES = 1024,
    BLOCKS_LO = 0x04,
    FREE_BLOCKS_LO = 0x0c,
    LOG_BLOCK_SIZE = 0x18, /* block size is 1024 << this */
    MAGIC = 0x38,
    STATE = 0x3a,
    FEATURE_COMPAT = 0x5c,
    FEATURE_INCOMPAT = 0x60,
    JOURNAL_UUID = 0xd0,
    JOURNAL_INUM = 0xe0,
    BLOCKS_HI = 0x150,
    FREE_BLOCKS_HI = 0x158,
};
enum { EXT_MAGIC = 0xef53, LOG_BLOCK_SIZE_MAX = 6 }; /* 64 KiB */
enum { STATE_VALID = 1, STATE_ERRORS = 2 };
enum { COMPAT_HAS_JOURNAL = 0x4 };
enum {
    INCOMPAT_RECOVER = 0x4, /* the journal has what the file system lacks: set while mounted */
    INCOMPAT_JOURNAL_DEV = 0x8,
    INCOMPAT_64BIT = 0x80,
    INCOMPAT_MMP = 0x100,
};

static void parse_journal(struct bytes sb, struct superblock *out)
{
    if ((bytes_le(sb, FEATURE_COMPAT, 4) & COMPAT_HAS_JOURNAL) == 0) {
        out->journal = JOURNAL_NONE;
    } else if (bytes_le(sb, JOURNAL_INUM, 4) != 0) {
        out->journal = JOURNAL_INTERNAL;
    } else {
        out->journal = JOURNAL_EXTERNAL;
        memcpy(out->journal_uuid.b, sb.p + JOURNAL_UUID, sizeof out->journal_uuid.b);
    }
}

static enum superblock_state state_of(uint64_t state, uint64_t incompat)
{
    if ((state & STATE_ERRORS) != 0)
        return STATE_ERROR;
    if ((state & STATE_VALID) == 0 || (incompat & INCOMPAT_RECOVER) != 0)
        return STATE_DIRTY;
    return STATE_CLEAN;
}

bool parse_ext(struct bytes head, struct superblock *out)
{
    struct bytes sb = bytes_part(head, AT, BYTES);
    uint64_t incompat, blocks, free_blocks, log_size;

    if (sb.n == 0 || bytes_le(sb, MAGIC, 2) != EXT_MAGIC)
        return false;
    log_size = bytes_le(sb, LOG_BLOCK_SIZE, 4);
    if (log_size > LOG_BLOCK_SIZE_MAX)
        return false;
    incompat = bytes_le(sb, FEATURE_INCOMPAT, 4);
    blocks = bytes_le(sb, BLOCKS_LO, 4);
    free_blocks = bytes_le(sb, FREE_BLOCKS_LO, 4);
    if ((incompat & INCOMPAT_64BIT) != 0) {
        blocks |= bytes_le(sb, BLOCKS_HI, 4) << 32;
        free_blocks |= bytes_le(sb, FREE_BLOCKS_HI, 4) << 32;
    }
    out->block_bytes = (struct opt){ true, UINT64_C(1024) << log_size };
    out->size_bytes = bytes_times(blocks, out->block_bytes.v);
    if ((incompat & INCOMPAT_JOURNAL_DEV) != 0)
        return true;
    if (free_blocks <= blocks)
        out->free_bytes = bytes_times(free_blocks, out->block_bytes.v);
    out->mmp = (struct opt){ true, (incompat & INCOMPAT_MMP) != 0 };
    out->state = state_of(bytes_le(sb, STATE, 2), incompat);
    parse_journal(sb, out);
    return true;
}
