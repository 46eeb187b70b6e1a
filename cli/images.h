/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File-backed guest disks, as scans have found them. */
#ifndef MUSTER_CLI_IMAGES_H
#define MUSTER_CLI_IMAGES_H

#include "cli/nouns.h"

struct images {
    struct muster_reply *pages; /* in the run's arena */
    size_t page_count, page_cap;
    const struct image_info **v; /* of all pages, in the order of the replies */
    size_t n, cap;
};

/* All images of these filesystems, or these images; without any, all there are. 0 or an exit code.
 * images_free() in either case. */
int images_fetch(struct run *r, struct strs resources, struct images *out);
void images_free(struct images *x);
void images_text(struct text *t, const struct images *x);
void images_json(struct json *j, const char *name, const struct images *x);

/* What an image stands on: its backing file, the backing file of that, and so on. */
enum { MOST_LINKS = 64 };
struct chain {
    struct link {
        const char *named, *path, *state; /* as the image above names it; where it is; found, ... */
        const struct image_info *image;   /* NULL: no scan has found one there */
    } links[MOST_LINKS];
    size_t n;
    bool circle; /* the last one is in it already */
    bool cut;    /* there are more */
};
/* `x`: all images of the filesystem that `top` is in. */
void chain_of(const struct images *x, const struct image_info *top, struct chain *out);

/* All about one image: pairs for the detail view; members of a JSON object. */
void image_text(struct text *t, const struct image_info *x, const struct chain *c);
void image_json(struct json *j, const char *name, const struct image_info *x);
void chain_json(struct json *j, const char *name, const struct chain *c);

/* `muster resource list --kind image`. */
int images_list(struct run *r);

#endif
