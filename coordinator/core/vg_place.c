/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who changes a volume group, under which right, and what is in the way. */
#include <errno.h>

#include "base/guard.h"
#include "core/core_internal.h"

enum { RETRY_MS = 2000 };

/* ---- the right of a task -------------------------------------------------------------------- */

static bool is_of(const struct lease *l, const struct task *t)
{
    return l->row.kind == KIND_CHANGE && l->row.task_no == t->row.no;
}

static struct lease *right_on(const struct resource *r, const struct task *t)
{
    const struct link *at = r == NULL || r->seat == NULL ? NULL : r->seat->leases.next;

    for (; at != NULL && at != &r->seat->leases; at = at->next) {
        struct lease *l = container_of(at, struct lease, on_resource);

        if (is_of(l, t))
            return l;
    }
    return NULL;
}

/* Of what it will consist of, when there is no volume group yet. */
static struct resource *subject(const struct coord *c, const struct task *t)
{
    const struct vg_change_row *row = &t->vg->row;
    struct resource *r = row->op == LVM_VG_CREATE ? NULL : vg_of(c, row);

    if (r == NULL && row->op == LVM_VG_CREATE && row->containers.n > 0)
        r = vg_lun(c, row->containers.v[0]);
    return r;
}

struct lease *vg_right(const struct coord *c, const struct task *t)
{
    return right_on(subject(c, t), t);
}

static struct lease *any_right(const struct coord *c, const struct task *t)
{
    struct lease *l = vg_right(c, t);

    for (size_t i = 0; l == NULL && i < t->vg->row.containers.n; i++)
        l = right_on(vg_lun(c, t->vg->row.containers.v[i]), t);
    return l;
}

/* All of a task are of one node. */
static int end_all(struct step *s, const struct task *t, enum lease_ending how)
{
    struct lease *l = any_right(s->c, t);
    struct node *n = l == NULL ? NULL : l->node;
    struct link *at = n == NULL ? NULL : n->leases.next, *next;
    int rc = 0;

    for (; rc == 0 && n != NULL && at != &n->leases; at = next) {
        next = at->next;
        l = container_of(at, struct lease, on_node);
        if (is_of(l, t))
            rc = lease_end(s, l, how);
    }
    return rc;
}

int vg_release(struct step *s, const struct task *t)
{
    return end_all(s, t, LEASE_RELEASED);
}

int vg_break(struct step *s, uint32_t task_no)
{
    struct task *t = task_by_no(s->c, task_no);
    int rc = t == NULL ? 0 : end_all(s, t, LEASE_BROKEN);

    for (uint32_t i = 0; rc == 0 && t != NULL && i < t->job_count; i++) {
        struct job *j = t->jobs[i];

        if (j->row.step == VG_STEP_CHANGE && j->now == JOB_OFFERED)
            rc = vg_again(s, j, "An operator has broken its right.");
    }
    return rc;
}

bool vg_is_outside(const struct resource *r)
{
    const struct seat *seat = r->seat;

    if (seat == NULL || seat->scan == NULL || !seat->scan->admitted ||
        (r->size == seat->own_seqno && r->mark == seat->own_mark))
        return false;
    for (const struct link *l = seat->leases.next; l != &seat->leases; l = l->next) {
        if (container_of(l, struct lease, on_resource)->row.kind == KIND_CHANGE)
            return false;
    }
    return true;
}

/* ---- what the nodes have -------------------------------------------------------------------- */

/* The versions that nodes which are up have: *why is NULL when they have one, else one sentence. A
 * node has one row of a volume group. */
