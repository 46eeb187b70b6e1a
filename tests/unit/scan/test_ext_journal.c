/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Journals of ext4 made by hand: where they lie, where their head is, and which are not understood;
 * and what the mark of such a file system says. */
#include <criterion/criterion.h>
#include <errno.h>

#include "scan/limits.h"
#include "scan/parse_mark.h"

enum {
    BLOCK = 4096,
    BLOCKS = 256,
    TABLE = 8,  /* of inodes */
    LEAF = 20,  /* of a tree of two levels */
    FIRST = 32, /* of the journal: two parts, out of order */
    SECOND = 100,
    PART = 8, /* blocks of each */
    INODE = 8,
    INODE_BYTES = 256,
    SB = 1024,
};

static uint8_t disk[BLOCKS * BLOCK];
static int fail_at = -1; /* reads of this place fail */

static int read_disk(void *ctx, uint64_t at, size_t n, uint8_t *out)
{
    (void)ctx;
    cr_assert_eq(at % 512, 0);
    cr_assert_eq(n % 512, 0);
    if (fail_at >= 0 && at <= (uint64_t)fail_at && at + n > (uint64_t)fail_at)
        return -EIO;
    if (at > sizeof disk || n > sizeof disk - at)
        return -EBADMSG;
    memcpy(out, disk + at, n);
    return 0;
}

static void le(size_t at, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++)
        disk[at + i] = (uint8_t)(v >> (8 * i));
}

static void be(size_t at, uint64_t v)
{
    for (size_t i = 0; i < 4; i++)
        disk[at + 3 - i] = (uint8_t)(v >> (8 * i));
}

static void node(size_t at, uint64_t entries, uint64_t depth)
{
    le(at, 0xf30a, 2);
    le(at + 2, entries, 2);
    le(at + 6, depth, 2);
}

static void leaf(size_t at, uint64_t block, uint64_t count, uint64_t place)
{
    le(at, block, 4);
    le(at + 4, count, 2);
    le(at + 8, place, 4);
}

static size_t inode(void)
{
    return TABLE * BLOCK + (INODE - 1) * INODE_BYTES;
}

/* Block `no` of the journal. */
static size_t at(uint64_t no)
{
    return (size_t)(no < PART ? FIRST + no : SECOND + no - PART) * BLOCK;
}

static void control(uint64_t no, uint64_t type, uint64_t sequence)
{
    be(at(no), 0xc03b3998);
    be(at(no) + 4, type);
    be(at(no) + 8, sequence);
}

/* One that has to be replayed: a transaction of three blocks from block 3 on, number 7. */
static void make(void)
{
    memset(disk, 0, sizeof disk);
    fail_at = -1;
    le(SB + 4, BLOCKS, 4);
    le(SB + 24, 2, 4);
    le(SB + 40, 64, 4);
    le(SB + 56, 0xef53, 2);
    le(SB + 58, 1, 2);
    le(SB + 88, INODE_BYTES, 2);
    le(SB + 92, 4, 4);
    le(SB + 96, 4 | 0x40, 4);
    le(SB + 224, INODE, 4);
    le(BLOCK + 8, TABLE, 4); /* the groups follow the superblock's block */
    le(inode() + 32, 0x80000, 4);
    node(inode() + 40, 2, 0);
    leaf(inode() + 40 + 12, PART, PART, SECOND);
    leaf(inode() + 40 + 24, 0, PART, FIRST);
    control(0, 4, 0);
    be(at(0) + 12, BLOCK);
    be(at(0) + 16, 2 * PART);
    be(at(0) + 20, 1);
    be(at(0) + 24, 7);
    be(at(0) + 28, 3);
    control(3, 1, 7);
    control(5, 2, 7);
}

static int parse(struct ext_journal *out)
{
    return parse_ext_journal(read_disk, NULL, (struct bytes){ disk + SB, 1024 }, out);
}

static uint64_t head(void)
{
    struct ext_journal j;

    cr_assert_eq(parse(&j), 0);
    return j.head;
}

