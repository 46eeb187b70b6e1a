/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a volume group has free extents, of a full report. */
#include <criterion/criterion.h>
#include <errno.h>

#include "collect/parse_lvm_free.h"

static const char report[] =
    "{\"report\":[{\"vg\":[{\"vg_uuid\":\"W\",\"vg_extent_size\":\"4194304\"}],\"pv\":[],"
    "\"pvseg\":[]},"
    "{\"vg\":[{\"vg_uuid\":\"V\",\"vg_extent_size\":\"4194304\"}],"
    "\"pv\":[{\"pv_uuid\":\"B\",\"pe_start\":\"1048576\",\"pv_allocatable\":\"1\","
    "\"pv_missing\":\"0\"},"
    "{\"pv_uuid\":\"A\",\"pe_start\":\"2097152\",\"pv_allocatable\":\"1\",\"pv_missing\":\"0\"},"
    "{\"pv_uuid\":\"C\",\"pe_start\":\"1048576\",\"pv_allocatable\":\"0\",\"pv_missing\":\"0\"},"
    "{\"pv_uuid\":\"D\",\"pe_start\":\"1048576\",\"pv_allocatable\":\"1\",\"pv_missing\":\"1\"}],"
    "\"pvseg\":["
    "{\"pv_uuid\":\"B\",\"pvseg_start\":\"0\",\"pvseg_size\":\"10\",\"lv_uuid\":\"\"},"
    "{\"pv_uuid\":\"A\",\"pvseg_start\":\"7\",\"pvseg_size\":\"3\",\"lv_uuid\":\"\"},"
    "{\"pv_uuid\":\"A\",\"pvseg_start\":\"5\",\"pvseg_size\":\"2\",\"lv_uuid\":\"L\"},"
    "{\"pv_uuid\":\"A\",\"pvseg_start\":\"0\",\"pvseg_size\":\"5\",\"lv_uuid\":\"\"},"
    "{\"pv_uuid\":\"C\",\"pvseg_start\":\"0\",\"pvseg_size\":\"5\",\"lv_uuid\":\"\"},"
    "{\"pv_uuid\":\"D\",\"pvseg_start\":\"0\",\"pvseg_size\":\"5\",\"lv_uuid\":\"\"},"
    "{\"pv_uuid\":\"B\",\"pvseg_start\":\"x\",\"pvseg_size\":\"5\",\"lv_uuid\":\"\"},"
    "{\"pv_uuid\":\"E\",\"pvseg_start\":\"0\",\"pvseg_size\":\"5\",\"lv_uuid\":\"\"}]}]}";

Test(free, runs_of_the_pvs_that_may_be_allocated_from)
{
    struct arena *a = arena_new(0);
    struct lvm_run *runs;
    struct err e;
    size_t n;

    cr_assert_eq(parse_lvm_free(bytes_of(report), "V", a, &runs, &n, &e), 0);
    cr_assert_eq(n, 3, "%zu", n);
    cr_expect_str_eq(runs[0].pv_uuid, "A");
    cr_expect_eq(runs[0].start, 0);
    cr_expect_eq(runs[0].count, 5);
    cr_expect_eq(runs[0].offset_bytes, 2 << 20);
    cr_expect_eq(runs[1].start, 7);
    cr_expect_eq(runs[1].offset_bytes, (2 << 20) + 7 * (4 << 20));
    cr_expect_str_eq(runs[2].pv_uuid, "B");
    cr_expect_eq(runs[2].count, 10);
    arena_free(a);
}

Test(free, no_report_and_no_such_group)
{
    struct arena *a = arena_new(0);
    struct lvm_run *runs;
    struct err e;
    size_t n;

    cr_expect_eq(parse_lvm_free(bytes_of("{"), "V", a, &runs, &n, &e), -EBADMSG);
    cr_expect_eq(parse_lvm_free(bytes_of("{\"report\":[{\"vg\":[{}]}]}"), "V", a, &runs, &n, &e),
                 -EBADMSG);
    cr_expect_eq(parse_lvm_free(bytes_of(report), "X", a, &runs, &n, &e), -EBADMSG);
    cr_expect_eq(parse_lvm_free(bytes_of(report), "W", a, &runs, &n, &e), 0);
    cr_expect_eq(n, 0);
    arena_free(a);
}
