/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of a machine, and what never is. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect/parse_storage_memory.h"
#include "collect/read_block.h"
#include "support/block.h"

#define SECRET "correct-horse-battery"

static const struct tree none;
static struct arena *a;
static char root[64];

/* The script has `arg` as $1. */
static void run(const char *script, const char *arg)
{
    char *const argv[] = { "/bin/sh", "-c", arena_strdup(a, script), "sh", arena_strdup(a, arg),
                           NULL };
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        execv(argv[0], argv);
        _exit(127);
    }
    cr_assert_gt(pid, 0);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    cr_assert_eq(status, 0, "%s", argv[2]);
}

static void set_up(void)
{
    a = arena_new(0);
    snprintf(root, sizeof root, "/tmp/muster-block-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void tear_down(void)
{
    run("rm -rf \"$1\"", root);
    arena_free(a);
}

TestSuite(block_read, .init = set_up, .fini = tear_down);

static void put(const char *path, const char *text)
{
    char *whole = arena_printf(a, "%s%s", root, path);
    FILE *f;

    run("mkdir -p \"${1%/*}\"", whole);
    f = fopen(whole, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static void link_to(const char *path, const char *target)
{
    char *whole = arena_printf(a, "%s%s", root, path);

    run("mkdir -p \"${1%/*}\"", whole);
    cr_assert_eq(symlink(target, whole), 0);
}

#define SESSION "/sys/devices/platform/host0/session1/iscsi_session/session1"
#define DISK    "/sys/devices/platform/host0/session1/target0:0:0/0:0:0:1"

static void make_host(void)
{
    put(SESSION "/targetname", "iqn.target\n");
    put(SESSION "/state", "LOGGED_IN\n");
    put(SESSION "/username", SECRET "\n");
    put(SESSION "/password", SECRET "\n");
    put(SESSION "/username_in", SECRET "\n");
    put(SESSION "/password_in", SECRET "\n");
    put("/sys/devices/platform/host0/scsi_host/host0/proc_name", "iscsi_tcp\n");
    put("/sys/devices/platform/host0/iscsi_host/host0/netdev", "eth0\n");
    link_to("/sys/class/iscsi_host/host0", "../../devices/platform/host0/iscsi_host/host0");
    put(DISK "/type", "0\n");
    put(DISK "/wwid", "naa.60000000000000000000000000000aaa\n");
    put(DISK "/block/sda/dev", "8:0\n");
    put(DISK "/block/sda/size", "2048\n");
    put(DISK "/block/sda/sda1/partition", "1\n");
    put(DISK "/block/sda/sda1/start", "64\n");
    put(DISK "/block/sda/queue/rotational", "0\n");
    link_to(DISK "/block/sda/device", "../..");
    link_to(DISK "/block/sda/holders/dm-0", "/nowhere");
    link_to("/sys/block/sda", "../devices/platform/host0/session1/target0:0:0/0:0:0:1/block/sda");
    link_to("/sys/block/sdgone", "../devices/platform/host0/gone");
    link_to("/sys/class/iscsi_session/session1", "../../.." SESSION);
    link_to("/sys/class/scsi_host/host0", "../../devices/platform/host0/scsi_host/host0");
    put("/proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
}

Test(block_read, a_machine_below_another_root)
{
    struct collect_request req = { .sys_root = root };
    struct section s[4];
    const struct path *p;
    struct err e = { "" };
    size_t count;

    make_host();
    cr_assert_eq(collect_block(&req, a, s, &count, &e), 0, "%s", e.text);
    cr_assert_eq(count, 4);
    cr_assert_eq(s[2].row_count, 1, "a dangling link is a disk that has gone");
    p = section_row(&s[2], 0);
    cr_assert_str_eq(p->target, "iqn.target");
    cr_assert_str_eq(p->hba, "host0");
    cr_assert_str_eq(p->lun, "naa.60000000000000000000000000000aaa");
    cr_assert_str_eq(((struct lun *)section_row(&s[1], 0))->holders.v[0], "dm-0");
    cr_assert_eq(((struct partition *)section_row(&s[3], 0))->start_bytes, 64 * 512);
}

Test(block_read, a_sessions_secrets_are_not_even_read)
{
    struct collect_request req = { .sys_root = root };
    struct err e = { "" };
    struct tree t;

    make_host();
    cr_assert_eq(read_tree(&req, &none, a, &t, &e), 0, "%s", e.text);
    cr_assert(bytes_equal(bytes_trim(tree_file(&t, SESSION, "targetname")), "iqn.target"));
    for (size_t i = 0; i < t.n; i++) {
        cr_assert_null(strstr(t.v[i].name, "password"));
        cr_assert_null(strstr(t.v[i].name, "username"));
        cr_assert(t.v[i].n == 0 || memmem(t.v[i].data, t.v[i].n, SECRET, strlen(SECRET)) == NULL);
    }
}

Test(block_read, no_sysfs_is_said)
{
    struct collect_request req = { .sys_root = root };
    struct err e = { "" };
    struct tree t;

    cr_assert_eq(read_tree(&req, &none, a, &t, &e), -ENOENT);
    cr_assert_str_eq(e.text, "/sys/block cannot be read: sysfs is not mounted there");
}

/* This machine may have any or no device-mapper: what comes must be whole. */
Test(block_read, device_mapper_of_this_machine)
{
    struct dm_text *maps;
    struct err e = { "" };
    size_t n = 99;
    int rc = read_dm(a, &maps, &n, &e);

    if (access("/sys/class/misc/device-mapper", F_OK) < 0) {
        cr_assert_eq(rc, 0, "no device-mapper is no error: %s", e.text);
        cr_assert_eq(n, 0);
    }
    cr_assert(rc == 0 || e.text[0] != '\0');
    for (size_t i = 0; i < n; i++)
        cr_assert_gt(maps[i].name.n, 0);
}

/* A device that nobody can open has no numbers; one that is not there is not stuck. */
Test(block_read, loop_devices_that_are_not_there)
{
    struct tree_builder b = { .a = a };
    struct loop_memory memory = { .n = 0 };
    const struct loop_facts *loops;
    struct collect_request req = { .whole = true };
    struct err e = { "" };
    struct tree t;
    size_t n;

    tree_add_link(&b, "/sys/block", "loop777777", "/sys/devices/virtual/block/loop777777");
    tree_add_file(&b, "/sys/devices/virtual/block/loop777777/loop", "backing_file",
                  bytes_of("/x\n"));
    tree_add_link(&b, "/sys/block", "loop777778", "/sys/devices/virtual/block/loop777778");
    cr_assert_eq(tree_finish(&b, &t, &e), 0);
    cr_assert_eq(read_loops(&req, &t, &memory, a, &loops, &n, &e), 0);
    cr_assert_eq(n, 1, "one has no file");
    cr_assert_str_eq(loops[0].file, "/x");
    cr_assert_eq(loops[0].inode, 0);
    cr_assert_not(loops[0].stuck);
}

/* It is asked when something was announced of it, at a rescan, when its file has another name, and
 * when it did not answer before. One that is asked here has no numbers, since it is not there. */
Test(block_read, a_loop_device_of_which_nothing_was_announced_is_not_asked)
{
    const char *const touched[] = { "loop777777p1" };
    struct collect_request req = { .whole = false };
    struct loop_known known = { .device = "loop777777", .dev = 5, .inode = 6 };
    struct tree_builder b = { .a = a };
    struct loop_memory memory;
    const struct loop_facts *loops;
    struct err e = { "" };
    struct tree t;
    size_t n;

    tree_add_link(&b, "/sys/block", "loop777777", "/sys/devices/virtual/block/loop777777");
    tree_add_file(&b, "/sys/devices/virtual/block/loop777777/loop", "backing_file",
                  bytes_of("/x\n"));
    cr_assert_eq(tree_finish(&b, &t, &e), 0);
    known.file = storage_hash("/x");
    for (int turn = 0; turn < 5; turn++) {
        struct loop_known before = known;

        memory = (struct loop_memory){ &before, 1 };
        req.touched = (struct strs){ touched, turn == 1 };
        req.whole = turn == 2;
        if (turn == 3)
            before.file = storage_hash("/y");
        if (turn == 4)
            before.since.v = 1;
        cr_assert_eq(read_loops(&req, &t, &memory, a, &loops, &n, &e), 0);
        cr_assert_eq(n, 1);
        cr_expect_eq(loops[0].inode, turn == 0 ? 6 : 0, "turn %d", turn);
        cr_expect_eq(memory.v[0].inode, turn == 0 ? 6 : 0, "turn %d", turn);
    }
}

/* ---- what is remembered ---------------------------------------------------------------------- */

#define SDA DISK "/block/sda"

static bool says(const struct tree *t, const char *dir, const char *name, const char *text)
{
    return bytes_equal(bytes_trim(tree_file(t, dir, name)), text);
}

static struct tree look(struct collect_request req, const struct tree *before)
{
    struct err e = { "" };
    struct tree t;

    req.sys_root = root;
    cr_assert_eq(read_tree(&req, before, a, &t, &e), 0, "%s", e.text);
    return t;
}

/* Everything of it is otherwise, and nothing was announced: that shows in what moves by itself. */
static struct tree looked_at_before(void)
{
    struct tree t;

    make_host();
    put(DISK "/state", "running\n");
    t = look((struct collect_request){ .whole = true }, &none);
    put(SDA "/size", "4096\n");
    put(SDA "/queue/rotational", "1\n");
    put(SDA "/sda1/start", "128\n");
    put(SDA "/sda2/partition", "2\n");
    put(DISK "/state", "offline\n");
    put(DISK "/access_state", "standby\n"); /* since a handler is attached */
    link_to(SDA "/holders/dm-1", "/nowhere");
    return t;
}

static bool is_read_again(const struct tree *t)
{
    return says(t, SDA, "size", "4096") && says(t, SDA "/queue", "rotational", "1") &&
           says(t, SDA "/sda1", "start", "128") && says(t, SDA "/sda2", "partition", "2");
}

static bool is_remembered(const struct tree *t)
{
    return says(t, SDA, "size", "2048") && says(t, SDA "/queue", "rotational", "0") &&
           says(t, SDA "/sda1", "start", "64") && tree_find(t, SDA, "sda2") == NULL;
}

Test(block_read, of_a_disk_that_nothing_was_announced_of_only_what_moves_is_read)
{
    struct tree before = looked_at_before(), t = look((struct collect_request){ 0 }, &before);

    cr_assert(is_remembered(&t));
    cr_assert(says(&t, DISK, "state", "offline"));
    cr_assert(says(&t, DISK, "access_state", "standby"));
    cr_assert_not_null(tree_find(&t, SDA "/holders", "dm-0"));
    cr_assert_not_null(tree_find(&t, SDA "/holders", "dm-1"));
    cr_assert_not_null(tree_find(&t, SDA, "sda1"));
    cr_assert_str_eq(tree_link(&t, SDA, "device"), DISK);
    cr_assert_str_eq(tree_link(&t, "/sys/block", "sda"), SDA);
    cr_assert(says(&t, SESSION, "targetname", "iqn.target"), "classes are always read");
    cr_assert(!is_read_again(&t));
}

Test(block_read, a_disk_that_was_announced_is_read_again)
{
    static const char *const names[] = { "sda", "sda1", "sda7" };
    struct tree before = looked_at_before(), t;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        t = look((struct collect_request){ .touched = { &names[i], 1 } }, &before);
        cr_expect(is_read_again(&t), "%s", names[i]);
    }
    t = look((struct collect_request){ .whole = true }, &before);
    cr_expect(is_read_again(&t), "a rescan");
}

Test(block_read, others_that_were_announced_cost_it_nothing)
{
    static const char *const names[] = { "sdaa", "sdb", "sda", "loop0" };
    struct tree before = looked_at_before(), t;

    t = look((struct collect_request){ .touched = { names, 2 } }, &before);
    cr_assert(is_remembered(&t));
}

Test(block_read, a_disk_that_is_another_is_read_again)
{
    struct tree before = looked_at_before(), t;

    put(DISK "/wwid", "naa.60000000000000000000000000000bbb\n");
    t = look((struct collect_request){ 0 }, &before);
    cr_assert(is_read_again(&t), "another LUN under its name");
    cr_assert(says(&t, DISK, "wwid", "naa.60000000000000000000000000000bbb"));
}

Test(block_read, a_disk_at_another_place_is_read_again)
{
    struct tree before = looked_at_before(), t;

    for (size_t i = 0; i < before.n; i++) {
        struct tree_entry *entry = (struct tree_entry *)(uintptr_t)&before.v[i];

        if (strcmp(entry->dir, SDA) == 0)
            entry->dir = SDA "x";
    }
    t = look((struct collect_request){ 0 }, &before);
    cr_assert(says(&t, SDA, "size", "4096"));
}
