/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening and closing: the writing connection and what SQLite's errors mean. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_internal.h"
#include "store_schema.h"

int store_exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int store_step(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st), reset = sqlite3_reset(st);

    return rc == SQLITE_DONE || rc == SQLITE_ROW ? reset : rc;
}

int store_int(sqlite3 *db, const char *sql, int64_t missing, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

    *out = missing;
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
            *out = sqlite3_column_int64(st, 0);
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    sqlite3_finalize(st);
    return rc;
}

/* ---- what SQLite's errors mean -------------------------------------------------------------- */

/* Both what SQLite says and what the system said, when it did. */
static const char *reason(sqlite3 *db, int rc, char *out, size_t n)
{
    /* A code that is our own finding left no message in the connection. */
    bool own = db == NULL || sqlite3_extended_errcode(db) != rc;
    int system = own ? 0 : sqlite3_system_errno(db);
    const char *text = own ? sqlite3_errstr(rc) : sqlite3_errmsg(db);

    if (system != 0 && ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN))
        snprintf(out, n, "%s, %s", text, strerror(system));
    else
        snprintf(out, n, "%s", text);
    return out;
}

int store_read_outcome(sqlite3 *db, int rc, const char *path, struct err *e)
{
    char why[160];

    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return err_set(e, -ENOMEM, "there is not enough memory to read %s", path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a table or column is not there */
    case SQLITE_MISMATCH:
        return err_set(e, STORE_E_DAMAGED,
                       "the database %s is damaged (%s): put a backup in its place, then run "
                       "'muster recover'",
                       path, reason(db, rc, why, sizeof why));
    default:
        return err_set(e, -EIO, "the database %s cannot be read: %s", path,
                       reason(db, rc, why, sizeof why));
    }
}

int store_open_outcome(sqlite3 *db, int rc, const char *path, struct err *e)
{
    char why[160];

    switch (rc & 0xff) {
    case SQLITE_NOTADB:
        return err_set(e, STORE_E_FOREIGN,
                       "%s is not a muster database: move it away, or give another state directory",
                       path);
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return err_set(e, STORE_E_PERMISSION,
                       "the database %s cannot be opened for writing (%s): change its permissions",
                       path, reason(db, rc, why, sizeof why));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(e, STORE_E_LOCKED, "another program writes to %s: end it", path);
    case SQLITE_FULL:
        return err_set(e, -ENOSPC, "the disk that holds %s is full: free some space", path);
    default:
        return store_read_outcome(db, rc, path, e);
    }
}

int store_write_outcome(sqlite3 *db, int rc, const char *path, struct err *e)
{
    char why[160];

    if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
        return err_set(
            e, STORE_E_FATAL,
            "%s could not be synced (%s): what of it is durable is not known until it is "
            "opened anew",
            path, reason(db, rc, why, sizeof why));
    if ((rc & 0xff) == SQLITE_FULL)
        return err_set(e, STORE_E_FAILED, "the disk that holds %s is full: free some space", path);
    return err_set(e, STORE_E_FAILED, "%s cannot be written: %s", path,
                   reason(db, rc, why, sizeof why));
}

/* ---- the connection ------------------------------------------------------------------------- */

static int check_header(sqlite3 *db, const char *path, struct err *e)
{
    int64_t id = 0, version = 0, tables = 0;
    int rc = store_int(db, "PRAGMA application_id", 0, &id);

    if (rc == SQLITE_OK)
        rc = store_int(db, "PRAGMA user_version", 0, &version);
    if (rc == SQLITE_OK)
        rc = store_int(db, "SELECT count(*) FROM sqlite_schema", 0, &tables);
    if (rc != SQLITE_OK)
        return store_open_outcome(db, rc, path, e);
    if (id == 0 && version == 0 && tables == 0)
        return 0; /* new */
    if (id != STORE_APPLICATION_ID)
        return store_open_outcome(db, SQLITE_NOTADB, path, e);
    if (version > schema_version)
        return err_set(e, STORE_E_NEWER,
                       "%s was written by a newer muster (schema %d, this one knows %d): run the "
                       "newer one, or put the backup from before the upgrade, %s.before-%d, in its "
                       "place",
                       path, (int)version, schema_version, STORE_FILE, schema_version + 1);
    return 0;
}

/* SQLite answers with the mode that it is in, which is no error when it is another. */
static int enter_wal(struct store *s, struct err *e)
{
    sqlite3_stmt *st = NULL;
    /* A new database becomes one with a WAL by way of a rollback journal. EXTRA makes the end of
     * that durable: if it came back after a power cut, all that is in the WAL would be lost. */
    int rc = store_exec(s->db, "PRAGMA synchronous=EXTRA");
    bool wal = false;

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(s->db, "PRAGMA journal_mode=WAL", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        wal = strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
        rc = sqlite3_step(st); /* the answer comes before the commit that makes it true */
    }
    sqlite3_finalize(st);
    if (rc != SQLITE_DONE)
        return store_open_outcome(s->db, rc, s->path, e);
    return wal ? 0
               : err_set(e, -EOPNOTSUPP,
                         "the file system of %s cannot share memory between processes: give a "
                         "state directory on a local disk",
                         s->path);
}

