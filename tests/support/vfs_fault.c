/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfs_fault.h"

#include <stdlib.h>

#include "vfs_shim.h"

static struct {
    enum fault kind;
    uint64_t left;
    bool lasting, fired;
} armed;

/* True: this call is to fail. */
static bool strike(enum fault kind)
{
    if (armed.kind != kind)
        return false;
    if (armed.fired)
        return armed.lasting;
    if (--armed.left > 0)
        return false;
    armed.fired = true;
    return true;
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
    if (armed.kind == FAULT_EXTEND_FULL) {
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

    if (armed.kind != FAULT_SHM || !extend)
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
    armed.kind = f;
    armed.left = nth;
    armed.lasting = lasting;
    armed.fired = false;
}

void vfs_fault_heal(void)
{
    armed.kind = FAULT_NONE;
}

bool vfs_fault_fired(void)
{
    return armed.fired;
}
