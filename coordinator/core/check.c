/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the whole state in agreement with itself? Every figure that the core keeps up to date step by
 * step is computed again from what it derives from. */
#include <errno.h>

#include "core/core_internal.h"

#define NAME_OF(n) ((n)->row.name != NULL ? (n)->row.name : "?")

static int check_sightings(const struct edge *e, struct err *err)
{
    uint32_t active, total;
    char label[200];
    uint32_t held = 0;

    if (e->stuck != edge_is_stuck(e))
        return err_set(err, -EINVAL,
                       "%s and %s: that it does not answer is not as its sightings say",
                       NAME_OF(e->node), resource_label_in(e->resource, label, sizeof label));
    for (const struct sighting *g = e->sightings; g != NULL; g = g->next) {
        if (g->edge != e)
            return err_set(err, -EINVAL, "a sighting of %s is in the list of another edge",
                           NAME_OF(e->node));
        held |= 1u << g->section;
    }
    if (e->distrust != NULL && e->sightings == NULL)
        return err_set(err, -EINVAL, "%s is disbelieved of %s, of which it says nothing",
                       NAME_OF(e->node), resource_label_in(e->resource, label, sizeof label));
    if (e->sightings == NULL)
        return 0;
    edge_sum(e, &active, &total);
    if (active != e->paths_active || total != e->paths_total || e->bare || held != e->held_by ||
        e->state != edge_stored_state(e))
        return err_set(err, -EINVAL,
                       "%s sees %s: the edge (%u of %u) is not its sightings' sum "
                       "(%u of %u)",
                       NAME_OF(e->node), resource_label_in(e->resource, label, sizeof label),
                       e->paths_active, e->paths_total, active, total);
    return 0;
}

static int check_edge(const struct node *n, uint32_t i, struct err *err)
{
    const struct edge *e = n->edges[i];
    char label[200];

    resource_label_in(e->resource, label, sizeof label);
    if (e->node != n || (i > 0 && n->edges[i - 1]->resource->no >= e->resource->no))
        return err_set(err, -EINVAL, "the edges of %s are out of order at %s", NAME_OF(n), label);
    if (e->dirty || e->fresh || e->heir != NULL)
        return err_set(err, -EINVAL, "the edge of %s and %s was not settled", NAME_OF(n), label);
    if (e->shown != edge_shown_state(e))
        return err_set(err, -EINVAL, "the edge of %s and %s shows %u and should show %u",
                       NAME_OF(n), label, e->shown, edge_shown_state(e));
    return check_sightings(e, err);
}

static int check_rows(const struct node *n, struct err *err)
{
    for (unsigned id = 0; id < SECTION_COUNT; id++) {
        const struct slot *slot = &n->sections[id];

        if (!slot->stored && (slot->row_count > 0 || slot->confirmed))
            return err_set(err, -EINVAL, "%s has rows of %s without a section", NAME_OF(n),
                           section_descs[id].name);
        for (uint32_t i = 0; i < slot->row_count; i++) {
            const struct row *row = &slot->rows[i];

            if (i > 0 && strcmp(slot->rows[i - 1].key, row->key) >= 0)
                return err_set(err, -EINVAL, "the rows of %s of %s are out of order at %s",
                               section_descs[id].name, NAME_OF(n), row->key);
            if (((sighting_sections >> id) & 1u) && row->sighting != NULL &&
                (row->sighting->edge == NULL || row->sighting->edge->node != n ||
                 row->sighting->row_key != row->key))
                return err_set(err, -EINVAL,
                               "the row %s of %s of %s has a sighting that is not "
                               "its own",
                               row->key, section_descs[id].name, NAME_OF(n));
        }
    }
    return 0;
}

