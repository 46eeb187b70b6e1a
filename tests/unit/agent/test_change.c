/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orders to change volume groups, their results, and whether this node is up to date. */
#include <criterion/criterion.h>

#include "base/text.h"
#include "wire/codec.h"
#include "world.h"

static const char *const pvs[] = { "P1" };

static void settle(struct world *w, bool mends)
{
    world_open(w);
    w->config.mends = mends;
    w->config.rescan_ms = 3600 * 1000;
    w->vg_seqno = 5;
    w->lv_attr = "-wi-a-----";
    world_start(w);
    world_settle(w);
    world_forget(w);
    memset(w->runs, 0, sizeof w->runs);
}

static void settled_world(struct world *w)
{
    settle(w, false);
}

/* To make an LV on vg0, or with another UUID, on another volume group. */
static void order(struct world *w, uint64_t task, uint64_t attempt, uint64_t token,
                  const char *group, struct strs on)
{
    struct order_key key = { .present = 0 };
    struct lvm_order o = { .present = 0 };
    struct envelope env = { .present = 0 };

    REC_SET(&key, order_key, task, task);
    REC_SET(&key, order_key, job, 1);
    REC_SET(&key, order_key, attempt, attempt);
    REC_SET(&o, lvm_order, order, &key);
    REC_SET(&o, lvm_order, token, token);
    REC_SET(&o, lvm_order, op, LVM_LV_CREATE);
    REC_SET(&o, lvm_order, vg, strcmp(group, "V1") == 0 ? "vg0" : group);
    REC_SET(&o, lvm_order, vg_uuid, group);
    REC_SET(&o, lvm_order, seqno, 5);
    REC_SET(&o, lvm_order, mark, text_mark("five"));
    REC_SET(&o, lvm_order, pvs, on);
    REC_SET(&o, lvm_order, lv, "new");
    REC_SET(&o, lvm_order, size_bytes, 4 << 20);
    REC_SET(&o, lvm_order, tag, "mark");
    REC_SET(&env, envelope, lvm_order, &o);
    world_answer(w, NULL, &env);
}

static const struct lvm_result *told(const struct world *w)
{
    const struct envelope *env = world_last(w, envelope_lvm_result);

    return env == NULL ? NULL : env->lvm_result;
}

/* The newest question, or result, is taken, or not. */
static void answer(struct world *w, bool taken)
{
    const struct envelope *question = world_last(w, envelope_lvm_result);
    struct result_ack ack = { .present = 0 };
    struct envelope env = { .present = 0 };

    REC_SET(&ack, result_ack, order, question->lvm_result->order);
    REC_SET(&ack, result_ack, taken, taken);
    REC_SET(&env, envelope, result_ack, &ack);
    world_answer(w, question, &env);
}

/* And it is confirmed, if it was asked for. */
static void order_on(struct world *w, uint64_t task, uint64_t attempt, uint64_t token,
                     const char *group)
{
    order(w, task, attempt, token, group, (struct strs){ pvs, 1 });
    if (told(w) != NULL && told(w)->outcome == LVM_STARTED && told(w)->order->task == task)
        answer(w, true);
}

static void order_here(struct world *w, uint64_t task, uint64_t attempt, uint64_t token)
{
    order_on(w, task, attempt, token, "V1");
}

/* To activate an LV of vg0. */
static void activate(struct world *w, uint64_t task, uint64_t token, const char *lv)
{
    struct order_key key = { .present = 0 };
    struct lvm_order o = { .present = 0 };
    struct envelope env = { .present = 0 };

    REC_SET(&key, order_key, task, task);
    REC_SET(&key, order_key, job, 1);
    REC_SET(&key, order_key, attempt, 1);
    REC_SET(&o, lvm_order, order, &key);
    REC_SET(&o, lvm_order, token, token);
    REC_SET(&o, lvm_order, op, LVM_LV_ACTIVATE);
    REC_SET(&o, lvm_order, vg, "vg0");
    REC_SET(&o, lvm_order, vg_uuid, "V1");
    REC_SET(&o, lvm_order, seqno, 5);
    REC_SET(&o, lvm_order, mark, text_mark("five"));
    REC_SET(&o, lvm_order, pvs, ((struct strs){ pvs, 1 }));
    REC_SET(&o, lvm_order, lv, lv);
    REC_SET(&o, lvm_order, lv_uuid, lv);
    REC_SET(&o, lvm_order, tag, "mark");
    REC_SET(&env, envelope, lvm_order, &o);
    world_answer(w, NULL, &env);
    if (told(w) != NULL && told(w)->outcome == LVM_STARTED && told(w)->order->task == task)
        answer(w, true);
}

