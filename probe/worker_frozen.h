/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For kernels without Landlock: mounts of this process's own, through which nothing can be written.
 */
#ifndef MUSTER_WORKER_FROZEN_H
#define MUSTER_WORKER_FROZEN_H

#include "base/err.h"

/* A /dev of this process's own, with a node of each block device that there is, which its owner may
 * read and nobody may write, what is asked of device-mapper through, and null. For root that still
 * has all capabilities; who has lost CAP_DAC_OVERRIDE and may not change modes opens none of the
 * devices for writing from then on. Links and other nodes are not there. 0, or a negative errno
 * with a sentence. */
int worker_frozen_nodes(struct err *e);

/* From now on all mounts are read-only for this process, so no file can be written or made; nodes
 * of devices are not concerned. Needs CAP_SYS_ADMIN, and gives the process mounts of its own. 1; 0:
 * this kernel is older than mount_setattr(2); or a negative errno with a sentence. */
int worker_frozen_mounts(struct err *e);

#endif
