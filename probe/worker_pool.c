/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker_pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "worker_children.h"
#include "worker_end.h"
#include "worker_result.h"
#include "worker_spawn.h"

_Static_assert(WORKER_KIND_COUNT <= LIMIT_WORKERS, "one worker of a kind");

struct slot {
    bool used;
    struct worker_process process;
    int64_t timeout_ms;
    mono_ms deadline;
    bool stuck; /* told so; what it says no longer counts */
    bool ended; /* reaped; children of it may be left */
    int status; /* of wait, once it has ended */
    int kept;   /* for the next of this kind; -1: nothing */
    /* Devices that it was told of, and not those that were named since; none after a good end. */
    struct device_names told, touched;
};

struct worker_pool {
    struct worker_pool_config config;
    struct slot slots[WORKER_KIND_COUNT];
    bool sweeps; /* all children of this process are of its workers' making */
};

static void drop_kept(struct slot *s)
{
    if (s->kept >= 0)
        close(s->kept);
    s->kept = -1;
}

struct worker_pool *worker_pool_new(const struct worker_pool_config *config)
{
    struct worker_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->config = *config;
    for (int k = 0; k < WORKER_KIND_COUNT; k++)
        pool->slots[k].kept = -1;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    /* A shell that became this program by exec may have left it some. */
    pool->sweeps = worker_children(NULL, NULL) == 0;
    return pool;
}

void worker_pool_free(struct worker_pool *pool)
{
    if (pool == NULL)
        return;
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        struct slot *s = &pool->slots[k];

        drop_kept(s);
        if (!s->used)
            continue;
        if (!s->ended)
            kill(-s->process.pid, SIGKILL);
        worker_process_close(&s->process);
    }
    free(pool);
}

void worker_pool_touch(struct worker_pool *pool, const struct device_names *names)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++)
        device_names_add_all(&pool->slots[k].touched, names);
}

int worker_pool_start(struct worker_pool *pool, enum worker_kind kind, bool whole,
                      int64_t timeout_ms, mono_ms now, struct err *e)
{
    struct slot *s = &pool->slots[kind];
    struct worker_order order = {
        .kind = kind, .memory = s->kept, .touched = &s->told, .whole = whole
    };
    int rc;

    if (s->used)
        return err_set(e, -EBUSY, "there is a worker of kind %s already", worker_kind_name(kind));
    device_names_add_all(&s->told, &s->touched);
    device_names_clear(&s->touched);
    s->timeout_ms = timeout_ms;
    s->deadline.v = now.v + timeout_ms;
    s->stuck = s->ended = false;
    rc = worker_spawn(&pool->config, &order, &s->process, e);
    s->used = rc == 0;
    return rc;
}

/* ---- who has ended ------------------------------------------------------------------------ */

static struct slot *slot_of(struct worker_pool *pool, pid_t pid)
{
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        struct slot *s = &pool->slots[k];

        if (s->used && !s->ended && s->process.pid == pid)
            return s;
    }
    return NULL;
}

static bool is_others(const struct worker_pool *pool, pid_t group)
{
    return pool->config.owns != NULL && pool->config.owns(pool->config.others, group);
}

/* A child that left its worker's process group and outlived the worker. */
static void end_orphan(void *ctx, pid_t pid)
{
    struct worker_pool *pool = ctx;
    pid_t group = getpgid(pid);

    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        if (pool->slots[k].used && pool->slots[k].process.pid == group)
            return;
    }
    if (is_others(pool, group))
        return;
    kill(pid, SIGKILL); /* our child, so that the number is no one else's */
}

static void reap(struct worker_pool *pool)
{
    bool any = false;

    for (;;) {
        siginfo_t who = { .si_pid = 0 };
        struct slot *s;
        int status = 0;

        if (waitid(P_ALL, 0, &who, WEXITED | WNOHANG | WNOWAIT) != 0 || who.si_pid == 0)
            break;
        s = slot_of(pool, who.si_pid);
        if (s != NULL || is_others(pool, who.si_pid))
            kill(-who.si_pid, SIGKILL); /* before it is reaped: its number is still its own */
        if (waitpid(who.si_pid, &status, WNOHANG) <= 0)
            break;
        any = true;
        if (s == NULL && pool->config.reaped != NULL)
            pool->config.reaped(pool->config.others, who.si_pid, status);
        if (s == NULL)
            continue;
        s->ended = true;
        s->status = status;
    }
    if (any && pool->sweeps)
        worker_children(end_orphan, pool);
}

/* Orphans come to this process at once, so whoever is left of the group is a child of it. */
static bool group_gone(const struct slot *s)
{
    pid_t pid;

    do
        pid = waitpid(-s->process.pid, NULL, WNOHANG);
    while (pid > 0);
    return pid < 0;
}

/* ---- what it has left --------------------------------------------------------------------- */

static void take_result(struct slot *s, enum worker_kind kind, struct arena *a,
                        struct worker_outcome *out)
{
    struct section *sections = arena_array(a, SECTION_COUNT, sizeof *sections);
    int memory;
    const char *error = NULL;
    struct err e = { "" };

    if (!WIFEXITED(s->status) || WEXITSTATUS(s->status) != 0) {
        out->error = worker_end_text(&s->process, s->status, a);
    } else if (sections == NULL) {
        out->error = "out of memory for a worker's result";
    } else if (worker_result_take(s->process.sock, kind, a, sections, &out->section_count, &memory,
                                  &e) < 0) {
        error = arena_strdup(a, e.text);
        out->error = error == NULL ? "out of memory for a worker's result" : error;
    } else {
        drop_kept(s);
        s->kept = memory;
        device_names_clear(&s->told);
    }
    out->sections = sections;
}

static const char *stuck_text(const struct slot *s, struct arena *a)
{
    char limit[24];
    const char *text;

    duration_text(s->timeout_ms, limit);
    text = arena_printf(a,
                        s->ended ? "a process that the worker started cannot be ended within %s"
                                 : "the worker has not answered within %s",
                        limit);
    return text == NULL ? "the worker has not answered in time" : text;
}

/* ---- outcomes ----------------------------------------------------------------------------- */

static bool slot_next(struct slot *s, enum worker_kind kind, mono_ms now, struct arena *a,
                      struct worker_outcome *out)
{
    *out = (struct worker_outcome){ .kind = kind };
    if (s->ended && group_gone(s)) {
        out->type = s->stuck ? WORKER_OUTCOME_GONE : WORKER_OUTCOME_DONE;
        if (!s->stuck)
            take_result(s, kind, a, out);
        worker_process_close(&s->process);
        s->used = false;
        return true;
    }
    if (s->stuck || now.v < s->deadline.v)
        return false;
    if (!s->ended)
        kill(-s->process.pid, SIGKILL);
    s->stuck = true;
    out->type = WORKER_OUTCOME_STUCK;
    out->error = stuck_text(s, a);
    return true;
}

bool worker_pool_next(struct worker_pool *pool, mono_ms now, struct arena *a,
                      struct worker_outcome *out)
{
    reap(pool);
    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        if (pool->slots[k].used && slot_next(&pool->slots[k], (enum worker_kind)k, now, a, out))
            return true;
    }
    return false;
}

mono_ms worker_pool_deadline(const struct worker_pool *pool)
{
    mono_ms first = { INT64_MAX };

    for (int k = 0; k < WORKER_KIND_COUNT; k++) {
        const struct slot *s = &pool->slots[k];

        if (s->used && !s->stuck && s->deadline.v < first.v)
            first = s->deadline;
    }
    return first;
}
