/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Activation of LVs: three machines see one volume group with two LVs and a filesystem in the
 * first.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "rights.h"
#include "wire/codec.h"

enum { MACHINES = 3, LVS = 2 };

static const char *const names[LVS] = { "root", "data" };
static const char *const uuids[LVS] = { "uuid-root", "uuid-data" };

static struct life *l;
static struct machine m[MACHINES];
static bool active[MACHINES][LVS];
static uint64_t seqno[MACHINES];
static const char *mounted[MACHINES]; /* a container */
static struct arena *kept;
/* The newest order that came unasked, and to whom. */
static const struct lvm_order *heard;
static unsigned heard_by;
static const struct offer *offered; /* the newest of a scan, and to whom */
static unsigned offered_to;

static unsigned machine_of(const struct envelope *env)
{
    unsigned i = 0;
    uuid128 id;

    cr_assert(wire_uuid(env->node_id, &id));
    while (i < MACHINES && !uuid_eq(m[i].id, id))
        i++;
    return i;
}

static void hear(void)
{
    for (size_t k = 0; k < l->offer_count; k++) {
        const struct envelope *env = record_dup(kept, &envelope_desc, l->offers[k]);

        if (env->lvm_order != NULL) {
            heard = env->lvm_order;
            heard_by = machine_of(env);
        } else if (env->offer != NULL) {
            offered = env->offer;
            offered_to = machine_of(env);
        }
    }
    l->offer_count = 0;
}

static void report(unsigned i)
{
    struct lun lun = { 0 };
    struct pv pv = { 0 };
    struct vg vg = { 0 };
    struct lv lv[LVS] = { { 0 } };
    struct filesystem fs = { 0 };
    struct use use = { 0 };
    struct section v[] = {
        { .id = SECTION_LUNS, .rows = &lun, .row_count = 1 },
        { .id = SECTION_PVS, .rows = &pv, .row_count = 1 },
        { .id = SECTION_VGS, .rows = &vg, .row_count = 1 },
        { .id = SECTION_LVS, .rows = lv, .row_count = LVS },
        { .id = SECTION_FILESYSTEMS, .rows = &fs, .row_count = 1 },
        { .id = SECTION_USES, .rows = &use, .row_count = mounted[i] != NULL },
    };
    char digest[16];

    REC_SET(&lun, lun, key, "naa.6001");
    REC_SET(&lun, lun, paths_active, 2);
    REC_SET(&lun, lun, paths_total, 2);
    REC_SET(&pv, pv, uuid, "PV1");
    REC_SET(&pv, pv, container, "naa.6001");
    REC_SET(&pv, pv, vg_uuid, "V");
    snprintf(digest, sizeof digest, "digest-%llu", (unsigned long long)seqno[i]);
    REC_SET(&vg, vg, uuid, "V");
    REC_SET(&vg, vg, name, "fast");
    REC_SET(&vg, vg, seqno, seqno[i]);
    REC_SET(&vg, vg, metadata_digest, digest);
    REC_SET(&vg, vg, paths_active, 1);
    REC_SET(&vg, vg, paths_total, 1);
    for (unsigned k = 0; k < LVS; k++) {
        REC_SET(&lv[k], lv, uuid, uuids[k]);
        REC_SET(&lv[k], lv, name, names[k]);
        REC_SET(&lv[k], lv, vg_uuid, "V");
        REC_SET(&lv[k], lv, vg_name, "fast");
        REC_SET(&lv[k], lv, active, active[i][k]);
        REC_SET(&lv[k], lv, paths_active, 1);
        REC_SET(&lv[k], lv, paths_total, 1);
    }
    REC_SET(&fs, filesystem, container, "lv.uuid-root");
    REC_SET(&fs, filesystem, type, "ext4");
    REC_SET(&fs, filesystem, uuid, "11111111-2222-3333-4444-555555555555");
    REC_SET(&fs, filesystem, label, "rootfs");
    if (mounted[i] != NULL) {
        REC_SET(&use, use, key, "mount/1");
        REC_SET(&use, use, kind, "mount");
        REC_SET(&use, use, container, mounted[i]);
    }
    disks_report_all(&m[i], v, ARRAY_LEN(v));
    hear();
}

