/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File-backed guest disks. An image is a resource that lies in a filesystem and is named by its
 * path in it, so that it stays the same over scans and starts. Who sees the filesystem sees it: it
 * has no edges of its own. What a scan has found of it is in the database alone. A part of
 * core_internal.h, which alone includes it. */
#ifndef MUSTER_CORE_IMAGES_H
#define MUSTER_CORE_IMAGES_H

struct answer;

/* What an accepted scan of the filesystem has found: struct image, sorted by path. A complete scan
 * takes away those that it does not name; another one adds, and takes none away. One event at most.
 * *count: how many the filesystem has now, LIMIT_IMAGES at most. 0 or -ENOMEM. */
int images_found(struct step *s, struct resource *fs, const struct recs *found, bool complete,
                 uint64_t *count);
int images_drop(struct step *s, struct resource *fs);   /* all, with the filesystem */
int images_rename(struct step *s, struct resource *fs); /* its label is another one now */
struct resource *image_by_path(const struct coord *c, const struct resource *fs, const char *path);
/* In any order. *out is not set where the row leads to no filesystem. 0 or -ENOMEM. */
int image_load(struct coord *c, const struct resource_row *row, struct resource *fs,
               struct resource **out);
void images_loaded(struct coord *c); /* that was all */
int op_image_list(struct answer *q);
struct image_wanted; /* core/image_list.h */
int image_want(struct arena *a, const struct resource *r, struct image_wanted *out);
int images_check(const struct coord *c, struct err *e);

/* Where its edges are: an image's are its filesystem's. */
static inline struct resource *resource_carrier(struct resource *r)
{
    return r->filesystem != NULL ? r->filesystem : r;
}

#endif
