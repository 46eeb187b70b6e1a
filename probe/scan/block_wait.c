/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/block_wait.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOMENT_MS = 20 };

int64_t block_now_ms(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int block_hear(void)
{
    struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void block_wait(int hears)
{
    struct pollfd p = { .fd = hears, .events = POLLIN };
    char event[4096];

    poll(&p, 1, MOMENT_MS);
    while (hears >= 0 && recv(hears, event, sizeof event, 0) > 0)
        ;
}
