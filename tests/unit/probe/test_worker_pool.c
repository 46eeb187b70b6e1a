/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers that hang, crash, lie, flood and leave children behind: each costs one outcome with a
 * sentence, and no process and no descriptor is left. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net.h"
#include "worker_children.h"
#include "worker_pool.h"

enum { PATIENCE_MS = 60000, TIMEOUT_MS = 3600 * 1000 };

struct bench {
    struct worker_pool_config config;
    struct worker_pool *pool;
    struct arena *arena;
    struct worker_outcome got;
    mono_ms now; /* as the pool is told: stands still */
    const char *order;
    bool whole;
    int files;
};

static int count_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static void bench_open(struct bench *b, const char *mode)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    *b = (struct bench){ .config = { .worker_path = BAD_WORKER, .sys_root = mode },
                         .arena = arena_new(0),
                         .now = { 1000 },
                         .files = count_files() };
    b->pool = worker_pool_new(&b->config);
    cr_assert_not_null(b->pool);
}

static void bench_close(struct bench *b)
{
    worker_pool_free(b->pool);
    while (waitpid(-1, NULL, 0) > 0) /* those that it has killed */
        continue;
    arena_free(b->arena);
    cr_expect_eq(count_files(), b->files, "descriptors are left");
}

static void start(struct bench *b, enum worker_kind kind)
{
    struct err e = { "" };

    cr_assert_eq(worker_pool_start(b->pool, kind, b->whole, TIMEOUT_MS, b->now, &e), 0, "%s",
                 e.text);
}

/* Waits for the next outcome, whatever the pool's clock says. */
static bool next(struct bench *b, int64_t patience_ms)
{
    int64_t until = clock_mono().v + patience_ms;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    while (!worker_pool_next(b->pool, b->now, b->arena, &b->got)) {
        int64_t left = until - clock_mono().v;
        struct timespec t = { left / 1000, left % 1000 * 1000000 };

        if (left <= 0)
            return false;
        sigtimedwait(&set, NULL, &t);
    }
    return true;
}

static void expect_no_children(void)
{
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_expect_eq(errno, ECHILD, "children are left");
}

/* The outcome of one worker that ends by itself. */
static void expect_done(const char *mode, enum worker_kind kind, const char *error)
{
    struct bench b;

    bench_open(&b, mode);
    start(&b, kind);
    cr_assert(next(&b, PATIENCE_MS), "%s: no outcome", mode);
    cr_expect_eq(b.got.type, WORKER_OUTCOME_DONE, "%s", mode);
    cr_expect_eq(b.got.kind, kind, "%s", mode);
    if (error == NULL) {
        cr_expect_null(b.got.error, "%s: %s", mode, b.got.error);
    } else {
        cr_assert_not_null(b.got.error, "%s", mode);
        cr_expect_not_null(strstr(b.got.error, error), "%s: %s", mode, b.got.error);
    }
    expect_no_children();
    bench_close(&b);
}

Test(pool, takes_what_a_good_worker_brings)
{
    struct bench b;

    bench_open(&b, "good");
    for (int k = 0; k < WORKER_KIND_COUNT; k++)
        start(&b, (enum worker_kind)k);
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        uint32_t brought = 0;

        cr_assert(next(&b, PATIENCE_MS));
        cr_expect_null(b.got.error, "%s", b.got.error);
        for (size_t i = 0; i < b.got.section_count; i++) {
            brought |= 1u << b.got.sections[i].id;
            cr_expect_not_null(b.got.sections[i].hashes, "not normalised");
            cr_expect_eq(b.got.sections[i].status, SECTION_ABSENT);
        }
        cr_expect_eq(brought, worker_kind_sections(b.got.kind));
    }
    expect_no_children();
    cr_expect_eq(worker_pool_deadline(b.pool).v, INT64_MAX);
    bench_close(&b);
}

Test(pool, has_one_worker_of_a_kind)
{
    struct bench b;
    struct err e = { "" };

    bench_open(&b, "good");
    start(&b, WORKER_NET);
    cr_expect_eq(worker_pool_start(b.pool, WORKER_NET, true, TIMEOUT_MS, b.now, &e), -EBUSY);
    cr_expect_not_null(strstr(e.text, "net"));
    cr_assert(next(&b, PATIENCE_MS));
    start(&b, WORKER_NET);
    cr_assert(next(&b, PATIENCE_MS));
    bench_close(&b);
}

Test(pool, tells_how_a_worker_ended)
{
    expect_done("crash", WORKER_NET, "signal 11 (SEGV): about to ?[31mcrash");
    expect_done("leave", WORKER_NET, "status 3");
    expect_done("silent", WORKER_NET, "without a word");
    expect_done("error", WORKER_LLDP, "the driver does not answer");
}

