/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The task engine, with a kind of task as a change of a volume group will be: one node prepares,
 * then all are told and acknowledge; both can be undone. After each commit life.c holds a core that
 * is loaded from the database against the one that wrote it. */
#include <criterion/criterion.h>

#include "core/core_internal.h"
#include "machine.h"
#include "wire/codec.h"

enum { NODES = 3, GOOD = 1, BAD = 2, PREPARE = 0, TELL = 1 };

static struct life *l;
static struct machine m[NODES];
static uint32_t tells; /* jobs of the second step for each node */
static bool silence_fails;

/* ---- the kind -------------------------------------------------------------------------------- */

static struct node *node_of(unsigned i)
{
    return node_by_id(l->c, m[i].id);
}

static int make_prepare(struct step *s, struct task *t)
{
    struct job *j;

    return job_new(s, t, NULL, node_of(0), &j);
}

static int make_tell(struct step *s, struct task *t)
{
    struct job *j;
    int rc = 0;

    for (unsigned i = 0; i < NODES; i++) {
        for (uint32_t k = 0; rc == 0 && k < tells; k++)
            rc = job_new(s, t, NULL, node_of(i), &j);
    }
    return rc;
}

static int order(struct step *s, struct job *j, struct envelope *env)
{
    static const uint8_t none[16];
    struct offer *o = arena_zalloc(s->u->arena, sizeof *o);
    struct order_key *key = arena_zalloc(s->u->arena, sizeof *key);

    REC_SET(key, order_key, task, j->row.task_no);
    REC_SET(key, order_key, job, j->row.no);
    REC_SET(key, order_key, attempt, j->row.attempt);
    REC_SET(o, offer, order, key);
    REC_SET(o, offer, kind, OFFER_REACH);
    REC_SET(o, offer, resource, wire_bytes16(none));
    REC_SET(env, envelope, offer, o);
    return 0;
}

static bool any_bad(const struct task *t)
{
    for (uint32_t i = 0; i < t->job_count; i++) {
        if (t->jobs[i]->row.result == BAD)
            return true;
    }
    return false;
}

static int lost(struct step *s, struct job *j, enum job_loss how)
{
    if (how == LOSS_SILENT && silence_fails)
        return job_done(s, j, BAD, "It is silent.");
    return how == LOSS_BOOT ? job_again(s, j, "It was started anew.") : 0;
}

static const char *outcome(const struct coord *c, struct arena *a, const struct task *t)
{
    (void)c;
    return arena_printf(a, "%u jobs", t->job_count);
}

static const struct task_step unprepare = {
    .name = "unprepare", .make = make_prepare, .order = order, .failure = BAD, .binds = true
};
static const struct task_step untell = {
    .name = "untell", .make = make_tell, .order = order, .failure = BAD
};
static const struct task_step steps[] = {
    { .name = "prepare",
      .make = make_prepare,
      .order = order,
      .failed = any_bad,
      .failure = BAD,
      .binds = true,
      .undo = &unprepare },
    { .name = "tell",
      .make = make_tell,
      .order = order,
      .lost = lost,
      .failed = any_bad,
      .failure = BAD,
      .undo = &untell },
};
static const struct task_kind change = { "change", steps, ARRAY_LEN(steps), outcome };
static const struct task_kind *const kinds[TASK_KINDS] = { [TASK_SCAN] = &change };

/* ---- what happens ---------------------------------------------------------------------------- */

