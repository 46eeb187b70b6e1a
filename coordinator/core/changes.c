/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changed since when: every node, resource and edge carries the generation of its last visible
 * change and stands in a list in that order, so that "changes since G" reads the tails alone. What
 * is gone leaves a tombstone; when too many are kept the oldest go, and with them the right to ask
 * for changes from before them. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

void stamp_init(struct stamp *head)
{
    head->gen = 0;
    head->prev = head->next = head;
}

void stamp_remove(struct stamp *st)
{
    if (st->next == NULL)
        return;
    st->prev->next = st->next;
    st->next->prev = st->prev;
    st->prev = st->next = NULL;
}

/* The generation that the batch in progress will have. */
static void touch(struct coord *c, struct stamp *head, struct stamp *st)
{
    c->pending = true;
    /* In order of generations alone: within one, whoever is in the list may stay where it is. */
    if (st->next != NULL && st->gen == c->meta.generation + 1)
        return;
    st->gen = c->meta.generation + 1;
    stamp_remove(st);
    st->prev = head->prev;
    st->next = head;
    head->prev->next = st;
    head->prev = st;
}

void touch_node(struct coord *c, struct node *n)
{
    touch(c, &c->changed_nodes, &n->stamp);
}

void touch_resource(struct coord *c, struct resource *r)
{
    touch(c, &c->changed_resources, &r->stamp);
}

void touch_edge(struct coord *c, struct edge *e)
{
    touch(c, &c->changed_edges, &e->stamp);
    touch_node(c, e->node);
    touch_resource(c, e->resource);
}

static int tombstones_grow(struct coord *c)
{
    size_t cap = c->tombstone_cap == 0 ? 64 : 2 * c->tombstone_cap;
    struct tombstone *more = malloc(cap * sizeof *more);

    if (more == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < c->tombstone_count; i++)
        more[i] = c->tombstones[(c->tombstone_first + i) % c->tombstone_cap];
    free(c->tombstones);
    c->tombstones = more;
    c->tombstone_cap = cap;
    c->tombstone_first = 0;
    return 0;
}

int bury(struct coord *c, uuid128 node, uuid128 resource)
{
    if (c->tombstone_count >= c->tombstone_limit) {
        /* Whoever stands at the generation of the one that goes needs it no more. */
        if (c->changes_from < c->tombstones[c->tombstone_first].gen)
            c->changes_from = c->tombstones[c->tombstone_first].gen;
        c->tombstone_first = (c->tombstone_first + 1) % c->tombstone_cap;
        c->tombstone_count--;
    }
    if (c->tombstone_count == c->tombstone_cap) {
        int rc = tombstones_grow(c);

        if (rc < 0)
            return rc;
    }
    c->tombstones[(c->tombstone_first + c->tombstone_count) % c->tombstone_cap] =
        (struct tombstone){ .gen = c->meta.generation + 1, .node = node, .resource = resource };
    c->tombstone_count++;
    c->pending = true;
    return 0;
}
