/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an order, and the volume group as it is, to what is to be done: nothing, since it is so
 * already; nothing, since it must not; or commands of LVM. Pure.
 *
 * How a later attempt knows what an earlier one has done. What LVM can tag in the command that
 * makes it carries the order's tag: a VG, an LV. A PV that was made for the order has
 * the UUID that follows from the tag and its container. LVM cannot tag in the command that
 * extends, reduces, renames or removes, and a command more would be a second version of the
 * metadata, between which and the first a worker can die; so there the version tells: each of
 * these commands makes exactly one, and if the metadata are no more than CHANGE_VERSIONS after the
 * one of the order and say what was asked for, of the object with the order's UUID, it is done. */
#ifndef MUSTER_CHANGE_PARSE_PLAN_H
#define MUSTER_CHANGE_PARSE_PLAN_H

#include "base/arena.h"
#include "base/err.h"
#include "collect/parse_lvm_free.h"
#include "wire/messages.h"

enum {
    CHANGE_VERSIONS = 3,          /* the change, and repairs of metadata areas that lag behind */
    CHANGE_WIPE_BYTES = 1 << 20,  /* at both ends of each run of extents that becomes an LV */
    CHANGE_EXTENT_BYTES = 4 << 20 /* of a new VG */
};

/* What is on a device of the change now, as libblkid reads it. */
struct change_label {
    const char *pv_uuid; /* NULL: it is no PV */
    const char *holds;   /* another signature, or a partition table; NULL: none */
};

struct change_state {
    const struct lvm_change *change;
    const struct change_label *labels; /* one for each of its devices */
    const struct lvm_rows *rows;       /* what LVM reports of these devices */
    const struct lvm_run *runs;        /* of the order's VG, if it is there */
    size_t run_count;
    bool device_mapper;
    bool bare; /* the origin is active here, and writes past the snapshot that was made */
};

/* Bytes of a device that are to be zero before the first command. */
struct change_wipe {
    size_t device; /* of the change's */
    uint64_t start_bytes, size_bytes;
};

/* Commands of LVM without its general options: "lvcreate -y ...". */
struct change_plan {
    const struct change_wipe *wipes;
    size_t wipe_count;
    const char **before; /* write labels of PVs, and no metadata of the VG */
    size_t before_count;
    const char *command; /* writes the metadata, once; NULL: that is done already */
    const char *mapping; /* writes them again, and gives devices their tables; NULL: none */
    const char *after;   /* takes labels away; NULL: nothing is left to do */
    const char *undo;    /* of `before`, if the command changes nothing; NULL: nothing */
    const struct change_device **fresh; /* that become PVs: nobody may have them open */
    size_t fresh_count;
};

enum change_next {
    CHANGE_IS_DONE = 1,
    CHANGE_TO_DO = 2, /* *out says how */
};

/* The same for what is asked for, before anything is read: -EINVAL with a sentence. */
int change_check(const struct lvm_order *o, bool device_mapper, struct err *e);
/* Whether what lies on device `i` may be there: 0 or -EINVAL with a sentence. */
int change_check_label(const struct lvm_change *c, size_t i, const struct change_label *label,
                       struct err *e);
/* enum change_next; -EINVAL with a sentence (refused: nothing has changed, and again nothing
 * would); -ENOMEM. In `a`. */
int change_next(const struct change_state *s, struct arena *a, struct change_plan *out,
                struct err *e);

/* How it ends when the metadata were read and it must not be made: refused, unless an earlier
 * attempt has left something of it. */
enum lvm_outcome change_not_made(const struct change_state *s);

/* The VG that the order is about; NULL: it is not there. */
const struct vg *change_vg(const struct change_state *s);
/* The LV of which a snapshot is made; NULL: there is none. */
const struct lv *change_origin(const struct change_state *s);
/* An LV that an earlier attempt has made to become the snapshot's store, and that is none yet;
 * NULL: there is none. */
const struct lv *change_store(const struct change_state *s);
/* The LV that was made or changed; NULL: none. */
const struct lv *change_lv(const struct change_state *s);

#endif
