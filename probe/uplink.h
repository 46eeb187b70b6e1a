/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection to the coordinator: it comes back by itself, and nothing here blocks. */
#ifndef MUSTER_UPLINK_H
#define MUSTER_UPLINK_H

#include "base/log.h"
#include "net/net.h"
#include "wire/messages.h"

struct uplink;

/* `endpoint` must outlive it. NULL with a sentence. */
struct uplink *uplink_open(const char *endpoint, const struct keypair *own, const pubkey *server,
                           struct err *e);
void uplink_close(struct uplink *u); /* gives what was sent half a second to leave */

/* A descriptor to wait for, readable. It wakes once for many things: look at uplink_pending before
 * waiting. */
int uplink_fd(const struct uplink *u);
bool uplink_pending(const struct uplink *u);
mono_ms uplink_deadline(const struct uplink *u); /* when to ask for news at the latest */

/* 0; -EAGAIN: the queue is full and the message is dropped, as a network would; another negative
 * errno with a sentence. */
int uplink_send(struct uplink *u, const struct envelope *env, struct err *e);

/* The next message, in `a`: 1; 0: there is none; -ENOMEM or -EBADMSG with a sentence: one that is
 * none of the coordinator's was dropped. */
int uplink_receive(struct uplink *u, struct arena *a, struct envelope **out, struct err *e);

/* Looks after the connection. True if there is news of it: a sentence for the log. */
bool uplink_news(struct uplink *u, mono_ms now, enum log_level *level, struct err *text);

#endif
