/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VHD: Microsoft's "Virtual Hard Disk Image Format Specification" of 2006. All numbers are
 * big-endian, and a checksum is the complement of the sum of all other bytes of its structure.
 *
 * The footer is at the end of the file. A dynamic or differencing disk has a copy at its begin,
 * which is what counts here; where the one at the end is missing, the file was cut. */
#include "scan/parse_image_internal.h"

enum {
    FOOTER = 512,
    FORMAT_VERSION = 12,
    HEADER_AT = 16,
    CREATOR = 28,
    CURRENT_SIZE = 48,
    CYLINDERS = 56,
    HEADS = 58,
    SECTORS = 59,
    TYPE = 60,
    FOOTER_SUM = 64,
    UUID = 68,
};
enum {
    HEADER = 1024,
    TABLE_AT = 16,
    HEADER_VERSION = 24,
    TABLE_ENTRIES = 28,
    BLOCK_BYTES = 32,
    HEADER_SUM = 36,
    PARENT_UUID = 40,
    PARENT_NAME = 64, /* UTF-16 */
    PARENT_NAME_BYTES = 512,
    LOCATORS = 576,
    LOCATOR = 24,
    LOCATOR_BYTES = 8,
    LOCATOR_AT = 16,
};
enum { FIXED = 2, DYNAMIC = 3, DIFFERENCING = 4 };
enum { SECTOR = 512, OLD_FOOTER = 511 }; /* Virtual PC before 2004 */
enum { BLOCK_LEAST = 512, BLOCK_MOST = 256 << 20 };
#define VERSION_1 UINT64_C(0x00010000)
#define CHS_MOST  (UINT64_C(65535) * 16 * 255)

/* Kinds of locators, the best first: a path relative to the child's folder, as Xen's tools write
 * it, then Windows' relative and absolute ones. */
static const struct {
    uint32_t code;
    enum image_name_kind kind;
} locator_kinds[] = {
    { UINT32_C(0x4d616358), IMAGE_NAME_URL },     /* MacX */
    { UINT32_C(0x57327275), IMAGE_NAME_WINDOWS }, /* W2ru */
    { UINT32_C(0x57326b75), IMAGE_NAME_WINDOWS }, /* W2ku */
};

static bool sum_is_right(struct bytes b, size_t at)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < b.n; i++)
        sum += i >= at && i < at + 4 ? 0 : b.p[i];
    return bytes_be(b, at, 4) == (uint32_t)~sum;
}

/* Virtual PC and old QEMU show their guests as many sectors as the geometry has, others the size
 * that is written beside it. A geometry at its end says nothing. */
static uint64_t disk_bytes(struct bytes footer)
{
    static const char *const exact[] = { "win ", "qem2", "d2v ", "CTXS", "tap", "wa" };
    uint64_t sectors =
        bytes_be(footer, CYLINDERS, 2) * bytes_be(footer, HEADS, 1) * bytes_be(footer, SECTORS, 1);
    bool has_geometry = sectors != 0 && sectors != CHS_MOST;

    for (size_t i = 0; i < ARRAY_LEN(exact); i++)
        has_geometry = has_geometry && !bytes_have(footer, CREATOR, exact[i]);
    return has_geometry ? sectors * SECTOR : bytes_be(footer, CURRENT_SIZE, 8) / SECTOR * SECTOR;
}

static bool take_footer(struct image_parse *p, struct bytes footer)
{
    struct parsed_image *image = &p->image;
    uint64_t version = bytes_be(footer, FORMAT_VERSION, 4), type = bytes_be(footer, TYPE, 4);
    uuid128 uuid;

    image->format = IMAGE_VHD;
    image->version = (struct opt){ true, version >> 16 };
    if (!sum_is_right(footer, FOOTER_SUM)) {
        image_fail(p, IMAGE_CHECKSUM, "the checksum of its footer is wrong");
        return false;
    }
    if (version >> 16 != VERSION_1 >> 16) {
        image_fail(p, IMAGE_VERSION, "it is of version %llu; 1 is known",
                   (unsigned long long)(version >> 16));
        return false;
    }
    if (type < FIXED || type > DIFFERENCING) {
        image_fail(p, IMAGE_FEATURE, "it is a disk of type %llu; 2, 3 and 4 are known",
                   (unsigned long long)type);
        return false;
    }
    image->subformat = type == FIXED ? "fixed" : type == DYNAMIC ? "dynamic" : "differencing";
    image->sector_bytes = (struct opt){ true, SECTOR };
    memcpy(uuid.b, footer.p + UUID, sizeof uuid.b);
    image->uuid = image_uuid_text(p, uuid);
    p->u.vhd.header_at = bytes_be(footer, HEADER_AT, 8);
    p->u.vhd.disk_bytes = bytes_be(footer, CURRENT_SIZE, 8);
    return image_set_size(p, (struct opt){ true, disk_bytes(footer) });
}

void vhd_fixed_start(struct image_parse *p, struct bytes footer)
{
    p->image.flags &= ~(unsigned)(IMAGE_BLANK | IMAGE_SHORT);
    p->image.why = NULL;
    if (!take_footer(p, footer))
        return;
    if (bytes_be(footer, TYPE, 4) != FIXED) {
        image_fail(p, IMAGE_MALFORMED, "its footer says %s, and there is no copy at its begin",
                   p->image.subformat);
        return;
    }
    image_check_end(p, "the disk with its footer", FOOTER, p->u.vhd.disk_bytes);
    image_done(p);
}

