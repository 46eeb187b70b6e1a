/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMDK made by hand; real ones of every subformat are in images.py. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "made.h"
#include "scan/limits.h"

TestSuite(vmdk, .init = made_clear);

#define BEGIN  "# Disk DescriptorFile\nversion=1\nCID=0123abcd\nparentCID=ffffffff\n"
#define SPARSE BEGIN "createType=\"monolithicSparse\"\nRW 131072 SPARSE \"self.vmdk\"\n"

Test(vmdk, monolithic_sparse)
{
    const struct parsed_image *image;

    make_vmdk_sparse(SPARSE);
    image = parsed();
    cr_assert_eq(image->format, IMAGE_VMDK);
    cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
    cr_assert_str_eq(image->subformat, "monolithicSparse");
    cr_assert_eq(image->virtual_bytes.v, 64 << 20);
    cr_assert_eq(image->block_bytes.v, 65536);
    cr_assert_str_eq(image->uuid, "0123abcd");
    cr_assert_null(image->backing_uuid);
    cr_assert_eq(image->extent_count, 1);
    cr_assert(image->extents[0].is_itself);
    cr_assert_eq(image->flags, 0);
    cr_assert_eq(parsed_asks(), 1);
    put_le(72, 1, 1);
    cr_assert_eq(parsed()->flags, IMAGE_DIRTY);
}

Test(vmdk, an_extent_is_no_disk)
{
    make_vmdk_sparse(NULL);
    cr_assert_str_eq(parsed()->subformat, "extent");
    cr_assert_eq(parsed()->flags, IMAGE_PART);
    cr_assert_eq(parsed()->virtual_bytes.v, 64 << 20);
    put_le(28, 8, 1); /* as qemu-img leaves it: a place for a text, and none */
    put_le(36, 8, 20);
    cr_assert_eq(parsed()->flags, IMAGE_PART);
    made_clear();
    put(0, "COWD");
    put_le(4, 4, 1);
    put_le(12, 4, 2048);
    put_le(16, 4, 8);
    cr_assert_eq(parsed()->virtual_bytes.v, 1 << 20);
    cr_assert_eq(parsed()->flags, IMAGE_PART);
    put_le(4, 4, 2);
    cr_assert(is_fault(IMAGE_VMDK, IMAGE_VERSION));
}

Test(vmdk, stream_optimized_has_its_directory_at_the_end)
{
    make_vmdk_sparse(BEGIN "createType=\"streamOptimized\"\nRW 131072 SPARSE \"x.vmdk\"\n");
    put_le(4, 4, 3);
    put_le(8, 4, 3 | 3 << 16);
    put_le(56, 8, UINT64_MAX);
    put_le(77, 2, 1);
    memcpy(made + (1 << 20) - 1024, made, 512);
    put_le((1 << 20) - 1024 + 56, 8, 100);
    put_le((1 << 20) - 1024 + 12, 8, 4096);
    cr_assert_eq(parsed()->fault, IMAGE_SOUND, "%s", parsed()->why);
    cr_assert_str_eq(parsed()->subformat, "streamOptimized");
    cr_assert_eq(parsed()->virtual_bytes.v, 2 << 20);
    cr_assert_eq(parsed()->flags, 0);
    made[(1 << 20) - 1024] = 0;
    cr_assert_eq(parsed()->flags, IMAGE_SHORT);
    cr_assert_not_null(parsed()->why);
    cr_assert_eq(parsed()->virtual_bytes.v, 64 << 20);
}

Test(vmdk, a_stream_that_shrinks_has_no_footer_to_be_found)
{
    make_vmdk_sparse(SPARSE);
    put_le(56, 8, UINT64_MAX);
    cr_assert_eq(parsed_shrinking(80 << 10)->fault, IMAGE_TRUNCATED);
    cr_assert_leq(parsed_asks(), 2);
}

Test(vmdk, headers_that_cannot_be)
{
    static const struct {
        size_t at, width;
        uint64_t v;
        enum image_fault fault;
    } cases[] = {
        { 4, 4, 4, IMAGE_VERSION },          { 4, 4, 0, IMAGE_VERSION },
        { 73, 1, '\r', IMAGE_MALFORMED },    { 12, 8, 1ULL << 60, IMAGE_MALFORMED },
        { 20, 8, 7, IMAGE_MALFORMED },       { 20, 8, 24, IMAGE_MALFORMED },
        { 20, 8, 1 << 17, IMAGE_MALFORMED }, { 44, 4, 513, IMAGE_MALFORMED },
        { 44, 4, 0, IMAGE_MALFORMED },       { 36, 8, 129, IMAGE_LIMIT },
        { 28, 8, UINT64_MAX, IMAGE_LIMIT },  { 28, 8, 2040, IMAGE_TRUNCATED },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make_vmdk_sparse(SPARSE);
        put_le(cases[i].at, cases[i].width, cases[i].v);
        cr_expect(is_fault(IMAGE_VMDK, cases[i].fault), "case %zu", i);
    }
    make_vmdk_sparse(SPARSE);
    put_le(8, 4, 3 | 1 << 16);
    put_le(77, 2, 2);
    cr_expect(is_fault(IMAGE_VMDK, IMAGE_FEATURE));
    make_vmdk_sparse(SPARSE);
    put_le(56, 8, 1 << 20);
    cr_expect_eq(parsed()->flags, IMAGE_SHORT);
}

