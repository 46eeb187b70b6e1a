/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing: one transaction a batch, by statements that are prepared once. */
#include <assert.h>

#include "base/limits.h"
#include "store_internal.h"

#define PROBE_BYTES_MIN (INT64_C(1) << 20)
#define PROBE_BYTES_MAX (INT64_C(32) << 20)
#define CHANGE_BYTES    512 /* about what a change takes in the WAL */

/* sqlite.org, "WAL-mode File Format" */
#define WAL_HEADER_BYTES    32
#define FRAME_HEADER_BYTES  24
#define INDEX_REGION_BYTES  32768
#define INDEX_REGION_FRAMES 4062 /* that its first region holds; the others hold some more */
#define INDEX_FRAMES_WORD   4    /* of its header: how many frames of the WAL are committed */

#define TEXT_OF(number) TEXT(number)
#define TEXT(number)    #number

#define PATHS "9" /* section_id in SQL */
_Static_assert(SECTION_PATHS == 9, "PATHS");
#define NEWEST_PATH_LOST "(SELECT ifnull(max(seq), 0) FROM lost_path WHERE node_no = ?1)"

#define OLD_TASKS                                                                   \
    "SELECT no FROM task WHERE no <= ?1 AND ended <> 0 ORDER BY no LIMIT " TEXT_OF( \
        LIMIT_TASKS_PRUNED)

/* What each change does to its table, and to others. Parameters are the table's first columns. */
static const struct {
    const struct store_table *table;
    enum { WRITE, REMOVE, OTHER } how;
    const char *other;
    const char *more[STORE_CASCADES];
} effects[CHANGE_TYPE_COUNT] = {
    [CHANGE_META] = { &store_meta, WRITE, NULL, { NULL } },
    [CHANGE_START] = { &store_start, WRITE, NULL, { NULL } },
    [CHANGE_NODE] = { &store_node, WRITE, NULL, { NULL } },
    [CHANGE_NODE_DELETE] = { &store_node,
                             REMOVE,
                             NULL,
                             { "DELETE FROM key WHERE node_no = ?1",
                               "DELETE FROM retired_boot WHERE node_no = ?1",
                               "DELETE FROM section WHERE node_no = ?1",
                               "DELETE FROM sighting WHERE node_no = ?1",
                               "DELETE FROM edge WHERE node_no = ?1",
                               "DELETE FROM lost_path WHERE node_no = ?1",
                               "DELETE FROM fence WHERE node_no = ?1",
                               "DELETE FROM reach WHERE node_no = ?1" } },
    [CHANGE_KEY] = { &store_key, WRITE, NULL, { NULL } },
    [CHANGE_KEY_DELETE] = { &store_key, REMOVE, NULL, { NULL } },
    [CHANGE_RETIRED_BOOT] = { &store_retired_boot, WRITE, NULL, { NULL } },
    [CHANGE_RETIRED_BOOT_DELETE] = { &store_retired_boot, REMOVE, NULL, { NULL } },
    [CHANGE_SECTION] = { &store_section, WRITE, NULL, { NULL } },
    [CHANGE_SECTION_CLEAR] = { &store_section,
                               REMOVE,
                               NULL,
                               { "DELETE FROM sighting WHERE node_no = ?1 AND section = ?2",
                                 "DELETE FROM lost_path WHERE node_no = ?1 AND ?2 = " PATHS } },
    [CHANGE_PATH_LOST] = { &store_lost_path,
                           OTHER,
                           "INSERT INTO lost_path(node_no, seq, at, " STORE_PATH_LOST
                           ") SELECT ?1, " NEWEST_PATH_LOST " + 1, ?3, " STORE_PATH_LOST
                           " FROM path WHERE node_no = ?1 AND device = ?2",
                           { "DELETE FROM lost_path WHERE node_no = ?1 AND seq <= " NEWEST_PATH_LOST
                             " - " TEXT_OF(LIMIT_LOST_PATHS) } },
    [CHANGE_RESOURCE] = { &store_resource, WRITE, NULL, { NULL } },
    [CHANGE_RESOURCE_DELETE] = { &store_resource, REMOVE, NULL, { NULL } },
    [CHANGE_SIGHTING] = { &store_sighting, WRITE, NULL, { NULL } },
    [CHANGE_SIGHTING_DELETE] = { &store_sighting, REMOVE, NULL, { NULL } },
    [CHANGE_EDGE] = { &store_edge, WRITE, NULL, { NULL } },
    [CHANGE_EDGE_DELETE] = { &store_edge, REMOVE, NULL, { NULL } },
    [CHANGE_NETWORK] = { &store_network, WRITE, NULL, { NULL } },
    [CHANGE_NETWORK_DELETE] = { &store_network, REMOVE, NULL, { NULL } },
    [CHANGE_TOKEN] = { &store_token, WRITE, NULL, { NULL } },
    [CHANGE_TOKEN_DELETE] = { &store_token, REMOVE, NULL, { NULL } },
    [CHANGE_EVENT] = { &store_event, WRITE, NULL, { NULL } },
    [CHANGE_EVENT_PRUNE] = { &store_event, OTHER, "DELETE FROM event WHERE no <= ?1", { NULL } },
    [CHANGE_LEASE] = { &store_lease, WRITE, NULL, { NULL } },
    [CHANGE_LEASE_DELETE] = { &store_lease, REMOVE, NULL, { NULL } },
    [CHANGE_LEASE_HISTORY] = { &store_lease_history, WRITE, NULL, { NULL } },
    [CHANGE_LEASE_HISTORY_PRUNE] = { &store_lease_history,
                                     OTHER,
                                     "DELETE FROM lease_history WHERE token <= (SELECT token FROM "
                                     "lease_history ORDER BY token DESC LIMIT 1 OFFSET ?1)",
                                     { NULL } },
    [CHANGE_FENCE] = { &store_fence, WRITE, NULL, { NULL } },
    [CHANGE_FENCE_DELETE] = { &store_fence, REMOVE, NULL, { NULL } },
    [CHANGE_TASK] = { &store_task, WRITE, NULL, { NULL } },
    [CHANGE_TASK_PRUNE] = { &store_task,
                            OTHER,
                            "DELETE FROM job WHERE task_no IN (" OLD_TASKS ")",
                            { "DELETE FROM vg_change WHERE task_no IN (" OLD_TASKS ")",
                              "DELETE FROM task WHERE no IN (" OLD_TASKS ")" } },
    [CHANGE_JOB] = { &store_job, WRITE, NULL, { NULL } },
    [CHANGE_VG_CHANGE] = { &store_vg_change, WRITE, NULL, { NULL } },
    [CHANGE_SCAN] = { &store_scan, WRITE, NULL, { NULL } },
    [CHANGE_SCAN_DELETE] = { &store_scan,
                             REMOVE,
                             NULL,
                             { "DELETE FROM reach WHERE resource_no = ?1",
                               "DELETE FROM image WHERE filesystem_no = ?1" } },
    [CHANGE_REACH] = { &store_reach, WRITE, NULL, { NULL } },
    [CHANGE_REACH_DELETE] = { &store_reach, REMOVE, NULL, { NULL } },
};