static enum reply_code adopt(void)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_VG_ADOPT);
    REC_SET(&req, request, resource, "fast");
    REC_SET(&req, request, flag, true);
    return life_ask(l, &req);
}

static void setup(void)
{
    l = life_new();
    kept = arena_new(0);
    heard = NULL;
    heard_by = 99;
    offered = NULL;
    memset(active, 0, sizeof active);
    memset(mounted, 0, sizeof mounted);
    for (unsigned i = 0; i < MACHINES; i++) {
        seqno[i] = 7;
        machine_init(&m[i], l, i + 1);
        machine_join(&m[i]);
    }
    for (unsigned i = 0; i < MACHINES; i++)
        report(i);
    adopt();
}

static void teardown(void)
{
    life_free(l);
    arena_free(kept);
}

TestSuite(activation, .init = setup, .fini = teardown);

static enum reply_code ask(enum client_op which, enum lvm_op op, const char *lv, const char *node)
{
    struct request req = { 0 };
    struct vg_ask what = { 0 };
    enum reply_code code;

    REC_SET(&what, vg_ask, op, (uint64_t)op);
    REC_SET(&what, vg_ask, vg, "fast");
    REC_SET(&what, vg_ask, lv, lv);
    if (op == LVM_LV_EXTEND)
        REC_SET(&what, vg_ask, size_bytes, UINT64_C(2) << 30);
    if (op == LVM_LV_RENAME)
        REC_SET(&what, vg_ask, new_name, "other");
    REC_SET(&req, request, op, which);
    REC_SET(&req, request, vg_ask, &what);
    REC_PUT(&req, request, node, node);
    hear();
    heard = NULL;
    code = life_ask(l, &req);
    hear();
    return code;
}

static enum reply_code on(const char *lv, unsigned i)
{
    return ask(OP_LV_ACTIVATE, LVM_LV_ACTIVATE, lv, m[i].name);
}

static enum reply_code off(const char *lv)
{
    return ask(OP_LV_ACTIVATE, LVM_LV_DEACTIVATE, lv, NULL);
}

static enum reply_code change(enum lvm_op op)
{
    return ask(OP_VG_CHANGE, op, "root", NULL);
}

static bool says(unsigned i, const struct lvm_order *o, enum lvm_outcome outcome)
{
    struct lvm_result body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, lvm_result, order, o->order);
    REC_SET(&body, lvm_result, token, o->token);
    REC_SET(&body, lvm_result, outcome, (uint64_t)outcome);
    if (outcome >= LVM_REFUSED)
        REC_SET(&body, lvm_result, reason, "It is as it is.");
    REC_SET(&env, envelope, lvm_result, &body);
    machine_say(&m[i], &env);
    hear();
    return l->answer != NULL && l->answer->result_ack != NULL && l->answer->result_ack->taken;
}

static void alive(int64_t ms, unsigned but)
{
    for (int64_t t = 0; t < ms; t += 1000) {
        for (unsigned i = 0; i < MACHINES; i++) {
            if (i != but)
                machine_heartbeat(&m[i]);
            hear();
        }
        life_run(l, 1000);
        hear();
    }
}

static size_t rights(void)
{
    return map_count(l->c->leases);
}

static const struct task *task(void)
{
    return link_empty(&l->c->tasks) ? NULL : container_of(l->c->tasks.prev, struct task, link);
}

static bool replied(const char *part)
{
    return l->reply->text != NULL && strstr(l->reply->text, part) != NULL;
}

static void is_active(const char *lv, unsigned i)
{
    cr_assert_eq(on(lv, i), REPLY_OK, "%s", l->reply->text);
    cr_assert_not_null(heard, "%s", task() == NULL ? "?" : task()->jobs[0]->held);
    cr_assert_eq(heard_by, i);
    cr_assert(says(i, heard, LVM_STARTED));
    cr_assert(says(i, heard, LVM_DONE));
    cr_assert_null(task());
}

