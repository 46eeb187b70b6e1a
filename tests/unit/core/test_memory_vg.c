/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every allocation fails once while volume groups are changed and LUNs are looked for anew. What
 * was asked for is asked for again, nodes do what they are told however often, and in the end all
 * is as if nothing had failed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "disks.h"
#include "failing.h"
#include "machine.h"
#include "wire/codec.h"

enum { MACHINES = 2, LVS = 4, PATIENCE_S = 120 };

static const char *const luns[] = { "naa.6001", "naa.6002" };

/* What is on the LUNs. */
static struct disk {
    uint64_t seqno;
    struct {
        char name[16], uuid[16];
    } lvs[LVS];
    size_t n;
    uint32_t made_by[8]; /* tasks that have changed it */
    size_t made;
    unsigned pvs;
} disk;

static struct life *l;
static struct machine m[MACHINES];
static long which; /* allocation fails */
static unsigned failures;
static struct arena *kept;
/* That were sent and are not answered yet. */
static struct {
    unsigned to;
    const struct envelope *env;
} heard[64];
static size_t heard_count;

/* ---- machines ------------------------------------------------------------------------------- */

static void hear(void)
{
    for (size_t k = 0; k < l->offer_count; k++) {
        uuid128 id;

        cr_assert_lt(heard_count, ARRAY_LEN(heard));
        cr_assert(wire_uuid(l->offers[k]->node_id, &id));
        heard[heard_count].to = uuid_eq(m[0].id, id) ? 0 : 1;
        heard[heard_count++].env = record_dup(kept, &envelope_desc, l->offers[k]);
    }
    l->offer_count = 0;
}

static void lv_rows(struct lv *lv)
{
    for (size_t k = 0; k < disk.n; k++) {
        REC_SET(&lv[k], lv, uuid, disk.lvs[k].uuid);
        REC_SET(&lv[k], lv, name, disk.lvs[k].name);
        REC_SET(&lv[k], lv, vg_uuid, "V");
        REC_SET(&lv[k], lv, vg_name, "fast");
        REC_SET(&lv[k], lv, paths_active, 1);
        REC_SET(&lv[k], lv, paths_total, 1);
    }
}

static void report(unsigned i)
{
    struct lun lun[2] = { { 0 } };
    struct pv pv[2] = { { 0 } };
    struct vg vg = { 0 };
    struct lv lv[LVS] = { { 0 } };
    char digest[24];
    struct section v[] = {
        { .id = SECTION_LUNS, .rows = lun, .row_count = 2 },
        { .id = SECTION_PVS, .rows = pv, .row_count = disk.pvs },
        { .id = SECTION_VGS, .rows = &vg, .row_count = 1 },
        { .id = SECTION_LVS, .rows = lv, .row_count = disk.n },
        { .id = SECTION_USES, .rows = NULL, .row_count = 0 },
    };

    snprintf(digest, sizeof digest, "digest-%llu", (unsigned long long)disk.seqno);
    for (size_t k = 0; k < 2; k++) {
        REC_SET(&lun[k], lun, key, luns[k]);
        REC_SET(&lun[k], lun, paths_active, 2);
        REC_SET(&lun[k], lun, paths_total, 2);
        REC_SET(&pv[k], pv, uuid, k == 0 ? "PV1" : "PV2");
        REC_SET(&pv[k], pv, container, luns[k]);
        REC_SET(&pv[k], pv, vg_uuid, "V");
    }
    REC_SET(&vg, vg, uuid, "V");
    REC_SET(&vg, vg, name, "fast");
    REC_SET(&vg, vg, seqno, disk.seqno);
    REC_SET(&vg, vg, metadata_digest, digest);
    REC_SET(&vg, vg, paths_active, disk.pvs);
    REC_SET(&vg, vg, paths_total, disk.pvs);
    lv_rows(lv);
    for (size_t k = 0; k < ARRAY_LEN(v); k++)
        v[k].status = SECTION_OK;
    disks_say_all(&m[i], v, ARRAY_LEN(v));
    hear();
}

/* Has the last thing failed? Then the core that is loaded in its place hears all again. */
static bool failed(void)
{
    if (!l->failed)
        return false;
    failures++;
    heard_count = 0;
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_register(&m[i]);
        machine_report(&m[i]);
        report(i);
    }
    l->failed = false;
    return true;
}

static void say(unsigned i, struct envelope *env)
{
    machine_say(&m[i], env);
    hear();
    failed();
}

