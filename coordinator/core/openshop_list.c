/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "core/openshop_internal.h"

enum {
    SHORT_LIST = 16,  /* what is over is not cleared away from a list as short */
    BUSY_BITS = 12,   /* of a server's key: which of those that have as much left */
    DEGREE_BITS = 12, /* and of those that are as busy */
};

void *grown(void *list, uint32_t count, uint32_t *cap, size_t size)
{
    uint32_t more = *cap == 0 ? 8 : *cap + *cap / 2;
    void *p;

    if (count < *cap)
        return list;
    p = realloc(list, more * size);
    if (p != NULL)
        *cap = more;
    return p;
}

/* ---- the pairs ------------------------------------------------------------------------------ */

static uint32_t pair_place(const struct machine *m, uint32_t server)
{
    uint32_t from = 0, to = m->count;

    if (to > 0 && m->pairs[to - 1].server < server)
        return to;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;

        if (m->pairs[mid].server < server)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

struct pair *pair_of(const struct machine *m, uint32_t server)
{
    uint32_t at = pair_place(m, server);

    return at < m->count && m->pairs[at].server == server ? &m->pairs[at] : NULL;
}

bool pair_is_todo(const struct openshop *o, uint32_t server, uint32_t machine)
{
    const struct machine *m = &o->machines[machine];
    const struct pair *p = m->used ? pair_of(m, server) : NULL;

    return p != NULL && p->state == PAIR_TODO;
}

static uint32_t place_in_server(const struct server *s, uint32_t machine)
{
    uint32_t from = 0, to = s->count;

    if (to > 0 && s->machines[to - 1] < machine)
        return to;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;

        if (s->machines[mid] < machine)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

int server_list(struct server *s, uint32_t machine)
{
    uint32_t at = place_in_server(s, machine);
    uint32_t *list;

    if (at < s->count && s->machines[at] == machine)
        return 0;
    list = grown(s->machines, s->count, &s->cap, sizeof *list);
    if (list == NULL)
        return -ENOMEM;
    s->machines = list;
    memmove(list + at + 1, list + at, (s->count - at) * sizeof *list);
    list[at] = machine;
    s->count++;
    return 0;
}

int machine_list(struct machine *m, uint32_t server, struct pair **out)
{
    uint32_t at = pair_place(m, server);
    struct pair *list;

    if (at == m->count || m->pairs[at].server != server) {
        list = grown(m->pairs, m->count, &m->cap, sizeof *list);
        if (list == NULL)
            return -ENOMEM;
        m->pairs = list;
        memmove(list + at + 1, list + at, (m->count - at) * sizeof *list);
        list[at] = (struct pair){ .server = server, .state = PAIR_OVER };
        m->count++;
    }
    *out = &m->pairs[at];
    return 0;
}

void machine_tidy(struct machine *m)
{
    uint32_t kept = 0;

    if (m->count < SHORT_LIST || m->todo + m->busy >= m->count / 2)
        return;
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->pairs[i].state != PAIR_OVER)
            m->pairs[kept++] = m->pairs[i];
    }
    m->count = kept;
}

void server_tidy(const struct openshop *o, uint32_t server)
{
    struct server *s = &o->servers[server];
    uint32_t kept = 0;

    if (s->count < SHORT_LIST || s->todo + s->busy >= s->count / 2)
        return;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct machine *m = &o->machines[s->machines[i]];
        const struct pair *p = m->used ? pair_of(m, server) : NULL;

        if (p != NULL && p->state != PAIR_OVER)
            s->machines[kept++] = s->machines[i];
    }
    s->count = kept;
}

/* ---- who could start something --------------------------------------------------------------- */

uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What it has left by slot; then the busier; then who has pairs with more. */
static uint64_t server_key(const struct server *s)
{
    uint64_t left = least(s->left / s->slots, UINT64_MAX >> (BUSY_BITS + DEGREE_BITS));

    return left << (BUSY_BITS + DEGREE_BITS) |
           least(s->busy, (1u << BUSY_BITS) - 1) << DEGREE_BITS |
           least(s->count, (1u << DEGREE_BITS) - 1);
}

void server_settle(struct openshop *o, uint32_t server, bool anew)
{
    struct server *s = &o->servers[server];

    if (!s->used || s->blocked || s->todo == 0 || s->busy >= s->slots) {
        order_remove(&o->free_servers, server);
        order_remove(&o->new_servers, server);
        return;
    }
    order_put(&o->free_servers, server, server_key(s));
    if (anew || order_has(&o->new_servers, server))
        order_put(&o->new_servers, server, server_key(s));
}

void machine_settle(struct openshop *o, uint32_t machine, bool anew)
{
    struct machine *m = &o->machines[machine];

    if (!m->used || m->blocked || m->busy || m->todo == 0) {
        order_remove(&o->free_machines, machine);
        order_remove(&o->new_machines, machine);
        return;
    }
    order_put(&o->free_machines, machine, m->left);
    if (anew || order_has(&o->new_machines, machine))
        order_put(&o->new_machines, machine, m->left);
}

void pair_turn(struct openshop *o, struct pair *p, uint32_t machine, enum pair_state to)
{
    struct machine *m = &o->machines[machine];
    struct server *s = &o->servers[p->server];
    uint64_t ms = m->once ? 0 : p->estimate;

    if (p->state == PAIR_TODO) {
        m->todo--;
        m->left -= ms;
        s->todo--;
        s->left -= ms;
    }
    if (to == PAIR_TODO) {
        m->todo++;
        m->left += ms;
        s->todo++;
        s->left += ms;
    }
    p->state = to;
}