static enum reply_code broken(void)
{
    return rights_break(l, "fast/root");
}

/* ---- the right ------------------------------------------------------------------------------- */

Test(activation, the_right_is_there_before_the_order_and_lasts)
{
    cr_assert_eq(on("root", 1), REPLY_OK, "%s", l->reply->text);
    cr_assert_not_null(heard);
    cr_expect_eq(heard_by, 1);
    cr_expect_eq(heard->op, LVM_LV_ACTIVATE);
    cr_expect_str_eq(heard->lv_uuid, "uuid-root");
    cr_expect_eq(heard->seqno, 7);
    cr_assert_eq(heard->pvs.n, 1);
    cr_expect_eq(rights(), 1);
    cr_expect(says(1, heard, LVM_STARTED));
    cr_expect(says(1, heard, LVM_DONE));
    alive(600000, 1);
    cr_expect_eq(rights(), 1, "no time ends it");
    cr_expect_eq(rights_list(l, OP_HOLD_LIST), 1);
    cr_expect_str_eq(((const struct lease_info *)l->reply->leases.v)->right, "activation");
}

Test(activation, another_node_is_refused_with_the_holders_name)
{
    is_active("root", 1);
    cr_expect_eq(on("root", 2), REPLY_REFUSED);
    cr_expect(replied(m[1].name), "%s", l->reply->text);
    is_active("data", 2);
    is_active("root", 1); /* its own is in nobody's way */
    cr_expect_eq(rights(), 2);
}

Test(activation, it_ends_when_the_node_has_said_that_it_has_none)
{
    is_active("root", 1);
    active[1][0] = true;
    report(1);
    cr_assert_eq(off("root"), REPLY_OK, "%s", l->reply->text);
    cr_expect_eq(heard_by, 1);
    cr_expect_eq(heard->op, LVM_LV_DEACTIVATE);
    cr_expect_eq(rights(), 1);
    cr_expect(says(1, heard, LVM_DONE));
    cr_expect_eq(rights(), 0);
    is_active("root", 2); /* at once, whatever the rows of the first said last */
}

/* The node repeats its result until it is answered, and has told since that somebody has activated
 * it again. */
Test(activation, rows_count_that_are_newer_than_the_result)
{
    is_active("root", 1);
    active[1][0] = true;
    report(1);
    cr_assert_eq(off("root"), REPLY_OK, "%s", l->reply->text);
    cr_expect(says(1, heard, LVM_STARTED));
    active[1][1] = true;
    report(1);
    cr_expect(says(1, heard, LVM_DONE));
    cr_expect_eq(rights(), 0);
    cr_expect_eq(on("root", 2), REPLY_REFUSED);
    cr_expect(replied("outside muster"), "%s", l->reply->text);
}

/* Who has it active again when LVM looks has nothing new to tell. */
Test(activation, rows_count_when_nothing_newer_comes)
{
    is_active("root", 1);
    active[1][0] = true;
    report(1);
    cr_assert_eq(off("root"), REPLY_OK, "%s", l->reply->text);
    cr_expect(says(1, heard, LVM_STARTED));
    cr_expect(says(1, heard, LVM_DONE));
    alive(12000, 99);
    cr_expect_eq(on("root", 2), REPLY_REFUSED);
    active[1][0] = false;
    report(1);
    is_active("root", 2);
}

/* What is sent after the commit is whole, though the task has ended before it. */
Test(activation, an_order_outlives_its_task)
{
    const struct lvm_order *o = NULL;

    life_begin(l);
    cr_assert_eq(on("root", 1), REPLY_OK);
    cr_assert_not_null(task());
    cr_assert_eq(broken(), REPLY_OK);
    cr_assert_null(task());
    life_commit(l);
    hear();
    o = heard;
    cr_assert_not_null(o);
    cr_expect_str_eq(o->vg, "fast");
    cr_expect_str_eq(o->lv, "root");
    cr_expect_str_eq(o->lv_uuid, "uuid-root");
}

