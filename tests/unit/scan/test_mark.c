/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Superblocks and logs made by hand: which file system it is, whether it is clean, and what tells
 * that it has changed. */
#include <criterion/criterion.h>
#include <errno.h>

#include "scan/parse_mark.h"

enum { DISK = 1 << 20, LOG_BLOCKS = 64 };

static uint8_t disk[DISK];
static int fail_at = -1; /* reads of this place fail */

static int read_disk(void *ctx, uint64_t at, size_t n, uint8_t *out)
{
    (void)ctx;
    if (fail_at >= 0 && at <= (uint64_t)fail_at && at + n > (uint64_t)fail_at)
        return -EIO;
    if (at > DISK || n > DISK - at)
        return -EBADMSG;
    memcpy(out, disk + at, n);
    return 0;
}

static void le(size_t at, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++)
        disk[at + i] = (uint8_t)(v >> (8 * i));
}

static void be(size_t at, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++)
        disk[at + width - 1 - i] = (uint8_t)(v >> (8 * i));
}

static int mark(const char *type, struct fs_mark *out)
{
    struct err e;

    return parse_mark(type, read_disk, NULL, out, &e);
}

static void clear(void)
{
    memset(disk, 0, sizeof disk);
    fail_at = -1;
}

/* ---- ext4 ---------------------------------------------------------------------------------- */

enum { SB = 1024 };

static void make_ext(void)
{
    clear();
    le(SB + 4, 100, 4);
    le(SB + 24, 2, 4);
    le(SB + 44, 11, 4);
    le(SB + 48, 12, 4);
    le(SB + 52, 3, 2);
    le(SB + 56, 0xef53, 2);
    le(SB + 58, 1, 2);
    memset(disk + SB + 104, 0xab, 16);
    le(SB + 376, 77, 8);
}

Test(mark, ext)
{
    struct fs_mark m, n;

    make_ext();
    cr_assert_eq(mark("ext4", &m), 0);
    cr_expect_str_eq(m.uuid, "abababab-abab-abab-abab-abababababab");
    cr_expect_eq(m.size_bytes, 100 * 4096);
    cr_expect_null(m.dirty);
    cr_expect_str_eq(m.fingerprint, "ext4 uuid=abababab-abab-abab-abab-abababababab blocks=100 "
                                    "mtime=11 wtime=12 mnt=3 kbytes=77 state=1");
    le(SB + 52, 4, 2);
    cr_assert_eq(mark("ext4", &n), 0);
    cr_expect_not(mark_equal(&m, &n), "it was mounted");
    le(SB + 96, 4, 4);
    cr_assert_eq(mark("ext4", &m), 0);
    cr_expect_not_null(strstr(m.dirty, "replayed"));
    cr_expect_str_eq(m.fingerprint, "");
    le(SB + 96, 0x80, 4);
    le(SB + 336, 1, 4);
    cr_assert_eq(mark("ext4", &m), 0);
    cr_expect_eq(m.size_bytes, ((UINT64_C(1) << 32) + 100) * 4096);
}

Test(mark, ext_that_is_not_well)
{
    struct fs_mark m;

    make_ext();
    le(SB + 58, 0, 2);
    cr_assert_eq(mark("ext2", &m), 0);
    cr_expect_not_null(strstr(m.dirty, "not unmounted well"));
    le(SB + 58, 3, 2);
    cr_assert_eq(mark("ext2", &m), 0);
    cr_expect_not_null(strstr(m.dirty, "errors"));
    le(SB + 96, 8, 4);
    cr_expect_eq(mark("ext4", &m), -EBADMSG, "a journal device");
    make_ext();
    fail_at = 1500;
    cr_expect_eq(mark("ext4", &m), -EIO);
    cr_expect_eq(mark("reiserfs", &m), -EBADMSG);
    cr_expect_not(mark_knows("swap"));
    cr_expect(mark_knows("iso9660"));
}

/* ---- XFS ----------------------------------------------------------------------------------- */

enum { LOG_AT = 64 * 4096 };

