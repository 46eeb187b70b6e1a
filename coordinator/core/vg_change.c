/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind of task that changes a volume group: where it takes something away, first every node
 * proves that nothing of it is mapped there; then one node changes the metadata under the task's
 * right; then every node that sees it reads them again; then the right ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/guard.h"
#include "core/core_internal.h"
#include "wire/codec.h"

/* ---- what is to be changed ------------------------------------------------------------------ */

void vg_change_free(struct vg_change *v)
{
    if (v == NULL)
        return;
    arena_free(v->arena);
    free(v);
}

static int text_dup(struct arena *a, const char **text)
{
    const char *copy = *text == NULL ? NULL : arena_strdup(a, *text);
    bool good = (copy != NULL) == (*text != NULL);

    *text = copy;
    return good ? 0 : -ENOMEM;
}

/* All texts become the arena's. */
static int row_own(struct arena *a, struct vg_change_row *row)
{
    const char **texts[] = { &row->vg, &row->vg_uuid, &row->lv, &row->lv_uuid, &row->new_name };
    const char **v = arena_array(a, row->containers.n, sizeof *v);
    int rc = v == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(texts); i++)
        rc = text_dup(a, texts[i]);
    for (size_t i = 0; rc == 0 && i < row->containers.n; i++) {
        v[i] = row->containers.v[i];
        rc = text_dup(a, &v[i]);
    }
    row->containers.v = v;
    return rc;
}

int vg_change_set(struct task *t, const struct vg_change_row *row)
{
    struct vg_change *v = calloc(1, sizeof *v);

    if (v == NULL)
        return -ENOMEM;
    v->arena = arena_new(0);
    v->row = *row;
    v->row.task_no = t->row.no;
    if (v->arena == NULL || row_own(v->arena, &v->row) < 0) {
        vg_change_free(v);
        return -ENOMEM;
    }
    vg_change_free(t->vg);
    t->vg = v;
    return 0;
}

int vg_change_load(struct coord *c, const struct vg_change_row *row)
{
    struct task *t = task_by_no(c, row->task_no);

    return t == NULL || (t->kind != &vg_kind && t->kind != &activation_kind)
               ? 0
               : vg_change_set(t, row);
}

int vg_change_save(struct step *s, const struct task *t)
{
    struct change *ch = emit(s, CHANGE_VG_CHANGE);

    if (ch == NULL)
        return -ENOMEM;
    ch->vg_change = t->vg->row;
    return row_own(s->u->arena, &ch->vg_change);
}

struct resource *vg_of(const struct coord *c, const struct vg_change_row *row)
{
    return row->vg_uuid == NULL
               ? NULL
               : resource_by_id(c, resource_seen_id(NULL, RESOURCE_VG, row->vg_uuid));
}

struct resource *vg_lv_of(const struct coord *c, const struct vg_change_row *row)
{
    return row->lv_uuid == NULL
               ? NULL
               : resource_by_id(c, resource_seen_id(NULL, RESOURCE_LV, row->lv_uuid));
}

struct resource *vg_lv_not_in_use(const struct coord *c, const struct vg_change_row *row)
{
    return row->op == LVM_LV_EXTEND || row->op == LVM_LV_SNAPSHOT ? NULL : vg_lv_of(c, row);
}

const char *vg_what(struct arena *a, const struct vg_change_row *row)
{
    return row->lv != NULL ? arena_printf(a, "LV %s/%s", row->vg, row->lv)
                           : arena_printf(a, "volume group %s", row->vg);
}

/* ---- who is told ---------------------------------------------------------------------------- */

static bool has_job(const struct task *t, const struct node *n)
{
    for (uint32_t i = t->job_count; i > 0 && t->jobs[i - 1]->row.step == t->row.step; i--) {
        if (t->jobs[i - 1]->row.node_no == n->row.no)
            return true;
    }
    return false;
}

/* What ends the job of a node that is lost has happened to this one already, and is not told again.
 */
static int job_of_lost(struct step *s, struct job *j)
{
    const struct node *n = j->node;

    if (n->row.admission != NODE_APPROVED)
        return job_step(j)->lost(s, j, LOSS_OUT);
    return n->live == NODE_DOWN ? job_step(j)->lost(s, j, LOSS_SILENT) : 0;
}

static int job_of_node(struct step *s, struct task *t, struct resource *vg, struct node *n)
{
    struct job *j;
    int rc;

    if (!jobs_room(s->c, 1)) {
        t->row.left_out++;
        return 0;
    }
    rc = job_new(s, t, vg, n, &j);
    return rc < 0 ? rc : job_of_lost(s, j);
}

