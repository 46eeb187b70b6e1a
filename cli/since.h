/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in the event log to begin: the number of an event, a moment, or a time before now. */
#ifndef MUSTER_CLI_SINCE_H
#define MUSTER_CLI_SINCE_H

#include "base/types.h"

struct since {
    bool by_number;
    uint64_t number; /* events after this one */
    int64_t from_ms; /* events from this moment on, wall time */
};

/* "4711"; "10m", "2h", "7d" before `now`; RFC 3339; local time as muster prints it ("2026-11-24
 * 16:11:51 +0100"), without offset, seconds or time of day too. False: none of these. */
bool since_parse(const char *s, wall_ms now, struct since *out);

#endif
