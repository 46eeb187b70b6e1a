/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stock_rows.h"

static const uint64_t lun_bytes = UINT64_C(1) << 30;

void stock_lun_row(unsigned i, struct arena *a, struct lun *row)
{
    REC_SET(row, lun, key, arena_printf(a, "naa.600140500000%04u", i));
    REC_SET(row, lun, wwid, row->key);
    REC_SET(row, lun, transport, "fc");
    REC_SET(row, lun, size_bytes, lun_bytes);
    REC_SET(row, lun, device, arena_printf(a, "dm-%u", i));
    REC_SET(row, lun, devnum, arena_printf(a, "253:%u", i));
    REC_SET(row, lun, state, "ok");
    REC_SET(row, lun, paths_active, 2);
    REC_SET(row, lun, paths_total, 2);
}

void stock_filesystem_row(unsigned i, struct arena *a, struct filesystem *row)
{
    REC_SET(row, filesystem, container, arena_printf(a, "naa.600140500000%04u", i));
    REC_SET(row, filesystem, device, arena_printf(a, "dm-%u", i));
    REC_SET(row, filesystem, type, "ext4");
    REC_SET(row, filesystem, usage, "filesystem");
    REC_SET(row, filesystem, uuid, arena_printf(a, "aaaaaaaa-0000-4000-8000-00000000%04u", i));
    REC_SET(row, filesystem, size_bytes, lun_bytes);
    REC_SET(row, filesystem, state, "clean");
    REC_SET(row, filesystem, paths_active, 2);
    REC_SET(row, filesystem, paths_total, 2);
}