/* ---- what LVM does --------------------------------------------------------------------------- */

static size_t lv_named(const char *uuid)
{
    size_t i = 0;

    while (i < disk.n && strcmp(disk.lvs[i].uuid, uuid) != 0)
        i++;
    return i;
}

static void make_lv(const char *name)
{
    cr_assert_lt(disk.n, LVS);
    snprintf(disk.lvs[disk.n].name, sizeof disk.lvs[0].name, "%s", name);
    snprintf(disk.lvs[disk.n++].uuid, sizeof disk.lvs[0].uuid, "uuid-%s", name);
}

/* Once for each task. */
static void change(const struct lvm_order *o)
{
    for (size_t i = 0; i < disk.made; i++) {
        if (disk.made_by[i] == o->order->task)
            return;
    }
    cr_assert_lt(disk.made, ARRAY_LEN(disk.made_by));
    disk.made_by[disk.made++] = (uint32_t)o->order->task;
    disk.seqno++;
    if (o->op == LVM_LV_CREATE || o->op == LVM_LV_SNAPSHOT)
        make_lv(o->op == LVM_LV_CREATE ? o->lv : o->new_name);
    else if (o->op == LVM_LV_REMOVE && lv_named(o->lv_uuid) < disk.n)
        disk.lvs[lv_named(o->lv_uuid)] = disk.lvs[--disk.n];
    else if (o->op == LVM_VG_EXTEND)
        disk.pvs = 2;
}

static void set_version(struct lvm_result *body)
{
    char digest[24];

    snprintf(digest, sizeof digest, "digest-%llu", (unsigned long long)disk.seqno);
    REC_SET(body, lvm_result, vg_uuid, "V");
    REC_SET(body, lvm_result, seqno, disk.seqno);
    REC_SET(body, lvm_result, mark, text_mark(digest));
    REC_SET(body, lvm_result, lv_uuid, "uuid-a");
}

static void tell(unsigned i, const struct lvm_order *o, enum lvm_outcome outcome)
{
    struct lvm_result body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, lvm_result, order, o->order);
    REC_SET(&body, lvm_result, token, o->token);
    REC_SET(&body, lvm_result, outcome, (uint64_t)outcome);
    if (outcome == LVM_DONE)
        set_version(&body);
    REC_SET(&env, envelope, lvm_result, &body);
    say(i, &env);
}

static void current(unsigned i, const struct lvm_refresh *f)
{
    struct lvm_refreshed body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, lvm_refreshed, order, f->order);
    REC_SET(&body, lvm_refreshed, current, true);
    REC_SET(&env, envelope, lvm_refreshed, &body);
    report(i);
    if (!failed())
        say(i, &env);
}

static void looked(unsigned i, const struct rescan_order *o)
{
    static const char *const added[] = { "6:0:1:3" };
    struct rescan_result body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, rescan_result, order, o->order);
    REC_SET(&body, rescan_result, done, true);
    REC_SET(&body, rescan_result, ms, 40);
    REC_SET(&body, rescan_result, added, ((struct strs){ (const char **)(uintptr_t)added, 1 }));
    REC_SET(&env, envelope, rescan_result, &body);
    say(i, &env);
}

static void act(unsigned i, const struct envelope *env)
{
    if (env->lvm_order != NULL) {
        change(env->lvm_order);
        tell(i, env->lvm_order, LVM_STARTED);
        tell(i, env->lvm_order, LVM_DONE);
    } else if (env->lvm_refresh != NULL) {
        current(i, env->lvm_refresh);
    } else if (env->rescan_order != NULL) {
        looked(i, env->rescan_order);
    }
}

/* ---- what operators do ------------------------------------------------------------------------
 */

static void second(void)
{
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_heartbeat(&m[i]);
        hear();
        failed();
    }
    life_pass(l, 1000);
    hear();
    failed();
}

static void until_all_is_over(void)
{
    for (unsigned n = 0; n < PATIENCE_S && !link_empty(&l->c->tasks); n++) {
        while (heard_count > 0) {
            heard_count--;
            act(heard[heard_count].to, heard[heard_count].env);
        }
        second();
    }
    cr_assert(link_empty(&l->c->tasks), "allocation %ld: a task does not end", which);
}

/* The same request would be two changes when what fails is only its answer: who has got none looks
 * first whether there is a task. */
