/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what this node has found to what a scan's worker is to look at. Pure. */
#ifndef MUSTER_SCAN_TARGET_H
#define MUSTER_SCAN_TARGET_H

#include "agent_target.h"

struct scan_what {
    const char *container, *type, *uuid; /* as an offer or a grant names them; each may be NULL */
};

/* Sets of the order: device, devnum, size, type, uuid, and each path that can be asked who it is.
 * In `a`. 0; -ENOENT with a sentence: this node does not have it; -ENOMEM. */
int scan_target(section_getter get, const void *ctx, const struct scan_what *what, struct arena *a,
                struct scan_order *out, struct err *e);

#endif
