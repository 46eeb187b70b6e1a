/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks are declared, declared anew, and taken back; ports follow at once. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "asking.h"

static struct request definition(const char *name, uint64_t vlan, const char *const *matches,
                                 size_t n)
{
    struct request req = ask_for(OP_NETWORK_DEFINE);

    if (name != NULL)
        REC_SET(&req, request, name, name);
    REC_SET(&req, request, vlan, vlan);
    REC_SET(&req, request, matches, ((struct strs){ matches, n }));
    return req;
}

static struct request deletion(const char *name)
{
    struct request req = ask_for(OP_NETWORK_DELETE);

    REC_SET(&req, request, name, name);
    return req;
}

static const struct network_info *network_in(const struct fleet *f, const char *name)
{
    const struct network_info *v = f->reply->networks.v;

    for (size_t i = 0; i < f->reply->networks.n; i++) {
        if (strcmp(v[i].name, name) == 0)
            return &v[i];
    }
    return NULL;
}

static const struct network_info *network_now(struct fleet *f, const char *name)
{
    cr_assert_eq(ask(f, CLIENT_LOCAL, ask_for(OP_NETWORK_LIST)), REPLY_OK);
    return network_in(f, name);
}

/* Two hosts with eth0 and VLAN 100 on it. */
static void start(struct fleet **f, struct host h[2])
{
    *f = fleet_new();
    for (uint8_t i = 0; i < 2; i++) {
        host_init(&h[i], *f, (uint8_t)(i + 1));
        h[i].ports[0].vlans[0] = 100;
        host_join(&h[i]);
    }
}

Test(query_network, refused_definitions)
{
    static const char *const good[] = { "*/eth0" };
    static const char *const bad[] = { "eth0", "/eth0", "*/", "*/eth0/1", "" };
    static const char *const names[] = { "",   "a b", "unproven:x",
                                         ".x", "-x",  "01000000-0000-4000-0000-000000000001" };
    struct fleet *f = fleet_new();
    char longest[300];
    const char *match = longest;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        expect_refusal(f, definition(names[i], 0, good, 1), REPLY_INVALID, "A network's name");
    expect_refusal(f, definition(NULL, 0, good, 1), REPLY_INVALID, "A network's name");
    expect_refusal(f, definition("lan", 4095, good, 1), REPLY_INVALID, "1 to 4094");
    expect_refusal(f, definition("lan", UINT64_MAX >> 1, good, 1), REPLY_INVALID, "1 to 4094");
    expect_refusal(f, definition("lan", 0, good, 0), REPLY_INVALID, "needs a match");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect_refusal(f, definition("lan", 0, &bad[i], 1), REPLY_INVALID, "NODE-GLOB/PORT-GLOB");
    memset(longest, 'x', sizeof longest - 1);
    longest[1] = '/';
    longest[sizeof longest - 1] = '\0';
    expect_refusal(f, definition("lan", 0, &match, 1), REPLY_INVALID, "at most 256 bytes");
    cr_expect_null(network_now(f, "lan"));
    cr_expect_eq(ask(f, CLIENT_LOCAL, definition("lan", 4094, good, 1)), REPLY_OK);
    fleet_free(f);
}

Test(query_network, define)
{
    static const char *const matches[] = { "node-1/eth?", "node-2/*" };
    const struct resource_info *r;
    const struct network_info *w;
    struct fleet *f;
    struct host h[2];

    start(&f, h);
    cr_expect_eq(edge_now(f, "node-1", "unproven:node-1/eth0.100")->state, EDGE_OK);
    cr_assert_eq(ask(f, CLIENT_LOCAL, definition("storage", 100, matches, 2)), REPLY_OK);
    w = network_in(f, "storage");
    cr_assert_not_null(w);
    cr_expect_eq(w->ports, 2);
    cr_expect_eq(w->vlan, 100);
    cr_assert_eq(w->matches.n, 2);
    cr_expect_str_eq(w->matches.v[0], "node-1/eth?");
    cr_expect_eq(w->created_ms, f->wall.v);
    cr_expect(
        strstr(f->events, "network.defined: The network storage was defined: VLAN 100, 2 ports.") !=
            NULL,
        "%s", f->events);
    cr_expect_eq(edge_now(f, "node-1", "storage")->state, EDGE_OK);
    cr_expect_eq(edge_of(f, "node-2", "storage")->state, EDGE_OK);
    r = resource_of(f, "storage");
    cr_expect(r->declared);
    cr_expect_eq(r->vlan, 100);
    cr_expect_eq(r->nodes_ok, 2);
    cr_expect_null(resource_of(f, "unproven:node-1/eth0.100"), "it has a better name now");
    cr_expect_not_null(resource_of(f, "unproven:node-1/eth0"), "another tag is not concerned");
    fleet_free(f);
}

