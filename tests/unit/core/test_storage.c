/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of storage become resources: what has an identity is one resource from every node, what has
 * none is each node's own. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "machine.h"
#include "wire/codec.h"

#define WWID "naa.6001405aaaaaaaaaaaaaaaaaaaaaaaaa"
#define UUID "5d1e7b0e-0d4f-4f0e-9d53-7a9b8f3d2c11"

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

TestSuite(storage, .init = setup, .fini = teardown);

/* What a test says of one LUN; paths 0: it is not there. */
struct disk {
    const char *key, *device, *state;
    uint64_t active, paths;
};

static void report(struct machine *m, enum section_id id, void *rows, size_t n)
{
    struct section s = { .id = id, .status = SECTION_OK, .rows = rows, .row_count = n };
    struct envelope env = { 0 };
    struct report body = { 0 };
    struct arena *arena = arena_new(0);
    struct err e = { "" };

    cr_assert_eq(section_normalise(&s, arena, &e), 0, "%s", e.text);
    REC_SET(&env, envelope, report, &body);
    machine_say_sections(m, &env, &s, 1);
    cr_assert(machine_acknowledged(m));
    arena_free(arena);
}

static void report_disks(struct machine *m, const struct disk *d, size_t n)
{
    struct lun rows[8] = { { 0 } };

    for (size_t i = 0; i < n; i++) {
        REC_SET(&rows[i], lun, key, d[i].key);
        REC_SET(&rows[i], lun, device, d[i].device);
        REC_SET(&rows[i], lun, state, d[i].state != NULL ? d[i].state : "ok");
        REC_SET(&rows[i], lun, paths_active, d[i].active);
        REC_SET(&rows[i], lun, paths_total, d[i].paths);
    }
    report(m, SECTION_LUNS, rows, n);
}

/* Registers, and says that the section is as it was. */
static void confirm(struct machine *m, enum section_id id)
{
    digest128 digest = node_by_id(l->c, m->id)->sections[id].digest;
    struct section_state state = { 0 };
    struct heartbeat body = { 0 };
    struct envelope env = { 0 };

    machine_register(m);
    REC_SET(&state, section_state, section, (uint64_t)id);
    REC_SET(&state, section_state, digest, wire_bytes16(digest.b));
    REC_SET(&body, heartbeat, sections, ((struct recs){ &state, 1 }));
    REC_SET(&env, envelope, heartbeat, &body);
    machine_say(m, &env);
    cr_assert_not_null(l->answer->heartbeat_ack);
}

static const struct edge *edge_of(const struct machine *m, const char *resource)
{
    const struct resource *r = resource_by_text(l->c, resource);

    return r == NULL ? NULL : edge_find(node_by_id(l->c, m->id), r);
}

static struct resource *resource_at(enum resource_kind kind, size_t *count)
{
    struct resource *r, *found = NULL;
    size_t it = 0;

    *count = 0;
    while ((r = map_next(l->c->resources, &it)) != NULL) {
        if (r->kind != kind)
            continue;
        found = r;
        (*count)++;
    }
    return found;
}

Test(storage, a_lun_is_one_resource_from_every_node)
{
    static const struct disk four = { WWID, "dm-0", NULL, 4, 4 }, two = { WWID, "sdb", NULL, 2, 2 };
    struct resource *r;
    size_t n;

    report_disks(&a, &four, 1);
    report_disks(&b, &two, 1);
    r = resource_at(RESOURCE_LUN, &n);
    cr_assert_eq(n, 1);
    cr_expect_eq(r->owner, NULL);
    cr_expect_str_eq(r->key, WWID);
    cr_expect_eq(resource_by_text(l->c, WWID), r);
    cr_expect_eq(edge_of(&a, WWID)->paths_active, 4);
    cr_expect_eq(edge_of(&b, WWID)->paths_active, 2);
    cr_expect_eq(edge_of(&a, WWID)->shown, EDGE_OK);
    cr_expect_str_eq(edge_of(&b, WWID)->sightings->seen.port, "sdb");
    life_restart(l); /* and life compares what is loaded with what was */
    r = resource_at(RESOURCE_LUN, &n);
    cr_expect_eq(n, 1);
    cr_expect_str_eq(r->label, WWID);
    cr_expect_eq(edge_of(&a, WWID)->shown, EDGE_UNKNOWN);
    confirm(&a, SECTION_LUNS);
    cr_expect_eq(edge_of(&a, WWID)->shown, EDGE_OK);
}

Test(storage, what_has_no_identity_is_each_nodes_own)
{
    static const struct disk local = { "local.sda", "sda", NULL, 1, 1 };
    size_t n;

    report_disks(&a, &local, 1);
    report_disks(&b, &local, 1);
    resource_at(RESOURCE_LUN, &n);
    cr_expect_eq(n, 2);
    cr_expect_null(resource_by_text(l->c, "local.sda"));
    life_restart(l);
    resource_at(RESOURCE_LUN, &n);
    cr_expect_eq(n, 2);
}

