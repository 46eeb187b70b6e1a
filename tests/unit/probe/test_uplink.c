/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection to a coordinator that is there, is not, is another, or is none; on loopback. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "base/limits.h"
#include "port.h"
#include "uplink.h"
#include "wire/codec.h"

enum { PATIENCE_MS = 60000, ENDPOINT = 64 };

struct bench {
    struct keypair node, server;
    void *ctx, *router; /* the coordinator's side */
    char endpoint[ENDPOINT];
    struct uplink *uplink;
    struct arena *arena;
    enum log_level level;
    struct err news;
};

static void listen_on(struct bench *b, const char *endpoint)
{
    size_t size = sizeof b->endpoint;
    struct err e = { "" };

    b->ctx = zmq_ctx_new();
    b->router = net_router(b->ctx, endpoint, &b->server, "nodes", 1 << 20, 0, &e);
    cr_assert_not_null(b->router, "%s", e.text);
    cr_assert_eq(zmq_getsockopt(b->router, ZMQ_LAST_ENDPOINT, b->endpoint, &size), 0);
}

/* Done when it returns: the end of the context waits for the socket's. */
static void stop_listening(struct bench *b)
{
    if (b->ctx == NULL)
        return;
    zmq_close(b->router);
    zmq_ctx_term(b->ctx);
    b->ctx = NULL;
}

static void bench_open(struct bench *b)
{
    *b = (struct bench){ .arena = arena_new(0) };
    keypair_new(&b->node);
    keypair_new(&b->server);
    port_endpoint(b->endpoint, sizeof b->endpoint);
    listen_on(b, b->endpoint);
}

static void connect_with(struct bench *b, pubkey server)
{
    struct err e = { "" };

    b->uplink = uplink_open(b->endpoint, &b->node, &server, &e);
    cr_assert_not_null(b->uplink, "%s", e.text);
}

static void bench_close(struct bench *b)
{
    uplink_close(b->uplink);
    stop_listening(b);
    arena_free(b->arena);
}

/* Waits as the supervisor does. False: the time is up. */
static bool wait_uplink(struct bench *b, int64_t until)
{
    struct pollfd p = { .fd = uplink_fd(b->uplink), .events = POLLIN };
    int64_t left = until - clock_mono().v, due = uplink_deadline(b->uplink).v - clock_mono().v;

    if (uplink_pending(b->uplink))
        return true;
    if (due < left)
        left = due > 0 ? due : 0;
    return clock_mono().v < until && poll(&p, 1, (int)left) >= 0;
}

static void expect_news(struct bench *b, enum log_level level, const char *text)
{
    int64_t until = clock_mono().v + PATIENCE_MS;

    while (!uplink_news(b->uplink, clock_mono(), &b->level, &b->news))
        cr_assert(wait_uplink(b, until), "nothing is heard of: %s", text);
    cr_expect_not_null(strstr(b->news.text, text), "%s", b->news.text);
    cr_expect_not_null(strstr(b->news.text, b->endpoint), "%s", b->news.text);
    cr_expect_eq(b->level, level);
}

/* Whatever is heard before. */
static void wait_connected(struct bench *b)
{
    int64_t until = clock_mono().v + PATIENCE_MS;

    do {
        while (!uplink_news(b->uplink, clock_mono(), &b->level, &b->news))
            cr_assert(wait_uplink(b, until), "no connection");
    } while (strstr(b->news.text, "connected to") == NULL);
}

static int receive(struct bench *b, struct envelope **env, struct err *e)
{
    int64_t until = clock_mono().v + PATIENCE_MS;
    int got;

    while ((got = uplink_receive(b->uplink, b->arena, env, e)) == 0)
        cr_assert(wait_uplink(b, until), "no message");
    return got;
}

static struct envelope *heartbeat(struct arena *a, uint64_t seq)
{
    struct envelope *env = arena_zalloc(a, sizeof *env);
    struct heartbeat *body = arena_zalloc(a, sizeof *body);

    REC_SET(env, envelope, version, PROTOCOL_VERSION);
    REC_SET(env, envelope, seq, seq);
    REC_SET(env, envelope, heartbeat, body);
    return env;
}

