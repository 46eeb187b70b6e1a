/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a path leads to, asked of the LUN itself: INQUIRY of VPD page 0x83 (SPC-4 6.6, 7.8.6). */
#include <errno.h>
#include <fcntl.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collect/parse_vpd.h"
#include "scan/read_container.h"

enum { PAGE = 0x83, PAGE_BYTES = 1024, PATIENCE_MS = 5000, INQUIRY = 0x12 };

/* Bytes of the page; 0: no SCSI device; or a negative errno. */
static int ask(int fd, uint8_t page[PAGE_BYTES])
{
    uint8_t command[6] = { INQUIRY, 1, PAGE, PAGE_BYTES >> 8, PAGE_BYTES & 0xff, 0 };
    uint8_t sense[32];
    struct sg_io_hdr io = { .interface_id = 'S',
                            .dxfer_direction = SG_DXFER_FROM_DEV,
                            .cmd_len = sizeof command,
                            .mx_sb_len = sizeof sense,
                            .dxfer_len = PAGE_BYTES,
                            .dxferp = page,
                            .cmdp = command,
                            .sbp = sense,
                            .timeout = PATIENCE_MS };

    if (ioctl(fd, SG_IO, &io) != 0)
        return errno == ENOTTY || errno == EINVAL || errno == ENOSYS ? 0 : -errno;
    if ((io.info & SG_INFO_OK_MASK) != SG_INFO_OK)
        return -EIO;
    return PAGE_BYTES - io.resid;
}

static bool has(const struct designators *all, const char *designator)
{
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->v[i].text, designator) == 0)
            return true;
    }
    return false;
}

static int compare(const uint8_t *page, size_t n, const char *device, const char *designator,
                   struct err *e)
{
    struct rows r = { .a = arena_new(0) };
    struct designators all = { .n = 0 };
    struct opt port, group;
    int rc = 0;

    if (r.a == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    parse_vpd83(&r, (struct bytes){ page, n }, &all, &port, &group);
    if (r.failed)
        rc = err_set(e, -ENOMEM, "out of memory");
    else if (!has(&all, designator))
        rc = err_set(e, -ESTALE, "identity changed: %s leads to %.80s now, not to %.80s", device,
                     all.n == 0 ? "a LUN without a name" : all.v[0].text, designator);
    arena_free(r.a);
    return rc;
}

int path_identity(const char *path, struct err *e)
{
    const char *blank = strchr(path, ' ');
    int name = blank == NULL ? 0 : (int)(blank - path), fd, n;
    uint8_t page[PAGE_BYTES] = { 0 };
    char device[64];

    if (name == 0 || name > 32 || memchr(path, '/', (size_t)name) != NULL)
        return err_set(e, -EINVAL, "%.40s names no path", path);
    snprintf(device, sizeof device, "/dev/%.*s", name, path);
    fd = open(device, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    n = fd < 0 ? -errno : ask(fd, page);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return err_set(e, n, "%s does not say who it is: %s", device + 5, strerror(-n));
    return n == 0 ? 1 : compare(page, (size_t)n, device + 5, blank + 1, e);
}
