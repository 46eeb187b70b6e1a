/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PVs, VGs and LVs on the devices that the caller names. */
#include <errno.h>

#include "collect/read.h"
#include "collect/read_lvm.h"

static const enum section_id ids[] = { SECTION_PVS, SECTION_VGS, SECTION_LVS };

bool read_lvm_device_mapper(const char *sys_root)
{
    const struct collect_request req = { .sys_root = sys_root };
    struct arena *a = arena_new(1u << 20);
    char path[READ_PATH_MAX];
    struct bytes rest, line;
    bool found = false;

    if (a != NULL && read_path(&req, path, "/proc/misc")) {
        rest = read_file(a, path, 64u << 10, NULL);
        while (!found && bytes_line(&rest, &line)) {
            line = bytes_trim(line);
            found = line.n > 14 && memcmp(line.p + line.n - 14, " device-mapper", 14) == 0;
        }
    }
    arena_free(a);
    return found;
}

static void set_all(struct section *out, enum section_status status, const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        out[i] = (struct section){ .id = ids[i], .status = status, .status_text = text };
}

int collect_lvm(const char *sys_root, const struct lvm_device *devices, size_t n, struct arena *a,
                struct section *out, size_t *count, struct lvm_tables *tables, struct err *e)
{
    struct rows r = { .a = a };
    struct err fault = { "" };
    struct lvm_rows rows;
    struct lvm_input in;
    const char *trouble, *text;
    int rc = read_lvm(devices, n, read_lvm_device_mapper(sys_root), a, &in, &trouble, &fault);

    if (rc == 0)
        rc = parse_lvm(&in, a, &rows, &fault);
    text = rows_text(&r, bytes_of(rc == 0 ? trouble : fault.text));
    if (rc == -ENOMEM || r.failed)
        return err_set(e, -ENOMEM, "%s", fault.text[0] == '\0' ? "out of memory" : fault.text);
    *count = ARRAY_LEN(ids);
    set_all(out,
            rc == 0               ? SECTION_OK
            : rc == READ_LVM_NONE ? SECTION_ABSENT
                                  : SECTION_FAILED,
            text);
    *tables = (struct lvm_tables){ .n = 0 };
    if (rc != 0)
        return 0;
    *tables = rows.tables;
    out[0].rows = rows.pvs;
    out[0].row_count = rows.pv_count;
    out[1].rows = rows.vgs;
    out[1].row_count = rows.vg_count;
    out[2].rows = rows.lvs;
    out[2].row_count = rows.lv_count;
    return 0;
}
