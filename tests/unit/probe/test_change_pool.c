/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers of changes that end well and badly: what the agent is told, when, and what a later
 * supervisor knows of them. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "change_pool_internal.h"
#include "net/net.h"

enum { PATIENCE_MS = 60000, TIMEOUT_MS = 10000 };

struct bench {
    char dir[64];
    uuid128 boot; /* of each test, since they run beside each other and end workers of theirs */
    struct run_dir *run;
    struct change_pool *pool;
    struct change_outcome got;
    mono_ms now; /* as the pool is told */
    struct order_key key;
};

static void open_pool(struct bench *b)
{
    const struct change_pool_config config = {
        .worker_path = CHANGE_DOUBLE, .dir = b->run, .boot_id = b->boot, .timeout_ms = TIMEOUT_MS
    };
    struct err e;
    int rc;

    b->pool = change_pool_new(&config, b->now, &rc, &e);
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
    snprintf(b->dir, sizeof b->dir, "/tmp/muster-change-XXXXXX");
    cr_assert_not_null(mkdtemp(b->dir));
    b->boot = uuid_v4_from((const uint8_t *)b->dir + strlen(b->dir) - 16);
    b->run = run_dir_open(b->dir, &rc, &e);
    cr_assert_not_null(b->run, "%s", e.text);
    open_pool(b);
}

static void bench_close(struct bench *b)
{
    const struct dirent *d;
    DIR *dir;

    change_pool_free(b->pool);
    run_dir_close(b->run);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    dir = opendir(b->dir);
    while ((d = readdir(dir)) != NULL)
        unlinkat(dirfd(dir), d->d_name, 0);
    closedir(dir);
    cr_expect_eq(rmdir(b->dir), 0);
}

static void run_change(struct bench *b, const char *how, uint64_t attempt)
{
    struct lvm_order o = { .present = 0 };
    struct lvm_change c = { .present = 0 };

    REC_SET(&b->key, order_key, task, 7);
    REC_SET(&b->key, order_key, job, 3);
    REC_SET(&b->key, order_key, attempt, attempt);
    REC_SET(&o, lvm_order, order, &b->key);
    REC_SET(&o, lvm_order, token, 42);
    REC_SET(&o, lvm_order, op, LVM_VG_REMOVE);
    REC_SET(&o, lvm_order, vg, how);
    REC_SET(&o, lvm_order, vg_uuid, "VVVVVV-VVVV-VVVV-VVVV-VVVV-VVVV-VVVVVV");
    REC_SET(&o, lvm_order, tag, "m");
    REC_SET(&c, lvm_change, order, &o);
    change_pool_run(b->pool, &c, b->now);
}

static void reap(struct bench *b)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        change_pool_reaped(b->pool, pid, status);
}

/* Waits for the next outcome; a child that ends wakes it. To the pool so much time passes from look
 * to look: it looks again for what is not its child, and that may take its time to end. */
static void next_in(struct bench *b, int64_t step_ms)
{
    struct timespec limit = { .tv_nsec = 50 * 1000 * 1000 };
    mono_ms end = { clock_mono().v + PATIENCE_MS };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (;;) {
        reap(b);
        if (change_pool_next(b->pool, b->now, &b->got))
            return;
        cr_assert_lt(clock_mono().v, end.v, "nothing happens");
        sigtimedwait(&set, NULL, &limit);
        b->now.v += step_ms;
    }
}

static void next(struct bench *b)
{
    next_in(b, 0);
}

static void expect_known(struct bench *b, size_t count, bool runs)
{
    struct arena *a = arena_new(0);
    struct agent_change *v;
    size_t n;

    cr_assert_eq(change_pool_known(b->pool, a, &v, &n), 0);
    cr_assert_eq(n, count, "%zu", n);
    if (n > 0) {
        cr_expect_eq(v[0].runs, runs);
        cr_expect_eq(v[0].change->order->token, 42);
    }
    arena_free(a);
}

Test(change_pool, one_that_ends_well)
{
    struct bench b;

    bench_open(&b);
    run_change(&b, "well", 1);
    cr_expect_eq(change_pool_deadline(b.pool).v, b.now.v + TIMEOUT_MS);
    next(&b);
    cr_assert_not_null(b.got.result, "%s", b.got.error);
    cr_expect_eq(b.got.result->outcome, LVM_DONE);
    cr_expect_eq(b.got.order.attempt, 1);
    cr_expect_eq(change_pool_deadline(b.pool).v, INT64_MAX);
    change_pool_free(b.pool);
    open_pool(&b);
    expect_known(&b, 1, false); /* so that no older token follows */
    bench_close(&b);
}

Test(change_pool, one_that_dies_says_how)
{
    struct bench b;

    bench_open(&b);
    run_change(&b, "dies", 1);
    next(&b);
    cr_expect_null(b.got.result);
    cr_expect(strstr(b.got.error, "SIGUSR1") || strstr(b.got.error, "USR1"), "%s", b.got.error);
    bench_close(&b);
}

Test(change_pool, one_that_hangs_is_ended_and_told_when_it_is_gone)
{
    struct bench b;

    bench_open(&b);
    run_change(&b, "hangs", 1);
    cr_expect_not(change_pool_next(b.pool, b.now, &b.got));
    b.now.v += TIMEOUT_MS;
    next(&b);
    cr_expect(strstr(b.got.error, "had not come to an end in time"), "%s", b.got.error);
    cr_expect_eq(change_workers(b.boot, &b.key, false), 0);
    bench_close(&b);
}

Test(change_pool, a_later_supervisor_ends_what_lives_and_waits_until_it_is_gone)
{
    struct change_pool *earlier;
    struct bench b;

    bench_open(&b);
    run_change(&b, "hangs", 1);
    earlier = b.pool;
    while (change_workers(b.boot, &b.key, false) == 0) /* until it is a program of its own */
        cr_assert_not(change_pool_next(b.pool, b.now, &b.got));
    open_pool(&b); /* the supervisor is gone, and nobody has told its worker */
    expect_known(&b, 1, true);
    next_in(&b, 1000);
    cr_expect_eq(b.got.order.task, 7);
    cr_expect(strstr(b.got.error, "restarted"), "%s", b.got.error);
    cr_expect_eq(change_workers(b.boot, &b.key, false), 0, "it is gone when that is told");
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    change_pool_free(earlier);
    bench_close(&b);
}

Test(change_pool, what_another_boot_has_left_is_of_no_use)
{
    struct bench b;

    bench_open(&b);
    run_change(&b, "well", 1);
    next(&b);
    change_pool_free(b.pool);
    b.boot.b[0] ^= 1;
    open_pool(&b);
    expect_known(&b, 0, false);
    bench_close(&b);
}

Test(change_pool, one_that_cannot_be_noted_is_not_begun)
{
    struct bench b;
    struct lvm_order o = { .present = 0 };
    struct lvm_change c = { .present = 0 };

    bench_open(&b);
    REC_SET(&b.key, order_key, task, 7);
    REC_SET(&o, lvm_order, order, &b.key);
    REC_SET(&o, lvm_order, op, LVM_VG_CREATE);
    REC_SET(&o, lvm_order, vg, "a/b");
    REC_SET(&o, lvm_order, tag, "m");
    REC_SET(&c, lvm_change, order, &o);
    change_pool_run(b.pool, &c, b.now);
    next(&b);
    cr_expect_null(b.got.result);
    cr_expect(strstr(b.got.error, "is no name of a volume group"), "%s", b.got.error);
    bench_close(&b);
}
