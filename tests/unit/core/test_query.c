/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests: who may ask what, how arguments are understood, what each list shows. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "core/explain.h"
#include "asking.h"
#include "wire/token.h"

/* Makes CLIENT_OBSERVER or CLIENT_OPERATOR one. */
static void make_client(struct fleet *f, enum client who)
{
    struct request create = ask_for(OP_TOKEN_CREATE), enrol = ask_for(OP_CLIENT_ENROL);
    char secret[TOKEN_SECRET_TEXT];
    pubkey server;

    REC_SET(&create, request, role, who == CLIENT_OBSERVER ? "observer" : "operator");
    cr_assert_eq(ask(f, CLIENT_LOCAL, create), REPLY_OK);
    cr_assert_eq(
        token_parse(((const struct token_info *)f->reply->tokens.v)->token, &server, secret, NULL),
        0);
    REC_SET(&enrol, request, secret, secret);
    REC_SET(&enrol, request, name, "client");
    cr_assert_eq(ask(f, who, enrol), REPLY_OK, "%s", f->reply->text);
}

/* ---- roles ---------------------------------------------------------------------------------- */

static const bool read_ops[OP_CLIENT_REVOKE + 1] = {
    [OP_HELLO] = true,         [OP_STATUS] = true,        [OP_NODE_LIST] = true,
    [OP_NODE_SHOW] = true,     [OP_SNAPSHOT] = true,      [OP_CHANGES] = true,
    [OP_RESOURCE_LIST] = true, [OP_RESOURCE_SHOW] = true, [OP_EXPLAIN] = true,
    [OP_NETWORK_LIST] = true,  [OP_EVENTS] = true,        [OP_WATCH] = true,
    [OP_IMPACT] = true,
};

/* docs/PROTOCOL.md, "Between client and coordinator". */
static bool may(enum client who, int op)
{
    switch (who) {
    case CLIENT_LOCAL:
    case CLIENT_OPERATOR:
        return true;
    case CLIENT_OBSERVER:
        return read_ops[op] || op == OP_CLIENT_ENROL;
    case CLIENT_STRANGER:
        return op == OP_CLIENT_ENROL;
    case CLIENT_NODE:
        return false;
    }
    return false;
}

Test(query, every_role_and_every_operation)
{
    static const enum client all[] = { CLIENT_LOCAL, CLIENT_OPERATOR, CLIENT_OBSERVER,
                                       CLIENT_STRANGER, CLIENT_NODE };
    struct fleet *f = fleet_new();
    struct host h;

    host_init(&h, f, 1);
    host_join(&h);
    make_client(f, CLIENT_OBSERVER);
    make_client(f, CLIENT_OPERATOR);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (int op = OP_HELLO; op <= OP_CLIENT_REVOKE; op++) {
            enum reply_code code = ask(f, all[i], ask_for(op));

            cr_expect_eq(code == REPLY_FORBIDDEN, !may(all[i], op),
                         "client %d, operation %d: code %d, %s", all[i], op, code, f->reply->text);
            cr_expect(code == REPLY_OK || f->reply->text != NULL);
        }
    }
    fleet_free(f);
}

Test(query, forbidden_says_what_would_be_right)
{
    struct fleet *f = fleet_new();
    struct host h;

    host_init(&h, f, 1);
    host_join(&h);
    make_client(f, CLIENT_OBSERVER);
    ask(f, CLIENT_OBSERVER, ask_for(OP_TOKEN_LIST));
    cr_expect(strstr(f->reply->text, "Only an operator may do this") != NULL, "%s", f->reply->text);
    ask(f, CLIENT_STRANGER, ask_for(OP_HELLO));
    cr_expect(strstr(f->reply->text, "enrol it with a token") != NULL, "%s", f->reply->text);
    ask(f, CLIENT_NODE, ask_for(OP_HELLO));
    cr_expect(strstr(f->reply->text, "a node's") != NULL, "%s", f->reply->text);
    fleet_free(f);
}