Test(storage, paths_are_lost_and_come_back)
{
    struct disk d = { WWID, "dm-0", NULL, 4, 4 };

    report_disks(&a, &d, 1);
    d.active = 1;
    report_disks(&a, &d, 1);
    cr_expect_eq(edge_of(&a, WWID)->shown, EDGE_DEGRADED);
    cr_expect_eq(edge_of(&a, WWID)->paths_had, 4);
    cr_expect_eq(durable_count_events(l->d, "edge.degraded", "1 of 4 paths, had 4"), 1);
    report_disks(&a, NULL, 0);
    cr_expect_eq(edge_of(&a, WWID)->shown, EDGE_LOST);
    d.active = 4;
    report_disks(&a, &d, 1);
    cr_expect_eq(edge_of(&a, WWID)->shown, EDGE_OK);
}

Test(storage, one_that_does_not_answer_is_stuck_and_the_others_are_not)
{
    struct disk d[2] = { { WWID, "dm-0", "stuck", 4, 4 }, { WWID "2", "dm-1", NULL, 4, 4 } };

    report_disks(&a, d, 2);
    cr_expect_eq(edge_of(&a, WWID)->shown, EDGE_STUCK);
    cr_expect_eq(edge_of(&a, WWID "2")->shown, EDGE_OK);
    life_restart(l);
    confirm(&a, SECTION_LUNS);
    cr_expect_eq(edge_of(&a, WWID)->shown, EDGE_STUCK, "known without a report");
    d[0].state = "ok";
    report_disks(&a, d, 2);
    cr_expect_eq(edge_of(&a, WWID)->shown, EDGE_OK);
}

/* Once for each time, whatever else changes meanwhile. */
Test(storage, that_one_does_not_answer_is_an_event_and_that_it_does_again)
{
    struct disk d = { WWID, "dm-0", NULL, 4, 4 };

    report_disks(&a, &d, 1);
    cr_expect_eq(durable_count_events(l->d, "edge.stuck", NULL), 0);
    d.state = "stuck";
    report_disks(&a, &d, 1);
    cr_expect_eq(durable_count_events(l->d, "edge.stuck",
                                      "m1 has no answer from LUN " WWID ": it is stuck."),
                 1);
    d.active = 2;
    report_disks(&a, &d, 1);
    life_restart(l);
    confirm(&a, SECTION_LUNS);
    d.active = 4;
    report_disks(&a, &d, 1);
    cr_expect_eq(durable_count_events(l->d, "edge.stuck", NULL), 1);
    cr_expect_eq(durable_count_events(l->d, "edge.answers", NULL), 0);
    d.state = "ok";
    report_disks(&a, &d, 1);
    report_disks(&a, &d, 1);
    cr_expect_eq(
        durable_count_events(l->d, "edge.answers", "m1 has an answer from LUN " WWID " again."), 1);
}

Test(storage, one_that_is_stuck_in_the_first_report_or_goes_or_is_of_another_boot)
{
    static const struct disk d = { WWID, "dm-0", "stuck", 4, 4 },
                             well = { WWID, "dm-0", NULL, 4, 4 };
    char secret[33];

    report_disks(&a, &d, 1);
    cr_expect_eq(durable_count_events(l->d, "edge.stuck", NULL), 1, "no other event tells of it");
    report_disks(&a, NULL, 0);
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 1);
    cr_expect_eq(durable_count_events(l->d, "edge.answers", NULL), 0,
                 "it is gone, and was no answer");
    report_disks(&a, &d, 1);
    cr_expect_eq(durable_count_events(l->d, "edge.stuck", NULL), 2);
    life_token(l, NULL, secret);
    machine_reboot(&a);
    machine_enrol(&a, secret);
    life_pass(l, 6000);
    machine_register(&a);
    report_disks(&a, &well, 1);
    cr_expect_eq(durable_count_events(l->d, "edge.answers", NULL), 0, "nobody waits any more");
    report_disks(&a, &d, 1);
    cr_expect_eq(durable_count_events(l->d, "edge.stuck", NULL), 3);
}

static void report_known(struct machine *m, const char *const *keys, size_t n)
{
    static const char *const devices[] = { "loop3", "loop4" };
    struct lun rows[2] = { { 0 } };

    for (size_t i = 0; i < n; i++) {
        REC_SET(&rows[i], lun, key, keys[i]);
        REC_SET(&rows[i], lun, device, "dm-0");
        REC_SET(&rows[i], lun, devices, ((struct strs){ devices, 1 + i }));
        REC_SET(&rows[i], lun, state, strncmp(keys[i], "local.", 6) == 0 ? "stuck" : "ok");
        REC_SET(&rows[i], lun, paths_active, 1);
        REC_SET(&rows[i], lun, paths_total, 1);
    }
    report(m, SECTION_LUNS, rows, n);
}

