/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the model database share. */
#ifndef MUSTER_TESTS_DURABLE_INTERNAL_H
#define MUSTER_TESTS_DURABLE_INTERNAL_H

#include "base/arena.h"
#include "durable.h"

enum table_id {
    T_START,
    T_NODE,
    T_KEY,
    T_BOOT,
    T_SECTION,
    T_INVENTORY,
    T_RESOURCE,
    T_SIGHTING,
    T_EDGE,
    T_NETWORK,
    T_TOKEN,
    T_EVENT,
    T_LEASE,
    T_LEASE_HISTORY,
    T_FENCE,
    T_TASK,
    T_JOB,
    T_VG_CHANGE,
    T_SCAN,
    T_REACH,
    T_IMAGE,
    T_COUNT,
};

/* Rows sorted by key. */
struct table {
    char *rows;
    size_t n, room;
};

struct durable {
    struct arena *a; /* texts; grows until the end */
    struct meta_row meta;
    struct table t[T_COUNT];
};

/* durable_table.c: rows are found, put and dropped by their keys. */
size_t durable_row_size(enum table_id id);
void *durable_row(const struct durable *d, enum table_id id, size_t i);
/* The place of the first row that is not before `row`. */
size_t durable_from(const struct durable *d, enum table_id id, const void *row);
const void *durable_find(const struct durable *d, enum table_id id, const void *row);
void durable_put(struct durable *d, enum table_id id, const void *row);
void durable_drop_at(struct durable *d, enum table_id id, size_t at);
bool durable_drop(struct durable *d, enum table_id id, const void *row);

/* What a row points to becomes the database's own. */
void durable_own(struct durable *d, enum table_id id, void *row);
const char *durable_text(struct durable *d, const char *s);

/* durable_change.c: is the row of what goes with this node? */
bool durable_of_node(enum table_id id, const void *row, uint32_t no);

#endif
