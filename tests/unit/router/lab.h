/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole coordinator in this process, on real sockets, with peers that speak to it byte by byte.
 * What does not happen within LAB_LIMIT_MS fails the test. */
#ifndef MUSTER_TESTS_ROUTER_LAB_H
#define MUSTER_TESTS_ROUTER_LAB_H

#include "net/net.h"
#include "service.h"
#include "wire/codec.h"

enum { LAB_LIMIT_MS = 60000 };

struct lab {
    char dir[64];
    struct config config;
    struct service *service;
    struct service_status status;
    void *ctx;     /* of the peers */
    void *local;   /* the operator's connection */
    uint64_t last; /* correlation */
};

/* In a new directory; `vfs` as for service_start. The configuration may be changed before. */
void lab_init(struct lab *l);
void lab_start(struct lab *l, const char *vfs);
void lab_stop(struct lab *l);   /* the service alone; lab_start goes on with the same state */
void lab_deinit(struct lab *l); /* removes the directory */

struct told {
    struct arena *arena;
    struct reply *reply;
};

void lab_send(struct lab *l, const struct request *req); /* with the next correlation */
struct told lab_hear(struct lab *l);                     /* the operator's next message */
/* Asks, and hears the answer to it. */
struct told lab_ask(struct lab *l, const struct request *req);
void told_free(struct told *t);
/* One without arguments: its code. */
enum reply_code lab_op(struct lab *l, enum client_op op);
/* Defines a network (a change that is durable when it is answered): its code. */
enum reply_code lab_define(struct lab *l, const char *name);
bool lab_is_defined(struct lab *l, const char *name);
/* How many messages were dropped for a reason, waiting until it is at least `least`. */
uint64_t lab_drops(struct lab *l, const char *reason, uint64_t least);
/* The secret of a new token. */
void lab_token(struct lab *l, const char *role, char secret[33]);

/* A peer on a TCP socket. */
struct peer_node {
    struct lab *lab;
    void *socket;
    struct keypair key;
    uuid128 id, boot;
    uint64_t seq;
    unsigned number;
    struct arena *arena; /* of the last answer */
    const struct envelope *answer;
};

void node_init(struct peer_node *n, struct lab *l, unsigned number); /* connects with a new key */
/* The same, with a routing id that it chooses. */
void node_init_as(struct peer_node *n, struct lab *l, unsigned number, struct bytes routing_id);
void node_deinit(struct peer_node *n);
void node_raw(struct peer_node *n, const void *p, size_t size); /* waits for room */
void node_send(struct peer_node *n, struct envelope *env);      /* with its ids and next seq */
/* The next answer within the time, or NULL. */
const struct envelope *node_hear(struct peer_node *n, int64_t limit_ms);
/* The reason of the next answer, which must be a refusal. */
enum refuse_reason node_refusal(struct peer_node *n);

enum enrol_state node_enrol(struct peer_node *n, const char *secret); /* NULL: without */
void node_register(struct peer_node *n);
void node_join(struct peer_node *n); /* enrol with a token, register */
/* Bytes of one of its messages, with the next seq; free them. */
struct buf node_heartbeat(struct peer_node *n);
struct buf node_report(struct peer_node *n, bool up);
/* Sends it and waits for the acknowledgement. */
void node_beat(struct peer_node *n);

#endif
