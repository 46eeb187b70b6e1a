/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator may call storage, and what is answered where several things are called so. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/core_internal.h"
#include "machine.h"

#define WWID   "naa.6001405aaaaaaaaaaaaaaaaaaaaaaaaa"
#define COPY   "naa.6001405bbbbbbbbbbbbbbbbbbbbbbbbb"
#define UUID   "5d1e7b0e-0d4f-4f0e-9d53-7a9b8f3d2c11"
#define VG     "6fLlvO-kwLk-Rm9z-OWlU-oGIq-ZK36-cSmrjj"
#define LV     "BpLzTH-1jSz-m0ml-sRzJ-QAnz-HxXd-cWRhFK"
#define BACKED "loop.8:2:1835021"

static struct life *l;
static struct machine m;

static void report(enum section_id id, void *rows, size_t n)
{
    struct section s = { .id = id, .status = SECTION_OK, .rows = rows, .row_count = n };
    struct envelope env = { 0 };
    struct report body = { 0 };
    struct arena *arena = arena_new(0);
    struct err e = { "" };

    cr_assert_eq(section_normalise(&s, arena, &e), 0, "%s", e.text);
    REC_SET(&env, envelope, report, &body);
    machine_say_sections(&m, &env, &s, 1);
    cr_assert(machine_acknowledged(&m));
    arena_free(arena);
}

static struct filesystem filesystem(const char *container, const char *uuid, const char *label)
{
    struct filesystem fs = { 0 };

    REC_SET(&fs, filesystem, container, container);
    REC_SET(&fs, filesystem, uuid, uuid);
    if (label != NULL)
        REC_SET(&fs, filesystem, label, label);
    return fs;
}

/* Disks, a volume group "data" with a volume, a filesystem and its copy, one that is called as the
 * volume group is, one without an identity beyond its node. */
static void setup(void)
{
    struct lun luns[3] = { { 0 } };
    struct vg vg = { 0 };
    struct lv lv = { 0 };
    struct filesystem fs[] = { filesystem(WWID, UUID, "images"), filesystem(COPY, UUID, "images"),
                               filesystem("lv." LV, "0c9e5d7a-1b2c-4d3e-8f90-a1b2c3d4e5f6", "data"),
                               filesystem("local.sda-part1", "1234-ABCD", NULL) };

    l = life_new();
    machine_init(&m, l, 1);
    machine_join(&m);
    REC_SET(&luns[0], lun, key, WWID);
    REC_SET(&luns[1], lun, key, BACKED);
    REC_SET(&luns[1], lun, file, "/srv/scratch.img");
    REC_SET(&luns[2], lun, key, "local.sda");
    report(SECTION_LUNS, luns, 3);
    REC_SET(&vg, vg, uuid, VG);
    REC_SET(&vg, vg, name, "data");
    report(SECTION_VGS, &vg, 1);
    REC_SET(&lv, lv, uuid, LV);
    REC_SET(&lv, lv, name, "root");
    REC_SET(&lv, lv, vg_name, "data");
    report(SECTION_LVS, &lv, 1);
    report(SECTION_FILESYSTEMS, fs, ARRAY_LEN(fs));
}

static void teardown(void)
{
    life_free(l);
}

TestSuite(named, .init = setup, .fini = teardown);

static enum reply_code show(const char *name)
{
    struct request req = { 0 };

    REC_SET(&req, request, op, OP_RESOURCE_SHOW);
    REC_SET(&req, request, resource, name);
    return life_ask(l, &req);
}

static void expect(const char *name, const char *kind, const char *key)
{
    const struct resource_info *x;

    cr_assert_eq(show(name), REPLY_OK, "%s: %s", name, l->reply->text);
    x = l->reply->resources.v;
    cr_expect_str_eq(x->kind, kind, "%s: a %s", name, x->kind);
    cr_expect_str_eq(x->key, key, "%s: %s", name, x->key);
}

Test(named, by_key_and_by_label)
{
    expect(WWID, "lun", WWID);
    expect("/srv/scratch.img", "lun", BACKED);
    expect(BACKED, "lun", BACKED);
    expect(VG, "vg", VG);
    expect("data/root", "lv", LV);
    expect(LV, "lv", LV);
    expect(UUID "@" COPY, "filesystem", UUID "@" COPY);
    expect("0c9e5d7a-1b2c-4d3e-8f90-a1b2c3d4e5f6", "filesystem",
           "0c9e5d7a-1b2c-4d3e-8f90-a1b2c3d4e5f6@lv." LV);
    cr_expect_eq(show("0c9e5d7a-1b2c-4d3e"), REPLY_NOT_FOUND, "half of a UUID is no name");
    cr_expect_eq(show("dat"), REPLY_NOT_FOUND);
}

Test(named, what_is_of_one_node_by_the_node_too)
{
    const char *node = node_by_id(l->c, m.id)->row.name;
    char key[128], id[UUID_TEXT], name[128];

    snprintf(key, sizeof key, "%s/local.sda", uuid_text(m.id, id));
    snprintf(name, sizeof name, "%s/local.sda", node);
    expect(name, "lun", key);
    expect(key, "lun", key);
    expect("local.sda", "lun", key);
    snprintf(key, sizeof key, "%s/1234-ABCD@local.sda-part1", id);
    expect("1234-ABCD", "filesystem", key);
}

Test(named, several_are_listed_by_their_keys)
{
    cr_expect_eq(show("images"), REPLY_AMBIGUOUS);
    cr_expect_str_eq(
        l->reply->text,
        "2 resources are called 'images': 2 filesystems; name one of them by its key.");
    cr_assert_eq(l->reply->candidates.n, 2);
    cr_expect_str_eq(l->reply->candidates.v[0], UUID "@" WWID);
    cr_expect_str_eq(l->reply->candidates.v[1], UUID "@" COPY);
    cr_expect_eq(show(UUID), REPLY_AMBIGUOUS, "the UUID of two");
    cr_expect_eq(show("data"), REPLY_AMBIGUOUS);
    cr_expect_str_eq(l->reply->text, "2 resources are called 'data': 1 vg, 1 filesystem; name one "
                                     "of them by its key.");
}

Test(named, a_declared_network_beats_what_a_disk_calls_itself)
{
    cr_assert_eq(life_define(l, "images", 0, "*/eth9"), REPLY_OK);
    cr_assert_eq(show("images"), REPLY_OK);
    cr_expect_str_eq(((const struct resource_info *)l->reply->resources.v)->kind, "network");
}
