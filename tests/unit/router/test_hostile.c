/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peers that send what they should not, on real sockets: each message is dropped, counted, and
 * answered with a reason where there is someone to answer; the other nodes lose nothing. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "lab.h"
#include "net/net.h"

enum { GOOD = 4, BEAT_MS = 20, TIMES = 3, QUIET_MS = 1500 };

static struct peer_node *new_node(struct lab *l, unsigned number)
{
    struct peer_node *n = malloc(sizeof *n);

    node_init(n, l, number);
    return n;
}

static void end(struct peer_node *n)
{
    node_deinit(n);
    free(n);
}

static void expect_refusal(struct peer_node *n, enum refuse_reason reason, uint64_t correlation)
{
    enum refuse_reason got = node_refusal(n);

    if (got != reason || n->answer->correlation != correlation)
        fprintf(stderr, "refused for %d (%s), correlation %llu\n", (int)got,
                n->answer->refused->text, (unsigned long long)n->answer->correlation);
    assert(got == reason && n->answer->correlation == correlation);
}

/* ---- one message each ----------------------------------------------------------------------- */

static void unknown_key_may_only_enrol(struct lab *l)
{
    struct peer_node *n = new_node(l, 100);
    struct buf b = node_heartbeat(n);
    uint64_t before = lab_drops(l, "unknown-key", 0);

    node_raw(n, b.p, b.n);
    expect_refusal(n, REFUSE_UNKNOWN_KEY, n->seq);
    buf_deinit(&b);
    b = node_report(n, true);
    node_raw(n, b.p, b.n);
    expect_refusal(n, REFUSE_UNKNOWN_KEY, n->seq);
    buf_deinit(&b);
    assert(lab_drops(l, "unknown-key", before + 2) == before + 2);
    assert(node_enrol(n, "00000000000000000000000000000000") == ENROL_REJECTED);
    assert(node_enrol(n, NULL) == ENROL_PENDING);
    end(n);
}

static void malformed_and_truncated(struct lab *l, struct peer_node *n)
{
    uint64_t before = lab_drops(l, "malformed", 0), count = 0;
    struct buf b = node_report(n, true);

    for (size_t size = 0; size < b.n; size += 7, count++) {
        node_raw(n, b.p, size);
        expect_refusal(n, REFUSE_MALFORMED, 0);
    }
    memset(b.p, 0xff, b.n);
    node_raw(n, b.p, b.n);
    expect_refusal(n, REFUSE_MALFORMED, 0);
    buf_deinit(&b);
    assert(lab_drops(l, "malformed", before + count + 1) == before + count + 1);
    node_beat(n);
}

static void two_frames(struct lab *l, struct peer_node *n)
{
    struct buf b = node_heartbeat(n);
    uint64_t before = lab_drops(l, "malformed", 0);

    zmq_send(n->socket, b.p, b.n, ZMQ_SNDMORE);
    zmq_send(n->socket, b.p, b.n, 0);
    expect_refusal(n, REFUSE_MALFORMED, 0);
    buf_deinit(&b);
    assert(lab_drops(l, "malformed", before + 1) == before + 1);
    node_beat(n);
}

static void oversized(struct lab *l, struct peer_node *n)
{
    uint64_t before = lab_drops(l, "too-large", 0);
    uint8_t *big = calloc(1, LIMIT_NODE_MESSAGE_BYTES + 1);

    node_raw(n, big, LIMIT_NODE_MESSAGE_BYTES + 1);
    expect_refusal(n, REFUSE_TOO_LARGE, 0);
    free(big);
    assert(lab_drops(l, "too-large", before + 1) == before + 1);
    node_beat(n);
}

static void replayed(struct lab *l, struct peer_node *n)
{
    uint64_t before = lab_drops(l, "replay", 0);
    struct buf b = node_heartbeat(n);

    node_raw(n, b.p, b.n);
    assert(node_hear(n, LAB_LIMIT_MS) != NULL && n->answer->heartbeat_ack != NULL);
    node_raw(n, b.p, b.n);
    expect_refusal(n, REFUSE_REPLAY, n->seq);
    buf_deinit(&b);
    assert(lab_drops(l, "replay", before + 1) == before + 1);
    node_beat(n);
}

