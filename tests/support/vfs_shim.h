/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VFS over the default one, for the tests' VFSes: it owns the files' plumbing, and asks a few
 * hooks before it passes a call on. Locks and shared memory go straight through. What the hooks
 * share between threads they protect themselves. */
#ifndef MUSTER_TESTS_VFS_SHIM_H
#define MUSTER_TESTS_VFS_SHIM_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct shim_file {
    sqlite3_file base;
    sqlite3_file *real;
    void *state; /* the hooks' own */
    int flags;   /* SQLITE_OPEN_... */
};

/* Each returns SQLITE_OK to let the call go on to the real file, or the error to give instead.
 * NULL: no hook. */
struct shim_hooks {
    int (*open)(struct shim_file *f, const char *path, int flags);
    int (*opened)(struct shim_file *f, const char *path); /* after the real one */
    void (*closed)(struct shim_file *f);
    int (*read)(struct shim_file *f, int n, sqlite3_int64 at);
    int (*write)(struct shim_file *f, const void *p, int n, sqlite3_int64 at);
    int (*truncate)(struct shim_file *f, sqlite3_int64 size);
    int (*sync)(struct shim_file *f);
    int (*shm_map)(struct shim_file *f, int region, int size, bool extend);
    int (*remove)(const char *path, bool sync_folder);
};

/* Registers it under `name`. The hooks must live on. An SQLite result code. */
int shim_register(sqlite3_vfs *vfs, const char *name, const struct shim_hooks *hooks);

#endif
