/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "failing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "random.h"
#include "share.h"

long failing_left = -1;

#define WRAP(result, name, args, pass)              \
    result __real_##name args;                      \
    result __wrap_##name args;                      \
    result __wrap_##name args                       \
    {                                               \
        return fails() ? NULL : __real_##name pass; \
    }

static bool armed;

static bool fails(void)
{
    return armed && failing_left >= 0 && failing_left-- == 0;
}

WRAP(void *, malloc, (size_t n), (n))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))
WRAP(void *, arena_alloc, (struct arena * a, size_t n), (a, n))
WRAP(void *, arena_zalloc, (struct arena * a, size_t n), (a, n))
WRAP(void *, arena_array, (struct arena * a, size_t n, size_t size), (a, n, size))
WRAP(void *, arena_memdup, (struct arena * a, const void *p, size_t n), (a, p, n))
WRAP(char *, arena_strndup, (struct arena * a, const char *s, size_t n), (a, s, n))

char *__real_arena_strdup(struct arena *a, const char *s);
char *__wrap_arena_strdup(struct arena *a, const char *s);
char *__wrap_arena_strdup(struct arena *a, const char *s)
{
    return s != NULL && fails() ? NULL
                                : __real_arena_strdup(a, s); /* of nothing it makes nothing */
}

__attribute__((format(printf, 2, 3))) char *__wrap_arena_printf(struct arena *a, const char *fmt,
                                                                ...);
char *__wrap_arena_printf(struct arena *a, const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    if (fails())
        return NULL;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return __real_arena_strdup(a, text);
}

void failing_arm(bool on)
{
    armed = on;
}

struct sweep failing_sweep(unsigned sanitized)
{
    long step = stride_of(sanitized, "allocation");

    return (struct sweep){ step == 1 ? 0 : (long)(random_seed() % (uint64_t)step), step };
}
