/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what a parser of images asks for, fresh from the device, and leaves nothing of it in the
 * page cache. On a mount that is being written to, the pages of the file that wait to be written
 * are written for that; a scan's own mount is read-only, and has none. */
#ifndef MUSTER_SCAN_READ_IMAGE_H
#define MUSTER_SCAN_READ_IMAGE_H

#include <sys/types.h>

#include "scan/parse_image.h"

/* Opens a file below a folder for that, by a path that meets no symbolic link and no other mount.
 * Nothing happens to a FIFO or a device that took the file's place. The descriptor, with *buffered
 * set when the file system has no O_DIRECT; else a negative errno. */
int image_open(int root, const char *path, bool *buffered);

struct image_read {
    const struct parsed_image *image; /* in the arena; NULL: out of memory */
    uint64_t bytes;                   /* that were read */
    bool buffered; /* through the page cache, which was emptied of this file again */
};

/* `buffer` has IMAGE_ASK_BYTES + IMAGE_UNIT_BYTES, and begins at a multiple of IMAGE_UNIT_BYTES. A
 * file that cannot be read is an image with a fault. `buffered` is what image_open said. */
struct image_read read_image(int fd, uint64_t file_bytes, enum image_source source, bool buffered,
                             void *buffer, struct arena *a);

/* NULL: out of memory. For free(). */
void *image_buffer(void);

#endif