static void out_of_role(struct lab *l, struct peer_node *n)
{
    uint64_t before = lab_drops(l, "role", 0);
    struct refused refused = { 0 };
    struct envelope env = { 0 };

    REC_SET(&refused, refused, reason, REFUSE_MALFORMED);
    REC_SET(&env, envelope, refused, &refused);
    node_send(n, &env);
    expect_refusal(n, REFUSE_ROLE, n->seq);
    assert(lab_drops(l, "role", before + 1) == before + 1);
    node_beat(n);
}

static void with_anothers_identity(struct lab *l, struct peer_node *n, struct peer_node *other)
{
    uint64_t before = lab_drops(l, "identity", 0);
    uuid128 own = n->id;
    struct buf b;

    n->id = other->id;
    b = node_heartbeat(n);
    node_raw(n, b.p, b.n);
    expect_refusal(n, REFUSE_IDENTITY, n->seq);
    buf_deinit(&b);
    n->id = own;
    assert(lab_drops(l, "identity", before + 1) == before + 1);
    node_beat(n);
    node_beat(other);
}

/* A key that is not the coordinator's gets no connection; neither does who proves none. */
static void without_the_servers_key(struct lab *l)
{
    uint64_t before = lab_drops(l, "malformed", 0);
    pubkey right = l->status.server_key;
    struct peer_node *n;
    struct buf b;
    void *plain = zmq_socket(l->ctx, ZMQ_DEALER);

    l->status.server_key.b[0] ^= 1;
    n = new_node(l, 101);
    l->status.server_key = right;
    b = node_heartbeat(n);
    node_raw(n, b.p, b.n);
    assert(zmq_connect(plain, l->status.endpoints[SOCKET_NODES]) == 0);
    zmq_send(plain, b.p, b.n, 0);
    lab_drops(l, "malformed", before + 2);
    assert(node_hear(n, 0) == NULL);
    buf_deinit(&b);
    zmq_setsockopt(plain, ZMQ_LINGER, &(int){ 0 }, sizeof(int));
    zmq_close(plain);
    end(n);
}

/* Routing ids of ZeroMQ's own kind, that its counter has not come to, are cut before it does; it
 * may by chance have come to one of two. Those of the others, which it has given out, are not. */
static void with_a_routing_id_of_libzmqs_own_kind(struct lab *l, struct peer_node *good)
{
    static const uint8_t ids[2][5] = { { 0, 0x12, 0x34, 0x56, 0x78 },
                                       { 0, 0x92, 0x34, 0x56, 0x78 } };
    uint64_t before = lab_drops(l, "malformed", 0), strangers = lab_drops(l, "unknown-key", 0);
    struct peer_node n[2];

    for (unsigned i = 0; i < 2; i++) {
        struct buf b;

        node_init_as(&n[i], l, 102 + i, (struct bytes){ ids[i], sizeof ids[i] });
        b = node_heartbeat(&n[i]);
        node_raw(&n[i], b.p, b.n);
        buf_deinit(&b);
    }
    lab_drops(l, "unknown-key", strangers + 2);
    lab_drops(l, "malformed", before + 1);
    for (unsigned i = 0; i < 2; i++)
        node_deinit(&n[i]);
    node_beat(good);
    assert(lab_drops(l, "malformed", 0) <= before + 2);
}

