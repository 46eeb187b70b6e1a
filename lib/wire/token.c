/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/token.h"

#include <errno.h>
#include <sodium/crypto_generichash.h>

#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";

char *token_format(pubkey server, const uint8_t secret[16], char *out)
{
    char *p = out + 3 + 64;

    memcpy(out, "m1.", 3);
    key_text(server, out + 3);
    *p++ = '.';
    for (int i = 0; i < 16; i++) {
        *p++ = hex_digits[secret[i] >> 4];
        *p++ = hex_digits[secret[i] & 15];
    }
    *p = '\0';
    return out;
}

static bool secret_ok(const char *s)
{
    return strspn(s, hex_digits) == TOKEN_SECRET_TEXT - 1 && s[TOKEN_SECRET_TEXT - 1] == '\0';
}

int token_parse(const char *text, pubkey *server, char *secret_hex, struct err *e)
{
    char key[KEY_TEXT];

    /* The text is a secret: the sentence does not repeat it. */
    if (strnlen(text, TOKEN_TEXT) != TOKEN_TEXT - 1 || strncmp(text, "m1.", 3) != 0 ||
        text[3 + 64] != '.' || !secret_ok(text + 3 + 64 + 1))
        return err_set(e, -EINVAL,
                       "this is not a token: one looks like m1.<64 hex digits>.<32 hex digits>, as "
                       "'muster token create' prints it");
    memcpy(key, text + 3, KEY_TEXT - 1);
    key[KEY_TEXT - 1] = '\0';
    if (!key_parse(key, server) || pubkey_is_nil(*server))
        return err_set(e, -EINVAL, "the server key in this token is not a key");
    memcpy(secret_hex, text + 3 + 64 + 1, TOKEN_SECRET_TEXT);
    return 0;
}

bool token_hash(const char *secret_hex, uint8_t out[32])
{
    if (!secret_ok(secret_hex))
        return false;
    crypto_generichash(out, 32, (const unsigned char *)secret_hex, TOKEN_SECRET_TEXT - 1, NULL, 0);
    return true;
}
