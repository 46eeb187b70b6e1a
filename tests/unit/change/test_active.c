/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which LV is activated, and when it is active. */
#include <criterion/criterion.h>
#include <errno.h>

#include "change/parse_active.h"

#define GROUP  "aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg"
#define ROOT   "rrrrrr-oooo-oooo-tttt-rrrr-oooo-tttttt"
#define PREFIX "LVM-aaaaaabbbbccccddddeeeeffffgggggg"
#define DEVICE PREFIX "rrrrrroooooooottttrrrrooootttttt"

static struct lv lv;
static struct vg vg;
static struct lvm_rows rows;
static struct lvm_order order;
#define TABLE "0 8192 linear 8:0 2048\n"
static struct lvm_table tables[] = { { ROOT, TABLE } };

static const char *const roles[] = { "origin" };

static void set_up(void)
{
    memset(&lv, 0, sizeof lv);
    memset(&vg, 0, sizeof vg);
    memset(&order, 0, sizeof order);
    REC_SET(&vg, vg, uuid, GROUP);
    REC_SET(&vg, vg, name, "fast");
    REC_SET(&vg, vg, seqno, 7);
    REC_SET(&lv, lv, uuid, ROOT);
    REC_SET(&lv, lv, name, "root");
    REC_SET(&lv, lv, vg_uuid, GROUP);
    REC_SET(&lv, lv, type, "linear");
    REC_SET(&lv, lv, attr, "-wi-a-----");
    REC_SET(&lv, lv, active, true);
    REC_SET(&lv, lv, paths_active, 1);
    REC_SET(&lv, lv, paths_total, 1);
    rows = (struct lvm_rows){
        .vgs = &vg, .vg_count = 1, .lvs = &lv, .lv_count = 1, .tables = { tables, 1 }
    };
    REC_SET(&order, lvm_order, vg, "fast");
    REC_SET(&order, lvm_order, vg_uuid, GROUP);
    REC_SET(&order, lvm_order, seqno, 7);
    REC_SET(&order, lvm_order, lv, "root");
    REC_SET(&order, lvm_order, lv_uuid, ROOT);
}

TestSuite(active, .init = set_up);

static int find(void)
{
    const struct lv *found;
    struct err e;

    return active_find(&order, &rows, &found, &e);
}

Test(active, it_is_found_as_it_was_when_it_was_ordered)
{
    cr_expect_eq(find(), 0);
    vg.seqno = 8;
    cr_expect_eq(find(), 0, "a newer version has it too");
    vg.seqno = 6;
    cr_expect_eq(find(), -EAGAIN, "an older one was read too early");
}

Test(active, another_is_refused)
{
    lv.name = "other";
    cr_expect_eq(find(), -EINVAL, "it has another name now");
    lv.name = "root";
    lv.uuid = GROUP;
    cr_expect_eq(find(), -EINVAL, "another has its name");
    lv.uuid = ROOT;
    lv.type = "thin";
    cr_expect_eq(find(), -EINVAL);
    lv.type = "striped";
    cr_expect_eq(find(), 0);
    lv.role = (struct strs){ roles, 1 };
    cr_expect_eq(find(), -EINVAL, "it has a snapshot");
    lv.role.n = 0;
    lv.paths_active = 0;
    cr_expect_eq(find(), -EINVAL, "a PV is missing");
    rows.vg_count = 0;
    cr_expect_eq(find(), -EINVAL);
}

static bool is_done(const char *uuid, const char *table, bool suspended)
{
    const struct dm_text map = { .name = bytes_of("fast-root"),
                                 .uuid = bytes_of(uuid),
                                 .table = bytes_of(table),
                                 .suspended = suspended };

    return active_is_done(&lv, &rows.tables, uuid, &map);
}

Test(active, what_has_snapshots_has_layers)
{
    cr_expect(active_is_layer(DEVICE "-real"), "an origin");
    cr_expect(active_is_layer(DEVICE "-cow"), "a snapshot");
    cr_expect_not(active_is_layer(DEVICE));
    cr_expect_not(active_is_layer(DEVICE "-tpool"));
    cr_expect_not(active_is_layer("crypt-real"), "no LV's");
}

Test(active, it_is_active_when_its_device_is_as_the_metadata_say)
{
    cr_expect(is_done(DEVICE, TABLE, false));
    cr_expect_not(is_done(DEVICE, TABLE, true), "suspended");
    cr_expect_not(is_done(DEVICE "-real", TABLE, false), "a layer of it");
    cr_expect_not(is_done(PREFIX "xrrrrroooooooottttrrrrooootttttt", TABLE, false), "another LV's");
    cr_expect_not(is_done(DEVICE, "0 8192 linear 8:0 4096\n", false), "another table");
    cr_expect_not(is_done(DEVICE, "", false), "none");
    lv.attr = "-wi-XX----";
    cr_expect_not(is_done(DEVICE, TABLE, false), "LVM says that it is another");
    lv.attr = "-wi-a-----";
    lv.active = false;
    cr_expect_not(is_done(DEVICE, TABLE, false), "LVM knows nothing of it");
}
