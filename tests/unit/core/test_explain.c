/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chain of evidence: what is said for each way in which a node can see, half-see or not see a
 * network. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "core/explain.h"
#include "wire/codec.h"

/* rack7-03: eth0 and eth1 in bond0 (LACP), bond0.100 on it, eth2 by itself, a switch at eth0 and
 * eth1; the network storage-a is VLAN 100 of every bond0. */
struct world {
    struct arena *a;
    struct nic nics[4];
    struct bond bonds[1];
    struct vlan vlans[2];
    struct lldp lldp[2];
    struct section sections[SECTION_COUNT];
    struct section_body states[SECTION_COUNT];
    struct node_info node;
    struct resource_info resource;
    struct edge_info edge;
    struct network_info network;
    struct sighting_row sighting;
    struct explain_rival rival;
    struct explain_facts facts;
    struct reply reply;
};

static const char *const slaves[] = { "eth0", "eth1" };
static const char *const matches[] = { "*/bond0" };
static const char *const announced[] = { "100", "200" };
static const char *const not_announced[] = { "200" };

static void nic(struct nic *n, const char *name, const char *bond)
{
    REC_SET(n, nic, name, name);
    REC_SET(n, nic, admin_up, true);
    REC_SET(n, nic, carrier, true);
    REC_SET(n, nic, speed_mbps, 10000);
    REC_SET(n, nic, paths_active, 1);
    REC_SET(n, nic, paths_total, 1);
    if (bond == NULL)
        return;
    REC_SET(n, nic, master, bond);
    REC_SET(n, nic, bond_state, "active");
    REC_SET(n, nic, bond_mii_status, "up");
    REC_SET(n, nic, bond_aggregator_id, 1);
}

static void bond(struct bond *b)
{
    REC_SET(b, bond, name, "bond0");
    REC_SET(b, bond, mode, "802.3ad");
    REC_SET(b, bond, admin_up, true);
    REC_SET(b, bond, carrier, true);
    REC_SET(b, bond, slaves, ((struct strs){ slaves, 2 }));
    REC_SET(b, bond, aggregator_id, 1);
    REC_SET(b, bond, partner_mac, "02:00:00:00:00:01");
    REC_SET(b, bond, paths_active, 2);
    REC_SET(b, bond, paths_total, 2);
}

static void vlan(struct vlan *v)
{
    REC_SET(v, vlan, name, "storage");
    REC_SET(v, vlan, link, "bond0");
    REC_SET(v, vlan, base_link, "bond0");
    REC_SET(v, vlan, tags, "100");
    REC_SET(v, vlan, vlan_id, 100);
    REC_SET(v, vlan, admin_up, true);
    REC_SET(v, vlan, carrier, true);
    REC_SET(v, vlan, paths_active, 2);
    REC_SET(v, vlan, paths_total, 2);
}

static void neighbour(struct lldp *l, const char *key, const char *nic, const char *port)
{
    REC_SET(l, lldp, key, key);
    REC_SET(l, lldp, interface, nic);
    REC_SET(l, lldp, chassis_name, "sw1");
    REC_SET(l, lldp, port_id, port);
    REC_SET(l, lldp, vlans, ((struct strs){ announced, 2 }));
}

static void world_sections(struct world *w)
{
    const struct {
        enum section_id id;
        void *rows;
        size_t n;
    } filled[] = { { SECTION_NICS, w->nics, 3 },
                   { SECTION_BONDS, w->bonds, 1 },
                   { SECTION_VLANS, w->vlans, 1 },
                   { SECTION_LLDP, w->lldp, 2 } };

    for (size_t i = 0; i < SECTION_COUNT; i++) {
        w->sections[i] = (struct section){ .id = (enum section_id)i, .status = SECTION_OK };
        REC_SET(&w->states[i], section_body, section, i);
        REC_SET(&w->states[i], section_body, status, SECTION_OK);
        REC_SET(&w->states[i], section_body, age_ms, 1200);
    }
    for (size_t i = 0; i < ARRAY_LEN(filled); i++) {
        w->sections[filled[i].id].rows = filled[i].rows;
        w->sections[filled[i].id].row_count = filled[i].n;
    }
}

