/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The peer of bench-place: SQLite, in memory, with the same edges as the core, in the order in
 * which the question wants them. "Which nodes see all of these, and may be placed on" in several
 * forms. */
#ifndef MUSTER_BENCH_PLACE_SQL_H
#define MUSTER_BENCH_PLACE_SQL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { SQL_NEEDS = 8, SQL_FORMS = 4 };

struct place_sql;

extern const char *const place_sql_forms[SQL_FORMS]; /* names */

/* Empty. NULL: *e says why. */
struct place_sql *place_sql_new(struct err *e);
void place_sql_free(struct place_sql *s); /* NULL is legal */
/* 0, or -EIO with a sentence. */
int place_sql_node(struct place_sql *s, uint32_t no, int placeable, struct err *e);
int place_sql_edge(struct place_sql *s, uint32_t resource, uint32_t node, unsigned state,
                   struct err *e);
int place_sql_ready(struct place_sql *s, struct err *e); /* that was all */
/* Asks once, by that form, for SQL_NEEDS resources. *found: how many nodes; *sum: of their numbers.
 */
int place_sql_ask(struct place_sql *s, size_t form, const uint32_t *resources, uint64_t *found,
                  uint64_t *sum, struct err *e);

#endif
