/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfs_fault.h"

#include <pthread.h>
#include <stdlib.h>

#include "vfs_shim.h"

static struct {
    enum fault kind;
    uint64_t left;
    bool lasting, fired;
} armed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* True: this call is to fail. */
static bool strike(enum fault kind)
{
    bool fails = false;

    pthread_mutex_lock(&lock);
    if (armed.kind == kind) {
        fails = armed.fired ? armed.lasting : --armed.left == 0;
        armed.fired = armed.fired || fails;
    }
    pthread_mutex_unlock(&lock);
    return fails;
}

static bool is_armed(enum fault kind)
{
    bool is;

    pthread_mutex_lock(&lock);
    is = armed.kind == kind;
    pthread_mutex_unlock(&lock);
    return is;
}

static int on_write(struct shim_file *f, const void *p, int n, sqlite3_int64 at)
{
    sqlite3_int64 size = 0;

    if (strike(FAULT_WRITE_EIO))
        return SQLITE_IOERR_WRITE;
    if (strike(FAULT_WRITE_FULL))
        return SQLITE_FULL;
    if (strike(FAULT_WRITE_SHORT)) {
        f->real->pMethods->xWrite(f->real, p, n / 2, at);
        return SQLITE_IOERR_WRITE;
    }
    if (is_armed(FAULT_EXTEND_FULL)) {
        f->real->pMethods->xFileSize(f->real, &size);
        if (at + n > size && strike(FAULT_EXTEND_FULL))
            return SQLITE_FULL;
    }
    return SQLITE_OK;
}

static int on_read(struct shim_file *f, int n, sqlite3_int64 at)
{
    (void)f;
    (void)n;
    (void)at;
    return strike(FAULT_READ) ? SQLITE_IOERR_READ : SQLITE_OK;
}

static int on_truncate(struct shim_file *f, sqlite3_int64 size)
{
    (void)f;
    (void)size;
    return strike(FAULT_TRUNCATE) ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

static int on_sync(struct shim_file *f)
{
    (void)f;
    return strike(FAULT_SYNC) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int on_open(struct shim_file *f, const char *path, int flags)
{
    (void)f;
    (void)path;
    (void)flags;
    return strike(FAULT_OPEN) ? SQLITE_CANTOPEN : SQLITE_OK;
}

static int on_shm_map(struct shim_file *f, int region, int size, bool extend)
{
    volatile void *there = NULL;

    if (!is_armed(FAULT_SHM) || !extend)
        return SQLITE_OK;
    f->real->pMethods->xShmMap(f->real, region, size, 0, &there);
    return there == NULL && strike(FAULT_SHM) ? SQLITE_IOERR_SHMSIZE : SQLITE_OK;
}

static const struct shim_hooks hooks = {
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .truncate = on_truncate,
    .sync = on_sync,
    .shm_map = on_shm_map,
};

const char *vfs_fault_name(enum fault f)
{
    static const char *const names[FAULT_COUNT] = {
        [FAULT_NONE] = "none",
        [FAULT_WRITE_EIO] = "write: EIO",
        [FAULT_WRITE_SHORT] = "write: short",
        [FAULT_WRITE_FULL] = "write: ENOSPC",
        [FAULT_EXTEND_FULL] = "extend: ENOSPC",
        [FAULT_SYNC] = "sync",
        [FAULT_TRUNCATE] = "truncate",
        [FAULT_READ] = "read",
        [FAULT_OPEN] = "open",
        [FAULT_SHM] = "shared memory",
    };

    return names[f];
}

void vfs_fault_register(void)
{
    static sqlite3_vfs vfs;

    if (vfs.zName == NULL && shim_register(&vfs, VFS_FAULT, &hooks) != SQLITE_OK)
        abort();
}

void vfs_fault_arm(enum fault f, uint64_t nth, bool lasting)
{
    pthread_mutex_lock(&lock);
    armed.kind = f;
    armed.left = nth;
    armed.lasting = lasting;
    armed.fired = false;
    pthread_mutex_unlock(&lock);
}

void vfs_fault_heal(void)
{
    pthread_mutex_lock(&lock);
    armed.kind = FAULT_NONE;
    pthread_mutex_unlock(&lock);
}

bool vfs_fault_fired(void)
{
    bool fired;

    pthread_mutex_lock(&lock);
    fired = armed.fired;
    pthread_mutex_unlock(&lock);
    return fired;
}
