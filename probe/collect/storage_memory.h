/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker of kind storage wants kept for its successor: which devices do not answer, the
 * numbers of loop devices' files, and what lay on each container when it was last read, so that a
 * device that stops answering does not take what is on it out of the matrix. Bytes for this
 * machine's next worker alone. Pure. */
#ifndef MUSTER_COLLECT_STORAGE_MEMORY_H
#define MUSTER_COLLECT_STORAGE_MEMORY_H

#include "base/arena.h"
#include "base/buf.h"
#include "collect/parse_block.h"
#include "collect/read_label.h"

/* What lay on a container. Texts are NULL when there were none. */
struct storage_seen {
    uint64_t container; /* memory_hash of its name */
    const char *type, *usage, *uuid, *sub_uuid, *label;
};

struct storage_memory {
    struct label_memory stuck;
    struct loop_known *loops;
    size_t loop_count;
    struct storage_seen *seen; /* sorted by container */
    size_t seen_count;
};

uint64_t memory_hash(const char *text);

const struct storage_seen *storage_memory_seen(const struct storage_memory *m,
                                               const char *container); /* or NULL */

/* At most LIMIT_WORKER_KEEPS_BYTES: what has no room is left out, that of containers first. False:
 * out of memory. */
bool storage_memory_encode(const struct storage_memory *m, struct buf *out);
/* Texts and lists in `a`. Bytes that storage_memory_encode has not made give an empty memory. NULL:
 * out of memory. */
struct storage_memory *storage_memory_decode(struct bytes b, struct arena *a);

#endif
