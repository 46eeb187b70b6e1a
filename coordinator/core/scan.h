/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scans: the kind of task whose jobs read filesystems, one node at a time (docs/ARCHITECTURE.md
 * section 5, "Jobs", "Results", "Scheduling"). scan.c: the kind; scan_shop.c: what the open shop
 * knows; scan_place.c: who reads what next, and what is in the way; scan_result.c: what nodes
 * answer. A part of core_internal.h, which alone includes it. */
#ifndef MUSTER_CORE_SCAN_H
#define MUSTER_CORE_SCAN_H

/* One filesystem of one scan task, while jobs of it are not over: a machine of the open shop. Of
 * mode once it has one job, of mode every one for each node. */
struct reading {
    struct link of_seat; /* seat.readings */
    struct link blocked; /* coord.readings_blocked, soonest first: something is in the way */
    struct link in_way;  /* blocked: node.in_way_of; alone: nobody in particular is in the way */
    struct link jobs;    /* struct job.of_reading */
    struct map *by_node; /* of mode every the same, by number of the node; else NULL */
    const struct job *under_way; /* offered, or runs; NULL: none */
    struct task *task;
    struct resource *resource;
    uint32_t machine;
    mono_ms until;   /* blocked: it is tried again then, or when who is in the way has changed */
    bool wholly;     /* blocked: for each node; else only where it was tried */
    bool partial;    /* mode once: some that reach it are left out until it is tried again */
    const char *why; /* one sentence of who was left out last; owned */
};

enum reach_outcome { REACH_PROVEN = 1, REACH_NOT_PROVEN = 2 }; /* also stored */

/* ---- scan.c */
extern const struct task_kind scan_kind;
/* The node cannot answer the order now. `retry_ms` 0: never; else it goes on being asked. */
int reach_declined(struct step *s, struct job *j, const char *reason, int64_t retry_ms);
int op_scan(struct answer *q);

/* ---- scan_shop.c */
/* Whoever reaches what has changed: an edge as shown, or `gone`; all edges of a node. */
void scan_edge(struct coord *c, const struct edge *e, bool gone);
void scan_node(struct coord *c, const struct node *n);
void scan_node_gone(struct coord *c, struct node *n); /* forgotten: its edges are gone */
/* What is left of the task, as learnt durations say. */
uint64_t scan_remaining_ms(const struct coord *c, const struct task *t);
void scans_free_all(struct coord *c);
int scans_check(const struct coord *c, struct err *e);

/* ---- scan_place.c */
/* The open job has no place: it gets one as soon as the shop finds one. */
int scan_place(struct step *s, struct job *j);
int scan_resumed(struct step *s, struct job *j); /* it runs, after a start */
int scan_unanswered(struct step *s, struct job *j);
int scan_lost(struct step *s, struct job *j, enum job_loss how);
void scan_over(struct step *s, struct job *j);
/* It may not go on with this node: the pair is to be done again. Legal when none is under way. */
void scan_stop(struct coord *c, struct job *j);
int scan_denied(struct step *s, struct job *j, struct node *n, const struct verdict *v);
/* It ran, and is tried again, by another node if there is one. */
int scan_again(struct step *s, struct job *j, const char *reason);
/* The node does not do it. `retry_ms`: it may be asked again then; 0: it does not say when. */
int scan_declined(struct step *s, struct job *j, const char *reason, int64_t retry_ms);
/* What this node had in the way of others may be over. NULL: all is tried again. */
void scans_wake(struct coord *c, const struct node *n);
int scans_settle(struct step *s);                  /* offers what can be offered now */
int scan_gone(struct step *s, struct resource *r); /* nobody sees it any more */
int scans_tick(struct step *s);
mono_ms scans_deadline(const struct coord *c);

/* ---- scan_result.c */
/* session.c's handlers of these messages. */
int on_scan_result(struct step *s, const struct envelope *env, struct key *k);
int on_reach_result(struct step *s, const struct envelope *env, struct key *k);
int on_decline(struct step *s, const struct envelope *env, struct key *k);
/* The answer to a result of any kind; `text`: why it is not taken. */
int result_answer(struct step *s, const struct envelope *env, const struct node *n,
                  const struct order_key *order, bool taken, const char *text);

#endif