static void world_facts(struct world *w)
{
    REC_SET(&w->node, node_info, name, "rack7-03");
    REC_SET(&w->node, node_info, state, "up");
    REC_SET(&w->node, node_info, heard_ms, 500);
    REC_SET(&w->resource, resource_info, label, "storage-a");
    REC_SET(&w->resource, resource_info, vlan, 100);
    REC_SET(&w->resource, resource_info, declared, true);
    REC_SET(&w->edge, edge_info, state, EDGE_OK);
    REC_SET(&w->edge, edge_info, paths_active, 2);
    REC_SET(&w->edge, edge_info, paths_total, 2);
    REC_SET(&w->edge, edge_info, paths_had, 2);
    REC_SET(&w->network, network_info, name, "storage-a");
    REC_SET(&w->network, network_info, vlan, 100);
    REC_SET(&w->network, network_info, matches, ((struct strs){ matches, 1 }));
    w->sighting = (struct sighting_row){ .section = SECTION_VLANS,
                                         .row_key = "storage",
                                         .port = "bond0.100",
                                         .base = "bond0",
                                         .vlan = 100,
                                         .paths_active = 2,
                                         .paths_total = 2 };
    w->facts = (struct explain_facts){
        .node = &w->node,
        .resource = &w->resource,
        .kind = RESOURCE_NETWORK,
        .edge = &w->edge,
        .network = &w->network,
        .sightings = &w->sighting,
        .sighting_count = 1,
        .states = { w->states, SECTION_COUNT },
    };
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    w->a = arena_new(0);
    nic(&w->nics[0], "eth0", "bond0");
    nic(&w->nics[1], "eth1", "bond0");
    nic(&w->nics[2], "eth2", NULL);
    nic(&w->nics[3], "eth3", NULL);
    bond(&w->bonds[0]);
    vlan(&w->vlans[0]);
    neighbour(&w->lldp[0], "eth0/sw1/1", "eth0", "Ethernet1");
    neighbour(&w->lldp[1], "eth1/sw1/2", "eth1", "Ethernet2");
    world_sections(w);
    world_facts(w);
    return w;
}

static void world_free(struct world *w)
{
    arena_free(w->a);
    free(w);
}

/* The network without an edge or a port on this node. */
static struct world *world_unseen(void)
{
    struct world *w = world_new();

    w->facts.edge = NULL;
    w->facts.sighting_count = 0;
    return w;
}

/* What holds for every chain: it begins with the resource, knows the states that the protocol
 * names, skips no depth, and can be sent. */
static void check_chain(const struct world *w)
{
    static const char *const states[] = { "ok",    "degraded", "lost", "unknown",
                                          "stuck", "missing",  "info" };
    const struct evidence *v = w->reply.evidence.v;
    struct err e = { "" };
    struct buf b = { 0 };
    struct reply r = w->reply;

    cr_assert_gt(w->reply.evidence.n, 0);
    cr_expect_eq(v[0].depth, 0);
    for (size_t i = 0; i < w->reply.evidence.n; i++) {
        bool known = false;

        for (size_t k = 0; k < ARRAY_LEN(states); k++)
            known = known || strcmp(v[i].state, states[k]) == 0;
        cr_expect(known, "the state '%s' is none", v[i].state);
        cr_expect(i == 0 || v[i].depth <= v[i - 1].depth + 1, "%s: a depth is skipped", v[i].text);
        cr_expect(strchr(".?", v[i].text[strlen(v[i].text) - 1]) != NULL || strlen(v[i].text) > 900,
                  "'%s' is no sentence", v[i].text);
    }
    REC_SET(&r, reply, version, PROTOCOL_VERSION);
    REC_SET(&r, reply, code, REPLY_OK);
    cr_expect_eq(wire_encode(&reply_desc, &r, &b, &e), 0, "%s", e.text);
    buf_deinit(&b);
}

static void explain(struct world *w)
{
    cr_assert_eq(explain_build(&w->facts, w->sections, w->a, &w->reply), 0);
    check_chain(w);
}

