/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "base/limits.h"
#include "base/text.h"
#include "collect/parse_ethtool.h"
#include "collect/rows.h"

static struct arena *a;

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(rows, .init = set_up, .fini = tear_down);

Test(rows, text_is_trimmed_and_clean)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "plain", "plain" },
        { " \t two words \n", "two words" },
        { "h\xc3\xa4lt", "h\xc3\xa4lt" },
        { "bad\xc3", "bad\\xc3" },
        { "a\x1b[31mb", "a\\x1b[31mb" },
        { "\xed\xa0\x80", "\\xed\\xa0\\x80" },
        { "tab\there", "tab\\x09here" },
        { " \n", NULL },
        { "", NULL },
    };
    struct rows r = { .a = a };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *text = rows_text(&r, bytes_of(cases[i].in));

        if (cases[i].out == NULL)
            cr_expect_null(text);
        else
            cr_expect_str_eq(text, cases[i].out);
    }
    cr_assert_null(rows_text(&r, (struct bytes){ NULL, 0 }));
    cr_assert_not(r.failed);
}

Test(rows, text_ends_at_nul_and_at_the_limit_in_a_whole_character)
{
    struct rows r = { .a = a };
    char long_text[3 * LIMIT_STRING_BYTES];
    const char *text;

    cr_assert_str_eq(rows_text(&r, (struct bytes){ (const uint8_t *)"ab\0cd", 5 }), "ab");
    for (size_t i = 0; i + 1 < sizeof long_text; i += 2)
        memcpy(long_text + i, "\xc3\xa4", 2);
    text = rows_text(&r, (struct bytes){ (const uint8_t *)long_text, sizeof long_text });
    cr_assert_leq(strlen(text), LIMIT_STRING_BYTES);
    cr_assert_gt(strlen(text), LIMIT_STRING_BYTES - 8);
    cr_assert(text_is_clean(text, strlen(text)));
    cr_assert_str_eq(text + strlen(text) - 3, "...");
    memset(long_text, 'x', LIMIT_STRING_BYTES);
    text = rows_text(&r, (struct bytes){ (const uint8_t *)long_text, LIMIT_STRING_BYTES });
    cr_assert_eq(strlen(text), LIMIT_STRING_BYTES, "the limit itself is not cut");
}

Test(rows, no_memory_is_remembered)
{
    struct arena *small = arena_new(8);
    struct rows r = { .a = small };

    cr_assert_null(rows_text(&r, bytes_of("longer than eight bytes")));
    cr_assert(r.failed);
    arena_free(small);
}

Test(rows, lists_are_sorted_without_doubles)
{
    const char *v[] = { "b", NULL, "a", "b", "ab", NULL };
    struct strs list = rows_strs(v, ARRAY_LEN(v));

    cr_assert_eq(list.n, 3);
    cr_assert_str_eq(list.v[0], "a");
    cr_assert_str_eq(list.v[1], "ab");
    cr_assert_str_eq(list.v[2], "b");
    cr_assert_eq(rows_strs(v, 0).n, 0);
}

Test(rows, numbers)
{
    static const struct {
        const char *text;
        unsigned base;
        bool has;
        uint64_t v;
    } cases[] = {
        { "0", 10, true, 0 },
        { " 42\n", 10, true, 42 },
        { "18446744073709551615", 10, true, UINT64_MAX },
        { "18446744073709551616", 10, false, 0 },
        { "-1", 10, false, 0 },
        { "", 10, false, 0 },
        { "12a", 10, false, 0 },
        { "8000000\n", 16, true, 0x8000000 },
        { "0xfF", 16, true, 255 },
        { "0x", 16, false, 0 },
        { "ffffffffffffffff", 16, true, UINT64_MAX },
        { "10000000000000000", 16, false, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct opt n = bytes_number(bytes_of(cases[i].text), cases[i].base);

        cr_expect_eq(n.has, cases[i].has, "%s", cases[i].text);
        cr_expect(!n.has || n.v == cases[i].v, "%s", cases[i].text);
    }
}

Test(rows, hardware_addresses)
{
    struct rows r = { .a = a };
    struct hwaddr ether = { 6, { 0x02, 0xfc, 0, 0, 0, 0xAB } }, zero = { 6, { 0 } };
    struct hwaddr longest = { .n = 32 }, none = { .n = 0 };

    longest.b[31] = 1;
    cr_assert_str_eq(rows_hwaddr(&r, &ether), "02:fc:00:00:00:ab");
    cr_assert_null(rows_hwaddr(&r, &zero));
    cr_assert_null(rows_hwaddr(&r, &none));
    cr_assert_eq(strlen(rows_hwaddr(&r, &longest)), 95);
}

Test(rows, named_lines)
{
    struct bytes text = bytes_of("model\t\t: 85\nmodel name\t: Xeon: the CPU\nempty\t:\nlast : x");

    cr_assert(bytes_equal(bytes_value(text, "model", ':'), "85"));
    cr_assert(bytes_equal(bytes_value(text, "model name", ':'), "Xeon: the CPU"));
    cr_assert(bytes_equal(bytes_value(text, "last", ':'), "x"));
    cr_assert_eq(bytes_value(text, "empty", ':').n, 0);
    cr_assert_null(bytes_value(text, "none", ':').p);
}

Test(rows, driver_info_is_taken_only_whole)
{
    struct rows r = { .a = a };
    struct driver_info d;
    uint8_t info[196] = { 0 };

    memset(info + 4, 'd', 32); /* no NUL at its end */
    memcpy(info + 68, "N/A", 3);
    parse_driver_info(&r, (struct bytes){ info, sizeof info }, &d);
    cr_assert_eq(strlen(d.driver), 32);
    cr_assert_null(d.version);
    cr_assert_null(d.firmware, "N/A is no version");
    parse_driver_info(&r, (struct bytes){ info, 100 }, &d);
    cr_assert_null(d.driver);
}
