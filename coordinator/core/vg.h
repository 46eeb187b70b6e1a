/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of volume groups: the kind of task that changes LVM metadata on one node and makes every
 * other node current (docs/ARCHITECTURE.md section 8). vg_change.c: the kind; vg_place.c: who
 * changes it, and what is in the way; vg_result.c: what nodes answer; vg_ask.c: what is asked for;
 * vg_lun.c: of which devices; vg_auto.c: what else activates its LVs.
 * A part of core_internal.h, which alone includes it. */
#ifndef MUSTER_CORE_VG_H
#define MUSTER_CORE_VG_H

/* What a task is to change; the task owns it. */
struct vg_change {
    struct arena *arena; /* of all texts of the row */
    struct vg_change_row row;
};

/* Also stored, as results of jobs. */
enum vg_outcome {
    VG_OUT_DONE = 1,    /* changed; of the other steps: the node is as it should be */
    VG_OUT_FAILED = 2,  /* not changed; of the other steps: the node is not as it should be */
    VG_OUT_UNKNOWN = 3, /* an attempt may have changed it, and none has found out */
};

enum vg_step { VG_STEP_UNMAP, VG_STEP_CHANGE, VG_STEP_SPREAD, VG_STEP_RELEASE, VG_STEPS };

/* ---- vg_change.c */
extern const struct task_kind vg_kind;
int vg_change_set(struct task *t, const struct vg_change_row *row); /* a copy of it */
void vg_change_free(struct vg_change *v);                           /* may be NULL */
int vg_change_load(struct coord *c, const struct vg_change_row *row);
int vg_change_save(struct step *s, const struct task *t);
/* What it changes; NULL: nobody sees it, or it is not created yet. */
struct resource *vg_of(const struct coord *c, const struct vg_change_row *row);
struct resource *vg_lv_of(const struct coord *c, const struct vg_change_row *row);
/* The same, if nobody may use it meanwhile: what an LV is used for goes on while it is extended
 * or a snapshot is made of it. */
struct resource *vg_lv_not_in_use(const struct coord *c, const struct vg_change_row *row);
/* The order of its job, under the right of this token. 0 or -ENOMEM. */
int vg_order(struct step *s, struct job *j, uint64_t token, struct envelope *env);
/* "LV root of volume group fast", as sentences name it. NULL: out of memory. */
const char *vg_what(struct arena *a, const struct vg_change_row *row);

/* ---- vg_lun.c */
/* The LUN that it is, or is a partition of; NULL: nobody sees it. */
struct resource *vg_lun(const struct coord *c, const char *container);
/* 1: the node sees all of it well; 0: not; -ENOMEM. */
int vg_sees(struct coord *c, struct node *n, const char *container);
/* The containers that the request names, for the row; *good is false when the answer says what is
 * wrong with one. 0 or -ENOMEM. */
int vg_find_luns(struct answer *q, const struct vg_ask *ask, struct vg_change_row *row, bool *good);

/* ---- vg_auto.c */
/* The edge's node activates LVs of its volume group by itself. */
bool vg_is_activated_by(const struct edge *e);
int vg_auto_status(struct answer *q, struct status_info *s);
/* Of a change that keeps LVM from activating it: which node's host uses what is in it. *why is NULL
 * when none does. 0 or -ENOMEM. */
int vg_needed(const struct coord *c, struct arena *a, const struct vg_change_row *row,
              const struct resource *vg, const char **why);

/* ---- vg_place.c */
int vg_place(struct step *s, struct job *j);
/* The right of the task, NULL: it has none (yet, or any more). */
struct lease *vg_right(const struct coord *c, const struct task *t);
int vg_release(struct step *s, const struct task *t);
/* By an operator's word: its node is not up in the boot that has it. */
int vg_break(struct step *s, uint32_t task_no);
/* Its newest version is of no task, though it is muster's to change and no task changes it now. */
bool vg_is_outside(const struct resource *r);
/* Something has changed that may have been in the way of a change. */
void vgs_wake(struct coord *c);
int vgs_settle(struct step *s);
/* What was ordered may be over for long: it goes on when all nodes have told what they have. */
int vgs_doubt(struct step *s);
mono_ms vgs_deadline(const struct coord *c);

/* ---- vg_active.c */
/* The node that must change it, since the LV is active there and the change concerns its device;
 * *only is NULL: any node may. *why: one sentence, when none may. 0 or -ENOMEM. */
int vg_where_active(const struct coord *c, struct arena *a, const struct vg_change_row *row,
                    struct node **only, const char **why);

/* ---- vg_result.c: session.c's handlers of these messages, and what declines */
int on_lvm_result(struct step *s, const struct envelope *env, struct key *k);
int on_lvm_refreshed(struct step *s, const struct envelope *env, struct key *k);
int vg_declined(struct step *s, struct job *j, const char *reason, int64_t retry_ms);
int vg_unheard(struct step *s, struct job *j);
int vg_again(struct step *s, struct job *j, const char *reason); /* a change: as job_again */
void vg_over(struct step *s, struct job *j);

/* ---- vg_ask.c */
int op_vg_adopt(struct answer *q);
/* What `text` names; *out is NULL when the answer says why there is none. */
int vg_answer(struct answer *q, const char *text, struct resource **out);
bool vg_is_seen(const struct resource *r); /* some node sees it, or has when it was heard */
/* By its name in the volume group; NULL: there is none. */
struct resource *vg_lv_by_name(const struct coord *c, const struct resource *vg, const char *name);
/* vg_list.c */
int op_vg_list(struct answer *q);
int op_vg_change(struct answer *q);

#endif
