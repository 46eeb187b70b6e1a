/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power is cut at every call to the disk in turn: everything that store_commit acknowledged is
 * there afterwards. Without syncs the same test must find losses, or it could not find any. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "script.h"
#include "share.h"
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
        if (rc == 0) {
            acked++;
            rc = acked % 4 == 1 ? store_pack(store, 2, &e) : 0;
        }
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
    struct store_options o = { .dir = before->dir, .copies = true };
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

static bool is_long(void)
{
    return getenv("MUSTER_LONG") != NULL;
}

struct sweep {
    const char *made; /* each run starts with a copy of this folder; NULL: from nothing */
    const char *synchronous;
    uint64_t seed, first, step;
    bool must; /* no cut may lose anything */
};

/* Cuts at every `step`th call from `first` on until the script ends without a cut. From nothing,
 * where most calls are those of the opening, the script is short. Returns how many cuts lost
 * something. */
static uint32_t sweep(const struct sweep *w)
{
    struct script *s = script_new(w->seed, w->made == NULL ? 2 : 8, 12);
    uint64_t cut_at = w->first, calls = 0;
    uint32_t losses = 0, cuts = 0;
    bool cut = true;

    vfs_unsynced_register();
    for (; cut; cut_at += w->step) {
        struct store_options o = { .vfs = VFS_UNSYNCED,
                                   .synchronous = w->synchronous,
                                   .copies = w->made != NULL };
        char *dir = w->made == NULL ? temp_dir() : temp_crash_copy(w->made), why[400] = "";
        uint32_t acked;

        o.dir = dir;
        vfs_unsynced_reset(w->seed + cut_at, cut_at);
        acked = run_script(s, &o);
        cut = vfs_unsynced_is_cut();
        calls = vfs_unsynced_calls();
        vfs_unsynced_restore();
        if (!survives(s, &o, acked, why, sizeof why)) {
            losses++;
            cr_assert(!w->must, "seed %llu, from %s, cut at call %llu, %u batches acknowledged: %s",
                      (unsigned long long)w->seed, w->made == NULL ? "nothing" : "a copy",
                      (unsigned long long)cut_at, acked, why);
        }
        cuts += cut;
        temp_remove(dir);
    }
    cr_assert(calls > 100 && cuts > 20, "%llu calls, %u cuts", (unsigned long long)calls, cuts);
    vfs_unsynced_reset(1, 0);
    script_free(s);
    return losses;
}

Test(power, nothing_acknowledged_is_lost)
{
    char *made = script_empty_database();
    struct sweep w = { .made = made, .seed = random_seed(), .first = 1, .step = 1, .must = true };
    unsigned scripts = is_long() ? 30 : share_of(2, 1, "scripts");

    w.step = stride_of(2, "cut");
    w.first += w.seed % w.step;
    for (unsigned i = 0; i < scripts; i++, w.seed += 1000003)
        sweep(&w);
    temp_remove(made);
}

/* To make a database takes so long that the short run takes every second cut. */
Test(power, nothing_is_lost_of_a_new_database)
{
    struct sweep w = { .seed = random_seed(), .first = 1, .step = 1, .must = true };

    if (!is_long()) {
        w.step = 2 * stride_of(3, "cut");
        w.first += w.seed % w.step;
    }
    sweep(&w);
}

Test(power, without_syncs_this_test_finds_losses)
{
    char *made = script_empty_database();
    struct sweep w = {
        .made = made, .synchronous = "OFF", .seed = random_seed(), .first = 1, .step = 4
    };

    cr_assert(sweep(&w) > 0, "a disk that drops what was not synced has lost nothing");
    w.made = NULL;
    cr_assert(sweep(&w) > 0, "and nothing of a new database");
    temp_remove(made);
}
