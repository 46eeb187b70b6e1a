/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of volume groups: three machines see one volume group on two LUNs, and a third LUN on
 * which there is nothing. What is on the disks is `disk`; a machine reports what it has read of it.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "rights.h"
#include "wire/codec.h"

enum { MACHINES = 3, LVS = 20 };

static const char *const luns[] = { "naa.6001", "naa.6002", "naa.6009" };

/* What LVM would read. */
static struct disk {
    uint64_t seqno;
    char digest[16];
    char lvs[LVS][16]; /* names; the UUID is "uuid-NAME" */
    size_t n;
} disk;

static struct life *l;
static struct machine m[MACHINES];
static struct use uses[MACHINES][2];
static size_t use_count[MACHINES];
static const char *fault[MACHINES];
static const char *active[MACHINES]; /* the LV of this name */
static const char *attr;             /* of all LVs */
static const char *auto_by[MACHINES];
static size_t parts[MACHINES]; /* of the third LUN */
static bool whole[MACHINES];   /* that LUN is a PV of another volume group */
static bool gone[MACHINES];    /* it has read that there is no volume group */
static const char *group;      /* its UUID */
/* Orders that came unasked. */
static struct {
    unsigned to;
    const struct envelope *env;
} heard[400];
static size_t heard_count;
static struct arena *kept;

static void hear(void);
static void forget(void);

/* ---- machines ------------------------------------------------------------------------------- */

static void report(unsigned i)
{
    struct lun lun[3] = { { 0 } };
    struct pv pv[3] = { { 0 } };
    struct vg vg = { 0 };
    struct lv lv[LVS] = { { 0 } };
    struct partition part[2] = { { 0 } };
    char uuid[LVS][24];
    struct section v[] = {
        { .id = SECTION_LUNS, .rows = lun, .row_count = 3 },
        { .id = SECTION_PARTITIONS, .rows = part, .row_count = parts[i] },
        { .id = SECTION_PVS,
          .rows = pv,
          .row_count = gone[i]    ? 0
                       : whole[i] ? 3
                                  : 2 },
        { .id = SECTION_VGS, .rows = &vg, .row_count = gone[i] ? 0 : 1 },
        { .id = SECTION_LVS, .rows = lv, .row_count = disk.n },
        { .id = SECTION_USES, .rows = uses[i], .row_count = use_count[i] },
    };

    for (size_t k = 0; k < 3; k++) {
        REC_SET(&lun[k], lun, key, luns[k]);
        REC_SET(&lun[k], lun, paths_active, 2);
        REC_SET(&lun[k], lun, paths_total, 2);
    }
    for (size_t k = 0; k < 3; k++) {
        REC_SET(&pv[k], pv, uuid, k == 0 ? "PV1" : k == 1 ? "PV2" : "PV3");
        REC_SET(&pv[k], pv, container, luns[k]);
        REC_SET(&pv[k], pv, vg_uuid, k < 2 ? group : "W");
    }
    REC_SET(&vg, vg, uuid, group);
    REC_SET(&vg, vg, name, "fast");
    REC_SET(&vg, vg, seqno, disk.seqno);
    REC_SET(&vg, vg, metadata_digest, disk.digest);
    REC_SET(&vg, vg, paths_active, 2);
    REC_SET(&vg, vg, paths_total, 2);
    if (fault[i] != NULL)
        REC_SET(&vg, vg, fault, fault[i]);
    if (auto_by[i] != NULL)
        REC_SET(&vg, vg, activated_by, auto_by[i]);
    for (size_t k = 0; k < parts[i]; k++) {
        REC_SET(&part[k], partition, key, k == 0 ? "naa.6009-part1" : "naa.6009-part2");
        REC_SET(&part[k], partition, container, "naa.6009");
    }
    for (size_t k = 0; k < disk.n; k++) {
        snprintf(uuid[k], sizeof uuid[k], "uuid-%s", disk.lvs[k]);
        REC_SET(&lv[k], lv, uuid, uuid[k]);
        REC_SET(&lv[k], lv, name, disk.lvs[k]);
        REC_SET(&lv[k], lv, vg_uuid, group);
        REC_SET(&lv[k], lv, vg_name, "fast");
        REC_SET(&lv[k], lv, paths_active, 2);
        REC_SET(&lv[k], lv, paths_total, 2);
        if (active[i] != NULL && strcmp(active[i], disk.lvs[k]) == 0)
            REC_SET(&lv[k], lv, device, "dm-1");
        if (attr != NULL)
            REC_SET(&lv[k], lv, attr, attr);
    }
    disks_report_all(&m[i], v, ARRAY_LEN(v));
    hear();
}

static void uses_it(unsigned i, const char *container)
{
    struct use *u = &uses[i][use_count[i]++];

    REC_SET(u, use, key, "mount/1");
    REC_SET(u, use, kind, "mount");
    REC_SET(u, use, container, container);
    report(i);
}

static void written(void)
{
    disk.seqno++;
    snprintf(disk.digest, sizeof disk.digest, "digest-%llu", (unsigned long long)disk.seqno);
}

static void setup(void)
{
    l = life_new();
    kept = arena_new(0);
    heard_count = 0;
    disk = (struct disk){ .seqno = 6, .lvs = { "root" }, .n = 1 };
    written();
    memset(use_count, 0, sizeof use_count);
    memset(uses, 0, sizeof uses);
    memset(fault, 0, sizeof fault);
    memset(active, 0, sizeof active);
    memset(auto_by, 0, sizeof auto_by);
    memset(parts, 0, sizeof parts);
    memset(whole, 0, sizeof whole);
    memset(gone, 0, sizeof gone);
    group = "V";
    attr = NULL;
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_init(&m[i], l, i + 1);
        machine_join(&m[i]);
    }
    for (unsigned i = 0; i < MACHINES; i++)
        report(i);
    forget();
}

static void teardown(void)
{
    life_free(l);
    arena_free(kept);
}

TestSuite(vg, .init = setup, .fini = teardown);

/* ---- what is asked and answered ------------------------------------------------------------- */

static enum reply_code adopt(bool on)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_VG_ADOPT);
    REC_SET(&req, request, resource, "fast");
    REC_SET(&req, request, flag, on);
    return life_ask(l, &req);
}

