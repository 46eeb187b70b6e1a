/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where something can run: who is eligible, in which order, and all that is against the others.
 * Three machines see one network, one LUN with a volume group, and a filesystem in an LV of it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/bits.h"
#include "core/core_internal.h"
#include "core/trust.h"
#include "core/place.h"
#include "places.h"
#include "rights.h"

enum { MACHINES = 3, MANY = SLOT_STEP * BITS_A_WORD + 4 };

#define LUN "naa.6001"
#define FS  "rootfs"
#define LV  "fast/root"

static struct life *l;
static struct machine m[MACHINES];
/* What each machine has to tell. */
static struct has {
    bool nothing; /* it sees no storage */
    uint64_t paths, seqno;
    bool active;
    const char *mounted; /* a container */
    const char *lun_state;
} has[MACHINES];

static void report(unsigned i)
{
    struct lun lun = { 0 };
    struct pv pv = { 0 };
    struct vg vg = { 0 };
    struct lv lv = { 0 };
    struct filesystem fs = { 0 };
    struct use use = { 0 };
    bool there = !has[i].nothing;
    struct section v[] = {
        { .id = SECTION_LUNS, .rows = &lun, .row_count = there },
        { .id = SECTION_PVS, .rows = &pv, .row_count = there },
        { .id = SECTION_VGS, .rows = &vg, .row_count = there },
        { .id = SECTION_LVS, .rows = &lv, .row_count = there },
        { .id = SECTION_FILESYSTEMS, .rows = &fs, .row_count = there },
        { .id = SECTION_USES, .rows = &use, .row_count = has[i].mounted != NULL },
    };
    char digest[16];

    REC_SET(&lun, lun, key, LUN);
    REC_SET(&lun, lun, paths_active, has[i].paths);
    REC_SET(&lun, lun, paths_total, 2);
    REC_PUT(&lun, lun, state, has[i].lun_state);
    REC_SET(&pv, pv, uuid, "PV1");
    REC_SET(&pv, pv, container, LUN);
    REC_SET(&pv, pv, vg_uuid, "V");
    snprintf(digest, sizeof digest, "digest-%llu", (unsigned long long)has[i].seqno);
    REC_SET(&vg, vg, uuid, "V");
    REC_SET(&vg, vg, name, "fast");
    REC_SET(&vg, vg, seqno, has[i].seqno);
    REC_SET(&vg, vg, metadata_digest, digest);
    REC_SET(&vg, vg, paths_active, 1);
    REC_SET(&vg, vg, paths_total, 1);
    REC_SET(&lv, lv, uuid, "uuid-root");
    REC_SET(&lv, lv, name, "root");
    REC_SET(&lv, lv, vg_uuid, "V");
    REC_SET(&lv, lv, vg_name, "fast");
    REC_SET(&lv, lv, active, has[i].active);
    REC_SET(&lv, lv, paths_active, 1);
    REC_SET(&lv, lv, paths_total, 1);
    REC_SET(&fs, filesystem, container, "lv.uuid-root");
    REC_SET(&fs, filesystem, type, "ext4");
    REC_SET(&fs, filesystem, uuid, "11111111-2222-3333-4444-555555555555");
    REC_SET(&fs, filesystem, label, FS);
    if (has[i].mounted != NULL) {
        REC_SET(&use, use, key, "mount/1");
        REC_SET(&use, use, kind, "mount");
        REC_SET(&use, use, container, has[i].mounted);
    }
    disks_report_all(&m[i], v, ARRAY_LEN(v));
}

static void setup(void)
{
    l = life_new();
    for (unsigned i = 0; i < MACHINES; i++) {
        has[i] = (struct has){ .paths = 2, .seqno = 7 };
        machine_init(&m[i], l, i + 1);
        m[i].nics[1] = (struct machine_nic){ .name = "eth1", .up = true, .bond = "bond0" };
        m[i].nics[2] = (struct machine_nic){ .name = "eth2", .up = true, .bond = "bond0" };
        snprintf(m[i].bonds[0], sizeof m[i].bonds[0], "bond0");
        machine_join(&m[i]);
        report(i);
    }
    cr_assert_eq(life_define(l, "prod", 0, "*/bond0"), REPLY_OK);
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(place, .init = setup, .fini = teardown);

/* ---- asking --------------------------------------------------------------------------------- */

static enum reply_code place_many(const char *const *needs, size_t n, const char *node,
                                  uint64_t limit)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_PLACE);
    REC_SET(&req, request, resources, ((struct strs){ needs, n }));
    if (node != NULL)
        REC_SET(&req, request, nodes, ((struct strs){ &node, 1 }));
    if (limit > 0)
        REC_SET(&req, request, limit, limit);
    return life_ask(l, &req);
}

