/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/openshop_internal.h"

enum { LIST_STEPS = 8 }; /* of a list, to one of a set: a set's are dearer */

struct openshop *openshop_new(void)
{
    struct openshop *o = calloc(1, sizeof *o);

    if (o != NULL)
        o->unused_machine = o->unused_server = ORDER_NONE;
    return o;
}

void openshop_free(struct openshop *o)
{
    if (o == NULL)
        return;
    for (uint32_t i = 0; i < o->machine_count; i++)
        free(o->machines[i].pairs);
    for (uint32_t i = 0; i < o->server_count; i++)
        free(o->servers[i].machines);
    free(o->machines);
    free(o->servers);
    order_free(&o->free_machines);
    order_free(&o->free_servers);
    order_free(&o->new_machines);
    order_free(&o->new_servers);
    free(o);
}

static struct machine *machine_at(const struct openshop *o, uint32_t machine)
{
    assert(machine < o->machine_count && o->machines[machine].used);
    return &o->machines[machine];
}

static struct server *server_at(const struct openshop *o, uint32_t server)
{
    assert(server < o->server_count && o->servers[server].used);
    return &o->servers[server];
}

/* ---- servers, machines and their pairs ------------------------------------------------------ */

int openshop_add_server(struct openshop *o, uint32_t slots, uint32_t *server)
{
    uint32_t at = o->unused_server;
    struct server *list = o->servers;

    if (at != ORDER_NONE) {
        o->unused_server = list[at].next_unused;
    } else {
        at = o->server_count;
        list = grown(list, at, &o->server_cap, sizeof *list);
        if (list == NULL)
            return -ENOMEM;
        o->servers = list;
        if (order_reserve(&o->free_servers, at + 1) < 0 ||
            order_reserve(&o->new_servers, at + 1) < 0)
            return -ENOMEM;
        o->server_count++;
    }
    list[at] = (struct server){ .used = true, .slots = slots };
    *server = at;
    return 0;
}

int openshop_add_machine(struct openshop *o, bool once, uint32_t *machine)
{
    uint32_t at = o->unused_machine;
    struct machine *list = o->machines;

    if (at != ORDER_NONE) {
        o->unused_machine = list[at].next_unused;
    } else {
        at = o->machine_count;
        list = grown(list, at, &o->machine_cap, sizeof *list);
        if (list == NULL)
            return -ENOMEM;
        o->machines = list;
        if (order_reserve(&o->free_machines, at + 1) < 0 ||
            order_reserve(&o->new_machines, at + 1) < 0)
            return -ENOMEM;
        o->machine_count++;
    }
    list[at] = (struct machine){ .used = true, .once = once };
    *machine = at;
    return 0;
}

int openshop_add_pair(struct openshop *o, uint32_t server, uint32_t machine, uint32_t estimate_ms)
{
    struct machine *m = machine_at(o, machine);
    struct server *s = server_at(o, server);
    struct pair *p;

    if (server_list(s, machine) < 0 || machine_list(m, server, &p) < 0)
        return -ENOMEM;
    if (p->state == PAIR_STARTED)
        return 0;
    pair_turn(o, p, machine, PAIR_OVER);
    p->estimate = (uint32_t)least(estimate_ms, OPENSHOP_LONGEST_MS) & OPENSHOP_LONGEST_MS;
    if (m->once && m->left < p->estimate)
        m->left = p->estimate;
    pair_turn(o, p, machine, PAIR_TODO);
    server_settle(o, server, true);
    machine_settle(o, machine, true);
    return 0;
}

void openshop_drop(struct openshop *o, uint32_t server, uint32_t machine)
{
    struct machine *m = machine_at(o, machine);
    struct pair *p = pair_of(m, server);

    if (p == NULL || p->state == PAIR_OVER)
        return;
    assert(p->state == PAIR_TODO);
    pair_turn(o, p, machine, PAIR_OVER);
    server_settle(o, server, false);
    machine_settle(o, machine, false);
    machine_tidy(m);
    server_tidy(o, server);
}

/* Pairs that are over stay in the other side's list, where they mean nothing. */
void openshop_remove_server(struct openshop *o, uint32_t server)
{
    struct server *s = server_at(o, server);

    for (uint32_t i = 0; i < s->count; i++) {
        struct machine *m = &o->machines[s->machines[i]];
        struct pair *p = m->used ? pair_of(m, server) : NULL;

        if (p == NULL || p->state == PAIR_OVER)
            continue;
        if (p->state == PAIR_STARTED)
            m->busy = false;
        pair_turn(o, p, s->machines[i], PAIR_OVER);
        machine_settle(o, s->machines[i], true);
        machine_tidy(m);
    }
    free(s->machines);
    *s = (struct server){ .used = false, .next_unused = o->unused_server };
    o->unused_server = server;
    server_settle(o, server, false);
}

void openshop_remove_machine(struct openshop *o, uint32_t machine)
{
    struct machine *m = machine_at(o, machine);

    for (uint32_t i = 0; i < m->count; i++) {
        struct pair *p = &m->pairs[i];

        if (p->state == PAIR_OVER)
            continue;
        if (p->state == PAIR_STARTED)
            o->servers[p->server].busy--;
        pair_turn(o, p, machine, PAIR_OVER);
        server_settle(o, p->server, true);
    }
    free(m->pairs);
    *m = (struct machine){ .used = false, .next_unused = o->unused_machine };
    o->unused_machine = machine;
    machine_settle(o, machine, false);
}

void openshop_block_server(struct openshop *o, uint32_t server, bool blocked)
{
    server_at(o, server)->blocked = blocked;
    server_settle(o, server, true);
}