static enum reply_code change(enum lvm_op op, const char *lv, uint64_t bytes)
{
    struct request req = { 0 };
    struct vg_ask ask = { 0 };
    enum reply_code code;

    REC_SET(&ask, vg_ask, op, (uint64_t)op);
    REC_SET(&ask, vg_ask, vg, "fast");
    if (lv != NULL)
        REC_SET(&ask, vg_ask, lv, lv);
    if (op == LVM_LV_SNAPSHOT)
        REC_SET(&ask, vg_ask, new_name, "before");
    if (bytes > 0)
        REC_SET(&ask, vg_ask, size_bytes, bytes);
    REC_SET(&req, request, op, OP_VG_CHANGE);
    REC_SET(&req, request, vg_ask, &ask);
    forget();
    code = life_ask(l, &req);
    hear();
    return code;
}

/* Takes in what was ordered in the last commit. */
static void hear(void)
{
    for (size_t k = 0; k < l->offer_count; k++) {
        uuid128 id;

        cr_assert_lt(heard_count, ARRAY_LEN(heard));
        cr_assert(wire_uuid(l->offers[k]->node_id, &id));
        for (unsigned i = 0; i < MACHINES; i++) {
            if (uuid_eq(m[i].id, id))
                heard[heard_count].to = i;
        }
        heard[heard_count++].env = record_dup(kept, &envelope_desc, l->offers[k]);
    }
    l->offer_count = 0;
}

/* Time passes, and all machines but this one are heard. */
static void alive(int64_t ms, unsigned but)
{
    for (int64_t t = 0; t < ms; t += 1000) {
        for (unsigned i = 0; i < MACHINES; i++) {
            if (i != but)
                machine_heartbeat(&m[i]);
            hear();
        }
        heard_count = 0;
        life_run(l, 1000);
        hear();
    }
}

/* The newest order of a change since forget(), and to whom. NULL: there is none. */
static const struct lvm_order *order_to(unsigned *to)
{
    const struct lvm_order *o = NULL;

    hear();
    for (size_t k = 0; k < heard_count; k++) {
        if (heard[k].env->lvm_order == NULL)
            continue;
        o = heard[k].env->lvm_order;
        *to = heard[k].to;
    }
    return o;
}

static void forget(void)
{
    hear();
    heard_count = 0;
}

static bool result(unsigned i, const struct lvm_order *o, enum lvm_outcome outcome,
                   const char *reason)
{
    struct lvm_result body = { 0 };
    struct envelope env = { 0 };
    bool taken;

    REC_SET(&body, lvm_result, order, o->order);
    REC_SET(&body, lvm_result, token, o->token);
    REC_SET(&body, lvm_result, outcome, (uint64_t)outcome);
    REC_PUT(&body, lvm_result, reason, reason);
    if (outcome == LVM_DONE) {
        REC_SET(&body, lvm_result, vg_uuid, "V");
        REC_SET(&body, lvm_result, seqno, disk.seqno);
        REC_SET(&body, lvm_result, mark, text_mark(disk.digest));
        REC_SET(&body, lvm_result, lv_uuid, "uuid-new");
    }
    REC_SET(&env, envelope, lvm_result, &body);
    forget();
    machine_say(&m[i], &env);
    taken = l->answer != NULL && l->answer->result_ack != NULL && l->answer->result_ack->taken;
    hear();
    return taken;
}

/* Answers every refresh that this machine has heard of since forget(); how many. */
static size_t refreshed(unsigned i, bool current)
{
    size_t n = 0;

    hear();
    for (size_t k = 0; k < heard_count; k++) {
        struct lvm_refreshed body = { 0 };
        struct envelope env = { 0 };

        if (heard[k].to != i || heard[k].env->lvm_refresh == NULL)
            continue;
        REC_SET(&body, lvm_refreshed, order, heard[k].env->lvm_refresh->order);
        REC_SET(&body, lvm_refreshed, current, current);
        if (!current)
            REC_SET(&body, lvm_refreshed, reason, "LV root is open.");
        REC_SET(&env, envelope, lvm_refreshed, &body);
        machine_say(&m[i], &env);
        hear();
        n++;
    }
    return n;
}

/* The first refresh that was heard of since forget(); how many there are. */
static size_t refreshes(const struct lvm_refresh **first)
{
    size_t n = 0;

    hear();
    for (size_t k = heard_count; k-- > 0;) {
        if (heard[k].env->lvm_refresh == NULL)
            continue;
        *first = heard[k].env->lvm_refresh;
        n++;
    }
    return n;
}

static const struct task *task(void)
{
    return link_empty(&l->c->tasks) ? NULL : container_of(l->c->tasks.prev, struct task, link);
}

static size_t rights(void)
{
    return map_count(l->c->leases);
}

/* The change is on the disks, and all have read it. */
static void spread(void)
{
    for (unsigned i = 0; i < MACHINES; i++) {
        refreshed(i, true);
        report(i);
    }
}

static const struct lvm_order *created(const char *lv, unsigned *to)
{
    cr_assert_eq(change(LVM_LV_CREATE, lv, 1u << 30), REPLY_OK, "%s", l->reply->text);
    return order_to(to);
}

/* ---- tests ---------------------------------------------------------------------------------- */

Test(vg, nothing_is_changed_that_is_not_adopted)
{
    cr_expect_eq(change(LVM_LV_CREATE, "a", 1u << 30), REPLY_REFUSED);
    cr_expect_not_null(strstr(l->reply->text, "muster vg adopt"));
    cr_assert_eq(adopt(true), REPLY_OK);
    cr_expect_eq(change(LVM_LV_CREATE, "a", 1u << 30), REPLY_OK);
    cr_assert_eq(adopt(false), REPLY_OK);
    cr_expect_eq(change(LVM_LV_CREATE, "b", 1u << 30), REPLY_REFUSED);
}

