/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes in comes out: descriptions against the schema, every change, reading, backups. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "core/explain.h"
#include "core/task_info.h"
#include "script.h"
#include "store_internal.h"
#include "store_schema.h"

static char *dir;
static struct store *store;
static struct store_options options;
static struct err e;

static void open_store(void)
{
    int rc = store_open(&options, &store, &e);

    cr_assert(rc == 0, "%s", e.text);
    rc = store_init_identity(store, script_db_id, &e);
    cr_assert(rc == 0, "%s", e.text);
}

static void set_up(void)
{
    dir = temp_dir();
    options = (struct store_options){ .dir = dir };
    open_store();
}

static void tear_down(void)
{
    store_close(store);
    temp_remove(dir);
}

TestSuite(store, .init = set_up, .fini = tear_down);

static void commit(const struct change *c)
{
    int rc = store_commit(store, c, &e);

    cr_assert(rc == 0, "%s", e.text);
    cr_assert(store_pack(store, 2, &e) == 0, "%s", e.text);
}

static void check_text(const char *wanted)
{
    char *text = database_text(store, &options, &e);

    cr_assert(text != NULL, "%s", e.text);
    cr_assert_str_eq(text, wanted);
    free(text);
}

/* ---- descriptions and schema ---------------------------------------------------------------- */

static const char *sql_type(enum field_type t)
{
    return t == FIELD_STR || t == FIELD_STRS ? "TEXT" : "INTEGER";
}

/* Name and type of the table's columns, "name TYPE[ NOT NULL]", as a sorted set in one text. */
static void check_columns(const char *table, const char *const *wanted, int count)
{
    char sql[128];
    sqlite3_stmt *st;
    int seen = 0;

    snprintf(sql, sizeof sql, "SELECT name, type FROM pragma_table_info('%s')", table);
    cr_assert(sqlite3_prepare_v2(store->db, sql, -1, &st, NULL) == SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        bool found = false;
        char *column = NULL;

        cr_assert(
            asprintf(&column, "%s %s", sqlite3_column_text(st, 0), sqlite3_column_text(st, 1)) > 0);
        for (int i = 0; i < count; i++)
            found |= strcmp(column, wanted[i]) == 0;
        cr_assert(found, "table %s has a column that no field has: %s", table, column);
        free(column);
        seen++;
    }
    sqlite3_finalize(st);
    cr_assert(seen == count, "table %s has %d columns, the description %d", table, seen, count);
}

Test(store, sections_agree_with_schema)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        const struct section_desc *d = &section_descs[i];
        char *wanted[66] = { NULL };
        int n = 0;

        for (uint32_t j = 0; j < d->row->count; j++)
            cr_assert(asprintf(&wanted[n++], "%s %s", d->row->fields[j].name,
                               sql_type(d->row->fields[j].type)) > 0);
        wanted[n++] = strdup("node_no INTEGER");
        wanted[n++] = strdup("hash INTEGER");
        check_columns(d->table, (const char *const *)wanted, n);
        while (n > 0)
            free(wanted[--n]);
        cr_assert((store_inventory_key(d) < 0) == d->singleton, "%s: singleton and key", d->name);
    }
}

Test(store, tables_agree_with_schema)
{
    static const struct store_table *const tables[] = {
        &store_meta,     &store_start,    &store_node,  &store_key,           &store_retired_boot,
        &store_section,  &store_resource, &store_edge,  &store_network,       &store_token,
        &store_sighting, &store_event,    &store_lease, &store_lease_history, &store_fence,
        &store_task,     &store_job,      &store_scan,  &store_reach,         &store_vg_change,
    };
    static const char *const types[] = {
        [STORE_U64] = "INTEGER",  [STORE_U32] = "INTEGER", [STORE_BOOL] = "INTEGER",
        [STORE_WALL] = "INTEGER", [STORE_TEXT] = "TEXT",   [STORE_TEXT_0] = "TEXT",
        [STORE_BLOB16] = "BLOB",  [STORE_BLOB32] = "BLOB", [STORE_STRS] = "TEXT",
    };

    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char *wanted[32] = { NULL };
        int n = 0;

        for (int j = 0; j < tables[i]->count; j++)
            cr_assert(asprintf(&wanted[n++], "%s %s", tables[i]->columns[j].name,
                               types[tables[i]->columns[j].type]) > 0);
        if (tables[i]->single)
            wanted[n++] = strdup("id INTEGER");
        check_columns(tables[i]->name, (const char *const *)wanted, n);
        while (n > 0)
            free(wanted[--n]);
    }
}