static const char *declined(struct world *w, uint64_t *retry_ms)
{
    const struct envelope *env = world_last(w, envelope_decline);

    *retry_ms = env == NULL ? 0 : env->decline->retry_ms;
    return env == NULL ? "" : env->decline->reason;
}

static void done(struct world *w)
{
    struct lvm_result r = { .present = 0 };
    struct order_key key = w->change;

    REC_SET(&r, lvm_result, order, &key);
    REC_SET(&r, lvm_result, token, 0);
    REC_SET(&r, lvm_result, outcome, LVM_DONE);
    REC_SET(&r, lvm_result, seqno, 6);
    world_change_done(w, &key, &r, NULL);
}

Test(change, an_order_is_begun_once_and_its_result_told_until_it_is_answered)
{
    struct world w;

    settled_world(&w);
    order_here(&w, 7, 1, 100);
    cr_assert_not_null(told(&w));
    cr_expect_eq(told(&w)->outcome, LVM_STARTED);
    cr_expect_eq(w.change_count, 1);
    cr_expect_eq(w.change_devices, 1);
    order_here(&w, 7, 1, 100);
    cr_expect_eq(w.change_count, 1, "the same order again");
    cr_expect_eq(world_count(&w, envelope_lvm_result), 2);
    done(&w);
    cr_expect_eq(told(&w)->outcome, LVM_DONE);
    cr_expect_eq(told(&w)->token, 100, "the token of the order, whatever the worker says");
    world_pass(&w, 5000);
    cr_expect_eq(world_count(&w, envelope_lvm_result), 4, "told again");
    order_here(&w, 7, 1, 100);
    cr_expect_eq(world_count(&w, envelope_lvm_result), 5, "and when it is asked for");
    cr_expect_eq(told(&w)->outcome, LVM_DONE);
    cr_expect_eq(w.change_count, 1);
    answer(&w, true);
    world_forget(&w);
    order_here(&w, 7, 2, 100);
    cr_expect_eq(w.change_count, 2, "another attempt is another order");
    cr_expect_eq(w.runs[WORKER_LVM], 1, "this node has looked at what it has changed");
    world_close(&w);
}

/* It may have come late, or twice, when its hold was over. */
Test(change, an_order_is_begun_when_it_is_confirmed)
{
    struct world w;

    settled_world(&w);
    order(&w, 7, 1, 100, "V1", (struct strs){ pvs, 1 });
    cr_expect_eq(told(&w)->outcome, LVM_STARTED);
    cr_expect_eq(w.change_count, 0, "nobody has said that it is due");
    world_pass(&w, 5000);
    cr_expect_eq(world_count(&w, envelope_lvm_result), 2, "it is asked again");
    answer(&w, true);
    cr_expect_eq(w.change_count, 1);
    done(&w);
    answer(&w, true);
    order(&w, 7, 1, 100, "V1", (struct strs){ pvs, 1 });
    answer(&w, false);
    cr_expect_eq(w.change_count, 1, "it is over already");
    order(&w, 8, 1, 101, "V1", (struct strs){ pvs, 1 });
    answer(&w, true);
    cr_expect_eq(w.change_count, 2, "and in nobody's way");
    world_close(&w);
}

Test(change, an_earlier_answer_confirms_nothing)
{
    const struct envelope *first;
    struct result_ack ack = { .present = 0 };
    struct envelope env = { .present = 0 };
    struct order_key key = { .present = 0 };
    struct world w;

    REC_SET(&key, order_key, task, 7);
    REC_SET(&key, order_key, job, 1);
    REC_SET(&key, order_key, attempt, 1);
    settled_world(&w);
    order(&w, 7, 1, 100, "V1", (struct strs){ pvs, 1 });
    first = world_last(&w, envelope_lvm_result);
    order(&w, 7, 1, 100, "V1", (struct strs){ pvs, 1 });
    REC_SET(&ack, result_ack, order, &key);
    REC_SET(&ack, result_ack, taken, true);
    REC_SET(&env, envelope, result_ack, &ack);
    world_answer(&w, first, &env);
    cr_expect_eq(w.change_count, 0);
    answer(&w, true);
    cr_expect_eq(w.change_count, 1);
    world_close(&w);
}

