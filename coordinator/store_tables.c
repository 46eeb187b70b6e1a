/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables as data: each column of coordinator/core/rows.h once. Statements, binding and loading
 * all follow from it; for the inventory they follow from the sections' descriptions. */
#include "store_internal.h"

/* clang-format off */
#define COLUMN(row, member, type)     { #member, type, (uint32_t)offsetof(struct row, member), UINT32_MAX }
#define ENUM(row, member, highest)    { #member, STORE_U32, (uint32_t)offsetof(struct row, member), highest }
#define TABLE(table, row, key_columns, is_single, ...)                                             \
    static const struct store_column table##_columns[] = { __VA_ARGS__ };                          \
    const struct store_table store_##table = { #table, table##_columns,                            \
                                               (int)ARRAY_LEN(table##_columns), key_columns,       \
                                               sizeof(struct row), is_single }

TABLE(meta, meta_row, 0, true,
    COLUMN(meta_row, db_id, STORE_BLOB16),
    COLUMN(meta_row, epoch, STORE_U64),
    COLUMN(meta_row, start_no, STORE_U64),
    COLUMN(meta_row, generation, STORE_U64),
    COLUMN(meta_row, event_no, STORE_U64),
    COLUMN(meta_row, token, STORE_U64),
    COLUMN(meta_row, next_node_no, STORE_U32),
    COLUMN(meta_row, next_resource_no, STORE_U32),
    COLUMN(meta_row, next_task_no, STORE_U32),
    COLUMN(meta_row, recover, STORE_BOOL),
    COLUMN(meta_row, seen_epoch, STORE_U64),
    COLUMN(meta_row, seen_generation, STORE_U64),
    COLUMN(meta_row, seen_token, STORE_U64),
    COLUMN(meta_row, ttl_ms, STORE_U64),
    COLUMN(meta_row, waits, STORE_BOOL));

TABLE(start, start_row, 2, false,
    COLUMN(start_row, epoch, STORE_U64),
    COLUMN(start_row, start_no, STORE_U64),
    COLUMN(start_row, nonce, STORE_BLOB16),
    COLUMN(start_row, generation, STORE_U64),
    COLUMN(start_row, at, STORE_WALL));

TABLE(node, node_row, 1, false,
    COLUMN(node_row, no, STORE_U32),
    COLUMN(node_row, id, STORE_BLOB16),
    COLUMN(node_row, name, STORE_TEXT),
    COLUMN(node_row, name_set, STORE_BOOL),
    ENUM(node_row, admission, NODE_DEAD),
    COLUMN(node_row, text, STORE_TEXT_0),
    COLUMN(node_row, boot_id, STORE_BLOB16),
    COLUMN(node_row, key, STORE_BLOB32),
    COLUMN(node_row, draining, STORE_BOOL),
    COLUMN(node_row, rights_unknown, STORE_BOOL),
    COLUMN(node_row, first_seen, STORE_WALL),
    COLUMN(node_row, product_uuid, STORE_TEXT_0),
    COLUMN(node_row, lowest_mac, STORE_TEXT_0),
    COLUMN(node_row, hostname, STORE_TEXT_0),
    COLUMN(node_row, probe_version, STORE_TEXT_0),
    COLUMN(node_row, source, STORE_TEXT_0));

TABLE(key, key_row, 1, false,
    COLUMN(key_row, key, STORE_BLOB32),
    ENUM(key_row, role, ROLE_OPERATOR),
    ENUM(key_row, state, KEY_REVOKED),
    COLUMN(key_row, node_no, STORE_U32),
    COLUMN(key_row, boot_id, STORE_BLOB16),
    COLUMN(key_row, name, STORE_TEXT_0),
    COLUMN(key_row, created, STORE_WALL),
    COLUMN(key_row, bound, STORE_BOOL));

TABLE(retired_boot, retired_boot_row, 2, false,
    COLUMN(retired_boot_row, node_no, STORE_U32),
    COLUMN(retired_boot_row, boot_id, STORE_BLOB16),
    COLUMN(retired_boot_row, at, STORE_WALL));

TABLE(section, section_row_state, 2, false,
    COLUMN(section_row_state, node_no, STORE_U32),
    ENUM(section_row_state, section, SECTION_COUNT - 1),
    COLUMN(section_row_state, generation, STORE_U64),
    COLUMN(section_row_state, digest, STORE_BLOB16),
    ENUM(section_row_state, status, SECTION_STUCK),
    COLUMN(section_row_state, status_text, STORE_TEXT_0),
    COLUMN(section_row_state, at, STORE_WALL));

