/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Few nodes: a grid where it fits; or one line an edge. */
#include "matrix.h"

#include <inttypes.h>

/* ---- grid ----------------------------------------------------------------------------------- */

const struct edge_info *matrix_edge(const struct reply *r, size_t node, size_t resource)
{
    const struct edge_info *e = r->edges.v;
    size_t low = 0, high = r->edges.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (e[mid].node < node || (e[mid].node == node && e[mid].resource < resource))
            low = mid + 1;
        else
            high = mid;
    }
    return low < r->edges.n && e[low].node == node && e[low].resource == resource ? &e[low] : NULL;
}

/* "ok", "ok 2/2", "degraded 1/2" */
static const char *state_text(struct text *t, const struct edge_info *e)
{
    const char *state = edge_state_name((enum edge_state)e->state);

    if (e->state == EDGE_DEGRADED || (e->state == EDGE_OK && e->paths_total > 1))
        return text_format(t, "%s %" PRIu64 "/%" PRIu64, state, e->paths_active, e->paths_total);
    return state;
}

static void grid_row(struct text *t, struct table *b, const struct reply *r, size_t resource)
{
    const struct resource_info *x = (const struct resource_info *)r->resources.v + resource;

    table_cell(b, resource_shown(t, r, x), PAINT_NONE);
    if (resource_rank(x) != RESOURCE_NETWORK)
        table_cell(b, NULL, PAINT_NONE);
    else
        table_cell(b, x->vlan > 0 ? text_format(t, "%" PRIu64, x->vlan) : "-", PAINT_NONE);
    for (size_t i = 0; i < r->nodes.n; i++) {
        const struct edge_info *e = matrix_edge(r, i, resource);

        if (e == NULL)
            table_cell(b, "-", PAINT_DIM);
        else
            table_cell(b, state_text(t, e),
                       paint_of_word(edge_state_name((enum edge_state)e->state)));
    }
}

/* Which node is not up, where there is one. */
static void grid_states(struct table *b, const struct reply *r)
{
    const struct node_info *n = r->nodes.v;
    bool all_up = true;

    for (size_t i = 0; i < r->nodes.n; i++)
        all_up = all_up && n[i].state != NULL && strcmp(n[i].state, "up") == 0;
    if (all_up)
        return;
    table_cell(b, "(the node is)", PAINT_DIM);
    table_cell(b, NULL, PAINT_NONE);
    for (size_t i = 0; i < r->nodes.n; i++)
        table_cell(b, n[i].state, paint_of_word(n[i].state));
}

struct table *matrix_grid(struct text *t, const struct reply *r, unsigned rank)
{
    const struct resource_info *x = r->resources.v;
    const struct node_info *n = r->nodes.v;
    struct column *columns = arena_array(t->arena, r->nodes.n + 2, sizeof *columns);
    struct table *b;

    if (columns == NULL) {
        t->failed = true;
        return NULL;
    }
    columns[0] = (struct column){ rank_title(rank), COLUMN_CUT };
    columns[1] = (struct column){ "VLAN", COLUMN_RIGHT };
    for (size_t i = 0; i < r->nodes.n; i++)
        columns[i + 2] = (struct column){ text_safe(t, n[i].name), 0 };
    b = table_new(t, columns, r->nodes.n + 2);
    grid_states(b, r);
    for (size_t i = 0; i < r->resources.n; i++) {
        if (resource_rank(&x[i]) == rank)
            grid_row(t, b, r, i);
    }
    return b;
}

/* ---- list ----------------------------------------------------------------------------------- */

void matrix_list(struct text *t, const struct reply *r, unsigned rank)
{
    const struct column columns[] = {
        { rank_title(rank), COLUMN_CUT }, { "NODE", COLUMN_CUT },    { "STATE", 0 }, { "PATHS", 0 },
        { "AGE", COLUMN_RIGHT },          { "THROUGH", COLUMN_CUT },
    };
    const struct edge_info *e = r->edges.v;
    bool unproven = rank == RANK_PORT;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));

    for (size_t i = 0; i < r->edges.n; i++) {
        const struct resource_info *x = resource_of(r, &e[i]);
        const char *state = edge_state_name((enum edge_state)e[i].state);

        if (resource_rank(x) != rank)
            continue;
        table_cell(b, resource_shown(t, r, x), PAINT_NONE);
        /* The label of an unproven port names node and port already. */
        table_cell(b, unproven || r->nodes.n == 1 ? "" : node_of(r, &e[i])->name, PAINT_NONE);
        table_cell(b, state, paint_of_word(state));
        table_cell(b, text_format(t, "%" PRIu64 "/%" PRIu64, e[i].paths_active, e[i].paths_total),
                   PAINT_NONE);
        table_cell(b, age_text(t, REC_HAS(&e[i], edge_info, age_ms), e[i].age_ms), PAINT_NONE);
        table_cell(b, unproven ? "" : ports_text(t, &e[i]), PAINT_NONE);
    }
    table_print(b);
}