Test(activation, one_in_use_stays_active)
{
    is_active("root", 1);
    cr_assert_eq(off("root"), REPLY_OK);
    cr_expect(says(1, heard, LVM_REFUSED));
    cr_expect_null(task());
    cr_expect_eq(rights(), 1);
}

Test(activation, what_was_not_begun_leaves_no_right)
{
    cr_assert_eq(on("root", 1), REPLY_OK);
    cr_expect(says(1, heard, LVM_REFUSED));
    cr_expect_null(task());
    cr_expect_eq(rights(), 0);
}

Test(activation, what_may_have_happened_keeps_the_right)
{
    cr_assert_eq(on("root", 1), REPLY_OK);
    for (int i = 0; task() != NULL && i < 10; i++) {
        says(1, heard, LVM_STARTED);
        says(1, heard, LVM_FAILED);
    }
    cr_expect_null(task());
    cr_expect_eq(rights(), 1);
    cr_expect_eq(on("root", 2), REPLY_REFUSED);
    cr_expect_eq(off("root"), REPLY_OK);
    cr_expect(says(1, heard, LVM_DONE));
    cr_expect_eq(rights(), 0);
}

/* ---- what is in the way ---------------------------------------------------------------------- */

Test(activation, nothing_is_activated_that_is_not_adopted)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_VG_ADOPT);
    REC_SET(&req, request, resource, "fast");
    REC_SET(&req, request, flag, false);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(on("root", 1), REPLY_REFUSED);
    cr_expect(replied("muster vg adopt"), "%s", l->reply->text);
}

Test(activation, another_nodes_hold_is_in_the_way)
{
    cr_assert_eq(rights_take(l, m[2].name, "rootfs"), REPLY_OK, "%s", l->reply->text);
    cr_expect_eq(on("root", 1), REPLY_REFUSED, "of what is in it");
    cr_expect(replied(m[2].name), "%s", l->reply->text);
    is_active("root", 2);
    is_active("data", 1);
}

/* Some node has the lease to scan the filesystem in the LV, and names it from now on. */
static unsigned scans(void)
{
    const char *fs = "rootfs";
    struct lease_request body = { 0 };
    struct envelope env = { 0 };
    struct request req = { 0 };

    cr_assert_eq(rights_admit(l, fs, true), REPLY_OK, "%s", l->reply->text);
    REC_SET(&req, request, op, OP_SCAN);
    REC_SET(&req, request, resources, ((struct strs){ &fs, 1 }));
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    hear();
    cr_assert_not_null(offered);
    REC_SET(&body, lease_request, order, offered->order);
    REC_SET(&body, lease_request, resource, offered->resource);
    REC_SET(&env, envelope, lease_request, &body);
    machine_say(&m[offered_to], &env);
    cr_assert_not_null(l->answer->granted);
    rights_add(&m[offered_to], m[offered_to].seq, RIGHT_HELD, l->answer->granted->token);
    return offered_to;
}

Test(activation, a_scan_on_another_node_is_waited_for)
{
    unsigned by = scans(), to = (by + 1) % MACHINES;

    cr_assert_eq(on("root", to), REPLY_OK, "%s", l->reply->text);
    alive(5000, MACHINES);
    cr_assert_null(heard, "another node has it mounted");
    cr_expect(strstr(task()->jobs[0]->held, m[by].name) != NULL, "%s", task()->jobs[0]->held);
    cr_expect_eq(on("data", to), REPLY_OK);
    cr_assert_not_null(heard, "the other LV is nobody's");
    cr_expect(says(to, heard, LVM_REFUSED));
    heard = NULL;
    rights_clear(&m[by]);
    alive(5000, MACHINES);
    cr_assert_not_null(heard, "%s", task()->jobs[0]->held);
    cr_expect_str_eq(heard->lv_uuid, "uuid-root");
    cr_expect_eq(heard_by, to);
}

Test(activation, a_scan_on_the_node_itself_is_in_nobodys_way)
{
    unsigned by = scans();

    cr_assert_eq(on("root", by), REPLY_OK, "%s", l->reply->text);
    cr_expect_not_null(heard, "%s", task()->jobs[0]->held);
}

