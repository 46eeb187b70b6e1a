/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device that had no identity and has one: what lies in it is not lost under its old name, unless
 * it may be something else, or somebody has a right on it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "core/trust.h"
#include "disks.h"
#include "rights.h"

#define WWID  "naa.60014050000000000000000000000001"
#define UUID  "5d1e7b0e-0d4f-4f0e-9d53-7a9b8f3d2c11"
#define OTHER "99999999-0d4f-4f0e-9d53-7a9b8f3d2c11"

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

TestSuite(better, .init = setup, .fini = teardown);

/* One device, what it is known to be, and a filesystem in it, or in its first partition. */
struct device_seen {
    const char *lun, *device, *address;
    const char *uuid;  /* NULL: none is read in it */
    const char *where; /* the container, if it is not the LUN */
    uint64_t member;
};

enum { LUNS = 1, FILESYSTEMS = 2, ALL = 3 };

static void report(struct machine *m, struct device_seen s, unsigned what)
{
    const char *devices[] = { s.device };
    struct lun lun = { 0 };
    struct path path = { 0 };
    struct filesystem fs = { 0 };
    struct section v[3];
    size_t n = 0;

    REC_SET(&lun, lun, key, s.lun);
    REC_SET(&lun, lun, device, s.device);
    REC_SET(&lun, lun, devices, ((struct strs){ devices, 1 }));
    REC_SET(&lun, lun, paths_active, 1);
    REC_SET(&lun, lun, paths_total, 1);
    REC_SET(&path, path, device, s.device);
    REC_SET(&path, path, lun, s.lun);
    if (s.address != NULL)
        REC_SET(&path, path, address, s.address);
    REC_SET(&fs, filesystem, container, s.where != NULL ? s.where : s.lun);
    REC_SET(&fs, filesystem, type, "ext4");
    if (s.uuid != NULL)
        REC_SET(&fs, filesystem, uuid, s.uuid);
    if (s.member != 0)
        REC_SET(&fs, filesystem, member_id, s.member);
    if ((what & LUNS) != 0) {
        v[n++] = (struct section){ .id = SECTION_LUNS, .rows = &lun, .row_count = 1 };
        v[n++] = (struct section){ .id = SECTION_PATHS, .rows = &path, .row_count = 1 };
    }
    if ((what & FILESYSTEMS) != 0)
        v[n++] =
            (struct section){ .id = SECTION_FILESYSTEMS, .rows = &fs, .row_count = s.uuid != NULL };
    disks_report_all(m, v, n);
}

static const struct device_seen silent = { "local.loop3", "loop3", NULL, UUID, NULL, 0 };
static const struct device_seen known = { WWID, "loop3", NULL, UUID, NULL, 0 };

static struct resource *fs_of(struct machine *m, const char *container)
{
    struct node *n = node_by_id(l->c, m->id);
    char key[200];

    snprintf(key, sizeof key, UUID "@%s", container);
    return resource_by_id(
        l->c, resource_seen_id(container_is_local(container) ? n : NULL, RESOURCE_FILESYSTEM, key));
}

/* 0: there is no edge. */
static uint8_t state(struct machine *m, const char *container)
{
    const struct resource *r = fs_of(m, container);
    const struct edge *e = r != NULL ? edge_find(node_by_id(l->c, m->id), r) : NULL;

    return e != NULL ? e->state : 0;
}

static size_t events(const char *kind, const char *part)
{
    return durable_count_events(l->d, kind, part);
}

Test(better, a_filesystem_goes_with_its_old_name)
{
    report(&a, silent, ALL);
    report(&b, silent, ALL);
    cr_assert_eq(state(&a, "local.loop3"), EDGE_OK);
    report(&a, known, ALL);
    cr_expect_eq(state(&a, WWID), EDGE_OK);
    cr_expect_null(fs_of(&a, "local.loop3"));
    cr_expect_eq(fs_of(&a, WWID)->twin->of->count, 2, "the other node's own is another");
    cr_expect_eq(state(&b, "local.loop3"), EDGE_OK);
    cr_expect_eq(events("edge.lost", NULL), 0);
    cr_expect_eq(events("fs.kept", NULL), 0);
    life_restart(l);
    cr_expect_null(fs_of(&a, "local.loop3"));
    cr_expect_null(node_by_id(l->c, a.id)->better);
}

Test(better, in_a_partition_and_in_two_reports)
{
    const struct device_seen was = { "local.sda", "sda", "1:0:0:1", UUID, "local.sda-part1", 0 };
    const struct device_seen is = { WWID, "sda", "1:0:0:1", UUID, WWID "-part1", 0 };

    report(&a, was, ALL);
    report(&a, is, LUNS);
    cr_expect_eq(state(&a, "local.sda-part1"), EDGE_OK, "it has not said otherwise");
    cr_expect_not_null(node_by_id(l->c, a.id)->better);
    report(&a, is, FILESYSTEMS);
    cr_expect_eq(state(&a, WWID "-part1"), EDGE_OK);
    cr_expect_null(fs_of(&a, "local.sda-part1"));
    cr_expect_null(node_by_id(l->c, a.id)->better);
    cr_expect_eq(events("edge.lost", NULL), 0);
}

