/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One scan, from the first look at the container to the proof that nothing of it is mounted. */
#ifndef MUSTER_SCAN_SCAN_RUN_H
#define MUSTER_SCAN_SCAN_RUN_H

#include "scan/mount_scan.h"
#include "wire/messages.h"

struct scan {
    const struct scan_order *order;
    struct arena *arena;
    int64_t started_ms;
    struct container container;
    bool opened, prepared; /* something was made to mount it, or tried */
    struct fs_mark before, after;
    struct scan_mount mount;
    int (*confine)(struct err *e); /* once it is mounted */
    struct scan_result result;
    bool clean; /* proven unmounted */
    bool stale; /* the device is not as the order says: whoever made that must look again */
    /* And what is there is another LUN, or another filesystem, than was asked for. A device that
     * has another number or size is not: it may hold the same. */
    bool mismatch;
};

/* Opens the container for this scan alone, and asks who it is: as root, before anything that is on
 * it is looked at. 0, or a negative errno with a sentence. */
int scan_open(struct scan *s, struct err *e);
/* The rest. Fills the result, whatever happens. */
void scan_read(struct scan *s);
/* A result for what scan_open said, and the proof that what it made is gone. */
void scan_not_opened(struct scan *s, int rc, const struct err *e);

/* Without a lease, without a mount. Negative errno with a sentence: not proven. */
int scan_reach(struct scan *s, struct err *e);
/* True if another time, or another node, may have better luck. */
bool scan_may_mend(int rc);

#endif
