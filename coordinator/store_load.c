/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading all that the core needs at a start, as of one moment. */
#include <errno.h>
#include <stdio.h>

#include "store_internal.h"

/* Where a table's rows go. */
struct place {
    const struct store_table *table;
    const char *order;
    size_t rows, count; /* members of struct stored */
};

#define PLACE(table, order, member, counter)                                                     \
    {                                                                                            \
        &store_##table, order, offsetof(struct stored, member), offsetof(struct stored, counter) \
    }

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

static int count_rows(sqlite3 *db, const char *table, size_t *out)
{
    char sql[64];
    int64_t n = 0;
    int rc;

    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
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
    void *rows;
    int rc = count_rows(db, p->table->name, &count);

    if (rc != SQLITE_OK)
        return rc;
    rows = arena_array(a, count, p->table->size);
    if (rows == NULL)
        return SQLITE_NOMEM;
    memcpy((char *)out + p->rows, &rows, sizeof rows);
    memcpy((char *)out + p->count, &count, sizeof count);
    return read_rows(db, p->table, p->order, a, rows, count);
}

/* What the core keeps of a row beyond its key. */
static int kept_column(sqlite3_stmt *st, enum section_id id, int column, struct arena *a,
                       struct inventory_row *r)
{
    struct path p = { 0 };
    int rc = SQLITE_OK;

    if (id == SECTION_PVS && sqlite3_column_type(st, column) != SQLITE_NULL)
        return store_column_text(st, column, a, &r->container);
    if (id != SECTION_PATHS)
        return rc;
    p.lun = (const char *)sqlite3_column_text(st, column);
    p.address = (const char *)sqlite3_column_text(st, column + 1);
    r->mark = path_mark(&p);
    return rc;
}

static const char *kept_columns(enum section_id id)
{
    return id == SECTION_PVS ? ", container" : id == SECTION_PATHS ? ", lun, address" : "";
}

/* Of the inventory the keys and hashes alone, but for what the core compares rows by. */
static int read_inventory_keys(sqlite3 *db, enum section_id id, struct arena *a,
                               struct inventory_row *rows, size_t count)
{
    const struct section_desc *d = &section_descs[id];
    int key = store_inventory_key(d), rc;
    sqlite3_stmt *st = NULL;
    size_t i = 0;
    char sql[160];

    snprintf(sql, sizeof sql, "SELECT node_no, hash%s%s%s FROM %s ORDER BY node_no%s%s",
             key < 0 ? "" : ", ", key < 0 ? "" : d->row->fields[key].name, kept_columns(id),
             d->table, key < 0 ? "" : ", ", key < 0 ? "" : d->row->fields[key].name);
    rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
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
            rc = kept_column(st, id, 3, a, r);
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
        rc = count_rows(db, section_descs[i].table, &counts[i]);
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
    int64_t oldest = 0;
    /* store_init_identity made it */
    int rc = read_rows(db, &store_meta, "", a, &out->meta, 1);

    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_LEN(places); i++)
        rc = read_place(db, &places[i], a, out);
    if (rc == SQLITE_OK)
        rc = read_inventory(db, a, out);
    if (rc == SQLITE_OK)
        rc = store_int(db, "SELECT min(no) FROM event", 0, &oldest);
    out->oldest_event_no = (uint64_t)oldest;
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
