/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMDK: VMware's "Virtual Disk Format 5.0" of 2011. A disk is a text that names its extents; the
 * text may be a file of its own, or lie within the only extent. All numbers are little-endian, and
 * all sizes in sectors. */
#include "scan/parse_image_internal.h"

enum { SECTOR = 512 };
/* Sparse extents of hosted products. */
enum {
    VERSION = 4,
    FLAGS = 8,
    CAPACITY = 12,
    GRAIN = 20,
    TEXT_AT = 28,
    TEXT_SECTORS = 36,
    TABLE_ENTRIES = 44,
    DIRECTORY_AT = 56,
    OVERHEAD = 64,
    UNCLEAN = 72,
    NEWLINES = 73,
    COMPRESSION = 77,
    HEADER = 512,
    FOOTER_FROM_END = 1024, /* after it: the marker of the stream's end */
};
enum {
    FLAG_NEWLINES = 1 << 0,
    FLAG_COMPRESSED = 1 << 16,
};
enum { VERSION_MOST = 3, GRAIN_LEAST = 8, GRAIN_MOST = 1 << 16, TABLE_ENTRIES_MOST = 512 };
#define DIRECTORY_AT_END UINT64_MAX
/* Sparse extents of ESX. */
enum { COWD_SECTORS = 12, COWD_GRAIN = 16, COWD_HEADER = 128 };

static struct opt sectors(uint64_t n)
{
    return bytes_times(n, SECTOR);
}

/* An extent of a disk that is described elsewhere has no text, or an empty one. */
static void stage_text(struct image_parse *p)
{
    const struct vmdk_state *v = &p->u.vmdk;
    struct bytes b = { NULL, 0 };

    if (v->text_bytes > 0 && !image_want(p, v->text_at, (size_t)v->text_bytes, &b))
        return;
    if (b.n == 0 || b.p[0] == '\0') {
        p->image.subformat = "extent";
        p->image.flags |= IMAGE_PART;
    } else if (!vmdk_text_parse(p, b, true)) {
        return;
    }
    image_done(p);
}

static bool take_text_place(struct image_parse *p, struct bytes b)
{
    struct vmdk_state *v = &p->u.vmdk;
    struct opt at = sectors(bytes_le(b, TEXT_AT, 8)), n = sectors(bytes_le(b, TEXT_SECTORS, 8));

    if (!at.has || !n.has || n.v > IMAGE_TEXT_BYTES) {
        image_fail(p, IMAGE_LIMIT, "its descriptor has more than %d bytes, or none can be there",
                   IMAGE_TEXT_BYTES);
        return false;
    }
    v->text_at = at.v;
    v->text_bytes = at.v == 0 ? 0 : n.v;
    return true;
}

static bool take_grain(struct image_parse *p, struct bytes b)
{
    uint64_t grain = bytes_le(b, GRAIN, 8), entries = bytes_le(b, TABLE_ENTRIES, 4);

    if (grain < GRAIN_LEAST || grain > GRAIN_MOST || (grain & (grain - 1)) != 0 || entries == 0 ||
        entries > TABLE_ENTRIES_MOST) {
        image_fail(p, IMAGE_MALFORMED, "its grains of %llu sectors in tables of %llu cannot be",
                   (unsigned long long)grain, (unsigned long long)entries);
        return false;
    }
    if ((bytes_le(b, FLAGS, 4) & FLAG_COMPRESSED) != 0 && bytes_le(b, COMPRESSION, 2) > 1) {
        image_fail(p, IMAGE_FEATURE, "it is compressed in a way that is not known: %llu",
                   (unsigned long long)bytes_le(b, COMPRESSION, 2));
        return false;
    }
    p->image.block_bytes = sectors(grain);
    return image_set_size(p, sectors(bytes_le(b, CAPACITY, 8)));
}

/* Of the header at the begin or of the footer. */
static bool take_header(struct image_parse *p, struct bytes b)
{
    uint64_t version = bytes_le(b, VERSION, 4);

    p->image.version = (struct opt){ true, version };
    if (version == 0 || version > VERSION_MOST) {
        image_fail(p, IMAGE_VERSION, "it is of version %llu; 1 to %d are known",
                   (unsigned long long)version, VERSION_MOST);
        return false;
    }
    if ((bytes_le(b, FLAGS, 4) & FLAG_NEWLINES) != 0 && !bytes_have(b, NEWLINES, "\n \r\n")) {
        image_fail(p, IMAGE_MALFORMED,
                   "it was copied as if it were text: its line ends are changed");
        return false;
    }
    if (bytes_le(b, UNCLEAN, 1) == 1)
        p->image.flags |= IMAGE_DIRTY;
    return take_grain(p, b);
}

static void stage_footer(struct image_parse *p)
{
    struct bytes b = { NULL, 0 };

    if (p->file_bytes >= FOOTER_FROM_END + HEADER &&
        !image_want(p, p->file_bytes - FOOTER_FROM_END, HEADER, &b))
        return;
    if (bytes_have(b, 0, "KDMV")) {
        if (take_header(p, b))
            p->stage = stage_text;
        return;
    }
    p->image.flags |= IMAGE_SHORT;
    p->image.why = "the footer at its end, which says where its blocks are, is missing";
    p->stage = stage_text;
}

void vmdk_sparse_start(struct image_parse *p)
{
    struct opt directory;
    struct bytes b;

    if (!image_want(p, 0, HEADER, &b) || !take_header(p, b) || !take_text_place(p, b))
        return;
    if (bytes_le(b, DIRECTORY_AT, 8) == DIRECTORY_AT_END) {
        p->stage = stage_footer;
        return;
    }
    directory = sectors(bytes_le(b, DIRECTORY_AT, 8));
    image_check_end(p, "its table of grains", directory.has ? directory.v : UINT64_MAX, 1);
    p->stage = stage_text;
}

void vmdk_cowd_start(struct image_parse *p)
{
    struct bytes b;

    if (!image_want(p, 0, COWD_HEADER, &b))
        return;
    p->image.version = (struct opt){ true, bytes_le(b, VERSION, 4) };
    if (p->image.version.v != 1) {
        image_fail(p, IMAGE_VERSION, "it is an extent of ESX of version %llu; 1 is known",
                   (unsigned long long)p->image.version.v);
        return;
    }
    p->image.block_bytes = sectors(bytes_le(b, COWD_GRAIN, 4));
    p->image.subformat = "extent";
    p->image.flags |= IMAGE_PART;
    if (image_set_size(p, sectors(bytes_le(b, COWD_SECTORS, 4))))
        image_done(p);
}

void vmdk_text_start(struct image_parse *p)
{
    struct bytes b;

    if (p->file_bytes > IMAGE_TEXT_BYTES) {
        image_fail(p, IMAGE_LIMIT, "its descriptor has %llu bytes; %d are taken in",
                   (unsigned long long)p->file_bytes, IMAGE_TEXT_BYTES);
        return;
    }
    if (image_want(p, 0, (size_t)p->file_bytes, &b) && vmdk_text_parse(p, b, false))
        image_done(p);
}
