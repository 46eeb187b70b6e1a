/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, CURVE keys and ZeroMQ sockets. Shell code: all that is impure and shared by the programs.
 * Programs wait with zmq_poll on sockets and file descriptors together. */
#ifndef MUSTER_NET_H
#define MUSTER_NET_H

#include "base/err.h"
#include "base/types.h"

mono_ms clock_mono(void); /* CLOCK_BOOTTIME */
wall_ms clock_wall(void);
void random_bytes(void *p, size_t n);

struct keypair {
    pubkey public_key;
    uint8_t secret[32];
};

void keypair_new(struct keypair *k);
void keypair_wipe(struct keypair *k); /* overwrites the secret */

/* A key file: text, "public HEX", "secret HEX" and, for those who connect, "server HEX" lines; 0600
 * and owned by the caller. `server` may be NULL. load: 0, -ENOENT, or a negative errno with a
 * sentence (-EPERM: open to others or someone else's). save: through a temporary file, fsync and
 * rename. */
int keyfile_load(const char *path, struct keypair *k, pubkey *server, struct err *e);
int keyfile_save(const char *path, const struct keypair *k, const pubkey *server, struct err *e);

/* Secrets must not reach a core dump, and no other process of the user may read this one's memory.
 */
void process_harden(void);

/* Options common to every socket: no linger beyond `linger_ms`, message size limit, heartbeats on
 * TCP, IPv6. NULL with a sentence. */
void *net_socket(void *ctx, int type, int64_t max_message_bytes, int linger_ms, struct err *e);
/* A DEALER to `endpoint`; CURVE on tcp (server and keys must be given), plain on ipc. Reconnects by
 * itself with back-off 100 ms to 5 s. */
void *net_dealer(void *ctx, const char *endpoint, const struct keypair *own, const pubkey *server,
                 int64_t max_message_bytes, struct err *e);
/* The same before its zmq_connect(s, endpoint), for who wants to see the first event of a monitor.
 */
void *net_dealer_unconnected(void *ctx, const char *endpoint, const struct keypair *own,
                             const pubkey *server, int64_t max_message_bytes, struct err *e);
/* A ROUTER bound to `endpoint`; CURVE server with `own` on tcp, domain `zap_domain` either way.
 * ipc sockets are made 0600 (`mode` else); a stale ipc socket of a dead process is replaced, that
 * of a live one is refused (-EADDRINUSE). */
void *net_router(void *ctx, const char *endpoint, const struct keypair *own, const char *zap_domain,
                 int64_t max_message_bytes, unsigned mode, struct err *e);
/* "ipc://PATH" or "tcp://HOST:PORT"; anything else: -EINVAL with a sentence. */
int net_endpoint_check(const char *endpoint, struct err *e);

#endif
