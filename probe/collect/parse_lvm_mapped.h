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
/* LVM finds the device of the LV other than the metadata say: suspended, or with another table.
 * Only of the device that has the LV's name, not of a layer. */
bool mapped_is_old(const struct lv *lv, const char *uuid);

/* Sets the field fault of the volume groups whose devices are not as their metadata say. */
void mapped_faults(struct rows *r, const struct dm_text *maps, size_t map_count, struct vg *vgs,
                   size_t vg_count, const struct lv *lvs, size_t lv_count);

#endif
