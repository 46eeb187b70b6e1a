/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks and jobs as clients see them. The core fills those of tasks that run; the shell those of
 * tasks that are over, from the database. */
#ifndef MUSTER_CORE_TASK_INFO_H
#define MUSTER_CORE_TASK_INFO_H

#include "core/rows.h"

/* Of the jobs of a task. */
struct task_sums {
    uint64_t jobs, done, running, held, images, mounts, skipped;
};
void task_sums_add(struct task_sums *sums, const struct job_row *row);

/* Texts are copied. 0 or -ENOMEM. */
int task_info_fill(struct arena *a, const struct task_row *row, const struct task_sums *sums,
                   struct task_info *out);
/* `node` nil: none. */
int job_info_fill(struct arena *a, enum task_kind_id kind, const struct job_row *row, uuid128 node,
                  const char *node_name, const char *state, struct job_info *out);

#endif
