/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>

#include "collect/parse_use.h"
#include "support/support.h"

static struct arena *a;
static struct use_input in;
static struct use_rows rows;

static const char *const over_lun1[] = { "dm-3", "dm-7", "md127", "bcache0" };

static const struct block_container containers[] = {
    { .container = "naa.1",
      .device = "sdb",
      .devnum = DM_DEVNUM(8, 16),
      .holders = { over_lun1, 4 } },
    { .container = "naa.1", .device = "sdd", .devnum = DM_DEVNUM(8, 48) },
    { .container = "naa.1-part1", .device = "dm-7", .devnum = DM_DEVNUM(253, 7) },
    { .container = "naa.2", .device = "sdc", .devnum = DM_DEVNUM(8, 32) },
    { .container = "naa.3", .device = "sde", .devnum = DM_DEVNUM(8, 64) },
    { .container = "lv.A", .device = "dm-3", .devnum = DM_DEVNUM(253, 3) },
    { .container = "lv.B", .device = "dm-4", .devnum = DM_DEVNUM(253, 4) },
    { .container = "lv.C", .device = "dm-5", .devnum = DM_DEVNUM(253, 5) },
    { .container = "loop.b:810:77", .device = "loop0", .devnum = DM_DEVNUM(7, 0) },
    { .container = "local.vda1", .device = "vda1", .devnum = DM_DEVNUM(254, 1) },
};

static const struct use_source sources[] = {
    { "/dev/dm-5", DM_DEVNUM(253, 5) },
    { "/dev/sdb", DM_DEVNUM(8, 16) },
    { "/dev/sdc", DM_DEVNUM(8, 32) },
};

static const struct use_member members[] = {
    { 0, DM_DEVNUM(8, 48) },
    { 1, DM_DEVNUM(8, 32) },
    { 1, DM_DEVNUM(8, 64) },
};

static struct use_namespace namespaces[4];

static void set_up(void)
{
    a = arena_new(0);
    memset(namespaces, 0, sizeof namespaces);
    namespaces[0].mountinfo = capture(a, "use/mountinfo.txt");
    in = (struct use_input){ .containers = containers,
                             .container_count = ARRAY_LEN(containers),
                             .namespaces = namespaces,
                             .namespace_count = 1,
                             .sources = sources,
                             .source_count = ARRAY_LEN(sources),
                             .members = members,
                             .member_count = ARRAY_LEN(members) };
}

static void tear_down(void)
{
    arena_free(a);
}

TestSuite(uses, .init = set_up, .fini = tear_down);

static void parse(void)
{
    struct err e = { "" };

    cr_assert_eq(parse_uses(&in, a, &rows, &e), 0, "%s", e.text);
    for (size_t i = 1; i < rows.n; i++)
        cr_assert_lt(strcmp(rows.v[i - 1].key, rows.v[i].key), 0, "%s", rows.v[i].key);
}

static const struct use *find(const char *key)
{
    for (size_t i = 0; i < rows.n; i++) {
        if (strcmp(rows.v[i].key, key) == 0)
            return &rows.v[i];
    }
    return NULL;
}

static size_t count(const char *kind)
{
    size_t n = 0;

    for (size_t i = 0; i < rows.n; i++)
        n += strcmp(rows.v[i].kind, kind) == 0;
    return n;
}

/* NULL: the field is absent. */
static void is(const char *key, const char *container, const char *used_by, const char *file)
{
    const struct use *u = find(key);

    cr_assert_not_null(u, "there is no %s", key);
    cr_assert_str_eq(u->container, container);
    cr_assert_str_eq(u->used_by, used_by);
    cr_assert_eq(u->file == NULL, file == NULL, "%s", key);
    if (file != NULL)
        cr_assert_str_eq(u->file, file);
}