/* The columns that a change brings; the others come from the row of section paths. */
TABLE(lost_path, path_lost_row, 2, false,
    COLUMN(path_lost_row, node_no, STORE_U32),
    COLUMN(path_lost_row, device, STORE_TEXT),
    COLUMN(path_lost_row, at, STORE_WALL));

TABLE(resource, resource_row, 1, false,
    COLUMN(resource_row, no, STORE_U32),
    COLUMN(resource_row, id, STORE_BLOB16),
    ENUM(resource_row, kind, RESOURCE_KINDS - 1),
    COLUMN(resource_row, key, STORE_TEXT),
    COLUMN(resource_row, label, STORE_TEXT),
    COLUMN(resource_row, vlan, STORE_U64),
    COLUMN(resource_row, declared, STORE_BOOL),
    COLUMN(resource_row, doubt_since, STORE_WALL),
    COLUMN(resource_row, doubt_told, STORE_BOOL),
    COLUMN(resource_row, seen_together, STORE_TEXT_0),
    COLUMN(resource_row, parent_no, STORE_U32),
    COLUMN(resource_row, type, STORE_TEXT_0));

TABLE(sighting, sighting_row, 3, false,
    COLUMN(sighting_row, node_no, STORE_U32),
    ENUM(sighting_row, section, SECTION_COUNT - 1),
    COLUMN(sighting_row, row_key, STORE_TEXT),
    COLUMN(sighting_row, resource_no, STORE_U32),
    COLUMN(sighting_row, port, STORE_TEXT),
    COLUMN(sighting_row, base, STORE_TEXT),
    COLUMN(sighting_row, vlan, STORE_U64),
    COLUMN(sighting_row, paths_active, STORE_U32),
    COLUMN(sighting_row, paths_total, STORE_U32),
    COLUMN(sighting_row, stuck, STORE_BOOL),
    COLUMN(sighting_row, flawed, STORE_BOOL),
    COLUMN(sighting_row, active, STORE_BOOL),
    COLUMN(sighting_row, size, STORE_U64),
    COLUMN(sighting_row, mark, STORE_U64));

TABLE(edge, edge_row, 2, false,
    COLUMN(edge_row, node_no, STORE_U32),
    COLUMN(edge_row, resource_no, STORE_U32),
    ENUM(edge_row, state, EDGE_LOST),
    COLUMN(edge_row, paths_active, STORE_U32),
    COLUMN(edge_row, paths_total, STORE_U32),
    COLUMN(edge_row, paths_had, STORE_U32),
    COLUMN(edge_row, had_until, STORE_WALL),
    COLUMN(edge_row, since, STORE_WALL),
    COLUMN(edge_row, distrust, STORE_TEXT_0),
    COLUMN(edge_row, distrusted, STORE_WALL));

TABLE(network, network_row, 1, false,
    COLUMN(network_row, id, STORE_BLOB16),
    COLUMN(network_row, name, STORE_TEXT),
    COLUMN(network_row, vlan, STORE_U64),
    COLUMN(network_row, matches, STORE_STRS),
    COLUMN(network_row, created, STORE_WALL));

TABLE(token, token_row, 1, false,
    COLUMN(token_row, hash, STORE_BLOB32),
    ENUM(token_row, role, ROLE_OPERATOR),
    COLUMN(token_row, node, STORE_BLOB16),
    COLUMN(token_row, created, STORE_WALL),
    COLUMN(token_row, expires, STORE_WALL),
    ENUM(token_row, state, TOKEN_EXPIRED));

TABLE(event, event_row, 1, false,
    COLUMN(event_row, no, STORE_U64),
    COLUMN(event_row, at, STORE_WALL),
    COLUMN(event_row, kind, STORE_TEXT),
    COLUMN(event_row, severity, STORE_TEXT),
    COLUMN(event_row, text, STORE_TEXT),
    COLUMN(event_row, generation, STORE_U64),
    COLUMN(event_row, node, STORE_BLOB16),
    COLUMN(event_row, node_name, STORE_TEXT_0),
    COLUMN(event_row, resource, STORE_BLOB16),
    COLUMN(event_row, resource_label, STORE_TEXT_0));

TABLE(lease, lease_row, 1, false,
    COLUMN(lease_row, token, STORE_U64),
    ENUM(lease_row, kind, KIND_ACTIVATION),
    ENUM(lease_row, state, LEASE_HELD),
    COLUMN(lease_row, resource_no, STORE_U32),
    COLUMN(lease_row, node_no, STORE_U32),
    COLUMN(lease_row, boot_id, STORE_BLOB16),
    COLUMN(lease_row, request, STORE_U64),
    COLUMN(lease_row, ttl_ms, STORE_U64),
    COLUMN(lease_row, granted, STORE_WALL),
    COLUMN(lease_row, task_no, STORE_U32),
    COLUMN(lease_row, job_no, STORE_U32),
    COLUMN(lease_row, text, STORE_TEXT_0));

