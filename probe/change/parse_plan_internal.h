/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the plan share. Nothing else includes this. Pure. */
#ifndef MUSTER_CHANGE_PARSE_PLAN_INTERNAL_H
#define MUSTER_CHANGE_PARSE_PLAN_INTERNAL_H

#include "base/buf.h"
#include "change/parse_name.h"
#include "change/parse_plan.h"

struct planning {
    const struct change_state *s;
    const struct lvm_order *o;
    const struct vg *vg; /* NULL: it is made */
    const struct lv *lv; /* NULL: it is made, or the order is about none */
    struct arena *a;
    struct change_plan *plan;
    struct buf words; /* of the command */
    struct err *e;
};

/* parse_plan.c: the parts of a command; 0 or a negative errno with a sentence. */
int plan_free_name(const struct planning *p, const char *name);
int plan_extents(const struct planning *p, uint64_t *out);
void plan_tags(struct planning *p);
/* parse_cow.c: a snapshot. */
int plan_snapshot(struct planning *p);
/* The command that gives an origin that is active here its snapshot. */
int plan_join(struct planning *p);

/* parse_done.c */
bool change_same(const char *x, const char *y);
bool change_has(const struct strs *v, const char *text);
const struct change_device *change_device_at(const struct change_state *s, size_t i);
size_t change_device_count(const struct change_state *s);
/* A device that the order names, by the container. NULL: none. */
const struct change_device *change_device_of(const struct change_state *s, const char *container);
const struct change_label *change_label_of(const struct change_state *s,
                                           const struct change_device *d);
/* That the order's LV is to have: whole extents, as LVM rounds it up. 0: that is no size for it. */
uint64_t change_size(const struct change_state *s);
const struct pv *change_pv(const struct change_state *s, const char *uuid);
const struct lv *change_lv_by_name(const struct change_state *s, const char *name);
const struct lv *change_lv_by_uuid(const struct change_state *s, const char *uuid);
/* No earlier than the order's, and no later than its change can be. It may be the order's own, for
 * another attempt is ordered with the version that is known by then. */
bool change_is_near(const struct change_state *s, const struct vg *vg);
/* What was asked for is so, by this order: its metadata; labels may be left of a removed PV. */
bool change_is_so(const struct change_state *s);
/* Labels that are left though their PVs are in no VG any more, of an order that is done. */
bool change_leaves_labels(const struct change_state *s);

/* parse_place.c: extents for a new LV, on the PVs of the order's containers in that order (none:
 * on all): the first run that holds all of it; else whole runs, PV after PV. Adds "
 * DEVICE:FIRST-LAST..." to `out`, and what is to be wiped to the plan. -EINVAL with a sentence:
 * they have not so many. */
int change_place(const struct change_state *s, uint64_t extents, struct arena *a,
                 struct change_plan *plan, struct buf *out, struct err *e);

#endif