/* The remote clients' socket: a node may not ask there, an observer may only ask. */
static void roles_of_clients(struct lab *l, struct peer_node *node)
{
    static const struct {
        enum client_op op;
        enum reply_code stranger, observer;
    } all[] = {
        { OP_STATUS, REPLY_FORBIDDEN, REPLY_OK },
        { OP_TOKEN_CREATE, REPLY_FORBIDDEN, REPLY_FORBIDDEN },
        { OP_BACKUP_BEGIN, REPLY_FORBIDDEN, REPLY_FORBIDDEN },
    };
    struct lab client = *l, as_node = *l;
    struct keypair key;
    struct request req = { 0 };
    char secret[33];
    struct told t;
    struct err e;

    keypair_new(&key);
    client.local = net_dealer(l->ctx, l->status.endpoints[SOCKET_REMOTE], &key,
                              &l->status.server_key, LIMIT_REPLY_BYTES, &e);
    as_node.local = net_dealer(l->ctx, l->status.endpoints[SOCKET_REMOTE], &node->key,
                               &l->status.server_key, LIMIT_REPLY_BYTES, &e);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert(lab_op(&client, all[i].op) == all[i].stranger);
    assert(lab_op(&as_node, OP_STATUS) == REPLY_FORBIDDEN);
    lab_token(l, "observer", secret);
    REC_SET(&req, request, op, OP_CLIENT_ENROL);
    REC_SET(&req, request, secret, secret);
    REC_SET(&req, request, name, "test");
    t = lab_ask(&client, &req);
    assert(t.reply->code == REPLY_OK);
    told_free(&t);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert(lab_op(&client, all[i].op) == all[i].observer);
    zmq_close(client.local);
    zmq_close(as_node.local);
}

static void expect_unreadable(struct lab *l, const void *p, size_t n, enum reply_code code)
{
    struct told t;

    assert(zmq_send(l->local, p, n, 0) >= 0);
    t = lab_hear(l);
    assert(t.reply->correlation == 0 && t.reply->code == code && t.reply->text != NULL);
    told_free(&t);
}

/* A client hears that a request was refused, and which one where that could be read. */
static void requests_that_are_none(struct lab *l)
{
    uint8_t *big = calloc(1, LIMIT_CLIENT_MESSAGE_BYTES + 1);
    uint64_t malformed = lab_drops(l, "malformed", 0), large = lab_drops(l, "too-large", 0);

    expect_unreadable(l, "\xff\xff", 2, REPLY_INVALID);
    expect_unreadable(l, "", 0, REPLY_INVALID);
    expect_unreadable(l, big, LIMIT_CLIENT_MESSAGE_BYTES + 1, REPLY_TOO_LARGE);
    assert(zmq_send(l->local, "a", 1, ZMQ_SNDMORE) >= 0);
    expect_unreadable(l, "b", 1, REPLY_INVALID);
    assert(lab_op(l, 9999) == REPLY_INVALID);
    assert(lab_op(l, OP_HELLO) == REPLY_OK);
    assert(lab_drops(l, "malformed", malformed + 3) == malformed + 3);
    assert(lab_drops(l, "too-large", large + 1) == large + 1);
    free(big);
}

/* ---- under load ----------------------------------------------------------------------------- */

enum flood { FLOOD_HEARTBEATS, FLOOD_GARBAGE, FLOOD_LARGE, FLOOD_STRANGERS, FLOOD_KINDS };

struct attacker {
    pthread_t thread;
    struct lab *lab;
    struct peer_node *node;
    enum flood kind;
    uint64_t sent;
};

static atomic_bool attack;

static void send_what_fits(struct attacker *a, const void *p, size_t n)
{
    zmq_pollitem_t item = { .socket = a->node->socket, .events = ZMQ_POLLOUT };

    if (zmq_send(a->node->socket, p, n, ZMQ_DONTWAIT) >= 0)
        a->sent++;
    else
        zmq_poll(&item, 1, 100);
}

static void drain(struct peer_node *n)
{
    char rest[64];

    while (zmq_recv(n->socket, rest, sizeof rest, ZMQ_DONTWAIT) >= 0)
        ;
}

/* Ever new keys, a few messages with each. */
static void flood_as_strangers(struct attacker *a)
{
    for (unsigned i = 0; atomic_load(&attack); i++) {
        end(a->node);
        a->node = new_node(a->lab, 20000 + i % 1000);
        for (int k = 0; k < 200 && atomic_load(&attack); k++)
            send_what_fits(a, "garbage", 7);
    }
}

