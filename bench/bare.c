/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bare.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "daemon.h"
#include "store.h"

/* The tables of what is derived. */
enum { TABLE_SECTION, TABLE_RESOURCE, TABLE_SIGHTING, TABLE_EDGE, TABLES };

/* Columns that have come since have their defaults: the rows are as long as ours of such a fleet.
 */
static const char *const table_sql[TABLES] = {
    [TABLE_SECTION] = "INSERT INTO section(node_no, section, generation, digest, status, at)"
                      " VALUES(?1, ?2, 1, ?3, 1, 1)",
    [TABLE_RESOURCE] = "INSERT INTO resource(no, id, kind, key, label, vlan, declared)"
                       " VALUES(?1, ?2, 1, ?3, ?4, 0, 0)",
    [TABLE_SIGHTING] = "INSERT INTO sighting(node_no, section, row_key, resource_no, port, base,"
                       " vlan, paths_active, paths_total) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, 2, 2)",
    [TABLE_EDGE] = "INSERT INTO edge(node_no, resource_no, state, paths_active, paths_total,"
                   " paths_had, had_until, since) VALUES(?1, ?2, 1, 2, 2, 2, 0, 1)",
};

struct bare {
    sqlite3 *db;
    sqlite3_stmt *rows[SECTION_COUNT], *tables[TABLES];
    enum bare_rows what;
    int64_t resource_no;
};

static int bind_row(sqlite3_stmt *st, const struct record_desc *d, const void *row)
{
    int rc = SQLITE_OK;

    for (uint32_t i = 0; i < d->count && rc == SQLITE_OK; i++) {
        const struct field *f = &d->fields[i];
        const void *at = field_at(f, row);
        int n = (int)i + 2;

        if (!field_present(d, i, row))
            rc = sqlite3_bind_null(st, n);
        else if (f->type == FIELD_STR)
            rc = sqlite3_bind_text(st, n, *(const char *const *)at, -1, SQLITE_STATIC);
        else if (f->type == FIELD_BOOL)
            rc = sqlite3_bind_int(st, n, *(const bool *)at);
        else if (f->type == FIELD_STRS)
            rc = sqlite3_bind_text(st, n, "[\"eth0\",\"eth1\"]", -1, SQLITE_STATIC);
        else
            rc = sqlite3_bind_int64(st, n, *(const int64_t *)at);
    }
    return rc;
}

static sqlite3_stmt *prepare_row(sqlite3 *db, const struct section_desc *s)
{
    struct buf sql = { 0 };
    sqlite3_stmt *st = NULL;

    buf_printf(&sql, "INSERT INTO %s(node_no", s->table);
    for (uint32_t i = 0; i < s->row->count; i++)
        buf_printf(&sql, ",%s", s->row->fields[i].name);
    buf_str(&sql, ",hash) VALUES(?1");
    for (uint32_t i = 0; i <= s->row->count; i++)
        buf_printf(&sql, ",?%u", i + 2);
    buf_str(&sql, ")");
    sqlite3_prepare_v3(db, buf_cstr(&sql), -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    buf_deinit(&sql);
    return st;
}

static int run(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);

    sqlite3_reset(st);
    return rc == SQLITE_DONE ? 0 : -1;
}

/* The port that a row shows, as the core names it; false: the row shows none. */
static bool port_of(const struct section *s, const void *row, char port[300], const char **base)
{
    const struct nic *nic = row;
    const struct bond *bond = row;
    const struct vlan *vlan = row;

    if (s->id == SECTION_NICS && nic->bond_state == NULL)
        *base = nic->name;
    else if (s->id == SECTION_BONDS)
        *base = bond->name;
    else if (s->id == SECTION_VLANS)
        *base = vlan->base_link;
    else
        return false;
    if (s->id == SECTION_VLANS)
        snprintf(port, 300, "%s.%s", vlan->base_link, vlan->tags);
    else
        snprintf(port, 300, "%s", *base);
    return true;
}

