/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "base/limits.h"

/* Milliseconds. That a peer is dead is left to TCP: what it has not acknowledged for UNSENT_MOST
 * ends the connection, and so does silence that its keep-alive meets with (below). Not to ZMTP's
 * own heartbeat: libzmq 4.3 aborts when it decodes a ping of a peer that has gone while its input
 * was stopped at the high-water mark (stream_engine_base.cpp, out_event), as happens to a
 * coordinator whose disk is slow for so long that its peers give up. (It also keeps all timers of a
 * socket in one list that it walks at each message.) */
#define UNSENT_MOST       20000
#define HANDSHAKE_IVL     30000
#define RECONNECT_IVL     100
#define RECONNECT_IVL_MAX 5000
#define DEALER_LINGER_MS  500
/* Seconds of silence before the first probe, between probes, and how many go unanswered. */
#define KEEPALIVE_IDLE   15
#define KEEPALIVE_INTVL  5
#define KEEPALIVE_CNT    3
#define ROUTER_LINGER_MS 1000
/* Messages waiting for one peer. A DEALER that is cut off must not save up a flood for the moment
 * when it is connected again; a ROUTER that does not read passes its back pressure on to TCP. */
#define DEALER_HWM     64
#define ROUTER_SNDHWM  LIMIT_ANSWERS
#define ROUTER_RCVHWM  8
#define ROUTER_BACKLOG 1024

static bool set_int(void *s, int option, int value)
{
    return zmq_setsockopt(s, option, &value, sizeof value) == 0;
}

/* Closes `s` and returns NULL with errno as the failed call left it. */
static void *give_up(void *s, const char *what, struct err *e)
{
    int code = zmq_errno();

    err_set(e, -code, "%s: %s", what, zmq_strerror(code));
    if (s != NULL) {
        set_int(s, ZMQ_LINGER, 0);
        zmq_close(s);
    }
    errno = code;
    return NULL;
}

void *net_socket(void *ctx, int type, int64_t max_message_bytes, int linger_ms, struct err *e)
{
    void *s = zmq_socket(ctx, type);

    if (s == NULL)
        return give_up(NULL, "a socket cannot be made", e);
    if (!set_int(s, ZMQ_LINGER, linger_ms) || !set_int(s, ZMQ_IPV6, 1) ||
        !set_int(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_IVL) || !set_int(s, ZMQ_TCP_KEEPALIVE, 1) ||
        !set_int(s, ZMQ_TCP_MAXRT, UNSENT_MOST) ||
        !set_int(s, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE) ||
        !set_int(s, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTVL) ||
        !set_int(s, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_CNT) ||
        zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max_message_bytes, sizeof max_message_bytes) != 0)
        return give_up(s, "a socket cannot be set up", e);
    return s;
}

static bool is_tcp(const char *endpoint)
{
    return strncmp(endpoint, "tcp://", 6) == 0;
}

static bool curve_client(void *s, const struct keypair *own, const pubkey *server)
{
    return zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, server->b, sizeof server->b) == 0 &&
           zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, own->public_key.b, sizeof own->public_key.b) ==
               0 &&
           zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, own->secret, sizeof own->secret) == 0;
}

