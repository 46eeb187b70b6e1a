/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers of scans that end well and badly: what the agent is told, and that a right stays in the
 * run directory for exactly as long as something may be mounted. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "net/net.h"
#include "scan_pool_internal.h"
#include "wire/codec.h"

enum { PATIENCE_MS = 60000, REQUEST = 5000, TOKEN = 42 };

static uuid128 boot; /* of each test, since they run beside each other and end workers of theirs */
static const uint8_t resource[16] = { 0xf0, 1 };

struct bench {
    char dir[64], mounted[80];
    struct run_dir *run;
    struct scan_pool *pool;
    struct scan_outcome_of got;
    mono_ms now; /* as the pool is told */
};

static void open_pool(struct bench *b)
{
    const struct scan_pool_config config = {
        .worker_path = SCAN_DOUBLE, .dir = b->run, .boot_id = boot, .timeout_ms = 10000
    };
    struct err e;
    int rc;

    b->pool = scan_pool_new(&config, b->now, &rc, &e);
    cr_assert_not_null(b->pool, "%s", e.text);
}

static void bench_open(struct bench *b)
{
    struct err e;
    sigset_t set;
    int rc;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    *b = (struct bench){ .now = clock_mono() };
    snprintf(b->dir, sizeof b->dir, "/tmp/muster-scan-XXXXXX");
    cr_assert_not_null(mkdtemp(b->dir));
    boot = uuid_v4_from((const uint8_t *)b->dir + strlen(b->dir) - 16);
    snprintf(b->mounted, sizeof b->mounted, "%s/mounted", b->dir);
    b->run = run_dir_open(b->dir, &rc, &e);
    cr_assert_not_null(b->run, "%s", e.text);
    open_pool(b);
}

static void set_mounted(const struct bench *b, bool is)
{
    if (is)
        close(open(b->mounted, O_CREAT | O_WRONLY, 0600));
    else
        unlink(b->mounted);
}

static bool is_noted(const struct bench *b)
{
    char path[200], text[UUID_TEXT];

    snprintf(path, sizeof path, "%s/scan-%s-%d", b->dir, uuid_text(boot, text), REQUEST);
    return access(path, F_OK) == 0;
}

