/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_BASE_MAP_H
#define MUSTER_BASE_MAP_H

#include "base/types.h"

/* A hash map from a byte string to a pointer (SipHash-2-4 under a key the caller gives, so that a
 * peer that chooses names cannot choose collisions). It copies neither key nor value: the key must
 * live as long as its entry (usually inside the value). */
struct map;

struct map *map_new(const uint8_t seed[16]); /* NULL: out of memory */
void map_free(struct map *m);                /* NULL is legal; does not touch values */
size_t map_count(const struct map *m);
void *map_get(const struct map *m, const void *key, size_t n); /* NULL: not there */
/* 0 done, -EEXIST there already (nothing changed), -ENOMEM. */
int map_put(struct map *m, const void *key, size_t n, void *value);
void *map_del(struct map *m, const void *key, size_t n); /* the value taken out, or NULL */

/* Iteration in unspecified order: `size_t it = 0; while ((v = map_next(m, &it))) ...`. Deleting the
 * entry just returned is allowed, inserting is not. */
void *map_next(const struct map *m, size_t *it);

#endif
