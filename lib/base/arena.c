/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGN        16u
#define FIRST_BLOCK  4096u
#define LARGEST_STEP (1u << 20)

struct block {
    struct block *next;
    size_t cap, used;
    _Alignas(ALIGN) unsigned char data[];
};

struct arena {
    struct block *first; /* kept over a reset */
    struct block *last;
    size_t limit, used, keep;
};

struct arena *arena_new(size_t limit)
{
    struct arena *a = calloc(1, sizeof *a);

    if (a != NULL) {
        a->limit = limit;
        a->keep = FIRST_BLOCK;
    }
    return a;
}

static void free_blocks(struct block *b)
{
    while (b != NULL) {
        struct block *next = b->next;

        free(b);
        b = next;
    }
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    free_blocks(a->first);
    free(a);
}

void arena_keep(struct arena *a, size_t bytes)
{
    a->keep = bytes;
}

void arena_reset(struct arena *a)
{
    size_t kept = 0;

    a->used = 0;
    a->last = a->first;
    if (a->first == NULL)
        return;
    for (struct block *b = a->first; b != NULL; b = b->next) {
        b->used = 0;
        kept += b->cap;
        if (b->next == NULL || kept + b->next->cap <= a->keep)
            continue;
        free_blocks(b->next);
        b->next = NULL;
    }
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

/* One that was kept, where it is large enough; else a new one before it. */
static struct block *add_block(struct arena *a, size_t need)
{
    size_t cap = a->last == NULL ? FIRST_BLOCK : a->last->cap * 2;
    struct block *b = a->last == NULL ? NULL : a->last->next;

    if (b != NULL && b->cap >= need) {
        a->last = b;
        return b;
    }
    if (cap > LARGEST_STEP)
        cap = LARGEST_STEP;
    if (cap < need)
        cap = need;
    b = malloc(sizeof *b + cap);
    if (b == NULL)
        return NULL;
    b->next = a->last == NULL ? NULL : a->last->next;
    b->cap = cap;
    b->used = 0;
    if (a->last == NULL)
        a->first = b;
    else
        a->last->next = b;
    a->last = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    size_t need = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct block *b = a->last;
    void *p;

    /* No machine has half of the address space: what is added to it below cannot overflow. */
    if (n > SIZE_MAX / 2 || (a->limit != 0 && (need > a->limit || a->used > a->limit - need)))
        return NULL;
    if (b == NULL || b->cap - b->used < need) {
        b = add_block(a, need);
        if (b == NULL)
            return NULL;
    }
    p = b->data + b->used;
    b->used += need;
    a->used += need;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);

    if (p != NULL)
        memset(p, 0, n);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return arena_zalloc(a, count * size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p;

    if (n == SIZE_MAX)
        return NULL;
    p = arena_alloc(a, n + 1);
    if (p != NULL) {
        if (n > 0)
            memcpy(p, s, n);
        p[n] = '\0';
    }
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s == NULL ? NULL : arena_strndup(a, s, strlen(s));
}

void *arena_memdup(struct arena *a, const void *p, size_t n)
{
    void *copy = arena_alloc(a, n);

    if (copy != NULL && n > 0)
        memcpy(copy, p, n);
    return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    struct block *b = a->last;
    /* Mostly it fits into what is left, and need not be made twice. */
    char *there = b == NULL ? NULL : (char *)b->data + b->used, *p = NULL;
    size_t room = b == NULL ? 0 : b->cap - b->used;
    va_list args, again;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(there, room, fmt, args);
    if (n >= 0)
        p = arena_alloc(a, (size_t)n + 1);
    if (p != NULL && p != there)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(args);
    return p;
}
