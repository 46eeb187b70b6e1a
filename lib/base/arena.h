/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_BASE_ARENA_H
#define MUSTER_BASE_ARENA_H

#include "base/types.h"

/* A region allocator: many allocations, one free. Every decoded message, batch of changes and reply
 * lives in one. Not thread safe; an arena belongs to one thread at a time. */
struct arena;

/* `limit` is the most bytes that it will hand out in all; 0 means no limit. NULL: out of memory. */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *a);  /* NULL is legal */
void arena_reset(struct arena *a); /* forgets all, keeps some of the memory for reuse */
/* How much of it, at most; the first block in any case, which is all that is kept by default. */
void arena_keep(struct arena *a, size_t bytes);
size_t arena_used(const struct arena *a);

/* All return memory aligned for any type, or NULL when the limit or the machine's memory is
 * reached; zero bytes give a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
void *arena_array(struct arena *a, size_t count, size_t size); /* zeroed; NULL on overflow too */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
void *arena_memdup(struct arena *a, const void *p, size_t n);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *fmt, ...);

#endif
