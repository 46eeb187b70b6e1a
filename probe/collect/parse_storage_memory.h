/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker of storage or LVM wants kept for the next of its kind: which devices do not answer,
 * and what was on each container when it was last read. As bytes of one boot, which another process
 * has carried: nothing in them is trusted. Pure. */
#ifndef MUSTER_COLLECT_PARSE_STORAGE_MEMORY_H
#define MUSTER_COLLECT_PARSE_STORAGE_MEMORY_H

#include "collect/parse_block.h"
#include "collect/parse_label.h"
#include "collect/parse_storage_bytes.h"

/* What was on a container. */
struct kept_label {
    uint64_t container; /* storage_hash of its name */
    /* Of the device that it was read of, and of what used it: docs/ARCHITECTURE.md, section 4.
     * identity 0: good only for telling what was on a device that does not answer any more. */
    uint64_t identity, uses;
    struct label label;
};

struct storage_memory {
    struct label_memory *stuck; /* never NULL once read */
    struct loop_memory loops;
    /* What sysfs said of disks: attributes, and the folders of partitions. Empty, or all of it. */
    struct tree tree;
    struct kept_label *labels; /* sorted by container */
    size_t label_count;
};

/* FNV-1a, of names that are kept by their hash alone. */
uint64_t storage_hash(const char *name);

/* What an earlier worker of this boot has kept; nothing when the bytes are empty, damaged, of
 * another boot or another version. The tree's data is that of `kept`. 0 or -ENOMEM with a sentence.
 */
int storage_memory_read(struct bytes kept, const char *boot_id, struct arena *a,
                        struct storage_memory *out, struct err *e);

/* The bytes, in `a`: at most LIMIT_WORKER_KEEPS_BYTES. What does not fit is left out: first
 * the tree, as a whole, then partition tables, other labels, loop devices. *left_out: how many, but
 * for the tree, which is only read again. 0 or -ENOMEM with a sentence. */
int storage_memory_write(const struct storage_memory *m, const char *boot_id, struct arena *a,
                         struct bytes *out, size_t *left_out, struct err *e);

/* NULL: nothing is known of it. */
const struct kept_label *storage_memory_label(const struct storage_memory *m,
                                              const char *container);

/* parse_storage_label.c: one of them. The least that one takes. */
enum { KEPT_LABEL_BYTES = 3 * 8 + 6 + 2 + 3 + 2 };
void put_kept_label(struct buf *b, const struct kept_label *k);
void take_kept_label(struct storage_cursor *c, struct kept_label *k);

/* parse_storage_tree.c. Of what it has no use for nothing is written. */
void put_kept_tree(struct buf *b, const struct tree *t);
void take_kept_tree(struct storage_cursor *c, struct tree *out);

#endif
