/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind of task that activates an LV on a node, or deactivates it: one job, of that node. The
 * right is durable before the order is sent, and ends when the node has said that it has no device
 * of the LV. */
#include <errno.h>

#include "base/guard.h"
#include "core/core_internal.h"

enum { RETRY_MS = 2000 };
enum { LOOKS_MS = 10000 }; /* so long a node may take to tell what it has after a change */

/* ---- who has it ----------------------------------------------------------------------------- */

struct lease *activation_right(const struct resource *lv)
{
    const struct link *at = lv == NULL || lv->seat == NULL ? NULL : lv->seat->leases.next;

    for (; at != NULL && at != &lv->seat->leases; at = at->next) {
        struct lease *l = container_of(at, struct lease, on_resource);

        if (l->row.kind == KIND_ACTIVATION)
            return l;
    }
    return NULL;
}

const struct resource *activation_vg(const struct resource *lv)
{
    const struct object *o = lv->seat == NULL ? NULL : lv->seat->object;

    for (const struct link *l = o == NULL ? NULL : o->above.next; l != NULL && l != &o->above;
         l = l->next) {
        const struct object *up = container_of(l, struct relation, of_child)->parent;

        for (const struct link *k = up->seats.next; k != &up->seats; k = k->next) {
            const struct resource *r = container_of(k, struct seat, link)->resource;

            if (r->kind == RESOURCE_VG)
                return r;
        }
    }
    return NULL;
}

static bool has_right(const struct resource *lv, const struct node *n)
{
    const struct lease *l = activation_right(lv);

    return l != NULL && l->node == n && uuid_eq(l->row.boot_id, n->row.boot_id);
}

static uint32_t told(const struct node *n)
{
    return n->sections[SECTION_LVS].changes;
}

/* Its rows are from before it has said so. They are not for long: who has it active again by then
 * may have told nothing new. */
static bool has_let_go(const struct coord *c, const struct edge *e)
{
    const struct let_go *g = e->resource->seat == NULL ? NULL : &e->resource->seat->let_go;

    return g != NULL && g->node_no == e->node->row.no && c->now.v < g->until.v &&
           g->changes == told(e->node);
}

bool activation_is_outside(const struct coord *c, const struct edge *e)
{
    return e->resource->kind == RESOURCE_LV && e->sightings != NULL && e->sightings->seen.active &&
           !has_right(e->resource, e->node) && !has_let_go(c, e) &&
           !is_fenced(c, e->node->row.no, e->node->row.boot_id);
}

int activation_seen(struct step *s, const struct edge *e)
{
    const struct resource *vg;
    char label[200];
    int rc;

    if (!activation_is_outside(s->c, e))
        return 0;
    vg = activation_vg(e->resource);
    if (vg == NULL || vg->seat->scan == NULL || !vg->seat->scan->admitted)
        return 0;
    rc = event_due_of_node(s, e->node);
    if (rc != 1)
        return rc;
    return event(s, "lv.outside", SEVERITY_WARNING, e->node, e->resource,
                 "%s has %s active and has no right to: it was not muster that activated it.",
                 e->node->row.name, resource_label_in(e->resource, label, sizeof label));
}

const struct task *activation_task(const struct coord *c, const struct resource *lv)
{
    for (const struct link *l = c->tasks.next; l != &c->tasks; l = l->next) {
        const struct task *t = container_of(l, struct task, link);

        if (t->kind == &activation_kind && t->vg != NULL && vg_lv_of(c, &t->vg->row) == lv)
            return t;
    }
    return NULL;
}

/* A change that nobody may use the LV during, and that has no right on it yet. */
static const struct task *change_of(const struct coord *c, const struct resource *lv)
{
    for (const struct link *l = c->tasks.next; l != &c->tasks; l = l->next) {
        const struct task *t = container_of(l, struct task, link);

        if (t->kind == &vg_kind && t->vg != NULL && vg_lv_not_in_use(c, &t->vg->row) == lv)
            return t;
    }
    return NULL;
}

int activation_stale(struct arena *a, const struct node *n, const struct resource *vg,
                     const char **why)
{
    const struct edge *e = edge_find(n, vg);
    const struct sighting *g = e == NULL ? NULL : e->sightings;

    *why = NULL;
    if (g != NULL && g->seen.size == vg->size && g->seen.mark == vg->mark)
        return 0;
    *why = g == NULL ? arena_printf(a, "%s does not see volume group %s", n->row.name, vg->label)
                     : arena_printf(a,
                                    "%s is behind: it has version %llu of the metadata of volume "
                                    "group %s, and not %llu as others have",
                                    n->row.name, (unsigned long long)g->seen.size, vg->label,
                                    (unsigned long long)vg->size);
    return *why == NULL ? -ENOMEM : 0;
}