Test(vg, one_changes_it_and_all_are_told)
{
    const struct lvm_refresh *f = NULL;
    const struct lvm_order *o;
    unsigned to = 99;

    adopt(true);
    o = created("new", &to);
    cr_assert_not_null(o);
    cr_expect_eq(o->op, LVM_LV_CREATE);
    cr_expect_str_eq(o->vg, "fast");
    cr_expect_str_eq(o->vg_uuid, "V");
    cr_expect_eq(o->seqno, 7);
    cr_expect_eq(o->mark, text_mark("digest-7"));
    cr_assert_eq(o->pvs.n, 2);
    cr_expect_str_eq(o->pvs.v[0], "PV1");
    cr_expect_eq(rights(), 1);
    cr_expect(result(to, o, LVM_STARTED, NULL));
    cr_expect_eq(rights(), 1);
    written();
    cr_expect(result(to, o, LVM_DONE, NULL));
    cr_expect_eq(rights(), 1, "until all are current nobody else changes it");
    cr_assert_eq(refreshes(&f), MACHINES);
    cr_expect_eq(f->seqno, 8);
    spread();
    cr_expect_null(task());
    cr_expect_eq(rights(), 0);
    cr_expect(result(to, o, LVM_DONE, NULL) == false, "the task is over, and its right");
}

Test(vg, changes_wait_for_each_other_in_order)
{
    const struct lvm_order *first, *o;
    unsigned to, other;

    adopt(true);
    first = created("a", &to);
    cr_assert_not_null(first);
    cr_expect_null(created("b", &other), "one at a time");
    cr_expect_null(created("c", &other));
    cr_expect_not_null(strstr(task()->jobs[0]->held, "task 1 changes it"));
    alive(700000, MACHINES);
    cr_expect_eq(task()->jobs[0]->now, JOB_HELD, "however long it takes");
    written();
    snprintf(disk.lvs[disk.n++], 16, "a");
    result(to, first, LVM_DONE, NULL);
    for (unsigned i = 0; i < MACHINES; i++)
        report(i);
    spread();
    o = order_to(&other);
    cr_assert_not_null(o);
    cr_expect_str_eq(o->lv, "b");
    cr_expect_eq(o->seqno, 8);
}

Test(vg, a_silent_node_keeps_its_right_until_it_is_fenced)
{
    const struct lvm_order *o, *again;
    unsigned to, other = 99;
    char secret[33];

    adopt(true);
    o = created("new", &to);
    cr_assert_not_null(o);
    alive(600000, to);
    forget();
    cr_expect_eq(rights(), 1);
    cr_expect_null(order_to(&other));
    life_restart(l);
    for (unsigned i = 0; i < MACHINES; i++) {
        if (i != to) {
            machine_register(&m[i]);
            report(i);
        }
    }
    cr_expect_eq(rights(), 1, "a start of the coordinator changes nothing of it");
    alive(40000, to);
    cr_expect_null(order_to(&other));
    machine_reboot(&m[to]);
    life_token(l, m[to].name, secret);
    machine_enrol(&m[to], secret);
    machine_register(&m[to]);
    report(to);
    again = order_to(&other);
    cr_assert_not_null(again, "its boot is over: somebody does it: %s", task()->jobs[0]->held);
    cr_expect_gt(again->token, o->token);
    cr_expect_not(result(to, o, LVM_DONE, NULL), "nothing is taken under the old right");
}

static enum reply_code break_it(void)
{
    struct request req = { 0 };
    enum reply_code code;

    REC_SET(&req, request, op, OP_HOLD_BREAK);
    REC_SET(&req, request, resource, "fast");
    REC_SET(&req, request, confirm, "fast");
    forget();
    code = life_ask(l, &req);
    hear();
    return code;
}

/* Its key is nobody's in particular, so that its boot proves nothing of the one before. */
Test(vg, a_later_boot_has_no_part_in_it_until_an_operator_breaks_the_right)
{
    const struct lvm_order *o, *again;
    unsigned to, other = 99;
    char secret[33];

    adopt(true);
    o = created("new", &to);
    cr_assert_not_null(o);
    cr_expect_eq(break_it(), REPLY_REFUSED, "it is up, and will say how it ends");
    alive(40000, to);
    machine_reboot(&m[to]);
    life_token(l, NULL, secret);
    machine_enrol(&m[to], secret);
    machine_register(&m[to]);
    report(to);
    forget();
    alive(20000, MACHINES);
    cr_expect_null(order_to(&other), "the earlier boot may write yet");
    cr_expect_eq(rights(), 1);
    cr_expect(strstr(task()->jobs[0]->held, "hold break fast"), "%s", task()->jobs[0]->held);
    cr_expect_eq(break_it(), REPLY_OK);
    again = order_to(&other);
    cr_assert_not_null(again);
    cr_expect_gt(again->token, o->token);
    cr_expect_eq(rights(), 1);
    cr_expect_not(result(to, o, LVM_DONE, NULL), "nothing is taken under the old right");
}

/* In a database that was put back its right is lost, and it may write. */
Test(vg, a_change_that_a_node_tells_of_and_nobody_knows_is_waited_for)
{
    unsigned to;

    adopt(true);
    rights_add(&m[0], 0, RIGHT_CHANGE, 4711);
    life_restart(l);
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_register(&m[i]);
        report(i);
    }
    forget();
    cr_expect_eq(change(LVM_LV_CREATE, "new", 1u << 30), REPLY_OK);
    cr_expect_null(order_to(&to));
    alive(5000, MACHINES);
    cr_expect_eq(rights(), 0);
    rights_clear(&m[0]);
    alive(5000, MACHINES);
    cr_expect_eq(rights(), 1);
}

static enum reply_code cancel(void)
{
    struct request req = { 0 };
    enum reply_code code;

    REC_SET(&req, request, op, OP_TASK_CANCEL);
    REC_SET(&req, request, count, task()->row.no);
    code = life_ask(l, &req);
    hear();
    return code;
}

Test(vg, a_task_that_is_cancelled_when_its_change_is_done_leaves_no_right)
{
    const struct lvm_order *o;
    unsigned to;

    adopt(true);
    o = created("new", &to);
    cr_assert_not_null(o);
    written();
    cr_expect(result(to, o, LVM_DONE, NULL));
    cr_expect_eq(cancel(), REPLY_OK);
    cr_expect_null(task());
    cr_expect_eq(rights(), 0);
}

