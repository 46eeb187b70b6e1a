/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/own_mount.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "collect/parse_use.h"
#include "collect/read.h"

enum { MOUNTS_BYTES = 4 << 20 };

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
    struct use_mount m;
    struct bytes text, at;
    int error = ENOMEM, rc = -ENOENT;

    if (r.a == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    text = read_file(r.a, "/proc/self/mountinfo", MOUNTS_BYTES, &error);
    while (rc == -ENOENT && use_mount_next(&text, &m)) {
        if (!is_of(&r, &m, device, devnum))
            continue;
        at = use_unescape(&r, m.point);
        rc = at.n >= OWN_MOUNT_BYTES ? -ENAMETOOLONG : 0;
        if (rc == 0)
            snprintf(point, OWN_MOUNT_BYTES, "%.*s", (int)at.n, (const char *)at.p);
    }
    arena_free(r.a);
    return rc < 0 ? err_set(e, rc, "this node has not mounted %s from its top folder", device) : 0;
}
