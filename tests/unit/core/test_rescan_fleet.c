/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The budget, judged from outside: a thousand nodes want a rescan at once, some answer late, fail,
 * decline or never answer, and the count of what is under way is kept here from the messages
 * alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "machine.h"
#include "wire/codec.h"

enum {
    NODES = 1000,
    TARGETS = 5, /* the last stands for all of a node's targets */
    ALL = 16,
    EACH = 6,
    TIMEOUT_MS = 10000,
    MOST_MS = 3600000,
};

enum manner { ANSWERS, FAILS_ONCE, DECLINES_ONCE, NEVER_ANSWERS };

struct member {
    struct machine m;
    unsigned target;
    enum manner manner;
    struct order_key order;
    bool under_way, served;
    mono_ms answers_at, over_at;
    unsigned orders;
};

static struct life *l;
static struct member *fleet;
static unsigned under_way, most, under_way_of[TARGETS], most_of[TARGETS];

static void what_of(const struct member *x, char out[64])
{
    if (x->target == TARGETS - 1)
        snprintf(out, 64, "all");
    else
        snprintf(out, 64, "target %u:0:0 iqn.lab:%u", x->m.number % 7, x->target);
}

static unsigned at_target(unsigned t)
{
    return under_way_of[t] + (t == TARGETS - 1 ? 0 : under_way_of[TARGETS - 1]);
}

static void begin(struct member *x, const struct rescan_order *o)
{
    if (x->under_way && x->order.attempt == o->order->attempt)
        return; /* repeated */
    cr_assert(!x->under_way, "m%u is ordered another while one is under way", x->m.number);
    x->order = *o->order;
    x->under_way = true;
    x->orders++;
    x->answers_at.v = x->manner == NEVER_ANSWERS ? INT64_MAX : l->now.v + 20 + life_rand(l, 400);
    x->over_at.v = l->now.v + TIMEOUT_MS;
    under_way++;
    under_way_of[x->target]++;
    most = under_way > most ? under_way : most;
    cr_assert_leq(under_way, ALL, "%u at once", under_way);
    for (unsigned t = 0; t < TARGETS; t++) {
        most_of[t] = at_target(t) > most_of[t] ? at_target(t) : most_of[t];
        cr_assert_leq(at_target(t), EACH, "%u at once at target %u", at_target(t), t);
    }
}

static void end(struct member *x)
{
    x->under_way = false;
    under_way--;
    under_way_of[x->target]--;
}

static struct member *member_of(const struct envelope *env)
{
    uuid128 id;

    cr_assert(wire_uuid(env->node_id, &id));
    return &fleet[((unsigned)id.b[14] << 8 | id.b[15]) - 1];
}

/* Orders of the last commit. */
static void harvest(void)
{
    for (size_t i = 0; i < l->offer_count; i++)
        begin(member_of(l->offers[i]), l->offers[i]->rescan_order);
    l->offer_count = 0;
}

static void tell(struct member *x, bool good)
{
    struct rescan_result body = { 0 };
    struct envelope env = { 0 };
    struct order_key key = x->order;

    REC_SET(&body, rescan_result, order, &key);
    REC_SET(&body, rescan_result, done, good);
    REC_SET(&body, rescan_result, again, true);
    REC_SET(&env, envelope, rescan_result, &body);
    end(x);
    machine_say(&x->m, &env);
    cr_assert_not_null(l->answer->result_ack);
    cr_assert(l->answer->result_ack->taken);
    x->served |= good;
    harvest();
}

static void decline(struct member *x)
{
    struct decline body = { 0 };
    struct envelope env = { 0 };
    struct order_key key = x->order;

    REC_SET(&body, decline, order, &key);
    REC_SET(&body, decline, retry_ms, 500);
    REC_SET(&env, envelope, decline, &body);
    end(x);
    machine_say(&x->m, &env);
    harvest();
}

static void answer(struct member *x)
{
    if (x->manner == FAILS_ONCE && x->orders == 1)
        tell(x, false);
    else if (x->manner == DECLINES_ONCE && x->orders == 1)
        decline(x);
    else
        tell(x, true);
}

