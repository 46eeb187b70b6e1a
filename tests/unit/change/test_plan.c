/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an order and what there is to the commands of LVM. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "change/parse_name.h"
#include "change/parse_plan.h"

#define V  "VVVVVV-VVVV-VVVV-VVVV-VVVV-VVVV-VVVVVV"
#define L  "LLLLLL-LLLL-LLLL-LLLL-LLLL-LLLL-LLLLLL"
#define P0 "000000-0000-0000-0000-0000-0000-000000"
#define P1 "111111-1111-1111-1111-1111-1111-111111"

enum { MIB = 1 << 20, EXTENT = 4 * MIB };

static struct order_key key;
static struct lvm_order order;
static struct change_device devices[3];
static struct lvm_change change;
static struct change_label labels[3];
static struct pv pvs[3];
static struct vg vgs[1];
static struct lv lvs[2];
static struct lvm_rows rows;
static struct lvm_run runs[4];
static struct change_state state;
static struct change_plan plan;
static struct arena *arena;
static struct err fault;
static const char *const two[] = { P0, P1 }, *const on[] = { "c0", "c1", "c2" };
static const char *const mark[] = { "m" };

static void set_pv(size_t i, const char *uuid, const char *group)
{
    pvs[i] = (struct pv){ .present = 0 };
    REC_SET(&pvs[i], pv, uuid, uuid);
    if (group != NULL)
        REC_SET(&pvs[i], pv, vg_uuid, group);
}

static void set_lv(size_t i, const char *uuid, const char *name, uint64_t size, bool marked)
{
    lvs[i] = (struct lv){ .present = 0 };
    REC_SET(&lvs[i], lv, uuid, uuid);
    REC_SET(&lvs[i], lv, name, name);
    REC_SET(&lvs[i], lv, vg_uuid, V);
    REC_SET(&lvs[i], lv, size_bytes, size);
    if (marked)
        REC_SET(&lvs[i], lv, tags, ((struct strs){ mark, 1 }));
    rows.lv_count = i + 1;
}

/* vg0 of two PVs at version 5, with lv0 of two extents; the third device is empty. */
static void begin(enum lvm_op op)
{
    static const char *const names[] = { "sda", "sdb", "sdc" };

    arena_free(arena);
    arena = arena_new(0);
    key = (struct order_key){ .present = 0 };
    order = (struct lvm_order){ .present = 0 };
    change = (struct lvm_change){ .present = 0 };
    REC_SET(&order, lvm_order, order, &key);
    REC_SET(&order, lvm_order, op, op);
    REC_SET(&order, lvm_order, vg, "vg0");
    REC_SET(&order, lvm_order, vg_uuid, V);
    REC_SET(&order, lvm_order, seqno, 5);
    REC_SET(&order, lvm_order, mark, text_mark("d5"));
    REC_SET(&order, lvm_order, pvs, ((struct strs){ two, 2 }));
    REC_SET(&order, lvm_order, tag, "m");
    for (size_t i = 0; i < 3; i++) {
        devices[i] = (struct change_device){ .present = 0 };
        REC_SET(&devices[i], change_device, container, on[i]);
        REC_SET(&devices[i], change_device, device, names[i]);
        labels[i] = (struct change_label){ .pv_uuid = i < 2 ? two[i] : NULL };
        if (i < 2)
            REC_SET(&devices[i], change_device, pv_uuid, two[i]);
    }
    REC_SET(&change, lvm_change, order, &order);
    REC_SET(&change, lvm_change, devices, ((struct recs){ devices, 3 }));
    set_pv(0, P0, V);
    set_pv(1, P1, V);
    vgs[0] = (struct vg){ .present = 0 };
    REC_SET(&vgs[0], vg, uuid, V);
    REC_SET(&vgs[0], vg, name, "vg0");
    REC_SET(&vgs[0], vg, seqno, 5);
    REC_SET(&vgs[0], vg, metadata_digest, "d5");
    REC_SET(&vgs[0], vg, extent_bytes, EXTENT);
    REC_SET(&vgs[0], vg, lvs, 1);
    rows = (struct lvm_rows){ .pvs = pvs, .pv_count = 2, .vgs = vgs, .vg_count = 1, .lvs = lvs };
    set_lv(0, L, "lv0", 2 * EXTENT, false);
    runs[0] = (struct lvm_run){ P0, 2, 3, MIB + 2 * EXTENT };
    runs[1] = (struct lvm_run){ P0, 8, 10, MIB + 8 * EXTENT };
    runs[2] = (struct lvm_run){ P1, 0, 20, MIB };
    state = (struct change_state){
        .change = &change, .labels = labels, .rows = &rows, .runs = runs, .run_count = 3
    };
}

