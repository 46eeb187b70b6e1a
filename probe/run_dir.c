/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run_dir_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

#define STATE_FILE "state"
#define USED       "the run directory %s is in use by "
#define OR_OTHER   ", or give this one another with --run-dir"

enum { PATH_BYTES = RUN_DIR_PATH_BYTES, STATE_BYTES = 4096 };

static int check_dir(int fd, const char *path, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set(e, -errno, "the run directory %s cannot be examined: %s", path,
                       strerror(errno));
    if (st.st_uid != geteuid())
        return err_set(e, -EPERM,
                       "the run directory %s belongs to user %u; it must belong to user %u, or "
                       "choose another with --run-dir",
                       path, (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & 022) != 0)
        return err_set(e, -EPERM,
                       "other users can write to the run directory %s; run chmod go-w on it", path);
    return 0;
}

/* Of this process alone: a child that is caught between fork and exec must not keep it. */
static int lock_file(int fd, const char *path, struct err *e)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (fcntl(fd, F_SETLK, &l) == 0)
        return 0;
    if (errno != EACCES && errno != EAGAIN)
        return err_set(e, -errno, "the run directory %s cannot be locked: %s", path,
                       strerror(errno));
    if (fcntl(fd, F_GETLK, &l) != 0 || l.l_type == F_UNLCK || l.l_pid <= 0)
        return err_set(e, -EBUSY, USED "another muster-probe; end it" OR_OTHER, path);
    return err_set(e, -EBUSY, USED "another muster-probe, process %d; end it" OR_OTHER, path,
                   (int)l.l_pid);
}

static int open_all(struct run_dir *d, struct err *e)
{
    int rc;

    if (mkdir(d->path, 0700) != 0 && errno != EEXIST)
        return err_set(e, -errno, "the run directory %s cannot be made: %s", d->path,
                       strerror(errno));
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0)
        return err_set(e, -errno, "the run directory %s cannot be opened: %s", d->path,
                       strerror(errno));
    rc = check_dir(d->fd, d->path, e);
    if (rc < 0)
        return rc;
    d->lock = openat(d->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock < 0)
        return err_set(e, -errno, "the file %s/lock cannot be opened: %s", d->path,
                       strerror(errno));
    return lock_file(d->lock, d->path, e);
}

struct run_dir *run_dir_open(const char *path, int *rc, struct err *e)
{
    struct run_dir *d = calloc(1, sizeof *d);

    if (d == NULL) {
        *rc = err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    d->fd = d->lock = -1;
    if (snprintf(d->path, sizeof d->path, "%s", path) >= (int)sizeof d->path - 16)
        *rc = err_set(e, -ENAMETOOLONG, "the path of the run directory is too long");
    else
        *rc = open_all(d, e);
    if (*rc == 0)
        return d;
    run_dir_close(d);
    return NULL;
}

void run_dir_close(struct run_dir *d)
{
    if (d == NULL)
        return;
    if (d->lock >= 0)
        close(d->lock);
    if (d->fd >= 0)
        close(d->fd);
    free(d);
}

static void key_path(const struct run_dir *d, char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, "%.*s/node.key", PATH_BYTES - 16, d->path);
}

int run_dir_load_key(const struct run_dir *d, struct keypair *k, pubkey *server, struct err *e)
{
    char path[PATH_BYTES];

    key_path(d, path);
    return keyfile_load(path, k, server, e);
}

int run_dir_save_key(const struct run_dir *d, const struct keypair *k, pubkey server, struct err *e)
{
    char path[PATH_BYTES];

    key_path(d, path);
    return keyfile_save(path, k, &server, e);
}

int run_dir_load(const struct run_dir *d, uuid128 boot_id, struct arena *a, struct probe_state *out,
                 struct err *e)
{
    int rc, fd = openat(d->fd, STATE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char text[STATE_BYTES + 1], boot[UUID_TEXT];
    ssize_t n;

    *out = (struct probe_state){ .present = 0 };
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : err_set(e, -errno, "the file %s/" STATE_FILE " cannot be opened: %s", d->path,
                             strerror(errno));
    n = read(fd, text, sizeof text);
    rc = n < 0 ? -errno : 0;
    close(fd);
    if (rc < 0)
        return err_set(e, rc, "the file %s/" STATE_FILE " cannot be read: %s", d->path,
                       strerror(-rc));
    rc = n > STATE_BYTES ? -EBADMSG : probe_state_parse(text, (size_t)n, a, out);
    if (rc == -ENOMEM)
        return err_set(e, rc, "out of memory");
    if (rc < 0)
        return err_set(e, rc,
                       "the file %s/" STATE_FILE " is damaged; remove it, and this node forgets "
                       "which coordinator it has followed since it was booted",
                       d->path);
    if (strcmp(out->boot_id, uuid_text(boot_id, boot)) != 0)
        *out = (struct probe_state){ .present = 0 };
    return 0;
}

/* Without fsync: what a crash of the host takes away is of no use in the next boot. */
int run_dir_replace(const struct run_dir *d, const char *name, const uint8_t *p, size_t n)
{
    char fresh[RUN_DIR_NAME_BYTES + 8];
    int fd, rc;

    snprintf(fresh, sizeof fresh, "%s.new", name);
    unlinkat(d->fd, fresh, 0);
    fd = openat(d->fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    rc = io_write_all(fd, p, n);
    if (close(fd) != 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && renameat(d->fd, fresh, d->fd, name) != 0)
        rc = -errno;
    if (rc < 0)
        unlinkat(d->fd, fresh, 0);
    return rc;
}

int run_dir_save(const struct run_dir *d, const struct probe_state *state, struct err *e)
{
    struct buf b = { 0 };
    int rc = -ENOMEM;

    probe_state_text(state, &b);
    if (!b.failed)
        rc = run_dir_replace(d, STATE_FILE, b.p, b.n);
    buf_deinit(&b);
    if (rc < 0)
        return err_set(e, rc, "the file %s/" STATE_FILE " cannot be written: %s", d->path,
                       strerror(-rc));
    return 0;
}
