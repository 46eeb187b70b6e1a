/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How libc keeps this process's memory. Nothing here can fail in a way that matters. */
#ifndef MUSTER_COORDINATOR_HEAP_H
#define MUSTER_COORDINATOR_HEAP_H

#include <stddef.h>

/* Messages are decoded in one thread and freed in another, so memory comes and goes in large
 * pieces. Kept instead of given back each time: what is in use is bounded by the queues' limits.
 * Before all threads. */
void heap_keep(void);

/* The calling thread can take so many bytes (at most HEAP_RESERVE_MOST) without asking the kernel:
 * but for the first thread's, libc makes a heap larger by a page at a time, each by a system call
 * for which all other threads wait. What is not used of it costs nothing. */
#define HEAP_RESERVE_MOST ((size_t)15 << 20)
void heap_reserve(size_t bytes);

#endif