Test(uses, mounts)
{
    const struct use *u;

    parse();
    is("mount/8:16//srv/images", "naa.1", "/srv/images", NULL);
    u = find("mount/8:16//srv/images");
    cr_assert_str_eq(u->type, "xfs");
    cr_assert_str_eq(u->device, "sdb");
    cr_assert_not(u->read_only);
    cr_assert_str_eq(u->options, "rw,relatime,attr2,inode64,logbufs=8,logbsize=32k,noquota");
    u = find("mount/8:16//srv/guests");
    cr_assert_not_null(u);
    cr_assert(u->read_only, "the mount is, though the file system is not");
    cr_assert_str_eq(u->options, "ro,relatime,attr2,inode64,logbufs=8,logbsize=32k,noquota");
    u = find("mount/253:3//mnt/lv");
    cr_assert(u != NULL && u->read_only);
    cr_assert_str_eq(u->options, "ro,relatime,norecovery");
    is("mount/254:1//", "local.vda1", "/", NULL);
    is("mount/8:32//srv/images/tab\\x09and\\", "naa.2", "/srv/images/tab\\x09and\\", NULL);
}

Test(uses, btrfs_is_on_all_its_devices)
{
    parse();
    is("mount/8:32//mnt/btrfs", "naa.2", "/mnt/btrfs", NULL);
    is("mount/8:64//mnt/btrfs", "naa.3", "/mnt/btrfs", NULL);
    is("mount/8:32//mnt/sub", "naa.2", "/mnt/sub", NULL);
    cr_assert_eq(count("mount"), 4 + 4 + 1);
    in.member_count = 0; /* an older kernel: the source alone is known */
    parse();
    is("mount/8:32//mnt/btrfs", "naa.2", "/mnt/btrfs", NULL);
    cr_assert_eq(count("mount"), 4 + 2 + 1);
}

Test(uses, other_namespaces)
{
    static const char *const text[] = {
        "1 0 8:16 / /srv/images rw - xfs /dev/sdb rw\n"     /* a copy */
        "2 0 253:3 / /mnt/lv rw - ext4 /dev/dm-3 rw\n"      /* here it is read-only */
        "3 0 253:4 / /deep\\040er ro - ext4 /dev/dm-4 ro",  /* nowhere else */
        "3 0 253:4 / /deep\\040er ro - ext4 /dev/dm-4 ro\n" /* the same again */
        "4 0 253:4 / /other rw - ext4 /dev/dm-4 rw\n",
    };

    for (size_t i = 0; i < 2; i++)
        namespaces[i + 1] = (struct use_namespace){ .mountinfo = bytes_of(text[i]),
                                                    .id = 4026532000u + i,
                                                    .pid = 70 + (uint32_t)i,
                                                    .program = "scan" };
    in.namespace_count = 3;
    parse();
    is("mount/253:3/mnt:[4026532000]/mnt/lv", "lv.A", "/mnt/lv (scan[70])", NULL);
    is("mount/253:4/mnt:[4026532000]/deep er", "lv.B", "/deep er (scan[70])", NULL);
    is("mount/253:4/mnt:[4026532001]/other", "lv.B", "/other (scan[71])", NULL);
    cr_assert_eq(count("mount"), 9 + 3);
}

Test(uses, many_mount_points_are_cut_and_said)
{
    struct buf b = { 0 };

    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "1 0 8:16 / /m%03d rw - xfs /dev/sdb rw\n", i);
    namespaces[0].mountinfo = (struct bytes){ b.p, b.n };
    parse();
    cr_assert_eq(count("mount"), USE_MOUNTS_MAX);
    cr_assert(rows.cut);
    buf_deinit(&b);
}

Test(uses, a_mount_over_a_mount_is_one_row)
{
    namespaces[0].mountinfo = bytes_of("1 0 8:16 / /m rw - xfs /dev/sdb rw\n"
                                       "2 1 8:16 / /m ro - xfs /dev/sdb rw\n");
    parse();
    cr_assert_eq(count("mount"), 1);
    cr_assert_not(find("mount/8:16//m")->read_only);
}

Test(uses, swaps)
{
    in.swaps = capture(a, "use/swaps.txt");
    parse();
    cr_assert_eq(count("swap"), 3);
    is("swap/253:5//dev/dm-5", "lv.C", "/dev/dm-5", NULL);
    cr_assert_str_eq(find("swap/253:5//dev/dm-5")->type, "partition");
    is("swap/8:16//srv/images/swap file", "naa.1", "/srv/images/swap file", "/swap file");
    cr_assert_str_eq(find("swap/8:16//srv/images/swap file")->type, "file");
    is("swap/8:16//srv/images/gone (deleted)", "naa.1", "/srv/images/gone (deleted)", "/gone");
}

