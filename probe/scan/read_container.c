/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/read_container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { BUFFER = 64 << 10, ALIGN = 4096 };

static int check(struct container *c, const char *device, const char *devnum, uint64_t size_bytes,
                 struct err *e)
{
    char is[32];
    struct stat st;
    int sector = 0;

    if (fstat(c->direct, &st) != 0 || !S_ISBLK(st.st_mode) ||
        ioctl(c->direct, BLKGETSIZE64, &c->size_bytes) != 0 ||
        ioctl(c->direct, BLKSSZGET, &sector) != 0)
        return err_set(e, -ENODEV, "%s is no block device that answers", device);
    c->devnum = st.st_rdev;
    c->sector_bytes = (uint32_t)sector;
    snprintf(is, sizeof is, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
    if (devnum != NULL && strcmp(devnum, is) != 0)
        return err_set(e, -ESTALE, "%s is another device now: %s, not %s", device, is, devnum);
    if (size_bytes != 0 && size_bytes != c->size_bytes)
        return err_set(e, -ESTALE, "%s has %llu bytes now, not %llu", device,
                       (unsigned long long)c->size_bytes, (unsigned long long)size_bytes);
    return 0;
}

static int open_failed(const char *device, int error, struct err *e)
{
    if (error == EBUSY)
        return err_set(e, -EBUSY, "%s is in use on this node", device);
    return err_set(e, -error, "%s cannot be opened: %s", device, strerror(error));
}

int container_node(const char *folder, const char *device, uint64_t token,
                   char out[CONTAINER_PATH_BYTES], struct err *e)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/dev/%.40s", device);
    if (stat(path, &st) != 0)
        return open_failed(device, errno, e);
    if (snprintf(out, CONTAINER_PATH_BYTES, "%s/" SCAN_NODE "%llu-%u:%u", folder,
                 (unsigned long long)token, major(st.st_rdev),
                 minor(st.st_rdev)) >= CONTAINER_PATH_BYTES)
        return err_set(e, -ENAMETOOLONG, "the path of the folder to mount at is too long");
    if (mount("muster-scan", folder, "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,mode=0700") != 0 ||
        mknod(out, S_IFBLK | 0400, st.st_rdev) != 0)
        return err_set(e, -errno, "a node for %s cannot be made: %s", device, strerror(errno));
    return 0;
}

int container_open(struct container *c, const char *device, const char *node, const char *devnum,
                   uint64_t size_bytes, enum container_use use, struct err *e)
{
    int rc = 0;

    *c = (struct container){ .exclusive = -1, .direct = -1 };
    if (strchr(device, '/') != NULL ||
        snprintf(c->path, sizeof c->path, "/dev/%s", device) >= (int)sizeof c->path)
        return err_set(e, -EINVAL, "%.40s is no name of a device", device);
    if (node == NULL)
        node = c->path;
    if (use == CONTAINER_ALONE)
        c->exclusive = open(node, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
    if (use == CONTAINER_ALONE && c->exclusive < 0)
        return open_failed(device, errno, e);
    c->direct = open(node, O_RDONLY | O_DIRECT | O_NONBLOCK | O_CLOEXEC);
    c->buffer = aligned_alloc(ALIGN, BUFFER);
    if (c->direct < 0)
        rc = open_failed(device, errno, e);
    else if (c->buffer == NULL)
        rc = err_set(e, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = check(c, device, devnum, size_bytes, e);
    if (rc < 0)
        container_close(c);
    return rc;
}

void container_close(struct container *c)
{
    if (c->exclusive >= 0)
        close(c->exclusive);
    if (c->direct >= 0)
        close(c->direct);
    free(c->buffer);
    c->exclusive = c->direct = -1;
    c->buffer = NULL;
}

/* In whole sectors, of which more may be read than were asked for. */
int container_read(void *container, uint64_t at, size_t n, uint8_t *out)
{
    struct container *c = container;
    uint64_t start = at / ALIGN * ALIGN, end = (at + n + ALIGN - 1) / ALIGN * ALIGN;
    ssize_t got;

    if (at > c->size_bytes || n > c->size_bytes - at)
        return -EBADMSG;
    if (end > c->size_bytes)
        end = c->size_bytes;
    if (end - start > BUFFER)
        return -EINVAL;
    do
        got = pread(c->direct, c->buffer, end - start, (off_t)start);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    if ((uint64_t)got < at + n - start)
        return -EIO;
    memcpy(out, c->buffer + (at - start), n);
    return 0;
}
