/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes that contradict each other on one LUN or volume group, LUNs whose paths do, and devices
 * that lead to another LUN than before. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "disks.h"

#define L1 "naa.60014050000000000000000000000001"
#define L2 "naa.60014050000000000000000000000002"
#define G  (UINT64_C(1) << 30)

static struct life *l;
static struct machine m[5];

static void setup(void)
{
    l = life_new();
    for (unsigned i = 0; i < ARRAY_LEN(m); i++) {
        machine_init(&m[i], l, i + 1);
        machine_join(&m[i]);
    }
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(dispute, .init = setup, .fini = teardown);

static size_t events(const char *kind, const char *text)
{
    return durable_count_events(l->d, kind, text);
}

static struct lun lun_row(const char *key, uint64_t size, const char *serial)
{
    struct lun row = { 0 };

    REC_SET(&row, lun, key, key);
    REC_SET(&row, lun, device, "dm-0");
    REC_SET(&row, lun, size_bytes, size);
    if (serial != NULL)
        REC_SET(&row, lun, serial, serial);
    REC_SET(&row, lun, state, "ok");
    REC_SET(&row, lun, paths_active, 4);
    REC_SET(&row, lun, paths_total, 4);
    return row;
}

static void see_lun(struct machine *at, uint64_t size, const char *serial)
{
    struct lun row = lun_row(L1, size, serial);

    disks_report(at, SECTION_LUNS, &row, 1);
}

static const struct resource_info *lun(void)
{
    return disks_info(l, RESOURCE_LUN, L1);
}

Test(dispute, nodes_that_agree_leave_no_doubt)
{
    for (unsigned i = 0; i < ARRAY_LEN(m); i++)
        see_lun(&m[i], 10 * G, "S1");
    cr_expect_eq(lun()->doubts.n, 0);
    cr_expect_null(lun()->conflict_class);
}

/* A resize is seen by one node after the other: one event, and a doubt until the last has seen it.
 */
Test(dispute, a_lun_that_grows)
{
    for (unsigned i = 0; i < ARRAY_LEN(m); i++)
        see_lun(&m[i], 10 * G, "S1");
    see_lun(&m[3], 20 * G, "S1");
    cr_expect_eq(events("lun.grown", "from 10 GiB to 20 GiB: m4 is the first"), 1);
    cr_expect(disks_doubts(lun(), "resized:"));
    cr_expect(disks_doubts(lun(), "20 GiB at m4; 10 GiB at m1, m2, m3 and 1 more"));
    life_restart(l);
    cr_expect(disks_doubts(lun(), "20 GiB at m4; 10 GiB at m1"));
    for (unsigned i = 0; i < ARRAY_LEN(m); i++) {
        machine_register(&m[i]);
        see_lun(&m[i], 20 * G, "S1");
    }
    cr_expect_eq(lun()->doubts.n, 0);
    cr_expect_eq(events("lun.grown", NULL), 1, "one, not one of each node");
    cr_expect_eq(events("lun.disputed", NULL), 0);
    see_lun(&m[0], 5 * G, "S1");
    cr_expect_eq(
        events("lun.shrunk", "from 20 GiB to 5.00 GiB") + events("lun.shrunk", "to 5.0 GiB"), 1);
}

Test(dispute, another_serial_number)
{
    see_lun(&m[0], 10 * G, "S1");
    see_lun(&m[1], 10 * G, "S1");
    see_lun(&m[2], 10 * G, "S2");
    cr_expect(disks_doubts(lun(), "disputed: nodes see different serial numbers"));
    cr_expect(disks_doubts(lun(), "is not proven"));
    cr_expect_eq(events("lun.disputed", "m3 sees LUN " L1 " with another serial number"), 1);
    cr_expect_eq(life_shown(l, "m3", L1), EDGE_OK, "it sees what it sees");
    life_restart(l);
    cr_expect(disks_doubts(lun(), "disputed:"));
    machine_register(&m[2]);
    see_lun(&m[2], 10 * G, "S1");
    cr_expect_eq(lun()->doubts.n, 0);
}

Test(dispute, another_size_without_a_serial_number)
{
    see_lun(&m[0], 10 * G, NULL);
    see_lun(&m[1], 12 * G, NULL);
    cr_expect(disks_doubts(lun(), "there is no serial number to compare"));
    cr_expect_eq(events("lun.disputed", "another size"), 1);
    see_lun(&m[1], 0, NULL);
    cr_expect_eq(lun()->doubts.n, 0, "who does not know contradicts nobody");
}

Test(dispute, it_ends_with_the_node_that_says_otherwise)
{
    see_lun(&m[0], 10 * G, "S1");
    see_lun(&m[1], 10 * G, "S2");
    machine_goodbye(&m[1]);
    life_pass(l, 40000);
    for (unsigned i = 0; i < ARRAY_LEN(m); i++) {
        if (i != 1)
            machine_heartbeat(&m[i]);
    }
    cr_expect(disks_doubts(lun(), "m2 (silent)"));
    cr_expect_eq(life_order(l, OP_NODE_FORGET, "m2"), REPLY_OK);
    cr_expect_eq(lun()->doubts.n, 0);
    cr_expect_eq(resource_by_text(l->c, L1)->doubt_since.v, 0);
}

/* ---- ghosts --------------------------------------------------------------------------------- */

Test(dispute, a_ghost_is_never_ok)
{
    struct lun row = lun_row(L1, 10 * G, "S1");

    REC_SET(&row, lun, state, "ghost");
    REC_SET(&row, lun, state_text, "sda says S1 and sdb says S2");
    disks_report(&m[0], SECTION_LUNS, &row, 1);
    cr_expect_eq(life_shown(l, "m1", L1), EDGE_DEGRADED);
    cr_expect_eq(events("lun.ghost", "contradict each other: sda says S1 and sdb says S2"), 1);
    life_restart(l);
    machine_register(&m[0]);
    REC_SET(&row, lun, paths_active, 3);
    disks_report(&m[0], SECTION_LUNS, &row, 1);
    cr_expect_eq(life_shown(l, "m1", L1), EDGE_DEGRADED);
    cr_expect_eq(events("lun.ghost", NULL), 1, "it was one before");
    REC_SET(&row, lun, state, "failed");
    REC_SET(&row, lun, paths_active, 4);
    disks_report(&m[0], SECTION_LUNS, &row, 1);
    cr_expect_eq(life_shown(l, "m1", L1), EDGE_DEGRADED);
    REC_SET(&row, lun, state, "ok");
    disks_report(&m[0], SECTION_LUNS, &row, 1);
    cr_expect_eq(life_shown(l, "m1", L1), EDGE_OK);
}

/* ---- volume groups -------------------------------------------------------------------------- */

static void see_vg(struct machine *at, uint64_t seqno, const char *digest)
{
    struct vg row = { 0 };

    REC_SET(&row, vg, uuid, "vX1");
    REC_SET(&row, vg, name, "vg0");
    REC_SET(&row, vg, seqno, seqno);
    REC_SET(&row, vg, metadata_digest, digest);
    REC_SET(&row, vg, paths_active, 1);
    REC_SET(&row, vg, paths_total, 1);
    disks_report(at, SECTION_VGS, &row, 1);
}

static const struct resource_info *vg(void)
{
    return disks_info(l, RESOURCE_VG, "vX1");
}

static void beat_all(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(m); i++)
        machine_heartbeat(&m[i]);
}

