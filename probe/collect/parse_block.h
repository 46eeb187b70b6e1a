/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysfs, device-mapper and multipathd into the rows of hbas, luns, paths and partitions. Pure. */
#ifndef MUSTER_COLLECT_PARSE_BLOCK_H
#define MUSTER_COLLECT_PARSE_BLOCK_H

#include "collect/parse_dm.h"
#include "collect/tree.h"
#include "model/sections.h"

/* What the kernel knows of a loop device's backing file, whatever its name is now. */
struct loop_facts {
    const char *device; /* "loop0" */
    const char *file;   /* as sysfs says */
    uint64_t dev;       /* of the file's file system, as stat(2) has it */
    uint64_t inode;
    bool stuck; /* it did not answer now: the numbers are those of before, or 0 */
};

/* What an earlier collection found of one. */
struct loop_known {
    uint32_t number; /* of the device */
    bool waits;      /* a process still waits for its answer: it is not asked again */
    uint64_t file;   /* memory_hash of the file's name */
    uint64_t dev, inode;
};

struct block_input {
    /* Real paths below /sys/devices, and the links of /sys/block, of the folders holders, and of
     * the classes of /sys/class that say something of disks, each with the real path it leads to.
     */
    struct tree tree;
    const struct dm_text *maps; /* all device-mapper devices */
    size_t map_count;
    const struct loop_facts *loops;
    size_t loop_count;
    struct bytes multipathd; /* its answer to "show maps json"; empty: it does not run */
    const char *boot_id;     /* NULL: not known, then loop devices have no identity */
};

/* Sorted by key. */
struct block_rows {
    struct hba *hbas;
    struct lun *luns;
    struct path *paths;
    struct partition *partitions;
    size_t hba_count, lun_count, path_count, partition_count;
};

/* Which devices become rows, and how a LUN is known: docs/inventory.md. 0; -ENOMEM; -EBADMSG:
 * multipathd's answer is not understood, or one LUN has more paths than a list has room for; each
 * with a sentence. */
int parse_block(const struct block_input *in, struct arena *a, struct block_rows *out,
                struct err *e);

#endif
