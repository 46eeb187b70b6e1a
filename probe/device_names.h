/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of block devices that the kernel has announced something of: a set of bounded size. What it
 * has no room for makes it all devices. Pure. */
#ifndef MUSTER_DEVICE_NAMES_H
#define MUSTER_DEVICE_NAMES_H

#include "base/types.h"

enum {
    DEVICE_NAMES_MAX = 256,
    DEVICE_NAME_BYTES = 32, /* of a name with its NUL, as the kernel's DISK_NAME_LEN */
};

/* All zero: none. */
struct device_names {
    bool all;
    size_t n;
    char v[DEVICE_NAMES_MAX][DEVICE_NAME_BYTES];
};

/* `name` as sysfs has it, of n bytes. */
void device_names_add(struct device_names *d, const char *name, size_t n);
void device_names_clear(struct device_names *d);
void device_names_add_all(struct device_names *d, const struct device_names *more);

#endif
