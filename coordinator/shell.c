/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

void shell_die(const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_line(LOG_LEVEL_ERROR, "%s", text);
    _exit(1);
}