Test(store, image_table_agrees_with_schema)
{
    const char *const types[] = {
        [FIELD_STR] = "TEXT",     [FIELD_U64] = "INTEGER", [FIELD_I64] = "INTEGER",
        [FIELD_BOOL] = "INTEGER", [FIELD_STRS] = "TEXT",
    };
    char *wanted[32] = { NULL };
    int n = 0;

    for (uint32_t i = 0; i < image_desc.count; i++)
        cr_assert(asprintf(&wanted[n++], "%s %s", image_desc.fields[i].name,
                           types[image_desc.fields[i].type]) > 0);
    wanted[n++] = strdup("filesystem_no INTEGER");
    wanted[n++] = strdup("resource_no INTEGER");
    wanted[n++] = strdup("seen INTEGER");
    check_columns("image", (const char *const *)wanted, n);
    while (n > 0)
        free(wanted[--n]);
}

Test(store, every_table_is_strict)
{
    int64_t n;

    cr_assert(store_int(store->db,
                        "SELECT count(*) FROM pragma_table_list WHERE type = 'table'"
                        " AND name NOT LIKE 'sqlite_%' AND NOT strict",
                        -1, &n) == SQLITE_OK);
    cr_assert(n == 0, "%lld tables are not STRICT", (long long)n);
    store_int(store->db, "SELECT count(*) FROM pragma_table_list WHERE strict", -1, &n);
    cr_assert(n == SECTION_COUNT + 25, "%lld STRICT tables", (long long)n);
}

Test(store, header_and_modes)
{
    int64_t v;

    store_int(store->db, "PRAGMA application_id", 0, &v);
    cr_assert(v == STORE_APPLICATION_ID);
    store_int(store->db, "PRAGMA user_version", 0, &v);
    cr_assert(v == schema_version);
    store_int(store->db, "PRAGMA synchronous", 0, &v);
    cr_assert(v == 2, "synchronous is %lld, not FULL", (long long)v);
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = { STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm",
                                             "lock" };
        char path[512];
        struct stat st;

        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        cr_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "%s", names[i]);
    }
}

/* ---- round trips ---------------------------------------------------------------------------- */

Test(store, load_gives_what_was_committed)
{
    uint64_t seed = random_seed();

    for (uint32_t round = 0; round < 6; round++) {
        struct script *s = script_new(seed + round, 25, 30);

        for (uint32_t i = 0; i < s->count; i++) {
            commit(s->batches[i]);
            check_text(s->texts[i + 1]);
        }
        store_close(store);
        open_store();
        check_text(s->texts[s->count]);
        store_close(store);
        temp_remove(dir);
        script_free(s);
        set_up();
    }
}

Test(store, fresh_database_is_empty)
{
    struct script *s = script_new(1, 1, 0);

    check_text(s->texts[0]);
    script_free(s);
}

Test(store, identity_is_given_once)
{
    static const uuid128 other = { "another database" };
    struct arena *a = arena_new(0);
    struct stored im;

    cr_assert(store_init_identity(store, other, &e) == 0);
    cr_assert(store_load(store, a, &im, &e) == 0);
    cr_assert(uuid_eq(im.meta.db_id, script_db_id));
    cr_assert(im.meta.epoch == 1 && im.meta.next_node_no == 1 && im.meta.next_resource_no == 1);
    cr_assert(im.oldest_event_no == 0);
    arena_free(a);
}

/* A node with an edge to resource `no`, packed. */
static void commit_edge(uint32_t no)
{
    struct change edge = { .type = CHANGE_EDGE };
    struct change node = { .type = CHANGE_NODE, .next = &edge };

    node.node = (struct node_row){ .no = 1, .name = "n", .admission = NODE_APPROVED };
    edge.edge = (struct edge_row){ .node_no = 1, .resource_no = no, .state = EDGE_OK };
    commit(&node);
}

/* What is loaded of it: so many edges, the last of which leads to `last`. */
static void check_pack(size_t edges, uint32_t last, size_t made, size_t damaged)
{
    struct arena *a = arena_new(0);
    struct stored im;
    struct pack p;

    cr_assert(store_load(store, a, &im, &e) == 0, "%s", e.text);
    cr_assert(im.pack_count == 1 && im.packs_made == made && im.packs_damaged == damaged,
              "%zu packs, %zu made, %zu damaged", im.pack_count, im.packs_made, im.packs_damaged);
    cr_assert(pack_open(im.packs[0].p, im.packs[0].n, 1, a, &p) == 0);
    cr_assert(p.edge_count == edges && p.edges[edges - 1].resource_no == last);
    arena_free(a);
}

