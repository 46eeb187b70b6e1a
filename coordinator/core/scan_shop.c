/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the open shop knows of scans: a server for each node, a machine for each reading, and a pair
 * of both as long as the node reaches the filesystem. */
#include <errno.h>
#include <stdlib.h>

#include "core/scan_internal.h"

enum { GUESS_MS = 5000 }; /* of a filesystem, when none was ever read */

/* ---- servers and machines ------------------------------------------------------------------- */

int scan_server(struct coord *c, struct node *n)
{
    uint32_t at;
    struct node **more;
    int rc;

    if (n->server != 0)
        return 0;
    rc = openshop_add_server(c->shop, node_places(n), &at);
    if (rc < 0)
        return rc;
    if (at >= c->server_cap) {
        more = realloc(c->servers, 2 * (at + 8) * sizeof(struct node *));
        if (more == NULL)
            return -ENOMEM;
        for (uint32_t i = c->server_cap; i < 2 * (at + 8); i++)
            more[i] = NULL;
        c->servers = more;
        c->server_cap = 2 * (at + 8);
    }
    c->servers[at] = n;
    n->server = at + 1;
    if (n->rests_until.v != 0)
        openshop_block_server(c->shop, at, true);
    return 0;
}

uint32_t scan_estimate(const struct coord *c, const struct resource *r)
{
    uint64_t ms = r->seat->scan != NULL ? r->seat->scan->ms : 0;

    if (ms == 0)
        ms = learnt_median_ms(&c->learnt);
    return ms == 0 ? GUESS_MS : ms < OPENSHOP_LONGEST_MS ? (uint32_t)ms : OPENSHOP_LONGEST_MS;
}

bool scan_reaches(const struct edge *e)
{
    const struct node *n = e->node;

    return may_order(n) && !n->row.draining && (e->shown == EDGE_OK || e->shown == EDGE_DEGRADED);
}

struct job *reading_job_of(const struct reading *d, const struct node *n)
{
    if (d->by_node != NULL)
        return map_get(d->by_node, &n->row.no, sizeof n->row.no);
    return link_empty(&d->jobs) ? NULL : reading_job(d->jobs.next);
}

bool scan_reached(const struct node *n, const struct resource *r)
{
    const struct edge *e = edge_find(n, r);

    return e != NULL && scan_reaches(e);
}

int scan_pair(struct coord *c, struct reading *d, struct node *n, bool can)
{
    struct job *j = reading_job_of(d, n);
    int rc = 0;

    if (j == NULL || (n->server != 0 && j->server == n->server))
        return 0;
    if (can) {
        rc = scan_server(c, n);
        if (rc == 0)
            rc = openshop_add_pair(c->shop, n->server - 1, d->machine,
                                   scan_estimate(c, d->resource));
    } else if (n->server != 0) {
        openshop_drop(c->shop, n->server - 1, d->machine);
    }
    return rc;
}

int scan_pairs(struct coord *c, struct reading *d)
{
    int rc = 0;

    for (const struct edge *e = d->resource->edges; rc == 0 && e != NULL; e = e->next) {
        if (scan_reaches(e))
            rc = scan_pair(c, d, e->node, true);
    }
    return rc;
}

/* ---- readings ------------------------------------------------------------------------------- */

static int index_reading(struct coord *c, struct reading *d)
{
    struct reading **more;

    if (d->machine >= c->reading_cap) {
        more = realloc(c->readings, 2 * (d->machine + 8) * sizeof(struct reading *));
        if (more == NULL)
            return -ENOMEM;
        for (uint32_t i = c->reading_cap; i < 2 * (d->machine + 8); i++)
            more[i] = NULL;
        c->readings = more;
        c->reading_cap = 2 * (d->machine + 8);
    }
    c->readings[d->machine] = d;
    return 0;
}

void reading_free(struct reading *d)
{
    link_remove(&d->of_seat);
    link_remove(&d->blocked);
    link_remove(&d->in_way);
    map_free(d->by_node);
    free((void *)(uintptr_t)d->why);
    free(d);
}

