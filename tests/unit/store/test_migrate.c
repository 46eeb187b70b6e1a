/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Migrations, the copies that are made before them, and backups: also on a disk that fails at every
 * call in turn. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "script.h"
#include "store_internal.h"
#include "store_schema.h"
#include "vfs_fault.h"

#define NOW 15 /* the version that muster makes now; held by set_up */

static char *dir;
static char path[512];
static struct store_options options;
static struct err e;

static void set_up_in(char *folder)
{
    dir = folder;
    snprintf(path, sizeof path, "%s/%s", dir, STORE_FILE);
    options = (struct store_options){ .dir = dir };
}

static void set_up(void)
{
    cr_assert(schema_version == NOW);
    vfs_fault_register();
    set_up_in(temp_dir());
}

static void tear_down(void)
{
    temp_remove(dir);
}

TestSuite(migrate, .init = set_up, .fini = tear_down);

static struct store *must_open(void)
{
    struct store *s = NULL;
    int rc = store_open(&options, &s, &e);

    cr_assert(rc == 0, "%s", e.text);
    rc = store_init_identity(s, script_db_id, &e);
    cr_assert(rc == 0, "%s", e.text);
    return s;
}

static sqlite3 *open_plain(const char *file)
{
    sqlite3 *db = NULL;

    cr_assert(sqlite3_open(file, &db) == SQLITE_OK);
    return db;
}

static int64_t number(const char *file, const char *sql)
{
    sqlite3 *db = open_plain(file);
    int64_t v = -1;

    store_int(db, sql, -1, &v);
    sqlite3_close(db);
    return v;
}

/* To `more` versions above what there is: the first of them by `first`. */
static int migrate_on(const char *vfs, const char *first, int more)
{
    const char *steps[NOW + 2];
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, vfs);

    for (int v = 0; v < NOW; v++)
        steps[v] = schema_migrations[v];
    steps[NOW] = first;
    steps[NOW + 1] = "ALTER TABLE node ADD COLUMN rack TEXT";
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(db, 1);
        rc = store_migrate(db, path, vfs, steps, NOW + more, &e);
    } else {
        rc = store_open_outcome(db, rc, path, &e);
    }
    sqlite3_close(db);
    return rc;
}

static int migrate(const char *first, int more)
{
    return migrate_on(NULL, first, more);
}

static void put_node(void)
{
    struct change c = { .type = CHANGE_NODE };
    struct store *s = must_open();

    c.node = (struct node_row){ .no = 1, .id = { "i" }, .name = "dom0-a" };
    cr_assert(store_commit(s, &c, &e) == 0);
    store_close(s);
}

static const char *before_name(int version)
{
    static char name[32];

    snprintf(name, sizeof name, "muster.db.before-%d", version);
    return name;
}

Test(migrate, keeps_data_and_a_backup)
{
    char before[560];
    struct stat st;

    put_node();
    cr_assert(migrate("ALTER TABLE node ADD COLUMN site TEXT;"
                      "UPDATE node SET site = 'Ulm';",
                      2) == 0,
              "%s", e.text);
    cr_assert(number(path, "PRAGMA user_version") == NOW + 2);
    cr_assert(number(path, "SELECT count(*) FROM node WHERE name = 'dom0-a' AND site = 'Ulm'") ==
              1);
    for (int v = NOW + 1; v <= NOW + 2; v++) {
        snprintf(before, sizeof before, "%s.before-%d", path, v);
        cr_assert(stat(before, &st) == 0 && (st.st_mode & 0777) == 0600, "%s", before);
        cr_assert(number(before, "PRAGMA user_version") == v - 1);
        cr_assert(number(before, "SELECT count(*) FROM node WHERE name = 'dom0-a'") == 1);
    }
    cr_assert(store_open(&options, &(struct store *){ NULL }, &e) == STORE_E_NEWER);
    cr_assert(strstr(e.text, before_name(NOW + 1)) != NULL, "%s", e.text);
    snprintf(before, sizeof before, "%s.before-%d", path, NOW + 1);
    cr_assert(rename(before, path) == 0);
    store_close(must_open()); /* the way back that the sentence tells */
}

/* For how long leases were granted it does not say: as long as any may be. */
Test(migrate, from_version_8_keeps_proofs_and_waits_for_the_longest_lease)
{
    sqlite3 *db = NULL;

    cr_assert(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
              SQLITE_OK);
    cr_assert(store_migrate(db, path, NULL, schema_migrations, 8, &e) == 0, "%s", e.text);
    cr_assert(store_exec(db, "INSERT INTO meta(id, db_id, epoch, start_no, generation, event_no, "
                             "token, next_node_no, next_resource_no, recover, seen_epoch, "
                             "seen_generation, seen_token) "
                             "VALUES(1, zeroblob(16), 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0);"
                             "INSERT INTO reach(resource_no, node_no, proven, reason, at) "
                             "VALUES(1, 1, 1, NULL, 5), (1, 2, 0, 'why', 6)") == SQLITE_OK);
    sqlite3_close(db);
    cr_assert(chmod(path, 0600) == 0);
    store_close(must_open());
    cr_assert(number(path, "SELECT ttl_ms FROM meta") == LIMIT_LEASE_TTL_MS);
    cr_assert(number(path,
                     "SELECT count(*) FROM reach WHERE how = 2 - node_no AND at = 4 + node_no "
                     "AND boot_id = zeroblob(16)") == 2);
}