/* ---- its job -------------------------------------------------------------------------------- */

static bool activates(const struct job *j)
{
    return j->task->vg->row.op == LVM_LV_ACTIVATE;
}

static struct lease *right_of(const struct coord *c, const struct job *j)
{
    return activation_right(vg_lv_of(c, &j->task->vg->row));
}

static int make(struct step *s, struct task *t)
{
    struct node *n;
    struct job *j;
    int rc;

    if (t->what != NULL && (vg_change_set(t, t->what) < 0 || vg_change_save(s, t) < 0))
        return -ENOMEM;
    n = node_by_no(s->c, t->vg->row.node_no);
    rc = job_new(s, t, vg_lv_of(s->c, &t->vg->row), n, &j);
    if (rc == 0 && n != NULL)
        j->told_before = told(n) + 1;
    return rc;
}

static int order(struct step *s, struct job *j, struct envelope *env)
{
    const struct lease *l = right_of(s->c, j);

    return l == NULL ? -ENOMEM : vg_order(s, j, l->row.token, env);
}

static int hold(struct step *s, struct job *j, const char *why, bool ends)
{
    struct coord *c = s->c;

    if (why == NULL)
        return -ENOMEM;
    if (ends && c->vgs_again.v > c->now.v + RETRY_MS)
        c->vgs_again.v = c->now.v + RETRY_MS;
    return job_hold(c, j, why, ends);
}

/* Its right is over, by a fence or an operator's word: no order of it is begun late. */
static int ended(struct step *s, struct job *j)
{
    return activates(j) ? job_done(s, j, VG_OUT_FAILED,
                                   "Its right has ended: the boot of its node is over, or an "
                                   "operator has broken it.")
                        : job_done(s, j, VG_OUT_DONE, NULL);
}

static int of_earlier_boot(struct step *s, struct job *j, const struct lease *l)
{
    const char *label = resource_label(s->u->arena, l->resource);
    const char *why = label == NULL ? NULL
                                    : arena_printf(s->u->arena,
                                                   "An earlier boot of %s may have it active, and "
                                                   "is not proven over: if you know that it is, "
                                                   "muster hold break %s.",
                                                   l->node->row.name, label);

    return why == NULL ? -ENOMEM : job_done(s, j, VG_OUT_UNKNOWN, why);
}

static int place_off(struct step *s, struct job *j, struct lease *l)
{
    const struct node *n = l->node;

    if (!uuid_eq(n->row.boot_id, l->row.boot_id))
        return of_earlier_boot(s, j, l);
    if (!may_order(n))
        return hold(s, j,
                    arena_printf(s->u->arena, "%s is not heard: it must be heard, or be fenced.",
                                 n->row.name),
                    true);
    return job_offer(s, j, l->node);
}

/* Another right ends, or what is not known will be. */
static bool ends_by_itself(const struct verdict *v)
{
    return v->way == WAY_HELD || v->way == WAY_LEASED || v->way == WAY_UNKNOWN ||
           v->way == WAY_UNTOLD;
}

static int grant(struct step *s, struct job *j, struct node *n, struct resource *lv)
{
    struct lease_row what = { .kind = KIND_ACTIVATION,
                              .task_no = j->row.task_no,
                              .job_no = j->row.no,
                              .text = "activation" };
    struct lease *l;
    int rc = lease_give(s, n, lv, &what, &l);

    if (rc < 0)
        return rc;
    j->row.token = l->row.token;
    return job_save(s, j);
}

static int place_on(struct step *s, struct job *j, struct node *n, struct resource *lv)
{
    const struct resource *vg = activation_vg(lv);
    const struct task *other = change_of(s->c, lv);
    const char *why = NULL;
    struct verdict v;
    int rc = conflict(s->c, s->u->arena, lv, WANT_ACTIVATE, n, &v);

    if (rc < 0)
        return rc;
    if (v.way != WAY_FREE)
        return hold(s, j, v.text, ends_by_itself(&v));
    if (other != NULL)
        return hold(s, j, arena_printf(s->u->arena, "Task %u changes it first.", other->row.no),
                    true);
    rc = activation_stale(s->u->arena, n, vg, &why);
    if (rc < 0 || why != NULL)
        return rc < 0 ? rc : hold(s, j, why, false);
    if (!has_right(lv, n))
        rc = grant(s, j, n, lv);
    return rc < 0 ? rc : job_offer(s, j, n);
}

