/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scheduler of scans: what it promises for whole scans, in virtual time (docs/ARCHITECTURE.md
 * section 5, "Scheduling"), and what each function does. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/learnt.h"
#include "core/openshop.h"
#include "random.h"
#include "shop.h"

static const struct shop_faults none;

static double ratio(uint64_t makespan, uint64_t bound)
{
    return (double)makespan / (double)bound;
}

static void holds(const struct shop_result *r, const char *shape, uint64_t seed)
{
    cr_assert_eq(r->overlaps, 0, "%s, seed %lu: given twice", shape, seed);
    cr_assert_eq(r->undense, 0, "%s, seed %lu: idle with work to do", shape, seed);
    cr_assert_eq(r->left, 0, "%s, seed %lu: %lu jobs left", shape, seed, r->left);
    cr_assert_leq(r->makespan_ms, 2 * r->work_bound_ms, "%s, seed %lu: %.3f of the bound", shape,
                  seed, ratio(r->makespan_ms, r->work_bound_ms));
}

/* ---- whole scans ----------------------------------------------------------------------------- */

/* Small ones, of any size and with any misfortune, looked at after each dispatch. */
Test(openshop, is_dense_whatever_happens)
{
    uint64_t state = random_seed();

    for (unsigned i = 0; i < 600; i++) {
        struct shop_faults f = { .error_percent = random_chance(&state, 50) ? 50 : 0,
                                 .fail_percent = random_chance(&state, 50) ? 20 : 0,
                                 .deaths = random_chance(&state, 30) ? 2 : 0 };
        enum shop_shape shape = (enum shop_shape)(i % SHOP_SHAPES);
        uint64_t seed = random_next(&state);
        struct shop s;

        shop_make(&s, shape, 1 + (uint32_t)random_below(&state, 24),
                  1 + (uint32_t)random_below(&state, 24), 1 + (uint32_t)random_below(&state, 4),
                  seed);
        for (int once = 0; once < 2; once++) {
            struct shop_result r = shop_openshop(&s, once, &f, seed, true);

            holds(&r, shop_shape_names[shape], seed);
        }
        shop_free(&s);
    }
}

/* P5, over the shapes; `most` of the bound at the worst. Of what it is on average. */
static double within(uint32_t servers, uint32_t machines, const struct shop_faults *f, double most,
                     uint64_t state)
{
    double sum = 0;

    for (unsigned i = 0; i < 2 * SHOP_SHAPES; i++) {
        enum shop_shape shape = (enum shop_shape)(i % SHOP_SHAPES);
        uint64_t seed = random_next(&state);
        struct shop s;
        struct shop_result r;

        shop_make(&s, shape, servers, machines, 4, seed);
        r = shop_openshop(&s, false, f, seed, false);
        holds(&r, shop_shape_names[shape], seed);
        cr_expect_leq(ratio(r.makespan_ms, r.work_bound_ms), most,
                      "%s, %u servers, %u filesystems, seed %lu: %.4f of the bound",
                      shop_shape_names[shape], servers, machines, seed,
                      ratio(r.makespan_ms, r.work_bound_ms));
        sum += ratio(r.makespan_ms, r.work_bound_ms);
        shop_free(&s);
    }
    return sum / (2 * SHOP_SHAPES);
}

/* A slot that has ten jobs of different length cannot always be filled to 5 percent, whatever the
 * order. */
Test(openshop, small_fleets_are_within_5_percent_on_average)
{
    static const uint32_t sizes[][2] = {
        { 8, 40 }, { 40, 8 }, { 20, 20 }, { 30, 100 }, { 60, 30 }
    };
    uint64_t state = random_seed();

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        double mean = within(sizes[i][0], sizes[i][1], &none, 1.15, random_next(&state));

        cr_expect_leq(mean, 1.05, "%u servers, %u filesystems: %.4f of the bound", sizes[i][0],
                      sizes[i][1], mean);
    }
}

