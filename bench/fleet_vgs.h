/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The volume groups on the shared LUNs of a simulated fleet: what every host that sees them reads,
 * and what the fake executor of a change writes. There is one copy of each, as on real disks. */
#ifndef MUSTER_FLEET_VGS_H
#define MUSTER_FLEET_VGS_H

#include "base/arena.h"
#include "fleet_shape.h"
#include "wire/messages.h"

enum {
    FLEET_LVM_UUID = 39, /* bytes of the text of LVM's UUIDs */
    FLEET_EXTENT_BYTES = 4 << 20,
    FLEET_PV_EXTENTS = 25600,
};

struct fleet_lv {
    char name[128], uuid[FLEET_LVM_UUID];
    uint32_t pv; /* where all of it lies, from 0 */
    uint64_t extents;
};

struct fleet_vg {
    char name[32], uuid[FLEET_LVM_UUID];
    uint64_t seqno;
    char digest[33];
    struct fleet_lv *lvs;
    uint32_t lv_count, made; /* made: LVs that there have ever been */
    char tag[48];            /* of the order that has made this version; "": none */
};

struct fleet_vgs;

/* All volume groups of a fleet of so many hosts, as the shape says. NULL: out of memory. */
struct fleet_vgs *fleet_vgs_new(const struct fleet_shape *s, uint32_t nodes);
void fleet_vgs_free(struct fleet_vgs *v);
/* `vg`: from 0, of the masking group. */
const struct fleet_vg *fleet_vg(const struct fleet_vgs *v, uint32_t group, uint32_t vg);
void fleet_pv_uuid(const struct fleet_vgs *v, uint32_t group, uint32_t vg, uint32_t pv,
                   char out[FLEET_LVM_UUID]);

/* The fake executor: what a worker of kind change would do and answer, on a host of the masking
 * group. It makes, resizes, renames and removes LVs, and refuses all else. 0, -ENOMEM. */
int fleet_vg_change(struct fleet_vgs *v, uint32_t group, const struct lvm_order *o, struct arena *a,
                    struct lvm_result *out);

#endif
