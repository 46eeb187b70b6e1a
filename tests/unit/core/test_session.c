/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may say what, what it is answered, and what two live boots come to. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "machine.h"
#include "wire/codec.h"

#define SUSPECT_MS 6000

static struct life *l;
static struct machine m;

static void setup(void)
{
    l = life_new();
    machine_init(&m, l, 1);
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(session, .init = setup, .fini = teardown);

static struct node *node_of(const struct machine *x)
{
    return node_by_id(l->c, x->id);
}

/* A heartbeat that says nothing but what `env` already holds. */
static void say(struct machine *x, struct envelope *env)
{
    REC_SET(env, envelope, heartbeat, (&(struct heartbeat){ 0 }));
    machine_say(x, env);
}

Test(session, an_unknown_key_may_only_enrol)
{
    machine_heartbeat(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_UNKNOWN_KEY);
    machine_register(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_UNKNOWN_KEY);
    machine_report(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_UNKNOWN_KEY);
    cr_expect_eq(l->c->drops[REFUSE_UNKNOWN_KEY], 3);
    cr_expect_eq(durable_count_events(l->d, "message.refused", NULL), 1, "once a minute");
}

/* A heartbeat in that version; the version of the answer. */
static uint64_t answered_in(uint64_t version)
{
    struct envelope env = { 0 };

    REC_SET(&env, envelope, version, version);
    say(&m, &env);
    return l->answer->version;
}

/* Nodes are rolled one by one, the coordinator before them or after them. */
Test(session, versions)
{
    l->c->config.protocol = 5;
    for (uint64_t v = 4; v <= 6; v++) {
        machine_init(&m, l, (unsigned)v);
        m.protocol = v;
        machine_join(&m);
        cr_expect_eq(answered_in(v), v < 5 ? v : 5, "version %lu", (unsigned long)v);
        cr_expect_eq(machine_refused(&m), 0);
        cr_expect_eq(node_of(&m)->protocol, v);
    }
    cr_expect_eq(answered_in(3), 5,
                 "in the one that it does not know, since it has none of its own");
    cr_expect_eq(machine_refused(&m), REFUSE_VERSION);
    cr_expect_str_eq(l->answer->refused->text,
                     "This node speaks version 3 of the protocol; this coordinator is of version 5 "
                     "and serves nodes of versions 4 to 6.");
    cr_expect_eq(answered_in(7), 5);
    cr_expect_eq(machine_refused(&m), REFUSE_VERSION);
    cr_expect_eq(node_of(&m)->protocol, 6, "it is what it was");
}

Test(session, the_first_version_has_none_before_it)
{
    machine_join(&m);
    answered_in(0);
    cr_expect_eq(machine_refused(&m), REFUSE_VERSION);
    cr_expect(strstr(l->answer->refused->text, "serves nodes of versions 1 to 2.") != NULL);
    cr_expect_eq(l->c->drops[REFUSE_VERSION], 1);
}

Test(session, a_kind_of_message_of_a_later_version)
{
    struct envelope now = { 0 }, later = { 0 };

    machine_join(&m);
    REC_SET(&now, envelope, version, PROTOCOL_VERSION);
    machine_say(&m, &now);
    cr_expect_eq(machine_refused(&m), REFUSE_ROLE);
    REC_SET(&later, envelope, version, PROTOCOL_VERSION + 1);
    machine_say(&m, &later);
    cr_expect_eq(machine_refused(&m), REFUSE_MALFORMED);
    cr_expect(strstr(l->answer->refused->text, "a later version of the protocol") != NULL);
    machine_heartbeat(&m);
    cr_expect_eq(machine_refused(&m), 0, "it has lost nothing by it");
}

/* Of rows with fields that are not known here the node's digest is taken, and they are asked for
 * again by a start that may know them. */
Test(session, rows_that_a_later_version_knows_more_of)
{
    struct section nics = { 0 };
    struct envelope env = { 0 };
    struct report body = { 0 };
    size_t n;

    machine_join(&m);
    l->doubtful = true; /* a core that is loaded has the other digest */
    nics = *machine_sections(&m, l->arena, 1u << SECTION_NICS, &n);
    nics.partly = true;
    nics.understood = nics.digest;
    nics.digest.b[0] ^= 1;
    REC_SET(&env, envelope, version, PROTOCOL_VERSION + 1);
    REC_SET(&env, envelope, report, &body);
    machine_say_sections(&m, &env, &nics, 1);
    cr_assert_eq(machine_refused(&m), 0);
    cr_expect(digest_eq(node_of(&m)->sections[SECTION_NICS].digest, nics.digest));
    life_restart(l);
    cr_expect(digest_eq(node_of(&m)->sections[SECTION_NICS].digest, nics.understood));
}

Test(session, a_body_that_is_not_a_nodes)
{
    struct envelope env = { 0 };

    machine_join(&m);
    REC_SET(&env, envelope, heartbeat_ack, (&(struct heartbeat_ack){ 0 }));
    machine_say(&m, &env);
    cr_expect_eq(machine_refused(&m), REFUSE_ROLE);
}

Test(session, ids_that_are_not_those_of_the_key)
{
    static const uint8_t other[16] = { 9 };
    struct envelope node = { 0 }, boot = { 0 }, none = { 0 };
    struct machine b;

    machine_join(&m);
    machine_init(&b, l, 2);
    machine_join(&b);
    REC_SET(&node, envelope, node_id, wire_bytes16(b.id.b));
    say(&m, &node);
    cr_expect_eq(machine_refused(&m), REFUSE_IDENTITY);
    REC_SET(&boot, envelope, boot_id, wire_bytes16(other));
    say(&m, &boot);
    cr_expect_eq(machine_refused(&m), REFUSE_IDENTITY);
    REC_SET(&none, envelope, node_id, ((struct bytes){ NULL, 0 }));
    say(&m, &none);
    cr_expect_eq(machine_refused(&m), REFUSE_IDENTITY);
    snprintf(m.uuid, sizeof m.uuid, "%s", b.uuid);
    machine_register(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_IDENTITY, "the identity gives another id");
    machine_heartbeat(&m);
    cr_expect_eq(machine_refused(&m), 0, "it has lost nothing by it");
}

Test(session, numbers_only_rise)
{
    struct envelope env = { 0 }, absent = { 0 };

    machine_join(&m);
    machine_heartbeat(&m);
    REC_SET(&env, envelope, seq, m.seq);
    say(&m, &env);
    cr_expect_eq(machine_refused(&m), REFUSE_REPLAY, "the same again");
    env = (struct envelope){ 0 };
    REC_SET(&env, envelope, seq, 1);
    say(&m, &env);
    cr_expect_eq(machine_refused(&m), REFUSE_REPLAY, "an old one");
    REC_SET(&absent, envelope, seq, 0);
    say(&m, &absent);
    cr_expect_eq(machine_refused(&m), REFUSE_REPLAY, "none");
    m.seq += 1000;
    machine_heartbeat(&m);
    cr_expect_eq(machine_refused(&m), 0);
    life_restart(l);
    m.seq = 7; /* the first after a start sets it */
    machine_register(&m);
    cr_expect(machine_registered(&m));
}

Test(session, a_replayed_message_does_not_keep_a_node_alive)
{
    struct envelope env;

    machine_join(&m);
    for (int i = 0; i < 4; i++) {
        life_pass(l, 2000);
        env = (struct envelope){ 0 };
        REC_SET(&env, envelope, seq, 2);
        say(&m, &env);
        cr_expect_eq(machine_refused(&m), REFUSE_REPLAY);
    }
    cr_expect_eq(node_of(&m)->live, NODE_SUSPECT);
}

Test(session, register_first)
{
    machine_join(&m);
    life_restart(l);
    machine_heartbeat(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_NOT_REGISTERED);
    machine_report(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_NOT_REGISTERED);
    machine_register(&m);
    cr_expect(machine_registered(&m));
    machine_report(&m);
    cr_expect(machine_acknowledged(&m));
}

Test(session, registered_tells_who_the_coordinator_is)
{
    const struct registered *r;
    const struct memory *c;

    machine_join(&m);
    machine_register(&m);
    r = l->answer->registered;
    c = r->coordinator;
    cr_expect_str_eq(r->node_name, "m1");
    cr_expect_eq(r->heartbeat_ms, 2000);
    cr_expect_eq(c->epoch, 1);
    cr_expect_eq(c->start_no, 1);
    cr_expect_eq(memcmp(c->nonce.p, l->nonce.b, 16), 0);
    cr_expect_eq(memcmp(c->db_id.p, l->c->meta.db_id.b, 16), 0);
    cr_expect_eq(l->answer->correlation, m.seq);
    cr_expect_leq(c->generation, coord_generation(l->c));
}

/* ---- a new boot ----------------------------------------------------------------------------- */

static void reboot(struct machine *x)
{
    char secret[33];

    machine_reboot(x);
    life_token(l, NULL, secret);
    machine_enrol(x, secret);
    life_pass(l, SUSPECT_MS);
}

Test(session, a_new_boot_clears_what_the_old_one_said)
{
    machine_join(&m);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_OK);
    reboot(&m);
    cr_expect_gt(durable_inventory(l->d), 0, "it is not confirmed yet");
    machine_register(&m);
    cr_expect(machine_registered(&m));
    cr_expect(machine_wanted(&m, "nics"));
    cr_expect_eq(durable_inventory(l->d), 0);
    cr_expect_eq(durable_sections(l->d), 0);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_UNKNOWN, "and not lost");
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0);
    snprintf(m.nics[0].name, sizeof m.nics[0].name, "eth1");
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_LOST, "the new boot has no eth0");
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth1"), EDGE_OK);
}

