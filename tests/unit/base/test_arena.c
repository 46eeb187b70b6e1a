/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "base/arena.h"
#include "random.h"

static struct arena *a;

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(arena, .init = set_up, .fini = tear_down);

Test(arena, nothing)
{
    arena_free(NULL);
    cr_expect_eq(arena_used(a), 0);
    arena_reset(a);
    cr_expect_not_null(arena_alloc(a, 0));
    cr_expect_eq(arena_used(a), 0);
}

/* Every piece is aligned, is its own, and keeps its content: over many blocks, and larger ones. */
Test(arena, pieces_do_not_touch)
{
    enum { PIECES = 3000 };
    static struct {
        uint8_t *p;
        size_t n;
    } pieces[PIECES];
    uint64_t rng = random_seed();

    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < PIECES; i++) {
            size_t n = random_below(&rng, random_chance(&rng, 2) ? 300000 : 200);

            pieces[i].p = arena_alloc(a, n);
            pieces[i].n = n;
            cr_assert_not_null(pieces[i].p);
            cr_assert_eq((uintptr_t)pieces[i].p % _Alignof(max_align_t), 0);
            memset(pieces[i].p, i & 0xff, n);
        }
        for (int i = 0; i < PIECES; i++) {
            for (size_t k = 0; k < pieces[i].n; k++)
                cr_assert_eq(pieces[i].p[k], i & 0xff, "piece %d, byte %zu", i, k);
        }
        arena_keep(a, (size_t)random_below(&rng, 1 << 24));
        arena_reset(a);
        cr_assert_eq(arena_used(a), 0);
    }
}

/* What is kept is used again: the same pieces are at the same places. */
Test(arena, kept)
{
    enum { PIECES = 100, BYTES = 1000 };
    const uint8_t *first[PIECES];

    arena_keep(a, 1 << 20);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < PIECES; i++) {
            uint8_t *p = arena_alloc(a, BYTES);

            cr_assert_not_null(p);
            memset(p, i, BYTES);
            if (round == 0)
                first[i] = p;
            cr_assert_eq(p, first[i], "piece %d of round %d", i, round);
        }
        arena_reset(a);
    }
    /* One that is larger than what is kept comes between, and is nobody else's. */
    for (int round = 0; round < 3; round++) {
        uint8_t *small = arena_alloc(a, BYTES), *large = arena_alloc(a, 1 << 21);

        cr_assert(small != NULL && large != NULL);
        memset(small, 1, BYTES);
        memset(large, 2, 1 << 21);
        for (int i = 0; i < PIECES; i++)
            memset(arena_alloc(a, BYTES), 3, BYTES);
        cr_assert(small[BYTES - 1] == 1 && large[0] == 2 && large[(1 << 21) - 1] == 2);
        arena_reset(a);
    }
}

/* Of every length, whether it fits into what is left of a block or not. */
Test(arena, printed)
{
    for (int n = 0; n < 3000; n++) {
        const char *p = arena_printf(a, "%*s%d", n, "", n % 10);

        cr_assert_not_null(p);
        cr_assert_eq(strlen(p), (size_t)n + 1);
        cr_assert_eq(p[n], '0' + n % 10);
        if (n % 500 == 0)
            arena_reset(a);
    }
}

Test(arena, zeroed)
{
    uint8_t *p = arena_alloc(a, 100);

    memset(p, 0xff, 100);
    arena_reset(a);
    p = arena_zalloc(a, 100);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(p[i], 0);
    arena_reset(a);
    memset(arena_alloc(a, 100), 0xff, 100);
    arena_reset(a);
    p = arena_array(a, 25, 4);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(p[i], 0);
}

Test(arena, copies)
{
    cr_expect_str_eq(arena_strdup(a, "eth0"), "eth0");
    cr_expect_null(arena_strdup(a, NULL));
    cr_expect_str_eq(arena_strndup(a, "eth0.100", 4), "eth0");
    cr_expect_str_eq(arena_strndup(a, NULL, 0), "");
    cr_expect_arr_eq(arena_memdup(a, "a\0b", 3), "a\0b", 3);
    cr_expect_not_null(arena_memdup(a, NULL, 0));
    cr_expect_str_eq(arena_printf(a, "%s.%d", "eth0", 100), "eth0.100");
    cr_expect_eq(strlen(arena_printf(a, "%05000d", 1)), 5000);
}

/* The limit is what it hands out, to the byte (of its own alignment). */
Test(arena, limit)
{
    struct arena *small = arena_new(64);

    cr_expect_not_null(arena_alloc(small, 48));
    cr_expect_null(arena_alloc(small, 17));
    cr_expect_not_null(arena_alloc(small, 16));
    cr_expect_null(arena_alloc(small, 1));
    cr_expect_not_null(arena_alloc(small, 0));
    cr_expect_null(arena_strdup(small, "x"));
    cr_expect_null(arena_printf(small, "%d", 1));
    cr_expect_eq(arena_used(small), 64);
    arena_reset(small);
    cr_expect_null(arena_alloc(small, 65));
    cr_expect_not_null(arena_alloc(small, 64));
    arena_free(small);
}

/* Sizes near the end of size_t: refused, and nothing is written anywhere. */
Test(arena, sizes_that_no_machine_has)
{
    struct arena *small = arena_new(1000);

    for (size_t less = 0; less < 200; less++) {
        cr_assert_null(arena_alloc(a, SIZE_MAX - less));
        cr_assert_null(arena_alloc(small, SIZE_MAX - less));
        cr_assert_null(arena_zalloc(a, SIZE_MAX / 2 + 1 + less));
    }
    cr_expect_null(arena_array(a, SIZE_MAX / 16, 16));
    cr_expect_null(arena_array(a, SIZE_MAX / 16 + 1, 16));
    cr_expect_null(arena_array(a, 16, SIZE_MAX / 16 + 1));
    cr_expect_not_null(arena_array(a, SIZE_MAX, 0));
    cr_expect_null(arena_strndup(a, "x", SIZE_MAX));
    cr_expect_eq(arena_used(a), 0);
    cr_expect_not_null(arena_alloc(a, 1));
    arena_free(small);
}