/* `first`: no node has a job of this step yet, and none is looked for among thousands. */
static int jobs_of_resource(struct step *s, struct task *t, const struct resource *r, bool first)
{
    struct resource *vg = vg_of(s->c, &t->vg->row);
    int rc = 0;

    for (const struct edge *e = r == NULL ? NULL : r->edges; rc == 0 && e != NULL; e = e->next) {
        if (e->state != EDGE_LOST && (first || !has_job(t, e->node)))
            rc = job_of_node(s, t, vg, e->node);
    }
    return rc;
}

/* Who sees the volume group, and who sees what it is to consist of. */
static int jobs_of_all(struct step *s, struct task *t)
{
    const struct vg_change_row *row = &t->vg->row;
    int rc = jobs_of_resource(s, t, vg_of(s->c, row), true);

    for (size_t i = 0; rc == 0 && i < row->containers.n; i++)
        rc = jobs_of_resource(s, t, vg_lun(s->c, row->containers.v[i]), false);
    return rc;
}

/* ---- the steps ------------------------------------------------------------------------------ */

/* What an order says of it. It is sent after the commit, by when the task may have ended. */
static int row_copy(struct step *s, const struct job *j, struct vg_change_row *out)
{
    *out = j->task->vg->row;
    return row_own(s->u->arena, out);
}

static int key_fill(struct step *s, const struct job *j, struct order_key **out)
{
    struct order_key *key = arena_zalloc(s->u->arena, sizeof *key);

    if (key == NULL)
        return -ENOMEM;
    REC_SET(key, order_key, task, j->row.task_no);
    REC_SET(key, order_key, job, j->row.no);
    REC_SET(key, order_key, attempt, j->row.attempt);
    *out = key;
    return 0;
}

static bool takes_away(const struct vg_change_row *row)
{
    return row->op == LVM_LV_REMOVE || row->op == LVM_LV_REDUCE || row->op == LVM_VG_REMOVE;
}

static int make_unmap(struct step *s, struct task *t)
{
    if (t->what != NULL && vg_change_set(t, t->what) < 0)
        return -ENOMEM;
    if (t->what != NULL && vg_change_save(s, t) < 0)
        return -ENOMEM;
    return GUARD(UNMAP_FIRST, takes_away(&t->vg->row)) ? jobs_of_all(s, t) : 0;
}

static int refresh_fill(struct step *s, struct job *j, struct lvm_refresh **out)
{
    struct lvm_refresh *f = arena_zalloc(s->u->arena, sizeof *f);
    struct vg_change_row row;
    struct order_key *key;

    if (f == NULL || key_fill(s, j, &key) < 0 || row_copy(s, j, &row) < 0)
        return -ENOMEM;
    REC_SET(f, lvm_refresh, order, key);
    REC_SET(f, lvm_refresh, vg, row.vg);
    REC_SET(f, lvm_refresh, vg_uuid, row.vg_uuid);
    *out = f;
    return 0;
}

/* Of a volume group that goes there is no LV that could be mapped. */
static int order_unmap(struct step *s, struct job *j, struct envelope *env)
{
    const struct resource *r = vg_of(s->c, &j->task->vg->row);
    const char **v = arena_array(s->u->arena, 1, sizeof *v);
    struct vg_change_row row;
    struct lvm_refresh *f;

    if (v == NULL || row_copy(s, j, &row) < 0 || refresh_fill(s, j, &f) < 0)
        return -ENOMEM;
    if (r != NULL) {
        REC_SET(f, lvm_refresh, seqno, r->size);
        REC_SET(f, lvm_refresh, mark, r->mark);
    }
    if (row.lv_uuid != NULL) {
        v[0] = row.lv_uuid;
        REC_SET(f, lvm_refresh, unmapped, ((struct strs){ v, 1 }));
    }
    REC_SET(env, envelope, lvm_refresh, f);
    return 0;
}

static int make_change(struct step *s, struct task *t)
{
    struct job *j;

    return job_new(s, t, vg_of(s->c, &t->vg->row), NULL, &j);
}

