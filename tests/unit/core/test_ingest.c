/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports: what is written, what is asked for again, what is stuck since when, and what an edge
 * remembers. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "machine.h"
#include "wire/codec.h"

#define ETH0   "unproven:m1/eth0"
#define BOND0  "unproven:m1/bond0"
#define MINUTE INT64_C(60000)

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

TestSuite(ingest, .init = setup, .fini = teardown);

static struct slot *slot_of(enum section_id id)
{
    return &node_by_id(l->c, m.id)->sections[id];
}

static void nic(unsigned i, const char *name, const char *bond)
{
    snprintf(m.nics[i].name, sizeof m.nics[i].name, "%s", name);
    m.nics[i].up = true;
    m.nics[i].bond = bond;
}

static void bond(const char *name)
{
    snprintf(m.bonds[0], sizeof m.bonds[0], "%s", name);
}

/* ---- what is written ------------------------------------------------------------------------ */

Test(ingest, what_has_not_changed_is_not_written)
{
    uint64_t generation;

    machine_join(&m);
    generation = coord_generation(l->c);
    machine_report(&m);
    cr_expect(machine_acknowledged(&m));
    cr_expect_eq(l->changes, 0, "%zu changes", l->changes);
    machine_heartbeat(&m);
    cr_expect_eq(l->changes, 0);
    machine_register(&m);
    cr_expect_eq(l->changes, 0);
    cr_expect_eq(coord_generation(l->c), generation);
}

Test(ingest, counters_alone_are_not_written)
{
    machine_join(&m);
    m.nics[0].rx_bytes = 123456;
    machine_heartbeat(&m);
    cr_expect(!machine_wanted(&m, "nics"));
    machine_report(&m);
    cr_expect_eq(l->changes, 0);
}

Test(ingest, of_a_section_only_the_rows_that_changed_are_written)
{
    struct stored image;

    nic(1, "eth1", NULL);
    nic(2, "eth2", NULL);
    machine_join(&m);
    m.nics[0].rx_bytes = 99; /* does not count */
    m.nics[1].up = false;
    machine_report(&m);
    /* row, sighting, edge, section, event of the edge, meta */
    cr_expect_eq(l->changes, 6, "%zu changes", l->changes);
    durable_image(l->d, &image);
    cr_expect_eq(image.inventory_count, 4);
    m.nics[2].name[0] = '\0';
    machine_report(&m);
    cr_expect_eq(l->changes, 6, "%zu changes", l->changes);
    cr_expect_eq(durable_inventory(l->d), 3);
}

Test(ingest, an_acknowledgement_says_what_is_durable)
{
    const struct section_state *s;
    uint64_t told;

    machine_join(&m);
    told = m.memory.generation;
    cr_expect_eq(told, coord_generation(l->c), "acknowledged to the generation that holds it");
    m.nics[0].up = false;
    machine_report_some(&m, 1u << SECTION_NICS);
    cr_assert(machine_acknowledged(&m));
    cr_expect_eq(l->answer->report_ack->sections.n, 1);
    s = l->answer->report_ack->sections.v;
    cr_expect_eq(s->section, SECTION_NICS);
    cr_expect_eq(memcmp(s->digest.p, slot_of(SECTION_NICS)->digest.b, 16), 0);
}

/* ---- anti-entropy --------------------------------------------------------------------------- */

Test(ingest, a_lost_report_is_asked_for)
{
    machine_join(&m);
    m.nics[0].up = false; /* the report is lost */
    machine_heartbeat(&m);
    cr_expect(machine_wanted(&m, "nics"));
    cr_expect(!machine_wanted(&m, "bonds"));
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_OK, "its report is on its way");
    life_pass(l, 1999);
    machine_heartbeat(&m);
    cr_expect(!machine_wanted(&m, "nics"), "not again within 2 s");
    life_pass(l, 1);
    machine_heartbeat(&m);
    cr_expect(machine_wanted(&m, "nics"));
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_UNKNOWN, "asked for in vain");
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_LOST);
    machine_heartbeat(&m);
    cr_expect_eq(l->answer->heartbeat_ack->want.n, 0);
}

