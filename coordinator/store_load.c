/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading all that the core needs at a start, as of one moment. */
#include <errno.h>
#include <stdio.h>

#include "store_internal.h"

/* Where a table's rows go. */
struct place {
    const struct store_table *table;
    const char *which; /* "WHERE ..."; "": all */
    const char *order;
    size_t rows, count; /* members of struct stored */
};

#define PLACE_OF(table, which, order, member, counter)                 \
    {                                                                  \
        &store_##table, which, order, offsetof(struct stored, member), \
            offsetof(struct stored, counter)                           \
    }
#define PLACE(table, order, member, counter) PLACE_OF(table, "", order, member, counter)
#define RUNNING                              "ended = 0"

static const struct place places[] = {
    PLACE(start, "ORDER BY epoch, start_no", starts, start_count),
    PLACE(node, "ORDER BY no", nodes, node_count),
    PLACE(key, "ORDER BY key", keys, key_count),
    PLACE(retired_boot, "ORDER BY node_no, boot_id", boots, boot_count),
    PLACE(section, "ORDER BY node_no, section", sections, section_count),
    PLACE(resource, "ORDER BY no", resources, resource_count),
    PLACE(sighting, "ORDER BY node_no, section, row_key", sightings, sighting_count),
    PLACE(edge, "ORDER BY node_no, resource_no", edges, edge_count),
    PLACE(network, "ORDER BY id", networks, network_count),
    PLACE(token, "ORDER BY hash", tokens, token_count),
    PLACE(lease, "ORDER BY token", leases, lease_count),
    PLACE(fence, "ORDER BY node_no, boot_id", fences, fence_count),
    PLACE(scan, "ORDER BY resource_no", scans, scan_count),
    PLACE_OF(task, "WHERE " RUNNING, "ORDER BY no", tasks, task_count),
    PLACE_OF(job, "WHERE task_no IN (SELECT no FROM task WHERE " RUNNING ")",
             "ORDER BY task_no, no", jobs, job_count),
    PLACE_OF(vg_change, "WHERE task_no IN (SELECT no FROM task WHERE " RUNNING ")",
             "ORDER BY task_no", vg_changes, vg_change_count),
};

static int prepare_select(sqlite3 *db, const struct store_table *t, const char *tail,
                          sqlite3_stmt **out)
{
    struct buf sql = { 0 };
    int rc;

    store_sql_select(&sql, t, tail);
    rc = store_prepare(db, &sql, out);
    buf_deinit(&sql);
    return rc;
}

static int count_rows(sqlite3 *db, const char *table, const char *which, size_t *out)
{
    char sql[128];
    int64_t n = 0;
    int rc;

    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s %s", table, which);
    rc = store_int(db, sql, 0, &n);
    *out = (size_t)n;
    return rc;
}

/* Into `rows`, which has room for `count`. SQLITE_CORRUPT: the count was not true. */
static int read_rows(sqlite3 *db, const struct store_table *t, const char *order, struct arena *a,
                     void *rows, size_t count)
{
    sqlite3_stmt *st = NULL;
    size_t i = 0;
    int rc = prepare_select(db, t, order, &st);

    if (rc == SQLITE_OK) {
        while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
            rc = i < count ? store_column_row(st, t, a, (char *)rows + i++ * t->size)
                           : SQLITE_CORRUPT;
            if (rc != SQLITE_OK)
                break;
        }
        if (rc == SQLITE_DONE)
            rc = i == count ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_finalize(st);
    return rc;
}

static int read_place(sqlite3 *db, const struct place *p, struct arena *a, struct stored *out)
{
    size_t count = 0;
    char tail[128];
    void *rows;
    int rc = count_rows(db, p->table->name, p->which, &count);

    if (rc != SQLITE_OK)
        return rc;
    rows = arena_array(a, count, p->table->size);
    if (rows == NULL)
        return SQLITE_NOMEM;
    memcpy((char *)out + p->rows, &rows, sizeof rows);
    memcpy((char *)out + p->count, &count, sizeof count);
    snprintf(tail, sizeof tail, "%s %s", p->which, p->order);
    return read_rows(db, p->table, tail, a, rows, count);
}

static const char *text_or_null(sqlite3_stmt *st, int column)
{
    return (const char *)sqlite3_column_text(st, column);
}

static void kept_path(sqlite3_stmt *st, int column, struct inventory_row *r)
{
    struct path p = { .lun = text_or_null(st, column), .address = text_or_null(st, column + 1) };

    r->mark = path_mark(&p);
}

static void kept_use(sqlite3_stmt *st, int column, struct inventory_row *r)
{
    struct use u = { .kind = text_or_null(st, column),
                     .type = text_or_null(st, column + 1),
                     .used_by = text_or_null(st, column + 2) };

    r->mark = use_mark(&u);
}

/* What the core keeps of a row beyond its key: texts, and figures that are made of columns. */
static const struct kept {
    const char *container, *above; /* columns; NULL: none */
    const char *of_mark;
    void (*mark)(sqlite3_stmt *st, int column, struct inventory_row *r);
} kept[SECTION_COUNT] = {
    [SECTION_PATHS] = { NULL, NULL, "lun, address", kept_path },
    [SECTION_PVS] = { "container", "vg_uuid", NULL, NULL },
    [SECTION_LVS] = { NULL, "vg_uuid", NULL, NULL },
    [SECTION_FILESYSTEMS] = { NULL, "journal_uuid", NULL, NULL },
    [SECTION_USES] = { "container", NULL, "kind, type, used_by", kept_use },
};

