/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

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

/* Does the service manager read stderr? JOURNAL_STREAM is its device and inode, SYSTEMD_EXEC_PID
 * the process that was started (systemd.exec(5)); children inherit both, so they are held against
 * what is there. */
static bool for_a_manager(void)
{
    const char *stream = getenv("JOURNAL_STREAM"), *pid = getenv("SYSTEMD_EXEC_PID");
    char text[48];
    struct stat st;

    if (fstat(STDERR_FILENO, &st) != 0)
        return false;
    snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    if (stream != NULL && strcmp(stream, text) == 0)
        return true;
    snprintf(text, sizeof text, "%jd", (intmax_t)getpid());
    return pid != NULL && strcmp(pid, text) == 0 && !S_ISREG(st.st_mode);
}

static size_t format_line(char *line, size_t size, enum log_level level, const char *text)
{
    struct timespec now = { 0, 0 };
    char time[TIME_TEXT];
    int n;

    if (isatty(STDERR_FILENO)) {
        n = snprintf(line, size, "%s: %s: %s\n", program_name, level_names[level], text);
    } else if (for_a_manager()) {
        n = snprintf(line, size, "<%d>%s: %s\n", level, program_name, text);
    } else {
        clock_gettime(CLOCK_REALTIME, &now);
        wall_rfc3339((wall_ms){ (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 }, time);
        n = snprintf(line, size, "%s %s: %s: %s\n", time, program_name, level_names[level], text);
    }
    return (size_t)n < size ? (size_t)n : size - 1;
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
    n = format_line(line, sizeof line, level, text);
    /* One write, so that lines of several threads and processes do not mix. */
    written = write(STDERR_FILENO, line, n);
    (void)written;
}
