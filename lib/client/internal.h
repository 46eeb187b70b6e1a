/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MUSTER_CLIENT_INTERNAL_H
#define MUSTER_CLIENT_INTERNAL_H

#include "client/muster.h"
#include "conn.h"

struct muster_client {
    char *endpoint, *key_file;
    struct keypair own; /* tcp */
    pubkey server;
    struct conn conn;
    int64_t timeout_ms, connect_ms;
    uint64_t correlation; /* of the newest request */
    bool unanswered;      /* something was sent, and nothing has come since */
    /* The watch: asked for on which coming-up of the connection, and when. */
    uint64_t watch_ups, watch_correlation;
    mono_ms watch_at;
    /* The newest figures of hints. */
    uint64_t hint_generation, hint_event_no;
    struct err err;
};

/* client.c. Sets the sentence and returns `code` (MUSTER_E_...). */
__attribute__((format(printf, 3, 4))) int client_fail(struct muster_client *c, int code,
                                                      const char *fmt, ...);
/* The same for a failed connect, when there is no client to hold the sentence. */
void connect_error_keep(const char *text);
/* A client without keys and connection; frees with muster_disconnect. NULL: out of memory. */
struct muster_client *client_new(const struct muster_options *o);
bool client_is_tcp(const struct muster_client *c);

/* exchange.c. Opens the connection if need be, takes note of what has happened to it, and waits
 * until it is up. 0 or MUSTER_E_... */
int exchange_ready(struct muster_client *c, mono_ms until);
/* Sends `req` with the next correlation, on a connection that is up. */
int exchange_send(struct muster_client *c, const struct request *req, uint64_t *correlation);
/* Takes one message that is there. 0: `out` holds it; 1: there was none, or it was a hint and is
 * kept aside; MUSTER_E_UNREACHABLE: not a reply. */
enum { EXCHANGE_NOTHING = 100 };
int exchange_take(struct muster_client *c, struct muster_reply *out);
int exchange_broken(struct muster_client *c, int rc);

/* keys.c. The path of the key file, in new memory: `given`, else the default. */
char *key_path(const char *given, struct err *e);
int key_folder(const char *path, struct err *e); /* makes the folders above it, 0700 */

#endif
