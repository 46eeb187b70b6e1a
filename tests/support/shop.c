/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/openshop.h"
#include "random.h"
#include "shop.h"

const char *const shop_shape_names[SHOP_SHAPES] = {
    [SHOP_UNIFORM] = "uniform", [SHOP_HEAVY] = "heavy-tailed", [SHOP_HUGE] = "one-huge",
    [SHOP_SPARSE] = "sparse",   [SHOP_GROUPS] = "groups",      [SHOP_UNLIKE] = "unlike",
};

static void *need(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return p;
}

static double unit(uint64_t *state) /* above 0, below 1 */
{
    return ((double)(random_next(state) >> 12) + 0.5) / 4503599627370496.0;
}

/* ---- fleets ---------------------------------------------------------------------------------- */

static double machine_time(enum shop_shape shape, uint32_t machine, uint32_t machines,
                           uint64_t *state)
{
    if (shape == SHOP_HEAVY)
        return fmin(500.0 * pow(unit(state), -1 / 1.2), 200000.0);
    if (shape == SHOP_HUGE && machine == machines / 2)
        return 1000.0 * machines / 4;
    return 500 + 1000 * unit(state);
}

static bool sees(enum shop_shape shape, const struct shop *s, uint32_t server, uint32_t machine,
                 uint64_t *state)
{
    enum { GROUPS = 5 };

    if (shape == SHOP_SPARSE)
        return random_next(state) % 5 == 0 || server == machine % s->servers;
    if (shape == SHOP_GROUPS)
        return machine % 10 == 0 || machine % GROUPS == server % GROUPS;
    return true;
}

void shop_make(struct shop *s, enum shop_shape shape, uint32_t servers, uint32_t machines,
               uint32_t slots, uint64_t seed)
{
    uint64_t state = seed * 1000003 + shape, times = ~state; /* times: the same of any fleet */
    double *speed = need(calloc(servers, sizeof *speed));

    *s = (struct shop){ .servers = servers, .machines = machines, .slots = slots };
    s->ms = need(calloc((size_t)servers * machines, sizeof *s->ms));
    for (uint32_t i = 0; i < servers; i++)
        speed[i] = shape == SHOP_UNLIKE ? pow(8, unit(&state)) : 0.9 + 0.2 * unit(&state);
    for (uint32_t m = 0; m < machines; m++) {
        double t = machine_time(shape, m, machines, &times);

        for (uint32_t i = 0; i < servers; i++) {
            if (sees(shape, s, i, m, &state))
                s->ms[(size_t)m * servers + i] = 1 + (uint32_t)(t * speed[i]);
        }
    }
    free(speed);
}

