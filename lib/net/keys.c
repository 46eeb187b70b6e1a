/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <sodium.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"

void random_bytes(void *p, size_t n)
{
    /* Cheap when done before, and safe from any thread. Without random bytes nothing is safe. */
    if (sodium_init() < 0)
        abort();
    randombytes_buf(p, n);
}

void keypair_new(struct keypair *k)
{
    /* What zmq_curve_keypair does, without the detour through Z85 text. */
    random_bytes(k->secret, sizeof k->secret);
    crypto_scalarmult_base(k->public_key.b, k->secret);
}

void keypair_wipe(struct keypair *k)
{
    sodium_memzero(k, sizeof *k);
}

void process_harden(void)
{
    struct rlimit none = { 0, 0 };

    /* Both are belts: a sandbox that forbids them is no reason not to start. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        log_line(LOG_LEVEL_WARNING, "this process could not be made undumpable");
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        log_line(LOG_LEVEL_WARNING, "core dumps could not be switched off");
}
