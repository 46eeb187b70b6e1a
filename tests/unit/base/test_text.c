/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Identifiers, keys, times and patterns. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "random.h"

/* ---- UUIDs ---------------------------------------------------------------------------------- */

Test(uuid, there_and_back)
{
    static const char *const texts[] = {
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
        "{6ba7b810-9dad-11d1-80b4-00C04fd430c8}",
    };
    char out[UUID_TEXT];
    uuid128 id;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        cr_assert(uuid128_parse(texts[i], &id), "%s", texts[i]);
        cr_assert_eq(uuid_text(id, out), out);
        cr_assert_str_eq(out, texts[0]);
    }
    cr_expect(!uuid_is_nil(id));
    cr_expect(uuid128_parse("00000000-0000-0000-0000-000000000000", &id) && uuid_is_nil(id));
}

/* Everything that is a UUID but for one character, or for its end. */
Test(uuid, refused)
{
    static const char good[] = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    uuid128 untouched = { { 42 } }, id = untouched;
    char text[64];

    for (size_t at = 0; at < strlen(good); at++) {
        for (const char *bad = "g-G/:@` {}x\n\x80"; *bad != '\0'; bad++) {
            if (good[at] == *bad)
                continue;
            memcpy(text, good, sizeof good);
            text[at] = *bad;
            cr_assert(!uuid128_parse(text, &id), "%s", text);
        }
        snprintf(text, sizeof text, "%.*s", (int)at, good);
        cr_assert(!uuid128_parse(text, &id), "%s", text);
        snprintf(text, sizeof text, "{%.*s", (int)at, good);
        cr_assert(!uuid128_parse(text, &id), "%s", text);
    }
    snprintf(text, sizeof text, "%s ", good);
    cr_assert(!uuid128_parse(text, &id));
    snprintf(text, sizeof text, "{%s", good);
    cr_assert(!uuid128_parse(text, &id));
    snprintf(text, sizeof text, "%s}", good);
    cr_assert(!uuid128_parse(text, &id));
    cr_assert(!uuid128_parse("6ba7b8109dad11d180b400c04fd430c8", &id));
    cr_assert(uuid_eq(id, untouched));
}

