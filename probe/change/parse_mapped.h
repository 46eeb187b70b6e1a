/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What devices of device-mapper are to the metadata of a volume group. Pure. */
#ifndef MUSTER_CHANGE_PARSE_MAPPED_H
#define MUSTER_CHANGE_PARSE_MAPPED_H

#include "collect/parse_lvm_mapped.h"
#include "wire/messages.h"

enum mapped_is {
    MAPPED_FINE,
    MAPPED_BARE, /* an origin without its snapshots, or a store of one: not to be made one here */
    MAPPED_OLD,  /* its table is not what the metadata say, or it does no I/O */
    MAPPED_UNWANTED, /* of an LV of which there may be no device now */
    MAPPED_ORPHAN,   /* of an LV that is no more */
};
/* Of a device whose UUID begins as mapped_prefix() says, when LVM has found these rows. *lv: the
 * LV; NULL: it is no more. */
enum mapped_is mapped_judge(const struct refresh_work *w, const struct lvm_rows *rows,
                            const struct dm_text *map, const char *uuid, const struct lv **lv);

/* Whether LVM has found what the work is about: this version, or no such volume group. */
bool mapped_is_version(const struct refresh_work *w, const struct lvm_rows *rows);

#endif