/* ---- statements ----------------------------------------------------------------------------- */

static int prepare_text(struct store *s, const char *sql, sqlite3_stmt **out)
{
    buf_reset(&s->scratch);
    buf_str(&s->scratch, sql);
    return store_prepare(s->db, &s->scratch, out);
}

static int prepare_change(struct store *s, enum change_type type)
{
    struct store_change *c = &s->changes[type];
    int rc;

    buf_reset(&s->scratch);
    if (effects[type].how == WRITE)
        store_sql_upsert(&s->scratch, effects[type].table);
    else if (effects[type].how == REMOVE)
        store_sql_delete(&s->scratch, effects[type].table);
    else
        buf_str(&s->scratch, effects[type].other);
    rc = store_prepare(s->db, &s->scratch, &c->main);
    c->more_count = 0;
    for (int i = 0; rc == SQLITE_OK && i < STORE_CASCADES && effects[type].more[i] != NULL; i++)
        rc = prepare_text(s, effects[type].more[i], &c->more[c->more_count++]);
    return rc;
}

static int prepare_inventory(struct store *s, enum section_id id)
{
    const struct section_desc *d = &section_descs[id];
    struct store_inventory *inv = &s->inventory[id];
    int rc;

    inv->bound = 0;
    store_sql_inventory_upsert(&s->scratch, d);
    rc = store_prepare(s->db, &s->scratch, &inv->upsert);
    if (rc == SQLITE_OK) {
        store_sql_inventory_delete(&s->scratch, d);
        rc = store_prepare(s->db, &s->scratch, &inv->remove);
    }
    if (rc == SQLITE_OK) {
        buf_printf(&s->scratch, "DELETE FROM %s WHERE node_no = ?1", d->table);
        rc = store_prepare(s->db, &s->scratch, &inv->clear);
    }
    return rc;
}