static void set_lv_order(const char *name, const char *uuid, uint64_t size)
{
    REC_SET(&order, lvm_order, lv, name);
    if (uuid != NULL)
        REC_SET(&order, lvm_order, lv_uuid, uuid);
    if (size != 0)
        REC_SET(&order, lvm_order, size_bytes, size);
}

static void set_containers(size_t first, size_t n)
{
    REC_SET(&order, lvm_order, containers, ((struct strs){ on + first, n }));
}

static void set_version(uint64_t seqno, const char *digest)
{
    REC_SET(&vgs[0], vg, seqno, seqno);
    REC_SET(&vgs[0], vg, metadata_digest, digest);
}

static void expect_done(const char *why)
{
    cr_expect_eq(change_check(&order, false, &fault), 0, "%s: %s", why, fault.text);
    cr_expect_eq(change_next(&state, arena, &plan, &fault), CHANGE_IS_DONE, "%s", why);
}

static void expect_command(const char *command, const char *why)
{
    int rc = change_check(&order, true, &fault);

    if (rc == 0)
        rc = change_next(&state, arena, &plan, &fault);
    cr_assert_eq(rc, CHANGE_TO_DO, "%s: %s", why, fault.text);
    if (command != NULL)
        cr_expect_str_eq(plan.command, command, "%s", why);
    else
        cr_expect_null(plan.command, "%s: %s", why, plan.command);
}

static void expect_refused(const char *text, const char *why)
{
    int rc = change_check(&order, false, &fault);

    if (rc == 0)
        rc = change_next(&state, arena, &plan, &fault);
    cr_expect_eq(rc, -EINVAL, "%s", why);
    cr_expect(strstr(fault.text, text), "%s: %s", why, fault.text);
}

Test(plan, a_new_lv_lies_where_it_is_put_and_is_wiped_there_before)
{
    begin(LVM_LV_CREATE);
    set_lv_order("new", NULL, 4 * EXTENT);
    set_containers(0, 2);
    expect_command("lvcreate -y -an -Zn -Wn -l 4 -n new --addtag 'm' vg0 /dev/sda:8-11",
                   "the first run that holds it");
    cr_assert_eq(plan.wipe_count, 2);
    cr_expect_eq(plan.wipes[0].start_bytes, MIB + 8ull * EXTENT);
    cr_expect_eq(plan.wipes[1].start_bytes, MIB + 12ull * EXTENT - MIB);
    cr_expect_eq(plan.wipes[0].size_bytes + plan.wipes[1].size_bytes, 2 * MIB);

    set_lv_order("new", NULL, 30ull * EXTENT);
    expect_command("lvcreate -y -an -Zn -Wn -l 30 -n new --addtag 'm' vg0 /dev/sda:2-4 "
                   "/dev/sda:8-17 /dev/sdb:0-16",
                   "runs in order");
    cr_expect_eq(plan.wipe_count, 6);
    set_containers(0, 1);
    expect_refused("13 are free", "on the first PV alone");
    set_containers(1, 1);
    set_lv_order("new", NULL, EXTENT + 512);
    expect_command("lvcreate -y -an -Zn -Wn -l 2 -n new --addtag 'm' vg0 /dev/sdb:0-1",
                   "a part of an extent is one");
    set_lv_order("new", NULL, UINT64_MAX - 5);
    expect_refused("more than volume group vg0 can have", "no size");
    set_lv_order("lv0", NULL, EXTENT);
    expect_refused("has a logical volume lv0 already", "its name is taken");
    set_lv_order("a_tdata", NULL, EXTENT);
    expect_refused("for itself", "a reserved name");
    set_lv_order("new", NULL, 20 * EXTENT);
    set_containers(0, 0);
    expect_command("lvcreate -y -an -Zn -Wn -l 20 -n new --addtag 'm' vg0 /dev/sdb:0-19",
                   "on whichever PV");
}

