/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an order to rescan means on this node: which targets and devices. Pure. */
#ifndef MUSTER_RESCAN_WORK_H
#define MUSTER_RESCAN_WORK_H

#include "base/err.h"
#include "wire/messages.h"

/* `paths` is the section of paths, as last collected. Memory is of `a`. 0; -ENOENT, -EINVAL, -E2BIG
 * or -ENOMEM with a sentence. */
int rescan_work(const struct section *paths, const char *what, struct arena *a,
                struct rescan_work *out, struct err *e);

#endif