static const struct evidence *find(const struct world *w, const char *what, const char *name)
{
    const struct evidence *v = w->reply.evidence.v;

    for (size_t i = 0; i < w->reply.evidence.n; i++) {
        if (strcmp(v[i].what, what) == 0 && (name == NULL || strcmp(v[i].name, name) == 0))
            return &v[i];
    }
    return NULL;
}

static bool find_text(const struct world *w, const char *part)
{
    const struct evidence *v = w->reply.evidence.v;

    for (size_t i = 0; i < w->reply.evidence.n; i++) {
        if (strstr(v[i].text, part) != NULL)
            return true;
    }
    return false;
}

static void expect(const struct world *w, const char *what, const char *name, const char *state,
                   const char *text, const char *mend)
{
    const struct evidence *e = find(w, what, name);

    cr_assert_not_null(e, "no evidence of %s %s", what, name);
    cr_expect_str_eq(e->state, state, "%s %s is %s, not %s: %s", what, name, e->state, state,
                     e->text);
    cr_expect(strstr(e->text, text) != NULL, "%s %s: '%s' is not in '%s'", what, name, text,
              e->text);
    if (mend == NULL)
        cr_expect_null(e->mend, "%s %s: '%s' mends nothing", what, name, e->mend);
    else
        cr_expect(e->mend != NULL && strstr(e->mend, mend) != NULL, "%s %s: '%s' is not in '%s'",
                  what, name, mend, e->mend);
}

/* ---- seen ----------------------------------------------------------------------------------- */

Test(explain, seen_in_full)
{
    struct world *w = world_new();

    explain(w);
    expect(w, "network", "storage-a", "ok", "rack7-03 sees storage-a in full: 2 of 2 paths.", NULL);
    expect(w, "port", "bond0.100", "ok", "2 of 2 paths", NULL);
    expect(w, "vlan", "storage", "ok", "VLAN 100", NULL);
    expect(w, "bond", "bond0", "ok", "2 of 2 slaves", NULL);
    expect(w, "nic", "eth0", "ok", "10000 Mbit/s", NULL);
    expect(w, "nic", "eth1", "ok", "carrier", NULL);
    expect(w, "lldp", "sw1", "info", "eth0 is connected to port Ethernet1 of sw1", NULL);
    expect(w, "section", "vlans", "ok", "1.2 s ago", NULL);
    expect(w, "node", "rack7-03", "ok", "is up", NULL);
    cr_expect_null(find(w, "nic", "eth2"), "eth2 has nothing to do with it");
    world_free(w);
}

Test(explain, order_is_outermost_first)
{
    static const char *const order[] = { "network", "network", "port",    "vlan", "bond",
                                         "nic",     "lldp",    "nic",     "lldp", "section",
                                         "section", "section", "section", "node" };
    static const unsigned depths[] = { 0, 1, 1, 2, 3, 4, 5, 4, 5, 1, 1, 1, 1, 1 };
    struct world *w = world_new();
    const struct evidence *v;

    explain(w);
    v = w->reply.evidence.v;
    cr_assert_eq(w->reply.evidence.n, ARRAY_LEN(order));
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        cr_expect_str_eq(v[i].what, order[i]);
        cr_expect_eq(v[i].depth, depths[i]);
    }
    cr_expect(strstr(v[1].text, "VLAN 100, matches */bond0") != NULL, "%s", v[1].text);
    world_free(w);
}

Test(explain, one_slave_without_carrier)
{
    struct world *w = world_new();

    REC_SET(&w->edge, edge_info, state, EDGE_DEGRADED);
    REC_SET(&w->edge, edge_info, paths_active, 1);
    REC_SET(&w->edge, edge_info, had_until_ms, 1700000000000);
    w->sighting.paths_active = 1;
    REC_SET(&w->bonds[0], bond, paths_active, 1);
    REC_SET(&w->nics[1], nic, carrier, false);
    explain(w);
    expect(w, "network", "storage-a", "degraded",
           "in part: 1 of 2 paths, had 2 until 2023-11-14T22:13:20", NULL);
    expect(w, "port", "bond0.100", "degraded", "1 of 2 paths", NULL);
    expect(w, "bond", "bond0", "degraded", "1 of 2 slaves", NULL);
    expect(w, "nic", "eth0", "ok", "carrier", NULL);
    expect(w, "nic", "eth1", "lost", "no carrier", "cable and port Ethernet2 of sw1");
    world_free(w);
}

