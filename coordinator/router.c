/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "router.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "shell.h"
#include "zap.h"

#define RECEIVE_BATCH 64
#define SEND_BATCH    256
#define EXPIRE_MS     1000
#define POLL_MS       500
#define CLIENT_MODE   0600
#define ENDPOINT_TEXT 256
#define MONITOR_ENDS                                                              \
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
/* The sockets take somewhat more than the limit, so that what is too large can still be answered;
 * far more costs the sender its connection. */
#define NODE_SOCKET_BYTES   (2 * (int64_t)LIMIT_NODE_MESSAGE_BYTES)
#define CLIENT_SOCKET_BYTES (4 * (int64_t)LIMIT_CLIENT_MESSAGE_BYTES)

struct router {
    struct router_options o;
    pthread_t thread;
    bool started;
    void *sockets[SOCKET_COUNT], *monitors[SOCKET_COUNT], *zap;
    struct peers *peers[SOCKET_COUNT];
    char endpoints[SOCKET_COUNT][ENDPOINT_TEXT];
    atomic_bool paused;
    mono_ms now, expired;
    uint64_t handshakes_failed; /* not told to the core yet */
    uint64_t untold_drops;      /* of connections that are forgotten */
    uint64_t unsent;            /* answers that nobody was there to take */
};

/* ---- set-up ------------------------------------------------------------------------------- */

static void *open_monitor(struct router *r, unsigned i, struct err *e)
{
    char endpoint[48];
    int linger = 0;
    void *s = zmq_socket(r->o.ctx, ZMQ_PAIR);

    snprintf(endpoint, sizeof endpoint, "inproc://monitor-%u-%p", i, (void *)r);
    if (s == NULL || zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_socket_monitor(r->sockets[i], endpoint, MONITOR_ENDS) != 0 ||
        zmq_connect(s, endpoint) != 0) {
        err_set(e, -zmq_errno(), "a socket cannot be monitored: %s", zmq_strerror(zmq_errno()));
        if (s != NULL)
            zmq_close(s);
        return NULL;
    }
    return s;
}

static struct peer_limits limits_of(const struct config *c, unsigned socket)
{
    struct peer_limits l = {
        .messages_per_s = (uint64_t)c->peer_messages_per_s,
        .messages_burst = (uint64_t)c->peer_messages_burst,
        .bytes_per_s = (uint64_t)c->peer_bytes_per_s,
        .bytes_burst = (uint64_t)c->peer_bytes_burst,
        .queued = LIMIT_PEER_QUEUED,
    };

    if (socket == SOCKET_NODES)
        return l;
    l.messages_per_s *= CLIENT_RATE_FACTOR;
    l.messages_burst *= CLIENT_RATE_FACTOR;
    l.queued = LIMIT_CLIENT_QUEUED;
    if (socket ==
        SOCKET_LOCAL) /* the operator's own machine: what waits is limited, rates are not */
        l.messages_per_s = l.bytes_per_s = 0;
    return l;
}

