/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many threads push through one small queue: nothing is lost or doubled, each one's order is kept,
 * and whoever waits wakes. Without Criterion, so that it runs under TSan. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "queue.h"

enum { PUSHERS = 4, EACH = 20000, ROOM = 8, WEIGHT = 30 };

struct item {
    struct queue_node node;
    int pusher, number;
};

struct pusher {
    pthread_t thread;
    struct queue *q;
    int who;
};

static void *push(void *arg)
{
    struct pusher *p = arg;

    for (int i = 0; i < EACH; i++) {
        struct item *x = calloc(1, sizeof *x);

        x->pusher = p->who;
        x->number = i;
        x->node.weight = (size_t)(i % 10);
        assert(queue_push_wait(p->q, &x->node));
    }
    return NULL;
}

static void start(pthread_t *t, void *(*run)(void *), void *arg)
{
    int rc = pthread_create(t, NULL, run, arg);

    assert(rc == 0);
}

static void take_all(struct queue *q, int *next)
{
    int total = 0;

    while (total < PUSHERS * EACH) {
        struct queue_node *list;
        size_t n = queue_take(q, 5, 30000, &list), weight = 0;

        assert(n > 0 && n <= 5);
        for (; list != NULL; n--, total++) {
            struct item *x = (struct item *)list;

            list = list->next;
            assert(x->number == next[x->pusher]++);
            weight += x->node.weight;
            free(x);
        }
        assert(n == 0 && weight <= WEIGHT);
    }
}

static void many_pushers(void)
{
    struct queue *q = queue_new(ROOM, WEIGHT, true);
    struct pusher all[PUSHERS];
    int next[PUSHERS] = { 0 };

    for (int i = 0; i < PUSHERS; i++) {
        all[i].q = q;
        all[i].who = i;
        start(&all[i].thread, push, &all[i]);
    }
    take_all(q, next);
    for (int i = 0; i < PUSHERS; i++) {
        pthread_join(all[i].thread, NULL);
        assert(next[i] == EACH);
    }
    assert(queue_count(q) == 0);
    queue_free(q);
}

static atomic_int refused;

static void *push_into_closed(void *arg)
{
    struct item x = { .number = 0 };

    if (!queue_push_wait(arg, &x.node))
        atomic_fetch_add(&refused, 1);
    return NULL;
}

static void *take_from_closed(void *arg)
{
    struct queue_node *list;

    while (queue_take(arg, 1, -1, &list) > 0)
        ;
    return NULL;
}

/* Closing wakes those who wait for room and those who wait for an element. */
static void closing_wakes(void)
{
    struct queue *full = queue_new(1, 0, false), *empty = queue_new(1, 0, false);
    struct item x = { .number = 0 };
    struct queue_node *list;
    pthread_t pusher, taker;

    assert(queue_push(full, &x.node));
    start(&pusher, push_into_closed, full);
    start(&taker, take_from_closed, empty);
    queue_close(full);
    queue_close(empty);
    pthread_join(pusher, NULL);
    pthread_join(taker, NULL);
    assert(atomic_load(&refused) == 1);
    assert(queue_take(full, 9, 0, &list) == 1 && queue_ended(full));
    queue_free(full);
    queue_free(empty);
}

int main(void)
{
    many_pushers();
    closing_wakes();
    printf("%d elements through a queue of %d\n", PUSHERS * EACH, ROOM);
    return 0;
}