TABLE(lease_history, lease_history_row, 1, false,
    COLUMN(lease_history_row, token, STORE_U64),
    ENUM(lease_history_row, kind, KIND_ACTIVATION),
    COLUMN(lease_history_row, resource, STORE_BLOB16),
    ENUM(lease_history_row, resource_kind, RESOURCE_KINDS - 1),
    COLUMN(lease_history_row, resource_label, STORE_TEXT),
    COLUMN(lease_history_row, node, STORE_BLOB16),
    COLUMN(lease_history_row, node_name, STORE_TEXT),
    COLUMN(lease_history_row, boot_id, STORE_BLOB16),
    COLUMN(lease_history_row, ttl_ms, STORE_U64),
    COLUMN(lease_history_row, granted, STORE_WALL),
    COLUMN(lease_history_row, ended, STORE_WALL),
    ENUM(lease_history_row, ending, LEASE_BROKEN),
    COLUMN(lease_history_row, task_no, STORE_U32),
    COLUMN(lease_history_row, text, STORE_TEXT_0));

TABLE(fence, fence_row, 2, false,
    COLUMN(fence_row, node_no, STORE_U32),
    COLUMN(fence_row, boot_id, STORE_BLOB16),
    ENUM(fence_row, how, FENCE_OPERATOR),
    COLUMN(fence_row, at, STORE_WALL),
    COLUMN(fence_row, text, STORE_TEXT_0));

TABLE(task, task_row, 1, false,
    COLUMN(task_row, no, STORE_U32),
    ENUM(task_row, kind, TASK_KINDS - 1),
    ENUM(task_row, state, TASK_CANCELLING),
    COLUMN(task_row, step, STORE_U32),
    COLUMN(task_row, every_node, STORE_BOOL),
    COLUMN(task_row, created, STORE_WALL),
    COLUMN(task_row, ended, STORE_WALL),
    COLUMN(task_row, text, STORE_TEXT_0),
    COLUMN(task_row, left_out, STORE_U32));

TABLE(job, job_row, 2, false,
    COLUMN(job_row, task_no, STORE_U32),
    COLUMN(job_row, no, STORE_U32),
    COLUMN(job_row, step, STORE_U32),
    ENUM(job_row, state, JOB_DONE),
    COLUMN(job_row, resource_no, STORE_U32),
    COLUMN(job_row, resource, STORE_BLOB16),
    COLUMN(job_row, resource_label, STORE_TEXT),
    COLUMN(job_row, node_no, STORE_U32),
    COLUMN(job_row, attempt, STORE_U64),
    COLUMN(job_row, result, STORE_U32),
    COLUMN(job_row, reason, STORE_TEXT_0),
    COLUMN(job_row, token, STORE_U64),
    COLUMN(job_row, images, STORE_U64),
    COLUMN(job_row, mounts, STORE_U64),
    COLUMN(job_row, ms, STORE_U64),
    COLUMN(job_row, unchanged, STORE_BOOL),
    COLUMN(job_row, ended, STORE_WALL));

TABLE(vg_change, vg_change_row, 1, false,
    COLUMN(vg_change_row, task_no, STORE_U32),
    COLUMN(vg_change_row, op, STORE_U32),
    COLUMN(vg_change_row, vg, STORE_TEXT),
    COLUMN(vg_change_row, vg_uuid, STORE_TEXT_0),
    COLUMN(vg_change_row, containers, STORE_STRS),
    COLUMN(vg_change_row, lv, STORE_TEXT_0),
    COLUMN(vg_change_row, lv_uuid, STORE_TEXT_0),
    COLUMN(vg_change_row, new_name, STORE_TEXT_0),
    COLUMN(vg_change_row, size_bytes, STORE_U64),
    COLUMN(vg_change_row, done, STORE_BOOL),
    COLUMN(vg_change_row, seqno, STORE_U64),
    COLUMN(vg_change_row, mark, STORE_U64),
    COLUMN(vg_change_row, node_no, STORE_U32),
    COLUMN(vg_change_row, extent_bytes, STORE_U64));

