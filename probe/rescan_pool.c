/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rescan_pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "worker_result.h"
#include "worker_spawn.h"

enum { STOP_MS = 2000 /* from SIGKILL to its end, if it can end */ };

struct rescan_pool {
    const char *worker_path, *sys_root;
    struct worker_process process;
    bool child, ended, killed, told; /* told: it was given up */
    int status;
    mono_ms until;
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
    if (p->child && !p->ended)
        kill(-p->process.pid, SIGKILL);
    if (p->child)
        worker_process_close(&p->process);
    arena_free(p->last);
    free(p);
}

int rescan_pool_run(struct rescan_pool *p, const struct rescan_work *work, mono_ms now,
                    struct err *e)
{
    int rc;

    if (p->child)
        return err_set(e, -EBUSY, "another rescan is under way");
    rc = worker_spawn_rescan(p->worker_path, p->sys_root, work, &p->process, e);
    if (rc < 0)
        return rc;
    p->child = true;
    p->ended = p->killed = p->told = false;
    p->until.v = now.v + (int64_t)work->timeout_ms;
    return 0;
}

bool rescan_pool_owns(const struct rescan_pool *p, pid_t group)
{
    return p != NULL && p->child && p->process.pid == group;
}

void rescan_pool_reaped(struct rescan_pool *p, pid_t pid, int status)
{
    if (p == NULL || !p->child || p->ended || p->process.pid != pid)
        return;
    p->ended = true;
    p->status = status;
}

/* What it has brought. */
static void take(struct rescan_pool *p, struct rescan_outcome_of *out)
{
    struct worker_scan_end end;

    arena_free(p->last);
    p->last = arena_new(0);
    if (p->last == NULL)
        out->error = "out of memory";
    else if (p->killed)
        out->error = "the target, or the kernel's scan of it, has not answered in time";
    else if (worker_scan_take(&p->process, p->status, &rescan_result_desc, p->last, &end, &p->why) <
             0)
        out->error = p->why.text;
    else
        out->result = end.record;
    worker_process_close(&p->process);
    p->child = false;
}

bool rescan_pool_next(struct rescan_pool *p, mono_ms now, struct rescan_outcome_of *out)
{
    *out = (struct rescan_outcome_of){ .stuck = false };
    if (!p->child)
        return false;
    if (p->ended) {
        take(p, out);
        return true;
    }
    if (now.v < p->until.v)
        return false;
    if (!p->killed) {
        kill(-p->process.pid, SIGKILL);
        p->killed = true;
        p->until.v = now.v + STOP_MS;
        return false;
    }
    p->until.v = INT64_MAX;
    p->told = true;
    out->stuck = true;
    out->error = "the worker cannot be ended, since the kernel's scan of the target does not end";
    return true;
}

mono_ms rescan_pool_deadline(const struct rescan_pool *p)
{
    if (p == NULL || !p->child)
        return (mono_ms){ INT64_MAX };
    return p->ended ? (mono_ms){ 0 } : p->until;
}
