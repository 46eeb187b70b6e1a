/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the rows of the inventory to the devices of a change. */
#include <criterion/criterion.h>
#include <errno.h>

#include "agent_target.h"

static struct lun luns[3];
static struct path paths[2];
static struct pv pvs[2];
static struct vg vgs[1];
static struct use uses[1];
static struct section sections[SECTION_COUNT];
static struct order_key key;
static struct lvm_order order;
static struct lvm_change out;
static struct err fault;
static struct arena *arena;
static const char *const two[] = { "P0", "P1" }, *const third[] = { "naa.2" };

static void set_rows(enum section_id id, void *rows, size_t n)
{
    sections[id] = (struct section){ .id = id, .rows = rows, .row_count = n };
}

static const struct section *get(const void *ctx, enum section_id id)
{
    (void)ctx;
    return &sections[id];
}

/* vg0 of P0 and P1 on two LUNs; the third is empty. */
static void begin(enum lvm_op op)
{
    static const char *const keys[] = { "naa.0", "naa.1", "naa.2" };
    static const char *const devices[] = { "dm-0", "dm-1", "sdz" };

    arena_free(arena);
    arena = arena_new(0);
    memset(sections, 0, sizeof sections);
    for (size_t i = 0; i < 3; i++) {
        luns[i] = (struct lun){ .present = 0 };
        REC_SET(&luns[i], lun, key, keys[i]);
        REC_SET(&luns[i], lun, wwid, keys[i]);
        REC_SET(&luns[i], lun, identified_by, "naa");
        REC_SET(&luns[i], lun, device, devices[i]);
        REC_SET(&luns[i], lun, devnum, "253:1");
        REC_SET(&luns[i], lun, size_bytes, 1000 + i);
    }
    for (size_t i = 0; i < 2; i++) {
        pvs[i] = (struct pv){ .present = 0 };
        REC_SET(&pvs[i], pv, uuid, two[i]);
        REC_SET(&pvs[i], pv, container, keys[i]);
        REC_SET(&pvs[i], pv, vg_uuid, "V");
        paths[i] = (struct path){ .present = 0 };
        REC_SET(&paths[i], path, device, i == 0 ? "sda" : "sdb");
        REC_SET(&paths[i], path, lun, "naa.1");
        REC_SET(&paths[i], path, address, "1:0:0:1");
        REC_SET(&paths[i], path, active, true);
    }
    vgs[0] = (struct vg){ .present = 0 };
    REC_SET(&vgs[0], vg, uuid, "V");
    REC_SET(&vgs[0], vg, name, "vg0");
    uses[0] = (struct use){ .present = 0 };
    REC_SET(&uses[0], use, kind, "dm");
    REC_SET(&uses[0], use, type, "LVM");
    REC_SET(&uses[0], use, container, "naa.1");
    set_rows(SECTION_LUNS, luns, 3);
    set_rows(SECTION_PATHS, paths, 2);
    set_rows(SECTION_PVS, pvs, 2);
    set_rows(SECTION_VGS, vgs, 1);
    set_rows(SECTION_USES, uses, 1);
    key = (struct order_key){ .task = 7, .job = 1, .attempt = 1 };
    order = (struct lvm_order){ .present = 0 };
    REC_SET(&order, lvm_order, order, &key);
    REC_SET(&order, lvm_order, op, op);
    REC_SET(&order, lvm_order, vg, "vg0");
    REC_SET(&order, lvm_order, vg_uuid, "V");
    REC_SET(&order, lvm_order, pvs, ((struct strs){ two, 2 }));
    REC_SET(&order, lvm_order, tag, "m");
    out = (struct lvm_change){ .present = 0 };
}

static int target(const struct lvm_change *earlier)
{
    return change_target(get, NULL, &order, earlier, arena, &out, &fault);
}

static void expect_declined(const char *text)
{
    cr_expect_eq(target(NULL), -ENOENT, "%s", text);
    cr_expect(strstr(fault.text, text), "%s", fault.text);
}

Test(change_target, all_pvs_and_those_that_are_to_become_some)
{
    const struct change_device *d;

    begin(LVM_VG_EXTEND);
    REC_SET(&order, lvm_order, containers, ((struct strs){ third, 1 }));
    cr_assert_eq(target(NULL), 0, "%s", fault.text);
    cr_assert_eq(out.devices.n, 3);
    d = out.devices.v;
    cr_expect_str_eq(d[0].device, "dm-0");
    cr_expect_str_eq(d[0].pv_uuid, "P0");
    cr_expect_eq(d[0].paths.n, 0);
    cr_expect_str_eq(d[1].container, "naa.1");
    cr_expect_str_eq(d[1].devnum, "253:1");
    cr_expect_eq(d[1].size_bytes, 1001);
    cr_assert_eq(d[1].paths.n, 2);
    cr_expect_str_eq(d[1].paths.v[1], "sdb naa.1");
    cr_expect_str_eq(d[2].device, "sdz");
    cr_expect_null(d[2].pv_uuid);
}

