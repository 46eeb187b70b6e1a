/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What LVM says of the devices of one volume group, as each worker of a change reads it. */
#ifndef MUSTER_CHANGE_READ_GROUP_H
#define MUSTER_CHANGE_READ_GROUP_H

#include "base/arena.h"
#include "base/err.h"
#include "collect/parse_lvm.h"
#include "wire/messages.h"

struct group {
    const char *vg;         /* as sentences name it */
    struct recs devices;    /* of struct change_device */
    struct lvm_device *lvm; /* the same as LVM is told of them; from group_find() on */
    bool device_mapper;
    const struct lvm_library *library; /* open; NULL: one is opened for each look */
};

/* Fills `lvm`, in `a`. 0 or -ENOMEM with a sentence. */
int group_find(struct group *g, struct arena *a, struct err *e);
/* Asks LVM of exactly these. *in and *rows are in `a`. 0; -EOPNOTSUPP: there is no LVM; -EIO: LVM
 * tells of any error, since what it cannot read it may take for something that is not there;
 * another negative errno; each with a sentence. */
int group_read(const struct group *g, struct arena *a, struct lvm_input *in, struct lvm_rows *rows,
               struct err *e);

#endif
