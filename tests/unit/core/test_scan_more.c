/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scans where more than one thing is in the way, or what is in the way changes: that each job ends
 * all the same, for the right reason, and neither too early nor too late. */
#include <criterion/criterion.h>

#include "scanning.h"

TestSuite(scan_more, .init = setup, .fini = teardown);

static const struct shelf *mounted_shelf(void)
{
    static struct shelf used;

    used = plain;
    used.uses[0].kind = "mount";
    used.uses[0].container = "naa.6001-part1";
    return &used;
}

/* ---- results --------------------------------------------------------------------------------- */

Test(scan_more, what_others_used_is_not_complete_whatever_else_is_in_the_way)
{
    struct order_key order;
    uint64_t token;
    unsigned i = reading(&order, &token);

    shelf_report(&m[(i + 1) % MACHINES], mounted_shelf());
    cr_assert_eq(rights_admit(l, F1, false), REPLY_OK);
    cr_assert(result(i, &order, token, complete));
    cr_assert_eq(shelf_resource(l, RESOURCE_FILESYSTEM, F1)->seat->scan->outcome, SCAN_INCOMPLETE);
    cr_assert_eq(durable_count_events(l->d, "scan.incomplete", "has it mounted"), 1);
}
