/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key pairs, clocks, and what a process does so that its secrets stay its own. */
#include <criterion/criterion.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <zmq.h>

#include "net/net.h"

/* Our public key is the one that ZeroMQ would compute. */
Test(keys, as_zeromq_makes_them)
{
    struct keypair k, other;
    char secret[41], public[41];
    uint8_t theirs[32];

    keypair_new(&k);
    keypair_new(&other);
    cr_expect(!pubkey_eq(k.public_key, other.public_key));
    cr_assert_not_null(zmq_z85_encode(secret, k.secret, sizeof k.secret));
    cr_assert_eq(zmq_curve_public(public, secret), 0);
    cr_assert_not_null(zmq_z85_decode(theirs, public));
    cr_expect_arr_eq(theirs, k.public_key.b, sizeof theirs);
}

Test(keys, wiped)
{
    static const struct keypair nothing;
    struct keypair k;

    keypair_new(&k);
    keypair_wipe(&k);
    cr_expect_arr_eq(&k, &nothing, sizeof k);
}

Test(keys, random_bytes_differ)
{
    uint8_t a[32] = { 0 }, b[32] = { 0 };

    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    cr_expect_arr_neq(a, b, sizeof a);
}

Test(keys, process_harden)
{
    struct rlimit core;

    process_harden();
    cr_expect_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    cr_expect(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
}

Test(clock, each_tells_its_own_time)
{
    struct timespec boot;
    mono_ms before = clock_mono(), after;
    wall_ms wall = clock_wall();

    clock_gettime(CLOCK_BOOTTIME, &boot);
    after = clock_mono();
    cr_expect_geq(mono_since(after, before), 0);
    cr_expect_leq(before.v, boot.tv_sec * 1000 + boot.tv_nsec / 1000000);
    cr_expect_geq(after.v, boot.tv_sec * 1000 + boot.tv_nsec / 1000000);
    cr_expect(wall.v / 1000 - time(NULL) <= 1 && time(NULL) - wall.v / 1000 <= 60);
}