static int reading_new(struct coord *c, struct task *t, struct resource *r, struct reading **out)
{
    struct reading *d = calloc(1, sizeof *d);
    int rc;

    if (d == NULL)
        return -ENOMEM;
    d->task = t;
    d->resource = r;
    link_init(&d->of_seat);
    link_init(&d->blocked);
    link_init(&d->in_way);
    link_init(&d->jobs);
    if (t->row.every_node)
        d->by_node = map_new(c->config.hash_seed);
    rc = t->row.every_node && d->by_node == NULL
             ? -ENOMEM
             : openshop_add_machine(c->shop, !t->row.every_node, &d->machine);
    if (rc == 0)
        rc = index_reading(c, d);
    if (rc < 0) {
        map_free(d->by_node);
        free(d);
        return rc;
    }
    link_append(&r->seat->readings, &d->of_seat);
    *out = d;
    return 0;
}

void scans_free_all(struct coord *c)
{
    for (uint32_t i = 0; i < c->reading_cap; i++) {
        if (c->readings[i] != NULL)
            reading_free(c->readings[i]);
    }
    free(c->readings);
    free(c->servers);
    openshop_free(c->shop);
}

int scan_reading(struct coord *c, struct job *j, struct reading **out)
{
    struct resource *r = resource_by_id(c, j->row.resource);
    struct reading *d = NULL;
    int rc = 0;

    *out = j->reading;
    if (j->reading != NULL || r == NULL || r->seat == NULL)
        return 0;
    for (struct link *l = r->seat->readings.next; d == NULL && l != &r->seat->readings;
         l = l->next) {
        struct reading *is = container_of(l, struct reading, of_seat);

        if (is->task == j->task)
            d = is;
    }
    if (d == NULL)
        rc = reading_new(c, j->task, r, &d);
    if (rc == 0 && d->by_node != NULL)
        rc = map_put(d->by_node, &j->row.node_no, sizeof j->row.node_no, j);
    if (rc < 0)
        return rc == -EEXIST ? 0 : rc; /* rows that contradict each other */
    j->reading = *out = d;
    link_append(&d->jobs, &j->of_reading);
    return reading_is_once(d) ? scan_pairs(c, d) : 0;
}

/* ---- what changes --------------------------------------------------------------------------- */

/* Who reaches it has changed: its job has a place now, or has none any more, as scan_place() sees.
 */
static void reading_edge(struct coord *c, struct reading *d, struct node *n, bool can)
{
    struct job *j = reading_job_of(d, n);

    if (j == NULL)
        return;
    if (scan_pair(c, d, n, can) < 0)
        c->shop_failed = true;
    if (j->now == JOB_WAITS || (j->now == JOB_HELD && (link_empty(&d->blocked) || !d->wholly)))
        job_enqueue(c, j);
}

void scan_edge(struct coord *c, const struct edge *e, bool gone)
{
    const struct seat *seat = e->resource->seat;

    vgs_wake(c);
    for (struct link *l = seat != NULL ? seat->readings.next : NULL;
         l != NULL && l != &seat->readings; l = l->next)
        reading_edge(c, container_of(l, struct reading, of_seat), e->node,
                     !gone && scan_reaches(e));
}

void scan_node(struct coord *c, const struct node *n)
{
    vgs_wake(c);
    if (n->server != 0)
        openshop_set_slots(c->shop, n->server - 1, node_places(n));
    for (uint32_t i = 0; i < n->edge_count; i++)
        scan_edge(c, n->edges[i], false);
}

void scan_node_gone(struct coord *c, struct node *n)
{
    link_remove(&n->rests);
    link_remove(&n->silent);
    scans_wake(c, n);
    if (n->server == 0)
        return;
    openshop_remove_server(c->shop, n->server - 1);
    c->servers[n->server - 1] = NULL;
    n->server = 0;
}

/* ---- figures -------------------------------------------------------------------------------- */

