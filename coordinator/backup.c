/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "net/net.h"

#define PREFIX "backup-"
#define SUFFIX ".tmp"

struct backup {
    uint64_t handle; /* 0: free */
    uint64_t bytes;
    int fd;
    mono_ms used;
};

struct backups {
    char *dir;
    int64_t idle_ms;
    struct backup all[LIMIT_BACKUPS];
};

static bool is_leftover(const char *name)
{
    /* SQLite may have had a journal beside it. */
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && strstr(name, SUFFIX) != NULL;
}

static void remove_leftovers(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        if (is_leftover(entry->d_name))
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

struct backups *backups_new(const char *dir, int64_t idle_ms)
{
    struct backups *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->idle_ms = idle_ms;
    b->dir = strdup(dir);
    if (b->dir == NULL) {
        free(b);
        return NULL;
    }
    remove_leftovers(dir);
    return b;
}

static void end(struct backup *x)
{
    close(x->fd);
    *x = (struct backup){ 0 };
}

void backups_free(struct backups *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < LIMIT_BACKUPS; i++) {
        if (b->all[i].handle != 0)
            end(&b->all[i]);
    }
    free(b->dir);
    free(b);
}

static struct backup *find(struct backups *b, uint64_t handle)
{
    for (size_t i = 0; i < LIMIT_BACKUPS; i++) {
        if (b->all[i].handle == handle)
            return &b->all[i];
    }
    return NULL;
}

/* Copies, opens, and takes the name away again: the file lives as long as its descriptor, so that
 * nothing is left when this process dies later. */
static int copy(struct backups *b, struct store_reader *reader, struct backup *x, uint64_t handle,
                struct err *e)
{
    char path[PATH_MAX];
    struct stat st;
    int rc;

    if (snprintf(path, sizeof path, "%s/" PREFIX "%016" PRIx64 SUFFIX, b->dir, handle) >=
        (int)sizeof path)
        return err_set(e, -ENAMETOOLONG, "the path of the state directory is too long");
    rc = store_backup(reader, path, e);
    if (rc != 0) {
        unlink(path);
        return rc < 0 ? rc : -EIO;
    }
    x->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    rc = x->fd < 0 || fstat(x->fd, &st) != 0 ? -errno : 0;
    unlink(path);
    if (rc < 0) {
        if (x->fd >= 0)
            close(x->fd);
        return err_set(e, rc, "the copy of the database cannot be read: %s", strerror(-rc));
    }
    x->handle = handle;
    x->bytes = (uint64_t)st.st_size;
    return 0;
}

int backups_begin(struct backups *b, struct store_reader *reader, mono_ms now, uint64_t *handle,
                  uint64_t *bytes, struct err *e)
{
    struct backup *x;
    uint64_t fresh = 0;
    int rc;

    backups_expire(b, now);
    x = find(b, 0);
    if (x == NULL)
        return err_set(e, BACKUP_E_MANY,
                       "%u backups are under way already; try again when one of "
                       "them has ended",
                       LIMIT_BACKUPS);
    while (fresh == 0) {
        random_bytes(&fresh, sizeof fresh);
        fresh &= INT64_MAX;
    }
    rc = copy(b, reader, x, fresh, e);
    if (rc < 0) {
        *x = (struct backup){ 0 };
        return rc;
    }
    x->used = now;
    *handle = x->handle;
    *bytes = x->bytes;
    return 0;
}

static struct backup *lookup(struct backups *b, uint64_t handle, struct err *e)
{
    struct backup *x = handle == 0 ? NULL : find(b, handle);

    if (x == NULL)
        err_set(e, BACKUP_E_UNKNOWN,
                "there is no such backup under way; it has ended, or nobody "
                "has read from it for too long");
    return x;
}

int backups_read(struct backups *b, uint64_t handle, uint64_t offset, mono_ms now, struct arena *a,
                 struct bytes *chunk, struct err *e)
{
    struct backup *x = lookup(b, handle, e);
    size_t want, got = 0;
    uint8_t *p;

    if (x == NULL)
        return BACKUP_E_UNKNOWN;
    if (offset > x->bytes)
        return err_set(e, BACKUP_E_OFFSET,
                       "the backup has %" PRIu64 " bytes; it cannot be read "
                       "from %" PRIu64,
                       x->bytes, offset);
    want =
        x->bytes - offset < BACKUP_CHUNK_BYTES ? (size_t)(x->bytes - offset) : BACKUP_CHUNK_BYTES;
    p = arena_alloc(a, want);
    if (p == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    while (got < want) {
        ssize_t n = pread(x->fd, p + got, want - got, (off_t)(offset + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, n < 0 ? -errno : -EIO, "the copy of the database cannot be read: %s",
                           n < 0 ? strerror(errno) : "it is too short");
        got += (size_t)n;
    }
    x->used = now;
    *chunk = (struct bytes){ p, want };
    return 0;
}

int backups_end(struct backups *b, uint64_t handle, struct err *e)
{
    struct backup *x = lookup(b, handle, e);

    if (x == NULL)
        return BACKUP_E_UNKNOWN;
    end(x);
    return 0;
}

void backups_expire(struct backups *b, mono_ms now)
{
    for (size_t i = 0; i < LIMIT_BACKUPS; i++) {
        if (b->all[i].handle != 0 && mono_since(now, b->all[i].used) >= b->idle_ms)
            end(&b->all[i]);
    }
}

bool backups_any(const struct backups *b)
{
    for (size_t i = 0; i < LIMIT_BACKUPS; i++) {
        if (b->all[i].handle != 0)
            return true;
    }
    return false;
}
