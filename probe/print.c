/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/limits.h"
#include "model/render.h"
#include "net/net.h"
#include "worker_pool.h"

static void add_section(struct json *j, const struct section_desc *d, const struct section *s)
{
    json_object(j, d->name);
    json_str(j, "status", section_status_name(s->status));
    json_str(j, "status_text", s->status_text);
    json_array(j, "rows");
    for (size_t i = 0; i < s->row_count; i++) {
        json_object(j, NULL);
        json_record(j, d->row, (const char *)s->rows + i * d->row->size);
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static void take_outcome(struct section all[SECTION_COUNT], const struct worker_outcome *o)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        if ((worker_kind_sections(o->kind) >> i) & 1u)
            all[i] = (struct section){ .status = o->type == WORKER_OUTCOME_STUCK ? SECTION_STUCK
                                                                                 : SECTION_FAILED,
                                       .status_text = o->error };
    }
    for (size_t i = 0; o->error == NULL && i < o->section_count; i++)
        all[o->sections[i].id] = o->sections[i];
}

/* Until a child has ended or the deadline has come; -EINTR: a signal that ends programs. */
static int wait_child(mono_ms deadline)
{
    int64_t ms = mono_since(deadline, clock_mono());
    struct timespec t = { 0, 0 };
    sigset_t set;
    int got;

    if (ms > 0)
        t = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    got = sigtimedwait(&set, NULL, &t);
    return got > 0 && got != SIGCHLD ? -EINTR : 0;
}

static int collect(struct worker_pool *pool, struct arena *a, struct section all[SECTION_COUNT],
                   struct err *e)
{
    int left = WORKER_KIND_COUNT;

    while (left > 0) {
        struct worker_outcome o;

        while (worker_pool_next(pool, clock_mono(), a, &o)) {
            if (o.type == WORKER_OUTCOME_GONE)
                continue;
            take_outcome(all, &o);
            left--;
        }
        if (left > 0 && wait_child(worker_pool_deadline(pool)) < 0)
            return err_set(e, -EINTR, "interrupted");
    }
    return 0;
}

static int start_all(struct worker_pool *pool, int64_t timeout_ms, struct err *e)
{
    int rc = 0;

    for (int k = 0; rc == 0 && k < WORKER_KIND_COUNT; k++)
        rc = worker_pool_start(pool, (enum worker_kind)k, true, timeout_ms, clock_mono(), e);
    return rc;
}

static int print(const struct section all[SECTION_COUNT], struct err *e)
{
    struct buf out = { 0 };
    struct json j;
    int rc = 0;

    json_init(&j, &out);
    json_object(&j, NULL);
    json_object(&j, "sections");
    for (int i = 0; i < SECTION_COUNT; i++)
        add_section(&j, &section_descs[i], &all[i]);
    json_end_object(&j);
    json_end_object(&j);
    buf_str(&out, "\n");
    if (out.failed)
        rc = err_set(e, -ENOMEM, "out of memory");
    else if (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
        rc = err_set(e, -EIO, "the inventory cannot be written to standard output");
    buf_deinit(&out);
    return rc;
}

int print_inventory(const struct probe_options *o, const char *worker_path, struct err *e)
{
    struct worker_pool_config config = {
        .worker_path = worker_path,
        .interfaces = { o->interfaces, o->interface_count },
        .devices = { o->devices, o->device_count },
    };
    struct worker_pool *pool = worker_pool_new(&config);
    struct arena *a = arena_new(0);
    struct section all[SECTION_COUNT];
    int rc;

    if (pool == NULL || a == NULL)
        rc = err_set(e, -ENOMEM, "out of memory");
    else
        rc = start_all(pool, o->worker_timeout_ms, e);
    if (rc == 0)
        rc = collect(pool, a, all, e);
    if (rc == 0)
        rc = print(all, e);
    worker_pool_free(pool);
    arena_free(a);
    return rc;
}