Test(explain, had_more_in_an_earlier_boot)
{
    struct world *w = world_new();

    REC_SET(&w->edge, edge_info, paths_had, 4);
    explain(w);
    expect(w, "network", "storage-a", "ok", "had 4 in an earlier boot", NULL);
    world_free(w);
}

Test(explain, switched_off_by_hand)
{
    struct world *w = world_new();

    REC_SET(&w->nics[0], nic, admin_up, false);
    REC_SET(&w->vlans[0], vlan, admin_up, false);
    REC_SET(&w->bonds[0], bond, admin_up, false);
    explain(w);
    expect(w, "nic", "eth0", "lost", "switched off", "On rack7-03: ip link set eth0 up");
    expect(w, "bond", "bond0", "lost", "switched off", "ip link set bond0 up");
    expect(w, "vlan", "storage", "lost", "switched off", "ip link set storage up");
    world_free(w);
}

Test(explain, nothing_below_the_vlan)
{
    struct world *w = world_new();

    REC_SET(&w->vlans[0], vlan, carrier, false);
    explain(w);
    expect(w, "vlan", "storage", "lost", "nothing below it carries frames", NULL);
    world_free(w);
}

Test(explain, slave_in_another_aggregator)
{
    struct world *w = world_new();

    REC_SET(&w->nics[1], nic, bond_aggregator_id, 2);
    REC_SET(&w->nics[1], nic, paths_active, 0);
    explain(w);
    expect(w, "nic", "eth1", "lost", "aggregator 2; the active one is 1", "one LACP group");
    world_free(w);
}

Test(explain, slave_that_the_bond_holds_for_down)
{
    struct world *w = world_new();

    REC_SET(&w->nics[1], nic, bond_mii_status, "going_back");
    explain(w);
    expect(w, "nic", "eth1", "lost", "its bond holds it for going_back", "Check the cable");
    world_free(w);
}

Test(explain, backup_slave_is_no_fault)
{
    struct world *w = world_new();

    REC_SET(&w->nics[1], nic, bond_state, "backup");
    explain(w);
    expect(w, "nic", "eth1", "ok", "as the bond's backup", NULL);
    world_free(w);
}

Test(explain, no_lacp_partner)
{
    struct world *w = world_new();

    REC_CLEAR(&w->bonds[0], bond, partner_mac);
    REC_SET(&w->bonds[0], bond, paths_active, 0);
    explain(w);
    expect(w, "bond", "bond0", "lost", "0 of 2 slaves", "LACP is on in the switch's ports");
    world_free(w);
}

Test(explain, bond_without_slaves)
{
    struct world *w = world_new();

    REC_CLEAR(&w->bonds[0], bond, slaves);
    REC_SET(&w->bonds[0], bond, paths_active, 0);
    REC_SET(&w->bonds[0], bond, paths_total, 0);
    explain(w);
    expect(w, "bond", "bond0", "lost", "0 of 0 slaves", "ip link set NIC master bond0");
    world_free(w);
}

Test(explain, switch_does_not_announce_the_vlan)
{
    struct world *w = world_new();

    REC_SET(&w->lldp[0], lldp, vlans, ((struct strs){ not_announced, 1 }));
    explain(w);
    expect(w, "lldp", "sw1", "missing", "does not announce VLAN 100 on port Ethernet1",
           "Allow VLAN 100 on port Ethernet1 of sw1");
    REC_CLEAR(&w->lldp[0], lldp, vlans);
    explain(w);
    expect(w, "lldp", "sw1", "info", "connected", NULL); /* a switch need not announce any */
    world_free(w);
}

Test(explain, no_neighbour_heard)
{
    struct world *w = world_new();

    w->sections[SECTION_LLDP].row_count = 0;
    explain(w);
    expect(w, "lldp", "eth0", "info", "No LLDP neighbour was heard on eth0", NULL);
    w->sections[SECTION_LLDP].status = SECTION_ABSENT;
    REC_SET(&w->states[SECTION_LLDP], section_body, status, SECTION_ABSENT);
    REC_SET(&w->states[SECTION_LLDP], section_body, status_text, "lldpd is not running");
    explain(w);
    cr_expect_null(find(w, "lldp", NULL));
    expect(w, "section", "lldp", "info", "lldpd is not running", NULL);
    world_free(w);
}

