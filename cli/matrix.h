/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways in which the matrix is shown as text. The replies are in order (cli/order.h). */
#ifndef MUSTER_CLI_MATRIX_H
#define MUSTER_CLI_MATRIX_H

#include "cli/nouns.h"

struct matrix {
    const struct reply *reply;
    bool nodes, resources; /* chosen by --node, by --resource */
    bool chosen;           /* by one of them: shown in full, however long */
    const char *kind;      /* chosen by --kind; NULL: all */
};

/* The edge of these places in the reply, or NULL. */
const struct edge_info *matrix_edge(const struct reply *r, size_t node, size_t resource);
/* The resources of a rank with a column for each node. NULL: out of memory. */
struct table *matrix_grid(struct text *t, const struct reply *r, unsigned rank);
/* A line for each edge to a resource of a rank. */
void matrix_list(struct text *t, const struct reply *r, unsigned rank);
/* Counts, and by name only what is not ok: of a rank; of the unproven ports; of the ranks of which
 * there are too many resources to show, a bit for each. */
void matrix_sum(struct text *t, const struct reply *r, unsigned rank);
void matrix_sum_unproven(struct text *t, const struct reply *r);
void matrix_sum_kinds(struct text *t, const struct reply *r, unsigned ranks);

/* ---- faults: what is not ok, most serious first ------------------------------------------- */

struct fault;

struct faults {
    struct fault *v; /* in the text's arena */
    size_t n;
};

struct faults faults_new(struct text *t, size_t room);
/* An edge that is not ok. */
void fault_add(struct faults *f, const struct edge_info *e, const char *resource, const char *node);
/* An edge that is missing where nearly all nodes have one. */
void fault_add_unseen(struct faults *f, const char *resource, const char *node);
/* A table of them, names of nodes and resources collapsed into ranges; at most `names` in a line.
 */
void faults_text(struct text *t, struct faults *f, const char *title, size_t names, size_t lines);

#endif
