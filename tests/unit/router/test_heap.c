/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that a large database is made into gets large pages, and what is not used costs
 * nothing. Needs libc's own malloc, and a kernel that gives large pages. */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
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

static int skip(const char *why)
{
    printf("SKIP: %s\n", why);
    return SKIPPED;
}

static void expect(bool right, const char *what)
{
    if (right)
        return;
    printf("not so: %s\n", what);
    exit(1);
}

static bool gives_large_pages(void)
{
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    char line[128] = "";
    bool gives =
        f != NULL && fgets(line, sizeof line, f) != NULL && strstr(line, "[never]") == NULL;

    if (f != NULL)
        fclose(f);
    return gives;
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

/* Does the mapping of `p` ask for large pages? See VmFlags in proc_pid_smaps(5). */
static bool asks(const void *p)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    bool here = false, found = false;
    uintptr_t from, to;
    char line[512];

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            here = from <= (uintptr_t)p && (uintptr_t)p < to;
        found = found || (here && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " hg") != NULL);
    }
    if (f != NULL)
        fclose(f);
    return found;
}

/* The last of as many pieces as that. */
static char *fill(size_t bytes)
{
    char *p = NULL;

    for (size_t n = 0; n < bytes; n += PIECE) {
        p = malloc(PIECE);
        expect(p != NULL, "there is memory");
        *p = 1;
    }
    return p;
}

/* A compiler leaves out what is freed at once. */
static void *malloc_kept(size_t n)
{
    void *volatile p = malloc(n);

    expect(p != NULL, "there is memory");
    return p;
}

/* As where the kernel does not promise more memory than there is. */
static void may_not_grow(void)
{
    struct rlimit data;
    pid_t child = fork();
    int status;

    expect(child >= 0, "there is another process");
    if (child == 0) {
        heap_keep();
        data.rlim_cur = data.rlim_max = 256 << 20;
        expect(setrlimit(RLIMIT_DATA, &data) == 0, "there is a limit");
        heap_expect(1024 * (size_t)MIB);
        fill(64 * (size_t)MIB);
        heap_expected();
        _exit(0);
    }
    expect(waitpid(child, &status, 0) == child && status == 0, "it grows by little then");
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
    const char *end;
    size_t before;
    char *p;

#ifdef OWN_MALLOC
    return skip("this malloc is not libc's");
#endif
    heap_keep();
    other_thread_reserves();
    if (!gives_large_pages())
        return skip("this kernel gives no large pages");
    may_not_grow();
    before = resident();
    heap_expect(10 * MIB);
    p = fill(8 * MIB);
    expect(!asks(p), "for little nothing is asked");
    heap_expect(1024 * (size_t)MIB);
    expect(resident() - before < 24 * (size_t)MIB, "what is not used costs nothing");
    p = fill(128 * (size_t)MIB);
    expect(asks(p), "what is filled is in large pages");
    heap_expected();
    end = sbrk(0);
    free(malloc_kept(4 * MIB)); /* libc looks then whether the heap's top is worth keeping */
    expect(end - (const char *)sbrk(0) > 512 * (ptrdiff_t)MIB, "the rest is given back");
    return 0;
}
