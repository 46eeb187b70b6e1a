/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which disks become rows, how LUNs are known, and what contradicts what: hosts written by hand
 * after kernel 6.1's sysfs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "collect/parse_vpd.h"
#include "collect/read_block.h"
#include "support/block.h"

static struct arena *a;

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(block_rules, .init = set_up, .fini = tear_down);

/* A disk of SCSI host HOST; `more` are lines of its device's folder. */
static const char *disk(const char *name, int minor, const char *address, const char *more)
{
    const char *device = arena_printf(a, "/sys/devices/pci0000:00/0000:00:09.0/host%c/target/%s",
                                      address[0], address);

    return arena_printf(
        a,
        "[%s/block/%s]\nclass block %s\ndev = 8:%d\nsize = 2048\nro = 0\n"
        "removable = 0\ndevice -> %s\nholders/\n[%s]\ntype = 0\nstate = running\n%s\n",
        device, name, name, minor, device, device, more);
}

static const char *join(const char *const *parts, size_t n)
{
    const char *out = "";

    for (size_t i = 0; i < n; i++)
        out = arena_printf(a, "%s%s\n", out, parts[i]);
    return out;
}

#define HOST(...)                                               \
    block_rows_of(a, join((const char *const[]){ __VA_ARGS__ }, \
                          sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *)))

#define NAA_A "naa.60000000000000000000000000000aaa"
#define NAA_B "naa.60000000000000000000000000000bbb"
#define MAP_A "map 253:0 mpatha mpath-360000000000000000000000000000aaa\n"
#define TWO_PATHS                                                      \
    "table 0 2048 multipath 0 0 1 1 service-time 0 2 1 8:0 1 8:16 1\n" \
    "status 0 2048 multipath 2 0 0 0 1 1 A 0 2 2 8:0 A 0 0 1 8:16 A 0 0 1\n"
#define DM_0                                                                                  \
    "[/sys/devices/virtual/block/dm-0]\nclass block dm-0\ndev = 253:0\nsize = 2048\nro = 1\n" \
    "holders/dm-7/\nqueue/rotational = 0\n"
#define SERIAL(s) "vpd_pg80 = \\x00\\x80\\x00\\x04" s

Test(block_rules, designators_have_an_order)
{
    static const char *const best_first[] = {
        "naa.60000000000000000000000000000001",
        "naa.5000000000000001",
        "eui.00000000000000010000000000000002",
        "eui.0000000000000001",
        "uuid.00000000-0000-0000-0000-000000000001",
        "t10.ACME    disk 1",
        "nvme.8086-31-32-00000001",
        "naa.3000000000000001",
    };
    struct rows r = { .a = a };

    for (size_t from = 0; from < ARRAY_LEN(best_first); from++) {
        struct designators d = { .n = 0 };

        for (size_t i = ARRAY_LEN(best_first); i-- > from;)
            designator_add(&r, &d, bytes_of(best_first[i]));
        cr_expect_eq(d.n, ARRAY_LEN(best_first) - from);
        cr_expect_str_eq(designator_best(&d)->text, best_first[from]);
    }
}

Test(block_rules, names_that_are_none_are_not_kept)
{
    static const char *const bad[] = { "naa.00000000000000000000000000000000",
                                       "naa.6000000000000001",
                                       "naa.600000000000000000000000000000zz",
                                       "eui.ffffffffffffffff",
                                       "eui.01",
                                       "t10.",
                                       "uuid.short",
                                       "else.1",
                                       "" };
    struct rows r = { .a = a };
    struct designators d = { .n = 0 };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        designator_add(&r, &d, bytes_of(bad[i]));
    cr_assert_eq(d.n, 0);
    designator_add(&r, &d, bytes_of(" naa.500000000000000A\n"));
    designator_add(&r, &d, bytes_of("naa.500000000000000a"));
    cr_assert_eq(d.n, 1, "capital digits are the same digits");
}

