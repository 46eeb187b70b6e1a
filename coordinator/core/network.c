/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Declared networks: the operator's word that certain ports are on one segment. A port matches by
 * its one VLAN tag and by globs over its node's name and its base, never by the tag alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"

bool match_valid(const char *text)
{
    const char *slash = strchr(text, '/');

    return slash != NULL && slash != text && slash[1] != '\0' && strchr(slash + 1, '/') == NULL &&
           strlen(text) <= 256;
}

static int match_set(struct match *m, const char *text)
{
    const char *slash = strchr(text, '/');

    m->node = strndup(text, (size_t)(slash - text));
    m->port = strdup(slash + 1);
    return m->node != NULL && m->port != NULL ? 0 : -ENOMEM;
}

char *match_text(struct arena *a, const struct match *m)
{
    return arena_printf(a, "%s/%s", m->node, m->port);
}

static void matches_free(struct network *w)
{
    for (uint32_t i = 0; i < w->match_count; i++) {
        free(w->matches[i].node);
        free(w->matches[i].port);
    }
    free(w->matches);
    w->matches = NULL;
    w->match_count = 0;
}

static void network_free(struct network *w)
{
    matches_free(w);
    free(w->name);
    free(w);
}

static int matches_fill(struct network *w, struct strs matches)
{
    w->matches = calloc(matches.n + 1, sizeof *w->matches);
    if (w->matches == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < matches.n; i++) {
        if (!match_valid(matches.v[i]))
            continue; /* of a hand that wrote to the database; it matches nothing */
        w->match_count++;
        if (match_set(&w->matches[w->match_count - 1], matches.v[i]) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int network_fill(struct network *w, const struct network_row *row)
{
    w->id = row->id;
    w->vlan = (uint16_t)(row->vlan % VLAN_COUNT);
    w->created = row->created;
    w->name = strdup(row->name);
    if (w->name == NULL)
        return -ENOMEM;
    return matches_fill(w, row->matches);
}

static void network_show(struct coord *c, struct network *w)
{
    w->next_of_vlan = c->vlans[w->vlan];
    c->vlans[w->vlan] = w;
}

void network_hide(struct coord *c, struct network *w)
{
    struct network **at = &c->vlans[w->vlan];

    while (*at != NULL && *at != w)
        at = &(*at)->next_of_vlan;
    if (*at == w)
        *at = w->next_of_vlan;
}

struct network *network_new(struct coord *c, const struct network_row *row)
{
    struct network *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    link_init(&w->link);
    if (network_fill(w, row) < 0 || map_put(c->networks_by_name, w->name, strlen(w->name), w) < 0) {
        network_free(w);
        return NULL;
    }
    link_append(&c->networks, &w->link);
    network_show(c, w);
    return w;
}

int network_redefine(struct coord *c, struct network *w, const struct network_row *row)
{
    int rc;

    network_hide(c, w);
    matches_free(w);
    w->vlan = (uint16_t)(row->vlan % VLAN_COUNT);
    rc = matches_fill(w, row->matches);
    network_show(c, w);
    return rc;
}

void network_remove(struct coord *c, struct network *w)
{
    network_hide(c, w);
    link_remove(&w->link);
    map_del(c->networks_by_name, w->name, strlen(w->name));
    network_free(w);
}

static bool network_matches(const struct network *w, const char *node_name, const char *base)
{
    for (uint32_t i = 0; i < w->match_count; i++) {
        if (glob_match(w->matches[i].node, node_name) && glob_match(w->matches[i].port, base))
            return true;
    }
    return false;
}

uint32_t network_match(const struct coord *c, const char *node_name, const struct seen *seen,
                       struct network *found[2])
{
    char base[300];
    uint32_t n = 0;

    if (seen->stacked || c->vlans[seen->vlan] == NULL)
        return 0;
    snprintf(base, sizeof base, "%.*s", (int)seen->base_len, seen->port);
    for (struct network *w = c->vlans[seen->vlan]; w != NULL; w = w->next_of_vlan) {
        if (!network_matches(w, node_name, base))
            continue;
        if (n < 2)
            found[n] = w;
        n++;
    }
    return n;
}

bool network_matches_seen(const struct network *w, const char *node_name, const struct seen *seen)
{
    char base[300];

    if (seen->stacked || seen->vlan != w->vlan)
        return false;
    snprintf(base, sizeof base, "%.*s", (int)seen->base_len, seen->port);
    return network_matches(w, node_name, base);
}

int network_rematch_node(struct step *s, struct node *n, int vlan)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if ((sighting_sections >> i & 1u) == 0)
            continue; /* its rows have something else in that place */
        for (uint32_t r = 0; r < n->sections[i].row_count; r++) {
            struct sighting *g = n->sections[i].rows[r].sighting;
            int rc;

            if (g == NULL || g->edge->resource->kind != RESOURCE_NETWORK ||
                (vlan >= 0 && g->seen.vlan != vlan))
                continue;
            rc = sighting_rematch(s, n, g, true);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}