Test(vg, who_may_have_begun_is_waited_for_though_the_task_is_cancelled)
{
    unsigned to;

    adopt(true);
    cr_assert_not_null(created("new", &to));
    life_restart(l);
    for (unsigned i = 0; i < MACHINES; i++) {
        if (i != to) {
            machine_register(&m[i]);
            report(i);
        }
    }
    cr_expect_eq(cancel(), REPLY_OK);
    cr_assert_not_null(task());
    cr_expect_eq(rights(), 1);
}

Test(vg, who_asks_late_whether_to_begin_is_told_that_it_is_over)
{
    const struct lvm_order *o;
    unsigned to;

    adopt(true);
    o = created("new", &to);
    cr_assert_not_null(o);
    written();
    cr_expect(result(to, o, LVM_DONE, NULL));
    cr_expect_not(result(to, o, LVM_STARTED, NULL), "an order that came twice");
    cr_expect(result(to, o, LVM_DONE, NULL), "a result that came twice");
}

Test(vg, what_is_refused_by_the_node_fails)
{
    const struct lvm_order *o;
    unsigned to;

    adopt(true);
    o = created("new", &to);
    cr_assert_not_null(o);
    cr_expect(result(to, o, LVM_REFUSED, "There is no room for it."));
    cr_expect_null(task());
    cr_expect_eq(rights(), 0);
}

Test(vg, what_may_go_another_time_is_tried_again)
{
    const struct lvm_order *o, *again;
    unsigned to, other = 99;

    adopt(true);
    o = created("new", &to);
    cr_expect(result(to, o, LVM_FAILED, "The worker was killed."));
    again = order_to(&other);
    cr_assert_not_null(again);
    cr_expect_eq(other, to, "under the same right");
    cr_expect_eq(again->token, o->token);
    cr_expect_eq(again->order->attempt, 2);
    cr_expect_not(result(to, o, LVM_DONE, NULL), "the first attempt is over");
}

Test(vg, nothing_is_removed_that_may_be_mapped)
{
    const struct lvm_refresh *f = NULL;
    unsigned to = 99;

    adopt(true);
    cr_assert_eq(change(LVM_LV_REMOVE, "root", 0), REPLY_OK, "%s", l->reply->text);
    cr_expect_null(order_to(&to));
    cr_assert_eq(refreshes(&f), MACHINES);
    cr_expect_str_eq(f->unmapped.v[0], "uuid-root");
    refreshed(0, true);
    refreshed(1, true);
    cr_expect_null(order_to(&to), "one has not answered");
    refreshed(2, true);
    cr_expect_not_null(order_to(&to));
}

Test(vg, who_was_down_before_is_told_as_behind_at_once)
{
    const struct lvm_refresh *f = NULL;
    const struct lvm_order *o;
    unsigned to = 99, told = 0;

    adopt(true);
    alive(40000, 2);
    cr_assert(!link_empty(&l->c->live[NODE_DOWN]), "it is down");
    o = created("new", &to);
    cr_assert_not_null(o);
    written();
    cr_expect(result(to, o, LVM_DONE, NULL));
    cr_assert_eq(refreshes(&f), 2, "it is not asked");
    cr_assert_not_null(task());
    for (uint32_t i = 0; i < task()->job_count; i++) {
        const struct job *j = task()->jobs[i];

        if (j->row.reason == NULL || strstr(j->row.reason, "It is silent") == NULL)
            continue;
        cr_expect_eq(j->row.result, VG_OUT_FAILED);
        told++;
    }
    cr_expect_eq(told, 1);
    refreshed(0, true);
    refreshed(1, true);
    cr_expect_null(task(), "nobody waits for it");
    cr_expect_eq(rights(), 0);
}

/* A node that mends its devices answers nothing while it is at it. */
Test(vg, what_a_node_has_said_last_is_why_it_is_behind)
{
    const struct lvm_order *o;
    unsigned to = 99, told = 0;

    adopt(true);
    o = created("new", &to);
    cr_assert_not_null(o);
    written();
    cr_assert(result(to, o, LVM_DONE, NULL));
    cr_assert_eq(refreshed(2, false), 1);
    alive(13000, MACHINES);
    cr_assert_not_null(task(), "the others have more time");
    for (uint32_t i = 0; i < task()->job_count; i++) {
        const struct job *j = task()->jobs[i];

        if (j->row.result != VG_OUT_FAILED)
            continue;
        cr_expect_str_eq(j->row.reason, "LV root is open.");
        told++;
    }
    cr_expect_eq(told, 1);
}

static void declare_dead(unsigned i)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_NODE_DECLARE_DEAD);
    REC_SET(&req, request, node, m[i].name);
    REC_SET(&req, request, confirm, m[i].name);
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    hear();
}

static void remove_is_ordered(const char *when)
{
    unsigned to = 99;

    refreshed(0, true);
    refreshed(1, true);
    cr_expect_not_null(order_to(&to), "%s", when);
}

Test(vg, who_was_fenced_before_has_nothing_mapped)
{
    adopt(true);
    alive(40000, 2);
    declare_dead(2);
    cr_assert_eq(change(LVM_LV_REMOVE, "root", 0), REPLY_OK, "%s", l->reply->text);
    remove_is_ordered("its boot was over before");
}

Test(vg, who_is_fenced_meanwhile_has_nothing_mapped)
{
    unsigned to = 99;

    adopt(true);
    alive(40000, 2);
    cr_assert_eq(change(LVM_LV_REMOVE, "root", 0), REPLY_OK, "%s", l->reply->text);
    refreshed(0, true);
    refreshed(1, true);
    cr_expect_null(order_to(&to), "one that is silent may have it mapped");
    declare_dead(2);
    cr_expect_not_null(order_to(&to), "its boot is over");
}

Test(vg, the_name_of_what_was_removed_is_free)
{
    adopt(true);
    disk.n = 0;
    written();
    report(0);
    cr_expect_eq(change(LVM_LV_CREATE, "root", 1u << 30), REPLY_REFUSED,
                 "two have not read it yet");
    report(1);
    report(2);
    cr_expect_eq(change(LVM_LV_REMOVE, "root", 0), REPLY_NOT_FOUND, "%s", l->reply->text);
    cr_expect_eq(change(LVM_LV_CREATE, "root", 1u << 30), REPLY_OK, "%s", l->reply->text);
}