void openshop_block_machine(struct openshop *o, uint32_t machine, bool blocked)
{
    machine_at(o, machine)->blocked = blocked;
    machine_settle(o, machine, true);
}

void openshop_set_slots(struct openshop *o, uint32_t server, uint32_t slots)
{
    server_at(o, server)->slots = slots;
    server_settle(o, server, true);
}

/* ---- the next one --------------------------------------------------------------------------- */

/* A free server for this free machine: of mode every the one with most left, of mode once the one
 * with least. From two ends: the first of those that are free, in order, that it has a pair with;
 * or the best of those that it has pairs with, when they are fewer. */
static uint32_t server_for(const struct openshop *o, uint32_t machine)
{
    const struct order *free = &o->free_servers;
    const struct machine *m = &o->machines[machine];
    uint32_t at = m->once ? order_last(free) : order_first(free), best = ORDER_NONE;

    for (uint32_t i = 0; at != ORDER_NONE;
         at = m->once ? order_before(free, at) : order_after(free, at)) {
        if (pair_is_todo(o, at, machine))
            return at;
        for (uint32_t n = 0; n < LIST_STEPS; n++, i++) {
            uint32_t s;

            if (i == m->count)
                return best;
            s = m->pairs[i].server;
            if (m->pairs[i].state == PAIR_TODO && order_has(free, s) &&
                (best == ORDER_NONE ||
                 m->once != order_precedes(free->entries[s].key, s, free->entries[best].key, best)))
                best = s;
        }
    }
    return ORDER_NONE;
}

/* The free machine with most left for this free server, in the same way. */
static uint32_t machine_for(const struct openshop *o, uint32_t server)
{
    const struct order *free = &o->free_machines;
    const struct server *s = &o->servers[server];
    uint32_t at = order_first(free), best = ORDER_NONE;

    for (uint32_t i = 0; at != ORDER_NONE; at = order_after(free, at)) {
        if (pair_is_todo(o, server, at))
            return at;
        for (uint32_t n = 0; n < LIST_STEPS; n++, i++) {
            uint32_t m;

            if (i == s->count)
                return best;
            m = s->machines[i];
            if (order_has(free, m) && pair_is_todo(o, server, m) &&
                (best == ORDER_NONE ||
                 order_precedes(free->entries[m].key, m, free->entries[best].key, best)))
                best = m;
        }
    }
    return ORDER_NONE;
}

static void start(struct openshop *o, struct pair *p, uint32_t machine)
{
    pair_turn(o, p, machine, PAIR_STARTED);
    o->machines[machine].busy = true;
    o->servers[p->server].busy++;
    server_settle(o, p->server, false);
    machine_settle(o, machine, false);
}

bool openshop_next(struct openshop *o, struct openshop_pair *out)
{
    for (;;) {
        uint32_t m = order_first(&o->new_machines), s = order_first(&o->new_servers);
        bool by_machine = s == ORDER_NONE;

        if (m == ORDER_NONE && s == ORDER_NONE)
            return false;
        if (m != ORDER_NONE && s != ORDER_NONE)
            by_machine = o->machines[m].left >= openshop_server_left(o, s);
        if (by_machine) {
            s = server_for(o, m);
            if (s == ORDER_NONE)
                order_remove(&o->new_machines, m);
        } else {
            m = machine_for(o, s);
            if (m == ORDER_NONE)
                order_remove(&o->new_servers, s);
        }
        if (m != ORDER_NONE && s != ORDER_NONE) {
            start(o, pair_of(&o->machines[m], s), m);
            *out = (struct openshop_pair){ .server = s, .machine = m };
            return true;
        }
    }
}

bool openshop_start(struct openshop *o, uint32_t server, uint32_t machine)
{
    struct machine *m = machine_at(o, machine);
    struct pair *p = pair_of(m, server);

    assert(p != NULL && p->state != PAIR_OVER);
    if (m->busy)
        return false;
    start(o, p, machine);
    return true;
}

static void end(struct openshop *o, uint32_t server, uint32_t machine, enum pair_state to)
{
    struct machine *m = machine_at(o, machine);
    struct pair *p = pair_of(m, server);

    assert(p != NULL && p->state == PAIR_STARTED);
    m->busy = false;
    server_at(o, server)->busy--;
    pair_turn(o, p, machine, to);
}

void openshop_finish(struct openshop *o, uint32_t server, uint32_t machine)
{
    struct machine *m = machine_at(o, machine);

    end(o, server, machine, PAIR_OVER);
    for (uint32_t i = 0; m->once && i < m->count; i++) {
        uint32_t other = m->pairs[i].server;

        if (m->pairs[i].state == PAIR_OVER)
            continue;
        pair_turn(o, &m->pairs[i], machine, PAIR_OVER);
        server_settle(o, other, false);
        server_tidy(o, other);
    }
    server_settle(o, server, true);
    machine_settle(o, machine, true);
    machine_tidy(m);
    server_tidy(o, server);
}

void openshop_fail(struct openshop *o, uint32_t server, uint32_t machine)
{
    end(o, server, machine, PAIR_TODO);
    server_settle(o, server, true);
    machine_settle(o, machine, true);
}

/* ---- figures -------------------------------------------------------------------------------- */

uint64_t openshop_machine_left(const struct openshop *o, uint32_t machine)
{
    const struct machine *m = machine_at(o, machine);

    return m->todo > 0 && !(m->once && m->busy) ? m->left : 0;
}

uint64_t openshop_server_left(const struct openshop *o, uint32_t server)
{
    const struct server *s = server_at(o, server);

    return s->slots > 0 ? s->left / s->slots : s->left;
}

uint32_t openshop_machine_pairs(const struct openshop *o, uint32_t machine)
{
    return machine_at(o, machine)->todo;
}
