/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "scan/block_wait.h"

#define LOOP_NAME "muster-scan-" /* and the token: what a loop device calls its file */

enum { TRIES = 64 };

static int configure(struct loop *l, int control, int how, const struct loop_config *config)
{
    int no = ioctl(control, LOOP_CTL_GET_FREE);

    if (no < 0)
        return -errno;
    snprintf(l->path, sizeof l->path, "/dev/loop%d", no);
    l->fd = open(l->path, how | O_CLOEXEC);
    if (l->fd >= 0 && ioctl(l->fd, LOOP_CONFIGURE, config) == 0)
        return 0;
    no = -errno;
    loop_close(l);
    l->path[0] = '\0';
    return no;
}

/* It is what was asked for: a kernel that cannot read directly says nothing. */
static int look(const struct loop *l, uint32_t flags)
{
    struct loop_info64 is = { 0 };

    if (ioctl(l->fd, LOOP_GET_STATUS64, &is) != 0)
        return -errno;
    return (is.lo_flags & flags) == flags ? 0 : -EOPNOTSUPP;
}

int loop_make(struct loop *l, const struct loop_of *of, struct err *e)
{
    struct loop_config config = { .fd = (uint32_t)of->fd, .block_size = of->sector_bytes };
    int control = open("/dev/loop-control", O_RDONLY | O_CLOEXEC), rc = -EBUSY;
    int hears = control < 0 ? -1 : block_hear();

    *l = (struct loop){ .fd = -1 };
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (!of->writes)
        config.info.lo_flags |= LO_FLAGS_READ_ONLY | LO_FLAGS_DIRECT_IO;
    snprintf((char *)config.info.lo_file_name, sizeof config.info.lo_file_name, LOOP_NAME "%llu",
             (unsigned long long)of->token);
    if (control < 0)
        return err_set(e, -errno, "/dev/loop-control cannot be opened: %s", strerror(errno));
    /* Whoever makes one at the same time may have taken the free number. */
    for (int i = 0; i < TRIES && (rc == -EBUSY || rc == -ENXIO || rc == -ENOENT); i++) {
        rc = configure(l, control, of->writes ? O_RDWR : O_RDONLY, &config);
        if (rc == -ENOENT || rc == -ENXIO) /* its name comes in a moment, or has just gone */
            block_wait(hears);
    }
    close(control);
    if (hears >= 0)
        close(hears);
    if (rc < 0)
        return err_set(e, rc, "no loop device can be made: %s", strerror(-rc));
    rc = look(l, config.info.lo_flags);
    return rc < 0 ? err_set(e, rc, "%s is not as it was asked for", l->path + 5) : 0;
}

void loop_close(struct loop *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
