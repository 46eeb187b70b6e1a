/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfs_shim.h"

#include <stddef.h>

struct shim {
    const struct shim_hooks *hooks;
    sqlite3_vfs *real;
};

static struct shim shims[4];
static int shim_count;

#define REAL(f) (((struct shim_file *)(f))->real)
#define SELF(f) ((struct shim_file *)(f))

/* What SQLite allots for a file: this, and after it the real one's. */
struct full_file {
    struct shim_file f;
    const struct shim *shim;
};

static const struct shim_hooks *hooks_of(sqlite3_file *f)
{
    return ((struct full_file *)f)->shim->hooks;
}

#define ASK(f, hook, ...) (hooks_of(f)->hook == NULL ? SQLITE_OK : hooks_of(f)->hook(__VA_ARGS__))

static int file_close(sqlite3_file *f)
{
    int rc = SQLITE_OK;

    if (hooks_of(f)->closed != NULL)
        hooks_of(f)->closed(SELF(f));
    if (REAL(f)->pMethods != NULL)
        rc = REAL(f)->pMethods->xClose(REAL(f));
    return rc;
}

static int file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    int rc = ASK(f, read, SELF(f), n, at);

    return rc == SQLITE_OK ? REAL(f)->pMethods->xRead(REAL(f), p, n, at) : rc;
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    int rc = ASK(f, write, SELF(f), p, n, at);

    return rc == SQLITE_OK ? REAL(f)->pMethods->xWrite(REAL(f), p, n, at) : rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = ASK(f, truncate, SELF(f), size);

    return rc == SQLITE_OK ? REAL(f)->pMethods->xTruncate(REAL(f), size) : rc;
}

static int file_sync(sqlite3_file *f, int flags)
{
    int rc = ASK(f, sync, SELF(f));

    return rc == SQLITE_OK ? REAL(f)->pMethods->xSync(REAL(f), flags) : rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xLock(REAL(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static int file_check_lock(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int file_device(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int file_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
    int rc = ASK(f, shm_map, SELF(f), region, size, extend != 0);

    return rc == SQLITE_OK ? REAL(f)->pMethods->xShmMap(REAL(f), region, size, extend, out) : rc;
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int file_shm_unmap(sqlite3_file *f, int remove)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* without memory mapping, which would go past the hooks */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    struct shim *s = vfs->pAppData;
    struct full_file *f = (struct full_file *)file;
    int rc;

    f->f.base.pMethods = NULL;
    f->f.real = (sqlite3_file *)(f + 1);
    f->f.state = NULL;
    f->f.flags = flags;
    f->shim = s;
    rc = s->hooks->open == NULL ? SQLITE_OK : s->hooks->open(&f->f, path, flags);
    if (rc == SQLITE_OK)
        rc = s->real->xOpen(s->real, path, f->f.real, flags, out);
    if (rc != SQLITE_OK)
        return rc;
    f->f.base.pMethods = &methods;
    return s->hooks->opened == NULL ? SQLITE_OK : s->hooks->opened(&f->f, path);
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    struct shim *s = vfs->pAppData;
    int rc = s->hooks->remove == NULL ? SQLITE_OK : s->hooks->remove(path, sync_folder != 0);

    return rc == SQLITE_OK ? s->real->xDelete(s->real, path, sync_folder) : rc;
}

int shim_register(sqlite3_vfs *vfs, const char *name, const struct shim_hooks *hooks)
{
    struct shim *s = &shims[shim_count++];

    s->hooks = hooks;
    s->real = sqlite3_vfs_find(NULL);
    *vfs = *s->real; /* what is not a file's business is the real one's */
    vfs->zName = name;
    vfs->pNext = NULL;
    vfs->szOsFile = (int)sizeof(struct full_file) + s->real->szOsFile;
    vfs->pAppData = s;
    vfs->xOpen = vfs_open;
    vfs->xDelete = vfs_delete;
    return sqlite3_vfs_register(vfs, 0);
}
