/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet_work.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"
#include "fleet_vgs.h"
#include "wire/codec.h"

enum { REACH_MS = 5, CHANGE_MS = 5 };

static void leave(struct fleet_mounted *m, struct fleet_work *w)
{
    if (w->counted)
        map_del(m->by_resource, w->resource.b, sizeof w->resource.b);
    w->counted = false;
}

static mono_ms end_of(const struct fleet_work *w)
{
    return w->deadline.v < w->ends.v ? w->deadline : w->ends;
}

/* Two at once are an error of whoever gave the leases. One that has ended by its own time is gone,
 * as a worker that its timer has killed, however late this process comes to it. */
static void enter(struct fleet_mounted *m, struct fleet_work *w, mono_ms now)
{
    struct fleet_work *other = map_get(m->by_resource, w->resource.b, sizeof w->resource.b);
    int rc;

    if (other != NULL && end_of(other).v <= now.v)
        leave(m, other);
    rc = map_put(m->by_resource, w->resource.b, sizeof w->resource.b, w);
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
    int64_t ms = fleet_scan_ms(s, g->uuid);

    if (mark == NULL || !wire_uuid(g->resource, &w->resource))
        return -ENOMEM;
    if (known && ms > REACH_MS)
        ms = REACH_MS;
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
    enter(m, w, now);
    return 0;
}

static void set_order(struct fleet_work *w, const struct order_key *key)
{
    w->order = *key;
    w->deadline.v = INT64_MAX;
}

static void begin_reach(struct fleet_work *w, const struct agent_action *x, mono_ms now)
{
    w->kind = FLEET_REACH;
    w->ends.v = now.v + REACH_MS;
    set_order(w, x->offer->order);
    REC_SET(&w->proof, reach_result, order, &w->order);
    REC_SET(&w->proof, reach_result, proven, true);
}

static struct fleet_work *work_new(void)
{
    struct fleet_work *w = calloc(1, sizeof *w);

    if (w != NULL)
        w->arena = arena_new(0);
    if (w != NULL && w->arena == NULL) {
        free(w);
        return NULL;
    }
    return w;
}

/* On the list, if it has begun well. */
static int work_add(struct fleet_work **list, struct fleet_work *w, int rc)
{
    if (rc < 0) {
        fleet_work_free(w);
        return rc;
    }
    w->next = *list;
    *list = w;
    return 0;
}

int fleet_work_begin(struct fleet_work **list, struct fleet_mounted *m, const struct fleet_shape *s,
                     const struct agent_action *x, mono_ms now)
{
    struct fleet_work *w = work_new();
    int rc = 0;

    if (w == NULL)
        return -ENOMEM;
    if (x->type == AGENT_RUN_REACH)
        begin_reach(w, x, now);
    else
        rc = begin_scan(w, m, s, x, now);
    return work_add(list, w, rc);
}

int fleet_work_change(struct fleet_work **list, struct fleet_vgs *v, uint32_t group,
                      const struct agent_action *x, mono_ms now)
{
    const struct lvm_order *o = x->change->order;
    struct fleet_work *w = work_new();

    if (w == NULL)
        return -ENOMEM;
    w->kind = FLEET_CHANGE;
    w->ends.v = now.v + CHANGE_MS;
    set_order(w, o->order);
    return work_add(list, w, fleet_vg_change(v, group, o, w->arena, &w->change));
}

static struct fleet_work *scan_of(struct fleet_work *list, uint64_t request)
{
    while (list != NULL && (list->kind != FLEET_SCAN || list->request != request))
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

    if (w->kind == FLEET_CHANGE) {
        ev->type = AGENT_CHANGE_DONE;
        ev->change.order = w->order;
        ev->change.result = &w->change;
        return;
    }
    if (w->kind == FLEET_REACH) {
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
