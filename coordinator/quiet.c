/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core thread does when there is time for it: it copies the write-ahead log into the
 * database, and makes packs for the next start. */
#include "base/log.h"
#include "corethread_internal.h"
#include "net/net.h"
#include "shell.h"

enum {
    /* It is quiet when a while has passed without a batch that writes much. */
    BUSY_ROWS = 256,
    QUIET_MS = 1000,
    /* Packs are made so many at once, at most one part in PACK_SHARE of the time. */
    PACKS = 4,
    PACK_SHARE = 20,
    PACK_AGAIN_MS = 60000,
};

static const mono_ms never = { INT64_MAX };

void quiet_note(struct core_thread *t)
{
    if (t->update.change_count >= BUSY_ROWS)
        t->quiet_at = (mono_ms){ clock_mono().v + QUIET_MS };
}

/* ---- when ----------------------------------------------------------------------------------- */

static mono_ms checkpoint_next(const struct core_thread *t)
{
    return !t->read_only && store_checkpoint_due(t->o.store) ? t->quiet_at : never;
}

static mono_ms packs_next(const struct core_thread *t)
{
    if (t->read_only || t->coord == NULL || store_packs_due(t->o.store) == 0)
        return never;
    return t->pack_at.v > t->quiet_at.v ? t->pack_at : t->quiet_at;
}

mono_ms quiet_next(const struct core_thread *t)
{
    mono_ms checkpoint = checkpoint_next(t), packs = packs_next(t);

    return checkpoint.v < packs.v ? checkpoint : packs;
}

/* ---- what ----------------------------------------------------------------------------------- */

static void run_checkpoint(struct core_thread *t)
{
    struct err e = { "" };

    if (store_checkpoint(t->o.store, &e) == STORE_E_FATAL)
        shell_die("%s", e.text);
}

/* What fails here fails for a batch too, which says so; it is tried again. */
static void run_packs(struct core_thread *t, mono_ms now)
{
    struct err e = { "" };
    int rc = store_pack(t->o.store, PACKS, &e);

    if (rc == STORE_E_FATAL)
        shell_die("%s", e.text);
    if (rc != 0)
        log_line(LOG_LEVEL_DEBUG, "nodes are not packed: %s", e.text);
    t->pack_at.v =
        rc != 0 ? now.v + PACK_AGAIN_MS : now.v + PACK_SHARE * (clock_mono().v - now.v + 1);
}

void quiet_run(struct core_thread *t)
{
    mono_ms now = clock_mono();

    if (checkpoint_next(t).v <= now.v)
        run_checkpoint(t);
    if (packs_next(t).v <= now.v)
        run_packs(t, now);
}