static void bench_close(struct bench *b)
{
    const struct dirent *d;
    DIR *dir;

    scan_pool_free(b->pool);
    run_dir_close(b->run);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    dir = opendir(b->dir);
    while ((d = readdir(dir)) != NULL) {
        if (d->d_name[0] != '.' && unlinkat(dirfd(dir), d->d_name, 0) != 0)
            unlinkat(dirfd(dir), d->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
    cr_expect_eq(rmdir(b->dir), 0);
}

static void run_order(struct bench *b, enum scan_order_kind kind, const char *how,
                      const char *proof)
{
    struct scan_order o = { .present = 0 };
    struct order_key key = { .present = 0 };

    REC_SET(&key, order_key, task, 7);
    REC_SET(&key, order_key, job, 3);
    REC_SET(&key, order_key, attempt, 1);
    REC_SET(&o, scan_order, kind, kind);
    REC_SET(&o, scan_order, request, REQUEST);
    REC_SET(&o, scan_order, token, TOKEN);
    REC_SET(&o, scan_order, deadline_ms, (uint64_t)b->now.v + 10000);
    REC_SET(&o, scan_order, order, &key);
    REC_SET(&o, scan_order, resource, wire_bytes16(resource));
    REC_SET(&o, scan_order, device, "loop0");
    REC_SET(&o, scan_order, type, proof);
    REC_SET(&o, scan_order, uuid, how);
    REC_SET(&o, scan_order, mount_at, b->mounted);
    scan_pool_run(b->pool, &o, b->now);
}

static void scan(struct bench *b, const char *how)
{
    run_order(b, SCAN_ORDER_SCAN, how, "proves");
}

static void reap(struct bench *b)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        scan_pool_reaped(b->pool, pid, status);
}

/* Until a child has ended, or it is worth while to look again. */
static void wait_a_little(void)
{
    struct timespec limit = { .tv_nsec = 50 * 1000 * 1000 };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigtimedwait(&set, NULL, &limit);
}

/* Waits for the next outcome, at the pool's own time. */
static void next(struct bench *b)
{
    mono_ms end = { clock_mono().v + PATIENCE_MS };

    for (;;) {
        reap(b);
        if (scan_pool_next(b->pool, b->now, &b->got))
            return;
        cr_assert_lt(clock_mono().v, end.v, "nothing happens");
        wait_a_little();
    }
}

/* Until the proof that has begun has failed. */
static void settle(struct bench *b)
{
    struct timespec limit = { .tv_nsec = 50 * 1000 * 1000 };
    mono_ms end = { clock_mono().v + PATIENCE_MS };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    while (scan_pool_sweeps(b->pool, b->now)) {
        reap(b);
        cr_assert_not(scan_pool_next(b->pool, b->now, &b->got));
        cr_assert_lt(clock_mono().v, end.v, "the proof does not end");
        sigtimedwait(&set, NULL, &limit);
    }
}

static void nothing(struct bench *b)
{
    reap(b);
    cr_expect_not(scan_pool_next(b->pool, b->now, &b->got));
}

Test(scan_pool, a_scan_that_ends_well)
{
    struct bench b;

    bench_open(&b);
    scan(&b, "well");
    cr_expect(is_noted(&b), "before the worker can have done anything");
    next(&b);
    cr_expect_eq(b.got.type, SCAN_EVENT_DONE);
    cr_expect_eq(b.got.request, REQUEST);
    cr_assert_not_null(b.got.scan, "%s", b.got.error);
    cr_expect_eq(b.got.scan->outcome, SCAN_COMPLETE);
    cr_expect(b.got.clean);
    cr_expect_not(is_noted(&b));
    nothing(&b);
    cr_expect_eq(scan_pool_deadline(b.pool).v, INT64_MAX);
    bench_close(&b);
}

Test(scan_pool, a_device_that_is_not_as_it_was_is_told)
{
    struct bench b;

    bench_open(&b);
    scan(&b, "well");
    next(&b);
    cr_expect_null(b.got.stale);
    scan(&b, "stale");
    next(&b);
    cr_assert_not_null(b.got.stale);
    cr_expect_str_eq(b.got.stale->device, "loop0");
    nothing(&b);
    bench_close(&b);
}

Test(scan_pool, what_dies_is_proven_clean_by_another)
{
    static const char *const hows[] = { "dies", "unclean", "unsealed" };

    for (size_t i = 0; i < ARRAY_LEN(hows); i++) {
        struct bench b;

        bench_open(&b);
        scan(&b, hows[i]);
        next(&b);
        cr_expect_eq(b.got.type, SCAN_EVENT_DONE);
        cr_expect(b.got.clean);
        if (i != 1)
            cr_assert_not_null(b.got.error);
        if (i == 0)
            cr_expect_not_null(strstr(b.got.error, "signal 10"));
        cr_expect_not(is_noted(&b));
        bench_close(&b);
    }
}

Test(scan_pool, what_is_not_proven_is_residue_until_it_is)
{
    struct agent_residue *residues;
    struct arena *a = arena_new(0);
    struct bench b;
    size_t n;

    bench_open(&b);
    set_mounted(&b, true);
    scan(&b, "dies");
    next(&b);
    cr_expect_eq(b.got.type, SCAN_EVENT_DONE);
    cr_expect_not(b.got.clean);
    cr_expect(is_noted(&b));
    nothing(&b);
    cr_assert_eq(scan_pool_residues(b.pool, a, &residues, &n), 0);
    cr_assert_eq(n, 1);
    cr_expect_eq(residues[0].request, REQUEST);
    cr_expect_eq(residues[0].token, TOKEN);
    set_mounted(&b, false);
    nothing(&b);
    b.now = scan_pool_deadline(b.pool); /* it is looked at again */
    cr_assert_neq(b.now.v, INT64_MAX);
    next(&b);
    cr_expect_eq(b.got.type, SCAN_EVENT_CLEAN);
    cr_expect_eq(b.got.request, REQUEST);
    cr_expect_not(is_noted(&b));
    arena_free(a);
    bench_close(&b);
}

Test(scan_pool, one_that_does_not_end_in_time_is_killed_and_told)
{
    struct bench b;

    bench_open(&b);
    scan(&b, "hangs");
    nothing(&b);
    cr_expect_eq(scan_pool_deadline(b.pool).v, b.now.v + 10000 + LEASE_STOP_BUDGET_MS);
    b.now.v += 10000 + LEASE_STOP_BUDGET_MS;
    cr_assert(scan_pool_next(b.pool, b.now, &b.got), "at once, whether it can be killed or not");
    cr_expect_eq(b.got.type, SCAN_EVENT_DONE);
    cr_expect_not(b.got.clean, "it has not ended yet, as far as is known");
    next(&b);
    cr_expect_eq(b.got.type, SCAN_EVENT_CLEAN);
    bench_close(&b);
}

Test(scan_pool, killed_and_extended)
{
    struct bench b;

    bench_open(&b);
    scan(&b, "extended");
    scan_pool_extend(b.pool, REQUEST, (mono_ms){ b.now.v + 20000 });
    cr_expect_eq(scan_pool_deadline(b.pool).v, b.now.v + 20000 + LEASE_STOP_BUDGET_MS);
    next(&b);
    cr_expect_not_null(b.got.scan, "it has got the extension");
    scan(&b, "hangs");
    scan_pool_kill(b.pool, REQUEST);
    next(&b);
    cr_expect_null(b.got.scan);
    cr_expect(b.got.clean);
    cr_expect_not_null(strstr(b.got.error, "signal 9"));
    bench_close(&b);
}

Test(scan_pool, an_extension_that_comes_too_late_spoils_no_result)
{
    struct bench b;

    bench_open(&b);
    scan(&b, "ends without it");
    scan_pool_extend(b.pool, REQUEST, (mono_ms){ b.now.v + 20000 });
    next(&b);
    cr_expect_null(b.got.error);
    cr_expect_not_null(b.got.scan);
    bench_close(&b);
}

Test(scan_pool, a_worker_is_found_by_its_boot_and_request_alone)
{
    mono_ms end = { clock_mono().v + PATIENCE_MS };
    uuid128 other;
    struct bench b;

    bench_open(&b);
    other = boot;
    other.b[15] ^= 1;
    scan(&b, "hangs");
    do {
        cr_expect_eq(end_workers_of(boot, REQUEST + 1), 0);
        cr_expect_eq(end_workers_of(other, REQUEST), 0);
        cr_assert_lt(clock_mono().v, end.v, "it is not found");
        wait_a_little();
    } while (end_workers_of(boot, REQUEST) == 0); /* it may not have begun yet */
    next(&b);
    cr_expect_not_null(strstr(b.got.error, "signal 9"));
    bench_close(&b);
}

Test(scan_pool, a_right_that_cannot_be_noted_starts_no_worker)
{
    struct bench b;
    char text[UUID_TEXT], path[200];

    bench_open(&b);
    snprintf(path, sizeof path, "%s/scan-%s-%d", b.dir, uuid_text(boot, text), REQUEST);
    cr_assert_eq(mkdir(path, 0700), 0);
    scan(&b, "well");
    cr_expect_not(scan_pool_owns(b.pool, 0));
    next(&b);
    cr_expect_null(b.got.scan);
    cr_expect(b.got.clean);
    cr_expect_not_null(strstr(b.got.error, "cannot be written"));
    bench_close(&b);
}

Test(scan_pool, a_later_supervisor_takes_up_what_is_left)
{
    struct arena *a = arena_new(0);
    struct agent_residue *residues;
    struct bench b;
    size_t n;

    bench_open(&b);
    set_mounted(&b, true);
    scan(&b, "hangs");
    scan_pool_free(b.pool);
    open_pool(&b);
    cr_expect(scan_pool_sweeps(b.pool, b.now));
    nothing(&b);
    cr_assert_eq(scan_pool_residues(b.pool, a, &residues, &n), 0);
    cr_assert_eq(n, 1);
    cr_expect_eq(residues[0].request, REQUEST);
    cr_expect_arr_eq(residues[0].resource.b, resource, sizeof resource, "it is known of what");
    cr_expect_not(scan_pool_sweeps(b.pool, (mono_ms){ b.now.v + 6000 }), "not for ever");
    settle(&b);
    set_mounted(&b, false);
    b.now = scan_pool_deadline(b.pool);
    next(&b);
    cr_expect_eq(b.got.type, SCAN_EVENT_CLEAN);
    cr_expect_not(scan_pool_sweeps(b.pool, b.now));
    cr_expect_not(is_noted(&b));
    arena_free(a);
    bench_close(&b);
}

Test(scan_pool, a_right_that_cannot_be_read_stops_the_start)
{
    struct scan_pool_config c = { .worker_path = SCAN_DOUBLE };
    char text[UUID_TEXT], path[200];
    struct bench b;
    struct err e;
    int rc;

    bench_open(&b);
    snprintf(path, sizeof path, "%s/scan-%s-%d", b.dir, uuid_text(boot, text), REQUEST);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    c.dir = b.run;
    c.boot_id = boot;
    cr_expect_null(scan_pool_new(&c, b.now, &rc, &e));
    cr_expect_not_null(strstr(e.text, "remove it"));
    c.boot_id.b[0] = 9;
    scan_pool_free(scan_pool_new(&c, b.now, &rc, &e));
    cr_expect_eq(rc, 0, "that of another boot does not count");
    cr_expect_not(is_noted(&b));
    bench_close(&b);
}

Test(scan_pool, a_reach)
{
    struct bench b;

    bench_open(&b);
    run_order(&b, SCAN_ORDER_REACH, "well", "proves");
    next(&b);
    cr_expect_eq(b.got.type, SCAN_EVENT_REACHED);
    cr_assert_not_null(b.got.reach);
    cr_expect(b.got.reach->proven);
    cr_expect_eq(b.got.order.job, 3);
    run_order(&b, SCAN_ORDER_REACH, "hangs", "proves");
    nothing(&b);
    b.now.v += 10000 + LEASE_STOP_BUDGET_MS;
    next(&b);
    cr_expect_eq(b.got.type, SCAN_EVENT_REACHED);
    cr_expect_null(b.got.reach);
    cr_expect_not_null(strstr(b.got.error, "does not answer"));
    bench_close(&b);
}
