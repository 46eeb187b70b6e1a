/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan/read_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "scan/limits.h"
#include "scan/read_beneath.h"

int image_open(int root, const char *path, bool *buffered)
{
    /* O_NONBLOCK: a FIFO is not waited for. Without O_NOATIME nothing is opened: it would write. */
    int flags = O_RDONLY | O_NONBLOCK | O_NOATIME | O_NOFOLLOW | O_NOCTTY;
    int fd = open_beneath(root, path, flags | O_DIRECT);

    *buffered = fd == -EINVAL;
    return *buffered ? open_beneath(root, path, flags) : fd;
}

void *image_buffer(void)
{
    return aligned_alloc(IMAGE_UNIT_BYTES, IMAGE_ASK_BYTES + IMAGE_UNIT_BYTES);
}

static int leave_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_DIRECT) != 0 ? -errno : 0;
}

/* With O_DIRECT a length must be of whole units too: at the end of the file fewer come. */
static ssize_t read_ask(int fd, const struct image_ask *ask, void *buffer)
{
    size_t n = (ask->bytes + IMAGE_UNIT_BYTES - 1) / IMAGE_UNIT_BYTES * IMAGE_UNIT_BYTES, got = 0;

    while (got < ask->bytes) {
        ssize_t k = pread(fd, (uint8_t *)buffer + got, n - got, (off_t)(ask->offset + got));

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        got += (size_t)k;
        if (k == 0 || k % IMAGE_UNIT_BYTES != 0) /* its end */
            break;
    }
    return (ssize_t)got;
}

struct image_read read_image(int fd, uint64_t file_bytes, enum image_source source, bool buffered,
                             void *buffer, struct arena *a)
{
    struct image_parse *p = parse_image_start(a, file_bytes, source);
    struct image_read out = { .buffered = buffered };
    struct image_ask ask;
    int rc = 0;

    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); /* no page beside those that are read */
    while (p != NULL && parse_image_needs(p, &ask)) {
        ssize_t n = rc < 0 ? rc : read_ask(fd, &ask, buffer);

        if (n == -EINVAL && !out.buffered) {
            out.buffered = true;
            rc = leave_direct(fd);
            continue;
        }
        if (n < 0) {
            parse_image_failed(p, strerror((int)-n));
        } else {
            out.bytes += (uint64_t)n;
            parse_image_give(p, (struct bytes){ buffer, (size_t)n });
        }
    }
    /* Also of what was read with O_DIRECT: for some files (compressed, in the inode) the file
     * system goes through the cache all the same. */
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    out.image = p == NULL ? NULL : parse_image_result(p);
    return out;
}