Test(session, two_live_boots_are_quarantined_and_free_nothing)
{
    struct machine old;
    size_t rows;

    machine_join(&m);
    old = m;
    reboot(&m);
    machine_register(&m);
    machine_report(&m);
    rows = durable_inventory(l->d);
    machine_heartbeat(&old);
    cr_expect_eq(machine_refused(&old), REFUSE_QUARANTINED);
    cr_expect_eq(node_of(&m)->row.admission, NODE_QUARANTINED);
    cr_expect_eq(durable_count_events(l->d, "node.conflict", NULL), 1);
    machine_heartbeat(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_QUARANTINED);
    machine_register(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_QUARANTINED);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_UNKNOWN);
    cr_expect_eq(durable_inventory(l->d), rows);
    life_restart(l);
    machine_register(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_QUARANTINED, "the quarantine outlives a restart");
    cr_expect_eq(life_order(l, OP_NODE_APPROVE, "m1"), REPLY_OK);
    machine_register(&m);
    cr_expect(machine_registered(&m), "the boot that was accepted last goes on");
    machine_heartbeat(&old);
    cr_expect_eq(machine_refused(&old), REFUSE_RETIRED_BOOT, "and the other is the past");
    cr_expect_eq(node_of(&m)->row.admission, NODE_APPROVED);
}