Test(ingest, a_registration_is_told_all_that_differs)
{
    machine_join(&m);
    m.nics[0].up = false;
    machine_heartbeat(&m);
    cr_expect(machine_wanted(&m, "nics"));
    machine_register(&m); /* at once: what is not named here the probe takes as known */
    cr_expect(machine_wanted(&m, "nics"));
    cr_expect(!machine_wanted(&m, "vlans"));
}

Test(ingest, another_digest_is_asked_for_at_once)
{
    machine_join(&m);
    m.nics[0].up = false;
    machine_heartbeat(&m);
    nic(1, "eth1", NULL);
    machine_heartbeat(&m);
    cr_expect(machine_wanted(&m, "nics"));
}

/* ---- reports that are wrong ----------------------------------------------------------------- */

static void report_with(struct section *v, size_t n)
{
    struct envelope env = { 0 };
    struct report body = { 0 };

    REC_SET(&env, envelope, report, &body);
    machine_say_sections(&m, &env, v, n);
}

Test(ingest, reports_that_contradict_themselves_change_nothing)
{
    struct section *v;
    size_t n;

    machine_join(&m);
    v = machine_sections(&m, l->arena, 1u << SECTION_NICS, &n);
    report_with((struct section[]){ v[0], v[0] }, 2);
    cr_expect_eq(machine_refused(&m), REFUSE_MALFORMED, "one section twice");
    v = machine_sections(&m, l->arena, 1u << SECTION_NICS, &n);
    v[0].status = SECTION_ABSENT;
    report_with(v, 1);
    cr_expect_eq(machine_refused(&m), REFUSE_MALFORMED, "absent, and yet rows");
    v = machine_sections(&m, l->arena, 1u << SECTION_NICS, &n);
    v[0].status = SECTION_NEVER;
    report_with(v, 1);
    cr_expect_eq(machine_refused(&m), REFUSE_MALFORMED, "never collected, and yet rows");
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_OK);
    report_with(NULL, 0);
    cr_expect(machine_acknowledged(&m), "an empty report says nothing and is no fault");
}

/* One NIC more, with this name. */
static void report_nic(const char *name)
{
    size_t n;
    struct section *v = machine_sections(&m, l->arena, 1u << SECTION_NICS, &n);
    struct nic *rows = arena_array(l->arena, v->row_count + 1, sizeof *rows);
    struct err e;

    memcpy(rows, v->rows, v->row_count * sizeof *rows);
    rows[v->row_count] = rows[0];
    REC_SET(&rows[v->row_count], nic, name, name);
    v->rows = rows;
    v->row_count++;
    cr_assert_eq(section_normalise(v, l->arena, &e), 0, "%s", e.text);
    report_with(v, 1);
}

/* Such a port is no resource: no reply could hold its key. The row itself is kept. */
Test(ingest, a_port_with_a_name_that_fits_in_no_message)
{
    char name[300];
    uint64_t was;

    machine_join(&m);
    was = map_count(l->c->resources);
    memset(name, 'x', sizeof name);
    name[256] = '\0';
    report_nic(name);
    cr_expect(machine_acknowledged(&m));
    cr_expect_eq(map_count(l->c->resources), was);
    name[255] = '\0';
    report_nic(name);
    cr_expect(machine_acknowledged(&m));
    cr_expect_eq(map_count(l->c->resources), was + 1);
}

/* Where a label is cut for an event, no character is: durable_apply refuses such text. */
Test(ingest, names_of_any_characters_in_events)
{
    char name[256];

    machine_join(&m);
    for (size_t first = 0; first < 2; first++) {
        memset(name, 'x', first);
        for (size_t i = first; i + 2 < 250; i += 2)
            memcpy(name + i, "\xc3\xa9", 3);
        report_nic(name);
        cr_expect(machine_acknowledged(&m));
        machine_report(&m); /* the port is gone again */
    }
    cr_expect_geq(durable_count_events(l->d, "edge.lost", NULL), 2);
}

Test(ingest, numbers_of_resources_are_not_used_up)
{
    machine_join(&m);
    l->c->meta.next_resource_no = NUMBERS_MOST + 1;
    report_nic("eth9");
    cr_expect_eq(machine_refused(&m), REFUSE_TOO_LARGE);
}

