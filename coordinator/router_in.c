/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes in: who sent it, whether it may come in, and the account of what may not. */
#include <errno.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "router_internal.h"

#define RECEIVE_BATCH 64

/* ---- drops ----------------------------------------------------------------------------------- */

void router_count(struct router *r, const pubkey *key, enum refuse_reason reason, const char *text)
{
    static const pubkey nobody;

    r->untold[reason].count++;
    r->untold[reason].key = key != NULL ? *key : nobody;
    r->untold[reason].text = text;
}

/* Tells the core of all drops of one reason. With a route, the latest one is answered. When the
 * core's queue is full they are told later. */
static void tell_core(struct router *r, enum refuse_reason reason, const struct route *route)
{
    static const struct route nowhere;
    struct work *w = work_new(WORK_BAD, route != NULL ? route : &nowhere);

    if (w == NULL)
        return;
    w->listened.v = atomic_load(&r->o.budget->listened);
    w->key = r->untold[reason].key;
    w->bad.reason = reason;
    w->bad.count = r->untold[reason].count;
    w->bad.answer = route != NULL;
    snprintf(w->bad.text, sizeof w->bad.text, "%s", r->untold[reason].text);
    if (queue_push(r->o.core, &w->node))
        r->untold[reason].count = 0;
    else
        work_free(w);
}

/* Answers the latest drop of a reason and has it counted. */
static void answer_drop(struct router *r, const struct route *route, enum refuse_reason reason)
{
    bool node = route->socket == SOCKET_NODES;
    const char *text = r->untold[reason].text;

    tell_core(r, reason, node ? route : NULL);
    if (!node)
        router_send(r, post_reply(route, NULL, 0, work_reply_code(reason), text));
}

/* A message of a known connection that is too much: counted now or within a second, answered at
 * most once a second. */
static void drop(struct router *r, struct peer *peer, const struct route *route, const pubkey *key,
                 enum refuse_reason reason, const char *text)
{
    router_count(r, key, reason, text);
    if (peer_drop(peer, r->now))
        answer_drop(r, route, reason);
}

void router_tell(struct router *r)
{
    for (unsigned i = 0; i < REFUSE_REASONS; i++) {
        if (r->untold[i].count > 0)
            tell_core(r, i, NULL);
    }
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
    w->node.urgent = route->socket != SOCKET_NODES;
    w->listened.v = atomic_load(&r->o.budget->listened);
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

/* What is wrong with a message as it stands there; 0: nothing. */
static enum refuse_reason judge(enum peer_verdict v, bool node, unsigned frames, size_t n,
                                const char **text)
{
    switch (v) {
    case PEER_FLOOD:
        *text = "more messages or bytes than this connection may send in a second";
        return REFUSE_FLOOD;
    case PEER_STRANGER:
        *text = "more messages than those whose keys are not enrolled may send in a second";
        return REFUSE_FLOOD;
    case PEER_BUSY:
    case PEER_FULL:
        *text = "too many messages of this connection are waiting already";
        return REFUSE_FLOOD;
    case PEER_OK:
        break;
    }
    if (frames != 1) {
        *text = "a message has exactly one frame";
        return REFUSE_MALFORMED;
    }
    if (n > (node ? LIMIT_NODE_MESSAGE_BYTES : LIMIT_CLIENT_MESSAGE_BYTES)) {
        *text = node ? "a message of a node may have 4 MiB" : "a request may have 64 KiB";
        return REFUSE_TOO_LARGE;
    }
    *text = "";
    return 0;
}

static void admit(struct router *r, const struct route *route, zmq_msg_t *msg, unsigned frames)
{
    bool node = route->socket == SOCKET_NODES, readable;
    size_t n = zmq_msg_size(msg);
    enum refuse_reason refuse;
    enum peer_verdict v;
    struct peer *peer;
    const char *text;
    pubkey key;

    peer = key_of(route, msg, &key) ? find_peer(r, route, &key) : NULL;
    if (route->socket != SOCKET_LOCAL)
        conns_delivered(r->conns, zmq_msg_get(msg, ZMQ_SRCFD), peer != NULL && peer_accepted(peer));
    if (peer == NULL) {
        router_count(r, NULL, REFUSE_FLOOD, "there are more connections than can be kept apart");
        return;
    }
    v = peers_take(r->peers[route->socket], peer, n, r->now);
    refuse = judge(v, node, frames, n, &text);
    /* A client waits for the refusal with its request's number, so it is read for that. */
    readable = v == PEER_BUSY && frames == 1 && n <= LIMIT_CLIENT_MESSAGE_BYTES;
    if (refuse == 0 || (!node && readable))
        submit(r, peer, route, &key, msg, refuse, text);
    else if (v != PEER_OK)
        drop(r, peer, route, &key, refuse, text);
    else {
        router_count(r, &key, refuse, text);
        answer_drop(r, route, refuse);
    }
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

bool router_stalled(struct router *r, unsigned socket)
{
    unsigned share = socket == SOCKET_NODES ? 3 : 4;

    if (!budget_full(r->o.budget, share))
        return false;
    /* Whoever makes room from now on wakes us; and who did just before is seen here. */
    atomic_store(&r->o.budget->stalled, true);
    return budget_full(r->o.budget, share);
}

/* Who has made up a routing id of ZeroMQ's own kind is cut. True: the message was our own. */
static bool check_id(struct router *r, const struct route *route, zmq_msg_t *msg)
{
    struct routing_ids_forged forged[ROUTING_IDS_WAITING];
    int fd = zmq_msg_get(msg, ZMQ_SRCFD);
    struct routing_ids *ids = r->ids[route->socket];
    size_t count;

    if (ids == NULL)
        return false;
    if (!routing_ids_own(ids, route->id, route->n, fd, forged, &count)) {
        routing_ids_seen(ids, route->id, route->n, fd, r->now);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (conns_cut(r->conns, forged[i].fd, forged[i].at))
            router_count(r, NULL, REFUSE_MALFORMED,
                         "a connection chose a routing id of ZeroMQ's own kind, and was closed");
    }
    return true;
}

void router_receive(struct router *r, unsigned socket)
{
    bool empty = false;

    for (int i = 0; i < RECEIVE_BATCH && !router_stalled(r, socket); i++) {
        struct route route = { .socket = (uint8_t)socket };
        bool route_ok = false;
        zmq_msg_t msg;
        int frames;

        zmq_msg_init(&msg);
        frames = receive_message(r->sockets[socket], &route, &route_ok, &msg);
        if (frames >= 0 && route_ok && !check_id(r, &route, &msg))
            admit(r, &route, &msg, (unsigned)frames);
        else if (frames >= 0 && !route_ok)
            router_count(r, NULL, REFUSE_MALFORMED, "a routing id may have 14 bytes");
        zmq_msg_close(&msg);
        empty = frames < 0;
        if (empty)
            break;
    }
    if (socket == SOCKET_NODES)
        r->drained = r->drained && empty;
    if (r->ids[socket] != NULL)
        routing_ids_ask(r->ids[socket]);
}
