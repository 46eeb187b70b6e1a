/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_frozen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/types.h"

#define BLOCK   "/sys/class/block"
#define CONTROL "/dev/mapper/control"

/* Documentation/admin-guide/devices.txt */
enum { PATH_BYTES = 280, MEMORY_MAJOR = 1, NULL_MINOR = 3, URANDOM_MINOR = 9 };

static int own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
               ? 0
               : -errno;
}

/* What sysfs says; false: the device is gone. */
static bool number_of(int folder, const char *name, dev_t *out)
{
    char path[PATH_BYTES], text[32];
    unsigned high, low;
    ssize_t n;
    int fd;

    if (snprintf(path, sizeof path, "%s/dev", name) >= (int)sizeof path)
        return false;
    fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    if (sscanf(text, "%u:%u", &high, &low) != 2)
        return false;
    *out = makedev(high, low);
    return true;
}

/* In sysfs a name has '!' where its path has '/', which is so for one folder at most. */
static int make_node(const char *name, dev_t number)
{
    char path[PATH_BYTES], *part;

    if (snprintf(path, sizeof path, "/dev/%s", name) >= (int)sizeof path)
        return -ENAMETOOLONG;
    part = strchr(path, '!');
    if (part != NULL) {
        *part = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return -errno;
        *part = '/';
    }
    return mknod(path, S_IFBLK | 0400, number) == 0 ? 0 : -errno;
}

static int make_nodes(void)
{
    DIR *d = opendir(BLOCK);
    const struct dirent *entry;
    dev_t number;
    int rc = d == NULL ? -errno : 0;

    while (rc == 0 && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] != '.' && number_of(dirfd(d), entry->d_name, &number))
            rc = make_node(entry->d_name, number);
    }
    if (d != NULL)
        closedir(d);
    return rc;
}

static int make_others(dev_t control)
{
    return mknod("/dev/null", S_IFCHR | 0666, makedev(MEMORY_MAJOR, NULL_MINOR)) == 0 &&
                   mknod("/dev/urandom", S_IFCHR | 0444, makedev(MEMORY_MAJOR, URANDOM_MINOR)) ==
                       0 &&
                   mkdir("/dev/mapper", 0755) == 0 &&
                   (control == 0 || mknod(CONTROL, S_IFCHR | 0600, control) == 0)
               ? 0
               : -errno;
}

int worker_frozen_nodes(struct err *e)
{
    mode_t mask = umask(0);
    struct stat st;
    dev_t control = stat(CONTROL, &st) == 0 ? st.st_rdev : 0;
    int rc = own_mounts();

    if (rc == 0 &&
        mount("muster-worker", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=8m,mode=0755") != 0)
        rc = -errno;
    if (rc == 0)
        rc = make_nodes();
    if (rc == 0)
        rc = make_others(control);
    umask(mask);
    return rc < 0 ? err_set(e, rc, "a worker cannot have a /dev of its own: %s", strerror(-rc)) : 0;
}

int worker_frozen_mounts(struct err *e)
{
    struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
    int rc = own_mounts();

    if (rc == 0 && syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof attr) != 0)
        rc = -errno;
    if (rc == -ENOSYS)
        return 0;
    return rc < 0 ? err_set(e, rc, "a worker cannot make its mounts read-only: %s", strerror(-rc))
                  : 1;
}
