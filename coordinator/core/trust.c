/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quarantined edges: a node says that it sees a filesystem, and when it looked afresh, something
 * else was there. Its word on that is not believed from then on, until it has looked again and
 * proven it, or says something else. */
#include <errno.h>
#include <stdlib.h>

#include "core/trust.h"

struct distrust *distrust_new(const char *text, wall_ms since)
{
    size_t n = strlen(text) + 1;
    struct distrust *d = malloc(sizeof *d + n);

    if (d == NULL)
        return NULL;
    d->since = since;
    memcpy(d->text, text, n);
    return d;
}

/* Nothing of it is left; the caller writes the row. */
static void forget(struct edge *e)
{
    free(e->distrust);
    e->distrust = NULL;
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
    struct distrust *d;
    char label[200];
    int rc;

    if (why == NULL)
        why = "It does not say what it has found instead.";
    if (e == NULL || e->sightings == NULL ||
        (e->distrust != NULL && strcmp(e->distrust->text, why) == 0))
        return 0;
    d = distrust_new(why, e->distrust != NULL ? e->distrust->since : s->c->wall);
    if (d == NULL)
        return -ENOMEM;
    free(e->distrust);
    e->distrust = d;
    edge_refresh(s->c, e);
    touch_edge(s->c, e); /* what was found may be all that is new */
    rc = emit_edge(s, e, CHANGE_EDGE);
    if (rc == 0)
        rc = event_due_of_node(s, n);
    if (rc != 1)
        return rc;
    return event(s, "edge.quarantined", SEVERITY_WARNING, n, r,
                 "%s reports filesystem %s and found something else when it looked: %s",
                 n->row.name, resource_label_in(r, label, sizeof label), e->distrust->text);
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
