/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change_pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/guard.h"
#include "base/limits.h"
#include "change_pool_internal.h"
#include "worker_result.h"
#include "worker_spawn.h"

enum {
    AGAIN_MS = 100,   /* a worker of an earlier supervisor is looked for */
    SLOWEST_MS = 5000 /* at last */
};

struct change {
    struct arena *arena; /* of all that it points to */
    const struct lvm_change *change;
    bool runs;  /* its worker may live */
    bool child; /* and is a child of this process, ended or not */
    bool ended;
    bool killed;
    int status; /* of wait, when ended */
    struct worker_process process;
    mono_ms until;    /* its process must have ended; or is looked for again */
    int64_t again_ms; /* of one that is no child */
    const char *error;
};

/* Has also what an earlier supervisor has begun and whose worker is gone. */
struct change_pool {
    struct change_pool_config config;
    struct change **v;
    size_t n;
    struct arena *last;                            /* of what was told last */
    struct order_key lost[LIMIT_CHANGES_PER_NODE]; /* there was no memory for them */
    size_t lost_count;
};

static void change_free(struct change *c)
{
    if (c == NULL)
        return;
    if (c->child && !c->ended)
        kill(-c->process.pid, SIGKILL);
    if (c->child)
        worker_process_close(&c->process);
    arena_free(c->arena);
    free(c);
}

static struct change *change_add(struct change_pool *p, const struct lvm_change *from)
{
    struct change **v = realloc(p->v, (p->n + 1) * sizeof(struct change *));
    struct change *c = calloc(1, sizeof *c);

    if (v != NULL)
        p->v = v;
    if (c != NULL)
        c->arena = arena_new(LIMIT_DECODE_ARENA_BYTES);
    if (c != NULL && c->arena != NULL)
        c->change = record_dup(c->arena, &lvm_change_desc, from);
    if (v == NULL || c == NULL || c->change == NULL) {
        change_free(c);
        return NULL;
    }
    p->v[p->n++] = c;
    return c;
}

static void fail(struct change *c, const char *why)
{
    const char *copy = arena_strdup(c->arena, why);

    c->error = copy == NULL ? "out of memory" : copy;
}

/* ---- running -------------------------------------------------------------------------------- */

void change_pool_run(struct change_pool *p, const struct lvm_change *change, mono_ms now)
{
    struct change *c = change_add(p, change);
    struct err e;
    int rc;

    if (c == NULL) {
        if (p->lost_count < ARRAY_LEN(p->lost)) /* as many as the agent has at a time */
            p->lost[p->lost_count++] = *change->order->order;
        return;
    }
    c->runs = true;
    rc = run_dir_save_change(p->config.dir, p->config.boot_id, c->change, &e);
    if (rc == 0)
        rc = worker_spawn_change(p->config.worker_path, p->config.boot_id, c->change, &c->process,
                                 &e);
    c->child = rc == 0;
    c->until.v = now.v + p->config.timeout_ms;
    if (rc < 0)
        fail(c, e.text);
}

bool change_pool_owns(const struct change_pool *p, pid_t group)
{
    for (size_t i = 0; p != NULL && i < p->n; i++) {
        if (p->v[i]->child && p->v[i]->process.pid == group)
            return true;
    }
    return false;
}

void change_pool_reaped(struct change_pool *p, pid_t pid, int status)
{
    for (size_t i = 0; p != NULL && i < p->n; i++) {
        struct change *c = p->v[i];

        if (!c->child || c->ended || c->process.pid != pid)
            continue;
        c->ended = true;
        c->status = status;
    }
}

/* ---- what they bring ------------------------------------------------------------------------ */

static void take(struct change *c, struct change_outcome *out)
{
    struct worker_scan_end end = { .record = NULL };
    struct err e;

    if (worker_scan_take(&c->process, c->status, &lvm_result_desc, c->arena, &end, &e) < 0 &&
        c->error == NULL)
        fail(c, e.text);
    out->result = end.record;
}

