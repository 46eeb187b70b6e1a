/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "muster";
static enum log_level highest_level = LOG_LEVEL_INFO;

void log_set(const char *program, enum log_level highest)
{
    program_name = program;
    highest_level = highest;
}

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

bool log_level_parse(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (level_names[i] != NULL && strcmp(level_names[i], name) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* A peer may have chosen part of the text: it must not be able to forge a line, nor to speak to the
 * terminal (U+0080 to U+009F do so too). */
static void mask_controls(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            p[0] = p[1] = '?';
    }
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char text[1024], line[1200];
    va_list args;
    size_t n;
    ssize_t written;

    if (level > highest_level)
        return;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof text, fmt, args) >= (int)sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    va_end(args);
    mask_controls(text);
    if (isatty(STDERR_FILENO))
        n = (size_t)snprintf(line, sizeof line, "%s: %s: %s\n", program_name, level_names[level],
                             text);
    else
        n = (size_t)snprintf(line, sizeof line, "<%d>%s: %s\n", level, program_name, text);
    /* One write, so that lines of several threads and processes do not mix. */
    written = write(STDERR_FILENO, line, n < sizeof line ? n : sizeof line - 1);
    (void)written;
}
