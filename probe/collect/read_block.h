/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the collector of block devices gets its bytes. */
#ifndef MUSTER_COLLECT_READ_BLOCK_H
#define MUSTER_COLLECT_READ_BLOCK_H

#include "collect/collect.h"
#include "collect/parse_block.h"

/* As the running kernel calls this boot; NULL: it does not tell. */
const char *read_boot_id(const struct collect_request *req, struct arena *a);

/* Whether a block device is one of those that are looked at. */
bool read_block_wants(const struct collect_request *req, const char *device);

/* What sysfs says of disks and what they are reached through: named attributes alone, never a
 * session's user or password. A device that goes away meanwhile is left out. Of a disk that
 * `before`, an earlier tree of this boot, knows and nothing was announced of, it is taken from
 * there what the kernel announces when it changes (docs/ARCHITECTURE.md, section 4); its bytes must
 * outlive `out`. 0 or a negative errno with a sentence. */
int read_tree(const struct collect_request *req, const struct tree *before, struct arena *a,
              struct tree *out, struct err *e);

/* All device-mapper devices. None, and no error, on a machine without device-mapper. The parameters
 * of targets other than multipath and linear are never kept: dm-crypt's are keys. 0 or a negative
 * errno with a sentence. */
int read_dm(struct arena *a, struct dm_text **out, size_t *count, struct err *e);

/* What multipathd says of its maps in JSON, over the socket `fd`. What it adds is welcome, not
 * needed: one that does not answer within 2 s is like one that does not run. 0 or -ENOMEM. */
int read_multipathd(int fd, struct arena *a, struct bytes *out);

/* What the kernel knows of the backing files of the tree's loop devices. A child process asks,
 * since the file system that the file is on may never answer: such a device is marked as stuck, and
 * has the numbers that `memory` (of an earlier call) has for it if the file is still called the
 * same. While a child waits for it, or a reader of its label, it is not asked again, nor when the
 * kernel has announced nothing of it. *memory becomes what is known now, in `a`. 0 or -ENOMEM with
 * a sentence. */
int read_loops(const struct collect_request *req, const struct tree *t, struct loop_memory *memory,
               struct arena *a, const struct loop_facts **out, size_t *count, struct err *e);

/* Everything that parse_block needs, of the devices that the request names; what an earlier one of
 * this boot has found is in `before` and `memory`. 0 or a negative errno with a sentence. */
int read_block(const struct collect_request *req, const struct tree *before,
               struct loop_memory *memory, struct arena *a, struct block_input *out, struct err *e);

/* parse_block, without multipathd's answer if that is not understood: *fault is then what is wrong
 * with it, else NULL. 0 or a negative errno with a sentence. */
int block_parse(const struct block_input *in, struct arena *a, struct block_rows *out,
                const char **fault, struct err *e);

/* A section of rows. With more than it may have it is FAILED, with a text that says so. */
void block_section(enum section_id id, void *rows, size_t n, struct arena *a, struct section *out);

/* The sections hbas, luns, paths and partitions of what was read. A section with more rows than it
 * may have is FAILED with a text that says so. 0 or a negative errno with a sentence. */
int block_sections(const struct block_input *in, struct arena *a, struct section *out,
                   size_t *count, struct err *e);

/* read_block and block_sections in one, of this machine as it is now. */
int collect_block(const struct collect_request *req, struct arena *a, struct section *out,
                  size_t *count, struct err *e);

#endif
