/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The database: SQLite in WAL mode, synchronous=FULL, STRICT tables, numbered migrations. The only
 * module that includes sqlite3.h. The state directory is locked for the life of the store. */
#ifndef MUSTER_STORE_H
#define MUSTER_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "core/rows.h"

#define STORE_FILE "muster.db"

struct store;
struct store_reader;

struct store_options {
    const char *dir; /* state directory; made 0700 when missing */
    const char *vfs; /* tests: name of a registered SQLite VFS; NULL: the default */
    const char
        *synchronous; /* tests only: "OFF" proves that the durability test can fail; NULL: FULL */
    bool copies; /* tests only: a copy counts as the file that it was made of, as after a power cut
                  */
};

/* Positive outcomes of store_open, each with its sentence. */
enum {
    STORE_E_LOCKED = 1, /* another coordinator holds the directory */
    STORE_E_NEWER,      /* written by a newer muster */
    STORE_E_FOREIGN,    /* not a muster database */
    STORE_E_DAMAGED,
    STORE_E_PERMISSION, /* directory or file not ours, or open to others */
};
/* Outcomes of store_commit and store_try_write beyond 0. */
enum {
    STORE_E_FAILED = 1, /* nothing of it is durable: discard the batch, reload, go read-only */
    STORE_E_FATAL = 2,  /* an fsync failed: what is durable is not known; end the process */
};

/* Locks, opens, creates or migrates (after a backup beside it, muster.db.before-N). 0, a positive
 * outcome, or a negative errno; always a sentence. One whose file is a copy is in recover from then
 * on. */
int store_open(const struct store_options *o, struct store **out, struct err *e);
bool store_is_copy(const struct store *s); /* was it found to be one when it was opened? */
void store_close(struct store *s);         /* NULL is legal */

/* A fresh database gets its id here: `db_id` is used only when the database has none yet. */
int store_init_identity(struct store *s, uuid128 db_id, struct err *e);

/* Reads what the core needs. 0, -ENOMEM, STORE_E_DAMAGED, -EIO. */
int store_load(struct store *s, struct arena *a, struct stored *out, struct err *e);

/* The same in two parts. After the first all but the packs is there, which come while the core is
 * made of what has come (stored.pack_wait); after 0 of it the second must follow, before anything
 * else is asked of the store. It says how the reading has ended. Results as store_load. */
int store_load_begin(struct store *s, struct arena *a, struct stored *out, struct err *e);
int store_load_end(struct store *s, struct err *e);

/* One transaction with all changes in order. 0, STORE_E_FAILED or STORE_E_FATAL, with a sentence.
 */
int store_commit(struct store *s, const struct change *changes, struct err *e);

/* A start reads what is packed at once, and all else row by row. Nodes whose pack is missing, since
 * their rows have changed; and making those of `most` of them: 0 or as commit. Nothing but time is
 * lost where it fails or is not called. */
size_t store_packs_due(const struct store *s);
int store_pack(struct store *s, size_t most, struct err *e);

/* What is committed lies in the write-ahead log; to copy it into the database takes long, so this
 * is for when there is time. Whether the log has grown so much; 0, or STORE_E_FATAL with a
 * sentence: all else that fails costs nothing and is tried again. Without it a commit does it in
 * the end. */
bool store_checkpoint_due(const struct store *s);
int store_checkpoint(struct store *s, struct err *e);

/* While read-only: can the disk be written again? Writes and syncs one row. Results as commit. */
int store_try_write(struct store *s, struct err *e);

/* Read-only connection for another thread. */
int store_reader_open(const struct store_options *o, struct store_reader **out, struct err *e);
void store_reader_close(struct store_reader *r);

/* All sections of a node; `out` has SECTION_COUNT entries; missing ones have status NEVER. ages are
 * 0: the database knows none. */
int store_read_sections(struct store_reader *r, uint32_t node_no, struct arena *a,
                        struct section *out, struct err *e);
/* Events with no > since and at >= since_wall, oldest first, at most `limit`; *more tells whether
 * there are others after them. */
