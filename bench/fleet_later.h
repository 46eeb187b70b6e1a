/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a probe of the next version of the protocol would say besides, so that a fleet can be rolled
 * to it before there is one: a field in each message, a section in each list, rows with one field
 * more (their digest is another), and a kind of message, that no program of this version knows. */
#ifndef MUSTER_FLEET_LATER_H
#define MUSTER_FLEET_LATER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "wire/messages.h"

static inline bool fleet_is_later(uint64_t version)
{
    return version > PROTOCOL_VERSION;
}

/* As wire_encode(), with all that is added to a message of a later version; `a` is scratch. */
int fleet_later_encode(const struct envelope *env, struct arena *a, struct buf *b, struct err *e);
/* 1: a message of an unknown kind goes before this one, once for each registration; it is in `b`,
 * and has no number, nor has its answer. 0: none. Negative: as wire_encode(). */
int fleet_later_kind(const struct envelope *env, struct buf *b, struct err *e);

/* False: it answers that message, which the agent knows nothing of. Else what was added to digests
 * is taken off again, in `a`. Negative errno: out of memory. */
int fleet_later_hear(struct envelope *env, struct arena *a);

#endif
