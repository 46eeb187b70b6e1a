/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths within a file system, and what the names in images mean there. Pure: names are compared and
 * put together, and never looked up. */
#ifndef MUSTER_SCAN_PARSE_PATH_H
#define MUSTER_SCAN_PARSE_PATH_H

#include "scan/parse_image.h"

/* Any bytes as clean text, such that no two of them have the same: what is no printable UTF-8
 * becomes \xHH, and so does a backslash. Over LIMIT_STRING_BYTES it ends with "...". NULL: empty,
 * or out of memory. */
const char *path_text(struct rows *r, struct bytes b);

enum path_result {
    PATH_WITHIN,  /* the file, if there is one, is at `path` */
    PATH_OUTSIDE, /* of this file system */
    PATH_UNCLEAR, /* not a path, or one that cannot be followed without its host: `why` */
};

struct path_answer {
    enum path_result result;
    const char *path; /* PATH_WITHIN: raw bytes, from the file system's root, without a first '/' */
    const char *why;  /* else: a sentence */
};

/* Where the file is that the image at `image` (a path as above) names. `mounted` is the path at
 * which the host of the images has the file system mounted ("/srv/images"), NULL when nobody knows:
 * then an absolute name is unclear. A name is resolved as written: links are the caller's to
 * refuse. Memory that is missing sets r->failed, and is unclear. */
struct path_answer path_resolve(struct rows *r, const struct image_name *name, struct bytes image,
                                const char *mounted);

#endif
