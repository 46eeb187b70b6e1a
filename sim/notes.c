/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pool of scans keeps in /run, for a later supervisor of the same boot. */
#include <stdlib.h>

#include "sim_internal.h"

struct note {
    struct note *next;
    struct arena *arena;
    const struct scan_order *order;
};

int run_dir_save_scan(const struct run_dir *d, uuid128 boot_id, const struct scan_order *order,
                      struct err *e)
{
    struct note *n = malloc(sizeof *n);

    (void)boot_id, (void)e;
    if (n == NULL)
        abort();
    *n = (struct note){ d->host->run.notes, arena_new(0), NULL };
    n->order = record_dup(n->arena, &scan_order_desc, order);
    d->host->run.notes = n;
    return 0;
}

static void note_drop(struct note **at)
{
    struct note *n = *at;

    *at = n->next;
    arena_free(n->arena);
    free(n);
}

void run_dir_remove_scan(const struct run_dir *d, uuid128 boot_id, uint64_t request)
{
    struct note **at = &d->host->run.notes;

    (void)boot_id;
    while (*at != NULL && (*at)->order->request != request)
        at = &(*at)->next;
    if (*at != NULL)
        note_drop(at);
}

int run_dir_each_scan(const struct run_dir *d, uuid128 boot_id,
                      int (*each)(void *ctx, const struct scan_order *order), void *ctx,
                      struct err *e)
{
    int rc = 0;

    (void)boot_id, (void)e;
    for (const struct note *n = d->notes; rc == 0 && n != NULL; n = n->next)
        rc = each(ctx, n->order);
    return rc;
}

void notes_end(struct run_dir *d)
{
    while (d->notes != NULL)
        note_drop(&d->notes);
}
