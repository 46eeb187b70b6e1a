/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long the readings of filesystems took, the last of each: what one that was never read will
 * take is about the middle of them. Pure. */
#ifndef MUSTER_CORE_LEARNT_H
#define MUSTER_CORE_LEARNT_H

#include <stdint.h>

enum { LEARNT_BUCKETS = 120 }; /* four for each power of two, up to OPENSHOP_LONGEST_MS */

struct learnt {
    uint32_t count;
    uint32_t of[LEARNT_BUCKETS];     /* how many are in each */
    uint64_t sum_ms[LEARNT_BUCKETS]; /* and how long they took together */
};

void learnt_add(struct learnt *l, uint64_t ms); /* 0: it is not known, and nothing is added */
void learnt_drop(struct learnt *l, uint64_t ms);
/* The mean of those that took about as long as the middle one (of two the shorter), which is by a
 * fifth at most another figure; 0: none is known. */
uint32_t learnt_median_ms(const struct learnt *l);

#endif
