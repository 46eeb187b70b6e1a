/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A database that is older than the fleet, or a copy: nobody is served until an operator decides.
 */
#include <criterion/criterion.h>

#include "core/core_internal.h"
#include "machine.h"
#include "agent_internal.h"
#include "wire/codec.h"

static struct life *l;
static struct machine a, b;

static void setup(void)
{
    l = life_new();
    machine_init(&a, l, 1);
    machine_init(&b, l, 2);
    machine_join(&a);
    machine_join(&b);
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(recover, .init = setup, .fini = teardown);

/* Puts a backup in place of the database, and starts on it. */
static void restore(struct durable *backup)
{
    durable_free(l->d);
    l->d = backup;
    life_restart(l);
}

/* What happens after a backup was made. */
static struct durable *backup_then_change(void)
{
    struct durable *backup = durable_copy(l->d);

    a.nics[0].up = false;
    machine_report(&a);
    cr_assert(machine_acknowledged(&a));
    return backup;
}

Test(recover, a_restart_is_no_restore)
{
    for (int i = 0; i < 3; i++) {
        life_restart(l);
        machine_register(&a);
        cr_expect(machine_registered(&a));
        machine_heartbeat(&a);
        machine_register(&b);
        cr_expect(machine_registered(&b));
    }
    cr_expect_eq(durable_count_events(l->d, "node.restore-detected", NULL), 0);
}

Test(recover, an_older_database_is_found_out_and_serves_nobody)
{
    struct durable *backup = backup_then_change();

    restore(backup);
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_RECOVER);
    cr_expect(l->c->recover);
    cr_expect_eq(durable_count_events(l->d, "node.restore-detected", "generation"), 1);
    machine_register(&b); /* it has seen nothing newer, and yet */
    cr_expect_eq(machine_refused(&b), REFUSE_RECOVER);
    machine_report(&b);
    cr_expect_eq(machine_refused(&b), REFUSE_RECOVER);
    machine_heartbeat(&b);
    cr_expect_eq(machine_refused(&b), REFUSE_RECOVER);
    cr_expect_eq(life_order(l, OP_NODE_DRAIN, "m1"), REPLY_REFUSED);
    cr_expect_eq(life_define(l, "prod", 1, "*/*"), REPLY_REFUSED);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_UNKNOWN);
    cr_expect_eq(durable_count_events(l->d, "node.restore-detected", NULL), 1);
}

Test(recover, who_followed_before_is_let_go)
{
    struct durable *backup = backup_then_change();

    restore(backup);
    machine_register(&b);
    cr_expect(machine_registered(&b), "nothing tells it apart yet");
    cr_expect_eq(life_shown(l, "m2", "unproven:m2/eth0"), EDGE_OK);
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_RECOVER);
    cr_expect_eq(life_shown(l, "m2", "unproven:m2/eth0"), EDGE_UNKNOWN);
    machine_heartbeat(&b);
    cr_expect_eq(machine_refused(&b), REFUSE_RECOVER);
}

/* A new node with a token waits too. */
Test(recover, nobody_is_let_in)
{
    struct durable *backup;
    struct machine new;
    char secret[33];

    life_token(l, NULL, secret);
    backup = backup_then_change();
    restore(backup);
    machine_register(&a);
    machine_init(&new, l, 3);
    machine_enrol(&new, secret);
    cr_expect_eq(machine_enrolled(&new), ENROL_PENDING);
    cr_expect_null(node_by_id(l->c, new.id));
    cr_expect_eq(life_order(l, OP_RECOVER, NULL), REPLY_OK);
    machine_enrol(&new, secret);
    cr_expect_eq(machine_enrolled(&new), ENROL_APPROVED);
}

static uint64_t seen_by(const struct machine *m)
{
    return m->memory.generation;
}

Test(recover, an_operator_goes_on_above_everything_that_was_seen)
{
    struct durable *backup = backup_then_change();
    const struct memory *m;
    uint64_t generation, token;

    a.memory.epoch = 4; /* of a recovery that the backup knows nothing of */
    a.memory.generation += 500;
    a.memory.token = 77;
    generation = seen_by(&a);
    token = a.memory.token;
    restore(backup);
    cr_expect_eq(life_order(l, OP_RECOVER, NULL), REPLY_REFUSED, "there is no reason yet");
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_RECOVER);
    cr_expect_eq(life_order(l, OP_RECOVER, NULL), REPLY_OK);
    cr_expect_gt(coord_generation(l->c), generation + 1000, "clients may have seen more");
    machine_register(&a);
    cr_expect(machine_registered(&a));
    m = l->answer->registered->coordinator;
    cr_expect_eq(m->epoch, 5);
    cr_expect_gt(m->generation, generation);
    cr_expect_gt(m->token, token);
    cr_expect(machine_wanted(&a, "nics"), "its state is rebuilt from what it says");
    machine_report(&a);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_LOST);
    life_restart(l);
    machine_register(&a);
    cr_expect(machine_registered(&a), "a later start of the new epoch");
    cr_expect_eq(l->c->meta.epoch, 5);
}

/* Who was silent all the while remembers the epoch before: that is settled. */
Test(recover, a_straggler_follows_the_higher_epoch)
{
    struct durable *backup = backup_then_change();
    struct agent agent = { .remembers = true };

    machine_heartbeat(&b);
    restore(backup);
    machine_register(&a);
    cr_expect_eq(life_order(l, OP_RECOVER, NULL), REPLY_OK);
    agent.memory = b.memory;
    machine_register(&b);
    cr_expect(machine_registered(&b));
    cr_expect_null(agent_decline(&agent, l->answer->registered->coordinator), "by rule 2");
    cr_expect(!l->c->recover);
}

