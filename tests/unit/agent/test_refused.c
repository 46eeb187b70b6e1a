/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent does when it is refused, and whom it does not follow. */
#include <criterion/criterion.h>

#include "wire/codec.h"
#include "world.h"

static const struct strs nothing = { NULL, 0 };

static void registered_world(struct world *w)
{
    world_open(w);
    world_start(w);
    world_settle(w);
    world_pass(w, DEFAULT_HEARTBEAT_MS);
}

static void refuse_beat(struct world *w, enum refuse_reason reason, uint64_t retry_ms)
{
    const struct envelope *beat = world_last(w, envelope_heartbeat);

    cr_assert_not_null(beat);
    world_forget(w);
    world_refused(w, beat, reason, retry_ms);
}

Test(refused, an_unknown_key_enrols_again_with_its_token)
{
    struct world w;

    registered_world(&w);
    refuse_beat(&w, REFUSE_UNKNOWN_KEY, 0);
    cr_assert_not_null(world_last(&w, envelope_enrol), "at once");
    cr_expect_str_eq(world_last(&w, envelope_enrol)->enrol->secret, w.config.secret);
    cr_expect_not(w.saved_enrolled);
    world_close(&w);
}

Test(refused, who_is_not_registered_registers)
{
    struct world w;

    registered_world(&w);
    refuse_beat(&w, REFUSE_NOT_REGISTERED, 0);
    cr_expect_not_null(world_last(&w, envelope_node_register), "at once");
    cr_expect_not(agent_registered(w.agent));
    world_close(&w);
}

Test(refused, a_loop_of_refusals_slows_down)
{
    struct world w;

    registered_world(&w);
    refuse_beat(&w, REFUSE_NOT_REGISTERED, 0);
    for (int i = 0; i < 1000; i++) {
        if (w.sent_count > 0) {
            const struct envelope *last = w.sent[w.sent_count - 1];

            world_refused(&w, last,
                          last->enrol != NULL ? REFUSE_NOT_REGISTERED : REFUSE_UNKNOWN_KEY, 0);
        }
        world_pass(&w, 100);
    }
    cr_expect_lt(w.sent_count, 60, "%zu messages in 100 s", w.sent_count);
    world_close(&w);
}

Test(refused, a_busy_coordinator_gets_heartbeats_and_the_report_later)
{
    struct world w;

    registered_world(&w);
    world_beat_acked(&w, world_last(&w, envelope_heartbeat), 100, nothing);
    w.mtu = 9000;
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_collect(&w);
    cr_assert_eq(world_count(&w, envelope_report), 1);
    world_refused(&w, world_last(&w, envelope_report), REFUSE_BUSY, 3000);
    cr_expect(agent_registered(w.agent));
    world_pass(&w, 2999);
    cr_expect_eq(world_count(&w, envelope_report), 1);
    cr_expect_geq(world_count(&w, envelope_heartbeat), 2);
    world_beat_acked(&w, world_last(&w, envelope_heartbeat), 100, nothing);
    world_pass(&w, 1000);
    cr_expect_eq(world_count(&w, envelope_report), 2);
    world_close(&w);
}

Test(refused, a_report_that_is_wrong_is_held_back_and_the_others_go)
{
    static const char *const names[] = { "cpu" };
    struct world w;

    registered_world(&w);
    w.mtu = 9000;
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_collect(&w);
    world_refused(&w, world_last(&w, envelope_report), REFUSE_MALFORMED, 0);
    world_beat_acked(&w, world_last(&w, envelope_heartbeat), 100,
                     (struct strs){ names, ARRAY_LEN(names) });
    cr_assert_eq(world_count(&w, envelope_report), 2, "cpu");
    world_report_acked(&w, world_last(&w, envelope_report));
    for (int i = 0; i < 7; i++) {
        world_pass(&w, DEFAULT_HEARTBEAT_MS);
        world_beat_acked(&w, world_last(&w, envelope_heartbeat), 100, nothing);
    }
    cr_expect_eq(world_count(&w, envelope_report), 2, "held for 15 s at least");
    for (int i = 0; i < 9; i++) {
        world_pass(&w, DEFAULT_HEARTBEAT_MS);
        world_beat_acked(&w, world_last(&w, envelope_heartbeat), 100, nothing);
    }
    cr_expect_geq(world_count(&w, envelope_report), 3, "but not for ever");
    world_close(&w);
}