static int disagreement(struct arena *a, const struct resource *r, const char **why)
{
    const struct edge *first = NULL;

    *why = NULL;
    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        const struct sighting *g = e->sightings;

        if (g == NULL || !may_order(e->node) || e->state == EDGE_LOST)
            continue;
        if (first == NULL)
            first = e;
        if (g->seen.size == first->sightings->seen.size &&
            g->seen.mark == first->sightings->seen.mark)
            continue;
        *why = arena_printf(a,
                            "%s has version %llu of its metadata, and %s has %s%llu: nothing is "
                            "changed until they agree",
                            first->node->row.name, (unsigned long long)first->sightings->seen.size,
                            e->node->row.name,
                            g->seen.size == first->sightings->seen.size ? "another " : "",
                            (unsigned long long)g->seen.size);
        return *why == NULL ? -ENOMEM : 0;
    }
    return 0;
}

/* All of it; that a device of an LV there is not as the metadata say is no matter: it is made so
 * after the change. */
static bool is_whole(const struct edge *e)
{
    return e->shown == EDGE_OK ||
           (e->shown == EDGE_DEGRADED && e->sightings != NULL && e->sightings->seen.flawed &&
            e->paths_total > 0 && e->paths_active == e->paths_total);
}

/* The node has all of it, and what it knows is what all know. */
static bool is_fit(const struct edge *e, const struct resource *r)
{
    const struct sighting *g = e->sightings;

    return may_order(e->node) && !e->node->row.draining && g != NULL &&
           (r->kind == RESOURCE_VG ? is_whole(e) : e->shown == EDGE_OK) &&
           (r->kind != RESOURCE_VG || (g->seen.size == r->size && g->seen.mark == r->mark));
}

/* 1, 0 or -ENOMEM. */
static int sees_all(struct coord *c, struct node *n, const struct vg_change_row *row)
{
    int rc = 1;

    for (size_t i = 0; rc == 1 && i < row->containers.n; i++)
        rc = vg_sees(c, n, row->containers.v[i]);
    return rc;
}

/* The one with the fewest orders; of those the first that was ever known; `only` that, unless it is
 * NULL. *out is NULL: none. 0 or -ENOMEM. */
static int choose(struct coord *c, const struct resource *r, const struct vg_change_row *row,
                  const struct node *only, struct node **out)
{
    struct node *best = NULL;

    for (const struct edge *e = r->edges; e != NULL; e = e->next) {
        int sees =
            is_fit(e, r) && (only == NULL || e->node == only) ? sees_all(c, e->node, row) : 0;

        if (sees < 0)
            return sees;
        if (sees == 0)
            continue;
        if (best == NULL || e->node->orders < best->orders ||
            (e->node->orders == best->orders && e->node->row.no < best->row.no))
            best = e->node;
    }
    *out = best;
    return 0;
}

/* ---- the job -------------------------------------------------------------------------------- */

static int hold(struct step *s, struct job *j, const char *why, bool ends)
{
    return why == NULL ? -ENOMEM : job_hold(s->c, j, why, ends);
}

/* Another change ends; what has been granted to nobody yet is known soon. */
static bool ends_by_itself(const struct verdict *v)
{
    return v->way == WAY_HELD || v->way == WAY_UNKNOWN || v->way == WAY_UNTOLD;
}

/* Whether all that it is about is free for the node. */
static int may_change(struct step *s, const struct task *t, const struct node *n,
                      const struct resource *r, struct verdict *v)
{
    const struct vg_change_row *row = &t->vg->row;
    const struct resource *lv = vg_lv_not_in_use(s->c, row);
    int rc = conflict(s->c, s->u->arena, r, WANT_CHANGE, n, v);

    if (rc == 0 && v->way == WAY_FREE && lv != NULL)
        rc = conflict(s->c, s->u->arena, lv, WANT_CHANGE, n, v);
    for (size_t i = 0; rc == 0 && v->way == WAY_FREE && i < row->containers.n; i++) {
        const struct resource *lun = vg_lun(s->c, row->containers.v[i]);

        if (GUARD(LUNS_FREE, lun != NULL && lun != r && row->op != LVM_VG_REDUCE))
            rc = conflict(s->c, s->u->arena, lun, WANT_CHANGE, n, v);
    }
    return rc;
}