Test(store, pack_is_what_a_start_reads_and_goes_when_a_row_changes)
{
    struct change edge = { .type = CHANGE_EDGE };

    commit_edge(7);
    check_pack(1, 7, 0, 0);
    cr_assert(store_packs_due(store) == 0);
    edge.edge = (struct edge_row){ .node_no = 1, .resource_no = 9, .state = EDGE_OK };
    cr_assert(store_commit(store, &edge, &e) == 0);
    cr_assert(store_packs_due(store) == 1);
    check_pack(2, 9, 1, 0);
    cr_assert(store_pack(store, 1, &e) == 0 && store_packs_due(store) == 0);
    check_pack(2, 9, 0, 0);
}

enum { MANY = 100 };

static void commit_nodes(void)
{
    struct change c[MANY];

    for (uint32_t i = 0; i < MANY; i++) {
        char name[16];

        snprintf(name, sizeof name, "n%u", i);
        c[i] = (struct change){ .type = CHANGE_NODE };
        c[i].node =
            (struct node_row){ .no = i + 1, .name = strdup(name), .admission = NODE_APPROVED };
        memcpy(c[i].node.id.b, &i, sizeof i);
        c[i].next = i + 1 < MANY ? &c[i + 1] : NULL;
    }
    commit(c);
    for (uint32_t i = 0; i < MANY; i++)
        free((void *)(uintptr_t)c[i].node.name);
}

Test(store, packs_come_while_others_are_used)
{
    struct arena *a = arena_new(0);
    struct stored im;

    commit_nodes();
    cr_assert(store_load_begin(store, a, &im, &e) == 0, "%s", e.text);
    cr_assert(im.node_count == MANY && im.pack_wait != NULL);
    for (size_t i = MANY; i-- > 0;) {
        cr_assert(im.pack_wait(im.loading, i) == 0);
        cr_assert(im.packs[i].node_no == i + 1 && im.packs[i].n > 0);
    }
    cr_assert(im.pack_wait(im.loading, MANY) == -EIO, "there are no more");
    cr_assert(store_load_end(store, &e) == 0 && im.pack_count == MANY);
    commit_edge(7);
    arena_free(a);
}

Test(store, packs_that_do_not_come)
{
    struct arena *a = arena_new(0);
    struct stored im;

    commit_nodes();
    cr_assert(store_exec(store->db, "DROP TABLE node_pack") == 0);
    cr_assert(store_load_begin(store, a, &im, &e) == 0, "all but the packs is there");
    cr_assert(im.pack_wait(im.loading, 0) == -EIO);
    e.text[0] = '\0';
    cr_assert(store_load_end(store, &e) != 0 && e.text[0] != '\0', "it says why");
    arena_free(a);
}

Test(store, change_that_is_rolled_back_leaves_the_pack)
{
    struct change second = { .type = CHANGE_SIGHTING }; /* a text that may not be NULL */
    struct change first = { .type = CHANGE_EDGE, .next = &second };

    commit_edge(7);
    first.edge = (struct edge_row){ .node_no = 1, .resource_no = 9, .state = EDGE_OK };
    second.sighting = (struct sighting_row){ .node_no = 1, .resource_no = 9 };
    cr_assert(store_commit(store, &first, &e) == STORE_E_FAILED);
    check_pack(1, 7, 0, 0);
    second.sighting.row_key = second.sighting.port = second.sighting.base = "eth0";
    cr_assert(store_commit(store, &first, &e) == 0);
    check_pack(2, 9, 1, 0);
}

Test(store, damaged_pack_is_found_and_the_rows_are_read)
{
    commit_edge(7);
    cr_assert(store_exec(store->db, "UPDATE node_pack SET body = zeroblob(length(body))") == 0);
    check_pack(1, 7, 1, 1);
    cr_assert(store_exec(store->db, "UPDATE node_pack SET body = x''") == 0);
    check_pack(1, 7, 1, 1);
}

Test(store, batch_is_whole_or_not_at_all)
{
    /* The second network breaks the rule that names are unique. */
    struct change second = { .type = CHANGE_NETWORK };
    struct change first = { .type = CHANGE_NETWORK, .next = &second };
    struct script *s = script_new(1, 1, 0);

    first.network = (struct network_row){ .id = { "1" }, .name = "front" };
    second.network = (struct network_row){ .id = { "2" }, .name = "front" };
    cr_assert(store_commit(store, &first, &e) == STORE_E_FAILED);
    cr_assert(strlen(e.text) > 0);
    check_text(s->texts[0]);
    second.network.name = "back";
    commit(&first);
    script_free(s);
}

Test(store, number_that_cannot_be_stored_is_refused)
{
    struct change c = { .type = CHANGE_META };

    c.meta.epoch = (uint64_t)INT64_MAX + 1;
    cr_assert(store_commit(store, &c, &e) == STORE_E_FAILED);
    c.meta.epoch = INT64_MAX;
    commit(&c);
}

