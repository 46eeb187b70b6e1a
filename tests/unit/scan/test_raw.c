/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks as they are, what is no image, and files that change and end meanwhile. */
#include <criterion/criterion.h>

#include "made.h"
#include "random.h"
#include "scan/limits.h"
#include "scan/parse_image_internal.h"

TestSuite(raw, .init = made_clear);

static bool holds(const char *content)
{
    const struct parsed_image *image = parsed();

    if (image->format == IMAGE_RAW && image->content != NULL &&
        strcmp(image->content, content) == 0 && image->virtual_bytes.v == made_bytes)
        return true;
    cr_log_error("format %s, content %s, not %s", image_format_name(image->format), image->content,
                 content);
    return false;
}

static void put_partition(size_t i, unsigned type, uint64_t start, uint64_t sectors)
{
    size_t at = 446 + 16 * i;

    put_le(at + 4, 1, type);
    put_le(at + 8, 4, start);
    put_le(at + 12, 4, sectors);
    put_le(510, 2, 0xaa55);
}

static void put_gpt(size_t sector, uint64_t last)
{
    put(sector, "EFI PART");
    put_le(sector + 12, 4, 92);
    put_le(sector + 32, 8, last);
    put_le(sector + 16, 4, image_crc32(CRC32_OF_GPT, (struct bytes){ made + sector, 92 }, 16));
}

Test(raw, checksums_are_those_of_the_standards)
{
    struct bytes b = { (const uint8_t *)"123456789", 9 };

    cr_assert_eq(image_crc32(CRC32_OF_GPT, b, 9), 0xcbf43926);
    cr_assert_eq(image_crc32(CRC32_OF_VHDX, b, 9), 0xe3069283);
}

Test(raw, mbr)
{
    put_partition(0, 0x83, 63, 1000);
    put_partition(2, 0x82, 1063, 985);
    cr_assert(holds("mbr"));
    cr_assert_eq(parsed()->flags, 0);
    put_partition(2, 0x82, 1063, 986);
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
    put_le(446, 1, 0x80);
    cr_assert(holds("mbr"));
    put_le(446, 1, 0x81);
    cr_assert_eq(parsed()->format, IMAGE_NONE);
}

Test(raw, what_only_looks_like_an_mbr)
{
    put_le(510, 2, 0xaa55);
    cr_assert_eq(parsed()->format, IMAGE_NONE);
    put_partition(0, 0x83, 0, 1000);
    cr_assert_eq(parsed()->format, IMAGE_NONE);
    put_partition(0, 0x83, 63, 0);
    cr_assert_eq(parsed()->format, IMAGE_NONE);
    put_partition(0, 0x83, 2048, 10); /* begins beyond the end */
    cr_assert_eq(parsed()->format, IMAGE_NONE);
    put_partition(0, 0x83, 63, 10);
    put_le(510, 2, 0);
    cr_assert_eq(parsed()->format, IMAGE_NONE);
}

Test(raw, gpt)
{
    put_gpt(512, 2047);
    cr_assert(holds("gpt"));
    cr_assert_eq(parsed()->flags, 0);
    put_gpt(512, 2048);
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
    put_le(512 + 60, 1, 1);
    cr_assert_eq(parsed()->flags, IMAGE_CORRUPT);
    put_le(512 + 12, 4, 513);
    cr_assert_eq(parsed()->flags, IMAGE_CORRUPT);
    memset(made + 512, 0, 512);
    put_gpt(4096, 255);
    cr_assert(holds("gpt"));
    cr_assert_eq(parsed()->flags, 0);
    memset(made + 4096, 0, 512);
    put_partition(0, 0xee, 1, 0xffffffff); /* the protective MBR alone is left */
    cr_assert(holds("gpt"));
    cr_assert_eq(parsed()->flags, IMAGE_CORRUPT);
}