static size_t named_in_list(struct world *w)
{
    const struct envelope *env;
    size_t n = 0;

    world_forget(w);
    world_pass(w, 5000);
    env = world_last(w, envelope_heartbeat);
    cr_assert_not_null(env);
    for (size_t i = 0; i < env->heartbeat->rights.n; i++) {
        const struct right *r = (const struct right *)env->heartbeat->rights.v + i;

        n += r->state == RIGHT_CHANGE && r->token == 100;
    }
    return n;
}

Test(change, the_list_of_rights_names_what_may_write)
{
    struct world w;

    settled_world(&w);
    order(&w, 7, 1, 100, "V1", (struct strs){ pvs, 1 });
    cr_expect_eq(named_in_list(&w), 0, "it is not begun");
    order_here(&w, 7, 1, 100);
    cr_expect_eq(named_in_list(&w), 1);
    done(&w);
    cr_expect_eq(named_in_list(&w), 0);
    world_close(&w);
}

Test(change, one_runs_in_a_volume_group_and_two_on_a_node)
{
    struct world w;
    uint64_t retry_ms;

    settled_world(&w);
    order_here(&w, 7, 1, 100);
    order_here(&w, 8, 1, 101);
    cr_expect(strstr(declined(&w, &retry_ms), "has not ended here"));
    cr_expect_gt(retry_ms, 0, "it ends some time");
    order_on(&w, 9, 1, 102, "V2");
    cr_expect_eq(w.change_count, 2, "another volume group");
    order_on(&w, 10, 1, 103, "V3");
    cr_expect(strstr(declined(&w, &retry_ms), "as many changes"));
    cr_expect_eq(w.change_count, 2);
    done(&w);
    order_on(&w, 10, 1, 103, "V3");
    cr_expect_eq(w.change_count, 3);
    world_close(&w);
}

Test(change, an_older_token_follows_no_newer_one)
{
    struct world w;
    uint64_t retry_ms = 1;

    settled_world(&w);
    order_here(&w, 7, 1, 100);
    done(&w);
    answer(&w, true);
    order_here(&w, 6, 1, 99);
    cr_expect(strstr(declined(&w, &retry_ms), "newer hold"));
    cr_expect_eq(retry_ms, 0, "for good");
    cr_expect_eq(w.change_count, 1);
    order_on(&w, 5, 1, 98, "V2");
    cr_expect_eq(w.change_count, 2, "of another volume group it says nothing");
    cr_expect_eq(w.saved->token, 100);
    world_close(&w);
}

Test(change, what_this_node_does_not_see_is_declined)
{
    static const char *const others[] = { "P9" };
    struct world w;
    uint64_t retry_ms;

    settled_world(&w);
    order(&w, 7, 1, 100, "V1", (struct strs){ others, 1 });
    cr_expect(strstr(declined(&w, &retry_ms), "does not see the PV P9"), "%s",
              declined(&w, &retry_ms));
    cr_expect_eq(w.change_count, 0);
    cr_expect_eq(world_count(&w, envelope_lvm_result), 0);
    world_close(&w);
}

/* Its coordinator knows from before the restart that this node sees the volume group. */
Test(change, a_probe_that_has_not_read_its_storage_yet_asks_for_time)
{
    struct world w;
    uint64_t retry_ms = 0;

    world_open(&w);
    w.vg_seqno = 5;
    world_start(&w);
    world_follow(&w);
    order_here(&w, 7, 1, 100);
    cr_expect(strstr(declined(&w, &retry_ms), "not been read yet"), "%s", declined(&w, &retry_ms));
    cr_expect_gt(retry_ms, 0);
    world_event(&w, AGENT_WORKER_DONE, WORKER_STORAGE, NULL);
    world_forget(&w);
    order_here(&w, 7, 1, 100);
    cr_expect(strstr(declined(&w, &retry_ms), "not been read yet"), "its volume groups are not");
    cr_expect_eq(w.change_count, 0);
    world_collect(&w);
    order_here(&w, 7, 1, 100);
    cr_expect_eq(w.change_count, 1);
    world_close(&w);
}

Test(change, what_cannot_be_run_has_failed)
{
    struct world w;
    struct order_key key;

    settled_world(&w);
    order_here(&w, 7, 1, 100);
    key = w.change;
    world_change_done(&w, &key, NULL, "the worker was ended by signal 9");
    cr_expect_eq(told(&w)->outcome, LVM_FAILED);
    cr_expect_str_eq(told(&w)->reason, "the worker was ended by signal 9");
    world_close(&w);
}

