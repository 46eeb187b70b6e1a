/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libmuster-client: ask a muster coordinator. For management servers; the `muster` command uses
 * nothing else.
 *
 * A connection belongs to one thread. Calls block up to the connection's time limit. Records are
 * those of wire/messages.h, installed as muster/messages.h; they live until the reply is freed.
 */
#ifndef MUSTER_CLIENT_H
#define MUSTER_CLIENT_H

#include "wire/messages.h"

#ifdef __cplusplus
extern "C" {
#endif

struct muster_client;

/* Zero-initialised is valid: all defaults. */
struct muster_options {
    /* ipc://PATH or tcp://HOST:PORT. NULL: $MUSTER_CONNECT, else ipc:///run/muster/client.sock. */
    const char *endpoint;
    /* For tcp: own key pair and the coordinator's public key. NULL: ~/.config/muster/client.key. */
    const char *key_file;
    int64_t timeout_ms; /* for each call; 0: 10 s */
    /* How much of it the first call waits for a coordinator that is not there at all; 0: all. */
    int64_t connect_ms;
};

/* Results of all calls: 0 done; MUSTER_E_UNREACHABLE, MUSTER_E_LOCAL (key file, memory),
 * MUSTER_E_USAGE (the endpoint is none, or none for this call), or MUSTER_E_REPLY: the coordinator
 * answered with a code other than REPLY_OK (see reply->code). After any of them muster_error() is
 * one sentence. */
enum { MUSTER_E_UNREACHABLE = 1, MUSTER_E_LOCAL = 2, MUSTER_E_REPLY = 3, MUSTER_E_USAGE = 4 };

/* Connecting goes on in the background: it fails here only for what is wrong on this side
 * (MUSTER_E_LOCAL, MUSTER_E_USAGE); the first call finds out whether the coordinator is there. */
int muster_connect(const struct muster_options *o, struct muster_client **out);
void muster_disconnect(struct muster_client *c);         /* NULL is legal */
const char *muster_error(const struct muster_client *c); /* c may be NULL after a failed connect */
const char *muster_endpoint(const struct muster_client *c); /* the one in use */

/* One reply; free with muster_reply_free. */
struct muster_reply {
    struct reply *reply;
    struct arena *arena;
};
void muster_reply_free(struct muster_reply *r);

/* Any request; version and correlation are filled in. A question is asked again when the connection
 * breaks before its answer has come. A request that changes something is sent once: when its answer
 * does not come, the sentence says that it is not known whether it was done; one that could not be
 * sent within the time limit is never done. */
int muster_call(struct muster_client *c, const struct request *req, struct muster_reply *out);

/* The matrix at one generation: nodes, resources, edges (their node and resource fields index the
 * two arrays). `kind` NULL: all. */
int muster_snapshot(struct muster_client *c, const char *kind, struct muster_reply *out);
/* What changed after `generation`. MUSTER_E_REPLY with REPLY_RESYNC: take a snapshot again. */
int muster_changes(struct muster_client *c, const char *kind, uint64_t generation,
                   struct muster_reply *out);
/* Waits until the coordinator's generation is above *generation or its newest event is above
 * *event_no, or the time is up. 0: the new figures are in *generation and *event_no (lower ones
 * mean that the coordinator has another database now); -ETIMEDOUT; MUSTER_E_UNREACHABLE: no answer
 * for the connection's time limit; call again to wait on. */
int muster_wait(struct muster_client *c, uint64_t *generation, uint64_t *event_no,
                int64_t timeout_ms);
/* Events with numbers above `since`. */
int muster_events(struct muster_client *c, uint64_t since, uint64_t limit,
                  struct muster_reply *out);
/* Makes this machine a client: a new key pair, enrolled by a token from `muster token create --role
 * observer|operator`, kept in the key file (0600). `token` is the whole token text. A key file that
 * is there already is used when it is for the same coordinator (so that the call can be repeated
 * after MUSTER_E_UNREACHABLE, with the same token), and never overwritten. A new one stays after a
 * failure only where the request was sent and got no answer. MUSTER_E_REPLY: the coordinator
 * refused, muster_error(NULL) says why. */
int muster_enrol(const struct muster_options *o, const char *token, const char *name,
                 struct muster_client **out);

#ifdef __cplusplus
}
#endif

#endif
