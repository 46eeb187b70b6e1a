/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <libdevmapper.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "collect/dm_driver.h"
#include "scan/loop.h"
#include "scan/parse_snapshot.h"

enum { SECTOR = 512, MEMINFO_BYTES = 8192, MEMORY_SECTOR = 512 };

#define NO_SNAPSHOT "it could not be replayed in a snapshot: "

/* udev makes no links, reads no label, and hands it on to nobody; and nobody waits for udev. */
enum {
    LEAVE_ALONE = DM_UDEV_DISABLE_DM_RULES_FLAG | DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
                  DM_UDEV_DISABLE_DISK_RULES_FLAG | DM_UDEV_DISABLE_OTHER_RULES_FLAG
};

/* ---- device-mapper ------------------------------------------------------------------------- */

/* A task on the device of that name; NULL: no memory. */
static struct dm_task *task_of(int type, uint64_t token)
{
    struct dm_task *t = dm_task_create(type);
    char name[SNAPSHOT_NAME_BYTES];
    uint32_t cookie = 0;

    snapshot_name(token, name);
    dm_udev_set_sync_support(0);
    if (t != NULL && (!dm_task_set_name(t, name) || !dm_task_set_cookie(t, &cookie, LEAVE_ALONE))) {
        dm_task_destroy(t);
        return NULL;
    }
    return t;
}

/* 0 or a negative errno. The task is over. */
static int run(struct dm_task *t, bool made)
{
    int rc = made ? 0 : -ENOMEM;

    if (rc == 0 && !dm_task_run(t))
        rc = dm_task_get_errno(t) == 0 ? -EIO : -dm_task_get_errno(t);
    if (t != NULL)
        dm_task_destroy(t);
    return rc;
}

static int create(struct snapshot *s, uint64_t token)
{
    struct dm_task *t = task_of(DM_DEVICE_CREATE, token);
    char uuid[SNAPSHOT_NAME_BYTES];
    struct dm_info info = { 0 };
    int rc = -ENOMEM;

    snapshot_uuid(token, uuid);
    if (t != NULL && dm_task_set_uuid(t, uuid)) {
        rc = dm_task_run(t) ? 0 : -dm_task_get_errno(t);
        if (rc == 0 && (!dm_task_get_info(t, &info) || !info.exists))
            rc = -EIO;
    }
    s->major = info.major;
    s->minor = info.minor;
    if (t != NULL)
        dm_task_destroy(t);
    return rc;
}

/* When nothing has it open any more; now, if nothing has. */
static int remove_later(uint64_t token)
{
    struct dm_task *t = task_of(DM_DEVICE_REMOVE, token);

    return run(t, t != NULL && dm_task_deferred_remove(t));
}

static int load(uint64_t token, uint64_t sectors, const char *table)
{
    struct dm_task *t = task_of(DM_DEVICE_RELOAD, token);

    return run(t, t != NULL && dm_task_add_target(t, 0, sectors, "snapshot", table));
}

static int resume(uint64_t token)
{
    struct dm_task *t = task_of(DM_DEVICE_RESUME, token);

    return run(t, t != NULL);
}

/* Open, and to be removed when nothing has it open any more: from then on it goes with this
 * process. There is nothing to open before its table is there; what is left of a process that was
 * killed in between is swept. */
static int hold(struct snapshot *s, uint64_t token)
{
    struct stat st = { 0 };
    int rc;

    snprintf(s->path, sizeof s->path, "/dev/dm-%u", s->minor);
    s->fd = open(s->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    rc = s->fd < 0 || fstat(s->fd, &st) != 0 ? -errno : 0;
    if (rc == 0 && (!S_ISBLK(st.st_mode) || st.st_rdev != makedev(s->major, s->minor)))
        rc = -ENODEV;
    return rc == 0 ? remove_later(token) : rc;
}

/* ---- the memory ---------------------------------------------------------------------------- */

static uint64_t available_bytes(void)
{
    int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
    uint8_t text[MEMINFO_BYTES];
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);

    if (fd >= 0)
        close(fd);
    return n <= 0 ? 0 : snapshot_available((struct bytes){ text, (size_t)n });
}

