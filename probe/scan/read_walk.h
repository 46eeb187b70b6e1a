/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the images in a file system: walks its folders, then reads the heads of its files, many of
 * each at a time. It writes nothing, follows no link, enters no other mount, opens regular files
 * alone, and leaves no page of a file in the cache. */
#ifndef MUSTER_SCAN_READ_WALK_H
#define MUSTER_SCAN_READ_WALK_H

#include "base/err.h"
#include "scan/read_links.h"
#include "scan/walk.h"

/* What was found out of one file. All of it lives until the sink returns. */
struct image_found {
    const char *raw_path;                        /* from the top, without a first '/' */
    const char *path;                            /* the same as clean text */
    uint64_t inode, size_bytes, allocated_bytes; /* 0: it could not be opened */
    wall_ms modified;
    const struct parsed_image *image;
    struct image_links links;
    bool buffered; /* read through the page cache: the file system has no O_DIRECT for it */
    bool changed;  /* meanwhile: nothing of it is certain */
};

/* Called for every file that is large enough, image or not, and for those that cannot be opened, by
 * one thread at a time, in no order.
 * Negative: the walk ends with it. */
typedef int (*image_sink)(void *arg, const struct image_found *found);

struct walk_options {
    struct walk_limits limits;
    unsigned threads;    /* that read; 0: WALK_THREADS */
    const char *mounted; /* where its host has the file system; NULL: nobody knows */
    image_sink sink;
    void *arg;
};

/* `root` is an open folder, usually of a mount. 0, however little could be read, which *out tells;
 * or a negative errno with a sentence: out of memory, no thread, the top folder cannot be opened,
 * or what the sink returned. */
int read_walk(int root, const struct walk_options *o, struct walk_tally *out, struct err *e);

#endif