/* Equal tags prove nothing: only what is declared is one network. */
Test(query_network, tag_alone_merges_nothing)
{
    struct fleet *f;
    struct host h[2];

    start(&f, h);
    define(f, "storage", 100, "node-1/eth0");
    cr_expect_not_null(edge_now(f, "node-1", "storage"));
    cr_expect_null(edge_of(f, "node-2", "storage"));
    cr_expect_not_null(edge_of(f, "node-2", "unproven:node-2/eth0.100"));
    fleet_free(f);
}

Test(query_network, reports_after_the_definition_match_too)
{
    struct fleet *f = fleet_new();
    struct host h;

    define(f, "storage", 100, "*/eth0");
    cr_expect_eq(network_now(f, "storage")->ports, 0);
    host_init(&h, f, 1);
    h.ports[0].vlans[0] = 100;
    host_join(&h);
    cr_expect_not_null(edge_now(f, "node-1", "storage"));
    cr_expect_eq(network_now(f, "storage")->ports, 1);
    fleet_free(f);
}

Test(query_network, define_anew)
{
    struct fleet *f;
    struct host h[2];
    char id[40];

    start(&f, h);
    define(f, "lan", 0, "node-1/eth0");
    cr_expect(strstr(f->events, "The network lan was defined: untagged, 1 port.") != NULL, "%s",
              f->events);
    cr_expect_null(network_in(f, "lan")->was);
    snprintf(id, sizeof id, "%s", network_now(f, "lan")->id);
    define(f, "lan", 0, "node-2/eth0");
    cr_expect_str_eq(network_now(f, "lan")->id, id, "it is the same network");
    cr_expect_null(edge_now(f, "node-1", "lan"));
    cr_expect_not_null(edge_of(f, "node-2", "lan"));
    cr_expect_not_null(edge_of(f, "node-1", "unproven:node-1/eth0"));
    define(f, "lan", 100, "*/eth0");
    cr_expect(strstr(f->events, "network.defined: The network lan was defined anew") != NULL, "%s",
              f->events);
    cr_expect_not_null(edge_now(f, "node-1", "lan"));
    cr_expect_not_null(edge_of(f, "node-2", "unproven:node-2/eth0"), "untagged no more");
    cr_expect_eq(resource_of(f, "lan")->vlan, 100);
    cr_expect_eq(network_now(f, "lan")->ports, 2);
    fleet_free(f);
}

/* What an edge had, and since when it is degraded, does not depend on its name. */
Test(query_network, history_goes_along)
{
    const struct edge_info *e;
    struct fleet *f;
    struct host h[2];
    int64_t had_until;

    start(&f, h);
    h[0].ports[0].up = false;
    host_report(&h[0]);
    e = edge_now(f, "node-1", "unproven:node-1/eth0");
    cr_expect_eq(e->state, EDGE_LOST);
    cr_expect_eq(e->paths_had, 1);
    had_until = e->had_until_ms;
    fleet_pass(f, 1000);
    define(f, "lan", 0, "*/eth0");
    e = edge_now(f, "node-1", "lan");
    cr_assert_not_null(e);
    cr_expect_eq(e->state, EDGE_LOST);
    cr_expect_eq(e->paths_had, 1);
    cr_expect_eq(e->had_until_ms, had_until);
    fleet_free(f);
}

/* Two networks that claim one port get neither, until one of them lets go. */
Test(query_network, ambiguity)
{
    struct fleet *f;
    struct host h[2];

    start(&f, h);
    define(f, "a", 100, "*/eth0");
    cr_expect_eq(network_in(f, "a")->ambiguous, 0);
    cr_expect_eq(network_in(f, "a")->overlaps.n, 0);
    define(f, "b", 100, "node-1/*");
    cr_expect_eq(network_in(f, "b")->ports, 0);
    cr_expect_eq(network_in(f, "b")->ambiguous, 1);
    cr_assert_eq(network_in(f, "b")->overlaps.n, 1);
    cr_expect_str_eq(network_in(f, "b")->overlaps.v[0], "a");
    cr_expect_eq(network_now(f, "a")->ambiguous, 1);
    cr_expect_eq(network_now(f, "b")->ambiguous, 1);
    cr_expect_null(edge_now(f, "node-1", "a"));
    cr_expect_null(edge_of(f, "node-1", "b"));
    cr_expect_not_null(edge_of(f, "node-1", "unproven:node-1/eth0.100"));
    cr_expect_not_null(edge_of(f, "node-2", "a"));
    define(f, "b", 100, "node-9/*");
    cr_expect_str_eq(network_in(f, "b")->was, "VLAN 100, node-1/*");
    cr_expect_eq(network_in(f, "b")->ambiguous, 0);
    cr_expect_not_null(edge_now(f, "node-1", "a"));
    cr_expect_null(resource_of(f, "unproven:node-1/eth0.100"));
    fleet_free(f);
}

