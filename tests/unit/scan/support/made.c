/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "made.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/text.h"
#include "scan/limits.h"
#include "scan/parse_image_internal.h"

uint8_t made[MADE_MOST];
uint64_t made_bytes;

static struct arena *arena;
static unsigned asks;

void made_clear(void)
{
    memset(made, 0, sizeof made);
    made_bytes = 1 << 20;
}

void put_le(size_t at, size_t width, uint64_t v)
{
    for (size_t i = 0; i < width; i++)
        made[at + i] = (uint8_t)(v >> 8 * i);
}

void put_be(size_t at, size_t width, uint64_t v)
{
    for (size_t i = 0; i < width; i++)
        made[at + i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

void put(size_t at, const char *text)
{
    memcpy(made + at, text, strlen(text));
}

size_t put_utf16(size_t at, const char *text, bool big_endian)
{
    for (size_t i = 0; i < strlen(text); i++) {
        made[at + 2 * i] = big_endian ? 0 : (uint8_t)text[i];
        made[at + 2 * i + 1] = big_endian ? (uint8_t)text[i] : 0;
    }
    return 2 * strlen(text);
}

void put_guid(size_t at, const char *text)
{
    static const uint8_t order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    uuid128 id;

    cr_assert(uuid128_parse(text, &id), "%s", text);
    for (size_t i = 0; i < sizeof order; i++)
        made[at + order[i]] = id.b[i];
}

void make_qcow2(unsigned version)
{
    made_clear();
    put(0, "QFI\xfb");
    put_be(4, 4, version);
    put_be(20, 4, 16);
    put_be(24, 8, 64 << 20);
    put_be(36, 4, 1);
    put_be(40, 8, 3 << 16);
    put_be(48, 8, 1 << 16);
    put_be(56, 4, 1);
    if (version == 3) {
        put_be(96, 4, 4);
        put_be(100, 4, 112);
    }
}

void seal_vhd(size_t footer)
{
    uint32_t sum = 0;

    put_be(footer + 64, 4, 0);
    for (size_t i = 0; i < 512; i++)
        sum += made[footer + i];
    put_be(footer + 64, 4, (uint32_t)~sum);
}

void seal_vhd_header(void)
{
    uint32_t sum = 0;

    put_be(VHD_HEADER + 36, 4, 0);
    for (size_t i = 0; i < 1024; i++)
        sum += made[VHD_HEADER + i];
    put_be(VHD_HEADER + 36, 4, (uint32_t)~sum);
}

static void put_footer(size_t at, unsigned type, uint64_t size)
{
    put(at, "conectix");
    put_be(at + 12, 4, 0x10000);
    put_be(at + 16, 8, type == 2 ? UINT64_MAX : VHD_HEADER);
    put(at + 28, "tap");
    put_be(at + 48, 8, size);
    put_be(at + 56, 2, 100); /* a geometry that says something else */
    put_be(at + 58, 1, 4);
    put_be(at + 59, 1, 17);
    put_be(at + 60, 4, type);
    made[at + 68] = 0xab;
    seal_vhd(at);
}

void make_vhd(unsigned type)
{
    made_clear();
    made_bytes += 512;
    put_footer(1 << 20, type, type == 2 ? 1 << 20 : 64 << 20);
    if (type == 2)
        return;
    put_footer(0, type, 64 << 20);
    put(VHD_HEADER, "cxsparse");
    put_be(VHD_HEADER + 8, 8, UINT64_MAX);
    put_be(VHD_HEADER + 16, 8, 1536);
    put_be(VHD_HEADER + 24, 4, 0x10000);
    put_be(VHD_HEADER + 28, 4, 32);
    put_be(VHD_HEADER + 32, 4, 2 << 20);
    if (type == 4) {
        made[VHD_HEADER + 40] = 0xcd;
        put_utf16(VHD_HEADER + 64, "parent.vhd", true);
    }
    seal_vhd_header();
}

static void put_sum(size_t at, size_t n)
{
    put_le(at + 4, 4, image_crc32(CRC32_OF_VHDX, (struct bytes){ made + at, n }, 4));
}

void seal_vhdx(void)
{
    put_sum(64 << 10, 4096);
    put_sum(128 << 10, 4096);
    put_sum(192 << 10, 64 << 10);
    put_sum(256 << 10, 64 << 10);
}

static void put_region(size_t at, const char *guid, uint64_t offset, uint32_t bytes)
{
    put_guid(at, guid);
    put_le(at + 16, 8, offset);
    put_le(at + 24, 4, bytes);
    put_le(at + 28, 4, 1);
}

static void put_item(size_t i, const char *guid, uint32_t bytes)
{
    size_t at = VHDX_METADATA + 32 + i * 32;

    put_guid(at, guid);
    put_le(at + 16, 4, (64 << 10) + i * 4096);
    put_le(at + 20, 4, bytes);
    put_le(at + 24, 4, 4);
    put_le(VHDX_METADATA + 10, 2, i + 1);
}

void make_vhdx(void)
{
    made_clear();
    made_bytes = 4 << 20;
    put(0, "vhdxfile");
    for (size_t i = 0; i < 2; i++) {
        put((i + 1) << 16, "head");
        put_le(((i + 1) << 16) + 8, 8, 7 - i);
        put_le(((i + 1) << 16) + 66, 2, 1);
        put((i + 3) << 16, "regi");
        put_le(((i + 3) << 16) + 8, 4, 2);
        put_region(((i + 3) << 16) + 16, "2dc27766-f623-4200-9d64-115e9bfd4a08", 3 << 20, 1 << 20);
        put_region(((i + 3) << 16) + 48, "8b7ca206-4790-4b9a-b8fe-575f050f886e", VHDX_METADATA,
                   1 << 20);
    }
    seal_vhdx();
    put(VHDX_METADATA, "metadata");
    put_item(0, "caa16737-fa36-4d43-b3b6-33f0aa44e76b", 8);
    put_item(1, "2fa54224-cd1b-4876-b211-5dbed83bf4b8", 8);
    put_item(2, "8141bf1d-a96f-4709-ba47-f233a8faab5f", 4);
    put_item(3, "beca12ab-b2e6-4523-93ef-c309e000c746", 16);
    put_item(4, "a8d35f2d-b30b-454d-abf7-d3d84834ab0c", 1024);
    put_le(VHDX_PARAMETERS, 4, 8 << 20);
    put_le(VHDX_SIZE, 8, 64 << 20);
    put_le(VHDX_SECTOR, 4, 512);
}

void make_vmdk_sparse(const char *text)
{
    made_clear();
    put(0, "KDMV");
    put_le(4, 4, 1);
    put_le(8, 4, 3);
    put_le(12, 8, (64 << 20) / 512);
    put_le(20, 8, 128);
    put_le(44, 4, 512);
    put_le(56, 8, 26);
    put(73, "\n \r\n");
    if (text != NULL) {
        put_le(28, 8, 1);
        put_le(36, 8, 20);
        put(512, text);
    }
}

void make_vmdk_text(const char *text)
{
    made_clear();
    put(0, text);
    made_bytes = strlen(text);
}

/* An image answer for the ask, in memory of just its size. */
static void answer(struct image_parse *p, const struct image_ask *ask, uint64_t end)
{
    size_t n = ask->offset >= end               ? 0
               : end - ask->offset < ask->bytes ? (size_t)(end - ask->offset)
                                                : ask->bytes;
    uint8_t *copy = malloc(n == 0 ? 1 : n);

    cr_assert_eq(ask->offset % IMAGE_UNIT_BYTES, 0);
    cr_assert(ask->bytes % IMAGE_UNIT_BYTES == 0 || ask->offset + ask->bytes == made_bytes ||
              ask->offset + ask->bytes == end);
    cr_assert_leq(ask->bytes, IMAGE_ASK_BYTES);
    cr_assert_leq(ask->offset + ask->bytes, made_bytes);
    memcpy(copy, made + ask->offset, n);
    parse_image_give(p, (struct bytes){ copy, n });
    free(copy);
}

static const struct parsed_image *parse(enum image_source source, uint64_t later_bytes)
{
    struct image_parse *p;
    struct image_ask ask;

    if (arena == NULL)
        arena = arena_new(0);
    arena_reset(arena);
    p = parse_image_start(arena, made_bytes, source);
    for (asks = 0; parse_image_needs(p, &ask); asks++) {
        cr_assert_lt(asks, IMAGE_ASKS);
        answer(p, &ask, asks == 0 || later_bytes > made_bytes ? made_bytes : later_bytes);
    }
    return parse_image_result(p);
}

const struct parsed_image *parsed(void)
{
    return parse(IMAGE_IN_FILE, UINT64_MAX);
}

const struct parsed_image *parsed_as(enum image_source source)
{
    return parse(source, UINT64_MAX);
}

const struct parsed_image *parsed_shrinking(uint64_t bytes)
{
    return parse(IMAGE_IN_FILE, bytes);
}

unsigned parsed_asks(void)
{
    return asks;
}

bool is_fault(enum image_format format, enum image_fault fault)
{
    const struct parsed_image *image = parsed();
    bool is_it = image->format == format && image->fault == fault && image->why != NULL;

    if (!is_it)
        cr_log_error("format %s, fault %s: %s", image_format_name(image->format),
                     image_fault_name(image->fault), image->why);
    return is_it;
}