Test(query, server_key_is_for_operators)
{
    struct fleet *f = fleet_new();

    make_client(f, CLIENT_OBSERVER);
    ask(f, CLIENT_LOCAL, ask_for(OP_STATUS));
    cr_expect_not_null(((const struct status_info *)f->reply->status)->server_key);
    ask(f, CLIENT_OBSERVER, ask_for(OP_STATUS));
    cr_expect_null(((const struct status_info *)f->reply->status)->server_key);
    fleet_free(f);
}

Test(query, unknown_operation_and_version)
{
    struct fleet *f = fleet_new();
    struct request req = ask_for(OP_HELLO);

    expect_refusal(f, ask_for(0), REPLY_INVALID, "Operation 0 is not known");
    expect_refusal(f, ask_for(OP_PLACE + 1), REPLY_INVALID, "is not known");
    expect_refusal(f, ask_for(INT32_MAX), REPLY_INVALID, "is not known");
    REC_SET(&req, request, version, PROTOCOL_VERSION + 1);
    expect_refusal(f, req, REPLY_INVALID, "Protocol version 2 is not served");
    fleet_free(f);
}

Test(query, nothing_is_changed_while_read_only)
{
    static const int writes[] = { OP_NODE_APPROVE,      OP_NODE_RENAME,  OP_NODE_FORGET,
                                  OP_NODE_DECLARE_DEAD, OP_NODE_DRAIN,   OP_NETWORK_DEFINE,
                                  OP_NETWORK_DELETE,    OP_TOKEN_CREATE, OP_CLIENT_ENROL,
                                  OP_RECOVER,           OP_TOKEN_REVOKE, OP_CLIENT_REVOKE };
    struct fleet *f = fleet_new();
    uint64_t commits;

    fleet_read_only(f, true);
    commits = f->commits;
    for (size_t i = 0; i < ARRAY_LEN(writes); i++)
        expect_refusal(f, ask_for(writes[i]), REPLY_READ_ONLY, "The disk is full; make room.");
    for (int op = OP_HELLO; op <= OP_CLIENT_REVOKE; op++) {
        if (read_ops[op])
            cr_expect_neq(ask(f, CLIENT_LOCAL, ask_for(op)), REPLY_READ_ONLY);
    }
    ask(f, CLIENT_LOCAL, ask_for(OP_STATUS));
    cr_expect_str_eq(((const struct status_info *)f->reply->status)->mode, "read-only");
    cr_expect_str_eq(((const struct status_info *)f->reply->status)->mode_text,
                     "The disk is full; make room.");
    cr_expect_eq(f->commits, commits, "something was written");
    fleet_read_only(f, false);
    cr_expect_eq(ask(f, CLIENT_LOCAL, ask_for(OP_TOKEN_CREATE)), REPLY_OK);
    fleet_free(f);
}

/* A node has followed this database further than it knows itself: nothing changes until an operator
 * decides, but for that word itself. */
Test(query, nothing_is_changed_before_recovery)
{
    struct fleet *f = fleet_new();
    struct request recover = ask_for(OP_RECOVER);
    struct host h;

    expect_refusal(f, recover, REPLY_REFUSED, "nothing to recover from");
    host_init(&h, f, 1);
    host_join(&h);
    h.remembered = coord_generation(f->c) + 1000;
    cr_assert_not(host_register(&h));
    for (int op = OP_HELLO; op <= OP_CLIENT_REVOKE; op++) {
        bool writes = !read_ops[op] && op != OP_RECOVER && op != OP_TOKEN_LIST &&
                      op != OP_CLIENT_LIST && op != OP_BACKUP_BEGIN && op != OP_BACKUP_READ &&
                      op != OP_BACKUP_END;

        if (writes)
            expect_refusal(f, ask_for(op), REPLY_REFUSED, "muster recover");
        else if (op != OP_RECOVER)
            cr_expect_neq(ask(f, CLIENT_LOCAL, ask_for(op)), REPLY_REFUSED);
    }
    ask(f, CLIENT_LOCAL, ask_for(OP_STATUS));
    cr_expect_str_eq(((const struct status_info *)f->reply->status)->mode, "recover");
    cr_expect_not_null(((const struct status_info *)f->reply->status)->mode_text);
    expect_refusal(f, recover, REPLY_INVALID, "recover");
    REC_SET(&recover, request, confirm, "recover");
    cr_expect_eq(ask(f, CLIENT_LOCAL, recover), REPLY_OK);
    cr_expect_eq(ask(f, CLIENT_LOCAL, ask_for(OP_TOKEN_CREATE)), REPLY_OK);
    cr_expect_gt(coord_generation(f->c), h.remembered);
    cr_expect(host_register(&h));
    fleet_free(f);
}