/* However many matches it had: the answer fits. */
Test(query_network, what_it_was_is_cut)
{
    static char texts[200][40];
    const char *matches[200];
    struct fleet *f;
    struct host h[2];

    start(&f, h);
    for (int i = 0; i < 200; i++) {
        snprintf(texts[i], sizeof texts[i], "rack-%d-with-a-long-name-*/bond%d", i, i);
        matches[i] = texts[i];
    }
    cr_assert_eq(ask(f, CLIENT_LOCAL, definition("lan", 20, matches, 200)), REPLY_OK);
    cr_assert_eq(ask(f, CLIENT_LOCAL, definition("lan", 20, matches, 1)), REPLY_OK);
    cr_expect_lt(strlen(network_in(f, "lan")->was), 512);
    cr_expect(strstr(network_in(f, "lan")->was, "VLAN 20, rack-0-with") != NULL);
    cr_expect(strstr(network_in(f, "lan")->was, " more") != NULL);
    fleet_free(f);
}

Test(query_network, ambiguity_ends_with_a_deletion)
{
    struct fleet *f;
    struct host h[2];

    start(&f, h);
    define(f, "a", 100, "*/eth0");
    define(f, "b", 100, "*/*");
    cr_assert_eq(ask(f, CLIENT_LOCAL, deletion("a")), REPLY_OK);
    cr_expect_not_null(edge_now(f, "node-1", "b"));
    cr_expect_not_null(edge_of(f, "node-2", "b"));
    cr_expect_null(resource_of(f, "a"));
    fleet_free(f);
}

Test(query_network, delete)
{
    struct fleet *f;
    struct host h[2];
    char id[40];

    start(&f, h);
    define(f, "storage", 100, "*/eth0");
    snprintf(id, sizeof id, "%s", network_now(f, "storage")->id);
    expect_refusal(f, ask_for(OP_NETWORK_DELETE), REPLY_INVALID, "needs the network's name");
    expect_refusal(f, deletion("stor"), REPLY_NOT_FOUND, "called exactly 'stor'");
    expect_refusal(f, deletion(id), REPLY_NOT_FOUND, "called exactly");
    cr_assert_eq(ask(f, CLIENT_LOCAL, deletion("storage")), REPLY_OK);
    cr_expect(strstr(f->events, "network.deleted: The network storage was deleted; its 2 "
                                "ports are unproven.") != NULL,
              "%s", f->events);
    cr_expect_null(network_now(f, "storage"));
    cr_expect_eq(edge_now(f, "node-1", "unproven:node-1/eth0.100")->state, EDGE_OK);
    cr_expect_null(resource_of(f, "storage"));
    expect_refusal(f, deletion("storage"), REPLY_NOT_FOUND, "no network");
    define(f, "storage", 100, "*/eth0");
    cr_expect_str_neq(network_now(f, "storage")->id, id, "another network of the same name");
    fleet_free(f);
}

/* A port that is gone leaves a lost edge; with its network that goes too. */
Test(query_network, delete_takes_history_along)
{
    struct fleet *f;
    struct host h[2];

    start(&f, h);
    define(f, "storage", 100, "*/eth0");
    h[0].ports[0].vlans[0] = 0;
    host_report(&h[0]);
    cr_expect_eq(edge_now(f, "node-1", "storage")->state, EDGE_LOST);
    cr_assert_eq(ask(f, CLIENT_LOCAL, deletion("storage")), REPLY_OK);
    cr_expect_null(edge_now(f, "node-1", "storage"));
    cr_expect_null(resource_of(f, "storage"));
    cr_expect_not_null(edge_of(f, "node-2", "unproven:node-2/eth0.100"));
    fleet_free(f);
}
