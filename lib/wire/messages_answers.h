/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of answers to clients (proto/client.proto): what depends on what, and what can be placed
 * where (docs/ARCHITECTURE.md section 9). Included by messages.h alone. */
#ifndef MUSTER_WIRE_MESSAGES_ANSWERS_H
#define MUSTER_WIRE_MESSAGES_ANSWERS_H

/* clang-format off */

/* What depends on a resource or node, from the bottom up: each after what it depends on. */
#define DEPENDENT_LIST(X, XREC, XRECS)                                                             \
    X(STR,  kind,   1, 0, "partition, pv, vg, lv, filesystem, image, use")                         \
    X(STR,  id,     2, 0, "of the resource; absent: it is none")                                   \
    X(STR,  key,    3, 0, "its own in its kind; of a use NODE/KIND/DEVNUM/WHERE")                  \
    X(STR,  label,  4, 0, "")                                                                      \
    X(U64,  depth,  5, 0, "1: on the resource or node itself")                                     \
    X(U64,  parent, 6, 0, "which of the dependents it is on; absent: the resource or node itself") \
    X(STRS, nodes_lost, 7, 0, "names of the nodes that would lose it")                             \
    X(STRS, nodes_degraded, 8, 0, "names of those that would keep a part of it")

/* Where something can be placed: the answer as a whole. */
#define PLACEMENT_LIST(X, XREC, XRECS)                                                             \
    X(U64,  eligible,     1, 0, "nodes, whether they are listed or not")                           \
    X(U64,  not_eligible, 2, 0, "the others of those that were asked about")                       \
    X(STRS, order,        3, 0, "what the eligible are ranked by: the first counts most")

/* One node, and what is against it. */
#define PLACE_NODE_LIST(X, XREC, XRECS)                                                            \
    X(U64,  node,      1, 0, "node index")                                                         \
    X(U64,  rank,      2, 0, "1 is the best; absent: it is not eligible")                          \
    X(U64,  degraded,  3, 0, "needed resources that it sees in part")                              \
    X(U64,  under_way, 4, 0, "orders and scans that it works on, or has been offered")             \
    XRECS(place_reason, reasons, 5, 0, "of one that is eligible: what is degraded")

/* One reason against a node, or for a lower rank. */
#define PLACE_REASON_LIST(X, XREC, XRECS)                                                          \
    X(U64,  resource,  1, 0, "resource index; absent: the node itself")                            \
    X(STR,  state,     2, 0, "missing, lost, unknown, stuck, quarantined, degraded, behind, taken; of the node: pending, quarantined, dead, suspect, down, never, unregistered, draining") \
    X(STR,  text,      3, 0, "one sentence of fact")                                               \
    X(STR,  mend,      4, 0, "what would mend it")

/* clang-format on */

#define RECORD_ENUM_dependent(TYPE, member, ...)    dependent_##member,
#define RECORD_ENUM_placement(TYPE, member, ...)    placement_##member,
#define RECORD_ENUM_place_node(TYPE, member, ...)   place_node_##member,
#define RECORD_ENUM_place_reason(TYPE, member, ...) place_reason_##member,

RECORD_DECLARE(dependent, DEPENDENT_LIST);
RECORD_DECLARE(placement, PLACEMENT_LIST);
RECORD_DECLARE(place_node, PLACE_NODE_LIST);
RECORD_DECLARE(place_reason, PLACE_REASON_LIST);

#endif
