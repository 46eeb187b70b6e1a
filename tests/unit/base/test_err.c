/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/err.h"
#include "base/text.h"

Test(err, sentence_and_code)
{
    struct err e;

    cr_expect_eq(err_set(&e, -EINVAL, "%s has %d", "eth0", 3), -EINVAL);
    cr_expect_str_eq(e.text, "eth0 has 3");
    cr_expect_eq(err_set(NULL, 7, "nobody %s", "reads this"), 7);
}

/* Of every length around the end, and with characters of every length across it: what is cut says
 * so, and is text still. */
Test(err, cut)
{
    static const char *const letters[] = { "x", "é", "€", "😀" };
    struct err e;
    char text[800];

    for (size_t l = 0; l < ARRAY_LEN(letters); l++) {
        for (size_t lead = 0; lead < 8; lead++) {
            size_t n = 0;

            memset(text, 'a', lead);
            for (n = lead; n < 700; n += strlen(letters[l]))
                memcpy(text + n, letters[l], strlen(letters[l]) + 1);
            err_set(&e, 0, "%s", text);
            cr_assert(strlen(e.text) < sizeof e.text && strlen(e.text) > sizeof e.text - 8);
            cr_assert(text_is_clean(e.text, strlen(e.text)), "%zu, %zu: %s", l, lead, e.text);
            cr_assert_str_eq(e.text + strlen(e.text) - 3, "...");
            cr_assert(strncmp(e.text, text, strlen(e.text) - 3) == 0);
        }
    }
    memset(text, 'a', sizeof e.text - 1);
    text[sizeof e.text - 1] = '\0';
    err_set(&e, 0, "%s", text);
    cr_expect_str_eq(e.text, text, "what fits is not cut");
}
