/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fleets of servers and filesystems, and how long a scan of them takes in virtual time, for tests
 * and benchmarks of the scheduler. Nothing is mounted and no clock is read. */
#ifndef MUSTER_TESTS_SHOP_H
#define MUSTER_TESTS_SHOP_H

#include "base/types.h"

enum shop_shape {
    SHOP_UNIFORM, /* each server sees each filesystem, times are much alike */
    SHOP_HEAVY,   /* most are short, few very long (Pareto, 1.2) */
    SHOP_HUGE,    /* one filesystem has as much as a quarter of all others */
    SHOP_SPARSE,  /* a server sees one filesystem in five */
    SHOP_GROUPS,  /* masking: a group of servers sees its own filesystems, and all see a few */
    SHOP_UNLIKE,  /* servers differ by a factor of eight */
    SHOP_SHAPES
};
extern const char *const shop_shape_names[SHOP_SHAPES];

struct shop {
    uint32_t servers, machines, slots;
    uint32_t *ms; /* [machine * servers + server]; 0: not seen */
};

struct shop_faults {
    uint32_t error_percent; /* an estimate is off by up to so much */
    uint32_t fail_percent;  /* of jobs fail somewhere on their way */
    uint32_t deaths;        /* servers that are lost, half of which come back */
};

struct shop_result {
    uint64_t makespan_ms;
    uint64_t work_bound_ms; /* max(machine, server / slots, job) of what was done, failures too */
    uint64_t jobs, failed;
    uint64_t undense; /* times at which a free machine and a server with a slot wanted each other */
    uint64_t overlaps; /* a machine or a slot was given twice */
    uint64_t left;     /* jobs that were never done though somebody lived who could */
};

/* The caller frees ms. Exits when there is no memory. */
void shop_make(struct shop *s, enum shop_shape shape, uint32_t servers, uint32_t machines,
               uint32_t slots, uint64_t seed);
void shop_free(struct shop *s);
/* The longest of: one filesystem by all who see it, one server's work by slot, one job. */
uint64_t shop_bound(const struct shop *s);
/* The same when each is read once, by whoever is fastest: work shared by all slots, what
 * only some servers see shared by theirs, one job. */
uint64_t shop_bound_once(const struct shop *s);

/* coordinator/core/openshop.c. `check`: looks at all pairs after each dispatch (small shops). */
struct shop_result shop_openshop(const struct shop *s, bool once, const struct shop_faults *f,
                                 uint64_t seed, bool check);
/* One server after the other, each with its slots. */
uint64_t shop_serial(const struct shop *s);
/* All at once, all in the same order; whoever finds a filesystem taken waits, and keeps his slot.
 */
uint64_t shop_mutex(const struct shop *s);

#endif
