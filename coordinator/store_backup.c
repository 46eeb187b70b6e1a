/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of the database, by SQLite's backup API. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "store_internal.h"

static int sync_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    rc = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return rc;
}

/* Out of the original's WAL first, so that the copy is one file and not three. SQLite answers with
 * the mode that it is in, which is no error when it is another. */
static int change_copy(sqlite3 *to, const char *sql)
{
    sqlite3_stmt *st = NULL;
    bool left = false;
    int rc = store_exec(to, "PRAGMA locking_mode=EXCLUSIVE");

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(to, "PRAGMA journal_mode=MEMORY", -1, &st, NULL);
    if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
        left = strcmp((const char *)sqlite3_column_text(st, 0), "memory") == 0;
        sqlite3_step(st);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_finalize(st);
    if (rc == SQLITE_OK && !left)
        rc = SQLITE_IOERR;
    return rc == SQLITE_OK ? store_exec(to, sql) : rc;
}

/* An SQLite result code. */
static int copy_pages(sqlite3 *from, const char *path, const char *vfs, const char *change)
{
    sqlite3_backup *backup = NULL;
    sqlite3 *to = NULL;
    int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);

    /* The file is synced as a whole afterwards, and a half one is thrown away. */
    if (rc == SQLITE_OK)
        rc = store_exec(to, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF");
    if (rc == SQLITE_OK) {
        backup = sqlite3_backup_init(to, "main", from, "main");
        /* All pages in one step is one state, under one read transaction. */
        rc = backup == NULL ? sqlite3_errcode(to) : sqlite3_backup_step(backup, -1);
    }
    if (backup != NULL)
        sqlite3_backup_finish(backup);
    rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
    if (rc == SQLITE_OK && change != NULL)
        rc = change_copy(to, change);
    sqlite3_close(to);
    return rc;
}

int store_copy(sqlite3 *from, const char *path, const char *vfs, const char *change, struct err *e)
{
    int rc, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        rc = -errno;
        return rc == -EEXIST
                   ? err_set(e, rc, "there is a file %s already: give another name", path)
                   : err_set(e, rc, "the backup %s cannot be made: %s", path, strerror(-rc));
    }
    close(fd);
    rc = copy_pages(from, path, vfs, change);
    if (rc != SQLITE_OK) {
        err_set(e, -EIO, "the backup %s cannot be written: %s", path, sqlite3_errstr(rc));
        rc = (rc & 0xff) == SQLITE_NOMEM ? -ENOMEM : (rc & 0xff) == SQLITE_FULL ? -ENOSPC : -EIO;
    } else {
        rc = sync_file(path);
        if (rc < 0)
            err_set(e, rc, "the backup %s cannot be synced: %s", path, strerror(-rc));
    }
    if (rc < 0)
        unlink(path);
    return rc;
}
