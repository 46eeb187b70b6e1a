/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/mount_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/loop.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "scan/own_mount.h"

enum { LOOP_TRIES = 64, SAID_BYTES = 160, UNMOUNT_MS = 1500, MOMENT_MS = 20 };

/* Of each type: the driver, and what keeps it from writing. */
static const struct {
    const char *type, *driver;
    const char *options[3]; /* NAME, or NAME=VALUE */
} drivers[] = {
    { "ext2", "ext4", { "noload", "errors=continue" } },
    { "ext3", "ext4", { "noload", "errors=continue" } },
    { "ext4", "ext4", { "noload", "errors=continue" } },
    { "xfs", "xfs", { "norecovery", "nouuid" } },
    { "btrfs", "btrfs", { "rescue=nologreplay" } },
    { "vfat", "vfat", { NULL } },
    { "iso9660", "iso9660", { NULL } },
};

static int64_t now_ms(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whatever the kernel says of block devices wakes; -1: nothing does. */
static int hear_kernel(void)
{
    struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Until something has happened, or a moment. */
static void wait_for(int kernel)
{
    struct pollfd p = { .fd = kernel, .events = POLLIN };
    char event[4096];

    poll(&p, 1, MOMENT_MS);
    while (kernel >= 0 && recv(kernel, event, sizeof event, 0) > 0)
        ;
}

/* ---- the loop device ----------------------------------------------------------------------- */

static int configure(struct scan_mount *m, int control, const struct loop_config *config)
{
    int no = ioctl(control, LOOP_CTL_GET_FREE);

    if (no < 0)
        return -errno;
    snprintf(m->loop, sizeof m->loop, "/dev/loop%d", no);
    m->loop_fd = open(m->loop, O_RDONLY | O_CLOEXEC);
    if (m->loop_fd >= 0 && ioctl(m->loop_fd, LOOP_CONFIGURE, config) == 0)
        return 0;
    no = -errno;
    if (m->loop_fd >= 0)
        close(m->loop_fd);
    m->loop_fd = -1;
    m->loop[0] = '\0';
    return no;
}

/* Whoever makes one at the same time may have taken the free number. */
static int make_loop(struct scan_mount *m, struct container *c, uint64_t token, struct err *e)
{
    struct loop_config config = { .fd = (uint32_t)c->exclusive, .block_size = c->sector_bytes };
    struct loop_info64 is = { 0 };
    int control = open("/dev/loop-control", O_RDONLY | O_CLOEXEC), rc = -EBUSY;
    int kernel = control < 0 ? -1 : hear_kernel();

    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    snprintf((char *)config.info.lo_file_name, sizeof config.info.lo_file_name, SCAN_LOOP "%llu",
             (unsigned long long)token);
    if (control < 0)
        return err_set(e, -errno, "/dev/loop-control cannot be opened: %s", strerror(errno));
    for (int i = 0; i < LOOP_TRIES && (rc == -EBUSY || rc == -ENXIO || rc == -ENOENT); i++) {
        rc = configure(m, control, &config);
        if (rc == -ENOENT || rc == -ENXIO) /* its name comes in a moment, or has just gone */
            wait_for(kernel);
    }
    close(control);
    if (kernel >= 0)
        close(kernel);
    if (rc < 0)
        return err_set(e, rc, "no loop device can be made: %s", strerror(-rc));
    close(c->exclusive); /* the loop device has it */
    c->exclusive = -1;
    if (ioctl(m->loop_fd, LOOP_GET_STATUS64, &is) != 0 || (is.lo_flags & LO_FLAGS_READ_ONLY) == 0 ||
        (is.lo_flags & LO_FLAGS_AUTOCLEAR) == 0 || (is.lo_flags & LO_FLAGS_DIRECT_IO) == 0)
        return err_set(e, -EOPNOTSUPP, "the loop device does not read %s directly", c->path + 5);
    return 0;
}

/* ---- the mount ----------------------------------------------------------------------------- */

/* What the driver says, from its context: "e xfs: ..."; the last line counts. */
static const char *said(int context, int error, char out[SAID_BYTES])
{
    bool any = false;
    char line[SAID_BYTES];
    ssize_t n;

    while ((n = read(context, line, sizeof line - 1)) > 2) {
        line[n] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != 'e')
            continue;
        snprintf(out, SAID_BYTES, "%s", line + 2);
        any = true;
    }
    for (char *p = out; any && *p != '\0'; p++) {
        if (*p < ' ' || *p > '~')
            *p = '?';
    }
    return any ? out : strerror(error);
}

static int set_option(int context, const char *option)
{
    const char *value = strchr(option, '=');
    char name[32];

    if (value == NULL)
        return fsconfig(context, FSCONFIG_SET_FLAG, option, NULL, 0);
    snprintf(name, sizeof name, "%.*s", (int)(value - option), option);
    return fsconfig(context, FSCONFIG_SET_STRING, name, value + 1, 0);
}

static int configure_fs(int context, const char *loop, const char *const options[3])
{
    if (fsconfig(context, FSCONFIG_SET_STRING, "source", loop, 0) != 0 ||
        set_option(context, "ro") != 0)
        return -errno;
    for (int i = 0; i < 3 && options[i] != NULL; i++) {
        if (set_option(context, options[i]) != 0)
            return -errno;
    }
    return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0 ? 0 : -errno;
}

static int attach(struct scan_mount *m, const char *at)
{
    if (move_mount(m->root, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return -errno;
    m->at = at;
    m->mounted = true;
    return 0;
}

static int mount_loop(struct scan_mount *m, size_t driver, const char *at, struct err *e)
{
    int context = fsopen(drivers[driver].driver, FSOPEN_CLOEXEC), rc;
    char text[SAID_BYTES] = "";

    if (context < 0)
        return err_set(e, -errno, "this kernel has no %s: %s", drivers[driver].driver,
                       strerror(errno));
    rc = configure_fs(context, m->loop, drivers[driver].options);
    if (rc == 0) {
        m->root = fsmount(context, FSMOUNT_CLOEXEC,
                          MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                              MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME);
        rc = m->root < 0 ? -errno : attach(m, at);
    }
    if (rc < 0)
        err_set(e, rc, "it cannot be mounted: %s", said(context, -rc, text));
    close(context);
    return rc;
}

int scan_mount(struct scan_mount *m, struct container *c, const char *type, uint64_t token,
               const char *at, struct err *e)
{
    size_t i = 0;
    int rc;

    *m = (struct scan_mount){ .loop_fd = -1, .root = -1 };
    while (i < ARRAY_LEN(drivers) && strcmp(drivers[i].type, type) != 0)
        i++;
    if (i == ARRAY_LEN(drivers))
        return err_set(e, -EINVAL, "a filesystem of type %s is not scanned", type);
    rc = make_loop(m, c, token, e);
    m->forgets = rc == 0 && strcmp(type, "btrfs") == 0;
    return rc == 0 ? mount_loop(m, i, at, e) : rc;
}

int scan_mount_own(struct scan_mount *m, const struct container *c, const char *at, struct err *e)
{
    struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                           MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
    char point[OWN_MOUNT_BYTES];
    int rc;

    *m = (struct scan_mount){ .loop_fd = -1, .root = -1 };
    rc = own_mount_find(c->path, c->devnum, point, e);
    if (rc < 0)
        return rc;
    m->root = open_tree(AT_FDCWD, point, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (m->root < 0 || mount_setattr(m->root, "", AT_EMPTY_PATH, &attr, sizeof attr) != 0)
        rc = -errno;
    if (rc == 0)
        rc = attach(m, at);
    return rc < 0 ? err_set(e, rc, "this node's own mount cannot be read: %s", strerror(-rc)) : 0;
}

/* What btrfs has registered by the mount: it would take the loop device's next file for it. */
static void forget(const struct scan_mount *m)
{
    struct btrfs_ioctl_vol_args args = { 0 };
    int control = open("/dev/btrfs-control", O_RDONLY | O_CLOEXEC);

    snprintf(args.name, sizeof args.name, "%s", m->loop);
    if (control < 0)
        return;
    ioctl(control, BTRFS_IOC_FORGET_DEV, &args); /* newer kernels have done so themselves */
    close(control);
}

int scan_unmount(struct scan_mount *m, struct err *e)
{
    int64_t end = now_ms() + UNMOUNT_MS;
    int rc = 0, kernel = hear_kernel();

    if (m->root >= 0)
        close(m->root);
    m->root = -1;
    while (m->mounted) {
        rc = umount2(m->at, UMOUNT_NOFOLLOW) == 0 ? 0 : -errno;
        m->mounted = rc < 0;
        if (rc != -EBUSY || now_ms() >= end)
            break;
        wait_for(kernel);
    }
    if (kernel >= 0)
        close(kernel);
    if (m->forgets && rc == 0)
        forget(m);
    m->forgets = false;
    if (m->loop_fd >= 0)
        close(m->loop_fd);
    m->loop_fd = -1;
    return rc < 0 ? err_set(e, rc, "it cannot be unmounted: %s", strerror(-rc)) : 0;
}

/* ---- proof --------------------------------------------------------------------------------- */

int scan_prove(const char *device, const char *devnum, int64_t limit_ms, struct err *e)
{
    int64_t end = now_ms() + limit_ms;
    int kernel = hear_kernel(), rc;
    struct container c;

    while ((rc = container_open(&c, device, NULL, devnum, 0, CONTAINER_ALONE, e)) == -EBUSY &&
           now_ms() < end)
        wait_for(kernel);
    container_close(&c);
    if (kernel >= 0)
        close(kernel);
    return rc;
}
