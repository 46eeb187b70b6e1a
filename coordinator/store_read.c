/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The read-only connection: whole inventory rows, events, backups. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/task_info.h"
#include "store_internal.h"

static int prepare_text(sqlite3 *db, struct buf *sql, const char *text, sqlite3_stmt **out)
{
    buf_str(sql, text);
    return store_prepare(db, sql, out);
}

static int prepare_section(struct store_reader *r, struct buf *sql, int id)
{
    const struct section_desc *d = &section_descs[id];
    int key = store_inventory_key(d), rc;

    buf_str(sql, "SELECT hash");
    for (uint32_t i = 0; i < d->row->count; i++)
        buf_printf(sql, ", %s", d->row->fields[i].name);
    buf_printf(sql, " FROM %s WHERE node_no = ?1", d->table);
    if (key >= 0)
        buf_printf(sql, " ORDER BY %s", d->row->fields[key].name);
    rc = store_prepare(r->db, sql, &r->rows[id]);
    if (rc == SQLITE_OK) {
        buf_printf(sql, "SELECT count(*) FROM %s WHERE node_no = ?1", d->table);
        rc = store_prepare(r->db, sql, &r->count[id]);
    }
    return rc;
}

static const struct {
    enum section_id section;
    const char *column;
    bool of_node;
} lookups[LOOKUP_COUNT] = {
    [LOOKUP_USES] = { SECTION_USES, "container", false },
    [LOOKUP_LV] = { SECTION_LVS, "uuid", true },
    [LOOKUP_PV] = { SECTION_PVS, "uuid", true },
    [LOOKUP_FILESYSTEM] = { SECTION_FILESYSTEMS, "container", true },
    [LOOKUP_MEMBERS] = { SECTION_FILESYSTEMS, "uuid", true },
};

static int prepare_lookup(struct store_reader *r, struct buf *sql, int which)
{
    const struct section_desc *d = &section_descs[lookups[which].section];

    buf_str(sql, "SELECT node_no");
    for (uint32_t i = 0; i < d->row->count; i++)
        buf_printf(sql, ", %s", d->row->fields[i].name);
    buf_printf(sql, " FROM %s WHERE %s = ?1%s ORDER BY node_no, %s LIMIT ?3", d->table,
               lookups[which].column, lookups[which].of_node ? " AND node_no = ?2" : "",
               d->row->fields[store_inventory_key(d)].name);
    return store_prepare(r->db, sql, &r->lookups[which]);
}

static int prepare_tasks(struct store_reader *r, struct buf *sql)
{
    int rc;

    store_sql_select(sql, &store_task,
                     "WHERE ended <> 0 AND (?1 = 0 OR no = ?1) ORDER BY no DESC LIMIT ?2");
    rc = store_prepare(r->db, sql, &r->tasks);
    if (rc == SQLITE_OK) {
        store_sql_select(sql, &store_job, "WHERE task_no = ?1 ORDER BY no");
        rc = store_prepare(r->db, sql, &r->jobs);
    }
    if (rc == SQLITE_OK) {
        buf_printf(sql,
                   "SELECT count(*), total(state = %d), total(images), total(mounts), "
                   "total(unchanged) FROM job WHERE task_no = ?1",
                   JOB_DONE);
        rc = store_prepare(r->db, sql, &r->sums);
    }
    return rc == SQLITE_OK
               ? prepare_text(r->db, sql, "SELECT id, name FROM node WHERE no = ?1", &r->node)
               : rc;
}

static int prepare_all(struct store_reader *r)
{
    struct buf sql = { 0 };
    int rc = prepare_text(r->db, &sql, "BEGIN", &r->begin);

    if (rc == SQLITE_OK)
        rc = prepare_text(r->db, &sql, "ROLLBACK", &r->end);
    if (rc == SQLITE_OK) {
        store_sql_select(&sql, &store_section, "WHERE node_no = ?1 ORDER BY section");
        rc = store_prepare(r->db, &sql, &r->state);
    }
    if (rc == SQLITE_OK) {
        store_sql_select(&sql, &store_event, "WHERE no > ?1 AND at >= ?2 ORDER BY no LIMIT ?3");
        rc = store_prepare(r->db, &sql, &r->events);
    }
    if (rc == SQLITE_OK) {
        store_sql_select(&sql, &store_lease_history, "ORDER BY token DESC");
        rc = store_prepare(r->db, &sql, &r->leases);
    }
    if (rc == SQLITE_OK)
        rc = prepare_tasks(r, &sql);
    if (rc == SQLITE_OK)
        rc = store_prepare_images(r, &sql);
    if (rc == SQLITE_OK)
        rc = store_prepare_reach(r, &sql);
    if (rc == SQLITE_OK)
        rc = store_prepare_paths_lost(r, &sql);
    for (int i = 0; rc == SQLITE_OK && i < SECTION_COUNT; i++)
        rc = prepare_section(r, &sql, i);
    for (int i = 0; rc == SQLITE_OK && i < LOOKUP_COUNT; i++)
        rc = prepare_lookup(r, &sql, i);
    buf_deinit(&sql);
    return rc;
}

