/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of small numbers. */
#include <criterion/criterion.h>

#include "base/bits.h"

Test(bits, words_for_so_many_numbers)
{
    cr_expect_eq(bits_words(0), 0);
    cr_expect_eq(bits_words(1), 1);
    cr_expect_eq(bits_words(64), 1);
    cr_expect_eq(bits_words(65), 2);
}

/* Each number alone, in a set that is full otherwise and in one that is empty. */
Test(bits, one_of_many)
{
    for (size_t i = 0; i < 192; i++) {
        uint64_t few[3] = { 0 }, most[3] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };

        bits_put(few, i, true);
        bits_put(most, i, false);
        for (size_t k = 0; k < 192; k++) {
            cr_expect_eq(bits_has(few, k), k == i);
            cr_expect_eq(bits_has(most, k), k != i);
        }
        cr_expect_eq(bits_count(few, 3), 1);
        cr_expect_eq(bits_count(most, 3), 191);
        bits_put(few, i, true);
        bits_put(few, i, false);
        cr_expect_eq(bits_count(few, 3), 0);
    }
}