/* The worker of an earlier probe lives until it is seen to be gone. */
Test(change, a_restarted_probe_knows_what_may_still_run)
{
    struct order_key key = { .present = 0 };
    struct lvm_order o = { .present = 0 };
    struct lvm_change change = { .present = 0 };
    struct agent_change known = { .change = &change, .runs = true };
    struct world w;
    uint64_t retry_ms;

    REC_SET(&key, order_key, task, 7);
    REC_SET(&key, order_key, job, 1);
    REC_SET(&key, order_key, attempt, 1);
    REC_SET(&o, lvm_order, order, &key);
    REC_SET(&o, lvm_order, token, 100);
    REC_SET(&o, lvm_order, op, LVM_LV_CREATE);
    REC_SET(&o, lvm_order, vg, "vg0");
    REC_SET(&o, lvm_order, vg_uuid, "V1");
    REC_SET(&o, lvm_order, tag, "mark");
    REC_SET(&change, lvm_change, order, &o);
    world_open(&w);
    w.vg_seqno = 5;
    w.config.changes = &known;
    w.config.change_count = 1;
    world_start(&w);
    world_settle(&w);
    world_forget(&w);
    order_here(&w, 7, 1, 100);
    cr_expect_eq(told(&w)->outcome, LVM_STARTED, "it is at it");
    order_here(&w, 7, 2, 100);
    cr_expect(strstr(declined(&w, &retry_ms), "has not ended here"));
    order_here(&w, 6, 1, 99);
    cr_expect(strstr(declined(&w, &retry_ms), "newer hold"));
    cr_expect_eq(w.change_count, 0);
    world_change_done(&w, &key, NULL, "the probe was restarted while its worker was at it");
    cr_expect_eq(told(&w)->outcome, LVM_FAILED);
    order_here(&w, 7, 2, 100);
    cr_expect_eq(w.change_count, 1);
    world_close(&w);
}

/* ---- refreshes ------------------------------------------------------------------------------- */

static void refresh(struct world *w, uint64_t task, uint64_t seqno, const char *digest,
                    struct strs unmapped)
{
    struct order_key key = { .present = 0 };
    struct lvm_refresh r = { .present = 0 };
    struct envelope env = { .present = 0 };

    REC_SET(&key, order_key, task, task);
    REC_SET(&key, order_key, job, 1);
    REC_SET(&key, order_key, attempt, 1);
    REC_SET(&r, lvm_refresh, order, &key);
    REC_SET(&r, lvm_refresh, vg, "vg0");
    REC_SET(&r, lvm_refresh, vg_uuid, "V1");
    if (seqno != 0) {
        REC_SET(&r, lvm_refresh, seqno, seqno);
        REC_SET(&r, lvm_refresh, mark, text_mark(digest));
    }
    REC_SET(&r, lvm_refresh, unmapped, unmapped);
    REC_SET(&env, envelope, lvm_refresh, &r);
    world_answer(w, NULL, &env);
}

static void expect_refreshed(struct world *w, bool current, const char *reason)
{
    const struct envelope *env = world_last(w, envelope_lvm_refreshed);

    cr_assert_not_null(env, "%s", reason);
    cr_expect_eq(env->lvm_refreshed->current, current, "%s", reason);
    if (!current)
        cr_expect(strstr(env->lvm_refreshed->reason, reason), "%s, not %s",
                  env->lvm_refreshed->reason, reason);
    world_forget(w);
}

