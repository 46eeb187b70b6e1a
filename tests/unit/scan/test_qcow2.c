/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2 made by hand: what qemu-img does not make, and what is wrong. Real ones are in images.py.
 */
#include <criterion/criterion.h>

#include "made.h"
#include "scan/limits.h"

TestSuite(qcow2, .init = made_clear);

static size_t put_extension(size_t at, uint32_t type, const char *data)
{
    put_be(at, 4, type);
    put_be(at + 4, 4, strlen(data));
    put(at + 8, data);
    return at + 8 + (strlen(data) + 7) / 8 * 8;
}

Test(qcow2, both_versions)
{
    for (unsigned version = 2; version <= 3; version++) {
        const struct parsed_image *image;

        make_qcow2(version);
        put_be(60, 4, 5);
        image = parsed();
        cr_assert_eq(image->format, IMAGE_QCOW2);
        cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
        cr_assert_eq(image->version.v, version);
        cr_assert_eq(image->virtual_bytes.v, 64 << 20);
        cr_assert_eq(image->block_bytes.v, 65536);
        cr_assert_eq(image->snapshots.v, 5);
        cr_assert_eq(image->flags, 0);
        cr_assert_eq(image->backing.raw.n, 0);
        cr_assert_eq(parsed_asks(), 1);
    }
}

Test(qcow2, a_guest_sees_whole_sectors)
{
    make_qcow2(3);
    put_be(24, 8, (1 << 20) + 511);
    cr_expect_eq(parsed()->virtual_bytes.v, 1 << 20);
}

Test(qcow2, features)
{
    make_qcow2(3);
    put_be(72, 8, 1 | 2 | 4 | 8 | 16);
    cr_assert_eq(parsed()->flags, IMAGE_DIRTY | IMAGE_CORRUPT | IMAGE_DATA_ELSEWHERE);
    for (unsigned bit = 0; bit < 5; bit++) {
        static const unsigned flags[] = { IMAGE_DIRTY, IMAGE_CORRUPT, IMAGE_DATA_ELSEWHERE, 0, 0 };

        put_be(72, 8, UINT64_C(1) << bit);
        cr_expect_eq(parsed()->flags, flags[bit], "bit %u", bit);
    }
    put_be(72, 8, 32);
    cr_assert(is_fault(IMAGE_QCOW2, IMAGE_FEATURE));
    make_qcow2(2); /* has no such word */
    put_be(72, 8, UINT64_MAX);
    cr_assert_eq(parsed()->flags, 0);
}

Test(qcow2, encrypted)
{
    make_qcow2(3);
    for (uint64_t method = 1; method <= 2; method++) {
        put_be(32, 4, method);
        cr_assert_eq(parsed()->flags, IMAGE_ENCRYPTED);
    }
    put_be(32, 4, 3);
    cr_assert(is_fault(IMAGE_QCOW2, IMAGE_FEATURE));
}

Test(qcow2, backing_and_data_file)
{
    const struct parsed_image *image;
    size_t at = 112;

    make_qcow2(3);
    at = put_extension(at, 0x12345678, "nobody knows");
    at = put_extension(at, 0xe2792aca, "raw");
    at = put_extension(at, 0x44415441, "data\nfile");
    put_be(8, 8, at + 8);
    put_be(16, 4, 9);
    put(at + 8, "base\xff.img, and more");
    put_be(72, 8, 4);
    image = parsed();
    cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
    cr_assert_str_eq(image->backing.text, "base\\xff.img");
    cr_assert_eq(image->backing.raw.n, 9);
    cr_assert_eq(memcmp(image->backing.raw.p, "base\xff.img", 9), 0);
    cr_assert_eq(image->backing.kind, IMAGE_NAME_QEMU);
    cr_assert_str_eq(image->backing_format, "raw");
    cr_assert_str_eq(image->data_file.text, "data\\x0afile");
}

/* With clusters of 2 MiB the names may be far behind the head. */
Test(qcow2, names_beyond_the_head)
{
    const struct parsed_image *image;

    make_qcow2(3);
    made_bytes = 4 << 20;
    put_be(20, 4, 21);
    put_be(40, 8, 2 << 20);
    put_be(48, 8, 2 << 20);
    put_be(112, 4, 0x6803f857);
    put_be(116, 4, 1 << 20);
    put_extension(120 + (1 << 20), 0xe2792aca, "qcow2");
    put_be(8, 8, (2 << 20) - 4);
    put_be(16, 4, 4);
    put((2 << 20) - 4, "base");
    image = parsed();
    cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
    cr_assert_str_eq(image->backing_format, "qcow2");
    cr_assert_str_eq(image->backing.text, "base");
    cr_assert_leq(parsed_asks(), 4);
}

