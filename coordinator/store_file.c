/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state directory and its files: whose they are, who may read them, and the lock. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"

int store_sync_folder(const char *path)
{
    char copy[PATH_MAX];
    int fd, rc;

    snprintf(copy, sizeof copy, "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return rc;
}

int store_check_dir(const char *dir, struct err *e)
{
    struct stat st;
    int rc;

    if (mkdir(dir, 0700) == 0) {
        rc = store_sync_folder(dir);
        if (rc < 0)
            return err_set(e, rc, "the folder of the state directory %s cannot be synced: %s", dir,
                           strerror(-rc));
    } else if (errno != EEXIST) {
        rc = -errno;
        return err_set(e, rc, "the state directory %s cannot be made: %s", dir, strerror(-rc));
    }
    if (stat(dir, &st) != 0) {
        rc = -errno;
        return err_set(e, rc, "the state directory %s cannot be used: %s", dir, strerror(-rc));
    }
    if (!S_ISDIR(st.st_mode))
        return err_set(e, -ENOTDIR, "%s is not a directory: give another state directory", dir);
    if (st.st_uid != geteuid())
        return err_set(e, STORE_E_PERMISSION,
                       "the state directory %s belongs to uid %u, and this program runs as uid %u: "
                       "change its owner, or run as that one",
                       dir, st.st_uid, geteuid());
    /* To list it does no harm, the files are for their owner alone; to put files into it does. */
    if ((st.st_mode & 022) != 0)
        return err_set(e, STORE_E_PERMISSION,
                       "others than its owner may write to the state directory %s: make its mode "
                       "0700",
                       dir);
    return 0;
}

static int lock_held(int fd, const char *dir, struct err *e)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    long pid;

    text[n > 0 ? n : 0] = '\0';
    pid = strtol(text, NULL, 10);
    if (pid > 0)
        return err_set(e, STORE_E_LOCKED,
                       "another coordinator, pid %ld, uses the state directory %s: end it, or give "
                       "another state directory",
                       pid, dir);
    return err_set(e, STORE_E_LOCKED,
                   "another coordinator uses the state directory %s: end it, or give another state "
                   "directory",
                   dir);
}

int store_take_lock(const char *dir, int *out, struct err *e)
{
    char path[PATH_MAX], pid[32];
    int rc, fd;

    if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path)
        return err_set(e, -ENAMETOOLONG, "the path of the state directory is too long");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        rc = -errno;
        return err_set(e, rc, "the lock %s cannot be opened: %s", path, strerror(-rc));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK
                 ? lock_held(fd, dir, e)
                 : err_set(e, -errno, "the lock %s cannot be taken: %s", path, strerror(errno));
        close(fd);
        return rc;
    }
    snprintf(pid, sizeof pid, "%d\n", getpid());
    /* The pid is for people alone: a full disk must not keep the coordinator from its lock. */
    if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, strlen(pid), 0) < 0)
        rc = ftruncate(fd, 0);
    *out = fd;
    return 0;
}

/* SQLite gives its other files the mode of the database, so that is made first, for us alone. */
static int open_file(const char *path, int *out, struct err *e)
{
    int rc = 0, fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0)
        rc = store_sync_folder(path);
    else if (errno == EEXIST)
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        rc = -errno;
    *out = fd;
    if (rc == -EACCES || rc == -ELOOP || rc == -EROFS || rc == -EPERM)
        return err_set(e, STORE_E_PERMISSION,
                       "the database %s cannot be opened for writing (%s): change its permissions",
                       path, strerror(-rc));
    return rc == 0 ? 0
                   : err_set(e, rc, "the database %s cannot be opened or made: %s", path,
                             strerror(-rc));
}

/* A power cut while the database was made can leave a torn first page, and a journal that mends
 * it. */
static bool has_journal(const char *path)
{
    char journal[PATH_MAX];
    struct stat st;

    return snprintf(journal, sizeof journal, "%s-journal", path) < (int)sizeof journal &&
           stat(journal, &st) == 0 && st.st_size > 0;
}

/* Before SQLite touches the file: another program's is left as it is. (file format: sqlite.org,
 * "Database File Format", section 1.3) */
static int check_magic(int fd, const char *path, struct err *e)
{
    static const char magic[16] = "SQLite format 3";
    uint8_t head[100];
    ssize_t n = pread(fd, head, sizeof head, 0);
    uint32_t id = 0;

    if (n < 0)
        return err_set(e, -errno, "the database %s cannot be read: %s", path, strerror(errno));
    if (n == 0 || has_journal(path))
        return 0;
    if (n == (ssize_t)sizeof head)
        id = (uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 | (uint32_t)head[70] << 8 |
             head[71];
    if (n >= (ssize_t)sizeof magic && memcmp(head, magic, sizeof magic) == 0 &&
        (id == 0 || id == STORE_APPLICATION_ID))
        return 0;
    return err_set(e, STORE_E_FOREIGN,
                   "%s is not a muster database: move it away, or give another state directory",
                   path);
}

int store_check_file(const char *path, struct err *e)
{
    struct stat st;
    int fd = -1, rc = open_file(path, &fd, e);

    if (rc == 0 && fstat(fd, &st) != 0)
        rc = err_set(e, -errno, "the database %s cannot be used: %s", path, strerror(errno));
    if (rc == 0 && !S_ISREG(st.st_mode))
        rc = err_set(e, STORE_E_FOREIGN,
                     "%s is not a file: move it away, or give another state directory", path);
    if (rc == 0 && st.st_uid != geteuid())
        rc = err_set(e, STORE_E_PERMISSION,
                     "the database %s belongs to uid %u, and this program runs as uid %u: change "
                     "its owner, or run as that one",
                     path, st.st_uid, geteuid());
    if (rc == 0 && (st.st_mode & 077) != 0)
        rc = err_set(e, STORE_E_PERMISSION,
                     "others than its owner may open the database %s: make its mode 0600", path);
    if (rc == 0)
        rc = check_magic(fd, path, e);
    if (fd >= 0)
        close(fd);
    return rc;
}
