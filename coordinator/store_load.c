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
    PLACE(resource, "ORDER BY no", resources, resource_count),
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

static int read_first(struct store *s, struct arena *a, struct stored *out)
{
    sqlite3 *db = s->db;
    int64_t oldest = 0, over = 0;
    /* store_init_identity made it */
    int rc = read_rows(db, &store_meta, "", a, &out->meta, 1);

    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_LEN(places); i++)
        rc = read_place(db, &places[i], a, out);
    if (rc == SQLITE_OK)
        rc = store_int(db, "SELECT min(no) FROM event", 0, &oldest);
    if (rc == SQLITE_OK)
        rc = store_int(db, "SELECT count(*) FROM lease_history", 0, &over);
    out->oldest_event_no = (uint64_t)oldest;
    out->lease_history_count = (uint64_t)over;
    return rc;
}

/* The transaction is over, whatever has come of it. `rc`: an SQLite result code. */
static int read_over(struct store *s, int rc, struct err *e)
{
    if (rc != SQLITE_OK)
        rc = store_read_outcome(s->db, rc, s->path, e);
    store_exec(s->db, STORE_CACHE);
    if (sqlite3_get_autocommit(s->db) == 0 && store_exec(s->db, "ROLLBACK") != SQLITE_OK)
        store_disconnect(s);
    return rc;
}

int store_load_first(struct store *s, struct arena *a, struct stored *out, struct err *e)
{
    int rc = store_ready(s, e);

    if (rc != 0)
        return rc == STORE_E_DAMAGED || rc == -ENOMEM ? rc : -EIO;
    memset(out, 0, sizeof *out);
    /* Each page is read once: to keep them would only cost memory that has to be made first. */
    rc = store_exec(s->db, "PRAGMA cache_size=-1024; BEGIN");
    if (rc == SQLITE_OK)
        rc = read_first(s, a, out);
    return rc == SQLITE_OK ? 0 : read_over(s, rc, e);
}

int store_load_rest(struct store *s, struct arena *a, struct stored *out,
                    void (*came)(void *ctx, size_t count), void *ctx, struct err *e)
{
    return read_over(s, store_packs_read(s, a, out, came, ctx), e);
}

int store_load(struct store *s, struct arena *a, struct stored *out, struct err *e)
{
    int rc = store_load_first(s, a, out, e);

    return rc == 0 ? store_load_rest(s, a, out, NULL, NULL, e) : rc;
}
