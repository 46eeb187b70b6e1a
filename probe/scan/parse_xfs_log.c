/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of XFS (fs/xfs/xfs_log_priv.h and xfs_log_recover.c of Linux): a ring of blocks, each of
 * which begins with the number of the cycle that it was written in; records of a header and blocks,
 * in which the header keeps what the numbers have displaced. Its head is where the number falls.
 * It is clean when the last record before the head is the one that says "unmounted". */
#include <errno.h>

#include "scan/parse_mark.h"

enum {
    BLOCK = 512,
    BACK_BLOCKS = 1024, /* the longest record has 256 KiB and its headers */
    MAGIC = 0xfeedbabe,
    HEADER_BYTES = 32768, /* of a record for each of its headers */
    UNMOUNT = 0x20,       /* XLOG_UNMOUNT_TRANS */
};

struct ring {
    mark_reader read;
    void *ctx;
    uint64_t at, blocks;
};

static int read_block(const struct ring *r, uint64_t no, uint8_t out[BLOCK])
{
    return r->read(r->ctx, r->at + no % r->blocks * BLOCK, BLOCK, out);
}

/* Any block's; that of a header is behind its magic number. */
static int cycle_of(const struct ring *r, uint64_t no, uint64_t *out)
{
    uint8_t block[BLOCK];
    struct bytes b = { block, BLOCK };
    int rc = read_block(r, no, block);

    if (rc == 0)
        *out = bytes_be(b, 0, 4) == MAGIC ? bytes_be(b, 4, 4) : bytes_be(b, 0, 4);
    return rc;
}

/* The first block that is not of the first one's cycle. */
static int find_head(const struct ring *r, uint64_t *head)
{
    uint64_t low = 0, high = r->blocks - 1, first, cycle;
    int rc = cycle_of(r, 0, &first);

    if (rc == 0)
        rc = cycle_of(r, high, &cycle);
    if (rc < 0)
        return rc;
    *head = 0;
    if (cycle == first)
        return 0; /* it has just gone round */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;

        rc = cycle_of(r, middle, &cycle);
        if (rc < 0)
            return rc;
        if (cycle == first)
            low = middle;
        else
            high = middle;
    }
    *head = high;
    return 0;
}

/* The last header before the head. */
static int find_record(const struct ring *r, uint64_t head, uint64_t *no, uint8_t out[BLOCK])
{
    uint64_t most = r->blocks < BACK_BLOCKS ? r->blocks : BACK_BLOCKS;

    for (uint64_t back = 1; back <= most; back++) {
        int rc;

        *no = (head + r->blocks - back) % r->blocks;
        rc = read_block(r, *no, out);
        if (rc < 0)
            return rc;
        if (bytes_be((struct bytes){ out, BLOCK }, 0, 4) == MAGIC)
            return 0;
    }
    return -EBADMSG;
}

/* An operation's header has: who (4 bytes, displaced), length (4), client (1), flags (1). */
static int says_unmounted(const struct ring *r, uint64_t no, struct bytes header, uint64_t head,
                          bool *out)
{
    enum { VERSION = 8, LENGTH = 12, OPERATIONS = 40, SIZE = 320, FLAGS = 9 };
    uint64_t size = bytes_be(header, SIZE, 4), headers = 1;
    uint64_t blocks = (bytes_be(header, LENGTH, 4) + BLOCK - 1) / BLOCK;
    uint8_t data[BLOCK];
    int rc;

    if ((bytes_be(header, VERSION, 4) & 2) != 0 && size > HEADER_BYTES)
        headers = (size + HEADER_BYTES - 1) / HEADER_BYTES;
    *out = false;
    if (bytes_be(header, OPERATIONS, 4) != 1 || (no + headers + blocks) % r->blocks != head)
        return 0;
    rc = read_block(r, no + headers, data);
    *out = rc == 0 && (data[FLAGS] & UNMOUNT) != 0;
    return rc;
}

int parse_xfs_log(mark_reader read, void *ctx, uint64_t at, uint64_t bytes, struct xfs_log *out)
{
    enum { LSN = 16 };
    struct ring r = { read, ctx, at, bytes / BLOCK };
    uint8_t header[BLOCK];
    struct bytes b = { header, BLOCK };
    uint64_t head, no;
    int rc;

    *out = (struct xfs_log){ 0 };
    if (r.blocks < 2)
        return -EBADMSG;
    rc = find_head(&r, &head);
    if (rc == 0)
        rc = find_record(&r, head, &no, header);
    if (rc < 0)
        return rc;
    out->head = bytes_be(b, LSN, 8);
    return says_unmounted(&r, no, b, head, &out->clean);
}
