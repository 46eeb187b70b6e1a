/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bar for work that takes a while: on stderr, on a terminal only, and gone when it ends. */
#ifndef MUSTER_CLI_PROGRESS_H
#define MUSTER_CLI_PROGRESS_H

#include "base/types.h"

struct progress {
    const char *what;
    uint64_t total;
    unsigned columns;
    bool shown; /* on a terminal */
    int percent;
};

/* Without colours: `columns` is the width of the terminal. */
void progress_begin(struct progress *p, const char *what, uint64_t total, unsigned columns);
void progress_move(struct progress *p, uint64_t done);
void progress_end(struct progress *p);

#endif
