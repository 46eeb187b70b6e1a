/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Superblocks made by hand: what real ones on this machine do not show, and hostile ones. Real ones
 * are in labels.py. */
#include <criterion/criterion.h>

#include "collect/parse_superblock.h"

static uint8_t head[128 << 10];

static void put(size_t at, size_t width, uint64_t v)
{
    for (size_t i = 0; i < width; i++)
        head[at + i] = (uint8_t)(v >> 8 * i);
}

static void put_be(size_t at, size_t width, uint64_t v)
{
    for (size_t i = 0; i < width; i++)
        head[at + i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

static void clear(void)
{
    memset(head, 0, sizeof head);
}

TestSuite(superblock, .init = clear);

static struct superblock parsed(const char *type)
{
    struct superblock sb;

    cr_assert(parse_superblock(type, (struct bytes){ head, sizeof head }, &sb), "%s", type);
    return sb;
}

static bool is_refused(const char *type)
{
    struct superblock sb, empty = { .state = STATE_UNTOLD };
    bool ok = parse_superblock(type, (struct bytes){ head, sizeof head }, &sb);

    return !ok && memcmp(&sb, &empty, sizeof sb) == 0;
}

static void make_ext(void)
{
    put(1024 + 0x04, 4, 1000);
    put(1024 + 0x0c, 4, 10);
    put(1024 + 0x18, 4, 2);
    put(1024 + 0x38, 2, 0xef53);
    put(1024 + 0x3a, 2, 1);
    put(1024 + 0x5c, 4, 0x4);
    put(1024 + 0xe0, 4, 8);
}

Test(superblock, ext_states)
{
    static const struct {
        uint64_t state, incompat;
        enum superblock_state want;
    } cases[] = {
        { 1, 0, STATE_CLEAN },    { 0, 0, STATE_DIRTY }, { 1, 4, STATE_DIRTY },
        { 3, 0, STATE_ERROR },    { 2, 4, STATE_ERROR }, { 1, 0x102, STATE_CLEAN },
        { 5, 0x40, STATE_CLEAN }, /* 4: orphans are being recovered */
    };

    make_ext();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct superblock sb;

        put(1024 + 0x3a, 2, cases[i].state);
        put(1024 + 0x60, 4, cases[i].incompat);
        sb = parsed("ext4");
        cr_expect_eq(sb.state, cases[i].want, "case %zu: %d", i, (int)sb.state);
        cr_expect_eq(sb.mmp.v, (cases[i].incompat & 0x100) != 0);
    }
}

Test(superblock, ext_has_more_than_32_bits_of_blocks_only_with_the_feature)
{
    make_ext();
    put(1024 + 0x150, 4, 3);
    put(1024 + 0x158, 4, 1);
    cr_assert_eq(parsed("ext4").size_bytes.v, 1000 * 4096);
    cr_assert_eq(parsed("ext4").free_bytes.v, 10 * 4096);
    put(1024 + 0x60, 4, 0x80);
    cr_assert_eq(parsed("ext4").size_bytes.v, ((UINT64_C(3) << 32) + 1000) * 4096);
    cr_assert_eq(parsed("ext4").free_bytes.v, ((UINT64_C(1) << 32) + 10) * 4096);
}

Test(superblock, ext_numbers_that_cannot_be_are_left_out)
{
    make_ext();
    put(1024 + 0x0c, 4, 1001); /* more free than there are */
    cr_assert_not(parsed("ext4").free_bytes.has);
    cr_assert(parsed("ext4").size_bytes.has);
    put(1024 + 0x60, 4, 0x80);
    put(1024 + 0x150, 4, 0xffffffff);
    cr_assert_not(parsed("ext4").size_bytes.has);
    put(1024 + 0x18, 4, 7);
    cr_assert(is_refused("ext4"));
}

Test(superblock, ext_journals)
{
    make_ext();
    cr_assert_eq(parsed("ext4").journal, JOURNAL_INTERNAL);
    put(1024 + 0xe0, 4, 0);
    head[1024 + 0xd0] = 0xab;
    cr_assert_eq(parsed("ext4").journal, JOURNAL_EXTERNAL);
    cr_assert_eq(parsed("ext4").journal_uuid.b[0], 0xab);
    put(1024 + 0x5c, 4, 0);
    cr_assert_eq(parsed("ext4").journal, JOURNAL_NONE);
    cr_assert(uuid_is_nil(parsed("ext4").journal_uuid));
}

Test(superblock, xfs_tells_errors_and_the_place_of_its_log)
{
    memcpy(head, "XFSB", 4);
    put_be(4, 4, 4096);
    put_be(8, 8, 1000);
    put_be(144, 8, 10);
    put_be(100, 2, 0xb4a5);
    cr_assert_eq(parsed("xfs").journal, JOURNAL_EXTERNAL);
    cr_assert_eq(parsed("xfs").state, STATE_UNTOLD);
    cr_assert_eq(parsed("xfs").size_bytes.v, 1000 * 4096);
    cr_assert_eq(parsed("xfs").free_bytes.v, 10 * 4096);
    put_be(48, 8, 77);
    cr_assert_eq(parsed("xfs").journal, JOURNAL_INTERNAL);
    put_be(216, 4, 0x10);
    cr_assert_eq(parsed("xfs").state, STATE_ERROR);
    put_be(100, 2, 0xb4a4); /* version 4 has no such word */
    cr_assert_eq(parsed("xfs").state, STATE_UNTOLD);
    put_be(126, 1, 1);
    cr_assert_eq(parsed("xfs").state, STATE_ERROR);
    put_be(144, 8, UINT64_MAX);
    put_be(8, 8, UINT64_MAX);
    cr_assert_not(parsed("xfs").size_bytes.has);
    cr_assert_not(parsed("xfs").free_bytes.has);
    put_be(4, 4, 3000);
    cr_assert(is_refused("xfs"));
}

Test(superblock, btrfs_is_dirty_with_a_log_tree_and_never_clean)
{
    enum { AT = 64 << 10 };

    memcpy(head + AT + 64, "_BHRfS_M", 8);
    put(AT + 112, 8, 1000);
    put(AT + 120, 8, 400);
    put(AT + 136, 8, 3);
    put(AT + 144, 4, 4096);
    put(AT + 201, 8, 2);
    cr_assert_eq(parsed("btrfs").state, STATE_UNTOLD);
    cr_assert_eq(parsed("btrfs").free_bytes.v, 600);
    cr_assert_eq(parsed("btrfs").members.v, 3);
    cr_assert_eq(parsed("btrfs").member_id.v, 2);
    put(AT + 96, 8, 1);
    cr_assert_eq(parsed("btrfs").state, STATE_DIRTY);
    put(AT + 56, 8, 4);
    cr_assert_eq(parsed("btrfs").state, STATE_ERROR);
    put(AT + 120, 8, 1001);
    cr_assert_not(parsed("btrfs").free_bytes.has);
    put(AT + 144, 4, 0);
    cr_assert(is_refused("btrfs"));
}

static void make_fat(bool is_32)
{
    put(11, 2, 512);
    put(13, 1, 8);
    put(14, 2, 32);
    put(16, 1, 2);
    put(is_32 ? 36 : 22, is_32 ? 4 : 2, 64);
    put(32, 4, is_32 ? 600000 : 40000);
    put(48, 2, 1);
    put(32 * 512, 4, 0x0ffffff8);
    put(32 * 512 + (is_32 ? 4 : 2), is_32 ? 4 : 2, is_32 ? 0x0fffffff : 0xffff);
}

Test(superblock, fat_hears_linux_and_windows)
{
    for (int is_32 = 0; is_32 < 2; is_32++) {
        size_t state = is_32 ? 65 : 37, entry = 32 * 512 + (is_32 ? 7 : 3);

        clear();
        make_fat(is_32);
        cr_expect_eq(parsed("vfat").state, STATE_CLEAN);
        cr_expect_eq(parsed("vfat").block_bytes.v, 4096);
        head[entry] &= is_32 ? ~0x08 : ~0x80;
        cr_expect_eq(parsed("vfat").state, STATE_DIRTY);
        head[entry] &= is_32 ? ~0x04 : ~0x40;
        cr_expect_eq(parsed("vfat").state, STATE_ERROR);
        head[entry] = 0xff;
        head[state] = 1;
        cr_expect_eq(parsed("vfat").state, STATE_DIRTY);
        head[state] = 3;
        cr_expect_eq(parsed("vfat").state, STATE_ERROR);
    }
}

Test(superblock, fat_counts_free_clusters_only_where_it_says_so)
{
    make_fat(true);
    memcpy(head + 512, "RRaA", 4);
    memcpy(head + 512 + 484, "rrAa", 4);
    put(512 + 488, 4, 5);
    cr_assert_eq(parsed("vfat").free_bytes.v, 5 * 4096);
    put(512 + 488, 4, 0xffffffff); /* not known */
    cr_assert_not(parsed("vfat").free_bytes.has);
    put(32, 4, 10); /* smaller than its own tables */
    cr_assert(is_refused("vfat"));
}

Test(superblock, swap_of_both_byte_orders)
{
    memcpy(head + 4086, "SWAPSPACE2", 10);
    put(1024, 4, 1);
    put(1028, 4, 99);
    cr_assert_eq(parsed("swap").size_bytes.v, 100 * 4096);
    put_be(1024, 4, 1);
    put_be(1028, 4, 99);
    cr_assert_eq(parsed("swap").size_bytes.v, 100 * 4096);
    put(1024, 4, 2);
    cr_assert(is_refused("swap"));
}

Test(superblock, iso9660)
{
    memcpy(head + 32768, "\001CD001", 6);
    put(32768 + 80, 4, 300);
    put(32768 + 128, 2, 2048);
    cr_assert_eq(parsed("iso9660").size_bytes.v, 300 * 2048);
    put(32768 + 128, 2, 0);
    cr_assert(is_refused("iso9660"));
}

/* Each with the bytes cut short anywhere in its superblock, in memory of exactly that size. */
Test(superblock, cut_short)
{
    static const char *const types[] = { "ext4", "jbd", "xfs", "btrfs", "vfat", "swap", "iso9660" };

    make_fat(true);
    make_ext();
    memcpy(head + 4086, "SWAPSPACE2", 10);
    memcpy(head + 32768, "\001CD001", 6);
    memcpy(head + (64 << 10) + 64, "_BHRfS_M", 8);
    for (size_t n = 0; n <= sizeof head; n += n < 3000 ? 13 : 997) {
        uint8_t *copy = malloc(n == 0 ? 1 : n);

        memcpy(copy, head, n);
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
            struct superblock sb;

            parse_superblock(types[i], (struct bytes){ copy, n }, &sb);
        }
        free(copy);
    }
    cr_assert(is_refused("ntfs"));
}
