/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks libblkid about the bytes of a container. The only includer of blkid.h. */
#ifndef MUSTER_COLLECT_PROBE_BLKID_H
#define MUSTER_COLLECT_PROBE_BLKID_H

#include "base/err.h"
#include "collect/parse_label.h"

/* `fd` is a file as large as the container with the bytes of it that count; `sector_bytes` is the
 * container's logical sector. Never a device: libblkid reads through the page cache. *out lives in
 * `a`. 0 (whether or not anything was found), -ENOMEM or -EIO with a sentence. */
int probe_blkid(int fd, uint32_t sector_bytes, struct arena *a, struct label *out, struct err *e);

#endif