Test(plan, a_marked_lv_is_done_and_one_without_the_mark_is_somebody_elses)
{
    begin(LVM_LV_CREATE);
    set_lv_order("new", NULL, 4 * EXTENT);
    set_containers(0, 1);
    set_lv(1, "N", "new", 4 * EXTENT, true);
    set_version(6, "d6");
    expect_done("made by an earlier attempt");
    set_lv(1, "N", "new", 4 * EXTENT, false);
    expect_refused("version 6, not 5", "made by somebody else");
    set_lv(1, "N", "new", 3 * EXTENT, true);
    expect_refused("version 6, not 5", "marked, and of another size");
    set_lv(1, "N", "new", 4 * EXTENT, true);
    set_version(9, "d9");
    expect_refused("version 9, not 5", "too many versions for one change");
}

Test(plan, another_version_is_refused)
{
    begin(LVM_LV_EXTEND);
    set_lv_order("lv0", L, 5 * EXTENT);
    set_containers(0, 1);
    expect_command("lvextend -y -l 5 vg0/lv0 /dev/sda", "as decided");
    set_version(4, "d4");
    expect_refused("version 4, not 5 as when it was decided", "it has fallen");
    set_version(5, "other");
    expect_refused("another version 5", "split");
    set_version(6, "d6");
    expect_refused("version 6, not 5", "somebody else's change");
    set_lv(0, L, "lv0", 5 * EXTENT, false);
    expect_done("the version after, with what was asked for");
    set_version(5, "d5");
    expect_done("another attempt is ordered with the version that is known by then");
    set_lv(0, L, "lv0", 6 * EXTENT, false);
    expect_refused("bytes already", "it is larger");
}

Test(plan, other_pvs_are_refused)
{
    begin(LVM_LV_REDUCE);
    set_lv_order("lv0", L, EXTENT);
    expect_command("lvreduce -y -f -l 1 vg0/lv0", "as decided");
    REC_SET(&pvs[1], pv, missing, true);
    expect_refused("is missing", "one is not here");
    set_pv(1, "other", V);
    expect_refused("not one that it had", "one is another");
    rows.pv_count = 1;
    expect_refused("has 1 PVs here, not 2", "one is not there");
    rows.pv_count = 2;
    set_pv(1, P1, V);
    REC_SET(&pvs[1], pv, duplicate, true);
    expect_refused("two devices are the same PV", "a clone");
    set_pv(1, P1, V);
    REC_SET(&vgs[0], vg, exported, true);
    expect_refused("exported", "somebody else's");
    REC_SET(&vgs[0], vg, exported, false);
    REC_SET(&lvs[0], lv, active, true);
    expect_refused("is active on this node", "while it is active");
    REC_SET(&order, lvm_order, vg, "VG_XenStorage-1");
    expect_refused("belongs to xapi", "foreign");
}

