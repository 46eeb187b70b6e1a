/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many nodes: how many see each resource how well; and by name what is not ok, most serious first,
 * with the names of nodes collapsed into ranges. */
#include "matrix.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/order.h"

#define MOST_ROWS   30 /* resources that are counted one by one though all is well with them */
#define MOST_FAULTS 60
#define MOST_NAMES  24 /* names or ranges in one cell */
#define FEW         4  /* a resource that all nodes but a quarter see is meant for all */

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

static int by_fault(const void *a, const void *b)
{
    const struct fault *x = a, *y = b;
    int d;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    d = natural_compare(x->resource, y->resource);
    if (d != 0)
        return d;
    if (x->active != y->active)
        return x->active < y->active ? -1 : 1;
    if (x->total != y->total)
        return x->total < y->total ? -1 : 1;
    return natural_compare(x->node, y->node);
}

static bool same_row(const struct fault *a, const struct fault *b)
{
    return a->rank == b->rank && a->active == b->active && a->total == b->total &&
           strcmp(a->resource, b->resource) == 0;
}

static const char *names(struct text *t, const struct fault *f, size_t n)
{
    const char **v = arena_array(t->arena, n, sizeof *v);

    if (v == NULL) {
        t->failed = true;
        return "";
    }
    for (size_t i = 0; i < n; i++)
        v[i] = f[i].node;
    return name_ranges(t, v, n, MOST_NAMES);
}

/* A row for each resource and state, with the nodes of which it is so. */
static void faults_text(struct text *t, struct faults *f, const char *title)
{
    const struct column columns[] = {
        { title, COLUMN_CUT }, { "STATE", 0 }, { "PATHS", 0 }, { "NODES", COLUMN_WRAP }
    };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns));
    size_t rows = 0, used, i;

    if (f->n == 0)
        return;
    qsort(f->v, f->n, sizeof *f->v, by_fault);
    for (i = 0; i < f->n && rows < MOST_FAULTS; i += used, rows++) {
        const struct fault *x = &f->v[i];

        used = 1;
        while (i + used < f->n && same_row(x, &f->v[i + used]))
            used++;
        table_cell(b, x->resource, PAINT_NONE);
        table_cell(b, x->state, paint_of_word(x->state));
        table_cell(b,
                   x->total > 0 ? text_format(t, "%" PRIu64 "/%" PRIu64, x->active, x->total) : "",
                   PAINT_NONE);
        table_cell(b, names(t, x, used), PAINT_NONE);
    }
    buf_str(t->out, "\n");
    table_print(b);
    if (i < f->n)
        text_line(t, "and %s that %s not ok", counted(t, f->n - i, "more edge", "more edges"),
                  f->n - i == 1 ? "is" : "are");
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
    faults_text(t, &f, "NETWORK");
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
    faults_text(t, &f, "PORT");
}
