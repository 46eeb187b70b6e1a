/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers, what becomes of their labels, and what is kept of them: hosts written by hand. */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/buf.h"
#include "base/limits.h"
#include "collect/parse_storage.h"
#include "support/storage.h"
#include "support/support.h"

TestSuite(storage, .init = storage_open, .fini = storage_close);

#define VG    "VGVGVGVGVGVGVGVGVGVGVGVGVGVGVGVG"
#define LV_A  "AAAAAABBBBCCCCDDDDEEEEFFFFGGGGGG"
#define LV_B  "HHHHHHBBBBCCCCDDDDEEEEFFFFGGGGGG"
#define KEY_A "lv.AAAAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGGGG"
#define KEY_B "lv.HHHHHH-BBBB-CCCC-DDDD-EEEE-FFFF-GGGGGG"

Test(storage, names_of_lvs_and_which_are_read)
{
    struct storage s = STORAGE(
        disk("sda", 0, NAA, "holders/dm-1/\nholders/dm-2/\nholders/dm-3/\nholders/dm-4/"),
        on_top("dm-1", "253:1", "dm/uuid = LVM-" VG LV_A "\ndm/name = vg--x_tmeta-a"),
        on_top("dm-2", "253:2", "dm/uuid = LVM-" VG LV_B "-real\ndm/name = vg-b-real"),
        on_top("dm-3", "253:3", "dm/uuid = LVM-" VG LV_B "\ndm/name = vg-b_rimage_0"),
        on_top("dm-4", "253:4", "dm/uuid = CRYPT-LUKS2-1\ndm/name = secret\ndm/suspended = 1"),
        on_top("dm-5", "253:5", "dm/uuid = mpath-36000000000000001\ndm/name = lone"));

    cr_assert(the(&s, NAA)->top);
    cr_assert_eq(the(&s, NAA)->kind, CONTAINER_LUN);
    cr_assert_eq(the(&s, KEY_A)->kind, CONTAINER_LV);
    cr_assert(the(&s, KEY_A)->top, "the VG may be called what it wants");
    cr_assert_eq(the(&s, KEY_A)->devnum, DM_DEVNUM(253, 1));
    cr_assert_not(the(&s, KEY_B "-real")->top);
    cr_assert_not(the(&s, KEY_B)->top, "an image of a RAID");
    cr_assert(the(&s, "dm.secret")->suspended);
    cr_assert_not(the(&s, "dm.lone")->top, "a multipath map that is on no LUN");
    cr_assert_eq(the(&s, KEY_A)->paths_active.v, 1);
    cr_assert_not(the(&s, "dm.lone")->paths_active.has);
}

Test(storage, the_snapshot_of_a_scan_is_nobodys)
{
    struct storage s =
        STORAGE(disk("sda", 0, NAA, "holders/"),
                on_top("dm-1", "253:1", "dm/uuid = MUSTER-scan-77\ndm/name = muster-scan-77"),
                on_top("dm-2", "253:2", "dm/uuid = LVM-" VG LV_A "\ndm/name = MUSTER-scan-77"));

    for (size_t i = 0; i < s.container_count; i++)
        cr_assert_neq(s.containers[i].devnum, DM_DEVNUM(253, 1), "%s", s.containers[i].container);
    cr_assert(the(&s, KEY_A)->top, "whatever others call theirs");
}

Test(storage, paths_are_those_of_the_lun_with_the_fewest)
{
    struct storage s =
        STORAGE(disk("sda", 0, NAA, "holders/dm-1/"), disk("sdb", 16, NAA, "holders/"),
                disk("sdc", 32, NAB,
                     "holders/dm-1/\nsdc1/partition = 1\nsdc1/holders/md5/\nsdc1/size = 64"
                     "\nsdc1/start = 8\nsdc1/dev = 8:33\nsdc1/"),
                on_top("dm-1", "253:1", "dm/name = wide\nholders/dm-2/"),
                on_top("dm-2", "253:2", "dm/name = above"),
                on_top("md5", "9:5", "md/uuid = 12345678-1111-2222-3333-444444444444"));

    cr_assert_eq(the(&s, NAA)->paths_total.v, 2);
    cr_assert_eq(the(&s, "dm.wide")->paths_total.v, 1);
    cr_assert_eq(the(&s, "dm.above")->paths_active.v, 1);
    cr_assert_eq(the(&s, "md.12345678-1111-2222-3333-444444444444")->paths_total.v, 1);
    cr_assert_str_eq(the(&s, NAB "-part1")->device, "sdc1");
}

