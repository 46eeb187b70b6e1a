/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/io.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int io_write_all(int fd, const void *p, size_t n)
{
    const uint8_t *at = p;

    while (n > 0) {
        ssize_t put = write(fd, at, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        at += put;
        n -= (size_t)put;
    }
    return 0;
}

int io_send(int sock, const void *p, size_t n, const int *fds, size_t fd_count, int flags)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(IO_FDS_MAX * sizeof(int))];
    } control = { .room = { 0 } };
    struct iovec iov = { (void *)(uintptr_t)p, n };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    size_t k = 0;

    for (size_t i = 0; i < fd_count && k < IO_FDS_MAX; i++) {
        if (fds[i] >= 0)
            memcpy(CMSG_DATA(&control.head) + k++ * sizeof(int), &fds[i], sizeof(int));
    }
    if (k > 0) {
        m.msg_control = control.room;
        m.msg_controllen = CMSG_SPACE(k * sizeof(int));
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(k * sizeof(int));
    }
    while (sendmsg(sock, &m, flags | MSG_NOSIGNAL) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}
