/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clean text: UTF-8 (RFC 3629) without control characters, and cut text made clean again. The
 * library looks at eight bytes at a time; here a decoder that works code point by code point judges
 * it. */
#include <criterion/criterion.h>

#include "base/text.h"
#include "random.h"

/* One code point of the bytes, and its length; 0: they are not the shortest form of any. */
static size_t decode(const uint8_t *p, size_t left, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;

    if (n == 0 || left < n)
        return 0;
    *out = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        *out = *out << 6 | (p[i] & 0x3f);
    }
    return *out < least[n] || *out > 0x10ffff || (*out >= 0xd800 && *out < 0xe000) ? 0 : n;
}

static bool is_clean(const uint8_t *p, size_t n)
{
    while (n > 0) {
        uint32_t c;
        size_t length = decode(p, n, &c);

        if (length == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
            return false;
        p += length;
        n -= length;
    }
    return true;
}

static void check(const uint8_t *p, size_t n)
{
    char *exact = malloc(n + !n); /* so that a reader beyond its end is caught */

    memcpy(exact, p, n);
    cr_assert_eq(text_is_clean(exact, n), is_clean(p, n), "%zu bytes, first %02x %02x %02x %02x", n,
                 p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, n > 3 ? p[3] : 0);
    free(exact);
}

Test(text_clean, all_of_up_to_two_bytes)
{
    uint8_t p[2];

    cr_expect(text_is_clean("", 0));
    for (unsigned v = 0; v < 65536; v++) {
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
        check(p, 2);
        check(p + 1, 1);
    }
}

/* Every first byte with bytes at and around the ends of their ranges. */
Test(text_clean, longer_sequences)
{
    static const uint8_t edges[] = { 0x00, 0x1f, 0x20, 0x41, 0x7e, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
                                     0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf4, 0xff };
    const size_t n = ARRAY_LEN(edges);
    uint8_t p[4];

    for (unsigned first = 0xc0; first < 0x100; first++) {
        for (size_t i = 0; i < n * n * n; i++) {
            p[0] = (uint8_t)first;
            p[1] = edges[i % n];
            p[2] = edges[i / n % n];
            p[3] = edges[i / n / n];
            check(p, 3);
            check(p, 4);
        }
    }
}

/* One byte of every value at every place of texts of every length: wherever it falls in the eight
 * that are looked at together. */
Test(text_clean, one_byte_among_others)
{
    uint8_t p[40];

    for (size_t n = 1; n <= sizeof p; n++) {
        for (size_t at = 0; at < n; at++) {
            for (unsigned v = 0; v < 256; v++) {
                memset(p, v % 2 ? ' ' : '~', sizeof p);
                p[at] = (uint8_t)v;
                check(p, n);
            }
        }
    }
}

Test(text_clean, at_random)
{
    static const uint8_t likely[] = { 'a',  ' ',  0x7e, 0x7f, 0x80, 0xa0, 0xc2, 0xc3, 0xe2, 0x82,
                                      0xac, 0xf0, 0x9f, 0x98, 0x1f, 0x21, 0xed, 0xa0, 0xff };
    uint64_t rng = random_seed();
    uint8_t p[30];

    for (int i = 0; i < 300000; i++) {
        size_t n = random_below(&rng, sizeof p);

        for (size_t k = 0; k < n; k++)
            p[k] = likely[random_below(&rng, random_chance(&rng, 60) ? 2 : sizeof likely)];
        check(p, n);
    }
}

/* Text that is cut anywhere loses at most the character that was cut. */
Test(text_trim, cut_anywhere)
{
    static const char whole[] = "a é € 😀 ßü€😀";
    char s[sizeof whole];

    for (size_t n = 0; n < sizeof whole; n++) {
        memcpy(s, whole, n);
        s[n] = '\0';
        text_trim(s);
        cr_assert(is_clean((const uint8_t *)s, strlen(s)), "cut at %zu", n);
        cr_assert(strncmp(s, whole, strlen(s)) == 0);
        cr_assert(n - strlen(s) < 4);
        /* What is whole stays. */
        cr_assert(is_clean((const uint8_t *)whole, n) == (strlen(s) == n));
    }
}
