/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel_hints.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define KIND(k) (1u << (k))

enum {
    UEVENTS_OF_KERNEL = 1, /* 2 are those of udev */
    FIBRE_EVENTS = 1 << 2, /* SCSI_NL_GRP_FC_EVENTS, which the kernel takes for a number */
    MOST_AT_ONCE = 256,    /* messages, before the rest of the supervisor has its turn */
};

static uint32_t of_link(const char *p, size_t n, struct device_names *touched)
{
    (void)p; /* whatever it is about: the worker looks for itself */
    (void)n;
    (void)touched;
    return KIND(WORKER_NET);
}

#define BLOCK        "SUBSYSTEM=block"
#define BOTH_STORAGE (KIND(WORKER_STORAGE) | KIND(WORKER_LVM))

static const struct {
    const char *line;
    uint32_t kinds;
} subsystems[] = {
    /* A new NIC may have the lowest MAC. */
    { "SUBSYSTEM=net", KIND(WORKER_SYSTEM) | KIND(WORKER_NET) },
    { "SUBSYSTEM=cpu", KIND(WORKER_SYSTEM) },
    { "SUBSYSTEM=memory", KIND(WORKER_SYSTEM) },
    { "SUBSYSTEM=node", KIND(WORKER_SYSTEM) },
    { BLOCK, KIND(WORKER_STORAGE) },
    /* Hosts, devices whose unit attention says that a size or the list of LUNs is another, ... */
    { "SUBSYSTEM=scsi", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=scsi_device", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=scsi_host", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=scsi_disk", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=fc", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=fc_host", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=fc_remote_ports", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=fc_vports", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=iscsi_host", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=iscsi_session", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=iscsi_connection", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=sas_phy", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=nvme", KIND(WORKER_STORAGE) },
    { "SUBSYSTEM=nvme-subsystem", KIND(WORKER_STORAGE) },
    /* A guest's device: there is hardly a guest without one. */
    { "SUBSYSTEM=xen-backend", KIND(WORKER_STORAGE) | KIND(WORKER_XEN) },
};

static uint32_t of_subsystem(const char *line, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(subsystems); i++) {
        if (strlen(subsystems[i].line) == len && memcmp(subsystems[i].line, line, len) == 0)
            return subsystems[i].kinds;
    }
    return 0;
}