static int on_commit(void *context, sqlite3 *db, const char *name, int pages)
{
    struct store *s = context;

    (void)db;
    (void)name;
    s->wal_pages = pages;
    return SQLITE_OK;
}

static int set_up(struct store *s, struct err *e)
{
    char sql[64];
    int rc = enter_wal(s, e);

    if (rc != 0)
        return rc;
    snprintf(sql, sizeof sql, "PRAGMA synchronous=%s", s->synchronous);
    rc = store_exec(s->db, sql);
    /* The WAL is checkpointed by us, who look at the result. It is kept at its size
     * when it starts again, since overwriting needs no new space and syncs faster. What is deleted
     * here is no secret and need not be overwritten. */
    if (rc == SQLITE_OK)
        rc = store_exec(
            s->db, "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864;" STORE_CACHE
                   "; PRAGMA temp_store=MEMORY;"
                   "PRAGMA secure_delete=OFF; PRAGMA trusted_schema=OFF");
    if (rc != SQLITE_OK)
        return store_open_outcome(s->db, rc, s->path, e);
    sqlite3_wal_hook(s->db, on_commit, s); /* after the pragma, which uses the same hook */
    return 0;
}

int store_connect(struct store *s, struct err *e)
{
    int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, s->vfs);

    if (rc != SQLITE_OK) {
        rc = store_open_outcome(s->db, rc, s->path, e);
        goto out;
    }
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
    s->wal_pages = s->checkpointed_pages = s->index_regions = 0;
    rc = check_header(s->db, s->path, e);
    if (rc == 0)
        rc = set_up(s, e);
    if (rc == 0)
        rc = store_migrate(s->db, s->path, s->vfs, schema_migrations, schema_version, e);
    if (rc == 0) {
        rc = store_prepare_changes(s);
        if (rc != SQLITE_OK)
            rc = store_open_outcome(s->db, rc, s->path, e);
    }
out:
    if (rc != 0)
        store_disconnect(s);
    return rc;
}

void store_disconnect(struct store *s)
{
    int rc;

    store_finalise_changes(s);
    /* Something has failed: what is in the WAL is copied when it works again. */
    if (s->db != NULL)
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rc = sqlite3_close(s->db);
    assert(rc == SQLITE_OK); /* else a statement was forgotten */
    s->db = NULL;
}

int store_ready(struct store *s, struct err *e)
{
    return s->db != NULL ? 0 : store_connect(s, e);
}

int store_open(const struct store_options *o, struct store **out, struct err *e)
{
    struct store *s = calloc(1, sizeof *s);
    int rc;

    if (s == NULL)
        return err_set(e, -ENOMEM, "there is not enough memory for the store");
    /* Nobody asks SQLite how much memory it has, and to know it costs a lock at each allocation.
     * Refused once SQLite runs: then it was said before. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    s->lock_fd = -1;
    s->vfs = o->vfs;
    s->quiet_pages = STORE_QUIET_PAGES;
    s->checkpoint_pages = STORE_CHECKPOINT_PAGES;
    snprintf(s->synchronous, sizeof s->synchronous, "%s",
             o->synchronous == NULL ? "FULL" : o->synchronous);
    if (snprintf(s->path, sizeof s->path, "%s/%s", o->dir, STORE_FILE) >= (int)sizeof s->path)
        rc = err_set(e, -ENAMETOOLONG, "the path of the state directory is too long");
    else
        rc = store_check_dir(o->dir, e);
    if (rc == 0)
        rc = store_take_lock(o->dir, &s->lock_fd, e);
    if (rc == 0)
        rc = store_check_file(s->path, e);
    if (rc == 0)
        rc = store_connect(s, e);
    if (rc == 0 && !o->copies)
        rc = store_settle_home(s, e);
    if (rc != 0) {
        store_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->db != NULL && !s->fatal) {
        int rc;

        store_finalise_changes(s);
        rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        /* A failure costs nothing: all is in the WAL, and the next start goes on with it. */
        if (rc == SQLITE_OK) {
            rc = sqlite3_close(s->db);
            assert(rc == SQLITE_OK);
            s->db = NULL;
        }
    }
    store_disconnect(s);
    store_free_packs(s);
    buf_deinit(&s->scratch);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
}

int store_init_identity(struct store *s, uuid128 db_id, struct err *e)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db,
                                "INSERT OR IGNORE INTO meta(id, db_id, epoch, start_no, generation,"
                                " event_no, token, next_node_no, next_resource_no, recover,"
                                " seen_epoch, seen_generation, seen_token, ttl_ms)"
                                " VALUES(1, ?1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0)",
                                -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob(st, 1, db_id.b, sizeof db_id.b, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = store_step(st);
    if ((rc & 0xff) == SQLITE_CORRUPT)
        rc = store_open_outcome(s->db, rc, s->path, e);
    else if (rc != SQLITE_OK)
        rc = store_write_outcome(s->db, rc, s->path, e);
    sqlite3_finalize(st);
    return rc;
}
