/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocations that fail. The linker sends every call of the archives to malloc and the like, and to
 * those of arenas, through here (see meson.build). */
#ifndef MUSTER_TESTS_CORE_FAILING_H
#define MUSTER_TESTS_CORE_FAILING_H

#include <stdbool.h>

/* So many allocations, while armed, until one fails; negative: none does, or it has. */
extern long failing_left;

void failing_arm(bool on); /* for life.arm */

/* Which allocations fail, each in a run of its own: all, or under a sanitizer each `sanitized`th.
 */
struct sweep {
    long first, step;
};
struct sweep failing_sweep(unsigned sanitized);

#endif