/* As a file that did not answer when the probe was started, and does now. */
Test(storage, what_had_no_identity_and_has_one_is_not_lost)
{
    static const char *const silent[] = { "local.loop3" }, *const known[] = { WWID };
    size_t n;

    report_known(&b, silent, 1);
    report_known(&a, silent, 1);
    report_known(&a, known, 1);
    cr_expect_eq(resource_at(RESOURCE_LUN, &n)->edges->state, EDGE_OK);
    cr_expect_eq(n, 2, "one of each node");
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 0);
    cr_expect_eq(durable_count_events(l->d, "edge.answers", "from LUN m1/local.loop3 again"), 1);
    life_restart(l);
    resource_at(RESOURCE_LUN, &n);
    cr_expect_eq(n, 2, "nor does it come back");
    machine_register(&b);
    report_known(&b, NULL, 0);
    resource_at(RESOURCE_LUN, &n);
    cr_expect_eq(n, 2, "it is lost as long as it is not known what it was");
    report_known(&b, known, 1);
    resource_at(RESOURCE_LUN, &n);
    cr_expect_eq(n, 1);
}

/* While a row calls it so, it is there. */
Test(storage, a_device_under_both_names)
{
    static const char *const both[] = { "local.loop4", WWID }, *const known[] = { WWID };
    size_t n;

    report_known(&a, both, 2);
    resource_at(RESOURCE_LUN, &n);
    cr_expect_eq(n, 2);
    report_known(&a, known, 1);
    resource_at(RESOURCE_LUN, &n);
    cr_expect_eq(n, 2, "it went for another reason");
    cr_expect_eq(durable_count_events(l->d, "edge.lost", NULL), 1);
}

/* A device that answers now and then cannot push the rest out of the log. */
Test(storage, one_that_comes_and_goes_as_fast_as_it_can)
{
    struct disk d = { WWID, "dm-0", NULL, 4, 4 };
    struct node *n;

    report_disks(&a, &d, 1);
    n = node_by_id(l->c, a.id);
    n->events.used = UINT32_MAX / 2;
    d.state = "stuck";
    report_disks(&a, &d, 1);
    cr_expect_eq(durable_count_events(l->d, "edge.stuck", NULL), 0);
    cr_expect_eq(durable_count_events(l->d, "event.limited", "m1 causes so many events"), 1);
}

/* Two nodes that disagree on a name do not take turns with each report; who says something new is
 * believed. */
Test(storage, the_name_of_a_volume_group)
{
    struct vg row = { 0 };
    struct resource *r;
    size_t n;

    REC_SET(&row, vg, uuid, "vX1");
    REC_SET(&row, vg, name, "old");
    REC_SET(&row, vg, seqno, 1);
    REC_SET(&row, vg, paths_active, 1);
    REC_SET(&row, vg, paths_total, 1);
    report(&a, SECTION_VGS, &row, 1);
    report(&b, SECTION_VGS, &row, 1);
    REC_SET(&row, vg, name, "new");
    REC_SET(&row, vg, seqno, 2);
    report(&b, SECTION_VGS, &row, 1);
    r = resource_at(RESOURCE_VG, &n);
    cr_assert_eq(n, 1);
    cr_expect_str_eq(r->label, "new");
    REC_SET(&row, vg, name, "old");
    REC_SET(&row, vg, seqno, 1);
    report(&a, SECTION_VGS, &row, 1);
    cr_expect_str_eq(r->label, "new", "nothing new");
    life_restart(l);
    cr_expect_str_eq(resource_at(RESOURCE_VG, &n)->label, "new");
}

Test(storage, the_same_uuid_in_two_containers_is_two_filesystems)
{
    struct filesystem rows[2] = { { 0 } };
    size_t n;

    for (int i = 0; i < 2; i++) {
        REC_SET(&rows[i], filesystem, container, i == 0 ? WWID : WWID "2");
        REC_SET(&rows[i], filesystem, uuid, UUID);
        REC_SET(&rows[i], filesystem, label, "images");
        REC_SET(&rows[i], filesystem, paths_active, 1);
        REC_SET(&rows[i], filesystem, paths_total, 2);
    }
    report(&a, SECTION_FILESYSTEMS, rows, 2);
    report(&b, SECTION_FILESYSTEMS, rows, 1);
    resource_at(RESOURCE_FILESYSTEM, &n);
    cr_expect_eq(n, 2);
    cr_expect_not_null(edge_of(&b, UUID "@" WWID));
    cr_expect_eq(edge_of(&a, UUID "@" WWID)->shown, EDGE_DEGRADED);
    cr_expect_str_eq(resource_by_text(l->c, UUID "@" WWID)->label, "images");
}

/* When its last node has forgotten it, it is gone. */
Test(storage, a_lun_that_nobody_has_seen_for_long)
{
    static const struct disk d = { WWID, "dm-0", NULL, 4, 4 };

    report_disks(&a, &d, 1);
    report_disks(&b, &d, 1);
    report_disks(&a, NULL, 0);
    report_disks(&b, NULL, 0);
    cr_expect_not_null(resource_by_text(l->c, WWID), "it is lost, and remembered");
    l->now.v += l->config.edge_retention_ms;
    l->wall.v += l->config.edge_retention_ms;
    life_run(l, 3600 * 1000);
    cr_expect_null(resource_by_text(l->c, WWID));
}