Test(explain, plain_nic)
{
    struct world *w = world_new();

    w->sighting.section = SECTION_NICS;
    w->sighting.row_key = w->sighting.port = w->sighting.base = "eth2";
    w->sighting.vlan = 0;
    REC_SET(&w->resource, resource_info, vlan, 0);
    explain(w);
    expect(w, "nic", "eth2", "ok", "carrier", NULL);
    cr_expect_null(find(w, "bond", NULL));
    cr_expect_null(find(w, "section", "vlans"), "no VLAN has to do with it");
    world_free(w);
}

/* The database is read a moment after the core was asked. */
Test(explain, rows_that_have_just_gone)
{
    struct world *w = world_new();

    w->sections[SECTION_VLANS].row_count = w->sections[SECTION_BONDS].row_count = 0;
    w->sections[SECTION_NICS].row_count = 0;
    explain(w);
    expect(w, "vlan", "storage", "missing", "has just gone", NULL);
    expect(w, "nic", "bond0", "missing", "reports no NIC bond0", NULL);
    world_free(w);
}

/* ---- unknown and stuck ---------------------------------------------------------------------- */

Test(explain, silent_node)
{
    static const struct {
        const char *state, *text, *mend;
    } cases[] = {
        { "suspect", "suspect; heard 12.0 s ago", "reach the coordinator" },
        { "down", "down; heard 12.0 s ago", "reach the coordinator" },
        { "pending", "waits for approval", "To let it in: muster node approve rack7-03" },
        { "quarantined", "two machines claim to be it", "then: muster node approve rack7-03" },
        { "dead", "declared dead", "new boot" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world *w = world_new();

        REC_SET(&w->edge, edge_info, state, EDGE_UNKNOWN);
        REC_SET(&w->node, node_info, state, cases[i].state);
        REC_SET(&w->node, node_info, heard_ms, 12000);
        explain(w);
        expect(w, "network", "storage-a", "unknown", "is unknown now; last known: 2 of 2 paths",
               NULL);
        expect(w, "node", "rack7-03", "unknown", cases[i].text, cases[i].mend);
        world_free(w);
    }
}

Test(explain, never_heard_in_this_start)
{
    struct world *w = world_new();

    REC_SET(&w->node, node_info, state, "never");
    REC_CLEAR(&w->node, node_info, heard_ms);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        REC_CLEAR(&w->states[i], section_body, age_ms);
    explain(w);
    expect(w, "node", "rack7-03", "unknown", "not been heard since the coordinator started.",
           "reach the coordinator");
    expect(w, "section", "nics", "unknown", "Not confirmed since the coordinator started", NULL);
    world_free(w);
}

Test(explain, stuck_and_failed_sections)
{
    struct world *w = world_new();

    REC_SET(&w->edge, edge_info, state, EDGE_STUCK);
    REC_SET(&w->states[SECTION_NICS], section_body, status, SECTION_STUCK);
    REC_SET(&w->states[SECTION_NICS], section_body, status_age_ms, 90000);
    REC_SET(&w->states[SECTION_BONDS], section_body, status, SECTION_FAILED);
    REC_SET(&w->states[SECTION_BONDS], section_body, status_text, "netlink: no buffer space.");
    explain(w);
    expect(w, "network", "storage-a", "stuck", "cannot be read now", NULL);
    expect(w, "section", "nics", "stuck", "the worker hangs", "log of muster-probe on rack7-03");
    expect(w, "section", "bonds", "stuck", "no buffer space.", "log of muster-probe");
    world_free(w);
}

Test(explain, not_reported_in_this_boot)
{
    struct world *w = world_unseen();

    w->facts.states.n = 0;
    for (size_t i = 0; i < SECTION_COUNT; i++)
        w->sections[i] = (struct section){ .id = (enum section_id)i };
    explain(w);
    expect(w, "section", "nics", "unknown", "has not reported its nics in this boot", NULL);
    cr_expect_null(find(w, "port", NULL), "nothing is known of its ports");
    world_free(w);
}

/* ---- never seen here ------------------------------------------------------------------------ */

Test(explain, vlan_is_lacking)
{
    struct world *w = world_unseen();

    w->sections[SECTION_VLANS].row_count = 0;
    explain(w);
    expect(w, "network", "storage-a", "missing", "rack7-03 does not see storage-a", NULL);
    expect(w, "vlan", "bond0.100", "missing", "no link for VLAN 100 on bond0",
           "ip link add link bond0 name bond0.100 type vlan id 100");
    expect(w, "bond", "bond0", "ok", "2 of 2", NULL);
    expect(w, "nic", "eth0", "ok", "carrier", NULL);
    world_free(w);
}

Test(explain, vlan_on_another_base_does_not_help)
{
    struct world *w = world_unseen();

    REC_SET(&w->vlans[0], vlan, base_link, "eth2");
    explain(w);
    expect(w, "vlan", "bond0.100", "missing", "no link for VLAN 100 on bond0", "ip link add");
    world_free(w);
}

Test(explain, stacked_tags_are_another_vlan)
{
    struct world *w = world_unseen();

    REC_SET(&w->vlans[0], vlan, tags, "200.100");
    explain(w);
    expect(w, "vlan", "bond0.100", "missing", "no link for VLAN 100 on bond0", "ip link add");
    world_free(w);
}

Test(explain, bond_is_lacking)
{
    struct world *w = world_unseen();

    w->sections[SECTION_BONDS].row_count = 0;
    w->sections[SECTION_NICS].rows = &w->nics[2];
    w->sections[SECTION_NICS].row_count = 2;
    explain(w);
    expect(w, "port", "*/bond0", "missing",
           "has no NIC or bond that the match */bond0 names; it "
           "has: eth2, eth3.",
           "--match 'rack7-03/eth2'");
    world_free(w);
}

Test(explain, match_names_a_slave)
{
    static const char *const of_slave[] = { "rack7-*/eth0" };
    struct world *w = world_unseen();

    REC_SET(&w->network, network_info, matches, ((struct strs){ of_slave, 1 }));
    explain(w);
    expect(
        w, "nic", "eth0", "missing", "eth0 is a slave of bond0, which is the port",
        "muster network define storage-a --vlan 100 --match 'rack7-*/eth0' --match 'rack7-03/bond0'");
    world_free(w);
}

Test(explain, no_match_names_the_node)
{
    static const char *const of_others[] = { "rack8-*/bond0", "rack9-*/bond0" };
    struct world *w = world_unseen();

    REC_SET(&w->network, network_info, matches, ((struct strs){ of_others, 2 }));
    explain(w);
    expect(w, "port", "rack7-03", "missing",
           "No match of storage-a names rack7-03; its ports are: bond0, eth2.",
           "--match 'rack7-03/bond0'");
    world_free(w);
}

Test(explain, ambiguous_match)
{
    struct world *w = world_unseen();

    w->rival = (struct explain_rival){ "bond0.100", "storage-a", "storage-b" };
    w->facts.rivals = &w->rival;
    w->facts.rival_count = 1;
    explain(w);
    expect(w, "network", "bond0.100", "missing",
           "matches both storage-a and storage-b, so it counts for neither",
           "define storage-a or storage-b anew");
    cr_expect_null(find(w, "vlan", "bond0.100"), "the link is there");
    world_free(w);
}

Test(explain, many_candidates_are_counted)
{
    static const char *const all[] = { "*/*" };
    struct world *w = world_unseen();
    struct nic many[30];
    char names[30][16];

    memset(many, 0, sizeof many);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        snprintf(names[i], sizeof names[i], "p%02zu", i);
        nic(&many[i], names[i], NULL);
    }
    w->sections[SECTION_NICS].rows = many;
    w->sections[SECTION_NICS].row_count = ARRAY_LEN(many);
    w->sections[SECTION_BONDS].row_count = w->sections[SECTION_VLANS].row_count = 0;
    REC_SET(&w->network, network_info, matches, ((struct strs){ all, 1 }));
    explain(w);
    expect(w, "vlan", "p00.100", "missing", "no link for VLAN 100 on p00", "ip link add");
    expect(w, "port", "storage-a", "info", "22 more ports match and lead nowhere", NULL);
    world_free(w);
}