int store_reader_open(const struct store_options *o, struct store_reader **out, struct err *e)
{
    struct store_reader *r = calloc(1, sizeof *r);
    int rc;

    if (r == NULL)
        return err_set(e, -ENOMEM, "there is not enough memory for the store");
    r->vfs = o->vfs;
    if (snprintf(r->path, sizeof r->path, "%s/%s", o->dir, STORE_FILE) >= (int)sizeof r->path) {
        rc = err_set(e, -ENAMETOOLONG, "the path of the state directory is too long");
        goto out;
    }
    rc = sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, o->vfs);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(r->db, 1);
        sqlite3_busy_timeout(r->db, STORE_BUSY_MS);
        rc = store_exec(r->db, "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY");
    }
    if (rc == SQLITE_OK)
        rc = prepare_all(r);
    if (rc != SQLITE_OK)
        rc = store_open_outcome(r->db, rc, r->path, e);
out:
    if (rc != 0) {
        store_reader_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

void store_reader_close(struct store_reader *r)
{
    if (r == NULL)
        return;
    sqlite3_finalize(r->begin);
    sqlite3_finalize(r->end);
    sqlite3_finalize(r->state);
    sqlite3_finalize(r->events);
    sqlite3_finalize(r->leases);
    sqlite3_finalize(r->tasks);
    sqlite3_finalize(r->jobs);
    sqlite3_finalize(r->sums);
    sqlite3_finalize(r->node);
    sqlite3_finalize(r->image);
    sqlite3_finalize(r->images_in);
    sqlite3_finalize(r->reach);
    sqlite3_finalize(r->paths_lost);
    for (int i = 0; i < SECTION_COUNT; i++) {
        sqlite3_finalize(r->rows[i]);
        sqlite3_finalize(r->count[i]);
    }
    for (int i = 0; i < LOOKUP_COUNT; i++)
        sqlite3_finalize(r->lookups[i]);
    sqlite3_close(r->db);
    free(r);
}

/* ---- sections ------------------------------------------------------------------------------- */

static int read_field(sqlite3_stmt *st, int column, const struct field *f, struct arena *a,
                      void *at)
{
    int64_t v;

    switch (f->type) {
    case FIELD_STR:
        return store_column_text(st, column, a, at);
    case FIELD_STRS:
        return store_column_list(st, column, a, at);
    case FIELD_BOOL:
        *(bool *)at = sqlite3_column_int64(st, column) != 0;
        return SQLITE_OK;
    case FIELD_U64:
    case FIELD_I64:
        v = sqlite3_column_int64(st, column);
        memcpy(at, &v, sizeof v);
        return SQLITE_OK;
    default:
        return SQLITE_MISUSE; /* messages only */
    }
}

int store_read_record(sqlite3_stmt *st, int first, const struct record_desc *d, struct arena *a,
                      void *row)
{
    uint64_t *present = row;
    int rc = SQLITE_OK;

    for (uint32_t i = 0; i < d->count && rc == SQLITE_OK; i++) {
        int column = first + (int)i;

        if (sqlite3_column_type(st, column) == SQLITE_NULL)
            continue;
        *present |= UINT64_C(1) << i;
        rc = read_field(st, column, &d->fields[i], a, (char *)row + d->fields[i].offset);
    }
    return rc;
}

static int count_rows(sqlite3_stmt *st, uint32_t node_no, size_t *out)
{
    int rc = sqlite3_bind_int64(st, 1, node_no), reset;

    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(st);
    *out = rc == SQLITE_ROW ? (size_t)sqlite3_column_int64(st, 0) : 0;
    reset = sqlite3_reset(st);
    return rc == SQLITE_ROW ? SQLITE_OK : reset;
}

static int read_rows(struct store_reader *r, uint32_t node_no, struct arena *a, struct section *s)
{
    const struct record_desc *d = section_descs[s->id].row;
    sqlite3_stmt *st = r->rows[s->id];
    size_t count;
    int rc = count_rows(r->count[s->id], node_no, &count);

    if (rc != SQLITE_OK)
        return rc;
    s->rows = arena_array(a, count, d->size);
    s->hashes = arena_array(a, count, sizeof *s->hashes);
    if (s->rows == NULL || s->hashes == NULL)
        return SQLITE_NOMEM;
    rc = sqlite3_bind_int64(st, 1, node_no);
    while (rc == SQLITE_OK && s->row_count < count && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        s->hashes[s->row_count] = (uint64_t)sqlite3_column_int64(st, 0);
        rc = store_read_record(st, 1, d, a, (char *)s->rows + s->row_count * d->size);
        s->row_count++;
    }
    sqlite3_reset(st);
    if (rc == SQLITE_DONE)
        rc = SQLITE_CORRUPT; /* fewer than counted */
    return rc;
}

static int read_states(struct store_reader *r, uint32_t node_no, struct arena *a,
                       struct section *out)
{
    int rc = sqlite3_bind_int64(r->state, 1, node_no);

    while (rc == SQLITE_OK && (rc = sqlite3_step(r->state)) == SQLITE_ROW) {
        struct section_row_state state = { 0 };

        rc = store_column_row(r->state, &store_section, a, &state);
        if (rc != SQLITE_OK)
            break;
        out[state.section].status = state.status;
        out[state.section].status_text = state.status_text;
        out[state.section].generation = state.generation;
        out[state.section].digest = state.digest;
    }
    sqlite3_reset(r->state);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int store_read_sections(struct store_reader *r, uint32_t node_no, struct arena *a,
                        struct section *out, struct err *e)
{
    int rc;

    for (int i = 0; i < SECTION_COUNT; i++)
        out[i] = (struct section){ .id = (enum section_id)i, .status = SECTION_NEVER };
    rc = store_step(r->begin);
    if (rc == SQLITE_OK)
        rc = read_states(r, node_no, a, out);
    for (int i = 0; rc == SQLITE_OK && i < SECTION_COUNT; i++)
        rc = read_rows(r, node_no, a, &out[i]);
    if (rc != SQLITE_OK)
        rc = store_read_outcome(r->db, rc, r->path, e);
    if (sqlite3_get_autocommit(r->db) == 0)
        store_step(r->end);
    return rc;
}

static int64_t at_most(uint64_t v, int64_t most)
{
    return v > (uint64_t)most ? most : (int64_t)v;
}

/* ---- rows by a column ----------------------------------------------------------------------- */

int store_read_begin(struct store_reader *r, struct err *e)
{
    int rc = store_step(r->begin);

    return rc == SQLITE_OK ? 0 : store_read_outcome(r->db, rc, r->path, e);
}

void store_read_end(struct store_reader *r)
{
    if (sqlite3_get_autocommit(r->db) == 0)
        store_step(r->end);
}

/* What has been found so far; it doubles its room when it is full. */
struct finds {
    char *rows;
    uint32_t *node_no;
    size_t n, room;
};

static int finds_room(struct finds *f, size_t size, struct arena *a)
{
    size_t room = f->room == 0 ? 16 : f->room * 2;
    uint32_t *node_no;
    char *rows;

    if (f->n < f->room)
        return SQLITE_OK;
    rows = arena_array(a, room, size);
    node_no = arena_array(a, room, sizeof *node_no);
    if (rows == NULL || node_no == NULL)
        return SQLITE_NOMEM;
    if (f->n > 0) {
        memcpy(rows, f->rows, f->n * size);
        memcpy(node_no, f->node_no, f->n * sizeof *node_no);
    }
    *f = (struct finds){ rows, node_no, f->n, room };
    return SQLITE_OK;
}

static int find_rows(sqlite3_stmt *st, const struct record_desc *d, size_t most, struct arena *a,
                     struct finds *f, bool *more)
{
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (f->n >= most) {
            *more = true;
            return SQLITE_DONE;
        }
        rc = finds_room(f, d->size, a);
        if (rc != SQLITE_OK)
            break;
        f->node_no[f->n] = (uint32_t)sqlite3_column_int64(st, 0);
        rc = store_read_record(st, 1, d, a, f->rows + f->n * d->size);
        f->n++;
    }
    return rc;
}

int store_look_up(struct store_reader *r, enum store_lookup which, const char *value,
                  uint32_t node_no, size_t most, struct arena *a, struct store_found *out,
                  struct err *e)
{
    const struct record_desc *d = section_descs[lookups[which].section].row;
    sqlite3_stmt *st = r->lookups[which];
    struct finds f = { 0 };
    int rc = sqlite3_bind_text(st, 1, value, -1, SQLITE_STATIC);

    *out = (struct store_found){ 0 };
    if (rc == SQLITE_OK && lookups[which].of_node)
        rc = sqlite3_bind_int64(st, 2, node_no);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(st, 3, at_most(most, INT64_MAX - 1) + 1);
    if (rc == SQLITE_OK)
        rc = find_rows(st, d, most, a, &f, &out->more);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    if (rc != SQLITE_DONE)
        return store_read_outcome(r->db, rc, r->path, e);
    out->rows = f.rows;
    out->node_no = f.node_no;
    out->n = f.n;
    return 0;
}

/* ---- events --------------------------------------------------------------------------------- */

/* Doubles the array when it is full. */
static int grow(struct arena *a, struct event_row **rows, size_t count, size_t *room)
{
    struct event_row *more;

    if (count < *room)
        return SQLITE_OK;
    *room = *room == 0 ? 16 : *room * 2;
    more = arena_array(a, *room, sizeof *more);
    if (more == NULL)
        return SQLITE_NOMEM;
    if (count > 0)
        memcpy(more, *rows, count * sizeof *more);
    *rows = more;
    return SQLITE_OK;
}

int store_read_events(struct store_reader *r, uint64_t since, wall_ms since_wall, uint64_t limit,
                      struct arena *a, struct event_row **out, size_t *count, bool *more,
                      struct err *e)
{
    struct event_row *rows = NULL;
    size_t n = 0, room = 0;
    int rc = sqlite3_bind_int64(r->events, 1, at_most(since, INT64_MAX));

    *more = false;
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(r->events, 2, since_wall.v);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(r->events, 3, at_most(limit, INT64_MAX - 1) + 1);
    while (rc == SQLITE_OK && (rc = sqlite3_step(r->events)) == SQLITE_ROW) {
        if (n >= limit) {
            *more = true;
            rc = SQLITE_DONE;
            break;
        }
        rc = grow(a, &rows, n, &room);
        if (rc == SQLITE_OK)
            rc = store_column_row(r->events, &store_event, a, &rows[n++]);
    }
    sqlite3_reset(r->events);
    if (rc != SQLITE_DONE)
        return store_read_outcome(r->db, rc, r->path, e);
    *out = rows;
    *count = n;
    return 0;
}

int store_read_lease_history(struct store_reader *r,
                             bool (*wants)(const void *ctx, const struct lease_history_row *row),
                             const void *ctx, uint64_t limit, struct arena *a,
                             struct lease_history_row **out, size_t *count, bool *more,
                             struct err *e)
{
    struct lease_history_row *rows = arena_array(a, limit, sizeof *rows);
    int rc = rows == NULL ? SQLITE_NOMEM : SQLITE_OK;
    size_t n = 0;

    *more = false;
    while (rc == SQLITE_OK && (rc = sqlite3_step(r->leases)) == SQLITE_ROW) {
        struct lease_history_row row = { 0 };

        rc = store_column_row(r->leases, &store_lease_history, a, &row);
        if (rc != SQLITE_OK || !wants(ctx, &row))
            continue;
        if (n < limit) {
            rows[n++] = row;
            continue;
        }
        *more = true;
        rc = SQLITE_DONE;
    }
    sqlite3_reset(r->leases);
    if (rc != SQLITE_DONE)
        return store_read_outcome(r->db, rc, r->path, e);
    *out = rows;
    *count = n;
    return 0;
}

/* ---- tasks that are over ----------------------------------------------------------------------
 */

static int read_sums(struct store_reader *r, uint32_t task_no, struct task_sums *out)
{
    sqlite3_stmt *st = r->sums;
    int rc = sqlite3_bind_int64(st, 1, task_no);

    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        *out = (struct task_sums){ .jobs = (uint64_t)sqlite3_column_int64(st, 0),
                                   .done = (uint64_t)sqlite3_column_int64(st, 1),
                                   .images = (uint64_t)sqlite3_column_int64(st, 2),
                                   .mounts = (uint64_t)sqlite3_column_int64(st, 3),
                                   .skipped = (uint64_t)sqlite3_column_int64(st, 4) };
        rc = SQLITE_OK;
    }
    sqlite3_reset(st);
    return rc;
}