Test(uses, holders)
{
    const struct use_holder holders[] = {
        { .device = "dm-3",
          .devnum = DM_DEVNUM(253, 3),
          .name = bytes_of("vg1-data"),
          .uuid = bytes_of("LVM-xyz"),
          .read_only = { true, 1 } },
        { .device = "dm-7",
          .devnum = DM_DEVNUM(253, 7),
          .name = bytes_of("mpatha-part1"),
          .uuid = bytes_of("part1-mpath-3600") },
        { .device = "md127", .devnum = DM_DEVNUM(9, 127), .read_only = { true, 0 } },
    };

    in.holders = holders;
    in.holder_count = ARRAY_LEN(holders);
    parse();
    is("dm/8:16/dm-3", "naa.1", "vg1-data", NULL);
    cr_assert_str_eq(find("dm/8:16/dm-3")->type, "LVM");
    cr_assert(find("dm/8:16/dm-3")->read_only);
    is("md/8:16/md127", "naa.1", "md127", NULL);
    is("bcache/8:16/bcache0", "naa.1", "bcache0", NULL);
    cr_assert_null(find("dm/8:16/dm-7"), "a partition is a container of its own");
}

/* Listed, and gone before it was looked at. */
Test(uses, a_holder_that_has_gone_is_no_use)
{
    const struct use_holder holders[] = { { .device = "dm-3" },
                                          { .device = "dm-7", .devnum = DM_DEVNUM(253, 9) } };

    in.holders = holders;
    in.holder_count = ARRAY_LEN(holders);
    parse();
    cr_assert_null(find("dm/8:16/dm-3"));
    cr_assert_not_null(find("dm/8:16/dm-7"));
}

Test(uses, loops)
{
    const struct use_loop loops[] = {
        /* By the number in its key, though the path is another namespace's. */
        { .device = "loop0", .devnum = DM_DEVNUM(7, 0), .file = bytes_of("/elsewhere/x.img") },
        { .device = "loop1", .file = bytes_of("/srv/guests/d/y.img (deleted)\n") },
        { .device = "loop2", .file = bytes_of("/dev/sdc"), .read_only = { true, 1 } },
        { .device = "loop3", .file = bytes_of("/mnt/btrfs/z.img") },
        { .device = "loop4", .file = bytes_of("/mnt/nfs/z.img") },
        { .device = "loop5", .file = bytes_of("") },
        { .device = "loop6",
          .file = bytes_of("/run/muster-probe/muster-scan-1099511627777-8:32\n") },
        { .device = "loop7", .file = bytes_of("/mnt/nfs/muster-scan-x-8:32") },
        /* Of its snapshot: in memory, and not in the file system at "/". */
        { .device = "loop8", .file = bytes_of("/memfd:muster-scan-1099511627777 (deleted)\n") },
    };

    in.loops = loops;
    in.loop_count = ARRAY_LEN(loops);
    parse();
    is("loop/8:16/loop0", "naa.1", "loop0", "/elsewhere/x.img");
    is("loop/8:16/loop1", "naa.1", "loop1", "/guests/a b/d/y.img");
    is("loop/8:32/loop2", "naa.2", "loop2", NULL);
    cr_assert(find("loop/8:32/loop2")->read_only);
    is("loop/8:32/loop3", "naa.2", "loop3", "/z.img");
    is("loop/8:64/loop3", "naa.3", "loop3", "/z.img");
    cr_assert_eq(count("loop"), 5);
    is("scan/8:32/1099511627777", "naa.2", "1099511627777", NULL);
    cr_assert_eq(count("scan"), 1);
}