Test(ext_journal, its_head_is_behind_the_last_whole_transaction)
{
    struct ext_journal j;

    make();
    cr_assert_eq(parse(&j), 0);
    cr_expect_eq(j.start, 3);
    cr_expect_eq(j.sequence, 8);
    cr_expect_eq(j.head, 6);
    control(6, 5, 8); /* what is revoked */
    control(7, 1, 8);
    control(10, 2, 8); /* over the end of the first part */
    cr_expect_eq(head(), 11);
    control(11, 1, 8);
    cr_expect_eq(head(), 11, "an old one");
    control(11, 1, 9);
    control(13, 1, 8);
    cr_expect_eq(head(), 13, "one that is not whole, with an old one in it");
}

Test(ext_journal, goes_round)
{
    struct ext_journal j;

    make();
    be(at(0) + 28, 14);
    memset(disk + at(3), 0, BLOCK);
    memset(disk + at(5), 0, BLOCK);
    control(14, 1, 7);
    control(1, 2, 7);
    cr_assert_eq(parse(&j), 0);
    cr_expect_eq(j.sequence, 8);
    cr_expect_eq(j.head, 2);
    be(at(0) + 24, UINT32_MAX);
    control(14, 1, UINT32_MAX);
    control(1, 2, UINT32_MAX);
    control(2, 2, 0);
    cr_assert_eq(parse(&j), 0);
    cr_expect_eq(j.sequence, 1, "numbers go round too");
    cr_expect_eq(j.head, 3);
}

Test(ext_journal, with_nothing_in_it)
{
    struct ext_journal j;

    make();
    be(at(0) + 28, 0);
    cr_assert_eq(parse(&j), 0);
    cr_expect_eq(j.start, 0);
    cr_expect_eq(j.head, 0);
}

Test(ext_journal, in_a_tree_of_two_levels)
{
    make();
    memcpy(disk + LEAF * BLOCK, disk + inode() + 40, 60);
    node(inode() + 40, 1, 1);
    le(inode() + 40 + 12, 0, 4);
    le(inode() + 40 + 16, LEAF, 4);
    le(inode() + 40 + 20, 0, 2);
    cr_expect_eq(head(), 6);
    node(LEAF * BLOCK, 2, 1);
    cr_expect_eq(parse(&(struct ext_journal){ 0 }), -EBADMSG, "three levels");
    node(LEAF * BLOCK, 400, 0);
    cr_expect_eq(parse(&(struct ext_journal){ 0 }), -EBADMSG, "more than fit in a block");
}

/* As ext3 has it: twelve blocks, and a list of more. */
static void make_lists(void)
{
    make();
    le(inode() + 4, (uint64_t)2 * PART * BLOCK, 4);
    le(inode() + 32, 0, 4);
    memset(disk + inode() + 40, 0, 60);
    for (size_t i = 0; i < 12; i++)
        le(inode() + 40 + 4 * i, at(i) / BLOCK, 4);
    le(inode() + 40 + 48, LEAF, 4);
    for (size_t i = 12; i < 2 * PART; i++)
        le(LEAF * BLOCK + 4 * (i - 12), at(i) / BLOCK, 4);
}

Test(ext_journal, in_lists_of_blocks)
{
    struct ext_journal j;

    make_lists();
    cr_expect_eq(head(), 6);
    control(6, 1, 8);
    control(13, 2, 8);
    cr_expect_eq(head(), 14, "in what the list has");
    le(LEAF * BLOCK, 0, 4);
    cr_expect_eq(parse(&j), -EBADMSG, "a hole");
    make_lists();
    le(inode() + 4, (uint64_t)(12 + BLOCK / 4 + 1) * BLOCK, 4);
    for (size_t i = 4; i < BLOCK / 4; i++)
        le(LEAF * BLOCK + 4 * i, 1000 + i, 4);
    cr_expect_eq(parse(&j), -EBADMSG, "no list of lists");
    le(inode() + 40 + 52, LEAF + 1, 4);
    le((LEAF + 1) * BLOCK, LEAF + 2, 4);
    le((LEAF + 2) * BLOCK, 2000, 4);
    cr_expect_eq(head(), 6);
    fail_at = (LEAF + 2) * BLOCK;
    cr_expect_eq(parse(&j), -EIO);
}

