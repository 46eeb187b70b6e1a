/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pair of server and machine is next: an open shop, in which servers (nodes) have some slots
 * and a machine (a filesystem) does one job at a time. It knows small integers and estimates, and
 * has no clock. docs/ARCHITECTURE.md section 5, "Scheduling".
 *
 * A machine is of one of two modes. *Every*: each of its pairs is a job. *Once*: it has one job,
 * which any one of its pairs does.
 *
 * Dense: openshop_next() says none only if there is no machine that is free, not blocked and has a
 * pair to do with a server that has a free slot and is not blocked. So the last job ends within
 * twice LB = max(longest machine, longest server / slots, longest pair), whatever the times are.
 * Longest first: of what it could dispatch it takes the machine or the server that has most left
 * to do (a server: by slot), and for it the partner that has most left; a machine of mode once
 * goes to the server that has least.
 *
 * Cost: a dispatch moves one server and one machine in ordered sets, O(log n), and searches for
 * the partner from two ends at once: through those that are free, in order, and through those that
 * the one side has pairs with. The first way ends at the first hit, as a rule after a few steps
 * (ln n of them, when each has pairs with each); the second bounds it by the number of pairs of
 * that side. What is searched in vain is not searched again until one of its own partners becomes
 * free. Memory: 12 bytes for each pair, up to twice that while lists grow or before they shrink. */
#ifndef MUSTER_CORE_OPENSHOP_H
#define MUSTER_CORE_OPENSHOP_H

#include "base/types.h"

#define OPENSHOP_LONGEST_MS ((1u << 30) - 1) /* estimates are cut there, which is 12 days */

struct openshop;
struct openshop_pair {
    uint32_t server, machine;
};

struct openshop *openshop_new(void); /* NULL: out of memory */
void openshop_free(struct openshop *o);

/* Numbers of what was removed are used again. 0 or -ENOMEM. */
int openshop_add_server(struct openshop *o, uint32_t slots, uint32_t *server);
int openshop_add_machine(struct openshop *o, bool once, uint32_t *machine);
/* The pair is to be done, if it is not under way (what was done or dropped before: anew). In
 * ascending order of both numbers it takes O(1). 0 or -ENOMEM. */
int openshop_add_pair(struct openshop *o, uint32_t server, uint32_t machine, uint32_t estimate_ms);
/* The pair is not to be done, or can not; not while it is under way. Legal when there is none. */
void openshop_drop(struct openshop *o, uint32_t server, uint32_t machine);
/* With all their pairs. A pair that is under way ends with it. */
void openshop_remove_server(struct openshop *o, uint32_t server);
void openshop_remove_machine(struct openshop *o, uint32_t machine);

/* Nothing new is started there; what is under way goes on. */
void openshop_block_server(struct openshop *o, uint32_t server, bool blocked);
void openshop_block_machine(struct openshop *o, uint32_t machine, bool blocked);
void openshop_set_slots(struct openshop *o, uint32_t server, uint32_t slots);

/* Takes the next pair, which is under way then. False: there is none that could start now. */
bool openshop_next(struct openshop *o, struct openshop_pair *out);
/* It is done; of a machine of mode once all pairs are. */
void openshop_finish(struct openshop *o, uint32_t server, uint32_t machine);
void openshop_fail(struct openshop *o, uint32_t server, uint32_t machine); /* to be done again */
/* A pair that something else has decided upon is under way: after a restart. False: its machine is
 * busy. Slots are exceeded where it must be. */
bool openshop_start(struct openshop *o, uint32_t server, uint32_t machine);

/* What is left to start: milliseconds of a machine, and of a server by slot. Of machines of mode
 * once nothing counts for a server. */
uint64_t openshop_machine_left(const struct openshop *o, uint32_t machine);
uint64_t openshop_server_left(const struct openshop *o, uint32_t server);
uint32_t openshop_machine_pairs(const struct openshop *o, uint32_t machine); /* to be done */

#endif