Test(pool, believes_no_message_that_is_none)
{
    expect_done("garbage", WORKER_NET, "");
    expect_done("large-message", WORKER_NET, "no message that a worker sends");
    expect_done("other-version", WORKER_NET, "another version");
    expect_done("two-results", WORKER_NET, "more than one message");
}

Test(pool, believes_no_file_that_is_not_what_it_says)
{
    expect_done("garbage-rows", WORKER_NET, "");
    expect_done("large", WORKER_NET, "larger than");
    expect_done("claims-all", WORKER_NET, "larger than");
    expect_done("claims-more", WORKER_NET, "not as long as it says");
    expect_done("claims-less", WORKER_NET, "not as long as it says");
    expect_done("unsealed", WORKER_NET, "no sealed memory file");
    expect_done("pipe", WORKER_NET, "no sealed memory file");
    expect_done("no-memfd", WORKER_NET, "without its memory file");
}

Test(pool, takes_only_sections_of_the_kind_and_each_once)
{
    expect_done("other-kind", WORKER_NET, "another kind");
    expect_done("other-kind", WORKER_SYSTEM, "another kind");
    expect_done("twice", WORKER_NET, "twice");
}

Test(pool, nobody_waits_for_a_reader_of_stderr)
{
    expect_done("shout", WORKER_NET, NULL);
}

Test(pool, ends_what_a_worker_leaves_behind)
{
    expect_done("linger", WORKER_NET, NULL);
}

Test(pool, ends_a_daemon_too_that_a_worker_leaves_behind)
{
    struct bench b;
    int64_t until = clock_mono().v + PATIENCE_MS;

    bench_open(&b, "escape");
    start(&b, WORKER_NET);
    cr_assert(next(&b, PATIENCE_MS));
    cr_expect_null(b.got.error, "%s", b.got.error);
    /* It is a child of ours now, and reaped as any other. */
    while (worker_children(NULL, NULL) > 0 && clock_mono().v < until)
        cr_expect_not(next(&b, 10));
    expect_no_children();
    bench_close(&b);
}

/* ---- a child that no signal ends ------------------------------------------------------------ */

/* A file system that answers when it is told to: a process that waits for an answer to what has
 * been read from `fd` waits until then, whatever signals come. */
struct held_fs {
    char folder[32];
    int fd;
};

static bool fuse_answer(const struct held_fs *f, uint64_t unique, int error, const void *p,
                        size_t n)
{
    struct fuse_out_header head = { .len = (uint32_t)(sizeof head + n),
                                    .error = -error,
                                    .unique = unique };
    struct iovec parts[] = { { &head, sizeof head }, { (void *)(uintptr_t)p, n } };

    return writev(f->fd, parts, 2) == (ssize_t)head.len;
}

/* The next request for a name: its number. */
static uint64_t fuse_lookup(const struct held_fs *f, char name[64])
{
    static _Alignas(8) char request[1 << 17];
    const struct fuse_in_header *head = (const void *)request;

    do
        cr_assert_gt(read(f->fd, request, sizeof request), 0);
    while (head->opcode == FUSE_GETATTR || head->opcode == FUSE_ACCESS);
    cr_assert_eq(head->opcode, FUSE_LOOKUP, "opcode %u", head->opcode);
    snprintf(name, 64, "%.63s", request + sizeof *head);
    return head->unique;
}

static bool held_open(struct held_fs *f)
{
    static _Alignas(8) char request[1 << 17];
    struct fuse_init_out init = { .major = 7,
                                  .minor = 31,
                                  .max_readahead = 65536,
                                  .max_write = 65536,
                                  .flags = FUSE_PARALLEL_DIROPS };
    char options[96];

    *f = (struct held_fs){ .folder = "/tmp/muster-pool-XXXXXX" };
    f->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (f->fd < 0 || geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mkdtemp(f->folder) == NULL)
        return false;
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
             f->fd);
    if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("muster-test", f->folder, "fuse", 0, options) != 0) {
        rmdir(f->folder);
        return false;
    }
    return read(f->fd, request, sizeof request) > 0 &&
           fuse_answer(f, ((struct fuse_in_header *)(void *)request)->unique, 0, &init,
                       sizeof init);
}

static void held_close(struct held_fs *f)
{
    umount2(f->folder, MNT_DETACH);
    close(f->fd);
    rmdir(f->folder);
}

static void reopen_pool(struct bench *b)
{
    worker_pool_free(b->pool);
    b->pool = worker_pool_new(&b->config);
    cr_assert_not_null(b->pool);
}

