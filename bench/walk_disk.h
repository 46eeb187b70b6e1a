/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk for the benchmark of the walk: an ext4 file system full of images on a loop device that
 * reads its file with O_DIRECT, in a mount namespace of this process's own, with which all of it
 * goes.
 */
#ifndef MUSTER_BENCH_WALK_DISK_H
#define MUSTER_BENCH_WALK_DISK_H

#include "base/err.h"
#include "base/types.h"
#include "folder.h"

struct walk_disk {
    struct folder folder;
    char file[160], mount[160], device[32];
    int fd; /* of the loop device; -1: there is none */
    unsigned images;
    bool direct; /* the loop device itself goes round the page cache */
};

/* Makes it below `dir`, with so many images, and mounts it read-only. 0 or a negative errno with a
 * sentence; walk_disk_remove either way. */
int walk_disk_make(struct walk_disk *d, const char *dir, unsigned images, struct err *e);
void walk_disk_remove(struct walk_disk *d);
/* Mounts it anew: nothing of it is cached, the file system's own blocks neither. */
int walk_disk_forget(struct walk_disk *d, struct err *e);
/* The image of that number: its path below the mount. `out` has 64 bytes. */
char *walk_disk_name(unsigned i, char *out);

/* A piece of the device that holds what a scan reads. */
struct walk_piece {
    uint64_t offset;
    size_t bytes;
};

/* All that is asked of all images, as pieces of the device in its order; holes are left out. They
 * are for free(). Leaves nothing cached that walk_disk_forget does not forget. */
int walk_disk_pieces(const struct walk_disk *d, struct walk_piece **out, size_t *n, struct err *e);
/* Bytes of the images' pages in the cache. */
int walk_disk_cached(const struct walk_disk *d, uint64_t *bytes, struct err *e);

#endif
