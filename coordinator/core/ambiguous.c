/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports that match more than one declared network, and so belong to none. */
#include <errno.h>

#include "core/core_internal.h"

enum { OTHERS_MOST = 16 };

/* Calls `each` for every network that an ambiguous port matches. */
static void for_matches(const struct coord *c, const struct node *n, const struct sighting *g,
                        void (*each)(void *arg, struct network *w), void *arg)
{
    for (struct network *w = c->vlans[g->seen.vlan]; w != NULL; w = w->next_of_vlan) {
        if (network_matches_seen(w, n->row.name, &g->seen))
            each(arg, w);
    }
}

static void for_ambiguous(const struct coord *c,
                          void (*each)(void *arg, const struct node *n, const struct sighting *g),
                          void *arg)
{
    for (size_t i = 0; i < c->node_count; i++) {
        const struct node *n = c->nodes[i];

        for (size_t k = 0; k < SECTION_COUNT; k++) {
            if ((sighting_sections >> k & 1u) == 0)
                continue;
            for (uint32_t r = 0; r < n->sections[k].row_count; r++) {
                const struct sighting *g = n->sections[k].rows[r].sighting;

                if (g != NULL && g->ambiguous)
                    each(arg, n, g);
            }
        }
    }
}

static void count_one(void *arg, struct network *w)
{
    (void)arg;
    w->ambiguous++;
}

static void count_port(void *arg, const struct node *n, const struct sighting *g)
{
    for_matches(arg, n, g, count_one, NULL);
}

void ambiguous_count(struct coord *c)
{
    for (struct link *l = c->networks.next; l != &c->networks; l = l->next)
        container_of(l, struct network, link)->ambiguous = 0;
    for_ambiguous(c, count_port, c);
}

struct others {
    const struct coord *c;
    const struct network *w;
    const char **names;
    size_t n;
};

static void add_other(void *arg, struct network *w)
{
    struct others *o = arg;

    for (size_t i = 0; i < o->n; i++) {
        if (o->names[i] == w->name)
            return;
    }
    if (w != o->w && o->n < OTHERS_MOST)
        o->names[o->n++] = w->name;
}

static void add_others_of_port(void *arg, const struct node *n, const struct sighting *g)
{
    struct others *o = arg;

    if (network_matches_seen(o->w, n->row.name, &g->seen))
        for_matches(o->c, n, g, add_other, o);
}

int ambiguous_others(const struct coord *c, struct arena *a, const struct network *w,
                     struct strs *out)
{
    struct others o = { .c = c, .w = w, .names = arena_array(a, OTHERS_MOST, sizeof *o.names) };

    if (o.names == NULL)
        return -ENOMEM;
    for_ambiguous(c, add_others_of_port, &o);
    for (size_t i = 0; i < o.n; i++) {
        o.names[i] = arena_strdup(a, o.names[i]);
        if (o.names[i] == NULL)
            return -ENOMEM;
    }
    *out = (struct strs){ o.names, o.n };
    return 0;
}
