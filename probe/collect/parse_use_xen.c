/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks of Xen guests: backends in sysfs (drivers/block/xen-blkback/xenbus.c) and xenstore (Xen's
 * docs/misc/xenstore-paths and libxl's libxl_disk.c). */
#include "collect/parse_use.h"

bool use_guest_name(struct bytes name, struct use_guest *out)
{
    struct bytes type, domid;
    struct opt guest, disk;

    if (!bytes_word(&name, "-", &type) || !bytes_equal(type, "vbd") ||
        !bytes_word(&name, "-", &domid))
        return false;
    guest = bytes_number(domid, 10);
    disk = bytes_number(name, 10);
    if (!guest.has || !disk.has || guest.v > UINT32_MAX || disk.v > UINT32_MAX)
        return false;
    *out =
        (struct use_guest){ .type = "vbd", .domid = (uint32_t)guest.v, .vdev = (uint32_t)disk.v };
    return true;
}

static bool hex_devnum(struct bytes text, uint64_t *devnum)
{
    struct bytes word;
    struct opt major, minor;

    text = bytes_trim(text);
    if (!bytes_word(&text, ":", &word))
        return false;
    major = bytes_number(word, 16);
    minor = bytes_number(text, 16);
    if (!major.has || !minor.has || major.v > UINT32_MAX || minor.v > UINT32_MAX)
        return false;
    *devnum = DM_DEVNUM(major.v, minor.v);
    return true;
}

void use_guest_set(struct use_guest *g, struct bytes params, struct bytes path,
                   struct bytes physical_device, struct bytes mode)
{
    uint64_t devnum;

    g->mode = bytes_trim(mode);
    if (hex_devnum(physical_device, &devnum))
        g->devnum = devnum;
    path = bytes_trim(path);
    params = bytes_trim(params);
    /* "aio:/srv/a.img", "vhd:aio:/srv/a.vhd": drivers, then the path. */
    for (size_t i = 0; path.n == 0 && i < params.n; i++) {
        if (params.p[i] == '/' && (i == 0 || params.p[i - 1] == ':'))
            path = (struct bytes){ params.p + i, params.n - i };
    }
    g->target = path;
}
