/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VHDX: Microsoft's [MS-VHDX]. All numbers are little-endian. Of each structure there are two
 * copies; the header with the larger sequence number counts, and any good region table. */
#include "scan/parse_image_internal.h"

#include "base/text.h"

enum {
    HEADER = 4096, /* of two, at HEADER_AT */
    HEADER_AT = 64 << 10,
    SUM = 4, /* in headers and region tables */
    SEQUENCE = 8,
    LOG_GUID = 48,
    LOG_VERSION = 64,
    FORMAT_VERSION = 66,
};
enum {
    REGIONS = 64 << 10, /* of two, at REGIONS_AT */
    REGIONS_AT = 192 << 10,
    REGION_COUNT = 8,
    REGION_FIRST = 16,
    REGION = 32,
    REGION_AT = 16,
    REGION_BYTES = 24,
    REGION_FLAGS = 28,
};
enum {
    METADATA = 64 << 10, /* its table; the items follow */
    ITEM_COUNT = 10,
    ITEM_FIRST = 32,
    ITEM = 32,
    ITEM_AT = 16,
    ITEM_BYTES = 20,
    ITEM_FLAGS = 24,
    ITEM_REQUIRED = 4,
};
enum { PARAMETERS_KEEP = 1, PARAMETERS_PARENT = 2 };
enum { LOCATOR_FIRST = 20, LOCATOR_COUNT = 18, LOCATOR = 12, LOCATOR_KEY_MOST = 128 };
enum { BLOCK_LEAST = 1 << 20, BLOCK_MOST = 256 << 20 };
#define DISK_MOST (UINT64_C(64) << 40)

#define REGION_METADATA "8b7ca206-4790-4b9a-b8fe-575f050f886e"
#define REGION_BAT      "2dc27766-f623-4200-9d64-115e9bfd4a08"
#define LOCATOR_TYPE    "b04aefb7-d19e-4a81-b789-25b8e9445913"

static bool take_parameters(struct image_parse *p, struct bytes b)
{
    uint64_t block = bytes_le(b, 0, 4), flags = bytes_le(b, 4, 4);

    if (block < BLOCK_LEAST || block > BLOCK_MOST || (block & (block - 1)) != 0) {
        image_fail(p, IMAGE_MALFORMED,
                   "its blocks have %llu bytes; a power of 2 from 1 MiB to "
                   "256 MiB can be",
                   (unsigned long long)block);
        return false;
    }
    p->image.block_bytes = (struct opt){ true, block };
    p->u.vhdx.has_parent = (flags & PARAMETERS_PARENT) != 0;
    p->image.subformat = p->u.vhdx.has_parent        ? "differencing"
                         : (flags & PARAMETERS_KEEP) ? "fixed"
                                                     : "dynamic";
    return true;
}

static bool take_size(struct image_parse *p, struct bytes b)
{
    uint64_t size = bytes_le(b, 0, 8);

    if (size > DISK_MOST) {
        image_fail(p, IMAGE_MALFORMED, "its disk has %llu bytes; 64 TiB is the most",
                   (unsigned long long)size);
        return false;
    }
    return image_set_size(p, (struct opt){ true, size });
}

static bool take_sector(struct image_parse *p, struct bytes b)
{
    uint64_t sector = bytes_le(b, 0, 4);

    if (sector != 512 && sector != 4096) {
        image_fail(p, IMAGE_MALFORMED, "its sectors have %llu bytes; 512 and 4096 can be",
                   (unsigned long long)sector);
        return false;
    }
    p->image.sector_bytes = (struct opt){ true, sector };
    return true;
}

static bool take_disk_id(struct image_parse *p, struct bytes b)
{
    p->image.uuid = image_uuid_text(p, image_guid(b, 0));
    return true;
}

static bool take_physical(struct image_parse *p, struct bytes b)
{
    (void)p;
    (void)b;
    return true;
}

