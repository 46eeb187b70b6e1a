/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens when: a binary heap. */
#include <stdlib.h>

#include "sim_internal.h"

static bool before(const struct happening *a, const struct happening *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct agenda *a, size_t i, size_t k)
{
    struct happening x = a->v[i];

    a->v[i] = a->v[k];
    a->v[k] = x;
}

static void put(struct sim *s, world_us at, struct happening new)
{
    struct agenda *a = &s->agenda;
    size_t i = a->n;

    if (a->n == a->cap) {
        a->cap = a->cap == 0 ? 1024 : a->cap * 2;
        a->v = realloc(a->v, a->cap * sizeof *a->v);
        if (a->v == NULL)
            abort();
    }
    new.at = at > s->now ? at : s->now;
    new.order = a->order++;
    a->v[a->n++] = new;
    for (; i > 0 && before(&a->v[i], &a->v[(i - 1) / 2]); i = (i - 1) / 2)
        swap(a, i, (i - 1) / 2);
}

void agenda_put(struct sim *s, world_us at, happen_fn fn, void *what, uint64_t stamp)
{
    put(s, at, (struct happening){ .stamp = stamp, .fn = fn, .what = what });
}

void agenda_put_owned(struct sim *s, world_us at, happen_fn fn, void *what, uint64_t stamp)
{
    put(s, at, (struct happening){ .stamp = stamp, .fn = fn, .what = what, .owned = true });
}

void agenda_drop(struct happening *h)
{
    if (h->owned)
        free(h->what);
}

bool agenda_take(struct agenda *a, struct happening *out)
{
    size_t i = 0;

    if (a->n == 0)
        return false;
    *out = a->v[0];
    a->v[0] = a->v[--a->n];
    for (;;) {
        size_t least = i, l = 2 * i + 1;

        for (size_t k = l; k < a->n && k <= l + 1; k++) {
            if (before(&a->v[k], &a->v[least]))
                least = k;
        }
        if (least == i)
            return true;
        swap(a, i, least);
        i = least;
    }
}
