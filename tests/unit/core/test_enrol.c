/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a key becomes a node's: by token, by policy, by an operator; and what becomes of two that
 * want to be one. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "machine.h"
#include "wire/codec.h"

#define SUSPECT_MS 6000

static struct node *node_of(struct machine *m)
{
    return node_by_id(m->l->c, m->id);
}

Test(enrol, a_token_lets_a_node_in_once)
{
    struct life *l = life_new();
    struct machine a, b;
    char secret[33];

    machine_init(&a, l, 1);
    machine_init(&b, l, 2);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_APPROVED);
    cr_expect_eq(node_of(&a)->row.admission, NODE_APPROVED);
    machine_enrol(&a, secret); /* the answer was lost */
    cr_expect_eq(machine_enrolled(&a), ENROL_APPROVED);
    machine_enrol(&b, secret);
    cr_expect_eq(machine_enrolled(&b), ENROL_REJECTED, "a token serves twice");
    cr_expect_null(node_of(&b));
    cr_expect_eq(durable_count_events(l->d, "token.used", NULL), 1);
    life_restart(l);
    machine_enrol(&b, secret);
    cr_expect_eq(machine_enrolled(&b), ENROL_REJECTED, "a token serves again after a restart");
    life_free(l);
}

Test(enrol, a_token_that_is_unknown_expired_or_of_another_node_is_rejected)
{
    struct life *l = life_new();
    struct machine a, b;
    char secret[33], id[UUID_TEXT];

    machine_init(&a, l, 1);
    machine_init(&b, l, 2);
    machine_enrol(&a, "00112233445566778899aabbccddeeff");
    cr_expect_eq(machine_enrolled(&a), ENROL_REJECTED);
    life_token(l, uuid_text(b.id, id), secret);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_REJECTED, "the token is bound to another node");
    life_pass(l, INT64_C(25) * 3600 * 1000);
    machine_enrol(&b, secret);
    cr_expect_eq(machine_enrolled(&b), ENROL_REJECTED, "the token has expired");
    life_token(l, uuid_text(b.id, id), secret);
    machine_enrol(&b, secret);
    cr_expect_eq(machine_enrolled(&b), ENROL_APPROVED);
    life_free(l);
}

Test(enrol, without_a_token_an_operator_decides)
{
    struct life *l = life_new();
    struct machine a;

    machine_init(&a, l, 1);
    machine_enrol(&a, NULL);
    cr_expect_eq(machine_enrolled(&a), ENROL_PENDING);
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_PENDING);
    life_restart(l);
    machine_enrol(&a, NULL);
    cr_expect_eq(machine_enrolled(&a), ENROL_PENDING, "who waits is remembered");
    cr_expect_eq(life_order(l, OP_NODE_APPROVE, "m1"), REPLY_OK);
    machine_enrol(&a, NULL);
    cr_expect_eq(machine_enrolled(&a), ENROL_APPROVED);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    life_free(l);
}

Test(enrol, a_token_that_comes_later_helps_who_waits)
{
    struct life *l = life_new();
    struct machine a;
    char secret[33];

    machine_init(&a, l, 1);
    machine_enrol(&a, NULL);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_APPROVED);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    life_free(l);
}

Test(enrol, by_policy_a_token_alone_is_not_enough)
{
    struct life *l = life_new();
    struct machine a;
    char secret[33];

    l->config.enrol_by_token = false;
    life_restart(l);
    machine_init(&a, l, 1);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_PENDING);
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_PENDING);
    cr_expect_eq(life_order(l, OP_NODE_APPROVE, "m1"), REPLY_OK);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    life_free(l);
}

/* It boots again while an operator is still waited for: its new boot is the one that gets in. */
Test(enrol, a_reboot_while_the_policy_waits)
{
    struct life *l = life_new();
    struct machine a;
    char secret[33];

    l->config.enrol_by_token = false;
    life_restart(l);
    machine_init(&a, l, 1);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    life_pass(l, SUSPECT_MS);
    machine_reboot(&a);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_PENDING);
    cr_expect_eq(life_order(l, OP_NODE_APPROVE, "m1"), REPLY_OK);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_APPROVED);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    cr_expect(uuid_eq(node_of(&a)->row.boot_id, a.boot));
    life_free(l);
}

static enum enrol_state enrol_with(struct life *l, unsigned number, const char *uuid,
                                   const char *mac, struct machine *m)
{
    machine_init(m, l, number);
    snprintf(m->uuid, sizeof m->uuid, "%s", uuid);
    if (mac != NULL)
        snprintf(m->mac, sizeof m->mac, "%s", mac);
    machine_enrol(m, NULL);
    return machine_enrolled(m);
}