Test(dispute, a_change_of_a_volume_group_is_one_event)
{
    for (unsigned i = 0; i < ARRAY_LEN(m); i++)
        see_vg(&m[i], 11, "aa");
    for (unsigned i = 0; i < 4; i++)
        see_vg(&m[i], 12, "bb");
    cr_expect_eq(events("vg.changed", "vg0 went from version 11 to 12: m1 is the first"), 1);
    cr_expect(disks_doubts(vg(), "version 12 at m1, m2, m3 and 1 more; version 11 at m5"));
    see_vg(&m[4], 12, "bb");
    cr_expect_eq(events("vg.changed", NULL), 1);
    cr_expect_eq(vg()->doubts.n, 0);
    life_run(l, 40000);
    cr_expect_eq(events("vg.split", NULL), 0);
}

/* A node that passes through an older version lags behind; when the last has gone back to one, it
 * was restored. */
Test(dispute, versions_that_fall)
{
    see_vg(&m[0], 10, "aa");
    see_vg(&m[1], 10, "aa");
    see_vg(&m[0], 12, "cc");
    see_vg(&m[1], 11, "bb");
    cr_expect_eq(events("vg.changed", NULL), 1, "m2 has not caught up");
    see_vg(&m[1], 12, "cc");
    see_vg(&m[0], 5, "dd");
    see_vg(&m[1], 5, "dd");
    cr_expect_eq(events("vg.changed", "from version 12 to 5"), 1);
    see_vg(&m[0], 5, "ee");
    cr_expect_eq(events("vg.changed", "other metadata at the same version"), 1);
}

Test(dispute, a_volume_group_that_stays_split)
{
    see_vg(&m[0], 11, "aa");
    see_vg(&m[1], 11, "aa");
    see_vg(&m[0], 12, "bb");
    cr_expect(disks_doubts(vg(), "split: nodes see different metadata since "));
    life_pass(l, 5000);
    beat_all();
    cr_expect_eq(events("vg.split", NULL), 0, "it has time to spread");
    life_restart(l);
    for (unsigned i = 0; i < ARRAY_LEN(m); i++)
        machine_register(&m[i]);
    life_run(l, 29000);
    cr_expect_eq(events("vg.split", NULL), 0, "in full again after a start");
    life_run(l, 2000);
    cr_expect_eq(events("vg.split", "vg0 is split: "), 1);
    life_restart(l);
    life_run(l, 40000);
    cr_expect_eq(events("vg.split", NULL), 1, "told once");
    machine_register(&m[1]);
    see_vg(&m[1], 12, "bb");
    cr_expect_eq(vg()->doubts.n, 0);
}