static void setup(void)
{
    tells = 1;
    silence_fails = false;
    l = life_new();
    l->config.task_kinds = l->c->task_kinds = kinds;
    for (unsigned i = 0; i < NODES; i++) {
        machine_init(&m[i], l, i + 1);
        machine_join(&m[i]);
    }
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(task, .init = setup, .fini = teardown);

/* What a handler would do, within a step that settles what follows from it. */
enum deed { START, TAKE, DONE, AGAIN, CANCEL };

static void deed(enum deed what, uint32_t job, uint32_t result)
{
    struct coord_event ev = { .type = COORD_TICK, .now = l->now, .wall = l->wall };
    struct step s = { .c = l->c, .ev = &ev, .u = &l->update };
    struct task *t =
        link_empty(&l->c->tasks) ? NULL : container_of(l->c->tasks.prev, struct task, link);
    struct job *j = t != NULL && job > 0 ? t->jobs[job - 1] : NULL;
    int rc = 0;

    life_begin(l);
    l->offer_count = 0;
    if (what == START)
        rc = task_new(&s, TASK_SCAN, false, "to try it", NULL, &t);
    else if (what == TAKE)
        rc = job_take(&s, j, 0);
    else if (what == DONE)
        rc = job_done(&s, j, result, NULL);
    else if (what == AGAIN)
        rc = job_again(&s, j, "it did not work");
    else
        rc = task_cancel(&s, t);
    cr_assert_eq(rc, 0);
    life_step(l, &ev);
    life_commit(l);
}

static const struct task *task(void)
{
    return link_empty(&l->c->tasks) ? NULL : container_of(l->c->tasks.prev, struct task, link);
}

static const struct job *job(uint32_t no)
{
    return task()->jobs[no - 1];
}

/* The last commit sent so many orders, and one of this job, with this attempt, to this machine. */
static void ordered(size_t count, uint32_t no, uint64_t attempt, unsigned machine)
{
    cr_assert_eq(l->offer_count, count, "%zu orders, not %zu", l->offer_count, count);
    for (size_t i = 0; i < l->offer_count; i++) {
        const struct envelope *env = l->offers[i];
        uuid128 id;

        if (env->offer->order->job != no)
            continue;
        cr_assert_eq(env->offer->order->attempt, attempt);
        cr_assert(wire_uuid(env->node_id, &id) && uuid_eq(id, m[machine].id));
        return;
    }
    cr_assert(count == 0, "job %u was not ordered", no);
}

/* The rest of them, in any order of machines. */
static void prepared(void)
{
    deed(START, 0, 0);
    deed(DONE, 1, GOOD);
}

Test(task, goes_from_step_to_step)
{
    deed(START, 0, 0);
    ordered(1, 1, 1, 0);
    cr_assert_eq(job(1)->now, JOB_OFFERED);
    deed(TAKE, 1, 0);
    ordered(0, 0, 0, 0);
    cr_assert_eq(job(1)->now, JOB_RUNS);
    deed(DONE, 1, GOOD);
    cr_assert_eq(task()->row.step, TELL);
    ordered(3, 2, 1, 0);
    ordered(3, 3, 1, 1);
    ordered(3, 4, 1, 2);
    deed(DONE, 3, GOOD);
    deed(DONE, 2, GOOD);
    cr_assert_not_null(task(), "one has not acknowledged");
    deed(DONE, 4, GOOD);
    cr_assert_null(task(), "closed tasks go from memory");
    cr_assert_eq(durable_count_events(l->d, "task.started", NULL), 1);
    cr_assert_eq(durable_count_events(l->d, "task.done", NULL), 1);
    cr_assert_eq(l->c->job_count, 0);
}

Test(task, an_order_is_repeated_until_something_is_heard)
{
    deed(START, 0, 0);
    life_pass(l, DEFAULT_OFFER_MS - 1);
    ordered(0, 0, 0, 0);
    cr_assert_eq(coord_next_deadline(l->c).v, l->now.v + 1);
    life_pass(l, 1);
    ordered(1, 1, 1, 0);
    machine_heartbeat(&m[0]);
    life_pass(l, DEFAULT_OFFER_MS);
    ordered(1, 1, 1, 0);
    deed(TAKE, 1, 0);
    machine_heartbeat(&m[0]);
    life_pass(l, 2 * DEFAULT_OFFER_MS);
    ordered(0, 0, 0, 0);
}

Test(task, a_silent_node_is_waited_for)
{
    machine_goodbye(&m[0]);
    deed(START, 0, 0);
    ordered(0, 0, 0, 0);
    cr_assert_eq(job(1)->now, JOB_WAITS);
    machine_register(&m[0]);
    ordered(1, 1, 1, 0);
    machine_goodbye(&m[0]);
    life_pass(l, DEFAULT_OFFER_MS);
    ordered(0, 0, 0, 0);
    life_pass(l, 40000);
    cr_assert_eq(node_of(0)->live, NODE_DOWN);
    machine_register(&m[0]);
    life_pass(l, DEFAULT_OFFER_MS);
    ordered(1, 1, 1, 0);
}

Test(task, a_step_may_have_its_own_rule_for_the_silent)
{
    silence_fails = true;
    prepared();
    deed(TAKE, 2, 0);
    for (unsigned i = 0; i < 20; i++) {
        machine_heartbeat(&m[1]);
        machine_heartbeat(&m[2]);
        life_pass(l, 2000);
    }
    cr_assert_eq(node_of(0)->live, NODE_DOWN);
    cr_assert_eq(job(2)->row.result, BAD);
    cr_assert_eq(job(3)->now, JOB_OFFERED);
}

Test(task, three_attempts_then_it_is_undone_backwards)
{
    prepared();
    deed(AGAIN, 3, 0);
    ordered(1, 3, 2, 1);
    deed(AGAIN, 3, 0);
    ordered(1, 3, 3, 1);
    deed(AGAIN, 3, 0);
    ordered(0, 0, 0, 0);
    cr_assert_eq(job(3)->row.result, BAD);
    cr_assert_str_eq(job(3)->row.reason, "it did not work");
    cr_assert_eq(task()->row.state, TASK_RUNNING, "the others are waited for");
    deed(DONE, 2, GOOD);
    deed(DONE, 4, GOOD);
    cr_assert_eq(task()->row.state, TASK_FAILING);
    ordered(3, 5, 1, 0); /* untell, of each node */
    cr_assert_eq(job(5)->row.step, TELL + 2);
    for (uint32_t no = 5; no <= 7; no++)
        deed(DONE, no, GOOD);
    ordered(1, 8, 1, 0); /* unprepare */
    cr_assert_eq(task()->row.step, PREPARE);
    deed(DONE, 8, GOOD);
    cr_assert_null(task());
    cr_assert_eq(durable_count_events(l->d, "task.ended", NULL), 1);
}

Test(task, cancel_calls_off_what_is_not_under_way)
{
    prepared();
    deed(TAKE, 2, 0);
    deed(CANCEL, 0, 0);
    cr_assert_eq(job(3)->now, JOB_OVER);
    cr_assert_eq(job(2)->now, JOB_RUNS, "what is under way is finished");
    cr_assert_eq(task()->row.state, TASK_CANCELLING);
    deed(AGAIN, 2, 0); /* and not tried again */
    ordered(3, 5, 1, 0);
    for (uint32_t no = 5; no <= 7; no++)
        deed(DONE, no, GOOD);
    deed(DONE, 8, GOOD);
    cr_assert_null(task());
}

Test(task, an_order_that_binds_is_not_called_off)
{
    deed(START, 0, 0);
    deed(CANCEL, 0, 0);
    cr_assert_eq(job(1)->now, JOB_OFFERED);
    life_pass(l, DEFAULT_OFFER_MS);
    ordered(1, 1, 1, 0);
    deed(DONE, 1, GOOD);
    ordered(1, 2, 1, 0);
    cr_assert_eq(job(2)->row.step, PREPARE + 2);
    deed(DONE, 2, GOOD);
    cr_assert_null(task());
}

Test(task, a_new_boot_makes_its_jobs_unknown)
{
    char secret[33];

    prepared();
    deed(TAKE, 2, 0);
    machine_goodbye(&m[0]);
    machine_reboot(&m[0]);
    life_token(l, m[0].name, secret);
    machine_enrol(&m[0], secret);
    machine_register(&m[0]);
    cr_assert(machine_registered(&m[0]));
    ordered(1, 2, 2, 0);
    cr_assert_eq(job(2)->now, JOB_OFFERED);
    cr_assert_eq(job(3)->row.attempt, 1);
}

Test(task, after_a_restart_orders_are_the_same)
{
    prepared();
    deed(TAKE, 2, 0);
    deed(AGAIN, 3, 0);
    life_restart(l);
    for (unsigned i = 0; i < NODES; i++)
        machine_register(&m[i]);
    cr_assert_eq(job(2)->now, JOB_RUNS);
    cr_assert_eq(job(3)->now, JOB_OFFERED);
    life_pass(l, DEFAULT_OFFER_MS);
    ordered(2, 3, 2, 1); /* the second attempt; 2 is taken */
    ordered(2, 4, 1, 2);
    for (uint32_t no = 2; no <= 4; no++)
        deed(DONE, no, GOOD);
    cr_assert_null(task());
}

Test(task, a_restart_in_the_middle_of_undoing)
{
    prepared();
    deed(CANCEL, 0, 0);
    cr_assert_eq(task()->job_count, 7);
    deed(DONE, 5, GOOD);
    life_restart(l);
    for (unsigned i = 0; i < NODES; i++)
        machine_register(&m[i]);
    cr_assert_eq(task()->job_count, 7, "the jobs of undoing are made once");
    deed(DONE, 6, GOOD);
    deed(DONE, 7, GOOD);
    cr_assert_eq(task()->row.step, PREPARE);
    deed(DONE, 8, GOOD);
    cr_assert_null(task());
}

Test(task, nothing_is_ordered_while_nothing_can_be_stored)
{
    deed(START, 0, 0);
    life_writable(l, false);
    life_pass(l, 10 * DEFAULT_OFFER_MS);
    ordered(0, 0, 0, 0);
    life_writable(l, true);
    machine_register(&m[0]);
    life_pass(l, DEFAULT_OFFER_MS);
    ordered(1, 1, 1, 0);
}

Test(task, a_node_has_so_many_orders_at_a_time)
{
    tells = DEFAULT_SCANS_PER_NODE + 2;
    prepared();
    cr_assert_eq(l->offer_count, NODES * DEFAULT_SCANS_PER_NODE);
    cr_assert_eq(job(2 + DEFAULT_SCANS_PER_NODE)->now, JOB_WAITS);
    deed(DONE, 2, GOOD);
    ordered(1, 2 + DEFAULT_SCANS_PER_NODE, 1, 0);
    deed(TAKE, 3, 0);
    ordered(0, 0, 0, 0);
}

Test(task, of_a_forgotten_node_jobs_have_failed)
{
    prepared();
    life_pass(l, 40000);
    cr_assert_eq(life_order(l, OP_NODE_FORGET, m[1].name), REPLY_OK);
    cr_assert_eq(job(3)->row.result, BAD);
    cr_assert_str_eq(job(3)->row.reason, "The node was forgotten.");
}

Test(task, what_is_long_over_goes)
{
    tells = 0;
    l->doubtful = true; /* each time costs time */
    for (uint32_t i = 0; i < DEFAULT_TASK_HISTORY_ROWS + 5; i++) {
        deed(START, 0, 0);
        deed(DONE, 1, GOOD);
    }
    cr_assert_eq(durable_tasks(l->d), DEFAULT_TASK_HISTORY_ROWS);
}

static void some_are_done(unsigned n)
{
    while (n-- > 0) {
        deed(START, 0, 0);
        deed(DONE, 1, GOOD);
    }
}

Test(task, of_those_that_run_none_goes)
{
    tells = 0;
    l->c->config.task_history_rows = 10;
    deed(START, 0, 0);
    some_are_done(30);
    cr_assert_eq(durable_tasks(l->d), 10 + 1);
    deed(DONE, 1, GOOD);
    cr_assert(link_empty(&l->c->tasks));
    some_are_done(1);
    cr_assert_eq(durable_tasks(l->d), 10);
}

Test(task, fewer_are_kept_from_now_on)
{
    tells = 0;
    some_are_done(40);
    cr_assert_eq(durable_tasks(l->d), 40);
    l->c->config.task_history_rows = 10;
    some_are_done(1);
    cr_assert_eq(durable_tasks(l->d), 40 + 1 - LIMIT_TASKS_PRUNED);
    some_are_done(10);
    cr_assert_eq(durable_tasks(l->d), 10);
}

/* ---- what clients see ------------------------------------------------------------------------ */

static enum reply_code ask(enum client_op op, uint64_t number)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, op);
    if (number != 0)
        REC_SET(&req, request, count, number);
    return life_ask(l, &req);
}