Test(store, lists)
{
    static const char *const bad[] = {
        "", "[", "]", "[\"a\"", "[\"a\",]", "[\"a\"]x", "[a]", "[\"\\n\"]", "[\"a", "{}",
    };
    struct arena *a = arena_new(0);
    struct strs l;

    cr_assert(store_list_parse("[]", a, &l) == SQLITE_OK && l.n == 0);
    cr_assert(store_list_parse("[\"\"]", a, &l) == SQLITE_OK && l.n == 1);
    cr_assert_str_eq(l.v[0], "");
    cr_assert(store_list_parse("[\"a\\\"\\\\\",\"\",\"b\"]", a, &l) == SQLITE_OK && l.n == 3);
    cr_assert_str_eq(l.v[0], "a\"\\");
    cr_assert_str_eq(l.v[2], "b");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert(store_list_parse(bad[i], a, &l) == SQLITE_CORRUPT, "%s", bad[i]);
    arena_free(a);
}

/* SQL can look into what is stored: the lists are JSON. */
Test(store, lists_are_json)
{
    struct bond row = { 0 };
    struct change c = { .type = CHANGE_INVENTORY };
    const char *slaves[] = { "eth0", "e\"th\\1" };
    int64_t n;

    REC_SET(&row, bond, name, "bond0");
    REC_SET(&row, bond, slaves, ((struct strs){ .v = slaves, .n = 2 }));
    c.inventory = (struct inventory_row){
        .node_no = 1, .section = SECTION_BONDS, .key = "bond0", .hash = 7, .row = &row
    };
    commit(&c);
    cr_assert(store_int(store->db,
                        "SELECT count(*) FROM bond, json_each(bond.slaves)"
                        " WHERE value IN ('eth0', 'e\"th\\1')",
                        0, &n) == SQLITE_OK);
    cr_assert(n == 2);
}

Test(store, matrix_view)
{
    static const char *const wanted[] = { "dom0-a", "network",  "n:100",
                                          "front",  "degraded", "1",
                                          "2",      "2",        "1970-01-01T00:00:01.500Z" };
    struct change edge = { .type = CHANGE_EDGE };
    struct change resource = { .type = CHANGE_RESOURCE, .next = &edge };
    struct change node = { .type = CHANGE_NODE, .next = &resource };
    sqlite3_stmt *st;
    int64_t n;

    node.node = (struct node_row){ .no = 3, .id = { "n" }, .name = "dom0-a" };
    resource.resource = (struct resource_row){
        .no = 5, .id = { "r" }, .kind = RESOURCE_NETWORK, .key = "n:100", .label = "front"
    };
    edge.edge = (struct edge_row){ .node_no = 3, .resource_no = 5, .state = EDGE_DEGRADED };
    edge.edge.paths_active = 1;
    edge.edge.paths_total = edge.edge.paths_had = 2;
    edge.edge.since.v = 1500;
    commit(&node);
    cr_assert(sqlite3_prepare_v2(store->db, "SELECT * FROM matrix", -1, &st, NULL) == SQLITE_OK);
    cr_assert(sqlite3_step(st) == SQLITE_ROW);
    for (int i = 0; i < 9; i++)
        cr_assert_str_eq((const char *)sqlite3_column_text(st, i), wanted[i]);
    cr_assert(sqlite3_step(st) == SQLITE_DONE);
    sqlite3_finalize(st);
    store_int(
        store->db,
        "SELECT count(*) FROM sqlite_schema WHERE name = 'matrix' AND sql LIKE '%NO LIVENESS%'", 0,
        &n);
    cr_assert(n == 1, "the view must say in itself that it has no liveness");
}

/* ---- the reader ----------------------------------------------------------------------------- */

/* A scan may take away thousands of images of a filesystem that has thousands. */
Test(store, an_image_is_deleted_without_a_look_at_the_others)
{
    sqlite3_stmt *st = NULL;
    const char *plan;

    cr_assert(sqlite3_prepare_v2(store->db,
                                 "EXPLAIN QUERY PLAN DELETE FROM image WHERE filesystem_no = ?1 "
                                 "AND resource_no = ?2",
                                 -1, &st, NULL) == SQLITE_OK);
    cr_assert(sqlite3_step(st) == SQLITE_ROW);
    plan = (const char *)sqlite3_column_text(st, 3);
    cr_assert(strstr(plan, "filesystem_no=? AND resource_no=?") != NULL, "%s", plan);
    sqlite3_finalize(st);
}