/* ---- arguments ------------------------------------------------------------------------------ */

static struct request show_node(const char *text)
{
    struct request req = ask_for(OP_NODE_SHOW);

    REC_SET(&req, request, node, text);
    return req;
}

static struct request show_resource(const char *text)
{
    struct request req = ask_for(OP_RESOURCE_SHOW);

    REC_SET(&req, request, resource, text);
    return req;
}

/* Three nodes: two ids begin with aaaa, the third's name is what the others' ids begin with. */
static void three_nodes(struct fleet *f, struct host h[3])
{
    for (uint8_t i = 0; i < 3; i++) {
        host_init(&h[i], f, (uint8_t)(i + 1));
        memset(h[i].id.b, i < 2 ? 0xaa : 0xbb, 16);
        h[i].id.b[15] = i;
    }
    snprintf(h[2].name, sizeof h[2].name, "aaaaa");
    for (size_t i = 0; i < 3; i++)
        host_join(&h[i]);
}

Test(query, names_ids_and_prefixes)
{
    struct fleet *f = fleet_new();
    char id[UUID_TEXT], upper[UUID_TEXT];
    struct host h[3];

    three_nodes(f, h);
    cr_assert_eq(ask(f, CLIENT_LOCAL, show_node("node-1")), REPLY_OK);
    cr_expect_not_null(node_of(f, "node-1"));
    uuid_text(h[1].id, id);
    for (size_t i = 0; i < sizeof id; i++)
        upper[i] = (char)(id[i] >= 'a' && id[i] <= 'f' ? id[i] - 'a' + 'A' : id[i]);
    cr_assert_eq(ask(f, CLIENT_LOCAL, show_node(id)), REPLY_OK);
    cr_expect_not_null(node_of(f, "node-2"));
    cr_assert_eq(ask(f, CLIENT_LOCAL, show_node(upper)), REPLY_OK);
    cr_assert_eq(ask(f, CLIENT_LOCAL, show_node("bbbb")), REPLY_OK);
    cr_expect_not_null(node_of(f, "aaaaa"));
    cr_assert_eq(ask(f, CLIENT_LOCAL, show_node("BBBBbbbb-b")), REPLY_OK);
    cr_assert_eq(ask(f, CLIENT_LOCAL, show_node("aaaaa")), REPLY_OK);
    cr_expect_not_null(node_of(f, "aaaaa"), "an exact name beats a prefix");
    fleet_free(f);
}

Test(query, ambiguous_prefix_lists_the_candidates)
{
    struct fleet *f = fleet_new();
    struct host h[3];

    three_nodes(f, h);
    expect_refusal(f, show_node("aaaa"), REPLY_AMBIGUOUS, "2 nodes begin with 'aaaa'");
    cr_assert_eq(f->reply->candidates.n, 2);
    cr_expect_str_eq(f->reply->candidates.v[0], "node-1");
    cr_expect_str_eq(f->reply->candidates.v[1], "node-2");
    cr_expect_eq(f->reply->nodes.n, 0);
    fleet_free(f);
}