static int read_tasks(struct store_reader *r, uint64_t limit, struct arena *a,
                      struct task_row *rows, struct task_sums *sums, size_t *n, bool *more)
{
    int rc;

    while ((rc = sqlite3_step(r->tasks)) == SQLITE_ROW) {
        if (*n == limit) {
            *more = true;
            return SQLITE_DONE;
        }
        rc = store_column_row(r->tasks, &store_task, a, &rows[*n]);
        if (rc == SQLITE_OK)
            rc = read_sums(r, rows[*n].no, &sums[*n]);
        if (rc != SQLITE_OK)
            return rc;
        ++*n;
    }
    return rc;
}

int store_read_tasks(struct store_reader *r, uint32_t no, uint64_t limit, struct arena *a,
                     struct task_row **out, struct task_sums **sums, size_t *count, bool *more,
                     struct err *e)
{
    int rc = store_step(r->begin);

    *out = arena_array(a, limit, sizeof **out);
    *sums = arena_array(a, limit, sizeof **sums);
    *count = 0;
    *more = false;
    if (rc == SQLITE_OK && (*out == NULL || *sums == NULL))
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(r->tasks, 1, no);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(r->tasks, 2, at_most(limit, INT64_MAX - 1) + 1);
    if (rc == SQLITE_OK)
        rc = read_tasks(r, limit, a, *out, *sums, count, more);
    sqlite3_reset(r->tasks);
    store_read_end(r);
    return rc == SQLITE_DONE ? 0 : store_read_outcome(r->db, rc, r->path, e);
}

