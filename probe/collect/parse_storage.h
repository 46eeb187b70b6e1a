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

/* Who asks, and what for. */
struct storage_hint {
    bool whole;          /* nothing is taken from memory */
    bool pvs;            /* PVs are wanted of which the device has answered just now */
    struct strs touched; /* devices that the kernel has announced something of */
};

/* What tells one device from another, for containers that it is not told of yet: their `identity`.
 * Made of the container's name, which a WWID or the like is in, the device's name and number, the
 * kernel's sequence number of the disk, size and place, and how many paths there are. 0: the kernel
 * gives no sequence number, and so nothing proves that the device is the one that it was. */
void storage_identify(struct storage *s, const struct tree *t);
/* What uses each container: their `uses`, of which 0 is not one. */
void storage_uses(struct storage *s, const struct use *uses, size_t n);
/* Gives containers the answer that they gave an earlier worker, if there is no reason to ask them
 * again. The rule (docs/ARCHITECTURE.md, section 4): it was good; the identity and the uses are
 * what they were; the kernel has announced nothing of the device, of one of its paths, or of a
 * partition of it that has no container; neither it nor its LUN is one that does not answer; and
 * its LUN is not asked again either. Those that have an answer keep it. */
void storage_reuse(struct storage *s, const struct storage_hint *h);
/* A container's device number as stat(2) has it. */
dev_t storage_dev(uint64_t devnum);

/* After the LUNs were read: partitions have what the table of their LUN says of them, and those
 * that the kernel does not have get a row and a container without a device. */
void storage_partitions(struct storage *s);

/* Gives arrays the names that their members' labels tell, where sysfs told none; and those names to
 * what was found of their uses before. */
void storage_name_arrays(struct storage *s, struct use *uses, size_t use_count);

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
