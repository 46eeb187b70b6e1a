/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_SCAN_READ_BENEATH_H
#define MUSTER_SCAN_READ_BENEATH_H

/* Opens a path below a folder, that meets no symbolic link, no other mount, and never leaves the
 * folder. O_CLOEXEC is added. A descriptor or a negative errno: -ELOOP for a link, -EXDEV for a
 * mount or a way out. */
int open_beneath(int root, const char *path, int flags);

#endif
