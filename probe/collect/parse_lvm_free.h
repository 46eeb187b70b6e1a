/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where new extents of a volume group can lie, of a full report as parse_lvm gets it. Pure. */
#ifndef MUSTER_COLLECT_PARSE_LVM_FREE_H
#define MUSTER_COLLECT_PARSE_LVM_FREE_H

#include "collect/parse_lvm.h"

/* Free extents side by side. */
struct lvm_run {
    const char *pv_uuid;
    uint64_t start, count; /* extents of the PV */
    uint64_t offset_bytes; /* of the first, from the beginning of the device */
};

/* Of the VG with this UUID, in order of the PVs' UUIDs and of their extents; PVs that are missing
 * or may not be allocated from are left out. In `a`. 0; -ENOMEM; -EBADMSG with a sentence. */
int parse_lvm_free(struct bytes report, const char *uuid, struct arena *a, struct lvm_run **out,
                   size_t *n, struct err *e);

#endif