static void place(const char *need)
{
    cr_assert_eq(place_many(&need, 1, NULL, 0), REPLY_OK, "%s: %s", need, l->reply->text);
    cr_expect_eq(l->reply->placement->eligible + l->reply->placement->not_eligible,
                 l->c->node_count);
}

static const struct place_node *found(const char *name)
{
    const struct place_node *v = l->reply->place_nodes.v;
    const struct node_info *n = l->reply->nodes.v;

    for (size_t i = 0; i < l->reply->place_nodes.n; i++) {
        if (strcmp(n[v[i].node].name, name) == 0)
            return &v[i];
    }
    return NULL;
}

static uint64_t rank(const char *name)
{
    cr_assert_not_null(found(name), "%s is not listed", name);
    return found(name)->rank;
}

/* The reason of that state against it, in the last answer; NULL: there is none. */
static const struct place_reason *against(const char *name, const char *state)
{
    const struct place_node *p = found(name);
    const struct place_reason *v = p == NULL ? NULL : p->reasons.v;

    for (size_t i = 0; p != NULL && i < p->reasons.n; i++) {
        if (strcmp(v[i].state, state) == 0)
            return &v[i];
    }
    return NULL;
}

/* The node is not eligible, for this reason; the sentence has this part, and something mends it. */
static void expect_against(const char *name, const char *state, const char *part)
{
    const struct place_reason *r = against(name, state);

    cr_expect_eq(rank(name), 0, "%s is eligible, though %s", name, state);
    cr_assert_not_null(r, "%s: nothing says that it is %s", name, state);
    cr_expect_not_null(strstr(r->text, part), "%s: '%s' and not '%s'", name, r->text, part);
    cr_expect_not_null(r->mend, "%s: nothing mends: %s", name, r->text);
}

static void expect_ranks(const char *first, const char *second, const char *third)
{
    cr_expect_eq(rank(first), 1);
    cr_expect_eq(rank(second), 2);
    cr_expect_eq(rank(third), 3);
}

/* All say that they are as they were. */
static void alive(unsigned but)
{
    for (unsigned i = 0; i < MACHINES; i++) {
        if (i != but)
            machine_heartbeat(&m[i]);
    }
}

/* ---- the eligible --------------------------------------------------------------------------- */

Test(place, who_sees_all_is_eligible_whatever_kind_it_is)
{
    static const char *const needs[] = { "prod", LUN, "fast", LV, FS };

    cr_assert_eq(place_many(needs, ARRAY_LEN(needs), NULL, 0), REPLY_OK, "%s", l->reply->text);
    cr_expect_eq(l->reply->placement->eligible, MACHINES);
    cr_expect_eq(l->reply->placement->order.n, 3, "the order is told");
    expect_ranks("m1", "m2", "m3");
    cr_expect_eq(found("m1")->reasons.n, 0);
    cr_expect_eq(l->reply->resources.n, ARRAY_LEN(needs));
    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        place(needs[i]);
        cr_expect_eq(l->reply->placement->eligible, MACHINES, "%s", needs[i]);
    }
}

Test(place, what_is_seen_in_part_ranks_lower)
{
    has[0].paths = 1;
    report(0);
    place(LUN);
    expect_ranks("m2", "m3", "m1");
    cr_expect_eq(found("m1")->degraded, 1);
    cr_expect_str_eq(against("m1", "degraded")->text,
                     "m1 sees " LUN
                     " in part: 1 of 2 paths, had 2 until 2023-11-14T22:13:20.000Z.");
    has[0].paths = 2;
    report(0);
    place(LUN);
    expect_ranks("m1", "m2", "m3");
}

Test(place, who_works_for_others_ranks_lower_than_who_does_not)
{
    struct request req = { 0 };
    const char *node = "m1";

    REC_SET(&req, request, op, OP_RESCAN);
    REC_SET(&req, request, nodes, ((struct strs){ &node, 1 }));
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    place(LUN);
    cr_expect_eq(found("m1")->under_way, 1);
    expect_ranks("m2", "m3", "m1");
    has[1].paths = 1;
    report(1);
    place(LUN);
    expect_ranks("m3", "m1", "m2");
}

/* ---- the node itself ------------------------------------------------------------------------ */

