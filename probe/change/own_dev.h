/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A /dev of this process's own, with the devices of the change and no others. LVM opens devices by
 * their paths: what has none it cannot open, whatever it is made to do. */
#ifndef MUSTER_CHANGE_OWN_DEV_H
#define MUSTER_CHANGE_OWN_DEV_H

#include "base/err.h"
#include "wire/messages.h"

/* What is not there yet, and would be in that /dev: for files of this process's own. */
#define OWN_DEV_FOLDER "/dev/muster"

/* For root, before it gives anything up. Each device must have the number that the change says. Who
 * does not write to them gets nodes that only capabilities could open for writing. 0;
 * -EINVAL: one has another, or is no block device; another negative errno; each with a sentence. */
int own_dev_make(const struct lvm_change *c, bool device_mapper, bool writes, struct err *e);

#endif