Test(ingest, ages_may_be_anything)
{
    static const int64_t ages[] = { INT64_MAX, INT64_MIN, -1, 0 };

    machine_join(&m);
    for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
        struct section *v;
        size_t n;

        m.status = SECTION_STUCK;
        m.nics[0].up = i % 2 == 0;
        v = machine_sections(&m, l->arena, 1u << SECTION_NICS, &n);
        v[0].age_ms = v[0].status_age_ms = ages[i];
        report_with(v, 1);
        cr_expect(machine_acknowledged(&m));
        life_pass(l, 1000);
        cr_expect_geq(edge_age_ms(l->c, life_edge(l, "m1", ETH0)), 1000);
        cr_expect_geq(slot_of(SECTION_NICS)->at.v, 0);
        m.status = SECTION_OK;
        machine_report(&m);
    }
}

/* ---- stuck and failed ----------------------------------------------------------------------- */

Test(ingest, stuck_since_when)
{
    int64_t since;

    machine_join(&m);
    m.status = SECTION_STUCK;
    m.status_age_ms = 7000;
    since = l->wall.v - 7000;
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_STUCK);
    cr_expect_eq(slot_of(SECTION_NICS)->at.v, since);
    cr_expect_eq(durable_count_events(l->d, "section.stuck", "nics is stuck since 2023-"), 1);
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0);
    life_pass(l, 3000);
    m.status_age_ms = 10100; /* clocks differ; and a row has changed */
    m.nics[0].up = false;
    machine_report(&m);
    cr_expect_eq(slot_of(SECTION_NICS)->at.v, since, "it is stuck since then, not since now");
    cr_expect_eq(durable_count_events(l->d, "section.stuck", "nics"), 1);
    m.status = SECTION_FAILED;
    machine_report(&m);
    cr_expect_eq(durable_count_events(l->d, "section.failed", "nics"), 1);
    m.status = SECTION_OK;
    m.nics[0].up = true;
    machine_report(&m);
    cr_expect_eq(durable_count_events(l->d, "section.ok", "nics"), 1);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_OK);
}

/* The probe has been restarted, its worker hangs at once: it has no rows of a last good time. */
Test(ingest, who_is_stuck_from_the_start_loses_nothing)
{
    machine_join(&m);
    m.status = SECTION_STUCK;
    m.rowless = true;
    machine_report(&m);
    cr_expect(machine_acknowledged(&m));
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_STUCK);
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0);
    machine_heartbeat(&m);
    cr_expect(!machine_wanted(&m, "nics"), "it is as stored");
    life_restart(l);
    machine_register(&m);
    cr_expect(!machine_wanted(&m, "nics"));
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_STUCK);
    m.status = SECTION_OK;
    m.rowless = false;
    m.nics[0].name[0] = '\0';
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_LOST, "now it is known");
}

Test(ingest, not_collected_yet_is_unknown)
{
    machine_join(&m);
    m.status = SECTION_NEVER;
    m.rowless = true;
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_UNKNOWN);
    machine_heartbeat(&m);
    cr_expect(!machine_wanted(&m, "nics"));
    m.status = SECTION_OK;
    m.rowless = false;
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_OK);
    cr_expect_eq(durable_count_events(l->d, "section.ok", NULL), 0);
    cr_expect_eq(durable_count_events(l->d, "edge.ok", NULL), 0,
                 "the first good report is no news");
}

/* In a new boot: stuck first, well later. What the old boot had and the new one has not is lost
 * when that is known, and no sooner. */
Test(ingest, a_new_boot_that_is_stuck_at_first)
{
    char secret[33];

    nic(1, "eth1", NULL);
    machine_join(&m);
    machine_reboot(&m);
    life_token(l, NULL, secret);
    machine_enrol(&m, secret);
    life_pass(l, 6000);
    machine_register(&m);
    m.status = SECTION_STUCK;
    m.rowless = true;
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth1"), EDGE_STUCK);
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0);
    m.status = SECTION_OK;
    m.rowless = false;
    m.nics[1].name[0] = '\0';
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth1"), EDGE_LOST);
    cr_expect_eq(durable_count_events(l->d, "edge.lost", "eth1"), 1);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_OK);
}

