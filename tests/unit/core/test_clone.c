/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Equal UUIDs in several containers: one conflict class until a node has seen both at once, then a
 * clone. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "disks.h"

#define L1   "naa.60014050000000000000000000000001"
#define L2   "naa.60014050000000000000000000000002"
#define L3   "naa.60014050000000000000000000000003"
#define UUID "5d1e7b0e-0d4f-4f0e-9d53-7a9b8f3d2c11"
#define PV   "Qq1Vb2-aaaa-bbbb-cccc-dddd-eeee-ffffff"

static struct life *l;
static struct machine a, b, c;

static void setup(void)
{
    l = life_new();
    machine_init(&a, l, 1);
    machine_init(&b, l, 2);
    machine_init(&c, l, 3);
    machine_join(&a);
    machine_join(&b);
    machine_join(&c);
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(clone, .init = setup, .fini = teardown);

/* A filesystem with UUID in each container; those of one list are reported together. */
static void see(struct machine *m, const char *x, const char *y, const char *z)
{
    const char *all[] = { x, y, z };
    struct filesystem rows[3] = { { 0 } };
    size_t n = 0;

    for (size_t i = 0; i < 3; i++) {
        if (all[i] == NULL)
            continue;
        REC_SET(&rows[n], filesystem, container, all[i]);
        REC_SET(&rows[n], filesystem, uuid, UUID);
        REC_SET(&rows[n], filesystem, usage, "filesystem");
        n++;
    }
    disks_report(m, SECTION_FILESYSTEMS, rows, n);
}

static const struct resource_info *fs(const char *container)
{
    static char key[600];

    snprintf(key, sizeof key, UUID "@%s", container);
    return disks_info(l, RESOURCE_FILESYSTEM, key);
}

static bool doubts(const struct resource_info *r, const char *part)
{
    return disks_doubts(r, part);
}

Test(clone, one_alone_is_in_no_class)
{
    see(&a, L1, NULL, NULL);
    cr_expect_null(fs(L1)->conflict_class);
    cr_expect_eq(fs(L1)->doubts.n, 0);
}

/* It may be one storage that two nodes reach under two names. */
Test(clone, two_nodes_two_containers)
{
    see(&a, L1, NULL, NULL);
    see(&b, L2, NULL, NULL);
    cr_expect_str_eq(fs(L1)->conflict_class, UUID);
    cr_expect_str_eq(fs(L2)->conflict_class, UUID);
    cr_expect(doubts(fs(L1), "may be the same storage as LUN " L2));
    cr_expect(doubts(fs(L2), "may be the same storage as LUN " L1));
    cr_expect_eq(durable_count_events(l->d, "fs.clone", NULL), 0);
    life_restart(l);
    cr_expect_str_eq(fs(L1)->conflict_class, UUID);
}

Test(clone, one_node_sees_both_at_once)
{
    see(&a, L1, NULL, NULL);
    see(&b, L2, NULL, NULL);
    see(&c, L1, L2, NULL);
    cr_expect_null(fs(L1)->conflict_class, "proven to be two");
    cr_expect_null(fs(L2)->conflict_class);
    cr_expect(doubts(fs(L1), "clone: the same filesystem UUID is in LUN " L1 " and in LUN " L2));
    cr_expect(doubts(fs(L2), "seen at once by m3"));
    cr_expect_eq(durable_count_events(l->d, "fs.clone", L1), 1);
    see(&a, L1, L2, NULL);
    cr_expect_eq(durable_count_events(l->d, "fs.clone", NULL), 1, "it is known");
    see(&c, NULL, NULL, NULL);
    see(&a, L1, NULL, NULL);
    cr_expect_null(fs(L1)->conflict_class, "what was proven stays proven");
    cr_expect(doubts(fs(L1), "clone:"));
    life_restart(l);
    cr_expect_null(fs(L1)->conflict_class);
    cr_expect(doubts(fs(L1), "clone:"));
}

/* First the one, then the other: that is what a LUN with a new name looks like. */
Test(clone, one_after_the_other_proves_nothing)
{
    see(&a, L1, NULL, NULL);
    see(&a, L2, NULL, NULL);
    cr_expect_str_eq(fs(L1)->conflict_class, UUID);
    cr_expect_str_eq(fs(L2)->conflict_class, UUID);
    cr_expect(doubts(fs(L2), "may be"));
}

/* 1 and 2 are two, and 2 and 3; 1 and 3 may still be one. */
Test(clone, sets_do_not_add_up)
{
    see(&a, L1, L2, NULL);
    see(&b, L2, L3, NULL);
    cr_expect_str_eq(fs(L1)->conflict_class, UUID);
    cr_expect_str_eq(fs(L3)->conflict_class, UUID);
    cr_expect_null(fs(L2)->conflict_class);
    cr_expect(doubts(fs(L1), "clone:") && doubts(fs(L1), "may be the same storage as LUN " L3));
    see(&c, L1, NULL, L3);
    cr_expect_null(fs(L1)->conflict_class);
    life_restart(l);
    cr_expect_null(fs(L3)->conflict_class);
}

Test(clone, a_set_grows_with_what_the_node_sees)
{
    see(&a, L1, L2, NULL);
    see(&a, L1, L2, L3);
    cr_expect_null(fs(L1)->conflict_class);
    cr_expect_null(fs(L3)->conflict_class);
    cr_expect_eq(resource_by_text(l->c, UUID "@" L1)->twin->set_count, 1);
    cr_expect_eq(durable_count_events(l->d, "fs.clone", "1 more"), 1);
}

/* A WWID and a serial number may be two names of one device, and local names are none. */
Test(clone, identifiers_of_two_kinds_prove_nothing)
{
    see(&a, L1, "serial.X", NULL);
    cr_expect_str_eq(fs(L1)->conflict_class, UUID);
    see(&b, "local.sda", L2, NULL);
    cr_expect_str_eq(fs(L2)->conflict_class, UUID);
    cr_expect(doubts(fs(L2), "LUN local.sda of m2"));
    cr_expect_eq(durable_count_events(l->d, "fs.clone", NULL), 0);
}

/* A label that shows through the partition and its LUN is one label. */
Test(clone, a_partition_is_no_clone_of_its_lun)
{
    see(&a, L1, L1 "-part1", NULL);
    cr_expect_str_eq(fs(L1)->conflict_class, UUID, "they are one storage");
    cr_expect_eq(fs(L1)->doubts.n, 0);
    cr_expect_eq(durable_count_events(l->d, "fs.clone", NULL), 0);
    see(&a, L1 "-part1", L1 "-part2", NULL);
    cr_expect(
        doubts(fs(L1 "-part1"), "clone: the same filesystem UUID is in partition " L1 "-part1"));
}

static void see_members(struct machine *m, const char *x, uint64_t id, const char *y, uint64_t id2)
{
    struct filesystem rows[2] = { { 0 } };

    for (int i = 0; i < 2; i++) {
        REC_SET(&rows[i], filesystem, container, i == 0 ? x : y);
        REC_SET(&rows[i], filesystem, uuid, UUID);
        REC_SET(&rows[i], filesystem, members, 2);
        REC_SET(&rows[i], filesystem, member_id, i == 0 ? id : id2);
    }
    disks_report(m, SECTION_FILESYSTEMS, rows, 2);
}

/* Two devices of one btrfs: what is forbidden on one is on the other, and neither is a clone. */
Test(clone, devices_of_one_filesystem)
{
    see_members(&a, L1, 1, L2, 2);
    cr_expect_str_eq(fs(L1)->conflict_class, UUID);
    cr_expect_str_eq(fs(L2)->conflict_class, UUID);
    cr_expect_eq(fs(L1)->doubts.n, 0);
    cr_expect_eq(durable_count_events(l->d, "fs.clone", NULL), 0);
    see_members(&a, L1, 1, L2, 1);
    cr_expect(doubts(fs(L1), "clone:"), "the same device twice");
    life_restart(l);
    cr_expect(doubts(fs(L1), "clone:"));
}

Test(clone, many_are_named_in_part)
{
    struct filesystem rows[40] = { { 0 } };
    char keys[40][24];

    for (int i = 0; i < 40; i++) {
        snprintf(keys[i], sizeof keys[i], "naa.6%02d", i);
        REC_SET(&rows[i], filesystem, container, keys[i]);
        REC_SET(&rows[i], filesystem, uuid, UUID);
    }
    disks_report(&a, SECTION_FILESYSTEMS, rows, 40);
    cr_expect_null(fs(keys[7])->conflict_class);
    cr_expect_eq(fs(keys[7])->doubts.n, TWINS_TOLD + 1);
    cr_expect(doubts(fs(keys[7]), "still other containers"));
    cr_expect_eq(durable_count_events(l->d, "fs.clone", "and 38 more"), 1);
    cr_expect_eq(durable_count_events(l->d, "fs.clone", NULL), 1);
}

/* ---- PVs ------------------------------------------------------------------------------------ */

static void see_pvs(struct machine *m, const char *x, const char *y)
{
    struct pv rows[2] = { { 0 } };

    REC_SET(&rows[0], pv, uuid, PV);
    REC_SET(&rows[0], pv, container, x);
    REC_SET(&rows[1], pv, uuid, PV "/dm-9");
    REC_SET(&rows[1], pv, container, y);
    disks_report(m, SECTION_PVS, rows, x == NULL ? 0 : y == NULL ? 1 : 2);
}

static const struct resource_info *lun(const char *key)
{
    return disks_info(l, RESOURCE_LUN, key);
}

static void see_luns(struct machine *m)
{
    struct lun rows[2] = { { 0 } };

    for (int i = 0; i < 2; i++) {
        REC_SET(&rows[i], lun, key, i == 0 ? L1 : L2);
        REC_SET(&rows[i], lun, device, i == 0 ? "sda" : "sdb");
        REC_SET(&rows[i], lun, paths_active, 1);
        REC_SET(&rows[i], lun, paths_total, 1);
    }
    disks_report(m, SECTION_LUNS, rows, 2);
}

Test(clone, pvs_are_in_a_class_with_their_luns)
{
    see_pvs(&a, L1, NULL); /* before its LUN is */
    see_luns(&a);
    cr_expect_null(lun(L1)->conflict_class);
    see_pvs(&b, L2 "-part1", NULL);
    cr_expect_str_eq(lun(L1)->conflict_class, PV);
    cr_expect_str_eq(lun(L2)->conflict_class, PV);
    cr_expect(doubts(lun(L1), "may be the same storage as partition " L2 "-part1"));
    life_restart(l);
    cr_expect_str_eq(lun(L1)->conflict_class, PV);
    machine_register(&c);
    see_pvs(&c, L1, L2 "-part1");
    cr_expect_null(lun(L1)->conflict_class);
    cr_expect(doubts(lun(L2), "clone: the same PV UUID") && doubts(lun(L2), "by m3"));
    cr_expect_eq(durable_count_events(l->d, "pv.clone", L1), 1);
    life_restart(l);
    cr_expect(doubts(lun(L1), "clone:"));
    machine_register(&a);
    machine_register(&c);
    see_pvs(&a, L1, L2 "-part1");
    cr_expect_eq(durable_count_events(l->d, "pv.clone", NULL), 1, "it is known");
    see_pvs(&a, NULL, NULL);
    see_pvs(&c, NULL, NULL);
    cr_expect_null(lun(L1)->conflict_class, "no label of it is there any more");
    cr_expect_eq(lun(L1)->doubts.n, 0);
}

Test(clone, what_a_forgotten_node_has_seen)
{
    char secret[33];

    see_luns(&a);
    see_pvs(&a, L1, NULL);
    see_pvs(&b, L1, L2);
    see(&a, L1, NULL, NULL);
    see(&b, L1, L2, NULL);
    see(&a, L1, L2, NULL);
    cr_expect(doubts(fs(L2), "by m2"));
    cr_expect(doubts(lun(L1), "by m2"));
    machine_goodbye(&b);
    life_pass(l, 40000);
    cr_expect_eq(life_order(l, OP_NODE_FORGET, "m2"), REPLY_OK);
    cr_expect(doubts(fs(L2), "by a node that is forgotten"));
    cr_expect_eq(lun(L1)->doubts.n, 0);
    life_token(l, NULL, secret);
    machine_reboot(&a);
    machine_enrol(&a, secret);
    life_pass(l, 6000);
    machine_register(&a);
    cr_assert(machine_registered(&a));
    see(&a, L1, NULL, NULL);
    cr_expect(doubts(fs(L1), "clone:"), "lost, and still known");
}
