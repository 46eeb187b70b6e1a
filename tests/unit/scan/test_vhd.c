/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VHD made by hand; real fixed and dynamic ones are in images.py. */
#include <criterion/criterion.h>

#include "made.h"

TestSuite(vhd, .init = made_clear);

static void put_locator(unsigned i, uint32_t code, size_t at, size_t bytes)
{
    size_t entry = VHD_HEADER + 576 + 24 * (size_t)i;

    put_be(entry, 4, code);
    put_be(entry + 4, 4, 512);
    put_be(entry + 8, 4, bytes);
    put_be(entry + 16, 8, at);
}

enum { MACX = 0x4d616358, W2RU = 0x57327275, W2KU = 0x57326b75 };

Test(vhd, fixed)
{
    const struct parsed_image *image;

    make_vhd(2);
    image = parsed();
    cr_assert_eq(image->format, IMAGE_VHD);
    cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
    cr_assert_str_eq(image->subformat, "fixed");
    cr_assert_eq(image->virtual_bytes.v, 1 << 20);
    cr_assert_eq(image->version.v, 1);
    cr_assert_str_eq(image->uuid, "ab000000-0000-0000-0000-000000000000");
    cr_assert_eq(image->flags, 0);
    cr_assert_null(image->content);
    cr_assert_eq(parsed_asks(), 2);
}

Test(vhd, fixed_with_a_disk_in_it)
{
    make_vhd(2);
    put_le(446 + 4, 1, 0x83);
    put_le(446 + 8, 4, 63);
    put_le(446 + 12, 4, 100);
    put_le(510, 2, 0xaa55);
    cr_assert_eq(parsed()->format, IMAGE_VHD);
    cr_assert_str_eq(parsed()->content, "mbr");
}

Test(vhd, fixed_that_was_cut)
{
    make_vhd(2);
    put_be((1 << 20) + 48, 8, (1 << 20) + 512);
    seal_vhd(1 << 20);
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
    made_bytes += 1; /* no footer is at its end now */
    cr_assert_eq(parsed()->format, IMAGE_NONE);
}

Test(vhd, dynamic)
{
    const struct parsed_image *image;

    make_vhd(3);
    image = parsed();
    cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
    cr_assert_str_eq(image->subformat, "dynamic");
    cr_assert_eq(image->virtual_bytes.v, 64 << 20);
    cr_assert_eq(image->block_bytes.v, 2 << 20);
    cr_assert_eq(image->flags, 0);
    cr_assert_null(image->backing_uuid);
    cr_assert_null(image->backing.text);
}

