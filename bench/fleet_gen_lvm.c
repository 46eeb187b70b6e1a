/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PVs, VGs and LVs of a simulated host: what LVM would report of the LUNs that it sees. No LV is
 * active. */
#include <errno.h>

#include "fleet_gen_internal.h"
#include "fleet_vgs.h"

/* A volume group of a masking group, as one host sees it. */
struct group {
    const struct fleet_shape *s;
    const struct fleet_state *state;
    const struct fleet_vg *disk; /* what is on its PVs; its texts live as long as the fleet */
    uint32_t group, vg;
    uint32_t here; /* PVs that it sees */
};

static uint32_t lun_of(const struct group *g, uint32_t pv)
{
    return g->s->filesystems + g->vg * g->s->pvs + pv;
}

static const char *uuid_of_pv(const struct group *g, uint32_t pv, struct arena *a)
{
    char text[FLEET_LVM_UUID];

    fleet_pv_uuid(g->state->vgs, g->group, g->vg, pv, text);
    return arena_strdup(a, text);
}

static void pv_row(const struct group *g, uint32_t pv, struct arena *a, struct pv *r)
{
    uint32_t lun = lun_of(g, pv);
    bool here = fleet_lun_is_mapped(g->state, lun);

    REC_SET(r, pv, uuid, uuid_of_pv(g, pv, a));
    if (here) {
        REC_SET(r, pv, container, fleet_wwid(g->s, g->group, lun, a));
        REC_SET(r, pv, device, fleet_map_device(lun, a));
    }
    REC_SET(r, pv, vg_uuid, g->disk->uuid);
    REC_SET(r, pv, vg_name, g->disk->name);
    REC_SET(r, pv, format, "lvm2");
    REC_SET(r, pv, attr, here ? "a--" : "a-m");
    REC_SET(r, pv, size_bytes, (uint64_t)FLEET_PV_EXTENTS * FLEET_EXTENT_BYTES);
    REC_SET(r, pv, extents, FLEET_PV_EXTENTS);
    REC_SET(r, pv, missing, !here);
}

static void vg_row(const struct group *g, struct arena *a, struct vg *r)
{
    uint64_t extents = (uint64_t)FLEET_PV_EXTENTS * g->s->pvs, used = 0;

    for (uint32_t i = 0; i < g->disk->lv_count; i++)
        used += g->disk->lvs[i].extents;
    REC_SET(r, vg, uuid, g->disk->uuid);
    REC_SET(r, vg, name, g->disk->name);
    REC_SET(r, vg, attr, g->here < g->s->pvs ? "wz-pn-" : "wz--n-");
    REC_SET(r, vg, size_bytes, extents * FLEET_EXTENT_BYTES);
    REC_SET(r, vg, free_bytes, (extents - used) * FLEET_EXTENT_BYTES);
    REC_SET(r, vg, extent_bytes, FLEET_EXTENT_BYTES);
    REC_SET(r, vg, extents, extents);
    REC_SET(r, vg, extents_free, extents - used);
    REC_SET(r, vg, pvs, g->s->pvs);
    REC_SET(r, vg, pvs_missing, g->s->pvs - g->here);
    REC_SET(r, vg, lvs, g->disk->lv_count);
    REC_SET(r, vg, snapshots, 0);
    REC_SET(r, vg, seqno, g->disk->seqno);
    REC_SET(r, vg, metadata_digest, arena_strdup(a, g->disk->digest));
    REC_SET(r, vg, partial, g->here < g->s->pvs);
    REC_SET(r, vg, paths_active, g->here);
    REC_SET(r, vg, paths_total, g->s->pvs);
}

static int lv_row(const struct group *g, const struct fleet_lv *lv, struct arena *a, struct lv *r)
{
    bool here = fleet_lun_is_mapped(g->state, lun_of(g, lv->pv));
    const char **pvs = arena_array(a, 1, sizeof *pvs);

    if (pvs == NULL)
        return -ENOMEM;
    pvs[0] = uuid_of_pv(g, lv->pv, a);
    REC_SET(r, lv, uuid, arena_strdup(a, lv->uuid));
    REC_SET(r, lv, name, arena_strdup(a, lv->name));
    REC_SET(r, lv, vg_uuid, g->disk->uuid);
    REC_SET(r, lv, vg_name, g->disk->name);
    REC_SET(r, lv, attr, here ? "-wi-------" : "-wi-----p-");
    REC_SET(r, lv, size_bytes, lv->extents * FLEET_EXTENT_BYTES);
    REC_SET(r, lv, type, "linear");
    REC_SET(r, lv, pvs, ((struct strs){ pvs, 1 }));
    REC_SET(r, lv, active, false);
    REC_SET(r, lv, paths_active, here);
    REC_SET(r, lv, paths_total, 1);
    return pvs[0] == NULL || r->uuid == NULL || r->name == NULL ? -ENOMEM : 0;
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
        for (uint32_t i = 0; rc == 0 && i < g->disk->lv_count; i++)
            rc = lv_row(g, &g->disk->lvs[i], a, (struct lv *)out->rows + out->row_count++);
    }
    return rc;
}

int fleet_lvm_rows(const struct fleet_shape *s, uint32_t index, const struct fleet_state *state,
                   struct arena *a, struct section *out)
{
    uint32_t group = fleet_group(s, index);
    size_t n = 0;
    int rc = 0;

    for (uint32_t v = 0; v < s->vgs; v++)
        n += out->id == SECTION_PVS   ? s->pvs
             : out->id == SECTION_VGS ? 1
                                      : fleet_vg(state->vgs, group, v)->lv_count;
    out->rows = arena_array(a, n, section_descs[out->id].row->size);
    if (out->rows == NULL)
        return -ENOMEM;
    for (uint32_t v = 0; rc == 0 && v < s->vgs; v++) {
        struct group g = { s, state, fleet_vg(state->vgs, group, v), group, v, 0 };

        for (uint32_t i = 0; i < s->pvs && fleet_paths_active(s, state) > 0; i++)
            g.here += fleet_lun_is_mapped(state, lun_of(&g, i));
        if (g.here > 0)
            rc = group_rows(&g, a, out);
    }
    return rc;
}