Test(store, events_are_read_in_pages)
{
    struct arena *a = arena_new(0);
    struct store_reader *r;
    struct event_row *rows;
    size_t n;
    bool more;

    for (uint64_t i = 1; i <= 10; i++) {
        struct change c = { .type = CHANGE_EVENT };

        c.event = (struct event_row){ .no = i, .kind = "node.up", .severity = "info", .text = "x" };
        c.event.at.v = (int64_t)i * 1000;
        commit(&c);
    }
    cr_assert(store_reader_open(&options, &r, &e) == 0, "%s", e.text);
    cr_assert(store_read_events(r, 0, (wall_ms){ 0 }, 4, a, &rows, &n, &more, &e) == 0);
    cr_assert(n == 4 && more && rows[0].no == 1 && rows[3].no == 4);
    cr_assert(store_read_events(r, 4, (wall_ms){ 0 }, 6, a, &rows, &n, &more, &e) == 0);
    cr_assert(n == 6 && !more && rows[0].no == 5 && rows[5].no == 10);
    cr_assert(store_read_events(r, 10, (wall_ms){ 0 }, 6, a, &rows, &n, &more, &e) == 0);
    cr_assert(n == 0 && !more);
    cr_assert(store_read_events(r, UINT64_MAX, (wall_ms){ 0 }, 6, a, &rows, &n, &more, &e) == 0);
    cr_assert(n == 0 && !more);
    cr_assert(store_read_events(r, 0, (wall_ms){ 7500 }, UINT64_MAX, a, &rows, &n, &more, &e) == 0);
    cr_assert(n == 3 && !more && rows[0].no == 8);
    cr_assert(store_read_events(r, 0, (wall_ms){ 0 }, 0, a, &rows, &n, &more, &e) == 0);
    cr_assert(n == 0 && more);
    store_reader_close(r);
    arena_free(a);
}

Test(store, reader_sees_commits_and_cannot_write)
{
    struct arena *a = arena_new(0);
    struct section sections[SECTION_COUNT];
    struct store_reader *r;
    struct nic row = { 0 };
    struct change state = { .type = CHANGE_SECTION };
    struct change c = { .type = CHANGE_INVENTORY, .next = &state };

    cr_assert(store_reader_open(&options, &r, &e) == 0, "%s", e.text);
    cr_assert(store_read_sections(r, 1, a, sections, &e) == 0);
    for (int i = 0; i < SECTION_COUNT; i++)
        cr_assert(sections[i].id == (enum section_id)i && sections[i].status == SECTION_NEVER &&
                  sections[i].row_count == 0);
    REC_SET(&row, nic, name, "eth0");
    REC_SET(&row, nic, mtu_bytes, 9000);
    REC_SET(&row, nic, carrier, false);
    c.inventory = (struct inventory_row){
        .node_no = 1, .section = SECTION_NICS, .key = "eth0", .hash = UINT64_MAX, .row = &row
    };
    state.section = (struct section_row_state){ .node_no = 1, .section = SECTION_NICS };
    state.section.status = SECTION_STUCK;
    state.section.status_text = "no answer";
    commit(&c);
    cr_assert(store_read_sections(r, 1, a, sections, &e) == 0);
    cr_assert(sections[SECTION_NICS].row_count == 1);
    cr_assert(sections[SECTION_NICS].hashes[0] == UINT64_MAX);
    cr_assert(sections[SECTION_NICS].status == SECTION_STUCK);
    cr_assert_str_eq(sections[SECTION_NICS].status_text, "no answer");
    cr_assert(record_equal(&nic_desc, sections[SECTION_NICS].rows, &row));
    cr_assert(store_read_sections(r, 2, a, sections, &e) == 0);
    cr_assert(sections[SECTION_NICS].row_count == 0);
    store_reader_close(r);
    arena_free(a);
}

static void commit_use(uint32_t node_no, const char *key, const char *container)
{
    struct change c = { .type = CHANGE_INVENTORY };
    struct use u = { 0 };

    REC_SET(&u, use, key, key);
    REC_SET(&u, use, container, container);
    REC_SET(&u, use, read_only, true);
    c.inventory = (struct inventory_row){
        .node_no = node_no,
        .section = SECTION_USES,
        .key = key,
        .hash = 1,
        .row = &u,
        .container = NULL,
    };
    commit(&c);
}

