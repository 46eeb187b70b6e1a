/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a step that changed sightings: each edge concerned is added up again, its row and its
 * event are written, and what has neither sighting nor history goes. */
#include <stdio.h>

#include "core/core_internal.h"
#include "core/trust.h"

void edge_sum(const struct edge *e, uint32_t *active, uint32_t *total)
{
    *active = *total = 0;
    for (const struct sighting *g = e->sightings; g != NULL; g = g->next) {
        *active += g->seen.paths_active;
        *total += g->seen.paths_total;
    }
}

bool edge_is_stuck(const struct edge *e)
{
    for (const struct sighting *g = e->sightings; g != NULL; g = g->next) {
        if (g->seen.stuck)
            return true;
    }
    return false;
}

uint8_t edge_stored_state(const struct edge *e)
{
    if (e->paths_active == 0)
        return EDGE_LOST;
    for (const struct sighting *g = e->sightings; g != NULL; g = g->next) {
        if (g->seen.flawed)
            return EDGE_DEGRADED;
    }
    return e->paths_active >= e->paths_total && e->paths_active >= e->paths_had ? EDGE_OK
                                                                                : EDGE_DEGRADED;
}

static const struct {
    const char *name, *parts;
} nouns[RESOURCE_KINDS] = {
    [RESOURCE_NETWORK] = { "", "paths" },
    [RESOURCE_LUN] = { "LUN ", "paths" },
    [RESOURCE_VG] = { "volume group ", "PVs" },
    [RESOURCE_LV] = { "logical volume ", "PVs" },
    [RESOURCE_FILESYSTEM] = { "filesystem ", "paths" },
};

static int edge_event(struct step *s, const struct edge *e, uint8_t was)
{
    static const struct {
        const char *kind;
        enum severity severity;
        const char *verb;
    } kinds[] = {
        [EDGE_OK] = { "edge.ok", SEVERITY_INFO, "sees" },
        [EDGE_DEGRADED] = { "edge.degraded", SEVERITY_WARNING, "half-sees" },
        [EDGE_LOST] = { "edge.lost", SEVERITY_ERROR, "has lost" },
    };
    uint8_t kind = e->resource->kind;
    char label[200], had[48] = "";
    int rc = event_due_of_node(s, e->node);

    if (rc != 1)
        return rc;
    resource_label_in(e->resource, label, sizeof label);
    if (e->paths_had > e->paths_active)
        snprintf(had, sizeof had, ", had %u", e->paths_had);
    else if (e->state == EDGE_DEGRADED && e->paths_active >= e->paths_total)
        snprintf(had, sizeof had, ", but what they lead to is not right");
    return event(s, kinds[e->state].kind, kinds[e->state].severity, e->node, e->resource,
                 "%s %s %s%s%s: %u of %u %s%s.", e->node->row.name, kinds[e->state].verb,
                 nouns[kind].name, label, was != 0 && e->state == EDGE_OK ? " in full again" : "",
                 e->paths_active, e->paths_total, nouns[kind].parts, had);
}

/* That it does not answer is told even of what is reported for the first time. Whoever has lost
 * what did not answer has waited in vain: that is told as lost. */
static int stuck_settle(struct step *s, struct edge *e)
{
    bool was = e->stuck, gone = e->sightings == NULL && e->heir == NULL;
    char label[200];
    int rc;

    e->stuck = edge_is_stuck(e);
    rc = e->stuck != was && !gone ? event_due_of_node(s, e->node) : 0;
    if (rc != 1)
        return rc;
    resource_label_in(e->resource, label, sizeof label);
    return event(s, was ? "edge.answers" : "edge.stuck", was ? SEVERITY_INFO : SEVERITY_ERROR,
                 e->node, e->resource, "%s %s %s%s%s.", e->node->row.name,
                 was ? "has an answer from" : "has no answer from", nouns[e->resource->kind].name,
                 label, was ? " again" : ": it is stuck");
}

/* Have all sections that held the edge been collected well in this boot? */
static bool answered(const struct edge *e)
{
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        const struct slot *slot = &e->node->sections[i];

        if (!((e->held_by >> i) & 1u))
            continue;
        if (!slot->stored || (slot->status != SECTION_OK && slot->status != SECTION_ABSENT))
            return false;
    }
    return true;
}

/* How many PVs a volume group or an LV lies on, its metadata say: when they are all there, it does
 * not matter how many there were before it was reduced. Of a LUN nobody knows how many paths it
 * should have. */
static bool is_whole(const struct edge *e, uint32_t active, uint32_t total)
{
    return (e->resource->kind == RESOURCE_VG || e->resource->kind == RESOURCE_LV) &&
           active == total;
}

/* The sums of an edge that has sightings. What it had before counts only from this boot on: an edge
 * that is not lost, or was never seen to fall (had_until 0), and had no sighting is of an earlier.
 */
static void add_up(struct step *s, struct edge *e)
{
    uint32_t active, total;

    edge_sum(e, &active, &total);
    if (e->bare && (e->state != EDGE_LOST || e->had_until.v == 0))
        e->paths_had = 0;
    if (active > e->paths_had || is_whole(e, active, total))
        e->paths_had = active;
    if (active == e->paths_had)
        e->had_until.v = 0;
    else if (e->had_until.v == 0)
        e->had_until = s->c->wall;
    e->paths_active = active;
    e->paths_total = total;
}

