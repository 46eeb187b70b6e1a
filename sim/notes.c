/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the pools of scans and changes keep in /run, for a later supervisor of the same boot. */
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

/* There is one volume group: of each the last change is kept. */
int run_dir_save_change(const struct run_dir *d, uuid128 boot_id, const struct lvm_change *change,
                        struct err *e)
{
    struct run_dir *own = &d->host->run;

    (void)boot_id, (void)e;
    arena_free(own->change_arena);
    own->change_arena = arena_new(0);
    own->change = record_dup(own->change_arena, &lvm_change_desc, change);
    return 0;
}

int run_dir_each_change(const struct run_dir *d, uuid128 boot_id,
                        int (*each)(void *ctx, const struct lvm_change *change), void *ctx,
                        struct err *e)
{
    (void)boot_id, (void)e;
    return d->change == NULL ? 0 : each(ctx, d->change);
}

void notes_end(struct run_dir *d)
{
    while (d->notes != NULL)
        note_drop(&d->notes);
    arena_free(d->change_arena);
    d->change_arena = NULL;
    d->change = NULL;
}