Test(store, rows_are_found_by_a_column_over_all_nodes)
{
    struct arena *a = arena_new(0);
    struct store_found found;
    struct store_reader *r;
    const struct use *u;

    commit_use(2, "mount/b", "lv.X");
    commit_use(1, "mount/a", "lv.X");
    commit_use(1, "mount/c", "lv.Y");
    commit_use(1, "mount/b", "lv.X");
    cr_assert(store_reader_open(&options, &r, &e) == 0, "%s", e.text);
    cr_assert(store_read_begin(r, &e) == 0);
    cr_assert(store_look_up(r, LOOKUP_USES, "lv.X", 0, 10, a, &found, &e) == 0, "%s", e.text);
    u = found.rows;
    cr_assert(found.n == 3 && !found.more);
    cr_assert(found.node_no[0] == 1 && found.node_no[1] == 1 && found.node_no[2] == 2);
    cr_assert_str_eq(u[0].key, "mount/a");
    cr_assert_str_eq(u[1].key, "mount/b");
    cr_assert(REC_HAS(&u[2], use, read_only) && u[2].read_only && !REC_HAS(&u[2], use, file));
    cr_assert(store_look_up(r, LOOKUP_USES, "lv.X", 0, 2, a, &found, &e) == 0);
    cr_assert(found.n == 2 && found.more);
    cr_assert(store_look_up(r, LOOKUP_LV, "lv.X", 1, 2, a, &found, &e) == 0);
    cr_assert(found.n == 0 && !found.more);
    store_read_end(r);
    store_reader_close(r);
    arena_free(a);
}

/* A reader in the middle of a long read does not stop commits, nor do they grow the WAL for ever
 * afterwards. */
static struct change *add(struct arena *a, struct change **list, enum change_type type)
{
    struct change *c = arena_zalloc(a, sizeof *c);

    c->type = type;
    while (*list != NULL)
        list = &(*list)->next;
    *list = c;
    return c;
}

/* Five tasks of two jobs each; the third runs. */
static void five_tasks(struct arena *a)
{
    struct change *list = NULL, *c = add(a, &list, CHANGE_NODE);

    c->node =
        (struct node_row){ .no = 7, .id = { { 7 } }, .name = "n7", .admission = NODE_APPROVED };
    for (uint32_t no = 1; no <= 5; no++) {
        c = add(a, &list, CHANGE_TASK);
        c->task = (struct task_row){ .no = no,
                                     .kind = TASK_SCAN,
                                     .state = no == 3 ? TASK_RUNNING : TASK_DONE,
                                     .ended = { no == 3 ? 0 : 1000 + no },
                                     .text = "12 filesystems" };
        for (uint32_t job = 1; job <= 2; job++) {
            c = add(a, &list, CHANGE_JOB);
            c->job = (struct job_row){ .task_no = no,
                                       .no = job,
                                       .state = JOB_DONE,
                                       .resource_label = "fs",
                                       .node_no = job == 1 ? 7 : 8,
                                       .images = 10 * no,
                                       .mounts = 1,
                                       .unchanged = job == 2 };
        }
    }
    commit(list);
}

Test(store, tasks_that_are_over_are_read_newest_first)
{
    struct arena *a = arena_new(0);
    struct store_reader *r;
    struct task_row *rows;
    struct task_sums *sums;
    struct stored_job *jobs;
    size_t count;
    bool more;

    five_tasks(a);
    cr_assert_eq(store_reader_open(&options, &r, &e), 0, "%s", e.text);
    cr_assert_eq(store_read_tasks(r, 0, 3, a, &rows, &sums, &count, &more, &e), 0, "%s", e.text);
    cr_assert_eq(count, 3);
    cr_assert(more);
    cr_expect_eq(rows[0].no, 5);
    cr_expect_eq(rows[2].no, 2, "the third runs");
    cr_expect_str_eq(rows[0].text, "12 filesystems");
    cr_expect_eq(sums[0].jobs, 2);
    cr_expect_eq(sums[0].done, 2);
    cr_expect_eq(sums[0].images, 100);
    cr_expect_eq(sums[0].mounts, 2);
    cr_expect_eq(sums[0].skipped, 1);
    cr_assert_eq(store_read_tasks(r, 2, 1, a, &rows, &sums, &count, &more, &e), 0);
    cr_assert_eq(count, 1);
    cr_expect_eq(rows[0].no, 2);
    cr_expect_not(more);
    cr_assert_eq(store_read_tasks(r, 3, 1, a, &rows, &sums, &count, &more, &e), 0);
    cr_assert_eq(count, 0);
    cr_assert_eq(store_read_jobs(r, 2, a, &jobs, &count, &e), 0, "%s", e.text);
    cr_assert_eq(count, 2);
    cr_expect_str_eq(jobs[0].node_name, "n7");
    cr_expect_eq(jobs[0].node.b[0], 7);
    cr_expect_null(jobs[1].node_name, "there is no such node any more");
    cr_expect_eq(jobs[1].row.images, 20);
    cr_assert_eq(store_read_jobs(r, 99, a, &jobs, &count, &e), 0);
    cr_assert_eq(count, 0);
    store_reader_close(r);
    arena_free(a);
}