static int open_socket(struct router *r, unsigned i, const char *endpoint, const char *domain,
                       int64_t bytes, struct err *e)
{
    size_t n = sizeof r->endpoints[i];
    struct peer_limits l = limits_of(r->o.config, i);

    if (endpoint[0] == '\0')
        return 0;
    r->sockets[i] = net_router(r->o.ctx, endpoint, r->o.key, domain, bytes, CLIENT_MODE, e);
    if (r->sockets[i] == NULL)
        return -EADDRINUSE;
    if (zmq_getsockopt(r->sockets[i], ZMQ_LAST_ENDPOINT, r->endpoints[i], &n) != 0)
        snprintf(r->endpoints[i], sizeof r->endpoints[i], "%s", endpoint);
    r->monitors[i] = open_monitor(r, i, e);
    if (r->monitors[i] == NULL)
        return -EIO;
    r->peers[i] = peers_new(r->o.hash_seed, &l);
    if (r->peers[i] == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    return 0;
}

static void close_sockets(struct router *r)
{
    for (unsigned i = 0; i < SOCKET_COUNT; i++) {
        if (r->monitors[i] != NULL) {
            zmq_socket_monitor(r->sockets[i], NULL, 0);
            zmq_close(r->monitors[i]);
        }
        if (r->sockets[i] != NULL)
            zmq_close(r->sockets[i]);
        r->monitors[i] = r->sockets[i] = NULL;
    }
    if (r->zap != NULL)
        zmq_close(r->zap);
    r->zap = NULL;
}

struct router *router_new(const struct router_options *o, struct err *e)
{
    const struct config *c = o->config;
    struct router *r = calloc(1, sizeof *r);

    if (r == NULL) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    r->o = *o;
    atomic_init(&r->paused, false);
    r->zap = zap_open(o->ctx, e);
    if (r->zap == NULL ||
        open_socket(r, SOCKET_NODES, c->node_listen, ZAP_DOMAIN_CURVE, NODE_SOCKET_BYTES, e) < 0 ||
        open_socket(r, SOCKET_LOCAL, c->client_ipc, ZAP_DOMAIN_LOCAL, CLIENT_SOCKET_BYTES, e) < 0 ||
        open_socket(r, SOCKET_REMOTE, c->client_listen, ZAP_DOMAIN_CURVE, CLIENT_SOCKET_BYTES, e) <
            0) {
        router_free(r);
        return NULL;
    }
    return r;
}

void router_free(struct router *r)
{
    if (r == NULL)
        return;
    close_sockets(r);
    for (unsigned i = 0; i < SOCKET_COUNT; i++)
        peers_free(r->peers[i]);
    free(r);
}

const char *router_endpoint(const struct router *r, unsigned socket)
{
    return r->endpoints[socket];
}

/* ---- drops ----------------------------------------------------------------------------------- */

/* Tells the core of `count` dropped messages. False: its queue is full, tell it later. */
static bool tell_core(struct router *r, const struct route *route, const pubkey *key,
                      enum refuse_reason reason, uint64_t count, bool answer, const char *text)
{
    static const struct route nowhere;
    struct work *w = work_new(WORK_BAD, route != NULL ? route : &nowhere);

    if (w == NULL)
        return false;
    if (key != NULL)
        w->key = *key;
    w->bad.reason = reason;
    w->bad.count = count;
    w->bad.answer = answer;
    snprintf(w->bad.text, sizeof w->bad.text, "%s", text);
    if (queue_push(r->o.core, &w->node))
        return true;
    work_free(w);
    return false;
}

static void send_post(struct router *r, struct post *p);

/* A message of a known connection is dropped: counted now or within a second, answered at most once
 * a second. */
static void drop(struct router *r, struct peer *peer, const struct route *route, const pubkey *key,
                 enum refuse_reason reason, const char *text)
{
    uint64_t count = peer_drop(peer, r->now);
    bool node = route->socket == SOCKET_NODES;

    if (count == 0)
        return;
    if (!tell_core(r, route, key, reason, count, node, text))
        r->untold_drops += count;
    if (!node)
        send_post(r, post_reply(route, NULL, 0, REPLY_REFUSED, text));
}

static void tell_counts(struct router *r)
{
    if (r->handshakes_failed > 0 && tell_core(r, NULL, NULL, REFUSE_MALFORMED, r->handshakes_failed,
                                              false, "a connection could not prove a key"))
        r->handshakes_failed = 0;
    if (r->untold_drops > 0 && tell_core(r, NULL, NULL, REFUSE_FLOOD, r->untold_drops, false,
                                         "messages over the rate of their connection"))
        r->untold_drops = 0;
}

/* ---- in ------------------------------------------------------------------------------------ */

static struct peer *find_peer(struct router *r, const struct route *route, const pubkey *key)
{
    uint8_t id[1 + sizeof key->b];

    /* By key where there is one, so that more connections give no more rights. */
    id[0] = route->socket;
    if (route->socket != SOCKET_LOCAL) {
        memcpy(id + 1, key->b, sizeof key->b);
        return peers_get(r->peers[route->socket], id, sizeof id, r->now);
    }
    memcpy(id + 1, route->id, route->n);
    return peers_get(r->peers[route->socket], id, 1u + route->n, r->now);
}

static bool key_of(const struct route *route, zmq_msg_t *msg, pubkey *key)
{
    const char *user;

    *key = (pubkey){ 0 };
    if (route->socket == SOCKET_LOCAL)
        return true;
    user = zmq_msg_gets(msg, "User-Id");
    return user != NULL && key_parse(user, key);
}

/* Hands a message to its decoder. `refuse` != 0: decoded for its correlation alone, then refused.
 */
static void submit(struct router *r, struct peer *peer, const struct route *route,
                   const pubkey *key, zmq_msg_t *msg, enum refuse_reason refuse, const char *text)
{
    struct work *w = work_new(WORK_RAW, route);

    if (w == NULL) {
        drop(r, peer, route, key, REFUSE_BUSY, "the coordinator is out of memory; try again");
        return;
    }
    w->key = *key;
    w->peer = peer;
    w->bad.reason = refuse;
    snprintf(w->bad.text, sizeof w->bad.text, "%s", text);
    ticket_take(&w->ticket, r->o.budget, peer, zmq_msg_size(msg));
    zmq_msg_init(&w->raw);
    zmq_msg_move(&w->raw, msg);
    w->has_raw = true;
    if (decoders_submit(r->o.decoders, w))
        return;
    work_free(w);
    drop(r, peer, route, key, REFUSE_BUSY, "too much is waiting in the coordinator; try again");
}

static void admit(struct router *r, const struct route *route, zmq_msg_t *msg, unsigned frames)
{
    bool node = route->socket == SOCKET_NODES;
    size_t n = zmq_msg_size(msg),
           limit = node ? LIMIT_NODE_MESSAGE_BYTES : LIMIT_CLIENT_MESSAGE_BYTES;
    enum refuse_reason refuse = 0;
    const char *text = "";
    enum peer_verdict v;
    struct peer *peer;
    pubkey key;

    peer = key_of(route, msg, &key) ? find_peer(r, route, &key) : NULL;
    if (peer == NULL) {
        r->untold_drops++;
        return;
    }
    v = peers_take(r->peers[route->socket], peer, n, r->now);
    if (v == PEER_OK && frames == 1 && n <= limit) {
        submit(r, peer, route, &key, msg, 0, "");
        return;
    }
    if (v == PEER_FLOOD) {
        refuse = REFUSE_FLOOD;
        text = "more messages or bytes than this connection may send in a second";
    } else if (v == PEER_BUSY) {
        refuse = REFUSE_FLOOD;
        text = "too many messages of this connection are waiting already";
    } else if (frames != 1) {
        refuse = REFUSE_MALFORMED;
        text = "a message has exactly one frame";
    } else {
        refuse = REFUSE_TOO_LARGE;
        text = node ? "a message of a node may have 4 MiB" : "a request may have 64 KiB";
    }
    /* A client waits for the answer with its request's number. */
    if (!node && v != PEER_FLOOD && frames == 1)
        submit(r, peer, route, &key, msg, refuse, text);
    else
        drop(r, peer, route, &key, refuse, text);
}

/* One whole message: *msg is its first frame after the routing id. Returns the number of frames
 * after the id, or -EAGAIN. */
static int receive_message(void *s, struct route *route, bool *route_ok, zmq_msg_t *msg)
{
    uint8_t id[256];
    int frames = 0, n = zmq_recv(s, id, sizeof id, ZMQ_DONTWAIT), more = 0;
    size_t size = sizeof more;

    if (n < 0)
        return -zmq_errno();
    *route_ok = n > 0 && (size_t)n <= sizeof route->id;
    if (*route_ok) {
        route->n = (uint8_t)n;
        memcpy(route->id, id, (size_t)n);
    }
    zmq_getsockopt(s, ZMQ_RCVMORE, &more, &size);
    while (more) {
        zmq_msg_t rest;

        if (frames == 0 && zmq_msg_recv(msg, s, ZMQ_DONTWAIT) < 0)
            break;
        if (frames > 0) {
            zmq_msg_init(&rest);
            if (zmq_msg_recv(&rest, s, ZMQ_DONTWAIT) < 0)
                break; /* an initialised empty message holds nothing */
            zmq_msg_close(&rest);
        }
        frames++;
        zmq_getsockopt(s, ZMQ_RCVMORE, &more, &size);
    }
    return frames;
}

static bool stalled(struct router *r, unsigned socket)
{
    unsigned share = socket == SOCKET_NODES ? 3 : 4;

    if (!budget_full(r->o.budget, share))
        return false;
    /* Whoever makes room from now on wakes us; and who did just before is seen here. */
    atomic_store(&r->o.budget->stalled, true);
    return budget_full(r->o.budget, share);
}

static void receive(struct router *r, unsigned socket)
{
    for (int i = 0; i < RECEIVE_BATCH && !stalled(r, socket); i++) {
        struct route route = { .socket = (uint8_t)socket };
        bool route_ok = false;
        zmq_msg_t msg;
        int frames;

        zmq_msg_init(&msg);
        frames = receive_message(r->sockets[socket], &route, &route_ok, &msg);
        if (frames >= 0 && route_ok)
            admit(r, &route, &msg, (unsigned)frames);
        else if (frames >= 0)
            r->untold_drops++;
        zmq_msg_close(&msg);
        if (frames < 0)
            break;
    }
}

/* ---- out ----------------------------------------------------------------------------------- */

static void free_data(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* Takes the post. One who has gone, or does not read, loses it. */
static void send_post(struct router *r, struct post *p)
{
    void *s;
    zmq_msg_t msg;

    if (p == NULL)
        return;
    s = r->sockets[p->route.socket];
    if (s == NULL || zmq_send(s, p->route.id, p->route.n, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        r->unsent++;
    } else if (zmq_msg_init_data(&msg, p->data, p->n, free_data, NULL) == 0) {
        p->data = NULL;
        if (zmq_msg_send(&msg, s, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&msg);
            r->unsent++;
        }
    } else {
        /* The id frame is out: the message must be completed, with what we have. */
        zmq_send(s, "", 0, ZMQ_DONTWAIT);
        r->unsent++;
    }
    post_free(p);
}

static void send_posts(struct router *r)
{
    struct queue_node *list;

    queue_take(r->o.out, SEND_BATCH, 0, &list);
    while (list != NULL) {
        struct queue_node *next = list->next;

        send_post(r, (struct post *)list);
        list = next;
    }
}

/* ---- the loop ------------------------------------------------------------------------------- */

/* Events of failed handshakes: two frames each, of which only the number counts. */
static void drain_monitor(struct router *r, unsigned i)
{
    uint8_t frame[256];
    int more = 0;
    size_t size = sizeof more;

    while (zmq_recv(r->monitors[i], frame, sizeof frame, ZMQ_DONTWAIT) >= 0) {
        if (zmq_getsockopt(r->monitors[i], ZMQ_RCVMORE, &more, &size) == 0 && !more)
            r->handshakes_failed++;
    }
}

static void on_budget(struct router *r, unsigned unused)
{
    uint64_t value;

    (void)unused;
    if (read(r->o.budget->fd, &value, sizeof value) < 0)
        assert(errno == EAGAIN);
    atomic_store(&r->o.budget->stalled, false);
}

static void on_zap(struct router *r, unsigned unused)
{
    (void)unused;
    zap_serve(r->zap); /* refusals come back as failed handshakes */
}

static void on_posts(struct router *r, unsigned unused)
{
    (void)unused;
    send_posts(r);
}

/* What the thread waits for, in the order in which it is served. */
struct source {
    void (*handle)(struct router *r, unsigned arg);
    unsigned arg;
};

static int collect_sources(struct router *r, zmq_pollitem_t *items, struct source *sources)
{
    int n = 0;

    items[n] = (zmq_pollitem_t){ .fd = queue_fd(r->o.out), .events = ZMQ_POLLIN };
    sources[n++] = (struct source){ on_posts, 0 };
    items[n] = (zmq_pollitem_t){ .fd = r->o.budget->fd, .events = ZMQ_POLLIN };
    sources[n++] = (struct source){ on_budget, 0 };
    items[n] = (zmq_pollitem_t){ .socket = r->zap, .events = ZMQ_POLLIN };
    sources[n++] = (struct source){ on_zap, 0 };
    for (unsigned i = 0; i < SOCKET_COUNT; i++) {
        if (r->sockets[i] == NULL)
            continue;
        items[n] = (zmq_pollitem_t){ .socket = r->monitors[i], .events = ZMQ_POLLIN };
        sources[n++] = (struct source){ drain_monitor, i };
        if (atomic_load(&r->paused) || stalled(r, i))
            continue;
        items[n] = (zmq_pollitem_t){ .socket = r->sockets[i], .events = ZMQ_POLLIN };
        sources[n++] = (struct source){ receive, i };
    }
    return n;
}

static void expire(struct router *r)
{
    if (mono_since(r->now, r->expired) < EXPIRE_MS)
        return;
    r->expired = r->now;
    for (unsigned i = 0; i < SOCKET_COUNT; i++) {
        if (r->peers[i] != NULL)
            r->untold_drops += peers_expire(r->peers[i], r->now);
    }
    if (r->unsent > 0)
        log_line(LOG_LEVEL_DEBUG, "%" PRIu64 " answers found nobody to take them", r->unsent);
    r->unsent = 0;
}

static void *run(void *arg)
{
    struct router *r = arg;

    while (!queue_ended(r->o.out)) {
        zmq_pollitem_t items[3 + 2 * SOCKET_COUNT];
        struct source sources[3 + 2 * SOCKET_COUNT];
        int n = collect_sources(r, items, sources);

        if (zmq_poll(items, n, POLL_MS) < 0 && zmq_errno() != EINTR)
            shell_die("waiting for messages failed: %s", zmq_strerror(zmq_errno()));
        r->now = clock_mono();
        for (int i = 0; i < n; i++) {
            if (items[i].revents != 0)
                sources[i].handle(r, sources[i].arg);
        }
        expire(r);
        tell_counts(r);
    }
    close_sockets(r);
    return NULL;
}

int router_start(struct router *r, struct err *e)
{
    int rc;

    r->now = r->expired = clock_mono();
    rc = pthread_create(&r->thread, NULL, run, r);
    if (rc != 0)
        return err_set(e, -rc, "a thread cannot be started: %s", strerror(rc));
    r->started = true;
    return 0;
}

void router_pause(struct router *r)
{
    uint64_t one = 1;

    atomic_store(&r->paused, true);
    if (write(r->o.budget->fd, &one, sizeof one) < 0)
        assert(errno == EAGAIN);
}

void router_stop(struct router *r)
{
    if (r->started)
        pthread_join(r->thread, NULL);
    else
        close_sockets(r);
    r->started = false;
}
