/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/own_dev.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/limits.h"

#define CONTROL "/dev/mapper/control"

/* Documentation/admin-guide/devices.txt */
enum { PATH_BYTES = 80, MEMORY_MAJOR = 1, NULL_MINOR = 3, URANDOM_MINOR = 9 };

/* The number that a device of this name has in the /dev of the host. */
static int find(const struct change_device *d, dev_t *out, struct err *e)
{
    char path[PATH_BYTES], is[32];
    struct stat st;

    if (strchr(d->device, '/') != NULL || d->device[0] == '.' ||
        snprintf(path, sizeof path, "/dev/%s", d->device) >= (int)sizeof path)
        return err_set(e, -EINVAL, "%.40s is no name of a device", d->device);
    if (stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
        return err_set(e, -EINVAL, "%s is no block device now", d->device);
    snprintf(is, sizeof is, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
    if (strcmp(is, d->devnum) != 0)
        return err_set(e, -EINVAL, "%s is another device now: %s, not %s", d->device, is,
                       d->devnum);
    *out = st.st_rdev;
    return 0;
}

static int make_nodes(const struct lvm_change *c, const dev_t *numbers, mode_t mode)
{
    const struct change_device *d = c->devices.v;
    char path[PATH_BYTES];

    for (size_t i = 0; i < c->devices.n; i++) {
        snprintf(path, sizeof path, "/dev/%s", d[i].device);
        if (mknod(path, S_IFBLK | mode, numbers[i]) != 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

static int make_all(const struct lvm_change *c, const dev_t *numbers, mode_t mode, dev_t control)
{
    int rc;

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("muster-change", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=1m,mode=0755") != 0)
        return -errno;
    rc = make_nodes(c, numbers, mode);
    /* LVM's UUIDs are random. */
    if (rc == 0 &&
        (mknod("/dev/null", S_IFCHR | 0666, makedev(MEMORY_MAJOR, NULL_MINOR)) != 0 ||
         mknod("/dev/urandom", S_IFCHR | 0444, makedev(MEMORY_MAJOR, URANDOM_MINOR)) != 0))
        rc = -errno;
    if (rc == 0 && mkdir("/dev/mapper", 0755) != 0)
        rc = -errno;
    if (rc == 0 && control != 0 && mknod(CONTROL, S_IFCHR | 0600, control) != 0)
        rc = -errno;
    return rc;
}

int own_dev_make(const struct lvm_change *c, bool device_mapper, bool writes, struct err *e)
{
    const struct change_device *d = c->devices.v;
    dev_t numbers[LIMIT_CHANGE_DEVICES], control = 0;
    struct stat st;
    int rc = 0;

    if (c->devices.n > LIMIT_CHANGE_DEVICES)
        return err_set(e, -EINVAL,
                       "a change of a volume group may be about %u devices, and not %zu",
                       LIMIT_CHANGE_DEVICES, c->devices.n);
    for (size_t i = 0; rc == 0 && i < c->devices.n; i++)
        rc = find(&d[i], &numbers[i], e);
    if (rc < 0)
        return rc;
    if (device_mapper && stat(CONTROL, &st) == 0)
        control = st.st_rdev;
    rc = make_all(c, numbers, writes ? 0600 : 0400, control);
    return rc < 0 ? err_set(e, rc, "a change's worker cannot have a /dev of its own: %s",
                            strerror(-rc))
                  : 0;
}