Test(place, a_node_that_drains)
{
    cr_assert_eq(life_order(l, OP_NODE_DRAIN, "m2"), REPLY_OK);
    place("prod");
    expect_against("m2", "draining", "m2 is draining: nothing new is placed on it.");
    cr_expect_str_eq(against("m2", "draining")->mend, "muster node drain m2 --end");
    cr_expect_eq(l->reply->placement->eligible, 2);
}

Test(place, a_node_that_is_silent)
{
    for (int i = 0; i < 4; i++) {
        life_pass(l, 2000);
        alive(1);
    }
    place("prod");
    expect_against("m2", "suspect", "m2 is suspect.");
    expect_against("m2", "unknown",
                   "Whether m2 sees prod is unknown now; last known: 2 of 2 paths");
    for (int i = 0; i < 15; i++) {
        life_pass(l, 2000);
        alive(1);
    }
    place("prod");
    expect_against("m2", "down", "m2 is down.");
    cr_assert_eq(life_order(l, OP_NODE_DECLARE_DEAD, "m2"), REPLY_OK);
    place("prod");
    expect_against("m2", "dead", "m2 was declared dead.");
    cr_expect_eq(rank("m1") + rank("m3"), 3);
}

Test(place, a_node_that_was_not_heard_since_the_start)
{
    life_restart(l);
    machine_register(&m[0]);
    place("prod");
    expect_against("m2", "never", "m2 has not been heard since the coordinator started.");
    expect_against("m2", "unknown", "prod");
    cr_expect_eq(rank("m1"), 1, "its digests have confirmed all");
}

Test(place, a_node_whose_probe_has_ended)
{
    machine_goodbye(&m[1]);
    place("prod");
    expect_against("m2", "unregistered", "its probe has ended");
    machine_register(&m[1]);
    place("prod");
    cr_expect_eq(rank("m2"), 2);
}

Test(place, a_node_that_is_not_let_in)
{
    struct machine new, twin;

    machine_init(&new, l, 9);
    machine_enrol(&new, NULL);
    place("prod");
    expect_against("m9", "pending", "m9 waits for approval.");
    cr_expect_str_eq(against("m9", "pending")->mend, "To let it in: muster node approve m9");
    expect_against("m9", "missing", "m9 does not see prod.");
    machine_init(&twin, l, 2);
    machine_new_key(&twin);
    machine_enrol(&twin, NULL);
    cr_assert_eq(life_order(l, OP_NODE_APPROVE, "m9"), REPLY_OK);
    place("prod");
    cr_expect_null(against("m9", "pending"));
}

/* ---- what it sees --------------------------------------------------------------------------- */

Test(place, a_resource_that_is_not_there)
{
    has[0].paths = 0;
    report(0);
    has[1].nothing = true;
    report(1);
    place(LUN);
    expect_against("m1", "lost", "m1 has lost " LUN ": 0 of 2 paths, had 2 until");
    expect_against("m2", "lost", "m2 has lost " LUN);
    cr_expect_str_eq(against("m1", "lost")->mend, "muster explain m1 " LUN "");
    cr_expect_eq(rank("m3"), 1);
    m[2].bonds[0][0] = '\0';
    machine_report(&m[2]);
    place("prod");
    expect_against("m3", "lost", "m3 has lost prod");
    cr_assert_eq(life_define(l, "lab", 77, "*/bond0"), REPLY_OK);
    place("lab");
    expect_against("m3", "missing", "m3 does not see lab.");
}

Test(place, a_section_that_cannot_be_read)
{
    m[0].status = SECTION_STUCK;
    machine_report(&m[0]);
    place("prod");
    expect_against("m1", "stuck", "What m1 sees of prod cannot be read now; last known: 2 of 2");
    expect_against("m1", "stuck", "; its bonds cannot be read");
}

Test(place, a_device_that_does_not_answer)
{
    has[0].lun_state = "stuck";
    report(0);
    place(LUN);
    expect_against("m1", "stuck", "; it does not answer.");
}

Test(place, an_edge_that_is_not_believed)
{
    struct coord_event ev = { .type = COORD_TICK, .now = l->now, .wall = l->wall };
    struct step s = { .c = l->c, .ev = &ev, .u = &l->update };
    const struct resource *r = shelf_resource(l, RESOURCE_LUN, LUN);

    life_begin(l);
    cr_assert_eq(edge_distrust(&s, node_by_name(l->c, "m1"), r, "It is another"), 0);
    life_commit(l);
    place(LUN);
    expect_against("m1", "quarantined",
                   "; when it looked, something else was there (It is another).");
}

