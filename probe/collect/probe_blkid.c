/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collect/probe_blkid.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { AMBIVALENT = -2, SIGNATURES_MAX = 64, PARTITIONS_MAX = 1024, SECTOR = 512 };

static const char *text_of(struct rows *r, blkid_probe pr, const char *name)
{
    const char *value;

    if (blkid_probe_lookup_value(pr, name, &value, NULL) != 0)
        return NULL;
    return rows_text(r, bytes_of(value));
}

/* 0 or -EIO. */
static int ask_best(struct rows *r, blkid_probe pr, struct label *out)
{
    int rc = blkid_do_safeprobe(pr);

    out->ambivalent = rc == AMBIVALENT;
    if (rc == 0) {
        out->type = text_of(r, pr, "TYPE");
        out->usage = text_of(r, pr, "USAGE");
        out->uuid = text_of(r, pr, "UUID");
        /* An external journal's own UUID. */
        if (out->uuid == NULL)
            out->uuid = text_of(r, pr, "LOGUUID");
        out->sub_uuid = text_of(r, pr, "UUID_SUB");
        out->label = text_of(r, pr, "LABEL");
        out->version = text_of(r, pr, "VERSION");
    }
    return rc < 0 && rc != AMBIVALENT ? -EIO : 0;
}

/* The safe probe stops at the first of some kinds; this tells all there is. */
static int ask_all(struct rows *r, blkid_probe pr, struct label *out)
{
    const char **found = rows_array(r, SIGNATURES_MAX, sizeof *found);
    size_t n = 0;
    int rc = 0;

    if (found == NULL)
        return 0;
    blkid_reset_probe(pr);
    while (n < SIGNATURES_MAX && (rc = blkid_do_probe(pr)) == 0)
        found[n++] = text_of(r, pr, "TYPE");
    out->signatures = rows_strs(found, n);
    return rc < 0 ? -EIO : 0;
}

static void fill_partition(struct rows *r, blkid_partition p, struct label_partition *out)
{
    const char *type = blkid_partition_get_type_string(p);

    out->number = (uint64_t)blkid_partition_get_partno(p);
    out->start_bytes = (uint64_t)blkid_partition_get_start(p) * SECTOR;
    out->size_bytes = (uint64_t)blkid_partition_get_size(p) * SECTOR;
    out->type = type != NULL ? rows_text(r, bytes_of(type))
                             : rows_printf(r, "0x%x", (unsigned)blkid_partition_get_type(p));
    out->uuid = rows_text(r, bytes_of(blkid_partition_get_uuid(p)));
    out->label = rows_text(r, bytes_of(blkid_partition_get_name(p)));
}

static int compare_partitions(const void *a, const void *b)
{
    const struct label_partition *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static int ask_partitions(struct rows *r, blkid_probe pr, struct label *out)
{
    struct label_partition *v;
    blkid_partlist list;
    blkid_parttable table;
    int n;

    blkid_reset_probe(pr);
    list = blkid_probe_get_partitions(pr);
    table = list == NULL ? NULL : blkid_partlist_get_table(list);
    if (table == NULL)
        return 0;
    out->table_type = rows_text(r, bytes_of(blkid_parttable_get_type(table)));
    out->table_uuid = rows_text(r, bytes_of(blkid_parttable_get_id(table)));
    n = blkid_partlist_numof_partitions(list);
    if (n > PARTITIONS_MAX)
        return -E2BIG;
    v = rows_array(r, (size_t)n, sizeof *v);
    if (v == NULL)
        return 0;
    for (int i = 0; i < n; i++)
        fill_partition(r, blkid_partlist_get_partition(list, i), &v[i]);
    if (n > 1)
        qsort(v, (size_t)n, sizeof *v, compare_partitions);
    out->partitions = v;
    out->partition_count = (size_t)n;
    return 0;
}

static int ask(struct rows *r, int fd, uint32_t sector_bytes, struct label *out, struct err *e)
{
    blkid_probe pr = blkid_new_probe();
    int rc;

    if (pr == NULL)
        return err_set(e, -ENOMEM, "out of memory while reading labels");
    if (blkid_probe_set_device(pr, fd, 0, 0) != 0 ||
        blkid_probe_set_sectorsize(pr, sector_bytes) != 0 ||
        blkid_probe_enable_superblocks(pr, 1) != 0 ||
        blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
                                                  BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE |
                                                  BLKID_SUBLKS_VERSION) != 0) {
        rc = -EIO;
    } else {
        rc = ask_best(r, pr, out);
        if (rc == 0)
            rc = ask_all(r, pr, out);
        if (rc == 0)
            rc = ask_partitions(r, pr, out);
    }
    blkid_free_probe(pr);
    if (rc == -E2BIG)
        return err_set(e, -EIO, "the partition table has more than %d partitions", PARTITIONS_MAX);
    if (rc < 0)
        return err_set(e, rc, "libblkid cannot read what was read of the device");
    return 0;
}

static int ask_superblock(int fd, struct label *out, struct err *e)
{
    struct bytes head = { NULL, LABEL_HEAD_BYTES };
    struct stat st;
    void *p;

    if (fstat(fd, &st) != 0)
        return err_set(e, -EIO, "cannot tell the size of what was read: %s", strerror(errno));
    if ((uint64_t)st.st_size < head.n)
        head.n = (size_t)st.st_size;
    p = head.n == 0 ? MAP_FAILED : mmap(NULL, head.n, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return err_set(e, -EIO, "cannot map what was read of the device: %s", strerror(errno));
    head.p = p;
    parse_superblock(out->type, head, &out->superblock);
    munmap(p, head.n);
    return 0;
}

int probe_blkid(int fd, uint32_t sector_bytes, struct arena *a, struct label *out, struct err *e)
{
    struct rows r = { .a = a };
    int rc;

    *out = (struct label){ .type = NULL };
    rc = ask(&r, fd, sector_bytes, out, e);
    if (rc == 0 && out->type != NULL)
        rc = ask_superblock(fd, out, e);
    if (rc == 0 && r.failed)
        rc = err_set(e, -ENOMEM, "out of memory while reading labels");
    return rc;
}