static void expect_unknown(size_t place, uint64_t v, size_t width, const char *what)
{
    struct ext_journal j;

    make();
    le(place, v, width);
    cr_expect_eq(parse(&j), -EBADMSG, "%s", what);
}

Test(ext_journal, that_is_not_understood)
{
    struct ext_journal j;

    expect_unknown(SB + 24, 6, 4, "blocks of 64 KiB");
    expect_unknown(SB + 224, 0, 4, "no inode");
    expect_unknown(SB + 224, 65, 4, "in another group");
    expect_unknown(SB + 88, 100, 2, "inodes of 100 bytes");
    expect_unknown(BLOCK + 8, 1 << 20, 4, "outside");
    expect_unknown(inode() + 32, 0, 4, "a list of blocks that says nothing");
    expect_unknown(inode() + 40, 0, 2, "no tree");
    expect_unknown(inode() + 42, 5, 2, "more than fit");
    expect_unknown(inode() + 40 + 12 + 4, 40000, 2, "not written to");
    expect_unknown(inode() + 40 + 24 + 4, 0, 2, "of nothing");
    expect_unknown(at(0), 0, 4, "no superblock of a journal");
    expect_unknown(at(0) + 4, 0x05000000, 4, "of another type");
    expect_unknown(at(0) + 12, 0, 4, "with other blocks");
    expect_unknown(at(0) + 28, 0x10000000, 4, "that begins outside");
    expect_unknown(at(0) + 40, 0x20000000, 4, "with fast commits");
    make();
    be(at(0) + 16, 40);
    control(5, 1, 7); /* no commit: past the last extent */
    cr_expect_eq(parse(&j), -EBADMSG, "longer than its inode");
    make();
    be(at(0) + 16, EXT_JOURNAL_BLOCKS + 1);
    cr_expect_eq(parse(&j), -EBADMSG, "longer than is read");
    be(at(0) + 16, EXT_JOURNAL_BLOCKS);
    cr_expect_eq(parse(&j), 0, "its end comes first");
    fail_at = (int)at(0);
    cr_expect_eq(parse(&j), -EIO);
    fail_at = BLOCK;
    cr_expect_eq(parse(&j), -EIO);
}

/* ---- the mark ------------------------------------------------------------------------------ */

static struct fs_mark mark(void)
{
    struct fs_mark m;
    struct err e;

    cr_assert_eq(parse_mark("ext4", read_disk, NULL, &m, &e), 0);
    return m;
}

Test(ext_journal, a_mark_knows_what_a_replay_mends)
{
    struct fs_mark m, n;

    make();
    m = mark();
    cr_expect_not_null(m.dirty);
    cr_expect_null(m.dirty_replayed);
    cr_expect(m.own_journal);
    control(6, 1, 8);
    control(7, 2, 8);
    n = mark();
    cr_expect_not(mark_equal(&m, &n), "somebody writes to it");
    le(SB + 58, 3, 2);
    m = mark();
    cr_expect_not_null(strstr(m.dirty_replayed, "errors"));
}

/* A replay of what lies elsewhere would write there. */
Test(ext_journal, a_mark_allows_no_replay_elsewhere)
{
    struct fs_mark m;

    make();
    le(SB + 228, 0x801, 4);
    m = mark();
    cr_expect_not(m.own_journal, "on another device");
    cr_expect_str_eq(m.dirty_replayed, m.dirty);
    le(SB + 96, 0x40, 4);
    m = mark();
    cr_expect_not(m.own_journal, "on another device, and clean");
    make();
    le(SB + 224, 0, 4);
    cr_expect_not(mark().own_journal, "nobody says where");
    make();
    le(SB + 92, 0x404, 4);
    m = mark();
    cr_expect_not(m.own_journal, "fast commits");
    cr_expect_str_eq(m.dirty_replayed, m.dirty);
    make();
    le(SB + 92, 0, 4);
    le(SB + 96, 0x40, 4);
    m = mark();
    cr_expect(m.own_journal, "it has none");
    cr_expect_null(m.dirty);
    make();
    fail_at = (int)at(0);
    cr_expect_eq(parse_mark("ext4", read_disk, NULL, &m, &(struct err){ "" }), -EIO);
}
