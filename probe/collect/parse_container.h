/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds data on this machine, and which device it is. Pure. */
#ifndef MUSTER_COLLECT_PARSE_CONTAINER_H
#define MUSTER_COLLECT_PARSE_CONTAINER_H

#include "collect/parse_block.h"

struct label_answer;

enum container_kind {
    CONTAINER_LUN,
    CONTAINER_PARTITION, /* of a LUN */
    CONTAINER_LV,        /* hidden ones and the inner devices of LVs too */
    CONTAINER_MD,
    CONTAINER_DM,    /* another device-mapper device */
    CONTAINER_OTHER, /* bcache, DRBD */
};

struct block_container {
    enum container_kind kind;
    const char *container; /* "naa.6001...", "naa.6001...-part1", "lv.UUID", "md.UUID", "dm.NAME" */
    const char *device;    /* "sda1", "dm-3"; NULL: the kernel has none of a partition, which is
                            * read through its LUN's */
    uint64_t devnum;       /* as DM_DEVNUM; 0: as device */
    const char *lun;       /* of a LUN and a partition: the key of the LUN */
    struct opt size_bytes;
    struct opt start_bytes; /* of a partition: in the LUN */
    struct strs holders;    /* devices directly on it, sorted */
    /* Of the LUN below it with the fewest active paths; of two with equally few, the one that has
     * more in all. Absent: nothing tells what is below it. */
    struct opt paths_active, paths_total;
    bool top;                /* it is the one to read: see docs/inventory.md, "Containers" */
    bool suspended;          /* a device-mapper device that answers nobody now */
    bool touched;            /* the kernel has announced something of it (storage_reuse) */
    uint64_t identity, uses; /* hashes; 0: none (storage_identify, storage_uses) */
    const struct label_answer *answer; /* once it was asked what is on it; NULL: it was not */
};

/* All containers, sorted by `container`, each name once. `rows` are those of the same input.
 * 0 or -ENOMEM with a sentence. */
int parse_containers(const struct block_input *in, const struct block_rows *rows, struct arena *a,
                     struct block_container **out, size_t *n, struct err *e);

/* After a name was changed: sorts again, and of containers with one name all but the first become
 * "local.DEVICE". */
void containers_sort(struct rows *r, struct block_container *v, size_t n);

/* NULL: none has this name. */
struct block_container *container_by_name(struct block_container *v, size_t n, const char *name);

#endif