/* Devices that are each on the other: whoever wrote that, it ends. */
Test(storage, a_circle_of_holders)
{
    struct storage s = STORAGE(disk("sda", 0, NAA, "holders/dm-1/"),
                               on_top("dm-1", "253:1", "dm/name = x\nholders/dm-2/"),
                               on_top("dm-2", "253:2", "dm/name = y\nholders/dm-1/"));

    cr_assert_eq(the(&s, "dm.y")->paths_total.v, 1);
}

static const struct partition *partition_of(const struct storage *s, const char *key)
{
    return find_partition(&s->rows, key);
}

Test(storage, partitions_have_what_their_table_says)
{
    struct storage s = STORAGE(disk("sda", 0, NAA,
                                    "sda1/partition = 1\nsda1/size = 64\nsda1/start = 8\n"
                                    "sda1/dev = 8:1\nsda1/"));

    the(&s, NAA)->answer = with_table();
    storage_partitions(&s);
    cr_assert_eq(s.rows.partition_count, 2);
    cr_assert_str_eq(partition_of(&s, NAA "-part1")->device, "sda1");
    cr_assert_str_eq(partition_of(&s, NAA "-part1")->uuid, "1234-01");
    cr_assert_eq(partition_of(&s, NAA "-part1")->size_bytes, 64 * 512, "the kernel's word counts");
    cr_assert_str_eq(partition_of(&s, NAA "-part2")->table_type, "dos");
    cr_assert_null(the(&s, NAA "-part2")->device);
    cr_assert_not(the(&s, NAA "-part2")->top, "an extended partition");
    cr_assert_eq(the(&s, NAA "-part2")->paths_total.v, 1);
}

Test(storage, what_does_not_answer_is_not_lost)
{
    struct storage s = STORAGE(disk("sda", 0, NAA, ""), disk("sdb", 16, NAB, ""));
    struct storage again = STORAGE(disk("sda", 0, NAA, ""), disk("sdb", 16, NAB, ""));
    struct filesystem *rows;
    size_t n;

    the(&s, NAA)->answer = with_ext4();
    the(&s, NAB)->answer = with_table();
    storage_partitions(&s);
    the(&s, NAB "-part1")->answer = with_ext4();
    next_worker(&s);
    again.before = s.before;
    the(&again, NAA)->answer = the(&again, NAB)->answer = answer(LABEL_STUCK);
    storage_partitions(&again);
    storage_luns(&again, NULL, 0);
    rows = storage_filesystems(&again, &n);
    cr_assert_eq(n, 2);
    cr_assert_str_eq(rows[0].container, NAA);
    cr_assert_str_eq(rows[0].state, "stuck");
    cr_assert_str_eq(rows[0].uuid, "01234567-89ab-4cde-8f01-23456789abcd");
    cr_assert_str_eq(rows[0].label, "data");
    cr_assert_str_eq(rows[1].container, NAB "-part1");
    cr_assert_str_eq(partition_of(&again, NAB "-part1")->label, "one");
    cr_assert_str_eq(find_lun(&again.rows, NAA)->state, "stuck");
    cr_assert_eq(find_lun(&again.rows, NAA)->stuck_ms, 5000);
    next_worker(&again);
    cr_assert_not_null(storage_memory_label(&again.before, NAB "-part1"), "it goes on like that");
}

