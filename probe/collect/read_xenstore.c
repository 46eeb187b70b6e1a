/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What xenstore knows of the disks of guests. */
#include <errno.h>
#include <stdio.h>

#include "collect/read_uses.h"
#include "collect/xenstore.h"

enum { GUESTS_MAX = 4096 };

struct store {
    struct xenstore x;
    struct use_guest *guests;
    size_t n;
};

static int read_value(struct store *s, const char *folder, const char *name, struct bytes *out)
{
    char path[XENSTORE_PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return xenstore_value(&s->x, path, out);
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
        return err_set(s->x.e, -E2BIG, "xenstore has more than %d disks of guests", GUESTS_MAX);
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
    uint8_t names[XENSTORE_PAYLOAD_MAX];
    struct bytes rest = { names, 0 }, word;
    int rc = xenstore_ask(&s->x, XENSTORE_LIST, folder, names, &rest.n);

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
    uint32_t domids[XENSTORE_PAYLOAD_MAX / 2 + 1], vdevs[XENSTORE_PAYLOAD_MAX / 2 + 1];
    size_t domains = 0, disks = 0;
    char folder[XENSTORE_PATH_BYTES / 2];
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
    struct store s = { .n = 0 };
    int rc = 0;

    xenstore_start(&s.x, fd, limit_ms, a, e);
    s.guests = arena_array(a, GUESTS_MAX, sizeof *s.guests);
    if (s.guests == NULL)
        return err_set(e, -ENOMEM, "out of memory while asking xenstore");
    for (size_t i = 0; i < ARRAY_LEN(types) && rc == 0; i++)
        rc = read_type(&s, types[i]);
    *out = s.guests;
    *n = s.n;
    return rc;
}
