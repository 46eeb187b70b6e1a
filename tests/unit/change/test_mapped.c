/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What devices of device-mapper are to the metadata of a volume group. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/text.h"
#include "change/parse_mapped.h"

#define GROUP   "aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg"
#define OTHER   "aaaaaa-bbbb-cccc-dddd-eeee-ffff-hhhhhh"
#define ROOT    "rrrrrr-oooo-oooo-tttt-rrrr-oooo-tttttt"
#define GONE    "gggggg-oooo-nnnn-eeee-gggg-oooo-nnnnnn"
#define PLAIN_G "LVM-aaaaaabbbbccccddddeeeeffffgggggg"

static struct lv lvs[2];
static struct vg vgs[1];
static struct lvm_rows rows;
static struct refresh_work work;
static const char *const unmapped[] = { ROOT };
static char root_device[80], gone_device[80];
/* Of two segments, on two PVs. */
#define TABLE "0 8192 linear 8:0 2048\n8192 8192 linear 8:16 10240\n"
static struct lvm_table tables[] = { { ROOT, TABLE } };
static const char *table;

static void join(char out[80], const char *volume)
{
    size_t n;

    mapped_prefix(GROUP, out);
    n = strlen(out);
    for (const char *p = volume; *p != '\0'; p++) {
        if (*p != '-')
            out[n++] = *p;
    }
    out[n] = '\0';
}

static void set_up(void)
{
    memset(lvs, 0, sizeof lvs);
    memset(vgs, 0, sizeof vgs);
    memset(&work, 0, sizeof work);
    REC_SET(&vgs[0], vg, uuid, GROUP);
    REC_SET(&vgs[0], vg, name, "fast");
    REC_SET(&vgs[0], vg, seqno, 7);
    REC_SET(&vgs[0], vg, metadata_digest, "seven");
    REC_SET(&lvs[0], lv, uuid, ROOT);
    REC_SET(&lvs[0], lv, name, "root");
    REC_SET(&lvs[0], lv, vg_uuid, GROUP);
    REC_SET(&lvs[0], lv, attr, "-wi-ao----");
    REC_SET(&lvs[1], lv, uuid, GONE);
    REC_SET(&lvs[1], lv, name, "gone");
    REC_SET(&lvs[1], lv, vg_uuid, OTHER);
    rows = (struct lvm_rows){
        .vgs = vgs, .vg_count = 1, .lvs = lvs, .lv_count = 2, .tables = { tables, 1 }
    };
    table = TABLE;
    REC_SET(&work, refresh_work, vg, "fast");
    REC_SET(&work, refresh_work, vg_uuid, GROUP);
    REC_SET(&work, refresh_work, seqno, 7);
    REC_SET(&work, refresh_work, mark, text_mark("seven"));
    join(root_device, ROOT);
    join(gone_device, GONE);
}

TestSuite(mapped, .init = set_up);

static struct dm_text map_of(const char *uuid)
{
    return (struct dm_text){ .name = bytes_of("fast-x"),
                             .uuid = bytes_of(uuid),
                             .table = bytes_of(table) };
}

static enum mapped_is judge(const char *uuid)
{
    const struct dm_text map = map_of(uuid);
    const struct lv *lv;

    return mapped_judge(&work, &rows, &map, uuid, &lv);
}

Test(mapped, a_prefix_is_of_one_volume_group)
{
    char out[MAPPED_PREFIX_TEXT];

    mapped_prefix(GROUP, out);
    cr_expect_str_eq(out, PLAIN_G);
    mapped_prefix("short", out);
    cr_expect_str_eq(out, "");
    mapped_prefix(NULL, out);
    cr_expect_str_eq(out, "");
}

