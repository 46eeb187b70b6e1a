/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine's CLOCK_BOOTTIME: it runs too fast or too slow by its error, and may be stopped with
 * its whole machine. */
#include "sim_internal.h"

enum { MILLION = 1000000, CLOCK_ERROR_PPM = 1000 };
#define CLOCK_MOST_MS INT64_C(4000000000) /* beyond it is never: products stay below 2^63 */

static int64_t shown(const struct sim_clock *c, world_us now)
{
    return c->stopped ? c->shown_us : c->shown_us + (now - c->since) * (MILLION + c->ppm) / MILLION;
}

int32_t sim_rate(struct sim *s)
{
    uint32_t kind = dice_below(s, 4);

    return kind == 0   ? -CLOCK_ERROR_PPM
           : kind == 1 ? CLOCK_ERROR_PPM
                       : (int32_t)dice_below(s, 2 * CLOCK_ERROR_PPM + 1) - CLOCK_ERROR_PPM;
}

void clock_start(struct sim_clock *c, world_us now, int64_t shown_us, int32_t ppm)
{
    *c = (struct sim_clock){ .since = now, .shown_us = shown_us, .ppm = ppm };
}

mono_ms clock_shows(const struct sim_clock *c, world_us now)
{
    return (mono_ms){ shown(c, now) / 1000 };
}

world_us clock_reaches(const struct sim_clock *c, world_us now, mono_ms at)
{
    world_us t;

    if (c->stopped || at.v > CLOCK_MOST_MS)
        return WORLD_NEVER;
    t = c->since + (at.v * 1000 - c->shown_us) * MILLION / (MILLION + c->ppm) - 2;
    while (shown(c, t) < at.v * 1000)
        t++;
    return t > now ? t : now;
}

void clock_stop(struct sim_clock *c, world_us now)
{
    c->shown_us = shown(c, now);
    c->stopped = true;
}

void clock_go_on(struct sim_clock *c, world_us now)
{
    c->since = now;
    c->stopped = false;
}