Test(openshop, large_fleets_are_within_2_percent)
{
    static const uint32_t sizes[][2] = { { 100, 100 }, { 100, 400 }, { 400, 100 } };
    struct shop_faults off = { .error_percent = 50 };
    uint64_t state = random_seed();

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        within(sizes[i][0], sizes[i][1], &none, 1.02, random_next(&state));
        within(sizes[i][0], sizes[i][1], &off, 1.02, random_next(&state));
    }
}

Test(openshop, failures_cost_what_they_take_and_little_more)
{
    struct shop_faults f = { .error_percent = 50, .fail_percent = 10, .deaths = 3 };
    uint64_t state = random_seed();

    within(100, 100, &f, 1.05, random_next(&state));
}

Test(openshop, once_is_ten_times_better_than_the_bound_of_every)
{
    uint64_t state = random_seed();

    for (unsigned i = 0; i < SHOP_SHAPES; i++) {
        uint64_t seed = random_next(&state);
        struct shop s;
        struct shop_result r;

        shop_make(&s, (enum shop_shape)i, 100, 200, 4, seed);
        r = shop_openshop(&s, true, &none, seed, false);
        cr_assert_eq(r.jobs, 200);
        cr_assert_eq(r.left + r.overlaps, 0);
        cr_expect_leq(10 * r.makespan_ms, shop_bound(&s), "%s, seed %lu: %.1f times",
                      shop_shape_names[i], seed, ratio(shop_bound(&s), r.makespan_ms));
        shop_free(&s);
    }
}

/* Of few servers, which the work of all fills: each server gets its share. */
Test(openshop, once_shares_the_work)
{
    uint64_t state = random_seed();

    for (unsigned i = 0; i < SHOP_SHAPES; i++) {
        uint64_t seed = random_next(&state);
        struct shop s;
        struct shop_result r;

        if (i == SHOP_UNLIKE) /* its bound is that of the fastest alone */
            continue;
        shop_make(&s, (enum shop_shape)i, 10, 400, 4, seed);
        r = shop_openshop(&s, true, &none, seed, false);
        cr_expect_leq(ratio(r.makespan_ms, shop_bound_once(&s)), 1.25, "%s, seed %lu: %.3f",
                      shop_shape_names[i], seed, ratio(r.makespan_ms, shop_bound_once(&s)));
        shop_free(&s);
    }
}

/* ---- its functions --------------------------------------------------------------------------- */

static struct openshop *small(uint32_t servers, uint32_t slots, uint32_t machines, bool once)
{
    struct openshop *o = openshop_new();
    uint32_t n;

    for (uint32_t i = 0; i < servers; i++) {
        cr_assert_eq(openshop_add_server(o, slots, &n), 0);
        cr_assert_eq(n, i);
    }
    for (uint32_t m = 0; m < machines; m++) {
        cr_assert_eq(openshop_add_machine(o, once, &n), 0);
        cr_assert_eq(n, m);
        for (uint32_t i = 0; i < servers; i++)
            cr_assert_eq(openshop_add_pair(o, i, m, 100 * (m + 1)), 0);
    }
    return o;
}

static void next_is(struct openshop *o, uint32_t server, uint32_t machine)
{
    struct openshop_pair p;

    cr_assert(openshop_next(o, &p));
    cr_assert_eq(p.machine, machine, "machine %u, not %u", p.machine, machine);
    cr_assert_eq(p.server, server, "server %u, not %u", p.server, server);
}

static void next_is_none(struct openshop *o)
{
    struct openshop_pair p;

    cr_assert_not(openshop_next(o, &p), "server %u, machine %u", p.server, p.machine);
}

Test(openshop, longest_first_and_one_job_at_a_time)
{
    struct openshop *o = small(2, 1, 3, false);

    next_is(o, 0, 2); /* machine 2 has most left; servers are alike */
    next_is(o, 1, 1);
    next_is_none(o);
    cr_assert_eq(openshop_machine_left(o, 2), 300);
    cr_assert_eq(openshop_server_left(o, 0), 300);
    openshop_finish(o, 0, 2);
    next_is(o, 0, 0); /* 2 wants server 1 alone, which is busy; 1 is */
    openshop_finish(o, 1, 1);
    next_is(o, 1, 2);
    openshop_finish(o, 0, 0);
    next_is(o, 0, 1);
    openshop_finish(o, 0, 1);
    next_is_none(o); /* 0 is left for server 1 */
    openshop_finish(o, 1, 2);
    next_is(o, 1, 0);
    openshop_finish(o, 1, 0);
    next_is_none(o);
    openshop_free(o);
}