static int prepare_images(struct store *s)
{
    int rc;

    s->images.bound = 0;
    store_sql_image_upsert(&s->scratch);
    rc = store_prepare(s->db, &s->scratch, &s->images.upsert);
    if (rc != SQLITE_OK)
        return rc;
    store_sql_delete(&s->scratch, &store_image);
    return store_prepare(s->db, &s->scratch, &s->images.remove);
}

int store_prepare_changes(struct store *s)
{
    int rc = prepare_text(s, "BEGIN IMMEDIATE", &s->begin);

    if (rc == SQLITE_OK)
        rc = prepare_text(s, "COMMIT", &s->commit);
    if (rc == SQLITE_OK)
        rc = prepare_text(s, "ROLLBACK", &s->rollback);
    if (rc == SQLITE_OK)
        rc = prepare_text(s, "REPLACE INTO write_probe(id, fill) VALUES(1, ?1)", &s->probe);
    for (int t = 0; rc == SQLITE_OK && t < CHANGE_TYPE_COUNT; t++) {
        if (t != CHANGE_INVENTORY && t != CHANGE_IMAGE)
            rc = prepare_change(s, (enum change_type)t);
    }
    if (rc == SQLITE_OK)
        rc = prepare_images(s);
    for (int i = 0; rc == SQLITE_OK && i < SECTION_COUNT; i++)
        rc = prepare_inventory(s, (enum section_id)i);
    return rc == SQLITE_OK ? store_prepare_packs(s) : rc;
}

static void finalise(sqlite3_stmt **st)
{
    sqlite3_finalize(*st);
    *st = NULL;
}

void store_finalise_changes(struct store *s)
{
    finalise(&s->begin);
    finalise(&s->commit);
    finalise(&s->rollback);
    finalise(&s->probe);
    for (int t = 0; t < CHANGE_TYPE_COUNT; t++) {
        finalise(&s->changes[t].main);
        for (int i = 0; i < STORE_CASCADES; i++)
            finalise(&s->changes[t].more[i]);
    }
    store_finalise_packs(s);
    finalise(&s->images.upsert);
    finalise(&s->images.remove);
    for (int i = 0; i < SECTION_COUNT; i++) {
        finalise(&s->inventory[i].upsert);
        finalise(&s->inventory[i].remove);
        finalise(&s->inventory[i].clear);
    }
}

/* ---- inventory rows ------------------------------------------------------------------------- */

static int bind_field(sqlite3_stmt *st, int n, const struct field *f, const void *row,
                      struct buf *scratch)
{
    const void *at = field_at(f, row);

    switch (f->type) {
    case FIELD_STR:
        return sqlite3_bind_text(st, n, *(const char *const *)at, -1, SQLITE_STATIC);
    case FIELD_U64:
    case FIELD_I64:
        return sqlite3_bind_int64(st, n, *(const int64_t *)at);
    case FIELD_BOOL:
        return sqlite3_bind_int(st, n, *(const bool *)at);
    case FIELD_STRS:
        return store_bind_list(st, n, at, scratch);
    default:
        return SQLITE_MISUSE; /* messages only */
    }
}

/* The fields of a record; the first is parameter `first`. Then the statement runs. */
static int write_record(struct store *s, struct store_inventory *inv, int first,
                        const struct record_desc *d, const void *record)
{
    uint64_t present = *(const uint64_t *)record;
    int rc = SQLITE_OK;

    for (uint32_t i = 0; rc == SQLITE_OK && i < d->count; i++) {
        uint64_t bit = UINT64_C(1) << i;

        if ((present & bit) != 0)
            rc = bind_field(inv->upsert, (int)i + first, &d->fields[i], record, &s->scratch);
        else if ((inv->bound & bit) != 0)
            rc = sqlite3_bind_null(inv->upsert, (int)i + first);
    }
    inv->bound |= present;
    if (rc != SQLITE_OK)
        return rc;
    inv->bound = present;
    return store_step(inv->upsert);
}

static int write_row(struct store *s, const struct inventory_row *r)
{
    struct store_inventory *inv = &s->inventory[r->section];
    int rc = sqlite3_bind_int64(inv->upsert, 1, r->node_no);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(inv->upsert, 2, (int64_t)r->hash);
    return rc == SQLITE_OK ? write_record(s, inv, 3, section_descs[r->section].row, r->row) : rc;
}