/* What one node says it has seen, however high, must leave room for what all others will see. */
Test(recover, one_node_locks_nobody_out)
{
    struct durable *backup = backup_then_change();

    restore(backup);
    a.memory.epoch = UINT64_C(1) << 52;
    a.memory.generation = UINT64_C(1) << 52;
    a.memory.token = UINT64_C(1) << 52;
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_RECOVER);
    cr_expect_eq(life_order(l, OP_RECOVER, NULL), REPLY_OK);
    machine_register(&b);
    cr_expect(machine_registered(&b));
    life_restart(l);
    machine_register(&b);
    cr_expect(machine_registered(&b), "it remembers what this coordinator has told it");
    cr_expect_lt(coord_generation(l->c), UINT64_C(1) << 53, "JSON can tell it");
    b.memory.epoch++;
    machine_register(&b);
    cr_expect_eq(machine_refused(&b), REFUSE_MALFORMED);
}

Test(recover, it_needs_the_word)
{
    struct request req = { 0 };
    struct durable *backup = backup_then_change();

    restore(backup);
    machine_register(&a);
    REC_SET(&req, request, op, OP_RECOVER);
    REC_SET(&req, request, confirm, "yes");
    cr_expect_eq(life_ask(l, &req), REPLY_INVALID);
    cr_expect(l->c->recover);
}

/* Nor does it forget what was seen by a node that is not heard again. */
Test(recover, a_restart_does_not_end_it)
{
    struct durable *backup = backup_then_change();

    restore(backup);
    a.memory.epoch = 7;
    machine_register(&a);
    life_restart(l);
    cr_expect_eq(life_define(l, "lan", 0, "*/eth0"), REPLY_REFUSED);
    machine_register(&b);
    cr_expect_eq(machine_refused(&b), REFUSE_RECOVER);
    cr_expect_eq(life_order(l, OP_RECOVER, NULL), REPLY_OK);
    cr_expect_eq(l->c->meta.epoch, 8);
    life_restart(l);
    cr_expect_eq(life_define(l, "lan", 0, "*/eth0"), REPLY_OK);
    cr_expect_eq(l->c->meta.epoch, 8);
}

Test(recover, another_database)
{
    char secret[33];

    durable_free(l->d);
    l->d = durable_new((uuid128){ { 0xee } });
    life_restart(l);
    life_token(l, NULL, secret);
    machine_enrol(&b, secret);
    cr_expect_eq(machine_enrolled(&b), ENROL_APPROVED, "its key is new here");
    machine_register(&b);
    cr_expect_eq(machine_refused(&b), REFUSE_RECOVER);
    cr_expect_eq(durable_count_events(l->d, "node.restore-detected", "another database"), 1);
}

/* A second coordinator on a copy of the database: its starts are not the ones that nodes know. */
Test(recover, a_second_coordinator_on_a_copy)
{
    struct life *second = life_new_on(durable_copy(l->d), 9);
    struct agent agent = { .remembers = true };
    struct machine moved;

    life_restart(l); /* the first goes on: start 2, with a nonce of its own */
    machine_register(&a);
    cr_expect(machine_registered(&a));
    moved = a;
    moved.l = second;
    moved.memory.generation = 1; /* the start alone */
    machine_register(&moved);
    cr_expect_eq(machine_refused(&moved), REFUSE_RECOVER, "start 2 is another here");
    agent.memory = a.memory;
    cr_expect_not_null(
        agent_decline(&agent, &(struct memory){ .db_id = wire_bytes16(second->c->meta.db_id.b),
                                                .nonce = wire_bytes16(second->nonce.b),
                                                .epoch = 1,
                                                .start_no = 2,
                                                .generation = 1000000 }),
        "and no node would follow it");
    life_free(second);
}

Test(recover, a_token_that_was_not_given_out_here)
{
    a.memory.token = 1;
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_RECOVER);
    cr_expect_eq(durable_count_events(l->d, "node.restore-detected", "a higher token"), 1);
}

Test(recover, a_memory_that_cannot_be_is_refused)
{
    uint64_t generation = coord_generation(l->c);

    a.memory.generation = INT64_MAX;
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_MALFORMED);
    a.memory.generation = generation;
    a.memory.epoch = INT64_MAX;
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_MALFORMED);
    a.memory.epoch = 1;
    a.memory.nonce = (struct bytes){ NULL, 0 };
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_MALFORMED);
    cr_expect(!l->c->recover);
    a.remembers = false;
    machine_register(&a);
    cr_expect(machine_registered(&a));
}

/* A boot that waits for its turn may say what it likes. */
Test(recover, only_who_is_in_is_believed)
{
    struct machine stranger;

    machine_init(&stranger, l, 7);
    machine_enrol(&stranger, NULL);
    stranger.remembers = true;
    stranger.memory = a.memory;
    stranger.memory.epoch = 50;
    machine_register(&stranger);
    cr_expect_eq(machine_refused(&stranger), REFUSE_PENDING);
    cr_expect(!l->c->recover);
}

/* A new boot of a node on a restored database: refused before its old boot is retired. */
Test(recover, a_successor_is_believed_before_it_takes_over)
{
    struct machine new = a;
    char secret[33];

    machine_reboot(&new);
    life_token(l, NULL, secret);
    machine_enrol(&new, secret);
    life_pass(l, 6000);
    new.remembers = true;
    new.memory = a.memory;
    new.memory.epoch = 2;
    machine_register(&new);
    cr_expect_eq(machine_refused(&new), REFUSE_RECOVER);
    cr_expect(uuid_eq(node_by_id(l->c, a.id)->row.boot_id, a.boot));
}