Test(pool, a_child_that_no_signal_ends_keeps_nobody_waiting)
{
    struct held_fs f;
    struct bench b;
    const char *folder = f.folder;
    uint64_t held = 0, answered = 0;
    int64_t until;

    if (!held_open(&f))
        cr_skip_test("SKIP: needs root and FUSE");
    bench_open(&b, "stray");
    b.config.interfaces = (struct strs){ &folder, 1 };
    reopen_pool(&b);
    start(&b, WORKER_STORAGE);
    while (held == 0 || answered == 0) {
        char name[64];
        uint64_t unique = fuse_lookup(&f, name);

        *(strcmp(name, "held") == 0 ? &held : &answered) = unique;
    }
    cr_assert(fuse_answer(&f, answered, ENOENT, NULL, 0));
    cr_assert(next(&b, PATIENCE_MS));
    cr_expect_eq(b.got.type, WORKER_OUTCOME_DONE);
    cr_expect_null(b.got.error, "%s", b.got.error);
    b.now.v += TIMEOUT_MS;
    cr_expect_not(next(&b, 100), "it is no worker that is stuck");
    cr_expect_eq(worker_pool_deadline(b.pool).v, INT64_MAX);
    cr_expect_eq(worker_children(NULL, NULL), 1, "it lives");
    cr_assert(fuse_answer(&f, held, ENOENT, NULL, 0));
    until = clock_mono().v + PATIENCE_MS;
    while (worker_children(NULL, NULL) > 0 && clock_mono().v < until)
        cr_expect_not(next(&b, 10));
    expect_no_children();
    bench_close(&b);
    held_close(&f);
}

/* ---- what is kept from one worker to the next ----------------------------------------------- */

static void expect_kept(struct bench *b, enum worker_kind kind, const char *order, const char *says)
{
    const char *said;

    b->order = order;
    start(b, kind);
    cr_assert(next(b, PATIENCE_MS));
    said = b->got.error == NULL ? b->got.sections[0].status_text : b->got.error;
    cr_expect_not_null(strstr(said, says), "%s: %s", order, said);
    if (says[strlen(says) - 1] == ':') /* and no names */
        cr_expect_str_eq(said, says);
}

Test(pool, what_a_worker_wants_kept_is_given_to_the_next_of_its_kind)
{
    struct bench b;

    bench_open(&b, "keep");
    b.config.devices = (struct strs){ &b.order, 1 };
    reopen_pool(&b);
    expect_kept(&b, WORKER_STORAGE, "one-more", "had 0");
    expect_kept(&b, WORKER_STORAGE, "one-more", "had 1");
    expect_kept(&b, WORKER_LVM, "one-more", "had 0");
    expect_kept(&b, WORKER_STORAGE, "all", "had 2");
    expect_kept(&b, WORKER_STORAGE, "fail", "had 4194304");
    expect_kept(&b, WORKER_STORAGE, "crash", "status 3");
    expect_kept(&b, WORKER_STORAGE, "too-much", "wants 4194305 bytes kept, more than 4194304");
    expect_kept(&b, WORKER_STORAGE, "unsealed", "kept is in no sealed memory file");
    expect_kept(&b, WORKER_STORAGE, "three-files", "came with 3 files, more than 2");
    expect_kept(&b, WORKER_STORAGE, "nothing", "had 4194304");
    expect_kept(&b, WORKER_STORAGE, "nothing", "had 0");
    expect_kept(&b, WORKER_LVM, "one-more", "had 1");
    bench_close(&b);
}

static void touch(struct bench *b, const char *name)
{
    struct device_names names = { .n = 0 };

    device_names_add(&names, name, strlen(name));
    worker_pool_touch(b->pool, &names);
}

/* Until one has ended well: one that failed may not have looked at them. */
Test(pool, devices_that_were_announced_are_named_to_the_next_of_each_kind)
{
    struct bench b;

    bench_open(&b, "told");
    b.config.devices = (struct strs){ &b.order, 1 };
    reopen_pool(&b);
    expect_kept(&b, WORKER_STORAGE, "good", "some:");
    touch(&b, "sda");
    touch(&b, "sdb");
    touch(&b, "sda");
    expect_kept(&b, WORKER_STORAGE, "fail", "some: sda sdb");
    touch(&b, "sdc");
    expect_kept(&b, WORKER_STORAGE, "good", "some: sda sdb sdc");
    expect_kept(&b, WORKER_STORAGE, "good", "some:");
    expect_kept(&b, WORKER_LVM, "good", "some: sda sdb sdc");
    b.whole = true;
    expect_kept(&b, WORKER_STORAGE, "good", "whole:");
    b.whole = false;
    for (int i = 0; i <= DEVICE_NAMES_MAX; i++) {
        char name[16];

        snprintf(name, sizeof name, "loop%d", i);
        touch(&b, name);
    }
    expect_kept(&b, WORKER_STORAGE, "good", "whole:");
    touch(&b, "a-name-that-no-kernel-has-for-a-device");
    expect_kept(&b, WORKER_STORAGE, "fail", "whole:");
    expect_kept(&b, WORKER_STORAGE, "good", "whole:");
    expect_kept(&b, WORKER_STORAGE, "good", "some:");
    bench_close(&b);
}