Test(uses, guests)
{
    struct bytes none = { NULL, 0 };
    struct use_guest guests[4];

    cr_assert(use_guest_name(bytes_of("vbd-3-51712"), &guests[0]));
    use_guest_set(&guests[0], none, none, bytes_of("fd:4\n"), bytes_of("w\n"));
    guests[1] = (struct use_guest){ .type = "qdisk", .domid = 3, .vdev = 51728 };
    use_guest_set(&guests[1], bytes_of("vhd:aio:/srv/images/data.img"), none, none, bytes_of("r"));
    guests[2] = (struct use_guest){ .type = "qdisk", .domid = 4, .vdev = 768 };
    use_guest_set(&guests[2], bytes_of("aio:/dev/sdb"), none, none, bytes_of("w!"));
    guests[3] = (struct use_guest){ .type = "9pfs", .domid = 4 };
    use_guest_set(&guests[3], none, bytes_of("/mnt/lv"), none, none);
    in.guests = guests;
    in.guest_count = 4;
    parse();
    is("xen/253:4/3/51712", "lv.B", "3/51712", NULL);
    cr_assert_str_eq(find("xen/253:4/3/51712")->type, "vbd");
    cr_assert_not(find("xen/253:4/3/51712")->read_only);
    is("xen/8:16/3/51728", "naa.1", "3/51728", "/data.img");
    cr_assert(find("xen/8:16/3/51728")->read_only);
    is("xen/8:16/4/768", "naa.1", "4/768", NULL);
    is("xen/253:3/4/0", "lv.A", "4/0", "/");
    cr_assert_not(REC_HAS(find("xen/253:3/4/0"), use, read_only));
}

Test(uses, names_of_backends)
{
    static const char *const bad[] = { "vif-3-0",           "vbd-3", "vbd-3-", "vbd--1", "vbd-3-x",
                                       "vbd-3-99999999999", "" };
    struct use_guest g;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert_not(use_guest_name(bytes_of(bad[i]), &g), "%s", bad[i]);
    cr_assert(use_guest_name(bytes_of("vbd-12-768"), &g));
    cr_assert(g.domid == 12 && g.vdev == 768);
}

Test(uses, opens)
{
    const struct use_open opens[] = {
        { .pid = 12, .program = "qemu) (x", .devnum = DM_DEVNUM(8, 48) },
        { .pid = 12, .program = "qemu) (x", .devnum = DM_DEVNUM(8, 48), .writes = true },
        { .pid = 13, .program = "dd", .devnum = DM_DEVNUM(8, 99) },
    };

    in.opens = opens;
    in.open_count = ARRAY_LEN(opens);
    parse();
    cr_assert_eq(count("open"), 1);
    is("open/8:48/qemu) (x[12]", "naa.1", "qemu) (x[12]", NULL);
    cr_assert_str_eq(find("open/8:48/qemu) (x[12]")->device, "sdd");
    cr_assert_not(find("open/8:48/qemu) (x[12]")->read_only);
}

Test(uses, processes)
{
    char program[USE_PROGRAM_BYTES];
    uint64_t started = 0;

    cr_assert(use_process(bytes_of("71 (a) b (c) S 1 71 71 0 -1 4194560 9 0 0 0 1 2 3 4 20 0 1 0 "
                                   "5678 90 1 2\n"),
                          program, &started));
    cr_assert_str_eq(program, "a) b (c");
    cr_assert_eq(started, 5678);
    cr_assert(use_process(bytes_of("1 (0123456789abcdefghi) R 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 "
                                   "77"),
                          program, &started));
    cr_assert_str_eq(program, "0123456789abcde");
    cr_assert_not(use_process(bytes_of("1 (x) R 1 2 3"), program, &started));
    cr_assert_not(use_process(bytes_of("1 )x( R 1 2 3"), program, &started));
    cr_assert_not(use_process(bytes_of(""), program, &started));
}

Test(uses, nothing_of_nothing)
{
    in = (struct use_input){ .container_count = 0 };
    parse();
    cr_assert_eq(rows.n, 0);
}

Test(uses, out_of_memory_is_said)
{
    size_t limit = 64;
    struct err e;
    int rc;

    in.swaps = capture(a, "use/swaps.txt");
    do {
        struct arena *small = arena_new(limit);

        e = (struct err){ "" };
        rc = parse_uses(&in, small, &rows, &e);
        cr_assert(rc == 0 || (rc == -12 && e.text[0] != '\0'), "%zu: %d", limit, rc);
        arena_free(small);
        limit += 64;
    } while (rc < 0 && limit < (1u << 20));
    cr_assert_eq(rc, 0);
}