Test(vg, who_has_it_open_is_named)
{
    adopt(true);
    uses_it(1, "lv.uuid-root");
    cr_expect_eq(change(LVM_LV_REMOVE, "root", 0), REPLY_REFUSED);
    cr_expect_not_null(strstr(l->reply->text, m[1].name), "%s", l->reply->text);
    cr_expect_eq(change(LVM_LV_CREATE, "new", 1u << 30), REPLY_OK,
                 "other LVs may be in use meanwhile");
}

Test(vg, an_lv_is_extended_while_it_is_in_use)
{
    const struct lvm_order *o;
    unsigned to = 99;

    adopt(true);
    uses_it(1, "lv.uuid-root");
    cr_assert_eq(change(LVM_LV_EXTEND, "root", 2u << 30), REPLY_OK, "%s", l->reply->text);
    o = order_to(&to);
    cr_assert_not_null(o, "and begun");
    cr_expect_eq(o->op, LVM_LV_EXTEND);
}

static size_t behind(void);

/* ---- snapshots ------------------------------------------------------------------------------ */

static void activate(unsigned i, const char *lv)
{
    active[i] = lv;
    report(i);
}

static enum reply_code snapshot(void)
{
    return change(LVM_LV_SNAPSHOT, "root", 1u << 30);
}

Test(vg, a_snapshot_is_made_where_its_origin_is_active)
{
    const struct lvm_order *o;
    unsigned to = 99;

    adopt(true);
    activate(2, "root");
    uses_it(2, "lv.uuid-root");
    cr_assert_eq(snapshot(), REPLY_OK, "%s", l->reply->text);
    o = order_to(&to);
    cr_assert_not_null(o);
    cr_expect_eq(to, 2, "the kernel that writes to it keeps the snapshot");
    cr_expect_eq(o->op, LVM_LV_SNAPSHOT);
    cr_expect_str_eq(o->new_name, "before");
    cr_expect_str_eq(o->lv_uuid, "uuid-root");
}

Test(vg, no_snapshot_is_made_of_what_is_active_twice)
{
    const struct lvm_order *o;
    unsigned to = 99;

    adopt(true);
    activate(1, "root");
    activate(2, "root");
    cr_expect_eq(snapshot(), REPLY_REFUSED);
    cr_expect_not_null(strstr(l->reply->text, m[1].name), "%s", l->reply->text);
    cr_expect_not_null(strstr(l->reply->text, m[2].name), "%s", l->reply->text);
    cr_expect_null(task());
    activate(2, NULL);
    o = created("new", &to);
    cr_assert_not_null(o);
    cr_assert_eq(snapshot(), REPLY_OK, "%s", l->reply->text);
    activate(2, "root");
    written();
    result(to, o, LVM_DONE, NULL);
    spread();
    forget();
    alive(3000, MACHINES);
    cr_expect_null(order_to(&to), "it has become active there while it waited");
    cr_expect_not_null(strstr(task()->jobs[0]->held, "is active on"), "%s", task()->jobs[0]->held);
}

Test(vg, a_snapshot_waits_for_the_node_that_has_its_origin)
{
    unsigned to = 99;

    adopt(true);
    activate(1, "root");
    alive(40000, 1);
    cr_assert_eq(snapshot(), REPLY_OK, "%s", l->reply->text);
    cr_expect_null(order_to(&to));
    cr_expect_not_null(strstr(task()->jobs[0]->held, m[1].name), "%s", task()->jobs[0]->held);
    declare_dead(1);
    alive(3000, 1);
    cr_expect(task()->jobs[0]->now == JOB_OFFERED, "its boot is over, and nothing is active there");
}

Test(vg, a_snapshot_that_was_full_is_told_and_leaves_nobody_behind)
{
    adopt(true);
    attr = "swi-I-s---";
    report(0);
    cr_expect_eq(durable_count_events(l->d, "lv.fault", "the snapshot fast/root was full"), 1);
    report(0);
    cr_expect_eq(durable_count_events(l->d, "lv.fault", ""), 1, "once");
    cr_expect_eq(behind(), 0);
}

static size_t behind(void)
{
    struct request req = { 0 };
    const struct vg_info *v;

    REC_SET(&req, request, op, OP_VG_LIST);
    REC_SET(&req, request, resource, "fast");
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    v = l->reply->vgs.v;
    return v[0].behind;
}

static size_t faults(void)
{
    return durable_count_events(l->d, "vg.fault", "the table of fast/root");
}

Test(vg, a_device_that_is_not_as_the_metadata_say_is_told_and_stops_nothing)
{
    unsigned to = 99;

    adopt(true);
    for (unsigned i = 0; i < MACHINES; i++) {
        fault[i] = "the table of fast/root is not what the metadata say (-wi-XX----)";
        report(i);
    }
    cr_expect_eq(behind(), MACHINES);
    cr_expect_eq(faults(), MACHINES, "each is told");
    cr_assert_eq(change(LVM_LV_CREATE, "new", 1u << 30), REPLY_OK, "%s", l->reply->text);
    cr_expect_not_null(order_to(&to), "the change makes it so");
    fault[0] = NULL;
    report(0);
    cr_expect_eq(behind(), MACHINES - 1);
}

Test(vg, nodes_that_disagree_stop_all_changes)
{
    unsigned to = 99;

    adopt(true);
    written();
    report(0);
    cr_expect_null(created("new", &to));
    cr_expect_not_null(strstr(task()->jobs[0]->held, "until they agree"), "%s",
                       task()->jobs[0]->held);
    report(1);
    report(2);
    cr_expect_not_null(order_to(&to), "they do");
}

static size_t outside(void)
{
    return durable_count_events(l->d, "vg.changed", "No task has done that");
}

Test(vg, what_no_task_has_changed_is_told)
{
    const struct lvm_order *o;
    unsigned to;

    written();
    spread();
    cr_expect_eq(outside(), 0, "it may be changed by whoever does that");
    adopt(true);
    o = created("new", &to);
    cr_assert_not_null(o);
    written();
    result(to, o, LVM_DONE, NULL);
    for (unsigned i = 0; i < MACHINES; i++)
        refreshed(i, true);
    cr_assert_null(task());
    spread();
    cr_expect_eq(outside(), 0, "also where its rows come after its answer");
    written();
    spread();
    cr_expect_eq(outside(), 1);
}

