/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/parse_report_luns.h"

#include <errno.h>
#include <stdlib.h>

enum { HEAD = 8, ENTRY = 8, WELL_KNOWN = 0xc1 /* the first byte of such a LUN */ };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Four levels of two bytes, the first level lowest. */
static uint64_t lun_number(const uint8_t *p)
{
    uint64_t lun = 0;

    for (unsigned i = 0; i < ENTRY; i += 2)
        lun |= ((uint64_t)p[i] << 8 | p[i + 1]) << (8 * i);
    return lun;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

int parse_report_luns(struct bytes answer, uint64_t *out, size_t room)
{
    uint32_t length;
    size_t n = 0, kept = 0;

    if (answer.n < HEAD)
        return -EBADMSG;
    length = be32(answer.p);
    if (length % ENTRY != 0)
        return -EBADMSG;
    if (length > answer.n - HEAD)
        return -EOVERFLOW;
    for (const uint8_t *p = answer.p + HEAD; length > 0; p += ENTRY, length -= ENTRY) {
        if (p[0] == WELL_KNOWN)
            continue;
        if (n == room)
            return -EOVERFLOW;
        out[n++] = lun_number(p);
    }
    qsort(out, n, sizeof *out, by_number);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || out[i] != out[kept - 1])
            out[kept++] = out[i];
    }
    return (int)kept;
}
