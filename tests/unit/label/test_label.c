/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The row that a label makes, and where else than at its ends a container is looked at. */
#include <criterion/criterion.h>

#include "collect/parse_label.h"

static struct arena *a;
static struct rows r;
static uint8_t sector[LABEL_SECTOR_BYTES];

static void set_up(void)
{
    a = arena_new(0);
    r = (struct rows){ .a = a };
    memset(sector, 0, sizeof sector);
}

static void tear_down(void)
{
    cr_assert_not(r.failed);
    arena_free(a);
}

TestSuite(label, .init = set_up, .fini = tear_down);

static const struct label_container container = { .container = "naa.1", .device = "sda" };

static void put(size_t at, size_t width, uint64_t v)
{
    for (size_t i = 0; i < width; i++)
        sector[at + i] = (uint8_t)(v >> 8 * i);
}

Test(label, nothing_and_tables_and_pvs_make_no_row)
{
    struct filesystem row = { .present = 0 };
    struct label nothing = { .type = NULL }, table = { .table_type = "gpt" };
    struct label pv = { .type = "LVM2_member", .usage = "raid", .uuid = "abc-def" };

    cr_assert_not(parse_label_filesystem(&r, &container, &nothing, &row));
    cr_assert_not(parse_label_filesystem(&r, &container, &table, &row));
    cr_assert_not(parse_label_filesystem(&r, &container, &pv, &row));
    cr_assert_eq(row.present, 0);
    cr_assert_str_eq(label_pv_uuid(&pv), "abc-def");
    cr_assert_null(label_pv_uuid(&nothing));
}

Test(label, a_row_has_what_is_told_and_nothing_else)
{
    static const char *const one[] = { "ext4" };
    struct label l = {
        .type = "ext4", .usage = "filesystem", .uuid = "u", .signatures = { one, 1 }
    };
    struct filesystem row = { .present = 0 };

    l.superblock.state = STATE_DIRTY;
    l.superblock.free_bytes = (struct opt){ true, 5 };
    cr_assert(parse_label_filesystem(&r, &container, &l, &row));
    cr_assert_str_eq(row.container, "naa.1");
    cr_assert_str_eq(row.device, "sda");
    cr_assert_str_eq(row.state, "dirty");
    cr_assert_eq(row.free_bytes, 5);
    cr_assert_not(REC_HAS(&row, filesystem, signatures));
    cr_assert_not(REC_HAS(&row, filesystem, size_bytes));
    cr_assert_not(REC_HAS(&row, filesystem, journal));
    cr_assert_not(REC_HAS(&row, filesystem, mmp));
    cr_assert_not(REC_HAS(&row, filesystem, holders));
    cr_assert_not(REC_HAS(&row, filesystem, paths_total));
}

Test(label, where_it_lies_comes_from_others)
{
    static const char *const holders[] = { "dm-1" };
    struct label_container c = container;
    struct label l = { .type = "xfs" };
    struct filesystem row = { .present = 0 };

    c.holders = (struct strs){ holders, 1 };
    c.paths_active = (struct opt){ true, 1 };
    c.paths_total = (struct opt){ true, 2 };
    cr_assert(parse_label_filesystem(&r, &c, &l, &row));
    cr_assert_str_eq(row.holders.v[0], "dm-1");
    cr_assert_eq(row.paths_active, 1);
    cr_assert_eq(row.paths_total, 2);
}

Test(label, contradicting_signatures_have_no_type)
{
    static const char *const both[] = { "ext4", "xfs" };
    struct label l = { .ambivalent = true, .signatures = { both, 2 } };
    struct filesystem row = { .present = 0 };

    cr_assert(parse_label_filesystem(&r, &container, &l, &row));
    cr_assert_not(REC_HAS(&row, filesystem, type));
    cr_assert_eq(row.signatures.n, 2);
}

