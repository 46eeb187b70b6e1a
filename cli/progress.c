/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

#define WIDEST 40

void progress_begin(struct progress *p, const char *what, uint64_t total, unsigned columns)
{
    *p = (struct progress){ .what = what,
                            .total = total,
                            .columns = columns,
                            .shown = isatty(STDERR_FILENO),
                            .percent = -1 };
    progress_move(p, 0);
}

void progress_move(struct progress *p, uint64_t done)
{
    static const char full[] = "########################################";
    int percent = p->total == 0 ? 100 : (int)((double)done * 100 / (double)p->total);
    int width = (int)p->columns - 50, filled;
    char have[24], all[24];

    if (!p->shown || percent == p->percent)
        return;
    percent = percent > 100 ? 100 : percent;
    width = width > WIDEST ? WIDEST : width < 10 ? 10 : width;
    filled = width * percent / 100;
    p->percent = percent;
    fprintf(stderr, "\r%s [%.*s%*s] %3d %%  %s of %s\033[K", p->what, filled, full, width - filled,
            "", percent, bytes_text(done, have), bytes_text(p->total, all));
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
}
