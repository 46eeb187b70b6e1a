/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/mount_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/dm_driver.h"
#include "scan/block_wait.h"
#include "scan/own_mount.h"

enum { SAID_BYTES = 160, UNMOUNT_MS = 1500 };

/* Of each type: the driver, an option that it always has, and what keeps it from writing where it
 * is not on a snapshot; options are NAME or NAME=VALUE. A superblock that says "panic" must not be
 * obeyed. What names are in must not depend on how the kernel was configured: with another
 * character set two names can be one, and neither is found under it. */
static const struct {
    const char *type, *driver, *option, *no_replay;
    bool replays; /* on a snapshot */
} drivers[] = {
    { "ext2", "ext4", "errors=continue", "noload", true },
    { "ext3", "ext4", "errors=continue", "noload", true },
    { "ext4", "ext4", "errors=continue", "noload", true },
    { "xfs", "xfs", "nouuid", "norecovery", true },
    { "btrfs", "btrfs", NULL, "rescue=nologreplay", false },
    { "vfat", "vfat", "utf8", NULL, false },
    { "iso9660", "iso9660", "utf8", NULL, false },
};

/* ---- the devices below it ------------------------------------------------------------------- */

static size_t driver_of(const char *type)
{
    size_t i = 0;

    while (i < ARRAY_LEN(drivers) && strcmp(drivers[i].type, type) != 0)
        i++;
    return i;
}

static int make_loop(struct scan_mount *m, struct container *c, uint64_t token, struct err *e)
{
    const struct loop_of of = { .fd = c->exclusive,
                                .sector_bytes = c->sector_bytes,
                                .token = token };
    int rc = loop_make(&m->loop, &of, e);

    if (m->loop.fd >= 0) {
        close(c->exclusive); /* the loop device has it */
        c->exclusive = -1;
    }
    if (rc == -EOPNOTSUPP)
        return err_set(e, rc, "the loop device does not read %s directly", c->path + 5);
    return rc;
}

/* Over the loop device, which lets nobody write, whatever the snapshot is told to do. */
static void make_snapshot(struct scan_mount *m, const struct container *c, uint64_t token)
{
    struct snapshot_of of = { .size_bytes = c->size_bytes,
                              .sector_bytes = c->sector_bytes,
                              .token = token };
    struct stat st;
    int rc = fstat(m->loop.fd, &st) == 0 ? 0 : -errno;

    of.origin = rc == 0 ? st.st_rdev : 0;
    if (rc == 0)
        rc = snapshot_make(&m->snapshot, &of, &m->why);
    else
        err_set(&m->why, rc, "%s is gone: %s", m->loop.path + 5, strerror(-rc));
    if (rc > 0)
        m->why.text[0] = '\0';
}

int scan_mount_prepare(struct scan_mount *m, struct container *c, const char *type, uint64_t token,
                       struct err *e)
{
    size_t i = driver_of(type);
    int rc;