Test(openshop, a_machine_goes_to_the_server_with_most_left)
{
    struct openshop *o = small(3, 1, 1, false);
    uint32_t m;

    cr_assert_eq(openshop_add_machine(o, false, &m), 0);
    openshop_block_machine(o, m, true);
    cr_assert_eq(openshop_add_pair(o, 1, m, 50), 0);
    next_is(o, 1, 0);
    openshop_free(o);
}

Test(openshop, what_failed_is_to_be_done_again)
{
    struct openshop *o = small(1, 1, 1, false);

    next_is(o, 0, 0);
    openshop_fail(o, 0, 0);
    cr_assert_eq(openshop_machine_left(o, 0), 100);
    next_is(o, 0, 0);
    openshop_finish(o, 0, 0);
    next_is_none(o);
    cr_assert_eq(openshop_add_pair(o, 0, 0, 7), 0); /* once more, and it is another estimate */
    cr_assert_eq(openshop_server_left(o, 0), 7);
    cr_assert_eq(openshop_add_pair(o, 0, 0, 9), 0);
    cr_assert_eq(openshop_server_left(o, 0), 9);
    next_is(o, 0, 0);
    openshop_free(o);
}

Test(openshop, blocked_ones_start_nothing)
{
    struct openshop *o = small(2, 1, 2, false);

    openshop_block_machine(o, 1, true);
    openshop_block_server(o, 0, true);
    next_is(o, 1, 0);
    next_is_none(o);
    openshop_block_server(o, 0, false);
    next_is_none(o); /* machine 0 is busy, 1 is blocked */
    openshop_block_machine(o, 1, false);
    next_is(o, 0, 1);
    openshop_block_machine(o, 1, true); /* what is under way goes on, and ends */
    openshop_finish(o, 0, 1);
    openshop_finish(o, 1, 0);
    next_is(o, 0, 0);
    openshop_block_machine(o, 1, false);
    next_is(o, 1, 1);
    next_is_none(o);
    openshop_free(o);
}

Test(openshop, slots_can_change)
{
    struct openshop *o = small(1, 0, 3, false);

    next_is_none(o);
    openshop_set_slots(o, 0, 2);
    next_is(o, 0, 2);
    next_is(o, 0, 1);
    next_is_none(o);
    openshop_set_slots(o, 0, 1);
    openshop_finish(o, 0, 2);
    next_is_none(o);
    openshop_finish(o, 0, 1);
    next_is(o, 0, 0);
    openshop_free(o);
}

Test(openshop, once_is_done_by_anyone)
{
    struct openshop *o = small(3, 1, 2, true);
    uint32_t n;

    next_is(o, 2, 1);
    openshop_drop(o, 0, 0);
    cr_assert_eq(openshop_machine_pairs(o, 0), 2);
    next_is(o, 1, 0); /* 2 is busy, 0 cannot */
    openshop_fail(o, 1, 0);
    openshop_drop(o, 1, 0);
    next_is_none(o); /* only 2 could, and is busy */
    openshop_finish(o, 2, 1);
    next_is(o, 2, 0);
    openshop_remove_server(o, 2); /* and with it what it did */
    next_is_none(o);
    cr_assert_eq(openshop_machine_pairs(o, 0), 0);
    cr_assert_eq(openshop_add_server(o, 1, &n), 0);
    cr_assert_eq(n, 2); /* its number again, with none of its pairs */
    next_is_none(o);
    cr_assert_eq(openshop_add_pair(o, 2, 0, 5), 0);
    next_is(o, 2, 0);
    openshop_finish(o, 2, 0);
    next_is_none(o);
    openshop_free(o);
}

