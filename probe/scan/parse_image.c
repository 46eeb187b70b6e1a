/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/parse_image.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "scan/parse_image_internal.h"
#include "scan/parse_path.h"

static const char *const format_names[] = {
    [IMAGE_NONE] = "none", [IMAGE_RAW] = "raw",   [IMAGE_QCOW2] = "qcow2",     [IMAGE_VHD] = "vhd",
    [IMAGE_VHDX] = "vhdx", [IMAGE_VMDK] = "vmdk", [IMAGE_ISO9660] = "iso9660",
};
static const char *const fault_names[] = {
    [IMAGE_SOUND] = NULL,
    [IMAGE_TRUNCATED] = "truncated",
    [IMAGE_MALFORMED] = "malformed",
    [IMAGE_CHECKSUM] = "checksum",
    [IMAGE_VERSION] = "version",
    [IMAGE_FEATURE] = "feature",
    [IMAGE_LIMIT] = "limit",
    [IMAGE_UNREADABLE] = "unreadable",
    [IMAGE_MEMORY] = "memory",
};
_Static_assert(ARRAY_LEN(format_names) == IMAGE_FORMAT_COUNT, "each has a name");
_Static_assert(ARRAY_LEN(fault_names) == IMAGE_FAULT_COUNT, "each has a name");

/* Formats that say what they are in their first bytes. */
static const struct {
    const char *magic;
    enum image_format format;
    image_stage start;
} formats[] = {
    { "QFI\xfb", IMAGE_QCOW2, qcow2_start },
    { "conectix", IMAGE_VHD, vhd_start },
    { "vhdxfile", IMAGE_VHDX, vhdx_start },
    { "KDMV", IMAGE_VMDK, vmdk_sparse_start },
    { "COWD", IMAGE_VMDK, vmdk_cowd_start },
    { "# Disk DescriptorFile", IMAGE_VMDK, vmdk_text_start },
};

enum { SECTOR = 512, TAIL = 512 };

const char *image_format_name(enum image_format f)
{
    return format_names[f];
}

const char *image_fault_name(enum image_fault f)
{
    return fault_names[f];
}

void image_done(struct image_parse *p)
{
    p->stage = NULL;
}