Test(change_target, what_is_not_here_is_declined)
{
    static const char *const nowhere[] = { "naa.9" };

    begin(LVM_LV_CREATE);
    REC_SET(&pvs[1], pv, missing, true);
    expect_declined("does not see the PV P1");
    begin(LVM_LV_CREATE);
    REC_SET(&pvs[0], pv, duplicate, true);
    expect_declined("two devices that are the PV P0");
    begin(LVM_LV_CREATE);
    REC_SET(&order, lvm_order, containers, ((struct strs){ third, 1 }));
    expect_declined("no PV of volume group vg0 on naa.2");
    begin(LVM_VG_EXTEND);
    REC_SET(&order, lvm_order, containers, ((struct strs){ nowhere, 1 }));
    expect_declined("no LUN or partition naa.9");
    begin(LVM_LV_CREATE);
    REC_SET(&vgs[0], vg, uuid, "W");
    expect_declined("another volume group vg0");
}

Test(change_target, what_somebody_uses_is_declined)
{
    begin(LVM_LV_CREATE);
    REC_SET(&uses[0], use, kind, "xen");
    REC_SET(&uses[0], use, used_by, "3/xvda");
    expect_declined("naa.1 is in use on this node: xen 3/xvda");
    begin(LVM_VG_EXTEND);
    REC_SET(&order, lvm_order, containers, ((struct strs){ third, 1 }));
    REC_SET(&uses[0], use, container, "naa.2");
    expect_declined("naa.2 is in use");
}

Test(change_target, an_earlier_attempt_knows_where_a_pv_was)
{
    static struct change_device was[1];
    struct order_key then = { .task = 7, .job = 1, .attempt = 1 };
    struct lvm_order before = { .present = 0 };
    struct lvm_change earlier = { .present = 0 };

    begin(LVM_VG_REMOVE);
    set_rows(SECTION_PVS, pvs, 1);
    set_rows(SECTION_VGS, vgs, 0);
    key.attempt = 2;
    REC_SET(&was[0], change_device, container, "naa.1");
    REC_SET(&was[0], change_device, pv_uuid, "P1");
    REC_SET(&before, lvm_order, order, &then);
    REC_SET(&earlier, lvm_change, order, &before);
    REC_SET(&earlier, lvm_change, devices, ((struct recs){ was, 1 }));
    expect_declined("does not see the PV P1");
    cr_expect_eq(target(&earlier), 0, "%s", fault.text);
    cr_expect_eq(out.devices.n, 2);
    order.pvs.n = 1; /* as this node tells by now */
    cr_expect_eq(target(&earlier), 0, "%s", fault.text);
    cr_expect_eq(out.devices.n, 2);
    then.job = 2;
    cr_expect_eq(target(&earlier), 0);
    cr_expect_eq(out.devices.n, 1, "of another job it says nothing");
    order.pvs.n = 0;
    cr_expect_eq(target(&earlier), -ENOENT, "nothing at all");
}

Test(change_target, a_pv_that_was_taken_out_is_known_by_its_container)
{
    static const char *const second[] = { "naa.1" };
    static struct change_device was[1];
    struct order_key then = { .task = 7, .job = 1, .attempt = 1 };
    struct lvm_order before = { .present = 0 };
    struct lvm_change earlier = { .present = 0 };

    begin(LVM_VG_REDUCE);
    set_rows(SECTION_PVS, pvs, 1);
    order.pvs.n = 1;
    REC_SET(&order, lvm_order, containers, ((struct strs){ second, 1 }));
    REC_SET(&was[0], change_device, container, "naa.1");
    REC_SET(&was[0], change_device, pv_uuid, "P1");
    REC_SET(&before, lvm_order, order, &then);
    REC_SET(&earlier, lvm_change, order, &before);
    REC_SET(&earlier, lvm_change, devices, ((struct recs){ was, 1 }));
    expect_declined("there is no PV of volume group vg0 on naa.1");
    cr_assert_eq(target(&earlier), 0, "%s", fault.text);
    cr_assert_eq(out.devices.n, 2);
    cr_expect_str_eq(((const struct change_device *)out.devices.v)[1].pv_uuid, "P1");
}
