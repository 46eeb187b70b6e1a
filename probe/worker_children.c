/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_children.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int worker_children(void (*each)(void *ctx, pid_t pid), void *ctx)
{
    char path[64], text[4096], *p = text, *end;
    ssize_t n = -1;
    int fd, count = 0;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, sizeof text - 1);
        close(fd);
    }
    if (n < 0)
        return -1;
    text[n] = '\0';
    /* Each number is followed by a blank; one that is not has been cut. */
    for (; (n = strtol(p, &end, 10)) > 0 && *end == ' '; p = end, count++) {
        if (each != NULL)
            each(ctx, (pid_t)n);
    }
    return count;
}
