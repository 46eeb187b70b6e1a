/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two devices, and a child that is confined to a change of the first. */
#ifndef MUSTER_TESTS_PROBE_CONFINE_BED_H
#define MUSTER_TESTS_PROBE_CONFINE_BED_H

#include <sys/types.h>

#include "wire/messages.h"

enum { BED_BYTES = 1 << 20 }; /* of each device */

extern char bed_paths[2][32];

/* A loop device of this number here, which is gone when all have closed it; -1: there are none. */
int bed_attach(int i);
/* The first device, as if it had this number. */
struct lvm_change bed_change(struct change_device *d, const char *devnum);

/* What a child tries: confines itself, by `parent`, and then reaches for things. `other`: the
 * number of the second device. 0: all is as it should be. */
typedef int (*bed_trial)(const struct lvm_change *c, int parent, dev_t other);
/* Runs it, with both devices. Skips the test where there are none, or no root. */
void bed_try(bed_trial trial);

#endif