/* A loop device over a file in memory: the file has holes until something is written. */
static int make_memory(const struct snapshot *s, const struct snapshot_of *of, struct loop *l,
                       dev_t *devnum, struct err *e)
{
    struct loop_of file = { .sector_bytes = MEMORY_SECTOR, .writes = true, .token = of->token };
    char name[SNAPSHOT_NAME_BYTES];
    struct stat st;
    int rc = 0;

    snapshot_name(of->token, name);
    file.fd = memfd_create(name, MFD_CLOEXEC);
    if (file.fd < 0 || ftruncate(file.fd, (off_t)s->memory_bytes) != 0)
        rc = err_set(e, -errno, NO_SNAPSHOT "no memory file can be made: %s", strerror(errno));
    if (rc == 0)
        rc = loop_make(l, &file, e);
    if (rc == 0 && fstat(l->fd, &st) != 0)
        rc = err_set(e, -errno, "%s is gone: %s", l->path + 5, strerror(errno));
    *devnum = rc == 0 ? st.st_rdev : 0;
    if (file.fd >= 0)
        close(file.fd);
    return rc;
}

/* ---- the snapshot -------------------------------------------------------------------------- */

static int build(struct snapshot *s, const struct snapshot_of *of, dev_t memory)
{
    const struct snapshot_devices devices = { major(of->origin), minor(of->origin), major(memory),
                                              minor(memory) };
    char table[SNAPSHOT_TABLE_BYTES];
    int rc = create(s, of->token);

    if (rc < 0)
        return rc; /* what is there under its name is not ours */
    snapshot_table(&devices, table);
    rc = load(of->token, of->size_bytes / SECTOR, table);
    if (rc == 0)
        rc = hold(s, of->token);
    if (rc == 0)
        rc = resume(of->token);
    if (rc < 0)
        remove_later(of->token);
    return rc;
}

int snapshot_make(struct snapshot *s, const struct snapshot_of *of, struct err *e)
{
    struct loop memory = { .fd = -1 };
    dev_t devnum = 0;
    int rc;

    *s = (struct snapshot){ .fd = -1 };
    if (!dm_driver_is_there())
        return 1;
    dm_driver_open();
    s->memory_bytes = snapshot_memory_bytes(of->size_bytes, available_bytes());
    if (s->memory_bytes == 0)
        return err_set(e, -ENOMEM, NO_SNAPSHOT "this node has too little memory free");
    rc = make_memory(s, of, &memory, &devnum, e);
    if (rc == 0) {
        rc = build(s, of, devnum);
        if (rc < 0)
            err_set(e, rc, NO_SNAPSHOT "device-mapper refuses it: %s", strerror(-rc));
    }
    loop_close(&memory); /* the snapshot has it */
    if (rc < 0)
        snapshot_close(s);
    return rc;
}

int snapshot_check(const struct snapshot *s, struct err *e)
{
    struct dm_task *t = dm_task_create(DM_DEVICE_STATUS);
    enum snapshot_state state = SNAPSHOT_UNKNOWN;
    uint64_t start, length, used = 0;
    char *type = NULL, *params = NULL;

    if (t != NULL && dm_task_set_major_minor(t, (int)s->major, (int)s->minor, 1) &&
        dm_task_no_flush(t) && dm_task_run(t)) {
        dm_get_next_target(t, NULL, &start, &length, &type, &params);
        if (params != NULL)
            state = parse_snapshot_status(bytes_of(params), &used);
    }
    if (t != NULL)
        dm_task_destroy(t);
    if (state == SNAPSHOT_FULL)
        return err_set(e, -ENOSPC,
                       "the replay of its journal would write more than the %llu MiB of memory "
                       "that it may have",
                       (unsigned long long)(s->memory_bytes >> 20));
    return state == SNAPSHOT_GOOD ? 0 : err_set(e, -EIO, "its snapshot does not say how it is");
}

void snapshot_close(struct snapshot *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void snapshot_sweep(uint64_t token)
{
    if (!dm_driver_is_there())
        return;
    dm_driver_open();
    remove_later(token);
}
