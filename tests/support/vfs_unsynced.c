/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfs_unsynced.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfs_shim.h"

#define SECTOR 512
#define FILES  16

struct content {
    uint8_t *p;
    sqlite3_int64 n, room;
};

/* A write, or with `p` NULL a truncation to `at`. */
struct op {
    struct op *next;
    sqlite3_int64 at;
    int n;
    uint8_t *p;
};

struct disk_file {
    char path[512];
    struct content durable;
    struct op *first, **last; /* since the last sync */
    bool removed, remove_synced;
};

static struct {
    struct disk_file files[FILES];
    int count;
    uint64_t random, calls, cut_at;
    bool cut;
} machine;

static uint64_t random_below(uint64_t n)
{
    machine.random ^= machine.random << 13; /* xorshift64 (Marsaglia, 2003) */
    machine.random ^= machine.random >> 7;
    machine.random ^= machine.random << 17;
    return (machine.random >> 11) % n;
}

/* ---- contents ------------------------------------------------------------------------------- */

static void content_resize(struct content *c, sqlite3_int64 n)
{
    if (n >= c->room) {
        c->room = 2 * n + 4096;
        c->p = realloc(c->p, (size_t)c->room);
        if (c->p == NULL)
            abort();
    }
    if (n > c->n)
        memset(c->p + c->n, 0, (size_t)(n - c->n));
    c->n = n;
}

static void content_write(struct content *c, const uint8_t *p, sqlite3_int64 n, sqlite3_int64 at)
{
    if (at + n > c->n)
        content_resize(c, at + n);
    memcpy(c->p + at, p, (size_t)n);
}

static void forget_ops(struct disk_file *d)
{
    while (d->first != NULL) {
        struct op *o = d->first;

        d->first = o->next;
        free(o->p);
        free(o);
    }
    d->last = &d->first;
}

static void apply(struct content *c, const struct op *o)
{
    if (o->p == NULL)
        content_resize(c, o->at);
    else
        content_write(c, o->p, o->n, o->at);
}

static void make_durable(struct disk_file *d)
{
    for (const struct op *o = d->first; o != NULL; o = o->next)
        apply(&d->durable, o);
    forget_ops(d);
}

/* Each sector of the write is kept or lost by itself. */
static void apply_torn(struct content *c, const struct op *o, unsigned keep_percent)
{
    for (sqlite3_int64 at = o->at; at < o->at + o->n;) {
        sqlite3_int64 end = (at / SECTOR + 1) * SECTOR;

        if (end > o->at + o->n)
            end = o->at + o->n;
        if (random_below(100) < keep_percent)
            content_write(c, o->p + (at - o->at), end - at, at);
        at = end;
    }
}

static void lose_power(void)
{
    static const unsigned keep[] = { 0, 100, 50, 90, 10 };

    machine.cut = true;
    for (int i = 0; i < machine.count; i++) {
        struct disk_file *d = &machine.files[i];
        unsigned percent = keep[random_below(sizeof keep / sizeof keep[0])];

        for (const struct op *o = d->first; o != NULL; o = o->next) {
            if (o->p != NULL)
                apply_torn(&d->durable, o, percent);
            else if (random_below(100) < percent)
                apply(&d->durable, o);
        }
        forget_ops(d);
        if (d->removed && !d->remove_synced && random_below(2) == 0)
            d->removed = false;
    }
}

/* ---- hooks ---------------------------------------------------------------------------------- */

static struct disk_file *find(const char *path)
{
    for (int i = 0; i < machine.count; i++) {
        if (strcmp(machine.files[i].path, path) == 0)
            return &machine.files[i];
    }
    return NULL;
}

static void add_op(struct disk_file *d, const void *p, int n, sqlite3_int64 at)
{
    struct op *o = calloc(1, sizeof *o);

    if (o == NULL || (p != NULL && (o->p = malloc((size_t)n + 1)) == NULL))
        abort();
    if (p != NULL)
        memcpy(o->p, p, (size_t)n);
    o->n = n;
    o->at = at;
    *d->last = o;
    d->last = &o->next;
}

/* Counts a call; true: this is where the power goes. */
static bool is_the_end(void)
{
    machine.calls++;
    return machine.calls == machine.cut_at;
}

static int on_open(struct shim_file *f, const char *path, int flags)
{
    (void)f;
    (void)path;
    (void)flags;
    return machine.cut ? SQLITE_CANTOPEN : SQLITE_OK;
}

