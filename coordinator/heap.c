/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TOP_PAD        (1 << 20)
#define TRIM_THRESHOLD (256 << 20)
#define MMAP_THRESHOLD (16 << 20)
/* For less the faults do not count; and mallopt() takes an int. */
#define EXPECT_LEAST ((size_t)64 << 20)
#define EXPECT_MOST  ((size_t)1 << 30)

void heap_keep(void)
{
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    mallopt(M_TOP_PAD, TOP_PAD);
}

/* The heap grows by that much when something does not fit into its top. Where it may not, it grows
 * by little as before. */
static void grow(size_t bytes)
{
    size_t left = mallinfo2().keepcost;
    void *volatile p; /* a compiler leaves out what is freed at once */

    if (left >= MMAP_THRESHOLD / 2)
        return; /* more than that would come from elsewhere */
    mallopt(M_TOP_PAD, (int)bytes);
    p = malloc(left + (size_t)sysconf(_SC_PAGESIZE));
    mallopt(M_TOP_PAD, TOP_PAD);
    free(p);
}

/* See madvise(2), and malloc_trim(3) for what becomes of the rest. */
void heap_expect(size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from, to;

    if (bytes < EXPECT_LEAST)
        return;
    mallopt(M_TRIM_THRESHOLD, -1);
    from = ((uintptr_t)sbrk(0) + page - 1) / page * page;
    grow(bytes < EXPECT_MOST ? bytes : EXPECT_MOST);
    to = (uintptr_t)sbrk(0);
    if (to > from && to - from >= EXPECT_LEAST)
        madvise((void *)from, to - from, MADV_HUGEPAGE);
}

void heap_expected(void)
{
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
}

/* More than that would come from elsewhere, and be given back at once. */
_Static_assert(HEAP_RESERVE_MOST < MMAP_THRESHOLD, "what is reserved is of the heap");

void heap_reserve(size_t bytes)
{
    void *volatile p = malloc(bytes < HEAP_RESERVE_MOST ? bytes : HEAP_RESERVE_MOST); /* as above */

    free(p);
}
