/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs, and the orders that go to nodes for them. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/core_internal.h"
#include "wire/codec.h"

/* ---- where it stands ------------------------------------------------------------------------ */

static int job_text(char **to, const char *from)
{
    const char *p = *to;
    int rc = text_set(&p, from);

    *to = (char *)(uintptr_t)p;
    return rc;
}

static bool is_ordered(const struct job *j)
{
    return j->now == JOB_OFFERED || j->now == JOB_RUNS;
}

static bool is_placed(const struct job *j)
{
    return job_step(j)->place != NULL;
}

/* Counts among the orders of its node: those that are placed have the open shop to count them, and
 * those that have a queue what they queue for. */
static bool is_counted(const struct job *j)
{
    return j->node != NULL && is_ordered(j) && !is_placed(j) && job_step(j)->queue == NULL;
}

/* Of its node. */
static struct link *list_of(const struct job *j)
{
    return is_ordered(j)        ? &j->node->under_way
           : j->now == JOB_HELD ? &j->node->held
                                : &j->node->waiting;
}

/* Out of all lists, and into none of its node's but when it is ordered. */
static void job_turn(struct coord *c, struct job *j, enum job_now is)
{
    if (is_counted(j))
        j->node->orders--;
    link_remove(&j->link);
    link_remove(&j->offer);
    link_remove(&j->queue);
    if (is != JOB_OFFERED)
        rescan_repay(c, j);
    free(j->held);
    j->held = NULL;
    j->now = is;
    if (is_counted(j))
        j->node->orders++;
    if (j->node != NULL && is_ordered(j))
        link_append(&j->node->under_way, &j->link);
}

void job_unlink(struct coord *c, struct job *j)
{
    job_turn(c, j, JOB_OVER);
}

void job_forget(struct coord *c, struct job *j)
{
    job_unlink(c, j);
    link_remove(&j->of_reading);
    free((void *)(uintptr_t)j->row.resource_label);
    free((void *)(uintptr_t)j->row.reason);
    free(j);
}

bool may_order(const struct node *n)
{
    return n->row.admission == NODE_APPROVED && n->live == NODE_UP && n->registered;
}

void orders_of(struct coord *c, struct node *n)
{
    if (link_empty(&n->order_due) && !link_empty(&n->waiting))
        link_append(&c->orders_due, &n->order_due);
    rescans_wake(c);
}

/* It is not held any more, or held anew: so long something was in its way. */
static void held_count(const struct coord *c, struct job *j)
{
    if (j->now == JOB_HELD && j->due.v != MONO_NEVER.v && c->now.v > j->held_from.v)
        j->held_ms += mono_since(c->now, j->held_from);
}

/* Open, and nobody's but its own node's: it waits. */
void job_enqueue(struct coord *c, struct job *j)
{
    held_count(c, j);
    job_turn(c, j, JOB_WAITS);
    if (is_placed(j)) {
        j->node = NULL;
        link_append(&c->jobs_unplaced, &j->link);
    } else {
        link_append(&j->node->waiting, &j->link);
        if (job_step(j)->queue != NULL)
            job_step(j)->queue(c, j);
        else
            orders_of(c, j->node);
    }
}

void job_runs(struct coord *c, struct job *j)
{
    job_turn(c, j, JOB_RUNS);
    j->held_ms = 0;
    j->unheeded_since.v = 0;
}

/* The one before it in its reading is held for as long, as a rule, when both are. */
static struct link *held_beside(const struct job *j)
{
    struct link *l = j->reading == NULL ? NULL : j->of_reading.prev;
    struct job *other =
        l == NULL || l == &j->reading->jobs ? NULL : container_of(l, struct job, of_reading);

    return other != NULL && other->now == JOB_HELD && other->due.v == j->due.v ? &other->offer
                                                                               : NULL;
}

static void held_insert(struct coord *c, struct job *j)
{
    struct link *beside = held_beside(j);
    struct link *at = beside != NULL ? beside : c->jobs_held.prev;

    while (at != &c->jobs_held && container_of(at, struct job, offer)->due.v > j->due.v)
        at = at->prev;
    link_append(at->next, &j->offer);
}

int job_hold(struct coord *c, struct job *j, const char *why, bool ends)
{
    struct node *n = j->node;

    assert(j->row.state == JOB_OPEN);
    held_count(c, j);
    job_turn(c, j, JOB_HELD);
    /* While nothing is granted to anybody after a recovery, that is in the way of all. */
    j->held_from = c->grants_from.v > c->now.v ? c->grants_from : c->now;
    j->due = MONO_NEVER;
    if (!ends) {
        j->due.v = j->held_from.v + DEFAULT_HELD_MS - j->held_ms;
        held_insert(c, j);
    }
    if (is_placed(j))
        j->node = NULL;
    else
        link_append(&n->held, &j->link);
    if (n != NULL)
        orders_of(c, n);
    return job_text(&j->held, why);
}

/* ---- orders --------------------------------------------------------------------------------- */

static int order_send(struct step *s, struct job *j)
{
    struct envelope *env = node_envelope(s, j->node);

    return env == NULL ? -ENOMEM : job_step(j)->order(s, j, env);
}

static void offer_wait(struct coord *c, struct job *j)
{
    link_remove(&j->offer);
    j->due.v = c->now.v + DEFAULT_OFFER_MS;
    link_append(&c->offers, &j->offer); /* all wait equally long: the last is due last */
}

int job_order_again(struct step *s, struct job *j)
{
    assert(j->now == JOB_OFFERED);
    offer_wait(s->c, j);
    return may_order(j->node) ? order_send(s, j) : 0;
}

