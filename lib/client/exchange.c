/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests and their replies: correlation, time limits, and what to say when there is no reply. */
#include "internal.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/codec.h"

/* Memory that one decoded reply may take. */
#define LIMIT_REPLY_ARENA_BYTES ((size_t)8 * LIMIT_REPLY_BYTES)

/* Requests that may be sent again when the connection broke before their answer came. */
static const bool repeatable[] = {
    [OP_HELLO] = true,         [OP_STATUS] = true,        [OP_NODE_LIST] = true,
    [OP_NODE_SHOW] = true,     [OP_SNAPSHOT] = true,      [OP_CHANGES] = true,
    [OP_RESOURCE_LIST] = true, [OP_RESOURCE_SHOW] = true, [OP_EXPLAIN] = true,
    [OP_NETWORK_LIST] = true,  [OP_EVENTS] = true,        [OP_WATCH] = true,
    [OP_TOKEN_LIST] = true,    [OP_CLIENT_ENROL] = true,  [OP_BACKUP_READ] = true,
    [OP_IMPACT] = true,        [OP_CLIENT_LIST] = true,   [OP_FS_LIST] = true,
    [OP_TASK_LIST] = true,     [OP_TASK_SHOW] = true,     [OP_LEASE_LIST] = true,
    [OP_HOLD_LIST] = true,     [OP_IMAGE_LIST] = true,    [OP_VG_LIST] = true,
    [OP_PLACE] = true,
};

int exchange_broken(struct muster_client *c, int rc)
{
    conn_close(&c->conn);
    return client_fail(c, MUSTER_E_UNREACHABLE, "the connection to %s failed: %s", c->endpoint,
                       zmq_strerror(-rc));
}

/* Waiting cannot help where the file permissions of the socket are against us. */
static int check_permission(struct muster_client *c)
{
    const char *path = c->endpoint + strlen("ipc://");

    if (client_is_tcp(c) || access(path, R_OK | W_OK) == 0 || errno != EACCES)
        return 0;
    return client_fail(c, MUSTER_E_UNREACHABLE,
                       "this user may not use the coordinator's socket %s; only its owner may",
                       path);
}

/* Why the host of a TCP endpoint, checked before, has no address; NULL: it has one. */
static const char *no_address(const char *host, char *name, size_t n)
{
    const struct addrinfo wanted = { .ai_socktype = SOCK_STREAM };
    size_t length = (size_t)(strrchr(host, ':') - host);
    struct addrinfo *found = NULL;
    int rc;

    if (*host == '[')
        return NULL;
    snprintf(name, n, "%.*s", (int)length, host);
    rc = getaddrinfo(name, NULL, &wanted, &found);
    if (rc != 0)
        return gai_strerror(rc);
    freeaddrinfo(found);
    return NULL;
}

static int never_up(struct muster_client *c)
{
    const char *path = c->endpoint + strlen("ipc://"), *why;
    char host[256];

    if (c->conn.broke)
        return client_fail(c, MUSTER_E_UNREACHABLE,
                           client_is_tcp(c)
                               ? "what listens on %s is not the coordinator that the key names"
                               : "what listens on %s is not a coordinator",
                           c->endpoint);
    if (c->conn.state == CONN_HANDSHAKE)
        return client_fail(c, MUSTER_E_UNREACHABLE,
                           "the coordinator at %s does not answer: it is stopped or overloaded, "
                           "or another program listens there",
                           c->endpoint);
    why = client_is_tcp(c) ? no_address(c->endpoint + strlen("tcp://"), host, sizeof host) : NULL;
    if (why != NULL)
        return client_fail(c, MUSTER_E_UNREACHABLE, "the host %s of %s cannot be found: %s", host,
                           c->endpoint, why);
    if (!client_is_tcp(c) && access(path, F_OK) != 0)
        return client_fail(c, MUSTER_E_UNREACHABLE,
                           "the coordinator cannot be reached: there is no socket %s", path);
    return client_fail(c, MUSTER_E_UNREACHABLE,
                       "the coordinator cannot be reached: nothing listens on %s", c->endpoint);
}

