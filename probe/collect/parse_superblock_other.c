/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formats of which only the size is worth asking: swap space and ISO 9660. */
#include "collect/parse_superblock.h"

/* swap: union swap_header in include/linux/swap.h of Linux. */
enum {
    SWAP_SIGNATURE_BYTES = 10, /* at the end of the first page, in the byte order of its host */
    SWAP_VERSION = 1024,
    SWAP_LAST_PAGE = 1028,
};

/* ISO 9660 (ECMA-119): the primary volume descriptor is the 17th sector of 2,048 bytes. */
enum { ISO_AT = 16 * 2048, ISO_BYTES = 2048, ISO_BLOCKS = 80, ISO_BLOCK_SIZE = 128 };

static bool is_swap(struct bytes head, size_t page)
{
    size_t at = page - SWAP_SIGNATURE_BYTES;

    return bytes_have(head, at, "SWAPSPACE2") || bytes_have(head, at, "S1SUSPEND") ||
           bytes_have(head, at, "S2SUSPEND") || bytes_have(head, at, "ULSUSPEND") ||
           bytes_have(head, at, "LINHIB0001");
}

bool parse_swap(struct bytes head, struct superblock *out)
{
    for (size_t page = 4096; page <= 65536; page *= 2) {
        bool little = bytes_le(head, SWAP_VERSION, 4) == 1;

        if (!is_swap(head, page))
            continue;
        if (!little && bytes_be(head, SWAP_VERSION, 4) != 1)
            return false;
        out->block_bytes = (struct opt){ true, page };
        out->size_bytes = bytes_times(
            (little ? bytes_le(head, SWAP_LAST_PAGE, 4) : bytes_be(head, SWAP_LAST_PAGE, 4)) + 1,
            page);
        return true;
    }
    return false;
}

bool parse_iso9660(struct bytes head, struct superblock *out)
{
    struct bytes sb = bytes_part(head, ISO_AT, ISO_BYTES);
    uint64_t block;

    if (!bytes_have(sb, 0, "\001CD001"))
        return false;
    block = bytes_le(sb, ISO_BLOCK_SIZE, 2);
    if (block < 512 || block > 2048 || (block & (block - 1)) != 0)
        return false;
    out->block_bytes = (struct opt){ true, block };
    out->size_bytes = bytes_times(bytes_le(sb, ISO_BLOCKS, 4), block);
    return true;
}