/* A later probe of this boot begins with the clock: so nothing may be far above it. */
Test(refused, a_replayed_question_is_asked_with_the_number_of_the_clock)
{
    struct world w;
    uint64_t clock;

    world_open(&w);
    world_start(&w);
    clock = (uint64_t)w.now.v * 1000;
    cr_assert_gt(clock, w.sent[0]->seq + 100);
    world_refused(&w, w.sent[0], REFUSE_REPLAY, 0);
    world_pass(&w, 10000);
    cr_expect_geq(world_last(&w, envelope_enrol)->seq, clock);
    cr_expect_leq(world_last(&w, envelope_enrol)->seq, clock + 100);
    world_close(&w);
}

Test(refused, what_only_an_operator_can_mend_is_asked_seldom)
{
    static const enum refuse_reason reasons[] = { REFUSE_VERSION,     REFUSE_ROLE,
                                                  REFUSE_IDENTITY,    REFUSE_RETIRED_BOOT,
                                                  REFUSE_QUARANTINED, (enum refuse_reason)99 };

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        struct world w;

        registered_world(&w);
        refuse_beat(&w, reasons[i], 0);
        world_pass(&w, 14999);
        cr_expect_eq(w.sent_count, 0, "reason %d", reasons[i]);
        world_pass(&w, 15001);
        cr_expect_geq(w.sent_count, 1, "reason %d", reasons[i]);
        cr_expect_not_null(strstr(w.log, "a reason"));
        world_close(&w);
    }
}

Test(refused, a_refusal_is_told_once)
{
    struct world w;

    registered_world(&w);
    refuse_beat(&w, REFUSE_RECOVER, 1000);
    for (int i = 0; i < 5; i++) {
        world_pass(&w, 2000);
        world_refused(&w, world_last(&w, envelope_node_register), REFUSE_RECOVER, 1000);
    }
    cr_assert_not_null(strstr(w.log, "a reason"));
    cr_expect_null(strstr(strstr(w.log, "a reason") + 1, "a reason"));
    cr_expect_null(world_last(&w, envelope_heartbeat), "nothing but register");
    world_close(&w);
}

/* ---- whom it follows ------------------------------------------------------------------------ */

/* The coordinator is another than before, by what `change` does. True if it is followed. */
static bool follows(void (*change)(struct world *w))
{
    struct world w;
    bool yes;

    registered_world(&w);
    refuse_beat(&w, REFUSE_NOT_REGISTERED, 0);
    change(&w);
    world_registered(&w, world_last(&w, envelope_node_register), nothing);
    yes = agent_registered(w.agent);
    world_forget(&w);
    world_pass(&w, 60000);
    if (!yes) {
        cr_expect_eq(world_count(&w, envelope_node_register), w.sent_count, "says nothing else");
        cr_expect_geq(w.sent_count, 11, "but asks every few seconds");
        cr_expect_leq(w.sent_count, 25);
        cr_expect_eq(world_last(&w, envelope_node_register)->node_register->memory->generation, 100,
                     "and tells what it remembers");
        cr_expect_eq(w.saved->generation, 100);
    }
    world_close(&w);
    return yes;
}

static void nothing_new(struct world *w)
{
    (void)w;
}

static void restarted(struct world *w)
{
    w->coordinator.start_no = 2;
    memset(w->nonce, 2, sizeof w->nonce);
    w->coordinator.generation = 130;
}

static void restored(struct world *w)
{
    restarted(w);
    w->coordinator.generation = 99;
}

