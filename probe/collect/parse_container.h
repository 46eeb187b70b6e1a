/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds data on this machine, and which device it is read and written through. Pure. */
#ifndef MUSTER_COLLECT_PARSE_CONTAINER_H
#define MUSTER_COLLECT_PARSE_CONTAINER_H

#include "collect/parse_block.h"

struct block_container {
    const char *container; /* its name: sections_storage.h; NULL: an MD array, until it is named */
    const char *device;    /* as in /sys/block: "sda", "dm-3" */
    uint64_t devnum;       /* as DM_DEVNUM */
    struct strs holders;
    const char *lun; /* that it is, or is a partition of; NULL: it lies on others */
    uint64_t number; /* of the partition; 0: it is none */
    struct opt paths_active, paths_total; /* of the LUN with the fewest below it */
    /* It may be read: it is what is on top (no path of a map, no part of an LV), it has a path that
     * carries I/O, it is not suspended, and nothing contradicts what it is. */
    bool readable;
    /* A part of the device, which has no device of its own; size 0: all of it. */
    uint64_t start_bytes, size_bytes;
};

/* All LUNs and partitions that have a device, and the virtual devices on them, in this order.
 * 0, or -ENOMEM with a sentence. */
int parse_containers(const struct block_input *in, const struct block_rows *rows, struct arena *a,
                     struct block_container **out, size_t *n, struct err *e);

/* Name in /dev of a device of /sys/block, which has "!" for "/". NULL: out of memory. */
const char *container_path(struct rows *r, const char *device);

#endif
