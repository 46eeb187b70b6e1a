/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages of a container, or of what it lies on, that this host has not written back. The kernel
 * writes them before it reads beside them, so a scan must not begin. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "scan/read_container.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

enum { LAYERS = 8, WINDOW = 1 << 30, PATH_BYTES = 320 };

/* As of Linux 6.5 (include/uapi/linux/mman.h). */
struct range {
    uint64_t offset, bytes; /* 0: to the end */
};
struct pages {
    uint64_t cached, dirty, writeback, evicted, recently;
};

/* What a kernel that cannot be asked for a file's pages tells of single ones
 * (Documentation/admin-guide/mm/pagemap.rst of Linux). */
struct page_flags {
    int map, flags; /* -1: it does not tell: any page counts */
    size_t page;
};

/* Of a page that is in memory. It is clean if it is known to be. */
static bool is_page_dirty(const struct page_flags *f, void *page)
{
    enum { PRESENT = 63, FRAME_BITS = 55, DIRTY = 4, WRITEBACK = 8 };
    uint64_t entry, frame, flags;
    uint64_t at = (uint64_t)(uintptr_t)page / f->page * sizeof entry;

    if (f->map < 0 || f->flags < 0 || madvise(page, f->page, MADV_POPULATE_READ) != 0 ||
        pread(f->map, &entry, sizeof entry, (off_t)at) != sizeof entry)
        return true;
    frame = entry & ((UINT64_C(1) << FRAME_BITS) - 1);
    if ((entry >> PRESENT & 1) == 0 || frame == 0 ||
        pread(f->flags, &flags, sizeof flags, (off_t)(frame * sizeof flags)) != sizeof flags)
        return true;
    return (flags >> DIRTY & 1) != 0 || (flags >> WRITEBACK & 1) != 0;
}

/* True, or an error as true. */
static bool is_window_dirty(const struct page_flags *f, int fd, uint64_t at, size_t n,
                            unsigned char *in)
{
    uint8_t *p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, (off_t)at);
    bool any = p == MAP_FAILED || madvise(p, n, MADV_RANDOM) != 0 || mincore(p, n, in) != 0;

    for (size_t i = 0; !any && i < (n + f->page - 1) / f->page; i++)
        any = (in[i] & 1) != 0 && is_page_dirty(f, p + i * f->page);
    if (p != MAP_FAILED)
        munmap(p, n);
    return any;
}

static bool has_dirty_pages(int fd, uint64_t size)
{
    struct page_flags f = { .map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
                            .flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC),
                            .page = (size_t)sysconf(_SC_PAGESIZE) };
    unsigned char *in = malloc(WINDOW / f.page);
    bool any = in == NULL;

    for (uint64_t at = 0; !any && at < size; at += WINDOW)
        any = is_window_dirty(&f, fd, at, size - at < WINDOW ? (size_t)(size - at) : WINDOW, in);
    if (f.map >= 0)
        close(f.map);
    if (f.flags >= 0)
        close(f.flags);
    free(in);
    return any;
}

/* 1, 0, or a negative errno. */
static int is_dirty(const char *path)
{
    struct range all = { 0, 0 };
    struct pages pages = { 0 };
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    if (syscall(SYS_cachestat, fd, &all, &pages, 0) == 0)
        rc = pages.dirty > 0 || pages.writeback > 0;
    else
        rc = has_dirty_pages(fd, (uint64_t)lseek(fd, 0, SEEK_END));
    close(fd);
    return rc;
}

static int check_layers(const char *folder, int depth, struct err *e);

static int check_layer(const char *folder, const char *name, int depth, struct err *e)
{
    char path[PATH_BYTES];
    int rc;

    snprintf(path, sizeof path, "/dev/%s", name);
    rc = is_dirty(path);
    if (rc > 0)
        return err_set(e, -EBUSY,
                       "%s has pages in this node's memory that are not written back: "
                       "somebody has written to it",
                       name);
    if (rc < 0)
        return err_set(e, rc, "%s cannot be asked for what is in memory: %s", name, strerror(-rc));
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return check_layers(path, depth + 1, e);
}

/* What sysfs's folder of a device names as below it: slaves, and of a partition the disk. */
static int check_layers(const char *folder, int depth, struct err *e)
{
    char path[PATH_BYTES], *real;
    const struct dirent *d;
    DIR *dir;
    int rc = 0;

    if (depth > LAYERS)
        return err_set(e, -ELOOP, "too many devices lie below one another");
    snprintf(path, sizeof path, "%.*s/slaves", PATH_BYTES - 16, folder);
    dir = opendir(path);
    while (rc == 0 && dir != NULL && (d = readdir(dir)) != NULL) {
        if (d->d_name[0] != '.')
            rc = check_layer(path, d->d_name, depth, e);
    }
    if (dir != NULL)
        closedir(dir);
    snprintf(path, sizeof path, "%.*s/partition", PATH_BYTES - 16, folder);
    if (rc < 0 || access(path, F_OK) != 0)
        return rc;
    snprintf(path, sizeof path, "%.*s/..", PATH_BYTES - 16, folder);
    real = realpath(path, NULL);
    if (real != NULL) {
        snprintf(path, sizeof path, "%.*s/..", PATH_BYTES - 16, real);
        rc = check_layer(path, strrchr(real, '/') + 1, depth, e);
    }
    free(real);
    return rc;
}

int container_is_clean(const struct container *c, struct err *e)
{
    char link[64], *folder;
    int rc = is_dirty(c->path);

    if (rc > 0)
        return err_set(e, -EBUSY,
                       "%s has pages in this node's memory that are not written back: "
                       "somebody has written to it",
                       c->path + 5);
    if (rc < 0)
        return err_set(e, rc, "%s cannot be asked for what is in memory: %s", c->path + 5,
                       strerror(-rc));
    snprintf(link, sizeof link, "/sys/dev/block/%u:%u", major(c->devnum), minor(c->devnum));
    folder = realpath(link, NULL);
    rc = folder == NULL ? err_set(e, -errno, "%s is not in sysfs: %s", c->path + 5, strerror(errno))
                        : check_layers(folder, 0, e);
    free(folder);
    return rc;
}
