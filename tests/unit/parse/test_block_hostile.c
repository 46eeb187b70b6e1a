/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trees, tables and answers that no kernel makes: the parsers pass them over, never read beyond,
 * and never make a bad row. Run under ASan. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "support/block.h"
#include "support/support.h"

static struct arena *a;

static void set_up(void)
{
    a = arena_new(0);
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(block_hostile, .init = set_up, .fini = tear_down);

/* Exactly as long as said, so that ASan sees a step too far. */
static struct bytes exact_copy(const void *p, size_t n)
{
    uint8_t *out = malloc(n == 0 ? 1 : n);

    memcpy(out, p, n);
    return (struct bytes){ out, n };
}

static struct dm_map map_of(struct bytes table, struct bytes status)
{
    struct rows r = { .a = a };
    struct dm_text text = { .table = table, .status = status };
    struct dm_map map = { .name = NULL };

    parse_dm(&r, &text, &map);
    cr_assert_not(r.failed);
    for (size_t i = 0; i < map.path_count; i++)
        cr_assert_gt(map.paths[i].group, 0);
    return map;
}

static const char table[] =
    "0 2048 multipath 2 queue_if_no_path retain_attached_hw_handler 1 alua 2 "
    "1 service-time 0 2 2 8:0 1 1 8:16 1 1 round-robin 0 1 1 8:32 1000\n";
static const char status[] =
    "0 2048 multipath 2 0 0 1 0 2 1 A 0 2 2 8:0 A 0 0 1 8:16 F 3 0 1 D 0 1 0 "
    "8:32 A 0\n";

Test(block_hostile, a_table_of_two_groups)
{
    struct dm_map m = map_of(bytes_of(table), bytes_of(status));

    cr_assert(m.multipath);
    cr_assert(m.queue_without_path);
    cr_assert_eq(m.path_count, 3);
    cr_assert_eq(m.paths[1].devnum, DM_DEVNUM(8, 16));
    cr_assert_eq(m.paths[1].state, 'F');
    cr_assert_eq(m.paths[1].failures.v, 3);
    cr_assert_eq(m.paths[2].group, 2);
    cr_assert_eq(m.paths[2].group_state, 'D');
}

Test(block_hostile, tables_cut_anywhere)
{
    for (size_t n = 0; n <= strlen(table); n++) {
        struct bytes t = exact_copy(table, n), s = exact_copy(status, n < strlen(status) ? n : 9);

        cr_expect_leq(map_of(t, s).path_count, 3);
        free((void *)(uintptr_t)t.p);
        free((void *)(uintptr_t)s.p);
    }
}

Test(block_hostile, counts_that_lie)
{
    static const char *const bad[] = {
        "0 8 multipath 99999999999999999999 0 1 1 service-time 0 1 1 8:0 1",
        "0 8 multipath 18446744073709551615 0 1 1 service-time 0 1 1 8:0 1",
        "0 8 multipath 0 0 4294967295 1 service-time 0 4294967295 4294967295 8:0 1",
        "0 8 multipath 0 0 1 1 service-time 0 2 18446744073709551615 8:0 1 8:16 1",
        "0 8 multipath 0 0 1 1 service-time 0 1 0 8:99999999999",
        "0 8 multipath 0 0 1 1 service-time 0 1 0 -1:0",
        "0 8 multipath",
        "multipath",
        "0 8 linear 8",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect_leq(map_of(bytes_of(bad[i]), bytes_of(bad[i])).path_count, 1, "%s", bad[i]);
}

Test(block_hostile, a_path_twice_in_a_table_is_one)
{
    struct dm_map m = map_of(bytes_of("0 8 multipath 0 0 1 1 x 0 3 0 8:0 8:0 8:0"),
                             bytes_of("0 8 multipath 0 0 0 1 1 A 0 1 0 9:9 A 0"));

    cr_assert_eq(m.path_count, 1);
    cr_assert_eq(m.paths[0].state, 0, "the status tells of another");
}

Test(block_hostile, the_status_of_a_table_that_is_none)
{
    cr_assert_eq(map_of(bytes_of(""), bytes_of(status)).path_count, 0);
    cr_assert_not(map_of(bytes_of("0 8 crypt"), bytes_of("0 8 crypt")).multipath);
}

static bool no_device(const void *arg, const char *name, uint64_t *devnum)
{
    (void)arg;
    (void)name;
    *devnum = 1;
    return true;
}

static int parse_answer(struct bytes answer, struct dm_map *maps, size_t *count, struct err *e)
{
    struct rows r = { .a = a };

    *count = 0;
    return parse_multipathd(&r, answer, no_device, NULL, maps, count, e);
}

Test(block_hostile, multipathds_answer_cut_anywhere)
{
    struct bytes all = bytes_trim(capture(a, "block/fc-maps.json"));
    struct dm_map *maps = arena_array(a, LIMIT_MULTIPATHD_MAPS, sizeof *maps);
    size_t count;

    for (size_t n = 0; n < all.n; n += 7) {
        struct bytes cut = exact_copy(all.p, n);
        struct err e = { "" };
        int rc = parse_answer(cut, maps, &count, &e);

        cr_expect_eq(rc, n == 0 ? 0 : -EBADMSG);
        cr_expect(n == 0 || e.text[0] != '\0');
        free((void *)(uintptr_t)cut.p);
    }
    cr_assert_eq(parse_answer(all, maps, &count, NULL), 0);
    cr_assert_eq(count, 1, "this test gives both maps one number");
    cr_assert_eq(maps[0].path_count, 2);
}

Test(block_hostile, answers_of_other_shapes)
{
    static const char *const odd[] = {
        "{\"maps\":[]}",
        "{\"maps\":[1,null,\"x\",{}]}",
        "{\"maps\":[{\"sysfs\":\"dm-0\",\"uuid\":\"x\",\"path_groups\":[1,{\"paths\":[7,{}]}]}]}",
        "{\"maps\":[{\"sysfs\":5,\"uuid\":[],\"path_groups\":{}}]}",
    };
    static const char *const bad[] = { "[]", "{}", "timeout\n", "{\"maps\":1}", "ok" };
    struct dm_map *maps = arena_array(a, LIMIT_MULTIPATHD_MAPS, sizeof *maps);
    struct err e;
    size_t count;

    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        cr_expect_eq(parse_answer(bytes_of(odd[i]), maps, &count, &e), 0, "%s", odd[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_expect_eq(parse_answer(bytes_of(bad[i]), maps, &count, &e), -EBADMSG, "%s", bad[i]);
}

static const char good[] =
    "[/sys/devices/pci0000:00/0000:00:09.0/host1/rport-1:0-0/target1:0:0/1:0:0:1/block/sda]\n"
    "class block sda\ndev = 8:0\nsize = 2048\nsda1/\nsda1/partition = 1\nholders/dm-0/\n"
    "device -> /sys/devices/pci0000:00/0000:00:09.0/host1/rport-1:0-0/target1:0:0/1:0:0:1\n"
    "[/sys/devices/pci0000:00/0000:00:09.0/host1/rport-1:0-0/target1:0:0/1:0:0:1]\ntype = 0\n"
    "vendor = V\nmodel = M\nwwid = naa.60000000000000000000000000000aaa\nstate = running\n"
    "vpd_pg83 = \\x00\\x83\\x00\\x0c\\x01\\x03\\x00\\x08\\x50\\x01\\x02\\x03\\x04\\x05\\x06\\x07\n"
    "vpd_pg80 = \\x00\\x80\\x00\\x04ABCD\n"
    "[/sys/devices/pci0000:00/0000:00:09.0/host1/fc_host/host1]\nclass fc_host host1\n"
    "[/sys/devices/pci0000:00/0000:00:09.0/host1/scsi_host/host1]\nclass scsi_host host1\n"
    "[/sys/devices/virtual/nvme-fabrics/ctl/nvme0]\nclass nvme nvme0\ntransport = tcp\n"
    "[/sys/devices/virtual/nvme-fabrics/ctl/nvme0/nvme0c0n1]\nclass block nvme0c0n1\nhidden = 1\n"
    "[/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1]\nclass block nvme0n1\n"
    "[/sys/devices/virtual/block/loop0]\nclass block loop0\nloop/backing_file = /x\nsize = 8\n"
    "loop loop0 801 7\nboot B\nmap 253:0 m mpath-360000000000000000000000000000aaa\n"
    "table 0 2048 multipath 0 0 1 1 service-time 0 1 1 8:0 1\n"
    "status 0 2048 multipath 2 0 0 0 1 1 A 0 1 0 8:0 A 0\n"
    "multipathd {\"maps\":[{\"uuid\":\"u\",\"sysfs\":\"dm-0\",\"path_groups\":[]}]}\n";

/* Every row is a good row, or there is a sentence. */
static int parse_host(struct bytes text, size_t arena_limit, struct err *e)
{
    struct arena *own = arena_new(arena_limit);
    struct block_host *h = arena_alloc(a, sizeof *h);
    struct block_rows r;
    int rc;

    block_host_init(h, own);
    block_host_text(h, text);
    rc = block_host_finish(h, e);
    if (rc == 0)
        rc = parse_block(&h->in, own, &r, e);
    if (rc == 0 && arena_limit == 0)
        block_json(own, &r);
    arena_free(own);
    return rc;
}

Test(block_hostile, random_damage_never_crashes)
{
    const char *given = getenv("MUSTER_SEED");
    unsigned seed = given == NULL ? 20261125u : (unsigned)strtoul(given, NULL, 10);
    size_t n = strlen(good);

    fprintf(stderr, "MUSTER_SEED=%u\n", seed);
    for (int round = 0; round < 3000; round++) {
        struct bytes copy = exact_copy(good, n);
        int damages = rand_r(&seed) % 8 + 1, rc;
        struct err e = { "" };

        for (int i = 0; i < damages; i++)
            ((uint8_t *)(uintptr_t)copy.p)[(size_t)rand_r(&seed) % n] = (uint8_t)rand_r(&seed);
        rc = parse_host(copy, 0, &e);
        cr_assert(rc == 0 || rc == -EBADMSG, "%d", rc);
        cr_assert(rc == 0 || e.text[0] != '\0', "a refusal says why");
        free((void *)(uintptr_t)copy.p);
    }
}

Test(block_hostile, little_memory_is_said_to_be_that)
{
    struct err e = { "" };
    int rc = -ENOMEM;

    for (size_t limit = 64 << 10; rc != 0; limit += 8 << 10) {
        rc = parse_host(bytes_of(good), limit, &e);
        cr_assert(rc == 0 || rc == -ENOMEM, "limit %zu: %d %s", limit, rc, e.text);
        cr_assert_lt(limit, 16u << 20);
    }
}

Test(block_hostile, more_paths_than_a_list_has_room_for)
{
    struct block_host *h = arena_alloc(a, sizeof *h);
    struct block_rows r;
    struct err e = { "" };

    block_host_init(h, a);
    for (int i = 0; i <= (int)LIMIT_STRINGS; i++)
        block_host_text(
            h, bytes_of(arena_printf(
                   a,
                   "[/sys/devices/x/%d:0:0:0/block/sd%d]\nclass block sd%d\nsize = 8\n"
                   "device -> /sys/devices/x/%d:0:0:0\n[/sys/devices/x/%d:0:0:0]\ntype = 0\n"
                   "wwid = naa.60000000000000000000000000000aaa",
                   i, i, i, i, i)));
    cr_assert_eq(block_host_finish(h, &e), 0);
    cr_assert_eq(parse_block(&h->in, a, &r, &e), -EBADMSG);
    cr_assert_str_eq(e.text, "LUN naa.60000000000000000000000000000aaa has more paths, names or "
                             "holders than 4096");
}

Test(block_hostile, a_tree_that_is_full_says_so)
{
    struct tree_builder b = { .a = a };
    struct err e = { "" };
    struct tree t;

    for (size_t i = 0; i <= LIMIT_TREE_ENTRIES; i++)
        tree_add_dir(&b, "/x", "y");
    cr_assert_eq(tree_finish(&b, &t, &e), -E2BIG);
    cr_assert_str_eq(e.text, "sysfs has more than 1048576 entries about block devices");
}

Test(block_hostile, a_tree_is_sorted_and_the_first_of_two_counts)
{
    struct tree_builder b = { .a = a };
    struct tree t, inner;

    tree_add_file(&b, "/a-b", "f", bytes_of("0"));
    tree_add_file(&b, "/a", "f", bytes_of("1"));
    tree_add_file(&b, "/a", "f", bytes_of("2"));
    tree_add_link(&b, "/a", "b", "/a-b");
    tree_add_dir(&b, "/a/b", "c");
    cr_assert_eq(tree_finish(&b, &t, NULL), 0);
    inner = tree_children(&t, "/a");
    cr_assert_eq(inner.n, 2);
    cr_assert_str_eq(inner.v[0].name, "b");
    cr_assert(bytes_equal(tree_file(&t, "/a", "f"), "1"));
    cr_assert_str_eq(tree_link(&t, "/a", "b"), "/a-b");
    cr_assert_null(tree_link(&t, "/a", "f"));
    cr_assert_null(tree_file(&t, "/a", "b").p);
    cr_assert_null(tree_file(&t, NULL, "b").p);
    cr_assert_eq(tree_children(&t, "/").n, 0);
}