/* The PVs of the volume group as the node's rows name them; they are all there. */
static int pvs_fill(struct step *s, const struct job *j, const struct resource *r, struct strs *out)
{
    const struct slot *slot = &j->node->sections[SECTION_PVS];
    const char **v = arena_array(s->u->arena, slot->row_count, sizeof *v);

    if (v == NULL)
        return -ENOMEM;
    *out = (struct strs){ v, 0 };
    for (uint32_t i = 0; r != NULL && r->seat != NULL && i < slot->row_count; i++) {
        const struct relation *rel = slot->rows[i].relation;

        if (rel == NULL || rel->child != r->seat->object)
            continue;
        v[out->n] = arena_strdup(s->u->arena, slot->rows[i].key);
        if (v[out->n++] == NULL)
            return -ENOMEM;
    }
    return 0;
}

static int order_version(struct step *s, const struct job *j, const struct vg_change_row *row,
                         struct lvm_order *o)
{
    const struct resource *r = vg_of(s->c, row);
    struct strs pvs;

    if (r == NULL)
        return 0;
    if (pvs_fill(s, j, r, &pvs) < 0)
        return -ENOMEM;
    REC_SET(o, lvm_order, vg_uuid, row->vg_uuid);
    REC_SET(o, lvm_order, seqno, r->size);
    REC_SET(o, lvm_order, mark, r->mark);
    REC_SET(o, lvm_order, pvs, pvs);
    return 0;
}

int vg_order(struct step *s, struct job *j, uint64_t token, struct envelope *env)
{
    struct lvm_order *o = arena_zalloc(s->u->arena, sizeof *o);
    struct vg_change_row row;
    struct order_key *key;

    if (o == NULL || key_fill(s, j, &key) < 0 || row_copy(s, j, &row) < 0)
        return -ENOMEM;
    REC_SET(o, lvm_order, order, key);
    REC_SET(o, lvm_order, token, token);
    REC_SET(o, lvm_order, op, row.op);
    REC_SET(o, lvm_order, vg, row.vg);
    if (row.containers.n > 0)
        REC_SET(o, lvm_order, containers, row.containers);
    REC_PUT(o, lvm_order, lv, row.lv);
    REC_PUT(o, lvm_order, lv_uuid, row.lv_uuid);
    REC_PUT(o, lvm_order, new_name, row.new_name);
    if (row.size_bytes > 0)
        REC_SET(o, lvm_order, size_bytes, row.size_bytes);
    if (row.extent_bytes > 0)
        REC_SET(o, lvm_order, extent_bytes, row.extent_bytes);
    REC_SET(o, lvm_order, tag, arena_printf(s->u->arena, "muster.task.%u", row.task_no));
    REC_SET(env, envelope, lvm_order, o);
    return o->tag == NULL ? -ENOMEM : order_version(s, j, &row, o);
}

static int order_change(struct step *s, struct job *j, struct envelope *env)
{
    const struct lease *l = vg_right(s->c, j->task);

    return l == NULL ? -ENOMEM : vg_order(s, j, l->row.token, env);
}

static int make_spread(struct step *s, struct task *t)
{
    return jobs_of_all(s, t);
}

static int order_spread(struct step *s, struct job *j, struct envelope *env)
{
    const struct vg_change_row *row = &j->task->vg->row;
    struct lvm_refresh *f;

    if (refresh_fill(s, j, &f) < 0)
        return -ENOMEM;
    if (row->seqno != 0) {
        REC_SET(f, lvm_refresh, seqno, row->seqno);
        REC_SET(f, lvm_refresh, mark, row->mark);
    }
    REC_SET(env, envelope, lvm_refresh, f);
    return 0;
}

/* When it is heard again it reads the metadata in any case; until then it is known to be behind. */
static int spread_lost(struct step *s, struct job *j, enum job_loss how)
{
    if (how == LOSS_BOOT)
        return job_done(s, j, VG_OUT_DONE, NULL); /* who boots reads what is on the disks */
    return job_done(s, j, VG_OUT_FAILED,
                    how == LOSS_SILENT ? "It is silent, and reads them when it is heard again."
                                       : "It is not among the nodes any more.");
}

/* A boot that is proven over has nothing mapped. One that is silent may have. */
static int unmap_lost(struct step *s, struct job *j, enum job_loss how)
{
    bool over = how == LOSS_BOOT || how == LOSS_NODE ||
                is_fenced(s->c, j->node->row.no, j->node->row.boot_id);

    return GUARD(UNMAP_SILENT, !over) ? 0 : job_done(s, j, VG_OUT_DONE, NULL);
}

/* Who had begun may write for as long as its right lasts; a later boot of it has no part in that.
 */
