/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for changes: hints wake, are lost, come late; and the coordinator leaves meanwhile. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"

/* A watch is renewed every 10 s, and its answer would tell what a hint has not: it is not what
 * these tests wait for. */
enum { WAIT_MS = 9000 };

static struct peer peer;
static char endpoint[96];

static struct muster_client *connect_with(int64_t timeout_ms)
{
    struct muster_options o = { .endpoint = endpoint, .timeout_ms = timeout_ms };
    struct muster_client *c;

    expect(muster_connect(&o, &c), 0, NULL);
    return c;
}

static void figures(uint64_t generation, uint64_t event_no)
{
    peer_script(&peer, NULL, 0);
    peer_figures(&peer, generation, event_no);
}

/* Something is newer already: the answer to the first watch says so. */
static void newer_already(void)
{
    struct muster_client *c = connect_with(LONG_MS);
    uint64_t generation = 5, event_no = 50;

    figures(6, 50);
    expect(muster_wait(c, &generation, &event_no, WAIT_MS), 0, c);
    assert(generation == 6 && event_no == 50);
    assert(peer_seen(&peer, 1) == 1 && peer.seen[0].op == OP_WATCH);
    muster_disconnect(c);
}

static void nothing_new(void)
{
    struct muster_client *c = connect_with(LONG_MS);
    uint64_t generation = 5, event_no = 50;

    figures(5, 50);
    for (int i = 0; i < 3; i++) {
        expect(muster_wait(c, &generation, &event_no, 50), -ETIMEDOUT, c);
        expect_says(c, "nothing changed within 50 ms");
        assert(generation == 5 && event_no == 50);
    }
    assert(peer_seen(&peer, 1) == 1); /* one watch is enough for all of them */
    muster_disconnect(c);
}

struct waiter {
    struct muster_client *c;
    uint64_t generation, event_no;
    int rc;
};

static void *wait_long(void *arg)
{
    struct waiter *w = arg;

    w->rc = muster_wait(w->c, &w->generation, &w->event_no, WAIT_MS);
    return NULL;
}

/* A hint wakes the waiter, whichever figure it raises. */
static void hints_wake(void)
{
    struct waiter w = { .c = connect_with(LONG_MS), .generation = 5, .event_no = 50 };
    pthread_t thread;

    figures(5, 50);
    assert(pthread_create(&thread, NULL, wait_long, &w) == 0);
    peer_seen(&peer, 1); /* it watches */
    peer_figures(&peer, 9, 50);
    peer_hint(&peer);
    pthread_join(thread, NULL);
    expect(w.rc, 0, w.c);
    assert(w.generation == 9 && w.event_no == 50);

    assert(pthread_create(&thread, NULL, wait_long, &w) == 0);
    peer_figures(&peer, 9, 51);
    peer_hint(&peer);
    pthread_join(thread, NULL);
    expect(w.rc, 0, w.c);
    assert(w.generation == 9 && w.event_no == 51);
    muster_disconnect(w.c);
}

/* A hint that came while other things were asked is not lost, and one that tells nothing new wakes
 * nobody. */
static void hints_between_waits(void)
{
    static const struct step steps[] = { { .kind = ANSWER },
                                         { .kind = HINT_FIRST },
                                         { .kind = HINT_FIRST } };
    struct muster_client *c = connect_with(LONG_MS);
    uint64_t generation = 5, event_no = 50;

    figures(5, 50);
    peer_script(&peer, steps, 3);
    expect(muster_wait(c, &generation, &event_no, 20), -ETIMEDOUT, c);
    peer_figures(&peer, 6, 50);
    expect(ask(c, OP_STATUS), 0, c);
    expect(muster_wait(c, &generation, &event_no, WAIT_MS), 0, c);
    assert(generation == 6 && event_no == 50);
    peer_figures(&peer, 4, 49); /* late */
    expect(ask(c, OP_STATUS), 0, c);
    expect(muster_wait(c, &generation, &event_no, 50), -ETIMEDOUT, c);
    assert(generation == 6 && event_no == 50);
    muster_disconnect(c);
}

/* The coordinator restarts during a wait: the wait goes on with the new one, which tells what has
 * happened meanwhile. */