Test(mapped, a_device_is_fine_or_old_or_of_no_lv)
{
    char layer[96];

    cr_expect_eq(judge(root_device), MAPPED_FINE);
    cr_expect_eq(judge(gone_device), MAPPED_ORPHAN, "the LV is another volume group's");
    lvs[0].attr = "-wi-XX----";
    cr_expect_eq(judge(root_device), MAPPED_OLD);
    lvs[0].attr = "-wi-so----";
    cr_expect_eq(judge(root_device), MAPPED_OLD, "suspended");
    snprintf(layer, sizeof layer, "%s-real", root_device);
    cr_expect_eq(judge(layer), MAPPED_FINE, "a layer is as old as the device above it");
    lvs[0].attr = NULL;
    cr_expect_eq(judge(root_device), MAPPED_OLD, "not known");
    lvs[0].attr = "-wi-------";
    cr_expect_eq(judge(root_device), MAPPED_FINE, "it has gone since");
    cr_expect_eq(judge(PLAIN_G), MAPPED_FINE, "no LV's");
}

Test(mapped, each_sector_is_where_the_metadata_say)
{
    static const char *const others[] = {
        "0 8192 linear 8:0 2048\n8192 8192 linear 8:16 10248\n",
        "0 8192 linear 8:0 2048\n8192 8192 linear 8:32 10240\n",
        "0 8192 linear 8:16 10240\n8192 8192 linear 8:0 2048\n",
        "0 8192 linear 8:0 2048\n",
        TABLE "16384 8192 linear 8:16 18432\n",
        "0 8192 linear 8:0 2048\n8192 8192 error \n",
        "0 16384 striped 2 128 8:0 2048 8:16 10240\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        table = others[i];
        cr_expect_eq(judge(root_device), MAPPED_OLD, "%s", table);
    }
    table = "0 4096 linear 8:0 2048\n4096 4096 linear 8:0 6144\n8192 8192 linear 8:16 10240\n";
    cr_expect_eq(judge(root_device), MAPPED_FINE, "segments that LVM has joined since");
    rows.tables.n = 0;
    table = others[0];
    cr_expect_eq(judge(root_device), MAPPED_FINE, "what is not linear is LVM's to judge");
}

Test(mapped, a_device_without_a_table_was_only_just_made)
{
    table = "";
    cr_expect_eq(judge(root_device), MAPPED_UNWANTED);
}

static void set_role(const char *const *role)
{
    REC_SET(&lvs[0], lv, role, ((struct strs){ role, 2 }));
}

Test(mapped, an_origin_writes_through_its_snapshots)
{
    static const char *const origin[] = { "public", "thickorigin" };
    char layer[96];

    set_role(origin);
    cr_expect_eq(judge(root_device), MAPPED_BARE, "it is not made so where it is not");
    table = "0 16384 snapshot-origin \n";
    cr_expect_eq(judge(root_device), MAPPED_FINE);
    REC_SET(&work, refresh_work, unmapped, ((struct strs){ unmapped, 1 }));
    cr_expect_eq(judge(root_device), MAPPED_FINE, "it is not taken away while it has some");
    work.unmapped.n = 0;
    snprintf(layer, sizeof layer, "%s-real", root_device);
    cr_expect_eq(judge(layer), MAPPED_OLD, "its sectors are in the layer below");
    table = TABLE;
    cr_expect_eq(judge(layer), MAPPED_FINE);
    REC_SET(&lvs[0], lv, role, ((struct strs){ origin, 1 }));
    table = "0 16384 snapshot-origin \n";
    cr_expect_eq(judge(root_device), MAPPED_OLD, "when the last is removed, it is linear again");
}

/* A refresh would give it its snapshots, whatever it is for. */
Test(mapped, an_origin_that_is_old_too_gets_no_snapshots_here)
{
    static const char *const origin[] = { "origin", "public", "thickorigin" };
    static const char *const snapshot[] = { "public", "snapshot", "thicksnapshot" };

    REC_SET(&lvs[0], lv, role, ((struct strs){ (const char **)(uintptr_t)origin, 3 }));
    REC_SET(&lvs[0], lv, attr, "owi-Xos---");
    cr_expect_eq(judge(root_device), MAPPED_BARE, "LVM sees another size");
    table = "0 8 snapshot-origin 253:4\n";
    cr_expect_eq(judge(root_device), MAPPED_OLD);
    REC_SET(&lvs[0], lv, role, ((struct strs){ (const char **)(uintptr_t)snapshot, 3 }));
    REC_SET(&lvs[0], lv, attr, "swi-a-s---");
    table = TABLE;
    cr_expect_eq(judge(root_device), MAPPED_BARE, "nor is a store made a snapshot");
}