/* ---- unproven ------------------------------------------------------------------------------- */

static void unproven(struct world *w, const char *label)
{
    w->facts.network = NULL;
    REC_SET(&w->resource, resource_info, label, label);
    REC_SET(&w->resource, resource_info, declared, false);
}

Test(explain, unproven_port)
{
    struct world *w = world_new();

    unproven(w, "unproven:rack7-03/bond0.100");
    explain(w);
    expect(w, "network", "bond0.100", "info", "nobody has declared which network port bond0.100",
           "muster network define NAME --vlan 100 --match 'rack7-03/bond0'");
    world_free(w);
}

Test(explain, unproven_port_with_stacked_tags)
{
    struct world *w = world_new();

    unproven(w, "unproven:rack7-03/bond0.200.100");
    w->sighting.port = "bond0.200.100";
    explain(w);
    expect(w, "network", "bond0.200.100", "info", "stacked VLAN tags", NULL);
    world_free(w);
}

Test(explain, unproven_because_two_networks_match)
{
    struct world *w = world_new();

    unproven(w, "unproven:rack7-03/bond0.100");
    w->rival = (struct explain_rival){ "bond0.100", "storage-a", "storage-b" };
    w->facts.rivals = &w->rival;
    w->facts.rival_count = 1;
    explain(w);
    expect(w, "network", "bond0.100", "missing", "matches both storage-a and storage-b",
           "'muster network list' shows the matches");
    world_free(w);
}

