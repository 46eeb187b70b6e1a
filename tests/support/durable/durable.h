/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a database would hold: the rows of all changes that were committed, by rules of its own. A
 * core can be loaded from it at any time. */
#ifndef MUSTER_TESTS_CORE_DURABLE_H
#define MUSTER_TESTS_CORE_DURABLE_H

#include "base/err.h"
#include "core/rows.h"

struct durable;

struct durable *durable_new(uuid128 db_id);
struct durable *durable_copy(const struct durable *d); /* a backup */
void durable_mark_backup(struct durable *d);           /* a copy: as `muster backup` makes it */
void durable_free(struct durable *d);

/* 0, or -EINVAL with what is wrong about the changes: a delete of what is not there, a row that
 * leads to none, a hash or digest that is not the rows' own. */
int durable_apply(struct durable *d, const struct change *changes, struct err *e);
/* The two halves of it: the changes one by one; then all that is there, which takes time. */
int durable_store(struct durable *d, const struct change *changes, struct err *e);
int durable_check(struct durable *d, struct err *e);

/* Points into the durable: valid until the next change. */
void durable_image(struct durable *d, struct stored *out);
/* The same, as the core is given it: some nodes are packed. */
void durable_packed(struct durable *d, struct stored *out);

const struct meta_row *durable_meta(const struct durable *d);
size_t durable_events(const struct durable *d);
const struct event_row *durable_event(const struct durable *d, size_t i); /* oldest first */
/* How many events of this kind there are; `text` NULL or a part of their text. */
size_t durable_count_events(const struct durable *d, const char *kind, const char *text);
/* NULL: there is none with this path. */
const struct image_row *durable_image_at(const struct durable *d, uint32_t filesystem_no,
                                         const char *path);
/* NULL: nothing is proven, nor the contrary. */
const struct reach_row *durable_reach(const struct durable *d, uint32_t resource_no,
                                      uint32_t node_no);
size_t durable_images(const struct durable *d);
size_t durable_tasks(const struct durable *d);
size_t durable_sections(const struct durable *d);
size_t durable_inventory(const struct durable *d);

#endif
