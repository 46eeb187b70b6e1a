/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <assert.h>
#include <time.h>

static int64_t clock_ms(clockid_t id)
{
    struct timespec ts;
    int rc = clock_gettime(id, &ts);

    assert(rc == 0); /* only a wrong clock id or pointer can fail */
    (void)rc;
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

mono_ms clock_mono(void)
{
    return (mono_ms){ clock_ms(CLOCK_BOOTTIME) };
}

wall_ms clock_wall(void)
{
    return (wall_ms){ clock_ms(CLOCK_REALTIME) };
}
