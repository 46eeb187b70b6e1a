/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of ZeroMQ as muster sets them up: who is let in, what is left behind, what is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "net/net.h"

#define LIMIT_MS  60000 /* for what must happen */
#define LONGEST   1000  /* bytes of a message */
#define SILENT_MS 300   /* for what must not happen */

static char dir[64], path[96], endpoint[128];
static void *ctx;
static struct keypair own, client;
static struct err e;

static void set_up(void)
{
    strncpy(dir, "/tmp/muster-socket-XXXXXX", sizeof dir - 1);
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    ctx = zmq_ctx_new();
    keypair_new(&own);
    keypair_new(&client);
    e.text[0] = '\0';
}

static void tear_down(void)
{
    zmq_ctx_term(ctx);
    unlink(path);
    cr_expect(rmdir(dir) == 0, "something is left behind");
}

TestSuite(socket, .init = set_up, .fini = tear_down);

static void *router(void)
{
    void *s = net_router(ctx, endpoint, NULL, "test", LONGEST, 0, &e);

    cr_assert_not_null(s, "%s", e.text);
    return s;
}

static void refused(int code, const char *part)
{
    void *s = net_router(ctx, endpoint, NULL, "test", LONGEST, 0, &e);

    cr_assert(s == NULL && errno == code, "%s: %s", strerror(errno), e.text);
    cr_assert(strstr(e.text, path) != NULL && strstr(e.text, part) != NULL, "%s", e.text);
}

static bool readable(void *s, long limit_ms)
{
    zmq_pollitem_t item = { .socket = s, .events = ZMQ_POLLIN };

    return zmq_poll(&item, 1, limit_ms) > 0;
}

/* A question that is there, and back: routing id and one frame. */
static void answer(void *r, void *d)
{
    char id[64], text[64];
    int n;

    n = zmq_recv(r, id, sizeof id, 0);
    cr_assert(n > 0 && n < (int)sizeof id);
    cr_assert_eq(zmq_recv(r, text, sizeof text, 0), 8);
    cr_assert_eq(zmq_send(r, id, (size_t)n, ZMQ_SNDMORE), n);
    cr_assert_eq(zmq_send(r, "answer", 6, 0), 6);
    cr_assert(readable(d, LIMIT_MS), "the answer does not come");
    cr_assert_eq(zmq_recv(d, text, sizeof text, 0), 6);
}

static void talk(void *r, void *d)
{
    cr_assert_eq(zmq_send(d, "question", 8, 0), 8);
    cr_assert(readable(r, LIMIT_MS), "the question does not come");
    answer(r, d);
}

/* On the next connection: what is sent before this one is cut is lost with it. */
static void talk_again(void *r, void *d)
{
    int tries = LIMIT_MS / SILENT_MS;

    do {
        cr_assert_eq(zmq_send(d, "question", 8, 0), 8);
        cr_assert_geq(tries--, 0, "the question does not come");
    } while (!readable(r, SILENT_MS));
    answer(r, d);
}

static void close_now(void *s)
{
    int none = 0;

    zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none);
    zmq_close(s);
}

/* ---- the local socket ----------------------------------------------------------------------- */

