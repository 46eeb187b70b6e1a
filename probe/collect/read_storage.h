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

/* Reads block devices, and finds what holds data on them. 0 or a negative errno with a sentence. */
int read_storage_devices(const struct collect_request *req, struct arena *a,
                         struct storage_read *out, struct err *e);

/* Then the labels of all containers that are to be read, each within 2 s, as far as they are not
 * remembered (storage_reuse). `uses`, those of these containers, may be NULL; arrays get their
 * names in it too. For LVM: PVs are all read now, and partitions without a device are not. Labels
 * are those of this machine: with another sys_root none is read. 0 or a negative errno with a
 * sentence.
 */
int read_storage_labels(const struct collect_request *req, bool for_lvm, struct section *uses,
                        struct storage_read *r, struct err *e);

/* What the next worker is to know, in `a`. 0 or -ENOMEM with a sentence. */
int read_storage_keep(struct storage_read *r, struct bytes *memory, size_t *left_out,
                      struct err *e);

/* "/dev/sda1" */
const char *device_path(struct rows *r, const char *device);

#endif
