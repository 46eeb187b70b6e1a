/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The queue as one thread sees it; with several threads: test_queue_threads.c. */
#include <criterion/criterion.h>
#include <poll.h>

#include "queue.h"

struct item {
    struct queue_node node;
    int value;
};

static bool readable(const struct queue *q)
{
    struct pollfd f = { .fd = queue_fd(q), .events = POLLIN };

    return poll(&f, 1, 0) == 1;
}

/* The values taken, as digits of one number. */
static long taken(struct queue *q, size_t max)
{
    struct queue_node *list;
    size_t n = queue_take(q, max, 0, &list);
    long all = 0;

    for (; list != NULL; list = list->next, n--)
        all = all * 10 + ((struct item *)list)->value;
    cr_expect_eq(n, 0, "the list is as long as the count says");
    return all;
}

Test(queue, gives_back_in_order_up_to_the_number_asked_for)
{
    struct item items[] = { { .value = 1 }, { .value = 2 }, { .value = 3 } };
    struct queue *q = queue_new(10, 0, false);

    for (size_t i = 0; i < 3; i++)
        cr_assert(queue_push(q, &items[i].node));
    cr_expect_eq(queue_count(q), 3);
    cr_expect_eq(taken(q, 2), 12);
    cr_assert(queue_push(q, &items[0].node));
    cr_expect_eq(taken(q, 10), 31);
    cr_expect_eq(taken(q, 10), 0);
    queue_free(q);
}

Test(queue, urgent_ones_overtake_the_others_by_turns)
{
    struct item items[8] = { 0 };
    struct queue *q = queue_new(4, 0, false);

    for (int i = 0; i < 8; i++) {
        items[i] = (struct item){ .node = { .urgent = i >= 4 }, .value = i + 1 };
        cr_assert(queue_push(q, &items[i].node), "each kind has its own limit");
    }
    cr_expect_eq(queue_count(q), 8);
    cr_expect_eq(taken(q, 3), 516);
    cr_expect_eq(taken(q, 1), 2, "the turn is kept from one time to the next");
    cr_assert(queue_push(q, &items[0].node));
    cr_expect_eq(taken(q, 10), 73841);
    cr_expect_eq(queue_count(q), 0);
    queue_free(q);
}

Test(queue, urgent_ones_can_be_taken_alone)
{
    struct item items[3] = { { .value = 1 }, { .value = 2 }, { .value = 3 } };
    struct queue *q = queue_new(4, 0, true);
    struct queue_node *list;

    cr_expect_eq(queue_take_urgent(q, 4, &list), 0);
    cr_expect_null(list);
    items[1].node.urgent = items[2].node.urgent = true;
    for (size_t i = 0; i < 3; i++)
        cr_assert(queue_push(q, &items[i].node));
    cr_expect_eq(queue_take_urgent(q, 1, &list), 1);
    cr_expect_eq(((struct item *)list)->value, 2);
    cr_expect_eq(queue_take_urgent(q, 4, &list), 1);
    cr_expect_eq(((struct item *)list)->value, 3);
    cr_expect(readable(q), "one is left");
    cr_expect_eq(taken(q, 4), 1);
    cr_expect_not(readable(q));
    queue_free(q);
}

Test(queue, urgent_ones_of_a_list_come_first_in_their_order)
{
    struct item items[6];
    struct queue_node *list;
    long all = 0;

    for (int i = 0; i < 6; i++)
        items[i] = (struct item){ .node = { .next = i < 5 ? &items[i + 1].node : NULL,
                                            .urgent = i % 2 == 1 },
                                  .value = i + 1 };
    for (list = queue_urgent_first(&items[0].node); list != NULL; list = list->next)
        all = all * 10 + ((struct item *)list)->value;
    cr_expect_eq(all, 246135);
    cr_expect_null(queue_urgent_first(NULL));
    items[0].node.next = NULL;
    cr_expect_eq(queue_urgent_first(&items[0].node), &items[0].node);
}

Test(queue, a_heavy_lane_does_not_keep_urgent_ones_out)
{
    struct item heavy = { .node = { .weight = 1000 }, .value = 1 };
    struct item light = { .node = { .weight = 5, .urgent = true }, .value = 2 };
    struct queue *q = queue_new(2, 10, false);

    cr_expect(queue_push_wait(q, &heavy.node));
    cr_expect(queue_push_wait(q, &light.node));
    cr_expect_eq(taken(q, 2), 21);
    queue_free(q);
}

Test(queue, full_is_full)
{
    struct item items[3] = { { .value = 1 }, { .value = 2 }, { .value = 3 } };
    struct queue *q = queue_new(2, 0, false);

    cr_expect(queue_push(q, &items[0].node));
    cr_expect(queue_push(q, &items[1].node));
    cr_expect_not(queue_push(q, &items[2].node));
    cr_expect_eq(taken(q, 1), 1);
    cr_expect(queue_push(q, &items[2].node));
    cr_expect_eq(taken(q, 5), 23);
    queue_free(q);
}

Test(queue, one_element_fits_whatever_its_weight)
{
    struct item heavy = { .node = { .weight = 1000 }, .value = 1 };
    struct queue *q = queue_new(2, 10, false);

    cr_expect(queue_push_wait(q, &heavy.node));
    cr_expect_eq(taken(q, 1), 1);
    queue_free(q);
}

Test(queue, closed_takes_nothing_more_and_gives_what_is_inside)
{
    struct item items[2] = { { .value = 1 }, { .value = 2 } };
    struct queue *q = queue_new(2, 0, false);
    struct queue_node *list;

    cr_assert(queue_push(q, &items[0].node));
    queue_close(q);
    cr_expect_not(queue_push(q, &items[1].node));
    cr_expect_not(queue_push_wait(q, &items[1].node));
    cr_expect_not(queue_ended(q));
    cr_expect_eq(taken(q, 5), 1);
    cr_expect(queue_ended(q));
    cr_expect_eq(queue_take(q, 5, -1, &list), 0, "returns at once");
    queue_free(q);
}

Test(queue, the_descriptor_is_readable_while_there_is_something)
{
    struct item items[2] = { { .value = 1 }, { .value = 2 } };
    struct queue *q = queue_new(4, 0, true);

    cr_expect_not(readable(q));
    queue_push(q, &items[0].node);
    queue_push(q, &items[1].node);
    cr_expect(readable(q));
    taken(q, 1);
    cr_expect(readable(q), "one is left");
    taken(q, 1);
    cr_expect_not(readable(q));
    queue_push(q, &items[0].node);
    cr_expect(readable(q));
    queue_close(q);
    taken(q, 5);
    cr_expect(readable(q), "the end is something too");
    queue_free(q);
}

Test(queue, nothing_within_the_time)
{
    struct queue *q = queue_new(4, 0, false);
    struct queue_node *list = (struct queue_node *)q;

    cr_expect_eq(queue_take(q, 5, 1, &list), 0);
    cr_expect_null(list);
    queue_free(q);
}