Test(store, wal_is_bounded)
{
    uint64_t seed = random_seed();
    struct arena *a = arena_new(0);
    char path[512];
    struct stat st;

    store->checkpoint_pages = 50;
    for (uint32_t i = 0; i < 200; i++) {
        commit(script_batch(seed, i, 40, a));
        arena_reset(a);
    }
    snprintf(path, sizeof path, "%s/%s-wal", dir, STORE_FILE);
    cr_assert(stat(path, &st) == 0);
    cr_assert(st.st_size < 300 * 4200, "the WAL has %lld bytes", (long long)st.st_size);
    store_close(store);
    cr_assert(stat(path, &st) != 0 || st.st_size == 0, "the WAL is there after a clean end");
    open_store();
    arena_free(a);
}

static long long file_bytes(const char *suffix)
{
    char path[512];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s%s", dir, STORE_FILE, suffix);
    return stat(path, &st) == 0 ? (long long)st.st_size : 0;
}

/* Between commits, when there is time: then no commit does it, and the WAL starts again. */
Test(store, wal_is_copied_when_there_is_time)
{
    uint64_t seed = random_seed();
    struct arena *a = arena_new(0);
    long long before;

    store->quiet_pages = 50;
    cr_assert_eq(store_checkpoint(store, &e), 0, "%s", e.text);
    before = file_bytes("");
    for (uint32_t round = 0, i = 0; round < 5; round++) {
        for (; !store_checkpoint_due(store); i++) {
            commit(script_batch(seed, i, 40, a));
            arena_reset(a);
        }
        if (round == 0)
            cr_assert_eq(file_bytes(""), before, "a commit has copied it");
        cr_assert_eq(store_checkpoint(store, &e), 0, "%s", e.text);
        cr_assert(!store_checkpoint_due(store));
        cr_assert_gt(file_bytes(""), before, "nothing was copied");
    }
    cr_assert_lt(file_bytes("-wal"), 150 * 4200);
    arena_free(a);
}

static bool is_hold(const void *ctx, const struct lease_history_row *row)
{
    (void)ctx;
    return row->kind == KIND_HOLD;
}

Test(store, rights_that_are_over_are_read_newest_first)
{
    struct arena *a = arena_new(0);
    struct store_reader *r;
    struct lease_history_row *rows;
    size_t n;
    bool more;

    for (uint64_t i = 1; i <= 10; i++) {
        struct change c = { .type = CHANGE_LEASE_HISTORY };

        c.lease_history = (struct lease_history_row){ .token = i,
                                                      .kind = i % 2 ? KIND_HOLD : KIND_LEASE,
                                                      .resource_kind = RESOURCE_FILESYSTEM,
                                                      .resource_label = "x",
                                                      .node_name = "y",
                                                      .ending = LEASE_RELEASED };
        commit(&c);
    }
    cr_assert(store_reader_open(&options, &r, &e) == 0, "%s", e.text);
    cr_assert(store_read_lease_history(r, is_hold, NULL, 3, a, &rows, &n, &more, &e) == 0);
    cr_assert(n == 3 && more && rows[0].token == 9 && rows[2].token == 5);
    cr_assert(store_read_lease_history(r, is_hold, NULL, 5, a, &rows, &n, &more, &e) == 0);
    cr_assert(n == 5 && !more && rows[4].token == 1);
    store_reader_close(r);
    arena_free(a);
}

/* A path's row, which is then lost. */
static void lose_path(uint32_t node, const char *device, const char *lun, int64_t at)
{
    struct path row = { 0 };
    struct change go = { .type = CHANGE_INVENTORY },
                  lost = { .type = CHANGE_PATH_LOST, .next = &go },
                  come = { .type = CHANGE_INVENTORY, .next = &lost };

    REC_SET(&row, path, device, device);
    REC_SET(&row, path, lun, lun);
    REC_SET(&row, path, address, "3:0:0:1");
    REC_SET(&row, path, portal, "10.0.0.1:3260");
    come.inventory = (struct inventory_row){
        .node_no = node, .section = SECTION_PATHS, .key = device, .row = &row
    };
    go.inventory =
        (struct inventory_row){ .node_no = node, .section = SECTION_PATHS, .key = device };
    lost.path_lost = (struct path_lost_row){ .node_no = node, .device = device, .at = { at } };
    commit(&come);
}

static size_t lost_paths(struct store_reader *r, uint32_t node, struct arena *a,
                         const struct path_lost **out)
{
    size_t n = 0;

    cr_assert(store_read_paths_lost(r, node, a, out, &n, &e) == 0, "%s", e.text);
    return n;
}

