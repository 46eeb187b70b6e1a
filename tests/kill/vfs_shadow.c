/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfs_shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfs_shim.h"

enum { FILES = 64, HONEST = 3 /* syncs, before it begins to lie */ };

/* A write since the last sync. */
struct range {
    sqlite3_int64 at;
    int n;
};

struct shadow {
    char path[512];
    struct range *ranges;
    size_t n, room;
};

/* Several connections have the same files open, in more than one thread. */
static struct {
    pthread_mutex_t lock;
    struct shadow files[FILES];
    int count;
    bool lies;
    unsigned syncs;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct shadow *shadow_of(const char *path, bool *first)
{
    for (int i = 0; i < disk.count; i++) {
        if (strcmp(disk.files[i].path, path) == 0)
            return &disk.files[i];
    }
    if (disk.count == FILES)
        abort();
    *first = true;
    snprintf(disk.files[disk.count].path, sizeof disk.files[0].path, "%s", path);
    return &disk.files[disk.count++];
}

static int shadow_open(const struct shadow *s)
{
    char path[600];
    int fd;

    snprintf(path, sizeof path, "%s" SHADOW_SUFFIX, s->path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    return fd;
}

/* From the file itself, which has all that was written. */
static void copy_range(struct shim_file *f, int fd, sqlite3_int64 at, sqlite3_int64 n,
                       sqlite3_int64 size)
{
    char bytes[65536];

    for (sqlite3_int64 end = at + n < size ? at + n : size; at < end;) {
        int some = end - at < (int)sizeof bytes ? (int)(end - at) : (int)sizeof bytes;

        if (f->real->pMethods->xRead(f->real, bytes, some, at) != SQLITE_OK ||
            pwrite(fd, bytes, (size_t)some, at) != some)
            abort();
        at += some;
    }
}

static int on_opened(struct shim_file *f, const char *path)
{
    char name[600];
    bool first = false;

    if (path == NULL)
        return SQLITE_OK; /* a temporary file */
    pthread_mutex_lock(&disk.lock);
    f->state = shadow_of(path, &first);
    snprintf(name, sizeof name, "%s" SHADOW_SUFFIX, path);
    if (first && access(name, F_OK) != 0) { /* what this process finds is durable */
        sqlite3_int64 size = 0;
        int fd;

        if (f->real->pMethods->xFileSize(f->real, &size) == SQLITE_OK && size > 0) {
            fd = shadow_open(f->state);
            copy_range(f, fd, 0, size, size);
            close(fd);
        }
    }
    pthread_mutex_unlock(&disk.lock);
    return SQLITE_OK;
}

static int on_write(struct shim_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct shadow *s = f->state;

    (void)p;
    if (s == NULL)
        return SQLITE_OK;
    pthread_mutex_lock(&disk.lock);
    if (s->n == s->room) {
        s->room = s->room == 0 ? 64 : 2 * s->room;
        s->ranges = realloc(s->ranges, s->room * sizeof *s->ranges);
        if (s->ranges == NULL)
            abort();
    }
    s->ranges[s->n++] = (struct range){ at, n };
    pthread_mutex_unlock(&disk.lock);
    return SQLITE_OK;
}

static int on_sync(struct shim_file *f)
{
    struct shadow *s = f->state;
    sqlite3_int64 size = 0;
    int fd;

    if (s == NULL)
        return SQLITE_OK;
    pthread_mutex_lock(&disk.lock);
    if (disk.lies && disk.syncs++ >= HONEST) {
        pthread_mutex_unlock(&disk.lock);
        return SQLITE_OK;
    }
    if (f->real->pMethods->xFileSize(f->real, &size) != SQLITE_OK)
        abort();
    fd = shadow_open(s);
    for (size_t i = 0; i < s->n; i++)
        copy_range(f, fd, s->ranges[i].at, s->ranges[i].n, size);
    if (ftruncate(fd, size) != 0)
        abort();
    close(fd);
    s->n = 0;
    pthread_mutex_unlock(&disk.lock);
    return SQLITE_OK;
}

static int on_remove(const char *path, bool sync_folder)
{
    char name[600];

    (void)sync_folder;
    snprintf(name, sizeof name, "%s" SHADOW_SUFFIX, path);
    unlink(name);
    return SQLITE_OK;
}

static const struct shim_hooks hooks = {
    .opened = on_opened,
    .write = on_write,
    .sync = on_sync,
    .remove = on_remove,
};

void vfs_shadow_register(bool lies)
{
    static sqlite3_vfs vfs;

    disk.lies = lies;
    if (shim_register(&vfs, "shadow", &hooks) != SQLITE_OK ||
        sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}
