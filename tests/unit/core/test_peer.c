/* SPDX-License-Identifier: GPL-2.0-or-later */
/* With which other nodes one is compared when something is explained: each PV that it lacks is
 * looked for at the node that sees that PV best, whichever it is. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "disks.h"

#define VG "GGGGGG-gggg-gggg-gggg-gggg-gggg-GGGGGG"
#define L1 "naa.60060e8007e2e3000030e2e300000001"
#define L2 "naa.60060e8007e2e3000030e2e300000002"
#define L3 "naa.60060e8007e2e3000030e2e300000003"

enum { MACHINES = 4, PVS = 3 };

static const char *const luns[PVS] = { L1, L2, L3 };
static const char *const uuids[PVS] = { "PV1", "PV2", "PV3" };
static struct life *l;
static struct machine m[MACHINES];

static void setup(void)
{
    l = life_new();
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_init(&m[i], l, i + 1);
        machine_join(&m[i]);
    }
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(peer, .init = setup, .fini = teardown);

/* The machine has so many paths of 4 to the LUN of each PV of the one volume group; 0: it lacks it.
 */
static void see(struct machine *who, const unsigned paths[PVS])
{
    struct lun lun[PVS] = { { 0 } };
    struct pv pv[PVS] = { { 0 } };
    struct vg vg = { 0 };
    struct section v[] = { { .id = SECTION_LUNS, .rows = lun },
                           { .id = SECTION_PVS, .rows = pv, .row_count = PVS },
                           { .id = SECTION_VGS, .rows = &vg, .row_count = 1 } };
    uint64_t here = 0;

    for (size_t i = 0; i < PVS; i++) {
        struct lun *x = &lun[v[0].row_count];

        REC_SET(&pv[i], pv, uuid, uuids[i]);
        REC_SET(&pv[i], pv, vg_uuid, VG);
        if (paths[i] == 0)
            continue;
        REC_SET(&pv[i], pv, container, luns[i]);
        REC_SET(x, lun, key, luns[i]);
        REC_SET(x, lun, paths_active, paths[i]);
        REC_SET(x, lun, paths_total, 4);
        v[0].row_count++;
        here++;
    }
    REC_SET(&vg, vg, uuid, VG);
    REC_SET(&vg, vg, name, "fast");
    REC_SET(&vg, vg, paths_active, here);
    REC_SET(&vg, vg, paths_total, PVS);
    if (here == 0)
        v[1].row_count = v[2].row_count = 0;
    disks_report_all(who, v, ARRAY_LEN(v));
}

/* What explain would look up; until the next message. */
static const struct explain_facts *facts(const char *node, const char *resource)
{
    struct request req = { 0 };
    const struct explain_facts *f;

    if (l->batch)
        life_commit(l);
    life_begin(l);
    REC_SET(&req, request, op, OP_EXPLAIN);
    REC_SET(&req, request, node, node);
    REC_SET(&req, request, resource, resource);
    life_ask(l, &req);
    cr_assert_not_null(l->update.messages);
    f = l->update.messages->join.explain;
    cr_assert_not_null(f);
    return f;
}

/* The node that the PV is looked for at; "": none. */
static const char *keeper(const struct explain_facts *f, const char *uuid)
{
    for (size_t i = 0; i < f->pv_count; i++) {
        const struct explain_pv *pv = &f->pvs[i];

        if (strcmp(pv->uuid, uuid) != 0)
            continue;
        cr_expect(pv->peer == PEER_NONE || strcmp(f->peers[pv->peer].name, pv->node) == 0);
        return pv->node;
    }
    return "";
}

Test(peer, each_pv_at_the_node_that_sees_it_best)
{
    const struct explain_facts *f;

    see(&m[0], (unsigned[]){ 0, 4, 0 });
    see(&m[1], (unsigned[]){ 2, 4, 0 }); /* half of the first */
    see(&m[2], (unsigned[]){ 4, 0, 0 }); /* all of the first, and less of the group */
    see(&m[3], (unsigned[]){ 0, 0, 3 });
    f = facts("m1", "fast");
    cr_expect_str_eq(keeper(f, "PV1"), "m3");
    cr_expect_str_eq(keeper(f, "PV2"), "", "it is not missing");
    cr_expect_str_eq(keeper(f, "PV3"), "m4");
    cr_assert_neq(f->best, PEER_NONE);
    cr_expect_str_eq(f->peers[f->best].name, "m2", "who sees most of the group");
    cr_expect_eq(f->peer_count, 3, "each node once");
    cr_expect_str_eq(f->pvs[0].container, L1);
    cr_expect_not(f->pvs_left_out);
}

/* Of whom nothing is known just now nothing is said. */
Test(peer, a_node_that_is_silent_or_has_lost_it)
{
    see(&m[0], (unsigned[]){ 0, 4, 0 });
    see(&m[1], (unsigned[]){ 2, 0, 0 });
    see(&m[2], (unsigned[]){ 4, 0, 0 });
    cr_expect_str_eq(keeper(facts("m1", "fast"), "PV1"), "m3");
    life_commit(l);
    see(&m[2], (unsigned[]){ 0, 4, 0 });
    cr_expect_str_eq(keeper(facts("m1", "fast"), "PV1"), "m2");
    life_commit(l);
    life_run(l, 7000);
    cr_expect_str_eq(keeper(facts("m1", "fast"), "PV1"), "", "it is suspect");
    life_commit(l);
    life_restart(l);
    machine_register(&m[1]);
    cr_expect_str_eq(keeper(facts("m1", "fast"), "PV1"), "", "it has not said so in this start");
    life_commit(l);
}

