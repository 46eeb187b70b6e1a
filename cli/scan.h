/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scans and other tasks: what several files tell of them. */
#ifndef MUSTER_CLI_SCAN_H
#define MUSTER_CLI_SCAN_H

#include "cli/nouns.h"

/* Who of those that see the filesystem has read it, or proven that he reaches it, node by node.
 * `scanned`: it may be; of another nothing is said as long as nothing is known. */
void reach_pairs(struct text *t, const struct reply *r, size_t resource, bool scanned);

/* A filesystem's result in words: "complete", "incomplete", "not read"; "" for none. */
const char *result_word(const char *result);
enum paint paint_of_result(const char *result);

/* "3/40 done, 4 running, 29 waiting, 4 held, 312 images, 2 min left": what is none is left out, and
 * with `least` the last two. */
const char *task_figures(struct text *t, const struct task_info *k, bool least);
/* The same with a bar in front of it, where there is room for one; narrower than the line. Pure. */
void task_bar(struct text *t, const struct task_info *k);

/* Shows how a task goes until it is over: a bar on a terminal, else a line now and then (none with
 * --json). Then *out is the answer to OP_TASK_SHOW. 0, or an exit code after its sentence; that is
 * EXIT_FAILED after Ctrl-C, which leaves the task running. */
int follow(struct run *r, uint64_t no, struct muster_reply *out);

/* Jobs of a task by filesystem and node, in the text's arena; NULL: no memory. */
const struct job_info **jobs_ordered(struct arena *a, const struct reply *r);
bool is_reach(const struct job_info *j); /* it proves that a node reaches what another has read */

/* What a scan that is over has brought, as text and as the document of `scan --wait`. Data: the
 * reply to OP_TASK_SHOW. */
extern const struct view scanned_view;
/* The exit code of that, after a sentence unless all is complete. */
int scanned_exit(struct run *r, const struct reply *reply);
/* rescan.c: the same of a rescan. */
bool is_rescan(const struct task_info *k);
extern const struct view rescanned_view;
int rescanned_exit(struct run *r, const struct reply *reply);
void rescan_jobs_text(struct text *t, const struct job_info **v, size_t n);
/* The table of these jobs. `whole` false: of many only those that are not complete. */
void jobs_text(struct text *t, const struct job_info **v, size_t n, bool whole);

#endif
