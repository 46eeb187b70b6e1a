/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quarantined edges: a node says that it sees a filesystem, and when it looked afresh, something
 * else was there. Its word on that is not believed from then on, until it has looked again and
 * proven it, or says something else. */
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

/* Nothing of it is left; the caller writes the row. */
static void forget(struct edge *e)
{
    free(e->distrust);
    e->distrust = NULL;
    e->distrusted = (wall_ms){ 0 };
}

bool edge_word_ends(struct edge *e)
{
    bool was = e->distrust != NULL;

    forget(e);
    return was;
}

/* Whoever has reported already that it sees nothing there is believed. */
int edge_distrust(struct step *s, struct node *n, const struct resource *r, const char *why)
{
    struct edge *e = edge_find(n, r);
    char *text = strdup(why != NULL ? why : "It does not say what it has found instead.");
    char label[200];
    int rc;

    if (text == NULL)
        return -ENOMEM;
    if (e == NULL || e->sightings == NULL || text_same(e->distrust, text)) {
        free(text);
        return 0;
    }
    free(e->distrust);
    e->distrust = text;
    if (e->distrusted.v == 0)
        e->distrusted = s->c->wall;
    edge_refresh(s->c, e);
    touch_edge(s->c, e); /* what was found may be all that is new */
    rc = emit_edge(s, e, CHANGE_EDGE);
    if (rc == 0)
        rc = event_due_of_node(s, n);
    if (rc != 1)
        return rc;
    return event(s, "edge.quarantined", SEVERITY_WARNING, n, r,
                 "%s reports filesystem %s and found something else when it looked: %s",
                 n->row.name, resource_label_in(r, label, sizeof label), e->distrust);
}

int edge_believe(struct step *s, struct edge *e, const char *why)
{
    char label[200];
    int rc;

    if (!edge_word_ends(e))
        return 0;
    edge_refresh(s->c, e);
    touch_edge(s->c, e);
    rc = emit_edge(s, e, CHANGE_EDGE);
    if (rc == 0)
        rc = event_due_of_node(s, e->node);
    if (rc != 1)
        return rc;
    return event(s, "edge.believed", SEVERITY_INFO, e->node, e->resource,
                 "%s is believed again to see filesystem %s: %s", e->node->row.name,
                 resource_label_in(e->resource, label, sizeof label), why);
}
