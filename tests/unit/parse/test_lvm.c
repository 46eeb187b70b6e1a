/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "collect/parse_lvm.h"
#include "support/support.h"

static const struct lvm_device devices[] = {
    { "/dev/loop0", "loop0", "7:0", "serial.A" }, { "/dev/loop1", "loop1", "7:1", "serial.B" },
    { "/dev/loop2", "loop2", "7:2", "serial.C" }, { "/dev/loop3", "loop3", "7:3", "serial.D" },
    { "/dev/loop4", "loop4", "7:4", "serial.E" },
};

static struct arena *a;

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(lvm, .init = set_up, .fini = tear_down);

static struct lvm_rows parse_bytes(struct bytes report, struct bytes duplicates, bool device_mapper)
{
    struct lvm_input in = { report, duplicates, devices, ARRAY_LEN(devices), device_mapper };
    struct lvm_rows rows;
    struct err e = { "" };

    cr_assert_eq(parse_lvm(&in, a, &rows, &e), 0, "%s", e.text);
    return rows;
}

static struct lvm_rows parse(const char *report)
{
    return parse_bytes(bytes_of(report), (struct bytes){ NULL, 0 }, true);
}

static struct lvm_rows parse_capture(const char *name)
{
    return parse_bytes(capture(a, arena_printf(a, "lvm/%s/report.json", name)),
                       capture(a, arena_printf(a, "lvm/%s/duplicates.json", name)), false);
}

static const char *rows_json(const struct lvm_rows *rows)
{
    struct section s[] = {
        { .id = SECTION_PVS, .rows = rows->pvs, .row_count = rows->pv_count },
        { .id = SECTION_VGS, .rows = rows->vgs, .row_count = rows->vg_count },
        { .id = SECTION_LVS, .rows = rows->lvs, .row_count = rows->lv_count },
    };
    struct buf out = { 0 };
    const char *text;
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(s); i++)
        s[i].status = SECTION_OK;
    cr_assert_eq(sections_json(s, ARRAY_LEN(s), a, &out, &e), 0, "%s", e.text);
    text = arena_strdup(a, buf_cstr(&out));
    buf_deinit(&out);
    return text;
}

