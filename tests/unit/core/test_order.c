/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ordered set against a plain array. */
#include <criterion/criterion.h>

#include "../../support/random.h"
#include "core/order.h"

enum { IDS = 60, STEPS = 20000 };

struct plain {
    bool in[IDS];
    uint64_t key[IDS];
};

/* The nearest that comes after (or before) `id`; ORDER_NONE: the first (last) of all. */
static uint32_t neighbour(const struct plain *p, uint32_t id, bool after)
{
    uint32_t best = ORDER_NONE;

    for (uint32_t i = 0; i < IDS; i++) {
        bool beyond =
            id == ORDER_NONE || (i != id && after == order_precedes(p->key[id], id, p->key[i], i));

        if (p->in[i] && beyond &&
            (best == ORDER_NONE || after == order_precedes(p->key[i], i, p->key[best], best)))
            best = i;
    }
    return best;
}

static void same(const struct order *o, const struct plain *p)
{
    uint32_t count = 0;

    cr_assert_eq(order_first(o), neighbour(p, ORDER_NONE, true));
    cr_assert_eq(order_last(o), neighbour(p, ORDER_NONE, false));
    for (uint32_t i = 0; i < IDS; i++) {
        cr_assert_eq(order_has(o, i), p->in[i]);
        if (!p->in[i])
            continue;
        count++;
        cr_assert_eq(order_after(o, i), neighbour(p, i, true));
        cr_assert_eq(order_before(o, i), neighbour(p, i, false));
    }
    cr_assert_eq(o->count, count);
}

Test(order, is_what_a_plain_array_says)
{
    uint64_t state = random_seed();
    struct order o = { 0 };
    struct plain p = { 0 };

    cr_assert_eq(order_reserve(&o, IDS), 0);
    for (unsigned i = 0; i < STEPS; i++) {
        uint32_t id = (uint32_t)random_below(&state, IDS);

        if (random_chance(&state, 55)) {
            p.in[id] = true;
            p.key[id] = random_below(&state, 12);
            order_put(&o, id, p.key[id]);
        } else {
            p.in[id] = false;
            order_remove(&o, id);
        }
        if (i % 20 == 0 || i < 200)
            same(&o, &p);
    }
    order_free(&o);
}

Test(order, empty_and_of_one)
{
    struct order o = { 0 };

    cr_assert_eq(order_first(&o), ORDER_NONE);
    cr_assert_not(order_has(&o, 7));
    order_remove(&o, 7);
    cr_assert_eq(order_reserve(&o, 8), 0);
    order_put(&o, 7, 1);
    cr_assert_eq(order_first(&o), 7);
    cr_assert_eq(order_last(&o), 7);
    cr_assert_eq(order_after(&o, 7), ORDER_NONE);
    order_remove(&o, 7);
    cr_assert_eq(order_last(&o), ORDER_NONE);
    order_free(&o);
}