void shop_free(struct shop *s)
{
    free(s->ms);
    s->ms = NULL;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t by_slot(uint64_t work, uint32_t slots)
{
    return (work + slots - 1) / slots;
}

uint64_t shop_bound(const struct shop *s)
{
    uint64_t *server = need(calloc(s->servers, sizeof *server)), bound = 0;

    for (uint32_t m = 0; m < s->machines; m++) {
        uint64_t machine = 0;

        for (uint32_t i = 0; i < s->servers; i++) {
            machine += s->ms[(size_t)m * s->servers + i];
            server[i] += s->ms[(size_t)m * s->servers + i];
        }
        bound = larger(bound, machine);
    }
    for (uint32_t i = 0; i < s->servers; i++)
        bound = larger(bound, by_slot(server[i], s->slots));
    free(server);
    return bound;
}

static uint32_t ms_of(const struct shop *s, uint32_t machine, uint32_t server)
{
    return s->ms[(size_t)machine * s->servers + server];
}

static uint64_t fastest(const struct shop *s, uint32_t machine)
{
    uint64_t best = 0;

    for (uint32_t i = 0; i < s->servers; i++) {
        uint64_t ms = ms_of(s, machine, i);

        if (ms != 0 && (best == 0 || ms < best))
            best = ms;
    }
    return best;
}

/* Nobody sees it but servers that see `group` too. */
static bool is_within(const struct shop *s, uint32_t machine, uint32_t group)
{
    for (uint32_t i = 0; i < s->servers; i++) {
        if (ms_of(s, machine, i) != 0 && ms_of(s, group, i) == 0)
            return false;
    }
    return true;
}

/* What nobody but the servers of one machine can do is theirs to share. */
static uint64_t share_of_group(const struct shop *s, uint32_t group)
{
    uint64_t work = 0;
    uint32_t servers = 0;

    for (uint32_t i = 0; i < s->servers; i++)
        servers += ms_of(s, group, i) != 0;
    for (uint32_t m = 0; m < s->machines; m++) {
        if (is_within(s, m, group))
            work += fastest(s, m);
    }
    return servers == 0 ? 0 : by_slot(work, servers * s->slots);
}

uint64_t shop_bound_once(const struct shop *s)
{
    uint64_t work = 0, bound = 0;

    for (uint32_t m = 0; m < s->machines; m++) {
        work += fastest(s, m);
        bound = larger(bound, larger(fastest(s, m), share_of_group(s, m)));
    }
    return larger(bound, by_slot(work, s->servers * s->slots));
}

/* ---- what ends next ---------------------------------------------------------------------------
 */

struct running {
    uint64_t end, no; /* no: of equal ends the one that began first */
    uint32_t server, machine;
    uint32_t worker;  /* of shop_mutex() */
    bool fails, over; /* over: its server was lost */
};

struct clock {
    struct running *heap;
    size_t count;
    uint64_t now, next_no;
};

static bool sooner(const struct running *a, const struct running *b)
{
    return a->end != b->end ? a->end < b->end : a->no < b->no;
}

static void clock_add(struct clock *c, struct running r)
{
    size_t at = c->count++;

    if ((at & (at + 1)) == 0)
        c->heap = need(realloc(c->heap, (2 * at + 1) * sizeof *c->heap));
    r.no = c->next_no++;
    for (; at > 0 && sooner(&r, &c->heap[(at - 1) / 2]); at = (at - 1) / 2)
        c->heap[at] = c->heap[(at - 1) / 2];
    c->heap[at] = r;
}

static struct running clock_take(struct clock *c)
{
    struct running first = c->heap[0], last = c->heap[--c->count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= c->count)
            break;
        if (child + 1 < c->count && sooner(&c->heap[child + 1], &c->heap[child]))
            child++;
        if (!sooner(&c->heap[child], &last))
            break;
        c->heap[at] = c->heap[child];
        at = child;
    }
    if (c->count > 0)
        c->heap[at] = last;
    c->now = first.end;
    return first;
}

/* ---- ours, and what is known without it -------------------------------------------------------
 */

struct trial {
    const struct shop *s;
    const struct shop_faults *f;
    struct openshop *o;
    struct clock clock;
    uint64_t state;
    bool once;
    bool *todo;        /* as shop.ms */
    bool *busy, *dead; /* machines; servers */
    uint32_t *used;    /* slots of servers */
    uint64_t *machine_work, *server_work;
    struct shop_result r;
};

static size_t place(const struct trial *t, uint32_t server, uint32_t machine)
{
    return (size_t)machine * t->s->servers + server;
}

static void trial_begin(struct trial *t)
{
    const struct shop *s = t->s;
    uint32_t n, error = t->f->error_percent;

    t->o = need(openshop_new());
    t->todo = need(calloc((size_t)s->servers * s->machines, sizeof *t->todo));
    t->busy = need(calloc(s->machines, sizeof *t->busy));
    t->dead = need(calloc(s->servers, sizeof *t->dead));
    t->used = need(calloc(s->servers, sizeof *t->used));
    t->machine_work = need(calloc(s->machines, sizeof *t->machine_work));
    t->server_work = need(calloc(s->servers, sizeof *t->server_work));
    for (uint32_t i = 0; i < s->servers; i++)
        openshop_add_server(t->o, s->slots, &n);
    for (uint32_t m = 0; m < s->machines; m++) {
        openshop_add_machine(t->o, t->once, &n);
        for (uint32_t i = 0; i < s->servers; i++) {
            uint64_t ms = s->ms[place(t, i, m)];

            if (ms == 0)
                continue;
            if (error > 0)
                ms = ms * (100 - error + random_next(&t->state) % (2 * error + 1)) / 100;
            t->todo[place(t, i, m)] = true;
            openshop_add_pair(t->o, i, m, (uint32_t)ms);
        }
    }
}