Test(query, no_such_node)
{
    struct fleet *f = fleet_new();
    char name[2000];
    struct host h[3];

    three_nodes(f, h);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    expect_refusal(f, ask_for(OP_NODE_SHOW), REPLY_INVALID, "needs a node");
    expect_refusal(f, show_node(""), REPLY_INVALID, "needs a node");
    expect_refusal(f, show_node("nobody"), REPLY_NOT_FOUND, "There is no node 'nobody'.");
    expect_refusal(f, show_node("bbb"), REPLY_NOT_FOUND, "4 hexadecimal digits or more");
    expect_refusal(f, show_node("cccc"), REPLY_NOT_FOUND, "no node 'cccc'");
    expect_refusal(f, show_node("-bbbb"), REPLY_NOT_FOUND, "no node");
    expect_refusal(f, show_node(name), REPLY_NOT_FOUND, "xxx'");
    fleet_free(f);
}

Test(query, resources_by_label_key_id_and_prefix)
{
    struct fleet *f = fleet_new();
    char key[256], id[UUID_TEXT], prefix[8];
    struct host h;

    host_init(&h, f, 1);
    h.ports[1].there = true;
    host_join(&h);
    cr_assert_eq(ask(f, CLIENT_LOCAL, show_resource("unproven:node-1/eth0")), REPLY_OK);
    cr_assert_eq(f->reply->resources.n, 1);
    snprintf(key, sizeof key, "%s", ((const struct resource_info *)f->reply->resources.v)->key);
    snprintf(id, sizeof id, "%s", ((const struct resource_info *)f->reply->resources.v)->id);
    snprintf(prefix, sizeof prefix, "%.7s", id);
    cr_expect_eq(ask(f, CLIENT_LOCAL, show_resource(key)), REPLY_OK);
    cr_expect_eq(ask(f, CLIENT_LOCAL, show_resource(id)), REPLY_OK);
    cr_expect_eq(ask(f, CLIENT_LOCAL, show_resource(prefix)), REPLY_OK);
    cr_expect_not_null(resource_of(f, "unproven:node-1/eth0"));
    expect_refusal(f, show_resource("unproven:node-1/eth9"), REPLY_NOT_FOUND, "no resource");
    expect_refusal(f, show_resource("unproven:node-9/eth0"), REPLY_NOT_FOUND, "no resource");
    expect_refusal(f, show_resource("storage"), REPLY_NOT_FOUND, "no resource 'storage'");
    expect_refusal(f, ask_for(OP_RESOURCE_SHOW), REPLY_INVALID, "needs a resource");
    fleet_free(f);
}

Test(query, kinds)
{
    static const int ops[] = { OP_SNAPSHOT, OP_RESOURCE_LIST, OP_CHANGES };
    struct fleet *f = fleet_new();

    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct request req = ask_for(ops[i]);

        REC_SET(&req, request, since, 0);
        REC_SET(&req, request, kind, "moon");
        expect_refusal(f, req, REPLY_INVALID, "no kind of resource 'moon'");
        REC_SET(&req, request, kind, "network");
        cr_expect_neq(ask(f, CLIENT_LOCAL, req), REPLY_INVALID);
    }
    fleet_free(f);
}

/* ---- lists ---------------------------------------------------------------------------------- */

Test(query, hello_and_status)
{
    struct fleet *f = fleet_new();
    const struct status_info *s;
    struct host h[3];

    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_HELLO)), REPLY_OK);
    cr_expect_str_eq(((const struct status_info *)f->reply->status)->version, MUSTER_VERSION);
    for (uint8_t i = 0; i < 3; i++) {
        host_init(&h[i], f, (uint8_t)(i + 1));
        h[i].ports[1].there = i > 0; /* without carrier */
        if (i < 2)
            host_join(&h[i]);
    }
    host_enrol(&h[2], false);
    fleet_pass(f, 1000);
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_STATUS)), REPLY_OK);
    s = f->reply->status;
    cr_expect_eq(s->nodes_up, 2);
    cr_expect_eq(s->nodes_pending, 1);
    cr_expect_eq(s->resources, 3);
    cr_expect_eq(s->edges_ok, 2);
    cr_expect_eq(s->edges_lost, 1);
    cr_expect_eq(s->uptime_ms, 1000);
    cr_expect_str_eq(s->mode, "normal");
    cr_expect_null(s->mode_text);
    cr_expect_eq(s->event_no, f->reply->event_no);
    h[0].status = SECTION_STUCK;
    host_report(&h[0]);
    fleet_pass(f, 7000);
    host_beat(&h[0]);
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_STATUS)), REPLY_OK);
    s = f->reply->status;
    cr_expect_eq(s->nodes_up, 1);
    cr_expect_eq(s->nodes_suspect, 1);
    cr_expect_eq(s->sections_stuck, 2);
    cr_expect_eq(s->edges_stuck, 1);
    cr_expect_eq(s->edges_unknown, 2);
    fleet_free(f);
}