/* Who sees nothing of the group is told where its PVs are, those too that the best node lacks. */
Test(peer, what_the_best_node_lacks)
{
    const struct explain_facts *f;

    see(&m[0], (unsigned[]){ 0, 0, 0 });
    see(&m[1], (unsigned[]){ 4, 4, 0 });
    see(&m[2], (unsigned[]){ 0, 0, 4 });
    f = facts("m1", "fast");
    cr_expect_str_eq(f->peers[f->best].name, "m2");
    cr_expect_str_eq(keeper(f, "PV3"), "m3");
    cr_expect_eq(f->pv_count, 1);
    life_commit(l);
}

/* A PV in an array is on no resource; and a device of one node is nobody else's. */
Test(peer, a_pv_on_what_is_no_resource)
{
    struct pv pv = { 0 };

    see(&m[0], (unsigned[]){ 0, 4, 0 });
    see(&m[1], (unsigned[]){ 0, 4, 0 });
    REC_SET(&pv, pv, uuid, "PV1");
    REC_SET(&pv, pv, vg_uuid, VG);
    REC_SET(&pv, pv, container, "md.12345678-1111-2222-3333-444444444444");
    disks_report(&m[2], SECTION_PVS, &pv, 1);
    disks_report(&m[3], SECTION_PVS, &pv, 1);
    cr_expect_str_eq(keeper(facts("m1", "fast"), "PV1"), "m3");
    life_commit(l);
    life_pass(l, 4000);
    machine_heartbeat(&m[3]);
    life_pass(l, 4000);
    cr_expect_str_eq(keeper(facts("m1", "fast"), "PV1"), "m4", "the other is suspect");
    life_commit(l);
    life_restart(l);
    machine_register(&m[3]);
    cr_expect_str_eq(keeper(facts("m1", "fast"), "PV1"), "", "it has not said so in this start");
    life_commit(l);
}

/* As many as there may be, and the answer says that there are more. */
Test(peer, too_many_to_look_for)
{
    enum { MANY = 70 };
    static struct pv pv[MANY];
    static struct lun lun[MANY];
    static char names[MANY][16], keys[MANY][48];
    struct section v[] = { { .id = SECTION_LUNS, .rows = lun, .row_count = MANY },
                           { .id = SECTION_PVS, .rows = pv, .row_count = MANY } };
    const struct explain_facts *f;
    struct vg vg = { 0 };

    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "PV%zu", i);
        snprintf(keys[i], sizeof keys[i], "naa.6%031zx", i);
        REC_SET(&pv[i], pv, uuid, names[i]);
        REC_SET(&pv[i], pv, vg_uuid, VG);
        REC_SET(&pv[i], pv, container, keys[i]);
        REC_SET(&lun[i], lun, key, keys[i]);
        REC_SET(&lun[i], lun, paths_active, 1);
        REC_SET(&lun[i], lun, paths_total, 1);
    }
    disks_report_all(&m[1], v, ARRAY_LEN(v));
    for (size_t i = 0; i < MANY; i++)
        REC_CLEAR(&pv[i], pv, container);
    REC_SET(&vg, vg, uuid, VG);
    REC_SET(&vg, vg, name, "fast");
    REC_SET(&vg, vg, paths_total, MANY);
    disks_report(&m[0], SECTION_PVS, pv, MANY);
    disks_report(&m[0], SECTION_VGS, &vg, 1);
    f = facts("m1", "fast");
    cr_expect_eq(f->pv_count, 64);
    cr_expect(f->pvs_left_out);
    cr_expect_eq(f->peer_count, 1, "all of them are at one node");
    life_commit(l);
}

/* Any of them may be below what is asked about; those of an earlier boot have no paths to name. */
Test(peer, luns_that_had_more_paths)
{
    const struct explain_facts *f;
    char secret[33];

    see(&m[0], (unsigned[]){ 4, 4, 4 });
    cr_expect_eq(facts("m1", "fast")->fallen_count, 0);
    life_commit(l);
    see(&m[0], (unsigned[]){ 4, 3, 0 });
    f = facts("m1", "fast");
    cr_assert_eq(f->fallen_count, 2);
    cr_expect_str_eq(f->fallen[0].key, L2);
    cr_expect_eq(f->fallen[0].had, 4);
    cr_expect_eq(f->fallen[0].total, 4);
    cr_expect_eq(f->fallen[0].until.v, l->wall.v);
    cr_expect_str_eq(f->fallen[1].key, L3);
    cr_expect_eq(f->fallen[1].total, 0, "it is lost");
    life_commit(l);
    life_token(l, NULL, secret);
    machine_reboot(&m[0]);
    machine_enrol(&m[0], secret);
    life_pass(l, 6000);
    machine_register(&m[0]);
    cr_expect_eq(facts("m1", L3)->fallen_count, 1, "what half-sees may see so again");
    life_commit(l);
}