void *net_dealer_unconnected(void *ctx, const char *endpoint, const struct keypair *own,
                             const pubkey *server, int64_t max_message_bytes, struct err *e)
{
    void *s;

    if (net_endpoint_check(endpoint, e) < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (is_tcp(endpoint) && (own == NULL || server == NULL)) {
        err_set(e, -EINVAL, "%s needs keys: a tcp connection is always encrypted", endpoint);
        errno = EINVAL;
        return NULL;
    }
    s = net_socket(ctx, ZMQ_DEALER, max_message_bytes, DEALER_LINGER_MS, e);
    if (s == NULL)
        return NULL;
    if (!set_int(s, ZMQ_RECONNECT_IVL, RECONNECT_IVL) ||
        !set_int(s, ZMQ_RECONNECT_IVL_MAX, RECONNECT_IVL_MAX) ||
        !set_int(s, ZMQ_SNDHWM, DEALER_HWM) || !set_int(s, ZMQ_RCVHWM, DEALER_HWM))
        return give_up(s, "a socket cannot be set up", e);
    if (is_tcp(endpoint) && !curve_client(s, own, server))
        return give_up(s, "the keys of a connection cannot be set", e);
    return s;
}

void *net_dealer(void *ctx, const char *endpoint, const struct keypair *own, const pubkey *server,
                 int64_t max_message_bytes, struct err *e)
{
    void *s = net_dealer_unconnected(ctx, endpoint, own, server, max_message_bytes, e);
    char what[320];

    if (s == NULL)
        return NULL;
    if (zmq_connect(s, endpoint) != 0) {
        snprintf(what, sizeof what, "cannot connect to %s", endpoint);
        return give_up(s, what, e);
    }
    return s;
}

/* A socket file left by a dead process goes; that of a live one, or anything else, stays. */
static int clear_stale(const char *path, struct err *e)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct stat st;
    int fd, rc;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0
                               : err_set(e, -errno, "the socket %s cannot be examined: %s", path,
                                         strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, -EADDRINUSE,
                       "%s is there and is no socket; remove it or choose "
                       "another path",
                       path);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    /* Non-blocking: a live listener with a full backlog answers EAGAIN instead of holding us. */
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, -errno, "a socket cannot be made: %s", strerror(errno));
    rc = connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ? 0 : -errno;
    close(fd);
    if (rc == 0 || rc == -EAGAIN || rc == -EINPROGRESS)
        return err_set(e, -EADDRINUSE,
                       "another process listens on %s; end it or choose another "
                       "path",
                       path);
    if (rc == -ENOENT)
        return 0;
    if (rc != -ECONNREFUSED)
        return err_set(e, rc, "the socket %s cannot be examined: %s", path, strerror(-rc));
    if (unlink(path) != 0 && errno != ENOENT)
        return err_set(e, -errno, "the socket %s of a dead process cannot be removed: %s", path,
                       strerror(errno));
    return 0;
}

static bool bind_ipc(void *s, const char *endpoint, unsigned mode, struct err *e)
{
    const char *path = endpoint + strlen("ipc://");
    mode_t before;
    int rc, code;

    rc = clear_stale(path, e);
    if (rc < 0) {
        errno = -rc;
        return false;
    }
    /* The file is made by bind with all bits that the mask leaves: the mask, and not a later chmod
     * alone, so that there is no moment at which others could connect. */
    before = umask(0777 & ~(mode_t)mode);
    rc = zmq_bind(s, endpoint);
    code = zmq_errno();
    umask(before);
    if (rc == 0 && chmod(path, (mode_t)mode) != 0) {
        rc = -1;
        code = errno;
    }
    if (rc != 0) {
        err_set(e, -code, "cannot listen on %s: %s", endpoint, zmq_strerror(code));
        errno = code;
    }
    return rc == 0;
}

static bool bind_tcp(void *s, const char *endpoint, struct err *e)
{
    if (zmq_bind(s, endpoint) == 0)
        return true;
    err_set(e, -zmq_errno(), "cannot listen on %s: %s", endpoint, zmq_strerror(zmq_errno()));
    errno = zmq_errno();
    return false;
}

void *net_router(void *ctx, const char *endpoint, const struct keypair *own, const char *zap_domain,
                 int64_t max_message_bytes, unsigned mode, struct err *e)
{
    bool bound, tcp = is_tcp(endpoint);
    int code;
    void *s;

    if (net_endpoint_check(endpoint, e) < 0) {
        errno = EINVAL;
        return NULL;
    }
    s = net_socket(ctx, ZMQ_ROUTER, max_message_bytes, ROUTER_LINGER_MS, e);
    if (s == NULL)
        return NULL;
    /* Mandatory: sending to one who has left, or does not read, is an error that can be counted. */
    if (!set_int(s, ZMQ_ROUTER_MANDATORY, 1) || !set_int(s, ZMQ_SNDHWM, ROUTER_SNDHWM) ||
        !set_int(s, ZMQ_RCVHWM, ROUTER_RCVHWM) || !set_int(s, ZMQ_BACKLOG, ROUTER_BACKLOG) ||
        zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, zap_domain, strlen(zap_domain)) != 0)
        return give_up(s, "a socket cannot be set up", e);
    if (tcp && (!set_int(s, ZMQ_CURVE_SERVER, 1) ||
                zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, own->secret, sizeof own->secret) != 0))
        return give_up(s, "the key of a socket cannot be set", e);
    bound = tcp ? bind_tcp(s, endpoint, e) : bind_ipc(s, endpoint, mode ? mode : 0600, e);
    if (!bound) {
        code = errno;
        zmq_close(s);
        errno = code;
        return NULL;
    }
    return s;
}
