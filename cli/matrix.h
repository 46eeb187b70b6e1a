/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways in which the matrix is shown as text. The replies are in order (cli/order.h). */
#ifndef MUSTER_CLI_MATRIX_H
#define MUSTER_CLI_MATRIX_H

#include "cli/nouns.h"

struct matrix {
    const struct reply *reply;
    bool nodes, resources; /* chosen by --node, by --resource */
    bool chosen;           /* by one of them: shown in full, however long */
};

/* The edge of these places in the reply, or NULL. */
const struct edge_info *matrix_edge(const struct reply *r, size_t node, size_t resource);
/* The declared resources with a column for each node. NULL: out of memory. */
struct table *matrix_grid(struct text *t, const struct reply *r);
/* A line for each edge, of the unproven ports or of the declared resources. */
void matrix_list(struct text *t, const struct reply *r, bool unproven);
/* Counts, and by name only what is not ok. */
void matrix_sum_declared(struct text *t, const struct reply *r);
void matrix_sum_unproven(struct text *t, const struct reply *r);

#endif
