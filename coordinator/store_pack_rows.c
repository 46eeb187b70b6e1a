/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading what the core loads of one node, row by row. */
#include <stdio.h>

#include "store_internal.h"

/* Rows in an arena, of which it is not known how many there are. */
struct list {
    void *v;
    size_t n, cap;
};

/* A zeroed one at the end; NULL: out of memory. */
static void *list_add(struct list *l, size_t size, struct arena *a)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 16 : 2 * l->cap;
        void *more = arena_array(a, cap, size);

        if (more == NULL)
            return NULL;
        if (l->n > 0)
            memcpy(more, l->v, l->n * size);
        l->v = more;
        l->cap = cap;
    }
    return (char *)l->v + size * l->n++;
}

/* ---- the inventory -------------------------------------------------------------------------- */

static const char *text_or_null(sqlite3_stmt *st, int column)
{
    return (const char *)sqlite3_column_text(st, column);
}

static void kept_path(sqlite3_stmt *st, int column, struct inventory_row *r)
{
    struct path p = { .lun = text_or_null(st, column), .address = text_or_null(st, column + 1) };

    r->mark = path_mark(&p);
}

static void kept_use(sqlite3_stmt *st, int column, struct inventory_row *r)
{
    struct use u = { .kind = text_or_null(st, column),
                     .type = text_or_null(st, column + 1),
                     .used_by = text_or_null(st, column + 2) };

    r->mark = use_mark(&u);
}

/* What the core keeps of a row beyond its key: texts, and figures that are made of columns. */
static const struct kept {
    const char *container, *above; /* columns; NULL: none */
    const char *of_mark;
    void (*mark)(sqlite3_stmt *st, int column, struct inventory_row *r);
} kept[SECTION_COUNT] = {
    [SECTION_PATHS] = { NULL, NULL, "lun, address", kept_path },
    [SECTION_PVS] = { "container", "vg_uuid", NULL, NULL },
    [SECTION_LVS] = { NULL, "vg_uuid", NULL, NULL },
    [SECTION_FILESYSTEMS] = { NULL, "journal_uuid", NULL, NULL },
    [SECTION_USES] = { "container", NULL, "kind, type, used_by", kept_use },
};

static int kept_read(sqlite3_stmt *st, const struct kept *k, int column, struct arena *a,
                     struct inventory_row *r)
{
    const struct {
        const char *name, **to;
    } texts[] = { { k->container, &r->container }, { k->above, &r->above } };
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_LEN(texts); i++) {
        if (texts[i].name == NULL)
            continue;
        if (sqlite3_column_type(st, column) != SQLITE_NULL)
            rc = store_column_text(st, column, a, texts[i].to);
        column++;
    }
    if (rc == SQLITE_OK && k->mark != NULL)
        k->mark(st, column, r);
    return rc;
}

/* Of the inventory the keys and hashes alone, but for what the core compares rows by. */
static void keys_sql(struct buf *sql, enum section_id id)
{
    const struct section_desc *d = &section_descs[id];
    const char *columns[] = { kept[id].container, kept[id].above, kept[id].of_mark };
    int key = store_inventory_key(d);

    buf_str(sql, "SELECT hash");
    if (key >= 0)
        buf_printf(sql, ", %s", d->row->fields[key].name);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (columns[i] != NULL)
            buf_printf(sql, ", %s", columns[i]);
    }
    buf_printf(sql, " FROM %s WHERE node_no = ?1", d->table);
    if (key >= 0)
        buf_printf(sql, " ORDER BY %s", d->row->fields[key].name);
}

static int read_keys(sqlite3_stmt *st, enum section_id id, uint32_t node_no, struct arena *a,
                     struct list *out)
{
    bool key = store_inventory_key(&section_descs[id]) >= 0;
    int rc;

    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct inventory_row *r = list_add(out, sizeof *r, a);

        if (r == NULL)
            return SQLITE_NOMEM;
        r->section = id;
        r->node_no = node_no;
        r->hash = (uint64_t)sqlite3_column_int64(st, 0);
        r->key = "";
        rc = key ? store_column_text(st, 1, a, &r->key) : SQLITE_OK;
        if (rc == SQLITE_OK)
            rc = kept_read(st, &kept[id], 2, a, r);
        if (rc != SQLITE_OK)
            return rc;
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static const struct {
    const struct store_table *table;
    const char *order;
} tables[STORE_PACKED] = {
    { &store_section, "section" },
    { &store_sighting, "section, row_key" },
    { &store_edge, "resource_no" },
};

int store_prepare_node_rows(struct store *s)
{
    char tail[64];
    int rc = SQLITE_OK;

    for (int i = 0; rc == SQLITE_OK && i < STORE_PACKED; i++) {
        snprintf(tail, sizeof tail, "WHERE node_no = ?1 ORDER BY %s", tables[i].order);
        buf_reset(&s->scratch);
        store_sql_select(&s->scratch, tables[i].table, tail);
        rc = store_prepare(s->db, &s->scratch, &s->packs.rows[i]);
    }
    for (int i = 0; rc == SQLITE_OK && i < SECTION_COUNT; i++) {
        keys_sql(&s->scratch, (enum section_id)i);
        rc = store_prepare(s->db, &s->scratch, &s->packs.keys[i]);
    }
    return rc;
}

static int read_table(sqlite3_stmt *st, const struct store_table *t, struct arena *a,
                      struct list *out)
{
    int rc;

    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        void *row = list_add(out, t->size, a);

        rc = row == NULL ? SQLITE_NOMEM : store_column_row(st, t, a, row);
        if (rc != SQLITE_OK)
            return rc;
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int reset(sqlite3_stmt *st, int rc)
{
    sqlite3_reset(st);
    return rc;
}

int store_node_rows(struct store *s, uint32_t node_no, struct arena *a, struct node_rows *out)
{
    struct list lists[STORE_PACKED] = { { NULL, 0, 0 } }, keys = { NULL, 0, 0 };
    int rc = SQLITE_OK;

    for (int i = 0; rc == SQLITE_OK && i < STORE_PACKED; i++) {
        rc = sqlite3_bind_int64(s->packs.rows[i], 1, node_no);
        if (rc == SQLITE_OK)
            rc = reset(s->packs.rows[i],
                       read_table(s->packs.rows[i], tables[i].table, a, &lists[i]));
    }
    for (int i = 0; rc == SQLITE_OK && i < SECTION_COUNT; i++) {
        rc = sqlite3_bind_int64(s->packs.keys[i], 1, node_no);
        if (rc == SQLITE_OK)
            rc = reset(s->packs.keys[i],
                       read_keys(s->packs.keys[i], (enum section_id)i, node_no, a, &keys));
    }
    *out = (struct node_rows){
        .sections = lists[0].v,
        .section_count = lists[0].n,
        .inventory = keys.v,
        .inventory_count = keys.n,
        .sightings = lists[1].v,
        .sighting_count = lists[1].n,
        .edges = lists[2].v,
        .edge_count = lists[2].n,
    };
    return rc;
}
