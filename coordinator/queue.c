/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "queue.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct lane {
    struct queue_node *head, **tail;
    size_t count, weight;
};

enum { PLAIN, URGENT, LANES };

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    struct lane lanes[LANES];
    unsigned turn; /* the lane that is next, if it has any */
    size_t max_count, max_weight;
    unsigned full_waiters;
    int fd;
    bool signalled; /* fd is readable: written once for many elements */
    bool closed;
};

static bool init_conds(struct queue *q)
{
    pthread_condattr_t attr;
    bool ok;

    if (pthread_condattr_init(&attr) != 0)
        return false;
    ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
         pthread_cond_init(&q->not_empty, &attr) == 0 &&
         pthread_cond_init(&q->not_full, &attr) == 0 && pthread_mutex_init(&q->lock, NULL) == 0;
    pthread_condattr_destroy(&attr);
    return ok;
}

struct queue *queue_new(size_t count, size_t weight, bool with_fd)
{
    struct queue *q = calloc(1, sizeof *q);

    if (q == NULL)
        return NULL;
    for (unsigned i = 0; i < LANES; i++)
        q->lanes[i].tail = &q->lanes[i].head;
    q->turn = URGENT;
    q->max_count = count;
    q->max_weight = weight;
    q->fd = with_fd ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
    if ((with_fd && q->fd < 0) || !init_conds(q)) {
        if (q->fd >= 0)
            close(q->fd);
        free(q);
        return NULL;
    }
    return q;
}

static bool is_empty(const struct queue *q)
{
    return q->lanes[PLAIN].head == NULL && q->lanes[URGENT].head == NULL;
}

void queue_free(struct queue *q)
{
    if (q == NULL)
        return;
    assert(is_empty(q));
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->not_full);
    pthread_mutex_destroy(&q->lock);
    if (q->fd >= 0)
        close(q->fd);
    free(q);
}

static void signal_fd(struct queue *q)
{
    uint64_t one = 1;
    ssize_t put;

    if (q->fd < 0 || q->signalled)
        return;
    put = write(q->fd, &one, sizeof one);
    assert(put == sizeof one); /* an eventfd at 0 has room */
    (void)put;
    q->signalled = true;
}

static struct lane *lane_of(struct queue *q, const struct queue_node *n)
{
    return &q->lanes[n->urgent ? URGENT : PLAIN];
}

static void append(struct queue *q, struct queue_node *n)
{
    struct lane *l = lane_of(q, n);

    n->next = NULL;
    *l->tail = n;
    l->tail = &n->next;
    l->count++;
    l->weight += n->weight;
    signal_fd(q);
    pthread_cond_signal(&q->not_empty);
}

static bool has_room(struct queue *q, const struct queue_node *n)
{
    const struct lane *l = lane_of(q, n);

    if (l->count >= q->max_count)
        return false;
    return q->max_weight == 0 || l->count == 0 || l->weight + n->weight <= q->max_weight;
}

bool queue_push(struct queue *q, struct queue_node *n)
{
    bool ok;

    pthread_mutex_lock(&q->lock);
    ok = !q->closed && lane_of(q, n)->count < q->max_count;
    if (ok)
        append(q, n);
    pthread_mutex_unlock(&q->lock);
    return ok;
}

bool queue_push_wait(struct queue *q, struct queue_node *n)
{
    bool ok;

    pthread_mutex_lock(&q->lock);
    while (!q->closed && !has_room(q, n)) {
        q->full_waiters++;
        pthread_cond_wait(&q->not_full, &q->lock);
        q->full_waiters--;
    }
    ok = !q->closed;
    if (ok)
        append(q, n);
    pthread_mutex_unlock(&q->lock);
    return ok;
}

static struct timespec deadline_in(int64_t ms)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += (time_t)(ms / 1000);
    ts.tv_nsec += (long)(ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

static void wait_for_one(struct queue *q, int64_t timeout_ms)
{
    struct timespec until = { 0 };

    if (timeout_ms > 0)
        until = deadline_in(timeout_ms);
    while (is_empty(q) && !q->closed) {
        if (timeout_ms < 0)
            pthread_cond_wait(&q->not_empty, &q->lock);
        else if (pthread_cond_timedwait(&q->not_empty, &q->lock, &until) == ETIMEDOUT)
            return;
    }
}

static void clear_fd(struct queue *q)
{
    uint64_t value;
    ssize_t got;

    if (!q->signalled || !is_empty(q))
        return;
    got = read(q->fd, &value, sizeof value);
    assert(got == sizeof value); /* signalled says that it is readable */
    (void)got;
    q->signalled = false;
    if (q->closed)
        signal_fd(q); /* the consumer shall see the end */
}

static struct queue_node *lane_pop(struct lane *l)
{
    struct queue_node *n = l->head;

    l->head = n->next;
    if (l->head == NULL)
        l->tail = &l->head;
    l->count--;
    l->weight -= n->weight;
    n->next = NULL;
    return n;
}

/* NULL: there is none. */
static struct queue_node *pop(struct queue *q)
{
    unsigned is = q->lanes[q->turn].head != NULL ? q->turn : 1 - q->turn;

    if (q->lanes[is].head == NULL)
        return NULL;
    q->turn = 1 - is;
    return lane_pop(&q->lanes[is]);
}

static void taken(struct queue *q, size_t count)
{
    clear_fd(q);
    if (count > 0 && q->full_waiters > 0)
        pthread_cond_broadcast(&q->not_full);
}

size_t queue_take(struct queue *q, size_t max, int64_t timeout_ms, struct queue_node **out)
{
    size_t count = 0;

    *out = NULL;
    pthread_mutex_lock(&q->lock);
    if (is_empty(q) && !q->closed && timeout_ms != 0)
        wait_for_one(q, timeout_ms);
    while (count < max && (*out = pop(q)) != NULL) {
        out = &(*out)->next;
        count++;
    }
    taken(q, count);
    pthread_mutex_unlock(&q->lock);
    return count;
}

size_t queue_take_urgent(struct queue *q, size_t max, struct queue_node **out)
{
    size_t count = 0;

    *out = NULL;
    pthread_mutex_lock(&q->lock);
    while (count < max && q->lanes[URGENT].head != NULL) {
        *out = lane_pop(&q->lanes[URGENT]);
        out = &(*out)->next;
        count++;
    }
    taken(q, count);
    pthread_mutex_unlock(&q->lock);
    return count;
}

struct queue_node *queue_urgent_first(struct queue_node *list)
{
    struct queue_node *first[LANES] = { NULL, NULL };
    struct queue_node **last[LANES] = { &first[PLAIN], &first[URGENT] };

    for (; list != NULL; list = list->next) {
        unsigned is = list->urgent ? URGENT : PLAIN;

        *last[is] = list;
        last[is] = &list->next;
    }
    *last[PLAIN] = NULL;
    *last[URGENT] = first[PLAIN];
    return first[URGENT];
}

int queue_fd(const struct queue *q)
{
    return q->fd;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    signal_fd(q);
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}

bool queue_ended(struct queue *q)
{
    bool ended;

    pthread_mutex_lock(&q->lock);
    ended = q->closed && is_empty(q);
    pthread_mutex_unlock(&q->lock);
    return ended;
}

size_t queue_count(struct queue *q)
{
    size_t n;

    pthread_mutex_lock(&q->lock);
    n = q->lanes[PLAIN].count + q->lanes[URGENT].count;
    pthread_mutex_unlock(&q->lock);
    return n;
}