static void earlier_start(struct world *w)
{
    w->coordinator.start_no = 0;
    w->coordinator.generation = 130;
}

static void copied(struct world *w)
{
    memset(w->nonce, 9, sizeof w->nonce);
    w->coordinator.generation = 130;
}

static void another_database(struct world *w)
{
    restarted(w);
    memset(w->db_id, 3, sizeof w->db_id);
}

static void recovered(struct world *w)
{
    another_database(w);
    w->coordinator.epoch = 2;
    w->coordinator.generation = 5;
}

static void earlier_epoch(struct world *w)
{
    restarted(w);
    w->coordinator.epoch = 0;
}

Test(follow, the_same_and_its_later_starts)
{
    cr_expect(follows(nothing_new));
    cr_expect(follows(restarted));
}

Test(follow, not_a_restored_database)
{
    cr_expect_not(follows(restored));
    cr_expect_not(follows(earlier_start));
}

Test(follow, not_a_second_one_on_a_copy)
{
    cr_expect_not(follows(copied));
}

Test(follow, not_another_database)
{
    cr_expect_not(follows(another_database));
}

Test(follow, whoever_has_a_higher_epoch)
{
    cr_expect(follows(recovered));
    cr_expect_not(follows(earlier_epoch));
}

/* It may have taken up a register that was late, and answers; but it has not been accepted. */
Test(follow, what_another_start_acknowledges_is_not_remembered)
{
    const struct envelope *beat;
    struct world w;

    registered_world(&w);
    world_pass(&w, DEFAULT_HEARTBEAT_MS);
    beat = world_last(&w, envelope_heartbeat);
    world_forget(&w);
    restarted(&w);
    world_beat_acked(&w, beat, 130, nothing);
    cr_expect_not(agent_registered(w.agent), "it registers again");
    cr_assert_not_null(world_last(&w, envelope_node_register));
    cr_expect_eq(world_last(&w, envelope_node_register)->node_register->memory->generation, 100);
    world_registered(&w, world_last(&w, envelope_node_register), nothing);
    cr_expect(agent_registered(w.agent));
    world_close(&w);
}

/* It may be on a copy that has counted beyond what is remembered here since. */
Test(follow, a_later_start_that_answers_an_older_register_is_told_anew)
{
    const struct envelope *first, *second;
    struct world w;

    registered_world(&w);
    refuse_beat(&w, REFUSE_NOT_REGISTERED, 0);
    first = world_last(&w, envelope_node_register);
    world_forget(&w);
    world_pass(&w, 60000);
    second = world_last(&w, envelope_node_register);
    cr_assert_not_null(second);
    w.coordinator.generation = 120;
    world_registered(&w, first, nothing);
    cr_assert(agent_registered(w.agent));
    world_forget(&w);
    restarted(&w);
    world_registered(&w, second, nothing);
    cr_expect_not(agent_registered(w.agent), "it knew of generation 100");
    cr_assert_not_null(world_last(&w, envelope_node_register));
    cr_expect_eq(world_last(&w, envelope_node_register)->node_register->memory->generation, 120);
    world_registered(&w, world_last(&w, envelope_node_register), nothing);
    cr_expect(agent_registered(w.agent));
    world_close(&w);
}

Test(follow, an_earlier_start_that_answers_late_changes_nothing)
{
    const struct envelope *first;
    struct world w;

    registered_world(&w);
    refuse_beat(&w, REFUSE_NOT_REGISTERED, 0);
    first = world_last(&w, envelope_node_register);
    restarted(&w);
    world_registered(&w, first, nothing);
    cr_assert(agent_registered(w.agent));
    w.coordinator.start_no = 1;
    memset(w.nonce, 1, sizeof w.nonce);
    w.coordinator.generation = 120;
    world_registered(&w, first, nothing);
    cr_expect(agent_registered(w.agent), "%s", w.log);
    world_close(&w);
}