Test(activation, a_hold_of_the_volume_group_is_in_the_way)
{
    cr_assert_eq(rights_take(l, m[2].name, "fast"), REPLY_OK, "%s", l->reply->text);
    cr_expect_eq(on("data", 1), REPLY_REFUSED);
    cr_expect(replied(m[2].name), "%s", l->reply->text);
}

Test(activation, it_is_in_the_way_of_another_nodes_hold)
{
    is_active("root", 1);
    cr_expect_eq(rights_take(l, m[2].name, "rootfs"), REPLY_REFUSED);
    cr_expect(replied(m[1].name), "%s", l->reply->text);
    cr_expect_eq(rights_take(l, m[1].name, "rootfs"), REPLY_OK, "%s", l->reply->text);
}

/* A worker that was killed may have made its device. */
Test(activation, what_is_refused_after_an_attempt_that_failed_ends_no_right)
{
    cr_assert_eq(on("root", 1), REPLY_OK);
    cr_expect(says(1, heard, LVM_STARTED));
    says(1, heard, LVM_FAILED);
    cr_assert_not_null(task());
    says(1, heard, LVM_REFUSED);
    cr_expect_null(task());
    cr_expect_eq(rights(), 1);
}

/* It may have devices of it, and nobody else may get them. */
Test(activation, what_is_refused_once_more_ends_no_right)
{
    is_active("root", 1);
    cr_assert_eq(on("root", 1), REPLY_OK, "%s", l->reply->text);
    cr_assert_not_null(heard);
    cr_assert(says(1, heard, LVM_REFUSED));
    cr_assert_null(task());
    cr_expect_eq(rights(), 1);
    cr_expect_eq(on("root", 2), REPLY_REFUSED);
}

Test(activation, another_nodes_use_is_in_the_way)
{
    mounted[2] = "lv.uuid-root";
    report(2);
    cr_expect_eq(on("root", 1), REPLY_REFUSED);
    cr_expect(replied(m[2].name), "%s", l->reply->text);
    is_active("root", 2);
}

Test(activation, what_is_active_outside_muster_is_told_and_in_the_way)
{
    active[2][0] = true;
    report(2);
    cr_expect_eq(durable_count_events(l->d, "lv.outside", m[2].name), 1);
    cr_expect_eq(on("root", 1), REPLY_REFUSED);
    cr_expect(replied("outside muster"), "%s", l->reply->text);
    cr_expect_eq(off("root"), REPLY_REFUSED, "it is left alone");
    cr_expect(replied(m[2].name), "%s", l->reply->text);
    life_restart(l);
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_register(&m[i]);
        report(i);
    }
    cr_expect_eq(on("root", 1), REPLY_REFUSED, "a start of the coordinator changes nothing");
    is_active("root", 2);
    active[2][0] = false;
    report(2);
    cr_expect_eq(rights(), 1, "and its right is not ended by what is seen");
}

Test(activation, who_is_behind_waits)
{
    seqno[0] = seqno[2] = 8;
    report(0);
    report(2);
    cr_expect_eq(on("root", 1), REPLY_OK);
    cr_expect_null(heard);
    cr_expect(strstr(task()->jobs[0]->held, "behind") != NULL, "%s", task()->jobs[0]->held);
    seqno[1] = 8;
    report(1);
    cr_assert_not_null(heard);
    cr_expect_eq(heard->seqno, 8);
}

/* ---- changes -------------------------------------------------------------------------------- */

Test(activation, an_active_lv_is_extended_where_it_is_active)
{
    for (unsigned i = 0; i < MACHINES; i++) {
        is_active("root", i);
        cr_assert_eq(change(LVM_LV_EXTEND), REPLY_OK, "%s", l->reply->text);
        cr_assert_not_null(heard);
        cr_expect_eq(heard_by, i);
        cr_expect_eq(heard->op, LVM_LV_EXTEND);
        teardown();
        setup();
    }
}

