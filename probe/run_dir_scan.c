/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rights of scans in the run directory: a file for each, scan-BOOT-REQUEST, which has its order
 * as it goes to the worker. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "run_dir_internal.h"
#include "wire/codec.h"

#define SCAN_FILE "scan-"

static void scan_name(char out[RUN_DIR_NAME_BYTES], uuid128 boot_id, uint64_t request)
{
    char boot[UUID_TEXT];

    snprintf(out, RUN_DIR_NAME_BYTES, SCAN_FILE "%s-%" PRIu64, uuid_text(boot_id, boot), request);
}

int run_dir_save_record(const struct run_dir *d, const char *name, const struct record_desc *desc,
                        const void *record, struct err *e)
{
    struct buf b = { 0 };
    int rc = wire_encode(desc, record, &b, e);

    if (rc == 0) {
        rc = run_dir_replace(d, name, b.p, b.n);
        if (rc < 0)
            err_set(e, rc, "the file %s/%s cannot be written: %s", d->path, name, strerror(-rc));
    }
    buf_deinit(&b);
    return rc;
}

int run_dir_save_scan(const struct run_dir *d, uuid128 boot_id, const struct scan_order *order,
                      struct err *e)
{
    char name[RUN_DIR_NAME_BYTES];

    scan_name(name, boot_id, order->request);
    return run_dir_save_record(d, name, &scan_order_desc, order, e);
}

void run_dir_remove_scan(const struct run_dir *d, uuid128 boot_id, uint64_t request)
{
    char name[RUN_DIR_NAME_BYTES];

    scan_name(name, boot_id, request);
    unlinkat(d->fd, name, 0);
}

/* ---- reading them all ------------------------------------------------------------------------ */

struct reading {
    const struct run_dir *d;
    const struct record_desc *desc;
    const char *what;
    int (*each)(void *ctx, const void *record);
    void *ctx;
};

static int read_bytes(const struct run_dir *d, const char *name, uint8_t *bytes, size_t room,
                      size_t *n)
{
    int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, room);
    int rc = got < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    *n = rc < 0 ? 0 : (size_t)got;
    return rc;
}

static int take_record(const struct reading *r, const char *name, struct arena *a, struct err *e)
{
    uint8_t *bytes = arena_alloc(a, LIMIT_WORKER_MESSAGE_BYTES);
    struct err why;
    void *record;
    size_t n;
    int rc;

    if (bytes == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = read_bytes(r->d, name, bytes, LIMIT_WORKER_MESSAGE_BYTES, &n);
    if (rc == 0)
        rc = wire_decode(r->desc, bytes, n, a, &record, &why);
    if (rc == 0) {
        rc = r->each(r->ctx, record);
        return rc < 0 ? err_set(e, rc, "out of memory") : 0;
    }
    return err_set(e, rc,
                   "the file %s/%s, of a %s, cannot be read; when no muster-probe-worker runs and "
                   "nothing it has mounted is left, remove it",
                   r->d->path, name, r->what);
}

int run_dir_each_record(const struct run_dir *d, const char *kind, uuid128 boot_id,
                        const struct record_desc *desc, const char *what,
                        int (*each)(void *ctx, const void *record), void *ctx, struct err *e)
{
    const struct reading r = { d, desc, what, each, ctx };
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct arena *a = arena_new(0);
    char boot[UUID_TEXT], mine[RUN_DIR_NAME_BYTES];
    const struct dirent *x;

    if (dir == NULL || a == NULL)
        rc = err_set(e, -ENOMEM, "the run directory %s cannot be read", d->path);
    snprintf(mine, sizeof mine, "%s%s-", kind, uuid_text(boot_id, boot));
    while (rc == 0 && (x = readdir(dir)) != NULL) {
        size_t n = strlen(x->d_name);
        bool unfinished = n > 4 && strcmp(x->d_name + n - 4, ".new") == 0;

        if (strncmp(x->d_name, kind, strlen(kind)) != 0)
            continue;
        if (unfinished || strncmp(x->d_name, mine, strlen(mine)) != 0)
            unlinkat(d->fd, x->d_name, 0); /* no worker has started under it, or its boot is over */
        else
            rc = take_record(&r, x->d_name, a, e);
    }
    if (dir != NULL)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    arena_free(a);
    return rc;
}

struct scans {
    int (*each)(void *ctx, const struct scan_order *order);
    void *ctx;
};

static int each_scan(void *ctx, const void *record)
{
    const struct scans *s = ctx;

    return s->each(s->ctx, record);
}

int run_dir_each_scan(const struct run_dir *d, uuid128 boot_id,
                      int (*each)(void *ctx, const struct scan_order *order), void *ctx,
                      struct err *e)
{
    struct scans s = { each, ctx };

    return run_dir_each_record(d, SCAN_FILE, boot_id, &scan_order_desc,
                               "scan that may have left something mounted", each_scan, &s, e);
}