static int place(struct step *s, struct job *j)
{
    struct resource *lv = vg_lv_of(s->c, &j->task->vg->row);
    struct node *n = node_by_no(s->c, j->task->vg->row.node_no);
    struct lease *l = activation_right(lv);

    if (l == NULL && (!activates(j) || j->row.token != 0))
        return ended(s, j);
    if (j->task->row.state != TASK_RUNNING)
        return job_done(s, j, VG_OUT_FAILED, "The task was cancelled.");
    if (lv == NULL || n == NULL)
        return job_done(s, j, VG_OUT_FAILED,
                        lv == NULL ? "No node sees the LV." : "The node was forgotten.");
    return activates(j) ? place_on(s, j, n, lv) : place_off(s, j, l);
}

/* The order is repeated for as long as the right lasts. */
static int unanswered(struct step *s, struct job *j)
{
    return right_of(s->c, j) == NULL ? ended(s, j) : job_order_again(s, j);
}

/* A later boot of the node knows nothing of it. */
static int lost(struct step *s, struct job *j, enum job_loss how)
{
    struct lease *l = right_of(s->c, j);

    if (how != LOSS_BOOT && how != LOSS_NODE)
        return 0;
    return l == NULL ? ended(s, j) : of_earlier_boot(s, j, l);
}

/* ---- what its node says --------------------------------------------------------------------- */

static int release(struct step *s, struct job *j)
{
    struct lease *l = right_of(s->c, j);

    return l == NULL ? 0 : lease_end(s, l, LEASE_RELEASED);
}

/* Another attempt, under the same right. */
static int again(struct step *s, struct job *j, const char *reason)
{
    uint64_t token = j->row.token;
    int rc = job_again(s, j, reason);

    if (rc < 0 || j->row.state == JOB_DONE)
        return rc;
    j->row.token = token;
    return job_save(s, j);
}

/* Whether it is not known what the node has: an attempt was begun. */
static int set_begun(struct step *s, struct job *j, bool begun)
{
    struct vg_change_row *row = &j->task->vg->row;

    if (row->done == begun)
        return 0;
    row->done = begun;
    return vg_change_save(s, j->task);
}

static int started(struct step *s, struct job *j)
{
    return set_begun(s, j, true);
}

/* However it has ended: another attempt may have come to no end that is known. */
static void over(struct step *s, struct job *j)
{
    (void)s;
    if (j->task->vg->row.done && j->row.result != VG_OUT_DONE)
        j->row.result = VG_OUT_UNKNOWN;
}

/* What the node has told since it was asked may be newer than what it says of its order, which it
 * repeats: then its rows count. */
static void let_go(struct step *s, const struct job *j, struct resource *lv)
{
    uint32_t changes = told(j->node);

    if (GUARD(LET_GO_ROWS, j->told_before != changes + 1))
        return;
    lv->seat->let_go = (struct let_go){ .until = { s->c->now.v + LOOKS_MS },
                                        .node_no = j->node->row.no,
                                        .changes = changes };
}

static int done(struct step *s, struct job *j)
{
    struct resource *lv = vg_lv_of(s->c, &j->task->vg->row);
    struct node *n = j->node;
    char label[200];
    int rc = 0;

    if (lv != NULL && lv->seat != NULL && !activates(j))
        let_go(s, j, lv);
    if (lv != NULL)
        rc = event(s, activates(j) ? "lv.activated" : "lv.deactivated", SEVERITY_INFO, n, lv,
                   activates(j) ? "%s has %s active." : "%s has %s active no more.", n->row.name,
                   resource_label_in(lv, label, sizeof label));
    if (rc == 0)
        rc = job_done(s, j, VG_OUT_DONE, NULL);
    return rc < 0 || activates(j) ? rc : release(s, j);
}

/* The node had the right before it was asked for once more, or an earlier attempt came to no end
 * that is known: it may have devices of the LV. */
static bool may_have_it(const struct step *s, const struct job *j)
{
    const struct lease *l = right_of(s->c, j);

    return l != NULL &&
           (GUARD(ACTIVE_BEFORE, l->row.task_no != j->row.task_no) || j->row.attempt > 1);
}