Test(store, what_is_known_of_a_lost_path_is_what_its_row_said)
{
    struct arena *a = arena_new(0);
    struct change nothing = { .type = CHANGE_PATH_LOST }, clear = { .type = CHANGE_SECTION_CLEAR };
    const struct path_lost *v;
    struct store_reader *r;

    cr_assert(store_reader_open(&options, &r, &e) == 0, "%s", e.text);
    lose_path(1, "sda", "naa.1", 1000);
    lose_path(1, "sdb", NULL, 2000);
    lose_path(2, "sda", "naa.2", 3000);
    nothing.path_lost = (struct path_lost_row){ .node_no = 1, .device = "sdz" };
    commit(&nothing);
    cr_assert_eq(lost_paths(r, 1, a, &v), 2);
    cr_expect_str_eq(v[0].path.device, "sdb", "the newest first");
    cr_expect_null(v[0].path.lun);
    cr_expect_eq(v[1].at.v, 1000);
    cr_expect_str_eq(v[1].path.lun, "naa.1");
    cr_expect_str_eq(v[1].path.address, "3:0:0:1");
    cr_expect_str_eq(v[1].path.portal, "10.0.0.1:3260");
    cr_expect_not(REC_HAS(&v[1].path, path, target));
    clear.section.node_no = 1;
    clear.section.section = SECTION_LUNS;
    commit(&clear);
    cr_expect_eq(lost_paths(r, 1, a, &v), 2);
    clear.section.section = SECTION_PATHS; /* a new boot */
    commit(&clear);
    cr_expect_eq(lost_paths(r, 1, a, &v), 0);
    cr_expect_eq(lost_paths(r, 2, a, &v), 1);
    clear = (struct change){ .type = CHANGE_NODE_DELETE, .node = { .no = 2 } };
    commit(&clear);
    cr_expect_eq(lost_paths(r, 2, a, &v), 0);
    store_reader_close(r);
    arena_free(a);
}

Test(store, of_one_node_only_the_newest_lost_paths_are_kept)
{
    struct arena *a = arena_new(0);
    const struct path_lost *v;
    struct store_reader *r;

    cr_assert(store_reader_open(&options, &r, &e) == 0, "%s", e.text);
    lose_path(2, "sda", "naa.2", 1);
    for (int64_t i = 0; i < LIMIT_LOST_PATHS + 3; i++)
        lose_path(1, "sda", "naa.1", i);
    cr_assert_eq(lost_paths(r, 1, a, &v), LIMIT_LOST_PATHS);
    cr_expect_eq(v[0].at.v, LIMIT_LOST_PATHS + 2);
    cr_expect_eq(v[LIMIT_LOST_PATHS - 1].at.v, 3);
    cr_expect_eq(lost_paths(r, 2, a, &v), 1);
    store_reader_close(r);
    arena_free(a);
}

/* ---- backup --------------------------------------------------------------------------------- */

Test(store, backup_is_a_database)
{
    uint64_t seed = random_seed();
    struct script *s = script_new(seed, 3, 40);
    struct store_reader *r;
    struct store_options there = { 0 };
    struct store *copy;
    char path[512], *text;
    struct stat st;
    int64_t was, is;

    for (uint32_t i = 0; i < s->count; i++)
        commit(s->batches[i]);
    cr_assert(store_int(store->db, "SELECT recover FROM meta", -1, &was) == SQLITE_OK);
    there.dir = temp_dir();
    snprintf(path, sizeof path, "%s/%s", there.dir, STORE_FILE);
    cr_assert(store_reader_open(&options, &r, &e) == 0);
    cr_assert(store_backup(r, path, &e) == 0, "%s", e.text);
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    cr_assert(store_backup(r, path, &e) == -EEXIST);
    cr_assert(strstr(e.text, path) != NULL);
    cr_assert(store_backup(r, "/nowhere/at/all", &e) == -ENOENT);
    store_reader_close(r);
    commit(script_batch(seed, 100, 20, s->arena));
    cr_assert(store_open(&there, &copy, &e) == 0, "%s", e.text);
    cr_assert(store_int(copy->db, "SELECT recover FROM meta", -1, &is) == SQLITE_OK);
    cr_assert(is == 1, "nobody is granted anything by it before an operator decides");
    cr_assert(store_exec(copy->db, was ? "" : "UPDATE meta SET recover=0") == SQLITE_OK);
    text = database_text(copy, &there, &e);
    cr_assert(text != NULL && strcmp(text, s->texts[s->count]) == 0);
    free(text);
    store_close(copy);
    temp_remove((char *)(uintptr_t)there.dir);
    script_free(s);
}
