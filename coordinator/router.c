/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets: opening them, waiting for them, what goes out. What comes in is in router_in.c. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "router_internal.h"
#include "shell.h"
#include "zap.h"

#define SEND_BATCH       256
#define EXPIRE_MS        1000
#define POLL_MS          500
#define LISTENED_MOST_MS (POLL_MS + 100)
#define CLIENT_MODE      0600
#define CROWD_MS         100 /* at most so often is a crowd looked at */
#define SPARE_FILES      1024
#define MONITOR_EVENTS                                                            \
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED)
/* The sockets take somewhat more than the limit, so that what is too large can still be answered;
 * far more costs the sender its connection. */
#define NODE_SOCKET_BYTES   (2 * (int64_t)LIMIT_NODE_MESSAGE_BYTES)
#define CLIENT_SOCKET_BYTES (4 * (int64_t)LIMIT_CLIENT_MESSAGE_BYTES)

/* ---- set-up ------------------------------------------------------------------------------- */

static void *open_monitor(struct router *r, unsigned i, struct err *e)
{
    char endpoint[48];
    int linger = 0;
    void *s = zmq_socket(r->o.ctx, ZMQ_PAIR);

    snprintf(endpoint, sizeof endpoint, "inproc://monitor-%u-%p", i, (void *)r);
    if (s == NULL || zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_socket_monitor(r->sockets[i], endpoint, MONITOR_EVENTS) != 0 ||
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
        .each = { (uint64_t)c->peer_messages_per_s, (uint64_t)c->peer_messages_burst,
                  (uint64_t)c->peer_bytes_per_s, (uint64_t)c->peer_bytes_burst },
        .strangers = { STRANGER_MESSAGES_PER_S, STRANGER_MESSAGES_BURST, STRANGER_BYTES_PER_S,
                       STRANGER_BYTES_BURST },
        .queued = LIMIT_PEER_QUEUED,
    };

    if (socket == SOCKET_NODES)
        return l;
    l.each.messages_per_s *= CLIENT_RATE_FACTOR;
    l.each.messages_burst *= CLIENT_RATE_FACTOR;
    l.queued = LIMIT_CLIENT_QUEUED;
    /* The operator's own machine: what waits is limited, rates are not. */
    if (socket == SOCKET_LOCAL)
        l.each = l.strangers = (struct peer_rate){ 0 };
    return l;
}

/* As configured, with the port that port 0 has become. */
static void name_endpoint(struct router *r, unsigned i, const char *endpoint)
{
    char bound[ENDPOINT_TEXT];
    size_t n = sizeof bound;
    const char *port = strrchr(endpoint, ':');

    if (strcmp(port, ":0") == 0 && zmq_getsockopt(r->sockets[i], ZMQ_LAST_ENDPOINT, bound, &n) == 0)
        snprintf(r->endpoints[i], sizeof r->endpoints[i], "%.*s%s", (int)(port - endpoint),
                 endpoint, strrchr(bound, ':'));
    else
        snprintf(r->endpoints[i], sizeof r->endpoints[i], "%s", endpoint);
}

static const char *local_path(const struct router *r)
{
    return r->o.config->client_ipc + strlen("ipc://");
}

static int open_socket(struct router *r, unsigned i, const char *endpoint, const char *domain,
                       int64_t bytes, struct err *e)
{
    struct peer_limits l = limits_of(r->o.config, i);

    if (endpoint[0] == '\0')
        return 0;
    r->sockets[i] = net_router(r->o.ctx, endpoint, r->o.key, domain, bytes, CLIENT_MODE, e);
    if (r->sockets[i] == NULL && zmq_errno() == EADDRINUSE && i != SOCKET_LOCAL)
        return err_set(e, -EADDRINUSE,
                       "another program listens on %s already: end it, or choose another port",
                       endpoint);
    if (r->sockets[i] == NULL)
        return -EIO;
    name_endpoint(r, i, endpoint);
    r->monitors[i] = open_monitor(r, i, e);
    if (r->monitors[i] == NULL)
        return -EIO;
    r->peers[i] = peers_new(r->o.hash_seed, &l, clock_mono());
    if (r->peers[i] == NULL)
        return err_set(e, -ENOMEM, "out of memory");
    if (i == SOCKET_LOCAL) { /* the operator's own machine */
        if (lstat(local_path(r), &r->local_file) != 0)
            r->local_file.st_ino = 0;
        return 0;
    }
    r->ids[i] = routing_ids_new(r->o.ctx, r->sockets[i], e);
    return r->ids[i] == NULL ? -EIO : 0;
}