Test(vg, input)
{
    static const struct {
        enum lvm_op op;
        const char *lv;
        uint64_t bytes;
        enum reply_code code;
        const char *text;
    } cases[] = {
        { LVM_LV_CREATE, "root", 1u << 30, REPLY_REFUSED, "has an LV 'root' already" },
        { LVM_LV_CREATE, "a b", 1u << 30, REPLY_INVALID, "other characters" },
        { LVM_LV_CREATE, "pvmove0", 1u << 30, REPLY_INVALID, "keeps for itself" },
        { LVM_LV_CREATE, "a_tdata", 1u << 30, REPLY_INVALID, "keeps for itself" },
        { LVM_LV_CREATE, "-a", 1u << 30, REPLY_INVALID, "hyphen" },
        { LVM_LV_CREATE, "a", 0, REPLY_INVALID, "needs a size" },
        { LVM_LV_CREATE, NULL, 1, REPLY_INVALID, "needs an LV" },
        { LVM_LV_REMOVE, "swap", 0, REPLY_NOT_FOUND, "has no LV 'swap'" },
        { LVM_VG_EXTEND, NULL, 0, REPLY_INVALID, "needs LUNs" },
        { LVM_VG_CREATE, NULL, 0, REPLY_INVALID, "needs LUNs" },
        { (enum lvm_op)77, NULL, 0, REPLY_INVALID, "does not say" },
    };

    adopt(true);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum reply_code code = change(cases[i].op, cases[i].lv, cases[i].bytes);

        cr_expect_eq(code, cases[i].code, "%zu: %s", i, l->reply->text);
        cr_expect_not_null(strstr(l->reply->text, cases[i].text), "%zu: %s", i, l->reply->text);
    }
    cr_expect_null(task());
}

/* ---- of which devices ----------------------------------------------------------------------- */

static enum reply_code make(const char *const *names, size_t n, uint64_t extent)
{
    struct request req = { 0 };
    struct vg_ask ask = { 0 };
    enum reply_code code;

    REC_SET(&ask, vg_ask, op, LVM_VG_CREATE);
    REC_SET(&ask, vg_ask, vg, "made");
    REC_SET(&ask, vg_ask, luns, ((struct strs){ (const char **)(uintptr_t)names, n }));
    if (extent > 0)
        REC_SET(&ask, vg_ask, extent_bytes, extent);
    REC_SET(&req, request, op, OP_VG_CHANGE);
    REC_SET(&req, request, vg_ask, &ask);
    forget();
    code = life_ask(l, &req);
    hear();
    return code;
}

/* Who removes a volume group may write to its LUNs until it has said that it is done, though all
 * have read already that there is none. */
Test(vg, luns_are_nobody_elses_until_a_removal_is_known_to_be_over)
{
    const struct lvm_order *o;
    unsigned to = 99, at = 99;

    adopt(true);
    disk.n = 0;
    written();
    for (unsigned i = 0; i < MACHINES; i++)
        report(i);
    cr_assert_eq(change(LVM_VG_REMOVE, NULL, 0), REPLY_OK, "%s", l->reply->text);
    for (unsigned i = 0; i < MACHINES; i++)
        refreshed(i, true);
    o = order_to(&to);
    cr_assert_not_null(o);
    cr_expect_eq(rights(), 3, "it and its LUNs");
    for (unsigned i = 0; i < MACHINES; i++) {
        gone[i] = true;
        report(i);
    }
    cr_assert_eq(make(luns, 2, 0), REPLY_OK, "%s", l->reply->text);
    cr_expect_null(order_to(&at));
    cr_expect(result(to, o, LVM_DONE, NULL));
    o = order_to(&at);
    cr_assert_not_null(o);
    cr_expect_eq(o->op, LVM_VG_CREATE);
    cr_expect_eq(rights(), 2);
}

Test(vg, a_name_is_that_of_what_is_still_seen)
{
    disk.n = 0;
    adopt(true);
    group = "W";
    for (unsigned i = 0; i < MACHINES; i++)
        report(i);
    cr_assert_eq(adopt(true), REPLY_OK, "%s", l->reply->text);
    cr_expect_eq(change(LVM_LV_CREATE, "new", 1u << 30), REPLY_OK, "%s", l->reply->text);
    cr_expect_str_eq(task()->vg->row.vg_uuid, "W");
}

Test(vg, extents_are_of_a_size_that_lvm_takes)
{
    static const struct {
        uint64_t bytes;
        const char *text; /* NULL: it is good */
    } cases[] = {
        { 256, "neither a power of 2" },
        { 3000, "neither a power of 2" },
        { 3 << 10, "neither a power of 2" },
        { 130 << 10, "neither a power of 2" },
        { UINT64_C(2) << 40, "2 TiB or more" },
        { UINT64_C(3) << 40, "2 TiB or more" },
        { 3 << 20, NULL },
    };
    static const char *const names[] = { "naa.6009" };
    const struct lvm_order *o;
    unsigned to = 99;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum reply_code code = make(names, 1, cases[i].bytes);

        cr_expect_eq(code, cases[i].text == NULL ? REPLY_OK : REPLY_INVALID, "%zu", i);
        if (cases[i].text != NULL)
            cr_expect_not_null(strstr(l->reply->text, cases[i].text), "%s", l->reply->text);
    }
    o = order_to(&to);
    cr_assert_not_null(o);
    cr_expect_eq(o->extent_bytes, 3 << 20);
}

Test(vg, only_a_new_volume_group_gets_extents_of_another_size)
{
    struct request req = { 0 };
    struct vg_ask ask = { 0 };

    adopt(true);
    REC_SET(&ask, vg_ask, op, LVM_VG_EXTEND);
    REC_SET(&ask, vg_ask, vg, "fast");
    REC_SET(&ask, vg_ask, luns, ((struct strs){ (const char *[]){ "naa.6009" }, 1 }));
    REC_SET(&ask, vg_ask, extent_bytes, 8 << 20);
    REC_SET(&req, request, op, OP_VG_CHANGE);
    REC_SET(&req, request, vg_ask, &ask);
    cr_expect_eq(life_ask(l, &req), REPLY_INVALID);
    cr_expect_not_null(strstr(l->reply->text, "only where a volume group is created"), "%s",
                       l->reply->text);
}