Test(refresh, lvm_looks_anew_before_it_is_answered)
{
    static const struct strs none = { NULL, 0 };
    struct world w;

    settled_world(&w);
    world_event(&w, AGENT_KERNEL_HINT, WORKER_LVM, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    cr_assert(w.running[WORKER_LVM]);
    w.whole_runs[WORKER_LVM] = 0;
    world_pass(&w, 5);
    refresh(&w, 7, 5, "five", none);
    refresh(&w, 7, 5, "five", none);
    world_event(&w, AGENT_WORKER_DONE, WORKER_LVM, NULL);
    cr_expect_eq(world_count(&w, envelope_lvm_refreshed), 0, "that run had begun before");
    cr_assert(w.running[WORKER_LVM], "another has begun at once");
    cr_expect_eq(w.whole_runs[WORKER_LVM], 1);
    world_event(&w, AGENT_WORKER_DONE, WORKER_LVM, NULL);
    cr_expect_eq(world_count(&w, envelope_lvm_refreshed), 1);
    expect_refreshed(&w, true, "it is current");
    world_close(&w);
}

/* A question that came before the node followed that start is lost, and LVM's run for an earlier
 * one answers none of it. */
Test(refresh, a_start_is_told_what_was_read_when_it_had_asked)
{
    static const struct strs none = { NULL, 0 };
    struct world w;

    settled_world(&w);
    refresh(&w, 7, 5, "five", none);
    cr_assert(w.running[WORKER_LVM]);
    world_pass(&w, 20000);
    REC_SET(&w.coordinator, memory, start_no, 2);
    w.nonce[0] = 2;
    world_registered(&w, world_last(&w, envelope_node_register), none);
    cr_assert(agent_registered(w.agent));
    world_event(&w, AGENT_WORKER_DONE, WORKER_LVM, NULL);
    cr_expect_eq(world_count(&w, envelope_lvm_refreshed), 0, "nobody has asked");
    refresh(&w, 7, 5, "five", none);
    world_event(&w, AGENT_WORKER_DONE, WORKER_LVM, NULL);
    expect_refreshed(&w, true, "it is current");
    world_close(&w);
}

static void look(struct world *w)
{
    world_event(w, AGENT_WORKER_DONE, WORKER_LVM, NULL);
}

Test(refresh, a_node_that_is_behind_says_how)
{
    static const char *const lvs[] = { "L1" };
    static const struct strs none = { NULL, 0 };
    struct world w;

    settled_world(&w);
    refresh(&w, 1, 6, "six", none);
    look(&w);
    expect_refreshed(&w, false, "version 5");
    refresh(&w, 2, 5, "four", none);
    look(&w);
    expect_refreshed(&w, false, "another version 5");
    refresh(&w, 3, 0, NULL, none);
    look(&w);
    expect_refreshed(&w, false, "still sees");
    refresh(&w, 4, 5, "five", (struct strs){ lvs, 1 });
    look(&w);
    expect_refreshed(&w, false, "vg0/lv0 is active");
    refresh(&w, 5, 5, "five", none);
    w.lv_attr = "-wi-XX----";
    look(&w);
    expect_refreshed(&w, false, "the table of vg0/lv0");
    refresh(&w, 10, 5, "five", none);
    w.lv_attr = "swi-I-s---";
    w.vg_fault = "the table of vg0/lv0 lies elsewhere";
    look(&w);
    expect_refreshed(&w, false, "lies elsewhere");
    w.vg_fault = NULL;
    refresh(&w, 11, 5, "five", none);
    look(&w);
    expect_refreshed(&w, true, "a snapshot that was full is as the metadata say");
    refresh(&w, 12, 5, "five", (struct strs){ lvs, 1 });
    w.lv_is_origin = true;
    look(&w);
    expect_refreshed(&w, false, "vg0/lv0 has snapshots");
    w.lv_is_origin = false;
    refresh(&w, 9, 5, "five", (struct strs){ lvs, 1 });
    w.no_device_mapper = true;
    look(&w);
    expect_refreshed(&w, true, "nothing is active");
    w.no_device_mapper = false;
    refresh(&w, 6, 5, "five", (struct strs){ lvs, 1 });
    w.lv_attr = "-wi-------";
    look(&w);
    expect_refreshed(&w, true, "it is inactive");
    refresh(&w, 7, 5, "five", none);
    world_event(&w, AGENT_WORKER_DONE, WORKER_LVM, "LVM does not start");
    expect_refreshed(&w, false, "LVM does not start");
    world_close(&w);
}

/* ---- devices --------------------------------------------------------------------------------- */

static struct refresh_result left(const char *reason)
{
    struct refresh_result r = { .present = 0 };

    REC_SET(&r, refresh_result, refreshed, 0);
    if (reason != NULL)
        REC_SET(&r, refresh_result, reason, reason);
    return r;
}

Test(mend, devices_are_made_what_the_metadata_say_before_lvm_looks)
{
    static const char *const lvs[] = { "L1" };
    struct refresh_result good = left(NULL), bad = left("vg0-gone is in use here");
    struct world w;

    settle(&w, true);
    refresh(&w, 1, 5, "five", (struct strs){ lvs, 1 });
    cr_assert_eq(w.mend_count, 1);
    cr_expect_eq(w.mend->devices.n, 1, "with the devices of its PVs");
    cr_expect_eq(w.mend->seqno, 5);
    cr_expect_eq(w.mend->mark, text_mark("five"));
    cr_expect_eq(w.mend->unmapped.n, 1);
    cr_expect_not(w.running[WORKER_LVM], "LVM looks afterwards");
    refresh(&w, 2, 5, "five", (struct strs){ NULL, 0 });
    cr_expect_eq(w.mend_count, 1, "one after the other");
    w.lv_attr = "-wi-------";
    world_mended(&w, &good, NULL);
    cr_expect_eq(w.mend_count, 2);
    cr_assert(w.running[WORKER_LVM]);
    look(&w);
    expect_refreshed(&w, true, "it is current");
    world_mended(&w, &bad, NULL);
    look(&w);
    expect_refreshed(&w, false, "vg0-gone is in use");
    world_close(&w);
}

Test(mend, a_worker_that_is_killed_is_followed_by_another)
{
    struct refresh_result good = left(NULL);
    struct world w;

    settle(&w, true);
    w.lv_attr = "-wi-------";
    refresh(&w, 1, 5, "five", (struct strs){ NULL, 0 });
    world_mended(&w, NULL, "it was killed");
    cr_expect_eq(w.mend_count, 2, "what it has left suspended goes on");
    world_mended(&w, &good, NULL);
    look(&w);
    expect_refreshed(&w, true, "it is current");
    refresh(&w, 2, 5, "five", (struct strs){ NULL, 0 });
    for (int i = 0; i < 3; i++)
        world_mended(&w, NULL, "it was killed");
    cr_expect_eq(w.mend_count, 5, "but not over and over");
    look(&w);
    expect_refreshed(&w, false, "it was killed");
    world_close(&w);
}

Test(mend, that_it_is_used_is_told_before_it_is_known_by_whom)
{
    static const char *const lvs[] = { "L1" };
    struct refresh_result bad = left("logical volume vg0/lv0 is in use here");
    struct world w;

    settle(&w, true);
    refresh(&w, 1, 5, "five", (struct strs){ lvs, 1 });
    world_mended(&w, &bad, NULL);
    look(&w);
    expect_refreshed(&w, false, "is in use here");
    world_close(&w);
}

Test(mend, who_uses_what_is_to_go_is_named)
{
    static const char *const lvs[] = { "L1" };
    struct refresh_result bad = left("logical volume vg0/lv0 is in use here");
    struct world w;

    settle(&w, true);
    w.lv_used_by = "/mnt/x";
    world_event(&w, AGENT_KERNEL_HINT, WORKER_STORAGE, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_event(&w, AGENT_WORKER_DONE, WORKER_STORAGE, NULL);
    world_forget(&w);
    refresh(&w, 1, 5, "five", (struct strs){ lvs, 1 });
    world_mended(&w, &bad, NULL);
    look(&w);
    expect_refreshed(&w, false, "mount /mnt/x");
    world_close(&w);
}

Test(activate, an_order_is_begun_when_it_is_confirmed_and_told_until_it_is_answered)
{
    struct world w;

    settled_world(&w);
    activate(&w, 7, 100, "L1");
    cr_expect_eq(w.change_count, 1);
    activate(&w, 7, 100, "L1");
    cr_expect_eq(w.change_count, 1, "the same order again");
    done(&w);
    cr_expect_eq(told(&w)->outcome, LVM_DONE);
    cr_expect_eq(told(&w)->token, 100);
    world_close(&w);
}

/* The tokens of LVs that are activated have nothing to do with each other, nor with changes. */
Test(activate, rights_of_different_lvs_do_not_follow_each_other)
{
    struct world w;
    uint64_t retry_ms;

    settled_world(&w);
    activate(&w, 7, 102, "L2");
    activate(&w, 8, 101, "L1");
    cr_expect_eq(w.change_count, 1, "one in a volume group at a time");
    declined(&w, &retry_ms);
    cr_expect_gt(retry_ms, 0);
    done(&w);
    answer(&w, true);
    activate(&w, 8, 101, "L1");
    cr_expect_eq(w.change_count, 2, "an older right of another LV");
    done(&w);
    answer(&w, true);
    order_here(&w, 9, 1, 100);
    cr_expect_eq(w.change_count, 3, "and of a change");
    done(&w);
    answer(&w, true);
    activate(&w, 10, 99, "L1");
    cr_expect_eq(w.change_count, 3, "but an older right of this LV is over");
    declined(&w, &retry_ms);
    cr_expect_eq(retry_ms, 0);
    world_close(&w);
}

/* Both make devices of one volume group. */
Test(activate, it_and_a_refresh_wait_for_each_other)
{
    struct refresh_result good = left(NULL);
    struct world w;

    settle(&w, true);
    activate(&w, 7, 100, "L1");
    cr_expect_eq(w.change_count, 1);
    refresh(&w, 1, 5, "five", (struct strs){ NULL, 0 });
    cr_expect_eq(w.mend_count, 0);
    done(&w);
    cr_expect_eq(w.mend_count, 1);
    answer(&w, true);
    activate(&w, 8, 101, "L1");
    cr_expect_eq(w.change_count, 1);
    world_mended(&w, &good, NULL);
    cr_expect_eq(w.change_count, 2);
    world_close(&w);
}

/* Nobody has answered it yet when it is asked once more. */
Test(mend, of_a_volume_group_that_is_no_more_there_is_nothing_to_mend)
{
    struct refresh_result good = left(NULL);
    struct world w;

    world_open(&w);
    w.config.mends = w.no_group = true;
    w.config.rescan_ms = 3600 * 1000;
    world_start(&w);
    world_settle(&w);
    world_forget(&w);
    refresh(&w, 1, 0, NULL, (struct strs){ NULL, 0 });
    cr_assert_eq(w.mend_count, 1);
    cr_expect_eq(w.mend->devices.n, 0);
    world_mended(&w, &good, NULL);
    look(&w);
    expect_refreshed(&w, true, "it is not there");
    world_close(&w);
}

/* ---- when it is looked ----------------------------------------------------------------------- */

static void hint_all(struct world *w)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++)
        world_event(w, AGENT_KERNEL_HINT, (enum worker_kind)k, NULL);
}