Test(explain, unproven_port_of_another_node)
{
    struct world *w = world_unseen();

    unproven(w, "unproven:rack7-04/bond0.100");
    explain(w);
    expect(w, "network", "bond0.100", "info", "It is a port of rack7-04",
           "--match 'rack7-04/bond0' --match 'rack7-03/bond0'");
    world_free(w);
}

Test(explain, unproven_port_that_has_gone)
{
    struct world *w = world_unseen();

    unproven(w, "unproven:rack7-03/bond0.300");
    w->facts.edge = &w->edge;
    REC_SET(&w->edge, edge_info, state, EDGE_LOST);
    REC_SET(&w->edge, edge_info, paths_active, 0);
    explain(w);
    expect(w, "network", "unproven:rack7-03/bond0.300", "lost", "has lost", NULL);
    expect(w, "port", "bond0.300", "missing", "does not report port bond0.300 any more", NULL);
    expect(w, "bond", "bond0", "ok", "2 of 2", NULL);
    unproven(w, "unproven:rack7-03/eth9");
    explain(w);
    expect(w, "nic", "eth9", "missing", "there are: bond0, eth2.", NULL);
    world_free(w);
}

/* A NIC may have a dot in its own name. */
Test(explain, base_of_a_port_that_has_gone)
{
    struct world *w = world_unseen();

    w->nics[0].name = "eth2.5";
    REC_CLEAR(&w->nics[0], nic, bond_state);
    REC_CLEAR(&w->nics[0], nic, master);
    unproven(w, "unproven:rack7-03/eth2.5.300");
    explain(w);
    expect(w, "nic", "eth2.5", "ok", "carrier", NULL);
    cr_expect_null(find(w, "nic", "eth2"));
    world_free(w);
}

/* A node that lies: as many links of one tag as a section holds, on a bond of as many NICs. */
Test(explain, what_is_too_much_is_said)
{
    struct world *w = world_new();
    struct sighting_row *many = calloc(LIMIT_ROWS_VLANS, sizeof *many);
    const char **names = calloc(LIMIT_ROWS_NICS, sizeof *names);

    for (size_t i = 0; i < LIMIT_ROWS_VLANS; i++)
        many[i] = w->sighting;
    for (size_t i = 0; i < LIMIT_ROWS_NICS; i++)
        names[i] = "eth0";
    REC_SET(&w->bonds[0], bond, slaves, ((struct strs){ names, LIMIT_ROWS_NICS }));
    w->facts.sightings = many;
    w->facts.sighting_count = LIMIT_ROWS_VLANS;
    explain(w);
    cr_expect_lt(w->reply.evidence.n, 2050);
    cr_expect(find_text(w, "more ports and links than the 2000 that are listed"));
    expect(w, "node", "rack7-03", "ok", "is up", NULL);
    free(many);
    free(names);
    world_free(w);
}

