/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_work.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"
#include "wire/codec.h"

enum { REACH_MS = 5 };

static void leave(struct fleet_mounted *m, struct fleet_work *w)
{
    if (w->counted)
        map_del(m->by_resource, w->resource.b, sizeof w->resource.b);
    w->counted = false;
}

/* Two at once are an error of whoever gave the leases. */
static void enter(struct fleet_mounted *m, struct fleet_work *w)
{
    int rc = map_put(m->by_resource, w->resource.b, sizeof w->resource.b, w);

    m->scans++;
    m->overlaps += rc == -EEXIST;
    w->counted = rc == 0;
}

/* As of a filesystem in which nothing changes. */
static const char *fingerprint(const struct granted *g, struct arena *a)
{
    return arena_printf(a, "simulated/%s", g->uuid);
}

static int begin_scan(struct fleet_work *w, struct fleet_mounted *m, const struct fleet_shape *s,
                      const struct agent_action *x, mono_ms now)
{
    const struct granted *g = x->grant;
    const char *mark = fingerprint(g, w->arena);
    bool known = g->fingerprint != NULL && mark != NULL && strcmp(g->fingerprint, mark) == 0;
    struct recs images;
    int64_t ms = known ? REACH_MS : fleet_scan_ms(s, g->uuid);

    if (mark == NULL || !wire_uuid(g->resource, &w->resource))
        return -ENOMEM;
    w->request = x->request;
    w->deadline = x->deadline;
    w->ends.v = now.v + ms;
    REC_SET(&w->scan, scan_result, outcome, SCAN_COMPLETE);
    REC_SET(&w->scan, scan_result, fingerprint, mark);
    REC_SET(&w->scan, scan_result, ms, (uint64_t)ms);
    if (known) {
        REC_SET(&w->scan, scan_result, unchanged, true);
        return 0;
    }
    if (fleet_images(s, g->uuid, w->arena, &images) < 0)
        return -ENOMEM;
    REC_SET(&w->scan, scan_result, images, images);
    REC_SET(&w->scan, scan_result, mounts, 1);
    enter(m, w);
    return 0;
}

static void begin_reach(struct fleet_work *w, const struct agent_action *x, mono_ms now)
{
    w->reach = true;
    w->order = *x->offer->order;
    w->ends.v = now.v + REACH_MS;
    w->deadline.v = INT64_MAX;
    REC_SET(&w->proof, reach_result, order, &w->order);
    REC_SET(&w->proof, reach_result, proven, true);
}

int fleet_work_begin(struct fleet_work **list, struct fleet_mounted *m, const struct fleet_shape *s,
                     const struct agent_action *x, mono_ms now)
{
    struct fleet_work *w = calloc(1, sizeof *w);
    int rc = 0;

    if (w != NULL)
        w->arena = arena_new(0);
    if (w == NULL || w->arena == NULL) {
        free(w);
        return -ENOMEM;
    }
    if (x->type == AGENT_RUN_REACH)
        begin_reach(w, x, now);
    else
        rc = begin_scan(w, m, s, x, now);
    if (rc < 0) {
        fleet_work_free(w);
        return rc;
    }
    w->next = *list;
    *list = w;
    return 0;
}

static struct fleet_work *scan_of(struct fleet_work *list, uint64_t request)
{
    while (list != NULL && (list->reach || list->request != request))
        list = list->next;
    return list;
}

void fleet_work_extend(struct fleet_work *list, uint64_t request, mono_ms deadline)
{
    struct fleet_work *w = scan_of(list, request);

    if (w != NULL)
        w->deadline = deadline;
}

void fleet_work_kill(struct fleet_work *list, uint64_t request, mono_ms now)
{
    struct fleet_work *w = scan_of(list, request);

    if (w != NULL)
        w->deadline = now;
}

static mono_ms end_of(const struct fleet_work *w)
{
    return w->deadline.v < w->ends.v ? w->deadline : w->ends;
}

mono_ms fleet_work_due(const struct fleet_work *list)
{
    mono_ms first = { INT64_MAX };

    for (; list != NULL; list = list->next) {
        if (end_of(list).v < first.v)
            first = end_of(list);
    }
    return first;
}

static void tell(const struct fleet_work *w, struct agent_event *ev)
{
    bool killed = w->deadline.v < w->ends.v;

    if (w->reach) {
        ev->type = AGENT_REACH_DONE;
        ev->reach.order = w->order;
        ev->reach.result = &w->proof;
        return;
    }
    ev->type = AGENT_SCAN_DONE;
    ev->scan.request = w->request;
    ev->scan.result = killed ? NULL : &w->scan;
    ev->scan.error = killed ? "the simulated worker was killed" : NULL;
    ev->scan.clean = true;
}

struct fleet_work *fleet_work_take(struct fleet_work **list, struct fleet_mounted *m, mono_ms now,
                                   struct agent_event *ev)
{
    struct fleet_work **at = list, *w;

    while (*at != NULL && end_of(*at).v > now.v)
        at = &(*at)->next;
    w = *at;
    if (w == NULL)
        return NULL;
    *at = w->next;
    leave(m, w);
    *ev = (struct agent_event){ .now = now };
    tell(w, ev);
    return w;
}

void fleet_work_free(struct fleet_work *w)
{
    arena_free(w->arena);
    free(w);
}

void fleet_work_free_all(struct fleet_work **list, struct fleet_mounted *m)
{
    while (*list != NULL) {
        struct fleet_work *w = *list;

        *list = w->next;
        leave(m, w);
        fleet_work_free(w);
    }
}
