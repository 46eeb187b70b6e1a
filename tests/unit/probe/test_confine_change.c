/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the worker of a change can reach: the devices of the change, by their paths, and no other
 * device or file for writing. Each trial runs in a child, whose exit status says what it came to.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "change/own_dev.h"
#include "confine_bed.h"
#include "worker_limits.h"

static int try_all(dev_t other)
{
    int fd = open(bed_paths[0], O_RDWR | O_DIRECT);

    if (fd < 0)
        return 1;
    if (ioctl(fd, BLKDISCARD, (uint64_t[]){ 0, 4096 }) == 0 || errno != EPERM)
        return 2;
    if (open(bed_paths[1], O_RDONLY) >= 0 || errno != ENOENT)
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

    if (own_dev_make(c, false, true, &e) < 0 || worker_confine_change(parent, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 100;
    }
    return try_all(other);
}

Test(confine_change, the_devices_of_the_change_and_no_others)
{
    bed_try(trial);
}

Test(confine_change, a_device_with_another_number_is_refused)
{
    struct change_device d = { .present = 0 };
    struct lvm_change c;
    struct err e = { "" };
    int fd;

    if (geteuid() != 0 || (fd = bed_attach(0)) < 0)
        cr_skip_test("SKIP: needs root and loop devices");
    c = bed_change(&d, "7:1048000");
    cr_expect_eq(own_dev_make(&c, false, true, &e), -EINVAL);
    cr_expect(strstr(e.text, "is another device now"), "%s", e.text);
    d.device = "../sda";
    cr_expect_eq(own_dev_make(&c, false, true, &e), -EINVAL);
    close(fd);
}