Test(socket, ipc)
{
    struct stat st;
    void *r, *d;

    umask(022);
    r = router();
    cr_expect(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
    cr_expect_eq(umask(022), 022, "the mask is as it was");
    d = net_dealer(ctx, endpoint, NULL, NULL, LONGEST, &e);
    cr_assert_not_null(d, "%s", e.text);
    talk(r, d);
    close_now(d);
    close_now(r);
}

Test(socket, ipc_mode)
{
    struct stat st;
    void *r;

    umask(0777);
    r = net_router(ctx, endpoint, NULL, "test", LONGEST, 0660, &e);
    cr_assert_not_null(r, "%s", e.text);
    cr_expect(stat(path, &st) == 0 && (st.st_mode & 0777) == 0660, "%o", st.st_mode);
    close_now(r);
}

static void bind_in_a_process_that_dies(void)
{
    int ready[2];
    pid_t pid;
    char c;

    cr_assert(pipe(ready) == 0);
    pid = fork();
    if (pid == 0) {
        void *own_ctx = zmq_ctx_new();

        if (net_router(own_ctx, endpoint, NULL, "test", LONGEST, 0, &e) == NULL ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(1);
    }
    cr_assert(read(ready[0], &c, 1) == 1);
    refused(EADDRINUSE, "another process listens"); /* it lives yet */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}

/* What a dead process has left is replaced; a living one is not robbed. */
Test(socket, stale_and_live)
{
    void *r, *d;

    bind_in_a_process_that_dies();
    cr_assert(access(path, F_OK) == 0, "a killed process leaves its socket");
    r = router();
    refused(EADDRINUSE, "another process listens");
    d = net_dealer(ctx, endpoint, NULL, NULL, LONGEST, &e);
    talk(r, d);
    close_now(d);
    close_now(r);
}

/* One that lives and is too busy to answer is no dead one, and does not hold us. */
Test(socket, live_and_busy)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), waiting[8];

    memcpy(addr.sun_path, path, strlen(path) + 1);
    cr_assert(bind(listener, (struct sockaddr *)&addr, sizeof addr) == 0);
    cr_assert(listen(listener, 0) == 0);
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
        waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(waiting[i], (struct sockaddr *)&addr, sizeof addr) != 0)
            cr_assert_eq(errno, EAGAIN);
    }
    refused(EADDRINUSE, "another process listens");
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
        close(waiting[i]);
    close(listener);
    close_now(router()); /* now it is dead */
}

/* Somebody's file, or a link to one, is not taken for a socket. */
Test(socket, something_else_is_there)
{
    char other[128];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    cr_assert(fd >= 0);
    close(fd);
    refused(EADDRINUSE, "is no socket");
    snprintf(other, sizeof other, "%s/other", dir);
    cr_assert(rename(path, other) == 0 && symlink(other, path) == 0);
    refused(EADDRINUSE, "is no socket");
    cr_assert(access(other, F_OK) == 0);
    unlink(other);
}

Test(socket, no_folder)
{
    snprintf(path, sizeof path, "%s/no/s", dir);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    refused(ENOENT, "cannot listen on");
}

/* libzmq leaves the file when a socket is closed too. */
Test(socket, closed_and_bound_again)
{
    zmq_close(router());
    zmq_ctx_term(ctx); /* now it is really closed */
    ctx = zmq_ctx_new();
    close_now(router());
}

/* ---- tcp ------------------------------------------------------------------------------------ */

static void *tcp_router(void)
{
    size_t n = sizeof endpoint;
    void *r = net_router(ctx, "tcp://127.0.0.1:0", &own, "test", LONGEST, 0, &e);

    cr_assert_not_null(r, "%s", e.text);
    cr_assert_eq(zmq_getsockopt(r, ZMQ_LAST_ENDPOINT, endpoint, &n), 0);
    return r;
}

Test(socket, tcp_is_encrypted)
{
    void *r = tcp_router(), *d = net_dealer(ctx, endpoint, &client, &own.public_key, LONGEST, &e);

    cr_assert_not_null(d, "%s", e.text);
    talk(r, d);
    close_now(d);
    close_now(r);
}

/* Who does not know the coordinator's key, or has none of its own, is not heard. */
Test(socket, tcp_without_the_right_keys)
{
    void *r = tcp_router(), *plain = zmq_socket(ctx, ZMQ_DEALER), *d;

    d = net_dealer(ctx, endpoint, &client, &client.public_key, LONGEST, &e);
    cr_assert_not_null(d, "%s", e.text);
    cr_assert_eq(zmq_connect(plain, endpoint), 0);
    zmq_send(d, "x", 1, ZMQ_DONTWAIT);
    zmq_send(plain, "x", 1, ZMQ_DONTWAIT);
    cr_expect(!readable(r, SILENT_MS));
    close_now(plain);
    close_now(d);
    d = net_dealer(ctx, endpoint, &client, &own.public_key, LONGEST, &e);
    talk(r, d); /* and costs others nothing */
    close_now(d);
    close_now(r);
}

