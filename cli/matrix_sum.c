/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many nodes: how many see each resource how well; and by name only what is not ok. */
#include "matrix.h"

#include <inttypes.h>

#define MOST_ROWS  30 /* resources that are counted one by one though all is well with them */
#define MOST_LINES 60 /* of faults */
#define FEW_LINES  20 /* of faults of several kinds */
#define MOST_NAMES 24 /* names or ranges of names in one line */
#define FEW_NAMES  6  /* of storage, whose names are long */
#define FEW        4  /* a resource that all nodes but a quarter see is meant for all */

enum { STATES = EDGE_QUARANTINED + 1 };

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

static void tally_add(struct tally *y, const struct edge_info *e)
{
    y->all++;
    y->of[e->state < STATES ? e->state : 0]++;
}

/* Columns of states that are there only where something is in them: the last. */
static size_t spared(const struct reply *r)
{
    const struct edge_info *e = r->edges.v;
    size_t i = 0;

    while (i < r->edges.n && e[i].state != EDGE_QUARANTINED)
        i++;
    return i == r->edges.n;
}

/* How many in all and in each state. */
static void tally_cells(struct text *t, struct table *b, const struct reply *r,
                        const struct tally *y)
{
    static const uint8_t shown[] = { EDGE_OK,      EDGE_DEGRADED, EDGE_LOST,
                                     EDGE_UNKNOWN, EDGE_STUCK,    EDGE_QUARANTINED };

    table_cellf(b, PAINT_NONE, "%" PRIu64, y->all);
    for (size_t i = 0; i < ARRAY_LEN(shown) - spared(r); i++) {
        uint64_t n = y->of[shown[i]];

        table_cell(b, n > 0 ? text_format(t, "%" PRIu64, n) : "-",
                   n > 0 ? paint_of_word(edge_state_name(shown[i])) : PAINT_DIM);
    }
}

static const char *vlan_cell(struct text *t, const struct resource_info *x)
{
    if (resource_rank(x) != RESOURCE_NETWORK)
        return NULL;
    return x->vlan > 0 ? text_format(t, "%" PRIu64, x->vlan) : "-";
}

static void tally_row(struct text *t, struct table *b, const struct reply *r, size_t i,
                      const struct tally *y)
{
    const struct resource_info *x = (const struct resource_info *)r->resources.v + i;

    table_cell(b, resource_shown(t, r, x), PAINT_NONE);
    table_cell(b, vlan_cell(t, x), PAINT_NONE);
    tally_cells(t, b, r, y);
}

enum { GRAVEST = 2 };

/* 0: all is well with it. A silent node knows nothing of any storage, which is not worth a line for
 * each. */
static int gravity(const struct tally *y, unsigned rank)
{
    if (rank == RESOURCE_NETWORK)
        return y->of[EDGE_OK] == y->all ? 0 : 1;
    if (y->of[EDGE_LOST] + y->of[EDGE_STUCK] + y->of[EDGE_QUARANTINED] > 0)
        return GRAVEST;
    return y->of[EDGE_OK] + y->of[EDGE_UNKNOWN] == y->all ? 0 : 1;
}

static void counts_text(struct text *t, const struct reply *r, unsigned rank, const struct rank *k,
                        const struct tally *y)
{
    const struct column columns[] = {
        { rank_title(rank), COLUMN_CUT }, { "VLAN", COLUMN_RIGHT },  { "NODES", COLUMN_RIGHT },
        { "OK", COLUMN_RIGHT },           { "DEGR", COLUMN_RIGHT },  { "LOST", COLUMN_RIGHT },
        { "UNKN", COLUMN_RIGHT },         { "STUCK", COLUMN_RIGHT }, { "QUAR", COLUMN_RIGHT },
    };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns) - spared(r));
    size_t well = 0, rows = 0;

    for (int level = GRAVEST; level >= 0; level--) {
        for (size_t i = k->first; i < k->first + k->n; i++) {
            /* Too many for a line each: those with which all is well are only counted. */
            if (k->n <= MOST_ROWS ? level > 0 : gravity(&y[i], rank) != level)
                continue;
            if (k->n > MOST_ROWS && level == 0)
                well++;
            else if (rank == RESOURCE_NETWORK || rows++ < MOST_ROWS)
                tally_row(t, b, r, i, &y[i]);
        }
    }
    table_print(b);
    if (rows > MOST_ROWS)
        text_line(t, "and %zu more that some node does not see in full", rows - MOST_ROWS);
    if (well > 0)
        text_line(t,
                  rank == RESOURCE_NETWORK
                      ? "and %s that every node with a port in it sees in full"
                      : "and %s of which no node is known to see less than all",
                  rank_counted(t, rank, well));
}

/* How many nodes have no edge to it, where nearly all have one; else 0. */
static size_t unseen(const struct tally *y, size_t nodes)
{
    return y->all > 0 && y->all < nodes && (nodes - y->all) * FEW <= nodes ? nodes - y->all : 0;
}

static void add_unseen(struct faults *f, const struct reply *r, size_t resource, const char *name)
{
    const struct node_info *n = r->nodes.v;

    for (size_t i = 0; i < r->nodes.n; i++) {
        if (ought(&n[i]) && matrix_edge(r, i, resource) == NULL)
            fault_add_unseen(f, name, n[i].name);
    }
}

