/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns of a load generator: whoever drives it writes a number of seconds to its standard input,
 * and it works for so long and answers with one line of JSON. So peers can take turns while their
 * connections stay. */
#ifndef MUSTER_BENCH_TURN_H
#define MUSTER_BENCH_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/types.h"

struct turn {
    double began, until, ended; /* seconds_now() */
    uint64_t done;
    float *took; /* microseconds of the first TURN_KEPT operations */
    size_t kept;
};

enum { TURN_KEPT = 1 << 20 };

/* One operation is over that began at `since`, which becomes now. True: begin another. */
bool turn_done(struct turn *t, double *since);

typedef int turn_work(void *ctx, struct turn *t,
                      struct err *e); /* 0, or negative with a sentence */

/* Says that it is ready (and which process serves; 0: another knows), then works for each line of
 * standard input until that ends. 0, or negative with a sentence. */
int turns(turn_work *work, void *ctx, int server, struct err *e);

#endif
