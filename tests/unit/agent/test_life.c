/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the first word to the goodbye, with a coordinator that is well, slow, silent or unwilling.
 */
#include <criterion/criterion.h>

#include "world.h"

static const struct strs nothing = { NULL, 0 };

static bool carries(const struct envelope *report, enum section_id id)
{
    const struct section_body *bodies = report->report->sections.v;

    for (size_t i = 0; i < report->report->sections.n; i++) {
        if (bodies[i].section == (uint64_t)id)
            return true;
    }
    return false;
}

Test(life, enrols_registers_beats_and_reports)
{
    static const char *const names[] = { "nics", "cpu" };
    struct world w;

    world_open(&w);
    world_start(&w);
    cr_assert_eq(w.sent_count, 1);
    cr_assert_not_null(w.sent[0]->enrol);
    cr_expect_eq(w.sent[0]->seq, 5000);
    cr_expect_str_eq(w.sent[0]->enrol->secret, w.config.secret);
    cr_expect_str_eq(w.sent[0]->enrol->identity->hostname, "host");
    world_collect(&w);
    world_enrolled(&w, w.sent[0], ENROL_APPROVED, 0);
    cr_expect(w.saved_enrolled);
    cr_assert_not_null(world_last(&w, envelope_node_register), "at once");
    cr_expect_null(world_last(&w, envelope_heartbeat), "not before it is registered");
    cr_expect_eq(world_last(&w, envelope_node_register)->node_register->sections.n, SECTION_COUNT);
    world_registered(&w, world_last(&w, envelope_node_register),
                     (struct strs){ names, ARRAY_LEN(names) });
    cr_assert(agent_registered(w.agent));
    cr_assert_not_null(w.saved);
    cr_expect_eq(w.saved->generation, 100);
    cr_assert_not_null(world_last(&w, envelope_report), "what is wanted, at once");
    cr_expect_eq(world_last(&w, envelope_report)->report->sections.n, ARRAY_LEN(names));
    cr_expect(carries(world_last(&w, envelope_report), SECTION_NICS));
    cr_expect(carries(world_last(&w, envelope_report), SECTION_CPU));
    world_report_acked(&w, world_last(&w, envelope_report));
    world_pass(&w, DEFAULT_HEARTBEAT_MS);
    cr_expect_eq(world_count(&w, envelope_heartbeat), 1);
    cr_expect_eq(world_count(&w, envelope_report), 1);
    world_close(&w);
}

Test(life, sequence_numbers_only_grow)
{
    struct world w;

    world_open(&w);
    world_start(&w);
    world_settle(&w);
    world_pass(&w, 60000);
    for (size_t i = 1; i < w.sent_count; i++)
        cr_expect_gt(w.sent[i]->seq, w.sent[i - 1]->seq);
    cr_expect_gt(w.sent_count, 20);
    world_close(&w);
}

Test(life, an_enrolled_boot_registers_with_what_it_remembers)
{
    struct world w;

    world_open(&w);
    w.config.enrolled = true;
    w.config.secret = NULL;
    w.config.memory = &w.coordinator;
    world_start(&w);
    cr_assert_eq(w.sent_count, 1);
    cr_assert_not_null(w.sent[0]->node_register);
    cr_expect_eq(w.sent[0]->node_register->memory->generation, 100);
    cr_expect_eq(w.saves, 0, "it knows nothing new");
    world_close(&w);
}

Test(life, a_rejected_token_is_not_tried_again_and_never_logged)
{
    struct world w;

    world_open(&w);
    world_start(&w);
    world_enrolled(&w, w.sent[0], ENROL_REJECTED, 0);
    world_pass(&w, 10000);
    cr_assert_gt(world_count(&w, envelope_enrol), 1);
    cr_expect_null(world_last(&w, envelope_enrol)->enrol->secret, "asks for approval");
    cr_expect_not_null(strstr(w.log, "rejects"));
    cr_expect_null(strstr(w.log, w.config.secret));
    world_close(&w);
}

Test(life, who_waits_for_approval_asks_as_often_as_told)
{
    struct world w;

    world_open(&w);
    world_start(&w);
    world_enrolled(&w, w.sent[0], ENROL_PENDING, 4000);
    world_pass(&w, 3999);
    cr_expect_eq(world_count(&w, envelope_enrol), 1);
    world_pass(&w, 1001);
    cr_expect_eq(world_count(&w, envelope_enrol), 2);
    cr_expect_not_null(strstr(w.log, "waiting to be admitted"));
    world_close(&w);
}

