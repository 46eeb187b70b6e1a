/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator decides about nodes: let in, name, drain, forget, declare dead. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "asking.h"
#include "base/text.h"

static struct request about(enum client_op op, const char *node)
{
    struct request req = ask_for(op);

    REC_SET(&req, request, node, node);
    return req;
}

static struct request named(const char *node, const char *name)
{
    struct request req = about(OP_NODE_RENAME, node);

    REC_SET(&req, request, name, name);
    return req;
}

static struct request dead(const char *node, const char *confirm)
{
    struct request req = about(OP_NODE_DECLARE_DEAD, node);

    REC_SET(&req, request, confirm, confirm);
    return req;
}

static struct request drain(const char *node, bool flag)
{
    struct request req = about(OP_NODE_DRAIN, node);

    REC_SET(&req, request, flag, flag);
    return req;
}

static const char *state(struct fleet *f, const char *name)
{
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_NODE_LIST)), REPLY_OK);
    return node_of(f, name) != NULL ? node_of(f, name)->state : "gone";
}

static uint64_t refusal(const struct fleet *f)
{
    return f->answer != NULL && f->answer->refused != NULL
               ? ((const struct refused *)f->answer->refused)->reason
               : 0;
}

static void start(struct fleet **f, struct host *h)
{
    *f = fleet_new();
    host_init(h, *f, 1);
    host_join(h);
}

/* ---- approve -------------------------------------------------------------------------------- */

Test(query_node, approve_a_pending_node)
{
    struct fleet *f = fleet_new();
    struct host h;

    host_init(&h, f, 1);
    cr_assert_eq(host_enrol(&h, false), ENROL_PENDING);
    cr_expect_str_eq(state(f, "node-1"), "pending");
    cr_expect_not_null(node_of(f, "node-1")->text);
    cr_expect(REC_HAS(node_of(f, "node-1"), node_info, heard_ms));
    cr_expect_not(host_register(&h));
    cr_assert_eq(ask(f, CLIENT_LOCAL, about(OP_NODE_APPROVE, "node-1")), REPLY_OK);
    cr_expect_str_eq(node_of(f, "node-1")->state, "never");
    cr_expect_null(node_of(f, "node-1")->text);
    cr_expect(strstr(f->events, "node.approved: node-1 was approved by an operator.") != NULL, "%s",
              f->events);
    cr_assert_eq(host_enrol(&h, false), ENROL_APPROVED);
    cr_assert(host_register(&h));
    cr_assert(host_report(&h));
    cr_expect_str_eq(state(f, "node-1"), "up");
    expect_refusal(f, about(OP_NODE_APPROVE, "node-1"), REPLY_REFUSED, "is approved already");
    fleet_free(f);
}

/* Where the policy wants it, a token is not enough. */
Test(query_node, approve_after_a_token)
{
    struct fleet *f = fleet_new_by(false);
    struct host h;

    host_init(&h, f, 1);
    cr_assert_eq(host_enrol(&h, true), ENROL_PENDING);
    cr_expect_not(host_register(&h));
    cr_assert_eq(ask(f, CLIENT_LOCAL, about(OP_NODE_APPROVE, "node-1")), REPLY_OK);
    cr_assert_eq(host_enrol(&h, false), ENROL_APPROVED);
    cr_assert(host_register(&h));
    fleet_free(f);
}

/* A new boot without a token waits for a word, then for the silence of the boot before it. */
Test(query_node, approve_a_claim)
{
    struct fleet *f;
    struct host h, next;

    start(&f, &h);
    next = h;
    host_reboot(&next);
    cr_assert_eq(host_enrol(&next, false), ENROL_PENDING);
    cr_expect_str_eq(state(f, "node-1"), "up");
    cr_expect(strstr(node_of(f, "node-1")->text, "muster node approve node-1") != NULL);
    cr_assert_eq(ask(f, CLIENT_LOCAL, about(OP_NODE_APPROVE, "node-1")), REPLY_OK);
    cr_expect(strstr(node_of(f, "node-1")->text, "until the earlier one is silent") != NULL);
    expect_refusal(f, about(OP_NODE_APPROVE, "node-1"), REPLY_REFUSED, "waits until the earlier");
    cr_assert_eq(host_enrol(&next, false), ENROL_PENDING);
    fleet_pass(f, 6000);
    cr_assert_eq(host_enrol(&next, false), ENROL_APPROVED);
    cr_assert(host_register(&next));
    cr_expect_str_eq(state(f, "node-1"), "up");
    cr_expect_null(node_of(f, "node-1")->text);
    fleet_free(f);
}