Test(vg, a_partition_becomes_a_pv_under_a_right_on_its_lun)
{
    static const char *const both[] = { "naa.6009-part1", "naa.6009-part2" };
    const struct lvm_order *o;
    unsigned to = 99;

    cr_expect_eq(make(both, 1, 0), REPLY_NOT_FOUND);
    cr_expect_not_null(strstr(l->reply->text, "No node sees a partition naa.6009-part1"), "%s",
                       l->reply->text);
    parts[1] = 2;
    report(1);
    cr_assert_eq(make(both, 2, 0), REPLY_OK, "%s", l->reply->text);
    o = order_to(&to);
    cr_assert_not_null(o);
    cr_expect_eq(to, 1, "that sees them");
    cr_expect_eq(o->containers.n, 2);
    cr_expect_str_eq(o->containers.v[1], both[1]);
    cr_expect_eq(rights(), 1, "their LUN is one");
}

Test(vg, what_lies_on_a_partition_or_uses_its_lun_is_in_the_way)
{
    static const char *const one[] = { "naa.6009-part1" };
    static const char *const twice[] = { "naa.6009-part1", "naa.6009-part1" };

    parts[0] = 2;
    report(0);
    cr_expect_eq(make(twice, 2, 0), REPLY_INVALID);
    cr_expect_not_null(strstr(l->reply->text, "named twice"), "%s", l->reply->text);
    uses_it(0, "naa.6009-part2");
    cr_assert_eq(make(one, 1, 0), REPLY_OK, "%s", l->reply->text);
    cr_expect_not_null(strstr(task()->jobs[0]->held, "naa.6009"), "%s", task()->jobs[0]->held);
}

/* Another node sees them by the time. */
Test(vg, a_partition_becomes_a_pv_when_a_node_that_may_tells_that_it_sees_it)
{
    static const char *const one[] = { "naa.6009-part1" };
    struct request req = { 0 };
    unsigned to = 99;

    parts[1] = 2;
    report(1);
    REC_SET(&req, request, op, OP_NODE_DRAIN);
    REC_SET(&req, request, node, m[1].name);
    REC_SET(&req, request, flag, true);
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    cr_assert_eq(make(one, 1, 0), REPLY_OK, "%s", l->reply->text);
    cr_expect_null(order_to(&to));
    cr_expect_not_null(strstr(task()->jobs[0]->held, "sees all of it well"), "%s",
                       task()->jobs[0]->held);
    parts[2] = 2;
    report(2);
    cr_assert_not_null(order_to(&to), "%s", task()->jobs[0]->held);
    cr_expect_eq(to, 2);
}

/* The same after a start of the coordinator, and of a volume group that there is. */
Test(vg, it_is_woken_by_a_partition_after_a_start_too)
{
    const char *one = "naa.6009-part1";
    struct request drain = { 0 }, req = { 0 };
    struct vg_ask ask = { 0 };
    unsigned to = 99;

    adopt(true);
    parts[1] = 2;
    report(1);
    REC_SET(&drain, request, op, OP_NODE_DRAIN);
    REC_SET(&drain, request, node, m[1].name);
    REC_SET(&drain, request, flag, true);
    cr_assert_eq(life_ask(l, &drain), REPLY_OK, "%s", l->reply->text);
    REC_SET(&ask, vg_ask, op, LVM_VG_EXTEND);
    REC_SET(&ask, vg_ask, vg, "fast");
    REC_SET(&ask, vg_ask, luns, ((struct strs){ &one, 1 }));
    REC_SET(&req, request, op, OP_VG_CHANGE);
    REC_SET(&req, request, vg_ask, &ask);
    forget();
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    life_restart(l);
    forget();
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_register(&m[i]);
        report(i);
    }
    alive(5000, MACHINES);
    cr_assert_not_null(task()->jobs[0]->held);
    cr_expect_not_null(strstr(task()->jobs[0]->held, "sees all of it well"), "%s",
                       task()->jobs[0]->held);
    parts[0] = 2;
    report(0);
    cr_assert_not_null(order_to(&to), "%s", task()->jobs[0]->held);
    cr_expect_eq(to, 0);
}

/* One node has not looked since at the partitions of a LUN that has become a PV as a whole. */
Test(vg, no_partition_becomes_a_pv_of_a_lun_that_is_one_as_a_whole)
{
    static const char *const one[] = { "naa.6009-part1" };

    parts[0] = 2;
    report(0);
    whole[1] = true;
    report(1);
    cr_expect_eq(make(one, 1, 0), REPLY_REFUSED);
    cr_expect_not_null(strstr(l->reply->text, "Partition naa.6009-part1 cannot become a PV: "
                                              "something lies on the whole of its LUN."),
                       "%s", l->reply->text);
    whole[1] = false;
    report(1);
    cr_expect_eq(make(one, 1, 0), REPLY_OK, "%s", l->reply->text);
}

/* ---- what else activates its LVs ------------------------------------------------------------ */

static const struct status_info *status(void)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_STATUS);
    cr_assert_eq(life_ask(l, &req), REPLY_OK);
    return l->reply->status;
}

static const struct vg_info *shown(void)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_VG_LIST);
    REC_SET(&req, request, resource, "fast");
    cr_assert_eq(life_ask(l, &req), REPLY_OK, "%s", l->reply->text);
    return l->reply->vgs.v;
}

