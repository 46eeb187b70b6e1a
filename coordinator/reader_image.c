/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader_image.h"

#include <errno.h>

/* An image has some hundred bytes; one of a disk that is split into thousands of files has more. */
#define IMAGES_BYTES (16u << 20)

static int read_all(struct store_reader *store, const struct image_list_facts *f, struct arena *a,
                    struct image_info *v, size_t *n, bool *more, struct err *e)
{
    size_t before = arena_used(a);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < f->n; i++) {
        const struct image_wanted *w = &f->v[i];
        const struct image *image = NULL;
        wall_ms seen = { 0 };

        if (*n > 0 && arena_used(a) - before > IMAGES_BYTES) {
            *more = true;
            return 0;
        }
        rc = store_read_image(store, w->filesystem_no, w->path, a, &image, &seen, e);
        if (rc == 0 && image != NULL)
            image_list_info(w, seen, image, &v[(*n)++]);
    }
    return rc;
}

int reader_images(struct store_reader *store, const struct image_list_facts *f, struct arena *a,
                  struct reply *reply, struct err *e)
{
    struct image_info *v = arena_array(a, f->n, sizeof *v);
    bool more = false;
    size_t n = 0;
    int rc = v == NULL ? -ENOMEM : store_read_begin(store, e);

    if (rc == 0)
        rc = read_all(store, f, a, v, &n, &more, e);
    store_read_end(store);
    if (rc != 0)
        return rc;
    REC_SET(reply, reply, images, ((struct recs){ v, n }));
    if (more)
        REC_SET(reply, reply, more, true);
    return 0;
}

int reader_impact_images(struct store_reader *store, struct impact *im, struct arena *a,
                         struct err *e)
{
    struct impact_place place;
    size_t at = 0;
    int rc = store_read_begin(store, e);

    while (rc == 0 && impact_wants_images(im, &at, &place)) {
        struct strs paths;
        uint64_t count;

        rc = store_read_images_in(store, place.filesystem, place.below, IMPACT_IMAGES_MOST, a,
                                  &paths, &count, e);
        if (rc == 0)
            rc = impact_images(im, &place, &paths, count);
    }
    store_read_end(store);
    return rc;
}
