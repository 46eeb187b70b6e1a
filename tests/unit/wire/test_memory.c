/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every allocation fails once: the answer is -ENOMEM, and nothing leaks or is used unset. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "gen.h"
#include "wire/codec.h"

/* The linker sends every allocation of the libraries under test through here. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static long left = -1; /* allocations until one fails; negative: none does */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

static void message(struct buf *b, uint32_t body, uint64_t seed)
{
    struct gen g = { .state = seed, .a = arena_new(0), .fill = 70, .longest = 3 };
    struct err e = { "" };

    cr_assert_eq(wire_encode(&envelope_desc, gen_envelope(&g, body), b, &e), 0, "%s", e.text);
    arena_free(g.a);
}

/* An arena is full at every size below what the message needs. */
Test(wire_memory, decode_with_every_arena_that_is_too_small)
{
    uint64_t seed = gen_seed();

    for (uint32_t body = envelope_enrol; body < envelope_FIELD_COUNT; body++) {
        struct arena *a = arena_new(0);
        struct buf b = { 0 };
        struct envelope *env;
        struct err e;
        size_t needs;

        message(&b, body, seed + body);
        cr_assert_eq(wire_decode_envelope(b.p, b.n, a, &env, &e), 0, "%s", e.text);
        needs = arena_used(a);
        arena_free(a);
        for (size_t limit = 16; limit <= needs; limit += 16 * (1 + needs / 40000)) {
            int rc;

            a = arena_new(limit);
            rc = wire_decode_envelope(b.p, b.n, a, &env, &e);
            cr_assert_eq(rc, limit < needs ? -ENOMEM : 0, "limit %zu of %zu: %d", limit, needs, rc);
            arena_free(a);
        }
        buf_deinit(&b);
    }
}

Test(wire_memory, decode_without_memory)
{
    struct buf b = { 0 };
    bool done = false;

    message(&b, envelope_report, 5);
    for (long n = 0; !done; n++) {
        struct arena *a = arena_new(0);
        struct envelope *env;
        struct err e;
        int rc;

        left = n;
        rc = wire_decode_envelope(b.p, b.n, a, &env, &e);
        done = left >= 0;
        left = -1;
        cr_assert_eq(rc, done ? 0 : -ENOMEM, "allocation %ld: %d", n, rc);
        arena_free(a);
    }
    buf_deinit(&b);
}

Test(wire_memory, encode_without_memory)
{
    struct gen g = { .state = 6, .a = arena_new(0), .fill = 70, .longest = 3 };
    const struct envelope *env = gen_envelope(&g, envelope_report);
    bool done = false;
    long n;

    for (n = 0; !done; n++) {
        struct buf b = { 0 };
        struct err e = { "" };
        int rc;

        left = n;
        rc = wire_encode(&envelope_desc, env, &b, &e);
        done = left >= 0;
        left = -1;
        cr_assert_eq(rc, done ? 0 : -ENOMEM, "allocation %ld: %d", n, rc);
        cr_assert_eq(e.text[0] == '\0', done);
        buf_deinit(&b);
    }
    cr_expect_geq(n, 3, "only %ld allocations", n);
    arena_free(g.a);
}

Test(wire_memory, section_with_every_arena_that_is_too_small)
{
    struct arena *keep = arena_new(0), *a = arena_new(0);
    struct nic *rows = arena_array(keep, 3, sizeof *rows);
    struct section s = { .id = SECTION_NICS, .status = SECTION_OK, .rows = rows, .row_count = 3 };
    struct section_body body;
    struct section out;
    struct err e;
    size_t needs;

    for (int i = 0; i < 3; i++)
        REC_SET(&rows[i], nic, name, arena_printf(keep, "eth%d", i));
    cr_assert_eq(section_normalise(&s, keep, &e), 0, "%s", e.text);
    section_to_body(&s, &body);
    cr_assert_eq(section_from_body(&body, a, &out, &e), 0, "%s", e.text);
    needs = arena_used(a);
    arena_free(a);
    for (size_t limit = 16; limit <= needs; limit += 16) {
        a = arena_new(limit);
        cr_assert_eq(section_from_body(&body, a, &out, &e), limit < needs ? -ENOMEM : 0, "%zu",
                     limit);
        arena_free(a);
    }
    arena_free(keep);
}