Test(enrol, the_id_must_follow_from_the_identity)
{
    static const char *const placeholders[] = {
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009",
    };
    struct life *l = life_new();
    struct machine m;
    struct envelope env = { 0 };

    cr_expect_eq(enrol_with(l, 1, "5f5b1c04-93cd-4a5e-8f6e-0000000000ff", NULL, &m), ENROL_REJECTED,
                 "an id that is another machine's");
    for (size_t i = 0; i < ARRAY_LEN(placeholders); i++) {
        uuid128 id;

        cr_expect_eq(enrol_with(l, 1, placeholders[i], NULL, &m), ENROL_REJECTED);
        uuid128_parse(placeholders[i], &id);
        m.id = id;
        machine_enrol(&m, NULL);
        cr_expect_eq(machine_enrolled(&m), ENROL_REJECTED, "%s became an id", placeholders[i]);
    }
    cr_expect_null(node_by_id(l->c, m.id));
    machine_init(&m, l, 3);
    REC_SET(&env, envelope, boot_id, wire_bytes16((uint8_t[16]){ 0 }));
    REC_SET(&env, envelope, enrol,
            (&(struct enrol){ .present = 1u << enrol_identity,
                              .identity = &(struct identity){ .product_uuid = m.uuid } }));
    machine_say(&m, &env);
    cr_expect_eq(machine_enrolled(&m), ENROL_REJECTED, "a boot id of zeros");
    life_free(l);
}

/* Two machines whose firmware has the same UUID. */
Test(enrol, a_machine_with_the_same_uuid_is_a_conflict)
{
    struct life *l = life_new();
    struct machine a, b;
    char secret[33];

    machine_init(&a, l, 1);
    machine_join(&a);
    machine_init(&b, l, 1);
    snprintf(b.mac, sizeof b.mac, "02:4d:00:00:00:77");
    life_token(l, NULL, secret);
    machine_enrol(&b, secret);
    cr_expect_eq(machine_enrolled(&b), ENROL_PENDING, "with a token, and yet another machine");
    cr_expect_eq(durable_count_events(l->d, "node.conflict", "02:4d:00:00:00:77"), 1);
    for (int i = 0; i < 5; i++) { /* the first falls silent; that proves nothing */
        life_pass(l, 2000);
        machine_enrol(&b, secret);
        cr_expect_eq(machine_enrolled(&b), ENROL_PENDING);
        machine_register(&b);
        cr_expect_eq(machine_refused(&b), REFUSE_PENDING);
    }
    cr_expect(uuid_eq(node_of(&a)->row.boot_id, a.boot), "the first has lost its place");
    machine_heartbeat(&a);
    cr_expect_eq(machine_refused(&a), 0);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_OK);
    life_free(l);
}

/* The same, and it was only a new NIC: the operator says so. */
Test(enrol, an_operator_settles_it)
{
    struct life *l = life_new();
    struct machine a;

    machine_init(&a, l, 1);
    machine_join(&a);
    machine_reboot(&a);
    snprintf(a.mac, sizeof a.mac, "02:4d:00:00:00:77");
    machine_enrol(&a, NULL);
    cr_expect_eq(machine_enrolled(&a), ENROL_PENDING);
    life_pass(l, SUSPECT_MS);
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_PENDING);
    cr_expect_eq(life_order(l, OP_NODE_APPROVE, "m1"), REPLY_OK);
    machine_enrol(&a, NULL);
    cr_expect_eq(machine_enrolled(&a), ENROL_APPROVED);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    cr_expect_str_eq(node_of(&a)->row.lowest_mac, "02:4d:00:00:00:77");
    life_free(l);
}

Test(enrol, a_new_boot_waits_for_the_silence_of_the_old)
{
    struct life *l = life_new();
    struct machine a;
    char secret[33];

    machine_init(&a, l, 1);
    machine_join(&a);
    machine_reboot(&a);
    life_token(l, NULL, secret);
    life_pass(l, 1000);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_PENDING);
    cr_expect_eq(l->answer->enrolled->retry_ms, SUSPECT_MS - 1000);
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_PENDING);
    life_pass(l, SUSPECT_MS - 1001);
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_PENDING);
    life_pass(l, 1);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_APPROVED);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    cr_expect(uuid_eq(node_of(&a)->row.boot_id, a.boot));
    life_free(l);
}

Test(enrol, a_goodbye_is_as_good_as_silence)
{
    struct life *l = life_new();
    struct machine a, old;
    char secret[33];

    machine_init(&a, l, 1);
    machine_join(&a);
    machine_goodbye(&a);
    cr_expect_null(l->answer);
    old = a;
    machine_reboot(&a);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_APPROVED);
    machine_register(&old); /* it had not ended after all */
    cr_expect(machine_registered(&old));
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_PENDING);
    life_free(l);
}

