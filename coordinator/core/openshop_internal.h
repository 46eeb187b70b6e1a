/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What openshop.c and openshop_list.c share. */
#ifndef MUSTER_CORE_OPENSHOP_INTERNAL_H
#define MUSTER_CORE_OPENSHOP_INTERNAL_H

#include "core/openshop.h"
#include "core/order.h"

enum pair_state { PAIR_TODO, PAIR_STARTED, PAIR_OVER };
struct pair {
    uint32_t server;
    uint32_t state : 2;
    uint32_t estimate : 30;
};

struct machine {
    struct pair *pairs; /* in order of servers */
    uint32_t count, cap;
    uint32_t todo; /* pairs */
    uint64_t left; /* estimates of those; of mode once the longest there was */
    uint32_t next_unused;
    bool used, once, busy, blocked;
};

struct server {
    uint32_t *machines; /* in order; also some of pairs that are over */
    uint32_t count, cap;
    uint32_t todo, slots, busy;
    uint64_t left;
    uint32_t next_unused;
    bool used, blocked;
};

struct openshop {
    struct machine *machines;
    struct server *servers;
    uint32_t machine_count, machine_cap, server_count, server_cap;
    uint32_t unused_machine, unused_server;   /* ORDER_NONE: none */
    struct order free_machines, free_servers; /* could start something */
    struct order new_machines, new_servers;   /* of these: not searched in vain since */
};

/* ---- openshop_list.c: lists of pairs, and the sets of those that could start something */
void *grown(void *list, uint32_t count, uint32_t *cap, size_t size); /* NULL: out of memory */
uint64_t least(uint64_t a, uint64_t b);
struct pair *pair_of(const struct machine *m, uint32_t server); /* NULL: none */
bool pair_is_todo(const struct openshop *o, uint32_t server, uint32_t machine);
int server_list(struct server *s, uint32_t machine); /* once; 0 or -ENOMEM */
/* The pair that is there, or a new one that is over. 0 or -ENOMEM. */
int machine_list(struct machine *m, uint32_t server, struct pair **out);
/* Takes out what is over, as soon as that is most of it. */
void machine_tidy(struct machine *m);
void server_tidy(const struct openshop *o, uint32_t server);
/* Counts; neither starts nor ends anything. */
void pair_turn(struct openshop *o, struct pair *p, uint32_t machine, enum pair_state to);
/* Into the sets where it belongs. `anew`: something has changed for it, so that a search for a
 * partner need not be in vain. */
void server_settle(struct openshop *o, uint32_t server, bool anew);
void machine_settle(struct openshop *o, uint32_t machine, bool anew);

#endif