/* An answer that nobody waits for. That to a watch which no wait has seen is asked for again. */
static void put_away(struct muster_client *c, struct muster_reply *r)
{
    if (r->reply->correlation == c->watch_correlation)
        c->watch_ups = 0;
    muster_reply_free(r);
}

static int take_early(struct muster_client *c)
{
    struct muster_reply early;
    int rc = exchange_take(c, &early);

    if (rc == 0)
        put_away(c, &early);
    return c->conn.socket == NULL ? rc : 0;
}

int exchange_ready(struct muster_client *c, mono_ms until)
{
    mono_ms absent = { clock_mono().v + c->connect_ms }, last = until;
    int rc = check_permission(c);

    if (c->conn.ups == 0 && absent.v < until.v)
        until = absent;
    if (rc != 0)
        return rc;
    if (c->conn.socket == NULL &&
        conn_open(&c->conn, c->endpoint, &c->own, &c->server, &c->err) < 0)
        return MUSTER_E_LOCAL;
    for (;;) {
        bool up = c->conn.state == CONN_UP;

        /* Also when it is up: it may have broken since the last call, and what is sent then would
         * wait for the next coordinator. */
        rc = conn_wait(&c->conn, up ? clock_mono() : until);
        if (rc == -ETIMEDOUT && c->conn.state == CONN_HANDSHAKE && until.v < last.v) {
            until = last; /* somebody is there, and busy: that is worth all the time there is */
            continue;
        }
        if (rc == -ETIMEDOUT)
            return up ? 0 : never_up(c);
        if (rc < 0)
            return exchange_broken(c, rc);
        rc = rc == CONN_MESSAGE ? take_early(c) : 0;
        if (rc != 0)
            return rc;
    }
}

int exchange_send(struct muster_client *c, const struct request *req, uint64_t *correlation)
{
    struct request copy = *req;
    struct buf b = { 0 };
    int rc;

    REC_SET(&copy, request, version, PROTOCOL_VERSION);
    REC_SET(&copy, request, correlation, ++c->correlation);
    *correlation = c->correlation;
    rc = wire_encode(&request_desc, &copy, &b, &c->err);
    if (rc < 0) {
        rc = MUSTER_E_LOCAL;
    } else {
        rc = conn_send(&c->conn, &b);
        c->unanswered = c->unanswered || rc == 0;
        if (rc < 0)
            rc = exchange_broken(c, rc);
    }
    buf_deinit(&b);
    return rc;
}

static void keep_hint(struct muster_client *c, const struct reply *r)
{
    if (r->generation > c->hint_generation)
        c->hint_generation = r->generation;
    if (r->event_no > c->hint_event_no)
        c->hint_event_no = r->event_no;
}

/* Is it what a coordinator answers a node? */
static bool speaks_to_nodes(zmq_msg_t *m)
{
    struct arena *arena = arena_new(LIMIT_REPLY_ARENA_BYTES);
    struct envelope *envelope;
    struct err e;
    bool yes = arena != NULL &&
               wire_decode_envelope(zmq_msg_data(m), zmq_msg_size(m), arena, &envelope, &e) == 0;

    arena_free(arena);
    return yes;
}

static int decode(struct muster_client *c, zmq_msg_t *m, struct muster_reply *out)
{
    void *rec;
    int rc;
    struct err e = { "" };

    out->arena = arena_new(LIMIT_REPLY_ARENA_BYTES);
    rc = out->arena == NULL
             ? err_set(&e, -ENOMEM, "out of memory")
             : wire_decode(&reply_desc, zmq_msg_data(m), zmq_msg_size(m), out->arena, &rec, &e);
    if (rc == 0) {
        out->reply = rec;
        return 0;
    }
    muster_reply_free(out);
    if (rc == -ENOMEM)
        return client_fail(c, MUSTER_E_LOCAL, "the answer of %s is too large for this machine",
                           c->endpoint);
    if (speaks_to_nodes(m))
        return client_fail(c, MUSTER_E_UNREACHABLE,
                           "%s is the coordinator's port for nodes (node_listen); clients have a "
                           "port of their own (client_listen)",
                           c->endpoint);
    return client_fail(c, MUSTER_E_UNREACHABLE, "what %s answers cannot be understood: %s",
                       c->endpoint, e.text);
}

