/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What parse_block is fed with by tests: captures of real hosts, and hosts written down as text. */
#ifndef MUSTER_TESTS_PARSE_BLOCK_H
#define MUSTER_TESTS_PARSE_BLOCK_H

#include "base/buf.h"
#include "collect/parse_block.h"

#define BLOCK_MAPS  512
#define BLOCK_LOOPS 64

/* A host while it is put together. Zeroed but for `a` and tree.a is empty. */
struct block_host {
    struct arena *a;
    struct tree_builder tree;
    struct dm_text maps[BLOCK_MAPS];
    struct loop_facts loops[BLOCK_LOOPS];
    struct block_input in; /* finished by block_host_finish */
};

void block_host_init(struct block_host *h, struct arena *a);
/* 0 or a negative errno with a sentence. */
int block_host_finish(struct block_host *h, struct err *e);

/* A host as text; what is not understood is passed over:
 *     [/sys/devices/...]       the folder that what follows is in
 *     NAME = VALUE             a file; NAME may have folders in front of it; \xHH is a byte
 *     NAME -> TARGET           a link
 *     NAME/                    a folder
 *     class CLASS NAME         /sys/class/CLASS/NAME leads to that folder (block: /sys/block/NAME)
 *     map MAJ:MIN NAME UUID [suspended]
 *     table LINE, status LINE  of that map
 *     loop NAME DEV INODE [stuck]
 *     boot ID
 *     multipathd JSON */
void block_host_text(struct block_host *h, struct bytes text);

/* tar(1) of /sys: files and links, and the links of classes and block devices that it left out. */
void block_host_tar(struct block_host *h, struct bytes tar);
/* "== FOLDER -> REAL PATH" and below it NAME=VALUE and hexdump -C of the VPD pages, as the lab's
 * capture script wrote it. Of SCSI devices the folders must have come by the tar. */
void block_host_sysfs_text(struct block_host *h, struct bytes text);
/* Device numbers of `multipath -ll`; those of maps, which the output lacks, are 253:N. */
void block_host_multipath(struct block_host *h, struct bytes text);
/* `dmsetup table` and `dmsetup status` of multipath maps that are named by their WWIDs, after
 * "## dmsetup". */
void block_host_dmsetup(struct block_host *h, struct bytes text);

/* Finishes and parses; fails the test if that fails. */
struct block_rows block_host_rows(struct block_host *h);
/* A host that is text alone. */
struct block_rows block_rows_of(struct arena *a, const char *text);
/* The four sections as JSON, normalised. */
const char *block_json(struct arena *a, const struct block_rows *rows);

/* NULL: there is no such row. */
const struct hba *find_hba(const struct block_rows *rows, const char *name);
const struct lun *find_lun(const struct block_rows *rows, const char *key);
const struct path *find_path(const struct block_rows *rows, const char *device);
const struct partition *find_partition(const struct block_rows *rows, const char *key);

#endif
