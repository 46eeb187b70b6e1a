/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker may write where the kernel has no Landlock: nothing but the nodes that it needs.
 * Each trial runs in a child, whose exit status says what it came to. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine_bed.h"
#include "worker_frozen.h"

static char trace[64]; /* of each test, since they run beside each other */

/* As a worker has none, but for those that device-mapper's need. */
static int keep_one_capability(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { { .permitted = 1u << CAP_SYS_ADMIN,
                                                .effective = 1u << CAP_SYS_ADMIN } };

    return (int)syscall(SYS_capset, &head, data);
}

static bool fails(int rc, int code)
{
    return rc < 0 && errno == code;
}

static int confine(void)
{
    struct err e = { "" };
    int rc = worker_frozen_nodes(&e);

    if (rc == 0)
        rc = keep_one_capability();
    if (rc == 0)
        rc = worker_frozen_mounts(&e);
    if (rc < 0)
        fprintf(stderr, "%s\n", e.text);
    return rc;
}

static int trial(const struct lvm_change *c, int parent, dev_t other)
{
    int rc = confine();

    (void)c;
    (void)parent;
    if (rc <= 0)
        return rc == 0 ? 77 : 100; /* older than mount_setattr(2) */
    if (open(bed_paths[0], O_RDONLY) < 0 || open(bed_paths[1], O_RDONLY) < 0)
        return 1;
    if (!fails(open(bed_paths[0], O_RDWR), EACCES) || !fails(open(bed_paths[1], O_WRONLY), EACCES))
        return 2;
    if (!fails(chmod(bed_paths[0], 0600), EROFS) || !fails(unlink(bed_paths[0]), EROFS))
        return 3;
    if (!fails(mknod("/dev/mine", S_IFBLK | 0600, other), EROFS) &&
        !fails(mknod("/dev/mine", S_IFBLK | 0600, other), EPERM))
        return 4;
    if (!fails(open(trace, O_CREAT | O_RDWR, 0600), EROFS))
        return 5;
    if (!fails(open("/proc/self/oom_score_adj", O_WRONLY), EROFS))
        return 6;
    return open("/dev/null", O_RDWR) >= 0 ? 0 : 7;
}

static void name_trace(void)
{
    snprintf(trace, sizeof trace, "/tmp/muster-test-frozen-%d", (int)getpid());
}

Test(confine_frozen, a_worker_reads_all_devices_and_writes_to_nothing)
{
    name_trace();
    bed_try(trial);
    cr_expect(access(trace, F_OK) != 0, "the file is there");
}

/* What is done to the mounts of the worker concerns nobody else. */
Test(confine_frozen, others_have_the_mounts_that_they_had)
{
    int fd;

    name_trace();
    fd = open(trace, O_CREAT | O_RDWR | O_EXCL, 0600);
    cr_expect(fd >= 0, "%d", errno);
    close(fd);
    unlink(trace);
    cr_expect_eq(access("/dev/zero", F_OK), 0);
}