/* Without sightings: lost, once its sections have spoken. An edge that was of an earlier boot keeps
 * what it had, with had_until 0: it says so, and the next sighting starts anew. */
static void lose(struct step *s, struct edge *e)
{
    if (e->bare)
        e->had_until.v = 0;
    else if (e->paths_had > 0 && e->had_until.v == 0)
        e->had_until = s->c->wall;
    e->paths_active = 0;
}

static bool news(const struct edge *e, uint8_t was, uint32_t quiet)
{
    if (was == e->state || (was == 0 && e->state == EDGE_LOST)) /* it never had what it lacks */
        return false;
    return was != 0 || (e->held_by & ~quiet) != 0;
}

static int settle_one(struct step *s, struct edge *e, uint32_t quiet)
{
    struct edge_row before = { .state = e->state,
                               .paths_active = e->paths_active,
                               .paths_total = e->paths_total,
                               .paths_had = e->paths_had,
                               .had_until = e->had_until };
    bool fresh = e->fresh, ends = e->sightings == NULL && edge_word_ends(e);
    uint8_t was = e->state;
    int rc;

    if (e->sightings != NULL) {
        e->held_by = 0;
        for (const struct sighting *g = e->sightings; g != NULL; g = g->next)
            e->held_by |= 1u << g->section;
        add_up(s, e);
    } else if (e->heir != NULL || fresh) {
        rc = stuck_settle(s, e);
        return rc < 0 ? rc : edge_remove(s, e);
    } else if (e->bare && (e->state == EDGE_LOST || !answered(e))) {
        edge_refresh(s->c, e);
        touch_edge(s->c, e); /* it has no ports any more */
        return 0;
    } else {
        lose(s, e);
    }
    e->state = edge_stored_state(e);
    e->bare = e->sightings == NULL;
    e->heir = NULL;
    e->fresh = false;
    if (e->state != was)
        e->since = s->c->wall;
    edge_refresh(s->c, e);
    touch_edge(s->c, e); /* its ports may have changed, if nothing else */
    rc = version_settle(s, e->resource, e);
    if (rc == 0)
        rc = stuck_settle(s, e);
    if (rc < 0)
        return rc;
    if (!fresh && !ends && before.state == e->state && before.paths_active == e->paths_active &&
        before.paths_total == e->paths_total && before.paths_had == e->paths_had &&
        before.had_until.v == e->had_until.v)
        return 0;
    rc = emit_edge(s, e, CHANGE_EDGE);
    return rc == 0 && news(e, was, quiet) ? edge_event(s, e, was) : rc;
}

int matrix_settle(struct step *s, uint32_t quiet)
{
    struct coord *c = s->c;

    for (size_t i = 0; i < c->dirty_count; i++) {
        struct edge *e = c->dirty[i];
        int rc;

        e->dirty = false;
        rc = settle_one(s, e, quiet);
        if (rc < 0)
            return rc;
    }
    c->dirty_count = 0;
    return 0;
}

static int64_t retention_period(const struct coord *c)
{
    int64_t ms = c->config.edge_retention_ms / 16, hour = INT64_C(3600) * 1000;

    return ms < 1000 ? 1000 : ms > hour ? hour : ms;
}

static bool is_history(const struct edge *e)
{
    return e->sightings == NULL && e->state == EDGE_LOST;
}

/* A node that calls its ports otherwise in each report must not fill the matrix with what they were
 * called before: of more than so many lost edges the older half goes. */
int history_trim(struct step *s, struct node *n)
{
    uint32_t count = 0, drop;

    for (uint32_t i = 0; i < n->edge_count; i++)
        count += is_history(n->edges[i]);
    if (count <= LIMIT_LOST_EDGES)
        return 0;
    drop = count - LIMIT_LOST_EDGES / 2;
    for (uint32_t i = 0; i < n->edge_count && drop > 0;) {
        struct edge *e = n->edges[i];
        int rc;

        if (!is_history(e)) {
            i++;
            continue;
        }
        rc = edge_remove(s, e); /* in order of the resources' numbers: the oldest first */
        if (rc < 0)
            return rc;
        drop--;
    }
    return 0;
}

static int node_retention(struct step *s, struct node *n)
{
    for (uint32_t i = n->edge_count; i-- > 0;) {
        struct edge *e = n->edges[i];
        int rc;

        if (!is_history(e) || s->c->wall.v - e->since.v < s->c->config.edge_retention_ms)
            continue;
        rc = edge_remove(s, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Lost edges whose row is gone are history, and history ends. */
int matrix_retention(struct step *s)
{
    struct coord *c = s->c;

    if (c->now.v < c->next_retention.v)
        return 0;
    c->next_retention.v = c->now.v + retention_period(c);
    for (size_t i = 0; i < c->node_count && !c->read_only; i++) {
        int rc = node_retention(s, c->nodes[i]);

        if (rc < 0)
            return rc;
    }
    return c->read_only ? 0 : retired_trim(s);
}
