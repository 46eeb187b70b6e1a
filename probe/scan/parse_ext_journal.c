/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal of ext3 and ext4 (fs/ext4/ext4.h, fs/ext4/ext4_extents.h and include/linux/jbd2.h of
 * Linux): an inode of the file system, in which each transaction begins with a block that says its
 * number and ends with one that commits it. A block of data never begins like one of these. Where
 * the numbers end is the head: whoever has the file system mounted and writes to it moves it. */
#include <errno.h>
#include <stdlib.h>

#include "scan/limits.h"
#include "scan/parse_mark.h"

enum {
    EXTENTS_FLAG = 0x80000,
    EXTENT_MAGIC = 0xf30a,
    EXTENT_BYTES = 12,
    EXTENT_WRITTEN = 32768, /* a longer one was not written to */
    ROOT_BYTES = 60,
    SECTOR = 512,
};

#define JOURNAL_MAGIC 0xc03b3998u

struct extent {
    uint64_t block, count, at; /* in blocks: of the journal, how many, of the container */
};

struct journal {
    mark_reader read;
    void *ctx;
    uint64_t block_bytes;
    struct extent extents[EXT_JOURNAL_EXTENTS];
    size_t extent_count;
    uint64_t first, blocks, start, sequence;
    uint8_t run[EXT_JOURNAL_READ_BYTES]; /* blocks from run_first on */
    uint64_t run_first, run_count;
};

static uint64_t be(const uint8_t *p, size_t at)
{
    return bytes_be((struct bytes){ p, at + 4 }, at, 4);
}

/* ---- where it lies ------------------------------------------------------------------------- */

static int take_leaf(struct journal *j, struct bytes b, uint64_t entries)
{
    for (uint64_t i = 1; i <= entries; i++) {
        size_t at = (size_t)i * EXTENT_BYTES;
        struct extent x = { bytes_le(b, at, 4), bytes_le(b, at + 4, 2),
                            bytes_le(b, at + 6, 2) << 32 | bytes_le(b, at + 8, 4) };

        if (x.count == 0 || x.count > EXTENT_WRITTEN || j->extent_count == EXT_JOURNAL_EXTENTS)
            return -EBADMSG;
        j->extents[j->extent_count++] = x;
    }
    return 0;
}

/* A node's header: its magic number, entries, room, depth. False: none that fits in there. */
static bool node_of(struct bytes b, uint64_t *entries, uint64_t *depth)
{
    *entries = bytes_le(b, 2, 2);
    *depth = bytes_le(b, 6, 2);
    return bytes_le(b, 0, 2) == EXTENT_MAGIC && (*entries + 1) * EXTENT_BYTES <= b.n;
}

static int take_leaf_block(struct journal *j, uint64_t block)
{
    uint8_t *p = malloc((size_t)j->block_bytes);
    struct bytes b = { p, (size_t)j->block_bytes };
    uint64_t entries, depth;
    int rc = p == NULL ? -ENOMEM : 0;

    if (rc == 0)
        rc = j->read(j->ctx, block * j->block_bytes, (size_t)j->block_bytes, p);
    if (rc == 0 && (!node_of(b, &entries, &depth) || depth != 0))
        rc = -EBADMSG;
    if (rc == 0)
        rc = take_leaf(j, b, entries);
    free(p);
    return rc;
}

/* A journal has a tree of one level, or two when it is large or scattered. */
static int take_tree(struct journal *j, struct bytes root)
{
    uint64_t entries, depth;
    int rc = 0;

    if (!node_of(root, &entries, &depth) || depth > 1)
        return -EBADMSG;
    if (depth == 0)
        return take_leaf(j, root, entries);
    for (uint64_t i = 1; rc == 0 && i <= entries; i++) {
        size_t at = (size_t)i * EXTENT_BYTES;

        rc = take_leaf_block(j, bytes_le(root, at + 8, 2) << 32 | bytes_le(root, at + 4, 4));
    }
    return rc;
}

