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
    rows = (struct lvm_rows){ .vgs = vgs, .vg_count = 1, .lvs = lvs, .lv_count = 2 };
    REC_SET(&work, refresh_work, vg, "fast");
    REC_SET(&work, refresh_work, vg_uuid, GROUP);
    REC_SET(&work, refresh_work, seqno, 7);
    REC_SET(&work, refresh_work, mark, text_mark("seven"));
    join(root_device, ROOT);
    join(gone_device, GONE);
}

TestSuite(mapped, .init = set_up);

static enum mapped_is judge(const char *uuid)
{
    const struct lv *lv;

    return mapped_judge(&work, &rows, uuid, &lv);
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
    cr_expect_eq(judge(PLAIN_G), MAPPED_FINE, "no LV's");
}

Test(mapped, what_may_have_no_device_is_told_from_the_rest)
{
    const struct lv *lv;

    REC_SET(&work, refresh_work, unmapped, ((struct strs){ unmapped, 1 }));
    cr_expect_eq(mapped_judge(&work, &rows, root_device, &lv), MAPPED_UNWANTED);
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
                              { .name = bytes_of("fast-x"), .uuid = bytes_of(uuid) } };
    static char text[200];

    vgs[0].fault = NULL;
    mapped_faults(&r, maps, 2, vgs, 1, lvs, 2);
    snprintf(text, sizeof text, "%s", vgs[0].fault == NULL ? "" : vgs[0].fault);
    arena_free(a);
    return text;
}

Test(mapped, a_volume_group_has_the_fault_of_its_devices)
{
    cr_expect_str_eq(fault_of(root_device), "");
    cr_expect_str_eq(fault_of(gone_device),
                     "fast-x is a device of a logical volume of fast that is no more");
    lvs[0].attr = "-wi-XX----";
    cr_expect_str_eq(fault_of(root_device),
                     "the table of fast/root is not what the metadata say (-wi-XX----)");
}