Test(raw, file_systems_and_others)
{
    put(0, "LUKS\xba\xbe");
    cr_assert(holds("crypto_LUKS"));
    made_clear();
    put(512, "LABELONE");
    put(512 + 24, "LVM2 001");
    cr_assert(holds("LVM2_member"));
    made_clear();
    put(3, "NTFS    ");
    put_le(11, 2, 512);
    put_le(40, 8, 2047);
    cr_assert(holds("ntfs"));
    put_le(40, 8, 2049);
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
    made_clear();
    put(3, "EXFAT   ");
    put_le(108, 1, 9);
    put_le(72, 8, 2048);
    cr_assert(holds("exfat"));
    made_clear();
    put(0, "XFSB");
    put_be(4, 4, 4096);
    put_be(8, 8, 256);
    cr_assert(holds("xfs"));
    cr_assert_eq(parsed()->flags, 0);
    put_be(8, 8, 257);
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
    made_clear();
    put((64 << 10) + 64, "_BHRfS_M");
    put_le((64 << 10) + 144, 4, 4096);
    put_le((64 << 10) + 112, 8, 1 << 20);
    cr_assert(holds("btrfs"));
    made_clear();
    put(4086, "SWAPSPACE2");
    put_le(1024, 4, 1);
    put_le(1028, 4, 255);
    cr_assert(holds("swap"));
}

Test(raw, ext_by_its_features)
{
    static const struct {
        uint64_t compat, incompat, ro_compat;
        const char *type;
    } cases[] = {
        { 0, 0x2, 0x3, "ext2" },   { 0x4, 0x2, 0x3, "ext3" }, { 0x4, 0x42, 0x3, "ext4" },
        { 0x4, 0x6, 0x8, "ext4" }, { 0, 0x8, 0, "jbd" },
    };

    put_le(1024 + 4, 4, 256);
    put_le(1024 + 0x18, 4, 2);
    put_le(1024 + 0x38, 2, 0xef53);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        put_le(1024 + 0x5c, 4, cases[i].compat);
        put_le(1024 + 0x60, 4, cases[i].incompat);
        put_le(1024 + 0x64, 4, cases[i].ro_compat);
        cr_expect(holds(cases[i].type), "case %zu", i);
    }
    put_partition(0, 0x83, 63, 100); /* a table that was written over it counts more */
    cr_assert(holds("mbr"));
}

Test(raw, a_cd_is_as_large_as_it_says)
{
    put(32768, "\001CD001");
    put_le(32768 + 80, 4, 300);
    put_le(32768 + 128, 2, 2048);
    put_partition(0, 0x17, 1, 1200); /* it can be started from a disk too */
    cr_assert_eq(parsed()->format, IMAGE_ISO9660);
    cr_assert_eq(parsed()->virtual_bytes.v, 300 * 2048);
    cr_assert_eq(parsed()->block_bytes.v, 2048);
    cr_assert_eq(parsed()->flags, 0);
    put_le(32768 + 80, 4, 513);
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
}

Test(raw, no_image)
{
    cr_assert_eq(parsed()->format, IMAGE_NONE);
    cr_assert_eq(parsed()->flags, IMAGE_BLANK);
    cr_assert_not(parsed()->virtual_bytes.has);
    made[60000] = 1;
    cr_assert_eq(parsed()->flags, 0);
    made_bytes = IMAGE_LEAST_BYTES - 1;
    put(0, "QFI\xfb");
    cr_assert_eq(parsed()->format, IMAGE_NONE);
    cr_assert_eq(parsed()->fault, IMAGE_SOUND);
    cr_assert_eq(parsed_asks(), 0);
    made_bytes = IMAGE_LEAST_BYTES;
    cr_assert_eq(parsed()->format, IMAGE_QCOW2);
    made_bytes = 0;
    cr_assert_eq(parsed()->format, IMAGE_NONE);
}