Test(plan, lvs_are_removed_and_renamed)
{
    static const char *const origin[] = { "origin", "public" };

    begin(LVM_LV_REMOVE);
    set_lv_order("lv0", L, 0);
    expect_command("lvremove -y vg0/lv0", "as decided");
    REC_SET(&lvs[0], lv, role, ((struct strs){ origin, 2 }));
    expect_refused("has snapshots", "LVM would remove them too");
    rows.lv_count = 0;
    expect_done("it is gone");
    set_version(6, "d6");
    expect_done("it is gone, at the next version");
    set_version(4, "d4");
    expect_refused("version 4, not 5", "of metadata that were written back");

    begin(LVM_LV_RENAME);
    set_lv_order("lv0", L, 0);
    REC_SET(&order, lvm_order, new_name, "lv1");
    expect_command("lvrename -y vg0 lv0 lv1", "as decided");
    set_lv(1, "N", "lv1", EXTENT, false);
    expect_refused("has a logical volume lv1 already", "taken");
    rows.lv_count = 1;
    REC_SET(&lvs[0], lv, name, "other");
    expect_refused("is called other now", "by somebody else");
    REC_SET(&lvs[0], lv, name, "lv1");
    set_version(6, "d6");
    expect_done("by an earlier attempt");
}

#define JOIN "lvconvert -y -s -Zn vg0/lv0 vg0/s"

static void begin_snapshot(void)
{
    begin(LVM_LV_SNAPSHOT);
    set_lv_order("lv0", L, 4 * EXTENT);
    REC_SET(&order, lvm_order, new_name, "s");
    REC_SET(&lvs[0], lv, type, "linear");
    state.device_mapper = true;
}

static void set_store(bool marked, const char *origin)
{
    set_lv(1, "N", "s", 4 * EXTENT, marked);
    if (origin != NULL)
        REC_SET(&lvs[1], lv, origin, origin);
}

Test(plan, a_snapshot_is_made_of_a_store_that_was_wiped)
{
    begin_snapshot();
    cr_expect_eq(change_check(&order, false, &fault), -EINVAL);
    cr_expect(strstr(fault.text, "no device-mapper"), "%s", fault.text);
    expect_command("lvcreate -y -an -Zn -Wn -l 4 -n s --addtag 'm' vg0 /dev/sda:8-11",
                   "its store, as a new LV");
    cr_expect_str_eq(plan.mapping, JOIN);
    cr_expect_eq(plan.wipe_count, 2, "no snapshot that was there before is found in it");

    set_store(true, NULL);
    set_version(6, "d6");
    expect_command(NULL, "an earlier attempt has made the store");
    cr_expect_str_eq(plan.mapping, JOIN);
    set_version(9, "d9");
    cr_expect_eq(change_next(&state, arena, &plan, &fault), -EINVAL, "too many versions");
    set_version(6, "d6");
    set_store(false, NULL);
    cr_expect_eq(change_next(&state, arena, &plan, &fault), -EINVAL, "somebody else's LV");
    set_store(true, NULL);
    REC_SET(&lvs[1], lv, active, true);
    cr_expect_eq(change_next(&state, arena, &plan, &fault), -EINVAL, "somebody may write to it");
}

Test(plan, a_snapshot_is_done_when_its_origin_writes_through_it)
{
    begin_snapshot();
    set_store(true, "lv0");
    set_version(7, "d7");
    cr_expect_eq(change_next(&state, arena, &plan, &fault), CHANGE_IS_DONE);
    state.bare = true;
    expect_command(NULL, "a worker was killed between the metadata and the tables");
    cr_expect_str_eq(plan.mapping, "lvchange --refresh vg0/lv0");
    set_store(true, "other");
    cr_expect_eq(change_next(&state, arena, &plan, &fault), -EINVAL, "of another origin");
}

static void expect_no_snapshot(const char *text)
{
    cr_expect_eq(change_next(&state, arena, &plan, &fault), -EINVAL, "%s", text);
    cr_expect(strstr(fault.text, text), "%s", fault.text);
}

/* Somebody has activated the store that an earlier attempt has made. */
Test(plan, nothing_is_refused_while_a_store_is_left)
{
    struct err e = { "" };

    begin_snapshot();
    cr_expect_eq(change_not_made(&state), LVM_REFUSED);
    set_store(true, NULL);
    REC_SET(&lvs[1], lv, active, true);
    cr_expect_eq(change_next(&state, arena, &plan, &e), -EINVAL);
    cr_expect_not_null(strstr(e.text, "is active on this node"), "%s", e.text);
    cr_expect_eq(change_not_made(&state), LVM_FAILED);
}