static int kept_read(sqlite3_stmt *st, const struct kept *k, int column, struct arena *a,
                     struct inventory_row *r)
{
    const struct {
        const char *name, **to;
    } texts[] = { { k->container, &r->container }, { k->above, &r->above } };
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_LEN(texts); i++) {
        if (texts[i].name == NULL)
            continue;
        if (sqlite3_column_type(st, column) != SQLITE_NULL)
            rc = store_column_text(st, column, a, texts[i].to);
        column++;
    }
    if (rc == SQLITE_OK && k->mark != NULL)
        k->mark(st, column, r);
    return rc;
}

static void keys_sql(struct buf *sql, enum section_id id)
{
    const struct section_desc *d = &section_descs[id];
    const char *columns[] = { kept[id].container, kept[id].above, kept[id].of_mark };
    int key = store_inventory_key(d);

    buf_str(sql, "SELECT node_no, hash");
    if (key >= 0)
        buf_printf(sql, ", %s", d->row->fields[key].name);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (columns[i] != NULL)
            buf_printf(sql, ", %s", columns[i]);
    }
    buf_printf(sql, " FROM %s ORDER BY node_no", d->table);
    if (key >= 0)
        buf_printf(sql, ", %s", d->row->fields[key].name);
}

/* Of the inventory the keys and hashes alone, but for what the core compares rows by. */
static int read_inventory_keys(sqlite3 *db, enum section_id id, struct arena *a,
                               struct inventory_row *rows, size_t count)
{
    const struct section_desc *d = &section_descs[id];
    int key = store_inventory_key(d), rc;
    sqlite3_stmt *st = NULL;
    struct buf sql = { 0 };
    size_t i = 0;

    keys_sql(&sql, id);
    rc = store_prepare(db, &sql, &st);
    buf_deinit(&sql);
    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct inventory_row *r = &rows[i];

        if (i++ == count) {
            rc = SQLITE_CORRUPT;
            break;
        }
        r->section = id;
        r->node_no = (uint32_t)sqlite3_column_int64(st, 0);
        r->hash = (uint64_t)sqlite3_column_int64(st, 1);
        r->key = "";
        rc = key < 0 ? SQLITE_OK : store_column_text(st, 2, a, &r->key);
        if (rc == SQLITE_OK)
            rc = kept_read(st, &kept[id], 3, a, r);
    }
    sqlite3_finalize(st);
    if (rc == SQLITE_DONE)
        rc = i == count ? SQLITE_OK : SQLITE_CORRUPT;
    return rc;
}

static int read_inventory(sqlite3 *db, struct arena *a, struct stored *out)
{
    size_t counts[SECTION_COUNT], total = 0, at = 0;
    int rc = SQLITE_OK;

    for (int i = 0; rc == SQLITE_OK && i < SECTION_COUNT; i++) {
        rc = count_rows(db, section_descs[i].table, "", &counts[i]);
        total += rc == SQLITE_OK ? counts[i] : 0;
    }
    if (rc != SQLITE_OK)
        return rc;
    out->inventory = arena_array(a, total, sizeof *out->inventory);
    if (out->inventory == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; rc == SQLITE_OK && i < SECTION_COUNT; i++) {
        rc = read_inventory_keys(db, (enum section_id)i, a, out->inventory + at, counts[i]);
        at += counts[i];
    }
    out->inventory_count = total;
    return rc;
}

static int read_all(sqlite3 *db, struct arena *a, struct stored *out)
{
    int64_t oldest = 0, over = 0;
    /* store_init_identity made it */
    int rc = read_rows(db, &store_meta, "", a, &out->meta, 1);

    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_LEN(places); i++)
        rc = read_place(db, &places[i], a, out);
    if (rc == SQLITE_OK)
        rc = read_inventory(db, a, out);
    if (rc == SQLITE_OK)
        rc = store_int(db, "SELECT min(no) FROM event", 0, &oldest);
    if (rc == SQLITE_OK)
        rc = store_int(db, "SELECT count(*) FROM lease_history", 0, &over);
    out->oldest_event_no = (uint64_t)oldest;
    out->lease_history_count = (uint64_t)over;
    return rc;
}

int store_load(struct store *s, struct arena *a, struct stored *out, struct err *e)
{
    int rc = store_ready(s, e);

    if (rc != 0)
        return rc == STORE_E_DAMAGED || rc == -ENOMEM ? rc : -EIO;
    memset(out, 0, sizeof *out);
    rc = store_exec(s->db, "BEGIN");
    if (rc == SQLITE_OK)
        rc = read_all(s->db, a, out);
    if (rc != SQLITE_OK)
        rc = store_read_outcome(s->db, rc, s->path, e);
    if (sqlite3_get_autocommit(s->db) == 0 && store_exec(s->db, "ROLLBACK") != SQLITE_OK)
        store_disconnect(s);
    return rc;
}
