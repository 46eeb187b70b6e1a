/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the store share. */
#ifndef MUSTER_STORE_INTERNAL_H
#define MUSTER_STORE_INTERNAL_H

#include <limits.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "core/pack.h"
#include "store.h"

#define STORE_APPLICATION_ID 0x6d757374 /* "must" */
#define STORE_BUSY_MS        500        /* for another program that writes; nobody should */
#define STORE_CACHE          "PRAGMA cache_size=-65536"
/* The WAL grows by so much, then it is checkpointed when there is time for it; or after a commit,
 * if there was none until it had grown by more, which is all that is kept of it
 * (journal_size_limit). */
#define STORE_QUIET_PAGES      4000
#define STORE_CHECKPOINT_PAGES 16000

/* ---- the tables, but for those of the inventory (store_tables.c) ---------------------------- */

enum store_type {
    STORE_U64, /* uint64_t, at most INT64_MAX */
    STORE_U32, /* uint32_t, or an enum */
    STORE_BOOL,
    STORE_WALL,
    STORE_TEXT,   /* const char * */
    STORE_TEXT_0, /* the same, NULL is legal */
    STORE_BLOB16,
    STORE_BLOB32,
    STORE_STRS, /* as JSON */
};

/* A column and the member of the row's struct of the same name. */
struct store_column {
    const char *name;
    enum store_type type;
    uint32_t offset;
    int64_t max; /* STORE_U32: the highest legal value */
};

struct store_table {
    const char *name;
    const struct store_column *columns;
    int count;
    int keys; /* so many columns from the first make the key */
    size_t size;
    bool single; /* one row; it has a key of its own, id = 1 */
};

extern const struct store_table store_meta, store_start, store_node, store_key, store_retired_boot,
    store_section, store_resource, store_sighting, store_edge, store_network, store_token,
    store_event, store_lease, store_lease_history, store_fence, store_task, store_job, store_scan,
    store_reach, store_image, store_lost_path, store_vg_change;

/* Append a statement to `sql`; parameters are numbered as the columns. */
void store_sql_upsert(struct buf *sql, const struct store_table *t);
void store_sql_delete(struct buf *sql, const struct store_table *t);
void store_sql_select(struct buf *sql, const struct store_table *t, const char *tail);
/* The same for the rows of a section: ?1 node_no, ?2 hash, ?3... the fields. To delete one: ?1, and
 * ?2 the key; to clear: ?1. */
void store_sql_inventory_upsert(struct buf *sql, const struct section_desc *d);
void store_sql_inventory_delete(struct buf *sql, const struct section_desc *d);
void store_sql_image_upsert(struct buf *sql); /* ?1 filesystem_no, ?2 resource_no, ?3 seen, ?4... */
/* The index of the key's field, or -1 in a singleton. */
int store_inventory_key(const struct section_desc *d);

/* Prepares a statement for the life of the connection. An SQLite result code. */
int store_prepare(sqlite3 *db, struct buf *sql, sqlite3_stmt **out);
/* Binds the first `count` columns of a row. An SQLite result code. */
int store_bind(sqlite3_stmt *st, const struct store_table *t, int count, const void *row,
               struct buf *scratch);
/* Reads a row, texts into `a`. An SQLite result code: SQLITE_CORRUPT: it breaks a rule. */
int store_column_row(sqlite3_stmt *st, const struct store_table *t, struct arena *a, void *row);
int store_column_text(sqlite3_stmt *st, int column, struct arena *a, const char **out);

/* Lists of texts as JSON (store_list.c). */
int store_bind_list(sqlite3_stmt *st, int n, const struct strs *list, struct buf *scratch);
int store_column_list(sqlite3_stmt *st, int column, struct arena *a, struct strs *out);
int store_list_parse(const char *json, struct arena *a, struct strs *out);

/* ---- connections (store.c) ------------------------------------------------------------------ */

#define STORE_CASCADES 8 /* most statements that a change takes beside its own */

struct store_change {
    sqlite3_stmt *main;
    sqlite3_stmt *more[STORE_CASCADES];
    int more_count;
};

struct store_inventory {
    sqlite3_stmt *upsert, *remove, *clear;
    uint64_t bound; /* the fields that are not bound to NULL in `upsert` */
};

/* ---- packs (store_pack.c) ------------------------------------------------------------------- */

enum { STORE_PACKED = 3 }; /* tables, beside those of the inventory */

struct store_packs {
    bool known;           /* the bits are as the database is */
    uint8_t *there, *due; /* bits by number of the node: has a pack; is to get one */
    uint32_t cap;
    uint32_t at; /* the last one that was made */
    size_t due_count;
    sqlite3_stmt *drop, *write;
    sqlite3_stmt *rows[STORE_PACKED], *keys[SECTION_COUNT];
};

/* SQLite result codes. */
int store_prepare_packs(struct store *s);
int store_prepare_node_rows(struct store *s);
void store_finalise_packs(struct store *s);
void store_free_packs(struct store *s);
/* Before the change is made: the node's pack goes. */
int store_pack_spoil(struct store *s, const struct change *c);
/* Makes those of `most` nodes, in a transaction of the caller. */
int store_write_packs(struct store *s, size_t most);
/* One for each node of out->nodes. `came` (or NULL) is called after each with the count so far. */
int store_packs_read(struct store *s, struct arena *a, struct stored *out,
                     void (*came)(void *ctx, size_t count), void *ctx);