/* A third boot must not end by itself what an operator has to end. */
Test(session, a_successor_does_not_lift_a_quarantine)
{
    struct machine old, third;
    char secret[33];

    machine_join(&m);
    old = m;
    reboot(&m);
    machine_register(&m);
    machine_heartbeat(&old);
    third = m;
    machine_reboot(&third);
    life_token(l, NULL, secret);
    machine_enrol(&third, secret);
    life_pass(l, SUSPECT_MS);
    machine_enrol(&third, secret);
    cr_expect_eq(machine_refused(&third), REFUSE_QUARANTINED);
    machine_register(&third);
    cr_expect_eq(machine_refused(&third), REFUSE_QUARANTINED);
    cr_expect_eq(node_of(&m)->row.admission, NODE_QUARANTINED);
    cr_expect(uuid_eq(node_of(&m)->row.boot_id, m.boot));
}

/* The old boot's rights end with a registration that is accepted, not with one that is refused. */
Test(session, a_refused_registration_retires_nobody)
{
    char uuid[40];

    machine_join(&m);
    reboot(&m);
    memcpy(uuid, m.uuid, sizeof uuid);
    snprintf(m.uuid, sizeof m.uuid, "5f5b1c04-93cd-4a5e-8f6e-0000000000ff");
    machine_register(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_IDENTITY);
    cr_expect(!uuid_eq(node_of(&m)->row.boot_id, m.boot));
    cr_expect_gt(durable_inventory(l->d), 0);
    memcpy(m.uuid, uuid, sizeof uuid);
    machine_register(&m);
    cr_expect(machine_registered(&m));
}

Test(session, a_retired_boot_with_a_new_key_is_refused)
{
    struct machine old;
    char secret[33];

    machine_join(&m);
    old = m;
    reboot(&m);
    machine_register(&m);
    machine_new_key(&old);
    life_token(l, NULL, secret);
    machine_enrol(&old, secret);
    cr_expect_eq(machine_refused(&old), REFUSE_RETIRED_BOOT);
    cr_expect_eq(node_of(&m)->row.admission, NODE_APPROVED, "anybody can name a boot id");
}

