/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/wipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ALIGN = 4096, PATH_BYTES = 80 };

_Static_assert(CHANGE_WIPE_BYTES % ALIGN == 0, "a wipe is whole blocks");

static int open_device(const struct change_device *d, int flags)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "/dev/%s", d->device);
    return open(path, flags | O_CLOEXEC);
}

static int write_zeroes(int fd, uint64_t at, uint64_t n)
{
    void *zeroes = aligned_alloc(ALIGN, CHANGE_WIPE_BYTES);
    int rc = zeroes == NULL ? -ENOMEM : 0;

    if (zeroes != NULL)
        memset(zeroes, 0, CHANGE_WIPE_BYTES);
    while (rc == 0 && n > 0) {
        ssize_t got = pwrite(fd, zeroes, n < CHANGE_WIPE_BYTES ? n : CHANGE_WIPE_BYTES, (off_t)at);

        if (got > 0) {
            at += (uint64_t)got;
            n -= (uint64_t)got;
        } else if (got == 0 || errno != EINTR) {
            rc = got == 0 ? -EIO : -errno;
        }
    }
    free(zeroes);
    return rc;
}

int change_wipe(const struct change_device *d, const struct change_wipe *w, struct err *e)
{
    int fd = open_device(d, O_WRONLY | O_DIRECT);
    int rc = fd < 0 ? -errno : write_zeroes(fd, w->start_bytes, w->size_bytes);

    if (fd >= 0)
        close(fd);
    return rc < 0
               ? err_set(e, rc, "what %s held before cannot be wiped: %s", d->device, strerror(-rc))
               : 0;
}

int change_flush(const struct change_device *d, struct err *e)
{
    int fd = open_device(d, O_RDONLY);
    int rc = fd < 0 || fsync(fd) != 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    return rc < 0
               ? err_set(e, rc, "%s does not keep what was written: %s", d->device, strerror(-rc))
               : 0;
}
