/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of block devices as sysfs has them: "sda", "sda1", "loop0p1", "dm-3". Pure. */
#ifndef MUSTER_COLLECT_PARSE_DEVICE_NAME_H
#define MUSTER_COLLECT_PARSE_DEVICE_NAME_H

#include "base/types.h"

/* "sda1" of "sda", "loop0p1" of "loop0". */
bool device_is_partition_of(const char *name, const char *disk);
/* device NULL: it is not. */
bool device_is_among(const char *device, struct strs names);
/* The disk, or a partition of it, is among them. */
bool device_is_touched(const char *disk, struct strs names);

#endif
