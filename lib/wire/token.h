/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One-time tokens: "m1.<server public key, 64 hex>.<secret, 32 hex>". The key tells the bearer whom
 * to trust; the secret is stored nowhere but as its BLAKE2b-256 hash. */
#ifndef MUSTER_WIRE_TOKEN_H
#define MUSTER_WIRE_TOKEN_H

#include "base/err.h"
#include "base/types.h"

#define TOKEN_SECRET_TEXT 33
#define TOKEN_TEXT        (3 + 64 + 1 + 32 + 1)

/* `out` has TOKEN_TEXT bytes; returns it. */
char *token_format(pubkey server, const uint8_t secret[16], char *out);
/* -EINVAL with a sentence. `secret_hex` has TOKEN_SECRET_TEXT bytes. */
int token_parse(const char *text, pubkey *server, char *secret_hex, struct err *e);
/* Of the secret's 32 hex digits; false when they are not that. */
bool token_hash(const char *secret_hex, uint8_t out[32]);

#endif