/* Pairs of UTF-16 texts. The path relative to the child's folder is the better one. */
static bool take_locator(struct image_parse *p, struct bytes b)
{
    uint64_t count = bytes_le(b, LOCATOR_COUNT, 2);
    bool relative = false;
    char type[UUID_TEXT];

    if (!p->u.vhdx.has_parent)
        return true;
    if (strcmp(uuid_text(image_guid(b, 0), type), LOCATOR_TYPE) != 0) {
        image_fail(p, IMAGE_FEATURE, "its parent is told in a way that is not known: %s", type);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct bytes e = bytes_part(b, LOCATOR_FIRST + i * LOCATOR, LOCATOR), key, value;
        size_t key_bytes = (size_t)bytes_le(e, 8, 2), value_bytes = (size_t)bytes_le(e, 10, 2);

        if (key_bytes == 0 || key_bytes > LOCATOR_KEY_MOST)
            continue;
        key = image_utf8(&p->r, bytes_part(b, (size_t)bytes_le(e, 0, 4), key_bytes), false);
        value = image_utf8(&p->r, bytes_part(b, (size_t)bytes_le(e, 4, 4), value_bytes), false);
        if (bytes_equal(key, "parent_linkage")) {
            p->image.backing_uuid = rows_text(&p->r, value);
        } else if (bytes_equal(key, "relative_path") ||
                   (bytes_equal(key, "absolute_win32_path") && !relative)) {
            relative = bytes_equal(key, "relative_path");
            p->image.backing = image_name_of(p, value, IMAGE_NAME_WINDOWS);
        }
    }
    p->image.backing_format = "vhdx";
    return true;
}

/* In the order in which they are taken. */
static const struct {
    const char *guid;
    bool needed;
    size_t bytes; /* 0: as many as there are */
    bool (*take)(struct image_parse *p, struct bytes b);
} items[] = {
    { "caa16737-fa36-4d43-b3b6-33f0aa44e76b", true, 8, take_parameters },
    { "2fa54224-cd1b-4876-b211-5dbed83bf4b8", true, 8, take_size },
    { "8141bf1d-a96f-4709-ba47-f233a8faab5f", true, 4, take_sector },
    { "beca12ab-b2e6-4523-93ef-c309e000c746", false, 16, take_disk_id },
    { "cda348c7-445d-4471-9cc9-e9885251c556", false, 4, take_physical },
    { "a8d35f2d-b30b-454d-abf7-d3d84834ab0c", false, 0, take_locator },
};
_Static_assert(ARRAY_LEN(items) <= ARRAY_LEN(((struct vhdx_state *)0)->items), "room for each");

static void stage_items(struct image_parse *p)
{
    struct vhdx_state *v = &p->u.vhdx;

    for (; v->item < ARRAY_LEN(items); v->item++) {
        uint64_t bytes = v->items[v->item].bytes;
        struct bytes b;

        if (bytes == 0)
            continue;
        if (!image_want(p, v->metadata_at + v->items[v->item].at, (size_t)bytes, &b) ||
            !items[v->item].take(p, b))
            return;
    }
    if (p->image.virtual_bytes.v % p->image.sector_bytes.v != 0)
        image_fail(p, IMAGE_MALFORMED, "its disk of %llu bytes is not of whole sectors of %llu",
                   (unsigned long long)p->image.virtual_bytes.v,
                   (unsigned long long)p->image.sector_bytes.v);
    image_done(p);
}

/* False: it has failed. */
static bool take_item(struct image_parse *p, struct bytes e)
{
    struct vhdx_state *v = &p->u.vhdx;
    uint64_t at = bytes_le(e, ITEM_AT, 4), bytes = bytes_le(e, ITEM_BYTES, 4);
    char guid[UUID_TEXT];
    size_t i;

    uuid_text(image_guid(e, 0), guid);
    for (i = 0; i < ARRAY_LEN(items) && strcmp(items[i].guid, guid) != 0; i++)
        continue;
    if (i == ARRAY_LEN(items)) {
        if ((bytes_le(e, ITEM_FLAGS, 4) & ITEM_REQUIRED) == 0)
            return true;
        image_fail(p, IMAGE_FEATURE, "it needs the metadata %s, which is not known", guid);
        return false;
    }
    if (at < METADATA || at > v->metadata_bytes || bytes > v->metadata_bytes - at ||
        bytes < items[i].bytes || v->items[i].bytes != 0) {
        image_fail(p, IMAGE_MALFORMED,
                   "its metadata %s is twice there, too small, or outside of "
                   "its region",
                   guid);
        return false;
    }
    if (bytes > IMAGE_TEXT_BYTES) {
        image_fail(p, IMAGE_LIMIT, "its metadata %s has more than %d bytes", guid,
                   IMAGE_TEXT_BYTES);
        return false;
    }
    v->items[i].at = at;
    v->items[i].bytes = bytes;
    return true;
}

static void stage_metadata(struct image_parse *p)
{
    const struct vhdx_state *v = &p->u.vhdx;
    struct bytes b;
    uint64_t count;

    if (!image_want(p, v->metadata_at, METADATA, &b))
        return;
    count = bytes_le(b, ITEM_COUNT, 2);
    if (!bytes_have(b, 0, "metadata") || count > VHDX_ENTRIES) {
        image_fail(p, IMAGE_MALFORMED, "its metadata is not where its region table says");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!take_item(p, bytes_part(b, ITEM_FIRST + i * ITEM, ITEM)))
            return;
    }
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        if (items[i].needed && v->items[i].bytes == 0) {
            image_fail(p, IMAGE_MALFORMED, "its metadata %s is missing", items[i].guid);
            return;
        }
    }
    p->stage = stage_items;
}