/* True: it is over, and *out says how. */
static bool look_at_child(struct change *c, mono_ms now, struct change_outcome *out)
{
    if (c->ended) {
        take(c, out);
        return true;
    }
    if (now.v >= c->until.v && !c->killed) {
        kill(-c->process.pid, SIGKILL);
        c->killed = true;
        c->until.v = INT64_MAX;
        fail(c, "the worker was ended, since it had not come to an end in time");
    }
    return !GUARD(CHANGE_GONE, true) && c->killed;
}

static bool look_at_other(struct change_pool *p, struct change *c, mono_ms now)
{
    if (now.v < c->until.v)
        return false;
    if (change_workers(p->config.boot_id, c->change->order->order, true) == 0)
        return true;
    c->again_ms = c->again_ms >= SLOWEST_MS / 2 ? SLOWEST_MS : 2 * c->again_ms;
    c->until.v = now.v + c->again_ms;
    return false;
}

static bool look_at(struct change_pool *p, struct change *c, mono_ms now,
                    struct change_outcome *out)
{
    if (!c->runs)
        return false;
    if (c->child)
        return look_at_child(c, now, out);
    return c->error != NULL || look_at_other(p, c, now);
}

static void tell(struct change_pool *p, size_t i, struct change_outcome *out)
{
    struct change *c = p->v[i];

    out->order = *c->change->order->order;
    out->error = out->result != NULL ? NULL
                 : c->error != NULL  ? c->error
                                     : "the probe was restarted while its worker was at it";
    arena_free(p->last);
    p->last = c->arena; /* until the next call */
    c->arena = NULL;
    change_free(c);
    p->v[i] = p->v[--p->n];
}

bool change_pool_next(struct change_pool *p, mono_ms now, struct change_outcome *out)
{
    *out = (struct change_outcome){ .error = "out of memory" };
    if (p->lost_count > 0) {
        out->order = p->lost[--p->lost_count];
        return true;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (!look_at(p, p->v[i], now, out))
            continue;
        tell(p, i, out);
        return true;
    }
    return false;
}

mono_ms change_pool_deadline(const struct change_pool *p)
{
    mono_ms first = { p->lost_count > 0 ? 0 : INT64_MAX };

    for (size_t i = 0; i < p->n; i++) {
        const struct change *c = p->v[i];
        mono_ms at = c->child || c->error == NULL ? c->until : (mono_ms){ 0 };

        if (c->runs && at.v < first.v)
            first = at;
    }
    return first;
}

/* ---- start and end -------------------------------------------------------------------------- */

static int adopt(void *ctx, const struct lvm_change *change)
{
    struct change_pool *p = ctx;
    struct change *c = change_add(p, change);

    if (c == NULL)
        return -ENOMEM;
    c->runs =
        GUARD(CHANGE_LEFT, change_workers(p->config.boot_id, c->change->order->order, true) != 0);
    c->again_ms = AGAIN_MS;
    return 0;
}

struct change_pool *change_pool_new(const struct change_pool_config *config, mono_ms now, int *rc,
                                    struct err *e)
{
    struct change_pool *p = calloc(1, sizeof *p);

    *rc = p == NULL ? err_set(e, -ENOMEM, "out of memory") : 0;
    if (p == NULL)
        return NULL;
    p->config = *config;
    *rc = run_dir_each_change(config->dir, config->boot_id, adopt, p, e);
    if (*rc < 0) {
        change_pool_free(p);
        return NULL;
    }
    for (size_t i = 0; i < p->n; i++)
        p->v[i]->until.v = now.v + AGAIN_MS;
    return p;
}

void change_pool_free(struct change_pool *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n; i++)
        change_free(p->v[i]);
    arena_free(p->last);
    free(p->v);
    free(p);
}

int change_pool_known(const struct change_pool *p, struct arena *a, struct agent_change **out,
                      size_t *n)
{
    struct agent_change *v = arena_array(a, p->n, sizeof *v);

    *n = v == NULL ? 0 : p->n;
    *out = v;
    for (size_t i = 0; i < *n; i++)
        v[i] = (struct agent_change){ .change = p->v[i]->change, .runs = p->v[i]->runs };
    return v == NULL ? -ENOMEM : 0;
}