static void a_restart_during_a_wait(void)
{
    struct waiter w = { .c = connect_with(LONG_MS), .generation = 5, .event_no = 50 };
    pthread_t thread;

    figures(5, 50);
    assert(pthread_create(&thread, NULL, wait_long, &w) == 0);
    peer_seen(&peer, 1);
    peer_figures(&peer, 7, 70);
    peer_return(&peer);
    pthread_join(thread, NULL);
    expect(w.rc, 0, w.c);
    assert(w.generation == 7 && w.event_no == 70);
    assert(peer_seen(&peer, 2) == 2 && peer.seen[1].op == OP_WATCH);
    muster_disconnect(w.c);
}

/* Lower figures are another database, of which the caller must hear. */
static void another_database(void)
{
    struct muster_client *c = connect_with(LONG_MS);
    uint64_t generation = 100, event_no = 1000;

    figures(100, 1000);
    expect(muster_wait(c, &generation, &event_no, 20), -ETIMEDOUT, c);
    peer_figures(&peer, 3, 30);
    peer_return(&peer);
    expect(muster_wait(c, &generation, &event_no, WAIT_MS), 0, c);
    assert(generation == 3 && event_no == 30);
    expect(muster_wait(c, &generation, &event_no, 20), -ETIMEDOUT, c);
    muster_disconnect(c);
}

/* The answer to a watch comes when its wait is over: the next one asks again, at once. */
static void an_answer_after_its_wait(void)
{
    static const struct step steps[] = { { .kind = SILENCE }, { .kind = OLD_FIRST } };
    struct muster_client *c = connect_with(LONG_MS);
    uint64_t generation = 5, event_no = 50;

    figures(6, 50);
    peer_script(&peer, steps, 2);
    expect(muster_wait(c, &generation, &event_no, 50), -ETIMEDOUT, c);
    peer_seen(&peer, 1);
    expect(ask(c, OP_STATUS), 0, c); /* the late answer comes before this one's */
    expect(muster_wait(c, &generation, &event_no, WAIT_MS), 0, c);
    assert(generation == 6);
    muster_disconnect(c);
}

static void nobody_there(void)
{
    static const struct step away[] = { { .kind = ANSWER }, { .kind = LEAVE } };
    struct muster_client *c = connect_with(LONG_MS);
    uint64_t generation = 5, event_no = 50;

    figures(5, 50);
    peer_script(&peer, away, 2);
    expect(ask(c, OP_STATUS), 0, c); /* it is connected */
    limit(c, SHORT_MS);
    expect(muster_wait(c, &generation, &event_no, WAIT_MS), MUSTER_E_UNREACHABLE, c);
    expect_says(c, "cannot be reached");
    assert(generation == 5 && event_no == 50);
    limit(c, LONG_MS);
    peer_figures(&peer, 6, 51);
    peer_return(&peer);
    expect(muster_wait(c, &generation, &event_no, WAIT_MS), 0, c); /* waits on, as it says */
    assert(generation == 6 && event_no == 51);
    muster_disconnect(c);
}

static void a_watch_that_is_refused(void)
{
    static const struct step steps[] = { { ANSWER, REPLY_REFUSED, "too many watch already" } };
    struct muster_client *c = connect_with(LONG_MS);
    uint64_t generation = 5, event_no = 50;

    figures(5, 50);
    peer_script(&peer, steps, 1);
    expect(muster_wait(c, &generation, &event_no, WAIT_MS), MUSTER_E_REPLY, c);
    expect_says(c, "too many watch already");
    muster_disconnect(c);
}

/* It is there and says nothing. */
static void silent(void)
{
    static const struct step steps[] = { { .kind = ANSWER }, { .kind = SILENCE } };
    struct muster_client *c = connect_with(LONG_MS);
    uint64_t generation = 5, event_no = 50;

    figures(5, 50);
    peer_script(&peer, steps, 2);
    expect(ask(c, OP_STATUS), 0, c);
    limit(c, SHORT_MS);
    expect(muster_wait(c, &generation, &event_no, WAIT_MS), MUSTER_E_UNREACHABLE, c);
    expect_says(c, "has stopped answering");
    muster_disconnect(c);
}

int main(void)
{
    static void (*const tests[])(void) = {
        newer_already,    nothing_new,
        hints_wake,       hints_between_waits,
        another_database, a_restart_during_a_wait,
        nobody_there,     an_answer_after_its_wait,
        silent,           a_watch_that_is_refused,
    };
    char *dir = test_dir();

    snprintf(endpoint, sizeof endpoint, "ipc://%s/client.sock", dir);
    peer_start(&peer, endpoint, NULL);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tests[i]();
    peer_stop(&peer);
    test_dir_remove(dir);
    printf("%zu stories\n", sizeof tests / sizeof tests[0]);
    return 0;
}