Test(mend, who_looks_at_disks_waits_for_it_and_then_for_lvm)
{
    struct refresh_result good = left(NULL);
    struct world w;

    settle(&w, true);
    refresh(&w, 1, 5, "five", (struct strs){ NULL, 0 });
    hint_all(&w);
    world_pass(&w, 1000);
    cr_expect_eq(w.runs[WORKER_LVM], 0);
    cr_expect_eq(w.runs[WORKER_STORAGE], 0);
    cr_expect_eq(w.runs[WORKER_NET], 1, "this one does not look at disks");
    world_mended(&w, &good, NULL);
    cr_expect_eq(w.runs[WORKER_LVM], 1, "at once");
    world_pass(&w, 1000);
    cr_expect_eq(w.runs[WORKER_STORAGE], 0);
    look(&w);
    expect_refreshed(&w, true, "it is current");
    cr_expect_eq(w.runs[WORKER_STORAGE], 1);
    world_close(&w);
}

Test(mend, who_looks_at_disks_does_not_wait_for_one_that_hangs)
{
    struct world w;

    settle(&w, true);
    refresh(&w, 1, 5, "five", (struct strs){ NULL, 0 });
    hint_all(&w);
    world_pass(&w, 2999);
    cr_expect_eq(w.runs[WORKER_LVM] + w.runs[WORKER_STORAGE], 0);
    world_pass(&w, 1);
    cr_expect_eq(w.runs[WORKER_LVM], 1);
    cr_expect_eq(w.runs[WORKER_STORAGE], 1);
    world_close(&w);
}