Test(place, what_is_not_confirmed_is_not_there)
{
    life_restart(l);
    for (unsigned i = 0; i < MACHINES; i++)
        machine_register(&m[i]);
    place(LUN); /* this machine's message speaks of its ports alone */
    expect_against("m1", "unknown",
                   "; it has not confirmed its luns since the coordinator started");
    report(0);
    place(LUN);
    cr_expect_eq(rank("m1"), 1);
}

/* ---- what others do with it ------------------------------------------------------------------ */

Test(place, a_filesystem_that_another_node_holds)
{
    cr_assert_eq(rights_take(l, "m2", FS), REPLY_OK, "%s", l->reply->text);
    place(FS);
    expect_against("m1", "taken", "m2 has a hold of it");
    expect_against("m3", "taken", "m2 has a hold of it");
    cr_expect_eq(rank("m2"), 1, "whose it is may have it");
    cr_expect_eq(l->reply->placement->eligible, 1);
    place("fast");
    cr_expect_eq(l->reply->placement->eligible, MACHINES, "the volume group is shared");
    place(LV);
    expect_against("m1", "taken", "m2 has a hold of it");
}

Test(place, a_filesystem_that_two_nodes_use)
{
    has[0].mounted = "lv.uuid-root";
    report(0);
    place(FS);
    expect_against("m2", "taken", "m1");
    cr_expect_eq(rank("m1"), 1);
    has[2].mounted = "lv.uuid-root";
    report(2);
    place(FS);
    for (unsigned i = 0; i < MACHINES; i++)
        expect_against(m[i].name, "taken", "mounted");
    expect_against("m1", "taken", "m3");
    expect_against("m3", "taken", "m1");
    cr_expect_eq(l->reply->placement->eligible, 0);
}

Test(place, an_lv_that_is_active_elsewhere)
{
    has[1].active = true;
    report(1);
    place(LV);
    expect_against("m1", "taken", "m2 has it active, outside muster");
    cr_expect_eq(rank("m2"), 1);
    has[1].active = false;
    report(1);
    place(LV);
    cr_expect_eq(l->reply->placement->eligible, MACHINES);
}

Test(place, an_lv_that_another_node_has_the_right_to)
{
    struct request req = { 0 };
    struct vg_ask what = { 0 };

    REC_SET(&req, request, op, OP_VG_ADOPT);
    REC_SET(&req, request, resource, "fast");
    REC_SET(&req, request, flag, true);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    REC_SET(&what, vg_ask, op, LVM_LV_ACTIVATE);
    REC_SET(&what, vg_ask, vg, "fast");
    REC_SET(&what, vg_ask, lv, "root");
    req = (struct request){ 0 };
    REC_SET(&req, request, op, OP_LV_ACTIVATE);
    REC_SET(&req, request, vg_ask, &what);
    REC_SET(&req, request, node, "m3");
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    place(LV);
    expect_against("m1", "taken", "m3 has it active");
    cr_expect_eq(rank("m3"), 1);
    place(FS);
    expect_against("m1", "taken", "m3 has it active");
    cr_expect_eq(rank("m3"), 1, "what is in it is its as well");
}

Test(place, a_node_that_is_behind)
{
    has[1].seqno = 8;
    report(1);
    has[2].seqno = 8;
    report(2);
    for (const char *const *need = (const char *const[]){ "fast", LV, FS, NULL }; *need != NULL;
         need++) {
        place(*need);
        expect_against("m1", "behind",
                       "m1 is behind: it has version 7 of the metadata of volume group fast, and "
                       "not 8 as others have.");
        cr_expect_eq(l->reply->placement->eligible, 2, "%s", *need);
    }
    has[0].seqno = 8;
    report(0);
    place(LV);
    cr_expect_eq(l->reply->placement->eligible, MACHINES);
}

/* Nobody may have a filesystem before all that may have a right to it have said so. */
Test(place, a_node_that_has_not_told_what_it_has)
{
    life_restart(l);
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_register(&m[i]);
        if (i != 1)
            report(i);
    }
    place(FS);
    expect_against("m1", "taken",
                   "what rights m2 has is not known since the start of the coordinator");
    place(LUN);
    cr_expect_eq(rank("m1"), 1, "a LUN is shared");
}