static void block(uint64_t no, uint32_t cycle)
{
    be(LOG_AT + no * 512, cycle, 4);
}

/* A record at a block: a header, and a block of data. */
static void record(uint64_t no, uint32_t cycle, uint32_t operations, uint8_t flags)
{
    size_t at = LOG_AT + no * 512;

    memset(disk + at, 0, 1024);
    be(at, 0xfeedbabe, 4);
    be(at + 4, cycle, 4);
    be(at + 8, 2, 4);
    be(at + 12, 512, 4);
    be(at + 16, (uint64_t)cycle << 32 | no, 8);
    be(at + 40, operations, 4);
    be(at + 320, 32768, 4);
    be(at + 512, cycle, 4);
    disk[at + 512 + 9] = flags;
}

static void make_xfs(void)
{
    clear();
    memcpy(disk, "XFSB", 4);
    be(4, 4096, 4);
    be(8, 200, 8);
    memset(disk + 32, 0xcd, 16);
    be(48, 64, 8); /* block 64 of the first group */
    be(84, 128, 4);
    be(96, LOG_BLOCKS * 512 / 4096, 4);
    be(100, 0xb4a5, 2);
    disk[124] = 7;
    be(240, 5, 8);
}

Test(mark, xfs_with_a_clean_log)
{
    struct fs_mark m, n;

    make_xfs();
    record(0, 1, 1, 0x20); /* as mkfs leaves it: the rest is zeros */
    cr_assert_eq(mark("xfs", &m), 0);
    cr_expect_null(m.dirty);
    cr_expect_eq(m.size_bytes, 200 * 4096);
    cr_expect_str_eq(m.fingerprint, "xfs uuid=cdcdcdcd-cdcd-cdcd-cdcd-cdcdcdcdcdcd blocks=200 "
                                    "lsn=5 head=4294967296");
    record(2, 1, 3, 0);
    cr_assert_eq(mark("xfs", &n), 0);
    cr_expect_not_null(n.dirty, "somebody has written to the log");
    cr_expect_not(mark_equal(&m, &n));
    record(4, 1, 1, 0x20);
    cr_assert_eq(mark("xfs", &n), 0);
    cr_expect_null(n.dirty);
    cr_expect_not(mark_equal(&m, &n), "mounted and unmounted");
    be(100, 0xb4a4, 2);
    cr_assert_eq(mark("xfs", &n), 0);
    cr_expect_str_eq(n.fingerprint, "", "version 4 has no LSN in its superblock");
}

Test(mark, xfs_with_a_log_that_has_gone_round)
{
    for (uint64_t head = 2; head <= LOG_BLOCKS; head++) {
        struct fs_mark m;

        make_xfs();
        for (uint64_t i = 0; i < LOG_BLOCKS; i++)
            block(i, i < head ? 9 : 8);
        record(head - 2, 9, 1, 0x20);
        cr_assert_eq(mark("xfs", &m), 0);
        cr_expect_null(m.dirty, "head at %d", (int)head);
        record(head - 2, 9, 1, 0x04);
        cr_assert_eq(mark("xfs", &m), 0);
        cr_expect_not_null(m.dirty, "head at %d", (int)head);
        record(head - 2, 9, 2, 0x20);
        cr_assert_eq(mark("xfs", &m), 0);
        cr_expect_not_null(m.dirty, "an operation more");
    }
}

Test(mark, xfs_with_a_log_that_makes_no_sense)
{
    struct fs_mark m;

    make_xfs();
    cr_expect_eq(mark("xfs", &m), -EBADMSG, "no record");
    record(0, 1, 1, 0x20);
    fail_at = LOG_AT + 512;
    cr_expect_eq(mark("xfs", &m), -EIO);
    fail_at = -1;
    be(4, 4097, 4);
    cr_expect_eq(mark("xfs", &m), -EBADMSG, "blocks that are not whole sectors");
    be(4, 4096, 4);
    be(48, UINT64_C(1) << 60, 8);
    cr_expect_eq(mark("xfs", &m), -EBADMSG, "outside");
    be(48, 0, 8);
    cr_assert_eq(mark("xfs", &m), 0);
    cr_expect_not_null(strstr(m.dirty, "another device"));
    cr_expect_str_eq(m.fingerprint, "");
}

