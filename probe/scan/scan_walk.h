/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk of a scan, as its result tells it. */
#ifndef MUSTER_SCAN_SCAN_WALK_H
#define MUSTER_SCAN_SCAN_WALK_H

#include "base/arena.h"
#include "base/err.h"
#include "model/record.h"

struct scan_found {
    struct recs images;   /* in order of paths; records of image_desc, in the arena */
    uint64_t entries;     /* files and folders that were looked at */
    const char *left_out; /* a sentence in the arena; NULL: nothing was */
};

/* `root` is the top folder of a mount. 0 or a negative errno with a sentence. */
int scan_walk(int root, struct arena *a, struct scan_found *out, struct err *e);

#endif