Test(plan, not_everything_has_snapshots)
{
    static const char *const snapshot[] = { "public", "snapshot" };

    begin_snapshot();
    REC_SET(&lvs[0], lv, type, "raid1");
    expect_no_snapshot("is of type raid1");
    REC_SET(&lvs[0], lv, type, "linear");
    REC_SET(&lvs[0], lv, role, ((struct strs){ snapshot, 2 }));
    expect_no_snapshot("is a snapshot, of which there are none");
}

Test(plan, an_origin_keeps_its_size_while_it_has_snapshots)
{
    static const char *const origin[] = { "origin", "public" };

    begin(LVM_LV_EXTEND);
    set_lv_order("lv0", L, 5 * EXTENT);
    REC_SET(&lvs[0], lv, role, ((struct strs){ origin, 2 }));
    expect_refused("has snapshots", "their store is of its size");
    begin(LVM_LV_REDUCE);
    set_lv_order("lv0", L, EXTENT);
    REC_SET(&lvs[0], lv, role, ((struct strs){ origin, 2 }));
    expect_refused("has snapshots", "the same");
}

Test(plan, a_vg_is_made_of_pvs_of_its_own)
{
    char uuid[LVM_UUID_TEXT], want[160];

    begin(LVM_VG_CREATE);
    order.vg_uuid = NULL;
    order.seqno = 0;
    order.pvs = (struct strs){ NULL, 0 };
    set_containers(2, 1);
    rows.vg_count = rows.lv_count = rows.pv_count = 0;
    change_pv_uuid("m", "c2", uuid);
    snprintf(want, sizeof want, "pvcreate -y --norestorefile --uuid %s /dev/sdc", uuid);
    expect_command("vgcreate -y --setautoactivation n -s 4194304b --addtag 'm' vg0 /dev/sdc",
                   "of an empty device");
    cr_assert_eq(plan.before_count, 1);
    cr_expect_str_eq(plan.before[0], want);
    cr_expect_str_eq(plan.undo, "pvremove -y /dev/sdc");
    cr_expect_eq(plan.fresh_count, 1);

    REC_SET(&order, lvm_order, extent_bytes, 64 * MIB);
    expect_command("vgcreate -y --setautoactivation n -s 67108864b --addtag 'm' vg0 /dev/sdc",
                   "in extents as they are asked for");
    REC_SET(&order, lvm_order, extent_bytes, 3000);
    expect_refused("3000 bytes for an extent of volume group vg0 is neither", "no size for one");
    order.present &= ~(UINT64_C(1) << lvm_order_extent_bytes);

    labels[2].pv_uuid = uuid;
    expect_command("vgcreate -y --setautoactivation n -s 4194304b --addtag 'm' vg0 /dev/sdc",
                   "after an attempt");
    cr_assert_eq(plan.before_count, 2);
    cr_expect_str_eq(plan.before[0], "pvremove -y -ff /dev/sdc");

    set_pv(0, uuid, V);
    rows.pv_count = rows.vg_count = 1;
    set_version(1, "d1");
    expect_refused("there is a volume group vg0 already", "without the mark");
    REC_SET(&vgs[0], vg, tags, ((struct strs){ mark, 1 }));
    expect_done("with it");
}