Test(raw, a_file_that_shrinks_while_it_is_read)
{
    put_partition(0, 0x83, 63, 100);
    cr_assert_eq(parsed_shrinking(100 << 10)->flags, IMAGE_SHORT);
    cr_assert_not_null(parsed_shrinking(100 << 10)->why);
    cr_assert(parsed_shrinking(0)->flags & IMAGE_SHORT);
    make_vhdx();
    for (uint64_t n = 0; n < VHDX_ITEMS; n += 50000)
        cr_expect_neq(parsed_shrinking(n)->fault, IMAGE_SOUND, "%llu", (unsigned long long)n);
}

Test(raw, what_cannot_be_read)
{
    struct arena *a = arena_new(0);
    struct image_parse *p = parse_image_start(a, 1 << 20, IMAGE_IN_FILE);
    struct image_ask ask;

    cr_assert(parse_image_needs(p, &ask));
    parse_image_failed(p, "Input/output error");
    cr_assert_not(parse_image_needs(p, &ask));
    cr_assert_eq(parse_image_result(p)->fault, IMAGE_UNREADABLE);
    cr_assert(strstr(parse_image_result(p)->why, "Input/output error") != NULL);
    parse_image_give(p, (struct bytes){ made, 4096 }); /* too late: nothing happens */
    parse_image_failed(p, "again");
    cr_assert(strstr(parse_image_result(p)->why, "Input/output error") != NULL);
    arena_free(a);
}

Test(raw, out_of_memory)
{
    size_t met = 0;

    make_vhdx();
    put_le(VHDX_PARAMETERS + 4, 4, 2);
    for (size_t limit = 1; limit < 8192; limit += 16) {
        struct arena *a = arena_new(limit);
        struct image_parse *p = parse_image_start(a, made_bytes, IMAGE_IN_FILE);
        struct image_ask ask;

        while (p != NULL && parse_image_needs(p, &ask))
            parse_image_give(p, (struct bytes){ made + ask.offset, ask.bytes });
        if (p != NULL && parse_image_result(p)->fault == IMAGE_MEMORY) {
            met++;
            cr_expect_not_null(parse_image_result(p)->why);
        }
        arena_free(a);
    }
    cr_assert_gt(met, 0);
}

static void make(unsigned which)
{
    static void (*const made_by[])(void) = { make_vhdx, made_clear };

    if (which < 2)
        made_by[which]();
    else if (which < 4)
        make_qcow2(which);
    else if (which < 7)
        make_vhd(which - 2);
    else if (which == 7)
        make_vmdk_sparse("# Disk DescriptorFile\nversion=1\ncreateType=\"monolithicSparse\"\n"
                         "RW 131072 SPARSE \"x.vmdk\"\n");
    else
        make_vmdk_text("# Disk DescriptorFile\nversion=1\nparentFileNameHint=\"p\"\n"
                       "createType=\"custom\"\nRW 8 FLAT \"x\" 0\nRW 8 SPARSE \"y\"\n# ........\n");
}

/* Each cut anywhere and with some bytes changed: an answer, within bounds, whatever it is. */
Test(raw, cut_and_broken)
{
    static const size_t places[] = { 0, 512, 65536, 131072, 196608, VHDX_METADATA, VHDX_ITEMS };
    uint64_t dice = random_seed();

    for (unsigned i = 0; i < 4000; i++) {
        make((unsigned)random_below(&dice, 9));
        for (uint64_t k = random_below(&dice, 6); k > 0; k--) {
            size_t at = places[random_below(&dice, ARRAY_LEN(places))];

            made[at + random_below(&dice, 256)] = (uint8_t)random_next(&dice);
        }
        if (random_chance(&dice, 30))
            made_bytes = random_below(&dice, made_bytes + 1);
        if (random_chance(&dice, 20))
            seal_vhdx();
        if (random_chance(&dice, 30))
            parsed_shrinking(random_below(&dice, made_bytes + 1));
        else
            parsed();
    }
}
