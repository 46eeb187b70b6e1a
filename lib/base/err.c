/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

int err_set(struct err *e, int code, const char *fmt, ...)
{
    va_list args;
    int n;

    if (e == NULL)
        return code;
    va_start(args, fmt);
    n = vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    if (n >= (int)sizeof e->text) {
        e->text[sizeof e->text - 4] = '\0';
        text_trim(e->text);
        memcpy(e->text + strlen(e->text), "...", 4);
    }
    return code;
}