/* Sections may come one by one: a bond is not lost because only the NICs have been told yet. */
Test(ingest, a_new_boot_that_reports_in_pieces)
{
    char secret[33];

    nic(0, "eth0", "bond0");
    bond("bond0");
    machine_join(&m);
    machine_reboot(&m);
    life_token(l, NULL, secret);
    machine_enrol(&m, secret);
    life_pass(l, 6000);
    machine_register(&m);
    machine_report_some(&m, 1u << SECTION_VLANS);
    cr_expect_eq(life_shown(l, "m1", BOND0), EDGE_UNKNOWN);
    machine_report_some(&m, 1u << SECTION_BONDS);
    cr_expect_eq(life_shown(l, "m1", BOND0), EDGE_OK);
    machine_report_some(&m, 1u << SECTION_NICS);
    cr_expect_eq(life_shown(l, "m1", BOND0), EDGE_OK);
    cr_expect_eq(life_shown(l, "m1", ETH0), 0, "a slave is no port of its own");
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0);
}

/* ---- degraded, had ... until ---------------------------------------------------------------- */

static void two_slaves(void)
{
    nic(0, "eth0", "bond0");
    nic(1, "eth1", "bond0");
    bond("bond0");
    machine_join(&m);
}

Test(ingest, degraded_remembers_what_it_had_and_until_when)
{
    const struct edge *e;
    wall_ms fell;

    two_slaves();
    cr_expect_eq(life_shown(l, "m1", BOND0), EDGE_OK);
    life_pass(l, 1000);
    m.nics[1].up = false;
    machine_report(&m);
    e = life_edge(l, "m1", BOND0);
    fell = l->wall;
    cr_expect_eq(e->shown, EDGE_DEGRADED);
    cr_expect_eq(e->paths_active, 1);
    cr_expect_eq(e->paths_total, 2);
    cr_expect_eq(e->paths_had, 2);
    cr_expect_eq(e->had_until.v, fell.v);
    cr_expect_eq(durable_count_events(l->d, "edge.degraded", "1 of 2 paths, had 2"), 1);
    life_pass(l, 1000);
    m.nics[0].up = false;
    machine_report(&m);
    cr_expect_eq(e->shown, EDGE_LOST);
    cr_expect_eq(e->had_until.v, fell.v, "it had them until the first went");
    life_restart(l);
    machine_register(&m);
    e = life_edge(l, "m1", BOND0);
    cr_expect_eq(e->shown, EDGE_LOST);
    cr_expect_eq(e->had_until.v, fell.v);
    m.nics[0].up = m.nics[1].up = true;
    machine_report(&m);
    cr_expect_eq(e->shown, EDGE_OK);
    cr_expect_eq(e->had_until.v, 0);
}

/* A slave that is taken out altogether: 1 of 1, and yet less than it had. */
Test(ingest, fewer_paths_than_before_are_degraded)
{
    two_slaves();
    m.nics[1].name[0] = '\0';
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", BOND0), EDGE_DEGRADED);
    cr_expect_eq(life_edge(l, "m1", BOND0)->paths_total, 1);
    cr_expect_eq(life_edge(l, "m1", BOND0)->paths_had, 2);
}

Test(ingest, a_new_boot_starts_anew)
{
    char secret[33];

    two_slaves();
    m.nics[1].name[0] = '\0';
    machine_report(&m);
    m.nics[0].up = false;
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", BOND0), EDGE_LOST);
    machine_reboot(&m);
    life_token(l, NULL, secret);
    machine_enrol(&m, secret);
    life_pass(l, 6000);
    machine_register(&m);
    m.nics[0].up = true;
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", BOND0), EDGE_OK, "1 of 1, whatever the last boot had");
    cr_expect_eq(life_edge(l, "m1", BOND0)->paths_had, 1);
}

Test(ingest, a_port_that_went_is_lost_and_comes_back)
{
    machine_join(&m);
    m.nics[0].name[0] = '\0';
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_LOST);
    cr_expect_eq(durable_count_events(l->d, "edge.lost", "eth0: 0 of 1 paths, had 1"), 1);
    nic(0, "eth0", NULL);
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_OK);
    cr_expect_eq(durable_count_events(l->d, "edge.ok", "in full again"), 1);
}