Test(pool, a_program_that_is_not_there_is_an_outcome)
{
    struct bench b;

    bench_open(&b, "good");
    b.config.worker_path = "/nonexistent/worker";
    worker_pool_free(b.pool);
    b.pool = worker_pool_new(&b.config);
    start(&b, WORKER_NET);
    cr_assert(next(&b, PATIENCE_MS));
    cr_assert_not_null(b.got.error);
    cr_expect_not_null(strstr(b.got.error, "cannot start /nonexistent/worker"), "%s", b.got.error);
    bench_close(&b);
}

/* Kills at the deadline and not before; once it is gone another may be started. */
static void expect_stuck(const char *mode)
{
    struct bench b;

    bench_open(&b, mode);
    start(&b, WORKER_NET);
    cr_expect_eq(worker_pool_deadline(b.pool).v, b.now.v + TIMEOUT_MS);
    b.now.v += TIMEOUT_MS - 1;
    cr_expect_not(worker_pool_next(b.pool, b.now, b.arena, &b.got), "%s", mode);
    b.now.v++;
    cr_assert(next(&b, 0), "%s", mode);
    cr_expect_eq(b.got.type, WORKER_OUTCOME_STUCK, "%s", mode);
    cr_expect_not_null(strstr(b.got.error, "has not answered within"), "%s", b.got.error);
    cr_expect_eq(worker_pool_deadline(b.pool).v, INT64_MAX, "%s", mode);
    cr_assert(next(&b, PATIENCE_MS), "%s", mode);
    cr_expect_eq(b.got.type, WORKER_OUTCOME_GONE, "%s", mode);
    expect_no_children();
    start(&b, WORKER_NET);
    bench_close(&b);
}

Test(pool, kills_who_hangs)
{
    expect_stuck("hang");
    expect_stuck("stop");
    expect_stuck("flood");
}

/* ---- one that cannot be reaped -------------------------------------------------------------- */

static void find_other(void *ctx, pid_t pid)
{
    pid_t *pids = ctx; /* the one that is known, the one that is looked for */

    if (pid != pids[0])
        pids[1] = pid;
}

/* A process that traces another keeps it from its parent, as a kernel does in which it hangs. */
static pid_t start_tracer(const int orders[2], int answers)
{
    pid_t pid = fork(), target;
    char yes;

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(orders[1]);
    if (read(orders[0], &target, sizeof target) == sizeof target) {
        yes = ptrace(PTRACE_SEIZE, target, 0, 0) == 0;
        if (write(answers, &yes, 1) == 1)
            (void)!read(orders[0], &yes, 1); /* until it is closed */
    }
    _exit(0);
}

Test(pool, goes_on_without_one_that_cannot_be_reaped)
{
    int orders[2], answers[2];
    pid_t pids[2] = { 0, 0 };
    struct err e;
    struct bench b;
    char yes = 0;

    cr_assert(pipe2(orders, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0);
    pids[0] = start_tracer(orders, answers[1]);
    close(orders[0]);
    bench_open(&b, "hang-net");
    start(&b, WORKER_NET);
    cr_assert_eq(worker_children(find_other, pids), 2);
    cr_assert_eq(write(orders[1], &pids[1], sizeof pids[1]), sizeof pids[1]);
    cr_assert_eq(read(answers[0], &yes, 1), 1);
    if (!yes)
        cr_skip_test("this system forbids to trace another process");
    b.now.v += TIMEOUT_MS;
    cr_assert(next(&b, 0));
    cr_expect_eq(b.got.type, WORKER_OUTCOME_STUCK);
    b.now.v += TIMEOUT_MS;
    cr_expect_not(next(&b, 300), "told once");
    cr_expect_eq(worker_pool_start(b.pool, WORKER_NET, true, TIMEOUT_MS, b.now, &e), -EBUSY);
    start(&b, WORKER_LLDP);
    cr_assert(next(&b, PATIENCE_MS), "the other kinds go on");
    cr_expect_eq(b.got.kind, WORKER_LLDP);
    close(orders[1]); /* the tracer ends */
    cr_assert(next(&b, PATIENCE_MS));
    cr_expect_eq(b.got.type, WORKER_OUTCOME_GONE);
    cr_expect_eq(b.got.kind, WORKER_NET);
    close(answers[0]);
    close(answers[1]);
    worker_pool_free(b.pool);
    arena_free(b.arena);
}