/* All that a label tells, on its way through the bytes. */
Test(storage, a_remembered_label_is_the_one_that_was_read)
{
    const char *signatures[] = { "ext4", "swap" };
    struct kept_label k = { .container = 5,
                            .identity = 6,
                            .uses = 7,
                            .label = { .type = "ext4",
                                       .usage = "filesystem",
                                       .uuid = "01234567-89ab-4cde-8f01-23456789abcd",
                                       .sub_uuid = "not a UUID",
                                       .version = "1.0",
                                       .ambivalent = true,
                                       .signatures = { signatures, 2 },
                                       .superblock = { .state = STATE_DIRTY,
                                                       .journal = JOURNAL_EXTERNAL,
                                                       .journal_uuid = { .b = { 9 } },
                                                       .size_bytes = { true, 1 },
                                                       .block_bytes = { true, 2 },
                                                       .free_bytes = { true, 3 },
                                                       .mmp = { true, 0 },
                                                       .members = { true, 4 },
                                                       .member_id = { true, 5 } },
                                       .table_uuid = "1234" } };
    struct storage_memory m = { .stuck = arena_zalloc(a, sizeof *m.stuck),
                                .labels = &k,
                                .label_count = 1 },
                          out;
    char *text = arena_zalloc(a, 1001);
    const struct label *l = NULL;
    struct bytes kept, twice;
    size_t left_out;

    memset(text, 'x', 1000);
    k.label.label = text;
    cr_assert_eq(storage_memory_write(&m, BOOT, a, &kept, &left_out, &e), 0);
    cr_assert_eq(storage_memory_read(kept, BOOT, a, &out, &e), 0);
    cr_assert_eq(out.label_count, 1);
    l = &out.labels[0].label;
    cr_assert_str_eq(l->uuid, k.label.uuid);
    cr_assert_str_eq(l->sub_uuid, k.label.sub_uuid);
    cr_assert_str_eq(l->label, text);
    cr_assert_str_eq(l->version, "1.0");
    cr_assert_str_eq(l->table_uuid, "1234");
    cr_assert(l->ambivalent);
    cr_assert_eq(l->signatures.n, 2);
    cr_assert_str_eq(l->signatures.v[1], "swap");
    cr_assert_eq(memcmp(&l->superblock.journal_uuid, &k.label.superblock.journal_uuid, 16), 0);
    cr_assert_eq(l->superblock.state, STATE_DIRTY);
    cr_assert_eq(l->superblock.journal, JOURNAL_EXTERNAL);
    cr_assert(l->superblock.mmp.has && l->superblock.mmp.v == 0);
    cr_assert_eq(l->superblock.member_id.v, 5);
    cr_assert_eq(out.labels[0].identity, 6);
    cr_assert_eq(out.labels[0].uses, 7);
    cr_assert_eq(storage_memory_write(&out, BOOT, a, &twice, &left_out, &e), 0);
    cr_assert_eq(twice.n, kept.n);
    cr_assert_eq(memcmp(twice.p, kept.p, kept.n), 0);
}

Test(storage, an_error_is_an_answer)
{
    struct storage s = STORAGE(disk("sda", 0, NAA, ""), disk("sdb", 16, NAB, ""));
    struct label_answer *bad = answer(LABEL_FAILED), *refused = answer(LABEL_FAILED);
    size_t n;

    bad->error = EIO;
    refused->error = EPERM;
    refused->text = "Operation not permitted";
    the(&s, NAA)->answer = with_ext4();
    next_worker(&s);
    the(&s, NAA)->answer = bad;
    the(&s, NAB)->answer = refused;
    storage_luns(&s, NULL, 0);
    storage_filesystems(&s, &n);
    cr_assert_eq(n, 0, "what cannot be read is not there");
    cr_assert_str_eq(find_lun(&s.rows, NAA)->state, "failed");
    cr_assert_str_eq(find_lun(&s.rows, NAA)->unread, "it does not answer");
    cr_assert_str_eq(find_lun(&s.rows, NAB)->state, "ok", "that is no fault of the device");
    cr_assert_str_eq(find_lun(&s.rows, NAB)->unread, "Operation not permitted");
    cr_assert_not_null(storage_unread(&s));
}

/* Whatever the error: nobody may take it for an empty device. */
Test(storage, what_could_not_be_read_says_why)
{
    static const int errors[] = { EPERM, EACCES, EIO, ENXIO, ENOMEDIUM, ESTALE };
    struct storage s =
        STORAGE(disk("sda", 0, NAA,
                     "sda1/partition = 1\nsda1/size = 64\nsda1/start = 8\nsda1/dev = 8:1\nsda1/"),
                disk("sdb", 16, NAB, "holders/dm-1/"), on_top("dm-1", "253:1", "dm/name = secret"));
    struct label_answer *bad = answer(LABEL_FAILED);

    the(&s, NAA)->answer = with_ext4();
    storage_luns(&s, NULL, 0);
    cr_assert_null(find_lun(&s.rows, NAA)->unread);
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        bad->error = errors[i];
        bad->text = strerror(errors[i]);
        the(&s, NAB)->answer = the(&s, NAA "-part1")->answer = bad;
        storage_luns(&s, NULL, 0);
        cr_assert_str_eq(find_lun(&s.rows, NAB)->unread, strerror(errors[i]));
        cr_assert_str_eq(partition_of(&s, NAA "-part1")->unread, strerror(errors[i]));
        cr_assert_eq(storage_unread(&s) == NULL, errors[i] != EPERM && errors[i] != EACCES);
        the(&s, NAB)->answer = the(&s, NAA "-part1")->answer = NULL;
        the(&s, "dm.secret")->answer = bad;
        cr_assert_str_eq(storage_unread(&s), strerror(errors[i]), "it has no row");
        bad->status = LABEL_GONE;
        cr_assert_null(storage_unread(&s), "there is nothing that could be read");
        bad->status = LABEL_FAILED;
        the(&s, "dm.secret")->answer = NULL;
    }
}