int store_node_rows(struct store *s, uint32_t node_no, struct arena *a, struct node_rows *out);

/* ---- loading (store_load.c, store_loading.c) ------------------------------------------------- */

struct store_loading;

/* The parts of store_load(): begins a transaction and reads all but the packs; the packs, and the
 * end of the transaction. A failure of the first has ended it too. Results as store_load. */
int store_load_first(struct store *s, struct arena *a, struct stored *out, struct err *e);
int store_load_rest(struct store *s, struct arena *a, struct stored *out,
                    void (*came)(void *ctx, size_t count), void *ctx, struct err *e);

/* ---- the store ------------------------------------------------------------------------------ */

struct store {
    sqlite3 *db; /* NULL: closed after a failure that it could not roll back */
    int lock_fd;
    char path[PATH_MAX];
    const char *vfs;
    char synchronous[8];
    bool fatal; /* a sync failed: nothing is written any more, not even at close */
    bool copied;

    int wal_pages;                     /* in the WAL after the last commit */
    int checkpointed_pages;            /* the same when it was last checkpointed */
    int quiet_pages, checkpoint_pages; /* STORE_QUIET_PAGES and so on; tests have fewer */
    int index_regions;                 /* of the WAL's index that are reserved */
    int64_t probe_bytes;               /* what store_try_write writes: about as much as failed */

    sqlite3_stmt *begin, *commit, *rollback, *probe;
    struct store_change changes[CHANGE_TYPE_COUNT];
    struct store_inventory inventory[SECTION_COUNT], images;
    struct store_packs packs;
    struct store_loading *loading; /* NULL: none is under way */
    struct buf scratch;
};

/* Opens the connection of `s`, migrates and prepares. Results as store_open. */
int store_connect(struct store *s, struct err *e);
void store_disconnect(struct store *s);
/* Connects again when a failure has cost the connection. Results as store_open. */
int store_ready(struct store *s, struct err *e);

/* The statements of store_commit and store_try_write. An SQLite result code. */
int store_prepare_changes(struct store *s);
void store_finalise_changes(struct store *s);

/* Runs SQL without results. An SQLite result code. */
int store_exec(sqlite3 *db, const char *sql);
/* One integer; `missing` when there is no row. An SQLite result code. */
int store_int(sqlite3 *db, const char *sql, int64_t missing, int64_t *out);
/* Runs a prepared statement that gives no rows, and resets it. An SQLite result code. */
int store_step(sqlite3_stmt *st);

/* What an SQLite error means, with a sentence: in store_open; in store_load and the reader; in a
 * commit. */
int store_open_outcome(sqlite3 *db, int rc, const char *path, struct err *e);
int store_read_outcome(sqlite3 *db, int rc, const char *path, struct err *e);
int store_write_outcome(sqlite3 *db, int rc, const char *path, struct err *e);

/* ---- reading (store_read*.c) --------------------------------------------------------------- */

struct store_reader {
    sqlite3 *db;
    char path[PATH_MAX];
    const char *vfs;
    sqlite3_stmt *begin, *end, *state, *events, *leases;
    sqlite3_stmt *tasks, *jobs, *sums, *node, *image, *images_in, *reach, *paths_lost;
    sqlite3_stmt *rows[SECTION_COUNT], *count[SECTION_COUNT], *lookups[LOOKUP_COUNT];
};

/* The columns of a record, the first of which is `first`; what is NULL is absent. */
int store_read_record(sqlite3_stmt *st, int first, const struct record_desc *d, struct arena *a,
                      void *row);
int store_prepare_images(struct store_reader *r, struct buf *sql);
int store_prepare_reach(struct store_reader *r, struct buf *sql);
int store_prepare_paths_lost(struct store_reader *r, struct buf *sql);
/* What of a path is kept when it is lost: its columns in a statement. */
#define STORE_PATH_LOST \
    "device, lun, address, transport, hba, initiator_port, target, target_port, portal"

/* ---- files (store_file.c) ------------------------------------------------------------------- */

int store_check_dir(const char *dir, struct err *e);
int store_take_lock(const char *dir, int *out, struct err *e);
/* Makes the database's file when it is missing, and looks at its first bytes. Results as
 * store_open. */
int store_check_file(const char *path, struct err *e);
/* fsyncs the folder of `path`. 0 or a negative errno. */
int store_sync_folder(const char *path);

/* ---- migrations and copies ------------------------------------------------------------------ */

/* Notes which file the database is; if it is another than it was, it is in recover from now on
 * (store_home.c). Results as store_open. */
int store_settle_home(struct store *s, struct err *e);

/* migrations[v - 1] takes a database from version v - 1 to v; `newest` is the last v. `db` is open
 * and ours, or empty. Results as store_open. */
int store_migrate(sqlite3 *db, const char *path, const char *vfs, const char *const *migrations,
                  int newest, struct err *e);

/* Copies all of `from` into a file that is not there yet (0600, fsynced; its folder is not). With
 * `change`, SQL, the copy has that done to it. 0, -EEXIST or another negative errno, with a
 * sentence. */
int store_copy(sqlite3 *from, const char *path, const char *vfs, const char *change, struct err *e);

#endif
