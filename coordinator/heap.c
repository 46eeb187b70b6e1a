/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "heap.h"

#include <malloc.h>
#include <stdlib.h>

#define TOP_PAD        (1 << 20)
#define TRIM_THRESHOLD (256 << 20)
#define MMAP_THRESHOLD (16 << 20)

void heap_keep(void)
{
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    mallopt(M_TOP_PAD, TOP_PAD);
}

/* More than that would come from elsewhere, and be given back at once. */
_Static_assert(HEAP_RESERVE_MOST < MMAP_THRESHOLD, "what is reserved is of the heap");

void heap_reserve(size_t bytes)
{
    /* A compiler leaves out what is freed at once. */
    void *volatile p = malloc(bytes < HEAP_RESERVE_MOST ? bytes : HEAP_RESERVE_MOST);

    free(p);
}
