/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a host has: itself, one NIC, and a filesystem on each of the LUNs that it sees. */
#include <errno.h>

#include "base/text.h"
#include "sim_internal.h"
#include "stock_rows.h"

static int system_row(const struct host *h, struct arena *a, struct section *out)
{
    struct system *row = arena_zalloc(a, sizeof *row);

    if (row == NULL)
        return -ENOMEM;
    REC_SET(row, system, hostname, h->name);
    REC_SET(row, system, product_uuid, h->uuid);
    out->rows = row;
    out->row_count = 1;
    return 0;
}

static int cpu_row(struct arena *a, struct section *out)
{
    struct cpu *row = arena_zalloc(a, sizeof *row);

    if (row == NULL)
        return -ENOMEM;
    REC_SET(row, cpu, vendor, "Simulated");
    out->rows = row;
    out->row_count = 1;
    return 0;
}

static int nic_row(const struct host *h, struct arena *a, struct section *out)
{
    struct nic *row = arena_zalloc(a, sizeof *row);

    if (row == NULL)
        return -ENOMEM;
    REC_SET(row, nic, name, "eth0");
    REC_SET(row, nic, mac, h->mac);
    REC_SET(row, nic, admin_up, true);
    REC_SET(row, nic, carrier, true);
    REC_SET(row, nic, paths_active, 1);
    REC_SET(row, nic, paths_total, 1);
    out->rows = row;
    out->row_count = 1;
    return 0;
}

static int lun_rows(const struct sim *s, const struct host *h, struct arena *a, struct section *out)
{
    struct lun *rows = arena_array(a, HOST_LUNS + GROUP_LUNS, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    out->rows = rows;
    for (unsigned i = 0; i < HOST_LUNS; i++) {
        if ((h->luns >> i & 1) != 0)
            stock_lun_row(i, a, &rows[out->row_count++]);
    }
    for (unsigned i = 0; s->group != NULL && !h->lost_luns && i < GROUP_LUNS; i++)
        stock_lun_row(s->o.luns + i, a, &rows[out->row_count++]);
    return 0;
}

static int filesystem_rows(const struct host *h, struct arena *a, struct section *out)
{
    struct filesystem *rows = arena_array(a, HOST_LUNS, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    out->rows = rows;
    for (unsigned i = 0; i < HOST_LUNS; i++) {
        if ((h->luns >> i & 1) != 0)
            stock_filesystem_row(i, a, &rows[out->row_count++]);
    }
    return 0;
}

static void use_row(const struct mount *m, unsigned disk, struct arena *a, struct use *row)
{
    bool scan = m->kind == MOUNT_SCAN;

    REC_SET(row, use, kind, scan ? "scan" : "mount");
    REC_SET(row, use, container, arena_printf(a, "naa.600140500000%04u", disk));
    REC_SET(row, use, device, arena_printf(a, "dm-%u", disk));
    REC_SET(row, use, used_by,
            scan ? arena_printf(a, "%llu", (unsigned long long)m->token)
                 : arena_printf(a, "/srv/%u", disk));
    REC_SET(row, use, key, arena_printf(a, "%s/253:%u/%s", row->kind, disk, row->used_by));
    REC_SET(row, use, read_only, scan);
}

static int use_rows(const struct sim *s, const struct host *h, struct arena *a, struct section *out)
{
    struct use *rows = arena_array(a, s->o.luns, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    out->rows = rows;
    for (unsigned i = 0; i < s->o.luns; i++) {
        const struct mount *m = disk_mount_of(&s->disks[i], h);

        if (m != NULL)
            use_row(m, i, a, &rows[out->row_count++]);
    }
    return 0;
}

static int section_rows(const struct sim *s, const struct host *h, struct arena *a,
                        struct section *out)
{
    out->status = SECTION_OK;
    switch (out->id) {
    case SECTION_SYSTEM:
        return system_row(h, a, out);
    case SECTION_CPU:
        return cpu_row(a, out);
    case SECTION_NICS:
        return nic_row(h, a, out);
    case SECTION_LUNS:
        return lun_rows(s, h, a, out);
    case SECTION_FILESYSTEMS:
        return filesystem_rows(h, a, out);
    case SECTION_USES:
        if (s->stage.blind == h) {
            out->status = SECTION_FAILED;
            out->status_text = "what is used cannot be found out";
            return 0;
        }
        return use_rows(s, h, a, out);
    default:
        out->status = SECTION_ABSENT;
        out->status_text = "a simulated host has none";
        return 0;
    }
}

int stock_sections(const struct sim *s, const struct host *h, enum worker_kind kind,
                   struct arena *a, struct section *out, size_t *count)
{
    uint32_t set = worker_kind_sections(kind);
    int rc = 0;

    if (kind == WORKER_LVM && s->group != NULL)
        return group_sections(s, h, a, out, count);
    *count = 0;
    for (int i = 0; rc == 0 && i < SECTION_COUNT; i++) {
        struct section *o = &out[*count];

        if ((set >> i & 1) == 0)
            continue;
        *o = (struct section){ .id = (enum section_id)i };
        rc = section_rows(s, h, a, o);
        if (rc == 0)
            rc = section_normalise(o, a, NULL);
        ++*count;
    }
    return rc;
}