/* The open shop's own bound: no machine and no server ends sooner, nor do all together. */
uint64_t scan_remaining_ms(const struct coord *c, const struct task *t)
{
    uint64_t longest = 0, sum = 0, slots = 0;

    for (uint32_t i = 0; i < t->job_count; i++) {
        const struct job *j = t->jobs[i];
        uint64_t ms = j->reading != NULL ? scan_estimate(c, j->reading->resource) : 0;

        sum += ms;
        if (j->reading != NULL && !reading_is_once(j->reading))
            ms = openshop_machine_left(c->shop, j->reading->machine);
        longest = ms > longest ? ms : longest;
    }
    for (uint32_t i = 0; i < c->server_cap; i++) {
        if (c->servers[i] != NULL)
            slots += node_places(c->servers[i]);
    }
    return slots > 0 && sum / slots > longest ? sum / slots : longest;
}

static int reading_check(const struct reading *d, const struct coord *c, struct err *e)
{
    if (c->readings[d->machine] != d || link_empty(&d->jobs) ||
        resource_by_id(c, d->resource->id) != d->resource)
        return err_set(e, -EINVAL, "a reading of task %u stands where it should not",
                       d->task->row.no);
    for (const struct link *l = d->jobs.next; l != &d->jobs; l = l->next) {
        const struct job *j = container_of(l, struct job, of_reading);
        bool ordered = j->now == JOB_OFFERED || j->now == JOB_RUNS;

        if (j->reading != d || j->task != d->task || j->now == JOB_OVER)
            return err_set(e, -EINVAL, "job %u of task %u is in another's reading", j->row.no,
                           j->row.task_no);
        if ((j->server != 0) != (d->under_way == j) ||
            (j->server != 0 && (!ordered || c->servers[j->server - 1] != j->node)))
            return err_set(e, -EINVAL, "job %u of task %u is another node's in the shop", j->row.no,
                           j->row.task_no);
    }
    return 0;
}

/* Each job that is open goes on some time: something that is to come moves it. */
static const char *stands_still(const struct coord *c, const struct job *j)
{
    const struct reading *d = j->reading;
    bool tried_again = d != NULL && !link_empty(&d->blocked);
    const struct lease *l = j->now == JOB_RUNS ? lease_by_token(c, j->row.token) : NULL;

    if (j->now == JOB_RUNS && (l == NULL || l->row.state != LEASE_LIVE || l->node != j->node))
        return "runs without a lease";
    if (j->now == JOB_WAITS && link_empty(&j->link) && !tried_again &&
        (d == NULL || openshop_machine_pairs(c->shop, d->machine) == 0))
        return "waits for a place that there is not";
    if (j->now == JOB_HELD && j->due.v == MONO_NEVER.v && !tried_again)
        return "is held by what nobody looks after";
    return NULL;
}

static int learnt_check(const struct coord *c, struct err *e)
{
    struct learnt all = { 0 };
    const struct resource *r;
    size_t it = 0;

    while ((r = map_next(c->resources, &it)) != NULL) {
        if (r->seat != NULL && r->seat->scan != NULL)
            learnt_add(&all, r->seat->scan->ms);
    }
    return memcmp(&all, &c->learnt, sizeof all) == 0
               ? 0
               : err_set(e, -EINVAL, "what is learnt is of %u filesystems and not of %u",
                         c->learnt.count, all.count);
}

int scans_check(const struct coord *c, struct err *e)
{
    int rc = learnt_check(c, e);

    for (uint32_t i = 0; rc == 0 && i < c->reading_cap; i++)
        rc = c->readings[i] == NULL ? 0 : reading_check(c->readings[i], c, e);
    for (const struct link *l = c->tasks.next; rc == 0 && l != &c->tasks; l = l->next) {
        const struct task *t = container_of(l, struct task, link);

        for (uint32_t i = 0; rc == 0 && t->kind == &scan_kind && i < t->job_count; i++) {
            const struct job *j = t->jobs[i];
            const char *fault = j->row.step == 0 ? stands_still(c, j) : NULL;

            if (fault != NULL)
                rc = err_set(e, -EINVAL, "job %u of task %u %s", j->row.no, t->row.no, fault);
        }
    }
    return rc;
}