Test(activation, an_active_lv_is_not_reduced_renamed_or_removed)
{
    static const enum lvm_op ops[] = { LVM_LV_REMOVE, LVM_LV_RENAME };

    is_active("root", 1);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        cr_expect_eq(change(ops[i]), REPLY_REFUSED);
        cr_expect(replied(m[1].name), "%s", l->reply->text);
    }
}

Test(activation, what_is_to_be_removed_is_not_activated)
{
    cr_assert_eq(change(LVM_LV_REMOVE), REPLY_OK, "%s", l->reply->text);
    cr_assert_eq(on("root", 1), REPLY_OK);
    cr_expect_null(heard, "nodes prove just now that they have no device of it");
    cr_expect_eq(rights(), 0);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void reboots(unsigned i, bool bound)
{
    char secret[33];

    machine_reboot(&m[i]);
    life_token(l, bound ? m[i].name : NULL, secret);
    machine_enrol(&m[i], secret);
    machine_register(&m[i]);
    active[i][0] = false;
    report(i);
}

Test(activation, a_new_boot_has_nothing_active)
{
    is_active("root", 1);
    alive(40000, 1);
    reboots(1, true);
    cr_expect_eq(rights(), 0, "the boot that had it is over");
    is_active("root", 2);
}

/* Its own LVM has activated it, and it has told as often as the boot before. */
Test(activation, what_a_boot_has_let_go_says_nothing_of_the_next)
{
    is_active("root", 1);
    active[1][0] = true;
    report(1);
    cr_assert_eq(off("root"), REPLY_OK, "%s", l->reply->text);
    cr_expect(says(1, heard, LVM_STARTED));
    cr_expect(says(1, heard, LVM_DONE));
    machine_goodbye(&m[1]);
    reboots(1, true);
    active[1][0] = true;
    report(1);
    cr_expect_eq(on("root", 2), REPLY_REFUSED);
    cr_expect(replied("outside muster"), "%s", l->reply->text);
}

Test(activation, a_boot_that_is_not_proven_over_keeps_it_until_an_operators_word)
{
    is_active("root", 1);
    alive(40000, 1);
    reboots(1, false);
    cr_expect_eq(rights(), 1);
    cr_expect_eq(on("root", 2), REPLY_REFUSED);
    cr_expect(replied("earlier boot"), "%s", l->reply->text);
    cr_expect_eq(off("root"), REPLY_REFUSED);
    cr_expect(replied("hold break"), "%s", l->reply->text);
    cr_expect_eq(broken(), REPLY_OK, "%s", l->reply->text);
    is_active("root", 2);
}

Test(activation, who_is_declared_dead_has_it_no_more)
{
    struct request req = { 0 };

    is_active("root", 1);
    alive(40000, 1);
    REC_SET(&req, request, op, OP_NODE_DECLARE_DEAD);
    REC_SET(&req, request, node, m[1].name);
    REC_SET(&req, request, confirm, m[1].name);
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    is_active("root", 2);
}

Test(activation, no_order_of_an_ended_right_is_begun_late)
{
    const struct lvm_order *o;

    cr_assert_eq(on("root", 1), REPLY_OK);
    o = heard;
    cr_assert_eq(broken(), REPLY_OK, "%s", l->reply->text);
    cr_expect_null(task());
    cr_expect_eq(rights(), 0);
    cr_expect_not(says(1, o, LVM_STARTED), "so it does not begin");
    is_active("root", 2);
}

Test(activation, an_order_of_a_boot_that_is_over_is_not_given_to_the_next)
{
    cr_assert_eq(on("root", 1), REPLY_OK);
    alive(40000, 1);
    cr_expect_eq(rights(), 1);
    heard = NULL;
    reboots(1, true);
    cr_expect_eq(rights(), 0);
    alive(10000, MACHINES);
    cr_expect_null(heard);
    cr_expect_null(task());
}

Test(activation, a_start_of_the_coordinator_goes_on_with_it)
{
    const struct lvm_order *o;

    cr_assert_eq(on("root", 1), REPLY_OK);
    o = heard;
    heard = NULL;
    life_restart(l);
    cr_expect_eq(rights(), 1);
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_register(&m[i]);
        report(i);
    }
    alive(3000, MACHINES);
    cr_assert_not_null(heard, "%s", task()->jobs[0]->held);
    cr_expect_eq(heard->token, o->token);
    cr_expect_eq(heard->order->attempt, o->order->attempt);
    cr_expect(says(1, o, LVM_DONE));
    cr_expect_null(task());
    life_restart(l);
    cr_expect_eq(rights(), 1);
    cr_expect_eq(off("root"), REPLY_OK, "%s", l->reply->text);
}

