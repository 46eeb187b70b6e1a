/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "since.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"

static bool number_parse(const char *s, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(s, &end, 10);
    return *s >= '0' && *s <= '9' && *end == '\0' && errno == 0 && *out <= INT64_MAX;
}

static bool local_parse(const char *s, const char *format, bool with_offset, int64_t *out_ms)
{
    struct tm tm = { .tm_isdst = -1 };
    const char *end = strptime(s, format, &tm);
    long offset = tm.tm_gmtoff;
    time_t at;

    if (end == NULL || *end != '\0')
        return false;
    at = with_offset ? timegm(&tm) - offset : mktime(&tm);
    *out_ms = (int64_t)at * 1000;
    return at != (time_t)-1;
}

static bool time_parse(const char *s, int64_t *out_ms)
{
    static const char *const formats[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
                                           "%Y-%m-%d %H:%M", "%Y-%m-%d" };
    wall_ms wall;

    if (wall_parse(s, &wall)) {
        *out_ms = wall.v;
        return true;
    }
    if (local_parse(s, "%Y-%m-%d %H:%M:%S %z", true, out_ms))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (local_parse(s, formats[i], false, out_ms))
            return true;
    }
    return false;
}

bool since_parse(const char *s, wall_ms now, struct since *out)
{
    int64_t ms;

    *out = (struct since){ 0 };
    if (number_parse(s, &out->number)) {
        out->by_number = true;
        return true;
    }
    if (duration_parse(s, &ms)) {
        out->from_ms = now.v > ms ? now.v - ms : 1;
        return true;
    }
    return time_parse(s, &out->from_ms);
}
