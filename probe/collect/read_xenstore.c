/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks xenstore by its protocol (Xen's docs/misc/xenstore.txt, public/io/xs_wire.h): the calls of
 * libxenstore have no time limit, and a xenstored that hangs would hang the collection. Nothing is
 * read but the values named here: beside them lie passwords of consoles. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "collect/read_uses.h"

enum {
    XS_DIRECTORY = 1,
    XS_READ = 2,
    XS_ERROR = 16,
    PAYLOAD_MAX = 4096,
    GUESTS_MAX = 4096,
    PATH_BYTES = 128,
};

struct header {
    uint32_t type, req_id, tx_id, len;
};

struct store {
    int fd;
    int limit_ms;
    int64_t deadline_ms;
    uint32_t asked;
    struct arena *a;
    struct use_guest *guests;
    size_t n;
    struct err *e;
};

static int64_t now_ms(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_for(struct store *s, short what)
{
    struct pollfd p = { .fd = s->fd, .events = what };
    int64_t left = s->deadline_ms - now_ms();

    if (left > 0 && poll(&p, 1, (int)left) > 0)
        return 0;
    return now_ms() < s->deadline_ms
               ? 0
               : err_set(s->e, -ETIMEDOUT, "xenstore did not answer in %d ms", s->limit_ms);
}

static int failed(struct store *s)
{
    int rc = errno == 0 ? -EIO : -errno;

    return err_set(s->e, rc, "xenstore cannot be asked: %s", strerror(-rc));
}

/* A request is one write: the kernel takes it whole, and does not wait for xenstored. */
static int send_request(struct store *s, uint32_t type, const char *path)
{
    struct header h = { type, ++s->asked, 0, (uint32_t)strlen(path) + 1 };
    uint8_t message[sizeof h + PATH_BYTES];
    size_t n = sizeof h + h.len;

    memcpy(message, &h, sizeof h);
    memcpy(message + sizeof h, path, h.len);
    errno = 0;
    return write(s->fd, message, n) == (ssize_t)n ? 0 : failed(s);
}

static int receive(struct store *s, void *to, size_t n)
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

/* The answer is in `out` (room for PAYLOAD_MAX). 0; 1: there is no such thing; or a negative errno
 * with a sentence. */
static int ask(struct store *s, uint32_t type, const char *path, uint8_t *out, size_t *n)
{
    struct header h;
    int rc = send_request(s, type, path);

    do {
        if (rc == 0)
            rc = receive(s, &h, sizeof h);
        if (rc == 0 && h.len > PAYLOAD_MAX)
            rc = err_set(s->e, -EPROTO, "xenstore answered %u bytes, more than its protocol allows",
                         h.len);
        if (rc == 0)
            rc = receive(s, out, h.len);
        if (rc < 0)
            return rc;
    } while (h.req_id != s->asked); /* of a watch that someone else left */
    *n = h.len;
    if (h.type == type)
        return 0;
    if (h.type == XS_ERROR && h.len >= 6 && memcmp(out, "ENOENT", 6) == 0)
        return 1;
    if (h.type == XS_ERROR)
        return err_set(s->e, -EPROTO, "xenstore refused to tell %s: %.*s", path, (int)h.len, out);
    return err_set(s->e, -EPROTO, "xenstore answered with message %u, which was not asked", h.type);
}

static int read_value(struct store *s, const char *folder, const char *name, struct bytes *out)
{
    uint8_t value[PAYLOAD_MAX];
    char path[PATH_BYTES];
    size_t n = 0;
    int rc;

    *out = (struct bytes){ NULL, 0 };
    snprintf(path, sizeof path, "%s/%s", folder, name);
    rc = ask(s, XS_READ, path, value, &n);
    if (rc == 0) {
        out->p = arena_memdup(s->a, value, n);
        out->n = out->p == NULL ? 0 : n;
    }
    return rc < 0 ? rc : 0;
}

static int read_guest(struct store *s, const char *folder, const char *type, uint32_t domid,
                      uint32_t vdev)
{
    static const char *const names[] = { "params", "physical-device-path", "physical-device",
                                         "mode", "path" };
    struct bytes v[ARRAY_LEN(names)];
    struct use_guest *g = &s->guests[s->n];
    int rc = 0;

    if (s->n == GUESTS_MAX)
        return err_set(s->e, -E2BIG, "xenstore has more than %d disks of guests", GUESTS_MAX);
    for (size_t i = 0; i < ARRAY_LEN(names) && rc == 0; i++)
        rc = read_value(s, folder, names[i], &v[i]);
    if (rc < 0)
        return rc;
    *g = (struct use_guest){ .type = type, .domid = domid, .vdev = vdev };
    /* 9pfs has a folder, in `path`. */
    use_guest_set(g, v[0], v[1].n > 0 ? v[1] : v[4], v[2], v[3]);
    s->n++;
    return 0;
}

/* The numbers that a folder has, each once or more: 0 or a negative errno with a sentence. */
static int read_numbers(struct store *s, const char *folder, uint32_t *out, size_t *count)
{
    uint8_t names[PAYLOAD_MAX];
    struct bytes rest = { names, 0 }, word;
    int rc = ask(s, XS_DIRECTORY, folder, names, &rest.n);

    *count = 0;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    while (rest.n > 0) {
        const uint8_t *end = memchr(rest.p, 0, rest.n);
        size_t n = end == NULL ? rest.n : (size_t)(end - rest.p);
        struct opt number;

        word = (struct bytes){ rest.p, n };
        number = bytes_number(word, 10);
        if (number.has && number.v <= UINT32_MAX)
            out[(*count)++] = (uint32_t)number.v;
        n += end != NULL;
        rest = (struct bytes){ rest.p + n, rest.n - n };
    }
    return 0;
}

static int read_type(struct store *s, const char *type)
{
    uint32_t domids[PAYLOAD_MAX / 2 + 1], vdevs[PAYLOAD_MAX / 2 + 1];
    size_t domains = 0, disks = 0;
    char folder[PATH_BYTES / 2];
    int rc;

    snprintf(folder, sizeof folder, "backend/%s", type);
    rc = read_numbers(s, folder, domids, &domains);
    for (size_t i = 0; i < domains && rc == 0; i++) {
        snprintf(folder, sizeof folder, "backend/%s/%u", type, domids[i]);
        rc = read_numbers(s, folder, vdevs, &disks);
        for (size_t k = 0; k < disks && rc == 0; k++) {
            snprintf(folder, sizeof folder, "backend/%s/%u/%u", type, domids[i], vdevs[k]);
            rc = read_guest(s, folder, type, domids[i], vdevs[k]);
        }
    }
    return rc;
}

int read_xenstore(int fd, int limit_ms, struct arena *a, struct use_guest **out, size_t *n,
                  struct err *e)
{
    static const char *const types[] = { "vbd", "vbd3", "qdisk", "tap", "9pfs" };
    struct store s = { .fd = fd, .limit_ms = limit_ms, .a = a, .e = e };
    int rc = 0;

    s.deadline_ms = now_ms() + limit_ms;
    s.guests = arena_array(a, GUESTS_MAX, sizeof *s.guests);
    if (s.guests == NULL)
        return err_set(e, -ENOMEM, "out of memory while asking xenstore");
    for (size_t i = 0; i < ARRAY_LEN(types) && rc == 0; i++)
        rc = read_type(&s, types[i]);
    *out = s.guests;
    *n = s.n;
    return rc;
}
