/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of device-mapper that are LVs', by their UUIDs. Pure. */
#ifndef MUSTER_COLLECT_PARSE_LVM_MAPPED_H
#define MUSTER_COLLECT_PARSE_LVM_MAPPED_H

#include "collect/parse_dm.h"
#include "collect/parse_lvm.h"

enum { MAPPED_PREFIX_TEXT = 37 }; /* with the NUL */
/* "LVM-" and the UUID of the volume group without its hyphens: with this the UUIDs of the devices
 * of its LVs begin. "" for what is no UUID. */
void mapped_prefix(const char *group, char out[MAPPED_PREFIX_TEXT]);
/* Whether a UUID that begins like this, and names an LV, is of this one: of its device or, with a
 * suffix, of a layer of it. */
bool mapped_is_lvs(const char *uuid, const char *volume);
/* Whether it is as long as one that names an LV. */
bool mapped_names_lv(const char *uuid);

/* What LVM reports of what lies on devices. */
struct mapped_lvm {
    const struct lv *lvs;
    size_t lv_count;
    const struct lvm_tables *tables;
};

/* What a device of an LV is to the metadata. */
enum mapped_state {
    MAPPED_AS_IT_IS_TO_BE,
    /* Suspended, or with another table than the metadata say. Of what is not linear, nor an origin
     * or a snapshot, only LVM's word is known, which compares sizes. */
    MAPPED_IS_OLD,
    /* An origin, with a table that writes past its snapshots, or the store of one, with a table as
     * if it were none: the snapshot was made where the origin was active, and a store that two
     * hosts write to is lost. */
    MAPPED_IS_BARE,
};
enum mapped_state mapped_compare(const struct lv *lv, const struct lvm_tables *tables,
                                 const struct dm_text *map);
bool mapped_is_origin(const struct lv *lv); /* it has snapshots that lie on sectors of their own */
/* What an LV is of which the state is MAPPED_IS_BARE. */
const char *mapped_bare_text(const struct lv *lv);

/* Sets the field fault of the volume groups whose devices are not as their metadata say. */
void mapped_faults(struct rows *r, const struct dm_text *maps, size_t map_count,
                   const struct mapped_lvm *lvm, struct vg *vgs, size_t vg_count);

#endif