static bool begins(const char *line, size_t len, const char *with)
{
    return len >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

/* Of "ACTION@DEVPATH": a block device's name is the last part of its path. What else comes or goes
 * (a host, a port) leaves what is on other devices as it was; when it changes, as by a unit
 * attention, nobody tells whose. */
static void touch(const char *head, size_t n, bool is_block, struct device_names *touched)
{
    const char *name = memrchr(head, '/', n);

    if (is_block && name != NULL)
        device_names_add(touched, name + 1, n - (size_t)(name + 1 - head));
    else if (is_block || begins(head, n, "change@"))
        touched->all = true;
}

/* "ACTION@DEVPATH", then "NAME=VALUE" each, all with a NUL at the end (lib/kobject_uevent.c). What
 * becomes of a device-mapper device concerns LVM, except its paths (drivers/md/dm-uevent.c). */
uint32_t kernel_hints_of_uevent(const char *p, size_t n, struct device_names *touched)
{
    const char *head = p, *end = p + n;
    bool dm = false, path = false, block = false;
    uint32_t kinds = 0;

    while (p < end) {
        size_t len = strnlen(p, (size_t)(end - p));

        if (kinds == 0)
            kinds = of_subsystem(p, len);
        block |= len == strlen(BLOCK) && begins(p, len, BLOCK);
        dm |= begins(p, len, "DEVNAME=dm-");
        path |= begins(p, len, "DM_ACTION=PATH_");
        p += len + 1;
    }
    if ((kinds & KIND(WORKER_STORAGE)) != 0)
        touch(head, strnlen(head, n), block, touched);
    return dm && !path && kinds == KIND(WORKER_STORAGE) ? BOTH_STORAGE : kinds;
}

/* A host's link, its ports, its fabric. When a link goes, its paths are blocked, of which no uevent
 * tells: the next one comes when they are given up, 5 s later and more. States are read each time,
 * so no device is touched. */
static uint32_t of_fibre(const char *p, size_t n, struct device_names *touched)
{
    (void)p;
    (void)n;
    (void)touched;
    return KIND(WORKER_STORAGE);
}

/* Sockets, or files of which poll(2) says that they have changed (man 5 proc, mounts). */
static const struct {
    const char *file;
    int protocol, group;
    uint32_t (*of)(const char *p, size_t n, struct device_names *touched);
    uint32_t all;
    bool may_lack; /* a kernel without it, or who may not hear it, goes without */
} sources[KERNEL_SOURCES] = {
    [KERNEL_LINKS] = { NULL, NETLINK_ROUTE, RTNLGRP_LINK, of_link, KIND(WORKER_NET), false },
    [KERNEL_DEVICES] = { NULL, NETLINK_KOBJECT_UEVENT, UEVENTS_OF_KERNEL, kernel_hints_of_uevent,
                         KIND(WORKER_SYSTEM) | KIND(WORKER_NET) | BOTH_STORAGE, false },
    [KERNEL_FIBRE] = { NULL, NETLINK_SCSITRANSPORT, FIBRE_EVENTS, of_fibre, KIND(WORKER_STORAGE),
                       true },
    [KERNEL_MOUNTS] = { .file = "/proc/self/mountinfo", .all = KIND(WORKER_STORAGE) },
    [KERNEL_SWAPS] = { .file = "/proc/swaps", .all = KIND(WORKER_STORAGE), .may_lack = true },
};

static int subscribe(int protocol, int group)
{
    struct sockaddr_nl own = { .nl_family = AF_NETLINK };
    int code, s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

    if (s < 0)
        return -errno;
    if (bind(s, (struct sockaddr *)&own, sizeof own) == 0 &&
        setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0)
        return s;
    code = errno;
    close(s);
    return -code;
}

static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int kernel_hints_open(struct kernel_hints *h, struct err *e)
{
    int rc = 0;

    h->told = 0;
    for (int i = 0; i < KERNEL_SOURCES; i++) {
        bool is_file = sources[i].file != NULL;
        int s =
            is_file ? open_file(sources[i].file) : subscribe(sources[i].protocol, sources[i].group);

        h->fd[i] = s < 0 ? -1 : s;
        h->events[i] = is_file ? EPOLLPRI : EPOLLIN;
        if (s < 0 && !sources[i].may_lack)
            rc = err_set(e, s,
                         "the kernel's announcements cannot be heard (%s): what changes is "
                         "seen at the next rescan",
                         strerror(-s));
    }
    return rc;
}

void kernel_hints_close(struct kernel_hints *h)
{
    for (int i = 0; i < KERNEL_SOURCES; i++) {
        if (h->fd[i] >= 0)
            close(h->fd[i]);
        h->fd[i] = -1;
    }
}

static uint32_t take(int fd, int source, struct device_names *touched, struct rescan_hints *rescans)
{
    /* Longer ones are cut, which costs nothing here. */
    _Alignas(struct nlmsghdr) char text[4096];
    uint32_t kinds = 0;

    for (int i = 0; i < MOST_AT_ONCE; i++) {
        struct sockaddr_nl from = { .nl_family = AF_NETLINK };
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&from, &size);

        if (n < 0 && errno == ENOBUFS) { /* some were lost */
            kinds |= sources[source].all;
            touched->all |= source == KERNEL_DEVICES;
            rescans->all |= source == KERNEL_DEVICES;
        } else if (n < 0 && errno != EINTR) {
            break;
        } else if (n > 0 && from.nl_pid == 0) { /* the kernel */
            uint32_t some = sources[source].of(text, (size_t)n, touched);

            /* A worker that looked now would be in the way of the one that is to look after. */
            if (source == KERNEL_DEVICES && rescan_hint_of_uevent(text, (size_t)n, rescans))
                some &= ~KIND(WORKER_STORAGE);
            kinds |= some;
        }
    }
    return kinds;
}

void kernel_hints_told(struct kernel_hints *h, int fd)
{
    for (int i = 0; i < KERNEL_SOURCES; i++) {
        if (h->fd[i] == fd)
            h->told |= 1u << i;
    }
}

uint32_t kernel_hints_take(struct kernel_hints *h, struct device_names *touched,
                           struct rescan_hints *rescans)
{
    uint32_t kinds = 0;

    for (int i = 0; i < KERNEL_SOURCES; i++) {
        if (h->fd[i] < 0)
            continue;
        if (sources[i].file == NULL)
            kinds |= take(h->fd[i], i, touched, rescans);
        else if ((h->told >> i) & 1u)
            kinds |= sources[i].all;
    }
    h->told = 0;
    return kinds;
}
