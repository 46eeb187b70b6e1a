/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes and durations, as people write and read them. */
#include <criterion/criterion.h>

#include "base/text.h"
#include "random.h"

#define KI UINT64_C(1024)
#define GI (KI * KI * KI)

Test(bytes, text)
{
    static const struct {
        uint64_t n;
        const char *text;
    } known[] = {
        { 0, "0 B" },
        { 1, "1 B" },
        { 1023, "1023 B" },
        { 1024, "1.0 KiB" },
        { 1536, "1.5 KiB" },
        { 10 * KI, "10 KiB" },
        { 1023 * KI, "1023 KiB" },
        { KI * KI - 1, "1.0 MiB" },
        { GI * 3 / 2, "1.5 GiB" },
        { GI * KI, "1.0 TiB" },
        { GI * GI, "1.0 EiB" },
        { INT64_MAX, "8.0 EiB" },
        { UINT64_MAX, "16 EiB" },
    };
    char out[24];

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        cr_assert_str_eq(bytes_text(known[i].n, out), known[i].text, "%s", out);
}

Test(bytes, parse)
{
    static const struct {
        const char *text;
        uint64_t n;
    } known[] = {
        { "0", 0 },
        { "15", 15 },
        { "4096b", 4096 },
        { "20G", 20 * GI },
        { "20g", 20 * GI },
        { "1.5T", GI * KI * 3 / 2 },
        { "100M", 100 * KI * KI },
        { "0.5k", 512 },
        { "7E", 7 * GI * GI },
        { "7P", 7 * GI * KI * KI },
        /* More than a double could hold. */
        { "9007199254740993", UINT64_C(9007199254740993) },
        { "9223372036854775807", INT64_MAX },
    };
    uint64_t n;

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        cr_assert(bytes_parse(known[i].text, &n) && n == known[i].n, "%s: %llu", known[i].text,
                  (unsigned long long)n);
    cr_assert(bytes_parse("7.9999999999999999999999E", &n) && n > 7 * GI * GI && n <= INT64_MAX);
}

Test(bytes, refused)
{
    static const char *const bad[] = {
        "",      "G",    "-1",  "+1",      " 1",  "1 G",    "1GB",       "1GiB",
        "1x",    "1.",   ".5G", "1.G",     "1.5", "1.5b",   "1,5",       "0x10",
        "1e3",   "inf",  "nan", "8E",      "8e",  "16384P", "1\xc2\xb5", "9223372036854775808",
        "1.2.3", "1..2", "1G ", "9999999E"
    };
    uint64_t n = 7;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert(!bytes_parse(bad[i], &n) && n == 7, "%s", bad[i]);
}

Test(duration, text)
{
    static const struct {
        int64_t ms;
        const char *text;
    } known[] = {
        { -5, "0 ms" },
        { 0, "0 ms" },
        { 999, "999 ms" },
        { 1000, "1.0 s" },
        { 3200, "3.2 s" },
        { 60000, "1 min" },
        { 61000, "1 min 1 s" },
        { 300000, "5 min" },
        { 3600000, "1 h" },
        { 7800000, "2 h 10 min" },
        { 86400000, "1 d" },
        { INT64_C(3) * 86400000, "3 d" },
        { INT64_MAX, "106751991167 d" },
    };
    char out[24];

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        cr_assert_str_eq(duration_text(known[i].ms, out), known[i].text, "%s", out);
}

Test(duration, parse)
{
    static const struct {
        const char *text;
        int64_t ms;
    } known[] = {
        { "0s", 0 },      { "30s", 30000 },
        { "5m", 300000 }, { "2h", 7200000 },
        { "250ms", 250 }, { "7d", INT64_C(604800000) },
        { "007s", 7000 }, { "106751991167d", INT64_C(106751991167) * 86400000 },
        { "1ms", 1 },
    };
    static const char *const bad[] = {
        "",
        "5",
        "s",
        "-5s",
        "+5s",
        " 5s",
        "5 s",
        "5S",
        "5sec",
        "1.5s",
        "5w",
        "0x5s",
        "5ss",
        "9223372036854775808ms",
        "106751991168d",
        "99999999999999999999999s",
    };
    int64_t ms = -7;

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        cr_assert(duration_parse(known[i].text, &ms) && ms == known[i].ms, "%s", known[i].text);
    ms = -7;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert(!duration_parse(bad[i], &ms) && ms == -7, "%s", bad[i]);
}

/* What is shown fits its buffer, whatever it is. */
Test(units, always_fit)
{
    uint64_t rng = random_seed();

    for (int i = 0; i < 100000; i++) {
        uint64_t v = random_next(&rng) >> random_below(&rng, 64);
        char out[24];

        memset(out, 'x', sizeof out);
        cr_assert(memchr(bytes_text(v, out), '\0', sizeof out) != NULL);
        memset(out, 'x', sizeof out);
        cr_assert(memchr(duration_text((int64_t)v, out), '\0', sizeof out) != NULL);
    }
}
