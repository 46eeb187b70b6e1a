/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/xenstore.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    XS_ERROR = 16,
};

struct header {
    uint32_t type, req_id, tx_id, len;
};

static int64_t now_ms(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_for(struct xenstore *s, short what)
{
    struct pollfd p = { .fd = s->fd, .events = what };
    int64_t left = s->deadline_ms - now_ms();

    if (left > 0 && poll(&p, 1, (int)left) > 0)
        return 0;
    return now_ms() < s->deadline_ms
               ? 0
               : err_set(s->e, -ETIMEDOUT, "xenstore did not answer in %d ms", s->limit_ms);
}

static int failed(struct xenstore *s)
{
    int rc = errno == 0 ? -EIO : -errno;

    return err_set(s->e, rc, "xenstore cannot be asked: %s", strerror(-rc));
}

/* A request is one write: the kernel takes it whole, and does not wait for xenstored. */
static int send_request(struct xenstore *s, uint32_t type, const char *path)
{
    struct header h = { type, ++s->asked, 0, (uint32_t)strlen(path) + 1 };
    uint8_t message[sizeof h + XENSTORE_PATH_BYTES];
    size_t n = sizeof h + h.len;

    memcpy(message, &h, sizeof h);
    memcpy(message + sizeof h, path, h.len);
    errno = 0;
    return write(s->fd, message, n) == (ssize_t)n ? 0 : failed(s);
}

static int receive(struct xenstore *s, void *to, size_t n)
{
    for (size_t have = 0; have < n;) {
        int rc = wait_for(s, POLLIN);
        ssize_t k;

        if (rc < 0)
            return rc;
        errno = 0;
        k = read(s->fd, (char *)to + have, n - have);
        if (k <= 0 && errno != EAGAIN && errno != EINTR)
            return failed(s);
        have += k > 0 ? (size_t)k : 0;
    }
    return 0;
}

int xenstore_ask(struct xenstore *s, enum xenstore_question type, const char *path, uint8_t *out,
                 size_t *n)
{
    struct header h;
    int rc = send_request(s, (uint32_t)type, path);

    do {
        if (rc == 0)
            rc = receive(s, &h, sizeof h);
        if (rc == 0 && h.len > XENSTORE_PAYLOAD_MAX)
            rc = err_set(s->e, -EPROTO, "xenstore answered %u bytes, more than its protocol allows",
                         h.len);
        if (rc == 0)
            rc = receive(s, out, h.len);
        if (rc < 0)
            return rc;
    } while (h.req_id != s->asked); /* of a watch that someone else left */
    *n = h.len;
    if (h.type == (uint32_t)type)
        return 0;
    if (h.type == XS_ERROR && h.len >= 6 && memcmp(out, "ENOENT", 6) == 0)
        return 1;
    if (h.type == XS_ERROR)
        return err_set(s->e, -EPROTO, "xenstore refused to tell %s: %.*s", path, (int)h.len, out);
    return err_set(s->e, -EPROTO, "xenstore answered with message %u, which was not asked", h.type);
}

void xenstore_start(struct xenstore *s, int fd, int limit_ms, struct arena *a, struct err *e)
{
    *s = (struct xenstore){ .fd = fd, .limit_ms = limit_ms, .a = a, .e = e };
    s->deadline_ms = now_ms() + limit_ms;
}

int xenstore_value(struct xenstore *s, const char *path, struct bytes *out)
{
    uint8_t value[XENSTORE_PAYLOAD_MAX];
    size_t n = 0;
    int rc = xenstore_ask(s, XENSTORE_READ, path, value, &n);

    *out = (struct bytes){ NULL, 0 };
    if (rc == 0) {
        out->p = arena_memdup(s->a, value, n);
        out->n = out->p == NULL ? 0 : n;
    }
    return rc < 0 ? rc : 0;
}
