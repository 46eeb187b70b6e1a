/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which ports are which network: unproven until declared, and never one because of a number. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "machine.h"

static struct life *l;
static struct machine a, b;

static void vlan(struct machine *m, unsigned i, const char *base, const char *tags)
{
    snprintf(m->vlans[i].name, sizeof m->vlans[i].name, "v%u", i);
    snprintf(m->vlans[i].base, sizeof m->vlans[i].base, "%s", base);
    snprintf(m->vlans[i].tags, sizeof m->vlans[i].tags, "%s", tags);
}

static void setup(void)
{
    l = life_new();
    machine_init(&a, l, 1);
    machine_init(&b, l, 2);
    vlan(&a, 0, "eth0", "100");
    vlan(&b, 0, "eth0", "100");
    machine_join(&a);
    machine_join(&b);
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(sighting, .init = setup, .fini = teardown);

static struct resource *of(const char *label)
{
    return resource_by_text(l->c, label);
}

Test(sighting, equal_numbers_are_two_networks)
{
    cr_assert_not_null(of("unproven:m1/eth0.100"));
    cr_assert_not_null(of("unproven:m2/eth0.100"));
    cr_expect_neq(of("unproven:m1/eth0.100"), of("unproven:m2/eth0.100"));
    cr_expect_eq(of("unproven:m1/eth0.100")->vlan, 100);
}

Test(sighting, declared_ports_are_one)
{
    const struct edge *e;

    cr_expect_eq(life_define(l, "prod", 100, "*/eth0"), REPLY_OK);
    cr_expect_eq(life_shown(l, "m1", "prod"), EDGE_OK);
    cr_expect_eq(life_shown(l, "m2", "prod"), EDGE_OK);
    cr_expect_null(of("unproven:m1/eth0.100"), "the port has a better name now");
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_OK, "untagged is another network");
    e = life_edge(l, "m1", "prod");
    cr_expect_eq(e->paths_had, 1);
    cr_expect_eq(of("prod")->network->ports, 2);
    cr_expect_eq(life_define(l, "prod", 100, NULL), REPLY_OK);
    cr_expect_null(of("prod"));
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0.100"), EDGE_OK);
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0);
}

Test(sighting, a_match_is_of_node_and_port)
{
    cr_expect_eq(life_define(l, "prod", 100, "m1/eth*"), REPLY_OK);
    cr_expect_eq(life_shown(l, "m1", "prod"), EDGE_OK);
    cr_expect_eq(life_shown(l, "m2", "prod"), 0);
    cr_expect_eq(life_define(l, "other", 100, "m2/bond?"), REPLY_OK);
    cr_expect_eq(life_shown(l, "m2", "other"), 0);
    cr_expect_eq(life_define(l, "prod", 200, "m1/eth*"), REPLY_OK);
    cr_expect_eq(life_shown(l, "m1", "prod"), 0, "another tag");
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0.100"), EDGE_OK);
}

Test(sighting, untagged_networks_are_declared_too)
{
    cr_expect_eq(life_define(l, "mgmt", 0, "*/eth0"), REPLY_OK);
    cr_expect_eq(life_shown(l, "m1", "mgmt"), EDGE_OK);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0.100"), EDGE_OK);
    cr_expect_eq(of("mgmt")->network->ports, 2);
}

/* The outer tag of a stacked VLAN is that of a provider: not the network of that number. */
Test(sighting, stacked_vlans_match_nothing)
{
    vlan(&a, 1, "eth0", "100.7");
    machine_report(&a);
    cr_expect_eq(life_define(l, "prod", 100, "*/*"), REPLY_OK);
    cr_expect_eq(life_define(l, "inner", 7, "*/*"), REPLY_OK);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0.100.7"), EDGE_OK);
    cr_expect_eq(of("prod")->network->ports, 2);
    cr_expect_eq(of("inner")->network->ports, 0);
    life_restart(l);
    machine_register(&a);
    machine_report(&a);
    cr_expect_eq(life_define(l, "prod", 100, "*/e*"), REPLY_OK);
    cr_expect_eq(of("prod")->network->ports, 2, "and after a restart neither");
}

Test(sighting, what_two_networks_match_stays_unproven)
{
    cr_expect_eq(life_define(l, "prod", 100, "*/eth0"), REPLY_OK);
    cr_expect_eq(life_define(l, "test", 100, "m2/*"), REPLY_OK);
    cr_expect_eq(life_shown(l, "m1", "prod"), EDGE_OK);
    cr_expect_eq(life_shown(l, "m2", "prod"), 0);
    cr_expect_eq(life_shown(l, "m2", "test"), 0);
    cr_expect_eq(life_shown(l, "m2", "unproven:m2/eth0.100"), EDGE_OK);
    cr_expect_eq(durable_count_events(l->d, "network.ambiguous", "prod"), 1);
    machine_report(&b);
    b.nics[0].up = false;
    machine_report(&b);
    life_restart(l);
    machine_register(&b);
    cr_expect_eq(durable_count_events(l->d, "network.ambiguous", NULL), 1, "said once");
    cr_expect_eq(life_define(l, "test", 0, NULL), REPLY_OK);
    cr_expect_eq(life_shown(l, "m2", "prod"), EDGE_LOST, "it is down, and of prod");
}