static bool take_region(struct image_parse *p, struct bytes e)
{
    struct vhdx_state *v = &p->u.vhdx;
    uint64_t at = bytes_le(e, REGION_AT, 8), bytes = bytes_le(e, REGION_BYTES, 4);
    char guid[UUID_TEXT];

    uuid_text(image_guid(e, 0), guid);
    if (strcmp(guid, REGION_METADATA) == 0 && v->metadata_bytes == 0) {
        v->metadata_at = at;
        v->metadata_bytes = bytes;
    } else if (strcmp(guid, REGION_BAT) == 0 && v->bat_bytes == 0) {
        v->bat_at = at;
        v->bat_bytes = bytes;
    } else if (bytes_le(e, REGION_FLAGS, 4) != 0) {
        image_fail(p, IMAGE_FEATURE, "it needs the region %s twice, or does not tell what it is",
                   guid);
        return false;
    }
    return true;
}

static void take_regions(struct image_parse *p, struct bytes b)
{
    struct vhdx_state *v = &p->u.vhdx;
    uint64_t count = bytes_le(b, REGION_COUNT, 4);

    if (count > VHDX_ENTRIES) {
        image_fail(p, IMAGE_MALFORMED, "its region table has %llu entries; %d is the most",
                   (unsigned long long)count, VHDX_ENTRIES);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!take_region(p, bytes_part(b, REGION_FIRST + i * REGION, REGION)))
            return;
    }
    if (v->metadata_bytes < METADATA || v->bat_bytes == 0 || v->metadata_at > INT64_MAX) {
        image_fail(p, IMAGE_MALFORMED, "its region table has no metadata, or no block table");
        return;
    }
    image_check_end(p, "its table of blocks", v->bat_at, v->bat_bytes);
    p->stage = stage_metadata;
}

static void stage_regions(struct image_parse *p)
{
    struct vhdx_state *v = &p->u.vhdx;
    struct bytes b;

    for (; v->copy < 2; v->copy++) {
        if (!image_want(p, REGIONS_AT + (uint64_t)v->copy * REGIONS, REGIONS, &b))
            return;
        if (bytes_have(b, 0, "regi") && image_crc32(CRC32_OF_VHDX, b, SUM) == bytes_le(b, SUM, 4)) {
            take_regions(p, b);
            return;
        }
    }
    image_fail(p, IMAGE_CHECKSUM, "the checksums of both of its region tables are wrong");
}

static void take_header(struct image_parse *p, struct bytes b)
{
    struct vhdx_state *v = &p->u.vhdx;

    if (!bytes_have(b, 0, "head"))
        return;
    if (image_crc32(CRC32_OF_VHDX, b, SUM) != bytes_le(b, SUM, 4)) {
        v->bad_checksum = true;
        return;
    }
    if (v->has_header && bytes_le(b, SEQUENCE, 8) <= v->sequence)
        return;
    v->has_header = true;
    v->sequence = bytes_le(b, SEQUENCE, 8);
    v->has_log = !uuid_is_nil(image_guid(b, LOG_GUID));
    p->image.version = (struct opt){ true, bytes_le(b, FORMAT_VERSION, 2) };
    if (p->image.version.v == 1 && v->has_log && bytes_le(b, LOG_VERSION, 2) != 0)
        p->image.version.v = 0; /* nobody knows how to replay it */
}

static void stage_headers(struct image_parse *p)
{
    struct vhdx_state *v = &p->u.vhdx;
    struct bytes b;

    for (; v->copy < 2; v->copy++) {
        if (!image_want(p, HEADER_AT * (uint64_t)(v->copy + 1), HEADER, &b))
            return;
        take_header(p, b);
    }
    if (!v->has_header) {
        image_fail(p, v->bad_checksum ? IMAGE_CHECKSUM : IMAGE_MALFORMED,
                   v->bad_checksum ? "the checksums of its headers are wrong" : "it has no header");
        return;
    }
    if (p->image.version.v != 1) {
        image_fail(p, IMAGE_VERSION, "it is of version %llu, or its log is; 1, and 0, are known",
                   (unsigned long long)p->image.version.v);
        return;
    }
    if (v->has_log)
        p->image.flags |= IMAGE_NEEDS_LOG | IMAGE_DIRTY;
    v->copy = 0;
    p->stage = stage_regions;
}

void vhdx_start(struct image_parse *p)
{
    p->stage = stage_headers;
}
