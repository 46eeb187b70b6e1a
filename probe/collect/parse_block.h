/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysfs, device-mapper and multipathd into the rows of hbas, luns, paths and partitions. Pure. */
#ifndef MUSTER_COLLECT_PARSE_BLOCK_H
#define MUSTER_COLLECT_PARSE_BLOCK_H

#include <sys/types.h>

#include "collect/parse_dm.h"
#include "collect/tree.h"
#include "model/sections.h"

/* What the kernel knows of a loop device's backing file, whatever its name is now. */
struct loop_facts {
    const char *device; /* "loop0" */
    const char *file;   /* as sysfs says */
    uint64_t dev;       /* of the file's file system, as stat(2) has it */
    uint64_t inode;
    bool stuck;    /* it did not answer now: the numbers are those of before, or 0 */
    mono_ms since; /* stuck: since when */
};

/* What is kept of a loop device from one read to the next. */
struct loop_known {
    const char *device;
    uint64_t file; /* storage_hash of the name of its file */
    uint64_t dev, inode;
    mono_ms since; /* stuck: since when; else 0 */
    pid_t pid;     /* stuck: the child that still waits; 0: none */
    uint64_t pid_started;
    bool waits; /* a reader of its label still waits for it; not kept */
};

struct loop_memory {
    struct loop_known *v;
    size_t n;
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
    struct strs devices;     /* globs: no other map counts; none: all do */
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
