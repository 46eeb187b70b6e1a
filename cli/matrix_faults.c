/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By name what is not ok, most serious first, with the names of nodes collapsed into ranges. */
#include "matrix.h"

#include <inttypes.h>
#include <stdlib.h>

#define MANY 4 /* times the names of a line are so many that two of them are example enough */

/* States in the order in which they are told. */
static const uint8_t seriousness[] = {
    [EDGE_LOST] = 0,  [EDGE_QUARANTINED] = 1, [EDGE_DEGRADED] = 2,
    [EDGE_STUCK] = 3, [EDGE_UNKNOWN] = 4,     [EDGE_OK] = 5,
};

/* One edge that is not ok, or one that is missing. */
struct fault {
    const char *resource; /* label; of an unproven port the part behind its node */
    const char *node, *state;
    uint64_t active, total; /* paths, where it is degraded */
    uint8_t rank;
};

/* All faults of one resource in one state, and then of all resources that have them alike. */
struct row {
    const struct fault *faults; /* by node */
    size_t n;
    const char *resources; /* of a line: their names */
};

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* Most serious first; among the degraded those with the fewest paths. */
static int by_state(const struct fault *x, const struct fault *y)
{
    int d = compare(x->rank, y->rank);

    if (d == 0)
        d = compare(x->active, y->active);
    return d != 0 ? d : compare(x->total, y->total);
}

static int by_fault(const void *a, const void *b)
{
    const struct fault *x = a, *y = b;
    int d = by_state(x, y);

    if (d == 0)
        d = natural_compare(x->resource, y->resource);
    return d != 0 ? d : natural_compare(x->node, y->node);
}

/* Rows of the same state and the same nodes side by side. */
static int by_nodes(const struct row *x, const struct row *y)
{
    int d = by_state(x->faults, y->faults);

    if (d == 0)
        d = compare(x->n, y->n);
    for (size_t i = 0; d == 0 && i < x->n; i++)
        d = strcmp(x->faults[i].node, y->faults[i].node);
    return d;
}

static int by_row(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int d = by_nodes(x, y);

    return d != 0 ? d : natural_compare(x->faults->resource, y->faults->resource);
}

static int by_line(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int d = by_state(x->faults, y->faults);

    return d != 0 ? d : natural_compare(x->faults->resource, y->faults->resource);
}

/* One row for each resource and state; returns how many. */
static size_t rows_of(struct faults *f, struct row *rows)
{
    size_t n = 0;

    qsort(f->v, f->n, sizeof *f->v, by_fault);
    for (size_t i = 0; i < f->n; i++) {
        const struct fault *x = &f->v[i];

        if (i == 0 || by_state(x, x - 1) != 0 || strcmp(x->resource, x[-1].resource) != 0)
            rows[n++] = (struct row){ x, 0, NULL };
        rows[n - 1].n++;
    }
    return n;
}

/* Makes one line of all rows that differ in nothing but the resource; returns how many are left. */
static size_t lines_of(struct text *t, struct row *rows, size_t n, const char **names, size_t most)
{
    size_t lines = 0;

    qsort(rows, n, sizeof *rows, by_row);
    for (size_t i = 0, alike; i < n; i += alike) {
        alike = 1;
        while (i + alike < n && by_nodes(&rows[i], &rows[i + alike]) == 0)
            alike++;
        for (size_t k = 0; k < alike; k++)
            names[k] = rows[i + k].faults->resource;
        rows[lines] = rows[i];
        rows[lines++].resources = name_ranges(t, names, alike, alike > MANY * most ? 2 : most);
    }
    qsort(rows, lines, sizeof *rows, by_line);
    return lines;
}

static void line_text(struct text *t, struct table *b, const struct row *row, const char **names,
                      size_t most)
{
    const struct fault *x = row->faults;

    for (size_t i = 0; i < row->n; i++)
        names[i] = row->faults[i].node;
    table_cell(b,
               x->total > 0
                   ? text_format(t, "%s %" PRIu64 "/%" PRIu64, x->state, x->active, x->total)
                   : x->state,
               paint_of_word(x->state));
    table_cell(b, text_format(t, "%s: %s", row->resources, name_ranges(t, names, row->n, most)),
               PAINT_NONE);
}

void faults_text(struct text *t, struct faults *f, const char *title, size_t most,
                 size_t most_lines)
{
    const struct column columns[] = { { "STATE", 0 }, { title, COLUMN_WRAP } };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    struct row *rows = arena_array(t->arena, f->n, sizeof *rows);
    const char **names = arena_array(t->arena, f->n, sizeof *names);
    size_t lines;

    if (f->n == 0)
        return;
    if (rows == NULL || names == NULL) {
        t->failed = true;
        return;
    }
    lines = lines_of(t, rows, rows_of(f, rows), names, most);
    for (size_t i = 0; i < lines && i < most_lines; i++)
        line_text(t, b, &rows[i], names, most);
    buf_str(t->out, "\n");
    table_print(b);
    if (lines > most_lines)
        text_line(t, "and %zu lines more of what is not ok", lines - most_lines);
}

struct faults faults_new(struct text *t, size_t room)
{
    struct faults f = { .v = arena_array(t->arena, room, sizeof *f.v) };

    t->failed = t->failed || f.v == NULL;
    return f;
}

void fault_add(struct faults *f, const struct edge_info *e, const char *resource, const char *node)
{
    bool paths = e->state == EDGE_DEGRADED;

    f->v[f->n++] = (struct fault){
        .resource = resource != NULL ? resource : "?",
        .node = node,
        .state = edge_state_name((enum edge_state)e->state),
        .active = paths ? e->paths_active : 0,
        .total = paths ? e->paths_total : 0,
        .rank = e->state < ARRAY_LEN(seriousness) ? seriousness[e->state] : UINT8_MAX,
    };
}

void fault_add_unseen(struct faults *f, const char *resource, const char *node)
{
    f->v[f->n++] = (struct fault){ .resource = resource != NULL ? resource : "?",
                                   .node = node,
                                   .state = "not seen",
                                   .rank = UINT8_MAX };
}
