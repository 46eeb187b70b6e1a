/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The read-only connection: the paths that a node had and has no more. */
#include "base/limits.h"
#include "core/explain.h"
#include "store_internal.h"

int store_prepare_paths_lost(struct store_reader *r, struct buf *sql)
{
    buf_str(sql,
            "SELECT at, " STORE_PATH_LOST " FROM lost_path WHERE node_no = ?1 ORDER BY seq DESC");
    return store_prepare(r->db, sql, &r->paths_lost);
}

/* The fields in the order of STORE_PATH_LOST. */
static const enum path_field fields[] = {
    path_device,         path_lun,    path_address,     path_transport, path_hba,
    path_initiator_port, path_target, path_target_port, path_portal,
};

static int read_one(sqlite3_stmt *st, struct arena *a, struct path_lost *out)
{
    int rc = SQLITE_OK;

    *out = (struct path_lost){ .at = { sqlite3_column_int64(st, 0) } };
    for (int i = 0; i < (int)ARRAY_LEN(fields) && rc == SQLITE_OK; i++) {
        const char **at = (const char **)((char *)&out->path + path_desc.fields[fields[i]].offset);

        if (sqlite3_column_type(st, i + 1) == SQLITE_NULL)
            continue;
        rc = store_column_text(st, i + 1, a, at);
        out->path.present |= UINT64_C(1) << fields[i];
    }
    return rc;
}

int store_read_paths_lost(struct store_reader *r, uint32_t node_no, struct arena *a,
                          const struct path_lost **out, size_t *count, struct err *e)
{
    struct path_lost *v = arena_array(a, LIMIT_LOST_PATHS, sizeof *v);
    sqlite3_stmt *st = r->paths_lost;
    int rc = v == NULL ? SQLITE_NOMEM : sqlite3_bind_int64(st, 1, node_no);
    size_t n = 0;

    while (rc == SQLITE_OK && n < LIMIT_LOST_PATHS && (rc = sqlite3_step(st)) == SQLITE_ROW)
        rc = read_one(st, a, &v[n++]);
    sqlite3_reset(st);
    *out = v;
    *count = n;
    return rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : store_read_outcome(r->db, rc, r->path, e);
}