/* Of what was to be activated the node has no device that this task has made, and never will of
 * this order; what was to be deactivated it has still. */
static int not_begun(struct step *s, struct job *j, const char *reason)
{
    bool keeps = activates(j) && may_have_it(s, j);
    int rc = activates(j) && !keeps ? release(s, j) : 0;

    if (rc == 0)
        rc = set_begun(s, j, keeps);
    return rc < 0 ? rc : job_done(s, j, VG_OUT_FAILED, reason);
}

int activation_result(struct step *s, struct job *j, const struct lvm_result *in)
{
    const char *reason = in->reason != NULL ? in->reason : "The node gives no reason.";

    if (in->outcome == LVM_STARTED)
        return started(s, j);
    if (in->outcome == LVM_DONE)
        return done(s, j);
    return GUARD(ACTIVE_UNKNOWN, in->outcome != LVM_REFUSED) ? again(s, j, reason)
                                                             : not_begun(s, j, reason);
}

/* One that it has begun it may have ended, and know nothing of it any more. */
static int declined(struct step *s, struct job *j, const char *reason, int64_t retry_ms)
{
    if (retry_ms > 0) /* the order is repeated in any case */
        return 0;
    return j->task->vg->row.done ? again(s, j, reason) : not_begun(s, j, reason);
}

/* ---- how it ended --------------------------------------------------------------------------- */

static bool is_failed(const struct task *t)
{
    return t->job_count > 0 && t->jobs[t->job_count - 1]->row.result != VG_OUT_DONE;
}

/* Nobody knows: who may have it still has the right to, which only that node, a fence or an
 * operator ends. */
static const char *not_known(const struct coord *c, struct arena *a, const struct task *t,
                             const char *what, const char *why)
{
    const struct lease *l = activation_right(vg_lv_of(c, &t->vg->row));

    if (l == NULL)
        return arena_printf(a,
                            "It is not known whether %s is active, and no node has the right to "
                            "have it active any more: %s",
                            what, why);
    return arena_printf(a,
                        "It is not known whether %s is active on %s, which keeps the right to "
                        "have it active: %s",
                        what, l->node->row.name, why);
}

static const char *outcome(const struct coord *c, struct arena *a, const struct task *t)
{
    const struct job *j = t->job_count == 0 ? NULL : t->jobs[t->job_count - 1];
    const char *what = t->vg == NULL ? NULL : vg_what(a, &t->vg->row);
    const char *why =
        j == NULL || j->row.reason == NULL ? "the task was cancelled." : j->row.reason;
    bool on;

    if (what == NULL)
        return NULL;
    on = t->vg->row.op == LVM_LV_ACTIVATE;
    if (j != NULL && j->row.result == VG_OUT_DONE)
        return arena_printf(a, "%s is %s.", what, on ? "active" : "active no more");
    if (j != NULL && j->row.result == VG_OUT_UNKNOWN)
        return not_known(c, a, t, what, why);
    return arena_printf(a, "%s is not %s: %s", what, on ? "active" : "deactivated", why);
}

static const struct task_step steps[] = {
    { .name = "activate",
      .make = make,
      .order = order,
      .place = place,
      .unanswered = unanswered,
      .declined = declined,
      .lost = lost,
      .failed = is_failed,
      .over = over,
      .failure = VG_OUT_FAILED,
      .binds = true },
};

const struct task_kind activation_kind = { "activation", steps, ARRAY_LEN(steps), outcome };

/* ---- an operator's word --------------------------------------------------------------------- */

int activation_break(struct answer *q, struct lease *l)
{
    const struct task *t = activation_task(q->c, l->resource);
    char label[200];
    int rc = event(q->s, "hold.broken", SEVERITY_WARNING, l->node, l->resource,
                   "The right of %s to have %s active (token %llu) was broken by an operator: if "
                   "the node still has devices of it, two nodes may write to it.",
                   l->node->row.name, resource_label_in(l->resource, label, sizeof label),
                   (unsigned long long)l->row.token);

    for (uint32_t i = 0; rc == 0 && t != NULL && i < t->job_count; i++) {
        struct job *j = t->jobs[i];

        if (j->row.state != JOB_DONE && j->now == JOB_OFFERED)
            rc = job_done(q->s, j, activates(j) ? VG_OUT_FAILED : VG_OUT_DONE,
                          "An operator has broken its right.");
    }
    return rc < 0 ? rc : lease_end(q->s, l, LEASE_BROKEN);
}