static int on_opened(struct shim_file *f, const char *path)
{
    struct disk_file *d = path == NULL ? NULL : find(path);
    sqlite3_int64 size = 0;

    if (path == NULL)
        return SQLITE_OK; /* a temporary file */
    if (d == NULL) {
        if (machine.count == FILES)
            abort();
        d = &machine.files[machine.count++];
        *d = (struct disk_file){ .path = "" };
        d->last = &d->first;
        snprintf(d->path, sizeof d->path, "%s", path);
        f->real->pMethods->xFileSize(f->real, &size);
        content_resize(&d->durable, size);
        if (size > 0 && f->real->pMethods->xRead(f->real, d->durable.p, (int)size, 0) != SQLITE_OK)
            abort();
    } else if (d->removed) {
        d->removed = false; /* made anew: nothing in it */
        d->durable.n = 0;
    }
    f->state = d;
    return SQLITE_OK;
}

static int on_read(struct shim_file *f, int n, sqlite3_int64 at)
{
    (void)f;
    (void)n;
    (void)at;
    return machine.cut ? SQLITE_IOERR_READ : SQLITE_OK;
}

static int on_write(struct shim_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (f->state == NULL)
        return SQLITE_OK;
    if (machine.cut)
        return SQLITE_IOERR_WRITE;
    add_op(f->state, p, n, at);
    if (!is_the_end())
        return SQLITE_OK;
    lose_power();
    return SQLITE_IOERR_WRITE;
}

static int on_truncate(struct shim_file *f, sqlite3_int64 size)
{
    if (f->state == NULL)
        return SQLITE_OK;
    if (machine.cut)
        return SQLITE_IOERR_TRUNCATE;
    add_op(f->state, NULL, 0, size);
    if (!is_the_end())
        return SQLITE_OK;
    lose_power();
    return SQLITE_IOERR_TRUNCATE;
}

static int on_sync(struct shim_file *f)
{
    if (f->state == NULL)
        return SQLITE_OK;
    if (machine.cut)
        return SQLITE_IOERR_FSYNC;
    if (is_the_end()) {
        lose_power();
        return SQLITE_IOERR_FSYNC;
    }
    make_durable(f->state);
    return SQLITE_OK;
}

static int on_remove(const char *path, bool sync_folder)
{
    struct disk_file *d = find(path);

    if (machine.cut)
        return SQLITE_IOERR_DELETE;
    if (d == NULL)
        return SQLITE_OK;
    d->removed = true;
    d->remove_synced = sync_folder;
    forget_ops(d);
    if (!is_the_end())
        return SQLITE_OK;
    lose_power();
    return SQLITE_IOERR_DELETE;
}

static const struct shim_hooks hooks = {
    .open = on_open,
    .opened = on_opened,
    .read = on_read,
    .write = on_write,
    .truncate = on_truncate,
    .sync = on_sync,
    .remove = on_remove,
};

/* ---- the machine ---------------------------------------------------------------------------- */

void vfs_unsynced_register(void)
{
    static sqlite3_vfs vfs;

    if (vfs.zName == NULL && shim_register(&vfs, VFS_UNSYNCED, &hooks) != SQLITE_OK)
        abort();
}

void vfs_unsynced_reset(uint64_t seed, uint64_t nth)
{
    for (int i = 0; i < machine.count; i++) {
        forget_ops(&machine.files[i]);
        free(machine.files[i].durable.p);
    }
    machine.count = 0;
    machine.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    if (machine.random == 0)
        machine.random = 1;
    machine.calls = 0;
    machine.cut_at = nth;
    machine.cut = false;
}

uint64_t vfs_unsynced_calls(void)
{
    return machine.calls;
}

bool vfs_unsynced_is_cut(void)
{
    return machine.cut;
}

static void restore(const struct disk_file *d)
{
    char shm[600];
    int fd;

    unlink(d->path);
    snprintf(shm, sizeof shm, "%s-shm", d->path);
    unlink(shm); /* was memory */
    if (d->removed)
        return;
    fd = open(d->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, d->durable.p, (size_t)d->durable.n) != d->durable.n)
        abort();
    close(fd);
}

void vfs_unsynced_restore(void)
{
    if (!machine.cut)
        lose_power();
    for (int i = 0; i < machine.count; i++)
        restore(&machine.files[i]);
}
