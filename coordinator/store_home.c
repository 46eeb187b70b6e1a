/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A database whose file was copied may be old, and the original may have a coordinator of its own
 * that grants what this one does not know of: so a copy begins in recover, as one that `muster
 * backup` makes. A file is known by its number and the moment of its making, which no copy has and
 * which stay when it is moved within its file system. What is written over in place, or put back
 * with its whole disk, is the same file by that; then only nodes can tell (ARCHITECTURE, section
 * 5). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store_internal.h"

enum { HOME_TEXT = 80 };

/* False: this file system gives no moment, and its numbers alone may be others at each mount. */
static bool home_of(const char *path, char out[HOME_TEXT])
{
    struct statx st;

    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) != 0 ||
        (st.stx_mask & STATX_BTIME) == 0)
        return false;
    snprintf(out, HOME_TEXT, "%llu %lld.%09u", (unsigned long long)st.stx_ino,
             (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
    return true;
}

/* -1: no row yet. Else whether it says this. An SQLite result code in *rc. */
static int says(sqlite3 *db, const char *home, int *rc)
{
    sqlite3_stmt *st = NULL;
    int is = -1;

    *rc = sqlite3_prepare_v2(db, "SELECT file FROM home WHERE id=1", -1, &st, NULL);
    if (*rc == SQLITE_OK)
        *rc = sqlite3_step(st);
    if (*rc == SQLITE_ROW)
        is = strcmp((const char *)sqlite3_column_text(st, 0), home) == 0;
    if (*rc == SQLITE_ROW || *rc == SQLITE_DONE)
        *rc = SQLITE_OK;
    sqlite3_finalize(st);
    return is;
}

/* `home` needs no quoting: digits, a blank and a point. */
static int set(sqlite3 *db, const char *home, bool copied)
{
    char sql[2 * HOME_TEXT];
    int rc = store_exec(db, "BEGIN IMMEDIATE");

    snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO home(id, file) VALUES(1, '%s')", home);
    if (rc == SQLITE_OK)
        rc = store_exec(db, sql);
    if (rc == SQLITE_OK && copied)
        rc = store_exec(db, "UPDATE meta SET recover=1");
    if (rc == SQLITE_OK)
        rc = store_exec(db, "COMMIT");
    if (rc != SQLITE_OK && sqlite3_get_autocommit(db) == 0)
        store_exec(db, "ROLLBACK"); /* if that fails too, closing does it */
    return rc;
}

int store_settle_home(struct store *s, struct err *e)
{
    char home[HOME_TEXT];
    int rc = SQLITE_OK, is = 1;

    if (home_of(s->path, home))
        is = says(s->db, home, &rc);
    if (rc == SQLITE_OK && is != 1)
        rc = set(s->db, home, is == 0);
    if (rc != SQLITE_OK)
        return store_open_outcome(s->db, rc, s->path, e);
    s->copied = is == 0;
    return 0;
}

bool store_is_copy(const struct store *s)
{
    return s->copied;
}