Test(activation, a_task_that_is_cancelled_before_its_order_leaves_nothing)
{
    struct request req = { 0 };

    seqno[0] = 8;
    report(0);
    cr_assert_eq(on("root", 1), REPLY_OK);
    cr_expect_null(heard);
    REC_SET(&req, request, op, OP_TASK_CANCEL);
    REC_SET(&req, request, count, task()->row.no);
    cr_expect_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    cr_expect_null(task());
    cr_expect_eq(rights(), 0);
}

/* ---- what is known of how it ended ----------------------------------------------------------- */

static void has_ended(const char *part)
{
    cr_assert_null(task());
    cr_expect_eq(durable_count_events(l->d, "task.ended", part), 1, "%s",
                 durable_event(l->d, durable_events(l->d) - 1)->text);
}

static const char *unknown_on(unsigned i)
{
    static char text[200];

    snprintf(text, sizeof text,
             "It is not known whether LV fast/root is active on %s, which keeps the right to have "
             "it active: It is as it is.",
             m[i].name);
    return text;
}

static void fails(unsigned i)
{
    for (int n = 0; task() != NULL && n < 10; n++) {
        says(i, heard, LVM_STARTED);
        says(i, heard, LVM_FAILED);
    }
}

Test(activation, of_what_no_attempt_has_found_out_it_is_said_who_has_the_right)
{
    cr_assert_eq(on("root", 1), REPLY_OK);
    fails(1);
    has_ended(unknown_on(1));
    cr_expect_eq(rights(), 1);
}

Test(activation, nor_is_it_known_of_what_was_not_deactivated)
{
    is_active("root", 1);
    cr_assert_eq(off("root"), REPLY_OK);
    fails(1);
    has_ended(unknown_on(1));
    cr_expect_eq(rights(), 1);
}

/* An attempt before it may have left a device. */
Test(activation, a_refusal_after_an_attempt_that_failed_tells_nothing)
{
    cr_assert_eq(on("root", 1), REPLY_OK);
    says(1, heard, LVM_STARTED);
    says(1, heard, LVM_FAILED);
    says(1, heard, LVM_REFUSED);
    has_ended(unknown_on(1));
}

Test(activation, a_refusal_of_what_was_active_before_tells_nothing)
{
    is_active("root", 1);
    cr_assert_eq(on("root", 1), REPLY_OK);
    says(1, heard, LVM_REFUSED);
    has_ended(unknown_on(1));
}

Test(activation, a_refusal_tells_what_is_so)
{
    cr_assert_eq(on("root", 1), REPLY_OK);
    says(1, heard, LVM_STARTED);
    says(1, heard, LVM_REFUSED);
    has_ended("LV fast/root is not active: It is as it is.");
    is_active("root", 1);
    cr_assert_eq(off("root"), REPLY_OK);
    says(1, heard, LVM_STARTED);
    says(1, heard, LVM_REFUSED);
    has_ended("LV fast/root is not deactivated: It is as it is.");
}

Test(activation, of_what_was_begun_nothing_is_known_when_its_right_is_broken)
{
    cr_assert_eq(on("root", 1), REPLY_OK);
    says(1, heard, LVM_STARTED);
    cr_assert_eq(broken(), REPLY_OK, "%s", l->reply->text);
    has_ended(
        "It is not known whether LV fast/root is active, and no node has the right to have it "
        "active any more: An operator has broken its right.");
}
