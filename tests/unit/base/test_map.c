/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The map against a plain array, under random puts, gets, deletions and walks. */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/map.h"
#include "random.h"

enum { KEYS = 2000 };

struct item {
    char key[16];
    size_t n;
    bool in, seen;
};

static struct item items[KEYS];
static const uint8_t seed[16] = "not so random";

static void make_items(void)
{
    for (int i = 0; i < KEYS; i++) {
        /* Some are the beginnings of others, and one is empty. */
        items[i].n = i == 0 ? 0 : (size_t)snprintf(items[i].key, sizeof items[i].key, "k%d", i);
        items[i].in = false;
    }
}

static struct item *any(uint64_t *rng)
{
    return &items[random_below(rng, KEYS)];
}

static size_t count(void)
{
    size_t n = 0;

    for (int i = 0; i < KEYS; i++)
        n += items[i].in;
    return n;
}

static void check(const struct map *m)
{
    cr_assert_eq(map_count(m), count());
    for (int i = 0; i < KEYS; i++) {
        void *wanted = items[i].in ? &items[i] : NULL;

        cr_assert_eq(map_get(m, items[i].key, items[i].n), wanted, "%s", items[i].key);
    }
}

/* Sees each entry once, whatever is deleted of those that were just seen. */
static void walk(struct map *m, uint64_t *rng, unsigned delete_percent)
{
    size_t before = map_count(m), seen = 0, it = 0;
    struct item *x;

    for (int i = 0; i < KEYS; i++)
        items[i].seen = false;
    while ((x = map_next(m, &it)) != NULL) {
        cr_assert(x->in && !x->seen, "%s is seen twice", x->key);
        x->seen = true;
        seen++;
        if (random_chance(rng, delete_percent)) {
            cr_assert_eq(map_del(m, x->key, x->n), x);
            x->in = false;
        }
    }
    cr_assert_eq(seen, before);
    cr_assert_null(map_next(m, &it), "the end stays the end");
}

Test(map, nothing)
{
    struct map *m = map_new(seed);
    size_t it = 0;

    map_free(NULL);
    cr_expect_eq(map_count(m), 0);
    cr_expect_null(map_get(m, "x", 1));
    cr_expect_null(map_del(m, "x", 1));
    cr_expect_null(map_next(m, &it));
    map_free(m);
}

Test(map, put_does_not_replace)
{
    struct map *m = map_new(seed);
    int one, two;

    cr_expect_eq(map_put(m, "k", 1, &one), 0);
    cr_expect_eq(map_put(m, "k", 1, &two), -EEXIST);
    cr_expect_eq(map_get(m, "k", 1), &one);
    cr_expect_null(map_get(m, "kk", 2));
    cr_expect_eq(map_put(m, "kk", 2, &two), 0);
    cr_expect_eq(map_del(m, "k", 1), &one);
    cr_expect_eq(map_get(m, "kk", 2), &two);
    map_free(m);
}

Test(map, against_an_array)
{
    uint64_t rng = random_seed();

    for (int round = 0; round < 20; round++) {
        uint8_t key[16];
        struct map *m;

        for (size_t i = 0; i < sizeof key; i++)
            key[i] = (uint8_t)random_next(&rng);
        m = map_new(key);
        make_items();
        for (int step = 0; step < 20000; step++) {
            struct item *x = any(&rng);

            /* It grows for a while, then it shrinks. */
            if (random_chance(&rng, step % 8000 < 4000 ? 65 : 35)) {
                cr_assert_eq(map_put(m, x->key, x->n, x), x->in ? -EEXIST : 0);
                x->in = true;
            } else {
                cr_assert_eq(map_del(m, x->key, x->n), x->in ? x : NULL);
                x->in = false;
            }
            if (step % 4000 == 0)
                walk(m, &rng, (unsigned)random_below(&rng, 101));
            if (step % 2000 == 0)
                check(m);
        }
        walk(m, &rng, 100);
        cr_assert_eq(map_count(m), 0);
        check(m);
        map_free(m);
    }
}

/* Deleting while walking in maps of all small sizes, where the runs of entries go round the end. */
Test(map, walks_of_small_maps)
{
    uint64_t rng = random_seed();

    for (int round = 0; round < 3000; round++) {
        size_t n = random_below(&rng, 26);
        uint8_t key[16];
        struct map *m;

        for (size_t i = 0; i < sizeof key; i++)
            key[i] = (uint8_t)random_next(&rng);
        m = map_new(key);
        make_items();
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(map_put(m, items[i].key, items[i].n, &items[i]), 0);
            items[i].in = true;
        }
        walk(m, &rng, 50);
        check(m);
        walk(m, &rng, 0);
        map_free(m);
    }
}
