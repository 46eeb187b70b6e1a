/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rescans: the kind of task whose jobs have nodes look what LUNs their storage has (docs/
 * ARCHITECTURE.md section 4, "Rescans"). A job is of its node from the start, and what it looks at
 * is its label (model/rescan.h). It waits in one queue for the budget of the fleet; while its order
 * is out it has a place there. rescan.c: the kind and the queue; rescan_want.c: what nodes say;
 * query_rescan.c: what operators ask for. A part of core_internal.h, which alone includes it. */
#ifndef MUSTER_CORE_RESCAN_H
#define MUSTER_CORE_RESCAN_H

#include "core/quota.h"
#include "core/list.h"

struct answer;
struct coord;
struct job;
struct key;
struct node;
struct step;
struct task;
struct task_kind;

enum rescan_outcome { RESCAN_DONE = 1, RESCAN_FAILED = 2 }; /* also stored */

struct rescans {
    struct quota *quota;
    struct link queue;    /* struct job.queue: those that wait, the oldest first */
    bool due;             /* one that waited may go now */
    mono_ms from;         /* after a start: what the last one has ordered is over then */
    mono_ms next;         /* the soonest at which one may go that waits for its time */
    uint32_t wanted_no;   /* the task in which what nodes want is put, while it is young; 0: none */
    mono_ms wanted_until; /* and until when it is */
};

/* What the jobs of a task are made of: each node looks at each of these. */
struct rescan_chosen {
    struct node **nodes;
    size_t node_count;
    struct strs what;
};

/* ---- rescan.c */
extern const struct task_kind rescan_kind;
int rescans_init(struct coord *c);  /* -ENOMEM */
void rescans_free(struct coord *c); /* after the tasks */
void rescans_loaded(struct coord *c, bool first);
void rescans_wake(struct coord *c); /* a node may be ordered something now */
int rescans_settle(struct step *s); /* orders what the budget allows */
void rescans_tick(struct coord *c);
mono_ms rescans_deadline(const struct coord *c);
int rescans_check(const struct coord *c, struct err *e);
/* Tried again later, or failed for good. `wait_ms`: not before. */
int rescan_again(struct step *s, struct job *j, const char *reason, int64_t wait_ms);
int rescan_job(struct step *s, struct task *t, struct node *n, const char *what);

/* ---- rescan_want.c: session.c's handlers of these messages. */
int on_rescan_want(struct step *s, const struct envelope *env, struct key *k);
int on_rescan_result(struct step *s, const struct envelope *env, struct key *k);
int rescan_declined(struct step *s, struct job *j, const char *reason, int64_t retry_ms);

/* ---- query_rescan.c */
int op_rescan(struct answer *q);

/* ---- of job.c: the order is out no more, so that its place is free. */
void rescan_repay(struct coord *c, struct job *j);

#endif
