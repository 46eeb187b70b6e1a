/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fleet_gen*.c share. */
#ifndef MUSTER_FLEET_GEN_INTERNAL_H
#define MUSTER_FLEET_GEN_INTERNAL_H

#include "fleet_gen.h"

/* SplitMix64: a good mix of a counter, so that all facts follow from (seed, index) alone. */
uint64_t fleet_mix(uint64_t x);
uuid128 fleet_uuid(uint64_t seed, uint32_t index, uint64_t salt);

/* Sections of the kinds net, storage and lvm; `out` has the id, and gets the rows. 0, -ENOMEM. */
int fleet_net_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                   struct arena *a, struct section *out);
int fleet_storage_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                       struct arena *a, struct section *out);
int fleet_lvm_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                   struct arena *a, struct section *out);
const char *fleet_mac(struct arena *a, uint32_t index, uint32_t nic);

/* ---- of a masking group: what its LUNs are */
static inline uint32_t fleet_group(const struct fleet_shape *s, uint32_t index)
{
    return index / s->group;
}

/* "naa.6..." */
const char *fleet_wwid(const struct fleet_shape *s, uint32_t group, uint32_t lun, struct arena *a);
/* Paths of the host to any of its LUNs that carry I/O, and the name that its multipath map has. */
uint32_t fleet_paths_active(const struct fleet_shape *s, const struct fleet_state *state);
bool fleet_lun_is_mapped(const struct fleet_state *state, uint32_t lun);
const char *fleet_map_device(uint32_t lun, struct arena *a);

#endif
