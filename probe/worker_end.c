/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_end.h"

#include <sys/wait.h>
#include <unistd.h>

enum { SAID_BYTES = 200 };

/* The first line that it wrote to stderr, made clean. */
static void read_said(const struct worker_process *w, char out[SAID_BYTES])
{
    ssize_t n = read(w->err, out, SAID_BYTES - 1);

    out[n < 0 ? 0 : n] = '\0';
    out[strcspn(out, "\n")] = '\0';
    for (char *p = out; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~')
            *p = '?';
    }
}

const char *worker_end_text(const struct worker_process *w, int status, struct arena *a)
{
    char said[SAID_BYTES];
    const char *colon, *text;

    read_said(w, said);
    colon = said[0] == '\0' ? "" : ": ";
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));

        text = arena_printf(a, "the worker was ended by signal %d (%s)%s%s", WTERMSIG(status),
                            name == NULL ? "?" : name, colon, said);
    } else {
        text = arena_printf(a, "the worker ended with status %d%s%s", WEXITSTATUS(status), colon,
                            said);
    }
    return text == NULL ? "the worker ended badly" : text;
}
