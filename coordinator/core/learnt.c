/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/learnt.h"

#include <assert.h>

#include "core/openshop.h"

static uint32_t cut(uint64_t ms)
{
    return ms < OPENSHOP_LONGEST_MS ? (uint32_t)ms : OPENSHOP_LONGEST_MS;
}

/* By the power of two, and the two binary digits behind the first. */
static uint32_t bucket(uint32_t ms)
{
    uint32_t power = 31 - (uint32_t)__builtin_clz(ms);
    uint32_t digits = power >= 2 ? ms >> (power - 2) & 3 : ms << (2 - power) & 3;

    return 4 * power + digits;
}

_Static_assert(OPENSHOP_LONGEST_MS < 1u << (LEARNT_BUCKETS / 4), "the longest has a bucket");

void learnt_add(struct learnt *l, uint64_t ms)
{
    uint32_t at;

    if (ms == 0)
        return;
    at = bucket(cut(ms));
    l->count++;
    l->of[at]++;
    l->sum_ms[at] += cut(ms);
}

void learnt_drop(struct learnt *l, uint64_t ms)
{
    uint32_t at;

    if (ms == 0)
        return;
    at = bucket(cut(ms));
    assert(l->of[at] > 0 && l->sum_ms[at] >= cut(ms));
    l->count--;
    l->of[at]--;
    l->sum_ms[at] -= cut(ms);
}

uint32_t learnt_median_ms(const struct learnt *l)
{
    uint32_t at = 0, shorter = 0;

    if (l->count == 0)
        return 0;
    while (shorter + l->of[at] <= (l->count - 1) / 2)
        shorter += l->of[at++];
    return (uint32_t)(l->sum_ms[at] / l->of[at]);
}
