/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any text as a token: what is accepted is what its parts make. */
#include <strings.h>

#include "base/text.h"
#include "fuzz.h"
#include "wire/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), secret[TOKEN_SECRET_TEXT], key[KEY_TEXT], again[TOKEN_TEXT];
    uint8_t hash[32];
    pubkey server;
    struct err e = { "" };

    memcpy(text, size > 0 ? (const char *)data : "", size);
    text[size] = '\0';
    if (token_parse(text, &server, secret, &e) == 0) {
        snprintf(again, sizeof again, "m1.%s.%s", key_text(server, key), secret);
        MUST(!pubkey_is_nil(server), "no key");
        MUST(strcasecmp(text, again) == 0, "another token");
        MUST(token_hash(secret, hash), "no hash");
    } else {
        MUST(e.text[0] != '\0', "no sentence");
    }
    token_hash(text, hash);
    free(text);
    return 0;
}
