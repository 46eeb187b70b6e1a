/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The coordinator as a whole: state directory, threads and sockets, in the order in which they need
 * each other. */
#ifndef MUSTER_COORDINATOR_SERVICE_H
#define MUSTER_COORDINATOR_SERVICE_H

#include "config.h"
#include "work.h"

struct service;

/* What is served, as it stands after the start. */
struct service_status {
    const char *endpoints[SOCKET_COUNT]; /* "": off */
    pubkey server_key;
    size_t nodes;
    uint64_t generation;
};

/* Locks and loads the state directory, binds the sockets, starts the threads. NULL with a sentence.
 * `vfs`: tests, see struct store_options; else NULL. The caller blocks the signals that it waits
 * for before, as all threads shall. */
struct service *service_start(const struct config *c, const char *vfs, struct err *e);
void service_status(const struct service *s, struct service_status *out);
/* Reads no more, finishes and answers what has been read, closes. NULL is legal. */
void service_stop(struct service *s);

#endif
