/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of small numbers: bits in an array of words that the caller owns and has zeroed. A number's
 * bit must lie in it. */
#ifndef MUSTER_BASE_BITS_H
#define MUSTER_BASE_BITS_H

#include "base/types.h"

#define BITS_A_WORD 64u

static inline size_t bits_words(size_t numbers)
{
    return (numbers + BITS_A_WORD - 1) / BITS_A_WORD;
}

static inline bool bits_has(const uint64_t *set, size_t i)
{
    return (set[i / BITS_A_WORD] >> (i % BITS_A_WORD) & 1u) != 0;
}

static inline void bits_put(uint64_t *set, size_t i, bool in)
{
    uint64_t bit = UINT64_C(1) << (i % BITS_A_WORD);

    if (in)
        set[i / BITS_A_WORD] |= bit;
    else
        set[i / BITS_A_WORD] &= ~bit;
}

/* How many bits of the word are set: sums of pairs, of fours, of bytes, of all. */
static inline uint32_t bits_in(uint64_t word)
{
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(word * UINT64_C(0x0101010101010101) >> 56);
}

static inline size_t bits_count(const uint64_t *set, size_t words)
{
    size_t n = 0;

    for (size_t w = 0; w < words; w++)
        n += bits_in(set[w]);
    return n;
}

#endif
