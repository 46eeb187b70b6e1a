/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which open devices of which processes count; the processes are made up, below a root of the
 * test's own, and their files lead to a device node of this machine that nobody opens. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect/read_uses.h"
#include "support/support.h"

#define YOUNG "999999999999999"

static struct arena *a;
static char root[64];
static char node[32];
static struct block_container container = { .container = "naa.1", .device = "x" };
static struct section s;

static void run(const char *script, const char *arg)
{
    char *const argv[] = { "/bin/sh", "-c", arena_strdup(a, script), "sh", arena_strdup(a, arg),
                           NULL };
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        execv(argv[0], argv);
        _exit(127);
    }
    cr_assert_gt(pid, 0);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    cr_assert_eq(status, 0, "%s", argv[2]);
}

static void put(const char *path, const char *text)
{
    char *whole = arena_printf(a, "%s%s", root, path);
    FILE *f;

    run("mkdir -p \"${1%/*}\"", whole);
    f = fopen(whole, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static void put_link(const char *path, const char *target)
{
    char *whole = arena_printf(a, "%s%s", root, path);

    run("mkdir -p \"${1%/*}\"", whole);
    cr_assert_eq(symlink(target, whole), 0, "%s", whole);
}

static void process(int pid, const char *name, const char *exe, const char *started,
                    const char *space)
{
    put(arena_printf(a, "/proc/%d/stat", pid),
        arena_printf(a, "%d (%s) S 1 71 71 0 -1 4194560 9 0 0 0 1 2 3 4 20 0 1 0 %s 90 1 2\n", pid,
                     name, started));
    put_link(arena_printf(a, "/proc/%d/exe", pid), exe);
    put_link(arena_printf(a, "/proc/%d/ns/mnt", pid), space);
    put_link(arena_printf(a, "/proc/%d/fd/0", pid), "/dev/null");
    put_link(arena_printf(a, "/proc/%d/fd/3", pid), node);
}

static void find_node(void)
{
    struct stat st;

    for (int i = 0; i < 64 && container.devnum == 0; i++) {
        snprintf(node, sizeof node, "/dev/loop%d", i);
        if (stat(node, &st) == 0 && S_ISBLK(st.st_mode))
            container.devnum = DM_DEVNUM(major(st.st_rdev), minor(st.st_rdev));
    }
}

static void set_up(void)
{
    a = arena_new(0);
    snprintf(root, sizeof root, "/tmp/muster-uses-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    find_node();
    process(50, "worker", "/opt/worker", "1", "mnt:[1]");
    put("/proc/50/mountinfo", "1 0 0:5 / / rw - tmpfs tmpfs rw\n");
    put_link("/proc/self", "50");
}

static void tear_down(void)
{
    run("rm -rf \"$1\"", root);
    arena_free(a);
}

TestSuite(uses_read, .init = set_up, .fini = tear_down);

static void collect(void)
{
    struct collect_request req = { .sys_root = root };
    const struct tree none = { .n = 0 };
    const struct used_devices of = { .tree = &none, .containers = &container, .n = 1 };
    struct err e = { "" };

    cr_assert_eq(collect_uses(&req, &of, a, &s, &e), 0, "%s", e.text);
    cr_assert_eq(s.status, SECTION_OK);
    cr_assert_null(s.status_text, "%s", s.status_text);
}

static bool has(const char *used_by)
{
    const struct use *v = s.rows;

    for (size_t i = 0; i < s.row_count; i++) {
        if (strcmp(v[i].used_by, used_by) == 0)
            return true;
    }
    return false;
}

Test(uses_read, which_opens_count)
{
    if (container.devnum == 0)
        cr_skip("SKIP: there is no node of a loop device in /dev");
    process(60, "qemu", "/usr/bin/qemu", "1", "mnt:[1]");
    process(61, "(udev-worker)", "/usr/bin/udevadm", "1", "mnt:[1]");
    process(62, "blkid", "/usr/sbin/blkid", YOUNG, "mnt:[1]");
    process(63, "worker", "/opt/worker (deleted)", "1", "mnt:[1]");
    collect();
    cr_assert(has("qemu[60]"));
    cr_assert_eq(s.row_count, 1, "nobody else's counts");
}

Test(uses_read, one_process_tells_for_its_mount_namespace)
{
    const char *line =
        arena_printf(a, "1 0 %u:%u / /mnt rw - ext4 /dev/x rw\n",
                     (unsigned)(container.devnum >> 32), (unsigned)(container.devnum & UINT32_MAX));

    if (container.devnum == 0)
        cr_skip("SKIP: there is no node of a loop device in /dev");
    process(60, "ended", "/x", YOUNG, "mnt:[2]"); /* it has no mountinfo any more */
    process(61, "first", "/x", YOUNG, "mnt:[2]");
    put("/proc/61/mountinfo", line);
    process(62, "second", "/x", YOUNG, "mnt:[2]");
    put("/proc/62/mountinfo", line);
    collect();
    cr_assert_eq(s.row_count, 1);
    cr_assert(has("/mnt (first[61])") ||
              has("/mnt (second[62])")); /* /proc is sorted, this is not */
}

Test(uses_read, blkback)
{
    char text[32];

    snprintf(text, sizeof text, "%x:%x\n", (unsigned)(container.devnum >> 32),
             (unsigned)(container.devnum & UINT32_MAX));
    put("/sys/bus/xen-backend/devices/vbd-7-51712/physical_device", text);
    put("/sys/bus/xen-backend/devices/vbd-7-51712/mode", "r\n");
    put("/sys/bus/xen-backend/devices/vif-7-0/mode", "w\n");
    if (container.devnum == 0)
        cr_skip("SKIP: there is no node of a loop device in /dev");
    collect();
    cr_assert_eq(s.row_count, 1);
    cr_assert(has("7/51712"));
    cr_assert(((const struct use *)s.rows)->read_only);
}

/* The first two devices of a LUN that no map puts together, the second with a partition. */
Test(uses_read, every_path_of_a_lun_counts)
{
    struct block_container lun = { .container = "naa.2",
                                   .device = "sda",
                                   .devnum = DM_DEVNUM(8, 0) };
    struct path paths[] = {
        { .device = "sda", .lun = "naa.2", .devnum = "8:0" },
        { .device = "sdb", .lun = "naa.2", .devnum = "8:16" },
        { .device = "sdc", .lun = "naa.9", .devnum = "8:32" },
        { .device = "nvme0c0n1", .lun = "naa.2" },
    };
    struct collect_request req = { .sys_root = root };
    struct rows r = { .a = a };
    struct block_container *v;
    size_t n = 0;

    put("/sys/class/block/sdb/dev", "8:16\n");
    put("/sys/class/block/sdb/holders/dm-1", "");
    put("/sys/class/block/sdb/sdb2/partition", "2\n");
    put("/sys/class/block/sdb2/dev", "8:18\n");
    v = use_devices(&req, &r, &lun, 1, paths, ARRAY_LEN(paths), &n);
    cr_assert_eq(n, 3);
    cr_assert_str_eq(v[1].container, "naa.2");
    cr_assert_str_eq(v[1].device, "sdb");
    cr_assert(v[1].devnum == DM_DEVNUM(8, 16) && v[1].holders.n == 1);
    cr_assert_str_eq(v[1].holders.v[0], "dm-1");
    cr_assert_str_eq(v[2].container, "naa.2-part2");
    cr_assert_eq(v[2].devnum, DM_DEVNUM(8, 18));
    lun.device = "dm-0"; /* a map does */
    use_devices(&req, &r, &lun, 1, paths, ARRAY_LEN(paths), &n);
    cr_assert_eq(n, 1);
}