Test(place, an_image_is_where_its_filesystem_is)
{
    static const char *const paths[] = { "/a.raw" };
    struct resource *fs = (struct resource *)(uintptr_t)shelf_resource(
        l, RESOURCE_FILESYSTEM, "11111111-2222-3333-4444-555555555555@lv.uuid-root");

    cr_assert_eq(rights_found_in(l, fs, true, paths, 1), 1);
    has[0].nothing = true;
    report(0);
    place(FS ":/a.raw");
    expect_against("m1", "lost", "m1 has lost " FS ":/a.raw");
    cr_expect_eq(l->reply->placement->eligible, 2);
}

/* ---- what is asked -------------------------------------------------------------------------- */

static void expect_refused(const char *const *needs, size_t n, const char *node,
                           enum reply_code code, const char *part)
{
    cr_expect_eq(place_many(needs, n, node, 0), code);
    cr_expect_not_null(strstr(l->reply->text, part), "%s", l->reply->text);
}

Test(place, wrong_questions)
{
    static const char *const needs[LIMIT_NEEDS + 1] = { "prod", "nothing" };

    expect_refused(NULL, 0, NULL, REPLY_INVALID, "names 0 resources that are needed");
    expect_refused(needs, LIMIT_NEEDS + 1, NULL, REPLY_INVALID, "takes 1 to 24.");
    expect_refused(needs, 2, NULL, REPLY_NOT_FOUND, "There is no resource 'nothing'.");
    expect_refused(needs, 1, "nobody", REPLY_NOT_FOUND, "There is no node 'nobody'.");
}

Test(place, a_part_of_the_answer)
{
    const char *need = "prod";

    has[0].paths = 0;
    report(0);
    cr_assert_eq(life_order(l, OP_NODE_DRAIN, "m3"), REPLY_OK);
    cr_assert_eq(place_many(&need, 1, NULL, 1), REPLY_OK);
    cr_expect_eq(l->reply->place_nodes.n, 2, "one of each kind");
    cr_expect_eq(rank("m1"), 1);
    cr_expect_eq(rank("m3"), 0);
    cr_expect(l->reply->more);
    cr_expect_eq(l->reply->placement->eligible, 2);
    cr_assert_eq(place_many(&need, 1, "m2", 0), REPLY_OK);
    cr_expect_eq(l->reply->place_nodes.n, 1);
    cr_expect_eq(l->reply->placement->not_eligible, 0);
}

/* ---- the sets ------------------------------------------------------------------------------- */

/* coord_check, which life.c runs after each step, holds the sets against the edges. */
Test(place, sets_are_kept_of_those_that_were_asked_about_last)
{
    char name[16];

    for (unsigned i = 0; i <= SEERS_MOST; i++) {
        snprintf(name, sizeof name, "lan%u", i);
        cr_assert_eq(life_define(l, name, i + 1, "*/bond0"), REPLY_OK);
        place(name);
    }
    cr_expect_eq(l->c->seers_count, SEERS_MOST);
    cr_expect_null(resource_by_text(l->c, "lan0")->seers, "which was asked about longest ago");
    place("lan1");
    place("prod");
    cr_expect_not_null(resource_by_text(l->c, "lan1")->seers);
    cr_expect_null(resource_by_text(l->c, "lan2")->seers);
    cr_assert_eq(life_define(l, "prod", 0, NULL), REPLY_OK);
    cr_expect_eq(l->c->seers_count, SEERS_MOST - 1, "they go with the resource");
}

Test(place, nodes_come_and_go)
{
    static struct machine more[MANY];
    struct err e = { "" };

    l->light = l->doubtful = true;
    place("prod");
    for (unsigned i = 0; i < MANY; i++) {
        machine_init(&more[i], l, i + 10);
        machine_join(&more[i]);
    }
    /* For the last of these the first sets had no room. */
    cr_expect_null(resource_by_text(l->c, "prod")->seers);
    place("prod");
    cr_expect_eq(l->reply->placement->eligible, MACHINES);
    cr_expect_eq(l->reply->placement->not_eligible, MANY);
    places_expect(l->c);
    machine_goodbye(&m[1]);
    life_pass(l, 40000);
    cr_assert_eq(life_order(l, OP_NODE_FORGET, "m2"), REPLY_OK, "%s", l->reply->text);
    machine_init(&more[0], l, 2 * MANY);
    machine_join(&more[0]);
    cr_expect_eq(l->c->slot_count, MACHINES + MANY, "the slot of the one is the other's");
    place("prod");
    places_expect(l->c);
    cr_expect_eq(coord_check(l->c, &e), 0, "%s", e.text);
}