/* ---- LUNs that are mapped anew -------------------------------------------------------------- */

struct path_of {
    const char *device, *address, *lun;
};

/* LUNs and paths in one report, as the probe's worker collects them. */
static void see_paths(struct machine *at, const struct path_of *v, size_t n)
{
    struct path paths[4] = { { 0 } };
    struct lun luns[4] = { { 0 } };
    struct section s[2] = { { .id = SECTION_LUNS, .rows = luns },
                            { .id = SECTION_PATHS, .rows = paths, .row_count = n } };

    for (size_t i = 0; i < n; i++) {
        bool known = false;

        for (size_t k = 0; k < s[0].row_count; k++)
            known = known || strcmp(luns[k].key, v[i].lun) == 0;
        if (!known)
            luns[s[0].row_count++] = lun_row(v[i].lun, 10 * G, NULL);
        REC_SET(&paths[i], path, device, v[i].device);
        REC_SET(&paths[i], path, address, v[i].address);
        REC_SET(&paths[i], path, lun, v[i].lun);
    }
    disks_report_all(at, s, 2);
}

Test(dispute, a_lun_that_is_mapped_anew)
{
    static const struct path_of was[] = { { "sda", "1:0:0:1", L1 }, { "sdb", "2:0:0:1", L1 } };
    static const struct path_of is[] = { { "sda", "1:0:0:1", L2 }, { "sdb", "2:0:0:1", L2 } };

    see_paths(&m[0], was, 2);
    see_paths(&m[0], is, 2);
    cr_expect_eq(life_shown(l, "m1", L1), EDGE_LOST);
    cr_expect_eq(life_shown(l, "m1", L2), EDGE_OK);
    cr_expect_eq(events("lun.remapped", "m1: device sda at address 1:0:0:1 led to LUN " L1
                                        " and leads to " L2 " now, and 1 more"),
                 1);
    cr_expect_eq(events("lun.remapped", NULL), 1);
    life_restart(l);
    machine_register(&m[0]);
    see_paths(&m[0], was, 2);
    cr_expect_eq(events("lun.remapped", NULL), 2, "what it led to is known after a start");
}

Test(dispute, what_is_not_mapped_anew)
{
    static const struct path_of was = { "sda", "1:0:0:1", L1 }, moved = { "sda", "1:0:0:2", L2 };
    static const struct path_of other = { "sda", "1:0:0:1", L2 };
    static const struct path_of serial = { "sda", "1:0:0:1", "serial.X" };
    char secret[33];

    see_paths(&m[0], &was, 1);
    see_paths(&m[0], &moved, 1);
    cr_expect_eq(events("lun.remapped", NULL), 0, "another device of the same name");
    see_paths(&m[0], &was, 1);
    see_paths(&m[0], NULL, 0);
    see_paths(&m[0], &other, 1);
    cr_expect_eq(events("lun.remapped", NULL), 0, "it was removed in between");
    see_paths(&m[0], &serial, 1);
    see_paths(&m[0], &other, 1);
    cr_expect_eq(events("lun.remapped", NULL), 0, "the same one, worse known");
    see_paths(&m[0], &was, 1);
    cr_expect_eq(events("lun.remapped", NULL), 1);
    life_token(l, NULL, secret);
    machine_reboot(&m[0]);
    machine_enrol(&m[0], secret);
    life_pass(l, 6000);
    machine_register(&m[0]);
    see_paths(&m[0], &other, 1);
    cr_expect_eq(events("lun.remapped", NULL), 1, "another boot");
}

/* What is known of a path is in its row, which the store keeps a copy of before it goes. */
Test(dispute, paths_that_are_gone)
{
    static const struct path_of was[] = { { "sda", "1:0:0:1", L1 }, { "sdb", "2:0:0:1", L1 } };
    static const struct path_of moved[] = { { "sda", "1:0:0:9", L1 }, { "sdb", "2:0:0:1", L1 } };
    static const struct path_of other[] = { { "sda", "1:0:0:9", L2 }, { "sdb", "2:0:0:1", L1 } };

    see_paths(&m[0], was, 2);
    see_paths(&m[0], was, 2);
    cr_expect_eq(l->gone_count, 0);
    see_paths(&m[0], moved, 2);
    cr_expect_eq(l->gone_count, 1, "it is at another address");
    see_paths(&m[0], other, 2);
    cr_expect_eq(l->gone_count, 2, "it leads to another LUN");
    life_restart(l);
    machine_register(&m[0]);
    see_paths(&m[0], &other[1], 1);
    cr_expect_eq(l->gone_count, 3, "its device is gone");
    see_paths(&m[0], NULL, 0);
    cr_expect_eq(l->gone_count, 4);
}
