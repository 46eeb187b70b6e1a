/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the files that an image needs are there. */
#ifndef MUSTER_SCAN_READ_LINKS_H
#define MUSTER_SCAN_READ_LINKS_H

#include "scan/parse_path.h"

enum link_state {
    LINK_NONE,    /* it needs no such file */
    LINK_FOUND,   /* a regular file */
    LINK_MISSING, /* there is none */
    LINK_SHORT,   /* it is smaller than the extent */
    LINK_OUTSIDE, /* of this file system: nothing is known of it here */
    LINK_UNCLEAR, /* what its name means; `why` */
};

struct image_link {
    enum link_state state;
    const char *path; /* from the top of the file system, clean text; NULL when it is not within */
    const char *why;  /* a sentence, when it was not found */
};

struct image_links {
    struct image_link backing, data_file;
    struct image_link *extents; /* as many as the image has */
    bool all_found;
};

/* `path` is the image's own, below `root`; `mounted` is as for path_resolve. Memory that is missing
 * sets r->failed. */
struct image_links read_image_links(int root, struct rows *r, const char *path,
                                    const struct parsed_image *image, const char *mounted);

const char *link_state_name(enum link_state s); /* "found"; NULL: LINK_NONE */

#endif