Test(storage, arrays_are_named_by_their_members)
{
    struct storage s = STORAGE(disk("sda", 0, NAA, "holders/md0/"), disk("sdb", 16, NAB, ""),
                               on_top("md0", "9:0", ""));
    struct label_answer *member = answer(LABEL_READ);

    member->label.type = "linux_raid_member";
    member->label.uuid = "12345678-1111-2222-3333-444444444444";
    the(&s, NAA)->answer = the(&s, NAB)->answer = member;
    cr_assert_str_eq(the(&s, "local.md0")->device, "md0");
    storage_name_arrays(&s, NULL, 0);
    cr_assert_str_eq(the(&s, "md.12345678-1111-2222-3333-444444444444")->device, "md0");
}

Test(storage, memory_of_another_boot_or_damaged_is_none)
{
    struct storage s = STORAGE(disk("sda", 0, NAA, ""));
    struct storage_memory m = { .stuck = s.before.stuck }, out;
    struct bytes kept;
    size_t left_out;
    uint8_t *p;

    the(&s, NAA)->answer = with_ext4();
    storage_remember(&s, &m);
    m.stuck->v[m.stuck->n++] = (struct label_stuck){ .devnum = 5, .pid = 77 };
    cr_assert_eq(storage_memory_write(&m, BOOT, a, &kept, &left_out, &e), 0);
    cr_assert_eq(storage_memory_read(kept, BOOT, a, &out, &e), 0);
    cr_assert_eq(out.label_count, 1);
    cr_assert_eq(out.stuck->v[0].pid, 77);
    cr_assert_eq(storage_memory_read(kept, "another", a, &out, &e), 0);
    cr_assert_eq(out.label_count + out.stuck->n, 0);
    p = arena_memdup(a, kept.p, kept.n);
    for (size_t i = 0; i < kept.n; i++) {
        p[i] ^= 0x10;
        cr_assert_eq(storage_memory_read((struct bytes){ p, kept.n }, BOOT, a, &out, &e), 0);
        cr_assert_eq(out.label_count + out.stuck->n, 0, "byte %zu", i);
        p[i] ^= 0x10;
        cr_assert_eq(storage_memory_read((struct bytes){ p, i }, BOOT, a, &out, &e), 0);
        cr_assert_eq(out.label_count + out.stuck->n, 0, "cut at %zu", i);
    }
}

/* 500 LUNs with 4 paths each, multipath maps, an ext4 on each: all fits. */
Test(storage, five_hundred_luns)
{
    enum { LUNS = 500, PATHS = 4 };
    const char **parts = arena_array(a, LUNS * (PATHS + 1), sizeof *parts);
    struct storage s;
    size_t n = 0, files;

    for (int i = 0; i < LUNS; i++) {
        const char *table = "";

        for (int k = 0; k < PATHS; k++) {
            int minor = i * PATHS + k;

            parts[n++] =
                disk(arena_printf(a, "sd%d", minor), minor, arena_printf(a, "naa.6%031x", i + 1),
                     arena_printf(a, "holders/dm-%d/", i));
            table = arena_printf(a, "%s 8:%d 1", table, minor);
        }
        parts[n++] =
            arena_printf(a,
                         "%smap 253:%d m%d mpath-36%031x\ntable 0 2048 multipath 0 0 1 "
                         "1 service-time 0 %d 1%s\n",
                         on_top(arena_printf(a, "dm-%d", i), arena_printf(a, "253:%d", i), ""), i,
                         i, i + 1, PATHS, table);
    }
    s = host_of(parts, n);
    cr_assert_eq(s.rows.path_count, LUNS * PATHS);
    cr_assert_eq(s.container_count, LUNS, "no path is one beside its map");
    for (size_t i = 0; i < s.container_count; i++) {
        cr_assert_eq(s.containers[i].paths_total.v, PATHS);
        cr_assert_eq(strncmp(s.containers[i].device, "dm-", 3), 0);
        s.containers[i].answer = with_ext4();
    }
    storage_filesystems(&s, &files);
    cr_assert_eq(files, LUNS);
    next_worker(&s);
    cr_assert_eq(s.before.label_count, LUNS);
}

/* ---- the tree ------------------------------------------------------------------------------- */

static struct tree some_tree(size_t disks)
{
    struct tree_builder b = { .a = a };
    struct tree t;