/* libzmq leaves the file, and who connects to it would hear of a dead process rather than of none.
 * If another one has taken the path over, its file stays. */
static void remove_local_file(struct router *r)
{
    struct stat now;

    if (r->local_file.st_ino != 0 && lstat(local_path(r), &now) == 0 &&
        now.st_ino == r->local_file.st_ino && now.st_dev == r->local_file.st_dev)
        unlink(local_path(r)); /* fails where we may not: it is cleared at the next start */
    r->local_file.st_ino = 0;
}

static void close_sockets(struct router *r)
{
    remove_local_file(r);
    for (unsigned i = 0; i < SOCKET_COUNT; i++) {
        routing_ids_free(r->ids[i]);
        r->ids[i] = NULL;
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

/* A quarter of the descriptors, or enough for all else, is left alone. */
static size_t connections_most(void)
{
    struct rlimit files;
    size_t most;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return SPARE_FILES;
    most = files.rlim_cur > INT_MAX ? INT_MAX : (size_t)files.rlim_cur;
    return most - (most / 4 < SPARE_FILES ? most / 4 : SPARE_FILES);
}

static struct conns *new_conns(void)
{
    struct conns_limits l = { .each = LIMIT_CONN_HELD_BYTES,
                              .all = LIMIT_HELD_BYTES,
                              .most = connections_most(),
                              .silent_few = LIMIT_SILENT_FREE,
                              .silent_ms = LIMIT_SILENT_MS };

    return conns_new(&l);
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
    r->conns = new_conns();
    if (r->conns == NULL) {
        err_set(e, -ENOMEM, "out of memory");
        router_free(r);
        return NULL;
    }
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
    conns_free(r->conns);
    free(r);
}

const char *router_endpoint(const struct router *r, unsigned socket)
{
    return r->endpoints[socket];
}

/* ---- out ----------------------------------------------------------------------------------- */

/* From ZeroMQ's threads. */
static void free_sent(void *data, void *hint)
{
    (void)data;
    post_free(hint);
}

void router_send(struct router *r, struct post *p)
{
    zmq_msg_t msg;
    void *s;

    if (p == NULL)
        return;
    s = r->sockets[p->route.socket];
    if (s == NULL || !ticket_answer(&p->ticket, p->n) ||
        zmq_send(s, p->route.id, p->route.n, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        r->unsent++;
        post_free(p);
    } else if (zmq_msg_init_data(&msg, p->data, p->n, free_sent, p) != 0) {
        /* The id frame is out: the message must be completed, with what we have. */
        zmq_send(s, "", 0, ZMQ_DONTWAIT);
        r->unsent++;
        post_free(p);
    } else if (zmq_msg_send(&msg, s, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&msg); /* frees the post */
        r->unsent++;
    }
}

static void send_posts(struct router *r)
{
    struct queue_node *list;

    queue_take(r->o.out, SEND_BATCH, 0, &list);
    while (list != NULL) {
        struct queue_node *next = list->next;

        router_send(r, (struct post *)list);
        list = next;
    }
}

/* ---- the loop ------------------------------------------------------------------------------- */

static bool is_reading(struct router *r)
{
    for (unsigned i = 0; i < SOCKET_COUNT; i++) {
        if (r->sockets[i] != NULL && (atomic_load(&r->paused) || router_stalled(r, i)))
            return false;
    }
    return true;
}

static void check_conns(struct router *r)
{
    static const char *const why[CONNS_CUTS] = {
        [CONNS_ENDLESS] = "a connection sent a message without end, and was closed",
        [CONNS_CROWDED] = "there were too many connections, and one that had not been accepted "
                          "yet was closed",
    };
    static const enum refuse_reason reason[CONNS_CUTS] = {
        [CONNS_ENDLESS] = REFUSE_TOO_LARGE, [CONNS_CROWDED] = REFUSE_FLOOD
    };
    unsigned cuts[CONNS_CUTS] = { 0 };

    r->conns_checked = r->now;

    conns_check(r->conns, r->now, is_reading(r), cuts);
    if (cuts[CONNS_SILENT] > 0) /* no message, so none that was refused */
        log_line(LOG_LEVEL_DEBUG, "%u connections that sent nothing were closed",
                 cuts[CONNS_SILENT]);
    for (unsigned i = 0; i < CONNS_CUTS; i++) {
        for (; why[i] != NULL && cuts[i] > 0; cuts[i]--)
            router_count(r, NULL, reason[i], why[i]);
    }
}

/* What a monitor's first frame holds; the second is the endpoint. */
static void on_event(struct router *r, unsigned i, const uint8_t *frame, size_t n)
{
    uint16_t event;
    uint32_t value;

    if (n < sizeof event + sizeof value)
        return;
    memcpy(&event, frame, sizeof event);
    memcpy(&value, frame + sizeof event, sizeof value);
    if (event != ZMQ_EVENT_ACCEPTED && event != ZMQ_EVENT_DISCONNECTED)
        router_count(r, NULL, REFUSE_MALFORMED, "a connection could not prove a key");
    else if (i == SOCKET_LOCAL)
        return;
    else if (event == ZMQ_EVENT_ACCEPTED)
        conns_opened(r->conns, i, (int)value, r->now);
    else
        conns_closed(r->conns, i, (int)value);
}

static void drain_monitor(struct router *r, unsigned i)
{
    uint8_t frame[16];
    int more = 0, n;
    size_t size = sizeof more;

    while ((n = zmq_recv(r->monitors[i], frame, sizeof frame, ZMQ_DONTWAIT)) >= 0) {
        if (zmq_getsockopt(r->monitors[i], ZMQ_RCVMORE, &more, &size) == 0 && more)
            on_event(r, i, frame, (size_t)n);
    }
    if (conns_crowded(r->conns) && mono_since(r->now, r->conns_checked) >= CROWD_MS)
        check_conns(r);
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

static int collect_sources(struct router *r, zmq_pollitem_t *items, struct source *sources,
                           bool *listening)
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
        if (atomic_load(&r->paused) || router_stalled(r, i))
            continue;
        *listening = *listening || i == SOCKET_NODES;
        items[n] = (zmq_pollitem_t){ .socket = r->sockets[i], .events = ZMQ_POLLIN };
        sources[n++] = (struct source){ router_receive, i };
    }
    return n;
}

static void expire(struct router *r)
{
    if (mono_since(r->now, r->expired) < EXPIRE_MS)
        return;
    r->expired = r->now;
    check_conns(r);
    router_tell(r);
    for (unsigned i = 0; i < SOCKET_COUNT; i++) {
        if (r->peers[i] != NULL)
            peers_expire(r->peers[i], r->now);
    }
    if (r->unsent > 0)
        log_line(LOG_LEVEL_DEBUG, "%" PRIu64 " answers found nobody to take them", r->unsent);
    r->unsent = 0;
}

/* The time of a round counts as listened when all that had come was taken. A round takes no longer
 * than the poll and a little: if it did, this process was stopped, and what has come meanwhile may
 * still be in the kernel, so no more than the little counts. */
static void count_round(struct router *r)
{
    mono_ms now = clock_mono();
    int64_t ms = mono_since(now, r->round);

    if (r->drained && ms > 0)
        atomic_fetch_add(&r->o.budget->listened, ms < LISTENED_MOST_MS ? ms : LISTENED_MOST_MS);
    r->round = now;
}

static void *run(void *arg)
{
    struct router *r = arg;

    while (!queue_ended(r->o.out)) {
        zmq_pollitem_t items[3 + 2 * SOCKET_COUNT];
        struct source sources[3 + 2 * SOCKET_COUNT];
        int n;

        r->drained = false;
        n = collect_sources(r, items, sources, &r->drained);

        if (zmq_poll(items, n, POLL_MS) < 0 && zmq_errno() != EINTR)
            shell_die("waiting for messages failed: %s", zmq_strerror(zmq_errno()));
        r->now = clock_mono();
        for (int i = 0; i < n; i++) {
            if (items[i].revents != 0)
                sources[i].handle(r, sources[i].arg);
        }
        count_round(r);
        expire(r);
    }
    close_sockets(r);
    return NULL;
}

int router_start(struct router *r, struct err *e)
{
    int rc;

    r->now = r->expired = r->round = r->conns_checked = clock_mono();
    rc = shell_thread(&r->thread, "router", run, r, e);
    r->started = rc == 0;
    return rc;
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
