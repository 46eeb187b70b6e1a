/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/read_beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TIMES = 1000 };

int open_beneath(int root, const char *path, int flags)
{
    struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV |
                                       RESOLVE_NO_MAGICLINKS };
    long fd = -1;

    /* EAGAIN: a rename or a mount, anywhere, raced with it. */
    for (int i = 0; i < TIMES; i++) {
        fd = syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0 || (errno != EINTR && errno != EAGAIN))
            break;
    }
    return fd < 0 ? -errno : (int)fd;
}
