/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is refused at a start, each with its sentence. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "script.h"
#include "store_internal.h"
#include "store_schema.h"

static char *dir;
static char path[512];
static struct store_options options;
static struct err e;

static void set_up(void)
{
    dir = temp_dir();
    snprintf(path, sizeof path, "%s/%s", dir, STORE_FILE);
    options = (struct store_options){ .dir = dir };
}

static void tear_down(void)
{
    temp_remove(dir);
}

TestSuite(open, .init = set_up, .fini = tear_down);

static struct store *must_open(void)
{
    struct store *s = NULL;
    int rc = store_open(&options, &s, &e);

    cr_assert(rc == 0, "%s", e.text);
    rc = store_init_identity(s, script_db_id, &e);
    cr_assert(rc == 0, "%s", e.text);
    return s;
}

/* One sentence that names what it is about and what would be right. */
static void check_refused(int wanted, const char *part)
{
    struct store *s = NULL;
    int rc;

    e.text[0] = '\0';
    rc = store_open(&options, &s, &e);
    cr_assert(rc == wanted, "outcome %d, not %d: %s", rc, wanted, e.text);
    cr_assert(s == NULL);
    cr_assert(strstr(e.text, dir) != NULL && strstr(e.text, part) != NULL, "%s", e.text);
    cr_assert(strchr(e.text, '\n') == NULL && strstr(e.text, ": ") != NULL, "%s", e.text);
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    cr_assert(sqlite3_open(path, &db) == SQLITE_OK);
    sqlite3_exec(db, sql, NULL, NULL, &message);
    cr_assert(message == NULL, "%s", message);
    cr_assert(sqlite3_close(db) == SQLITE_OK);
}

static void write_file(const void *p, size_t n, off_t at)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    cr_assert(fd >= 0 && pwrite(fd, p, n, at) == (ssize_t)n);
    close(fd);
}

/* ---- the directory -------------------------------------------------------------------------- */

Test(open, directory_is_made)
{
    struct stat st;
    char inner[512];
    struct store *s;

    snprintf(inner, sizeof inner, "%s/state", dir);
    options.dir = inner;
    umask(0);
    s = must_open();
    cr_assert(stat(inner, &st) == 0 && (st.st_mode & 07777) == 0700);
    store_close(s);
    for (int i = 0; i < 2; i++) {
        char name[560];

        snprintf(name, sizeof name, "%s/%s", inner, i == 0 ? STORE_FILE : "lock");
        unlink(name);
    }
    rmdir(inner);
}

Test(open, directory_without_parent)
{
    options.dir = "/nowhere/at/all";
    cr_assert(store_open(&options, &(struct store *){ NULL }, &e) == -ENOENT);
    cr_assert(strstr(e.text, "/nowhere/at/all") != NULL);
}

Test(open, directory_is_a_file)
{
    write_file("x", 1, 0);
    options.dir = path;
    check_refused(-ENOTDIR, "not a directory");
}

Test(open, directory_open_to_others)
{
    chmod(dir, 0770);
    check_refused(STORE_E_PERMISSION, "0700");
    chmod(dir, 0702);
    check_refused(STORE_E_PERMISSION, "0700");
    chmod(dir, 0755);
    store_close(must_open());
}

Test(open, directory_of_somebody_else)
{
    if (geteuid() != 0)
        cr_skip_test("only root can give a directory away");
    cr_assert(chown(dir, 12345, 12345) == 0);
    check_refused(STORE_E_PERMISSION, "12345");
}

Test(open, database_of_somebody_else)
{
    if (geteuid() != 0)
        cr_skip_test("only root can give a file away");
    store_close(must_open());
    cr_assert(chown(path, 12345, 12345) == 0);
    check_refused(STORE_E_PERMISSION, "12345");
}

Test(open, database_open_to_others)
{
    store_close(must_open());
    chmod(path, 0640);
    check_refused(STORE_E_PERMISSION, "0600");
}

Test(open, database_is_a_link)
{
    char target[560];

    snprintf(target, sizeof target, "%s/other", dir);
    cr_assert(symlink(target, path) == 0);
    check_refused(STORE_E_PERMISSION, "muster.db");
}

Test(open, database_is_a_directory)
{
    struct store *s = NULL;

    cr_assert(mkdir(path, 0700) == 0);
    cr_assert(store_open(&options, &s, &e) != 0 && s == NULL);
    cr_assert(strstr(e.text, path) != NULL);
    rmdir(path);
}

/* ---- the lock ------------------------------------------------------------------------------- */

