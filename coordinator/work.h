/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes from thread to thread: work inward (socket -> decoder -> core), posts outward (core,
 * readers -> socket), jobs sideways (core -> readers). Each belongs to whoever holds it. */
#ifndef MUSTER_WORK_H
#define MUSTER_WORK_H

#include <zmq.h>

#include "base/buf.h"
#include "core/core.h"
#include "peers.h"
#include "queue.h"

/* struct route's socket numbers. */
enum { SOCKET_NODES, SOCKET_LOCAL, SOCKET_REMOTE, SOCKET_COUNT };

enum work_type {
    WORK_RAW,     /* as received, not decoded yet */
    WORK_NODE,    /* env, sections */
    WORK_REQUEST, /* request */
    WORK_BAD,     /* bad */
};

/* One message on its way in. */
struct work {
    struct queue_node node;
    enum work_type type;
    struct route route;
    pubkey key;
    struct ticket ticket;
    struct peer *peer; /* who sent it; valid while the ticket is out */
    mono_ms listened;  /* budget.listened when it came in */
    zmq_msg_t raw;
    bool has_raw;
    struct arena *arena; /* of all that is decoded; NULL: none */
    struct envelope *env;
    struct section *sections;
    size_t section_count;
    struct request *request;
    struct outgoing *answer; /* the core's, to this request; NULL: none yet */
    const char *refusal;     /* it was not even asked, for this reason; static */
    struct {
        enum refuse_reason reason;
        uint64_t correlation, count;
        bool answer;
        char text[200];
    } bad;
};

struct work *work_new(enum work_type type, const struct route *route); /* NULL: out of memory */
void work_free(struct work *w); /* gives the ticket back; NULL is legal */
void work_free_list(struct queue_node *list);

/* As a client is told. */
enum reply_code work_reply_code(enum refuse_reason r);

/* One message on its way out. */
struct post {
    struct queue_node node;
    struct route route;
    struct ticket ticket; /* of the request that it answers */
    uint8_t *data;
    size_t n;
};

/* Takes over the memory of `data` (and empties it). NULL: out of memory. */
struct post *post_new(const struct route *route, struct buf *data);
void post_free(struct post *p);
void post_free_list(struct queue_node *list);
/* A reply with nothing but a code and a sentence (may be NULL). Takes over *ticket (may be NULL)
 * when it succeeds. NULL: out of memory. */
struct post *post_reply(const struct route *route, struct ticket *ticket, uint64_t correlation,
                        enum reply_code code, const char *text);
/* Waits for room; frees the post when the queue is closed. NULL is legal. */
void post_push(struct queue *out, struct post *p);

/* A reply that still needs its joins and its encoding. node.weight: bytes of its arena. */
struct job {
    struct queue_node node;
    struct route route;
    struct ticket ticket;
    struct join join;
    struct reply *reply;
    struct arena *arena;
};

void job_free(struct job *j);

#endif
