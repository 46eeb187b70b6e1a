/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which images are asked for, as the core knows them: what scans have found of each the shell reads
 * from the database. */
#ifndef MUSTER_CORE_IMAGE_LIST_H
#define MUSTER_CORE_IMAGE_LIST_H

#include "core/rows.h"

struct image_wanted {
    uint32_t filesystem_no;
    const char *path;
    const char *id;                 /* of the image, as text */
    const char *filesystem, *label; /* of its filesystem */
};

/* In the reply's arena, in the order of the answer. */
struct image_list_facts {
    struct image_wanted *v;
    size_t n;
};

/* `image` NULL: no scan has found it. It must live as long as the reply. */
void image_list_info(const struct image_wanted *w, wall_ms seen, const struct image *image,
                     struct image_info *out);

#endif