Test(vg, who_activates_its_lvs_by_itself_is_told_where_that_is_musters_to_say)
{
    const struct vg_node *v;

    auto_by[1] = auto_by[2] = "udev's 69-lvm.rules has LVM activate it";
    report(1);
    report(2);
    cr_expect_eq(status()->vgs_activating, 0, "it is nobody's affair");
    cr_expect_eq(shown()->activating, 2);
    v = l->reply->vg_nodes.v;
    cr_expect(!v[0].activates && v[1].activates && v[2].activates);
    adopt(true);
    cr_expect_eq(status()->vgs_activating, 2);
    cr_expect_not_null(strstr(l->reply->status->vgs_activating_text, m[1].name), "%s",
                       l->reply->status->vgs_activating_text);
    cr_expect_not_null(strstr(l->reply->status->vgs_activating_text, "one of 2 such"));
    cr_expect_not_null(
        strstr(l->reply->status->vgs_activating_text, "muster vg autoactivation-off fast"));
    auto_by[1] = NULL;
    report(1);
    cr_expect_eq(status()->vgs_activating, 1);
    cr_expect_not_null(strstr(l->reply->status->vgs_activating_text, m[2].name));
    life_restart(l);
    cr_expect_eq(status()->vgs_activating, 1, "it is stored");
    adopt(false);
    cr_expect_eq(status()->vgs_activating, 0, "it is nobody's affair again");
}

Test(vg, what_a_node_has_mounted_is_not_kept_from_its_next_boot)
{
    unsigned to = 99;

    adopt(true);
    uses_it(2, "lv.uuid-root");
    cr_expect_eq(change(LVM_VG_AUTOACTIVATION_OFF, NULL, 0), REPLY_REFUSED);
    cr_expect_not_null(strstr(l->reply->text, "may not find it at its next boot"), "%s",
                       l->reply->text);
    use_count[2] = 0;
    report(2);
    cr_expect_eq(change(LVM_VG_AUTOACTIVATION_OFF, NULL, 0), REPLY_OK, "%s", l->reply->text);
    cr_assert_not_null(order_to(&to));
}

/* The root may lie in what the map decrypts. LVM's own maps are nobody's. */
Test(vg, what_lies_in_a_map_on_an_lv_is_not_kept_from_the_next_boot)
{
    static const struct {
        const char *kind, *type;
        enum reply_code code;
    } cases[] = {
        { "dm", "CRYPT", REPLY_REFUSED }, { "md", NULL, REPLY_REFUSED },
        { "loop", NULL, REPLY_REFUSED },  { "swap", "partition", REPLY_REFUSED },
        { "dm", "LVM", REPLY_OK },
    };

    adopt(true);
    uses_it(2, "lv.uuid-root");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct use u = { 0 };

        REC_SET(&u, use, key, "use/1");
        REC_SET(&u, use, kind, cases[i].kind);
        REC_PUT(&u, use, type, cases[i].type);
        REC_SET(&u, use, container, "lv.uuid-root");
        uses[2][0] = u;
        report(2);
        cr_expect_eq(change(LVM_VG_AUTOACTIVATION_OFF, NULL, 0), cases[i].code, "%zu: %s", i,
                     l->reply->text);
    }
}

Test(vg, what_was_mounted_after_it_was_asked_for_is_not_kept_from_its_next_boot)
{
    const struct lvm_order *o;
    unsigned to = 99, other = 99;

    adopt(true);
    o = created("new", &to);
    cr_assert_not_null(o);
    cr_assert_eq(change(LVM_VG_AUTOACTIVATION_OFF, NULL, 0), REPLY_OK, "%s", l->reply->text);
    uses_it(2, "lv.uuid-root");
    cr_assert(result(to, o, LVM_REFUSED, "There is no room."));
    cr_expect_null(order_to(&other));
    cr_expect_not_null(strstr(task()->jobs[0]->held, "may not find it at its next boot"), "%s",
                       task()->jobs[0]->held);
    use_count[2] = 0;
    report(2);
    alive(3000, MACHINES);
    o = order_to(&other);
    cr_assert_not_null(o);
    cr_expect_eq(o->op, LVM_VG_AUTOACTIVATION_OFF);
}

/* ---- what is known of a change that failed -------------------------------------------------- */

static void ends_as(enum lvm_outcome last, const char *begins)
{
    const struct lvm_order *o;
    unsigned to = 99;

    adopt(true);
    o = created("new", &to);
    for (unsigned i = 1; i < LIMIT_JOB_ATTEMPTS; i++) {
        cr_assert(result(to, o, LVM_FAILED, "The worker was killed."));
        o = order_to(&to);
        cr_assert_not_null(o);
    }
    cr_assert(result(to, o, last, "There is no room."));
    cr_assert_null(task());
    cr_expect_eq(durable_count_events(l->d, "task.ended", begins), 1);
}

Test(vg, what_no_attempt_has_found_out_is_not_known)
{
    ends_as(LVM_FAILED, "It is not known whether LV fast/new is changed: There is no room.");
}

Test(vg, an_attempt_that_has_looked_and_refuses_knows_that_nothing_has_changed)
{
    ends_as(LVM_REFUSED, "LV fast/new is not changed: There is no room.");
}

/* Nobody looks any more. */
Test(vg, a_change_that_was_begun_is_not_known_when_its_task_is_cancelled)
{
    const struct lvm_order *o;
    unsigned to = 99;

    adopt(true);
    o = created("new", &to);
    cr_assert(result(to, o, LVM_STARTED, NULL));
    life_restart(l);
    forget();
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_register(&m[i]);
        report(i);
    }
    cr_expect_eq(cancel(), REPLY_OK);
    cr_assert_not_null(task(), "who has begun says how it ends");
    o = order_to(&to);
    cr_assert_not_null(o);
    cr_assert(result(to, o, LVM_FAILED, "The worker was killed."));
    cr_assert_null(task());
    cr_expect_eq(rights(), 0);
    cr_expect_eq(durable_count_events(
                     l->d, "task.ended",
                     "It is not known whether LV fast/new is changed: The task was cancelled."),
                 1);
}

Test(vg, a_change_of_a_boot_that_is_over_is_not_known_when_nobody_looks_any_more)
{
    const struct lvm_order *o;
    unsigned to = 99;

    adopt(true);
    o = created("new", &to);
    cr_assert(result(to, o, LVM_STARTED, NULL));
    written();
    report((to + 1) % MACHINES); /* with which the third does not agree */
    alive(40000, to);
    declare_dead(to);
    cr_assert_not_null(task());
    cr_expect_eq(rights(), 0);
    cr_expect_eq(cancel(), REPLY_OK);
    cr_assert_null(task());
    cr_expect_eq(durable_count_events(
                     l->d, "task.ended",
                     "It is not known whether LV fast/new is changed: The task was cancelled."),
                 1);
}