static int check_node(const struct coord *c, size_t i, uint64_t sums[EDGE_STATES], struct err *err)
{
    const struct node *n = c->nodes[i];
    uint32_t counts[EDGE_STATES] = { 0 };
    int rc = check_rows(n, err);

    if (rc == 0 && (node_by_id(c, n->row.id) != n || node_by_name(c, NAME_OF(n)) != n ||
                    (i > 0 && c->nodes[i - 1]->row.no >= n->row.no)))
        rc = err_set(err, -EINVAL, "the indexes do not lead to %s", NAME_OF(n));
    if (rc == 0 && n->key != NULL && (n->key->node != n || n->key->state != KEY_ACTIVE))
        rc = err_set(err, -EINVAL, "the key of %s is not an active key of it", NAME_OF(n));
    for (uint32_t e = 0; rc == 0 && e < n->edge_count; e++) {
        rc = check_edge(n, e, err);
        counts[n->edges[e]->shown]++;
    }
    for (unsigned state = 1; rc == 0 && state < EDGE_STATES; state++) {
        sums[state] += counts[state];
        if (counts[state] != n->counts[state])
            rc = err_set(err, -EINVAL, "%s counts %u edges of state %u and has %u", NAME_OF(n),
                         n->counts[state], state, counts[state]);
    }
    return rc;
}

static int check_resource(const struct resource *r, struct err *err)
{
    uint32_t counts[EDGE_STATES] = { 0 }, ports = 0;
    char label[200];

    resource_label_in(r, label, sizeof label);
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        if (e->resource != r || (r->owner != NULL && e->node != r->owner))
            return err_set(err, -EINVAL, "%s has an edge that is not its own", label);
        counts[e->shown]++;
        for (const struct sighting *g = e->sightings; g != NULL; g = g->next)
            ports++;
    }
    if (r->network == NULL && r->edges == NULL && !resource_is_kept(r))
        return err_set(err, -EINVAL, "nobody sees %s and it is still there", label);
    if (r->network != NULL && (r->network->resource != r || r->network->ports != ports))
        return err_set(err, -EINVAL, "%s counts %u ports and has %u", label, r->network->ports,
                       ports);
    for (unsigned state = 1; state < EDGE_STATES; state++) {
        if (counts[state] != r->counts[state])
            return err_set(err, -EINVAL, "%s counts %u edges of state %u and has %u", label,
                           r->counts[state], state, counts[state]);
    }
    return 0;
}

/* The lists of liveness hold each node that is approved or live, in the order of its last message.
 */
static int check_live(const struct coord *c, struct err *err)
{
    size_t listed = 0, live = 0;

    for (unsigned state = NODE_UP; state <= NODE_NEVER; state++) {
        mono_ms last = { INT64_MIN };

        for (const struct link *l = c->live[state].next; l != &c->live[state]; l = l->next) {
            const struct node *n = container_of(l, struct node, live_link);

            if (n->live != state ||
                ((state == NODE_UP || state == NODE_NEVER) && n->heard.v < last.v))
                return err_set(err, -EINVAL, "%s stands in the wrong list of liveness", NAME_OF(n));
            last = n->heard;
            listed++;
        }
    }
    for (size_t i = 0; i < c->node_count; i++)
        live += c->nodes[i]->live != NODE_NEVER || c->nodes[i]->row.admission == NODE_APPROVED;
    return listed == live
               ? 0
               : err_set(err, -EINVAL, "%zu nodes are live and %zu are listed", live, listed);
}

int coord_check(const struct coord *c, struct err *e)
{
    uint64_t sums[EDGE_STATES] = { 0 };
    const struct resource *r;
    size_t it = 0;
    int rc = check_live(c, e);

    for (size_t i = 0; rc == 0 && i < c->node_count; i++)
        rc = check_node(c, i, sums, e);
    while (rc == 0 && (r = map_next(c->resources, &it)) != NULL)
        rc = check_resource(r, e);
    for (unsigned state = 1; rc == 0 && state < EDGE_STATES; state++) {
        if (sums[state] != c->counts[state])
            rc = err_set(e, -EINVAL, "%llu edges of state %u are counted, there are %llu",
                         (unsigned long long)c->counts[state], state,
                         (unsigned long long)sums[state]);
    }
    if (rc == 0)
        rc = seers_check(c, e);
    if (rc == 0)
        rc = graph_check(c, e);
    if (rc == 0)
        rc = images_check(c, e);
    if (rc == 0)
        rc = tasks_check(c, e);
    if (rc == 0)
        rc = scans_check(c, e);
    if (rc == 0)
        rc = rescans_check(c, e);
    if (rc == 0)
        rc = silent_check(c, e);
    if (rc == 0)
        rc = leases_check(c, e);
    if (rc == 0 && c->dirty_count > 0)
        rc = err_set(e, -EINVAL, "%zu edges were not settled", c->dirty_count);
    return rc;
}
