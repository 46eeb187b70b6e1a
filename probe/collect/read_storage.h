/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block devices and what lies on them, all of it together. */
#ifndef MUSTER_COLLECT_READ_STORAGE_H
#define MUSTER_COLLECT_READ_STORAGE_H

#include "collect/parse_storage.h"
#include "collect/read_block.h"
#include "collect/read_lvm.h"

struct storage_reading {
    struct block_input input;
    struct block_rows rows;
    const char *fault; /* of multipathd's answer, or NULL */
    struct storage storage;
    const char *denied; /* a sentence: this process may not read a device; or NULL */
};

/* Reads the devices that the request names and the labels on them, each with a time limit. Takes
 * from the memory what it says, and puts into it which devices do not answer. 0 or a negative errno
 * with a sentence. */
int read_storage(const struct collect_request *req, struct storage_memory *m, struct arena *a,
                 struct storage_reading *out, struct err *e);

/* What the worker of kind storage runs: sections hbas, luns, paths, partitions, filesystems, uses;
 * as collect_run. */
int collect_storage(const struct collect_request *req, struct arena *a, struct section *out,
                    size_t *count, struct bytes *memory, struct err *e);
/* What the worker of kind lvm runs: sections pvs, vgs, lvs. LVM is given the PVs that answered just
 * now and no others: one that does not would hold it, with all the others open. */
int collect_volumes(const struct collect_request *req, struct arena *a, struct section *out,
                    size_t *count, struct bytes *memory, struct err *e);

#endif
