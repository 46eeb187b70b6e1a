/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP connections by what they hold: memory and descriptors. libzmq keeps the frames of a message
 * until the last one is there, without a limit on their number, and any number of connections: a
 * peer could send one message for ever, or open connections until there are no descriptors left.
 * What a connection has received the kernel knows, and when one of its messages came out is known
 * here; what is over the limits costs the sender its connection. Owned by the thread of the
 * sockets. */
#ifndef MUSTER_COORDINATOR_CONNS_H
#define MUSTER_COORDINATOR_CONNS_H

#include "base/types.h"

struct conns;

struct conns_limits {
    uint64_t each, all; /* bytes that one, and all, may have received since a message came out */
    size_t most;        /* connections at a time */
    /* Of those that have not sent a message yet none has to hurry while there are few; those above
     * few may be silent for so long. */
    size_t silent_few;
    int64_t silent_ms;
};

/* Why connections were cut. */
enum conns_cut {
    CONNS_ENDLESS, /* a message without end */
    CONNS_SILENT,  /* never a message, with others of its kind */
    CONNS_CROWDED, /* too many connections, and this one had not proved to be of the fleet */
    CONNS_CUTS
};

/* NULL: out of memory. */
struct conns *conns_new(const struct conns_limits *limits);
void conns_free(struct conns *c); /* NULL is legal */

void conns_opened(struct conns *c, unsigned socket, int fd, mono_ms now);
/* A close that is told after the same descriptor was opened on another socket changes nothing. */
void conns_closed(struct conns *c, unsigned socket, int fd);
/* A message came out of this connection, so that what is held is younger. `accepted`: its key has
 * proved to be of the fleet. */
void conns_delivered(struct conns *c, int fd, bool accepted);

/* A connection that was open at that time; whichever has the descriptor since stays. True: cut. */
bool conns_cut(struct conns *c, int fd, mono_ms at);

/* Shuts down those that hold more than they may, and the largest ones while all hold more than all
 * may; those that are silent for too long, unless we do not read (`reading` false); and while there
 * are too many those that are not of the fleet: first those that have spoken and were not accepted,
 * the oldest first, then those that have not spoken, the newest first, so that in a rush those that
 * are nearly in get in. Adds their numbers to `cuts`. */
void conns_check(struct conns *c, mono_ms now, bool reading, unsigned cuts[CONNS_CUTS]);
/* There are more than may be: conns_check is urgent. */
bool conns_crowded(const struct conns *c);

#endif
