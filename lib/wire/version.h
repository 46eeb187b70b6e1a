/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which versions of the protocol between nodes and coordinator go together (docs/PROTOCOL.md,
 * "Versions"): so nodes may be rolled to another one by one, before the coordinator or after it. */
#ifndef MUSTER_WIRE_VERSION_H
#define MUSTER_WIRE_VERSION_H

#include <stdbool.h>
#include <stdint.h>

/* The lowest and the highest that a coordinator of version `own` serves. */
static inline uint64_t version_lowest(uint64_t own)
{
    return own > 1 ? own - 1 : 1;
}

static inline uint64_t version_highest(uint64_t own)
{
    return own + 1;
}

static inline bool version_is_served(uint64_t own, uint64_t node)
{
    return node >= version_lowest(own) && node <= version_highest(own);
}

/* In which version a node is answered: in its own, unless that is later. */
static inline uint64_t version_of_answer(uint64_t own, uint64_t node)
{
    return node < own ? node : own;
}

#endif