Test(block_rules, a_vpd_page_cut_anywhere)
{
    static const uint8_t page[] = { 0, 0x83, 0, 28, 1, 3, 0, 8, 0x50, 1,    2, 3, 4, 5, 6, 7,
                                    1, 0x94, 0, 4,  0, 0, 0, 9, 1,    0x15, 0, 4, 0, 0, 1, 2 };
    struct rows r = { .a = a };

    for (size_t n = 0; n <= sizeof page; n++) {
        uint8_t *exact = malloc(n == 0 ? 1 : n);
        struct opt port = { .has = false }, group = { .has = false };
        struct designators d = { .n = 0 };

        memcpy(exact, page, n);
        parse_vpd83(&r, (struct bytes){ exact, n }, &d, &port, &group);
        cr_expect_eq(d.n, n >= 16, "%zu bytes", n);
        cr_expect_eq(port.has, n >= 24, "%zu bytes", n);
        cr_expect_eq(group.has, n >= 32, "%zu bytes", n);
        cr_expect(!group.has || group.v == 0x102);
        free(exact);
    }
}

Test(block_rules, without_a_designator_vendor_model_and_serial_do)
{
    struct block_rows r =
        HOST(disk("sda", 0, "1:0:0:0", "vendor = V\nmodel = M\nioerr_cnt = 0x1f\n" SERIAL("S123")),
             disk("sdb", 16, "1:0:0:1", SERIAL("S123")),
             disk("sdc", 32, "1:0:0:2", "vendor = V\nmodel = M"));

    cr_assert_eq(r.lun_count, 3);
    cr_assert_eq(find_path(&r, "sda")->io_errors, 31);
    cr_assert_str_eq(find_path(&r, "sda")->lun, "serial.V:M:S123");
    cr_assert_str_eq(find_lun(&r, "serial.V:M:S123")->identified_by, "serial");
    cr_assert_str_eq(find_path(&r, "sdb")->lun, "local.sdb", "a serial number of nobody's");
    cr_assert_str_eq(find_lun(&r, "local.sdc")->identified_by, "none");
}

Test(block_rules, a_virtio_disk_is_known_by_its_serial)
{
    struct block_rows r = HOST("[/sys/devices/pci0000:00/0000:00:05.0/virtio3/block/vda]",
                               "class block vda", "dev = 254:0", "size = 2048", "serial = disk-1",
                               "device -> /sys/devices/pci0000:00/0000:00:05.0/virtio3",
                               "[/sys/devices/pci0000:00/0000:00:05.0/virtio3]",
                               "driver -> /sys/bus/virtio/drivers/virtio_blk", "vendor = 0x1af4",
                               "[/sys/devices/pci0000:00/0000:00:05.0]", "numa_node = 1");
    const struct hba *h = find_hba(&r, "virtio3");

    cr_assert_str_eq(find_path(&r, "vda")->lun, "serial.virtio::disk-1");
    cr_assert_not(REC_HAS(find_lun(&r, "serial.virtio::disk-1"), lun, vendor));
    cr_assert_str_eq(h->driver, "virtio_blk");
    cr_assert_str_eq(h->pci_address, "0000:00:05.0");
    cr_assert_eq(h->numa_node, 1);
    cr_assert_eq(h->paths_active, 1);
}

static const char *loop(const char *name, const char *more)
{
    return arena_printf(a,
                        "[/sys/devices/virtual/block/%s]\nclass block %s\nsize = 2048\n"
                        "loop/backing_file = /srv/%s.img\n%s",
                        name, name, name, more);
}

Test(block_rules, a_loop_device_is_known_by_its_file)
{
    struct block_rows r =
        HOST("boot B", loop("loop0", ""), loop("loop1", ""), loop("loop2", "loop/offset = 1024"),
             loop("loop3", ""), loop("loop4", ""),
             "[/sys/devices/virtual/block/loop5]\nclass block loop5\nsize = 0", "loop loop0 801 7",
             "loop loop1 801 7", "loop loop2 801 7", "loop loop4 801 9 stuck");
    const struct lun *l = find_lun(&r, "loop.B:801:7");

    cr_assert_eq(r.path_count, 5, "one without a file is no disk");
    cr_assert_eq(l->paths_total, 2, "two devices over one file are one LUN");
    cr_assert_str_eq(l->device, "loop0");
    cr_assert_str_eq(l->file, "/srv/loop0.img");
    cr_assert_not_null(find_lun(&r, "loop.B:801:7+1024:0"), "a part of the file is another");
    cr_assert_not_null(find_lun(&r, "local.loop3"), "nothing is known of its file");
    cr_assert_str_eq(find_lun(&r, "loop.B:801:9")->state, "stuck");
    cr_assert_eq(find_lun(&r, "loop.B:801:9")->paths_active, 0);
}

