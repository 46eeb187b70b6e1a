/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checksums and texts of the formats. */
#include "scan/parse_image_internal.h"

uint32_t image_crc32(uint32_t polynomial, struct bytes b, size_t hole)
{
    uint32_t table[16], crc = UINT32_MAX;

    for (uint32_t i = 0; i < ARRAY_LEN(table); i++) {
        table[i] = i;
        for (int bit = 0; bit < 4; bit++)
            table[i] = table[i] >> 1 ^ ((table[i] & 1) != 0 ? polynomial : 0);
    }
    for (size_t i = 0; i < b.n; i++) {
        crc ^= i >= hole && i < hole + 4 ? 0 : b.p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static uint8_t *put_utf8(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (uint8_t)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (uint8_t)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (uint8_t)(0xe0 | c >> 12);
        } else {
            *out++ = (uint8_t)(0xf0 | c >> 18);
            *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (uint8_t)(0x80 | (c & 0x3f));
    return out;
}

static uint32_t unit(struct bytes b, size_t i, bool big_endian)
{
    return (uint32_t)(big_endian ? bytes_be(b, 2 * i, 2) : bytes_le(b, 2 * i, 2));
}

struct bytes image_utf8(struct rows *r, struct bytes utf16, bool big_endian)
{
    size_t n = utf16.n / 2;
    uint8_t *out = rows_array(r, n, 3), *end = out;

    if (out == NULL)
        return (struct bytes){ NULL, 0 };
    for (size_t i = 0; i < n; i++) {
        uint32_t c = unit(utf16, i, big_endian);
        uint32_t low = i + 1 < n ? unit(utf16, i + 1, big_endian) : 0;

        if (c == 0)
            break;
        if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
            i++;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        end = put_utf8(end, c);
    }
    return (struct bytes){ out, (size_t)(end - out) };
}

uuid128 image_guid(struct bytes b, size_t offset)
{
    static const uint8_t order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    struct bytes raw = bytes_part(b, offset, sizeof order);
    uuid128 id = { { 0 } };

    for (size_t i = 0; i < raw.n; i++)
        id.b[i] = raw.p[order[i]];
    return id;
}
