/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the workers of storage and of LVM have in common: devices, containers, and their labels. */
#ifndef MUSTER_COLLECT_READ_STORAGE_H
#define MUSTER_COLLECT_READ_STORAGE_H

#include "collect/collect.h"
#include "collect/parse_storage.h"

struct storage_read {
    struct storage s;
    struct block_input in;
    const char *fault; /* of multipathd's answer; NULL: none */
};

/* Reads block devices, and then the labels of all containers that are to be read, each within
 * 2 s; of partitions without a device too if `inner`. Labels are those of this machine:
 * with another sys_root none is read. 0 or a negative errno with a sentence. */
int read_storage(const struct collect_request *req, bool inner, struct arena *a,
                 struct storage_read *out, struct err *e);

/* What the next worker is to know, in `a`. 0 or -ENOMEM with a sentence. */
int read_storage_keep(struct storage_read *r, struct bytes *memory, size_t *left_out,
                      struct err *e);

/* "/dev/sda1" */
const char *device_path(struct rows *r, const char *device);

#endif