/* First it is read no more, and when it is read again it is in the LUN. */
Test(better, what_is_read_later)
{
    struct device_seen unread = known;

    unread.uuid = NULL;
    report(&a, silent, ALL);
    report(&a, unread, ALL);
    cr_expect_eq(state(&a, "local.loop3"), EDGE_LOST);
    report(&a, known, ALL);
    cr_expect_null(fs_of(&a, "local.loop3"));
}

/* The LUN was known by another path before. */
Test(better, one_more_path_of_a_known_lun)
{
    static const char *const devices[] = { "sda", "sdb" };
    struct lun luns[2] = { { 0 } };
    struct filesystem fs[2] = { { 0 } };
    struct section v[] = { { .id = SECTION_LUNS, .rows = luns, .row_count = 2 },
                           { .id = SECTION_FILESYSTEMS, .rows = fs, .row_count = 2 } };

    for (size_t i = 0; i < 2; i++) {
        REC_SET(&luns[i], lun, key, i == 0 ? WWID : "local.sdb");
        REC_SET(&luns[i], lun, device, devices[i]);
        REC_SET(&luns[i], lun, devices, ((struct strs){ &devices[i], 1 }));
        REC_SET(&luns[i], lun, paths_active, 1);
        REC_SET(&luns[i], lun, paths_total, 1);
        REC_SET(&fs[i], filesystem, container, luns[i].key);
        REC_SET(&fs[i], filesystem, uuid, UUID);
    }
    disks_report_all(&a, v, 2);
    cr_assert_eq(state(&a, "local.sdb"), EDGE_OK);
    REC_SET(&luns[0], lun, key, WWID); /* in the order of before */
    REC_SET(&luns[0], lun, device, devices[0]);
    REC_SET(&luns[0], lun, devices, ((struct strs){ devices, 2 }));
    REC_SET(&luns[0], lun, paths_active, 2);
    REC_SET(&luns[0], lun, paths_total, 2);
    REC_SET(&fs[0], filesystem, container, WWID);
    v[0].row_count = v[1].row_count = 1;
    disks_report_all(&a, v, 2);
    cr_expect_null(fs_of(&a, "local.sdb"));
    cr_expect_eq(state(&a, WWID), EDGE_OK);
    cr_expect_eq(events("edge.lost", NULL), 0);
}

/* ---- what may be something else ------------------------------------------------------------- */

static void expect_lost(const struct device_seen *was, const struct device_seen *is)
{
    report(&a, *was, ALL);
    report(&a, *is, ALL);
    cr_expect_eq(state(&a, was->lun), EDGE_LOST);
    cr_expect_eq(events("fs.kept", NULL), 0);
}

Test(better, another_filesystem_on_the_device)
{
    struct device_seen other = known;

    other.uuid = OTHER;
    expect_lost(&silent, &other);
    cr_expect_not_null(node_by_id(l->c, a.id)->better, "it may be read yet");
    report(&a, silent, LUNS); /* which was the wrong way round */
    cr_expect_null(node_by_id(l->c, a.id)->better);
}

Test(better, another_device_of_the_same_name)
{
    const struct device_seen was = { "local.sda", "sda", "1:0:0:1", UUID, NULL, 0 };
    const struct device_seen is = { WWID, "sda", "1:0:0:2", UUID, NULL, 0 };

    expect_lost(&was, &is);
    cr_expect_eq(state(&a, WWID), EDGE_OK);
}

Test(better, another_device_of_the_same_filesystem)
{
    struct device_seen was = silent, is = known;

    was.member = 1;
    is.member = 2;
    expect_lost(&was, &is);
}

Test(better, a_device_that_was_away_in_between)
{
    report(&a, silent, ALL);
    disks_report(&a, SECTION_FILESYSTEMS, NULL, 0);
    disks_report(&a, SECTION_LUNS, NULL, 0);
    report(&a, known, ALL);
    cr_expect_eq(state(&a, "local.loop3"), EDGE_LOST);
}

static void boot_anew(void)
{
    char secret[33];

    life_token(l, NULL, secret);
    machine_reboot(&a);
    machine_enrol(&a, secret);
    life_pass(l, 6000);
    machine_register(&a);
}

Test(better, a_filesystem_of_an_earlier_boot)
{
    struct device_seen unread = silent;

    report(&a, silent, ALL);
    boot_anew();
    unread.uuid = NULL;
    report(&a, unread, ALL);
    report(&a, known, ALL);
    cr_expect_eq(state(&a, WWID), EDGE_OK);
    cr_expect_eq(state(&a, "local.loop3"), EDGE_LOST);
}

