/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_BASE_LOG_H
#define MUSTER_BASE_LOG_H

#include <stdbool.h>

/* The log of a daemon: one line an entry on stderr. "<6>program: text" where the service manager
 * reads it (sd-daemon(3)), "program: info: text" on a terminal, and the same with the time in UTC
 * before it in a file or pipe. Shell code only: the pure libraries return what happened instead.
 * Control characters in the text become "?"; text that is too long (1023 bytes) ends in "...".
 * Secrets are never passed to it. */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

/* error, warning, info or debug; false: none of them. */
bool log_level_parse(const char *name, enum log_level *out);

void log_set(const char *program, enum log_level highest);
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *fmt, ...);

#endif
