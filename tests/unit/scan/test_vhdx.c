/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VHDX made by hand; real ones are in images.py. */
#include <criterion/criterion.h>

#include "made.h"

TestSuite(vhdx, .init = make_vhdx);

enum { HEADER_1 = 64 << 10, HEADER_2 = 128 << 10, REGIONS_1 = 192 << 10, REGIONS_2 = 256 << 10 };

static size_t item(size_t i)
{
    return VHDX_METADATA + 32 + 32 * i;
}

Test(vhdx, dynamic)
{
    const struct parsed_image *image = parsed();

    cr_assert_eq(image->format, IMAGE_VHDX);
    cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
    cr_assert_str_eq(image->subformat, "dynamic");
    cr_assert_eq(image->virtual_bytes.v, 64 << 20);
    cr_assert_eq(image->block_bytes.v, 8 << 20);
    cr_assert_eq(image->sector_bytes.v, 512);
    cr_assert_eq(image->version.v, 1);
    cr_assert_eq(image->flags, 0);
    cr_assert_leq(parsed_asks(), 12);
}

Test(vhdx, fixed_with_large_sectors)
{
    put_le(VHDX_PARAMETERS + 4, 4, 1);
    put_le(VHDX_SECTOR, 4, 4096);
    put_guid(VHDX_ITEMS + 12288, "01234567-89ab-cdef-0123-456789abcdef");
    cr_assert_str_eq(parsed()->subformat, "fixed");
    cr_assert_eq(parsed()->sector_bytes.v, 4096);
    cr_assert_str_eq(parsed()->uuid, "01234567-89ab-cdef-0123-456789abcdef");
}

Test(vhdx, the_newer_good_header_counts)
{
    put_guid(HEADER_2 + 48, "01234567-89ab-cdef-0123-456789abcdef");
    seal_vhdx();
    cr_assert_eq(parsed()->flags, 0);
    put_le(HEADER_2 + 8, 8, 8);
    seal_vhdx();
    cr_assert_eq(parsed()->flags, IMAGE_NEEDS_LOG | IMAGE_DIRTY);
    cr_assert_eq(parsed()->fault, IMAGE_SOUND);
    made[HEADER_2 + 4000] = 1;
    cr_assert_eq(parsed()->flags, 0);
    made[HEADER_1 + 4000] = 1;
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_CHECKSUM));
    memset(made + HEADER_1, 0, 4096);
    memset(made + HEADER_2, 0, 4096);
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_MALFORMED));
}

Test(vhdx, versions)
{
    put_le(HEADER_1 + 66, 2, 2);
    seal_vhdx();
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_VERSION));
    put_le(HEADER_1 + 66, 2, 1);
    put_le(HEADER_1 + 64, 2, 1); /* of the log, which is empty */
    seal_vhdx();
    cr_assert_eq(parsed()->fault, IMAGE_SOUND);
    made[HEADER_1 + 48] = 1;
    seal_vhdx();
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_VERSION));
}

Test(vhdx, any_good_region_table)
{
    made[REGIONS_1 + 65535] = 1;
    cr_assert_eq(parsed()->fault, IMAGE_SOUND, "%s", parsed()->why);
    made[REGIONS_2] = 'x';
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_CHECKSUM));
}

Test(vhdx, regions_that_cannot_be)
{
    put_le(REGIONS_1 + 8, 4, 2048);
    seal_vhdx();
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_MALFORMED));
    put_le(REGIONS_1 + 8, 4, 1); /* no metadata */
    seal_vhdx();
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_MALFORMED));
    put_le(REGIONS_1 + 8, 4, 3);
    put_guid(REGIONS_1 + 80, "01234567-89ab-cdef-0123-456789abcdef");
    seal_vhdx();
    cr_assert_eq(parsed()->fault, IMAGE_SOUND);
    put_le(REGIONS_1 + 80 + 28, 4, 1); /* needed, and not known */
    seal_vhdx();
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_FEATURE));
    make_vhdx();
    put_le(REGIONS_1 + 48 + 16, 8, UINT64_MAX - 65536);
    seal_vhdx();
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_MALFORMED));
    put_le(REGIONS_1 + 48 + 16, 8, 16 << 20);
    seal_vhdx();
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_TRUNCATED));
    make_vhdx();
    put_le(REGIONS_1 + 16 + 16, 8, 4 << 20); /* the block table: only the disk is hurt */
    seal_vhdx();
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
    cr_assert_eq(parsed()->virtual_bytes.v, 64 << 20);
}

