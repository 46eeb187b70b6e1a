/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where an LV has a device. Who has the right to have it active extends it. A snapshot is kept by
 * the kernel that writes to its origin: it is made where the origin is active, and where it is
 * active twice there is none, since neither would keep what the other overwrites. */
#include <errno.h>

#include "base/guard.h"
#include "core/core_internal.h"

/* The device of an LV is the port through which a node sees it. A boot that is proven over has
 * none.
 */
static bool is_active(const struct coord *c, const struct edge *e)
{
    const struct node *n = e->node;

    return e->sightings != NULL && e->sightings->seen.port[0] != '\0' &&
           n->row.admission != NODE_PENDING && !is_fenced(c, n->row.no, n->row.boot_id);
}

int vg_where_active(const struct coord *c, struct arena *a, const struct vg_change_row *row,
                    struct node **only, const char **why)
{
    bool snapshot = GUARD(SNAPSHOT_WHERE, row->op == LVM_LV_SNAPSHOT);
    const struct resource *lv = snapshot || row->op == LVM_LV_EXTEND ? vg_lv_of(c, row) : NULL;
    const struct lease *right = activation_right(lv);
    const struct node *second = NULL;
    uint32_t count = right != NULL;

    *only = right == NULL ? NULL : right->node;
    *why = NULL;
    for (const struct edge *e = lv == NULL || !snapshot ? NULL : lv->edges; e != NULL;
         e = e->next) {
        if (!is_active(c, e) || e->node == *only)
            continue;
        count++;
        if (*only == NULL || (right == NULL && e->node->row.no < (*only)->row.no)) {
            second = *only;
            *only = e->node;
        } else if (second == NULL || e->node->row.no < second->row.no) {
            second = e->node;
        }
    }
    if (!GUARD(SNAPSHOT_TWICE, second != NULL))
        return 0;
    *why = arena_printf(a,
                        "LV %s/%s is active on %s and %s%s: a snapshot is kept by the one node "
                        "that writes to its origin",
                        row->vg, row->lv, (*only)->row.name, second->row.name,
                        count > 2 ? " and others" : "");
    return *why == NULL ? -ENOMEM : 0;
}