Test(migrate, that_fails_changes_nothing)
{
    put_node();
    cr_assert(migrate("ALTER TABLE node ADD COLUMN site TEXT; SELECT nonsense", 1) != 0);
    cr_assert(strlen(e.text) > 0);
    cr_assert(number(path, "PRAGMA user_version") == NOW);
    cr_assert(number(path, "SELECT count(*) FROM pragma_table_info('node') WHERE name = 'site'") ==
              0);
    /* Another attempt replaces the backup of the first, and the remains of one that was cut. */
    put_node();
    cr_assert(migrate("ALTER TABLE node ADD COLUMN site TEXT", 1) == 0, "%s", e.text);
    cr_assert(number(path, "PRAGMA user_version") == NOW + 1);
}

Test(migrate, goes_over_the_remains_of_another)
{
    char draft[560];
    int fd;

    put_node();
    snprintf(draft, sizeof draft, "%s.before-%d.draft", path, NOW + 1);
    fd = open(draft, O_WRONLY | O_CREAT, 0600);
    cr_assert(fd >= 0 && write(fd, "half", 4) == 4);
    close(fd);
    cr_assert(migrate("ALTER TABLE node ADD COLUMN site TEXT", 1) == 0, "%s", e.text);
    cr_assert(access(draft, F_OK) != 0);
}

/* ---- a disk that fails ---------------------------------------------------------------------- */

#define SITE "ALTER TABLE node ADD COLUMN site TEXT; UPDATE node SET site = 'Ulm';"

static void remove_all(void)
{
    temp_remove(dir);
    set_up();
}

/* Whole steps only; of each that was made, the copy from before it; nothing half. */
static void check_steps(const char *where)
{
    int64_t version = number(path, "PRAGMA user_version");
    char name[560];

    cr_assert(version >= NOW && version <= NOW + 2, "%s: version %d", where, (int)version);
    cr_assert(number(path, "SELECT count(*) FROM node WHERE name = 'dom0-a'") == 1, "%s", where);
    cr_assert(number(path, "SELECT count(*) FROM pragma_table_info('node')"
                           " WHERE name IN ('site', 'rack')") == version - NOW,
              "%s: a step is not whole", where);
    for (int v = NOW + 1; v <= NOW + 2; v++) {
        snprintf(name, sizeof name, "%s.before-%d", path, v);
        if (v <= version || access(name, F_OK) == 0) {
            cr_assert(number(name, "PRAGMA user_version") == v - 1, "%s: %s", where, name);
            cr_assert(number(name, "SELECT count(*) FROM node WHERE name = 'dom0-a'") == 1,
                      "%s: %s", where, name);
        }
        strncat(name, ".draft", sizeof name - strlen(name) - 1);
        cr_assert(access(name, F_OK) != 0, "%s: %s is left behind", where, name);
    }
}

static void sweep_migration(enum fault kind)
{
    char *made = dir;
    bool fired = true;
    int n = 0;

    put_node();
    while (fired) {
        char where[64];
        int rc;

        snprintf(where, sizeof where, "%s, call %d", vfs_fault_name(kind), ++n);
        set_up_in(temp_crash_copy(made));
        e.text[0] = '\0';
        vfs_fault_arm(kind, (uint64_t)n, n % 2 == 0);
        rc = migrate_on(VFS_FAULT, SITE, 2);
        fired = vfs_fault_fired();
        vfs_fault_heal();
        cr_assert(fired || rc == 0, "%s: %s", where, e.text);
        cr_assert((rc == 0) == (e.text[0] == '\0'), "%s: %d: %s", where, rc, e.text);
        check_steps(where);
        cr_assert(migrate(SITE, 2) == 0 || number(path, "PRAGMA user_version") > NOW, "%s: %s",
                  where, e.text);
        check_steps(where);
        temp_remove(dir);
    }
    cr_assert(n > 2, "only %d calls", n);
    set_up_in(made);
    remove_all();
}

Test(migrate, on_a_disk_that_fails)
{
    static const enum fault kinds[] = { FAULT_WRITE_EIO, FAULT_WRITE_FULL, FAULT_WRITE_SHORT,
                                        FAULT_READ,      FAULT_SYNC,       FAULT_OPEN };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        sweep_migration(kinds[i]);
}

/* A backup is whole or not there. */
static void sweep_backup(enum fault kind)
{
    struct store *s;
    bool fired = true;
    char copy[560], wal[580];
    int n = 0;

    put_node();
    options.vfs = VFS_FAULT;
    s = must_open();
    snprintf(copy, sizeof copy, "%s/copy", dir);
    snprintf(wal, sizeof wal, "%s-wal", copy);
    while (fired) {
        struct store_reader *r;
        int rc;

        cr_assert(store_reader_open(&options, &r, &e) == 0, "%s", e.text);
        e.text[0] = '\0';
        n++;
        vfs_fault_arm(kind, (uint64_t)n, n % 2 == 0);
        rc = store_backup(r, copy, &e);
        fired = vfs_fault_fired();
        vfs_fault_heal();
        cr_assert(rc <= 0 && (rc == 0) == (access(copy, F_OK) == 0), "%s", e.text);
        cr_assert(rc == 0 || strstr(e.text, copy) != NULL, "%s", e.text);
        if (rc != 0) /* the reader is as good as before */
            cr_assert(store_backup(r, copy, &e) == 0, "%s", e.text);
        cr_assert(number(copy, "SELECT count(*) FROM node WHERE name = 'dom0-a'") == 1);
        cr_assert(number(copy, "SELECT recover FROM meta") == 1);
        cr_assert(access(wal, F_OK) != 0, "there is more than one file of it");
        unlink(copy);
        store_reader_close(r);
    }
    cr_assert(n > 1, "%s: only %d calls", vfs_fault_name(kind), n);
    store_close(s);
    remove_all();
}

Test(migrate, backup_on_a_disk_that_fails)
{
    static const enum fault kinds[] = { FAULT_WRITE_EIO, FAULT_WRITE_FULL, FAULT_READ, FAULT_OPEN };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        sweep_backup(kinds[i]);
}
