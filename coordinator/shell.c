/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
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

int shell_thread(pthread_t *thread, const char *name, void *(*run)(void *), void *arg,
                 struct err *e)
{
    int rc = pthread_create(thread, NULL, run, arg);

    if (rc != 0)
        return err_set(e, -rc, "the %s thread cannot be started: %s", name, strerror(rc));
    pthread_setname_np(*thread, name); /* fails for names that are too long alone */
    return 0;
}