/* What a resource is called among those of `ranks`: with its kind where there is more than one. */
static const char *name_among(struct text *t, const struct reply *r, const struct resource_info *x,
                              unsigned ranks)
{
    const char *label = resource_shown(t, r, x);

    if ((ranks & (ranks - 1)) == 0)
        return label;
    return text_format(t, "%s %s", x->kind != NULL ? x->kind : "?", label);
}

static struct faults faults_of(struct text *t, const struct reply *r, unsigned ranks,
                               const struct tally *y)
{
    const struct edge_info *e = r->edges.v;
    const struct node_info *n = r->nodes.v;
    const struct resource_info *x = r->resources.v;
    const char **names = arena_array(t->arena, r->resources.n, sizeof *names);
    size_t nodes = 0, room = r->edges.n;
    struct faults f;

    for (size_t i = 0; i < r->nodes.n; i++)
        nodes += ought(&n[i]);
    for (size_t i = 0; i < r->resources.n && names != NULL; i++) {
        if (ranks >> resource_rank(&x[i]) & 1) {
            names[i] = name_among(t, r, &x[i], ranks);
            room += unseen(&y[i], nodes) > 0 ? r->nodes.n : 0;
        }
    }
    f = faults_new(t, room);
    t->failed = t->failed || names == NULL;
    for (size_t i = 0; i < r->edges.n && !t->failed; i++) {
        if (names[e[i].resource] != NULL && e[i].state != EDGE_OK)
            fault_add(&f, &e[i], names[e[i].resource], node_of(r, &e[i])->name);
    }
    for (size_t i = 0; i < r->resources.n && !t->failed; i++) {
        if (names[i] != NULL && unseen(&y[i], nodes) > 0)
            add_unseen(&f, r, i, names[i]);
    }
    return f;
}

/* For each resource of the reply; NULL: out of memory. */
static struct tally *tallies_of(struct text *t, const struct reply *r)
{
    const struct edge_info *e = r->edges.v;
    struct tally *y = arena_array(t->arena, r->resources.n, sizeof *y);

    t->failed = t->failed || y == NULL;
    for (size_t i = 0; i < r->edges.n && y != NULL; i++)
        tally_add(&y[e[i].resource], &e[i]);
    return y;
}

void matrix_sum(struct text *t, const struct reply *r, unsigned rank)
{
    struct ranks k = ranks_of(r);
    struct tally *y = tallies_of(t, r);
    struct faults f;

    if (y == NULL)
        return;
    counts_text(t, r, rank, &k.of[rank], y);
    f = faults_of(t, r, 1U << rank, y);
    faults_text(t, &f, text_format(t, "%sS: NODES", rank_title(rank)),
                rank == RESOURCE_NETWORK ? MOST_NAMES : FEW_NAMES, MOST_LINES);
}

/* ---- storage, in short ------------------------------------------------------------------------
 */

void matrix_sum_kinds(struct text *t, const struct reply *r, unsigned ranks)
{
    static const struct column columns[] = {
        { "STORAGE", 0 },          { "SEEN", COLUMN_RIGHT }, { "OK", COLUMN_RIGHT },
        { "DEGR", COLUMN_RIGHT },  { "LOST", COLUMN_RIGHT }, { "UNKN", COLUMN_RIGHT },
        { "STUCK", COLUMN_RIGHT }, { "QUAR", COLUMN_RIGHT },
    };
    struct table *b = table_new(t, columns, ARRAY_LEN(columns) - spared(r));
    struct ranks k = ranks_of(r);
    struct tally *y = tallies_of(t, r), all[RANKS] = { { { 0 }, 0 } };
    const struct edge_info *e = r->edges.v;
    struct faults f;

    if (y == NULL)
        return;
    for (size_t i = 0; i < r->edges.n; i++)
        tally_add(&all[resource_rank(resource_of(r, &e[i]))], &e[i]);
    for (unsigned i = 0; i < RANKS; i++) {
        if (!(ranks >> i & 1))
            continue;
        table_cell(b, rank_counted(t, i, k.of[i].n), PAINT_NONE);
        tally_cells(t, b, r, &all[i]);
    }
    table_print(b);
    f = faults_of(t, r, ranks, y);
    faults_text(t, &f, "STORAGE: NODES", FEW_NAMES, FEW_LINES);
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
        if (resource_rank(resource_of(r, &e[i])) != RANK_PORT)
            continue;
        tally_add(&y, &e[i]);
        if (e[i].state != EDGE_OK)
            fault_add(&f, &e[i], port_of(resource_of(r, &e[i])), node_of(r, &e[i])->name);
    }
    text_line(t, "%s that no declared network matches: %s", counted(t, y.all, "port", "ports"),
              edge_counts(t, y.of[EDGE_OK], y.of[EDGE_DEGRADED], y.of[EDGE_LOST],
                          y.of[EDGE_UNKNOWN], y.of[EDGE_STUCK], y.of[EDGE_QUARANTINED]));
    faults_text(t, &f, "PORTS: NODES", MOST_NAMES, MOST_LINES);
}
