/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_SCAN_OWN_MOUNT_H
#define MUSTER_SCAN_OWN_MOUNT_H

#include <sys/types.h>

#include "base/err.h"

enum { OWN_MOUNT_BYTES = 1024 };

/* Where this process has a device mounted, from the top of its file system. 0; -ENOENT, or another
 * negative errno, with a sentence. */
int own_mount_find(const char *device, dev_t devnum, char point[OWN_MOUNT_BYTES], struct err *e);

#endif
