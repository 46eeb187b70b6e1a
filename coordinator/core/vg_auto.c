/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volume groups whose LVs something of a node activates by itself, at boot or when their PVs
 * appear: where muster says on which node an LV is active, nothing else may. */
#include <errno.h>

#include "core/core_internal.h"
#include "core/query.h"

/* ---- who does it ---------------------------------------------------------------------------- */

bool vg_is_activated_by(const struct edge *e)
{
    return e->state != EDGE_LOST && e->sightings != NULL && e->sightings->seen.active &&
           e->node->row.admission == NODE_APPROVED;
}

static bool is_ours(const struct resource *r)
{
    return r->kind == RESOURCE_VG && r->seat != NULL && r->seat->scan != NULL &&
           r->seat->scan->admitted;
}

int vg_auto_status(struct answer *q, struct status_info *s)
{
    const struct edge *first = NULL;
    const struct resource *r;
    const char *text, *rest;
    uint64_t count = 0;
    size_t it = 0;

    while ((r = map_next(q->c->resources, &it)) != NULL) {
        for (const struct edge *e = is_ours(r) ? r->edges : NULL; e != NULL; e = e->next) {
            if (!vg_is_activated_by(e))
                continue;
            count++;
            if (first == NULL || e->node->row.no < first->node->row.no ||
                (e->node == first->node && r->no < first->resource->no))
                first = e;
        }
    }
    REC_SET(s, status_info, vgs_activating, count);
    if (first == NULL)
        return 0;
    rest = count == 1 ? "" : arena_printf(q->a, ", one of %llu such", (unsigned long long)count);
    text = rest == NULL
               ? NULL
               : arena_printf(q->a,
                              "%s activates LVs of volume group %s by itself%s: muster vg "
                              "autoactivation-off %s, or 'auto_activation_volume_list = []' in its "
                              "lvm.conf.",
                              first->node->row.name, first->resource->label, rest,
                              first->resource->label);
    if (text == NULL)
        return -ENOMEM;
    REC_SET(s, status_info, vgs_activating_text, text);
    return 0;
}

/* ---- who needs it --------------------------------------------------------------------------- */

/* A filesystem of the host may lie in a map, an array or a loop device that lies in an LV. */
static bool is_of_host(enum use_kind kind)
{
    return kind == USE_MOUNT || kind == USE_SWAP || kind == USE_DM || kind == USE_MD ||
           kind == USE_LOOP;
}

/* A use by the host itself of what lies in it, in a boot that is not proven over. NULL: there is
 * none, or *rc says why not. */
static const struct use_at *used_by_host(const struct coord *c, const struct resource *vg, int *rc)
{
    const struct object *o;

    *rc = 0;
    o = graph_walk(c, vg, rc);
    for (; *rc == 0 && o != NULL; o = o->next) {
        for (const struct link *l = o->uses.next; l != &o->uses; l = l->next) {
            const struct use_at *u = container_of(l, struct use_at, link);

            if ((o->roles & ROLE_DOWN) != 0 && is_of_host(use_mark_kind(u->mark)) &&
                !is_fenced(c, u->node->row.no, u->node->row.boot_id))
                return u;
        }
    }
    return NULL;
}

/* Whoever boots from it, or mounts it by itself, would not find it at its next boot. */
int vg_needed(const struct coord *c, struct arena *a, const struct vg_change_row *row,
              const struct resource *vg, const char **why)
{
    int rc = 0;
    const struct use_at *u = row->op == LVM_VG_AUTOACTIVATION_OFF ? used_by_host(c, vg, &rc) : NULL;
    const char *text = u == NULL ? NULL : use_text(a, u);

    *why = NULL;
    if (rc < 0 || u == NULL)
        return rc;
    if (text != NULL)
        *why = arena_printf(a,
                            "%s, and may not find it at its next boot; end that, or list what may "
                            "be activated in lvm.conf",
                            text);
    return *why == NULL ? -ENOMEM : 0;
}
