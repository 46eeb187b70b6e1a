/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LVM's JSON reports into the rows of PVs, VGs and LVs. Pure.
 *
 * Asked for in JSON (`--reportformat json`), bytes without a suffix, yes and no as 1 and 0
 * (`--binary`, -1: not known) and hidden LVs without brackets (report/mark_hidden_devices=0): see
 * lvmreport(7). */
#ifndef MUSTER_COLLECT_PARSE_LVM_H
#define MUSTER_COLLECT_PARSE_LVM_H

#include "base/err.h"
#include "collect/rows.h"
#include "model/sections.h"

/* What `lvm fullreport --all` is asked for, by kind of report. */
#define LVM_VG_FIELDS                                                                       \
    "vg_uuid,vg_name,vg_attr,vg_size,vg_free,vg_extent_size,vg_extent_count,vg_free_count," \
    "pv_count,vg_missing_pv_count,lv_count,snap_count,vg_seqno,vg_systemid,vg_lock_type,"   \
    "vg_lock_args,vg_exported,vg_partial,vg_tags,vg_permissions,vg_extendable,"             \
    "vg_allocation_policy,vg_profile,vg_mda_copies,max_lv,max_pv,vg_autoactivation"
#define LVM_PV_FIELDS                                                                        \
    "pv_uuid,pv_name,pv_major,pv_minor,pv_fmt,pv_attr,pv_size,pv_free,dev_size,pv_pe_count," \
    "pv_pe_alloc_count,pv_mda_used_count,pv_tags,pv_missing,pv_allocatable,pe_start"
#define LVM_LV_FIELDS                                                                        \
    "lv_uuid,lv_name,lv_attr,lv_size,lv_layout,lv_role,origin,pool_lv,data_lv,metadata_lv,"  \
    "mirror_log,convert_lv,move_pv_uuid,lv_tags,lv_health_status,lv_active,lv_suspended,"    \
    "lv_device_open,lv_kernel_major,lv_kernel_minor,lv_allocation_policy,"                   \
    "lv_allocation_locked,lv_fixed_minor,lv_major,lv_minor,lv_skip_activation,lv_when_full," \
    "lv_lockargs,lv_profile"
#define LVM_SEG_FIELDS                                                                       \
    "lv_uuid,segtype,seg_start_pe,seg_size_pe,devices,metadata_devices,stripes,stripe_size," \
    "region_size,chunk_size,zero,discards,transaction_id,thin_id,cache_mode,seg_tags"
#define LVM_PVSEG_FIELDS "pv_uuid,pvseg_start,pvseg_size,lv_uuid"
/* What `pvs --all --select pv_duplicate=1` is asked for: fullreport leaves those out that LVM does
 * not use. */
#define LVM_DUPLICATE_FIELDS \
    "pv_uuid,pv_name,pv_major,pv_minor,pv_fmt,pv_attr,dev_size,pv_duplicate,vg_uuid,vg_name"

/* LVM's library tells everything through one callback, whatever level it was asked for. The lines
 * of a report have the level of warnings: the source file tells them apart. */
enum lvm_message {
    LVM_MESSAGE_OTHER, /* warnings, and what only a debugger wants */
    LVM_MESSAGE_REPORT,
    LVM_MESSAGE_ERROR,
};
enum lvm_message lvm_message_kind(int level, const char *file);

/* A device that LVM was allowed to read. */
struct lvm_device {
    const char *path;      /* "/dev/sda" */
    const char *name;      /* "sda" */
    const char *devnum;    /* "8:0" */
    const char *container; /* what it is in the inventory: the key of a LUN, "lv.UUID", ... */
};

struct lvm_input {
    struct bytes report;     /* of fullreport */
    struct bytes duplicates; /* of pvs; may be empty: there are none */
    const struct lvm_device *devices;
    size_t device_count;
    bool device_mapper; /* the kernel has it, and LVM may ask it. False: no LV is active */
};

/* What the metadata say of the device of an LV that is active here: "START COUNT linear MAJOR:MINOR
 * SECTOR" and an end of line for each segment, as device-mapper writes it. NULL: it is not linear,
 * or lies on what is not here. Of an origin and of a snapshot this is the table of the layer below
 * it. */
struct lvm_table {
    const char *lv_uuid, *text;
};

struct lvm_tables {
    struct lvm_table *v;
    size_t n;
};

struct lvm_rows {
    struct pv *pvs;
    size_t pv_count;
    struct vg *vgs;
    size_t vg_count;
    struct lv *lvs; /* hidden ones too: their role says "private" */
    size_t lv_count;
    struct lvm_tables tables;
};

/* NULL: there is none. */
const char *lvm_table_of(const struct lvm_tables *v, const char *volume);
/* Whether a device with this table has all its sectors where `wanted` (an lvm_table) has them. */
bool lvm_table_is(struct bytes table, const char *wanted);
/* Whether its first target is of this type. */
bool lvm_table_has_target(struct bytes table, const char *type);

/* Rows without a UUID, or with one that came before, are left out. 0; -ENOMEM; -EBADMSG with a
 * sentence: not such JSON. */
int parse_lvm(const struct lvm_input *in, struct arena *a, struct lvm_rows *out, struct err *e);

#endif