/* The earlier key is heard again: a conflict. The operator's word ends it, and the loser is refused
 * from then on without being a conflict again. */
Test(query_node, approve_ends_a_quarantine)
{
    struct fleet *f;
    struct host h, next;

    start(&f, &h);
    next = h;
    host_reboot(&next);
    fleet_pass(f, 7000);
    host_join(&next);
    host_beat(&h);
    cr_expect_str_eq(state(f, "node-1"), "quarantined");
    host_beat(&next);
    cr_expect_eq(refusal(f), REFUSE_QUARANTINED);
    cr_assert_eq(ask(f, CLIENT_LOCAL, about(OP_NODE_APPROVE, "node-1")), REPLY_OK);
    cr_assert(host_register(&next));
    cr_assert(host_report(&next));
    cr_expect_str_eq(state(f, "node-1"), "up");
    host_beat(&h);
    cr_expect_neq(refusal(f), 0, "a revoked key is refused");
    cr_expect_str_eq(state(f, "node-1"), "up");
    fleet_free(f);
}

/* ---- rename --------------------------------------------------------------------------------- */

Test(query_node, rename)
{
    struct fleet *f;
    struct host h;

    start(&f, &h);
    cr_assert_eq(ask(f, CLIENT_LOCAL, named("node-1", "rack7-03")), REPLY_OK);
    cr_expect_not_null(node_of(f, "rack7-03"));
    cr_expect(strstr(f->events, "node.renamed: node-1 is called rack7-03 now, as an operator "
                                "wants it.") != NULL,
              "%s", f->events);
    cr_expect_not_null(edge_now(f, "rack7-03", "unproven:rack7-03/eth0"));
    cr_expect_null(node_of(f, "node-1"));
    cr_assert(host_register(&h));
    cr_expect_str_eq(state(f, "rack7-03"), "up", "the host's own name does not come back");
    cr_assert_eq(ask(f, CLIENT_LOCAL, named("rack7-03", "rack7-03")), REPLY_OK);
    fleet_free(f);
}

Test(query_node, rename_to_its_own_name_keeps_it)
{
    struct fleet *f;
    struct host h;

    start(&f, &h);
    cr_assert_eq(ask(f, CLIENT_LOCAL, named("node-1", "node-1")), REPLY_OK);
    snprintf(h.name, sizeof h.name, "other");
    cr_assert(host_register(&h));
    cr_expect_str_eq(state(f, "node-1"), "up");
    fleet_free(f);
}

Test(query_node, rename_refused)
{
    static const char *const bad[] = { "", "-x", ".x", "a b", "a/b", "\xc3\xa9" };
    char longest[66];
    struct fleet *f;
    struct host h, other;

    start(&f, &h);
    host_init(&other, f, 2);
    host_join(&other);
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect_refusal(f, named("node-1", bad[i]), REPLY_INVALID, "1 to 64 letters");
    expect_refusal(f, named("node-1", longest), REPLY_INVALID, "1 to 64 letters");
    cr_expect_eq(ask(f, CLIENT_LOCAL, named("node-1", longest + 1)), REPLY_OK);
    expect_refusal(f, about(OP_NODE_RENAME, "node-2"), REPLY_INVALID, "1 to 64 letters");
    expect_refusal(f, named("node-2", longest + 1), REPLY_REFUSED, "Another node is called");
    expect_refusal(f, named("node-2", "01000000-0000-4000-0000-000000000001"), REPLY_INVALID,
                   "is an id");
    expect_refusal(f, named("nobody", "x"), REPLY_NOT_FOUND, "no node");
    fleet_free(f);
}