Test(query, drops_are_counted_by_reason)
{
    struct fleet *f = fleet_new();
    struct coord_event ev = { .type = COORD_NODE_BAD };
    const struct status_info *s;

    ev.bad.reason = REFUSE_FLOOD;
    ev.bad.count = 5;
    fleet_step(f, &ev);
    ask(f, CLIENT_LOCAL, ask_for(OP_STATUS));
    s = f->reply->status;
    cr_expect_eq(s->messages_dropped, 5);
    cr_assert_eq(s->drops.n, 1);
    cr_expect_str_eq(s->drops.v[0], "flood 5");
    fleet_free(f);
}

Test(query, node_list_and_show)
{
    struct fleet *f = fleet_new();
    const struct section_body *sections;
    const struct edge_info *e;
    struct host h[2];

    for (uint8_t i = 0; i < 2; i++) {
        host_init(&h[i], f, (uint8_t)(i + 1));
        h[i].ports[0].vlans[0] = 100;
        host_join(&h[i]);
    }
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_NODE_LIST)), REPLY_OK);
    cr_assert_eq(f->reply->nodes.n, 2);
    cr_expect_str_eq(node_of(f, "node-1")->state, "up");
    cr_expect_eq(node_of(f, "node-1")->edges_ok, 2);
    fleet_pass(f, 1500);
    cr_assert_eq(ask(f, CLIENT_LOCAL, show_node("node-2")), REPLY_OK);
    cr_expect_eq(f->reply->nodes.n, 1);
    cr_expect_eq(node_of(f, "node-2")->heard_ms, 1500);
    cr_expect_str_eq(node_of(f, "node-2")->identity_source, "configured");
    cr_expect_eq(f->reply->resources.n, 2);
    cr_assert_eq(f->reply->edges.n, 2);
    e = f->reply->edges.v;
    cr_expect_eq(e->state, EDGE_OK);
    cr_expect_eq(e->age_ms, 1500);
    cr_assert_eq(e->ports.n, 1);
    cr_expect_eq(f->join.type, JOIN_NODE_SECTIONS);
    cr_assert_eq(f->reply->sections.n, 2);
    sections = f->reply->sections.v;
    cr_expect_eq(sections[0].section, SECTION_NICS);
    cr_expect_eq(sections[0].age_ms, 1500);
    cr_expect_not(REC_HAS(&sections[0], section_body, status_age_ms));
    fleet_free(f);
}

Test(query, bad_sections_are_named_with_their_time)
{
    struct fleet *f = fleet_new();
    const struct section_body *sections;
    struct host h;

    host_init(&h, f, 1);
    host_join(&h);
    h.status = SECTION_FAILED;
    host_report(&h);
    fleet_pass(f, 3000);
    cr_assert_eq(ask(f, CLIENT_LOCAL, show_node("node-1")), REPLY_OK);
    cr_assert_eq(node_of(f, "node-1")->sections_bad.n, 2);
    cr_expect(strncmp(node_of(f, "node-1")->sections_bad.v[0], "nics failed since 2023-", 23) == 0,
              "%s", node_of(f, "node-1")->sections_bad.v[0]);
    sections = f->reply->sections.v;
    cr_expect_eq(sections[0].status_age_ms, 3000);
    cr_expect_eq(node_of(f, "node-1")->edges_unknown, 1);
    fleet_free(f);
}