TABLE(scan, scan_row, 1, false,
    COLUMN(scan_row, resource_no, STORE_U32),
    COLUMN(scan_row, admitted, STORE_BOOL),
    COLUMN(scan_row, admitted_at, STORE_WALL),
    COLUMN(scan_row, outcome, STORE_U32),
    COLUMN(scan_row, reason, STORE_TEXT_0),
    COLUMN(scan_row, at, STORE_WALL),
    COLUMN(scan_row, node_no, STORE_U32),
    COLUMN(scan_row, token, STORE_U64),
    COLUMN(scan_row, ms, STORE_U64),
    COLUMN(scan_row, images, STORE_U64),
    COLUMN(scan_row, complete_at, STORE_WALL),
    COLUMN(scan_row, fingerprint, STORE_TEXT_0));

TABLE(reach, reach_row, 2, false,
    COLUMN(reach_row, resource_no, STORE_U32),
    COLUMN(reach_row, node_no, STORE_U32),
    ENUM(reach_row, how, REACHED_READ),
    COLUMN(reach_row, boot_id, STORE_BLOB16),
    COLUMN(reach_row, reason, STORE_TEXT_0),
    COLUMN(reach_row, at, STORE_WALL));

/* Beside these it has a column for each field of struct image. */
TABLE(image, image_row, 2, false,
    COLUMN(image_row, filesystem_no, STORE_U32),
    COLUMN(image_row, resource_no, STORE_U32),
    COLUMN(image_row, seen, STORE_WALL));
/* clang-format on */

/* ---- statements ----------------------------------------------------------------------------- */

static void add_names(struct buf *sql, const struct store_table *t, int count)
{
    for (int i = 0; i < count; i++)
        buf_printf(sql, "%s%s", i == 0 ? "" : ", ", t->columns[i].name);
}

void store_sql_upsert(struct buf *sql, const struct store_table *t)
{
    buf_printf(sql, "INSERT INTO %s(%s", t->name, t->single ? "id, " : "");
    add_names(sql, t, t->count);
    buf_printf(sql, ") VALUES(%s", t->single ? "1, " : "");
    for (int i = 0; i < t->count; i++)
        buf_printf(sql, "%s?%d", i == 0 ? "" : ", ", i + 1);
    /* Not REPLACE: that would silently delete another row whose unique name or id is the same. */
    buf_str(sql, ") ON CONFLICT(");
    if (t->single)
        buf_str(sql, "id");
    add_names(sql, t, t->keys);
    buf_str(sql, ") DO UPDATE SET ");
    for (int i = t->keys; i < t->count; i++)
        buf_printf(sql, "%s%s = ?%d", i == t->keys ? "" : ", ", t->columns[i].name, i + 1);
}

void store_sql_delete(struct buf *sql, const struct store_table *t)
{
    buf_printf(sql, "DELETE FROM %s WHERE ", t->name);
    for (int i = 0; i < t->keys; i++)
        buf_printf(sql, "%s%s = ?%d", i == 0 ? "" : " AND ", t->columns[i].name, i + 1);
}

void store_sql_select(struct buf *sql, const struct store_table *t, const char *tail)
{
    buf_str(sql, "SELECT ");
    add_names(sql, t, t->count);
    buf_printf(sql, " FROM %s %s", t->name, tail);
}

int store_inventory_key(const struct section_desc *d)
{
    for (uint32_t i = 0; i < d->row->count; i++) {
        if (d->row->fields[i].flags & FIELD_KEY)
            return (int)i;
    }
    return -1;
}

void store_sql_inventory_upsert(struct buf *sql, const struct section_desc *d)
{
    /* These tables have no other unique column, so REPLACE is the plain overwriting of the row. */
    buf_printf(sql, "REPLACE INTO %s(node_no, hash", d->table);
    for (uint32_t i = 0; i < d->row->count; i++)
        buf_printf(sql, ", %s", d->row->fields[i].name);
    buf_str(sql, ") VALUES(?1, ?2");
    for (uint32_t i = 0; i < d->row->count; i++)
        buf_printf(sql, ", ?%u", i + 3);
    buf_str(sql, ")");
}

void store_sql_image_upsert(struct buf *sql)
{
    buf_str(sql, "REPLACE INTO image(filesystem_no, resource_no, seen");
    for (uint32_t i = 0; i < image_desc.count; i++)
        buf_printf(sql, ", %s", image_desc.fields[i].name);
    buf_str(sql, ") VALUES(?1, ?2, ?3");
    for (uint32_t i = 0; i < image_desc.count; i++)
        buf_printf(sql, ", ?%u", i + 4);
    buf_str(sql, ")");
}

