/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the rows of the inventory to what a scan's worker is to look at. */
#include <criterion/criterion.h>
#include <errno.h>

#include "scan_target.h"

static struct filesystem filesystems[4];
static struct lun luns[2];
static struct partition partitions[1];
static struct path paths[5];
static struct lv lvs[1];
static struct pv pvs[2];
static struct section sections[SECTION_COUNT];

static void set_rows(enum section_id id, void *rows, size_t n)
{
    sections[id] = (struct section){ .id = id, .rows = rows, .row_count = n };
}

static void add_path(size_t i, const char *device, const char *lun, const char *address,
                     bool active)
{
    paths[i] = (struct path){ .present = 0 };
    REC_SET(&paths[i], path, device, device);
    REC_SET(&paths[i], path, lun, lun);
    REC_SET(&paths[i], path, address, address);
    REC_SET(&paths[i], path, active, active);
}

static void add_fs(size_t i, const char *container, const char *device)
{
    filesystems[i] = (struct filesystem){ .present = 0 };
    REC_SET(&filesystems[i], filesystem, container, container);
    REC_SET(&filesystems[i], filesystem, device, device);
    REC_SET(&filesystems[i], filesystem, type, "ext4");
    REC_SET(&filesystems[i], filesystem, uuid, "u");
}

static void add_lun(size_t i, const char *key, const char *by, const char *device)
{
    luns[i] = (struct lun){ .present = 0 };
    REC_SET(&luns[i], lun, key, key);
    REC_SET(&luns[i], lun, wwid, key);
    REC_SET(&luns[i], lun, identified_by, by);
    REC_SET(&luns[i], lun, device, device);
    REC_SET(&luns[i], lun, devnum, "253:1");
    REC_SET(&luns[i], lun, size_bytes, 1000);
}

static void make(void)
{
    static const char *const on[] = { "P1", "P2" };

    add_fs(0, "naa.1", "dm-1");
    add_fs(1, "naa.1-part2", "dm-2");
    add_fs(2, "lv.L", "dm-9");
    add_fs(3, "serial.5", "vda");
    add_lun(0, "naa.1", "naa", "dm-1");
    add_lun(1, "serial.5", "serial", "vda");
    add_path(0, "sda", "naa.1", "1:0:0:1", true);
    add_path(1, "sdb", "naa.1", "2:0:0:1", true);
    add_path(2, "sdc", "naa.1", "3:0:0:1", false);
    add_path(3, "vda", "serial.5", "0", true);
    add_path(4, "sdd", "naa.2", "1:0:0:2", true);
    REC_SET(&partitions[0], partition, key, "naa.1-part2");
    REC_SET(&partitions[0], partition, container, "naa.1");
    REC_SET(&partitions[0], partition, device, "dm-2");
    REC_SET(&partitions[0], partition, devnum, "253:2");
    REC_SET(&partitions[0], partition, size_bytes, 500);
    REC_SET(&lvs[0], lv, uuid, "L");
    REC_SET(&lvs[0], lv, device, "dm-9");
    REC_SET(&lvs[0], lv, devnum, "253:9");
    REC_SET(&lvs[0], lv, size_bytes, 700);
    REC_SET(&lvs[0], lv, pvs, ((struct strs){ on, 2 }));
    REC_SET(&pvs[0], pv, uuid, "P1");
    REC_SET(&pvs[0], pv, container, "naa.1-part2");
    REC_SET(&pvs[1], pv, uuid, "P2");
    REC_SET(&pvs[1], pv, container, "gone");
    set_rows(SECTION_FILESYSTEMS, filesystems, ARRAY_LEN(filesystems));
    set_rows(SECTION_LUNS, luns, ARRAY_LEN(luns));
    set_rows(SECTION_PARTITIONS, partitions, ARRAY_LEN(partitions));
    set_rows(SECTION_PATHS, paths, ARRAY_LEN(paths));
    set_rows(SECTION_LVS, lvs, ARRAY_LEN(lvs));
    set_rows(SECTION_PVS, pvs, ARRAY_LEN(pvs));
}

static const struct section *get(const void *ctx, enum section_id id)
{
    (void)ctx;
    return &sections[id];
}

static int target(const char *container, const char *uuid, struct scan_order *out)
{
    static struct arena *a;
    struct err e;

    arena_free(a);
    a = arena_new(0);
    *out = (struct scan_order){ .present = 0 };
    return scan_target(get, NULL, &(struct scan_what){ container, "ext4", uuid }, a, out, &e);
}

static void is(const struct scan_order *o, const char *device, const char *devnum, uint64_t bytes,
               size_t asked)
{
    cr_expect_str_eq(o->device, device);
    cr_expect_str_eq(o->devnum, devnum);
    cr_expect_eq(o->size_bytes, bytes);
    cr_assert_eq(o->paths.n, asked);
    if (asked > 0)
        cr_expect_str_eq(o->paths.v[0], "sda naa.1");
    if (asked > 1)
        cr_expect_str_eq(o->paths.v[1], "sdb naa.1");
}

Test(scan_target, of_each_kind_of_container)
{
    struct scan_order o;

    make();
    cr_assert_eq(target("naa.1", "u", &o), 0);
    is(&o, "dm-1", "253:1", 1000, 2);
    cr_assert_eq(target("naa.1-part2", "u", &o), 0);
    is(&o, "dm-2", "253:2", 500, 2);
    cr_assert_eq(target("lv.L", "u", &o), 0);
    is(&o, "dm-9", "253:9", 700, 2);
    cr_assert_eq(target("serial.5", "u", &o), 0);
    is(&o, "vda", "253:1", 1000, 0);
}

Test(scan_target, what_is_not_here)
{
    struct scan_order o;

    make();
    cr_expect_eq(target("naa.7", "u", &o), -ENOENT);
    cr_expect_eq(target("naa.1", "other", &o), -ENOENT);
    cr_expect_eq(target(NULL, "u", &o), -ENOENT);
    cr_expect_eq(target("naa.1", NULL, &o), -ENOENT);
}