Test(label, external_journal_in_text)
{
    struct label l = { .type = "ext4", .superblock = { .journal = JOURNAL_EXTERNAL } };
    struct filesystem row = { .present = 0 };

    l.superblock.journal_uuid.b[15] = 0xfe;
    cr_assert(parse_label_filesystem(&r, &container, &l, &row));
    cr_assert_str_eq(row.journal, "external");
    cr_assert_str_eq(row.journal_uuid, "00000000-0000-0000-0000-0000000000fe");
}

Test(label, partitions_by_number)
{
    const struct label_partition v[] = { { .number = 1 }, { .number = 5, .uuid = "x" } };
    struct label l = { .partitions = v, .partition_count = 2 };

    cr_assert_str_eq(label_partition(&l, 5)->uuid, "x");
    cr_assert_null(label_partition(&l, 2));
}

Test(label, extended_partitions)
{
    struct bytes b = { sector, sizeof sector };

    put(446 + 16 + 4, 1, 0x0f);
    put(446 + 16 + 8, 4, 2048);
    cr_assert_not(label_extended_start(b).has);
    put(510, 2, 0xaa55);
    cr_assert_eq(label_extended_start(b).v, 2048);
    put(446 + 4, 1, 0x83);
    put(446 + 8, 4, 1);
    cr_assert_eq(label_extended_start(b).v, 2048);
    put(446 + 16 + 8, 4, 0); /* would lead back to itself */
    cr_assert_not(label_extended_start(b).has);
    b.n = 100;
    cr_assert_not(label_extended_start(b).has);
}

Test(label, far_ends_of_windows_formats)
{
    struct bytes b = { sector, sizeof sector };

    cr_assert_not(label_far_start(b).has);
    put(11, 2, 512);
    put(13, 1, 8);
    put(14, 2, 32);
    put(16, 1, 2);
    put(22, 2, 100);
    cr_assert_eq(label_far_start(b).v, (32 + 2 * 100) * 512);
    put(22, 2, 0);
    put(36, 4, 1000);
    put(44, 4, 5);
    cr_assert_eq(label_far_start(b).v, (32 + 2 * 1000 + 3 * 8) * 512);
    put(44, 4, 1);
    cr_assert_not(label_far_start(b).has);

    memcpy(sector + 3, "NTFS    ", 8);
    put(48, 8, 786432);
    cr_assert_eq(label_far_start(b).v, UINT64_C(786432) * 4096);
    put(13, 1, 0xf4); /* 2^12 sectors */
    cr_assert_eq(label_far_start(b).v, UINT64_C(786432) * 4096 * 512);
    put(48, 8, UINT64_MAX);
    cr_assert_not(label_far_start(b).has);

    memcpy(sector + 3, "EXFAT   ", 8);
    put(88, 4, 4096);
    put(96, 4, 4);
    put(108, 1, 9);
    put(109, 1, 3);
    cr_assert_eq(label_far_start(b).v, (4096 + 2 * 8) * 512);
    put(109, 1, 200);
    cr_assert_not(label_far_start(b).has);
}

Test(label, some_formats_ask_for_more_than_the_beginning)
{
    static uint8_t begin[LABEL_BEGIN_BYTES];
    struct bytes b = { begin, sizeof begin };

    cr_assert_not(label_asks_for_more(b));
    memcpy(begin + 32768 + 2048 + 1, "BEA01", 5);
    cr_assert(label_asks_for_more(b), "UDF beside ISO 9660");
    cr_assert_not(label_asks_for_more((struct bytes){ begin, 32768 + 2048 + 5 }), "cut");
    memset(begin, 0, sizeof begin);
    memcpy(begin + 65536 - 2048 + 1, "NSR03", 5);
    cr_assert(label_asks_for_more(b));
    memset(begin, 0, sizeof begin);
    memcpy(begin + 1024, "BD", 2);
    cr_assert(label_asks_for_more(b), "HFS");
    cr_assert_not(label_asks_for_more((struct bytes){ NULL, 0 }));
}