static int read_node(struct store_reader *r, struct arena *a, struct stored_job *job)
{
    sqlite3_stmt *st = r->node;
    int rc = sqlite3_bind_int64(st, 1, job->row.node_no);

    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const void *id = sqlite3_column_blob(st, 0);

        if (id != NULL && sqlite3_column_bytes(st, 0) == (int)sizeof job->node)
            memcpy(job->node.b, id, sizeof job->node);
        job->node_name = arena_strdup(a, (const char *)sqlite3_column_text(st, 1));
        rc = SQLITE_DONE;
    }
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_jobs(struct store_reader *r, struct arena *a, struct stored_job *jobs, size_t room,
                     size_t *n)
{
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && *n < room && (rc = sqlite3_step(r->jobs)) == SQLITE_ROW) {
        rc = store_column_row(r->jobs, &store_job, a, &jobs[*n].row);
        if (rc == SQLITE_OK)
            rc = read_node(r, a, &jobs[*n]);
        ++*n;
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int store_read_jobs(struct store_reader *r, uint32_t task_no, struct arena *a,
                    struct stored_job **out, size_t *count, struct err *e)
{
    struct task_sums sums = { 0 };
    int rc = store_step(r->begin);

    *count = 0;
    if (rc == SQLITE_OK)
        rc = read_sums(r, task_no, &sums);
    *out = arena_array(a, sums.jobs, sizeof **out);
    if (rc == SQLITE_OK && *out == NULL)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(r->jobs, 1, task_no);
    if (rc == SQLITE_OK)
        rc = read_jobs(r, a, *out, sums.jobs, count);
    sqlite3_reset(r->jobs);
    store_read_end(r);
    return rc == SQLITE_OK ? 0 : store_read_outcome(r->db, rc, r->path, e);
}

/* What is granted from now on, the copy does not know; and the node that has it may be silent when
 * the copy is put back, so that nobody else can tell. */
int store_backup(struct store_reader *r, const char *path, struct err *e)
{
    return store_copy(r->db, path, r->vfs, "UPDATE meta SET recover=1", e);
}