static void want(struct member *x)
{
    char what[64];
    const char *v = what;
    struct rescan_want body = { 0 };
    struct envelope env = { 0 };

    what_of(x, what);
    REC_SET(&body, rescan_want, what, ((struct strs){ &v, 1 }));
    REC_SET(&env, envelope, rescan_want, &body);
    machine_say(&x->m, &env);
    cr_assert_not_null(l->answer->rescan_noted);
    harvest();
}

/* What has no answer by the end of its time is over, as the node ends it sooner than that. */
static mono_ms next_event(void)
{
    mono_ms next = coord_next_deadline(l->c);

    for (unsigned i = 0; i < NODES; i++) {
        if (fleet[i].under_way && fleet[i].answers_at.v < next.v)
            next = fleet[i].answers_at;
        if (fleet[i].under_way && fleet[i].over_at.v < next.v)
            next = fleet[i].over_at;
    }
    return next;
}

static void pass(void)
{
    mono_ms next = next_event();

    for (unsigned i = 0; i < NODES; i++) {
        if (fleet[i].under_way && fleet[i].over_at.v <= next.v)
            end(&fleet[i]);
    }
    life_pass(l, next.v > l->now.v ? next.v - l->now.v : 0);
    harvest();
    for (unsigned i = 0; i < NODES; i++) {
        if (fleet[i].under_way && fleet[i].answers_at.v <= l->now.v)
            answer(&fleet[i]);
    }
}

static void make_fleet(void)
{
    l = life_new();
    l->config.suspect_ms = l->config.down_ms = 2 * MOST_MS; /* nobody need speak meanwhile */
    l->config.rescans = ALL;
    l->config.rescans_per_target = EACH;
    l->config.rescan_timeout_ms = TIMEOUT_MS;
    life_restart(l);
    l->doubtful = l->light = true;
    fleet = calloc(NODES, sizeof *fleet);
    for (unsigned i = 0; i < NODES; i++) {
        struct member *x = &fleet[i];

        machine_init(&x->m, l, i + 1);
        x->m.sections = 1u << SECTION_SYSTEM;
        machine_join(&x->m);
        x->target = life_rand(l, 20) == 0 ? TARGETS - 1 : life_rand(l, TARGETS - 1);
        x->manner = life_rand(l, 10) > 0    ? ANSWERS
                    : life_rand(l, 10) == 0 ? NEVER_ANSWERS
                    : life_rand(l, 2) == 0  ? FAILS_ONCE
                                            : DECLINES_ONCE;
    }
}

Test(core_rescan_fleet, a_thousand_nodes_at_once_stay_in_the_budget_and_all_are_served)
{
    unsigned served = 0, never = 0;
    mono_ms begun;

    make_fleet();
    for (unsigned i = 0; i < NODES; i++)
        want(&fleet[i]);
    begun = l->now;
    while (l->c->task_count > 0) {
        pass();
        cr_assert_lt(l->now.v, begun.v + MOST_MS, "it never ends");
    }
    for (unsigned i = 0; i < NODES; i++) {
        const struct member *x = &fleet[i];

        served += x->served;
        never += x->manner == NEVER_ANSWERS;
        cr_expect_eq(x->served, x->manner != NEVER_ANSWERS, "m%u", x->m.number);
        if (x->manner == NEVER_ANSWERS)
            cr_expect_eq(x->orders, LIMIT_JOB_ATTEMPTS, "m%u", x->m.number);
    }
    fprintf(stderr,
            "%u of %u nodes served, %u never answered; at most %u of %d at once, and %u of %d "
            "at a target; %lld ms\n",
            served, NODES, never, most, ALL, most_of[0], EACH, (long long)(l->now.v - begun.v));
    cr_expect_eq(served + never, NODES);
    cr_expect_eq(most, ALL, "the budget is used");
    cr_expect_eq(most_of[0], EACH);
    cr_expect_eq(under_way, 0);
    free(fleet);
    life_free(l);
}
