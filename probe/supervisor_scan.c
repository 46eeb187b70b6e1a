/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan_target.h"
#include "supervisor_internal.h"

static const struct section *section_of(const void *ctx, enum section_id id)
{
    return agent_section(ctx, id);
}

/* What it cannot be started for is told as its outcome. */
static void start(struct supervisor *s, struct scan_order *order, const struct scan_what *what,
                  mono_ms now)
{
    struct arena *a = arena_new(0);
    struct err e = { "out of memory" };

    if (a == NULL || scan_target(section_of, s->agent, what, a, order, &e) < 0)
        scan_pool_refuse(s->scans, order, e.text);
    else
        scan_pool_run(s->scans, order, now);
    arena_free(a);
}

static void run_scan(struct supervisor *s, const struct agent_action *x, mono_ms now)
{
    const struct granted *g = x->grant;
    struct scan_order order = { .present = 0 };

    REC_SET(&order, scan_order, kind, SCAN_ORDER_SCAN);
    REC_SET(&order, scan_order, request, x->request);
    REC_SET(&order, scan_order, token, g->token);
    REC_SET(&order, scan_order, deadline_ms, (uint64_t)x->deadline.v);
    REC_SET(&order, scan_order, order, g->order);
    REC_SET(&order, scan_order, resource, g->resource);
    if (g->fingerprint != NULL)
        REC_SET(&order, scan_order, fingerprint, g->fingerprint);
    REC_SET(&order, scan_order, own_mount, g->own_mount);
    REC_SET(&order, scan_order, mount_at, s->options->run_dir);
    start(s, &order, &(struct scan_what){ g->container, g->type, g->uuid }, now);
}

static void run_reach(struct supervisor *s, const struct agent_action *x, mono_ms now)
{
    const struct offer *o = x->offer;
    struct scan_order order = { .present = 0 };

    REC_SET(&order, scan_order, kind, SCAN_ORDER_REACH);
    REC_SET(&order, scan_order, order, o->order);
    start(s, &order, &(struct scan_what){ o->container, o->type, o->uuid }, now);
}

void supervisor_scan(struct supervisor *s, const struct agent_action *x, mono_ms now)
{
    if (x->type == AGENT_RUN_SCAN)
        run_scan(s, x, now);
    else if (x->type == AGENT_RUN_REACH)
        run_reach(s, x, now);
    else if (x->type == AGENT_EXTEND_SCAN)
        scan_pool_extend(s->scans, x->request, x->deadline);
    else
        scan_pool_kill(s->scans, x->request);
}

static int tell(struct supervisor *s, const struct scan_outcome_of *o, mono_ms now, struct err *e)
{
    static const enum agent_event_type types[] = {
        [SCAN_EVENT_DONE] = AGENT_SCAN_DONE,
        [SCAN_EVENT_CLEAN] = AGENT_SCAN_CLEAN,
        [SCAN_EVENT_REACHED] = AGENT_REACH_DONE,
    };
    struct agent_event ev = { .type = types[o->type], .now = now };

    if (o->type == SCAN_EVENT_REACHED) {
        ev.reach.order = o->order;
        ev.reach.result = o->reach;
        ev.reach.error = o->error;
    } else {
        ev.scan.request = o->request;
        ev.scan.result = o->scan;
        ev.scan.error = o->error;
        ev.scan.clean = o->clean;
    }
    return supervisor_step(s, &ev, e);
}

int supervisor_hear_scans(struct supervisor *s, mono_ms now, struct err *e)
{
    struct scan_outcome_of o;
    int rc = 0;

    while (rc == 0 && scan_pool_next(s->scans, now, &o)) {
        if (s->agent != NULL)
            rc = tell(s, &o, now, e);
        if (rc == 0 && s->agent != NULL && o.stale != NULL)
            rc = supervisor_look_again(s, o.stale, now, e);
    }
    return rc;
}

int supervisor_open_scans(struct supervisor *s, const char *worker_path, struct err *e)
{
    const struct scan_pool_config config = { .worker_path = worker_path,
                                             .dir = s->dir,
                                             .boot_id = s->boot_id,
                                             .timeout_ms = s->options->worker_timeout_ms };
    int rc;

    s->scans = scan_pool_new(&config, clock_mono(), &rc, e);
    return rc;
}