int store_read_events(struct store_reader *r, uint64_t since, wall_ms since_wall, uint64_t limit,
                      struct arena *a, struct event_row **out, size_t *count, bool *more,
                      struct err *e);

/* Rights that are over, newest token first, as `wants` chooses; at most `limit`. A text of a row
 * that is not wanted stays in `a` all the same. */
int store_read_lease_history(struct store_reader *r,
                             bool (*wants)(const void *ctx, const struct lease_history_row *row),
                             const void *ctx, uint64_t limit, struct arena *a,
                             struct lease_history_row **out, size_t *count, bool *more,
                             struct err *e);

/* Tasks that are over, newest first, at most `limit`; `no`: this one alone, 0: all. `sums`: what
 * their jobs come to (core/task_info.h). */
struct task_sums;
int store_read_tasks(struct store_reader *r, uint32_t no, uint64_t limit, struct arena *a,
                     struct task_row **out, struct task_sums **sums, size_t *count, bool *more,
                     struct err *e);
/* The jobs of a task in order, and the nodes that they are of: id nil where there is none now. */
struct stored_job {
    struct job_row row;
    uuid128 node;
    const char *node_name;
};
int store_read_jobs(struct store_reader *r, uint32_t task_no, struct arena *a,
                    struct stored_job **out, size_t *count, struct err *e);

/* What the last scan has found of an image; *image NULL: it is there no more. */
int store_read_image(struct store_reader *r, uint32_t filesystem_no, const char *path,
                     struct arena *a, const struct image **image, wall_ms *seen, struct err *e);
/* Paths of the images in a filesystem, in order, at most `most`, and how many there are. Those that
 * have the file `below` as backing file; NULL: all. */
int store_read_images_in(struct store_reader *r, uuid128 filesystem, const char *below, size_t most,
                         struct arena *a, struct strs *paths, uint64_t *count, struct err *e);

/* Who has proven that it reaches the filesystem, in order of nodes; `node_no`: this one alone, 0:
 * all. Told of each row, `told` gives 0; 1: it is enough; or a negative errno, which is forwarded.
 */
typedef int store_reach_fn(void *ctx, const struct reach_row *row);
int store_read_reach(struct store_reader *r, uint32_t resource_no, uint32_t node_no,
                     struct arena *a, store_reach_fn *told, void *ctx, struct err *e);

/* The paths that a node had in this boot and has no more, newest first, at most LIMIT_LOST_PATHS.
 */
struct path_lost;
int store_read_paths_lost(struct store_reader *r, uint32_t node_no, struct arena *a,
                          const struct path_lost **out, size_t *count, struct err *e);

/* Which rows of which section are looked for, by the value of which column. */
enum store_lookup {
    LOOKUP_USES,       /* uses of a container; of all nodes */
    LOOKUP_LV,         /* the logical volume with this UUID; of one node, as all that follow */
    LOOKUP_PV,         /* the PV with this UUID */
    LOOKUP_FILESYSTEM, /* what lies in this container */
    LOOKUP_MEMBERS,    /* filesystems with this UUID */
    LOOKUP_COUNT,
};

struct store_found {
    const void *rows;        /* records of the section, in order of nodes and keys */
    const uint32_t *node_no; /* of each */
    size_t n;
    bool more; /* there are more than `most` */
};

/* 0; STORE_E_DAMAGED, -ENOMEM, -EIO with a sentence. Between store_read_begin and _end all that is
 * looked up is of one state of the database. */
int store_read_begin(struct store_reader *r, struct err *e);
void store_read_end(struct store_reader *r);
int store_look_up(struct store_reader *r, enum store_lookup which, const char *value,
                  uint32_t node_no, size_t most, struct arena *a, struct store_found *out,
                  struct err *e);

/* A consistent copy of the database at this moment into a new file (0600, fsynced), which is in
 * recover: whoever starts on it grants nothing until an operator decides. -EEXIST: there is one.
 * Other nodes' traffic goes on. */
int store_backup(struct store_reader *r, const char *path, struct err *e);

#endif