Test(mapped, a_snapshot_has_its_sectors_in_its_store)
{
    static const char *const snapshot[] = { "public", "thicksnapshot" };
    char layer[96];

    set_role(snapshot);
    cr_expect_eq(judge(root_device), MAPPED_BARE, "still an LV of its own");
    table = "0 16384 snapshot \n";
    cr_expect_eq(judge(root_device), MAPPED_FINE);
    snprintf(layer, sizeof layer, "%s-cow", root_device);
    cr_expect_eq(judge(layer), MAPPED_OLD);
    table = TABLE;
    cr_expect_eq(judge(layer), MAPPED_FINE);
    lvs[0].attr = "swi-I-s---";
    table = "0 16384 snapshot \n";
    cr_expect_eq(judge(root_device), MAPPED_FINE, "full: no other table would mend it");
    lvs[0].attr = "swi-S-s---";
    cr_expect_eq(judge(root_device), MAPPED_OLD, "and suspended");
}

Test(mapped, what_may_have_no_device_is_told_from_the_rest)
{
    const struct dm_text map = map_of(root_device);
    const struct lv *lv;

    REC_SET(&work, refresh_work, unmapped, ((struct strs){ unmapped, 1 }));
    cr_expect_eq(mapped_judge(&work, &rows, &map, root_device, &lv), MAPPED_UNWANTED);
    cr_expect_eq(lv, &lvs[0]);
}

Test(mapped, nothing_is_done_to_other_metadata)
{
    cr_expect(mapped_is_version(&work, &rows));
    vgs[0].seqno = 8;
    cr_expect_not(mapped_is_version(&work, &rows), "newer");
    vgs[0].seqno = 7;
    vgs[0].metadata_digest = "other";
    cr_expect_not(mapped_is_version(&work, &rows), "as new, and another");
    rows.vg_count = 0;
    cr_expect_not(mapped_is_version(&work, &rows), "not seen");
    work = (struct refresh_work){ .vg_uuid = GROUP, .vg = "fast" };
    cr_expect(mapped_is_version(&work, &rows), "it is no more");
    rows.vg_count = 1;
    cr_expect_not(mapped_is_version(&work, &rows), "it is still there");
}

static const char *fault_of(const char *uuid)
{
    struct arena *a = arena_new(0);
    struct rows r = { .a = a };
    struct dm_text maps[] = { { .name = bytes_of("mpatha"), .uuid = bytes_of("mpath-3600") },
                              map_of(uuid) };
    const struct mapped_lvm lvm = { .lvs = lvs, .lv_count = 2, .tables = &rows.tables };
    static char text[200];

    vgs[0].fault = NULL;
    mapped_faults(&r, maps, 2, &lvm, vgs, 1);
    snprintf(text, sizeof text, "%s", vgs[0].fault == NULL ? "" : vgs[0].fault);
    arena_free(a);
    return text;
}

Test(mapped, a_volume_group_has_the_fault_of_its_devices)
{
    cr_expect_str_eq(fault_of(root_device), "");
    cr_expect_str_eq(fault_of(gone_device),
                     "fast-x is a device of a logical volume of fast that is no more");
    table = "0 16384 linear 8:0 2048\n";
    cr_expect_str_eq(fault_of(root_device),
                     "the table of fast/root is not what the metadata say (-wi-ao----)");
    table = TABLE;
    lvs[0].attr = "-wi-XX----";
    cr_expect_str_eq(fault_of(root_device),
                     "the table of fast/root is not what the metadata say (-wi-XX----)");
}