/* Resource, sighting and edge of one row. */
static int insert_derived(struct bare *b, int64_t node_no, const struct section *s, const void *row)
{
    sqlite3_stmt *resource = b->tables[TABLE_RESOURCE], *sighting = b->tables[TABLE_SIGHTING],
                 *edge = b->tables[TABLE_EDGE];
    char port[300], label[340], key[360];
    static const uuid128 ns = { { 1 } };
    const char *base;
    uuid128 id;

    if (b->what != BARE_ALL || !port_of(s, row, port, &base))
        return 0;
    snprintf(label, sizeof label, "unproven:node-%lld/%s", (long long)node_no, port);
    snprintf(key, sizeof key, "unproven:00000000-0000-0000-0000-%012lld/%s", (long long)node_no,
             port);
    id = uuid_v5(ns, label, strlen(label));
    b->resource_no++;
    sqlite3_bind_int64(resource, 1, b->resource_no);
    sqlite3_bind_blob(resource, 2, id.b, sizeof id.b, SQLITE_STATIC);
    sqlite3_bind_text(resource, 3, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(resource, 4, label, -1, SQLITE_STATIC);
    sqlite3_bind_int64(sighting, 1, node_no);
    sqlite3_bind_int(sighting, 2, (int)s->id);
    sqlite3_bind_text(sighting, 3, section_row_key(&section_descs[s->id], row), -1, SQLITE_STATIC);
    sqlite3_bind_int64(sighting, 4, b->resource_no);
    sqlite3_bind_text(sighting, 5, port, -1, SQLITE_STATIC);
    sqlite3_bind_text(sighting, 6, base, -1, SQLITE_STATIC);
    sqlite3_bind_int64(edge, 1, node_no);
    sqlite3_bind_int64(edge, 2, b->resource_no);
    return run(resource) | run(sighting) | run(edge);
}

static int insert_section(struct bare *b, int64_t node_no, const struct section *s)
{
    const struct section_desc *d = &section_descs[s->id];
    sqlite3_stmt *st = b->rows[s->id], *state = b->tables[TABLE_SECTION];
    int rc = 0;

    for (size_t k = 0; k < s->row_count && rc == 0; k++) {
        const void *row = section_row(s, k);

        sqlite3_bind_int64(st, 1, node_no);
        bind_row(st, d->row, row);
        sqlite3_bind_int64(st, (int)d->row->count + 2, (int64_t)s->hashes[k]);
        rc = run(st) | insert_derived(b, node_no, s, row);
    }
    if (rc != 0 || b->what != BARE_ALL)
        return rc;
    sqlite3_bind_int64(state, 1, node_no);
    sqlite3_bind_int(state, 2, (int)s->id);
    sqlite3_bind_blob(state, 3, s->digest.b, sizeof s->digest.b, SQLITE_STATIC);
    return run(state);
}

static int insert_all(struct bare *b, const struct bare_node *nodes, uint32_t n)
{
    int rc = sqlite3_exec(b->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    for (uint32_t i = 0; i < n && rc == 0; i++) {
        for (size_t j = 0; j < nodes[i].count && rc == 0; j++)
            rc = insert_section(b, i + 1, &nodes[i].sections[j]);
    }
    return rc == 0 ? sqlite3_exec(b->db, "COMMIT", NULL, NULL, NULL) : rc;
}

static bool prepare_all(struct bare *b)
{
    bool good = true;

    for (int i = 0; i < SECTION_COUNT && good; i++) {
        b->rows[i] = prepare_row(b->db, &section_descs[i]);
        good = b->rows[i] != NULL;
    }
    for (int i = 0; i < TABLES && good; i++)
        good = sqlite3_prepare_v3(b->db, table_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &b->tables[i],
                                  NULL) == SQLITE_OK;
    return good;
}

static double timed(struct bare *b, const char *path, const struct bare_node *nodes, uint32_t n,
                    struct err *e)
{
    double start, took = -1;
    bool ready;

    if (sqlite3_open(path, &b->db) == SQLITE_OK) {
        sqlite3_exec(
            b->db,
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16000",
            NULL, NULL, NULL);
        ready = prepare_all(b);
        start = seconds_now();
        if (ready && insert_all(b, nodes, n) == 0)
            took = seconds_now() - start;
        else
            err_set(e, -EIO, "bare insert: %s", sqlite3_errmsg(b->db));
        for (int i = 0; i < SECTION_COUNT; i++)
            sqlite3_finalize(b->rows[i]);
        for (int i = 0; i < TABLES; i++)
            sqlite3_finalize(b->tables[i]);
    }
    sqlite3_close(b->db);
    return took;
}

double bare_insert(const struct bare_node *nodes, uint32_t n, enum bare_rows what, struct err *e)
{
    struct bare b = { .what = what };
    struct store *store = NULL;
    struct folder folder;
    char path[160];
    double took = -1;

    if (folder_make(&folder, "/tmp", e) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/%s", folder.path, STORE_FILE);
    if (store_open(&(struct store_options){ .dir = folder.path }, &store, e) == 0) {
        store_close(store);
        took = timed(&b, path, nodes, n, e);
    }
    folder_remove(&folder);
    return took;
}
