/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open addressing with linear probing and backward-shift deletion: no tombstones to clean up. */
#include "base/map.h"

#include <errno.h>
#include <sodium/crypto_shorthash.h>
#include <stdlib.h>

#define FIRST_CAP 16u

struct slot {
    const void *key; /* NULL: empty */
    void *value;
    size_t n;
    uint64_t hash;
};

struct map {
    struct slot *slots;
    size_t cap, count; /* cap is a power of two, or 0 */
    uint8_t seed[16];
};

_Static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8, "SipHash-2-4");

struct map *map_new(const uint8_t seed[16])
{
    struct map *m = calloc(1, sizeof *m);

    if (m != NULL)
        memcpy(m->seed, seed, sizeof m->seed);
    return m;
}

void map_free(struct map *m)
{
    if (m == NULL)
        return;
    free(m->slots);
    free(m);
}

size_t map_count(const struct map *m)
{
    return m->count;
}

static uint64_t hash_of(const struct map *m, const void *key, size_t n)
{
    uint64_t h;

    crypto_shorthash((unsigned char *)&h, key, n, m->seed);
    return h;
}

static struct slot *find(const struct map *m, const void *key, size_t n, uint64_t hash)
{
    if (m->cap == 0)
        return NULL;
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct slot *s = &m->slots[i];

        if (s->key == NULL)
            return NULL;
        if (s->hash == hash && s->n == n && memcmp(s->key, key, n) == 0)
            return s;
    }
}

void *map_get(const struct map *m, const void *key, size_t n)
{
    struct slot *s = find(m, key, n, hash_of(m, key, n));

    return s == NULL ? NULL : s->value;
}

static void place(struct map *m, struct slot slot)
{
    size_t i = slot.hash & (m->cap - 1);

    while (m->slots[i].key != NULL)
        i = (i + 1) & (m->cap - 1);
    m->slots[i] = slot;
}

static int grow(struct map *m)
{
    struct map bigger = *m;

    bigger.cap = m->cap == 0 ? FIRST_CAP : m->cap * 2;
    bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < m->cap; i++) {
        if (m->slots[i].key != NULL)
            place(&bigger, m->slots[i]);
    }
    free(m->slots);
    *m = bigger;
    return 0;
}

int map_put(struct map *m, const void *key, size_t n, void *value)
{
    uint64_t hash = hash_of(m, key, n);

    if (find(m, key, n, hash) != NULL)
        return -EEXIST;
    if (m->count + 1 > m->cap / 4 * 3 && grow(m) != 0)
        return -ENOMEM;
    place(m, (struct slot){ .key = key, .n = n, .hash = hash, .value = value });
    m->count++;
    return 0;
}

void *map_del(struct map *m, const void *key, size_t n)
{
    struct slot *s = find(m, key, n, hash_of(m, key, n));
    size_t mask = m->cap - 1, hole, i;
    void *value;

    if (s == NULL)
        return NULL;
    value = s->value;
    hole = (size_t)(s - m->slots);
    /* Move back every entry of the run that the hole would cut off from its home. */
    for (i = (hole + 1) & mask; m->slots[i].key != NULL; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct slot){ 0 };
    m->count--;
    return value;
}

static size_t first_empty(const struct map *m)
{
    size_t i = 0;

    while (m->slots[i].key != NULL) /* at most three quarters are used */
        i++;
    return i;
}

/* Goes down from an empty slot and round to it, so that no run of entries is cut: what a deletion
 * moves back has been visited already. `it` holds steps done below and that slot + 1 above. */
void *map_next(const struct map *m, size_t *it)
{
    size_t start, steps;

    if (m->cap == 0)
        return NULL;
    if (*it == 0)
        *it = (first_empty(m) + 1) << 32;
    start = (*it >> 32) - 1;
    for (steps = *it & UINT32_MAX; steps < m->cap - 1; steps++) {
        struct slot *s = &m->slots[(start - 1 - steps) & (m->cap - 1)];

        if (s->key != NULL) {
            *it = (start + 1) << 32 | (steps + 1);
            return s->value;
        }
    }
    *it = (start + 1) << 32 | steps;
    return NULL;
}
