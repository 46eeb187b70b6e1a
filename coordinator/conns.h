/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP connections by what they hold in memory. libzmq keeps the frames of a message until the last
 * one is there, without a limit on their number: a peer could send one message for ever. What a
 * connection has received the kernel knows, and when one of its messages came out is known here;
 * what is over the limits costs the sender its connection. Owned by the thread of the sockets. */
#ifndef MUSTER_COORDINATOR_CONNS_H
#define MUSTER_COORDINATOR_CONNS_H

#include "base/types.h"

struct conns;

/* Bytes that one connection, and all together, may have received since a message of theirs came
 * out. NULL: out of memory. */
struct conns *conns_new(uint64_t each, uint64_t all);
void conns_free(struct conns *c); /* NULL is legal */

void conns_opened(struct conns *c, unsigned socket, int fd);
/* A close that is told after the same descriptor was opened on another socket changes nothing. */
void conns_closed(struct conns *c, unsigned socket, int fd);
/* A message came out of this connection, so that what is held is younger. */
void conns_delivered(struct conns *c, int fd);

/* Shuts down those that hold more than they may, and the largest ones while all hold more than all
 * may. Returns their number. */
unsigned conns_check(struct conns *c);

#endif
