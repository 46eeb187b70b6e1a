/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_BASE_IO_H
#define MUSTER_BASE_IO_H

#include <stddef.h>

/* Shell code only. Writes all of it, however often that takes: 0, or a negative errno, when part of
 * it may have been written. */
int io_write_all(int fd, const void *p, size_t n);

enum { IO_FDS_MAX = 4 }; /* that go with one message */

/* One message over a socket of AF_UNIX, with those of `fds` that are no -1. 0 or a negative errno.
 */
int io_send(int sock, const void *p, size_t n, const int *fds, size_t fd_count, int flags);

#endif
