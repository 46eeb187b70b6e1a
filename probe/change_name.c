/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By what the worker of a change is known, to itself and to a later supervisor. */
#include <inttypes.h>
#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>

#include "worker_change.h"

void change_key_text(const struct order_key *key, char out[CHANGE_KEY_TEXT])
{
    snprintf(out, CHANGE_KEY_TEXT, "%" PRIu64 "-%" PRIu64 "-%" PRIu64, key->task, key->job,
             key->attempt);
}

void change_comm(const char *boot, const char *key, char out[CHANGE_COMM_TEXT])
{
    crypto_generichash_state state;
    uint8_t hash[16];
    char hex[13];

    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)boot, strlen(boot) + 1);
    crypto_generichash_update(&state, (const uint8_t *)key, strlen(key));
    crypto_generichash_final(&state, hash, sizeof hash);
    snprintf(out, CHANGE_COMM_TEXT, "mc-%s", sodium_bin2hex(hex, sizeof hex, hash, 6));
}
