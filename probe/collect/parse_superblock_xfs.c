/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XFS: fs/xfs/libxfs/xfs_format.h of Linux. Whether the log is clean is in the log alone, which
 * lies in the middle of the container, so this superblock never says clean or dirty. */
#include "collect/parse_superblock.h"

enum {
    BLOCK_SIZE = 4,
    DATA_BLOCKS = 8,
    LOG_START = 48, /* 0: the log is on a device of its own */
    VERSION = 100,
    IN_PROGRESS = 126, /* mkfs has not finished */
    FREE_BLOCKS = 144,
    FEATURES_INCOMPAT = 216, /* version 5 */
    BYTES = 264,
};
enum { VERSION_BITS = 0xf, INCOMPAT_NEEDS_REPAIR = 1 << 4 };

bool parse_xfs(struct bytes head, struct superblock *out)
{
    uint64_t block = bytes_be(head, BLOCK_SIZE, 4), blocks = bytes_be(head, DATA_BLOCKS, 8);
    uint64_t free_blocks = bytes_be(head, FREE_BLOCKS, 8);
    bool v5 = (bytes_be(head, VERSION, 2) & VERSION_BITS) == 5;

    if (head.n < BYTES || !bytes_have(head, 0, "XFSB") || block < 512 || block > 65536 ||
        (block & (block - 1)) != 0)
        return false;
    out->block_bytes = (struct opt){ true, block };
    out->size_bytes = bytes_times(blocks, block);
    if (free_blocks <= blocks)
        out->free_bytes = bytes_times(free_blocks, block);
    out->journal = bytes_be(head, LOG_START, 8) == 0 ? JOURNAL_EXTERNAL : JOURNAL_INTERNAL;
    if (bytes_be(head, IN_PROGRESS, 1) != 0 ||
        (v5 && (bytes_be(head, FEATURES_INCOMPAT, 4) & INCOMPAT_NEEDS_REPAIR) != 0))
        out->state = STATE_ERROR;
    return true;
}
