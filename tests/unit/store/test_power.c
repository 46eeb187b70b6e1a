/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power is cut at every call to the disk in turn: everything that store_commit acknowledged is
 * there afterwards. Without syncs the same test must find losses, or it could not find any. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "script.h"
#include "store_internal.h"
#include "vfs_unsynced.h"

/* Runs the script until the power goes. Returns the count of batches acknowledged. */
static uint32_t run_script(const struct script *s, const struct store_options *o)
{
    struct store *store = NULL;
    struct err e;
    uint32_t acked = 0;
    int rc = store_open(o, &store, &e);

    if (rc == 0)
        rc = store_init_identity(store, script_db_id, &e);
    while (rc == 0 && acked < s->count) {
        store->checkpoint_pages = 8;
        rc = store_commit(store, s->batches[acked], &e);
        if (rc == 0)
            acked++;
        if (rc == 0 && acked == s->count / 2) { /* a clean restart in the middle */
            store_close(store);
            store = NULL;
            rc = store_open(o, &store, &e);
        }
    }
    cr_assert(rc == 0 || vfs_unsynced_is_cut(), "without a cut: %s", e.text);
    store_close(store);
    return acked;
}

/* True: the machine starts again with all that was acknowledged, and nothing but what was asked. */
static bool survives(const struct script *s, const struct store_options *before, uint32_t acked,
                     char *why, size_t n)
{
    struct store_options o = { .dir = before->dir };
    struct store *store = NULL;
    struct err e = { "" };
    char *text = NULL;
    bool good = false;
    int rc = store_open(&o, &store, &e);

    if (rc == 0)
        rc = store_init_identity(store, script_db_id, &e);
    if (rc == 0)
        text = database_text(store, &o, &e);
    if (text == NULL) {
        snprintf(why, n, "%s", e.text);
        goto out;
    }
    good = strcmp(text, s->texts[acked]) == 0;
    if (!good && acked < s->count && strcmp(text, s->texts[acked + 1]) == 0) {
        good = true; /* the one in flight */
        acked++;
    }
    snprintf(why, n, "it is not as after batch %u", acked);
    while (good && acked < s->count) /* and goes on */
        good = store_commit(store, s->batches[acked++], &e) == 0;
out:
    free(text);
    store_close(store);
    return good;
}

/* Cuts at every `step`th call. Returns how many cuts lost something; `must` says that none may. */
static uint32_t sweep(const char *synchronous, uint64_t seed, uint64_t step, bool must)
{
    struct script *s = script_new(seed, 8, 12);
    uint64_t cut_at = 1, calls = 0;
    uint32_t losses = 0, cuts = 0;
    bool cut = true;

    vfs_unsynced_register();
    for (; cut; cut_at += step) {
        struct store_options o = { .vfs = VFS_UNSYNCED, .synchronous = synchronous };
        char why[400] = "";
        uint32_t acked;

        o.dir = temp_dir();
        vfs_unsynced_reset(seed + cut_at, cut_at);
        acked = run_script(s, &o);
        cut = vfs_unsynced_is_cut();
        calls = vfs_unsynced_calls();
        vfs_unsynced_restore();
        if (!survives(s, &o, acked, why, sizeof why)) {
            losses++;
            cr_assert(!must, "seed %llu, cut at call %llu, %u batches acknowledged: %s",
                      (unsigned long long)seed, (unsigned long long)cut_at, acked, why);
        }
        cuts += cut;
        temp_remove((char *)(uintptr_t)o.dir);
    }
    cr_assert(calls > 100 && cuts > 20, "%llu calls, %u cuts", (unsigned long long)calls, cuts);
    vfs_unsynced_reset(1, 0);
    script_free(s);
    return losses;
}

Test(power, nothing_acknowledged_is_lost)
{
    uint64_t seed = random_seed();

    for (uint64_t i = 0; i < 3; i++)
        sweep(NULL, seed + i * 1000003, 1, true);
}

Test(power, without_syncs_this_test_finds_losses)
{
    uint32_t losses = sweep("OFF", random_seed(), 3, false);

    cr_assert(losses > 0, "a disk that drops what was not synced has lost nothing");
}
