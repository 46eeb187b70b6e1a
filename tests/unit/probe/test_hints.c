/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's announcements hint at. */
#include <criterion/criterion.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel_hints.h"

#define KIND(k) (1u << (k))

enum { PATIENCE_MS = 60000 };

static struct device_names touched;
static struct rescan_hints rescans;

static uint32_t of_text(const char *p, size_t n)
{
    char *exact = malloc(n); /* so that a reader beyond the end is found */
    uint32_t kinds;

    memcpy(exact, p, n);
    kinds = kernel_hints_of_uevent(exact, n, &touched);
    free(exact);
    return kinds;
}

#define OF(text) of_text(text, sizeof(text))

Test(hints, a_uevent_hints_at_who_looks_at_its_subsystem)
{
    cr_expect_eq(OF("add@/devices/pci/net/eth0\0ACTION=add\0SUBSYSTEM=net\0SEQNUM=7"),
                 KIND(WORKER_SYSTEM) | KIND(WORKER_NET));
    cr_expect_eq(OF("offline@/devices/system/cpu/cpu1\0ACTION=offline\0SUBSYSTEM=cpu"),
                 KIND(WORKER_SYSTEM));
    cr_expect_eq(OF("add@/devices/x\0SUBSYSTEM=network"), 0);
    cr_expect_eq(of_text("add@/x\0SUBSYSTEM=net", 20), KIND(WORKER_SYSTEM) | KIND(WORKER_NET),
                 "the last NUL is missing");
    cr_expect_eq(of_text("add@/x\0SUBSYSTEM=ne", 19), 0);
    cr_expect_eq(of_text("\0\0\0", 3), 0);
    cr_expect_eq(of_text("", 0), 0);
}

#define LOOP "DEVPATH=/devices/virtual/block/loop0\0SUBSYSTEM=block\0"
#define MAP  "change@/devices/virtual/block/dm-3\0ACTION=change\0SUBSYSTEM=block\0"

Test(hints, a_uevent_of_a_device_hints_at_storage_and_one_of_a_map_at_lvm_too)
{
    const uint32_t storage = KIND(WORKER_STORAGE), both = storage | KIND(WORKER_LVM);

    cr_expect_eq(OF("change@/devices/virtual/block/loop0\0ACTION=change\0" LOOP
                    "DISK_MEDIA_CHANGE=1\0MAJOR=7\0MINOR=0\0DEVNAME=loop0\0DEVTYPE=disk\0"
                    "DISKSEQ=1368\0SEQNUM=13370"),
                 storage);
    cr_expect_eq(OF("change@/devices/virtual/block/loop0\0ACTION=change\0" LOOP
                    "RESIZE=1\0MAJOR=7\0MINOR=0\0DEVNAME=loop0\0DEVTYPE=disk\0SEQNUM=4"),
                 storage);
    cr_expect_eq(OF("change@/devices/platform/host3/session1/target3:0:0/3:0:0:1\0ACTION=change\0"
                    "DEVPATH=/devices/platform/host3/session1/target3:0:0/3:0:0:1\0"
                    "SUBSYSTEM=scsi\0SDEV_UA=REPORTED_LUNS_DATA_HAS_CHANGED\0"
                    "DEVTYPE=scsi_device\0DRIVER=sd\0SEQNUM=2001"),
                 storage);
    cr_expect_eq(OF("add@/devices/host4/rport-4:0-1/fc_remote_ports/rport-4:0-1\0ACTION=add\0"
                    "SUBSYSTEM=fc_remote_ports\0SEQNUM=5"),
                 storage);
    cr_expect_eq(OF("remove@/devices/platform/host3/session1/iscsi_session/session1\0"
                    "SUBSYSTEM=iscsi_session\0SEQNUM=6"),
                 storage);
    cr_expect_eq(OF("change@/devices/virtual/nvme-fabrics/ctl/nvme0\0SUBSYSTEM=nvme\0"
                    "NVME_EVENT=connected\0SEQNUM=7"),
                 storage);
    cr_expect_eq(OF(MAP "DM_COOKIE=6333457\0MAJOR=253\0MINOR=3\0DEVNAME=dm-3\0DEVTYPE=disk"), both);
    cr_expect_eq(OF(MAP "DM_TARGET=multipath\0DM_ACTION=PATH_FAILED\0DM_PATH=8:16\0DM_NAME=mpatha\0"
                        "MAJOR=253\0MINOR=3\0DEVNAME=dm-3\0DEVTYPE=disk"),
                 storage, "LVM does not see paths");
    cr_expect_eq(OF("add@/devices/vbd-3-51712\0SUBSYSTEM=xen-backend\0"),
                 storage | KIND(WORKER_XEN));
}

