/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks: durable operations of steps, each of which has jobs (docs/ARCHITECTURE.md section 5,
 * "Jobs"). A kind of task is a const table of steps; a step makes jobs, says what is ordered of a
 * node for one, and how it is undone. A part of core_internal.h, which alone includes it.
 *
 * A job is either of one node from the start: the engine orders it, of a node no more at a time
 * than it has places (node_places), in order of their making, and repeats the order until something
 * is heard. Or the step chooses the node (`place`).
 *
 * An order is (task, job, attempt). A repetition, also after a restart, is of the same attempt, and
 * a node that knows it does not carry it out again. A job that failed and may go another time gets
 * the next attempt, durable before it is ordered, up to LIMIT_JOB_ATTEMPTS.
 *
 * What follows from what has happened is done at the end of the core's step (tasks_settle): orders
 * go out, steps and tasks end. So no function here frees a task or job. */
#ifndef MUSTER_CORE_TASK_H
#define MUSTER_CORE_TASK_H

struct task;
struct job;
struct verdict;

enum job_now {
    JOB_WAITS,   /* for its node, or for a place */
    JOB_OFFERED, /* ordered, nothing heard yet */
    JOB_RUNS,    /* its node works on it */
    JOB_HELD,    /* something is in the way: job.held */
    JOB_OVER,
};
enum job_loss {
    LOSS_SILENT, /* the node is down */
    LOSS_BOOT,   /* the boot that had, or may have had, the order is over: it is not known what
                    became of it */
    LOSS_OUT,    /* the node is quarantined, or declared dead: nothing is heard of it */
    LOSS_NODE,   /* the node is forgotten */
};

struct job {
    struct link
        link; /* of its node: waiting, under_way, held; else coord.jobs_unplaced, or alone */
    struct link offer;  /* coord.offers: JOB_OFFERED; coord.jobs_held: JOB_HELD; first due first */
    struct job_row row; /* texts are owned */
    struct task *task;
    struct node *node; /* whose it is, or who it was placed with; NULL: nobody's */
    enum job_now now;
    mono_ms due;          /* JOB_OFFERED; JOB_HELD: then it has failed, unless it is never */
    char *held;           /* one sentence; owned */
    mono_ms held_from;    /* JOB_HELD: since then, or from then on, its time runs */
    int64_t held_ms;      /* and so much of it has passed since a node worked on it */
    uint32_t told_before; /* of an activation: slot.changes of its node's LVs, plus 1; 0: unknown */
    bool granted, begun;  /* of a change: its right is of this start; an attempt may have made it */
    uint32_t unheard;     /* how often its order of this attempt was not answered */
    mono_ms unheeded_since; /* its order is declined, or not answered; 0: it is not */
    /* Of a step that places it (scan_place.c). */
    struct reading *reading; /* NULL: not placed yet */
    struct link of_reading;
    uint32_t server; /* of the open shop, plus 1, while the pair is under way; 0: none is */
    /* Of a step that has a queue (rescan.c). */
    struct link queue;
    mono_ms not_before; /* it waits until then */
    bool paid;          /* it has a place in the budget */
};

struct task {
    struct link link;    /* coord.tasks, oldest first */
    struct link due;     /* coord.tasks_due: its step may be over */
    struct task_row row; /* text is owned */
    const struct task_kind *kind;
    struct job **jobs; /* by number - 1 */
    uint32_t job_count, job_cap, open;
    struct vg_change *vg; /* of kind lvm: what it changes; owned */
    const void *what;     /* while its first step is made: of task_new() */
    bool begun;           /* the jobs of its step, forwards or back, are made */
};