Test(open, locked_names_the_pid)
{
    struct store *s = must_open();
    char pid[32], lock[560];

    snprintf(pid, sizeof pid, "pid %d,", getpid());
    check_refused(STORE_E_LOCKED, pid);
    snprintf(lock, sizeof lock, "%s/lock", dir);
    cr_assert(truncate(lock, 0) == 0);
    check_refused(STORE_E_LOCKED, "another coordinator uses");
    store_close(s);
    store_close(must_open());
}

/* The lock ends with its holder, however that ends; and is not left to its children. */
Test(open, lock_ends_with_the_process)
{
    int ready[2];
    char c;
    pid_t pid;

    cr_assert(pipe(ready) == 0);
    pid = fork();
    if (pid == 0) {
        struct store *s;

        if (store_open(&options, &s, &e) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    cr_assert(read(ready[0], &c, 1) == 1);
    check_refused(STORE_E_LOCKED, "pid");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    store_close(must_open());
}

Test(open, another_program_writes)
{
    sqlite3 *db = NULL;
    struct store *s;
    struct change c = { .type = CHANGE_META };

    store_close(must_open());
    s = must_open();
    cr_assert(sqlite3_open(path, &db) == SQLITE_OK);
    cr_assert(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    cr_assert(store_commit(s, &c, &e) == STORE_E_FAILED);
    cr_assert(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
    cr_assert(store_commit(s, &c, &e) == 0);
    sqlite3_close(db);
    store_close(s);
}

/* ---- the database --------------------------------------------------------------------------- */

Test(open, not_sqlite)
{
    char before[64] = { 0 }, text[] = "This is not a database, it is somebody's letter.";
    int fd;

    write_file(text, sizeof text, 0);
    check_refused(STORE_E_FOREIGN, "not a muster database");
    fd = open(path, O_RDONLY);
    cr_assert(read(fd, before, sizeof before) == (ssize_t)sizeof text);
    close(fd);
    cr_assert_str_eq(before, text);
}

Test(open, short_file)
{
    write_file("SQ", 2, 0);
    check_refused(STORE_E_FOREIGN, "not a muster database");
}

Test(open, database_of_another_program)
{
    run_sql("CREATE TABLE t(x)");
    chmod(path, 0600);
    check_refused(STORE_E_FOREIGN, "not a muster database");
    run_sql("PRAGMA application_id=7");
    check_refused(STORE_E_FOREIGN, "not a muster database");
    run_sql("PRAGMA journal_mode=WAL; INSERT INTO t VALUES(1)");
    check_refused(STORE_E_FOREIGN, "not a muster database");
}

Test(open, newer)
{
    char sql[40], backup[40];

    store_close(must_open());
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", schema_version + 1);
    snprintf(backup, sizeof backup, "muster.db.before-%d", schema_version + 1);
    run_sql(sql);
    check_refused(STORE_E_NEWER, backup);
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", schema_version);
    run_sql(sql);
    store_close(must_open());
}

Test(open, pages_overwritten)
{
    uint8_t junk[4096];
    struct stat st;
    struct arena *a = arena_new(0);
    struct stored im;
    int damaged = 0;

    memset(junk, 0xa5, sizeof junk);
    store_close(must_open());
    cr_assert(stat(path, &st) == 0);
    for (off_t at = 4096; at < st.st_size; at += 4096) {
        uint8_t was[4096];
        struct store *s = NULL;
        int rc, fd = open(path, O_RDONLY);

        cr_assert(pread(fd, was, sizeof was, at) == sizeof was);
        close(fd);
        write_file(junk, sizeof junk, at);
        rc = store_open(&options, &s, &e);
        if (rc == 0)
            rc = store_load(s, a, &im, &e);
        if (rc != 0) {
            cr_assert(rc == STORE_E_DAMAGED, "%d: %s", rc, e.text);
            cr_assert(strstr(e.text, "damaged") && strstr(e.text, "muster recover"), "%s", e.text);
            damaged++;
        }
        store_close(s);
        unlink(arena_printf(a, "%s-wal", path));
        unlink(arena_printf(a, "%s-shm", path));
        write_file(was, sizeof was, at);
    }
    cr_assert(damaged >= 12, "only %d pages were missed", damaged);
    arena_free(a);
    store_close(must_open());
}

Test(open, file_cut_short)
{
    store_close(must_open());
    cr_assert(truncate(path, 8192) == 0);
    check_refused(STORE_E_DAMAGED, "muster recover");
}

static void check_load(int wanted)
{
    struct arena *a = arena_new(0);
    struct store *s = must_open();
    struct stored im;
    int rc = store_load(s, a, &im, &e);

    cr_assert(rc == wanted, "outcome %d, not %d: %s", rc, wanted, e.text);
    store_close(s);
    arena_free(a);
}

/* Rows that no muster writes. */
Test(open, rows_that_break_rules)
{
    static const char *const faults[][2] = {
        { "INSERT INTO edge VALUES(1,1,9,0,0,0,0,0,NULL,0)", "DELETE FROM edge" },
        { "INSERT INTO edge VALUES(1,-1,1,0,0,0,0,0,NULL,0)", "DELETE FROM edge" },
        { "INSERT INTO retired_boot VALUES(1,x'00',0)", "DELETE FROM retired_boot" },
        { "INSERT INTO section VALUES(1,77,0,zeroblob(16),0,NULL,0)", "DELETE FROM section" },
        { "INSERT INTO network VALUES(zeroblob(16),'n',0,'nonsense',0)", "DELETE FROM network" },
        { "INSERT INTO start VALUES(-1,1,zeroblob(16),0,0)", "DELETE FROM start" },
    };

    store_close(must_open());
    run_sql(
        "INSERT INTO node(no, id, name, name_set, admission, boot_id, key, draining, first_seen) "
        "VALUES(1, zeroblob(16), 'n', 0, 1, zeroblob(16), zeroblob(32), 0, 0)");
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        run_sql(faults[i][0]);
        check_load(STORE_E_DAMAGED);
        run_sql(faults[i][1]);
        check_load(0);
    }
    run_sql("DROP TABLE retired_boot");
    check_refused(STORE_E_DAMAGED, "retired_boot");
}

Test(open, without_meta)
{
    struct arena *a = arena_new(0);
    struct store *s = NULL;
    struct stored im;

    cr_assert(store_open(&options, &s, &e) == 0);
    cr_assert(store_load(s, a, &im, &e) == STORE_E_DAMAGED);
    store_close(s);
    arena_free(a);
}

static void shell(const char *script)
{
    char *const argv[] = { (char *)"/bin/sh", (char *)"-ec", (char *)(uintptr_t)script,
                           (char *)"sh",      dir,           NULL };
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        execv(argv[0], argv);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    cr_assert(status == 0, "%s", script);
}

Test(open, new_database_has_no_backups)
{
    store_close(must_open());
    shell("cd $1; test \"$(echo *)\" = \"lock muster.db\"");
}

/* ---- which file it is -------------------------------------------------------------------------
 */

static int64_t in_recover(struct store *s)
{
    int64_t n;

    cr_assert(store_int(s->db, "SELECT recover FROM meta", -1, &n) == SQLITE_OK);
    return n;
}

/* Opens it after the script, twice: whether it was found to be a copy, and is in recover both
 * times.
 */
static bool is_copy_after(const char *script)
{
    struct store *s;
    bool copy;

    shell(script);
    s = must_open();
    copy = store_is_copy(s);
    cr_assert(in_recover(s) == copy, "%s", script);
    store_close(s);
    s = must_open();
    cr_assert(!store_is_copy(s), "it is the same file now");
    cr_assert(in_recover(s) == copy, "but nobody has decided: %s", script);
    store_close(s);
    return copy;
}

/* A file system that tells no moment of making makes no difference between files. */
static bool is_told(void)
{
    struct statx st;

    return statx(AT_FDCWD, path, 0, STATX_BTIME, &st) == 0 && (st.stx_mask & STATX_BTIME) != 0;
}

Test(open, copy_is_in_recover)
{
    store_close(must_open());
    cr_assert(!is_copy_after("true"), "a restart");
    cr_assert(is_copy_after("cd $1; cp -a muster.db copy; mv copy muster.db") == is_told());
}

Test(open, moved_file_is_the_same)
{
    store_close(must_open());
    cr_assert(
        !is_copy_after("cd $1; mkdir -m 700 other; mv muster.db other; mv other/muster.db ."));
}

/* Only nodes can tell of this one. */
Test(open, file_written_over_in_place_is_the_same)
{
    store_close(must_open());
    cr_assert(!is_copy_after("cd $1; cp muster.db copy; cat copy > muster.db"));
}

Test(open, database_of_before_is_not_a_copy)
{
    store_close(must_open());
    run_sql("DELETE FROM home");
    cr_assert(!is_copy_after("true"));
    cr_assert(is_copy_after("cd $1; cp -a muster.db copy; mv copy muster.db") == is_told());
}