/* The inode's first 128 bytes, which lie in one sector. */
static int read_inode(struct journal *j, struct bytes sb, uint8_t out[SECTOR], size_t *at)
{
    enum { FIRST_BLOCK = 20, PER_GROUP = 40, INODE_BYTES = 88, INCOMPAT = 96, INODE = 224 };
    enum { GROUP_BYTES = 254, IS_64BIT = 0x80, TABLE = 8, TABLE_HIGH = 40 };
    uint64_t no = bytes_le(sb, INODE, 4), size = bytes_le(sb, INODE_BYTES, 2), place;
    struct bytes group = { out, SECTOR };
    int rc;

    if (no == 0 || no > bytes_le(sb, PER_GROUP, 4) || size < 128 || (size & (size - 1)) != 0)
        return -EBADMSG; /* the first group has it */
    rc = j->read(j->ctx, (bytes_le(sb, FIRST_BLOCK, 4) + 1) * j->block_bytes, SECTOR, out);
    if (rc < 0)
        return rc;
    place = bytes_le(group, TABLE, 4);
    if ((bytes_le(sb, INCOMPAT, 4) & IS_64BIT) != 0 && bytes_le(sb, GROUP_BYTES, 2) >= 64)
        place |= bytes_le(group, TABLE_HIGH, 4) << 32;
    place = place * j->block_bytes + (no - 1) * size;
    *at = place % SECTOR;
    return j->read(j->ctx, place - *at, SECTOR, out);
}

/* The next block, of an inode as ext3 has them. */
static int take_block(struct journal *j, uint64_t no, uint64_t place)
{
    struct extent *last = j->extent_count == 0 ? NULL : &j->extents[j->extent_count - 1];

    if (place == 0)
        return -EBADMSG;
    if (last != NULL && last->at + last->count == place) {
        last->count++;
        return 0;
    }
    if (j->extent_count == EXT_JOURNAL_EXTENTS)
        return -EBADMSG;
    j->extents[j->extent_count++] = (struct extent){ no, 1, place };
    return 0;
}

/* A block of numbers: of the journal's blocks, or of such blocks again. */
static int take_list(struct journal *j, uint64_t block, int depth, uint64_t *no, uint64_t blocks)
{
    uint8_t *p = malloc((size_t)j->block_bytes);
    int rc = p == NULL ? -ENOMEM : block == 0 ? -EBADMSG : 0;

    if (rc == 0)
        rc = j->read(j->ctx, block * j->block_bytes, (size_t)j->block_bytes, p);
    for (size_t i = 0; rc == 0 && i < j->block_bytes && *no < blocks; i += 4) {
        uint64_t place = bytes_le((struct bytes){ p, (size_t)j->block_bytes }, i, 4);

        if (depth > 0) {
            rc = take_list(j, place, depth - 1, no, blocks);
        } else {
            rc = take_block(j, *no, place);
            ++*no;
        }
    }
    free(p);
    return rc;
}

/* Twelve blocks, and lists of one and of two levels: a gigabyte at least, and more no journal has
 * (EXT4_MAX_JOURNAL_BLOCKS of e2fsprogs, with blocks of 4 KiB). */
static int take_lists(struct journal *j, struct bytes map, uint64_t blocks)
{
    enum { DIRECT = 12, LEVELS = 2 };
    uint64_t no = 0;
    int rc = 0;

    for (; rc == 0 && no < DIRECT && no < blocks; no++)
        rc = take_block(j, no, bytes_le(map, (size_t)no * 4, 4));
    for (int i = 0; rc == 0 && i < LEVELS && no < blocks; i++)
        rc = take_list(j, bytes_le(map, (size_t)(DIRECT + i) * 4, 4), i, &no, blocks);
    return rc;
}

static int find_extents(struct journal *j, struct bytes sb)
{
    enum { SIZE = 4, FLAGS = 32, BLOCKS = 40, SIZE_HIGH = 108 };
    uint8_t sector[SECTOR];
    size_t at;
    int rc = read_inode(j, sb, sector, &at);
    struct bytes inode, map;

    if (rc < 0)
        return rc;
    inode = (struct bytes){ sector + at, SECTOR - at };
    map = (struct bytes){ inode.p + BLOCKS, ROOT_BYTES };
    if ((bytes_le(inode, FLAGS, 4) & EXTENTS_FLAG) != 0)
        return take_tree(j, map);
    return take_lists(
        j, map, (bytes_le(inode, SIZE, 4) | bytes_le(inode, SIZE_HIGH, 4) << 32) / j->block_bytes);
}