/* The probe lost its key and goes on in the same boot. */
Test(session, a_new_key_in_the_same_boot)
{
    char secret[33];
    size_t rows;

    machine_join(&m);
    rows = durable_inventory(l->d);
    machine_new_key(&m);
    life_token(l, NULL, secret);
    machine_enrol(&m, secret);
    cr_expect_eq(machine_enrolled(&m), ENROL_PENDING, "while the other key is heard");
    life_pass(l, SUSPECT_MS);
    machine_register(&m);
    cr_expect(machine_registered(&m));
    cr_expect_eq(durable_inventory(l->d), rows, "it is the same boot");
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_OK, "and its digests say the same");
}

Test(session, a_boot_that_was_declared_dead_and_comes_back)
{
    struct machine old;

    machine_join(&m);
    cr_expect_eq(life_order(l, OP_NODE_DECLARE_DEAD, "m1"), REPLY_REFUSED, "it is alive");
    life_pass(l, SUSPECT_MS);
    cr_expect_eq(life_order(l, OP_NODE_DECLARE_DEAD, "m1"), REPLY_OK);
    old = m;
    machine_heartbeat(&old);
    cr_expect_eq(machine_refused(&old), REFUSE_RETIRED_BOOT, "told to stop");
    cr_expect_eq(node_of(&m)->row.admission, NODE_QUARANTINED);
    cr_expect_eq(durable_count_events(l->d, "node.conflict", "written twice"), 1);
}

Test(session, a_dead_node_comes_back_with_a_new_boot)
{
    machine_join(&m);
    life_pass(l, SUSPECT_MS);
    cr_expect_eq(life_order(l, OP_NODE_DECLARE_DEAD, "m1"), REPLY_OK);
    reboot(&m);
    machine_register(&m);
    cr_expect(machine_registered(&m));
    cr_expect_eq(node_of(&m)->row.admission, NODE_APPROVED);
}

/* ---- liveness ------------------------------------------------------------------------------- */

Test(session, suspect_down_and_up_again)
{
    machine_join(&m);
    life_run(l, SUSPECT_MS - 1);
    cr_expect_eq(node_of(&m)->live, NODE_UP);
    life_run(l, 1);
    cr_expect_eq(node_of(&m)->live, NODE_SUSPECT);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_UNKNOWN);
    cr_expect_eq(durable_count_events(l->d, "node.suspect", NULL), 1);
    life_run(l, 24000);
    cr_expect_eq(node_of(&m)->live, NODE_DOWN);
    cr_expect_eq(durable_count_events(l->d, "node.down", NULL), 1);
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0, "silence loses nothing");
    machine_heartbeat(&m);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_OK);
    cr_expect_eq(durable_count_events(l->d, "node.up", "again"), 1);
}

Test(session, time_in_which_nobody_listened_is_no_silence)
{
    machine_join(&m);
    life_run(l, SUSPECT_MS - 1);
    l->deaf_ms = 100000;
    life_pass(l, 100000);
    cr_expect_eq(node_of(&m)->live, NODE_UP);
    life_pass(l, 1);
    cr_expect_eq(node_of(&m)->live, NODE_SUSPECT);
    machine_heartbeat(&m);
    life_run(l, SUSPECT_MS - 1);
    cr_expect_eq(node_of(&m)->live, NODE_UP, "counted from when it was heard");
    life_run(l, 1);
    cr_expect_eq(node_of(&m)->live, NODE_SUSPECT);
}

/* What changed while it was silent is not shown as it was, not even for the time of a report. */
Test(session, who_comes_back_with_other_digests_is_unknown_until_it_reports)
{
    machine_join(&m);
    life_run(l, SUSPECT_MS);
    m.nics[0].up = false;
    machine_heartbeat(&m);
    cr_expect(machine_wanted(&m, "nics"));
    cr_expect_eq(node_of(&m)->live, NODE_UP);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_UNKNOWN);
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_LOST);
}

