/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A few nodes that all see the same filesystems: the probe's own agent and the real wire, with
 * hardware and scans that are made up. Their clocks run fast, so that heartbeats, renewals and
 * repetitions fit between two kills; a node whose clock is fast ends its leases too early, which
 * is no danger. What they say and hear goes into the account. */
#ifndef MUSTER_TESTS_CAST_H
#define MUSTER_TESTS_CAST_H

#include "account.h"
#include "agent.h"

enum { CAST_NODES = 6, CAST_FILESYSTEMS = 16 };

struct cast;

struct cast_options {
    const char *endpoint;
    char *const *tokens; /* CAST_NODES whole token texts */
    int64_t heartbeat_ms;
    uint64_t seed;
    struct account *account; /* of cast_ids; outlives the cast */
};

void cast_ids(uint64_t seed, uuid128 ids[CAST_NODES]);
struct cast *cast_new(const struct cast_options *o, struct err *e); /* NULL with a sentence */
void cast_free(struct cast *c);                                     /* NULL is legal */

int64_t now_us(void); /* CLOCK_BOOTTIME */

/* Lets them live until that time, or until `enough` says so, or `fd` (-1: none) can be read. 0, or
 * a negative errno with a sentence. */
int cast_run(struct cast *c, int64_t until_us, bool (*enough)(const void *), const void *what,
             int fd, struct err *e);
/* Reads what has come already. */
int cast_drain(struct cast *c, struct err *e);

/* A node neither hears nor says anything, nor does its clock move anything. */
void cast_silence(struct cast *c, uint32_t node, bool silent);
/* Its probe ends with its scans, at once, and another begins in the same boot. `forgets`: what it
 * knew of the coordinator too, as if it had never followed one. */
int cast_restart(struct cast *c, uint32_t node, bool forgets, struct err *e);

struct cast_counts {
    uint64_t sent, heard, refused;
    uint32_t registered; /* now */
};
struct cast_counts cast_counts(const struct cast *c);

#endif