Test(sighting, a_move_keeps_the_history)
{
    const struct edge *e;
    wall_ms fell;

    snprintf(a.nics[1].name, sizeof a.nics[1].name, "eth1");
    a.nics[0].bond = a.nics[1].bond = "bond0";
    a.nics[1].up = true;
    snprintf(a.bonds[0], sizeof a.bonds[0], "bond0");
    vlan(&a, 0, "bond0", "100");
    machine_report(&a);
    a.nics[1].up = false;
    machine_report(&a);
    fell = l->wall;
    life_pass(l, 3000);
    machine_heartbeat(&a);
    cr_expect_eq(life_define(l, "prod", 100, "*/bond*"), REPLY_OK);
    e = life_edge(l, "m1", "prod");
    cr_assert_not_null(e);
    cr_expect_eq(e->shown, EDGE_DEGRADED);
    cr_expect_eq(e->paths_had, 2);
    cr_expect_eq(e->had_until.v, fell.v);
}

/* What an edge had through two ports is not what either of them had. */
Test(sighting, ports_that_part_begin_anew)
{
    const struct edge *e;

    snprintf(a.nics[1].name, sizeof a.nics[1].name, "eth1");
    cr_expect_eq(life_define(l, "mgmt", 0, "*/eth*"), REPLY_OK);
    machine_report(&a);
    cr_expect_eq(life_shown(l, "m1", "mgmt"), EDGE_DEGRADED);
    cr_expect_eq(life_define(l, "mgmt", 0, NULL), REPLY_OK);
    e = life_edge(l, "m1", "unproven:m1/eth1");
    cr_expect_eq(e->shown, EDGE_LOST);
    cr_expect_eq(e->paths_had, 0, "it never had a path");
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth0"), EDGE_OK);
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0);
}

/* Two that move together keep what they had together. */
Test(sighting, ports_that_move_together_keep_their_history)
{
    struct request req = { 0 };
    const struct edge *e;
    wall_ms fell;

    snprintf(a.nics[1].name, sizeof a.nics[1].name, "eth1");
    a.nics[1].up = true;
    cr_expect_eq(life_define(l, "old", 0, "m1/eth*"), REPLY_OK);
    cr_expect_eq(life_define(l, "new", 0, "web-1/eth*"), REPLY_OK);
    machine_report(&a);
    a.nics[1].up = false;
    machine_report(&a);
    fell = l->wall;
    life_pass(l, 1000);
    REC_SET(&req, request, op, OP_NODE_RENAME);
    REC_SET(&req, request, node, "m1");
    REC_SET(&req, request, name, "web-1");
    cr_expect_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(life_shown(l, "web-1", "old"), 0);
    e = life_edge(l, "web-1", "new");
    cr_expect_eq(e->shown, EDGE_DEGRADED);
    cr_expect_eq(e->paths_had, 2);
    cr_expect_eq(e->had_until.v, fell.v);
}

/* Two ports of one node on one network: the edge is their sum. */
Test(sighting, an_edge_is_the_sum_of_its_ports)
{
    const struct edge *e;

    snprintf(a.nics[1].name, sizeof a.nics[1].name, "eth1");
    a.nics[1].up = true;
    vlan(&a, 1, "eth1", "100");
    machine_report(&a);
    cr_expect_eq(life_define(l, "prod", 100, "*/eth*"), REPLY_OK);
    e = life_edge(l, "m1", "prod");
    cr_expect_eq(e->paths_active, 2);
    cr_expect_eq(e->paths_total, 2);
    a.nics[1].up = false;
    machine_report(&a);
    cr_expect_eq(e->shown, EDGE_DEGRADED);
    cr_expect_eq(e->paths_active, 1);
    a.vlans[0].name[0] = '\0';
    machine_report(&a);
    cr_expect_eq(e->shown, EDGE_LOST);
    cr_expect_eq(e->paths_total, 1);
}

Test(sighting, tags_that_are_none_show_nothing)
{
    static const char *const tags[] = {
        "4095", "5000", "abc", "", "-1", "1.", ".1", "1..2", "99999"
    };

    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        char label[64];

        vlan(&a, 1, "eth0", tags[i]);
        machine_report(&a);
        cr_assert(machine_acknowledged(&a), "the report is good all the same");
        snprintf(label, sizeof label, "unproven:m1/eth0.%s", tags[i]);
        cr_expect_null(of(label), "'%s' is a VLAN", tags[i]);
    }
}

/* A node's new name may match another network. */
Test(sighting, a_rename_matches_anew)
{
    struct request req = { 0 };

    cr_expect_eq(life_define(l, "prod", 100, "web-*/*"), REPLY_OK);
    cr_expect_eq(life_shown(l, "m1", "prod"), 0);
    REC_SET(&req, request, op, OP_NODE_RENAME);
    REC_SET(&req, request, node, "m1");
    REC_SET(&req, request, name, "web-1");
    cr_expect_eq(life_ask(l, &req), REPLY_OK);
    cr_expect_eq(life_shown(l, "web-1", "prod"), EDGE_OK);
}
