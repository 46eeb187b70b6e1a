/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many nodes: how many see each resource how well; and by name what is not ok, most serious first,
 * with the names of nodes collapsed into ranges. */
#include "matrix.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/order.h"

#define MOST_ROWS  30 /* resources that are counted one by one though all is well with them */
#define MOST_LINES 60 /* of faults */
#define MOST_NAMES 24 /* names or ranges of names in one line */
#define FEW        4  /* a resource that all nodes but a quarter see is meant for all */

enum { STATES = EDGE_STUCK + 1 };

/* States in the order in which they are told. */
static const uint8_t seriousness[] = {
    [EDGE_LOST] = 0, [EDGE_DEGRADED] = 1, [EDGE_STUCK] = 2, [EDGE_UNKNOWN] = 3, [EDGE_OK] = 4,
};

/* ---- faults --------------------------------------------------------------------------------- */

/* One edge that is not ok, or one that is missing. */
struct fault {
    const char *resource; /* label; of an unproven port the part behind its node */
    const char *node, *state;
    uint64_t active, total; /* paths, where it is degraded */
    uint8_t rank;
};

struct faults {
    struct fault *v; /* in the text's arena */
    size_t n;
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
static size_t lines_of(struct text *t, struct row *rows, size_t n, const char **names)
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
        rows[lines++].resources = name_ranges(t, names, alike, MOST_NAMES);
    }
    qsort(rows, lines, sizeof *rows, by_line);
    return lines;
}

static void line_text(struct text *t, struct table *b, const struct row *row, const char **names)
{
    const struct fault *x = row->faults;

    for (size_t i = 0; i < row->n; i++)
        names[i] = row->faults[i].node;
    table_cell(b,
               x->total > 0
                   ? text_format(t, "%s %" PRIu64 "/%" PRIu64, x->state, x->active, x->total)
                   : x->state,
               paint_of_word(x->state));
    table_cell(b,
               text_format(t, "%s: %s", row->resources, name_ranges(t, names, row->n, MOST_NAMES)),
               PAINT_NONE);
}

static void faults_text(struct text *t, struct faults *f, const char *title)
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
    lines = lines_of(t, rows, rows_of(f, rows), names);
    for (size_t i = 0; i < lines && i < MOST_LINES; i++)
        line_text(t, b, &rows[i], names);
    buf_str(t->out, "\n");
    table_print(b);
    if (lines > MOST_LINES)
        text_line(t, "and %zu lines more of what is not ok", lines - MOST_LINES);
}

static struct faults faults_new(struct text *t, size_t room)
{
    struct faults f = { .v = arena_array(t->arena, room, sizeof *f.v) };

    t->failed = t->failed || f.v == NULL;
    return f;
}

static void fault_add(struct faults *f, const struct edge_info *e, const char *resource,
                      const char *node)
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

/* ---- declared resources --------------------------------------------------------------------- */

/* Nodes that ought to see what all others see. */
static bool ought(const struct node_info *n)
{
    return n->state != NULL && strcmp(n->state, "pending") != 0 &&
           strcmp(n->state, "quarantined") != 0 && strcmp(n->state, "dead") != 0;
}

/* How many edges in each state. */
struct tally {
    uint64_t of[STATES], all;
};

static void tally_row(struct text *t, struct table *b, const struct resource_info *x,
                      const struct tally *y)
{
    static const uint8_t shown[] = { EDGE_OK, EDGE_DEGRADED, EDGE_LOST, EDGE_UNKNOWN, EDGE_STUCK };

    table_cell(b, x->label, PAINT_NONE);
    table_cell(b, x->vlan > 0 ? text_format(t, "%" PRIu64, x->vlan) : "-", PAINT_NONE);
    table_cellf(b, PAINT_NONE, "%" PRIu64, y->all);
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        uint64_t n = y->of[shown[i]];

        table_cell(b, n > 0 ? text_format(t, "%" PRIu64, n) : "-",
                   n > 0 ? paint_of_word(edge_state_name(shown[i])) : PAINT_DIM);
    }
}

