/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit of ingest: the same rows into a fresh database of the same schema by prepared INSERTs,
 * one connection, one transaction, WAL and synchronous=FULL. What SQLite can do at best. */
#ifndef MUSTER_BENCH_BARE_H
#define MUSTER_BENCH_BARE_H

#include "base/err.h"
#include "model/sections.h"

struct bare_node {
    const struct section *sections;
    size_t count;
};

enum bare_rows {
    BARE_INVENTORY, /* the rows of the sections alone */
    BARE_ALL, /* and those that an ingest derives from them: section, resource, sighting, edge */
};

/* Seconds that it took, or negative with a sentence. */
double bare_insert(const struct bare_node *nodes, uint32_t n, enum bare_rows what, struct err *e);

#endif
