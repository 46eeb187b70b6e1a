/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of parse_lvm: one volume group at a time. Pure. */
#ifndef MUSTER_COLLECT_PARSE_LVM_ROWS_H
#define MUSTER_COLLECT_PARSE_LVM_ROWS_H

#include <jansson.h>

#include "collect/parse_lvm.h"

/* Texts in these are the JSON's own and live as long as it, but for those of rows. */
struct lvm_pv {
    const char *uuid;
    const char *row_uuid; /* as it is in the PV's row */
    bool missing;
};

struct lvm_lv {
    const char *uuid, *name;
    json_t *json;
};

struct lvm_seg {
    const char *lv_uuid;
    uint64_t start; /* extents */
    json_t *json;
};

/* One object of a full report. Without a VG (vg NULL) it has the PVs that are in none. */
struct lvm_group {
    struct rows *r;
    const struct lvm_input *in;
    json_t *vg, *pvsegs, *pv_list;
    const char *vg_uuid, *vg_name; /* in the arena */
    struct lvm_pv *pvs;            /* sorted by UUID */
    size_t pv_count;
    struct lvm_lv *lvs; /* sorted by UUID */
    size_t lv_count;
    struct lvm_seg *segs; /* sorted by the LV's UUID, then start */
    size_t seg_count;
};

/* A member's text; "" when there is none. */
const char *lvm_string(json_t *object, const char *name);
const char *lvm_text(struct rows *r, json_t *object, const char *name);
/* Absent for -1 and the like. */
struct opt lvm_number(json_t *object, const char *name);
bool lvm_is_true(json_t *object, const char *name);
/* The parts of a list with commas, sorted. More than LIMIT_STRINGS: none of them. */
struct strs lvm_list(struct rows *r, json_t *object, const char *name);

/* Position by UUID; the count of them when it is not there. */
size_t lvm_find_pv(const struct lvm_group *g, const char *uuid);
size_t lvm_find_lv(const struct lvm_group *g, const char *uuid);
/* The first of the LV's segments in g->segs. */
size_t lvm_first_segment(const struct lvm_group *g, const char *volume);

/* Fills the tables of `g` from an object of a full report. False: out of memory. */
bool lvm_index(struct lvm_group *g, json_t *object);

/* The device that a PV of the report is; NULL: none that LVM was told of. */
const struct lvm_device *lvm_device_of(struct rows *r, const struct lvm_input *in, json_t *pv);
/* Of an lvm_table. */
const char *lvm_table_text(const struct lvm_group *g, const char *volume);

void lvm_pv_row(const struct lvm_group *g, json_t *json, struct pv *row);
/* LVM uses one of the devices with the same PV UUID. Appends rows of the others, of which pvs told,
 * to out->pvs, and flags the row of the one. */
void lvm_duplicate_rows(struct rows *r, const struct lvm_input *in, json_t *list,
                        struct lvm_rows *out);
void lvm_lv_row(const struct lvm_group *g, const struct lvm_lv *lv, struct lv *row);
/* The PVs below each LV, through the LVs that it is made of; rows[i] is that of g->lvs[i]. */
void lvm_pvs_below(const struct lvm_group *g, struct lv *rows);
/* Of the metadata that the report shows. Left out is what depends on who looks: names of devices,
 * what is missing, what is active, what a kernel says. NULL: out of memory. */
const char *lvm_digest(const struct lvm_group *g);

#endif
