/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hints: to whom, when, and not too often. */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/limits.h"
#include "watch.h"

static struct route route(unsigned n)
{
    struct route r = { .socket = 1, .n = 4 };

    memcpy(r.id, &n, sizeof n);
    return r;
}

static mono_ms at(int64_t ms)
{
    return (mono_ms){ 5000 + ms };
}

static void add(struct watches *w, unsigned n, int64_t ms)
{
    struct route r = route(n);

    cr_assert_eq(watches_add(w, &r, at(ms)), 0);
}

static unsigned due(struct watches *w, int64_t ms)
{
    unsigned n = 0;
    size_t it = 0;

    while (watches_due(w, at(ms), &it) != NULL)
        n++;
    return n;
}

Test(watch, a_change_is_hinted_to_all_once)
{
    struct watches *w = watches_new();

    add(w, 1, 0);
    add(w, 2, 0);
    cr_expect_eq(watches_next(w).v, INT64_MAX, "nothing has changed yet");
    cr_expect_eq(due(w, 0), 0);
    watches_changed(w);
    cr_expect_leq(watches_next(w).v, at(0).v);
    cr_expect_eq(due(w, 0), 2);
    cr_expect_eq(due(w, 0), 0);
    cr_expect_eq(watches_next(w).v, INT64_MAX);
    watches_free(w);
}

Test(watch, a_burst_is_one_hint)
{
    struct watches *w = watches_new();

    add(w, 1, 0);
    watches_changed(w);
    cr_assert_eq(due(w, 100), 1);
    for (int i = 0; i < 10; i++) {
        watches_changed(w);
        cr_expect_eq(due(w, 100 + i), 0);
    }
    cr_expect_eq(watches_next(w).v, at(100 + DEFAULT_WATCH_COALESCE_MS).v);
    cr_expect_eq(due(w, 100 + DEFAULT_WATCH_COALESCE_MS - 1), 0);
    cr_expect_eq(due(w, 100 + DEFAULT_WATCH_COALESCE_MS), 1, "the last change is not forgotten");
    cr_expect_eq(due(w, 10000), 0);
    watches_free(w);
}

Test(watch, ends_by_itself_and_goes_on_when_asked_again)
{
    struct watches *w = watches_new();

    add(w, 1, 0);
    add(w, 2, 0);
    add(w, 1, DEFAULT_WATCH_MS - 1);
    cr_expect_eq(watches_count(w), 2, "the same one");
    watches_changed(w);
    cr_expect_eq(due(w, DEFAULT_WATCH_MS), 1);
    cr_expect_eq(watches_count(w), 1);
    watches_changed(w);
    cr_expect_eq(due(w, 2 * DEFAULT_WATCH_MS - 1), 0);
    cr_expect_eq(watches_count(w), 0);
    watches_free(w);
}

Test(watch, as_many_as_the_limit)
{
    struct watches *w = watches_new();
    struct route r;

    for (unsigned i = 0; i < LIMIT_WATCHES; i++)
        add(w, i, 0);
    r = route(LIMIT_WATCHES);
    cr_expect_eq(watches_add(w, &r, at(0)), -ENOSPC);
    add(w, 3, 0); /* one of those that are there */
    cr_expect_eq(watches_add(w, &r, at(DEFAULT_WATCH_MS)), 0, "the others' time is up");
    watches_free(w);
}