#define FIND(type, name_member)                                                         \
    static struct type *find_##type(const struct lvm_rows *rows, const char *name)      \
    {                                                                                   \
        for (size_t i = 0; i < rows->type##_count; i++) {                               \
            struct type *row = &rows->type##s[i];                                       \
                                                                                        \
            if (REC_HAS(row, type, name_member) && strcmp(row->name_member, name) == 0) \
                return row;                                                             \
        }                                                                               \
        cr_assert_fail("no " #type " %s", name);                                        \
        return NULL;                                                                    \
    }
FIND(pv, device)
FIND(vg, name)
FIND(lv, name)

/* The text with the `n`th (from 0) of `from` replaced. */
static const char *replace(const char *text, size_t n, const char *from, const char *to)
{
    const char *at = strstr(text, from);

    while (n-- > 0 && at != NULL)
        at = strstr(at + 1, from);
    cr_assert_not_null(at, "no %s", from);
    return arena_printf(a, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static const char *whole(void)
{
    struct bytes b = capture(a, "lvm/whole/report.json");

    return arena_strndup(a, (const char *)b.p, b.n);
}

static const char *digest_of(const char *report, const char *vg)
{
    struct lvm_rows rows = parse(report);

    return find_vg(&rows, vg)->metadata_digest;
}

Test(lvm, captures)
{
    static const char *const names[] = { "whole", "partial", "duplicate", "exported" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct lvm_rows rows = parse_capture(names[i]);

        cr_expect(golden_matches(arena_printf(a, "lvm-%s.json", names[i]), rows_json(&rows)));
    }
}

/* The reports inside the output of a shell: from a line "  {" to a line "  }". */
static bool next_report(struct bytes *rest, struct bytes *report)
{
    struct bytes line;
    const uint8_t *from = NULL;

    while (bytes_line(rest, &line)) {
        if (from == NULL && bytes_equal(line, "  {"))
            from = line.p;
        if (from != NULL && bytes_equal(line, "  }")) {
            *report = (struct bytes){ from, (size_t)(line.p + line.n - from) };
            return true;
        }
    }
    return false;
}

Test(lvm, reports_with_few_fields)
{
    struct bytes rest = capture(a, "lvm/lvm-host-nodm.txt"), report;
    struct bytes none = { NULL, 0 };
    struct lvm_rows rows;

    cr_assert(next_report(&rest, &report));
    rows = parse_bytes(report, none, false);
    cr_assert_eq(rows.vg_count, 1);
    cr_assert_str_eq(rows.vgs[0].uuid, "qwZEFZ-Bp6K-4Nfj-LVve-1XAQ-Fk1s-04QU3s");
    cr_assert_eq(find_vg(&rows, "hv2")->seqno, 17);
    cr_assert_eq(rows.vgs[0].size_bytes, 260046848);
    cr_assert_eq(rows.vgs[0].lvs, 2);
    cr_assert_not(REC_HAS(&rows.vgs[0], vg, attr));
    cr_assert(next_report(&rest, &report));
    rows = parse_bytes(report, none, false);
    cr_assert_eq(rows.lv_count, 0, "LVs of no VG");
    cr_assert(next_report(&rest, &report));
    rows = parse_bytes(report, none, false);
    cr_assert_eq(rows.pv_count, 2);
    cr_assert_str_eq(find_pv(&rows, "loop1")->uuid, "arN6U4-tF8N-JdmG-fUTm-fRTe-DiZA-DI3SmS");
    cr_assert_eq(find_pv(&rows, "loop1")->metadata_areas, 1);
    cr_assert_not(REC_HAS(&rows.pvs[0], pv, device_bytes), "128.00m is no number of bytes");
    cr_assert_not(next_report(&rest, &report));
}

/* "[log l=4 activate/activate.c:439 e=0] WARNING: ..." */
static enum lvm_message kind_of_line(struct bytes line, struct bytes *message)
{
    const char *text = arena_strndup(a, (const char *)line.p, line.n);
    const char *end = strstr(text, "] ");
    char file[128];
    int level;

    if (end == NULL || sscanf(text, "[log l=%d %127[^:]:", &level, file) != 2)
        return LVM_MESSAGE_OTHER;
    *message = bytes_of(end + 2);
    return lvm_message_kind(level, file);
}

Test(lvm, what_the_callback_hears)
{
    struct bytes rest = capture(a, "lvm/lvm2cmd-guest.txt"), line, message;
    struct buf report = { 0 }, errors = { 0 };
    struct lvm_rows rows;
    size_t reports = 0;

    while (bytes_line(&rest, &line) && reports < 10) {
        switch (kind_of_line(line, &message)) {
        case LVM_MESSAGE_REPORT:
            buf_add(&report, message.p, message.n);
            buf_str(&report, "\n");
            reports++;
            break;
        case LVM_MESSAGE_ERROR:
            cr_assert_fail("no error before the first report is done");
            break;
        case LVM_MESSAGE_OTHER:
            break;
        }
        if (reports == 9)
            break;
    }
    rows = parse_bytes((struct bytes){ report.p, report.n }, (struct bytes){ NULL, 0 }, true);
    cr_assert_eq(find_vg(&rows, "vgs1")->seqno, 21);
    while (bytes_line(&rest, &line)) {
        if (kind_of_line(line, &message) != LVM_MESSAGE_ERROR)
            continue;
        buf_add(&errors, message.p, message.n);
        buf_str(&errors, "\n");
    }
    cr_assert_str_eq(buf_cstr(&errors), "Error during parsing of command line.\n"
                                        "Volume group \"nosuchvg\" not found\n"
                                        "Cannot process volume group nosuchvg\n");
    buf_deinit(&report);
    buf_deinit(&errors);
}

Test(lvm, levels_have_flags_above)
{
    cr_assert_eq(lvm_message_kind(4 | 128, "device_mapper/libdm-report.c"), LVM_MESSAGE_REPORT);
    cr_assert_eq(lvm_message_kind(3 | 256, NULL), LVM_MESSAGE_ERROR);
    cr_assert_eq(lvm_message_kind(4, "metadata/metadata.c"), LVM_MESSAGE_OTHER);
    cr_assert_eq(lvm_message_kind(4, NULL), LVM_MESSAGE_OTHER);
    cr_assert_eq(lvm_message_kind(5, "libdm-report.c"), LVM_MESSAGE_OTHER);
    cr_assert_eq(lvm_message_kind(0, "libdm-report.c"), LVM_MESSAGE_OTHER);
}

Test(lvm, a_node_that_misses_a_pv_has_the_same_digest)
{
    struct lvm_rows all = parse_capture("whole"), part = parse_capture("partial");
    const struct vg *x = find_vg(&all, "hand"), *y = find_vg(&part, "hand");

    cr_assert_not(x->partial);
    cr_assert(y->partial);
    cr_assert_eq(y->pvs_missing, 1);
    cr_assert_eq(y->paths_active, 1);
    cr_assert_eq(y->paths_total, 2);
    cr_assert_eq(strlen(x->metadata_digest), 32);
    cr_assert_str_eq(x->metadata_digest, y->metadata_digest);
    /* cow lies on the PV that is gone, and its origin on the other. */
    cr_assert_eq(find_lv(&part, "cow")->paths_active, 1);
    cr_assert_eq(find_lv(&part, "cow")->paths_total, 2);
    cr_assert_eq(find_lv(&part, "orig")->paths_active, 1);
    cr_assert_eq(find_lv(&part, "orig")->paths_total, 1);
    cr_assert_str_eq(find_lv(&part, "cow")->health, "partial");
}

Test(lvm, the_digest_knows_no_device_names)
{
    const char *other = whole();

    while (strstr(other, "/dev/loop2") != NULL)
        other = replace(other, 0, "/dev/loop2", "/dev/mapper/3600a");
    cr_assert_str_eq(digest_of(other, "hand"), digest_of(whole(), "hand"));
}

Test(lvm, the_digest_does_not_depend_on_order_or_kernel)
{
    const char *other =
        replace(whole(), 0, "\"lv_active\":\"unknown\"", "\"lv_active\":\"active\"");
    const char *first, *comma, *second, *end;

    other = replace(other, 0, "\"lv_kernel_minor\":\"-1\"", "\"lv_kernel_minor\":\"7\"");
    other = replace(other, 0, "\"lv_attr\":\"swi-XXs---\"", "\"lv_attr\":\"sRi-aos--k\"");
    first = strstr(other, "{\"pv_uuid\":\"LRRvlb");
    comma = strstr(first, "},\n");
    second = strchr(comma + 2, '{');
    end = strchr(second, '}') + 1;
    other = arena_printf(a, "%.*s%.*s,\n%.*s%s", (int)(first - other), other, (int)(end - second),
                         second, (int)(comma + 1 - first), first, end);
    cr_assert_str_eq(digest_of(other, "hand"), digest_of(whole(), "hand"));
}

Test(lvm, the_digest_knows_what_is_in_the_metadata)
{
    static const char *const changes[][2] = {
        { "\"vg_seqno\":\"10\"", "\"vg_seqno\":\"11\"" },
        { "\"lv_tags\":\"Q/r=1!x:y&z#w.v-u+t_s,a_first\"", "\"lv_tags\":\"a_first\"" },
        { "\"lv_attr\":\"swi-XXs---\"", "\"lv_attr\":\"sri-XXs---\"" },
        { "\"devices\":\"r1_rimage_0(0),r1_rimage_1(0)\"",
          "\"devices\":\"r1_rimage_1(0),r1_rimage_0(0)\"" },
        { "\"devices\":\"/dev/loop2(31)\"", "\"devices\":\"/dev/loop2(32)\"" },
        { "\"pvseg_start\":\"31\"", "\"pvseg_start\":\"32\"" },
        { "\"seg_size_pe\":\"4\"", "\"seg_size_pe\":\"5\"" },
        { "\"origin\":\"orig\"", "\"origin\":\"r1\"" },
        { "\"pe_start\":\"1048576\"", "\"pe_start\":\"2097152\"" },
        { "\"vg_systemid\":\"\"", "\"vg_systemid\":\"x\"" },
    };
    const char *before = digest_of(whole(), "hand");

    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        const char *changed = replace(whole(), 0, changes[i][0], changes[i][1]);

        cr_expect_str_neq(digest_of(changed, "hand"), before, "%s", changes[i][1]);
    }
}

Test(lvm, clones_get_keys_of_their_own)
{
    struct lvm_rows rows = parse_capture("duplicate");
    const struct pv *mine = find_pv(&rows, "loop1"), *clone = find_pv(&rows, "loop4");

    cr_assert_eq(rows.pv_count, 5);
    cr_assert(mine->duplicate);
    cr_assert(clone->duplicate);
    cr_assert_not(find_pv(&rows, "loop0")->duplicate);
    cr_assert_str_eq(clone->uuid, arena_printf(a, "%s/loop4", mine->uuid));
    cr_assert_str_eq(clone->container, "serial.E");
    cr_assert_str_eq(clone->vg_uuid, mine->vg_uuid);
    cr_assert_eq(find_vg(&rows, "vg1")->paths_total, 2, "a clone is no PV more");
}

/* As lvm-shared.txt shows LVs on a host with device-mapper: active, open, and not active. */
Test(lvm, what_the_kernel_has)
{
    const char *report = replace(whole(), 1, "\"lv_active\":\"unknown\"", "\"lv_active\":\"\"");
    struct lvm_rows rows;
    const struct lv *cow, *spare;

    report = replace(report, 0,
                     "\"lv_active\":\"unknown\", \"lv_suspended\":\"-1\", "
                     "\"lv_device_open\":\"-1\", \"lv_kernel_major\":\"-1\", "
                     "\"lv_kernel_minor\":\"-1\"",
                     "\"lv_active\":\"active\", \"lv_suspended\":\"1\", \"lv_device_open\":\"0\", "
                     "\"lv_kernel_major\":\"254\", \"lv_kernel_minor\":\"2\"");
    rows = parse(report);
    cow = find_lv(&rows, "cow");
    spare = find_lv(&rows, "lvol0_pmspare");
    cr_assert(cow->active);
    cr_assert(cow->suspended);
    cr_assert(REC_HAS(cow, lv, open) && !cow->open);
    cr_assert_str_eq(cow->device, "dm-2");
    cr_assert_str_eq(cow->devnum, "254:2");
    cr_assert(REC_HAS(spare, lv, active) && !spare->active);
    cr_assert_not(REC_HAS(spare, lv, open));
    cr_assert_not(REC_HAS(spare, lv, device));
    cr_assert_not(REC_HAS(find_lv(&rows, "orig"), lv, active), "LVM could not ask");
    rows = parse_capture("whole");
    cr_assert(REC_HAS(find_lv(&rows, "orig"), lv, active) && !find_lv(&rows, "orig")->active,
              "there is no device-mapper");
}

Test(lvm, read_only_in_the_metadata_or_as_it_is_active)
{
    const char *report =
        replace(whole(), 0, "\"lv_attr\":\"swi-XXs---\"", "\"lv_attr\":\"sRi-XXs---\"");
    struct lvm_rows rows = parse(report);

    cr_assert(find_lv(&rows, "cow")->read_only);
    cr_assert(find_lv(&rows, "tsnap")->read_only);
    cr_assert_not(find_lv(&rows, "orig")->read_only);
}

Test(lvm, devices_by_number_when_lvm_names_them_otherwise)
{
    struct lvm_rows rows = parse(
        "{\"report\":[{\"pv\":[{\"pv_uuid\":\"u\",\"pv_name\":\"/dev/disk/by-id/x\",\"pv_major\":"
        "\"7\",\"pv_minor\":\"3\"},{\"pv_uuid\":\"v\",\"pv_name\":\"/dev/sdz\",\"pv_major\":\"65\","
        "\"pv_minor\":\"144\"}]}]}");

    cr_assert_str_eq(rows.pvs[0].device, "loop3");
    cr_assert_str_eq(rows.pvs[0].container, "serial.D");
    cr_assert_not(REC_HAS(&rows.pvs[0], pv, vg_uuid), "in no volume group");
    cr_assert_not(REC_HAS(&rows.pvs[1], pv, device), "nobody named it");
}

/* Flagged as missing in the metadata, and back: LVM does not use it until it is restored. */
Test(lvm, missing_though_its_device_is_back)
{
    struct lvm_rows rows =
        parse(replace(whole(), 0, "\"pv_missing\":\"0\"", "\"pv_missing\":\"1\""));
    const struct pv *pv = find_pv(&rows, "loop2");

    cr_assert(pv->missing);
    cr_assert_str_eq(pv->container, "serial.C");
    cr_assert_not(REC_HAS(pv, pv, metadata_areas));
}

Test(lvm, circles_and_unknown_names_end)
{
    struct lvm_rows rows = parse(
        "{\"report\":[{\"vg\":[{\"vg_uuid\":\"g\",\"vg_name\":\"g\"}],\"pv\":[{\"pv_uuid\":\"p\"},"
        "{\"pv_uuid\":\"q\",\"pv_missing\":\"1\"}],\"lv\":[{\"lv_uuid\":\"1\",\"lv_name\":\"x\","
        "\"origin\":\"y\"},{\"lv_uuid\":\"2\",\"lv_name\":\"y\",\"pool_lv\":\"x\",\"origin\":\"?\"}]"
        ",\"seg\":[{\"lv_uuid\":\"2\",\"seg_start_pe\":\"8\",\"seg_size_pe\":\"1\",\"segtype\":"
        "\"linear\",\"devices\":\"y(0),z(1),(\"},{\"lv_uuid\":\"2\",\"seg_start_pe\":\"0\","
        "\"seg_size_pe\":\"8\",\"segtype\":\"thin\"}],\"pvseg\":[{\"lv_uuid\":\"1\",\"pv_uuid\":\"p\"}"
        ",{\"lv_uuid\":\"1\",\"pv_uuid\":\"q\"},{\"lv_uuid\":\"3\",\"pv_uuid\":\"q\"}]}]}");
    const struct lv *y = find_lv(&rows, "y");

    cr_assert_eq(y->paths_total, 2);
    cr_assert_eq(y->paths_active, 1);
    cr_assert_eq(y->pvs.n, 2);
    cr_assert_str_eq(y->type, "thin", "of the segment with the lowest start");
    cr_assert_str_eq(y->segments.v[0], "0+8 thin");
    cr_assert_str_eq(y->segments.v[1], "8+1 linear y(0),z(1),(");
}

Test(lvm, doubles_and_rows_without_uuid_are_left_out)
{
    struct lvm_rows rows = parse(
        "{\"report\":[{\"vg\":[{\"vg_uuid\":\"g\"}],\"pv\":[{\"pv_uuid\":\"p\"},{\"pv_uuid\":\"\"},"
        "{\"pv_uuid\":7},{},\"x\"],\"lv\":[{\"lv_uuid\":\"1\"},{\"lv_uuid\":\"1\"}]},"
        "{\"vg\":[{\"vg_uuid\":\"g\"}],\"pv\":[{\"pv_uuid\":\"p\"}]},{\"vg\":[{}]},7]}");

    cr_assert_eq(rows.pv_count, 1);
    cr_assert_eq(rows.vg_count, 1);
    cr_assert_eq(rows.lv_count, 1);
}

Test(lvm, more_segments_than_a_list_may_have)
{
    struct buf b = { 0 };
    struct lvm_rows rows;

    buf_str(&b, "{\"report\":[{\"vg\":[{\"vg_uuid\":\"g\"}],\"lv\":[{\"lv_uuid\":\"1\",\"lv_name\":"
                "\"x\"}],\"seg\":[{}");
    for (unsigned i = 0; i <= LIMIT_STRINGS; i++)
        buf_printf(&b, ",{\"lv_uuid\":\"1\",\"seg_start_pe\":\"%u\",\"seg_size_pe\":\"1\"}", i);
    buf_str(&b, "]}]}");
    rows = parse(buf_cstr(&b));
    cr_assert_eq(rows.lvs[0].segments.n, LIMIT_STRINGS);
    cr_assert_str_eq(rows.lvs[0].segments.v[LIMIT_STRINGS - 1], "2 more segments");
    cr_assert(strlen(rows_json(&rows)) > 0);
    buf_deinit(&b);
}

#define ACTIVE "\"lv_active\":\"active\",\"lv_kernel_major\":\"254\",\"lv_kernel_minor\":\"0\""
#define ON(n)  "\"devices\":\"/dev/loop" n "\""

Test(lvm, the_table_that_an_active_lv_is_to_have)
{
    const struct lvm_rows rows = parse(
        "{\"report\":[{\"vg\":[{\"vg_uuid\":\"V\",\"vg_name\":\"v\",\"vg_extent_size\":\"4194304\"}],"
        "\"pv\":[{\"pv_uuid\":\"P0\",\"pv_name\":\"/dev/loop0\",\"pe_start\":\"1048576\"},"
        "{\"pv_uuid\":\"P1\",\"pv_name\":\"/dev/loop1\",\"pe_start\":\"2097152\"}],"
        "\"lv\":[{\"lv_uuid\":\"A\",\"lv_name\":\"a\"," ACTIVE "},"
        "{\"lv_uuid\":\"B\",\"lv_name\":\"b\",\"lv_active\":\"\",\"lv_kernel_major\":\"-1\"},"
        "{\"lv_uuid\":\"C\",\"lv_name\":\"c\"," ACTIVE "},"
        "{\"lv_uuid\":\"D\",\"lv_name\":\"d\"," ACTIVE "}],"
        "\"seg\":[{\"lv_uuid\":\"A\",\"segtype\":\"linear\",\"seg_start_pe\":\"2\",\"seg_size_pe\":\"1\"," ON(
            "1(0)") "},"
                    "{\"lv_uuid\":\"A\",\"segtype\":\"linear\",\"seg_start_pe\":\"0\",\"seg_size_pe\":\"2\"," ON(
                        "0(3)") "},"
                                "{\"lv_uuid\":\"B\",\"segtype\":\"linear\",\"seg_start_pe\":\"0\",\"seg_size_pe\":\"1\"," ON(
                                    "0(9)") "},"
                                            "{\"lv_uuid\":\"C\",\"segtype\":\"striped\",\"seg_start_pe\":\"0\",\"seg_size_pe\":\"2\"," ON(
                                                "0(9),/dev/loop1(9)") "},"
                                                                      "{\"lv_uuid\":\"D\",\"segtype\":\"linear\",\"seg_start_pe\":\"0\",\"seg_size_pe\":\"1\"," ON(
                                                                          "4(9)") "}],"
                                                                                  "\"pvseg\":[]}]}");

    cr_assert_not_null(lvm_table_of(&rows.tables, "A"));
    cr_expect_str_eq(lvm_table_of(&rows.tables, "A"),
                     "0 16384 linear 7:0 26624\n16384 8192 linear 7:1 4096\n");
    cr_expect_null(lvm_table_of(&rows.tables, "B"), "it has no device");
    cr_expect_null(lvm_table_of(&rows.tables, "C"), "it is not linear");
    cr_expect_null(lvm_table_of(&rows.tables, "D"), "its PV is not here");
}

Test(lvm, bytes_that_are_no_text)
{
    struct lvm_rows rows =
        parse("{\"report\":[{\"vg\":[{\"vg_uuid\":\"g\",\"vg_name\":\"a\xff\xc3\xa9"
              "\x01\"}]}]}");

    cr_assert_str_eq(rows.vgs[0].name, "a\\xff\xc3\xa9\\x01");
}

static void refused(const char *report, const char *duplicates, const char *sentence)
{
    struct lvm_input in = { .report = bytes_of(report), .duplicates = bytes_of(duplicates) };
    struct lvm_rows rows;
    struct err e = { "" };

    cr_expect_eq(parse_lvm(&in, a, &rows, &e), -EBADMSG);
    cr_expect_str_eq(e.text, sentence);
}

Test(lvm, what_is_no_report_is_refused)
{
    refused("{\"report\":[", NULL,
            "LVM's full report is not JSON: ']' expected near end of file in line 1");
    refused("", NULL,
            "LVM's full report is not JSON: '[' or '{' expected near end of file in line 1");
    refused("{\"report\":{}}", NULL, "LVM's full report has no \"report\" in it");
    refused("[]", NULL, "LVM's full report has no \"report\" in it");
    refused("{\"report\":[]}", "{}", "LVM's report of duplicate PVs has no \"report\" in it");
}

Test(lvm, out_of_memory)
{
    struct bytes report = capture(a, "lvm/whole/report.json");
    size_t needed = 0;

    for (size_t limit = 1; needed == 0; limit += 1 + limit / 8) {
        struct arena *small = arena_new(limit);
        struct lvm_input in = { report, { NULL, 0 }, devices, ARRAY_LEN(devices), false };
        struct lvm_rows rows;
        struct err e = { "" };
        int rc = parse_lvm(&in, small, &rows, &e);

        cr_assert(rc == 0 || rc == -ENOMEM, "%d: %s", rc, e.text);
        cr_assert((rc == 0) == (e.text[0] == '\0'));
        if (rc == 0)
            needed = limit;
        arena_free(small);
    }
    cr_assert_gt(needed, 1000);
}
