/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "places.h"

#include <criterion/criterion.h>

#include "base/bits.h"
#include "core/core_internal.h"
#include "core/place.h"

enum { SOME = 8 }; /* resources */

/* By the edge alone, and by the sentences of the conflict function. */
static bool can_have(struct place *p, const struct node *n, const struct resource *r)
{
    const struct edge *e = edge_find(n, r), *vg;
    const struct resource *in = r->kind == RESOURCE_VG ? r : activation_vg(r);
    struct verdict v = { .way = WAY_FREE };

    if (e == NULL || (edge_shown_state(e) != EDGE_OK && edge_shown_state(e) != EDGE_DEGRADED))
        return false;
    vg = in == NULL ? NULL : edge_find(n, in);
    if (vg != NULL && vg->sightings != NULL &&
        (vg->sightings->seen.size != in->size || vg->sightings->seen.mark != in->mark))
        return false;
    if (r->kind == RESOURCE_LV || r->kind == RESOURCE_FILESYSTEM)
        cr_assert_eq(conflict(p->c, p->a, r, WANT_PLACE, n, &v), 0);
    return v.way == WAY_FREE;
}

static bool is_free(const struct node *n)
{
    return n->row.admission == NODE_APPROVED && n->live == NODE_UP && n->registered &&
           !n->row.draining;
}

/* Is a reason told that keeps it from being eligible? */
static bool is_told(const struct place *p, const struct node *n, uint64_t mask)
{
    struct recs reasons;
    const struct place_reason *v;
    bool told = false;

    cr_assert_eq(place_reasons(p, n, mask, &reasons), 0);
    v = reasons.v;
    for (size_t i = 0; i < reasons.n; i++)
        told = told || strcmp(v[i].state, "degraded") != 0;
    return told;
}

static void expect_all(struct coord *c, struct resource *const *list, size_t n)
{
    struct arena *a = arena_new(0);
    uint64_t *set, *masks;
    size_t eligible, count = 0;
    struct place p;

    cr_assert_eq(place_begin(&p, c, a, list, n), 0);
    set = arena_array(a, p.words, sizeof *set);
    masks = arena_array(a, p.words * BITS_A_WORD, sizeof *masks);
    eligible = place_eligible(&p, set);
    place_masks(&p, masks);
    for (size_t i = 0; i < c->node_count; i++) {
        const struct node *x = c->nodes[i];
        bool can = is_free(x), is = bits_has(set, x->slot);

        for (size_t k = 0; k < n; k++)
            can = can && can_have(&p, x, list[k]);
        cr_assert_eq(is, can, "%s: eligible %d, by its edges %d", x->row.name, is, can);
        cr_assert_eq((masks[x->slot] & PLACE_AGAINST) == 0, can, "%s: its mask", x->row.name);
        cr_assert_eq(is_told(&p, x, masks[x->slot]), !can, "%s: its reasons", x->row.name);
        count += can;
    }
    cr_assert_eq(eligible, count);
    arena_free(a);
}

void places_expect(struct coord *c)
{
    struct resource *list[SOME], *r;
    size_t n = 0, it = 0;

    while (n < SOME && (r = map_next(c->resources, &it)) != NULL) {
        if (r->kind != RESOURCE_IMAGE)
            list[n++] = r;
    }
    for (size_t i = 0; i < n; i++) {
        expect_all(c, &list[i], 1);
        expect_all(c, &list[i], i + 1 < n ? 2 : 1);
    }
}
