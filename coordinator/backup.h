/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Backups under way: consistent copies of the database that clients read piece by piece. Each is a
 * temporary file in the state directory, removed at its end, when nobody has read for a while, and
 * at the next start. One thread owns them. */
#ifndef MUSTER_BACKUP_H
#define MUSTER_BACKUP_H

#include "store.h"

struct backups;

/* Removes leftovers of an earlier process. NULL: out of memory. `dir` is copied. */
struct backups *backups_new(const char *dir, int64_t idle_ms);
void backups_free(struct backups *b); /* removes the files; NULL is legal */

enum {
    BACKUP_E_MANY = 1,    /* LIMIT_BACKUPS are under way */
    BACKUP_E_UNKNOWN = 2, /* no such handle: ended, idle for too long, or never begun */
    BACKUP_E_OFFSET = 3,  /* beyond the end */
};

/* 0, BACKUP_E_MANY, or a negative errno; each but 0 with a sentence. */
int backups_begin(struct backups *b, struct store_reader *reader, mono_ms now, uint64_t *handle,
                  uint64_t *bytes, struct err *e);
/* At most BACKUP_CHUNK_BYTES from `offset`, in `a`; empty at the end. 0, BACKUP_E_UNKNOWN,
 * BACKUP_E_OFFSET or a negative errno; each but 0 with a sentence. */
int backups_read(struct backups *b, uint64_t handle, uint64_t offset, mono_ms now, struct arena *a,
                 struct bytes *chunk, struct err *e);
/* 0 or BACKUP_E_UNKNOWN with a sentence. */
int backups_end(struct backups *b, uint64_t handle, struct err *e);
void backups_expire(struct backups *b, mono_ms now);
bool backups_any(const struct backups *b);

#endif