/* ---- history ends --------------------------------------------------------------------------- */

Test(ingest, lost_edges_go_after_their_time)
{
    machine_join(&m);
    nic(0, "eth1", NULL);
    machine_report(&m);
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_LOST);
    for (int i = 0; i < 59; i++) {
        life_pass(l, MINUTE);
        machine_heartbeat(&m);
    }
    cr_expect_eq(life_shown(l, "m1", ETH0), EDGE_LOST);
    for (int i = 0; i < 6; i++) {
        life_pass(l, MINUTE);
        machine_heartbeat(&m);
    }
    cr_expect_null(life_edge(l, "m1", ETH0));
    cr_expect_null(resource_by_text(l->c, ETH0), "nobody sees it");
    cr_expect_eq(life_shown(l, "m1", "unproven:m1/eth1"), EDGE_OK);
}

/* A node that calls its port otherwise in each report costs itself, and nobody else. */
Test(ingest, lost_edges_of_a_node_are_limited)
{
    machine_join(&m);
    l->doubtful = true;
    for (unsigned i = 0; i < LIMIT_LOST_EDGES + 100; i++) {
        snprintf(m.nics[0].name, sizeof m.nics[0].name, "p%u", i);
        machine_report_some(&m, 1u << SECTION_NICS);
        cr_assert(machine_acknowledged(&m));
    }
    cr_expect_leq(node_by_id(l->c, m.id)->edge_count, LIMIT_LOST_EDGES + 1);
    cr_expect_leq(map_count(l->c->resources), LIMIT_LOST_EDGES + 1);
    cr_expect_eq(life_edge(l, "m1", ETH0), NULL, "the oldest go first");
    l->doubtful = false;
    m.nics[0].up = false;
    machine_report(&m);
}

Test(ingest, events_are_kept_up_to_their_number)
{
    uint64_t newest;

    l->config.event_retention_rows = 100;
    life_restart(l);
    machine_join(&m);
    for (int i = 0; i < 150; i++) {
        m.nics[0].up = !m.nics[0].up;
        machine_report(&m);
    }
    newest = coord_event_no(l->c);
    cr_expect_geq(durable_events(l->d), 100);
    cr_expect_leq(durable_events(l->d), 102);
    cr_expect_eq(durable_event(l->d, durable_events(l->d) - 1)->no, newest);
    life_restart(l);
    cr_expect_eq(coord_event_no(l->c), newest + 1, "numbers go on");
}

static size_t edge_events(void)
{
    return durable_count_events(l->d, "edge.ok", NULL) +
           durable_count_events(l->d, "edge.lost", NULL);
}

/* Nor may it fill the log that all share: what is left out is told at the start and at the end. */
Test(ingest, events_of_a_node_are_limited)
{
    enum { MOST = 65536, FLAPS = MOST + 8192 };
    size_t before;

    machine_join(&m);
    life_run(l, 1000);
    machine_heartbeat(&m);
    before = edge_events();
    l->doubtful = true;
    for (int i = 0; i < FLAPS; i++) {
        m.nics[0].up = !m.nics[0].up;
        machine_report_some(&m, 1u << SECTION_NICS);
        cr_assert(machine_acknowledged(&m));
    }
    cr_expect_eq(edge_events() - before, MOST);
    cr_expect_eq(durable_count_events(l->d, "event.limited", NULL), 1);
    cr_expect_eq(life_define(l, "lan", 0, "*/eth7"), REPLY_OK);
    cr_expect_eq(durable_count_events(l->d, "network.defined", NULL), 1, "not for others");
    for (int i = 0; i <= MOST / 2; i++) {
        life_pass(l, 1000);
        machine_heartbeat(&m);
    }
    m.nics[0].up = !m.nics[0].up;
    machine_report_some(&m, 1u << SECTION_NICS);
    cr_expect_eq(durable_count_events(l->d, "event.limited", "8192 more events"), 1);
    cr_expect_eq(edge_events() - before, MOST + 1);
    l->doubtful = false;
}