Test(task, list_show_cancel)
{
    const struct task_info *t;
    const struct job_info *v;

    cr_assert_eq(ask(OP_TASK_SHOW, 1), REPLY_NOT_FOUND);
    cr_assert_eq(ask(OP_TASK_SHOW, 0), REPLY_INVALID);
    prepared();
    deed(TAKE, 2, 0);
    cr_assert_eq(ask(OP_TASK_LIST, 0), REPLY_OK);
    cr_assert_eq(l->reply->tasks.n, 1);
    t = l->reply->tasks.v;
    cr_assert_str_eq(t->state, "running");
    cr_assert_str_eq(t->text, "to try it");
    cr_assert_eq(t->jobs, 4);
    cr_assert_eq(t->jobs_done, 1);
    cr_assert_eq(t->jobs_running, 1);
    cr_assert_eq(ask(OP_TASK_SHOW, 1), REPLY_OK);
    cr_assert_eq(l->reply->jobs.n, 4);
    v = l->reply->jobs.v;
    cr_assert_str_eq(v[0].state, "done");
    cr_assert_str_eq(v[1].state, "running");
    cr_assert_str_eq(v[1].node_name, m[0].name);
    cr_assert_str_eq(v[2].state, "offered");
    cr_assert_eq(ask(OP_TASK_CANCEL, 1), REPLY_OK);
    cr_assert_str_eq(((const struct task_info *)l->reply->tasks.v)->state, "cancelling");
    cr_assert_eq(ask(OP_TASK_CANCEL, 1), REPLY_REFUSED);
    deed(DONE, 2, GOOD);
    for (uint32_t no = 5; no <= 8; no++)
        deed(DONE, no, GOOD);
    cr_assert_null(task());
    cr_assert_eq(ask(OP_TASK_CANCEL, 1), REPLY_REFUSED);
    cr_assert_eq(ask(OP_TASK_LIST, 0), REPLY_OK);
    cr_assert_eq(l->reply->tasks.n, 0);
}