/* After a start nobody knows when the old boot was heard last. */
Test(enrol, a_start_counts_as_hearing_the_old_boot)
{
    struct life *l = life_new();
    struct machine a;
    char secret[33];

    machine_init(&a, l, 1);
    machine_join(&a);
    machine_reboot(&a);
    life_token(l, NULL, secret);
    life_pass(l, 60000);
    life_restart(l);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_PENDING);
    life_pass(l, SUSPECT_MS);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    life_free(l);
}

/* The second of two new boots does not push the first aside while that is alive, token or not. */
Test(enrol, two_successors)
{
    struct life *l = life_new();
    struct machine a, b;
    char secret[33];

    machine_init(&a, l, 1);
    machine_join(&a);
    machine_reboot(&a);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_PENDING);
    b = a;
    machine_reboot(&b);
    life_token(l, NULL, secret);
    machine_enrol(&b, secret);
    cr_expect_eq(machine_enrolled(&b), ENROL_PENDING);
    cr_expect_eq(node_of(&a)->claim, key_by(l->c, &a.key), "the first has lost its place");
    life_pass(l, SUSPECT_MS);
    machine_enrol(&b, secret); /* the token was not used up for nothing */
    cr_expect_eq(machine_enrolled(&b), ENROL_APPROVED);
    machine_register(&b);
    cr_expect(machine_registered(&b));
    machine_register(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_QUARANTINED, "both are alive");
    life_free(l);
}

/* A new boot that asks on while the old one goes on speaking: they are two. */
Test(enrol, two_boots_that_are_both_alive_are_quarantined)
{
    struct life *l = life_new();
    struct machine a, b;
    char secret[33];

    machine_init(&a, l, 1);
    machine_join(&a);
    b = a;
    machine_reboot(&b);
    life_token(l, NULL, secret);
    for (int ms = 0; ms <= SUSPECT_MS + 2000; ms += 2000) {
        machine_enrol(&b, secret);
        life_pass(l, 1000);
        machine_heartbeat(&a);
        life_pass(l, 1000);
    }
    machine_heartbeat(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_QUARANTINED);
    machine_enrol(&b, secret);
    cr_expect_eq(machine_refused(&b), REFUSE_QUARANTINED);
    cr_expect(uuid_eq(node_of(&a)->row.boot_id, a.boot), "nothing is freed");
    cr_expect_gt(durable_inventory(l->d), 0);
    cr_expect_eq(life_order(l, OP_NODE_APPROVE, "m1"), REPLY_OK);
    machine_heartbeat(&a);
    cr_expect_eq(machine_refused(&a), REFUSE_NOT_REGISTERED, "and it goes on");
    life_free(l);
}

/* A stranger without a token does not keep a machine with one from coming back. */
Test(enrol, a_claim_without_token_is_no_obstacle)
{
    struct life *l = life_new();
    struct machine a, thief;
    char secret[33];

    machine_init(&a, l, 1);
    machine_join(&a);
    machine_init(&thief, l, 1);
    machine_enrol(&thief, NULL);
    cr_expect_eq(machine_enrolled(&thief), ENROL_PENDING);
    machine_reboot(&a);
    life_token(l, NULL, secret);
    life_pass(l, SUSPECT_MS);
    machine_enrol(&thief, NULL);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_APPROVED);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    machine_register(&thief);
    cr_expect_eq(machine_refused(&thief), REFUSE_UNKNOWN_KEY);
    life_free(l);
}

/* Nor does it push aside a new boot that came with a token and waits, not even after a restart;
 * only when that is down is an operator asked about the other. */
Test(enrol, a_claim_without_token_displaces_none_with_one)
{
    struct life *l = life_new();
    struct machine a, thief;
    char secret[33];

    machine_init(&a, l, 1);
    machine_join(&a);
    thief = a;
    machine_reboot(&a);
    machine_reboot(&thief);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_PENDING);
    life_pass(l, SUSPECT_MS + 1500); /* as long as it may wait before it asks again */
    machine_enrol(&thief, NULL);
    cr_expect_eq(machine_enrolled(&thief), ENROL_PENDING);
    life_restart(l);
    machine_enrol(&thief, NULL);
    cr_expect_eq(machine_enrolled(&thief), ENROL_PENDING);
    cr_expect_eq(node_of(&a)->claim, key_by(l->c, &a.key));
    life_pass(l, SUSPECT_MS);
    machine_register(&a);
    cr_expect(machine_registered(&a));
    life_free(l);
}