static void counts_text(struct text *t, const struct reply *r, const struct tally *y)
{
    static const struct column columns[] = {
        { "NETWORK", COLUMN_CUT }, { "VLAN", COLUMN_RIGHT },  { "NODES", COLUMN_RIGHT },
        { "OK", COLUMN_RIGHT },    { "DEGR", COLUMN_RIGHT },  { "LOST", COLUMN_RIGHT },
        { "UNKN", COLUMN_RIGHT },  { "STUCK", COLUMN_RIGHT },
    };
    const struct resource_info *x = r->resources.v;
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    size_t declared = 0, well = 0;

    while (declared < r->resources.n && x[declared].declared)
        declared++;
    for (size_t i = 0; i < declared; i++) {
        /* Too many for a line each: those with which all is well are only counted. */
        if (declared > MOST_ROWS && y[i].of[EDGE_OK] == y[i].all)
            well++;
        else
            tally_row(t, b, &x[i], &y[i]);
    }
    table_print(b);
    if (well > 0)
        text_line(t, "and %s that every node with a port in it sees in full",
                  counted(t, well, "network", "networks"));
}

/* How many nodes have no edge to it, where nearly all have one; else 0. */
static size_t unseen(const struct tally *y, size_t nodes)
{
    return y->all > 0 && y->all < nodes && (nodes - y->all) * FEW <= nodes ? nodes - y->all : 0;
}

static void add_unseen(struct faults *f, const struct reply *r, size_t resource)
{
    const struct node_info *n = r->nodes.v;
    const struct resource_info *x = r->resources.v;

    for (size_t i = 0; i < r->nodes.n; i++) {
        if (ought(&n[i]) && matrix_edge(r, i, resource) == NULL)
            f->v[f->n++] = (struct fault){ .resource = x[resource].label,
                                           .node = n[i].name,
                                           .state = "not seen",
                                           .rank = UINT8_MAX };
    }
}

static struct faults declared_faults(struct text *t, const struct reply *r, const struct tally *y)
{
    const struct edge_info *e = r->edges.v;
    const struct node_info *n = r->nodes.v;
    const struct resource_info *x = r->resources.v;
    size_t nodes = 0, room = r->edges.n;
    struct faults f;

    for (size_t i = 0; i < r->nodes.n; i++)
        nodes += ought(&n[i]);
    for (size_t i = 0; i < r->resources.n && x[i].declared; i++)
        room += unseen(&y[i], nodes) > 0 ? r->nodes.n : 0;
    f = faults_new(t, room);
    for (size_t i = 0; i < r->edges.n && f.v != NULL; i++) {
        if (resource_of(r, &e[i])->declared && e[i].state != EDGE_OK)
            fault_add(&f, &e[i], resource_of(r, &e[i])->label, node_of(r, &e[i])->name);
    }
    for (size_t i = 0; i < r->resources.n && x[i].declared && f.v != NULL; i++) {
        if (unseen(&y[i], nodes) > 0)
            add_unseen(&f, r, i);
    }
    return f;
}

void matrix_sum_declared(struct text *t, const struct reply *r)
{
    const struct edge_info *e = r->edges.v;
    struct tally *y = arena_array(t->arena, r->resources.n, sizeof *y);
    struct faults f;

    if (y == NULL) {
        t->failed = true;
        return;
    }
    for (size_t i = 0; i < r->edges.n; i++) {
        y[e[i].resource].all++;
        y[e[i].resource].of[e[i].state < STATES ? e[i].state : 0]++;
    }
    counts_text(t, r, y);
    f = declared_faults(t, r, y);
    faults_text(t, &f, "NETWORKS: NODES");
}

/* ---- unproven ports ------------------------------------------------------------------------- */

/* "bond0.100" of "unproven:rack7-03/bond0.100": what many nodes have in common. */
static const char *port_of(const struct resource_info *x)
{
    const char *label = x->label != NULL ? x->label : "?", *slash = strchr(label, '/');

    return slash != NULL ? slash + 1 : label;
}

void matrix_sum_unproven(struct text *t, const struct reply *r)
{
    const struct edge_info *e = r->edges.v;
    struct faults f = faults_new(t, r->edges.n);
    struct tally y = { { 0 }, 0 };

    for (size_t i = 0; i < r->edges.n && f.v != NULL; i++) {
        if (resource_of(r, &e[i])->declared)
            continue;
        y.all++;
        y.of[e[i].state < STATES ? e[i].state : 0]++;
        if (e[i].state != EDGE_OK)
            fault_add(&f, &e[i], port_of(resource_of(r, &e[i])), node_of(r, &e[i])->name);
    }
    text_line(t, "%s that no declared network matches: %s", counted(t, y.all, "port", "ports"),
              edge_counts(t, y.of[EDGE_OK], y.of[EDGE_DEGRADED], y.of[EDGE_LOST],
                          y.of[EDGE_UNKNOWN], y.of[EDGE_STUCK]));
    faults_text(t, &f, "PORTS: NODES");
}