Test(block_rules, loops_of_a_scan_are_no_disks)
{
    struct block_rows r =
        HOST("boot B", loop("loop0", ""),
             "[/sys/devices/virtual/block/loop1]\nclass block loop1\nsize = 2048\n"
             "loop/backing_file = /run/muster-probe/muster-scan-77-8:32",
             "[/sys/devices/virtual/block/loop2]\nclass block loop2\nsize = 2048\n"
             "loop/backing_file = /memfd:muster-scan-77 (deleted)",
             "loop loop0 801 7", "loop loop1 6 8", "loop loop2 1 9");

    cr_assert_eq(r.path_count, 1);
    cr_assert_eq(r.lun_count, 1);
    cr_assert_not_null(find_lun(&r, "loop.B:801:7"));
}

Test(block_rules, loops_of_another_boot_are_others)
{
    struct block_rows r = HOST(loop("loop0", ""), "loop loop0 801 7");

    cr_assert_str_eq(find_path(&r, "loop0")->lun, "local.loop0", "no boot id");
}

Test(block_rules, what_is_no_disk_is_left_out)
{
    struct block_rows r =
        HOST("[/sys/devices/pci0000:00/0000:00:09.0/host1/target/1:0:0:1]", "type = 5",
             disk("sdb", 16, "1:0:0:1", ""), disk("sr0", 0, "1:0:0:2", ""),
             "[/sys/devices/virtual/block/ram0]\nclass block ram0\nsize = 2048",
             "[/sys/devices/virtual/block/md0]\nclass block md0\nsize = 2048",
             "[/sys/devices/virtual/block/zram0]\nclass block zram0\nsize = 0",
             "[/sys/devices/virtual/block/zram1]\nclass block zram1\nsize = 2048", DM_0,
             "[/sys/devices/x/1:0:0:9/block/sdc]\nclass block sdc\nsize = 0\nremovable = 1\n"
             "device -> /sys/devices/x/1:0:0:9\n[/sys/devices/x/1:0:0:9]\ntype = 0",
             "[/sys/devices/virtual/block/odd]\nclass block od/../d\nsize = 2048");

    cr_assert_eq(r.path_count, 1);
    cr_assert_str_eq(r.paths[0].device, "zram1");
}

Test(block_rules, both_layers_of_a_map)
{
    struct block_rows r = HOST(disk("sda", 0, "1:0:0:1", "wwid = " NAA_A),
                               disk("sdb", 16, "2:0:0:1", "wwid = " NAA_A), DM_0, MAP_A TWO_PATHS);
    const struct lun *l = find_lun(&r, NAA_A);

    cr_assert_eq(r.lun_count, 1);
    cr_assert_str_eq(l->device, "dm-0");
    cr_assert_str_eq(l->devnum, "253:0");
    cr_assert_str_eq(l->map, "mpatha");
    cr_assert_str_eq(l->queue_without_path, "off");
    cr_assert(l->read_only, "as the map is");
    cr_assert_not(l->rotational);
    cr_assert_eq(l->holders.n, 1);
    cr_assert_str_eq(l->holders.v[0], "dm-7");
    cr_assert_eq(l->paths_active, 2);
    cr_assert_str_eq(l->state, "ok");
}