Test(vhd, size_as_its_maker_means_it)
{
    static const struct {
        const char *maker;
        uint64_t bytes;
    } cases[] = {
        { "win ", 64 << 20 },
        { "qem2", 64 << 20 },
        { "d2v ", 64 << 20 },
        { "CTXS", 64 << 20 },
        { "wa", 64 << 20 },
        { "tap", 64 << 20 },
        { "qemu", 100 * 4 * 17 * 512 },
        { "vpc ", 100 * 4 * 17 * 512 },
        { "vbox", 100 * 4 * 17 * 512 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make_vhd(3);
        put_be(28, 4, 0);
        put(28, cases[i].maker);
        seal_vhd(0);
        cr_expect_eq(parsed()->virtual_bytes.v, cases[i].bytes, "%s", cases[i].maker);
    }
    put_be(56, 4, 0xffff10ff); /* the largest geometry */
    seal_vhd(0);
    cr_expect_eq(parsed()->virtual_bytes.v, 64 << 20);
}

Test(vhd, differencing_names_its_parent)
{
    const struct parsed_image *image;

    make_vhd(4);
    image = parsed();
    cr_assert_str_eq(image->subformat, "differencing");
    cr_assert_str_eq(image->backing.text, "parent.vhd");
    cr_assert_str_eq(image->backing_uuid, "cd000000-0000-0000-0000-000000000000");
    cr_assert_str_eq(image->backing_format, "vhd");
    put_locator(0, W2KU, 200 << 10, put_utf16(200 << 10, "C:\\images\\parent.vhd", false));
    seal_vhd_header();
    cr_assert_str_eq(parsed()->backing.text, "C:\\x5cimages\\x5cparent.vhd");
    put_locator(5, W2RU, 300 << 10, put_utf16(300 << 10, "..\\parent.vhd", false));
    seal_vhd_header();
    image = parsed();
    cr_assert_eq(image->backing.kind, IMAGE_NAME_WINDOWS);
    cr_assert_str_eq(image->backing.text, "..\\x5cparent.vhd");
    put(400 << 10, "file://./parent.vhd");
    put_locator(7, MACX, 400 << 10, 19);
    seal_vhd_header();
    image = parsed();
    cr_assert_eq(image->backing.kind, IMAGE_NAME_URL);
    cr_assert_str_eq(image->backing.text, "file://./parent.vhd");
    cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
}

Test(vhd, locators_that_say_nothing)
{
    make_vhd(4);
    put_locator(0, MACX, 400 << 10, 0);
    put_locator(1, MACX, 400 << 10, 5000);
    put_locator(2, MACX, 400 << 10, 19); /* zeros */
    put_locator(3, 0x57693272, 400 << 10, 19);
    seal_vhd_header();
    cr_assert_str_eq(parsed()->backing.text, "parent.vhd");
    put_locator(4, MACX, 2 << 20, 19);
    seal_vhd_header();
    cr_assert(is_fault(IMAGE_VHD, IMAGE_TRUNCATED));
}

Test(vhd, checksums)
{
    make_vhd(2);
    made[(1 << 20) + 100] = 1;
    cr_assert(is_fault(IMAGE_VHD, IMAGE_CHECKSUM));
    make_vhd(3);
    made[VHD_HEADER + 1000] = 1;
    cr_assert(is_fault(IMAGE_VHD, IMAGE_CHECKSUM));
    make_vhd(3);
    made[100] = 1; /* the copy alone: the footer counts */
    cr_assert_eq(parsed()->fault, IMAGE_SOUND, "%s", parsed()->why);
    cr_assert_eq(parsed()->virtual_bytes.v, 64 << 20);
    made[(1 << 20) + 100] = 1;
    cr_assert(is_fault(IMAGE_VHD, IMAGE_CHECKSUM));
    made[1 << 20] = 0;
    cr_assert(is_fault(IMAGE_VHD, IMAGE_CHECKSUM));
}

Test(vhd, a_footer_that_is_missing_at_the_end)
{
    make_vhd(3);
    made[1 << 20] = 'x';
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
    cr_assert_eq(parsed_as(IMAGE_ON_DEVICE)->flags, 0);
    make_vhd(3);
    memmove(made + (1 << 20) + 1, made + (1 << 20), 511); /* one of 511 bytes */
    cr_assert_eq(parsed()->flags, 0);
    make_vhd(3);
    put_be(VHD_HEADER + 16, 8, (1 << 20) + 500); /* a block table that is not there */
    seal_vhd_header();
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
}

Test(vhd, footers_that_cannot_be)
{
    make_vhd(3);
    put_be(12, 4, 0x20000);
    seal_vhd(0);
    cr_assert(is_fault(IMAGE_VHD, IMAGE_VERSION));
    make_vhd(3);
    put_be(60, 4, 5);
    seal_vhd(0);
    cr_assert(is_fault(IMAGE_VHD, IMAGE_FEATURE));
    make_vhd(3);
    put_be(60, 4, 2);
    seal_vhd(0);
    cr_assert(is_fault(IMAGE_VHD, IMAGE_MALFORMED));
    make_vhd(2);
    put_be((1 << 20) + 60, 4, 3);
    seal_vhd(1 << 20);
    cr_assert(is_fault(IMAGE_VHD, IMAGE_MALFORMED));
    make_vhd(3);
    put_be(48, 8, UINT64_MAX);
    seal_vhd(0);
    cr_assert(is_fault(IMAGE_VHD, IMAGE_MALFORMED));
}

Test(vhd, second_headers_that_cannot_be)
{
    static const struct {
        size_t at;
        uint32_t v;
        enum image_fault fault;
    } cases[] = {
        { 0, 0, IMAGE_MALFORMED },    { 24, 0x20000, IMAGE_VERSION },
        { 28, 31, IMAGE_MALFORMED },  { 32, 3 << 20, IMAGE_MALFORMED },
        { 32, 0, IMAGE_MALFORMED },   { 32, 512 << 20, IMAGE_MALFORMED },
        { 32, 256, IMAGE_MALFORMED },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make_vhd(3);
        put_be(VHD_HEADER + cases[i].at, 4, cases[i].v);
        seal_vhd_header();
        cr_expect(is_fault(IMAGE_VHD, cases[i].fault), "case %zu", i);
    }
    make_vhd(3);
    put_be(16, 8, UINT64_MAX - 100);
    seal_vhd(0);
    cr_expect(is_fault(IMAGE_VHD, IMAGE_TRUNCATED));
}