/* Once all nodes are current the next change is decided by what the rows say. */
Test(mend, after_a_change_it_is_looked_at_once_all_the_same)
{
    struct world w;

    settle(&w, true);
    refresh(&w, 1, 5, "five", (struct strs){ NULL, 0 });
    order_on(&w, 7, 1, 100, "V2");
    done(&w);
    cr_expect_eq(w.runs[WORKER_LVM], 1);
    world_close(&w);
}

/* ---- what nobody asks for -------------------------------------------------------------------- */

/* A worker of a change makes go on what it finds suspended, whoever has suspended it. */
Test(mend, a_change_and_a_refresh_wait_for_each_other)
{
    struct refresh_result good = left(NULL);
    struct world w;

    settle(&w, true);
    refresh(&w, 1, 5, "five", (struct strs){ NULL, 0 });
    cr_expect_eq(w.mend_count, 1);
    order_here(&w, 7, 1, 100);
    cr_expect_eq(w.change_count, 0);
    world_mended(&w, &good, NULL);
    cr_expect_eq(w.change_count, 1);
    refresh(&w, 2, 5, "five", (struct strs){ NULL, 0 });
    cr_expect_eq(w.mend_count, 1);
    done(&w);
    cr_expect_eq(w.mend_count, 2);
    world_close(&w);
}

