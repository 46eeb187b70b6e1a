/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "confine_bed.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

char bed_paths[2][32];

int bed_attach(int i)
{
    const struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), fd = -1;

    for (int tries = 0; tries < 100 && control >= 0 && fd < 0; tries++) {
        struct loop_config config = { .info = info };
        FILE *file = tmpfile();

        snprintf(bed_paths[i], sizeof bed_paths[i], "/dev/loop%d",
                 ioctl(control, LOOP_CTL_GET_FREE));
        cr_assert_eq(ftruncate(fileno(file), BED_BYTES), 0);
        config.fd = (unsigned)fileno(file);
        fd = open(bed_paths[i], O_RDWR | O_CLOEXEC);
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

struct lvm_change bed_change(struct change_device *d, const char *devnum)
{
    struct lvm_change c = { .present = 0 };

    REC_SET(d, change_device, container, "c");
    REC_SET(d, change_device, device, bed_paths[0] + 5);
    REC_SET(d, change_device, devnum, devnum);
    REC_SET(&c, lvm_change, devices, ((struct recs){ d, 1 }));
    return c;
}

void bed_try(bed_trial trial)
{
    int first, second, status = 0, parent = getpid();
    struct change_device d = { .present = 0 };
    struct lvm_change c;
    struct stat st, other;
    char devnum[32];
    pid_t pid;

    if (geteuid() != 0)
        cr_skip_test("SKIP: needs root");
    first = bed_attach(0);
    second = bed_attach(1);
    if (first < 0 || second < 0)
        cr_skip_test("SKIP: needs loop devices");
    cr_assert_eq(fstat(first, &st) | fstat(second, &other), 0);
    snprintf(devnum, sizeof devnum, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
    c = bed_change(&d, devnum);
    pid = fork();
    if (pid == 0)
        _exit(trial(&c, parent, other.st_rdev));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect_eq(status, 0, "%#x", (unsigned)status);
    close(first);
    close(second);
}
