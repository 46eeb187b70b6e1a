/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refresh_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "base/guard.h"
#include "base/limits.h"
#include "wire/codec.h"
#include "worker_result.h"
#include "worker_watch.h"

enum { TRIES = 3 };

struct work {
    struct work *next;
    struct arena *arena; /* of all that it points to */
    const struct refresh_work *what;
    bool left; /* by an earlier supervisor: nobody else tries it again */
    unsigned tries;
};

struct refresh_pool {
    struct refresh_pool_config config;
    struct work *first; /* the one that runs, and those that wait */
    struct worker_watch worker;
    struct work *last; /* what was told last */
    bool lost;         /* there was no memory for one */
    struct order_key lost_key;
    struct err why;
};

static void work_free(struct work *w)
{
    if (w == NULL)
        return;
    arena_free(w->arena);
    free(w);
}

static int add(struct refresh_pool *p, const struct refresh_work *from, bool left)
{
    struct work *w = calloc(1, sizeof *w), **at = &p->first;

    if (w != NULL)
        w->arena = arena_new(LIMIT_DECODE_ARENA_BYTES);
    if (w != NULL && w->arena != NULL)
        w->what = record_dup(w->arena, &refresh_work_desc, from);
    if (w == NULL || w->what == NULL) {
        work_free(w);
        return -ENOMEM;
    }
    w->left = left;
    while (*at != NULL)
        at = &(*at)->next;
    *at = w;
    return 0;
}

static int adopt(void *ctx, const struct refresh_work *work)
{
    return GUARD(REFRESH_LEFT, true) ? add(ctx, work, true) : 0;
}

struct refresh_pool *refresh_pool_new(const struct refresh_pool_config *config, int *rc,
                                      struct err *e)
{
    struct refresh_pool *p = calloc(1, sizeof *p);

    *rc = p == NULL ? err_set(e, -ENOMEM, "out of memory") : 0;
    if (p == NULL)
        return NULL;
    p->config = *config;
    *rc = run_dir_each_refresh(config->dir, config->boot_id, adopt, p, e);
    if (*rc == 0)
        return p;
    refresh_pool_free(p);
    return NULL;
}

void refresh_pool_free(struct refresh_pool *p)
{
    if (p == NULL)
        return;
    worker_watch_free(&p->worker);
    for (struct work *w = p->first, *next; w != NULL; w = next) {
        next = w->next;
        work_free(w);
    }
    work_free(p->last);
    free(p);
}

void refresh_pool_run(struct refresh_pool *p, const struct refresh_work *work)
{
    if (add(p, work, false) == 0)
        return;
    p->lost = true;
    p->lost_key = *work->order;
}

int refresh_pool_known(const struct refresh_pool *p, struct arena *a,
                       const struct refresh_work *const **out, size_t *n)
{
    const struct refresh_work **v;
    size_t count = 0;

    for (const struct work *w = p->first; w != NULL; w = w->next)
        count++;
    v = arena_array(a, count, sizeof *v);
    *n = 0;
    *out = v;
    for (const struct work *w = p->first; v != NULL && w != NULL; w = w->next)
        v[(*n)++] = w->what;
    return v == NULL ? -ENOMEM : 0;
}

bool refresh_pool_owns(const struct refresh_pool *p, pid_t group)
{
    return p != NULL && worker_watch_owns(&p->worker, group);
}

void refresh_pool_reaped(struct refresh_pool *p, pid_t pid, int status)
{
    if (p != NULL)
        worker_watch_reaped(&p->worker, pid, status);
}

/* The first of those that wait is over. */
static void tell(struct refresh_pool *p, struct refresh_outcome *out)
{
    struct work *w = p->first;

    out->order = *w->what->order;
    if (out->result == NULL)
        out->error = p->why.text;
    p->first = w->next;
    work_free(p->last);
    p->last = w;
}

/* What it has brought. One that has come to its end has left nothing suspended. False: another
 * follows it. */
static bool take(struct refresh_pool *p, struct refresh_outcome *out)
{
    struct worker_scan_end end = { .record = NULL };
    struct work *w = p->first;

    if (p->worker.killed)
        err_set(&p->why, 0, "LVM has not made the tables new in time");
    else if (worker_scan_take(&p->worker.process, p->worker.status, &refresh_result_desc, w->arena,
                              &end, &p->why) == 0)
        out->result = end.record;
    if (out->result != NULL || !GUARD(REFRESH_KEPT, true))
        run_dir_remove_refresh(p->config.dir, p->config.boot_id, w->what);
    worker_watch_close(&p->worker);
    if (GUARD(LEFT_AGAIN, out->result == NULL && w->left && ++w->tries < TRIES))
        return false;
    tell(p, out);
    return true;
}

/* False: it was not started. */
static bool start(struct refresh_pool *p, mono_ms now)
{
    const struct refresh_work *w = p->first->what;
    int rc = GUARD(REFRESH_NOTED, true)
                 ? run_dir_save_refresh(p->config.dir, p->config.boot_id, w, &p->why)
                 : 0;

    if (rc == 0)
        rc = worker_spawn_refresh(p->config.worker_path, w, &p->worker.process, &p->why);
    if (rc == 0)
        worker_watch_begin(&p->worker, (mono_ms){ now.v + p->config.timeout_ms });
    return rc == 0;
}

bool refresh_pool_next(struct refresh_pool *p, mono_ms now, struct refresh_outcome *out)
{
    *out = (struct refresh_outcome){ .error = "out of memory" };
    if (p->lost) {
        p->lost = false;
        out->order = p->lost_key;
        return true;
    }
    if (!p->worker.child && p->first != NULL && !start(p, now)) {
        tell(p, out);
        return true;
    }
    if (p->worker.child && p->worker.ended)
        return take(p, out);
    if (p->worker.child && !p->worker.killed && now.v >= p->worker.until.v) {
        worker_watch_kill(&p->worker); /* its outcome comes with its end */
    }
    return false;
}

mono_ms refresh_pool_deadline(const struct refresh_pool *p)
{
    if (p == NULL || (!p->worker.child && p->first == NULL && !p->lost))
        return (mono_ms){ INT64_MAX };
    if (!p->worker.child || p->worker.ended || p->lost)
        return (mono_ms){ 0 };
    return p->worker.killed ? (mono_ms){ INT64_MAX } : p->worker.until;
}
