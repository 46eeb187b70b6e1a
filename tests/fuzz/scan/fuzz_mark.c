/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Superblocks and journals: a byte that says which type is looked for, then sectors of the device,
 * each behind two bytes that say where it is; what is in none is zeros. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "scan/parse_mark.h"
#include "../target.h"

enum { SECTOR = 512, RECORD = 2 + SECTOR, SECTORS = 1 << 16, READS_MOST = 1 << 18 };

static const char *const types[] = { "ext4", "xfs", "btrfs", "vfat", "iso9660" };

struct device {
    struct bytes sectors;
    size_t reads;
};

static void bad(const char *what)
{
    fprintf(stderr, "bad: %s\n", what);
    abort();
}

static int read_device(void *ctx, uint64_t at, size_t n, uint8_t *out)
{
    struct device *d = ctx;

    if (at % SECTOR != 0 || n % SECTOR != 0 || n == 0)
        bad("half a sector");
    if (at > SECTORS * SECTOR || n > SECTORS * SECTOR - at)
        return -EBADMSG;
    if (++d->reads > READS_MOST)
        bad("no end of reads");
    memset(out, 0, n);
    for (size_t i = 0; i + RECORD <= d->sectors.n; i += RECORD) {
        uint64_t place = bytes_le(d->sectors, i, 2) * SECTOR;

        if (place >= at && place < at + n)
            memcpy(out + (place - at), d->sectors.p + i + 2, SECTOR);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct device d = { .reads = 0 }, again;
    static struct fs_mark m, n;
    struct err e = { "" };
    int rc;

    if (size == 0)
        return 0;
    d.sectors = (struct bytes){ data + 1, size - 1 };
    again = d;
    rc = parse_mark(types[data[0] % ARRAY_LEN(types)], read_device, &d, &m, &e);
    if (rc < 0 && (rc != -EBADMSG || e.text[0] == '\0'))
        bad("answer");
    if (rc == 0 && m.dirty == NULL && m.dirty_replayed != NULL)
        bad("a replay makes it worse");
    if (rc == 0 && (m.n == 0 || m.n > sizeof m.bytes))
        bad("mark");
    if (rc == 0 &&
        (parse_mark(types[data[0] % ARRAY_LEN(types)], read_device, &again, &n, &e) != 0 ||
         !mark_equal(&m, &n)))
        bad("it is not what it was");
    return 0;
}