static int grant_lun(struct step *s, const struct job *j, struct node *n, struct resource *lun,
                     const struct lease_row *what)
{
    struct lease *l;

    if (lun == NULL || right_on(lun, j->task) != NULL)
        return 0;
    return lease_give(s, n, lun, what, &l);
}

static struct resource *lun_in(const struct object *o)
{
    for (const struct link *l = o->seats.next; l != &o->seats; l = l->next) {
        struct resource *r = container_of(l, struct seat, link)->resource;

        if (r->kind == RESOURCE_LUN)
            return r;
    }
    return NULL;
}

/* The LUNs that it lies on. Soon no node may say so any more, and who removes it may still write.
 */
static int grant_below(struct step *s, const struct job *j, struct node *n,
                       const struct resource *r, const struct lease_row *what)
{
    struct resource **v;
    size_t count = 0, most = 0;
    struct object *met;
    int rc;

    met = graph_walk(s->c, r, &rc);
    for (const struct object *o = met; o != NULL; o = o->next)
        most++;
    v = arena_array(s->u->arena, most, sizeof(struct resource *));
    if (rc < 0 || v == NULL)
        return -ENOMEM;
    for (const struct object *o = met; o != NULL; o = o->next) {
        struct resource *lun = (o->roles & ROLE_UP) != 0 ? lun_in(o) : NULL;

        if (lun != NULL)
            v[count++] = lun;
    }
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = grant_lun(s, j, n, v[i], what);
    return rc;
}

static int grant_all(struct step *s, const struct job *j, struct node *n, struct resource *r)
{
    const struct vg_change_row *row = &j->task->vg->row;
    struct lease_row what = { .kind = KIND_CHANGE,
                              .task_no = j->row.task_no,
                              .job_no = j->row.no,
                              .text = j->task->row.text };
    struct lease *l;
    int rc = lease_give(s, n, r, &what, &l);

    for (size_t i = 0; rc == 0 && i < row->containers.n; i++) {
        if (GUARD(LUNS_GRANTED, true))
            rc = grant_lun(s, j, n, vg_lun(s->c, row->containers.v[i]), &what);
    }
    if (rc == 0 && GUARD(LUNS_BELOW, row->op == LVM_VG_REMOVE))
        rc = grant_below(s, j, n, r, &what);
    return rc;
}

/* Time alone may end it: nothing happens then that would wake the change. */
static int wait_for(struct step *s, struct job *j, const struct verdict *v)
{
    struct coord *c = s->c;

    if (ends_by_itself(v) && c->vgs_again.v > c->now.v + RETRY_MS)
        c->vgs_again.v = c->now.v + RETRY_MS;
    return hold(s, j, v->text, ends_by_itself(v));
}

/* The task has its right already: of an attempt before, or of a start before. In a database that
 * was put back it may have ended, and another may have got one. */
static int resume(struct step *s, struct job *j, const struct lease *l)
{
    struct node *n = l->node;
    bool same = uuid_eq(n->row.boot_id, l->row.boot_id);
    struct verdict v;

    if (same && may_order(n)) {
        int rc = conflict(s->c, s->u->arena, l->resource, WANT_CHANGE, NULL, &v);

        if (rc < 0)
            return rc;
        return GUARD(CHANGE_RESUMED, v.way == WAY_UNTOLD || v.way == WAY_UNKNOWN)
                   ? wait_for(s, j, &v)
                   : job_offer(s, j, n);
    }
    return hold(s, j,
                same ? arena_printf(s->u->arena,
                                    "%s has begun it and is not heard: it must be heard, or be "
                                    "fenced.",
                                    n->row.name)
                     : arena_printf(s->u->arena,
                                    "An earlier boot of %s has begun it and is not proven over: if "
                                    "you know that it is, muster hold break %s.",
                                    n->row.name, j->task->vg->row.vg),
                true);
}

static int lacks(struct step *s, struct job *j, const struct resource *r, const char *why)
{
    const char *label = r == NULL ? j->task->vg->row.vg : resource_label(s->u->arena, r);

    return label == NULL || why == NULL
               ? -ENOMEM
               : hold(s, j, arena_printf(s->u->arena, "%s: %s.", label, why), false);
}

