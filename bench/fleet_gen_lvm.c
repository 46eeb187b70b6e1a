/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PVs, VGs and LVs of a simulated host: what LVM would report of the LUNs that it sees. No LV is
 * active. */
#include <errno.h>

#include "fleet_gen_internal.h"

enum { EXTENT_BYTES = 4 << 20, EXTENTS = 25600, LV_EXTENTS = 256 };
enum { SALT_PV = 1 << 17, SALT_VG, SALT_LV };

/* A volume group of a masking group, as one host sees it. */
struct group {
    const struct fleet_shape *s;
    const struct fleet_state *state;
    uint32_t group, vg;
    uint32_t here; /* PVs that it sees */
};

static uint32_t lun_of(const struct group *g, uint32_t pv)
{
    return g->s->filesystems + g->vg * g->s->pvs + pv;
}

/* As LVM writes one: 6-4-4-4-4-4-6 letters and digits. */
static const char *lvm_uuid(const struct group *g, uint64_t salt, uint32_t no, struct arena *a)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const uint8_t parts[] = { 6, 4, 4, 4, 4, 4, 6 };
    uint64_t r = fleet_mix(g->s->seed ^ fleet_mix(salt << 32 | g->group)) ^
                 fleet_mix((uint64_t)g->vg << 32 | no);
    char text[39], *p = text;

    for (size_t i = 0; i < sizeof parts; i++) {
        for (unsigned k = 0; k < parts[i]; k++) {
            r = fleet_mix(r);
            *p++ = letters[r % (sizeof letters - 1)];
        }
        *p++ = '-';
    }
    p[-1] = '\0';
    return arena_strdup(a, text);
}

static const char *name_of(const struct group *g, struct arena *a)
{
    return arena_printf(a, "vg-g%02u-%u", g->group, g->vg);
}

static void pv_row(const struct group *g, uint32_t pv, struct arena *a, struct pv *r)
{
    uint32_t lun = lun_of(g, pv);
    bool here = fleet_lun_is_mapped(g->state, lun);

    REC_SET(r, pv, uuid, lvm_uuid(g, SALT_PV, pv, a));
    if (here) {
        REC_SET(r, pv, container, fleet_wwid(g->s, g->group, lun, a));
        REC_SET(r, pv, device, fleet_map_device(lun, a));
    }
    REC_SET(r, pv, vg_uuid, lvm_uuid(g, SALT_VG, 0, a));
    REC_SET(r, pv, vg_name, name_of(g, a));
    REC_SET(r, pv, format, "lvm2");
    REC_SET(r, pv, attr, here ? "a--" : "a-m");
    REC_SET(r, pv, size_bytes, (uint64_t)EXTENTS * EXTENT_BYTES);
    REC_SET(r, pv, extents, EXTENTS);
    REC_SET(r, pv, missing, !here);
}

static void vg_row(const struct group *g, struct arena *a, struct vg *r)
{
    uint64_t extents = (uint64_t)EXTENTS * g->s->pvs, used = (uint64_t)LV_EXTENTS * g->s->lvs;

    REC_SET(r, vg, uuid, lvm_uuid(g, SALT_VG, 0, a));
    REC_SET(r, vg, name, name_of(g, a));
    REC_SET(r, vg, attr, g->here < g->s->pvs ? "wz-pn-" : "wz--n-");
    REC_SET(r, vg, size_bytes, extents * EXTENT_BYTES);
    REC_SET(r, vg, free_bytes, (extents - used) * EXTENT_BYTES);
    REC_SET(r, vg, extent_bytes, EXTENT_BYTES);
    REC_SET(r, vg, extents, extents);
    REC_SET(r, vg, extents_free, extents - used);
    REC_SET(r, vg, pvs, g->s->pvs);
    REC_SET(r, vg, pvs_missing, g->s->pvs - g->here);
    REC_SET(r, vg, lvs, g->s->lvs);
    REC_SET(r, vg, snapshots, 0);
    REC_SET(r, vg, seqno, 1 + g->s->lvs);
    REC_SET(r, vg, metadata_digest,
            arena_printf(a, "%016llx%016llx",
                         (unsigned long long)fleet_mix(g->s->seed + g->group + g->vg),
                         (unsigned long long)fleet_mix(g->s->seed ^ g->group ^ g->vg)));
    REC_SET(r, vg, partial, g->here < g->s->pvs);
    REC_SET(r, vg, paths_active, g->here);
    REC_SET(r, vg, paths_total, g->s->pvs);
}

/* LVs go round the PVs. */
static int lv_row(const struct group *g, uint32_t lv, struct arena *a, struct lv *r)
{
    uint32_t pv = lv % g->s->pvs;
    bool here = fleet_lun_is_mapped(g->state, lun_of(g, pv));
    const char **pvs = arena_array(a, 1, sizeof *pvs);

    if (pvs == NULL)
        return -ENOMEM;
    pvs[0] = lvm_uuid(g, SALT_PV, pv, a);
    REC_SET(r, lv, uuid, lvm_uuid(g, SALT_LV, lv, a));
    REC_SET(r, lv, name, arena_printf(a, "guest%u", lv));
    REC_SET(r, lv, vg_uuid, lvm_uuid(g, SALT_VG, 0, a));
    REC_SET(r, lv, vg_name, name_of(g, a));
    REC_SET(r, lv, attr, here ? "-wi-------" : "-wi-----p-");
    REC_SET(r, lv, size_bytes, (uint64_t)LV_EXTENTS * EXTENT_BYTES);
    REC_SET(r, lv, type, "linear");
    REC_SET(r, lv, pvs, ((struct strs){ pvs, 1 }));
    REC_SET(r, lv, active, false);
    REC_SET(r, lv, paths_active, here);
    REC_SET(r, lv, paths_total, 1);
    return 0;
}

static int group_rows(const struct group *g, struct arena *a, struct section *out)
{
    int rc = 0;

    if (out->id == SECTION_PVS) {
        for (uint32_t i = 0; i < g->s->pvs; i++)
            pv_row(g, i, a, (struct pv *)out->rows + out->row_count++);
    } else if (out->id == SECTION_VGS) {
        vg_row(g, a, (struct vg *)out->rows + out->row_count++);
    } else {
        for (uint32_t i = 0; rc == 0 && i < g->s->lvs; i++)
            rc = lv_row(g, i, a, (struct lv *)out->rows + out->row_count++);
    }
    return rc;
}

int fleet_lvm_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                   struct arena *a, struct section *out)
{
    size_t each = out->id == SECTION_PVS ? s->pvs : out->id == SECTION_VGS ? 1 : s->lvs;
    int rc = 0;

    out->rows = arena_array(a, s->vgs * each, section_descs[out->id].row->size);
    if (out->rows == NULL)
        return -ENOMEM;
    for (uint32_t v = 0; rc == 0 && v < s->vgs; v++) {
        struct group g = { .s = s, .state = state, .group = fleet_group(s, index), .vg = v };

        for (uint32_t i = 0; i < s->pvs && fleet_paths_active(s, state) > 0; i++)
            g.here += fleet_lun_is_mapped(state, lun_of(&g, i));
        if (g.here > 0)
            rc = group_rows(&g, a, out);
    }
    return rc;
}