Test(enrol, a_claim_with_token_that_is_down_gives_way)
{
    struct life *l = life_new();
    struct machine a, b;
    char secret[33];

    machine_init(&a, l, 1);
    machine_join(&a);
    b = a;
    machine_reboot(&a);
    life_token(l, NULL, secret);
    machine_enrol(&a, secret);
    life_pass(l, l->config.down_ms);
    machine_reboot(&b);
    machine_enrol(&b, NULL);
    cr_expect_eq(machine_enrolled(&b), ENROL_PENDING);
    cr_expect_eq(life_order(l, OP_NODE_APPROVE, "m1"), REPLY_OK);
    machine_register(&b);
    cr_expect(machine_registered(&b));
    life_free(l);
}

Test(enrol, numbers_of_nodes_are_not_used_up)
{
    struct life *l = life_new();
    struct machine a;
    char secret[33];

    machine_init(&a, l, 1);
    life_token(l, NULL, secret);
    l->c->meta.next_node_no = NUMBERS_MOST + 1;
    machine_enrol(&a, secret);
    cr_expect_eq(machine_enrolled(&a), ENROL_REJECTED);
    cr_expect_null(node_of(&a));
    life_free(l);
}

Test(enrol, pending_nodes_are_limited)
{
    struct life *l = life_new();
    struct machine m;

    l->doubtful = true;
    for (unsigned i = 0; i < LIMIT_PENDING_NODES + 2; i++) {
        machine_init(&m, l, 1);
        snprintf(m.uuid, sizeof m.uuid, "5f5b1c04-93cd-4a5e-8f6e-0000%08x", i);
        uuid128_parse(m.uuid, &m.id);
        machine_enrol(&m, NULL);
        cr_assert_eq(machine_enrolled(&m), ENROL_PENDING);
    }
    cr_expect_eq(l->c->node_count, LIMIT_PENDING_NODES);
    life_free(l);
}

/* Anybody may claim to be a node, again and again; the log is not theirs to fill. */
Test(enrol, events_of_claims_are_limited)
{
    struct life *l = life_new();
    struct machine a, b;

    machine_init(&a, l, 1);
    machine_join(&a);
    l->doubtful = true;
    for (unsigned i = 0; i < 1000; i++) {
        machine_init(&b, l, 1);
        machine_reboot(&b);
        machine_enrol(&b, NULL);
        cr_assert_eq(machine_enrolled(&b), ENROL_PENDING);
        life_pass(l, SUSPECT_MS / 100);
        machine_heartbeat(&a);
        l->c->claims.at = l->now;                  /* nothing comes back */
        node_of(&a)->claim->heard.v -= SUSPECT_MS; /* silent for long enough */
    }
    cr_expect_leq(durable_count_events(l->d, "node.pending", NULL), 300);
    cr_expect_eq(durable_count_events(l->d, "event.limited", NULL), 1);
    life_free(l);
}

/* A node that boots each day leaves a key and a boot each time. */
Test(enrol, what_is_over_is_remembered_up_to_a_number)
{
    struct life *l = life_new();
    struct machine a, first, last;
    struct stored image;

    machine_init(&a, l, 1);
    machine_join(&a);
    first = a;
    for (unsigned i = 0; i < LIMIT_RETIRED + 10; i++) {
        char secret[33];

        last = a;
        machine_goodbye(&a);
        machine_reboot(&a);
        life_token(l, NULL, secret);
        machine_enrol(&a, secret);
        cr_assert_eq(machine_enrolled(&a), ENROL_APPROVED);
        machine_register(&a);
        cr_assert(machine_registered(&a));
        life_pass(l, 1000);
    }
    life_run(l, 2 * 3600 * 1000);
    durable_image(l->d, &image);
    cr_expect_eq(image.boot_count, LIMIT_RETIRED);
    cr_expect_eq(image.key_count, LIMIT_RETIRED + 1);
    cr_expect_null(key_by(l->c, &first.key));
    cr_expect_not_null(key_by(l->c, &last.key), "the oldest go");
    machine_register(&first);
    cr_expect_eq(machine_refused(&first), REFUSE_UNKNOWN_KEY);
    machine_register(&last);
    cr_expect_eq(machine_refused(&last), REFUSE_QUARANTINED);
    life_free(l);
}

Test(enrol, a_clients_key_is_no_nodes)
{
    struct life *l = life_new();
    struct machine a;
    struct request req = { 0 };
    struct coord_event ev = { .type = COORD_CLIENT_REQUEST, .request = &req };
    char secret[33];

    machine_init(&a, l, 1);
    machine_enrol(&a, NULL); /* waits */
    life_token(l, NULL, secret);
    REC_SET(&req, request, version, PROTOCOL_VERSION);
    REC_SET(&req, request, op, OP_CLIENT_ENROL);
    REC_SET(&req, request, secret, secret);
    REC_SET(&req, request, name, "tool");
    ev.key = a.key;
    life_step(l, &ev);
    cr_expect_eq(l->reply->code, REPLY_FORBIDDEN, "%s", l->reply->text);
    life_free(l);
}