int job_offer(struct step *s, struct job *j, struct node *n)
{
    assert(j->row.state == JOB_OPEN && j->now != JOB_OFFERED);
    j->node = n;
    j->unheard = 0;
    if (!is_placed(j)) /* else it may be another node that does not heed it either */
        j->unheeded_since.v = 0;
    job_turn(s->c, j, JOB_OFFERED);
    offer_wait(s->c, j);
    return order_send(s, j);
}

int job_take(struct step *s, struct job *j, uint64_t token)
{
    assert(j->node != NULL && j->row.state != JOB_DONE);
    if (j->row.state == JOB_TAKEN && j->row.token == token)
        return 0;
    job_runs(s->c, j);
    j->row.state = JOB_TAKEN;
    j->row.token = token;
    j->row.node_no = j->node->row.no;
    return job_save(s, j);
}

static int orders_of_node(struct step *s, struct node *n)
{
    struct link *l = n->waiting.next, *next;
    int rc = 0;

    for (; rc == 0 && l != &n->waiting; l = next) {
        struct job *j = container_of(l, struct job, link);

        next = l->next;
        if (!may_order(n) || n->orders >= node_places(n))
            break;
        if (job_step(j)->queue == NULL)
            rc = job_offer(s, j, n);
    }
    return rc;
}

int orders_settle(struct step *s)
{
    struct coord *c = s->c;

    while (!link_empty(&c->orders_due)) {
        struct node *n = container_of(c->orders_due.next, struct node, order_due);
        int rc;

        link_remove(&n->order_due);
        rc = orders_of_node(s, n);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int offers_tick(struct step *s)
{
    struct coord *c = s->c;

    while (!c->read_only && !link_empty(&c->offers)) {
        struct job *j = container_of(c->offers.next, struct job, offer);
        int rc;

        if (j->due.v > c->now.v)
            break;
        rc =
            job_step(j)->unanswered != NULL ? job_step(j)->unanswered(s, j) : job_order_again(s, j);
        if (rc < 0)
            return rc;
    }
    return 0;
}

mono_ms offers_deadline(const struct coord *c)
{
    return c->read_only || link_empty(&c->offers)
               ? MONO_NEVER
               : container_of(c->offers.next, struct job, offer)->due;
}

/* ---- ends ----------------------------------------------------------------------------------- */

int job_withdraw(struct step *s, struct job *j)
{
    struct node *n = j->node;

    assert(j->row.state == JOB_OPEN);
    job_enqueue(s->c, j);
    if (n != NULL)
        orders_of(s->c, n);
    return 0;
}

int job_again(struct step *s, struct job *j, const char *reason)
{
    struct node *n = j->node;

    assert(j->row.state != JOB_DONE);
    if (j->row.attempt >= LIMIT_JOB_ATTEMPTS)
        return job_done(s, j, job_step(j)->failure, reason);
    /* A task that is being cancelled starts nothing any more. */
    if (j->task->row.state == TASK_CANCELLING && !is_undoing(j))
        return job_done(s, j, 0, "The task was cancelled.");
    j->row.attempt++;
    j->row.state = JOB_OPEN;
    j->row.token = 0;
    if (is_placed(j) && !j->task->row.every_node)
        j->row.node_no = 0;
    job_enqueue(s->c, j);
    if (n != NULL)
        orders_of(s->c, n);
    return text_set(&j->row.reason, reason) < 0 ? -ENOMEM : job_save(s, j);
}

int job_done(struct step *s, struct job *j, uint32_t result, const char *reason)
{
    struct node *n = j->node;
    struct task *t = j->task;

    assert(j->row.state != JOB_DONE);
    job_turn(s->c, j, JOB_OVER);
    if (n != NULL)
        orders_of(s->c, n);
    if (n != NULL)
        j->row.node_no = n->row.no;
    j->node = NULL;
    j->row.state = JOB_DONE;
    j->row.result = result;
    j->row.ended = s->c->wall;
    if (text_set(&j->row.reason, reason) < 0)
        return -ENOMEM;
    if (job_step(j)->over != NULL)
        job_step(j)->over(s, j);
    t->open--;
    if (t->open == 0 && link_empty(&t->due))
        link_append(&s->c->tasks_due, &t->due);
    return job_save(s, j);
}

/* ---- a node is lost ------------------------------------------------------------------------- */

static int job_lost(struct step *s, struct job *j, enum job_loss how)
{
    const struct task_step *step = job_step(j);
    struct node *n = j->node;
    int rc = 0;

    if (step->lost != NULL)
        rc = step->lost(s, j, how);
    else if (how == LOSS_BOOT)
        rc = job_again(s, j, "The node has been started anew.");
    if (rc < 0 || how != LOSS_NODE || j->node != n)
        return rc;
    return job_done(s, j, step->failure, "The node was forgotten.");
}

/* Each once, whatever the step does with it. */
int node_jobs_lost(struct step *s, struct node *n, enum job_loss how)
{
    struct link *lists[] = { &n->under_way, &n->waiting, &n->held };
    struct link met;
    int rc = 0;

    link_init(&met);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        while (!link_empty(lists[i])) {
            struct link *l = lists[i]->next;

            link_remove(l);
            link_append(&met, l);
        }
    }
    while (!link_empty(&met)) {
        struct job *j = container_of(met.next, struct job, link);

        link_remove(&j->link);
        link_append(list_of(j), &j->link);
        if (rc == 0)
            rc = job_lost(s, j, how);
    }
    orders_of(s->c, n);
    return rc;
}
