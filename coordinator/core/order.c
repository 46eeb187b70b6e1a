/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/order.h"

int order_reserve(struct order *o, uint32_t n)
{
    uint32_t cap = o->cap == 0 ? 16 : o->cap;
    struct order_entry *entries;

    if (n <= o->cap)
        return 0;
    while (cap < n)
        cap = cap > UINT32_MAX / 2 ? n : cap * 2;
    entries = realloc(o->entries, cap * sizeof *entries);
    if (entries == NULL)
        return -ENOMEM;
    memset(entries + o->cap, 0, (cap - o->cap) * sizeof *entries);
    o->entries = entries;
    o->cap = cap;
    return 0;
}

void order_free(struct order *o)
{
    free(o->entries);
    memset(o, 0, sizeof *o);
}

bool order_has(const struct order *o, uint32_t id)
{
    return id < o->cap && o->entries[id].in;
}

bool order_precedes(uint64_t key_a, uint32_t a, uint64_t key_b, uint32_t b)
{
    return key_a != key_b ? key_a > key_b : a < b;
}

/* The finalizer of MurmurHash3: a bijection, so that no two numbers have one priority. */
static uint32_t priority(uint32_t id)
{
    id ^= id >> 16;
    id *= 0x85ebca6bu;
    id ^= id >> 13;
    id *= 0xc2b2ae35u;
    return id ^ id >> 16;
}

static bool precedes(const struct order *o, uint32_t a, uint32_t b)
{
    return order_precedes(o->entries[a].key, a, o->entries[b].key, b);
}

/* Where the number is, or belongs: under what has a higher priority. */
static uint32_t *place(struct order *o, uint32_t id)
{
    uint32_t *at = &o->root;

    while (*at != ORDER_NONE && *at != id && priority(*at) > priority(id))
        at = precedes(o, id, *at) ? &o->entries[*at].before : &o->entries[*at].after;
    return at;
}

static void insert(struct order *o, uint32_t id)
{
    struct order_entry *e = &o->entries[id];
    uint32_t *at = place(o, id), rest = *at, *before = &e->before, *after = &e->after;

    *at = id;
    while (rest != ORDER_NONE) { /* what was there is split around it */
        if (precedes(o, rest, id)) {
            *before = rest;
            before = &o->entries[rest].after;
            rest = *before;
        } else {
            *after = rest;
            after = &o->entries[rest].before;
            rest = *after;
        }
    }
    *before = *after = ORDER_NONE;
}

void order_put(struct order *o, uint32_t id, uint64_t key)
{
    assert(id < o->cap);
    if (o->entries[id].in) {
        if (o->entries[id].key == key)
            return;
        order_remove(o, id);
    }
    if (o->count++ == 0)
        o->root = ORDER_NONE;
    o->entries[id].key = key;
    o->entries[id].in = true;
    insert(o, id);
}

void order_remove(struct order *o, uint32_t id)
{
    uint32_t *at, a, b;

    if (!order_has(o, id))
        return;
    at = place(o, id);
    assert(*at == id);
    a = o->entries[id].before;
    b = o->entries[id].after;
    while (a != ORDER_NONE && b != ORDER_NONE) {
        if (priority(a) > priority(b)) {
            *at = a;
            at = &o->entries[a].after;
            a = *at;
        } else {
            *at = b;
            at = &o->entries[b].before;
            b = *at;
        }
    }
    *at = a != ORDER_NONE ? a : b;
    o->entries[id].in = false;
    o->count--;
}

uint32_t order_first(const struct order *o)
{
    uint32_t at = o->count == 0 ? ORDER_NONE : o->root;

    while (at != ORDER_NONE && o->entries[at].before != ORDER_NONE)
        at = o->entries[at].before;
    return at;
}

uint32_t order_last(const struct order *o)
{
    uint32_t at = o->count == 0 ? ORDER_NONE : o->root;

    while (at != ORDER_NONE && o->entries[at].after != ORDER_NONE)
        at = o->entries[at].after;
    return at;
}

uint32_t order_after(const struct order *o, uint32_t id)
{
    uint32_t at = o->root, found = ORDER_NONE;

    assert(order_has(o, id));
    while (at != ORDER_NONE) {
        if (precedes(o, id, at)) {
            found = at;
            at = o->entries[at].before;
        } else {
            at = o->entries[at].after;
        }
    }
    return found;
}

uint32_t order_before(const struct order *o, uint32_t id)
{
    uint32_t at = o->root, found = ORDER_NONE;

    assert(order_has(o, id));
    while (at != ORDER_NONE) {
        if (precedes(o, at, id)) {
            found = at;
            at = o->entries[at].after;
        } else {
            at = o->entries[at].before;
        }
    }
    return found;
}
