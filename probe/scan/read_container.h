/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container that a scan is of: opened so that nobody else of this host can mount it, asked anew
 * who it is, and read without the page cache. Nothing here changes a byte of it. */
#ifndef MUSTER_SCAN_READ_CONTAINER_H
#define MUSTER_SCAN_READ_CONTAINER_H

#include <sys/types.h>

#include "base/err.h"
#include "scan/parse_mark.h"

#define SCAN_NODE "muster-scan-" /* parse_use.h: use_is_scan */

enum { CONTAINER_PATH_BYTES = 512 };

struct container {
    char path[64]; /* in /dev */
    dev_t devnum;
    int exclusive; /* O_EXCL; -1: not asked for, or given away */
    int direct;    /* O_DIRECT */
    uint64_t size_bytes;
    uint32_t sector_bytes;
    uint8_t *buffer; /* aligned */
};

enum container_use { CONTAINER_ALONE, CONTAINER_SHARED };

/* A node of its own for the device, in a folder that is covered for this, by the name that a scan's
 * loop device shows: .../muster-scan-TOKEN-MAJOR:MINOR. 0 or a negative errno with a sentence. For
 * root, in a mount namespace of its own. */
int container_node(const char *folder, const char *device, uint64_t token,
                   char out[CONTAINER_PATH_BYTES], struct err *e);

/* `device`: "dm-3"; `node`: to be opened in its place, NULL: none. `devnum` (MAJOR:MINOR) and
 * `size_bytes` are what it must have; NULL and 0: any. 0; -EBUSY: it is in use; -ESTALE: it is
 * another one by now; another negative errno; each with a sentence. */
int container_open(struct container *c, const char *device, const char *node, const char *devnum,
                   uint64_t size_bytes, enum container_use use, struct err *e);
void container_close(struct container *c);

/* mark_reader, with a container. */
int container_read(void *container, uint64_t at, size_t n, uint8_t *out);

/* 0 if neither it nor a device that it lies on has pages that are not written back; they are not
 * written for us either. -EBUSY, or another negative errno, with a sentence. For root. */
int container_is_clean(const struct container *c, struct err *e);

/* Asks a path ("sda naa.6001...") over SCSI who it is. 0; 1: it cannot be asked (no SCSI); -ESTALE:
 * it is another one; another negative errno. With a sentence. */
int path_identity(const char *path, struct err *e);

#endif