static void ask(struct request *req, const char *what)
{
    enum reply_code code;
    bool again;

    do {
        code = life_ask(l, req);
        again = failed();
    } while (again && link_empty(&l->c->tasks));
    hear();
    cr_assert(code == REPLY_OK || !link_empty(&l->c->tasks), "allocation %ld: %s: %s", which, what,
              l->reply->text);
    until_all_is_over();
}

static void ask_change(enum lvm_op op, const char *lv, const char *new_name)
{
    struct request req = { 0 };
    struct vg_ask what = { 0 };

    REC_SET(&what, vg_ask, op, (uint64_t)op);
    REC_SET(&what, vg_ask, vg, "fast");
    REC_PUT(&what, vg_ask, lv, lv);
    REC_PUT(&what, vg_ask, new_name, new_name);
    if (op == LVM_VG_EXTEND)
        REC_SET(&what, vg_ask, luns, ((struct strs){ (const char **)(uintptr_t)&luns[1], 1 }));
    if (op == LVM_LV_CREATE || op == LVM_LV_SNAPSHOT)
        REC_SET(&what, vg_ask, size_bytes, 1u << 30);
    REC_SET(&req, request, op, OP_VG_CHANGE);
    REC_SET(&req, request, vg_ask, &what);
    ask(&req, "a change");
}

static void adopt(void)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_VG_ADOPT);
    REC_SET(&req, request, resource, "fast");
    REC_SET(&req, request, flag, true);
    ask(&req, "adopt");
}

static void show(enum client_op op, const char *resource)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    REC_PUT(&req, request, resource, resource);
    ask(&req, "a question");
}

static void rescan(void)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_RESCAN);
    REC_SET(&req, request, flag, true);
    ask(&req, "a rescan");
}

static void want(void)
{
    static const char *const what[] = { "iscsi iqn.2026-11.lab:a" };
    struct rescan_want body = { 0 };
    struct envelope env = { 0 };

    REC_SET(&body, rescan_want, what, ((struct strs){ (const char **)(uintptr_t)what, 1 }));
    REC_SET(&env, envelope, rescan_want, &body);
    say(0, &env);
    until_all_is_over();
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static void begin(void)
{
    l = life_new();
    kept = arena_new(0);
    heard_count = failures = 0;
    disk = (struct disk){ .seqno = 6, .pvs = 1 };
    make_lv("root");
    for (unsigned i = 0; i < MACHINES; i++) {
        machine_init(&m[i], l, i + 1);
        machine_join(&m[i]);
    }
    for (unsigned i = 0; i < MACHINES; i++)
        report(i);
}

static void changes(void)
{
    adopt();
    ask_change(LVM_LV_CREATE, "a", NULL);
    ask_change(LVM_LV_SNAPSHOT, "root", "before");
    ask_change(LVM_LV_REMOVE, "a", NULL);
    ask_change(LVM_VG_EXTEND, NULL, NULL);
    show(OP_VG_LIST, "fast");
    show(OP_HOLD_LIST, NULL);
}

static void rescans(void)
{
    rescan();
    want();
    show(OP_VG_LIST, NULL);
}

static void expect_changed(bool all)
{
    cr_assert_eq(map_count(l->c->leases), 0, "allocation %ld: a right is left", which);
    if (!all)
        return;
    cr_assert_eq(disk.n, 2, "allocation %ld: %zu LVs", which, disk.n);
    cr_assert_eq(disk.pvs, 2, "allocation %ld", which);
    cr_assert_eq(disk.made, 4, "allocation %ld: %zu tasks have changed it", which, disk.made);
}

static void sweep(void (*story)(void), bool all)
{
    const struct sweep s = failing_sweep(8);
    bool done = false;
    long n;

    for (n = s.first; !done; n += s.step) {
        begin();
        l->doubtful = n % 50 != 0;
        l->arm = failing_arm;
        failing_left = which = n;
        story();
        done = failing_left >= 0;
        failing_left = -1;
        cr_assert_eq(failures, done ? 0 : 1, "allocation %ld: %u steps failed", n, failures);
        expect_changed(all);
        l->doubtful = false;
        life_pass(l, 0);
        life_free(l);
        arena_free(kept);
    }
    cr_expect_geq(n, 100, "only %ld allocations", n);
    fprintf(stderr, "# %ld allocations\n", n);
}

Test(core_memory_vg, changes_in_which_each_allocation_fails_once, .timeout = 280)
{
    sweep(changes, true);
}

Test(core_memory_vg, rescans_in_which_each_allocation_fails_once, .timeout = 280)
{
    sweep(rescans, false);
}
