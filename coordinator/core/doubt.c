/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with the identity of a resource, in sentences, and what it must not be used
 * together with. Made when asked for, from what twin.c and version.c keep. */
#include <errno.h>

#include "core/core_internal.h"

enum { DOUBTS_MOST = 64 };

int doubts_add(struct doubts *d, const char *text)
{
    if (text == NULL)
        return -ENOMEM;
    if (d->v == NULL) {
        d->v = arena_array(d->a, DOUBTS_MOST, sizeof *d->v);
        if (d->v == NULL)
            return -ENOMEM;
    }
    if (d->n < DOUBTS_MOST - 1)
        d->v[d->n++] = text;
    else
        d->v[DOUBTS_MOST - 1] = "There is still more in doubt."; /* and d->n is one less */
    return 0;
}

/* Of what lies on a LUN or LV: a PV with several labels is in the class that comes first. */
static int pv_fill(const struct coord *c, struct arena *a, const struct resource *r,
                   struct doubts *d, const char **class)
{
    struct pv_root *root = twin_root(c, r);

    for (struct link *l = root != NULL ? root->list.next : NULL; l != NULL && l != &root->list;
         l = l->next) {
        const struct twin *w = container_of(l, struct twin, on_root);
        const char *one;
        int rc = w->of->count > 1 ? twin_class(c, a, w, &one) : 1;

        if (rc == 1)
            continue;
        if (rc == 0 && one != NULL && (*class == NULL || strcmp(one, *class) < 0))
            *class = one;
        rc = rc < 0 ? rc : twin_doubts(c, a, w, d);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int doubts_fill(const struct coord *c, struct arena *a, const struct resource *r,
                struct resource_info *out)
{
    struct doubts d = { .a = a };
    const char *class = NULL, *version = NULL;
    int rc = 0;

    if (r->kind == RESOURCE_NETWORK || r->kind == RESOURCE_IMAGE)
        return 0;
    if (r->twin != NULL && r->twin->of->count > 1) {
        rc = twin_class(c, a, r->twin, &class);
        if (rc == 0)
            rc = twin_doubts(c, a, r->twin, &d);
    }
    if (rc == 0)
        rc = pv_fill(c, a, r, &d, &class);
    if (rc == 0)
        rc = version_doubt(a, r, &version);
    if (rc == 0 && version != NULL)
        rc = doubts_add(&d, version);
    if (rc < 0)
        return rc;
    if (class != NULL)
        REC_SET(out, resource_info, conflict_class, class);
    if (d.n > 0)
        REC_SET(out, resource_info, doubts, ((struct strs){ d.v, d.n }));
    return 0;
}