static void *flood(void *arg)
{
    struct attacker *a = arg;
    size_t n = a->kind == FLOOD_LARGE ? LIMIT_NODE_MESSAGE_BYTES : 100;
    uint8_t *garbage = malloc(n);

    memset(garbage, 0xff, n);
    if (a->kind == FLOOD_STRANGERS)
        flood_as_strangers(a);
    while (atomic_load(&attack)) {
        if (a->kind == FLOOD_HEARTBEATS) {
            struct buf b = node_heartbeat(a->node);

            send_what_fits(a, b.p, b.n);
            buf_deinit(&b);
        } else {
            send_what_fits(a, garbage, n);
        }
        drain(a->node);
    }
    free(garbage);
    return NULL;
}

/* Each good node beats and reports all the time; every message has its answer. Returns the longest
 * wait. */
static int64_t go_on(struct peer_node **good, int64_t for_ms)
{
    mono_ms until = { clock_mono().v + for_ms };
    int64_t longest = 0;

    for (unsigned i = 0; clock_mono().v < until.v; i++) {
        struct peer_node *n = good[i % GOOD];
        mono_ms before = clock_mono();
        int64_t took;

        node_beat(n);
        if (i % 8 == 0) {
            struct buf b = node_report(n, i % 16 == 0);

            node_raw(n, b.p, b.n);
            assert(node_hear(n, LAB_LIMIT_MS) != NULL && n->answer->report_ack != NULL);
            buf_deinit(&b);
        }
        took = mono_since(clock_mono(), before);
        longest = took > longest ? took : longest;
        node_hear(n, BEAT_MS / GOOD); /* in its own time; nothing comes unasked */
        assert(n->answer == NULL);
    }
    return longest;
}

static void begin_attack(struct lab *theirs, struct attacker *all)
{
    atomic_store(&attack, true);
    for (unsigned k = 0; k < FLOOD_KINDS; k++) {
        all[k] = (struct attacker){ .lab = theirs, .kind = k, .node = new_node(theirs, 200 + k) };
        if (k != FLOOD_STRANGERS)
            node_join(all[k].node);
        assert(pthread_create(&all[k].thread, NULL, flood, &all[k]) == 0);
    }
}

static void end_attack(struct attacker *all)
{
    atomic_store(&attack, false);
    for (unsigned k = 0; k < FLOOD_KINDS; k++) {
        pthread_join(all[k].thread, NULL);
        printf("flood %u: %llu messages sent\n", k, (unsigned long long)all[k].sent);
        end(all[k].node);
    }
}

/* And the coordinator ends in good order in the midst of it. */
static void floods_cost_the_others_nothing(struct lab *l, struct peer_node **good)
{
    struct lab theirs = *l; /* their own ZeroMQ threads: what is measured is the coordinator */
    struct attacker all[FLOOD_KINDS];
    uint64_t dropped = lab_drops(l, "flood", 0);
    int64_t quiet = go_on(good, 500), loud = INT64_MAX;
    mono_ms before;
    char endpoint[CONFIG_TEXT];

    /* They connect anew also when the coordinator, which has that text, is gone. */
    snprintf(endpoint, sizeof endpoint, "%s", l->status.endpoints[SOCKET_NODES]);
    theirs.status.endpoints[SOCKET_NODES] = endpoint;
    theirs.ctx = zmq_ctx_new();
    zmq_ctx_set(theirs.ctx, ZMQ_MAX_SOCKETS, 60000);
    begin_attack(&theirs, all);
    /* Again where all of this machine stood still for a moment. */
    for (unsigned i = 0; i < TIMES && loud >= DEFAULT_SUSPECT_MS; i++)
        loud = go_on(good, 3000);
    lab_drops(l, "flood", dropped + 1000);
    assert(lab_op(l, OP_STATUS) == REPLY_OK);
    before = clock_mono();
    lab_stop(l);
    printf("stopped in the flood: %d ms\n", (int)mono_since(clock_mono(), before));
    assert(mono_since(clock_mono(), before) < LAB_LIMIT_MS);
    end_attack(all);
    zmq_ctx_term(theirs.ctx);
    printf("longest wait of a good node: %d ms in quiet, %d ms in the flood\n", (int)quiet,
           (int)loud);
    assert(loud < DEFAULT_SUSPECT_MS);
}