Test(vhdx, metadata_that_cannot_be)
{
    static const struct {
        size_t at, width;
        uint64_t v;
        enum image_fault fault;
    } cases[] = {
        { VHDX_METADATA, 1, 'x', IMAGE_MALFORMED },
        { VHDX_METADATA + 10, 2, 2048, IMAGE_MALFORMED },
        { VHDX_METADATA + 10, 2, 2, IMAGE_MALFORMED },      /* no sector size */
        { VHDX_METADATA + 32 + 20, 4, 7, IMAGE_MALFORMED }, /* too small */
        { VHDX_METADATA + 32 + 16, 4, 60 << 10, IMAGE_MALFORMED },
        { VHDX_METADATA + 32 + 16, 4, (1 << 20) - 7, IMAGE_MALFORMED },
        { VHDX_METADATA + 32 + 3 * 32 + 16, 4, (1 << 20) - 15, IMAGE_MALFORMED },
        { VHDX_METADATA + 32 + 4 * 32 + 20, 4, (64 << 10) + 1, IMAGE_LIMIT },
        { VHDX_METADATA + 32 + 4 * 32, 1, 0, IMAGE_FEATURE },
        { VHDX_PARAMETERS, 4, 3 << 20, IMAGE_MALFORMED },
        { VHDX_PARAMETERS, 4, 512 << 20, IMAGE_MALFORMED },
        { VHDX_PARAMETERS, 4, 1 << 19, IMAGE_MALFORMED },
        { VHDX_SIZE, 8, (64ULL << 40) + 512, IMAGE_MALFORMED },
        { VHDX_SIZE, 8, 1000, IMAGE_MALFORMED },
        { VHDX_SECTOR, 4, 0, IMAGE_MALFORMED },
        { VHDX_SECTOR, 4, 1024, IMAGE_MALFORMED },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make_vhdx();
        put_le(cases[i].at, cases[i].width, cases[i].v);
        cr_expect(is_fault(IMAGE_VHDX, cases[i].fault), "case %zu", i);
    }
    make_vhdx();
    memcpy(made + item(4), made + item(0), 32); /* twice */
    cr_expect(is_fault(IMAGE_VHDX, IMAGE_MALFORMED));
    make_vhdx();
    made[item(4)] ^= 1; /* not known, and not needed */
    put_le(item(4) + 24, 4, 0);
    cr_expect_eq(parsed()->fault, IMAGE_SOUND);
}

static size_t texts;

static void put_pair(size_t i, const char *key, const char *value)
{
    size_t entry = VHDX_PARENT + 20 + 12 * i, n;

    put_le(VHDX_PARENT + 18, 2, i + 1);
    put_le(entry, 4, texts);
    n = put_utf16(VHDX_PARENT + texts, key, false);
    put_le(entry + 8, 2, n);
    texts += n;
    put_le(entry + 4, 4, texts);
    n = put_utf16(VHDX_PARENT + texts, value, false);
    put_le(entry + 10, 2, n);
    texts += n;
}

Test(vhdx, differencing_names_its_parent)
{
    const struct parsed_image *image;

    texts = 256;
    put_le(VHDX_PARAMETERS + 4, 4, 2);
    put_guid(VHDX_PARENT, "b04aefb7-d19e-4a81-b789-25b8e9445913");
    put_pair(0, "absolute_win32_path", "C:\\x.vhdx");
    image = parsed();
    cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
    cr_assert_str_eq(image->subformat, "differencing");
    cr_assert_str_eq(image->backing.text, "C:\\x5cx.vhdx");
    put_pair(1, "relative_path", ".\\x.vhdx");
    put_pair(2, "absolute_win32_path", "D:\\x.vhdx");
    put_pair(3, "parent_linkage", "{83ed21c5-0bd8-4bf8-a5c9-0f1dc9ad5c4e}");
    image = parsed();
    cr_assert_str_eq(image->backing.text, ".\\x5cx.vhdx");
    cr_assert_eq(image->backing.kind, IMAGE_NAME_WINDOWS);
    cr_assert_str_eq(image->backing_uuid, "{83ed21c5-0bd8-4bf8-a5c9-0f1dc9ad5c4e}");
    cr_assert_str_eq(image->backing_format, "vhdx");
    put_le(VHDX_PARENT + 20 + 12 + 4, 4, 1020); /* a value beyond the end */
    cr_assert_eq(parsed()->fault, IMAGE_SOUND);
    made[VHDX_PARENT] ^= 1;
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_FEATURE));
    put_le(VHDX_PARAMETERS + 4, 4, 0); /* what is left of a parent that was merged */
    cr_assert_str_eq(parsed()->subformat, "dynamic");
    cr_assert_null(parsed()->backing.text);
}

Test(vhdx, cut_short)
{
    made_bytes = REGIONS_2 + 4096; /* one good region table is enough to know more is missing */
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_TRUNCATED));
    made_bytes = HEADER_1 + 100;
    cr_assert(is_fault(IMAGE_VHDX, IMAGE_TRUNCATED));
    made_bytes = 4 << 20;
    cr_assert_eq(parsed_shrinking(REGIONS_1)->fault, IMAGE_TRUNCATED);
}