/* Which devices `text` names, in the order in which they come: "sda sdb", or "all". */
static const char *names_of(const char *text, size_t n)
{
    static char out[200];
    size_t at = 0;

    touched = (struct device_names){ .n = 0 };
    of_text(text, n);
    out[0] = '\0';
    for (size_t i = 0; i < touched.n; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s", i == 0 ? "" : " ", touched.v[i]);
    return touched.all ? "all" : out;
}

#define NAMES(text) names_of(text, sizeof(text))

Test(hints, a_uevent_names_its_block_device_and_others_that_change_name_all)
{
    cr_expect_str_eq(NAMES("change@/devices/virtual/block/loop0\0ACTION=change\0" LOOP), "loop0");
    cr_expect_str_eq(NAMES("remove@/devices/pci/host0/block/sda/sda1\0SUBSYSTEM=block\0"), "sda1");
    cr_expect_str_eq(NAMES("add@/devices/cciss0/block/cciss!c0d0\0SUBSYSTEM=block\0"
                           "DEVNAME=cciss/c0d0\0"),
                     "cciss!c0d0");
    cr_expect_str_eq(NAMES(MAP "DEVNAME=dm-3"), "dm-3");
    cr_expect_str_eq(NAMES("nonsense\0SUBSYSTEM=block\0"), "all");
    cr_expect_str_eq(NAMES("change@/devices/host3/target3:0:0/3:0:0:1\0SUBSYSTEM=scsi\0"
                           "SDEV_UA=INQUIRY_DATA_HAS_CHANGED\0"),
                     "all");
    cr_expect_str_eq(NAMES("add@/devices/host3/target3:0:0/3:0:0:1\0SUBSYSTEM=scsi\0"), "");
    cr_expect_str_eq(NAMES("change@/devices/pci/net/eth0\0SUBSYSTEM=net\0"), "");
}

/* What `text` says that is to be looked at anew, in the order in which it comes. */
static const char *rescans_of(const char *text, size_t n)
{
    static char out[200];
    char one[RESCAN_TEXT];
    size_t at = 0;

    rescan_hint_of_uevent(text, n, &rescans);
    out[0] = '\0';
    for (size_t i = 0; i < rescans.n; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s", i == 0 ? "" : ", ",
                               rescan_hint_text(&rescans.v[i], one));
    return rescans.all ? "all" : out;
}

#define RESCANS(text) rescans_of(text, sizeof(text))
#define ATTENTION(of) "change@/devices/platform/host3/session1/" of "\0SUBSYSTEM=scsi\0SDEV_UA="

Test(hints, a_unit_attention_names_what_is_to_be_looked_at_anew)
{
    rescans = (struct rescan_hints){ .n = 0 };
    cr_expect_str_eq(RESCANS("add@/devices/host3/target3:0:0/3:0:0:1\0SUBSYSTEM=scsi\0"), "");
    cr_expect_str_eq(RESCANS("add@/x/3:0:0:1\0SUBSYSTEM=scsi\0"
                             "SDEV_UA=CAPACITY_DATA_HAS_CHANGED\0"),
                     "");
    cr_expect_str_eq(RESCANS("change@/x/3:0:0:1\0SUBSYSTEM=block\0"
                             "SDEV_UA=CAPACITY_DATA_HAS_CHANGED\0"),
                     "");
    cr_expect_str_eq(RESCANS("change@3:0:0:1\0SUBSYSTEM=scsi\0SDEV_UA=INQUIRY_DATA_HAS_CHANGED"),
                     "", "no path");
    cr_expect_str_eq(RESCANS(ATTENTION("3:0:0") "INQUIRY_DATA_HAS_CHANGED\0"), "");
    cr_expect_str_eq(RESCANS(ATTENTION("3:0:0:1") "MODE_PARAMETERS_CHANGED\0"), "");
    cr_expect_str_eq(RESCANS(ATTENTION("3:0:0:1") "REPORTED_LUNS_DATA_HAS_CHANGED\0SEQNUM=1\0"),
                     "target 3:0:0");
    cr_expect_str_eq(RESCANS(ATTENTION("3:0:0:9") "REPORTED_LUNS_DATA_HAS_CHANGED\0"),
                     "target 3:0:0", "of the same target");
    cr_expect_str_eq(RESCANS(ATTENTION("3:0:0:9") "CAPACITY_DATA_HAS_CHANGED\0"),
                     "target 3:0:0, device 3:0:0:9");
    for (int i = 0; i < RESCAN_HINTS; i++) {
        char text[100];
        int n = snprintf(text, sizeof text,
                         "change@/x/%d:0:0:1%cSUBSYSTEM=scsi%c"
                         "SDEV_UA=CAPACITY_DATA_HAS_CHANGED",
                         10 + i, 0, 0);

        rescan_hint_of_uevent(text, (size_t)n, &rescans);
    }
    cr_expect(rescans.all, "too many are all");
}

static void set_up(int control, const char *name, bool up)
{
    struct ifreq r = { 0 };

    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    cr_assert_eq(ioctl(control, SIOCGIFFLAGS, &r), 0);
    r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
    cr_assert_eq(ioctl(control, SIOCSIFFLAGS, &r), 0);
}

static bool wakes(const struct kernel_hints *h, int ms)
{
    struct pollfd p = { .fd = h->fd[KERNEL_LINKS], .events = POLLIN };

    return poll(&p, 1, ms) == 1;
}

Test(hints, a_link_that_changes_hints_at_net_even_if_the_announcement_is_lost)
{
    struct kernel_hints h;
    struct err e = { "" };
    int control, small = 0;

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
        cr_skip_test("a network namespace needs root");
    control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(kernel_hints_open(&h, &e), 0, "%s", e.text);
    cr_expect_eq(kernel_hints_take(&h, &touched, &rescans), 0);
    set_up(control, "lo", true);
    cr_assert(wakes(&h, PATIENCE_MS));
    cr_expect_neq(kernel_hints_take(&h, &touched, &rescans) & KIND(WORKER_NET), 0);
    cr_expect_not(wakes(&h, 0), "taken");
    cr_assert_eq(setsockopt(h.fd[KERNEL_LINKS], SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    for (int i = 0; i < 100; i++)
        set_up(control, "lo", i % 2 == 1);
    cr_assert(wakes(&h, PATIENCE_MS));
    cr_expect_neq(kernel_hints_take(&h, &touched, &rescans) & KIND(WORKER_NET), 0);
    cr_expect_not(wakes(&h, 0), "an overflow is taken, too");
    kernel_hints_close(&h);
    close(control);
}

Test(hints, storage_looks_at_a_list_of_luns_that_has_changed_when_the_kernel_has)
{
    static const char list[] = ATTENTION("3:0:0:1") "REPORTED_LUNS_DATA_HAS_CHANGED\0";
    static const char size[] = ATTENTION("3:0:0:1") "CAPACITY_DATA_HAS_CHANGED\0";
    struct kernel_hints h = { .fd = { -1, -1, -1, -1, -1 } };
    struct device_names names = { .n = 0 };
    int pair[2];

    rescans = (struct rescan_hints){ .n = 0 };
    cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
    h.fd[KERNEL_DEVICES] = pair[0];
    cr_assert_eq(send(pair[1], list, sizeof list, 0), (ssize_t)sizeof list);
    cr_expect_eq(kernel_hints_take(&h, &names, &rescans), 0, "not before");
    cr_expect_eq(rescans.n, 1, "but it is to be looked at anew");
    cr_expect(names.all, "and then nothing is believed that was read before");
    cr_assert_eq(send(pair[1], size, sizeof size, 0), (ssize_t)sizeof size);
    cr_expect_eq(kernel_hints_take(&h, &names, &rescans), KIND(WORKER_STORAGE));
    kernel_hints_close(&h);
    close(pair[1]);
}

Test(hints, an_event_of_fibre_channel_hints_at_storage_and_a_kernel_without_is_no_fault)
{
    int own = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SCSITRANSPORT), pair[2];
    struct device_names none = { 0 };
    struct kernel_hints h;
    struct err e = { "" };

    if (geteuid() != 0)
        cr_skip_test("it is root that may listen");
    cr_assert_eq(kernel_hints_open(&h, &e), 0, "%s", e.text);
    cr_assert_eq(h.fd[KERNEL_FIBRE] >= 0, own >= 0);
    for (int i = 0; i < KERNEL_SOURCES; i++) { /* others may attach devices meanwhile */
        if (h.fd[i] >= 0)
            close(h.fd[i]);
        h.fd[i] = -1;
    }
    cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
    h.fd[KERNEL_FIBRE] = pair[0];
    cr_expect_eq(kernel_hints_take(&h, &none, &rescans), 0);
    cr_assert_eq(send(pair[1], "whatever it says", 16, 0), 16);
    cr_expect_eq(kernel_hints_take(&h, &none, &rescans), KIND(WORKER_STORAGE));
    cr_expect_not(none.all);
    kernel_hints_close(&h);
    close(pair[1]);
    if (own >= 0)
        close(own);
}

/* Waits as the supervisor does. */
static uint32_t wait_for(struct kernel_hints *h, int epoll, int ms)
{
    struct epoll_event one;

    if (epoll_wait(epoll, &one, 1, ms) == 1)
        kernel_hints_told(h, one.data.fd);
    return kernel_hints_take(h, &touched, &rescans);
}

Test(hints, a_mount_hints_at_storage_once)
{
    struct kernel_hints h;
    struct epoll_event what = { .events = 0 };
    struct err e = { "" };
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        cr_skip_test("a mount namespace needs root");
    cr_assert_eq(kernel_hints_open(&h, &e), 0, "%s", e.text);
    close(h.fd[KERNEL_DEVICES]); /* others may attach devices meanwhile */
    h.fd[KERNEL_DEVICES] = -1;
    what.events = h.events[KERNEL_MOUNTS];
    what.data.fd = h.fd[KERNEL_MOUNTS];
    cr_assert_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, h.fd[KERNEL_MOUNTS], &what), 0);
    wait_for(&h, epoll, 0);
    cr_expect_eq(wait_for(&h, epoll, 0) & KIND(WORKER_STORAGE), 0);
    cr_assert_eq(mount("muster-test", "/tmp", "tmpfs", 0, NULL), 0);
    cr_expect_neq(wait_for(&h, epoll, PATIENCE_MS) & KIND(WORKER_STORAGE), 0);
    cr_expect_eq(epoll_wait(epoll, &what, 1, 0), 0, "taken");
    umount("/tmp");
    cr_expect_neq(wait_for(&h, epoll, PATIENCE_MS) & KIND(WORKER_STORAGE), 0);
    kernel_hints_close(&h);
    close(epoll);
}