/* Only a file must end with the footer: a device may be larger than what it was given. */
static void stage_end(struct image_parse *p)
{
    struct bytes b;

    if (p->source == IMAGE_IN_FILE && !p->has_shrunk) {
        if (!image_want(p, p->file_bytes - FOOTER, FOOTER, &b))
            return;
        if (!bytes_have(b, 0, "conectix") && !bytes_have(b, FOOTER - OLD_FOOTER, "conectix")) {
            p->image.flags |= IMAGE_SHORT;
            p->image.why = "the footer at its end is missing";
        }
    }
    image_done(p);
}

static void stage_locators(struct image_parse *p)
{
    struct vhd_state *v = &p->u.vhd;
    struct bytes b;

    for (; v->next < ARRAY_LEN(locator_kinds) * VHD_LOCATORS; v->next++) {
        enum image_name_kind kind = locator_kinds[v->next / VHD_LOCATORS].kind;
        unsigned i = v->next % VHD_LOCATORS;
        struct image_name name;

        if (v->locators[i].code != locator_kinds[v->next / VHD_LOCATORS].code ||
            v->locators[i].bytes == 0 || v->locators[i].bytes > IMAGE_NAME_BYTES)
            continue;
        if (!image_want(p, v->locators[i].at, v->locators[i].bytes, &b))
            return;
        name = image_name_of(p, kind == IMAGE_NAME_URL ? b : image_utf8(&p->r, b, false), kind);
        if (name.raw.n == 0)
            continue;
        p->image.backing = name;
        break;
    }
    p->stage = stage_end;
}

static void take_parent(struct image_parse *p, struct bytes b)
{
    struct vhd_state *v = &p->u.vhd;
    uuid128 uuid;

    memcpy(uuid.b, b.p + PARENT_UUID, sizeof uuid.b);
    p->image.backing_uuid = image_uuid_text(p, uuid);
    p->image.backing_format = "vhd";
    p->image.backing =
        image_name_of(p, image_utf8(&p->r, bytes_part(b, PARENT_NAME, PARENT_NAME_BYTES), true),
                      IMAGE_NAME_WINDOWS);
    for (unsigned i = 0; i < VHD_LOCATORS; i++) {
        size_t at = LOCATORS + (size_t)i * LOCATOR;

        v->locators[i].code = (uint32_t)bytes_be(b, at, 4);
        v->locators[i].bytes = (uint32_t)bytes_be(b, at + LOCATOR_BYTES, 4);
        v->locators[i].at = bytes_be(b, at + LOCATOR_AT, 8);
    }
    p->stage = stage_locators;
}

static void stage_header(struct image_parse *p)
{
    uint64_t entries, block;
    struct bytes b;

    if (!image_want(p, p->u.vhd.header_at, HEADER, &b))
        return;
    if (!bytes_have(b, 0, "cxsparse")) {
        image_fail(p, IMAGE_MALFORMED, "its second header is not where its footer says");
        return;
    }
    if (!sum_is_right(b, HEADER_SUM)) {
        image_fail(p, IMAGE_CHECKSUM, "the checksum of its second header is wrong");
        return;
    }
    if (bytes_be(b, HEADER_VERSION, 4) != VERSION_1) {
        image_fail(p, IMAGE_VERSION, "its second header is of version 0x%llx; 0x10000 is known",
                   (unsigned long long)bytes_be(b, HEADER_VERSION, 4));
        return;
    }
    entries = bytes_be(b, TABLE_ENTRIES, 4);
    block = bytes_be(b, BLOCK_BYTES, 4);
    if (block < BLOCK_LEAST || block > BLOCK_MOST || (block & (block - 1)) != 0 ||
        entries * block < p->image.virtual_bytes.v) {
        image_fail(p, IMAGE_MALFORMED, "its %llu blocks of %llu bytes cannot hold its disk",
                   (unsigned long long)entries, (unsigned long long)block);
        return;
    }
    p->image.block_bytes = (struct opt){ true, block };
    image_check_end(p, "its table of blocks", bytes_be(b, TABLE_AT, 8), entries * 4);
    p->stage = stage_end;
    if (strcmp(p->image.subformat, "differencing") == 0)
        take_parent(p, b);
}

/* The copy at the begin is bad, and the footer itself may be good. */
static void stage_footer(struct image_parse *p)
{
    struct bytes b;

    if (!image_want(p, p->file_bytes - FOOTER, FOOTER, &b))
        return;
    if (!bytes_have(b, 0, "conectix")) {
        image_fail(p, IMAGE_CHECKSUM,
                   "the checksum of the copy of its footer is wrong, and there "
                   "is no footer");
        return;
    }
    if (take_footer(p, b))
        p->stage = stage_header;
}

void vhd_start(struct image_parse *p)
{
    struct bytes b;

    if (!image_want(p, 0, FOOTER, &b))
        return;
    if (!sum_is_right(b, FOOTER_SUM)) {
        p->stage = stage_footer;
        return;
    }
    if (!take_footer(p, b))
        return;
    if (bytes_be(b, TYPE, 4) == FIXED) {
        image_fail(p, IMAGE_MALFORMED, "it begins with a footer, and says that it is fixed");
        return;
    }
    p->stage = stage_header;
}
