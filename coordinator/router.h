/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread that owns every ZeroMQ socket: it authenticates, limits and receives; it sends what
 * the others post. It never waits for another thread. */
#ifndef MUSTER_ROUTER_H
#define MUSTER_ROUTER_H

#include "config.h"
#include "decode.h"
#include "net/net.h"
#include "work.h"

struct router;

struct router_options {
    void *ctx; /* ZeroMQ */
    const struct config *config;
    const struct keypair *key;
    const uint8_t *hash_seed; /* 16 bytes */
    struct decoders *decoders;
    struct queue *core, *out; /* out: with a descriptor */
    struct budget *budget;
};

/* Binds the sockets. NULL with a sentence. `o` is copied, what it points at is not. */
struct router *router_new(const struct router_options *o, struct err *e);
/* 0 or a negative errno with a sentence. From here on the sockets belong to the new thread. */
int router_start(struct router *r, struct err *e);
/* No more messages are read; answers still go out. */
void router_pause(struct router *r);
/* After queue_close(out): sends what is left, closes the sockets, ends the thread. */
void router_stop(struct router *r);
void router_free(struct router *r); /* NULL is legal */

/* Where a socket really listens ("" when it is off). */
const char *router_endpoint(const struct router *r, unsigned socket);

#endif
