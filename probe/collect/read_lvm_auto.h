/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What on this host activates LVs without being told to. */
#ifndef MUSTER_COLLECT_READ_LVM_AUTO_H
#define MUSTER_COLLECT_READ_LVM_AUTO_H

#include "collect/collect.h"
#include "collect/parse_lvm_auto.h"

/* Asks LVM for the host's own configuration, which counts for nothing else, and looks for udev's
 * rule and systemd's generator. After read_lvm(), whose process this is: standard output is LVM's
 * for a moment. Fills `out` (texts in `a`). 0; -ENOMEM; another negative errno: it is not known. */
int read_lvm_auto(const struct collect_request *req, struct arena *a, struct lvm_auto *out);

#endif
