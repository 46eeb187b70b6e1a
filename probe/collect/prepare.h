/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker opens before it is confined, since it can open nothing for writing afterwards,
 * start no program and talk to none. */
#ifndef MUSTER_COLLECT_PREPARE_H
#define MUSTER_COLLECT_PREPARE_H

enum prepared {
    PREPARED_XENSTORE,   /* speaks xenstore's protocol; does not block */
    PREPARED_MULTIPATHD, /* connected to its socket; does not block */
    PREPARED_COUNT
};

/* The descriptor, which stays the worker's until it ends; -1: there is none on this machine, or
 * collect_prepare has not been called. */
int prepared(enum prepared what);

#endif