Test(query, events_watch_and_backup_are_joined)
{
    struct fleet *f = fleet_new();
    struct request req = ask_for(OP_EVENTS);

    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_expect_eq(f->join.type, JOIN_EVENTS);
    cr_expect_eq(f->join.limit, LIMIT_EVENTS_PER_REPLY);
    REC_SET(&req, request, since, 7);
    REC_SET(&req, request, since_wall_ms, 99);
    REC_SET(&req, request, limit, LIMIT_EVENTS_PER_REPLY + 1);
    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_expect_eq(f->join.since, 7);
    cr_expect_eq(f->join.since_wall.v, 99);
    cr_expect_eq(f->join.limit, LIMIT_EVENTS_PER_REPLY);
    REC_SET(&req, request, limit, 3);
    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_expect_eq(f->join.limit, 3);
    REC_SET(&req, request, limit, 0);
    expect_refusal(f, req, REPLY_INVALID, "The limit is 1 to 1000");
    cr_expect_eq(f->join.type, JOIN_NONE);
    cr_expect_eq(ask(f, CLIENT_LOCAL, ask_for(OP_WATCH)), REPLY_OK);
    cr_expect_eq(ask(f, CLIENT_LOCAL, ask_for(OP_BACKUP_BEGIN)), REPLY_OK);
    cr_expect_eq(f->join.type, JOIN_BACKUP_BEGIN);
    expect_refusal(f, ask_for(OP_BACKUP_READ), REPLY_INVALID, "handle");
    expect_refusal(f, ask_for(OP_BACKUP_END), REPLY_INVALID, "handle");
    req = ask_for(OP_BACKUP_READ);
    REC_SET(&req, request, handle, 4);
    REC_SET(&req, request, offset, 512);
    cr_expect_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_expect_eq(f->join.type, JOIN_BACKUP_READ);
    cr_expect_eq(f->join.handle, 4);
    cr_expect_eq(f->join.offset, 512);
    REC_SET(&req, request, op, OP_BACKUP_END);
    cr_expect_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_expect_eq(f->join.type, JOIN_BACKUP_END);
    fleet_free(f);
}

/* ---- impact --------------------------------------------------------------------------------- */

static const char *evidence_of(const struct fleet *f, const char *name)
{
    const struct evidence *v = f->reply->evidence.v;

    for (size_t i = 0; i < f->reply->evidence.n; i++) {
        if (v[i].name != NULL && strcmp(v[i].name, name) == 0)
            return v[i].text;
    }
    return "nothing";
}

Test(query, impact_both_ways)
{
    struct fleet *f = fleet_new();
    struct request req = ask_for(OP_IMPACT);
    struct host h[5];

    for (uint8_t i = 0; i < 5; i++) {
        host_init(&h[i], f, (uint8_t)(i + 1));
        h[i].ports[0].vlans[0] = 100;
        h[i].ports[0].vlans[1] = i < 2 ? 200 : 0;
        h[i].ports[0].vlans[2] = i < 1 ? 300 : 0;
        host_join(&h[i]);
    }
    define(f, "lan", 0, "*/eth0");
    define(f, "all", 100, "*/eth0");
    define(f, "two", 200, "*/*");
    define(f, "one", 300, "*/*");
    h[4].ports[0].up = false;
    host_report(&h[4]);
    expect_refusal(f, req, REPLY_INVALID, "a node or a resource, one of them");
    REC_SET(&req, request, resource, "all");
    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_expect_eq(f->reply->edges.n, 5);
    cr_expect_str_eq(evidence_of(f, "all"), "4 nodes see it now; 1 has lost it.");
    cr_expect_str_eq(evidence_of(f, "node-3"), "Through eth0.100; it sees 1 other network.");
    cr_expect_str_eq(evidence_of(f, "node-5"), "Through eth0.100, as last known.");
    REC_SET(&req, request, node, "node-1");
    expect_refusal(f, req, REPLY_INVALID, "one of them");
    REC_CLEAR(&req, request, resource);
    cr_assert_eq(ask(f, CLIENT_LOCAL, req), REPLY_OK);
    cr_expect_str_eq(evidence_of(f, "node-1"),
                     "4 declared networks are known on it; no other node sees 1 of them.");
    cr_expect_str_eq(evidence_of(f, "one"), "No other node sees it.");
    cr_expect_str_eq(evidence_of(f, "two"), "Besides it only node-2 sees it.");
    cr_expect_str_eq(evidence_of(f, "all"), "3 other nodes see it.");
    REC_SET(&req, request, node, "nobody");
    expect_refusal(f, req, REPLY_NOT_FOUND, "no node");
    fleet_free(f);
}