Test(block_rules, a_failed_path_of_a_map)
{
    struct block_rows r = HOST(
        disk("sda", 0, "1:0:0:1", "wwid = " NAA_A), disk("sdb", 16, "2:0:0:1", "wwid = " NAA_A),
        disk("sdc", 32, "3:0:0:1", "wwid = " NAA_A), MAP_A,
        "table 0 2048 multipath 1 queue_if_no_path 1 alua 2 1 service-time 0 1 1 8:0 1 "
        "round-robin 0 1 1 8:16 1000",
        "status 0 2048 multipath 2 0 0 0 2 1 A 0 1 2 8:0 F 7 0 1 E 0 1 1 8:16 A 0 9");
    const struct path *p = find_path(&r, "sda");

    cr_assert_str_eq(p->map_state, "failed");
    cr_assert_eq(p->failures, 7);
    cr_assert_eq(p->path_group, 1);
    cr_assert_not(p->active);
    cr_assert_eq(find_path(&r, "sdb")->path_group, 2);
    cr_assert_str_eq(find_path(&r, "sdb")->group_state, "enabled");
    cr_assert_not(find_path(&r, "sdc")->active, "the map does not use it");
    cr_assert_not(REC_HAS(find_path(&r, "sdc"), path, map_state));
    cr_assert_eq(find_lun(&r, NAA_A)->paths_active, 1);
    cr_assert_eq(find_lun(&r, NAA_A)->paths_total, 3);
    cr_assert_str_eq(find_lun(&r, NAA_A)->queue_without_path, "on");
}

Test(block_rules, multipathds_checker_knows_before_any_io)
{
    struct block_rows r = HOST(
        disk("sda", 0, "1:0:0:1", "wwid = " NAA_A), disk("sdb", 16, "2:0:0:1", "wwid = " NAA_A),
        DM_0, MAP_A TWO_PATHS,
        "multipathd {\"maps\":[{\"uuid\":\"360000000000000000000000000000aaa\",\"sysfs\":\"dm-0\","
        "\"path_groups\":[{\"dm_st\":\"active\",\"paths\":[{\"dev_t\":\"8:0\",\"dm_st\":\"active\","
        "\"chk_st\":\"faulty\"},{\"dev_t\":\"8:16\",\"dm_st\":\"active\",\"chk_st\":\"ready\"}]}]}]"
        "}");

    cr_assert_str_eq(find_path(&r, "sda")->map_state, "active");
    cr_assert_not(find_path(&r, "sda")->active);
    cr_assert(find_path(&r, "sdb")->active);
}

/* The array gave the LUN's number to another LUN while the map still holds the path. */
Test(block_rules, a_lun_that_was_mapped_anew_is_never_merged)
{
    struct block_rows r = HOST(disk("sda", 0, "1:0:0:1", "wwid = " NAA_A),
                               disk("sdb", 16, "2:0:0:1", "wwid = " NAA_B), MAP_A TWO_PATHS);
    const struct lun *l = find_lun(&r, NAA_A), *other = find_lun(&r, NAA_B);

    cr_assert_eq(r.lun_count, 2);
    cr_assert_str_eq(l->state, "ghost");
    cr_assert_str_eq(l->state_text, "multipath map mpatha holds sdb, which now leads to " NAA_B
                                    ": its address was mapped anew");
    cr_assert_eq(l->devices.n, 1);
    cr_assert_eq(l->paths_active, 1);
    cr_assert_str_eq(l->device, "dm-0");
    cr_assert_str_eq(other->state, "ghost");
    cr_assert_not(REC_HAS(other, lun, map));
    cr_assert_not(find_path(&r, "sdb")->active);
    cr_assert_str_eq(find_path(&r, "sdb")->lun, NAA_B);
}

Test(block_rules, all_paths_mapped_anew)
{
    struct block_rows r = HOST(disk("sda", 0, "1:0:0:1", "wwid = " NAA_B),
                               disk("sdb", 16, "2:0:0:1", "wwid = " NAA_B), MAP_A TWO_PATHS);

    cr_assert_eq(r.lun_count, 2);
    cr_assert_str_eq(find_lun(&r, NAA_A)->state, "ghost");
    cr_assert_eq(find_lun(&r, NAA_A)->paths_total, 0);
    cr_assert_str_eq(find_lun(&r, NAA_A)->map, "mpatha");
    cr_assert_str_eq(find_lun(&r, NAA_B)->state, "ghost");
}

