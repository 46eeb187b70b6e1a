/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was read of containers, and what is remembered of those that do not answer, into the rows of
 * filesystems, partitions and LUNs. Pure. */
#ifndef MUSTER_COLLECT_PARSE_STORAGE_H
#define MUSTER_COLLECT_PARSE_STORAGE_H

#include "collect/parse_container.h"
#include "collect/parse_storage_memory.h"

/* What a worker of storage puts together. */
struct storage {
    struct rows r;
    struct block_rows rows;
    struct block_container *containers; /* sorted by name; `answer` is what reading them gave */
    size_t container_count;
    struct storage_memory before;
    mono_ms now;
};

/* After the LUNs were read: partitions have what the table of their LUN says of them, and those
 * that the kernel does not have get a row and a container without a device. */
void storage_partitions(struct storage *s);

/* Gives arrays the names that their members' labels tell, where sysfs told none. */
void storage_name_arrays(struct storage *s);

/* A row for each container with a file system or the like; of one that does not answer as far as it
 * is remembered, with the state "stuck". Sorted by container. */
struct filesystem *storage_filesystems(struct storage *s, size_t *n);

/* LUNs that did not answer are stuck, those that answered with an error failed. LUNs and partitions
 * whose label was not read say why. */
void storage_luns(struct storage *s, const struct loop_facts *loops, size_t loop_count);

/* What the next worker may need to know of labels. */
void storage_remember(struct storage *s, struct storage_memory *out);

/* Why containers were not read, though their devices may be well; NULL: nothing of that kind. */
const char *storage_unread(struct storage *s);

#endif