Test(session, after_a_restart_down_takes_as_long_as_ever)
{
    machine_join(&m);
    life_restart(l);
    life_run(l, DEFAULT_DOWN_MS - 1);
    cr_expect_eq(node_of(&m)->live, NODE_NEVER);
    cr_expect_eq(life_order(l, OP_STATUS, NULL), REPLY_OK);
    cr_expect_eq(l->reply->status->nodes_down, 0);
    cr_expect_eq(l->reply->status->nodes_never, 1);
    life_run(l, 1);
    cr_expect_eq(node_of(&m)->live, NODE_DOWN);
    cr_expect_eq(durable_count_events(l->d, "node.down", "since the coordinator started"), 1);
    cr_expect_eq(life_order(l, OP_STATUS, NULL), REPLY_OK);
    cr_expect_eq(l->reply->status->nodes_down, 1);
    cr_expect_eq(l->reply->status->nodes_never, 0);
    cr_expect_eq(life_order(l, OP_NODE_SHOW, "m1"), REPLY_OK);
    cr_expect_not(REC_HAS((const struct node_info *)l->reply->nodes.v, node_info, heard_ms));
    machine_register(&m);
    cr_expect_eq(node_of(&m)->live, NODE_UP);
}

/* Whenever it was let in. */
Test(session, who_is_approved_and_never_speaks_is_down_in_time)
{
    struct machine other;

    life_run(l, 100000);
    machine_init(&other, l, 2);
    machine_enrol(&other, NULL);
    cr_expect_eq(life_order(l, OP_NODE_APPROVE, "m2"), REPLY_OK);
    life_run(l, DEFAULT_DOWN_MS - 1);
    cr_expect_eq(node_of(&other)->live, NODE_NEVER);
    life_run(l, 1);
    cr_expect_eq(node_of(&other)->live, NODE_DOWN);
    cr_expect_eq(durable_count_events(l->d, "node.down", "m2"), 1);
}

Test(session, a_restart_makes_all_unknown_until_digests_confirm)
{
    machine_join(&m);
    life_restart(l);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_UNKNOWN);
    cr_expect_eq(edge_age_ms(l->c, life_edge(l, "m1", "unproven:m1/eth0")), -1);
    machine_register(&m);
    cr_expect_eq(l->answer->registered->want.n, 0, "all digests are as stored");
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_OK);
    life_pass(l, 1000);
    cr_expect_eq(edge_age_ms(l->c, life_edge(l, "m1", "unproven:m1/eth0")), 1250);
}

Test(session, a_node_that_does_not_come_back_after_a_start_is_said_to_be_down)
{
    machine_join(&m);
    life_restart(l);
    life_run(l, 29999);
    cr_expect_eq(durable_count_events(l->d, "node.down", NULL), 0);
    life_run(l, 1);
    cr_expect_eq(durable_count_events(l->d, "node.down", "since the coordinator started"), 1);
    life_run(l, 100000);
    cr_expect_eq(durable_count_events(l->d, "node.down", NULL), 1);
}

Test(session, a_name_follows_the_hostname_until_an_operator_gives_one)
{
    struct request req = { 0 };

    machine_join(&m);
    m.hostname = "rack7";
    machine_register(&m);
    cr_expect_str_eq(l->answer->registered->node_name, "rack7");
    cr_expect_eq(life_shown(l, "rack7", "unproven:rack7/eth0"), EDGE_OK);
    REC_SET(&req, request, op, OP_NODE_RENAME);
    REC_SET(&req, request, node, "rack7");
    REC_SET(&req, request, name, "alpha");
    cr_expect_eq(life_ask(l, &req), REPLY_OK);
    m.hostname = "rack8";
    machine_register(&m);
    cr_expect_str_eq(l->answer->registered->node_name, "alpha");
}

/* ---- nothing can be stored ------------------------------------------------------------------ */

Test(session, while_nothing_can_be_stored)
{
    struct machine b;

    machine_join(&m);
    machine_init(&b, l, 2);
    life_writable(l, false);
    machine_heartbeat(&m);
    cr_expect_eq(machine_refused(&m), 0);
    m.nics[0].up = false;
    machine_report(&m);
    cr_expect_eq(machine_refused(&m), REFUSE_BUSY);
    machine_heartbeat(&m);
    cr_expect(!machine_wanted(&m, "nics"), "what cannot be stored is not asked for");
    machine_enrol(&b, NULL);
    cr_expect_eq(machine_enrolled(&b), ENROL_PENDING);
    life_run(l, SUSPECT_MS);
    cr_expect_eq(node_of(&m)->live, NODE_SUSPECT);
    life_writable(l, true);
    cr_expect_eq(durable_count_events(l->d, "node.suspect", NULL), 1, "said later");
    machine_heartbeat(&m);
    cr_expect(machine_wanted(&m, "nics"));
}