Test(block_rules, paths_of_a_map_with_a_name_of_its_own)
{
    struct block_rows r =
        HOST(disk("sda", 0, "1:0:0:1", "wwid = " NAA_A),
             disk("sdb", 16, "2:0:0:1", "wwid = " NAA_B), "map 253:0 x mpath-site-1\n" TWO_PATHS);

    cr_assert_str_eq(find_lun(&r, NAA_A)->state, "ghost");
    cr_assert_str_eq(find_lun(&r, NAA_A)->device, "dm-0", "of the first path");
    cr_assert_str_eq(find_lun(&r, NAA_B)->state, "ghost");
}

Test(block_rules, other_names_of_the_same_lun_do_not_contradict)
{
    struct block_rows r = HOST(disk("sda", 0, "1:0:0:1", "wwid = t10.ACME    disk   1"),
                               disk("sdb", 16, "2:0:0:1", "wwid = t10.ACME    disk   1"),
                               "map 253:0 x mpath-1ACME_disk_1\n" TWO_PATHS);

    cr_assert_eq(r.lun_count, 1);
    cr_assert_str_eq(r.luns[0].state, "ok");
    cr_assert_str_eq(r.luns[0].map, "x");
}

Test(block_rules, equal_names_with_different_serials_prove_nothing)
{
    struct block_rows r = HOST(disk("sda", 0, "1:0:0:1", "wwid = " NAA_A "\n" SERIAL("AAAA")),
                               disk("sdb", 16, "2:0:0:1", "wwid = " NAA_A "\n" SERIAL("BBBB")));

    cr_assert_str_eq(r.luns[0].state, "ghost");
    cr_assert_str_eq(r.luns[0].state_text,
                     "sda and sdb have this name and different serial numbers");
}

static const char *grown(const char *name, int minor, const char *address, const char *more)
{
    const char *device = arena_printf(a, "/sys/devices/pci0000:00/0000:00:09.0/host%c/target/%s",
                                      address[0], address);

    /* The first of two lines counts. */
    return arena_printf(a, "[%s/block/%s]\nsize = 4096\n%s", device, name,
                        disk(name, minor, address, more));
}

Test(block_rules, different_sizes_need_a_serial_number)
{
    struct block_rows r = HOST(disk("sda", 0, "1:0:0:1", "wwid = " NAA_A),
                               grown("sdb", 16, "2:0:0:1", "wwid = " NAA_A),
                               disk("sdc", 32, "1:0:0:2", "wwid = " NAA_B "\n" SERIAL("SAME")),
                               grown("sdd", 48, "2:0:0:2", "wwid = " NAA_B "\n" SERIAL("SAME")));

    cr_assert_str_eq(find_lun(&r, NAA_A)->state, "ghost");
    cr_assert_str_eq(find_lun(&r, NAA_B)->state, "ok", "one LUN that has grown");
    cr_assert_eq(find_lun(&r, NAA_B)->size_bytes, 2048 * 512);
}

Test(block_rules, a_map_that_has_lost_all_paths)
{
    struct block_rows r = HOST(DM_0, MAP_A "table 0 2048 multipath 1 queue_if_no_path 0 0 0");
    const struct lun *l = find_lun(&r, NAA_A);

    cr_assert_str_eq(l->state, "failed");
    cr_assert_str_eq(l->device, "dm-0");
    cr_assert_eq(l->size_bytes, 2048 * 512);
    cr_assert_eq(l->paths_total, 0);
}

Test(block_rules, a_path_that_says_nothing_is_believed_to_be_its_maps)
{
    struct block_rows r = HOST(disk("sda", 0, "1:0:0:1", "wwid = " NAA_A),
                               disk("sdb", 16, "2:0:0:1", "state = offline"), MAP_A TWO_PATHS);

    cr_assert_eq(r.lun_count, 1);
    cr_assert_eq(r.luns[0].paths_total, 2);
    cr_assert_str_eq(r.luns[0].state, "ok");
}

