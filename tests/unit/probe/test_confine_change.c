/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the worker of a change can reach: the devices of the change, by their paths, and no other
 * device or file for writing. Each trial runs in a child, whose exit status says what it came to.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "change/own_dev.h"
#include "worker_limits.h"

enum { BYTES = 1 << 20 };

static char paths[2][32];

/* A device that is gone when all have closed it; -1: there are none here. */
static int attach(int i)
{
    const struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), fd = -1;

    for (int tries = 0; tries < 100 && control >= 0 && fd < 0; tries++) {
        struct loop_config config = { .info = info };
        FILE *file = tmpfile();

        snprintf(paths[i], sizeof paths[i], "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
        cr_assert_eq(ftruncate(fileno(file), BYTES), 0);
        config.fd = (unsigned)fileno(file);
        fd = open(paths[i], O_RDWR | O_CLOEXEC);
        if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) != 0) {
            close(fd); /* somebody else was faster */
            fd = -1;
        }
        fclose(file);
    }
    if (control >= 0)
        close(control);
    return fd;
}

static struct lvm_change change_of(struct change_device *d, const char *devnum)
{
    struct lvm_change c = { .present = 0 };

    REC_SET(d, change_device, container, "c");
    REC_SET(d, change_device, device, paths[0] + 5);
    REC_SET(d, change_device, devnum, devnum);
    REC_SET(&c, lvm_change, devices, ((struct recs){ d, 1 }));
    return c;
}

static int try_all(dev_t other)
{
    int fd = open(paths[0], O_RDWR | O_DIRECT);

    if (fd < 0)
        return 1;
    if (ioctl(fd, BLKDISCARD, (uint64_t[]){ 0, 4096 }) == 0 || errno != EPERM)
        return 2;
    if (open(paths[1], O_RDONLY) >= 0 || errno != ENOENT)
        return 3;
    if (mknod("/dev/mine", S_IFBLK | 0600, other) == 0 || errno != EPERM)
        return 4;
    if (umount("/dev") == 0 || mount("x", "/dev", "tmpfs", 0, NULL) == 0)
        return 5;
    if (open("/tmp/muster-test-confine", O_CREAT | O_RDWR, 0600) >= 0)
        return 6;
    if (execl("/bin/true", "true", NULL) == 0 || errno != EPERM)
        return 7;
    return 0;
}

static int trial(const struct lvm_change *c, int parent, dev_t other)
{
    struct err e = { "" };

    if (own_dev_make(c, false, &e) < 0 || worker_confine_change(parent, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 100;
    }
    return try_all(other);
}

Test(confine_change, the_devices_of_the_change_and_no_others)
{
    int first, second, status = 0, parent = getpid();
    struct change_device d = { .present = 0 };
    struct lvm_change c;
    struct stat st, other;
    char devnum[32];
    pid_t pid;

    if (geteuid() != 0)
        cr_skip_test("SKIP: needs root");
    first = attach(0);
    second = attach(1);
    if (first < 0 || second < 0)
        cr_skip_test("SKIP: needs loop devices");
    cr_assert_eq(fstat(first, &st) | fstat(second, &other), 0);
    snprintf(devnum, sizeof devnum, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
    c = change_of(&d, devnum);
    pid = fork();
    if (pid == 0)
        _exit(trial(&c, parent, other.st_rdev));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect_eq(status, 0, "%#x", (unsigned)status);
    close(first);
    close(second);
}

Test(confine_change, a_device_with_another_number_is_refused)
{
    struct change_device d = { .present = 0 };
    struct lvm_change c;
    struct err e = { "" };
    int fd;

    if (geteuid() != 0 || (fd = attach(0)) < 0)
        cr_skip_test("SKIP: needs root and loop devices");
    c = change_of(&d, "7:1048000");
    cr_expect_eq(own_dev_make(&c, false, &e), -EINVAL);
    cr_expect(strstr(e.text, "is another device now"), "%s", e.text);
    d.device = "../sda";
    cr_expect_eq(own_dev_make(&c, false, &e), -EINVAL);
    close(fd);
}
