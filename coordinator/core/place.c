/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of nodes: those that can have each need, and what follows for all needs together. */
#include "core/place.h"

#include <errno.h>

#include "base/bits.h"
#include "core/core_internal.h"

/* ---- one need ------------------------------------------------------------------------------- */

/* Nearly always all nodes have one version, and then the nodes that see it are those that fit. */
static bool is_split(const struct resource *vg)
{
    return vg != NULL && vg->others > 0;
}

static void leave_out_stale(uint64_t *fit, const struct resource *vg)
{
    for (const struct edge *e = vg->edges; e != NULL; e = e->next) {
        if (version_is_other(e))
            bits_put(fit, e->node->slot, false);
    }
}

/* What ends that somebody else has it. */
static const char *mend_of(struct arena *a, const struct verdict *v)
{
    const char *node = v->node != NULL ? v->node->row.name : NULL;

    if (node == NULL)
        return "'muster status' says what it waits for";
    switch (v->way) {
    case WAY_USED:
        return arena_printf(a, "End that on %s, or place it there", node);
    case WAY_ACTIVE:
        return arena_printf(a, "Place it on %s, or: muster lv deactivate", node);
    case WAY_HELD:
        return arena_printf(a, "Place it on %s, or wait until that is done: muster hold list",
                            node);
    default:
        return arena_printf(a, "Is %s up? If it is off for good: muster node declare-dead %s", node,
                            node);
    }
}

static int find_bar(const struct place *p, const struct resource *r, const struct node *n,
                    struct place_bar *out, const struct node **by)
{
    struct verdict v;
    int rc = conflict(p->c, p->a, r, WANT_PLACE, n, &v);

    *by = v.node;
    if (rc < 0 || v.way == WAY_FREE)
        return rc;
    *out = (struct place_bar){ v.text, mend_of(p->a, &v) };
    return out->mend == NULL ? -ENOMEM : 0;
}

/* Who has an LV active, or may write to it or to what is in it, keeps all others from it. What is
 * shared by its nature, a network, LUN or VG, nobody has. */
static int find_taker(const struct place *p, struct place_need *need)
{
    const struct resource *r = need->carrier;
    const struct node *other;
    int rc;

    if (r->kind != RESOURCE_LV && r->kind != RESOURCE_FILESYSTEM)
        return 0;
    rc = find_bar(p, r, NULL, &need->bar, &need->taker);
    return rc < 0 || need->taker == NULL ? rc
                                         : find_bar(p, r, need->taker, &need->taker_bar, &other);
}

/* Of those that see it, who can have it. */
static int narrow(const struct place *p, struct place_need *need)
{
    uint64_t *fit = arena_memdup(p->a, need->fit, p->words * sizeof *fit);

    if (fit == NULL)
        return -ENOMEM;
    if (is_split(need->vg))
        leave_out_stale(fit, need->vg);
    if (need->bar.text != NULL) {
        bool takes =
            need->taker != NULL && need->taker_bar.text == NULL && bits_has(fit, need->taker->slot);

        memset(fit, 0, p->words * sizeof *fit);
        if (takes)
            bits_put(fit, need->taker->slot, true);
    }
    need->fit = fit;
    return 0;
}

static int need_begin(const struct place *p, struct place_need *need, struct resource *r)
{
    struct resource *carrier = resource_carrier(r);
    const struct seers *s = seers_of(p->c, carrier);
    int rc;

    if (s == NULL)
        return -ENOMEM;
    *need = (struct place_need){
        .resource = r, .carrier = carrier, .fit = s->seen, .degraded = s->degraded
    };
    need->vg = carrier->kind == RESOURCE_VG ? carrier : activation_vg(carrier);
    rc = find_taker(p, need);
    return rc == 0 && (need->bar.text != NULL || is_split(need->vg)) ? narrow(p, need) : rc;
}

int place_begin(struct place *p, struct coord *c, struct arena *a, struct resource *const *list,
                size_t n)
{
    int rc = 0;

    *p = (struct place){ .c = c, .a = a, .words = bits_words(c->slot_count) };
    p->words = (p->words + SLOT_STEP - 1) / SLOT_STEP * SLOT_STEP;
    while (rc == 0 && p->need_count < n) {
        rc = need_begin(p, &p->needs[p->need_count], list[p->need_count]);
        p->need_count++;
    }
    return rc;
}

/* ---- all of them ---------------------------------------------------------------------------- */

_Static_assert(SLOT_STEP == 4, "as many words as are taken at a time");

/* Several words at a time: one alone costs more in looking up whose it is than in the AND. */
size_t place_eligible(const struct place *p, uint64_t *set)
{
    for (size_t w = 0; w < p->words; w += SLOT_STEP) {
        const uint64_t *in = p->c->placeable + w;
        uint64_t a = in[0], b = in[1], c = in[2], d = in[3];

        for (size_t i = 0; i < p->need_count; i++) {
            in = p->needs[i].fit + w;
            a &= in[0];
            b &= in[1];
            c &= in[2];
            d &= in[3];
        }
        set[w] = a;
        set[w + 1] = b;
        set[w + 2] = c;
        set[w + 3] = d;
    }
    return bits_count(set, p->words);
}

/* Turns the bit over in the masks of those that are in the set; `not`: that are not. */
static void turn(const struct place *p, uint64_t *masks, const uint64_t *set, bool not,
                 uint64_t bit)
{
    for (size_t w = 0; w < p->words; w++) {
        for (uint64_t left = not ? ~set[w] : set[w]; left != 0; left &= left - 1)
            masks[w * BITS_A_WORD + (unsigned)__builtin_ctzll(left)] ^= bit;
    }
}

/* All masks begin with the bits that most nodes have, so that only few are turned over: of a set
 * that few nodes are in, theirs; of one that most are in, those of the others. */
void place_masks(const struct place *p, uint64_t *masks)
{
    size_t all = p->words * BITS_A_WORD;
    const uint64_t *sets[1 + LIMIT_NEEDS] = { p->c->placeable };
    bool few[1 + LIMIT_NEEDS];
    uint64_t most = 0;

    for (size_t i = 0; i <= p->need_count; i++) {
        if (i > 0)
            sets[i] = p->needs[i - 1].fit;
        few[i] = 2 * bits_count(sets[i], p->words) < all;
        most |= few[i] ? PLACE_OUT << i : 0;
    }
    for (size_t i = 0; i < all; i++)
        masks[i] = most;
    for (size_t i = 0; i <= p->need_count; i++)
        turn(p, masks, sets[i], !few[i], PLACE_OUT << i);
    for (size_t i = 0; i < p->need_count; i++)
        turn(p, masks, p->needs[i].degraded, false, PLACE_DEGRADED(i));
}