Test(block_rules, states_that_carry_no_io)
{
    static const char *const bad[] = { "state = offline", "state = blocked",
                                       "state = transport-offline", "access_state = standby",
                                       "access_state = unavailable" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct block_rows r = HOST("[/sys/devices/pci0000:00/0000:00:09.0/host1/target/1:0:0:1]",
                                   bad[i], disk("sda", 0, "1:0:0:1", "wwid = " NAA_A));

        cr_expect_not(find_path(&r, "sda")->active, "%s", bad[i]);
        cr_expect_str_eq(r.luns[0].state, "failed");
    }
}

Test(block_rules, partitions_of_a_disk_and_of_a_map)
{
    struct block_rows r = HOST(
        disk("sda", 0, "1:0:0:1", "wwid = " NAA_A),
        "[/sys/devices/pci0000:00/0000:00:09.0/host1/target/1:0:0:1/block/sda]",
        "sda1/\nsda1/partition = 1\nsda1/start = 64\nsda1/size = 128\nsda1/dev = 8:1\nsda2/",
        "sda2/partition = 2\nsda2/start = 192\nsda2/size = 64\nsda2/dev = 8:2\nsda1/holders/dm-9/",
        disk("sdb", 16, "2:0:0:1", "wwid = " NAA_B),
        "[/sys/devices/pci0000:00/0000:00:09.0/host2/target/2:0:0:1/block/sdb]",
        "sdb3/\nsdb3/partition = 3\nsdb3/dev = 8:19\nsdb3/ro = 1\nsdb3/holders/dm-9/", MAP_A,
        "table 0 2048 multipath 0 0 1 1 service-time 0 1 1 8:0 1",
        "map 253:4 mpatha-part1 part1-mpath-360000000000000000000000000000aaa",
        "table 0 128 linear 253:0 64", "[/sys/devices/virtual/block/dm-4]", "class block dm-4",
        "dev = 253:4\nsize = 128\nro = 0\nholders/dm-8/");
    const struct partition *p = find_partition(&r, NAA_A "-part1");

    cr_assert_eq(r.partition_count, 3);
    cr_assert_str_eq(p->device, "dm-4");
    cr_assert_str_eq(p->devnum, "253:4");
    cr_assert_eq(p->start_bytes, 64 * 512);
    cr_assert_eq(p->size_bytes, 128 * 512);
    cr_assert_str_eq(p->holders.v[0], "dm-8");
    p = find_partition(&r, NAA_A "-part2");
    cr_assert_not(REC_HAS(p, partition, device), "the map holds the disk: nobody can open it");
    cr_assert_eq(p->start_bytes, 192 * 512);
    p = find_partition(&r, NAA_B "-part3");
    cr_assert_str_eq(p->device, "sdb3");
    cr_assert_str_eq(p->devnum, "8:19");
    cr_assert(p->read_only);
    cr_assert_str_eq(p->container, NAA_B);
}

Test(block_rules, rows_are_sorted_and_many_are_no_trouble)
{
    struct block_host *h = arena_alloc(a, sizeof *h);
    struct section s[4];
    struct err e = { "" };
    size_t count = 0;

    block_host_init(h, a);
    for (int i = 0; i < (int)LIMIT_ROWS_LUNS + 1; i++)
        block_host_text(h,
                        bytes_of(disk(arena_printf(a, "sd%d", i), i, arena_printf(a, "1:0:0:%d", i),
                                      arena_printf(a, "wwid = naa.6%031x", i + 1))));
    cr_assert_eq(block_host_finish(h, &e), 0);
    cr_assert_eq(block_sections(&h->in, a, s, &count, &e), 0, "%s", e.text);
    cr_assert_eq(count, 4);
    cr_assert_eq(s[1].status, SECTION_FAILED);
    cr_assert_str_eq(s[1].status_text, "this machine has 4097 luns, more than 4096");
    cr_assert_eq(s[2].status, SECTION_OK);
    cr_assert_eq(s[2].row_count, LIMIT_ROWS_LUNS + 1);
    for (size_t i = 1; i < s[2].row_count; i++) {
        const struct path *p = section_row(&s[2], i - 1), *q = section_row(&s[2], i);

        cr_assert_lt(strcmp(p->device, q->device), 0);
    }
}
