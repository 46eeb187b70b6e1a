/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_COLLECT_READ_LUNS_H
#define MUSTER_COLLECT_READ_LUNS_H

#include "base/arena.h"

enum { READ_LUNS_MOST = 4096 };

/* Asks the target of the disk that `fd` has open, for reading, for its LUNs: parse_report_luns().
 * How many; -ENOTSUP: the kernel passes no such command, or the target does not know it; or another
 * negative errno. Waits for the device. */
int read_luns(int fd, struct arena *a, uint64_t out[READ_LUNS_MOST]);

#endif
