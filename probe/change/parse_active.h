/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether an LV is one that is activated, and whether it is active as its metadata say. Pure. */
#ifndef MUSTER_CHANGE_PARSE_ACTIVE_H
#define MUSTER_CHANGE_PARSE_ACTIVE_H

#include "base/err.h"
#include "collect/parse_lvm_mapped.h"
#include "wire/messages.h"

/* The LV of the order among the rows. 0; -EINVAL: it may not be activated; -EAGAIN: what was read
 * is older than the order; each with a sentence. */
int active_find(const struct lvm_order *o, const struct lvm_rows *rows, const struct lv **lv,
                struct err *e);

/* Whether the device with this UUID, of an LV, is a layer of one that has snapshots, or is one. */
bool active_is_layer(const char *uuid);

/* Whether the device with this UUID is the LV's own, no layer of it, and has the table that the
 * metadata say; all as it was read after the device was made. */
bool active_is_done(const struct lv *lv, const struct lvm_tables *tables, const char *uuid,
                    const struct dm_text *map);

#endif
