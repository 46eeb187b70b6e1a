/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_storage_bytes.h"

#include "base/limits.h"
#include "base/text.h"

/* The byte in front of a text: its length, or one of these (LONG: its length follows). */
enum { NOTHING = 0, SHORT_MAX = 253, LONG = 254, A_UUID = 255 };

uint64_t storage_sum(struct bytes b)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < b.n; i++)
        h = (h ^ b.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

void put_number(struct buf *b, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(v >> 8 * i);

        buf_add(b, &byte, 1);
    }
}

void put_text(struct buf *b, const char *text)
{
    size_t n = text == NULL ? 0 : strlen(text);
    char again[UUID_TEXT];
    uuid128 uuid;

    if (n == UUID_TEXT - 1 && uuid128_parse(text, &uuid) &&
        strcmp(uuid_text(uuid, again), text) == 0) {
        put_number(b, A_UUID, 1);
        buf_add(b, uuid.b, sizeof uuid.b);
    } else if (n > LIMIT_STRING_BYTES) {
        put_number(b, NOTHING, 1);
    } else if (n > SHORT_MAX) {
        put_number(b, LONG, 1);
        put_number(b, n, 2);
        buf_add(b, text, n);
    } else {
        put_number(b, n, 1);
        buf_add(b, text, n);
    }
}

uint64_t take_number(struct storage_cursor *c, unsigned n)
{
    uint64_t v = 0;

    c->failed |= c->rest.n < n;
    for (unsigned i = 0; i < n && !c->failed; i++)
        v |= (uint64_t)c->rest.p[i] << 8 * i;
    if (!c->failed) {
        c->rest.p += n;
        c->rest.n -= n;
    }
    return v;
}

const char *take_text(struct storage_cursor *c)
{
    size_t kind = (size_t)take_number(c, 1);
    size_t n = kind == A_UUID ? sizeof(uuid128) : kind == LONG ? (size_t)take_number(c, 2) : kind;
    struct rows r = { .a = c->a };
    const char *text = NULL;
    char again[UUID_TEXT];
    uuid128 uuid;

    c->failed |= n > c->rest.n;
    if (c->failed || n == 0)
        return NULL;
    if (kind == A_UUID) {
        memcpy(uuid.b, c->rest.p, n);
        text = rows_text(&r, bytes_of(uuid_text(uuid, again)));
    } else {
        text = rows_text(&r, (struct bytes){ c->rest.p, n });
    }
    c->rest.p += n;
    c->rest.n -= n;
    c->no_memory |= r.failed;
    c->failed |= r.failed;
    return text;
}

size_t take_count(struct storage_cursor *c, size_t least)
{
    size_t n = (size_t)take_number(c, 4);

    c->failed |= n > c->rest.n / least;
    return c->failed ? 0 : n;
}

void *take_array(struct storage_cursor *c, size_t n, size_t size)
{
    void *v = c->failed ? NULL : arena_array(c->a, n, size);

    c->no_memory |= v == NULL && !c->failed;
    c->failed |= v == NULL;
    return v;
}