Test(openshop, a_machine_that_goes_frees_its_server)
{
    struct openshop *o = small(1, 1, 2, false);
    uint32_t n;

    next_is(o, 0, 1);
    next_is_none(o);
    openshop_remove_machine(o, 1);
    next_is(o, 0, 0);
    cr_assert_eq(openshop_add_machine(o, false, &n), 0);
    cr_assert_eq(n, 1);
    cr_assert_eq(openshop_machine_left(o, 1), 0);
    openshop_finish(o, 0, 0);
    next_is_none(o);
    openshop_free(o);
}

Test(openshop, what_was_under_way_before_a_restart_is_under_way)
{
    struct openshop *o = small(1, 1, 2, false);

    cr_assert(openshop_start(o, 0, 0));
    cr_assert_not(openshop_start(o, 0, 0));
    next_is_none(o);
    cr_assert(openshop_start(o, 0, 1)); /* one more than it has slots */
    openshop_finish(o, 0, 0);
    next_is_none(o);
    openshop_fail(o, 0, 1);
    next_is(o, 0, 1);
    openshop_free(o);
}

/* Lists of what is over do not grow. */
Test(openshop, goes_on_for_ever)
{
    struct openshop *o = small(40, 4, 0, false);
    struct openshop_pair p;
    uint32_t m;

    for (unsigned round = 0; round < 300; round++) {
        uint32_t jobs = 0;

        cr_assert_eq(openshop_add_machine(o, round % 2 == 0, &m), 0);
        cr_assert_leq(m, 1u);
        for (uint32_t i = 0; i < 40; i++)
            cr_assert_eq(openshop_add_pair(o, i, m, 10), 0);
        while (openshop_next(o, &p)) {
            openshop_finish(o, p.server, p.machine);
            jobs++;
        }
        cr_assert_eq(jobs, round % 2 == 0 ? 1 : 40);
        openshop_remove_machine(o, m);
    }
    openshop_free(o);
}

/* ---- how long readings take ------------------------------------------------------------------ */

Test(learnt, nothing_is_known_of_none)
{
    struct learnt t = { 0 };

    cr_assert_eq(learnt_median_ms(&t), 0);
    learnt_add(&t, 0);
    cr_assert_eq(learnt_median_ms(&t), 0);
}

Test(learnt, the_middle_one_counts_and_what_is_forgotten_does_not)
{
    struct learnt t = { 0 };

    learnt_add(&t, 700);
    cr_assert_eq(learnt_median_ms(&t), 700);
    learnt_add(&t, 90000);
    cr_assert_eq(learnt_median_ms(&t), 700, "of two the shorter");
    learnt_add(&t, 40);
    learnt_add(&t, 1);
    learnt_add(&t, UINT64_MAX);
    cr_assert_eq(learnt_median_ms(&t), 700);
    learnt_drop(&t, 700);
    cr_assert_eq(learnt_median_ms(&t), 40);
    learnt_drop(&t, 40);
    learnt_drop(&t, 1);
    learnt_drop(&t, 90000);
    cr_assert_eq(learnt_median_ms(&t), OPENSHOP_LONGEST_MS);
    learnt_drop(&t, UINT64_MAX);
    cr_assert_eq(learnt_median_ms(&t), 0);
}

static int by_size(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Against a sorted array. */
Test(learnt, it_is_near_the_middle_one)
{
    uint64_t state = 5;

    for (int round = 0; round < 200; round++) {
        uint32_t v[50], n = 1 + (uint32_t)(random_next(&state) % 50);
        struct learnt t = { 0 };
        double middle, got;

        for (uint32_t i = 0; i < n; i++) {
            v[i] = 1 + (uint32_t)(random_next(&state) >> (35 + random_next(&state) % 28)) % 1000000;
            learnt_add(&t, v[i]);
        }
        qsort(v, n, sizeof *v, by_size);
        middle = v[(n - 1) / 2];
        got = learnt_median_ms(&t);
        cr_assert(got >= 0.8 * middle - 1 && got <= 1.25 * middle + 1, "%g, not %g of %u", got,
                  middle, n);
    }
}
