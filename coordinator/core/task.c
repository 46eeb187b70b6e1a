/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks: from their making through their steps, forwards and back, to their end. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"

bool tasks_room(const struct coord *c)
{
    return c->task_count < LIMIT_TASKS;
}

bool jobs_room(const struct coord *c, size_t n)
{
    return c->job_count + n <= LIMIT_JOBS;
}

static struct task *task_at(struct link *l)
{
    return container_of(l, struct task, link);
}

struct task *task_by_no(const struct coord *c, uint64_t no)
{
    uint32_t key = (uint32_t)no;

    return no <= UINT32_MAX ? map_get(c->tasks_by_no, &key, sizeof key) : NULL;
}

struct job *job_by_key(const struct coord *c, const struct order_key *key)
{
    struct task *t = task_by_no(c, key->task);

    return t != NULL && key->job > 0 && key->job <= t->job_count ? t->jobs[key->job - 1] : NULL;
}

bool is_undoing(const struct job *j)
{
    return j->row.step >= j->task->kind->step_count;
}

const struct task_step *job_step(const struct job *j)
{
    const struct task_kind *k = j->task->kind;

    return is_undoing(j) ? k->steps[j->row.step - k->step_count].undo : &k->steps[j->row.step];
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const char *kept(struct step *s, const char *text, bool *good)
{
    const char *copy = arena_strdup(s->u->arena, text);

    *good &= (copy != NULL) == (text != NULL);
    return copy;
}

static int task_save(struct step *s, const struct task *t)
{
    struct change *ch = emit(s, CHANGE_TASK);
    bool good = true;

    if (ch == NULL)
        return -ENOMEM;
    ch->task = t->row;
    ch->task.text = kept(s, t->row.text, &good);
    return good ? 0 : -ENOMEM;
}

int job_save(struct step *s, const struct job *j)
{
    struct change *ch = emit(s, CHANGE_JOB);
    bool good = true;

    if (ch == NULL)
        return -ENOMEM;
    ch->job = j->row;
    /* "" is kept as NULL in memory */
    ch->job.resource_label =
        j->row.resource_label == NULL ? "" : kept(s, j->row.resource_label, &good);
    ch->job.reason = kept(s, j->row.reason, &good);
    return good ? 0 : -ENOMEM;
}

/* ---- in memory ------------------------------------------------------------------------------ */

static struct task *task_add(struct coord *c, const struct task_row *row)
{
    struct task *t = calloc(1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->row = *row;
    t->row.text = NULL;
    t->kind = c->task_kinds[row->kind];
    link_init(&t->due);
    if (text_set(&t->row.text, row->text) < 0 ||
        map_put(c->tasks_by_no, &t->row.no, sizeof t->row.no, t) < 0) {
        free((void *)(uintptr_t)t->row.text);
        free(t);
        return NULL;
    }
    link_append(&c->tasks, &t->link);
    c->task_count++;
    return t;
}

static void task_remove(struct coord *c, struct task *t)
{
    for (uint32_t i = 0; i < t->job_count; i++)
        job_forget(c, t->jobs[i]);
    c->job_count -= t->job_count;
    c->task_count--;
    map_del(c->tasks_by_no, &t->row.no, sizeof t->row.no);
    link_remove(&t->link);
    link_remove(&t->due);
    free((void *)(uintptr_t)t->row.text);
    vg_change_free(t->vg);
    free(t->jobs);
    free(t);
}

void tasks_free_all(struct coord *c)
{
    while (!link_empty(&c->tasks))
        task_remove(c, task_at(c->tasks.next));
}

static struct job *job_add(struct coord *c, struct task *t, const struct job_row *row)
{
    struct job *j;

    if (t->job_count == t->job_cap) {
        uint32_t cap = t->job_cap == 0 ? 16 : 2 * t->job_cap;
        struct job **more = realloc(t->jobs, cap * sizeof(struct job *));

        if (more == NULL)
            return NULL;
        t->jobs = more;
        t->job_cap = cap;
    }
    j = calloc(1, sizeof *j);
    if (j == NULL)
        return NULL;
    j->row = *row;
    j->row.resource_label = j->row.reason = NULL;
    j->task = t;
    link_init(&j->link);
    link_init(&j->offer);
    link_init(&j->of_reading);
    link_init(&j->queue);
    if (text_set(&j->row.resource_label, row->resource_label) < 0 ||
        text_set(&j->row.reason, row->reason) < 0) {
        job_forget(c, j);
        return NULL;
    }
    t->jobs[t->job_count++] = j;
    c->job_count++;
    t->open += row->state != JOB_DONE;
    return j;
}

/* `r`, or else `what` it is about. */
static int job_make(struct step *s, struct task *t, uint32_t step, const struct resource *r,
                    const char *what, struct node *n, struct job **out)
{
    struct job_row row = { .task_no = t->row.no,
                           .no = t->job_count + 1,
                           .step = step,
                           .state = JOB_OPEN,
                           .resource_label = what,
                           .attempt = 1 };
    struct job *j;

    if (r != NULL) {
        row.resource_no = r->no;
        row.resource = r->id;
        row.resource_label = resource_label(s->u->arena, r);
    }
    if (n != NULL)
        row.node_no = n->row.no;
    if (row.resource_label == NULL)
        return -ENOMEM;
    j = job_add(s->c, t, &row);
    if (j == NULL)
        return -ENOMEM;
    j->node = n;
    job_enqueue(s->c, j);
    *out = j;
    return job_save(s, j);
}

int job_new(struct step *s, struct task *t, const struct resource *r, struct node *n,
            struct job **out)
{
    bool back = t->row.state != TASK_RUNNING;

    return job_make(s, t, t->row.step + (back ? t->kind->step_count : 0), r, "", n, out);
}

int job_new_about(struct step *s, struct task *t, struct node *n, const char *what,
                  struct job **out)
{
    assert(t->row.state == TASK_RUNNING);
    return job_make(s, t, t->row.step, NULL, what, n, out);
}

int job_new_ahead(struct step *s, struct task *t, uint32_t step, const struct resource *r,
                  struct node *n, struct job **out)
{
    assert(t->row.state == TASK_RUNNING && step > t->row.step && step < t->kind->step_count);
    return job_make(s, t, step, r, "", n, out);
}

/* ---- from step to step ---------------------------------------------------------------------- */

/* The oldest that are over go as new ones come. */
static int retire(struct step *s)
{
    uint32_t next = s->c->meta.next_task_no;
    uint64_t kept = s->c->config.task_history_rows;
    struct change *ch;

    if (kept == 0)
        kept = DEFAULT_TASK_HISTORY_ROWS;
    if (next <= kept)
        return 0;
    ch = emit(s, CHANGE_TASK_PRUNE);
    if (ch == NULL)
        return -ENOMEM;
    ch->task.no = next - (uint32_t)kept;
    return 0;
}

static int step_begin(struct step *s, struct task *t)
{
    const struct task_step *step = &t->kind->steps[t->row.step];
    uint32_t left_out = t->row.left_out;
    int rc = 0;

    if (t->row.state != TASK_RUNNING)
        step = step->undo;
    t->begun = true;
    if (step != NULL)
        rc = step->make(s, t);
    if (rc == 0 && t->row.left_out != left_out)
        rc = task_save(s, t);
    if (rc == 0 && t->open == 0 && link_empty(&t->due))
        link_append(&s->c->tasks_due, &t->due);
    return rc;
}

int task_new(struct step *s, enum task_kind_id kind, bool every_node, const char *text,
             const void *what, struct task **out)
{
    struct task_row row = { .no = s->c->meta.next_task_no,
                            .kind = kind,
                            .state = TASK_RUNNING,
                            .every_node = every_node,
                            .created = s->c->wall,
                            .text = text };
    struct task *t;
    int rc = retire(s);

    if (rc < 0)
        return rc;
    t = task_add(s->c, &row);
    if (t == NULL)
        return -ENOMEM;
    s->c->meta.next_task_no++;
    *out = t;
    rc = task_save(s, t);
    if (rc == 0)
        rc = event(s, "task.started", SEVERITY_INFO, NULL, NULL, "Task %u (%s) has started: %s",
                   t->row.no, t->kind->name, text);
    t->what = what;
    if (rc == 0)
        rc = step_begin(s, t);
    t->what = NULL;
    return rc;
}

static int task_end(struct step *s, struct task *t, enum task_state state)
{
    const char *text = t->kind->outcome(s->c, s->u->arena, t);
    int rc = text == NULL || text_set(&t->row.text, text) < 0 ? -ENOMEM : 0;

    t->row.state = state;
    t->row.ended = s->c->wall;
    if (rc == 0 && t->vg != NULL) /* of one that was cancelled after its change */
        rc = vg_release(s, t);
    if (rc == 0)
        rc = task_save(s, t);
    if (rc == 0)
        rc = event(s, state == TASK_DONE ? "task.done" : "task.ended",
                   state == TASK_FAILED ? SEVERITY_ERROR : SEVERITY_INFO, NULL, NULL,
                   "Task %u (%s) %s: %s", t->row.no, t->kind->name,
                   state == TASK_DONE     ? "is done"
                   : state == TASK_FAILED ? "has failed"
                                          : "was cancelled",
                   text);
    if (rc == 0)
        task_remove(s->c, t);
    return rc;
}

/* Its step is over: to the one before it, or the end. */
static int task_back(struct step *s, struct task *t)
{
    if (t->row.step == 0)
        return task_end(s, t, t->row.state == TASK_FAILING ? TASK_FAILED : TASK_CANCELLED);
    t->row.step--;
    return task_save(s, t) < 0 ? -ENOMEM : step_begin(s, t);
}

static int task_fail(struct step *s, struct task *t)
{
    t->row.state = TASK_FAILING;
    return task_save(s, t) < 0 ? -ENOMEM : step_begin(s, t);
}

/* All jobs are done. */
static int task_goes_on(struct step *s, struct task *t)
{
    const struct task_step *step = &t->kind->steps[t->row.step];

    if (!t->begun)
        return step_begin(s, t);
    if (t->row.state != TASK_RUNNING)
        return task_back(s, t);
    if (step->failed != NULL && step->failed(t))
        return task_fail(s, t);
    if (t->row.step + 1 == t->kind->step_count)
        return task_end(s, t, TASK_DONE);
    t->row.step++;
    return task_save(s, t) < 0 ? -ENOMEM : step_begin(s, t);
}

/* Jobs that no step has placed yet, or that are open again. */
static int jobs_place(struct step *s)
{
    struct coord *c = s->c;

    while (!link_empty(&c->jobs_unplaced)) {
        struct job *j = container_of(c->jobs_unplaced.next, struct job, link);
        int rc;

        link_remove(&j->link);
        rc = job_step(j)->place(s, j);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int tasks_go_on(struct step *s)
{
    struct coord *c = s->c;
    int rc = 0;

    while (rc == 0 && !link_empty(&c->tasks_due)) {
        struct task *t = container_of(c->tasks_due.next, struct task, due);

        link_remove(&t->due);
        if (t->open == 0)
            rc = task_goes_on(s, t);
    }
    return rc;
}

int tasks_settle(struct step *s)
{
    struct coord *c = s->c;
    int rc;

    do { /* a job for which no place is found may end, and its task with it */
        rc = tasks_go_on(s);
        if (rc == 0)
            rc = vgs_settle(s);
        if (rc == 0)
            rc = jobs_place(s);
        if (rc == 0)
            rc = scans_settle(s);
        if (rc == 0)
            rc = rescans_settle(s);
    } while (rc == 0 && !(link_empty(&c->tasks_due) && link_empty(&c->jobs_unplaced)));
    return rc < 0 ? rc : orders_settle(s);
}

/* Who has been ordered it, and who may have begun it before he fell silent, must say how it ends.
 */
static bool is_bound(const struct coord *c, const struct job *j)
{
    return job_step(j)->binds &&
           (j->now == JOB_OFFERED || (j->task->vg != NULL && vg_right(c, j->task) != NULL) ||
            (j->task->kind == &activation_kind && j->row.token != 0));
}

int task_cancel(struct step *s, struct task *t)
{
    int rc = 0;

    assert(t->row.state == TASK_RUNNING);
    t->row.state = TASK_CANCELLING;
    t->begun = false;
    for (uint32_t i = 0; rc == 0 && i < t->job_count; i++) {
        struct job *j = t->jobs[i];

        if (j->row.state == JOB_OPEN && !is_bound(s->c, j))
            rc = job_done(s, j, 0, "The task was cancelled.");
    }
    if (rc == 0 && t->open == 0 && link_empty(&t->due))
        link_append(&s->c->tasks_due, &t->due);
    return rc < 0 ? rc : task_save(s, t);
}

/* ---- after a start -------------------------------------------------------------------------- */

static bool is_known(const struct coord *c, const struct task_row *row)
{
    const struct task_kind *k =
        row->kind > 0 && row->kind < TASK_KINDS ? c->task_kinds[row->kind] : NULL;

    return k != NULL && row->step < k->step_count && row->no < c->meta.next_task_no;
}

static bool job_is_known(const struct task *t, const struct job_row *row)
{
    uint32_t count = t->kind->step_count;

    return row->no == t->job_count + 1 && row->step < 2 * count &&
           (row->step < count || t->kind->steps[row->step - count].undo != NULL);
}

/* Whoever works on it goes on; what was ordered and not taken is ordered again. */
static int job_resume(struct step *s, struct job *j)
{
    struct node *n = j->row.node_no != 0 ? node_by_no(s->c, j->row.node_no) : NULL;

    if (j->row.state == JOB_DONE) {
        j->now = JOB_OVER;
        return 0;
    }
    j->node = n;
    if (n == NULL && (j->row.state == JOB_TAKEN || job_step(j)->place == NULL))
        return s->c->read_only ? 0
                               : job_done(s, j, job_step(j)->failure, "The node was forgotten.");
    if (j->row.state == JOB_OPEN) {
        job_enqueue(s->c, j);
        return 0;
    }
    job_runs(s->c, j);
    return job_step(j)->resumed != NULL ? job_step(j)->resumed(s, j) : 0;
}

int tasks_load(struct step *s, const struct stored *im)
{
    struct coord *c = s->c;
    struct task *t = NULL;
    struct job *j;
    int rc = 0;

    for (size_t i = 0; i < im->task_count; i++) {
        if (is_known(c, &im->tasks[i]) && task_add(c, &im->tasks[i]) == NULL)
            return -ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < im->vg_change_count; i++)
        rc = vg_change_load(c, &im->vg_changes[i]);
    for (size_t i = 0; rc == 0 && i < im->job_count; i++) {
        if (t == NULL || t->row.no != im->jobs[i].task_no)
            t = task_by_no(c, im->jobs[i].task_no);
        if (t == NULL || !job_is_known(t, &im->jobs[i]))
            continue;
        j = job_add(c, t, &im->jobs[i]);
        rc = j == NULL ? -ENOMEM : job_resume(s, j);
        if (rc == 0 &&
            (t->row.state == TASK_RUNNING || j->row.step == t->row.step + t->kind->step_count))
            t->begun = true;
    }
    for (struct link *l = c->tasks.next; rc == 0 && l != &c->tasks; l = l->next) {
        t = task_at(l);
        t->begun |= t->row.state == TASK_RUNNING;
        if (t->open == 0 && link_empty(&t->due))
            link_append(&c->tasks_due, &t->due);
    }
    return rc;
}

/* ---- is it what it should be? --------------------------------------------------------------- */

static const char *job_fault(const struct job *j)
{
    bool ordered = j->now == JOB_OFFERED || j->now == JOB_RUNS;

    if ((j->now == JOB_OVER) != (j->row.state == JOB_DONE))
        return "is over and is not";
    if ((j->now == JOB_RUNS) != (j->row.state == JOB_TAKEN))
        return "runs and does not";
    if (ordered && j->node == NULL)
        return "is ordered of nobody";
    if (link_empty(&j->offer) !=
        (j->now != JOB_OFFERED && (j->now != JOB_HELD || j->due.v == MONO_NEVER.v)))
        return "waits for an answer to no order, or for no time";
    if ((j->held != NULL) != (j->now == JOB_HELD))
        return "is held and is not";
    return NULL;
}

static bool is_ordered_by_engine(const struct job *j)
{
    return job_step(j)->place == NULL && job_step(j)->queue == NULL;
}

int tasks_check(const struct coord *c, struct err *e)
{
    size_t jobs = 0, tasks = 0;

    for (struct link *l = c->tasks.next; l != &c->tasks; l = l->next, tasks++) {
        const struct task *t = task_at(l);
        uint32_t open = 0;

        for (uint32_t i = 0; i < t->job_count; i++, jobs++) {
            const char *fault = job_fault(t->jobs[i]);

            open += t->jobs[i]->row.state != JOB_DONE;
            if (fault != NULL)
                return err_set(e, -EINVAL, "job %u of task %u %s", i + 1, t->row.no, fault);
        }
        if (open != t->open)
            return err_set(e, -EINVAL, "task %u has %u open jobs, not %u", t->row.no, open,
                           t->open);
    }
    if (jobs != c->job_count || tasks != c->task_count)
        return err_set(e, -EINVAL, "there are %zu jobs of %zu tasks, not %zu of %zu", jobs, tasks,
                       c->job_count, c->task_count);
    for (size_t i = 0; i < c->node_count; i++) {
        const struct node *n = c->nodes[i];
        uint32_t orders = 0;

        for (const struct link *l = n->under_way.next; l != &n->under_way; l = l->next)
            orders += is_ordered_by_engine(container_of(l, struct job, link));
        if (orders != n->orders)
            return err_set(e, -EINVAL, "%s has %u orders, not %u", n->row.name, orders, n->orders);
    }
    return 0;
}