/* What the node's name decides follows it at once. */
Test(query_node, rename_matches_networks_again)
{
    struct fleet *f;
    struct host h;

    start(&f, &h);
    define(f, "lan", 0, "rack7-*/eth0");
    cr_expect_null(edge_now(f, "node-1", "lan"));
    cr_assert_eq(ask(f, CLIENT_LOCAL, named("node-1", "rack7-03")), REPLY_OK);
    cr_expect_not_null(edge_now(f, "rack7-03", "lan"));
    cr_expect_null(resource_of(f, "unproven:rack7-03/eth0"));
    cr_assert_eq(ask(f, CLIENT_LOCAL, named("rack7-03", "rack8-03")), REPLY_OK);
    cr_expect_null(edge_now(f, "rack8-03", "lan"));
    cr_expect_not_null(edge_of(f, "rack8-03", "unproven:rack8-03/eth0"));
    fleet_free(f);
}

/* ---- drain ---------------------------------------------------------------------------------- */

Test(query_node, drain_and_end)
{
    struct fleet *f;
    uint64_t commits;
    struct host h;

    start(&f, &h);
    expect_refusal(f, about(OP_NODE_DRAIN, "node-1"), REPLY_INVALID, "true drains the node");
    expect_refusal(f, drain("nobody", true), REPLY_NOT_FOUND, "no node");
    cr_assert_eq(ask(f, CLIENT_LOCAL, drain("node-1", true)), REPLY_OK);
    cr_expect(node_of(f, "node-1")->draining);
    cr_expect(strstr(f->events, "node.drain: node-1 is draining") != NULL, "%s", f->events);
    commits = f->commits;
    cr_assert_eq(ask(f, CLIENT_LOCAL, drain("node-1", true)), REPLY_OK);
    cr_expect_eq(f->commits, commits, "nothing changed");
    cr_assert_eq(ask(f, CLIENT_LOCAL, drain("node-1", false)), REPLY_OK);
    cr_expect_not(node_of(f, "node-1")->draining);
    fleet_free(f);
}

/* ---- forget --------------------------------------------------------------------------------- */

Test(query_node, forget)
{
    struct fleet *f;
    struct host h, other;

    start(&f, &h);
    host_init(&other, f, 2);
    host_join(&other);
    define(f, "lan", 0, "*/eth0");
    expect_refusal(f, about(OP_NODE_FORGET, "node-1"), REPLY_REFUSED, "stop its probe first");
    expect_refusal(f, about(OP_NODE_FORGET, "0100"), REPLY_NOT_FOUND, "called exactly '0100'");
    fleet_pass(f, 6000);
    cr_assert_eq(ask(f, CLIENT_LOCAL, about(OP_NODE_FORGET, "node-1")), REPLY_OK);
    cr_expect_eq(f->reply->nodes.n, 0);
    cr_expect(strstr(f->events, "node.forgotten: node-1") != NULL, "%s", f->events);
    cr_expect_null(edge_now(f, "node-1", "lan"));
    cr_expect_null(node_of(f, "node-1"));
    cr_expect_not_null(edge_of(f, "node-2", "lan"));
    host_beat(&h);
    cr_expect_eq(refusal(f), REFUSE_UNKNOWN_KEY);
    host_reboot(&h);
    host_join(&h);
    cr_expect_not_null(edge_now(f, "node-1", "lan"), "it may come back by a token");
    fleet_free(f);
}

Test(query_node, forget_by_full_id_and_after_goodbye)
{
    struct fleet *f;
    char id[UUID_TEXT];
    struct host h;

    start(&f, &h);
    host_goodbye(&h);
    cr_assert_eq(ask(f, CLIENT_LOCAL, about(OP_NODE_FORGET, uuid_text(h.id, id))), REPLY_OK);
    cr_expect_str_eq(state(f, "node-1"), "gone");
    fleet_free(f);
}