struct task_step {
    const char *name;
    /* Makes its jobs, with job_new(); none: it is done. 0 or -ENOMEM. */
    int (*make)(struct step *s, struct task *t);
    /* Fills the order of the job for its node. 0 or -ENOMEM. */
    int (*order)(struct step *s, struct job *j, struct envelope *env);
    /* NULL: jobs have their nodes. Else of a job that is open: chooses, now or later, who does it,
     * and calls job_offer(). */
    int (*place)(struct step *s, struct job *j);
    /* NULL: the engine orders jobs that have their nodes. Else the step does: the job waits, of its
     * node and in whatever queue this puts it. Such orders are not counted among its places. */
    void (*queue)(struct coord *c, struct job *j);
    /* With `place`: it runs, as the database says after a start. */
    int (*resumed)(struct step *s, struct job *j);
    /* Nothing was heard of an order in time. NULL: it is repeated. */
    int (*unanswered)(struct step *s, struct job *j);
    /* Its node does not do it; `retry_ms` 0: nor later. NULL: as a scan's (scan.h). */
    int (*declined)(struct step *s, struct job *j, const char *reason, int64_t retry_ms);
    /* The job's node is lost while it is not over. NULL: one that is silent or out is waited for;
     * after the end of its boot the job is open again; with the node it has failed. */
    int (*lost)(struct step *s, struct job *j, enum job_loss how);
    /* Of a step whose jobs need leases: this is in the way of the one that its node has asked for;
     * and the one that it has is over, or counts as residue from now on. */
    int (*denied)(struct step *s, struct job *j, struct node *n, const struct verdict *why);
    int (*unleased)(struct step *s, struct job *j, const char *why);
    void (*over)(struct step *s, struct job *j); /* what the step keeps of it goes; may be NULL */
    /* All jobs are done: has the step failed, so that the task is undone? NULL: never. */
    bool (*failed)(const struct task *t);
    uint32_t failure; /* result of a job that fails for good */
    bool binds;       /* an order may be carried out as soon as it is sent: it is not called off */
    const struct task_step *undo; /* NULL: there is nothing to undo */
};

struct task_kind {
    const char *name;
    const struct task_step *steps;
    uint32_t step_count;
    /* One sentence: how it ended, in the arena. NULL: out of memory. */
    const char *(*outcome)(const struct coord *c, struct arena *a, const struct task *t);
};

/* ---- task.c */
extern const struct task_kind *const task_kinds[TASK_KINDS]; /* by enum task_kind_id */
bool tasks_room(const struct coord *c);                      /* for one more */
bool jobs_room(const struct coord *c, size_t n);             /* for n more, of all tasks */
/* Makes the task and the jobs of its first step, which finds `what` in the task. `text`: what it is
 * for. 0 or -ENOMEM. */
int task_new(struct step *s, enum task_kind_id kind, bool every_node, const char *text,
             const void *what, struct task **out);
struct task *task_by_no(const struct coord *c, uint64_t no); /* NULL: it does not run */
struct job *job_by_key(const struct coord *c, const struct order_key *key); /* of any attempt */
const struct task_step *job_step(const struct job *j);
bool is_undoing(const struct job *j);
/* `r` and `n` may be NULL. 0 or -ENOMEM. */
int job_new(struct step *s, struct task *t, const struct resource *r, struct node *n,
            struct job **out);
/* Of a later step: the present one goes on when it is done. */
int job_new_ahead(struct step *s, struct task *t, uint32_t step, const struct resource *r,
                  struct node *n, struct job **out);
/* Of no resource: `what` it is about stands in the place of one's label. */
int job_new_about(struct step *s, struct task *t, struct node *n, const char *what,
                  struct job **out);
int job_save(struct step *s, const struct job *j);
/* What is under way is finished, what is not is called off; then what was done is undone. */
int task_cancel(struct step *s, struct task *t);
int tasks_settle(struct step *s);
int tasks_load(struct step *s, const struct stored *im);
void tasks_free_all(struct coord *c);
int tasks_check(const struct coord *c, struct err *e);

/* ---- job.c */
/* Orders it of the node; until it is taken or withdrawn it is that node's. */
int job_offer(struct step *s, struct job *j, struct node *n);
int job_take(struct step *s, struct job *j, uint64_t token); /* the node works on it */
int job_order_again(struct step *s, struct job *j); /* of the same node; it is waited for again */
/* Something is in its way: one sentence. Unless it is what `ends` by itself, the job fails when it
 * has been in such a state for DEFAULT_HELD_MS altogether. */
int job_hold(struct coord *c, struct job *j, const char *why, bool ends);
/* Nobody works on it any more; it is tried again, or has failed for good with this reason. */
int job_again(struct step *s, struct job *j, const char *reason);
int job_withdraw(struct step *s,
                 struct job *j); /* an offer that was not taken up; no attempt lost */
int job_done(struct step *s, struct job *j, uint32_t result, const char *reason);
void job_unlink(struct coord *c, struct job *j); /* out of all lists */
void job_enqueue(struct coord *c, struct job *j);
void job_runs(struct coord *c, struct job *j); /* in memory: after a start */
void job_forget(struct coord *c, struct job *j);
int orders_settle(struct step *s);
int offers_tick(struct step *s);
mono_ms offers_deadline(const struct coord *c);
/* The node may be sent something now, so that its jobs go on. */
void orders_of(struct coord *c, struct node *n);
bool may_order(const struct node *n);
int node_jobs_lost(struct step *s, struct node *n, enum job_loss how);

/* ---- query_task.c */
int op_task_list(struct answer *q);
int op_task_show(struct answer *q);
int op_task_cancel(struct answer *q);

#endif