static void snapshot_in(struct order_key *key, struct lvm_order *o, struct lvm_change *change)
{
    *key = (struct order_key){ .present = 0 };
    *o = (struct lvm_order){ .present = 0 };
    *change = (struct lvm_change){ .present = 0 };
    REC_SET(key, order_key, task, 7);
    REC_SET(key, order_key, job, 1);
    REC_SET(key, order_key, attempt, 1);
    REC_SET(o, lvm_order, order, key);
    REC_SET(o, lvm_order, token, 100);
    REC_SET(o, lvm_order, op, LVM_LV_SNAPSHOT);
    REC_SET(o, lvm_order, vg, "vg0");
    REC_SET(o, lvm_order, vg_uuid, "V1");
    REC_SET(o, lvm_order, tag, "mark");
    REC_SET(change, lvm_change, order, o);
}

static void start_with(struct world *w, const struct agent_change *known,
                       const struct refresh_work *const *refreshes, size_t n)
{
    world_open(w);
    w->config.mends = true;
    w->config.rescan_ms = 3600 * 1000;
    w->vg_seqno = 5;
    w->lv_attr = "-wi-a-----";
    w->config.changes = known;
    w->config.change_count = known != NULL;
    w->config.refreshes = refreshes;
    w->config.refresh_count = n;
    world_start(w);
}

Test(mend, what_a_dead_worker_of_a_snapshot_has_suspended_goes_on)
{
    struct agent_change known = { .runs = true };
    struct refresh_result good = left(NULL);
    struct order_key key;
    struct lvm_order o;
    struct lvm_change change;
    struct world w;

    snapshot_in(&key, &o, &change);
    known.change = &change;
    start_with(&w, &known, NULL, 0);
    cr_expect_eq(w.mend_count, 0, "it may live");
    world_settle(&w);
    world_change_done(&w, &key, NULL, "the probe was restarted while its worker was at it");
    cr_assert_eq(w.mend_count, 1);
    cr_expect_eq(w.mend->seqno, 0, "and nothing more is done");
    world_mended(&w, NULL, "it was killed");
    cr_expect_eq(w.mend_count, 2);
    world_mended(&w, &good, NULL);
    world_forget(&w);
    look(&w);
    cr_expect_null(world_last(&w, envelope_lvm_refreshed), "nobody has asked");
    world_close(&w);
}

Test(mend, what_an_earlier_probe_has_left_suspended_goes_on_before_anybody_asks)
{
    struct agent_change known = { .runs = false };
    struct order_key key;
    struct lvm_order o;
    struct lvm_change change;
    struct world w;

    snapshot_in(&key, &o, &change);
    known.change = &change;
    start_with(&w, &known, NULL, 0);
    cr_expect_eq(w.mend_count, 1);
    world_close(&w);
}

/* The pool is at it already. */
Test(mend, a_refresh_that_an_earlier_probe_has_left_is_in_the_way_of_a_change)
{
    struct refresh_result good = left(NULL);
    const struct refresh_work *works[1];
    struct refresh_work work = { .present = 0 };
    struct order_key key = { .present = 0 };
    struct world w;

    REC_SET(&key, order_key, task, 1);
    REC_SET(&key, order_key, job, 1);
    REC_SET(&key, order_key, attempt, 1);
    REC_SET(&work, refresh_work, order, &key);
    REC_SET(&work, refresh_work, vg, "vg0");
    REC_SET(&work, refresh_work, vg_uuid, "V1");
    REC_SET(&work, refresh_work, seqno, 5);
    REC_SET(&work, refresh_work, mark, text_mark("five"));
    works[0] = &work;
    start_with(&w, NULL, works, 1);
    world_settle(&w);
    world_forget(&w);
    cr_expect_eq(w.mend_count, 0);
    order_here(&w, 7, 1, 100);
    cr_expect_eq(w.change_count, 0);
    refresh(&w, 1, 5, "five", (struct strs){ NULL, 0 });
    cr_expect_eq(w.mend_count, 0, "it is that which is asked for");
    w.mend = &work;
    world_mended(&w, &good, NULL);
    cr_expect_eq(w.change_count, 1);
    look(&w);
    expect_refreshed(&w, true, "it was asked for by then");
    world_close(&w);
}
