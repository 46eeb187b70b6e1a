/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers of refreshes: one after the other, and what a killed one has left is done again by a
 * later supervisor. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "net/net.h"
#include "refresh_pool.h"

enum { PATIENCE_MS = 60000, TIMEOUT_MS = 10000 };

struct bench {
    char dir[64];
    uuid128 boot;
    struct run_dir *run;
    struct refresh_pool *pool;
    struct refresh_outcome got;
    mono_ms now; /* as the pool is told */
};

static void open_pool(struct bench *b)
{
    const struct refresh_pool_config config = {
        .worker_path = REFRESH_DOUBLE, .dir = b->run, .boot_id = b->boot, .timeout_ms = TIMEOUT_MS
    };
    struct err e;
    int rc;

    b->pool = refresh_pool_new(&config, &rc, &e);
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
    snprintf(b->dir, sizeof b->dir, "/tmp/muster-refresh-XXXXXX");
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

    refresh_pool_free(b->pool);
    run_dir_close(b->run);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    dir = opendir(b->dir);
    while ((d = readdir(dir)) != NULL)
        unlinkat(dirfd(dir), d->d_name, 0);
    closedir(dir);
    cr_expect_eq(rmdir(b->dir), 0);
}

static void run(struct bench *b, const char *how, uint64_t task)
{
    struct refresh_work w = { .present = 0 };
    struct order_key key = { .present = 0 };

    REC_SET(&key, order_key, task, task);
    REC_SET(&key, order_key, job, 3);
    REC_SET(&key, order_key, attempt, 1);
    REC_SET(&w, refresh_work, order, &key);
    REC_SET(&w, refresh_work, vg, how);
    REC_SET(&w, refresh_work, vg_uuid, "VVVVVV-VVVV-VVVV-VVVV-VVVV-VVVV-VVVVVV");
    refresh_pool_run(b->pool, &w);
}

static void reap(struct bench *b)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        refresh_pool_reaped(b->pool, pid, status);
}

/* Waits for the next outcome; a child that ends wakes it. How many workers are to be followed until
 * then. */
static unsigned next(struct bench *b)
{
    unsigned followed = 0;
    struct timespec limit = { .tv_nsec = 50 * 1000 * 1000 };
    mono_ms end = { clock_mono().v + PATIENCE_MS };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (;;) {
        reap(b);
        if (refresh_pool_next(b->pool, b->now, &b->got))
            return followed;
        followed += refresh_pool_deadline(b->pool).v == 0;
        cr_assert_lt(clock_mono().v, end.v, "nothing happens");
        sigtimedwait(&set, NULL, &limit);
    }
}

Test(refresh_pool, one_after_the_other)
{
    struct bench b;

    bench_open(&b);
    cr_expect_eq(refresh_pool_deadline(b.pool).v, INT64_MAX);
    run(&b, "well", 1);
    run(&b, "cannot", 2);
    cr_expect_eq(refresh_pool_deadline(b.pool).v, 0, "it is to be started");
    next(&b);
    cr_assert_not_null(b.got.result, "%s", b.got.error);
    cr_expect_eq(b.got.order.task, 1);
    cr_expect_eq(b.got.result->refreshed, 1);
    next(&b);
    cr_expect_null(b.got.result);
    cr_expect_eq(b.got.order.task, 2);
    cr_expect_str_eq(b.got.error, "LVM does not start");
    cr_expect_eq(refresh_pool_deadline(b.pool).v, INT64_MAX);
    bench_close(&b);
}

Test(refresh_pool, what_was_killed_is_done_again_by_a_later_supervisor)
{
    struct bench b;

    bench_open(&b);
    run(&b, "dies", 1);
    next(&b);
    cr_expect_null(b.got.result);
    refresh_pool_free(b.pool);
    open_pool(&b);
    cr_expect_eq(refresh_pool_deadline(b.pool).v, 0, "without anybody's asking");
    next(&b);
    cr_expect_eq(b.got.order.task, 1);
    run(&b, "well", 2);
    next(&b);
    cr_assert_not_null(b.got.result, "%s", b.got.error);
    refresh_pool_free(b.pool);
    open_pool(&b);
    cr_expect_eq(refresh_pool_deadline(b.pool).v, INT64_MAX, "one that ended has left nothing");
    bench_close(&b);
}

/* Nobody else follows it. */
Test(refresh_pool, what_an_earlier_supervisor_has_left_is_tried_three_times)
{
    const struct refresh_work *const *known;
    struct arena *a = arena_new(0);
    struct bench b;
    size_t n;

    bench_open(&b);
    run(&b, "dies", 1);
    next(&b);
    refresh_pool_free(b.pool);
    open_pool(&b);
    cr_assert_eq(refresh_pool_known(b.pool, a, &known, &n), 0);
    cr_assert_eq(n, 1);
    cr_expect_eq(known[0]->order->task, 1);
    cr_expect_eq(next(&b), 2, "the first and the second are followed by another");
    cr_expect_null(b.got.result);
    cr_assert_eq(refresh_pool_known(b.pool, a, &known, &n), 0);
    cr_expect_eq(n, 0);
    arena_free(a);
    bench_close(&b);
}

/* The worker that runs. */
static pid_t worker_of(struct bench *b)
{
    DIR *dir = opendir("/proc");
    const struct dirent *d;
    pid_t found = 0;

    cr_assert_not_null(dir);
    while (found == 0 && (d = readdir(dir)) != NULL) {
        pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

        if (pid > 0 && refresh_pool_owns(b->pool, pid))
            found = pid;
    }
    closedir(dir);
    cr_assert_neq(found, 0);
    return found;
}

Test(refresh_pool, it_goes_before_what_else_the_node_does)
{
    struct bench b;

    if (geteuid() != 0)
        cr_skip_test("only root may raise priorities");
    bench_open(&b);
    run(&b, "hangs", 1);
    cr_expect_not(refresh_pool_next(b.pool, b.now, &b.got));
    cr_expect_eq(getpriority(PRIO_PROCESS, (id_t)worker_of(&b)), -5);
    bench_close(&b);
}

Test(refresh_pool, one_that_hangs_is_ended)
{
    struct bench b;

    bench_open(&b);
    run(&b, "hangs", 1);
    cr_expect_not(refresh_pool_next(b.pool, b.now, &b.got));
    cr_expect_eq(refresh_pool_deadline(b.pool).v, b.now.v + TIMEOUT_MS);
    b.now.v += TIMEOUT_MS;
    next(&b);
    cr_expect(strstr(b.got.error, "in time"), "%s", b.got.error);
    bench_close(&b);
}