static bool hears_of_flood(struct peer_node *n, int64_t limit_ms)
{
    while (node_hear(n, limit_ms) != NULL) {
        if (n->answer->refused != NULL && n->answer->refused->reason == REFUSE_FLOOD)
            return true;
    }
    return false;
}

/* It is answered what it sends now, once all is answered that it has sent before. */
static void is_served_again(struct peer_node *n)
{
    mono_ms until = { clock_mono().v + LAB_LIMIT_MS };

    do {
        struct buf b;

        assert(clock_mono().v < until.v);
        while (node_hear(n, QUIET_MS) != NULL)
            ;
        b = node_heartbeat(n);
        node_raw(n, b.p, b.n);
        buf_deinit(&b);
    } while (node_hear(n, QUIET_MS) == NULL || n->answer->heartbeat_ack == NULL ||
             n->answer->correlation != n->seq);
}

/* One that is over its rate hears of it, once a second, and is served again when it slows down. */
static void one_that_floods_is_told(struct lab *l)
{
    struct peer_node *n = new_node(l, 300);
    mono_ms told[3], begin, until = { clock_mono().v + LAB_LIMIT_MS };
    unsigned count = 0;
    struct buf b;

    node_join(n);
    b = node_heartbeat(n);
    begin = clock_mono();
    while (count < ARRAY_LEN(told)) {
        assert(clock_mono().v < until.v);
        for (unsigned i = 0; i < 50; i++)
            node_raw(n, b.p, b.n);
        if (hears_of_flood(n, 0))
            told[count++] = clock_mono();
    }
    buf_deinit(&b);
    assert(mono_since(told[2], begin) >= 2000);
    is_served_again(n);
    end(n);
}

static uint8_t frame[1 << 20];

static void nothing(void *data, void *hint)
{
    (void)data;
    (void)hint;
}

/* libzmq sends the frames when it has the last one. */
static void send_long_message(struct peer_node *n, unsigned mib)
{
    zmq_msg_t m;

    for (unsigned i = 0; i < mib; i++) {
        assert(zmq_msg_init_data(&m, frame, sizeof frame, nothing, NULL) == 0);
        assert(zmq_msg_send(&m, n->socket, ZMQ_SNDMORE) >= 0);
    }
    zmq_send(n->socket, "", 0, 0);
}

/* A message whose frames do not end costs its connection, not our memory. That is seen once a
 * second; one that is through before is refused for its frames. */
static void message_without_end(struct lab *l)
{
    uint64_t cut = lab_drops(l, "too-large", 0), refused = lab_drops(l, "malformed", 0), now;
    unsigned tries = 0;

    do {
        struct peer_node *n = new_node(l, 301);

        assert(tries++ < 20);
        send_long_message(n, 240);
        while ((now = lab_drops(l, "too-large", 0)) == cut &&
               lab_drops(l, "malformed", 0) == refused)
            ;
        refused = lab_drops(l, "malformed", 0);
        end(n);
    } while (now == cut);
}

static void allow_many_files(void)
{
    struct rlimit files;

    assert(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    assert(setrlimit(RLIMIT_NOFILE, &files) == 0);
}

int main(void)
{
    struct peer_node *good[GOOD];
    struct lab l;

    allow_many_files();
    lab_init(&l);
    lab_start(&l, NULL);
    for (unsigned i = 0; i < GOOD; i++) {
        good[i] = new_node(&l, i);
        node_join(good[i]);
    }
    unknown_key_may_only_enrol(&l);
    malformed_and_truncated(&l, good[0]);
    two_frames(&l, good[0]);
    oversized(&l, good[0]);
    replayed(&l, good[0]);
    out_of_role(&l, good[0]);
    with_anothers_identity(&l, good[0], good[1]);
    roles_of_clients(&l, good[0]);
    requests_that_are_none(&l);
    one_that_floods_is_told(&l);
    message_without_end(&l);
    with_a_routing_id_of_libzmqs_own_kind(&l, good[0]);
    without_the_servers_key(&l);
    floods_cost_the_others_nothing(&l, good);
    for (unsigned i = 0; i < GOOD; i++)
        end(good[i]);
    lab_deinit(&l);
    return 0;
}
