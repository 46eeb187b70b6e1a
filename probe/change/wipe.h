/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_CHANGE_WIPE_H
#define MUSTER_CHANGE_WIPE_H

#include "base/err.h"
#include "change/parse_plan.h"

/* Zeroes on the device itself, past the page cache. 0 or a negative errno with a sentence. */
int change_wipe(const struct change_device *d, const struct change_wipe *w, struct err *e);
/* What was written is not only in a cache of the device any more. The same. */
int change_flush(const struct change_device *d, struct err *e);

#endif