/* ---- its blocks ---------------------------------------------------------------------------- */

/* A block of it, with what lies behind it in the same extent. */
static int read_block(struct journal *j, uint64_t no, const uint8_t **out)
{
    uint64_t most = sizeof j->run / j->block_bytes;

    if (no < j->run_first || no - j->run_first >= j->run_count) {
        const struct extent *x = NULL;
        int rc;

        for (size_t i = 0; i < j->extent_count && x == NULL; i++) {
            if (no >= j->extents[i].block && no - j->extents[i].block < j->extents[i].count)
                x = &j->extents[i];
        }
        if (x == NULL)
            return -EBADMSG;
        j->run_first = no;
        j->run_count = x->count - (no - x->block);
        if (j->run_count > most)
            j->run_count = most;
        rc = j->read(j->ctx, (x->at + (no - x->block)) * j->block_bytes,
                     (size_t)(j->run_count * j->block_bytes), j->run);
        if (rc < 0)
            return rc;
    }
    *out = j->run + (no - j->run_first) * j->block_bytes;
    return 0;
}

/* Its first block, a superblock of its own. Fast commits lie outside of transactions. */
static int read_head(struct journal *j)
{
    enum {
        TYPE = 4,
        BLOCK = 12,
        BLOCKS = 16,
        FIRST = 20,
        SEQUENCE = 24,
        START = 28,
        INCOMPAT = 40
    };
    enum { VERSION_1 = 3, VERSION_2 = 4, FAST_COMMIT = 0x20 };
    const uint8_t *p;
    int rc = read_block(j, 0, &p);

    if (rc < 0)
        return rc;
    j->first = be(p, FIRST);
    j->blocks = be(p, BLOCKS);
    j->start = be(p, START);
    j->sequence = be(p, SEQUENCE);
    if (be(p, 0) != JOURNAL_MAGIC || (be(p, TYPE) != VERSION_1 && be(p, TYPE) != VERSION_2) ||
        be(p, BLOCK) != j->block_bytes || j->first == 0 || j->first >= j->blocks ||
        j->blocks > EXT_JOURNAL_BLOCKS || j->start >= j->blocks ||
        (j->start != 0 && j->start < j->first) ||
        (be(p, TYPE) == VERSION_2 && (be(p, INCOMPAT) & FAST_COMMIT) != 0))
        return -EBADMSG;
    return 0;
}

/* From its start, transaction after transaction, to the first that is not whole. */
static int find_end(struct journal *j, struct ext_journal *out)
{
    enum { COMMIT = 2 };
    bool inside = false;
    uint64_t no = j->start;

    for (uint64_t n = j->first; j->start != 0 && n < j->blocks; n++) {
        const uint8_t *p;
        bool ours;
        int rc = read_block(j, no, &p);

        if (rc < 0)
            return rc;
        ours = be(p, 0) == JOURNAL_MAGIC;
        memcpy(out->last, p, sizeof out->last);
        if (ours ? be(p, 8) != out->sequence : !inside)
            break;
        inside = !ours || be(p, 4) != COMMIT;
        out->sequence = (out->sequence + !inside) & UINT32_MAX;
        no = no + 1 == j->blocks ? j->first : no + 1;
    }
    out->head = no;
    return 0;
}

int parse_ext_journal(mark_reader read, void *ctx, struct bytes sb, struct ext_journal *out)
{
    struct journal *j = calloc(1, sizeof *j);
    int rc = j == NULL ? -ENOMEM : 0;

    *out = (struct ext_journal){ 0 };
    if (rc < 0)
        return rc;
    j->read = read;
    j->ctx = ctx;
    j->block_bytes = UINT64_C(1024) << bytes_le(sb, 24, 4);
    rc = j->block_bytes > sizeof j->run ? -EBADMSG : find_extents(j, sb);
    if (rc == 0)
        rc = read_head(j);
    if (rc == 0) {
        out->start = j->start;
        out->sequence = j->sequence;
        rc = find_end(j, out);
    }
    free(j);
    return rc;
}