Test(plan, pvs_come_and_go)
{
    char uuid[LVM_UUID_TEXT];

    begin(LVM_VG_EXTEND);
    set_containers(2, 1);
    expect_command("vgextend -y vg0 /dev/sdc", "an empty device");
    change_pv_uuid("m", "c2", uuid);
    labels[2].pv_uuid = uuid;
    set_pv(2, uuid, V);
    rows.pv_count = 3;
    set_version(6, "d6");
    expect_done("it is in it");
    set_containers(0, 1);
    set_version(5, "d5");
    rows.pv_count = 2;
    expect_refused("is a PV already", "of the same volume group");

    begin(LVM_VG_REDUCE);
    set_containers(1, 1);
    expect_command("vgreduce -y vg0 /dev/sdb", "one of two");
    cr_expect_str_eq(plan.after, "pvremove -y -ff /dev/sdb");
    REC_SET(&pvs[1], pv, extents_allocated, 3);
    expect_refused("is in use: 3 of its extents", "something lies on it");
    set_pv(1, P1, NULL);
    set_version(6, "d6");
    expect_command(NULL, "its label is left");
    cr_expect_str_eq(plan.after, "pvremove -y -ff /dev/sdb");
    labels[1].pv_uuid = NULL;
    rows.pv_count = 1;
    expect_done("nothing is left");

    begin(LVM_VG_REMOVE);
    expect_refused("has 1 logical volumes", "not empty");
    REC_SET(&vgs[0], vg, lvs, 0);
    expect_command("vgremove -y vg0", "empty");
    cr_expect_str_eq(plan.after, "pvremove -y -ff /dev/sda /dev/sdb");
    rows.vg_count = rows.lv_count = 0;
    set_pv(0, P0, NULL);
    set_pv(1, P1, NULL);
    labels[0].pv_uuid = NULL;
    expect_command(NULL, "a label is left");
    cr_expect_str_eq(plan.after, "pvremove -y -ff /dev/sdb");
    labels[1].pv_uuid = NULL;
    expect_done("nothing is left");
}

Test(plan, labels_are_what_they_must_be)
{
    char uuid[LVM_UUID_TEXT];

    begin(LVM_VG_EXTEND);
    set_containers(2, 1);
    cr_expect_eq(change_check_label(&change, 0, &labels[0], &fault), 0);
    cr_expect_eq(change_check_label(&change, 0, &labels[1], &fault), -EINVAL);
    cr_expect_eq(change_check_label(&change, 0, &(struct change_label){ NULL, NULL }, &fault),
                 -EINVAL, "no label");
    cr_expect_eq(change_check_label(&change, 2, &labels[2], &fault), 0, "empty");
    cr_expect_eq(change_check_label(&change, 2, &labels[0], &fault), -EINVAL, "a PV");
    cr_expect_eq(change_check_label(&change, 2, &(struct change_label){ NULL, "ext4" }, &fault),
                 -EINVAL);
    cr_expect(strstr(fault.text, "sdc is not empty: there is ext4 on it"), "%s", fault.text);
    change_pv_uuid("m", "c2", uuid);
    cr_expect_eq(change_check_label(&change, 2, &(struct change_label){ uuid, NULL }, &fault), 0);
    order.op = LVM_VG_REMOVE;
    cr_expect_eq(change_check_label(&change, 0, &(struct change_label){ NULL, NULL }, &fault), 0,
                 "removed by an earlier attempt");
    cr_expect_eq(change_check_label(&change, 0, &(struct change_label){ NULL, "xfs" }, &fault),
                 -EINVAL);
}

Test(plan, autoactivation_is_taken_away_once)
{
    begin(LVM_VG_AUTOACTIVATION_OFF);
    expect_command("vgchange -y --setautoactivation n vg0", "LVM may do it");
    REC_SET(&vgs[0], vg, autoactivation, true);
    expect_command("vgchange -y --setautoactivation n vg0", "and says so");
    REC_SET(&vgs[0], vg, autoactivation, false);
    expect_done("it is so already");
    set_version(6, "d6");
    expect_done("by an earlier attempt");
    set_version(9, "d9");
    expect_refused("has version 9", "who did that is not known");
}

Test(plan, a_size_is_whole_extents)
{
    begin(LVM_LV_EXTEND);
    set_lv_order("lv0", L, 3 * EXTENT - 1);
    expect_command("lvextend -y -l 3 vg0/lv0", "larger by a part of one");
    set_lv(0, L, "lv0", 3 * EXTENT, false);
    set_version(6, "d6");
    expect_done("an earlier attempt has made it so large");
    begin(LVM_LV_EXTEND);
    set_lv_order("lv0", L, 2 * EXTENT - 1);
    expect_done("it is so large");
}
