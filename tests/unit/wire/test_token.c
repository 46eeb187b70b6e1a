/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>

#include "gen.h"
#include "wire/token.h"

Test(wire_token, there_and_back)
{
    struct gen g = { .state = gen_seed() };

    for (int i = 0; i < 1000; i++) {
        char text[TOKEN_TEXT], again[TOKEN_TEXT], hex[TOKEN_SECRET_TEXT];
        uint8_t secret[16], hash[32], other[32];
        pubkey server, parsed;
        struct err e = { "" };

        for (size_t k = 0; k < sizeof server.b; k++)
            server.b[k] = (uint8_t)gen_next(&g);
        for (size_t k = 0; k < sizeof secret; k++)
            secret[k] = (uint8_t)gen_next(&g);
        cr_assert_eq(token_format(server, secret, text), text);
        cr_assert_eq(strlen(text), TOKEN_TEXT - 1);
        cr_assert_eq(token_parse(text, &parsed, hex, &e), 0, "%s", e.text);
        cr_assert(pubkey_eq(server, parsed));
        cr_assert_eq(strlen(hex), TOKEN_SECRET_TEXT - 1);
        cr_assert(token_hash(hex, hash));
        secret[i % 16] ^= 1;
        token_format(server, secret, again);
        cr_assert_eq(token_parse(again, &parsed, hex, &e), 0);
        cr_assert(token_hash(hex, other));
        cr_assert_neq(memcmp(hash, other, sizeof hash), 0);
    }
}

/* The form and the hash are for ever: tokens are printed on paper, hashes are in the database. */
Test(wire_token, form_and_hash)
{
    static const uint8_t secret[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                        0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
    static const uint8_t expected[] = { 0x31, 0x47, 0x9f, 0xea, 0xc0, 0x1e, 0x22, 0x25,
                                        0xd3, 0x91, 0xf0, 0x5f, 0x32, 0x96, 0x8f, 0xc0,
                                        0xea, 0x35, 0xdf, 0xab, 0x9c, 0x5d, 0xb6, 0xe4,
                                        0x6a, 0x09, 0xab, 0xb6, 0xdb, 0x6c, 0xfa, 0x50 };
    pubkey server;
    char text[TOKEN_TEXT];
    uint8_t hash[32];

    memset(server.b, 0xa5, sizeof server.b);
    cr_expect_str_eq(token_format(server, secret, text),
                     "m1.a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5."
                     "00112233445566778899aabbccddeeff");
    cr_assert(token_hash("00112233445566778899aabbccddeeff", hash));
    cr_expect_eq(memcmp(hash, expected, sizeof expected), 0);
}

#define KEY    "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
#define SECRET "00112233445566778899aabbccddeeff"

Test(wire_token, refused)
{
    static const char *const bad[] = {
        "",
        "m1.",
        "m1." KEY "." SECRET "0",
        "m1." KEY "." SECRET "\n",
        " m1." KEY "." SECRET,
        "m2." KEY "." SECRET,
        "M1." KEY "." SECRET,
        "m1." KEY ":" SECRET,
        "m1." KEY "."
        "00112233445566778899AABBCCDDEEFF",
        "m1." KEY "."
        "0011223344556677 899aabbccddeeff",
        "m1." KEY "."
        "g0112233445566778899aabbccddeeff",
        "m1."
        "z5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
        "." SECRET,
        "m1."
        "0000000000000000000000000000000000000000000000000000000000000000"
        "." SECRET,
    };
    char hex[TOKEN_SECRET_TEXT];
    pubkey server;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = { "" };

        cr_expect_eq(token_parse(bad[i], &server, hex, &e), -EINVAL, "%s", bad[i]);
        cr_expect(strstr(e.text, "token") != NULL, "%s", e.text);
        cr_expect(strstr(e.text, "00112233") == NULL, "the sentence tells the secret: %s", e.text);
    }
}

Test(wire_token, cut_at_every_length)
{
    static const char whole[] = "m1." KEY "." SECRET;
    char text[sizeof whole], hex[TOKEN_SECRET_TEXT];
    pubkey server;

    for (size_t n = 0; n < sizeof whole - 1; n++) {
        memcpy(text, whole, n);
        text[n] = '\0';
        cr_expect_eq(token_parse(text, &server, hex, NULL), -EINVAL, "%zu", n);
    }
    cr_expect_eq(token_parse(whole, &server, hex, NULL), 0);
    cr_expect_str_eq(hex, SECRET);
}

Test(wire_token, hash_of_what_is_no_secret)
{
    static const char *const bad[] = { "", "0011", SECRET "0", "0011223344556677 899aabbccddeeff",
                                       "00112233445566778899AABBCCDDEEFF" };
    uint8_t out[32];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect_not(token_hash(bad[i], out), "%s", bad[i]);
}
