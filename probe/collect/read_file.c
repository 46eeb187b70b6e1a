/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool read_path(const struct collect_request *req, char out[READ_PATH_MAX], const char *fmt, ...)
{
    char path[READ_PATH_MAX];
    const char *root = req->sys_root == NULL ? "" : req->sys_root;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(path, sizeof path, fmt, args);
    va_end(args);
    if (n < 0 || strlen(root) + (size_t)n >= READ_PATH_MAX)
        return false;
    memcpy(out, root, strlen(root));
    memcpy(out + strlen(root), path, (size_t)n + 1);
    return true;
}

/* Attribute files have no honest size: read until the end. */
static int read_all(int fd, size_t limit, struct buf *b)
{
    while (b->n < limit) {
        size_t step = limit - b->n < 4096 ? limit - b->n : 4096;
        ssize_t n;

        if (!buf_reserve(b, step))
            return ENOMEM;
        n = read(fd, b->p + b->n, step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return 0;
        b->n += (size_t)n;
    }
    return 0;
}

struct bytes read_file(struct arena *a, const char *path, size_t limit, int *error)
{
    struct bytes out = { NULL, 0 };
    struct buf b = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

    rc = fd < 0 ? errno : read_all(fd, limit, &b);
    if (rc == 0) {
        out.p = arena_memdup(a, b.p == NULL ? (const void *)"" : b.p, b.n);
        out.n = out.p == NULL ? 0 : b.n;
        rc = out.p == NULL ? ENOMEM : 0;
    }
    if (error != NULL)
        *error = rc;
    if (fd >= 0)
        close(fd);
    buf_deinit(&b);
    return out;
}

struct bytes read_real_path(struct arena *a, const char *path)
{
    struct bytes out = { NULL, 0 };
    char *real = realpath(path, NULL);

    if (real != NULL) {
        out.p = arena_memdup(a, real, strlen(real));
        out.n = out.p == NULL ? 0 : strlen(real);
    }
    free(real);
    return out;
}