Test(qcow2, a_header_in_too_many_places)
{
    size_t at = 112, step = 40 << 10;

    make_qcow2(3);
    made_bytes = 4 << 20;
    put_be(20, 4, 21);
    put_be(40, 8, 2 << 20);
    put_be(48, 8, 2 << 20);
    for (unsigned i = 0; i < IMAGE_ASKS + 8; i++, at += step) {
        put_be(at, 4, 0x11111111);
        put_be(at + 4, 4, step - 8);
    }
    cr_assert(is_fault(IMAGE_QCOW2, IMAGE_LIMIT));
    cr_assert_eq(parsed_asks(), IMAGE_ASKS);
    put_be(112 + 20 * step, 4, 0);
    cr_assert_eq(parsed()->fault, IMAGE_SOUND);
}

Test(qcow2, a_version_that_is_not_known)
{
    make_qcow2(3);
    for (uint64_t version = 0; version < 6; version++) {
        put_be(4, 4, version);
        if (version != 2 && version != 3)
            cr_expect(is_fault(IMAGE_QCOW2, IMAGE_VERSION));
    }
}

Test(qcow2, headers_that_cannot_be)
{
    static const struct {
        size_t at, width;
        uint64_t v;
    } cases[] = {
        { 20, 4, 8 },                            /* clusters too small */
        { 20, 4, 22 },                           /* too large */
        { 24, 8, UINT64_MAX },                   /* a disk that no row holds */
        { 24, 8, 1ULL << 63 }, { 100, 4, 100 },  /* a header that is too small */
        { 100, 4, 65537 },                       /* larger than its cluster */
        { 8, 8, 65536 + 1 },                     /* the name beyond the first cluster */
        { 8, 8, 50 },                            /* within the header */
        { 40, 8, 65537 },                        /* tables that begin within a cluster */
        { 48, 8, 1 },          { 60, 4, 65537 }, /* snapshots */
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make_qcow2(3);
        put_be(cases[i].at, cases[i].width, cases[i].v);
        cr_expect(is_fault(IMAGE_QCOW2, IMAGE_MALFORMED), "case %zu", i);
    }
    make_qcow2(3);
    put_be(8, 8, 200);
    put_be(16, 4, 1024); /* a name of more bytes than there can be */
    cr_expect(is_fault(IMAGE_QCOW2, IMAGE_MALFORMED));
    put_be(16, 4, 1023);
    cr_expect_eq(parsed()->fault, IMAGE_SOUND);
    put_be(8, 8, 65536 - 3);
    put_be(16, 4, 4);
    cr_expect(is_fault(IMAGE_QCOW2, IMAGE_MALFORMED));
}

Test(qcow2, extensions_that_cannot_be)
{
    size_t at = 112;

    make_qcow2(3);
    put_be(112, 4, 0xe2792aca);
    put_be(116, 4, 65536 - 112 - 7);
    cr_assert(is_fault(IMAGE_QCOW2, IMAGE_MALFORMED));
    put_be(116, 4, IMAGE_NAME_BYTES + 1);
    cr_assert(is_fault(IMAGE_QCOW2, IMAGE_LIMIT));
    make_qcow2(3);
    for (unsigned i = 0; i <= QCOW2_EXTENSIONS; i++)
        at = put_extension(at, 0x11111111, "");
    cr_assert(is_fault(IMAGE_QCOW2, IMAGE_LIMIT));
    put_be(at - 8, 4, 0);
    cr_assert_eq(parsed()->fault, IMAGE_SOUND);
}

/* Without an end mark they end where the name, or the cluster, does. */
Test(qcow2, extensions_end_without_a_mark)
{
    make_qcow2(2);
    put_be(8, 8, 84);
    put_be(16, 4, 4);
    put_be(72, 4, 0xe2792aca);
    put_be(76, 4, 3);
    put(80, "raw");
    put(84, "\xe2\x79\x2a\xca");
    cr_assert_eq(parsed()->fault, IMAGE_SOUND, "%s", parsed()->why);
    cr_assert_str_eq(parsed()->backing_format, "raw");
}

Test(qcow2, a_file_that_was_cut)
{
    make_qcow2(3);
    made_bytes = (3 << 16) + 8;
    cr_assert_eq(parsed()->flags, 0);
    made_bytes -= 1;
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
    cr_assert_eq(parsed()->fault, IMAGE_SOUND);
    cr_assert_not_null(parsed()->why);
    cr_assert_eq(parsed()->virtual_bytes.v, 64 << 20);
    put_be(8, 8, 600);
    put_be(16, 4, 10);
    made_bytes = 605;
    cr_assert(is_fault(IMAGE_QCOW2, IMAGE_TRUNCATED));
}
