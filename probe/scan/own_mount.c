/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/own_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "collect/parse_use.h"

enum { MOUNTS_BYTES = 4 << 20, STEP_BYTES = 16 << 10 };

static int read_mounts(struct buf *out)
{
    int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;

    while (n > 0 && out->n < MOUNTS_BYTES && buf_reserve(out, STEP_BYTES)) {
        n = read(fd, out->p + out->n, STEP_BYTES);
        out->n += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    return n == 0 ? 0 : -EIO;
}

/* btrfs mounts have numbers of no device, and name their source. */
static bool is_of(struct rows *r, const struct use_mount *m, const char *device, dev_t devnum)
{
    if (!bytes_equal(m->root, "/"))
        return false;
    if (m->devnum == DM_DEVNUM(major(devnum), minor(devnum)))
        return true;
    return bytes_equal(m->type, "btrfs") && bytes_equal(use_unescape(r, m->source), device);
}

int own_mount_find(const char *device, dev_t devnum, char point[OWN_MOUNT_BYTES], struct err *e)
{
    struct rows r = { .a = arena_new(0) };
    struct buf all = { 0 };
    struct use_mount m;
    struct bytes text, at;
    int rc;

    if (r.a == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    rc = read_mounts(&all) == 0 ? -ENOENT : -EIO;
    text = (struct bytes){ all.p, all.n };
    while (rc == -ENOENT && use_mount_next(&text, &m)) {
        if (!is_of(&r, &m, device, devnum))
            continue;
        at = use_unescape(&r, m.point);
        rc = at.n >= OWN_MOUNT_BYTES ? -ENAMETOOLONG : 0;
        if (rc == 0)
            snprintf(point, OWN_MOUNT_BYTES, "%.*s", (int)at.n, (const char *)at.p);
    }
    arena_free(r.a);
    buf_deinit(&all);
    return rc < 0 ? err_set(e, rc, "this node has not mounted %s from its top folder", device) : 0;
}