Test(vmdk, extents_of_all_kinds)
{
    const struct parsed_image *image;

    make_vmdk_text(BEGIN "createType=\"custom\"\r\n"
                         "RW 2048 FLAT \"a b \"quoted\".vmdk\" 16\r\n"
                         "RDONLY  4096\tSPARSE \"c:\\vm\\d.vmdk\"\n"
                         "NOACCESS 1 ZERO\n"
                         "RW 10 VMFS \"/vmfs/x-flat.vmdk\"\n"
                         "ddb.adapterType = \"ide\"\n");
    image = parsed();
    cr_assert_eq(image->fault, IMAGE_SOUND, "%s", image->why);
    cr_assert_eq(image->virtual_bytes.v, (2048 + 4096 + 1 + 10) * 512);
    cr_assert_eq(image->flags, IMAGE_DATA_ELSEWHERE);
    cr_assert_eq(image->extent_count, 4);
    cr_assert_str_eq(image->extents[0].file.text, "a b \"quoted\".vmdk");
    cr_assert_eq(image->extents[0].start_bytes.v, 16 * 512);
    cr_assert_str_eq(image->extents[0].type, "FLAT");
    cr_assert_str_eq(image->extents[1].access, "RDONLY");
    cr_assert_eq(image->extents[1].file.kind, IMAGE_NAME_WINDOWS);
    cr_assert_not(image->extents[1].start_bytes.has);
    cr_assert_eq(image->extents[2].file.raw.n, 0);
    cr_assert_eq(image->extents[3].file.kind, IMAGE_NAME_PATH);
    cr_assert_eq(parsed_asks(), 1);
}

Test(vmdk, parent_and_encryption)
{
    make_vmdk_text("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=89abcdef\n"
                   "createType=\"twoGbMaxExtentSparse\"\nparentFileNameHint=\"../base/p.vmdk\"\n"
                   "encryption.keySafe = \"vmware:key/list\"\nRW 8 SPARSE \"x-s001.vmdk\"\n");
    cr_assert_str_eq(parsed()->backing.text, "../base/p.vmdk");
    cr_assert_str_eq(parsed()->backing_uuid, "89abcdef");
    cr_assert_str_eq(parsed()->backing_format, "vmdk");
    cr_assert_eq(parsed()->flags, IMAGE_ENCRYPTED | IMAGE_DATA_ELSEWHERE);
}

Test(vmdk, texts_that_cannot_be)
{
    static const struct {
        const char *text;
        enum image_fault fault;
    } cases[] = {
        { BEGIN
          "createType=\"custom\"\n# nothing follows but a comment that makes it long enough\n",
          IMAGE_MALFORMED },
        { BEGIN "RW 8 SPARSE \"x\"\n# there is no type, and a comment that makes it long enough\n",
          IMAGE_MALFORMED },
        { BEGIN "createType=\"custom\"\nRW x FLAT \"x-flat.vmdk\" 0\n#.......................\n",
          IMAGE_MALFORMED },
        { BEGIN "createType=\"custom\"\nRW 8\n#..............................................\n",
          IMAGE_MALFORMED },
        { BEGIN "createType=\"custom\"\nRW 8 FLAT \"x-flat.vmdk 0\n#.......................\n",
          IMAGE_MALFORMED },
        { BEGIN "createType=\"custom\"\nRW 36028797018963968 FLAT \"x\" 0\n#.................\n",
          IMAGE_MALFORMED },
        { BEGIN "createType=\"custom\"\nRW 18014398509481983 ZERO\nRW 2 ZERO\n#............\n",
          IMAGE_MALFORMED },
        { BEGIN "createType=\"custom\"\nRW 9007199254740992 ZERO\nRW 9007199254740992 ZERO\n"
                "RW 9007199254740992 ZERO\nRW 9007199254740992 ZERO\nRW 8 ZERO\n",
          IMAGE_MALFORMED }, /* together 2^64 and a little */
        { "# Disk DescriptorFile\nversion=5\ncreateType=\"custom\"\nRW 8 ZERO\n#..............\n"
          "#....................................................................\n",
          IMAGE_VERSION },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make_vmdk_text(cases[i].text);
        cr_expect(is_fault(IMAGE_VMDK, cases[i].fault), "case %zu", i);
    }
}

Test(vmdk, bounds)
{
    size_t at = strlen(BEGIN "createType=\"custom\"\n");

    made_clear();
    put(0, BEGIN "createType=\"custom\"\n");
    for (int i = 0; i < IMAGE_EXTENTS; i++)
        at += (size_t)snprintf((char *)made + at, 40, "RW 2 FLAT \"x\" 0\n");
    made_bytes = at;
    cr_assert_eq(parsed()->extent_count, IMAGE_EXTENTS, "%s", parsed()->why);
    put(at, "RW 2 FLAT \"x\" 0\n");
    made_bytes = at + 16;
    cr_assert(is_fault(IMAGE_VMDK, IMAGE_LIMIT));
    made_bytes = IMAGE_TEXT_BYTES + 1;
    cr_assert(is_fault(IMAGE_VMDK, IMAGE_LIMIT));
    make_vmdk_text(BEGIN "createType=\"custom\"\nRW 2 FLAT \"");
    memset(made + made_bytes, 'n', IMAGE_NAME_BYTES + 1);
    put(made_bytes + IMAGE_NAME_BYTES + 1, "\"\n");
    made_bytes += IMAGE_NAME_BYTES + 3;
    cr_assert(is_fault(IMAGE_VMDK, IMAGE_LIMIT));
}