Test(query_node, forget_one_that_waits)
{
    struct fleet *f = fleet_new();
    struct host h;

    host_init(&h, f, 1);
    host_enrol(&h, false);
    cr_assert_eq(ask(f, CLIENT_LOCAL, about(OP_NODE_FORGET, "node-1")), REPLY_OK);
    cr_expect_str_eq(state(f, "node-1"), "gone");
    fleet_free(f);
}

/* ---- declare dead --------------------------------------------------------------------------- */

Test(query_node, declare_dead_refused)
{
    struct fleet *f;
    struct host h, waits;

    start(&f, &h);
    host_init(&waits, f, 2);
    host_enrol(&waits, false);
    expect_refusal(f, dead("0100", "0100"), REPLY_NOT_FOUND, "called exactly '0100'");
    expect_refusal(f, about(OP_NODE_DECLARE_DEAD, "node-1"), REPLY_INVALID, "once more");
    expect_refusal(f, dead("node-1", "node-2"), REPLY_INVALID, "once more, exactly: node-1");
    expect_refusal(f, dead("node-1", "node-1"), REPLY_REFUSED, "alive: heard 0 ms ago");
    expect_refusal(f, dead("node-2", "node-2"), REPLY_REFUSED, "forget it instead");
    fleet_pass(f, 5999);
    expect_refusal(f, dead("node-1", "node-1"), REPLY_REFUSED, "only a machine that is off");
    cr_expect_str_eq(state(f, "node-1"), "up");
    fleet_free(f);
}

Test(query_node, declare_dead_and_a_new_boot)
{
    struct fleet *f;
    struct host h;

    start(&f, &h);
    fleet_pass(f, 6000);
    cr_assert_eq(ask(f, CLIENT_LOCAL, dead("node-1", "node-1")), REPLY_OK);
    cr_expect_str_eq(node_of(f, "node-1")->state, "dead");
    cr_expect_null(node_of(f, "node-1")->key);
    cr_expect(strstr(f->events, "node.dead: node-1 was declared dead by an operator") != NULL, "%s",
              f->events);
    cr_expect_eq(edge_now(f, "node-1", "unproven:node-1/eth0")->state, EDGE_UNKNOWN);
    expect_refusal(f, dead("node-1", "node-1"), REPLY_REFUSED, "declared dead already");
    expect_refusal(f, about(OP_NODE_APPROVE, "node-1"), REPLY_REFUSED, "new boot of it enrols");
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_STATUS)), REPLY_OK);
    cr_expect_eq(f->reply->status->nodes_dead, 1);
    host_reboot(&h);
    host_join(&h);
    cr_expect_str_eq(state(f, "node-1"), "up");
    fleet_free(f);
}

/* That boot comes back after all: quarantined, told to stop, and never let in again. */
Test(query_node, declared_dead_and_back)
{
    struct fleet *f;
    struct host h;

    start(&f, &h);
    fleet_pass(f, 6000);
    cr_assert_eq(ask(f, CLIENT_LOCAL, dead("node-1", "node-1")), REPLY_OK);
    host_beat(&h);
    cr_expect(refusal(f) == REFUSE_RETIRED_BOOT || refusal(f) == REFUSE_QUARANTINED, "%d",
              (int)refusal(f));
    cr_expect_str_eq(state(f, "node-1"), "quarantined");
    cr_expect(strstr(f->events, "node.conflict:") != NULL, "%s", f->events);
    cr_assert_eq(ask(f, CLIENT_LOCAL, about(OP_NODE_APPROVE, "node-1")), REPLY_OK);
    host_beat(&h);
    cr_expect_eq(refusal(f), REFUSE_RETIRED_BOOT);
    h.key.b[31] = 1;
    cr_expect_eq(host_enrol(&h, true), 0, "nor with another key");
    cr_expect_eq(refusal(f), REFUSE_RETIRED_BOOT);
    cr_expect_str_eq(state(f, "node-1"), "never");
    host_reboot(&h);
    host_join(&h);
    cr_expect_str_eq(state(f, "node-1"), "up");
    fleet_free(f);
}
