/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an order to rescan means on a node, and what a target's list of LUNs says. */
#include <criterion/criterion.h>
#include <errno.h>

#include "collect/parse_report_luns.h"
#include "model/rescan.h"
#include "rescan_work.h"

static struct path row(const char *address, const char *lun, const char *target, const char *port)
{
    struct path p = { .present = 0 };

    if (address != NULL)
        REC_SET(&p, path, address, address);
    if (lun != NULL)
        REC_SET(&p, path, lun, lun);
    if (target != NULL)
        REC_SET(&p, path, target, target);
    if (port != NULL)
        REC_SET(&p, path, target_port, port);
    return p;
}

static struct rescan_work work;
static struct arena *a;

static int work_of(const char *what)
{
    struct path rows[] = {
        row("6:0:0:1", "naa.1", "iqn.a", NULL), row("6:0:0:2", "naa.2", "iqn.a", NULL),
        row("7:0:0:1", "naa.1", "iqn.a", NULL), row("8:0:2:1", "naa.1", "0x50", "0x51"),
        row("0:1", "nvme.x", "nqn.a", NULL),    row(NULL, "loop.x", NULL, NULL)
    };
    struct section paths = { .id = SECTION_PATHS, .rows = rows, .row_count = ARRAY_LEN(rows) };
    struct err e;

    arena_free(a);
    a = arena_new(0);
    work = (struct rescan_work){ .present = 0 };
    return rescan_work(&paths, what, a, &work, &e);
}

Test(rescan, an_order_is_targets_or_devices)
{
    cr_expect_eq(work_of("all"), 0);
    cr_expect(work.all);
    cr_expect_eq(work_of("target 9:0:0 iqn.b"), 0, "the kernel may have no LUN of it yet");
    cr_expect_str_eq(work.targets.v[0], "9:0:0");
    cr_expect_eq(work_of("target iqn.a"), 0);
    cr_expect_eq(work.targets.n, 2);
    cr_expect_str_eq(work.targets.v[1], "7:0:0");
    cr_expect_eq(work_of("target 0x51"), 0);
    cr_expect_str_eq(work.targets.v[0], "8:0:2");
    cr_expect_eq(work_of("device 6:0:0:2 iqn.a"), 0);
    cr_expect_str_eq(work.devices.v[0], "6:0:0:2");
    cr_expect_eq(work_of("lun naa.1"), 0);
    cr_expect_eq(work.devices.n, 3);
    cr_expect_eq(work.targets.n, 0);
    cr_expect_eq(work_of("target nqn.a"), -ENOENT, "it is no SCSI target");
    cr_expect_eq(work_of("lun naa.9"), -ENOENT);
    cr_expect_eq(work_of("- - -"), -EINVAL);
}

Test(rescan, texts_are_taken_apart)
{
    struct rescan_what w;
    char text[SCSI_ADDRESS_TEXT];

    cr_assert(rescan_parse("device 6:0:1:18446744073 iqn.a:b", &w));
    cr_expect_eq(w.kind, RESCAN_DEVICE);
    cr_expect_str_eq(scsi_device_text(&w.at, text), "6:0:1:18446744073");
    cr_expect_str_eq(rescan_target(&w), "iqn.a:b");
    cr_assert(rescan_parse("target 2026:11", &w));
    cr_expect_eq(w.kind, RESCAN_NAME, "no address of a target");
    cr_assert(rescan_parse("lun serial.A B C", &w));
    cr_expect_str_eq(w.name, "serial.A B C");
    cr_expect_str_eq(rescan_target(&w), "", "it may be of any target");
    cr_expect_not(rescan_parse("target 6:0:1 ", &w));
    cr_expect_not(scsi_device_parse("6:0:1:99999999999999999999", &w.at));
    cr_expect_not(scsi_device_parse("06:0:1:1", &w.at));
    cr_expect_not(scsi_device_parse("6:0:1:", &w.at));
    cr_expect_not(scsi_target_parse("6:0:1:1", &w.at));
    cr_expect_not(scsi_target_parse("4294967296:0:1", &w.at));
}

Test(rescan, a_list_of_luns_is_read_as_the_kernel_reads_it)
{
    /* LUN 3, LUN 300 in flat addressing, 3 again, a well-known one. */
    static const uint8_t answer[] = { 0, 0, 0,    32,   0,    0, 0, 0, 0, 3, 0, 0, 0, 0,
                                      0, 0, 0x41, 0x2c, 0,    0, 0, 0, 0, 0, 0, 3, 0, 0,
                                      0, 0, 0,    0,    0xc1, 1, 0, 0, 0, 0, 0, 0 };
    static const uint8_t odd[] = { 0, 0, 0, 12, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    uint64_t out[4];

    cr_assert_eq(sizeof answer, 40);
    cr_expect_eq(parse_report_luns((struct bytes){ answer, sizeof answer }, out, 4), 2);
    cr_expect_eq(out[0], 3);
    cr_expect_eq(out[1], 0x412c);
    cr_expect_eq(parse_report_luns((struct bytes){ answer, sizeof answer - 1 }, out, 4),
                 -EOVERFLOW);
    cr_expect_eq(parse_report_luns((struct bytes){ answer, sizeof answer }, out, 2), -EOVERFLOW);
    cr_expect_eq(parse_report_luns((struct bytes){ answer, 7 }, out, 4), -EBADMSG);
    cr_expect_eq(parse_report_luns((struct bytes){ odd, sizeof odd }, out, 4), -EBADMSG);
}
