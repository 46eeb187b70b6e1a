/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chance: SplitMix64 (Steele, Lea, Flood 2014). */
#include "sim_internal.h"

uint64_t dice(struct sim *s)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t dice_below(struct sim *s, uint32_t n)
{
    return (uint32_t)((dice(s) >> 32) * n >> 32);
}

uint32_t dice_lot(const struct sim *s, uint32_t n)
{
    return (uint32_t)((s->o.seed + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % n;
}

bool dice_chance(struct sim *s, uint32_t per_million)
{
    return per_million != 0 && dice_below(s, 1000000) < per_million;
}

/* Without floating point, whose functions differ in the last bit from library to library: minus the
 * logarithm of a fraction is the number of halvings, and the rest is linear in between. */
world_us dice_about(struct sim *s, world_us mean)
{
    int64_t halvings = 0, rest;

    while (halvings < 29 && dice_below(s, 2) == 0)
        halvings++;
    rest = dice_below(s, 1000);
    return mean * 693 / 1000 * (halvings * 1000 + rest) / 1000;
}

void dice_fill(struct sim *s, void *out, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t r = dice(s);

        memcpy((uint8_t *)out + i, &r, n - i < 8 ? n - i : 8);
    }
}
