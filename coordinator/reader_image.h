/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images as scans have found them, from the database. */
#ifndef MUSTER_READER_IMAGE_H
#define MUSTER_READER_IMAGE_H

#include "core/image_list.h"
#include "core/impact.h"
#include "store.h"

/* Those of `f` that are there still, into reply->images; `more` where the reply grew too large for
 * all of them. 0; as store_read_image. */
int reader_images(struct store_reader *store, const struct image_list_facts *f, struct arena *a,
                  struct reply *reply, struct err *e);
/* Those that depend on what `im` has. 0; as store_read_images_in. */
int reader_impact_images(struct store_reader *store, struct impact *im, struct arena *a,
                         struct err *e);

#endif