/* ---- the rest ------------------------------------------------------------------------------ */

Test(mark, btrfs)
{
    struct fs_mark m;

    clear();
    memset(disk + 65536 + 32, 0xee, 16);
    memcpy(disk + 65536 + 64, "_BHRfS_M", 8);
    le(65536 + 72, 8, 8);
    le(65536 + 112, 1 << 20, 8);
    le(65536 + 136, 2, 8);
    cr_assert_eq(mark("btrfs", &m), 0);
    cr_expect_eq(m.members, 2);
    cr_expect_str_eq(m.fingerprint,
                     "btrfs uuid=eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee bytes=1048576 generation=8");
    le(65536 + 96, 4096, 8);
    cr_assert_eq(mark("btrfs", &m), 0);
    cr_expect_not_null(m.dirty);
    cr_expect_str_eq(m.fingerprint, "");
}

static void make_fat(void)
{
    clear();
    le(11, 512, 2);
    le(13, 1, 1);
    le(14, 32, 2);
    le(16, 2, 1);
    le(32, 2000, 4);
    le(36, 16, 4);
    le(48, 1, 2);
    le(67, 0x1234abcd, 4);
    le(510, 0xaa55, 2);
    le(32 * 512, 0x0ffffff8, 4);
    le(32 * 512 + 4, 0x0fffffff, 4);
}

Test(mark, fat)
{
    struct fs_mark m, n;

    make_fat();
    cr_assert_eq(mark("vfat", &m), 0);
    cr_expect_str_eq(m.uuid, "1234-ABCD");
    cr_expect_eq(m.size_bytes, 2000 * 512);
    cr_expect_null(m.dirty);
    cr_expect_str_eq(m.fingerprint, "");
    le(512 + 488, 7, 4); /* FSINFO's count of free clusters */
    cr_assert_eq(mark("vfat", &n), 0);
    cr_expect_not(mark_equal(&m, &n));
    disk[65] = 1;
    cr_assert_eq(mark("vfat", &m), 0);
    cr_expect_not_null(m.dirty);
}

Test(mark, fat_that_windows_has_not_unmounted)
{
    struct fs_mark m, n;

    make_fat();
    cr_assert_eq(mark("vfat", &m), 0);
    le(32 * 512 + 4, 0x07ffffff, 4);
    cr_assert_eq(mark("vfat", &n), 0);
    cr_expect(n.dirty != NULL && strstr(n.dirty, "not unmounted") != NULL);
    cr_expect_not(mark_equal(&m, &n), "who mounts it meanwhile is seen");
    le(32 * 512 + 4, 0x0bffffff, 4);
    cr_assert_eq(mark("vfat", &n), 0);
    cr_expect(n.dirty != NULL && strstr(n.dirty, "errors") != NULL);
    fail_at = 32 * 512;
    cr_expect_eq(mark("vfat", &n), -EIO);
    fail_at = -1;
    le(14, 0, 2);
    cr_expect_eq(mark("vfat", &n), -EBADMSG);
}

Test(mark, iso9660)
{
    struct fs_mark m;

    clear();
    disk[32768] = 1;
    memcpy(disk + 32769, "CD001", 5);
    le(32768 + 80, 300, 4);
    le(32768 + 128, 2048, 2);
    memcpy(disk + 32768 + 813, "2026112505550000", 16);
    memcpy(disk + 32768 + 830, "0000000000000000", 16);
    cr_assert_eq(mark("iso9660", &m), 0);
    cr_expect_str_eq(m.uuid, "2026-11-25-05-55-00-00");
    cr_expect_eq(m.size_bytes, 300 * 2048);
    memcpy(disk + 32768 + 830, "2026112605550000", 16);
    cr_assert_eq(mark("iso9660", &m), 0);
    cr_expect_str_eq(m.uuid, "2026-11-26-05-55-00-00", "the later date counts");
}
