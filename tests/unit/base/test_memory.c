/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every allocation fails once: the answer says so, and what was there before is as it was. */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "fail_alloc.h"

Test(base_memory, arena)
{
    struct arena *a;
    char *before, *p;

    fail_alloc_after(0);
    cr_assert_null(arena_new(0));
    cr_assert(fail_alloc_end());
    a = arena_new(0);
    fail_alloc_after(0);
    cr_assert_null(arena_alloc(a, 1));
    cr_assert(fail_alloc_end());
    before = arena_strdup(a, "before");
    fail_alloc_after(0);
    cr_assert_null(arena_printf(a, "%05000d", 1));
    cr_assert(fail_alloc_end());
    p = arena_alloc(a, 16);
    cr_assert_not_null(p, "the block has room still");
    memset(p, 'x', 16);
    cr_assert_str_eq(before, "before");
    arena_free(a);
}

Test(base_memory, buf)
{
    struct buf b = { 0 };

    buf_str(&b, "before");
    fail_alloc_after(0);
    buf_printf(&b, "%05000d", 1);
    cr_assert(fail_alloc_end() && b.failed);
    buf_str(&b, "not this");
    cr_assert_null(buf_cstr(&b));
    cr_assert(b.n == 6 && memcmp(b.p, "before", 6) == 0);
    buf_deinit(&b);
}

Test(base_memory, map)
{
    enum { KEYS = 1000 };
    static int keys[KEYS];
    static const uint8_t seed[16];
    struct map *m;
    int failures = 0;

    fail_alloc_after(0);
    cr_assert_null(map_new(seed));
    cr_assert(fail_alloc_end());
    m = map_new(seed);
    for (int i = 0; i < KEYS; i++) {
        int rc;

        keys[i] = i;
        fail_alloc_after(0);
        rc = map_put(m, &keys[i], sizeof keys[i], &keys[i]);
        if (fail_alloc_end()) {
            cr_assert_eq(rc, -ENOMEM);
            failures++;
            cr_assert_eq(map_count(m), (size_t)i);
            rc = map_put(m, &keys[i], sizeof keys[i], &keys[i]);
        }
        cr_assert_eq(rc, 0);
        for (int k = 0; k <= i; k++)
            cr_assert_eq(map_get(m, &keys[k], sizeof keys[k]), &keys[k]);
    }
    cr_assert(failures > 5, "it has grown only %d times", failures);
    map_free(m);
}
