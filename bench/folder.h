/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder of a benchmark that is gone when the benchmark is, however that ends: a process of its
 * own waits for that, ends what still works in the folder, and removes it. */
#ifndef MUSTER_BENCH_FOLDER_H
#define MUSTER_BENCH_FOLDER_H

#include <sys/types.h>

#include "base/err.h"

struct folder {
    char path[128]; /* empty: there is none */
    int alive;      /* open as long as the benchmark lives */
    pid_t guard;
};

/* PARENT/muster-bench-... 0, or a negative errno with a sentence. Before the caller has a mount
 * namespace of its own. */
int folder_make(struct folder *f, const char *parent, struct err *e);
/* A process that is to end before the folder goes, if the benchmark has not ended it. */
void folder_has(const struct folder *f, pid_t pid);
void folder_remove(struct folder *f); /* returns when it is gone; of none does nothing */

#endif
