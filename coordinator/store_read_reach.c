/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The read-only connection: who has proven that it reaches a filesystem. */
#include "store_internal.h"

int store_prepare_reach(struct store_reader *r, struct buf *sql)
{
    store_sql_select(sql, &store_reach,
                     "WHERE resource_no = ?1 AND (?2 = 0 OR node_no = ?2) ORDER BY node_no");
    return store_prepare(r->db, sql, &r->reach);
}

int store_read_reach(struct store_reader *r, uint32_t resource_no, uint32_t node_no,
                     struct arena *a, store_reach_fn *told, void *ctx, struct err *e)
{
    sqlite3_stmt *st = r->reach;
    int rc = sqlite3_bind_int64(st, 1, resource_no), stop = 0;

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(st, 2, node_no);
    while (rc == SQLITE_OK && stop == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct reach_row row = { 0 };

        rc = store_column_row(st, &store_reach, a, &row);
        if (rc == SQLITE_OK)
            stop = told(ctx, &row);
    }
    sqlite3_reset(st);
    if (stop < 0)
        return stop;
    return rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : store_read_outcome(r->db, rc, r->path, e);
}
