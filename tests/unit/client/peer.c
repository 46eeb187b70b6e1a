/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "base/limits.h"
#include "client/internal.h"
#include "port.h"
#include "wire/codec.h"

/* ---- its socket ----------------------------------------------------------------------------- */

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "peer: %s\n", what);
    abort();
}

static void set_flag(struct peer *p, bool *flag, bool value)
{
    pthread_mutex_lock(&p->lock);
    *flag = value;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void leave(struct peer *p)
{
    int none = 0;

    if (p->ctx == NULL)
        return;
    zmq_setsockopt(p->router, ZMQ_LINGER, &none, sizeof none);
    zmq_close(p->router);
    zmq_ctx_term(p->ctx); /* returns when all is closed */
    p->ctx = p->router = NULL;
    set_flag(p, &p->listening, false);
}

static void listen_again(struct peer *p)
{
    size_t n = sizeof p->endpoint;
    struct err e = { "" };

    leave(p);
    p->ctx = zmq_ctx_new();
    p->router = net_router(p->ctx, p->endpoint, p->key, "test", LIMIT_CLIENT_MESSAGE_BYTES, 0, &e);
    must(p->router != NULL, e.text);
    zmq_getsockopt(p->router, ZMQ_LAST_ENDPOINT, p->endpoint, &n);
    set_flag(p, &p->listening, true);
}

/* ---- what it says --------------------------------------------------------------------------- */

static void send_parts(struct peer *p, const void *first, size_t n, const void *second)
{
    int more = second != NULL ? ZMQ_SNDMORE : 0;

    zmq_send(p->router, p->client, p->client_size, ZMQ_SNDMORE);
    zmq_send(p->router, first, n, more);
    if (second != NULL)
        zmq_send(p->router, second, 1, 0);
}

static void say(struct peer *p, uint64_t correlation, const struct step *s, bool in_two_parts)
{
    struct reply r = { .present = 0 };
    struct buf b = { 0 };
    struct err e;

    REC_SET(&r, reply, version, PROTOCOL_VERSION);
    REC_SET(&r, reply, code, s->code);
    if (correlation != 0)
        REC_SET(&r, reply, correlation, correlation);
    if (s->text != NULL)
        REC_SET(&r, reply, text, s->text);
    pthread_mutex_lock(&p->lock);
    REC_SET(&r, reply, generation, p->generation);
    REC_SET(&r, reply, event_no, p->event_no);
    pthread_mutex_unlock(&p->lock);
    must(wire_encode(&reply_desc, &r, &b, &e) == 0, e.text);
    send_parts(p, b.p, b.n, in_two_parts ? "x" : NULL);
    buf_deinit(&b);
}

static void say_to_a_node(struct peer *p)
{
    struct refused refused = { 0 };
    struct envelope envelope = { 0 };
    struct buf b = { 0 };
    struct err e;

    REC_SET(&refused, refused, reason, REFUSE_MALFORMED);
    REC_SET(&envelope, envelope, version, PROTOCOL_VERSION);
    REC_SET(&envelope, envelope, refused, &refused);
    must(wire_encode(&envelope_desc, &envelope, &b, &e) == 0, "encode");
    send_parts(p, b.p, b.n, NULL);
    buf_deinit(&b);
}

static void do_step(struct peer *p, const struct step *s, uint64_t correlation)
{
    static const struct step plain = { .kind = ANSWER };
    static const struct step old = { .code = REPLY_FAILED, .text = "to an older request" };

    switch (s->kind) {
    case SILENCE:
        break;
    case DROP:
        listen_again(p);
        break;
    case LEAVE:
        leave(p);
        break;
    case GARBAGE:
        send_parts(p, "\xff\xff\xff", 3, NULL);
        break;
    case TO_A_NODE:
        say_to_a_node(p);
        break;
    case TWO_PARTS:
        say(p, correlation, s, true);
        break;
    case OLD_FIRST:
        say(p, correlation - 1, &old, false);
        say(p, correlation, s, false);
        break;
    case HINT_FIRST:
        say(p, 0, &plain, false);
        say(p, correlation, s, false);
        break;
    case UNASKED:
        say(p, 0, s, false);
        break;
    case ANSWER:
        say(p, correlation, s, false);
        break;
    }
}

/* ---- what it hears -------------------------------------------------------------------------- */

static void keep_text(char *out, size_t n, const char *text)
{
    snprintf(out, n, "%s", text != NULL ? text : "");
}

/* Writes it down, and returns the step for it. The peer is busy until that is done. */
static struct step take_note(struct peer *p, const struct request *r)
{
    struct step s = { .kind = ANSWER };

    pthread_mutex_lock(&p->lock);
    p->busy = true;
    if (p->step < p->step_count)
        s = p->steps[p->step++];
    if (p->seen_count < PEER_SEEN) {
        struct seen *one = &p->seen[p->seen_count];

        *one = (struct seen){ .op = r->op, .version = r->version, .since = r->since };
        one->correlation = r->correlation;
        keep_text(one->name, sizeof one->name, r->name);
        keep_text(one->secret, sizeof one->secret, r->secret);
        keep_text(one->kind, sizeof one->kind, r->kind);
    }
    p->seen_count++;
    pthread_mutex_unlock(&p->lock);
    return s;
}

static void hear(struct peer *p)
{
    static uint8_t bytes[LIMIT_CLIENT_MESSAGE_BYTES];
    struct arena *a = arena_new(0);
    struct request *r;
    struct step s;
    struct err e = { .text = "nothing was received" };
    void *rec = NULL;
    int n;

    n = zmq_recv(p->router, p->client, sizeof p->client, 0);
    must(n > 0, "no routing id");
    p->client_size = (size_t)n;
    n = zmq_recv(p->router, bytes, sizeof bytes, 0);
    must(n >= 0 && wire_decode(&request_desc, bytes, (size_t)n, a, &rec, &e) == 0, e.text);
    r = rec;
    s = take_note(p, r);
    do_step(p, &s, r->correlation);
    set_flag(p, &p->busy, false);
    arena_free(a);
}

static void *run(void *arg)
{
    static const struct step hint = { .kind = ANSWER };
    struct peer *p = arg;

    listen_again(p);
    for (;;) {
        zmq_pollitem_t items[] = {
            { .fd = p->control[0], .events = ZMQ_POLLIN },
            { .socket = p->router, .events = ZMQ_POLLIN },
        };
        char command = 0;

        must(zmq_poll(items, p->router == NULL ? 1 : 2, -1) > 0, "zmq_poll");
        if (items[0].revents != 0)
            must(read(p->control[0], &command, 1) == 1, "read");
        if (command == 'q')
            break;
        if (command == 'r')
            listen_again(p);
        else if (command == 'h' && p->router != NULL)
            say(p, 0, &hint, false);
        else if (p->router != NULL && items[1].revents != 0)
            hear(p);
    }
    leave(p);
    return NULL;
}

/* ---- for the tests -------------------------------------------------------------------------- */

/* With the lock held. */
static void await_change(struct peer *p)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 2 * LONG_MS / 1000;
    must(pthread_cond_timedwait(&p->changed, &p->lock, &until) == 0, "what is awaited never comes");
}