static int change_lost(struct step *s, struct job *j, enum job_loss how)
{
    int rc;

    if (GUARD(CHANGE_LASTS, vg_right(s->c, j->task) != NULL))
        return GUARD(CHANGE_OF_BOOT, how == LOSS_BOOT) ? job_withdraw(s, j) : 0;
    rc = vg_release(s, j->task);
    return rc < 0 ? rc : vg_again(s, j, "The boot of the node that was to change it is over.");
}

static bool is_failed(const struct task *t)
{
    for (uint32_t i = t->job_count; i > 0 && t->jobs[i - 1]->row.step == t->row.step; i--) {
        if (t->jobs[i - 1]->row.result != VG_OUT_DONE)
            return true;
    }
    return false;
}

/* What muster has made is its to change. */
static int adopt_own(struct step *s, const struct task *t)
{
    const struct vg_change_row *row = &t->vg->row;
    struct resource *r = row->op == LVM_VG_CREATE && row->done ? vg_of(s->c, row) : NULL;
    struct scan_row *scan = r == NULL || r->seat == NULL ? NULL : seat_scan(r->seat);

    if (scan == NULL)
        return r == NULL || r->seat == NULL ? 0 : -ENOMEM;
    scan->admitted = true;
    scan->admitted_at = s->c->wall;
    touch_resource(s->c, r);
    return emit_scan(s, scan);
}

static int make_release(struct step *s, struct task *t)
{
    int rc = adopt_own(s, t);

    return rc < 0 ? rc : vg_release(s, t);
}

/* ---- how it ended --------------------------------------------------------------------------- */

static const struct job *first_failed(const struct task *t, enum vg_step step)
{
    for (uint32_t i = 0; i < t->job_count; i++) {
        const struct job *j = t->jobs[i];

        if (j->row.step == step && j->row.result != VG_OUT_DONE)
            return j;
    }
    return NULL;
}

static void count(const struct task *t, uint32_t *current, uint32_t *behind)
{
    for (uint32_t i = 0; i < t->job_count; i++) {
        const struct job_row *row = &t->jobs[i]->row;

        if (row->step == VG_STEP_SPREAD)
            *(row->result == VG_OUT_DONE ? current : behind) += 1;
    }
}

static const char *outcome(const struct coord *c, struct arena *a, const struct task *t)
{
    const char *what = t->vg == NULL ? NULL : vg_what(a, &t->vg->row);
    const struct job *j = first_failed(t, VG_STEP_UNMAP);
    uint32_t current = 0, behind = 0;
    const char *reason;

    (void)c;
    if (j == NULL && t->vg != NULL && !t->vg->row.done)
        j = first_failed(t, VG_STEP_CHANGE);
    if (what == NULL)
        return NULL;
    if (t->vg->row.done) {
        count(t, &current, &behind);
        return arena_printf(a, "%s is changed; %u node%s current, %u behind.", what, current,
                            current == 1 ? " is" : "s are", behind);
    }
    reason = j != NULL && j->row.reason != NULL ? j->row.reason : "the task was cancelled.";
    return j != NULL && j->row.result == VG_OUT_UNKNOWN
               ? arena_printf(a, "It is not known whether %s is changed: %s", what, reason)
               : arena_printf(a, "%s is not changed: %s", what, reason);
}

static const struct task_step steps[VG_STEPS] = {
    [VG_STEP_UNMAP] = { .name = "unmap",
                        .make = make_unmap,
                        .order = order_unmap,
                        .unanswered = vg_unheard,
                        .lost = unmap_lost,
                        .declined = vg_declined,
                        .failed = is_failed,
                        .failure = VG_OUT_FAILED },
    [VG_STEP_CHANGE] = { .name = "change",
                         .make = make_change,
                         .order = order_change,
                         .place = vg_place,
                         .lost = change_lost,
                         .declined = vg_declined,
                         .failed = is_failed,
                         .over = vg_over,
                         .failure = VG_OUT_FAILED,
                         .binds = true },
    [VG_STEP_SPREAD] = { .name = "spread",
                         .make = make_spread,
                         .order = order_spread,
                         .unanswered = vg_unheard,
                         .lost = spread_lost,
                         .declined = vg_declined,
                         .failure = VG_OUT_FAILED },
    [VG_STEP_RELEASE] = { .name = "release", .make = make_release },
};

const struct task_kind vg_kind = { "lvm", steps, ARRAY_LEN(steps), outcome };