Test(socket, tcp_needs_keys)
{
    cr_expect_null(net_dealer(ctx, "tcp://127.0.0.1:7", NULL, &own.public_key, LONGEST, &e));
    cr_expect_eq(errno, EINVAL);
    cr_expect(strstr(e.text, "needs keys") != NULL, "%s", e.text);
    cr_expect_null(net_dealer(ctx, "tcp://127.0.0.1:7", &client, NULL, LONGEST, &e));
}

Test(socket, tcp_port_in_use)
{
    void *r = tcp_router();

    cr_expect_null(net_router(ctx, endpoint, &own, "test", LONGEST, 0, &e));
    cr_expect_eq(errno, EADDRINUSE);
    cr_expect(strstr(e.text, endpoint) != NULL, "%s", e.text);
    close_now(r);
}

Test(socket, bad_endpoints)
{
    cr_expect(net_router(ctx, "7411", &own, "test", LONGEST, 0, &e) == NULL && errno == EINVAL);
    cr_expect(net_dealer(ctx, "udp://x:1", NULL, NULL, LONGEST, &e) == NULL && errno == EINVAL);
    cr_expect(strstr(e.text, "tcp://HOST:PORT") != NULL, "%s", e.text);
}

/* ---- limits --------------------------------------------------------------------------------- */

/* A message over the limit costs its sender the connection, and is never seen. */
static int option_of(void *s, int option)
{
    int value = -1;
    size_t n = sizeof value;

    cr_assert_eq(zmq_getsockopt(s, option, &value, &n), 0);
    return value;
}

/* A ping can end a coordinator (socket.c); TCP finds the dead. */
Test(socket, nobody_sends_pings)
{
    void *r = tcp_router(), *d = net_dealer(ctx, endpoint, &client, &own.public_key, LONGEST, &e);

    cr_assert_not_null(d, "%s", e.text);
    cr_expect_eq(option_of(d, ZMQ_HEARTBEAT_IVL), 0);
    cr_expect_eq(option_of(r, ZMQ_HEARTBEAT_IVL), 0);
    cr_expect_eq(option_of(d, ZMQ_TCP_MAXRT), 20000);
    cr_expect_eq(option_of(r, ZMQ_TCP_MAXRT), 20000);
    cr_expect_eq(option_of(d, ZMQ_TCP_KEEPALIVE), 1);
    close_now(d);
    close_now(r);
}

Test(socket, message_too_long)
{
    static char text[LONGEST + 1];
    void *r = router(), *d = net_dealer(ctx, endpoint, NULL, NULL, LONGEST, &e);

    talk(r, d);
    cr_assert_eq(zmq_send(d, text, LONGEST + 1, 0), LONGEST + 1);
    cr_expect(!readable(r, SILENT_MS));
    talk_again(r, d);
    close_now(d);
    close_now(r);
}

/* Sending to one who is gone is an error that can be counted, not a silent loss. */
Test(socket, router_to_nobody)
{
    void *r = router();

    cr_expect_lt(zmq_send(r, "nobody", 6, ZMQ_SNDMORE | ZMQ_DONTWAIT), 0);
    cr_expect_eq(zmq_errno(), EHOSTUNREACH);
    close_now(r);
}

/* A DEALER that is cut off does not save up a flood for later. */
Test(socket, dealer_to_nobody)
{
    void *d = net_dealer(ctx, endpoint, NULL, NULL, LONGEST, &e);
    int sent = 0;

    while (sent < 10000 && zmq_send(d, "x", 1, ZMQ_DONTWAIT) == 1)
        sent++;
    cr_expect(zmq_errno() == EAGAIN && sent <= 64, "%d messages", sent);
    close_now(d);
}