static void trial_end(struct trial *t)
{
    openshop_free(t->o);
    free(t->clock.heap);
    free(t->todo);
    free(t->busy);
    free(t->dead);
    free(t->used);
    free(t->machine_work);
    free(t->server_work);
}

static void is_dense(struct trial *t)
{
    for (uint32_t m = 0; m < t->s->machines; m++) {
        for (uint32_t i = 0; !t->busy[m] && i < t->s->servers; i++) {
            if (!t->dead[i] && t->used[i] < t->s->slots && t->todo[place(t, i, m)])
                t->r.undense++;
        }
    }
}

static void begin_jobs(struct trial *t)
{
    struct openshop_pair p;

    while (openshop_next(t->o, &p)) {
        uint64_t ms = t->s->ms[place(t, p.server, p.machine)];
        bool fails = random_next(&t->state) % 100 < t->f->fail_percent;

        if (fails)
            ms = 1 + random_next(&t->state) % ms;
        if (t->busy[p.machine] || t->dead[p.server] || !t->todo[place(t, p.server, p.machine)] ||
            t->used[p.server]++ >= t->s->slots)
            t->r.overlaps++;
        t->busy[p.machine] = true;
        t->todo[place(t, p.server, p.machine)] = false;
        clock_add(&t->clock, (struct running){ .end = t->clock.now + ms,
                                               .server = p.server,
                                               .machine = p.machine,
                                               .fails = fails });
        t->machine_work[p.machine] += ms;
        t->server_work[p.server] += ms;
        t->r.work_bound_ms = larger(t->r.work_bound_ms, t->s->ms[place(t, p.server, p.machine)]);
    }
}

/* A server is lost with what it does; every second one is only silent, and back at once. */
static void lose_server(struct trial *t, uint32_t server)
{
    bool back = random_next(&t->state) % 2 == 0;

    openshop_block_server(t->o, server, true);
    for (size_t i = 0; i < t->clock.count; i++) {
        struct running *r = &t->clock.heap[i];

        if (r->server != server || r->over)
            continue;
        r->over = true;
        openshop_fail(t->o, server, r->machine);
        t->busy[r->machine] = false;
        t->used[server]--;
        t->todo[place(t, server, r->machine)] = true;
        t->r.failed++;
    }
    if (back) {
        openshop_block_server(t->o, server, false);
        return;
    }
    openshop_remove_server(t->o, server);
    t->dead[server] = true;
    for (uint32_t m = 0; m < t->s->machines; m++)
        t->todo[place(t, server, m)] = false;
}

static void end_job(struct trial *t, const struct running *r)
{
    t->busy[r->machine] = false;
    t->used[r->server]--;
    if (r->fails) {
        t->r.failed++;
        t->todo[place(t, r->server, r->machine)] = true;
        openshop_fail(t->o, r->server, r->machine);
        return;
    }
    t->r.jobs++;
    for (uint32_t i = 0; t->once && i < t->s->servers; i++)
        t->todo[place(t, i, r->machine)] = false;
    openshop_finish(t->o, r->server, r->machine);
}

struct shop_result shop_openshop(const struct shop *s, bool once, const struct shop_faults *f,
                                 uint64_t seed, bool check)
{
    struct trial t = { .s = s, .f = f, .once = once, .state = seed };
    uint32_t deaths = f->deaths;

    trial_begin(&t);
    for (;;) {
        begin_jobs(&t);
        if (check)
            is_dense(&t);
        if (t.clock.count == 0)
            break;
        struct running r = clock_take(&t.clock);
        if (r.over)
            continue;
        t.r.makespan_ms = t.clock.now;
        end_job(&t, &r);
        if (deaths > 0 &&
            random_next(&t.state) % (1 + (uint64_t)s->servers * s->machines / 8) == 0) {
            uint32_t victim = (uint32_t)(random_next(&t.state) % s->servers);

            if (!t.dead[victim])
                lose_server(&t, victim);
            deaths--;
        }
    }
    for (uint32_t m = 0; m < s->machines; m++)
        t.r.work_bound_ms = larger(t.r.work_bound_ms, t.machine_work[m]);
    for (uint32_t i = 0; i < s->servers; i++)
        t.r.work_bound_ms = larger(t.r.work_bound_ms, by_slot(t.server_work[i], s->slots));
    for (size_t i = 0; i < (size_t)s->servers * s->machines; i++)
        t.r.left += t.todo[i];
    trial_end(&t);
    return t.r;
}