/* RFC 9562, appendix A.4. */
Test(uuid, version_5)
{
    uuid128 dns, wanted;

    cr_assert(uuid128_parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8", &dns));
    cr_assert(uuid128_parse("2ed6657d-e927-568b-95e1-2665a8aea6a2", &wanted));
    cr_expect(uuid_eq(uuid_v5(dns, "www.example.com", 15), wanted));
}

Test(uuid, version_4)
{
    uint8_t random[16];
    char text[UUID_TEXT];

    memset(random, 0xff, sizeof random);
    cr_expect_str_eq(uuid_text(uuid_v4_from(random), text), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    memset(random, 0, sizeof random);
    cr_expect_str_eq(uuid_text(uuid_v4_from(random), text), "00000000-0000-4000-8000-000000000000");
}

/* ---- keys ----------------------------------------------------------------------------------- */

Test(key, there_and_back)
{
    uint64_t rng = random_seed();

    for (int i = 0; i < 200; i++) {
        pubkey k, back;
        char text[KEY_TEXT];

        for (size_t b = 0; b < sizeof k.b; b++)
            k.b[b] = (uint8_t)random_next(&rng);
        cr_assert(key_parse(key_text(k, text), &back) && pubkey_eq(k, back));
        text[random_below(&rng, 64)] = "g/:@`G \n"[i % 8];
        cr_assert(!key_parse(text, &back), "%s", text);
    }
}

Test(key, refused)
{
    char text[80];
    pubkey k = { { 9 } };

    memset(text, 'a', sizeof text);
    for (size_t n = 0; n < 70; n++) {
        text[n] = '\0';
        cr_assert_eq(key_parse(text, &k), n == 64, "%zu digits", n);
        text[n] = 'a';
    }
    memset(text, 'A', 64);
    text[64] = '\0';
    cr_assert(key_parse(text, &k) && k.b[0] == 0xaa, "upper case");
}

/* ---- times ---------------------------------------------------------------------------------- */

Test(wall, known)
{
    static const struct {
        int64_t ms;
        const char *text;
    } known[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 1, "1970-01-01T00:00:00.001Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { 951782400000, "2000-02-29T00:00:00.000Z" },
        { 1795528980123, "2026-11-24T14:03:00.123Z" },
        { INT64_C(253402300799999), "9999-12-31T23:59:59.999Z" },
    };
    char out[TIME_TEXT];
    wall_ms t;

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        cr_assert_str_eq(wall_rfc3339((wall_ms){ known[i].ms }, out), known[i].text);
        cr_assert(wall_parse(known[i].text, &t) && t.v == known[i].ms, "%s", known[i].text);
    }
    cr_expect_str_eq(wall_rfc3339((wall_ms){ INT64_MAX }, out), "0000-00-00T00:00:00.000Z");
    cr_expect_str_eq(wall_rfc3339((wall_ms){ INT64_MIN }, out), "0000-00-00T00:00:00.000Z");
    cr_expect_str_eq(wall_rfc3339((wall_ms){ INT64_C(253402300800000) }, out),
                     "0000-00-00T00:00:00.000Z");
}

Test(wall, there_and_back)
{
    uint64_t rng = random_seed();

    for (int i = 0; i < 20000; i++) {
        wall_ms t = { (int64_t)random_below(&rng, 253402300800000) }, back;
        char out[TIME_TEXT];

        cr_assert(wall_parse(wall_rfc3339(t, out), &back) && back.v == t.v, "%s", out);
    }
}

Test(wall, other_ways_to_write_it)
{
    static const char *const same[] = {
        "2026-11-24T14:03:00Z",      "2026-11-24t14:03:00z",
        "2026-11-24 14:03:00Z",      "2026-11-24T15:03:00+01:00",
        "2026-11-24T08:33:00-05:30", "2026-11-25T14:02:00+23:59",
        "2026-11-24T14:03:00.0Z",    "2026-11-24T14:03:00.00009999999Z",
        "2026-11-24T14:02:60Z",
    };
    wall_ms t;

    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        cr_assert(wall_parse(same[i], &t) && t.v == 1795528980000, "%s: %lld", same[i],
                  (long long)t.v);
    cr_expect(wall_parse("2026-11-24T14:03:00.5Z", &t) && t.v == 1795528980500);
    cr_expect(wall_parse("2026-11-24T14:03:00.12345Z", &t) && t.v == 1795528980123);
}

Test(wall, refused)
{
    static const char *const bad[] = {
        "",
        "now",
        "2026",
        "2026-11-24",
        "2026-11-24T14:03",
        "2026-11-24T14:03:00",
        "2026-11-24T14:03:00.Z",
        "2026-11-24T14:03:00Zx",
        "2026-11-24T14:03:00+1:00",
        "2026-11-24T14:03:00+24:00",
        "2026-11-24T14:03:00+01:60",
        "2026-11-24T14:03:00+0100",
        "2026-11-24T24:00:00Z",
        "2026-11-24T14:60:00Z",
        "2026-11-24T14:03:61Z",
        "2026-00-24T14:03:00Z",
        "2026-13-24T14:03:00Z",
        "2026-11-00T14:03:00Z",
        "2026-11-31T14:03:00Z",
        "2026-02-29T14:03:00Z",
        "1900-02-29T14:03:00Z",
        "2024-02-30T14:03:00Z",
        "26-11-24T14:03:00Z",
        "+026-11-24T14:03:00Z",
        " 2026-11-24T14:03:00Z",
        "2026-11-24_14:03:00Z",
        "2026/11/24T14:03:00Z",
    };
    wall_ms t = { 7 };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert(!wall_parse(bad[i], &t) && t.v == 7, "%s", bad[i]);
    cr_expect(wall_parse("2024-02-29T14:03:00Z", &t));
    cr_expect(wall_parse("2000-02-29T14:03:00Z", &t));
}

/* ---- patterns ------------------------------------------------------------------------------- */

/* By trying everything. */
static bool matches(const char *p, const char *s)
{
    if (*p == '*')
        return matches(p + 1, s) || (*s != '\0' && matches(p, s + 1));
    if (*s == '\0' || *p == '\0')
        return *s == *p;
    return (*p == '?' || *p == *s) && matches(p + 1, s + 1);
}

Test(glob, against_trying_everything)
{
    uint64_t rng = random_seed();

    for (int i = 0; i < 200000; i++) {
        char pattern[9] = "", text[9] = "";
        size_t n = random_below(&rng, 9);

        for (size_t k = 0; k < n; k++)
            pattern[k] = "ab*?"[random_below(&rng, 4)];
        n = random_below(&rng, 9);
        for (size_t k = 0; k < n; k++)
            text[k] = "ab*"[random_below(&rng, random_chance(&rng, 10) ? 3 : 2)];
        cr_assert_eq(glob_match(pattern, text), matches(pattern, text), "%s, %s", pattern, text);
    }
}

Test(glob, as_people_write_them)
{
    cr_expect(glob_match("*", ""));
    cr_expect(glob_match("dom0-*", "dom0-a") && !glob_match("dom0-*", "dom1-a"));
    cr_expect(glob_match("bond?", "bond0") && !glob_match("bond?", "bond10"));
    cr_expect(!glob_match("eth0", "eth0.100") && glob_match("eth0", "eth0"));
    cr_expect(!glob_match("", "x") && glob_match("", ""));
    cr_expect(!glob_match("[a]", "a"), "no other signs");
}

/* Patterns that would take a backtracking matcher longer than this machine will live. */
Test(glob, takes_no_time)
{
    char pattern[401], text[4001];

    for (int i = 0; i < 400; i++)
        pattern[i] = i % 2 ? '*' : 'a';
    pattern[400] = '\0';
    memset(text, 'a', sizeof text - 1);
    text[4000] = '\0';
    cr_expect(glob_match(pattern, text));
    text[3999] = 'b';
    pattern[399] = 'a';
    cr_expect(!glob_match(pattern, text));
}
