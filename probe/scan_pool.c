/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan_pool_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/guard.h"
#include "base/limits.h"
#include "wire/codec.h"

enum {
    PROOF_MS = 5000,  /* for the process that proves; it tries for less */
    AGAIN_MS = 10000, /* what is not proven is tried again */
    SWEEP_MS = 6000,  /* what is not proven by then is told as residue */
};

/* ---- rights -------------------------------------------------------------------------------- */

static void right_free(struct scan_right *r)
{
    if (r == NULL)
        return;
    if (r->child && !r->ended)
        kill(-r->process.pid, SIGKILL);
    if (r->child)
        worker_process_close(&r->process);
    arena_free(r->arena);
    free(r);
}

static void right_drop(struct scan_pool *p, size_t i)
{
    right_free(p->rights[i]);
    p->rights[i] = p->rights[--p->count];
}

/* A right with a copy of the order. NULL: out of memory. */
static struct scan_right *right_add(struct scan_pool *p, const struct scan_order *order)
{
    struct scan_right **v = realloc(p->rights, (p->count + 1) * sizeof(struct scan_right *));
    struct scan_right *r = calloc(1, sizeof *r);

    if (v != NULL)
        p->rights = v;
    if (r != NULL)
        r->arena = arena_new(LIMIT_DECODE_ARENA_BYTES);
    if (r != NULL && r->arena != NULL)
        r->order = record_dup(r->arena, &scan_order_desc, order);
    if (v == NULL || r == NULL || r->order == NULL) {
        right_free(r);
        return NULL;
    }
    p->rights[p->count++] = r;
    return r;
}

static struct scan_right *right_of(struct scan_pool *p, uint64_t request)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->rights[i]->order->kind == SCAN_ORDER_SCAN && p->rights[i]->order->request == request)
            return p->rights[i];
    }
    return NULL;
}

/* ---- processes ----------------------------------------------------------------------------- */

static int start_child(struct scan_pool *p, struct scan_right *r, enum scan_order_kind kind,
                       mono_ms deadline, struct err *e)
{
    struct scan_order order = *r->order;
    int rc;

    REC_SET(&order, scan_order, kind, kind);
    REC_SET(&order, scan_order, deadline_ms, (uint64_t)deadline.v);
    rc = worker_spawn_scan(p->config.worker_path, p->config.boot_id, &order, &r->process, e);
    r->child = rc == 0;
    r->ended = r->killed = false;
    r->until.v = deadline.v + LEASE_STOP_BUDGET_MS;
    return rc;
}

static void prove(struct scan_pool *p, struct scan_right *r, mono_ms now)
{
    struct err e;

    /* Nothing of the node's own mount is left when the worker's mounts have gone with it. */
    if (r->order->own_mount) {
        r->state =
            end_workers_of(p->config.boot_id, r->order->request) == 0 ? SCAN_OVER : SCAN_RESIDUE;
        r->again.v = now.v + AGAIN_MS;
        return;
    }
    r->state = SCAN_PROVING;
    if (start_child(p, r, SCAN_ORDER_PROVE, (mono_ms){ now.v + PROOF_MS }, &e) == 0)
        return;
    r->state = SCAN_RESIDUE;
    r->again.v = now.v + AGAIN_MS;
}

static void fail(struct scan_right *r, const char *why)
{
    const char *copy = arena_strdup(r->arena, why);

    r->error = copy == NULL ? "out of memory" : copy;
}

/* No memory for it: it is told as one that could not be run. */
static void lose(struct scan_pool *p, const struct scan_order *order)
{
    if (p->lost_count < ARRAY_LEN(p->lost))
        p->lost[p->lost_count++] = (struct scan_lost){ order->kind, order->request, *order->order };
}

void scan_pool_refuse(struct scan_pool *p, const struct scan_order *order, const char *why)
{
    struct scan_right *r = right_add(p, order);

    if (r == NULL) {
        lose(p, order);
        return;
    }
    fail(r, why);
    r->state = SCAN_OVER;
}

void scan_pool_run(struct scan_pool *p, const struct scan_order *order, mono_ms now)
{
    struct scan_right *r = right_add(p, order);
    bool scan = order->kind == SCAN_ORDER_SCAN;
    struct err e;
    int rc = 0;

    if (r == NULL) {
        lose(p, order);
        return;
    }
    r->state = scan ? SCAN_WORKING : SCAN_REACHING;
    if (GUARD(NOTE_BEFORE_START, scan)) {
        rc = run_dir_save_scan(p->config.dir, p->config.boot_id, r->order, &e);
        r->noted = rc == 0;
    }
    if (rc == 0)
        rc = start_child(p, r, (enum scan_order_kind)order->kind,
                         scan ? (mono_ms){ (int64_t)order->deadline_ms }
                              : (mono_ms){ now.v + p->config.timeout_ms },
                         &e);
    if (rc == 0)
        return;
    fail(r, e.text);
    r->state = SCAN_OVER;
}

