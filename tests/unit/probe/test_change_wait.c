/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker that an earlier supervisor has left and that does not go, as one does whose device does
 * not answer: with a /proc of the test's making. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "change_pool_internal.h"

static int living; /* workers that /proc shows; -1: it cannot be read */

/* In place of change_sweep.c. */
int change_workers(uuid128 boot, const struct order_key *key, bool end)
{
    (void)boot;
    cr_expect_eq(key->task, 7);
    cr_expect(end, "what is left is killed, each time");
    return living;
}

static void note(const struct run_dir *run, uuid128 boot)
{
    struct order_key key = { .present = 0 };
    struct lvm_order o = { .present = 0 };
    struct lvm_change c = { .present = 0 };
    struct err e;

    REC_SET(&key, order_key, task, 7);
    REC_SET(&key, order_key, job, 1);
    REC_SET(&key, order_key, attempt, 1);
    REC_SET(&o, lvm_order, order, &key);
    REC_SET(&o, lvm_order, token, 42);
    REC_SET(&o, lvm_order, op, LVM_VG_CREATE);
    REC_SET(&o, lvm_order, vg, "vg0");
    REC_SET(&o, lvm_order, tag, "t");
    REC_SET(&c, lvm_change, order, &o);
    cr_assert_eq(run_dir_save_change(run, boot, &c, &e), 0, "%s", e.text);
}

static void expect_waits(struct change_pool *p, mono_ms *now, int count)
{
    struct change_outcome got;

    living = count;
    for (int i = 0; i < 20; i++) {
        mono_ms due = change_pool_deadline(p);

        cr_assert(due.v > now->v && due.v <= now->v + 5000, "it is looked at again, now and then");
        *now = due;
        cr_expect_not(change_pool_next(p, *now, &got), "told while it lives (%d)", count);
    }
}

Test(change_wait, a_change_is_over_when_its_worker_is_gone_and_not_before)
{
    const uuid128 boot = { { 3 } };
    char dir[] = "/tmp/muster-change-XXXXXX", path[200], text[UUID_TEXT];
    struct change_pool_config config = { .worker_path = "/nowhere", .boot_id = boot };
    struct change_outcome got;
    struct change_pool *p;
    mono_ms now = { 1000 };
    struct err e;
    int rc;

    cr_assert_not_null(mkdtemp(dir));
    config.dir = run_dir_open(dir, &rc, &e);
    cr_assert_not_null(config.dir, "%s", e.text);
    note(config.dir, boot);
    living = 1;
    p = change_pool_new(&config, now, &rc, &e);
    cr_assert_not_null(p, "%s", e.text);
    expect_waits(p, &now, 1);
    expect_waits(p, &now, -1);
    living = 0;
    now = change_pool_deadline(p);
    cr_assert(change_pool_next(p, now, &got));
    cr_expect_eq(got.order.task, 7);
    cr_expect(strstr(got.error, "restarted"), "%s", got.error);
    cr_expect_eq(change_pool_deadline(p).v, INT64_MAX);
    change_pool_free(p);
    run_dir_close(config.dir);
    snprintf(path, sizeof path, "%s/change-%s-new-vg0", dir, uuid_text(boot, text));
    cr_expect_eq(unlink(path), 0, "it is remembered when it is over");
    snprintf(path, sizeof path, "%s/lock", dir);
    unlink(path);
    rmdir(dir);
}
