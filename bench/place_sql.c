/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "place_sql.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#define IN "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"

struct place_sql {
    sqlite3 *db;
    sqlite3_stmt *node, *edge, *forms[SQL_FORMS];
};

const char *const place_sql_forms[SQL_FORMS] = { "group", "group-join", "intersect", "join" };

#define SEES(n) "SELECT node FROM edge WHERE resource = ?" #n " AND state <= 2"
#define WITH(n)                                                                            \
    " JOIN edge e" #n " ON e" #n ".resource = ?" #n " AND e" #n ".node = e1.node AND e" #n \
    ".state <= 2"

/* CROSS JOIN would fix the order of the tables; ANALYZE lets SQLite choose, and that is faster. */
static const char *const texts[SQL_FORMS] = {
    "SELECT node FROM edge WHERE resource IN " IN
    " AND state <= 2 AND node IN (SELECT no FROM node "
    "WHERE placeable) GROUP BY node HAVING count(*) = 8",
    "SELECT e.node FROM (SELECT node, count(*) AS n FROM edge WHERE resource IN " IN
    " AND state <= 2 GROUP BY node) e JOIN node ON no = e.node WHERE n = 8 AND placeable",
    SEES(1) " INTERSECT " SEES(2) " INTERSECT " SEES(3) " INTERSECT " SEES(4) " INTERSECT " SEES(
        5) " INTERSECT " SEES(6) " INTERSECT " SEES(7) " INTERSECT " SEES(8) " INTERSECT SELECT no "
                                                                             "FROM node WHERE "
                                                                             "placeable",
    "SELECT e1.node FROM edge e1" WITH(2) WITH(3) WITH(4) WITH(5) WITH(6) WITH(7)
        WITH(8) " JOIN node ON no = e1.node AND placeable WHERE e1.resource = ?1 AND e1.state <= 2",
};

static int bad(const struct place_sql *s, struct err *e)
{
    return err_set(e, -EIO, "SQLite: %s", sqlite3_errmsg(s->db));
}

static int prepare(struct place_sql *s, const char *text, sqlite3_stmt **out, struct err *e)
{
    return sqlite3_prepare_v2(s->db, text, -1, out, NULL) == SQLITE_OK ? 0 : bad(s, e);
}

static int run(struct place_sql *s, const char *text, struct err *e)
{
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : bad(s, e);
}

struct place_sql *place_sql_new(struct err *e)
{
    struct place_sql *s = calloc(1, sizeof *s);
    int rc = s == NULL ? err_set(e, -ENOMEM, "out of memory") : 0;

    if (rc == 0 && sqlite3_open(":memory:", &s->db) != SQLITE_OK)
        rc = bad(s, e);
    if (rc == 0)
        rc = run(s,
                 "CREATE TABLE node (no INTEGER PRIMARY KEY, placeable INTEGER);"
                 "CREATE TABLE edge (resource INTEGER, node INTEGER, state INTEGER, "
                 "PRIMARY KEY (resource, node)) WITHOUT ROWID; BEGIN",
                 e);
    if (rc == 0)
        rc = prepare(s, "INSERT INTO node VALUES (?1, ?2)", &s->node, e);
    if (rc == 0)
        rc = prepare(s, "INSERT INTO edge VALUES (?1, ?2, ?3)", &s->edge, e);
    if (rc < 0) {
        place_sql_free(s);
        return NULL;
    }
    return s;
}

void place_sql_free(struct place_sql *s)
{
    if (s == NULL)
        return;
    sqlite3_finalize(s->node);
    sqlite3_finalize(s->edge);
    for (size_t i = 0; i < SQL_FORMS; i++)
        sqlite3_finalize(s->forms[i]);
    sqlite3_close(s->db);
    free(s);
}

static int insert(struct place_sql *s, sqlite3_stmt *q, struct err *e)
{
    int rc = sqlite3_step(q) == SQLITE_DONE ? 0 : bad(s, e);

    sqlite3_reset(q);
    return rc;
}

int place_sql_node(struct place_sql *s, uint32_t no, int placeable, struct err *e)
{
    sqlite3_bind_int64(s->node, 1, no);
    sqlite3_bind_int(s->node, 2, placeable);
    return insert(s, s->node, e);
}

int place_sql_edge(struct place_sql *s, uint32_t resource, uint32_t node, unsigned state,
                   struct err *e)
{
    sqlite3_bind_int64(s->edge, 1, resource);
    sqlite3_bind_int64(s->edge, 2, node);
    sqlite3_bind_int(s->edge, 3, (int)state);
    return insert(s, s->edge, e);
}

int place_sql_ready(struct place_sql *s, struct err *e)
{
    int rc = run(s, "COMMIT; ANALYZE", e);

    for (size_t i = 0; rc == 0 && i < SQL_FORMS; i++)
        rc = prepare(s, texts[i], &s->forms[i], e);
    return rc;
}

int place_sql_ask(struct place_sql *s, size_t form, const uint32_t *resources, uint64_t *found,
                  uint64_t *sum, struct err *e)
{
    sqlite3_stmt *q = s->forms[form];
    int rc;

    *found = *sum = 0;
    for (int i = 0; i < SQL_NEEDS; i++)
        sqlite3_bind_int64(q, i + 1, resources[i]);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        ++*found;
        *sum += (uint64_t)sqlite3_column_int64(q, 0);
    }
    sqlite3_reset(q);
    return rc == SQLITE_DONE ? 0 : bad(s, e);
}