Test(better, a_device_of_an_earlier_boot)
{
    report(&a, silent, ALL);
    boot_anew();
    report(&a, known, ALL);
    cr_expect_eq(state(&a, WWID), EDGE_OK);
    cr_expect_eq(state(&a, "local.loop3"), EDGE_LOST);
    cr_expect_null(node_by_id(l->c, a.id)->better);
}

/* Its LUN is there still, and then goes for another reason. */
Test(better, while_a_row_calls_it_so)
{
    static const char *const device = "loop3";
    struct lun luns[2] = { { 0 } };

    report(&a, silent, ALL);
    for (size_t i = 0; i < 2; i++) {
        REC_SET(&luns[i], lun, key, i == 0 ? "local.loop3" : WWID);
        REC_SET(&luns[i], lun, device, device);
        REC_SET(&luns[i], lun, devices, ((struct strs){ &device, 1 }));
        REC_SET(&luns[i], lun, paths_active, 1);
        REC_SET(&luns[i], lun, paths_total, 1);
    }
    disks_report(&a, SECTION_LUNS, luns, 2);
    cr_expect_null(node_by_id(l->c, a.id)->better);
    report(&a, known, ALL);
    cr_expect_eq(state(&a, "local.loop3"), EDGE_LOST);
}

/* ---- what somebody has under the old name --------------------------------------------------- */

static void expect_kept(const char *why)
{
    report(&a, known, ALL);
    cr_expect_eq(state(&a, "local.loop3"), EDGE_LOST);
    cr_expect_eq(events("fs.kept", "Filesystem m1/" UUID " has an identity now, and is " UUID
                                   "@" WWID "; what it was called before stays as lost, since "),
                 1);
    cr_expect_eq(events("fs.kept", why), 1);
    report(&a, known, ALL);
    cr_expect_eq(events("fs.kept", NULL), 1, "told once");
    cr_expect(disks_doubts(disks_info(l, RESOURCE_FILESYSTEM, UUID "@" WWID),
                           "may be the same storage as LUN local.loop3 of m1"));
}

static const char *id_text(const struct resource *r)
{
    static char text[UUID_TEXT];

    return uuid_text(r->id, text);
}

Test(better, what_was_admitted)
{
    report(&a, silent, ALL);
    cr_assert_eq(rights_admit(l, id_text(fs_of(&a, "local.loop3")), true), REPLY_OK, "%s",
                 l->reply->text);
    expect_kept("it was admitted to scans");
    cr_expect(fs_of(&a, "local.loop3")->seat->scan->admitted);
    cr_expect_null(fs_of(&a, WWID)->seat->scan, "that was not");
}

Test(better, what_somebody_holds)
{
    report(&a, silent, ALL);
    disks_report(&a, SECTION_USES, NULL, 0);
    cr_assert_eq(rights_take(l, "m1", id_text(fs_of(&a, "local.loop3"))), REPLY_OK, "%s",
                 l->reply->text);
    expect_kept("there is a right on it");
    cr_expect_eq(map_count(l->c->leases), 1);
}

Test(better, what_has_images)
{
    static const char *const paths[] = { "/a.raw" };

    report(&a, silent, ALL);
    cr_assert_eq(rights_found_in(l, fs_of(&a, "local.loop3"), true, paths, 1), 1);
    expect_kept("images were found in it");
    cr_expect_eq(fs_of(&a, "local.loop3")->seat->image_count, 1);
}

Test(better, what_is_not_believed)
{
    struct coord_event ev = { .type = COORD_TICK, .now = l->now, .wall = l->wall };
    struct step s = { .c = l->c, .ev = &ev, .u = &l->update };

    report(&a, silent, ALL);
    life_begin(l);
    cr_assert_eq(edge_distrust(&s, node_by_id(l->c, a.id), fs_of(&a, "local.loop3"), "Another."),
                 0);
    life_commit(l);
    expect_kept("something else was found there");
    cr_expect_eq(events("edge.quarantined", NULL), 1);
}

/* ---- PVs ------------------------------------------------------------------------------------ */

/* They follow from the rows that are there. */
Test(better, a_pv_has_no_old_name)
{
    const struct twins *t;
    struct pv pv = { 0 };

    REC_SET(&pv, pv, uuid, "PV1");
    REC_SET(&pv, pv, container, "local.loop3");
    report(&a, silent, ALL);
    disks_report(&a, SECTION_PVS, &pv, 1);
    REC_SET(&pv, pv, container, WWID);
    report(&a, known, ALL);
    disks_report(&a, SECTION_PVS, &pv, 1);
    t = twins_of_pv(l->c, "PV1");
    cr_assert_not_null(t);
    cr_expect_eq(t->count, 1);
    cr_expect_eq(disks_info(l, RESOURCE_LUN, WWID)->doubts.n, 0);
}
