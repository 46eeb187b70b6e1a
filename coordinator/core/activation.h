/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Activation: on which node an LV may have devices (docs/ARCHITECTURE.md section 8). The right is
 * one of kind KIND_ACTIVATION on the LV; a task of one job gets it and has the node activate, or
 * has the node deactivate and ends it. A part of core_internal.h, which alone includes it. */
#ifndef MUSTER_CORE_ACTIVATION_H
#define MUSTER_CORE_ACTIVATION_H

/* ---- activation.c */
extern const struct task_kind activation_kind;
/* NULL: nobody has it active by right. `lv` may be NULL. */
struct lease *activation_right(const struct resource *lv);
/* The volume group that the LV lies in; NULL: no node has told. */
const struct resource *activation_vg(const struct resource *lv);
/* Whether the node of the edge, to an LV, says that it has a device of it, and has no right to. */
bool activation_is_outside(const struct coord *c, const struct edge *e);
/* Such an edge has become one, or may have: an event, if the volume group is muster's. */
int activation_seen(struct step *s, const struct edge *e);
/* The node's answer to the order of the job. */
int activation_result(struct step *s, struct job *j, const struct lvm_result *in);
/* By an operator's word. */
int activation_break(struct answer *q, struct lease *l);
/* The task that is at this LV, activates it or not; NULL: none. */
const struct task *activation_task(const struct coord *c, const struct resource *lv);
/* Why the node may not activate LVs of this volume group just now: its metadata are not those that
 * the others have. *why NULL: it may. 0 or -ENOMEM. */
int activation_stale(struct arena *a, const struct node *n, const struct resource *vg,
                     const char **why);

/* ---- activation_ask.c */
int op_lv_activate(struct answer *q);
/* Who has LVs of the volume group active, by right or not, as leases of the reply. */
int activation_list(struct answer *q, const struct resource *vg);
/* The same of one LV, a sentence each. */
int activation_explain(struct answer *q, const struct resource *lv, struct strs *out);

#endif
