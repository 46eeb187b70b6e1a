/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the worker of a refresh can reach: the PVs of its volume group, to read them; and of
 * device-mapper's commands, of this worker and of those that change metadata, the ones that each
 * needs. Each trial runs in a child, whose exit status says what it came to. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "change/own_dev.h"
#include "confine_bed.h"
#include "worker_filter.h"
#include "worker_limits.h"

static bool is_refused(int rc)
{
    return rc < 0 && (errno == EPERM || errno == EACCES);
}

static int try_all(dev_t other)
{
    uint64_t bytes = 0;
    int fd = open(bed_paths[0], O_RDONLY);

    if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) != 0 || bytes != BED_BYTES)
        return 1;
    if (!is_refused(open(bed_paths[0], O_RDWR)) || !is_refused(open(bed_paths[0], O_WRONLY)))
        return 2;
    if (!is_refused(ioctl(fd, BLKDISCARD, (uint64_t[]){ 0, 4096 })) ||
        !is_refused(ioctl(fd, BLKRRPART)))
        return 3;
    if (open(bed_paths[1], O_RDONLY) >= 0 || errno != ENOENT)
        return 4;
    if (!is_refused(mknod("/dev/mine", S_IFBLK | 0600, other)))
        return 5;
    if (umount("/dev") == 0 || mount("x", "/dev", "tmpfs", 0, NULL) == 0)
        return 6;
    if (!is_refused(open("/tmp/muster-test-confine", O_CREAT | O_RDWR, 0600)))
        return 7;
    if (!is_refused(execl("/bin/true", "true", NULL)))
        return 8;
    return 0;
}

static int trial(const struct lvm_change *c, int parent, dev_t other)
{
    struct err e = { "" };

    if (own_dev_make(c, true, false, &e) < 0 || worker_confine_refresh(parent, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 100;
    }
    return try_all(other);
}

Test(confine_refresh, it_reads_the_devices_of_its_volume_group_and_writes_to_none)
{
    bed_try(trial);
}

/* ---- commands of device-mapper -------------------------------------------------------------- */

enum {
    CHANGE = WORKER_FORKS | WORKER_ASKS_DEVICES | WORKER_WRITES | WORKER_MAPS,
    REFRESH = WORKER_FORKS | WORKER_ASKS_DEVICES | WORKER_MAPS | WORKER_LOADS,
    SNAPSHOT = CHANGE | WORKER_LOADS | WORKER_MAKES_MAPS,
    LOOKS = WORKER_FORKS | WORKER_ASKS_DEVICES,
};

#define HYPERCALL _IOC(_IOC_NONE, 'P', 0, 6 * sizeof(uint64_t))

static const struct {
    unsigned long command;
    const char *name;
    bool change, refresh, snapshot, looks, xen;
} commands[] = {
    { DM_DEV_STATUS, "DM_DEV_STATUS", true, true, true, true, false },
    { DM_TABLE_STATUS, "DM_TABLE_STATUS", true, true, true, true, false },
    { BLKGETSIZE64, "BLKGETSIZE64", true, true, true, true, false },
    { DM_DEV_SUSPEND, "DM_DEV_SUSPEND", true, true, true, false, false },
    { DM_TABLE_CLEAR, "DM_TABLE_CLEAR", true, true, true, false, false },
    { DM_TABLE_LOAD, "DM_TABLE_LOAD", false, true, true, false, false },
    { DM_DEV_REMOVE, "DM_DEV_REMOVE", false, true, true, false, false },
    { DM_DEV_CREATE, "DM_DEV_CREATE", false, false, true, false, false },
    { DM_DEV_RENAME, "DM_DEV_RENAME", false, false, false, false, false },
    { DM_REMOVE_ALL, "DM_REMOVE_ALL", false, false, false, false, false },
    { DM_TARGET_MSG, "DM_TARGET_MSG", false, false, false, false, false },
    { BLKDISCARD, "BLKDISCARD", false, false, false, false, false },
    { HYPERCALL, "HYPERCALL", false, false, false, false, true },
};

/* /dev/null knows none of them: what the filter lets through ends otherwise. */
static int ask(unsigned freedoms, unsigned long command)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct err e = { "" };

    if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || worker_filter(freedoms, &e) < 0)
        return 100;
    return ioctl(fd, command, NULL) < 0 && errno == EPERM ? 1 : 0;
}

static void expect(const char *who, unsigned freedoms, size_t i, bool may)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(ask(freedoms, commands[i].command));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == (may ? 0 : 1), "%s of %s: %#x",
              commands[i].name, who, (unsigned)status);
}

Test(confine_refresh, each_worker_has_the_commands_that_it_needs)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        expect("a change", CHANGE, i, commands[i].change);
        expect("a refresh", REFRESH, i, commands[i].refresh);
        expect("a snapshot", SNAPSHOT, i, commands[i].snapshot);
        expect("who looks", LOOKS, i, commands[i].looks);
        expect("who asks Xen", WORKER_ASKS_XEN, i, commands[i].xen);
    }
}
