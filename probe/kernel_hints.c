/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel_hints.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define KIND(k) (1u << (k))

enum {
    UEVENTS_OF_KERNEL = 1, /* 2 are those of udev */
    MOST_AT_ONCE = 256,    /* messages, before the rest of the supervisor has its turn */
};

static uint32_t of_link(const char *p, size_t n)
{
    (void)p; /* whatever it is about: the worker looks for itself */
    (void)n;
    return KIND(WORKER_NET);
}

/* "ACTION@DEVPATH", then "NAME=VALUE" each, all with a NUL at the end (lib/kobject_uevent.c). */
uint32_t kernel_hints_of_uevent(const char *p, size_t n)
{
    static const struct {
        const char *line;
        uint32_t kinds;
    } subsystems[] = {
        /* A new NIC may have the lowest MAC. */
        { "SUBSYSTEM=net", KIND(WORKER_SYSTEM) | KIND(WORKER_NET) },
        { "SUBSYSTEM=cpu", KIND(WORKER_SYSTEM) },
        { "SUBSYSTEM=memory", KIND(WORKER_SYSTEM) },
        { "SUBSYSTEM=node", KIND(WORKER_SYSTEM) },
    };
    const char *end = p + n;

    while (p < end) {
        size_t len = strnlen(p, (size_t)(end - p));

        for (size_t i = 0; i < ARRAY_LEN(subsystems); i++) {
            if (strlen(subsystems[i].line) == len && memcmp(subsystems[i].line, p, len) == 0)
                return subsystems[i].kinds;
        }
        p += len + 1;
    }
    return 0;
}

static const struct {
    int protocol, group;
    uint32_t (*of)(const char *p, size_t n);
    uint32_t all;
} sources[KERNEL_SOURCES] = {
    [KERNEL_LINKS] = { NETLINK_ROUTE, RTNLGRP_LINK, of_link, KIND(WORKER_NET) },
    [KERNEL_DEVICES] = { NETLINK_KOBJECT_UEVENT, UEVENTS_OF_KERNEL, kernel_hints_of_uevent,
                         KIND(WORKER_SYSTEM) | KIND(WORKER_NET) },
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

int kernel_hints_open(struct kernel_hints *h, struct err *e)
{
    int rc = 0;

    for (int i = 0; i < KERNEL_SOURCES; i++) {
        int s = subscribe(sources[i].protocol, sources[i].group);

        h->fd[i] = s < 0 ? -1 : s;
        if (s < 0)
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

static uint32_t take(int fd, int source)
{
    /* Longer ones are cut, which costs nothing here. */
    _Alignas(struct nlmsghdr) char text[4096];
    uint32_t kinds = 0;

    for (int i = 0; i < MOST_AT_ONCE; i++) {
        struct sockaddr_nl from = { .nl_family = AF_NETLINK };
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&from, &size);

        if (n < 0 && errno == ENOBUFS)
            kinds |= sources[source].all; /* some were lost */
        else if (n < 0 && errno != EINTR)
            break;
        else if (n > 0 && from.nl_pid == 0) /* the kernel */
            kinds |= sources[source].of(text, (size_t)n);
    }
    return kinds;
}

uint32_t kernel_hints_take(struct kernel_hints *h)
{
    uint32_t kinds = 0;

    for (int i = 0; i < KERNEL_SOURCES; i++) {
        if (h->fd[i] >= 0)
            kinds |= take(h->fd[i], i);
    }
    return kinds;
}
