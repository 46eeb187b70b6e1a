/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "core/core_internal.h"

/* ---- slots ---------------------------------------------------------------------------------- */

static int slots_grow(struct coord *c)
{
    uint32_t cap = c->slot_cap == 0 ? SLOT_STEP * BITS_A_WORD : 2 * c->slot_cap;
    struct node **slots = realloc(c->slots, cap * sizeof(struct node *));
    uint64_t *placeable;

    if (slots == NULL)
        return -ENOMEM;
    c->slots = slots;
    placeable = realloc(c->placeable, bits_words(cap) * sizeof *placeable);
    if (placeable == NULL)
        return -ENOMEM;
    memset(placeable + bits_words(c->slot_cap), 0,
           (bits_words(cap) - bits_words(c->slot_cap)) * sizeof *placeable);
    c->placeable = placeable;
    c->slot_cap = cap;
    seers_drop_all(c); /* their words end where slots ended */
    return 0;
}

int slot_take(struct coord *c, struct node *n)
{
    uint32_t at = c->slot_count;

    if (c->node_count < c->slot_count) {
        for (at = 0; c->slots[at] != NULL;)
            at++; /* one is empty */
    } else {
        if (c->slot_count == c->slot_cap && slots_grow(c) < 0)
            return -ENOMEM;
        c->slot_count++;
    }
    n->slot = at;
    c->slots[at] = n;
    return 0;
}

void slot_leave(struct coord *c, struct node *n)
{
    c->slots[n->slot] = NULL;
    bits_put(c->placeable, n->slot, false);
}

/* ---- the nodes that something may be placed on ---------------------------------------------- */

bool is_placeable(const struct node *n)
{
    return may_order(n) && !n->row.draining;
}

void placeable_settle(struct coord *c, const struct node *n)
{
    bits_put(c->placeable, n->slot, is_placeable(n));
}

/* ---- who sees a resource -------------------------------------------------------------------- */

void seers_set(struct seers *s, uint32_t slot, uint8_t shown)
{
    bits_put(s->seen, slot, shown == EDGE_OK || shown == EDGE_DEGRADED);
    bits_put(s->degraded, slot, shown == EDGE_DEGRADED);
}

static struct seers *seers_new(const struct coord *c, struct resource *r)
{
    size_t words = bits_words(c->slot_cap);
    struct seers *s = calloc(1, sizeof *s + 2 * words * sizeof(uint64_t));

    if (s == NULL)
        return NULL;
    s->resource = r;
    s->seen = (uint64_t *)(void *)(s + 1);
    s->degraded = s->seen + words;
    for (const struct edge *e = r->edges; e != NULL; e = e->next)
        seers_set(s, e->node->slot, e->shown);
    return s;
}

const struct seers *seers_of(struct coord *c, struct resource *r)
{
    if (r->seers == NULL) {
        r->seers = seers_new(c, r);
        if (r->seers == NULL)
            return NULL;
        if (c->seers_count == SEERS_MOST)
            seers_drop(c, container_of(c->seers.next, struct seers, link)->resource);
        c->seers_count++;
    } else {
        link_remove(&r->seers->link);
    }
    link_append(&c->seers, &r->seers->link);
    return r->seers;
}

void seers_drop(struct coord *c, struct resource *r)
{
    if (r->seers == NULL)
        return;
    link_remove(&r->seers->link);
    free(r->seers);
    r->seers = NULL;
    c->seers_count--;
}

void seers_drop_all(struct coord *c)
{
    while (!link_empty(&c->seers))
        seers_drop(c, container_of(c->seers.next, struct seers, link)->resource);
}

/* ---- do they agree with what they are made of? ---------------------------------------------- */

static int check_slots(const struct coord *c, struct err *e)
{
    size_t taken = 0;

    for (uint32_t i = 0; i < c->slot_count; i++) {
        const struct node *n = c->slots[i];

        taken += n != NULL;
        if (n != NULL && n->slot != i)
            return err_set(e, -EINVAL, "%s stands in another slot than its own", n->row.name);
        if (bits_has(c->placeable, i) != (n != NULL && is_placeable(n)))
            return err_set(e, -EINVAL, "%s: that something may be placed on it is wrong",
                           n != NULL ? n->row.name : "an empty slot");
    }
    return taken == c->node_count
               ? 0
               : err_set(e, -EINVAL, "%zu nodes have %zu slots", c->node_count, taken);
}

/* Each edge has its bits, and there are no others. */
static int check_sets(const struct coord *c, const struct seers *s, struct err *e)
{
    const struct resource *r = s->resource;
    size_t words = bits_words(c->slot_cap);
    char label[200];

    resource_label_in(r, label, sizeof label);
    for (const struct edge *x = r->edges; x != NULL; x = x->next) {
        bool seen = x->shown == EDGE_OK || x->shown == EDGE_DEGRADED;

        if (bits_has(s->seen, x->node->slot) != seen ||
            bits_has(s->degraded, x->node->slot) != (x->shown == EDGE_DEGRADED))
            return err_set(e, -EINVAL, "the set of nodes that see %s is wrong about %s", label,
                           x->node->row.name);
    }
    if (bits_count(s->seen, words) != (size_t)r->counts[EDGE_OK] + r->counts[EDGE_DEGRADED] ||
        bits_count(s->degraded, words) != r->counts[EDGE_DEGRADED])
        return err_set(e, -EINVAL, "the set of nodes that see %s has nodes without an edge", label);
    return 0;
}

int seers_check(const struct coord *c, struct err *e)
{
    size_t n = 0;
    int rc = check_slots(c, e);

    for (const struct link *l = c->seers.next; rc == 0 && l != &c->seers; l = l->next, n++)
        rc = check_sets(c, container_of(l, struct seers, link), e);
    return rc < 0 || n == c->seers_count
               ? rc
               : err_set(e, -EINVAL, "%zu resources have sets, and %u are counted", n,
                         c->seers_count);
}
