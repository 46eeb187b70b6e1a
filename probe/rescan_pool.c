/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rescan_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "worker_result.h"
#include "worker_watch.h"

enum { STOP_MS = 2000 /* from SIGKILL to its end, if it can end */ };

struct rescan_pool {
    const char *worker_path, *sys_root;
    struct worker_watch worker;
    struct arena *last; /* of what was told last */
    struct err why;
};

struct rescan_pool *rescan_pool_new(const char *worker_path, const char *sys_root)
{
    struct rescan_pool *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->worker_path = worker_path;
    p->sys_root = sys_root;
    return p;
}

void rescan_pool_free(struct rescan_pool *p)
{
    if (p == NULL)
        return;
    worker_watch_free(&p->worker);
    arena_free(p->last);
    free(p);
}

int rescan_pool_run(struct rescan_pool *p, const struct rescan_work *work, mono_ms now,
                    struct err *e)
{
    int rc;

    if (p->worker.child)
        return err_set(e, -EBUSY, "another rescan is under way");
    rc = worker_spawn_rescan(p->worker_path, p->sys_root, work, &p->worker.process, e);
    if (rc < 0)
        return rc;
    worker_watch_begin(&p->worker, (mono_ms){ now.v + (int64_t)work->timeout_ms });
    return 0;
}

bool rescan_pool_owns(const struct rescan_pool *p, pid_t group)
{
    return p != NULL && worker_watch_owns(&p->worker, group);
}

void rescan_pool_reaped(struct rescan_pool *p, pid_t pid, int status)
{
    if (p != NULL)
        worker_watch_reaped(&p->worker, pid, status);
}

/* What it has brought. */
static void take(struct rescan_pool *p, struct rescan_outcome_of *out)
{
    struct worker_scan_end end;

    arena_free(p->last);
    p->last = arena_new(0);
    if (p->last == NULL)
        out->error = "out of memory";
    else if (p->worker.killed)
        out->error = "the target, or the kernel's scan of it, has not answered in time";
    else if (worker_scan_take(&p->worker.process, p->worker.status, &rescan_result_desc, p->last,
                              &end, &p->why) < 0)
        out->error = p->why.text;
    else
        out->result = end.record;
    worker_watch_close(&p->worker);
}

bool rescan_pool_next(struct rescan_pool *p, mono_ms now, struct rescan_outcome_of *out)
{
    *out = (struct rescan_outcome_of){ .stuck = false };
    if (!p->worker.child)
        return false;
    if (p->worker.ended) {
        take(p, out);
        return true;
    }
    if (now.v < p->worker.until.v)
        return false;
    if (!p->worker.killed) {
        worker_watch_kill(&p->worker);
        p->worker.until.v = now.v + STOP_MS;
        return false;
    }
    p->worker.until.v = INT64_MAX;
    out->stuck = true;
    out->error = "the worker cannot be ended, since the kernel's scan of the target does not end";
    return true;
}

mono_ms rescan_pool_deadline(const struct rescan_pool *p)
{
    if (p == NULL || !p->worker.child)
        return (mono_ms){ INT64_MAX };
    return p->worker.ended ? (mono_ms){ 0 } : p->worker.until;
}