Test(life, without_answer_it_asks_on_but_ever_more_slowly)
{
    struct world w;

    world_open(&w);
    world_start(&w);
    world_pass(&w, 4000);
    cr_expect_geq(world_count(&w, envelope_enrol), 3, "soon at first");
    world_forget(&w);
    world_pass(&w, 600000);
    cr_expect_geq(world_count(&w, envelope_enrol), 70, "each 8 s at least");
    cr_expect_leq(world_count(&w, envelope_enrol), 155, "each 4 s at most");
    world_close(&w);
}

Test(life, an_answer_to_an_older_question_does_not_count)
{
    struct world w;
    struct envelope old = { .present = 0 };

    world_open(&w);
    world_start(&w);
    old.seq = 4999;
    world_enrolled(&w, &old, ENROL_APPROVED, 0);
    old.seq = 5001;
    world_enrolled(&w, &old, ENROL_APPROVED, 0);
    cr_expect_null(world_last(&w, envelope_node_register));
    world_close(&w);
}

Test(life, a_silent_coordinator_is_asked_anew_and_beats_go_on)
{
    struct world w;

    world_open(&w);
    world_start(&w);
    world_settle(&w);
    world_pass(&w, 3 * DEFAULT_HEARTBEAT_MS - 1);
    cr_expect_eq(world_count(&w, envelope_node_register), 0);
    world_pass(&w, DEFAULT_HEARTBEAT_MS);
    cr_expect_geq(world_count(&w, envelope_node_register), 1);
    cr_expect_not(agent_registered(w.agent));
    cr_expect_not_null(strstr(w.log, "has not answered for"));
    world_forget(&w);
    world_pass(&w, 60000);
    cr_expect_geq(world_count(&w, envelope_heartbeat), 29);
    cr_expect_str_eq(w.log, "", "told once");
    world_registered(&w, world_last(&w, envelope_node_register), nothing);
    cr_expect(agent_registered(w.agent));
    world_close(&w);
}

Test(life, a_lost_report_is_sent_again_and_a_doubled_answer_does_no_harm)
{
    struct world w;
    const struct envelope *first;

    world_open(&w);
    world_start(&w);
    world_settle(&w);
    w.mtu = 9000;
    world_event(&w, AGENT_KERNEL_HINT, WORKER_NET, NULL);
    world_pass(&w, WORLD_COALESCE_MS);
    world_collect(&w);
    first = world_last(&w, envelope_report);
    cr_assert_not_null(first, "at once");
    cr_expect_eq(first->report->sections.n, 1, "what has changed and no more");
    for (int i = 0; i < 2; i++) {
        world_pass(&w, DEFAULT_HEARTBEAT_MS);
        world_beat_acked(&w, world_last(&w, envelope_heartbeat), 100, nothing);
    }
    cr_assert_eq(world_count(&w, envelope_report), 2);
    cr_expect(digest_eq(
        *(const digest128 *)((const struct section_body *)first->report->sections.v)->digest.p,
        agent_section(w.agent, SECTION_NICS)->digest));
    world_report_acked(&w, world_last(&w, envelope_report));
    world_report_acked(&w, world_last(&w, envelope_report));
    world_report_acked(&w, first);
    world_pass(&w, DEFAULT_HEARTBEAT_MS);
    world_beat_acked(&w, world_last(&w, envelope_heartbeat), 100, nothing);
    cr_expect_eq(world_count(&w, envelope_report), 2);
    world_close(&w);
}

Test(life, what_a_heartbeat_finds_lacking_is_sent)
{
    static const char *const names[] = { "vlans", "of-a-newer-version" };
    struct world w;

    world_open(&w);
    world_start(&w);
    world_settle(&w);
    world_pass(&w, DEFAULT_HEARTBEAT_MS);
    world_beat_acked(&w, world_last(&w, envelope_heartbeat), 150,
                     (struct strs){ names, ARRAY_LEN(names) });
    cr_assert_eq(world_count(&w, envelope_report), 1);
    cr_expect_eq(world_last(&w, envelope_report)->report->sections.n, 1);
    cr_expect(carries(world_last(&w, envelope_report), SECTION_VLANS));
    cr_expect_eq(w.saved->generation, 150);
    world_close(&w);
}

Test(life, it_says_goodbye_once_and_then_nothing)
{
    struct agent_event stop = { .type = AGENT_STOP, .reason = "the probe ends" };
    struct agent_action *actions;
    struct world w;

    world_open(&w);
    world_start(&w);
    world_settle(&w);
    stop.now = w.now;
    cr_assert_eq(agent_step(w.agent, &stop, w.arena, &actions), 0);
    cr_assert_not_null(actions);
    cr_expect_eq(actions->type, AGENT_SEND);
    cr_expect_str_eq(actions->env->goodbye->reason, "the probe ends");
    cr_expect_null(actions->next);
    world_pass(&w, 600000);
    cr_expect_eq(w.sent_count, 0);
    world_close(&w);
}
