/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the devices of a change are what they were when it was decided. */
#ifndef MUSTER_CHANGE_READ_DEVICES_H
#define MUSTER_CHANGE_READ_DEVICES_H

#include "base/arena.h"
#include "base/err.h"
#include "change/parse_plan.h"

/* Asks each path below them who it is, by SCSI. 0; -EINVAL: one leads to another LUN; another
 * negative errno; each with a sentence. */
int change_ask_paths(const struct lvm_change *c, struct err *e);

/* Reads what is on each, past the page cache: labels[i] for device i, in `a`. 0; -EINVAL: one is
 * not what it was, or is used by something that is not LVM; another negative errno (it does not
 * answer); each with a sentence. Has children. */
int change_read_labels(const struct lvm_change *c, struct arena *a, struct change_label *labels,
                       struct err *e);

/* Nobody has it open for himself. 0 or -EINVAL with a sentence. */
int change_check_unused(const struct change_device *d, struct err *e);

#endif