void store_sql_inventory_delete(struct buf *sql, const struct section_desc *d)
{
    int key = store_inventory_key(d);

    buf_printf(sql, "DELETE FROM %s WHERE node_no = ?1", d->table);
    if (key >= 0)
        buf_printf(sql, " AND %s = ?2", d->row->fields[key].name);
}

int store_prepare(sqlite3 *db, struct buf *sql, sqlite3_stmt **out)
{
    const char *text = buf_cstr(sql);
    int rc = text == NULL ? SQLITE_NOMEM
                          : sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

    buf_reset(sql);
    return rc;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int bind_one(sqlite3_stmt *st, int n, const struct store_column *c, const void *at,
                    struct buf *scratch)
{
    switch (c->type) {
    case STORE_U64:
        if (*(const uint64_t *)at > INT64_MAX)
            return SQLITE_MISMATCH;
        return sqlite3_bind_int64(st, n, *(const int64_t *)at);
    case STORE_WALL:
        return sqlite3_bind_int64(st, n, *(const int64_t *)at);
    case STORE_U32:
        return sqlite3_bind_int64(st, n, *(const uint32_t *)at);
    case STORE_BOOL:
        return sqlite3_bind_int(st, n, *(const bool *)at);
    case STORE_TEXT:
    case STORE_TEXT_0:
        return sqlite3_bind_text(st, n, *(const char *const *)at, -1, SQLITE_STATIC);
    case STORE_BLOB16:
        return sqlite3_bind_blob(st, n, at, 16, SQLITE_STATIC);
    case STORE_BLOB32:
        return sqlite3_bind_blob(st, n, at, 32, SQLITE_STATIC);
    case STORE_STRS:
        return store_bind_list(st, n, at, scratch);
    }
    return SQLITE_INTERNAL;
}

int store_bind(sqlite3_stmt *st, const struct store_table *t, int count, const void *row,
               struct buf *scratch)
{
    int rc = SQLITE_OK;

    for (int i = 0; i < count && rc == SQLITE_OK; i++) {
        const struct store_column *c = &t->columns[i];

        rc = bind_one(st, i + 1, c, (const char *)row + c->offset, scratch);
    }
    return rc;
}

int store_column_text(sqlite3_stmt *st, int column, struct arena *a, const char **out)
{
    const void *text = sqlite3_column_text(st, column);

    if (text == NULL) /* the column is not NULL: see the callers */
        return SQLITE_NOMEM;
    *out = arena_strndup(a, text, (size_t)sqlite3_column_bytes(st, column));
    return *out == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static int column_blob(sqlite3_stmt *st, int column, void *at, int size)
{
    if (sqlite3_column_bytes(st, column) != size)
        return SQLITE_CORRUPT;
    memcpy(at, sqlite3_column_blob(st, column), (size_t)size);
    return SQLITE_OK;
}

static int column_int(sqlite3_stmt *st, int i, const struct store_column *c, void *at)
{
    int64_t v = sqlite3_column_int64(st, i);

    if (c->type == STORE_WALL)
        *(wall_ms *)at = (wall_ms){ v };
    else if (v < 0)
        return SQLITE_CORRUPT;
    else if (c->type == STORE_U64)
        *(uint64_t *)at = (uint64_t)v;
    else if (c->type == STORE_BOOL)
        *(bool *)at = v != 0;
    else if (v <= c->max)
        *(uint32_t *)at = (uint32_t)v;
    else
        return SQLITE_CORRUPT;
    return SQLITE_OK;
}

static int column_one(sqlite3_stmt *st, int i, const struct store_column *c, struct arena *a,
                      void *at)
{
    switch (c->type) {
    case STORE_TEXT:
    case STORE_TEXT_0:
        /* NULL where it may not be, or no text at all, is caught by the table's own rules. */
        if (sqlite3_column_type(st, i) == SQLITE_NULL)
            return c->type == STORE_TEXT_0 ? SQLITE_OK : SQLITE_CORRUPT;
        return store_column_text(st, i, a, at);
    case STORE_BLOB16:
        return column_blob(st, i, at, 16);
    case STORE_BLOB32:
        return column_blob(st, i, at, 32);
    case STORE_STRS:
        return store_column_list(st, i, a, at);
    default:
        return column_int(st, i, c, at);
    }
}

int store_column_row(sqlite3_stmt *st, const struct store_table *t, struct arena *a, void *row)
{
    int rc = SQLITE_OK;

    for (int i = 0; i < t->count && rc == SQLITE_OK; i++) {
        const struct store_column *c = &t->columns[i];

        rc = column_one(st, i, c, a, (char *)row + c->offset);
    }
    return rc;
}
