/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing a database up to date, one numbered step after the other, a copy before each; or making
 * a new one. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "store_internal.h"

/* A step is whole or not at all: its number is set in its own transaction. */
static int run_step(sqlite3 *db, const char *migration, int version)
{
    char sql[96];
    int rc = store_exec(db, "BEGIN EXCLUSIVE");

    if (rc == SQLITE_OK)
        rc = store_exec(db, migration);
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             STORE_APPLICATION_ID, version);
    if (rc == SQLITE_OK)
        rc = store_exec(db, sql);
    if (rc == SQLITE_OK)
        rc = store_exec(db, "COMMIT");
    return rc;
}

/* The copy gets its name only when it is whole: one that was cut off is never taken for a backup.
 * One of an earlier attempt is replaced, since it may be older than the database. */
static int back_up(sqlite3 *db, const char *path, const char *vfs, int version, struct err *e)
{
    char name[PATH_MAX], draft[PATH_MAX];
    int rc;

    if (snprintf(name, sizeof name, "%s.before-%d", path, version) >= (int)sizeof name ||
        snprintf(draft, sizeof draft, "%s.draft", name) >= (int)sizeof draft)
        return err_set(e, -ENAMETOOLONG, "the path of the state directory is too long");
    unlink(draft);
    rc = store_copy(db, draft, vfs, NULL, e);
    if (rc != 0)
        return rc;
    if (rename(draft, name) != 0) {
        rc = -errno;
        unlink(draft);
    } else {
        rc = store_sync_folder(name);
    }
    return rc == 0 ? 0 : err_set(e, rc, "the backup %s cannot be made: %s", name, strerror(-rc));
}

int store_migrate(sqlite3 *db, const char *path, const char *vfs, const char *const *migrations,
                  int newest, struct err *e)
{
    int64_t version;
    int rc = store_int(db, "PRAGMA user_version", 0, &version);

    for (int v = (int)version + 1; rc == SQLITE_OK && v <= newest; v++) {
        if (version > 0) { /* of a new one there is nothing to keep */
            rc = back_up(db, path, vfs, v, e);
            if (rc != 0)
                return rc;
        }
        rc = run_step(db, migrations[v - 1], v);
    }
    if (rc == SQLITE_OK)
        return 0;
    rc = store_open_outcome(db, rc, path, e);
    if (sqlite3_get_autocommit(db) == 0)
        store_exec(db, "ROLLBACK"); /* if that fails too, closing does it */
    return rc;
}
