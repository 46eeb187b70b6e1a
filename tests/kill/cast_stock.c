/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cast_stock.h"

#include <errno.h>

#include "base/limits.h"
#include "base/text.h"
#include "cast.h"
#include "stock_rows.h"

void stock_identity(uint32_t node, uuid128 id, struct arena *a, struct identity *out)
{
    char text[UUID_TEXT];

    *out = (struct identity){ 0 };
    REC_SET(out, identity, configured_id, arena_strdup(a, uuid_text(id, text)));
    REC_SET(out, identity, lowest_mac, arena_printf(a, "02:6b:00:00:00:%02x", node));
    REC_SET(out, identity, hostname, arena_printf(a, "cast-%u", node));
    REC_SET(out, identity, probe_version, MUSTER_VERSION);
    REC_SET(out, identity, source, "configured");
}

static int system_rows(const struct identity *who, struct arena *a, struct section *out)
{
    struct system *row = arena_zalloc(a, sizeof *row);

    if (row == NULL)
        return -ENOMEM;
    REC_SET(row, system, hostname, who->hostname);
    out->rows = row;
    out->row_count = 1;
    return 0;
}

static int lun_rows(struct arena *a, struct section *out)
{
    struct lun *rows = arena_array(a, CAST_FILESYSTEMS, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < CAST_FILESYSTEMS; i++)
        stock_lun_row(i, a, &rows[i]);
    out->rows = rows;
    out->row_count = CAST_FILESYSTEMS;
    return 0;
}

static int filesystem_rows(struct arena *a, struct section *out)
{
    struct filesystem *rows = arena_array(a, CAST_FILESYSTEMS, sizeof *rows);

    if (rows == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < CAST_FILESYSTEMS; i++)
        stock_filesystem_row(i, a, &rows[i]);
    out->rows = rows;
    out->row_count = CAST_FILESYSTEMS;
    return 0;
}

static int fill(const struct identity *who, struct arena *a, struct section *out)
{
    out->status = SECTION_OK;
    switch (out->id) {
    case SECTION_SYSTEM:
        return system_rows(who, a, out);
    case SECTION_LUNS:
        return lun_rows(a, out);
    case SECTION_FILESYSTEMS:
        return filesystem_rows(a, out);
    case SECTION_USES: /* none, which it must have said */
        return 0;
    default:
        out->status = SECTION_ABSENT;
        out->status_text = "this host is made up";
        return 0;
    }
}

int stock_inventory(const struct identity *who, enum worker_kind kind, struct arena *a,
                    struct section *out, size_t *count)
{
    uint32_t set = worker_kind_sections(kind);
    int rc = a == NULL ? -ENOMEM : 0;

    *count = 0;
    for (int i = 0; rc == 0 && i < SECTION_COUNT; i++) {
        if ((set >> i & 1) == 0)
            continue;
        out[*count] = (struct section){ .id = (enum section_id)i };
        rc = fill(who, a, &out[*count]);
        if (rc == 0)
            rc = section_normalise(&out[*count], a, NULL);
        ++*count;
    }
    return rc;
}

void stock_result(uint64_t die, struct scan_result *out, struct image *image)
{
    enum scan_outcome outcome = die < 85   ? SCAN_COMPLETE
                                : die < 92 ? SCAN_INCOMPLETE
                                           : SCAN_NOT_READ;

    REC_SET(image, image, path, die % 2 == 0 ? "/a.qcow2" : "/b.qcow2");
    REC_SET(image, image, format, "qcow2");
    REC_SET(out, scan_result, outcome, (uint64_t)outcome);
    REC_SET(out, scan_result, mounts, 1);
    REC_SET(out, scan_result, ms, 7);
    if (outcome != SCAN_COMPLETE)
        REC_SET(out, scan_result, reason, "the die has said so");
    if (outcome == SCAN_NOT_READ)
        REC_SET(out, scan_result, again, true);
    else
        REC_SET(out, scan_result, images, ((struct recs){ image, 1 }));
}