static void await_listening(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->listening)
        await_change(p);
    pthread_mutex_unlock(&p->lock);
}

static void command(struct peer *p, char c)
{
    must(write(p->control[1], &c, 1) == 1, "write");
}

void peer_start(struct peer *p, const char *endpoint, const struct keypair *key)
{
    *p = (struct peer){ .key = key, .generation = 1 };
    if (strcmp(endpoint, "tcp://127.0.0.1:0") == 0)
        port_endpoint(p->endpoint, sizeof p->endpoint);
    else
        snprintf(p->endpoint, sizeof p->endpoint, "%s", endpoint);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    must(pipe(p->control) == 0, "pipe");
    must(pthread_create(&p->thread, NULL, run, p) == 0, "pthread_create");
    await_listening(p);
}

void peer_stop(struct peer *p)
{
    command(p, 'q');
    pthread_join(p->thread, NULL);
    close(p->control[0]);
    close(p->control[1]);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
}

void peer_script(struct peer *p, const struct step *steps, int count)
{
    assert(count <= PEER_STEPS);
    pthread_mutex_lock(&p->lock);
    while (p->busy)
        await_change(p);
    if (count > 0)
        memcpy(p->steps, steps, (size_t)count * sizeof *steps);
    p->step = p->seen_count = 0;
    p->step_count = count;
    pthread_mutex_unlock(&p->lock);
}

void peer_figures(struct peer *p, uint64_t generation, uint64_t event_no)
{
    pthread_mutex_lock(&p->lock);
    p->generation = generation;
    p->event_no = event_no;
    pthread_mutex_unlock(&p->lock);
}

void peer_return(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    p->listening = false;
    pthread_mutex_unlock(&p->lock);
    command(p, 'r');
    await_listening(p);
}

void peer_hint(struct peer *p)
{
    command(p, 'h');
}

int peer_seen(struct peer *p, int least)
{
    int n;

    pthread_mutex_lock(&p->lock);
    while (p->seen_count < least || p->busy)
        await_change(p);
    n = p->seen_count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

void expect_at(int got, int wanted, const struct muster_client *c, const char *what,
               const char *file, int line)
{
    if (got == wanted)
        return;
    fprintf(stderr, "%s:%d: %s is %d, not %d: %s\n", file, line, what, got, wanted,
            muster_error(c));
    abort();
}

void expect_says_at(const struct muster_client *c, const char *part, const char *file, int line)
{
    const char *text = muster_error(c);

    if (strstr(text, part) != NULL && strchr(text, '\n') == NULL)
        return;
    fprintf(stderr, "%s:%d: it says \"%s\", not \"%s\"\n", file, line, text, part);
    abort();
}

char *test_dir(void)
{
    char name[] = "/tmp/muster-client-XXXXXX";

    must(mkdtemp(name) != NULL, "mkdtemp");
    return strdup(name);
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(name);
}

void test_dir_remove(char *dir)
{
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

void limit(struct muster_client *c, int64_t ms)
{
    c->timeout_ms = c->connect_ms = ms;
}

int ask(struct muster_client *c, enum client_op op)
{
    struct request req = { .present = 0 };
    struct muster_reply r;
    int rc;

    REC_SET(&req, request, op, op);
    rc = muster_call(c, &req, &r);
    muster_reply_free(&r);
    return rc;
}