void image_fail(struct image_parse *p, enum image_fault fault, const char *fmt, ...)
{
    char why[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    p->image.fault = fault;
    p->image.why = rows_text(&p->r, bytes_of(why));
    image_done(p);
}

static uint64_t unit_down(uint64_t v)
{
    return v - v % IMAGE_UNIT_BYTES;
}

bool image_want(struct image_parse *p, uint64_t offset, size_t n, struct bytes *out)
{
    uint64_t start = unit_down(offset), end;

    if (n > p->file_bytes || offset > p->file_bytes - n) {
        image_fail(p, IMAGE_TRUNCATED, "the file ends at byte %llu, within its own header",
                   (unsigned long long)p->file_bytes);
        return false;
    }
    if (p->window.p != NULL && offset >= p->ask.offset && n <= p->window.n &&
        offset - p->ask.offset <= p->window.n - n) {
        *out = (struct bytes){ p->window.p + (offset - p->ask.offset), n };
        return true;
    }
    end = unit_down(offset + n + IMAGE_UNIT_BYTES - 1);
    end = end > p->file_bytes ? p->file_bytes : end;
    if (p->has_shrunk) { /* where its end is by now, nobody can say */
        image_fail(p, IMAGE_TRUNCATED, "the file became smaller while it was read");
        return false;
    }
    if (p->asks == IMAGE_ASKS || end - start > IMAGE_ASK_BYTES) {
        image_fail(p, IMAGE_LIMIT, "its header lies in more places than are looked at");
        return false;
    }
    p->asks++;
    p->asking = true;
    p->ask = (struct image_ask){ start, (size_t)(end - start) };
    return false;
}

void image_check_end(struct image_parse *p, const char *what, uint64_t start, uint64_t bytes)
{
    if (start <= p->file_bytes && bytes <= p->file_bytes - start)
        return;
    p->image.flags |= IMAGE_SHORT;
    p->image.why = rows_printf(&p->r, "the file has %llu bytes, and ends before %s does",
                               (unsigned long long)p->file_bytes, what);
}

bool image_set_size(struct image_parse *p, struct opt bytes)
{
    if (!bytes.has || bytes.v > INT64_MAX) {
        image_fail(p, IMAGE_MALFORMED, "its header tells a size of the disk that no disk can have");
        return false;
    }
    p->image.virtual_bytes = bytes;
    return true;
}

struct image_name image_name_of(struct image_parse *p, struct bytes raw, enum image_name_kind kind)
{
    const uint8_t *nul = raw.n == 0 ? NULL : memchr(raw.p, 0, raw.n);
    struct image_name name = { .kind = kind };

    if (nul != NULL)
        raw.n = (size_t)(nul - raw.p);
    if (raw.n == 0)
        return name;
    name.raw.p = arena_memdup(p->r.a, raw.p, raw.n);
    name.raw.n = raw.n;
    p->r.failed |= name.raw.p == NULL;
    name.text = name.raw.p == NULL ? NULL : path_text(&p->r, name.raw);
    if (name.text == NULL)
        name.raw.n = 0;
    return name;
}

const char *image_uuid_text(struct image_parse *p, uuid128 id)
{
    char text[UUID_TEXT];

    return uuid_is_nil(id) ? NULL : rows_text(&p->r, bytes_of(uuid_text(id, text)));
}

/* Nothing at its begin says what it is: a disk as it is, which a footer may make a fixed VHD. */
static void stage_flat(struct image_parse *p)
{
    struct parsed_image *image = &p->image;
    struct bytes footer;

    if (p->file_bytes % SECTOR == 0 && p->file_bytes >= 2 * SECTOR && !p->has_shrunk) {
        if (!image_want(p, p->file_bytes - TAIL, TAIL, &footer))
            return;
        if (bytes_have(footer, 0, "conectix")) {
            vhd_fixed_start(p, footer);
            return;
        }
    }
    image_done(p);
    if (image->content == NULL)
        return;
    image->format = IMAGE_RAW;
    if (strcmp(image->content, "iso9660") == 0)
        image->format = IMAGE_ISO9660;
    else
        image->virtual_bytes = (struct opt){ true, p->file_bytes };
}

static void flat_start(struct image_parse *p, struct bytes head)
{
    struct raw_content c = raw_content(head, p->file_bytes);

    p->image.content = c.type;
    p->image.flags |= (c.corrupt ? IMAGE_CORRUPT : 0u) | (c.blank ? IMAGE_BLANK : 0u);
    if (c.type != NULL && c.size_bytes.has)
        image_check_end(p, "what is on the disk", 0, c.size_bytes.v);
    if (c.type != NULL && strcmp(c.type, "iso9660") == 0) {
        p->image.virtual_bytes = c.size_bytes;
        p->image.block_bytes = (struct opt){ true, bytes_le(head, (16 * 2048) + 128, 2) };
    }
    p->stage = stage_flat;
}

static void stage_head(struct image_parse *p)
{
    size_t n = p->file_bytes < IMAGE_HEAD_BYTES ? (size_t)p->file_bytes : IMAGE_HEAD_BYTES;
    struct bytes head;

    if (!image_want(p, 0, n, &head))
        return;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (bytes_have(head, 0, formats[i].magic)) {
            p->image.format = formats[i].format;
            p->stage = formats[i].start;
            return;
        }
    }
    flat_start(p, head);
}

/* Until bytes are missing or all is said. */
static void run(struct image_parse *p)
{
    while (p->stage != NULL && !p->asking) {
        p->stage(p);
        if (p->r.failed)
            image_fail(p, IMAGE_MEMORY, "out of memory while its header was read");
    }
    if (p->r.failed)
        p->image.why = "out of memory while its header was read";
}

struct image_parse *parse_image_start(struct arena *a, uint64_t file_bytes,
                                      enum image_source source)
{
    struct image_parse *p = arena_zalloc(a, sizeof *p);

    if (p == NULL)
        return NULL;
    p->r.a = a;
    p->source = source;
    p->file_bytes = file_bytes > INT64_MAX ? INT64_MAX : file_bytes;
    p->stage = file_bytes < IMAGE_LEAST_BYTES ? NULL : stage_head;
    run(p);
    return p;
}

bool parse_image_needs(const struct image_parse *p, struct image_ask *ask)
{
    *ask = p->ask;
    return p->stage != NULL;
}

void parse_image_give(struct image_parse *p, struct bytes b)
{
    if (p->stage == NULL)
        return;
    p->asking = false;
    if (b.n > p->ask.bytes)
        b.n = p->ask.bytes;
    if (b.n < p->ask.bytes) {
        p->file_bytes = p->ask.offset + b.n;
        p->has_shrunk = true;
        p->image.flags |= IMAGE_SHORT;
        p->image.why = rows_printf(&p->r, "the file ends at byte %llu by now, and was larger",
                                   (unsigned long long)p->file_bytes);
    }
    p->window = b;
    run(p);
    p->window = (struct bytes){ NULL, 0 };
}

void parse_image_failed(struct image_parse *p, const char *why)
{
    p->asking = false;
    if (p->stage != NULL)
        image_fail(p, IMAGE_UNREADABLE, "reading it at byte %llu failed: %s",
                   (unsigned long long)p->ask.offset, why);
}

const struct parsed_image *parse_image_result(const struct image_parse *p)
{
    return &p->image;
}
