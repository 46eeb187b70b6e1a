/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a node says, for load generators that are no agent: messages of the real protocol about the
 * inventory of a simulated host, encoded. Each function appends one message to `out`, which it
 * empties before. 0, or a negative errno with a sentence. */
#ifndef MUSTER_BENCH_NODE_WORDS_H
#define MUSTER_BENCH_NODE_WORDS_H

#include "base/buf.h"
#include "fleet_gen.h"

struct node_words {
    struct fleet_host host;
    uint64_t seq; /* of the next message */
    struct section sections[SECTION_COUNT];
    size_t section_count;
};

/* The sections of these kinds of workers, in `a`. */
int words_init(struct node_words *w, const struct fleet_shape *shape, uint32_t index,
               const enum worker_kind *kinds, size_t kind_count, struct arena *a, struct err *e);

int words_enrol(struct node_words *w, const char *secret, struct buf *out, struct err *e);
int words_register(struct node_words *w, struct buf *out, struct err *e);
int words_report(struct node_words *w, struct buf *out, struct err *e); /* all sections */
int words_beat(struct node_words *w, struct buf *out, struct err *e);   /* all digests */
/* Any other: `env` has its body, and gets what every envelope has. */
int words_any(struct node_words *w, struct envelope *env, struct buf *out, struct err *e);

#endif
