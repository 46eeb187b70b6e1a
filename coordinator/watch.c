/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"

struct watch {
    struct route route;
    mono_ms until;
    mono_ms not_before; /* the next hint: coalesces a burst of changes */
    uint64_t told;      /* change number of the last hint */
};

struct watches {
    struct watch *all;
    size_t count, cap;
    uint64_t change; /* number of the newest change */
};

struct watches *watches_new(void)
{
    return calloc(1, sizeof(struct watches));
}

void watches_free(struct watches *w)
{
    if (w != NULL)
        free(w->all);
    free(w);
}

static bool same_route(const struct route *a, const struct route *b)
{
    return a->socket == b->socket && a->n == b->n && memcmp(a->id, b->id, a->n) == 0;
}

static void drop_expired(struct watches *w, mono_ms now)
{
    for (size_t i = 0; i < w->count;) {
        if (w->all[i].until.v <= now.v)
            w->all[i] = w->all[--w->count];
        else
            i++;
    }
}

int watches_add(struct watches *w, const struct route *route, mono_ms now)
{
    mono_ms until = { now.v + DEFAULT_WATCH_MS };

    drop_expired(w, now);
    for (size_t i = 0; i < w->count; i++) {
        if (same_route(&w->all[i].route, route)) {
            w->all[i].until = until;
            return 0;
        }
    }
    if (w->count >= LIMIT_WATCHES)
        return -ENOSPC;
    if (w->count == w->cap) {
        size_t cap = w->cap == 0 ? 16 : w->cap * 2;
        struct watch *all = realloc(w->all, cap * sizeof *all);

        if (all == NULL)
            return -ENOMEM;
        w->all = all;
        w->cap = cap;
    }
    w->all[w->count++] =
        (struct watch){ .route = *route, .until = until, .not_before = now, .told = w->change };
    return 0;
}

void watches_changed(struct watches *w)
{
    w->change++;
}

const struct route *watches_due(struct watches *w, mono_ms now, size_t *it)
{
    if (*it == 0)
        drop_expired(w, now);
    while (*it < w->count) {
        struct watch *x = &w->all[(*it)++];

        if (x->told == w->change || x->not_before.v > now.v)
            continue;
        x->told = w->change;
        x->not_before = (mono_ms){ now.v + DEFAULT_WATCH_COALESCE_MS };
        return &x->route;
    }
    return NULL;
}

mono_ms watches_next(const struct watches *w)
{
    mono_ms next = { INT64_MAX };

    for (size_t i = 0; i < w->count; i++) {
        if (w->all[i].told != w->change && w->all[i].not_before.v < next.v)
            next = w->all[i].not_before;
    }
    return next;
}

size_t watches_count(const struct watches *w)
{
    return w->count;
}