/* ---- explain: the facts that the core brings ------------------------------------------------ */

static struct request explain(const char *node, const char *resource)
{
    struct request req = ask_for(OP_EXPLAIN);

    REC_SET(&req, request, node, node);
    REC_SET(&req, request, resource, resource);
    return req;
}

Test(query, explain_brings_the_facts)
{
    struct fleet *f = fleet_new();
    const struct explain_facts *x;
    struct host h[2];

    for (uint8_t i = 0; i < 2; i++) {
        host_init(&h[i], f, (uint8_t)(i + 1));
        h[i].ports[0].vlans[0] = i == 0 ? 100 : 0;
        host_join(&h[i]);
    }
    define(f, "a", 100, "*/eth0");
    expect_refusal(f, explain("nobody", "a"), REPLY_NOT_FOUND, "no node");
    expect_refusal(f, explain("node-1", "nothing"), REPLY_NOT_FOUND, "no resource");
    cr_assert_eq(ask(f, CLIENT_LOCAL, explain("node-1", "a")), REPLY_OK);
    cr_assert_eq(f->join.type, JOIN_EXPLAIN);
    x = f->join.explain;
    cr_expect_str_eq(x->node->name, "node-1");
    cr_expect_str_eq(x->network->name, "a");
    cr_assert_not_null(x->edge);
    cr_assert_eq(x->sighting_count, 1);
    cr_expect_str_eq(x->sightings->port, "eth0.100");
    cr_expect_str_eq(x->sightings->base, "eth0");
    cr_expect_eq(x->states.n, 2);
    cr_expect_eq(x->rival_count, 0);
    cr_expect_eq(f->reply->edges.n, 1, "the CLI says the verdict from it");
    cr_assert_eq(ask(f, CLIENT_LOCAL, explain("node-2", "a")), REPLY_OK);
    cr_expect_null(f->join.explain->edge);
    cr_expect_eq(f->reply->edges.n, 0);
    cr_expect_eq(f->reply->nodes.n, 1);
    cr_expect_eq(f->reply->resources.n, 1);
    fleet_free(f);
}

Test(query, explain_names_the_rivals)
{
    struct fleet *f = fleet_new();
    const struct explain_facts *x;
    struct host h;

    host_init(&h, f, 1);
    h.ports[0].vlans[0] = 100;
    host_join(&h);
    define(f, "a", 100, "*/eth0");
    define(f, "b", 100, "node-1/*");
    define(f, "c", 100, "node-?/eth0");
    cr_assert_eq(ask(f, CLIENT_LOCAL, explain("node-1", "a")), REPLY_OK);
    x = f->join.explain;
    cr_expect_null(x->edge);
    cr_assert_eq(x->rival_count, 1);
    cr_expect_str_eq(x->rivals->port, "eth0.100");
    cr_expect_str_eq(x->rivals->network, "a");
    cr_expect_str_neq(x->rivals->other, "a");
    cr_assert_eq(ask(f, CLIENT_LOCAL, explain("node-1", "unproven:node-1/eth0.100")), REPLY_OK);
    x = f->join.explain;
    cr_assert_eq(x->rival_count, 1);
    cr_expect_str_neq(x->rivals->network, x->rivals->other);
    cr_assert_eq(ask(f, CLIENT_LOCAL, explain("node-1", "unproven:node-1/eth0")), REPLY_OK);
    cr_expect_eq(f->join.explain->rival_count, 0);
    define(f, "d", 200, "*/eth0");
    cr_assert_eq(ask(f, CLIENT_LOCAL, explain("node-1", "d")), REPLY_OK);
    cr_expect_eq(f->join.explain->rival_count, 0, "it has another tag");
    fleet_free(f);
}