    if (i == ARRAY_LEN(drivers) || !drivers[i].replays || !dm_driver_is_there())
        return 0;
    rc = make_loop(m, c, token, e);
    if (rc == 0)
        make_snapshot(m, c, token);
    return rc;
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

static int configure_fs(int context, const char *device, size_t driver, bool replay)
{
    if (fsconfig(context, FSCONFIG_SET_STRING, "source", device, 0) != 0 ||
        set_option(context, "ro") != 0)
        return -errno;
    if (drivers[driver].option != NULL && set_option(context, drivers[driver].option) != 0)
        return -errno;
    if (!replay && drivers[driver].no_replay != NULL &&
        set_option(context, drivers[driver].no_replay) != 0)
        return -errno;
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

static int mount_device(struct scan_mount *m, const char *device, size_t driver, bool replay,
                        struct err *e)
{
    int context = fsopen(drivers[driver].driver, FSOPEN_CLOEXEC), rc;
    char text[SAID_BYTES] = "";

    if (context < 0)
        return err_set(e, -errno, "this kernel has no %s: %s", drivers[driver].driver,
                       strerror(errno));
    rc = configure_fs(context, device, driver, replay);
    if (rc == 0) {
        m->root = fsmount(context, FSMOUNT_CLOEXEC,
                          MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                              MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME);
        rc = m->root < 0 ? -errno : attach(m, m->at);
    }
    if (rc < 0)
        err_set(e, rc, "it cannot be mounted: %s", said(context, -rc, text));
    close(context);
    return rc;
}

/* True: it is mounted. If not, m->why says why not, and the snapshot is given up. */
static bool mount_snapshot(struct scan_mount *m, size_t driver)
{
    struct err e;
    int rc = mount_device(m, m->snapshot.path, driver, true, &e);

    if (rc < 0 && snapshot_check(&m->snapshot, &m->why) != -ENOSPC)
        m->why = e;
    if (rc < 0)
        snapshot_close(&m->snapshot);
    m->replayed = rc == 0;
    return rc == 0;
}

/* A snapshot that was given up has the loop device for a moment yet. */
static int mount_loop(struct scan_mount *m, size_t driver, struct err *e)
{
    int64_t end = block_now_ms() + UNMOUNT_MS;
    int hears = block_hear(), rc;

    while ((rc = mount_device(m, m->loop.path, driver, false, e)) == -EBUSY && block_now_ms() < end)
        block_wait(hears);
    if (hears >= 0)
        close(hears);
    return rc;
}

int scan_mount(struct scan_mount *m, struct container *c, const char *type, uint64_t token,
               bool replay, const char *at, struct err *e)
{
    size_t i = driver_of(type);
    int rc = 0;

    if (i == ARRAY_LEN(drivers))
        return err_set(e, -EINVAL, "a filesystem of type %s is not scanned", type);
    m->at = at;
    if (m->snapshot.fd >= 0 && replay && mount_snapshot(m, i))
        return 0;
    snapshot_close(&m->snapshot);
    if (m->loop.fd < 0)
        rc = make_loop(m, c, token, e);
    m->forgets = rc == 0 && strcmp(type, "btrfs") == 0;
    return rc == 0 ? mount_loop(m, i, e) : rc;
}

int scan_mount_check(const struct scan_mount *m, struct err *e)
{
    return m->replayed ? snapshot_check(&m->snapshot, e) : 0;
}

int scan_mount_own(struct scan_mount *m, const struct container *c, const char *at, struct err *e)
{
    struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                           MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };
    char point[OWN_MOUNT_BYTES];
    int rc;

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

    snprintf(args.name, sizeof args.name, "%s", m->loop.path);
    if (control < 0)
        return;
    ioctl(control, BTRFS_IOC_FORGET_DEV, &args); /* newer kernels have done so themselves */
    close(control);
}

int scan_unmount(struct scan_mount *m, struct err *e)
{
    int64_t end = block_now_ms() + UNMOUNT_MS;
    int rc = 0, hears = block_hear();

    if (m->root >= 0)
        close(m->root);
    m->root = -1;
    while (m->mounted) {
        rc = umount2(m->at, UMOUNT_NOFOLLOW) == 0 ? 0 : -errno;
        m->mounted = rc < 0;
        if (rc != -EBUSY || block_now_ms() >= end)
            break;
        block_wait(hears);
    }
    if (hears >= 0)
        close(hears);
    if (m->forgets && rc == 0)
        forget(m);
    m->forgets = false;
    snapshot_close(&m->snapshot);
    loop_close(&m->loop);
    return rc < 0 ? err_set(e, rc, "it cannot be unmounted: %s", strerror(-rc)) : 0;
}

/* ---- proof --------------------------------------------------------------------------------- */

int scan_prove(const char *device, const char *devnum, int64_t limit_ms, struct err *e)
{
    int64_t end = block_now_ms() + limit_ms;
    int hears = block_hear(), rc;
    struct container c;

    while ((rc = container_open(&c, device, NULL, devnum, 0, CONTAINER_ALONE, e)) == -EBUSY &&
           block_now_ms() < end)
        block_wait(hears);
    container_close(&c);
    if (hears >= 0)
        close(hears);
    return rc;
}
