/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LVM's full report, then a NUL byte and the report of duplicates. */
#include "collect/parse_lvm.h"
#include "fuzz.h"

static void run(struct bytes report, struct bytes duplicates, bool device_mapper)
{
    static const struct lvm_device devices[] = {
        { "/dev/loop0", "loop0", "7:0", "serial.A" },
        { "/dev/loop1", "loop1", "7:1", "lv.B" },
        { "/dev/loop4", "loop4", NULL, NULL },
    };
    struct arena *a = arena_new(64u << 20);
    struct lvm_input in = { report, duplicates, devices, ARRAY_LEN(devices), device_mapper };
    struct lvm_rows rows;
    struct err e = { "" };
    int rc = parse_lvm(&in, a, &rows, &e);

    result_is_good(rc, &e);
    if (rc == 0) {
        rows_are_good(a, SECTION_PVS, rows.pvs, rows.pv_count);
        rows_are_good(a, SECTION_VGS, rows.vgs, rows.vg_count);
        rows_are_good(a, SECTION_LVS, rows.lvs, rows.lv_count);
    }
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size == 0 ? NULL : memchr(data, 0, size);
    size_t n = nul == NULL ? size : (size_t)(nul - data);
    struct bytes report = { data, n };
    struct bytes duplicates = { data + n, 0 };

    if (nul != NULL)
        duplicates = (struct bytes){ nul + 1, size - n - 1 };
    run(report, duplicates, size % 2 == 1);
    return 0;
}
