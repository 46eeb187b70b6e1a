/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and sizes as LVM takes them (lvm(8), "Valid names"), and what it shows of LVs. Pure. */
#ifndef MUSTER_MODEL_LVM_NAME_H
#define MUSTER_MODEL_LVM_NAME_H

#include <stdbool.h>
#include <stdint.h>

/* What is wrong with it as a name of a volume group, or (`lv`) of an LV: a part of a sentence, "is
 * longer than 127 characters". NULL: nothing. */
const char *lvm_name_fault(const char *name, bool lv);
/* The same of a size for the extents of a volume group (vgcreate(8), --physicalextentsize): "is 2
 * TiB or more". */
const char *lvm_extent_fault(uint64_t bytes);
/* By its lv_attr (lvs(8)): a snapshot that was full, and shows nothing any more. NULL: it is none.
 */
bool lvm_is_lost_snapshot(const char *attr);

#endif
