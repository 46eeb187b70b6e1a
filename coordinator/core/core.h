/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The coordinator's core: a pure step. An event (with its time) goes in; rows to persist and
 * messages to send once they are persisted come out. It never calls out: no clock, socket, file,
 * random source or global. One thread owns it. */
#ifndef MUSTER_CORE_H
#define MUSTER_CORE_H

#include "base/arena.h"
#include "base/err.h"
#include "core/rows.h"
#include "wire/messages.h"

/* Where a message came from and its answer goes: a socket and a ZeroMQ routing id on it. */
struct route {
    uint8_t socket; /* the shell's number for it */
    uint8_t n;
    uint8_t id[14];
};

struct task_kind;

struct core_config {
    int64_t heartbeat_ms, suspect_ms, down_ms;
    int64_t edge_retention_ms;
    uint64_t event_retention_rows;
    int64_t lease_ttl_ms;
    /* Nodes that may rescan at one time, in all and of each target; and how long one may take. 0:
     * the default. */
    uint64_t rescans, rescans_per_target;
    int64_t rescan_timeout_ms;
    uint64_t lease_history_rows;
    uint64_t task_history_rows; /* with those that run; 0: the default */
    bool enrol_by_token; /* a valid token approves; false: an operator approves each new node */
    uint8_t hash_seed[16];
    pubkey server_key;
    uint64_t protocol; /* version that is spoken; of tests: 0: PROTOCOL_VERSION */
    const struct task_kind *const *task_kinds; /* of tests; NULL: the core's own (core/task.h) */
};

enum coord_event_type {
    COORD_LOADED, /* first event of every life and after a failed commit: image, fresh nonce */
    COORD_TICK,   /* time has passed (see coord_next_deadline) */
    COORD_NODE_MESSAGE,
    COORD_NODE_BAD, /* dropped before the core: count it, answer it */
    COORD_CLIENT_REQUEST,
    COORD_STORE_STATE, /* read-only begins or ends */
};

struct coord_event {
    enum coord_event_type type;
    mono_ms now;
    /* The same clock without the time in which the coordinator could not hear: silence is judged by
     * it. Of a message: when it came in. Else: all that came in before has been stepped. */
    mono_ms listened;
    wall_ms wall;
    uint8_t random[32]; /* fresh for each event: seed for ids, nonces and tokens */
    struct route route;
    pubkey key; /* who the connection proved to be; nil on ipc */
    bool local; /* client on ipc: operator by the socket's file permission */
    union {
        struct {
            const struct stored *image;
            bool first; /* start of the process; false: reload after a failed commit (same start) */
            uuid128 nonce;   /* of this start; kept over reloads */
            mono_ms started; /* the process */
        } loaded;
        struct {
            const struct envelope *env;
            const struct section *sections; /* of a report, decoded and normalised, same order */
            size_t section_count;
        } node;
        struct {
            enum refuse_reason reason;
            const char *text;
            uint64_t correlation;
            bool answer; /* false: count only (no one to answer, or answered lately) */
            uint64_t count;
        } bad;
        const struct request *request;
        struct {
            bool read_only;
            const char *text; /* why; what to do */
        } store;
    };
};

/* What a reply still needs from the database; the shell's reader does it after the commit. */
enum join_type {
    JOIN_NONE,
    JOIN_NODE_SECTIONS, /* sections of join.node_no into reply.sections */
    JOIN_EVENTS,        /* events after join.since (or since_wall), at most join.limit */
    JOIN_EXPLAIN,       /* sections of join.node_no, and of explain->peers; then explain_build() */
    JOIN_IMPACT,  /* sections of the nodes of join.impact, one after the other: impact_add() */
    JOIN_FS_LIST, /* uses of what the filesystems of join.fs_list lie in */
    JOIN_TASKS,   /* those that are over, the newest join.limit, behind those of the reply */
    JOIN_TASK,    /* task join.since, which is over, with its jobs */
    JOIN_IMAGES,  /* what scans have found of those of join.image_list, into reply.images */
    JOIN_LEASES,  /* rights that are over, as join.lease_list wants them, into reply.leases */
    JOIN_BACKUP_BEGIN,
    JOIN_BACKUP_READ,
    JOIN_BACKUP_END,
};

struct join {
    enum join_type type;
    uint32_t node_no;
    uint64_t since, limit, handle, offset;
    wall_ms since_wall;
    /* In the reply's arena. */
    struct explain_facts *explain;
    struct impact_facts *impact;
    struct fs_list_facts *fs_list;
    struct lease_list_facts *lease_list;
    struct image_list_facts *image_list;
};

/* One message to send after the batch is durable: exactly one of env, reply. */
struct outgoing {
    struct outgoing *next;
    struct route route;
    const struct envelope *env; /* to a node; lives in the update's arena */
    struct reply *reply;        /* to a client; lives in reply_arena */
    struct arena *reply_arena;  /* owned by whoever holds the outgoing; NULL for envelopes */
    struct join join;
};

/* What a batch of steps produced. The caller makes the arena, runs steps, persists `changes` in
 * order in one transaction, then sends `messages` in order, then resets. Memory of the events must
 * outlive the batch: changes point into them. */
struct coord_update {
    struct arena *arena;
    struct change *changes, **changes_tail;
    struct outgoing *messages, **messages_tail;
    size_t change_count;
    bool visible; /* something a query can show has changed: send hints to watchers */
};

void coord_update_init(struct coord_update *u, struct arena *a);
/* Frees the reply arenas of messages that are still in the list. */
void coord_update_deinit(struct coord_update *u);

/* NULL: out of memory. Until COORD_LOADED it answers nothing. */
struct coord *coord_new(const struct core_config *config);
void coord_free(struct coord *c);

/* 0; -EBADMSG: what was loaded holds a pack that is none; -ENOMEM (the caller treats it as a failed
 * commit: discard the batch and reload). Input can never make it fail otherwise: what is wrong with
 * a message is answered and counted. */
int coord_step(struct coord *c, const struct coord_event *ev, struct coord_update *u);

/* Ends a batch of steps: when something visible changed, raises the generation and appends the
 * CHANGE_META row (and prunes events over the retention). Call once before persisting. */
int coord_end_batch(struct coord *c, struct coord_update *u);

/* The next time at which coord_step(COORD_TICK) has something to do; INT64_MAX: never. */
mono_ms coord_next_deadline(const struct coord *c);

uint64_t coord_generation(const struct coord *c);
uint64_t coord_event_no(const struct coord *c);

/* Walks the whole state and compares every derived figure with what it derives from. For tests and
 * the simulator. 0, or -EINVAL with the first contradiction. */
int coord_check(const struct coord *c, struct err *e);

#endif