Test(uplink, carries_messages_both_ways)
{
    struct bench b;
    struct envelope *env;
    struct err e = { "" };
    struct buf out = { 0 };
    zmq_msg_t id, m;

    bench_open(&b);
    connect_with(&b, b.server.public_key);
    cr_assert_eq(uplink_send(b.uplink, heartbeat(b.arena, 77), &e), 0, "%s", e.text);
    zmq_msg_init(&id);
    zmq_msg_init(&m);
    cr_assert_gt(zmq_msg_recv(&id, b.router, 0), 0);
    cr_assert_gt(zmq_msg_recv(&m, b.router, 0), 0);
    cr_assert_not(zmq_msg_more(&m), "one frame");
    cr_assert_eq(wire_decode_envelope(zmq_msg_data(&m), zmq_msg_size(&m), b.arena, &env, &e), 0);
    cr_expect_eq(env->seq, 77);
    expect_news(&b, LOG_LEVEL_INFO, "connected to");

    cr_assert_eq(wire_encode(&envelope_desc, heartbeat(b.arena, 78), &out, &e), 0);
    zmq_send(b.router, zmq_msg_data(&id), zmq_msg_size(&id), ZMQ_SNDMORE);
    zmq_send(b.router, "rubbish", 7, 0);
    zmq_send(b.router, zmq_msg_data(&id), zmq_msg_size(&id), ZMQ_SNDMORE);
    zmq_send(b.router, out.p, out.n, ZMQ_SNDMORE);
    zmq_send(b.router, out.p, out.n, 0);
    zmq_send(b.router, zmq_msg_data(&id), zmq_msg_size(&id), ZMQ_SNDMORE);
    zmq_send(b.router, out.p, out.n, 0);
    cr_expect_eq(receive(&b, &env, &e), -EBADMSG, "rubbish");
    cr_expect_eq(receive(&b, &env, &e), -EBADMSG, "two frames");
    cr_assert_eq(receive(&b, &env, &e), 1, "%s", e.text);
    cr_expect_eq(env->seq, 78);
    cr_expect_eq(uplink_receive(b.uplink, b.arena, &env, &e), 0);
    buf_deinit(&out);
    zmq_msg_close(&id);
    zmq_msg_close(&m);
    bench_close(&b);
}

Test(uplink, says_when_the_other_has_not_the_key)
{
    struct keypair other;
    struct bench b;

    keypair_new(&other);
    bench_open(&b);
    connect_with(&b, other.public_key);
    expect_news(&b, LOG_LEVEL_ERROR, "the encrypted handshake fails with");
    bench_close(&b);
}

Test(uplink, says_when_nobody_answers)
{
    struct bench b;

    bench_open(&b);
    stop_listening(&b);
    connect_with(&b, b.server.public_key);
    expect_news(&b, LOG_LEVEL_WARNING, "no answer from");
    bench_close(&b);
}

/* A web server, for instance. */
static void answer_once(int listener)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    int s = accept(listener, NULL, NULL);

    cr_assert_geq(s, 0);
    cr_assert_eq(write(s, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(s);
}

Test(uplink, says_when_another_protocol_is_spoken)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof a;
    struct bench b;

    bench_open(&b);
    stop_listening(&b);
    cr_assert(bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 8) == 0 &&
              getsockname(listener, (struct sockaddr *)&a, &size) == 0);
    snprintf(b.endpoint, sizeof b.endpoint, "tcp://127.0.0.1:%d", ntohs(a.sin_port));
    connect_with(&b, b.server.public_key);
    answer_once(listener);
    expect_news(&b, LOG_LEVEL_ERROR, "another protocol is spoken at");
    close(listener);
    listen_on(&b, b.endpoint);
    wait_connected(&b); /* ZeroMQ alone would not try again */
    bench_close(&b);
}

Test(uplink, comes_back_by_itself_and_tells_both_once)
{
    char endpoint[ENDPOINT];
    struct bench b;

    bench_open(&b);
    connect_with(&b, b.server.public_key);
    expect_news(&b, LOG_LEVEL_INFO, "connected to");
    memcpy(endpoint, b.endpoint, sizeof endpoint);
    stop_listening(&b);
    expect_news(&b, LOG_LEVEL_WARNING, "the connection is lost to");
    listen_on(&b, endpoint);
    expect_news(&b, LOG_LEVEL_INFO, "connected to");
    cr_expect_not(uplink_news(b.uplink, clock_mono(), &b.level, &b.news), "%s", b.news.text);
    bench_close(&b);
}

Test(uplink, drops_what_nobody_takes_and_never_waits)
{
    struct bench b;
    struct err e;
    int sent = 0, rc;

    bench_open(&b);
    stop_listening(&b);
    connect_with(&b, b.server.public_key);
    while ((rc = uplink_send(b.uplink, heartbeat(b.arena, 1), &e)) == 0 && sent < 10000)
        sent++;
    cr_expect_eq(rc, -EAGAIN);
    cr_expect_leq(sent, 64, "a flood is saved up");
    bench_close(&b);
}

Test(uplink, refuses_what_cannot_be_sent)
{
    struct envelope nothing = { .present = 0 };
    struct bench b;
    struct err e = { "" };

    bench_open(&b);
    connect_with(&b, b.server.public_key);
    cr_expect_eq(uplink_send(b.uplink, &nothing, &e), -EINVAL);
    cr_expect_neq(e.text[0], '\0');
    bench_close(&b);
}