void scan_pool_extend(struct scan_pool *p, uint64_t request, mono_ms deadline)
{
    struct scan_right *r = right_of(p, request);
    struct scan_extend record = { .present = 0 };
    struct buf b = { 0 };
    struct err e;

    if (r == NULL || r->state != SCAN_WORKING || r->killed)
        return;
    REC_SET(&record, scan_extend, deadline_ms, (uint64_t)deadline.v);
    /* What does not get through ends the worker at its old time. */
    if (wire_encode(&scan_extend_desc, &record, &b, &e) == 0 &&
        send(r->process.sock, b.p, b.n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        r->until.v = deadline.v + LEASE_STOP_BUDGET_MS;
    buf_deinit(&b);
}

void scan_pool_kill(struct scan_pool *p, uint64_t request)
{
    struct scan_right *r = right_of(p, request);

    if (r == NULL || r->state != SCAN_WORKING || r->ended)
        return;
    kill(-r->process.pid, SIGKILL);
    r->killed = true;
}

bool scan_pool_owns(struct scan_pool *p, pid_t group)
{
    for (size_t i = 0; p != NULL && i < p->count; i++) {
        if (p->rights[i]->child && p->rights[i]->process.pid == group)
            return true;
    }
    return false;
}

void scan_pool_reaped(struct scan_pool *p, pid_t pid, int status)
{
    for (size_t i = 0; i < p->count; i++) {
        struct scan_right *r = p->rights[i];

        if (!r->child || r->ended || r->process.pid != pid)
            continue;
        r->ended = true;
        r->status = status;
    }
}

/* ---- what they bring ----------------------------------------------------------------------- */

/* True: what it brought says that it is unmounted. */
static bool take(struct scan_right *r, const struct record_desc *d)
{
    struct worker_scan_end end;
    struct err e;

    if (worker_scan_take(&r->process, r->status, d, r->arena, &end, &e) < 0)
        fail(r, e.text);
    r->result = end.record;
    r->stale = end.stale;
    return end.clean;
}

static void close_child(struct scan_right *r)
{
    worker_process_close(&r->process);
    r->child = false;
}

static void worker_ended(struct scan_pool *p, struct scan_right *r, mono_ms now)
{
    bool clean = take(r, &scan_result_desc);

    close_child(r);
    if (!GUARD(PROOF, !clean))
        r->state = SCAN_OVER;
    else
        prove(p, r, now);
}

static void proof_ended(struct scan_right *r, mono_ms now)
{
    struct worker_scan_end end;
    struct err e;

    worker_scan_take(&r->process, r->status, NULL, r->arena, &end, &e);
    close_child(r);
    r->state = end.clean ? SCAN_OVER : SCAN_RESIDUE;
    r->again.v = now.v + AGAIN_MS;
}

static void reach_ended(struct scan_right *r)
{
    take(r, &reach_result_desc);
    close_child(r);
    r->state = SCAN_OVER;
}

static void ended(struct scan_pool *p, struct scan_right *r, mono_ms now)
{
    if (r->state == SCAN_REACHING)
        reach_ended(r);
    else if (r->state == SCAN_WORKING)
        worker_ended(p, r, now);
    else
        proof_ended(r, now);
}

/* One that should have ended by itself. */
static void overdue(struct scan_right *r)
{
    kill(-r->process.pid, SIGKILL);
    r->killed = true;
    r->until.v = INT64_MAX;
    r->given_up = !r->told;
    if (r->state == SCAN_REACHING)
        fail(r, "the container does not answer");
    else if (r->state == SCAN_WORKING)
        fail(r, "the worker cannot be ended, since its device does not answer");
}

static void look(struct scan_pool *p, struct scan_right *r, mono_ms now)
{
    if (r->child && r->ended)
        ended(p, r, now);
    else if (r->child && now.v >= r->until.v)
        overdue(r);
    else if (!r->child && r->state == SCAN_RESIDUE && now.v >= r->again.v)
        prove(p, r, now);
}

static void fill(const struct scan_right *r, struct scan_outcome_of *out)
{
    bool scan = r->order->kind == SCAN_ORDER_SCAN;

    *out = (struct scan_outcome_of){ .type = scan ? SCAN_EVENT_DONE : SCAN_EVENT_REACHED,
                                     .request = r->order->request,
                                     .order = *r->order->order,
                                     .error = r->error };
    if (scan)
        out->scan = r->result;
    else
        out->reach = r->result;
    if (r->stale && !r->told)
        out->stale = r->order;
}

/* True if there is something to tell of it. */
static bool tell(struct scan_pool *p, size_t i, struct scan_outcome_of *out)
{
    struct scan_right *r = p->rights[i];
    bool was_told = r->told, over = r->state == SCAN_OVER;

    if (!over && !r->given_up && (r->state != SCAN_RESIDUE || r->told))
        return false;
    fill(r, out);
    out->clean = over;
    r->told = true;
    r->given_up = false;
    if (!over)
        return !was_told;
    if (was_told && r->order->kind == SCAN_ORDER_SCAN)
        out->type = SCAN_EVENT_CLEAN;
    if (r->noted)
        run_dir_remove_scan(p->config.dir, p->config.boot_id, r->order->request);
    arena_free(p->last);
    p->last = r->arena; /* until the next call */
    r->arena = NULL;
    right_drop(p, i);
    return !was_told || out->type == SCAN_EVENT_CLEAN;
}

static void tell_lost(struct scan_pool *p, struct scan_outcome_of *out)
{
    const struct scan_lost *l = &p->lost[--p->lost_count];
    bool scan = l->kind == SCAN_ORDER_SCAN;

    *out = (struct scan_outcome_of){ .type = scan ? SCAN_EVENT_DONE : SCAN_EVENT_REACHED,
                                     .request = l->request,
                                     .order = l->order,
                                     .error = "out of memory",
                                     .clean = true };
}

bool scan_pool_next(struct scan_pool *p, mono_ms now, struct scan_outcome_of *out)
{
    if (p->lost_count > 0) {
        tell_lost(p, out);
        return true;
    }
    for (size_t i = 0; i < p->count;) {
        size_t count = p->count;

        look(p, p->rights[i], now);
        if (tell(p, i, out))
            return true;
        i += p->count == count; /* else another has taken its place */
    }
    return false;
}

mono_ms scan_pool_deadline(const struct scan_pool *p)
{
    mono_ms first = { p->lost_count > 0 ? 0 : INT64_MAX };

    for (size_t i = 0; i < p->count; i++) {
        const struct scan_right *r = p->rights[i];
        mono_ms at = r->until;

        if (!r->child)
            at = r->state == SCAN_RESIDUE && r->told ? r->again : (mono_ms){ 0 };
        if (at.v < first.v)
            first = at;
    }
    return first;
}

/* ---- start and end ------------------------------------------------------------------------- */

static int adopt(void *ctx, const struct scan_order *order)
{
    struct scan_pool *p = ctx;
    struct scan_right *r = right_add(p, order);

    if (r == NULL)
        return -ENOMEM;
    r->noted = r->told = true;
    r->state = SCAN_RESIDUE;
    return 0;
}

struct scan_pool *scan_pool_new(const struct scan_pool_config *config, mono_ms now, int *rc,
                                struct err *e)
{
    struct scan_pool *p = calloc(1, sizeof *p);

    *rc = p == NULL ? err_set(e, -ENOMEM, "out of memory") : 0;
    if (p == NULL)
        return NULL;
    p->config = *config;
    *rc = run_dir_each_scan(config->dir, config->boot_id, adopt, p, e);
    if (*rc < 0) {
        scan_pool_free(p);
        return NULL;
    }
    for (size_t i = 0; i < p->count; i++)
        end_workers_of(config->boot_id, p->rights[i]->order->request);
    p->sweep_until.v = now.v + SWEEP_MS;
    return p;
}

void scan_pool_free(struct scan_pool *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++)
        right_free(p->rights[i]);
    arena_free(p->last);
    free(p->rights);
    free(p);
}

bool scan_pool_sweeps(const struct scan_pool *p, mono_ms now)
{
    bool any = false;

    for (size_t i = 0; i < p->count; i++)
        any |= p->rights[i]->state == SCAN_PROVING || p->rights[i]->again.v == 0;
    return any && now.v < p->sweep_until.v;
}

int scan_pool_residues(const struct scan_pool *p, struct arena *a, struct agent_residue **out,
                       size_t *n)
{
    struct agent_residue *v = arena_array(a, p->count, sizeof *v);

    *n = v == NULL ? 0 : GUARD(LEFT_ON_LIST, p->count);
    *out = v;
    for (size_t i = 0; i < *n; i++) {
        const struct scan_order *o = p->rights[i]->order;

        v[i] = (struct agent_residue){ .request = o->request, .token = o->token };
        wire_uuid(o->resource, &v[i].resource);
    }
    return v == NULL ? -ENOMEM : 0;
}