static const char *none_fit(struct arena *a, const struct node *only)
{
    if (only == NULL)
        return "no node that is up sees all of it well, and is current";
    return arena_printf(a,
                        "the LV is active on %s, which is not up, or does not see all of it well",
                        only->row.name);
}

int vg_place(struct step *s, struct job *j)
{
    struct task *t = j->task;
    struct resource *r = subject(s->c, t);
    const struct lease *l = right_on(r, t);
    const char *why = NULL;
    struct node *n, *only;
    struct verdict v;
    int rc;

    /* Of an attempt before it, or perhaps before this start. */
    j->begun |= j->row.result == VG_OUT_UNKNOWN || (l != NULL && !j->granted);
    if (l != NULL)
        return resume(s, j, l);
    if (t->row.state != TASK_RUNNING) /* its right was broken */
        return job_done(s, j, VG_OUT_FAILED, "The task was cancelled.");
    if (r == NULL || r->edges == NULL)
        return lacks(s, j, r, "no node sees it");
    rc = vg_where_active(s->c, s->u->arena, &t->vg->row, &only, &why);
    if (rc == 0 && why == NULL && r->kind == RESOURCE_VG)
        rc = disagreement(s->u->arena, r, &why);
    if (rc == 0 && why == NULL) /* who had not told when it was asked for has since */
        rc = vg_needed(s->c, s->u->arena, &t->vg->row, r, &why);
    if (rc < 0 || why != NULL)
        return rc < 0 ? rc : lacks(s, j, r, why);
    rc = choose(s->c, r, &t->vg->row, only, &n);
    if (rc < 0)
        return rc;
    if (n == NULL)
        return lacks(s, j, r, none_fit(s->u->arena, only));
    rc = may_change(s, t, n, r, &v);
    if (rc < 0)
        return rc;
    if (v.way != WAY_FREE)
        return wait_for(s, j, &v);
    rc = grant_all(s, j, n, r);
    j->granted = true;
    return rc < 0 ? rc : job_offer(s, j, n);
}

/* ---- what was in the way -------------------------------------------------------------------- */

void vgs_wake(struct coord *c)
{
    c->vgs_due = true;
}

int vgs_doubt(struct step *s)
{
    int rc = 0;

    for (struct link *l = s->c->tasks.next; rc == 0 && l != &s->c->tasks; l = l->next) {
        const struct task *t = container_of(l, struct task, link);

        for (uint32_t i = 0; rc == 0 && t->vg != NULL && i < t->job_count; i++) {
            struct job *j = t->jobs[i];

            if (job_step(j)->place != NULL && j->now == JOB_OFFERED)
                rc = job_withdraw(s, j);
        }
    }
    return rc;
}

mono_ms vgs_deadline(const struct coord *c)
{
    return c->read_only ? MONO_NEVER : c->vgs_again;
}

/* The jobs of its step are its last. A task that spreads has thousands, and each node that reports
 * what it has read would have them all looked through. */
static void change_wake(struct coord *c, const struct task *t)
{
    for (uint32_t i = t->job_count; i > 0 && job_step(t->jobs[i - 1])->place != NULL; i--) {
        struct job *j = t->jobs[i - 1];

        if (j->now == JOB_HELD)
            job_enqueue(c, j);
    }
}

/* The oldest first: changes of one volume group go in order of their asking. */
int vgs_settle(struct step *s)
{
    struct coord *c = s->c;

    if (c->vgs_again.v <= c->now.v) {
        c->vgs_again = MONO_NEVER;
        c->vgs_due = true;
    }
    if (!c->vgs_due)
        return 0;
    c->vgs_due = false;
    for (struct link *l = c->tasks.next; l != &c->tasks; l = l->next) {
        const struct task *t = container_of(l, struct task, link);

        if (t->vg != NULL)
            change_wake(c, t);
    }
    return 0;
}
