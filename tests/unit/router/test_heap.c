/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a thread has reserved it takes without asking the kernel, and what is not used of it costs
 * nothing. Needs libc's own malloc. */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "heap.h"

enum { SKIPPED = 77, PIECE = 100, MIB = 1 << 20 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_MALLOC 1
#endif
#endif

static void expect(bool right, const char *what)
{
    if (right)
        return;
    printf("not so: %s\n", what);
    exit(1);
}

static size_t resident(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    size_t pages = 0;

    if (f == NULL || fscanf(f, "%*u %zu", &pages) != 1)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A compiler leaves out what is freed at once. */
static void *malloc_kept(size_t n)
{
    void *volatile p = malloc(n);

    expect(p != NULL, "there is memory");
    return p;
}

/* Up to where what `p` is in may be written to. */
static uintptr_t writable_to(const void *p)
{
    FILE *f = fopen("/proc/self/maps", "re");
    uintptr_t from, to, end = 0;
    char line[512], may;

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " r%c", &from, &to, &may) == 3 && may == 'w' &&
            from <= (uintptr_t)p && (uintptr_t)p < to)
            end = to;
    }
    if (f != NULL)
        fclose(f);
    return end;
}

/* In a thread that is not the first. */
static void *reserve(void *unused)
{
    size_t before;
    char *p;

    (void)unused;
    free(malloc_kept(PIECE));
    before = resident();
    heap_reserve(8 * MIB);
    p = malloc_kept(PIECE);
    expect(writable_to(p) - (uintptr_t)p > 7 * (uintptr_t)MIB, "the kernel is not asked again");
    expect(resident() - before < (size_t)MIB, "what is reserved costs nothing");
    free(p);
    heap_reserve(1024 * (size_t)MIB);
    expect(resident() - before < (size_t)MIB, "too much is not reserved");
    return NULL;
}

static void other_thread_reserves(void)
{
    pthread_t t;

    expect(pthread_create(&t, NULL, reserve, NULL) == 0 && pthread_join(t, NULL) == 0,
           "there is a thread");
}

int main(void)
{
#ifdef OWN_MALLOC
    puts("SKIP: this malloc is not libc's");
    return SKIPPED;
#endif
    heap_keep();
    other_thread_reserves();
    return 0;
}