static int apply_image(struct store *s, const struct image_row *r)
{
    sqlite3_stmt *st = r->image != NULL ? s->images.upsert : s->images.remove;
    int rc = store_bind(st, &store_image, r->image != NULL ? store_image.count : store_image.keys,
                        r, &s->scratch);

    if (rc != SQLITE_OK)
        return rc;
    return r->image != NULL
               ? write_record(s, &s->images, store_image.count + 1, &image_desc, r->image)
               : store_step(st);
}

static int apply_inventory(struct store *s, const struct inventory_row *r)
{
    struct store_inventory *inv = &s->inventory[r->section];
    int rc;

    if (r->row != NULL)
        return write_row(s, r);
    rc = sqlite3_bind_int64(inv->remove, 1, r->node_no);
    if (rc == SQLITE_OK && !section_descs[r->section].singleton)
        rc = sqlite3_bind_text(inv->remove, 2, r->key, -1, SQLITE_STATIC);
    return rc == SQLITE_OK ? store_step(inv->remove) : rc;
}

static int clear_inventory(struct store *s, uint32_t node_no, int section)
{
    int rc = sqlite3_bind_int64(s->inventory[section].clear, 1, node_no);

    return rc == SQLITE_OK ? store_step(s->inventory[section].clear) : rc;
}

/* ---- changes -------------------------------------------------------------------------------- */

static int apply_one(struct store *s, sqlite3_stmt *st, const struct change *c)
{
    /* All members of the union are at the same address. */
    int rc = store_bind(st, effects[c->type].table, sqlite3_bind_parameter_count(st), &c->meta,
                        &s->scratch);

    return rc == SQLITE_OK ? store_step(st) : rc;
}

static int apply(struct store *s, const struct change *c)
{
    const struct store_change *sc = &s->changes[c->type];
    int rc = store_pack_spoil(s, c);

    if (rc != SQLITE_OK)
        return rc;
    if (c->type == CHANGE_INVENTORY) {
        assert(c->inventory.section < SECTION_COUNT);
        return apply_inventory(s, &c->inventory);
    }
    if (c->type == CHANGE_IMAGE)
        return apply_image(s, &c->image);
    rc = apply_one(s, sc->main, c);
    for (int i = 0; rc == SQLITE_OK && i < sc->more_count; i++)
        rc = apply_one(s, sc->more[i], c);
    if (c->type == CHANGE_SECTION_CLEAR && rc == SQLITE_OK)
        rc = clear_inventory(s, c->section.node_no, (int)c->section.section);
    for (int i = 0; c->type == CHANGE_NODE_DELETE && rc == SQLITE_OK && i < SECTION_COUNT; i++)
        rc = clear_inventory(s, c->node.no, i);
    return rc;
}

/* ---- the transaction ------------------------------------------------------------------------ */

/* SQLite extends the WAL's index after the WAL has been synced. Were there no space left for that,
 * the commit would fail and yet be there after a crash; so the space is taken beforehand. */
static int reserve_index(struct store *s)
{
    int wanted = (s->wal_pages + (int)LIMIT_BATCH_ROWS) / INDEX_REGION_FRAMES + 1, rc = SQLITE_OK;
    sqlite3_file *file = NULL;
    volatile void *at;

    if (s->index_regions >= wanted)
        return SQLITE_OK;
    rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    while (rc == SQLITE_OK && s->index_regions < wanted) {
        rc = file->pMethods->xShmMap(file, s->index_regions, INDEX_REGION_BYTES, 1, &at);
        if (rc == SQLITE_OK)
            s->index_regions++;
    }
    return rc;
}

static int begin(struct store *s)
{
    int rc = store_step(s->begin);

    /* Only in a transaction is the WAL surely open. */
    return rc == SQLITE_OK ? reserve_index(s) : rc;
}

/* A write that was cut short over what was in the WAL before can leave a whole commit there, which
 * a crash would bring to life. So the WAL is cut to what is committed; where that is not possible
 * either, the next commit overwrites it. */
static void cut_wal(struct store *s)
{
    sqlite3_file *db = NULL, *wal = NULL;
    volatile void *index = NULL;
    int64_t page;

    if (store_int(s->db, "PRAGMA page_size", 0, &page) != SQLITE_OK ||
        store_step(s->begin) != SQLITE_OK) /* nobody else writes meanwhile */
        return;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &db);
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (wal != NULL && wal->pMethods != NULL &&
        db->pMethods->xShmMap(db, 0, INDEX_REGION_BYTES, 0, &index) == SQLITE_OK && index != NULL) {
        int64_t frames = ((const volatile uint32_t *)index)[INDEX_FRAMES_WORD];
        sqlite3_int64 size = 0;
        int64_t end = WAL_HEADER_BYTES + frames * (FRAME_HEADER_BYTES + page);

        if (wal->pMethods->xFileSize(wal, &size) == SQLITE_OK && size > end)
            wal->pMethods->xTruncate(wal, end);
    }
    store_step(s->rollback);
}