/* ---- whatever the node sends ---------------------------------------------------------------- */

static uint64_t next(uint64_t *s)
{
    uint64_t z = (*s += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t seed(void)
{
    const char *given = getenv("MUSTER_SEED");
    uint64_t s = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

    fprintf(stderr, "MUSTER_SEED=%llu\n", (unsigned long long)s);
    return s;
}

/* Forgets fields at random, and makes texts as long as the wire allows, in three-byte letters. */
static void damage(uint64_t *s, const struct record_desc *d, void *row, const char *longest)
{
    uint64_t *present = row;

    for (uint32_t i = 0; i < d->count; i++) {
        const struct field *f = &d->fields[i];
        char *at = (char *)row + f->offset;

        if (f->flags & FIELD_KEY || next(s) % 4 != 0)
            continue;
        if (f->type == FIELD_STR && next(s) % 2 == 0) {
            memcpy(at, &longest, sizeof longest);
            *present |= UINT64_C(1) << i;
        } else if (f->type == FIELD_STR) {
            memset(at, 0, sizeof(const char *));
            *present &= ~(UINT64_C(1) << i);
        } else if (f->type == FIELD_U64) {
            uint64_t v = next(s) % 3;

            memcpy(at, &v, sizeof v);
        } else if (f->type == FIELD_BOOL) {
            *at = (char)(next(s) % 2);
        }
    }
}

Test(explain, any_inventory_gives_a_chain_that_can_be_sent)
{
    uint64_t s = seed();
    char longest[LIMIT_STRING_BYTES + 1];

    memset(longest, 0, sizeof longest);
    for (size_t i = 0; i + 3 < sizeof longest; i += 3)
        memcpy(longest + i, "\xe2\x82\xac", 3);
    for (int round = 0; round < 3000; round++) {
        struct world *w = next(&s) % 2 ? world_new() : world_unseen();

        if (next(&s) % 2)
            unproven(w, next(&s) % 2 ? "unproven:rack7-03/bond0.100" : "unproven:other/eth0");
        for (size_t i = 0; i < SECTION_COUNT; i++) {
            const struct record_desc *d = section_descs[i].row;

            for (size_t k = 0; k < w->sections[i].row_count; k++)
                damage(&s, d, section_row(&w->sections[i], k), longest);
            if (next(&s) % 8 == 0)
                w->sections[i].row_count = 0;
            if (next(&s) % 8 == 0)
                REC_SET(&w->states[i], section_body, status, next(&s) % (SECTION_STUCK + 1));
        }
        if (next(&s) % 4 == 0)
            w->sighting.row_key = "gone";
        explain(w);
        world_free(w);
    }
}

/* ---- ages of sections ----------------------------------------------------------------------- */

Test(explain, ages_come_from_the_core)
{
    struct section_body states[2], bodies[3];

    memset(states, 0, sizeof states);
    memset(bodies, 0, sizeof bodies);
    REC_SET(&states[0], section_body, section, SECTION_NICS);
    REC_SET(&states[0], section_body, age_ms, 77);
    REC_SET(&states[1], section_body, section, SECTION_BONDS);
    REC_SET(&states[1], section_body, status_age_ms, 88);
    for (size_t i = 0; i < 3; i++) {
        REC_SET(&bodies[i], section_body, section, SECTION_NICS + i);
        REC_SET(&bodies[i], section_body, age_ms, 1);
        REC_SET(&bodies[i], section_body, status_age_ms, 1);
    }
    section_ages((struct recs){ states, 2 }, bodies, 3);
    cr_expect_eq(bodies[0].age_ms, 77);
    cr_expect_not(REC_HAS(&bodies[0], section_body, status_age_ms));
    cr_expect_not(REC_HAS(&bodies[1], section_body, age_ms));
    cr_expect_eq(bodies[1].status_age_ms, 88);
    cr_expect_not(REC_HAS(&bodies[2], section_body, age_ms));
}
