/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device that leads to another LUN than in the report before. It is told only of a device that
 * has stayed, in one boot and at one address, from one report to the next: one that was removed and
 * came back is missing in between, and one whose name another has taken has another address. A LUN
 * that is named by another kind of identifier than before is the same one, better or worse known.
 * The old resource loses this path by its own row, the new one gains it: the two are never merged.
 */
#include <errno.h>
#include <stdio.h>

#include "core/core_internal.h"

enum { REMAPS_MOST = 16 }; /* told by themselves in one report */

struct remap {
    const struct resource *was;
    const struct path *now; /* the first of them */
    uint32_t paths;
};

struct remaps {
    struct remap v[REMAPS_MOST];
    uint32_t n, more;
};

static const struct resource *lun_by_mark(const struct node *n, uint32_t mark)
{
    for (uint32_t i = 0; i < n->edge_count; i++) {
        const struct resource *r = n->edges[i]->resource;

        if (r->kind == RESOURCE_LUN && (uint32_t)text_mark(r->key) == mark)
            return r;
    }
    return NULL;
}

static bool same_kind(const char *a, const char *b)
{
    size_t n = strcspn(a, ".");

    return n == strcspn(b, ".") && strncmp(a, b, n) == 0;
}

int remap_note(struct step *s, struct node *n, struct remaps **list, const struct path *now,
               uint64_t was)
{
    uint64_t is = path_mark(now);
    const struct resource *r;
    struct remaps *l;

    if (was == 0 || is == 0 || was == is || was >> 32 != is >> 32)
        return 0;
    r = lun_by_mark(n, (uint32_t)was);
    if (r == NULL || r->owner != NULL || !same_kind(r->key, now->lun))
        return 0;
    if (*list == NULL)
        *list = arena_zalloc(s->u->arena, sizeof **list);
    l = *list;
    if (l == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->v[i].was == r && strcmp(l->v[i].now->lun, now->lun) == 0) {
            l->v[i].paths++;
            return 0;
        }
    }
    if (l->n < REMAPS_MOST)
        l->v[l->n++] = (struct remap){ r, now, 1 };
    else
        l->more++;
    return 0;
}

int remaps_tell(struct step *s, struct node *n, const struct remaps *list)
{
    int rc = 0;

    for (uint32_t i = 0; list != NULL && rc == 0 && i < list->n; i++) {
        const struct remap *m = &list->v[i];
        char label[200], more[48] = "";

        rc = event_due_of_node(s, n);
        if (rc != 1)
            continue;
        if (m->paths > 1)
            snprintf(more, sizeof more, ", and %u more of its paths do", m->paths - 1);
        resource_label_in(m->was, label, sizeof label);
        rc = event(s, "lun.remapped", SEVERITY_WARNING, n, m->was,
                   "%s: device %s at address %s led to LUN %s and leads to %s now%s: it was mapped "
                   "anew under a device that is in use.",
                   n->row.name, m->now->device, m->now->address, label, m->now->lun, more);
    }
    if (rc == 0 && list != NULL && list->more > 0)
        rc = event(s, "lun.remapped", SEVERITY_WARNING, n, NULL,
                   "%s: %u more devices lead to other LUNs than before.", n->row.name, list->more);
    return rc;
}