/* Nothing of the transaction remains. A connection that cannot roll back is given up. */
static int fail(struct store *s, int rc, struct err *e)
{
    int outcome = store_write_outcome(s->db, rc, s->path, e);

    s->packs.known = false; /* as before the transaction, whatever that was */
    s->fatal = outcome == STORE_E_FATAL;
    if (!s->fatal && (sqlite3_get_autocommit(s->db) != 0 || store_step(s->rollback) == SQLITE_OK))
        cut_wal(s);
    if (sqlite3_get_autocommit(s->db) == 0)
        store_disconnect(s);
    return outcome;
}

/* The WAL is copied into the database when it has grown enough since the last time. What fails
 * here fails again, or mends itself, the next time: all is in the WAL. But for a sync. */
static int checkpoint(struct store *s, int pages, struct err *e)
{
    int rc;

    if (s->wal_pages < s->checkpointed_pages)
        s->checkpointed_pages = 0; /* it has started again */
    if (s->wal_pages - s->checkpointed_pages < pages)
        return 0;
    s->checkpointed_pages = s->wal_pages;
    rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc != SQLITE_IOERR_FSYNC && rc != SQLITE_IOERR_DIR_FSYNC)
        return 0;
    s->fatal = true;
    return store_write_outcome(s->db, rc, s->path, e);
}

static int unusable(struct store *s, struct err *e)
{
    int rc;

    if (s->fatal)
        return err_set(e, STORE_E_FATAL, "%s could not be synced before: open it anew", s->path);
    rc = store_ready(s, e);
    return rc == 0 ? 0 : STORE_E_FAILED;
}

int store_commit(struct store *s, const struct change *changes, struct err *e)
{
    int rc = unusable(s, e);

    if (rc != 0)
        return rc;
    rc = begin(s);
    for (const struct change *c = changes; c != NULL && rc == SQLITE_OK; c = c->next)
        rc = apply(s, c);
    if (rc == SQLITE_OK)
        rc = store_step(s->commit);
    if (rc == SQLITE_OK)
        return checkpoint(s, s->checkpoint_pages, e);
    s->probe_bytes = PROBE_BYTES_MIN;
    for (const struct change *c = changes; c != NULL && s->probe_bytes < PROBE_BYTES_MAX;
         c = c->next)
        s->probe_bytes += CHANGE_BYTES;
    return fail(s, rc, e);
}

int store_pack(struct store *s, size_t most, struct err *e)
{
    int rc = unusable(s, e);

    if (rc != 0)
        return rc;
    rc = begin(s);
    if (rc == SQLITE_OK)
        rc = store_write_packs(s, most);
    if (rc == SQLITE_OK)
        rc = store_step(s->commit);
    return rc == SQLITE_OK ? checkpoint(s, s->checkpoint_pages, e) : fail(s, rc, e);
}

bool store_checkpoint_due(const struct store *s)
{
    return s->db != NULL && !s->fatal && s->wal_pages - s->checkpointed_pages >= s->quiet_pages;
}

int store_checkpoint(struct store *s, struct err *e)
{
    return store_checkpoint_due(s) ? checkpoint(s, s->quiet_pages, e) : 0;
}

static int write_probe(struct store *s, int64_t bytes)
{
    int rc = begin(s);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_zeroblob64(s->probe, 1, (uint64_t)bytes);
    if (rc == SQLITE_OK)
        rc = store_step(s->probe);
    return rc == SQLITE_OK ? store_step(s->commit) : rc;
}

int store_try_write(struct store *s, struct err *e)
{
    int rc = unusable(s, e);

    if (rc != 0)
        return rc;
    /* As much as failed, so that a disk with room for nothing but this row is not called well. */
    rc = write_probe(s, s->probe_bytes > 0 ? s->probe_bytes : PROBE_BYTES_MIN);
    if (rc == SQLITE_OK)
        rc = write_probe(s, 0);
    return rc == SQLITE_OK ? checkpoint(s, s->checkpoint_pages, e) : fail(s, rc, e);
}