/* ---- others ---------------------------------------------------------------------------------- */

/* One server with its slots, in the order of the filesystems. */
static uint64_t alone(const struct shop *s, uint32_t server)
{
    struct clock c = { 0 };
    uint64_t end = 0;

    for (uint32_t m = 0; m < s->machines; m++) {
        uint64_t ms = s->ms[(size_t)m * s->servers + server];

        if (ms == 0)
            continue;
        if (c.count == s->slots)
            clock_take(&c);
        clock_add(&c, (struct running){ .end = c.now + ms });
        end = larger(end, c.now + ms);
    }
    free(c.heap);
    return end;
}

uint64_t shop_serial(const struct shop *s)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < s->servers; i++)
        sum += alone(s, i);
    return sum;
}

/* Workers are numbered server * slots + slot; those that wait for a machine are a ring by `next`.
 */
struct queueing {
    const struct shop *s;
    struct clock clock;
    uint32_t *at;          /* of a server: its next machine */
    uint32_t *last, *next; /* of a machine: who came last, UINT32_MAX: nobody; who came after */
    bool *busy;
};

static void take(struct queueing *q, uint32_t worker, uint32_t machine)
{
    uint32_t ms = q->s->ms[(size_t)machine * q->s->servers + worker / q->s->slots];

    q->busy[machine] = true;
    clock_add(&q->clock,
              (struct running){ .end = q->clock.now + ms, .machine = machine, .worker = worker });
}

static void want_next(struct queueing *q, uint32_t worker)
{
    uint32_t server = worker / q->s->slots, m;

    do {
        m = q->at[server]++;
    } while (m < q->s->machines && q->s->ms[(size_t)m * q->s->servers + server] == 0);
    if (m >= q->s->machines)
        return;
    if (!q->busy[m]) {
        take(q, worker, m);
    } else if (q->last[m] == UINT32_MAX) {
        q->next[worker] = worker;
        q->last[m] = worker;
    } else {
        q->next[worker] = q->next[q->last[m]];
        q->next[q->last[m]] = worker;
        q->last[m] = worker;
    }
}

static void hand_over(struct queueing *q, uint32_t machine)
{
    uint32_t last = q->last[machine], first;

    q->busy[machine] = false;
    if (last == UINT32_MAX)
        return;
    first = q->next[last];
    q->next[last] = q->next[first];
    if (first == last)
        q->last[machine] = UINT32_MAX;
    take(q, first, machine);
}

uint64_t shop_mutex(const struct shop *s)
{
    uint32_t workers = s->servers * s->slots;
    struct queueing q = { .s = s,
                          .at = need(calloc(s->servers, sizeof *q.at)),
                          .last = need(calloc(s->machines, sizeof *q.last)),
                          .next = need(calloc(workers, sizeof *q.next)),
                          .busy = need(calloc(s->machines, sizeof *q.busy)) };
    uint64_t end = 0;

    memset(q.last, 0xff, s->machines * sizeof *q.last);
    for (uint32_t w = 0; w < workers; w++)
        want_next(&q, w % s->servers * s->slots + w / s->servers);
    while (q.clock.count > 0) {
        struct running r = clock_take(&q.clock);

        end = q.clock.now;
        hand_over(&q, r.machine);
        want_next(&q, r.worker);
    }
    free(q.clock.heap);
    free(q.at);
    free(q.last);
    free(q.next);
    free(q.busy);
    return end;
}