int exchange_take(struct muster_client *c, struct muster_reply *out)
{
    zmq_msg_t m;
    int rc;

    *out = (struct muster_reply){ NULL, NULL };
    zmq_msg_init(&m);
    rc = conn_receive(&c->conn, &m);
    if (rc == -EAGAIN) {
        rc = EXCHANGE_NOTHING;
    } else if (rc == -EBADMSG) {
        rc = client_fail(c, MUSTER_E_UNREACHABLE,
                         "what %s answers cannot be understood: it has more than one part",
                         c->endpoint);
    } else if (rc < 0) {
        rc = exchange_broken(c, rc);
    } else {
        rc = decode(c, &m, out);
        c->unanswered = false;
    }
    zmq_msg_close(&m);
    /* Without a correlation and without a fault it is a hint. With a fault it says that a message
     * of ours was dropped unread. */
    if (rc == 0 && out->reply->correlation == 0 && out->reply->code == REPLY_OK) {
        keep_hint(c, out->reply);
        muster_reply_free(out);
        rc = EXCHANGE_NOTHING;
    }
    return rc;
}

/* What to do when the connection changed its state while a reply is awaited. 0: go on. */
static int changed(struct muster_client *c, const struct request *req, uint64_t *ups,
                   uint64_t *correlation)
{
    bool again = req->op < ARRAY_LEN(repeatable) && repeatable[req->op];

    if (c->conn.state == CONN_UP && c->conn.ups == *ups)
        return 0;
    if (!again)
        return client_fail(c, MUSTER_E_UNREACHABLE,
                           "the connection to %s broke before the answer came; it is not known "
                           "whether the request was done",
                           c->endpoint);
    if (c->conn.state != CONN_UP)
        return 0; /* it comes up again by itself */
    *ups = c->conn.ups;
    return exchange_send(c, req, correlation);
}

static int timed_out(struct muster_client *c, const struct request *req)
{
    bool again = req->op < ARRAY_LEN(repeatable) && repeatable[req->op];
    char limit[24];

    if (c->conn.state != CONN_UP)
        return client_fail(c, MUSTER_E_UNREACHABLE,
                           "the connection to %s broke and did not come back within %s",
                           c->endpoint, duration_text(c->timeout_ms, limit));
    return client_fail(c, MUSTER_E_UNREACHABLE,
                       again ? "the coordinator at %s did not answer within %s"
                             : "the coordinator at %s did not answer within %s; it is not known "
                               "whether the request was done",
                       c->endpoint, duration_text(c->timeout_ms, limit));
}

static int await_reply(struct muster_client *c, const struct request *req, mono_ms until,
                       struct muster_reply *out)
{
    uint64_t correlation, ups = c->conn.ups;
    int rc = exchange_send(c, req, &correlation);

    while (rc == 0) {
        int got = conn_wait(&c->conn, until);

        if (got == -ETIMEDOUT)
            return timed_out(c, req);
        if (got < 0)
            return exchange_broken(c, got);
        if (got == CONN_STATE) {
            rc = changed(c, req, &ups, &correlation);
            continue;
        }
        rc = exchange_take(c, out);
        if (rc == EXCHANGE_NOTHING) {
            rc = 0;
        } else if (rc == 0) {
            uint64_t number = out->reply->correlation;

            if (number == correlation || number == 0)
                return 0;
            put_away(c, out);
        }
    }
    return rc;
}

int muster_call(struct muster_client *c, const struct request *req, struct muster_reply *out)
{
    mono_ms until = { clock_mono().v + c->timeout_ms };
    int rc;

    *out = (struct muster_reply){ NULL, NULL };
    c->err.text[0] = '\0';
    rc = exchange_ready(c, until);
    if (rc == 0)
        rc = await_reply(c, req, until, out);
    if (rc != 0) {
        /* What was given up must not be done later, nor its answer taken for another's. */
        muster_reply_free(out);
        conn_close(&c->conn);
        return rc;
    }
    if (out->reply->code == REPLY_OK)
        return 0;
    return client_fail(c, MUSTER_E_REPLY, "%s",
                       out->reply->text != NULL ? out->reply->text
                                                : "the coordinator refused without a reason");
}
