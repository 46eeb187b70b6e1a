/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images of every format: asks stay in bounds, and what is found can be passed on, whatever a file
 * holds. The input is a sparse file (sparse.h). */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "scan/limits.h"
#include "scan/parse_image_internal.h"
#include "scan/parse_path.h"
#include "../target.h"
#include "sparse.h"

static void bad(const char *what)
{
    fprintf(stderr, "bad: %s\n", what);
    abort();
}

/* ---- the file ------------------------------------------------------------------------------- */

static void put_pieces(struct bytes input, uint64_t offset, uint8_t *out, size_t n)
{
    size_t at = SPARSE_HEAD;

    memset(out, 0, n);
    while (input.n - at >= SPARSE_PIECE) {
        uint64_t start = bytes_le(input, at, 4) * SPARSE_SECTOR;
        size_t bytes = (size_t)bytes_le(input, at + 4, 2);

        at += SPARSE_PIECE;
        if (bytes > input.n - at)
            bytes = input.n - at;
        for (size_t i = 0; i < bytes; i++) {
            if (start + i >= offset && start + i - offset < n)
                out[start + i - offset] = input.p[at + i];
        }
        at += bytes;
    }
}

static void put_number(uint8_t *out, uint32_t v, bool big_endian)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> 8 * (big_endian ? 3 - i : i));
}

static void seal_vhd(uint8_t *p, size_t n, size_t at)
{
    uint32_t sum = 0;

    memset(p + at, 0, 4);
    for (size_t i = 0; i < n; i++)
        sum += p[i];
    put_number(p + at, ~sum, true);
}

/* Every structure with a checksum that begins in these bytes. */
static void seal(uint8_t *p, size_t n)
{
    struct bytes b = { p, n };

    for (size_t at = 0; at + 512 <= n; at += 512) {
        if (bytes_have(b, at, "conectix"))
            seal_vhd(p + at, 512, 64);
        if (bytes_have(b, at, "cxsparse") && n - at >= 1024)
            seal_vhd(p + at, 1024, 36);
        if (bytes_have(b, at, "EFI PART"))
            put_number(
                p + at + 16,
                image_crc32(CRC32_OF_GPT, bytes_part(b, at, (size_t)bytes_le(b, at + 12, 4)), 16),
                false);
    }
    if (bytes_have(b, 0, "head") && n >= 4096)
        put_number(p + 4, image_crc32(CRC32_OF_VHDX, bytes_part(b, 0, 4096), 4), false);
    if (bytes_have(b, 0, "regi") && n >= 65536)
        put_number(p + 4, image_crc32(CRC32_OF_VHDX, bytes_part(b, 0, 65536), 4), false);
}

/* ---- what was found ---------------------------------------------------------------------------
 */

static void text_is_good(const char *text)
{
    if (text != NULL && (strlen(text) > LIMIT_STRING_BYTES || !text_is_clean(text, strlen(text))))
        bad("text");
}

static void name_is_good(struct arena *a, const struct image_name *name)
{
    struct rows r = { .a = a };
    struct path_answer answer;

    if ((name->raw.n == 0) != (name->text == NULL))
        bad("a name is bytes and text, or neither");
    if (name->raw.n == 0)
        return;
    text_is_good(name->text);
    answer = path_resolve(&r, name, bytes_of("folder/image"), "/mounted");
    if (!r.failed && (answer.path == NULL) != (answer.result != PATH_WITHIN))
        bad("a path is there when it is within");
}

static void extents_are_good(struct arena *a, const struct parsed_image *image)
{
    if (image->extent_count > IMAGE_EXTENTS)
        bad("too many extents");
    for (size_t i = 0; i < image->extent_count; i++) {
        name_is_good(a, &image->extents[i].file);
        text_is_good(image->extents[i].type);
        text_is_good(image->extents[i].access);
        if (image->extents[i].bytes > INT64_MAX)
            bad("an extent that no row holds");
    }
}

static void image_is_good(struct arena *a, const struct parsed_image *image)
{
    const struct opt numbers[] = { image->version, image->virtual_bytes, image->block_bytes,
                                   image->sector_bytes, image->snapshots };
    const char *const texts[] = { image->why,     image->subformat,      image->uuid,
                                  image->content, image->backing_format, image->backing_uuid };

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i].has && numbers[i].v > INT64_MAX)
            bad("a number that no row holds");
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        text_is_good(texts[i]);
    if (image->fault != IMAGE_SOUND && image->why == NULL)
        bad("a fault without a sentence");
    if (image->fault == IMAGE_SOUND && image->format != IMAGE_NONE && !image->virtual_bytes.has)
        bad("a sound image without a size");
    if (image->format == IMAGE_NONE && image->fault != IMAGE_SOUND)
        bad("a fault of no format");
    name_is_good(a, &image->backing);
    name_is_good(a, &image->data_file);
    extents_are_good(a, image);
}

static void answer(struct image_parse *p, const struct image_ask *ask, struct bytes input,
                   uint64_t file_bytes)
{
    size_t n = ask->offset >= file_bytes               ? 0
               : file_bytes - ask->offset < ask->bytes ? (size_t)(file_bytes - ask->offset)
                                                       : ask->bytes;
    uint8_t *out = malloc(n == 0 ? 1 : n);

    if (out == NULL)
        abort();
    put_pieces(input, ask->offset, out, n);
    if ((input.p[0] & SPARSE_SEALED) != 0)
        seal(out, n);
    parse_image_give(p, (struct bytes){ out, n });
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = { data, size };
    struct arena *a;
    struct image_parse *p;
    struct image_ask ask;
    uint64_t file_bytes;

    if (size < SPARSE_HEAD)
        return 0;
    a = arena_new(16u << 20);
    file_bytes = bytes_le(input, 1, 8);
    p = parse_image_start(a, file_bytes,
                          (data[0] & SPARSE_DEVICE) != 0 ? IMAGE_ON_DEVICE : IMAGE_IN_FILE);
    for (unsigned asks = 0; parse_image_needs(p, &ask); asks++) {
        if (asks == IMAGE_ASKS || ask.bytes > IMAGE_ASK_BYTES ||
            ask.offset % IMAGE_UNIT_BYTES != 0 || ask.offset > file_bytes ||
            ask.bytes > file_bytes - ask.offset)
            bad("ask");
        answer(p, &ask, input,
               (data[0] & SPARSE_SHRINKS) != 0 && asks > 0 ? file_bytes / 2 : file_bytes);
    }
    image_is_good(a, parse_image_result(p));
    arena_free(a);
    return 0;
}
