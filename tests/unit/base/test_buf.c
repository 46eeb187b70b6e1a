/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "base/buf.h"

Test(buf, empty_is_valid)
{
    struct buf b = { 0 };

    buf_reset(&b);
    buf_add(&b, NULL, 0);
    cr_expect_eq(b.n, 0);
    cr_expect_str_eq(buf_cstr(&b), "");
    buf_deinit(&b);
    buf_deinit(&b);
    cr_expect(b.p == NULL && b.n == 0 && b.cap == 0);
}

Test(buf, grows)
{
    struct buf b = { 0 };

    for (int i = 0; i < 100000; i++)
        buf_add(&b, &(uint8_t){ (uint8_t)i }, 1);
    cr_assert(!b.failed && b.n == 100000);
    for (int i = 0; i < 100000; i++)
        cr_assert_eq(b.p[i], (uint8_t)i);
    buf_reset(&b);
    buf_str(&b, "nic ");
    buf_printf(&b, "%s of %d", "eth0", 2);
    buf_printf(&b, "%0*d", 200000, 1);
    cr_expect_eq(b.n, strlen("nic eth0 of 2") + 200000);
    cr_expect(strncmp(buf_cstr(&b), "nic eth0 of 2000", 16) == 0);
    cr_expect_eq(strlen(buf_cstr(&b)), b.n, "the NUL does not count");
    buf_deinit(&b);
}

Test(buf, reserve)
{
    struct buf b = { 0 };
    uint8_t *p;

    cr_assert(buf_reserve(&b, 1000));
    p = b.p;
    for (int i = 0; i < 1000; i++)
        buf_add(&b, "x", 1);
    cr_expect_eq(b.p, p, "what is reserved is not moved");
    cr_expect_eq(b.n, 1000);
    buf_deinit(&b);
}

/* A size that no machine has fails, and sticks until a reset. */
Test(buf, too_much)
{
    struct buf b = { 0 };

    buf_str(&b, "before");
    cr_expect(!buf_reserve(&b, SIZE_MAX));
    cr_expect(b.failed);
    buf_str(&b, "after");
    buf_printf(&b, "%d", 1);
    cr_expect_null(buf_cstr(&b));
    cr_expect_eq(b.n, 6);
    buf_reset(&b);
    cr_expect(!buf_reserve(&b, SIZE_MAX / 2 + 1));
    buf_reset(&b);
    buf_str(&b, "again");
    cr_expect_str_eq(buf_cstr(&b), "again");
    buf_deinit(&b);
}
