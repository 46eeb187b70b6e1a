/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit of telling N nodes something: a bare ROUTER that sends N messages and N DEALERs that
 * read them, CURVE on loopback TCP, each side a process of its own. The DEALERs are in one process
 * and decode what comes, as the nodes of a simulated fleet do. */
#ifndef MUSTER_BENCH_FANOUT_H
#define MUSTER_BENCH_FANOUT_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct fanout {
    uint32_t nodes;
    pid_t router, dealers;
    uint32_t repeated;         /* rounds that came to no end */
    int to_router, to_dealers; /* sockets that keep the bounds of messages */
};

/* Before the caller has threads. 0, or a negative errno with a sentence. */
int fanout_start(struct fanout *f, uint32_t nodes, struct err *e);
void fanout_stop(struct fanout *f);

/* One message to all, an encoded envelope. With `answer`, each sends that back at once. Seconds
 * until the last has it, or until the ROUTER has the last answer; negative with a sentence. A round
 * in which something does not come (its connection was lost) is made again, a few times. */
double fanout_round(struct fanout *f, const struct buf *message, const struct buf *answer,
                    struct err *e);

#endif