    for (size_t i = 0; i < disks; i++) {
        const char *dir = arena_printf(a, "/sys/devices/x/sd%zu", i);
        const char *inner = arena_printf(a, "%s/queue", dir);
        const char *holders = arena_printf(a, "%s/holders", dir);

        tree_add_link(&b, "/sys/block", arena_printf(a, "sd%zu", i), dir);
        tree_add_file(&b, dir, "dev", bytes_of("8:0\n"));
        tree_add_file(&b, dir, "vpd_pg83", (struct bytes){ (const uint8_t *)"\0\x83\0", 3 });
        tree_add_link(&b, dir, "device", "/sys/devices/x");
        tree_add_dir(&b, dir, "sda1");
        tree_add_file(&b, inner, "rotational", bytes_of("0\n"));
        tree_add_dir(&b, holders, "dm-0");
    }
    cr_assert_eq(tree_finish(&b, &t, &e), 0);
    return t;
}

Test(storage, a_remembered_tree_is_what_sysfs_said_of_disks)
{
    struct storage_memory m = { .stuck = arena_zalloc(a, sizeof *m.stuck), .tree = some_tree(2) };
    struct storage_memory out;
    struct bytes kept, twice;
    size_t left_out;

    cr_assert_eq(storage_memory_write(&m, BOOT, a, &kept, &left_out, &e), 0);
    cr_assert_eq(storage_memory_read(kept, BOOT, a, &out, &e), 0);
    cr_assert_eq(out.tree.n, 2 * 5, "neither who holds it, nor the links to it");
    cr_assert(bytes_equal(tree_file(&out.tree, "/sys/devices/x/sd1", "dev"), "8:0\n"));
    cr_assert_eq(tree_file(&out.tree, "/sys/devices/x/sd1", "vpd_pg83").n, 3);
    cr_assert_eq(tree_file(&out.tree, "/sys/devices/x/sd1", "vpd_pg83").p[1], 0x83);
    cr_assert_str_eq(tree_link(&out.tree, "/sys/devices/x/sd0", "device"), "/sys/devices/x");
    cr_assert_eq(tree_find(&out.tree, "/sys/devices/x/sd0", "sda1")->kind, TREE_DIR);
    cr_assert(bytes_equal(tree_file(&out.tree, "/sys/devices/x/sd0/queue", "rotational"), "0\n"));
    cr_assert_eq(storage_memory_write(&out, BOOT, a, &twice, &left_out, &e), 0);
    cr_assert(twice.n == kept.n && memcmp(twice.p, kept.p, kept.n) == 0);
}

/* Half of it would say that a disk lacks what it has. */
Test(storage, a_tree_is_remembered_as_a_whole_or_not_at_all)
{
    struct kept_label k = { .container = 5, .label = { .type = "ext4" } };
    struct storage_memory m = { .stuck = arena_zalloc(a, sizeof *m.stuck),
                                .labels = &k,
                                .label_count = 1,
                                .tree = some_tree(50000) };
    struct storage_memory out;
    struct bytes kept;
    size_t left_out;

    cr_assert_eq(storage_memory_write(&m, BOOT, a, &kept, &left_out, &e), 0);
    cr_assert_leq(kept.n, LIMIT_WORKER_KEEPS_BYTES);
    cr_assert_eq(left_out, 0, "it is only read again");
    cr_assert_eq(storage_memory_read(kept, BOOT, a, &out, &e), 0);
    cr_assert_eq(out.tree.n, 0);
    cr_assert_eq(out.label_count, 1);
}

/* More than there is room for: what is left out is told, and the rest is whole. */
Test(storage, a_memory_that_is_too_small)
{
    enum { MANY = 200000 };
    struct storage_memory m = { .stuck = arena_zalloc(a, sizeof *m.stuck) }, out;
    struct bytes kept;
    size_t left_out;

    m.stuck->n = LABEL_STUCK_MAX;
    m.labels = arena_array(a, MANY, sizeof *m.labels);
    m.label_count = MANY;
    for (size_t i = 0; i < MANY; i++)
        m.labels[i] = (struct kept_label){ .container = i,
                                           .label = { .type = "ext4", .label = "some label" } };
    cr_assert_eq(storage_memory_write(&m, BOOT, a, &kept, &left_out, &e), 0);
    cr_assert_leq(kept.n, LIMIT_WORKER_KEEPS_BYTES);
    cr_assert_eq(storage_memory_read(kept, BOOT, a, &out, &e), 0);
    cr_assert_eq(out.stuck->n, LABEL_STUCK_MAX);
    cr_assert_gt(left_out, 0);
    cr_assert_eq(out.label_count + left_out, MANY);
}
