/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of changes of volume groups (docs/ARCHITECTURE.md section 8). Included by messages.h
 * alone, after messages_scan.h. */
#ifndef MUSTER_WIRE_MESSAGES_LVM_H
#define MUSTER_WIRE_MESSAGES_LVM_H

/* clang-format off */

/* ---- between nodes and coordinator (proto/node.proto) ------------------------------------- */

/* Also stored: append only. */
enum lvm_op {
    LVM_VG_CREATE = 1, /* `vg` of `containers`, which become PVs */
    LVM_VG_EXTEND = 2, /* by `containers`, which become PVs */
    LVM_VG_REDUCE = 3, /* by the PVs in `containers`, on which nothing lies */
    LVM_VG_REMOVE = 4, /* there is no LV in it; its PVs are none afterwards */
    LVM_LV_CREATE = 5, /* `lv` of `size_bytes` on the PVs in `containers` (none: on any), linear */
    LVM_LV_EXTEND = 6, /* to `size_bytes`, on the PVs in `containers` (none: on any) */
    LVM_LV_REDUCE = 7, /* to `size_bytes` */
    LVM_LV_REMOVE = 8,
    LVM_LV_RENAME = 9, /* to `new_name` */
    LVM_LV_SNAPSHOT = 10, /* `new_name` of `lv`, with `size_bytes` for what changes */
    LVM_VG_AUTOACTIVATION_OFF = 11, /* its metadata say that no LVM activates its LVs by itself */
    LVM_LV_ACTIVATE = 20, /* this node gets devices of `lv`; no metadata are written */
    LVM_LV_DEACTIVATE = 21, /* and has none of it afterwards */
};

enum lvm_outcome {
    LVM_STARTED = 1, /* a worker works on it, or will when this is taken; the result follows */
    LVM_DONE = 2,    /* what was asked for is so, by this attempt or an earlier one */
    LVM_REFUSED = 3, /* nothing has changed, and another attempt would change nothing */
    LVM_FAILED = 4,  /* it is not known what has changed, or nothing has: another attempt finds out */
};

/* Sent unasked, to the node that has the right of `token`; repeated until something is heard of it.
 * The node changes nothing unless the volume group is what is said here. */
#define LVM_ORDER_LIST(X, XREC, XRECS)                                                             \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(U64,   token,      2, FIELD_REQUIRED, "of the right")                                         \
    X(U64,   op,         3, FIELD_REQUIRED, "enum lvm_op")                                         \
    X(STR,   vg,         4, FIELD_REQUIRED, "name")                                                \
    X(STR,   vg_uuid,    5, 0, "LVM's; absent when it is created")                                 \
    X(U64,   seqno,      6, 0, "of the metadata that it must have; absent when it is created")     \
    X(U64,   mark,       7, 0, "the same: text_mark() of its metadata_digest")                     \
    X(STRS,  pvs,        8, 0, "UUIDs of all its PVs, sorted; each must be there")                 \
    X(STRS,  containers, 9, 0, "as rows name them, in order; enum lvm_op says what for")           \
    X(STR,   lv,         10, 0, "name")                                                            \
    X(STR,   lv_uuid,    11, 0, "LVM's; absent when it is created")                                \
    X(STR,   new_name,   12, 0, "")                                                                \
    X(U64,   size_bytes, 13, 0, "of an LV; rounded up to extents")                                   \
    X(STRS,  tags,       14, 0, "of what is created")                                              \
    X(STR,   tag,        15, FIELD_REQUIRED, "by which a later attempt knows what this task has made or changed") \
    X(U64,   extent_bytes, 16, 0, "of what is created: of its extents; absent: 4 MiB")

/* Answer to lvm_order, also to a repeated one. `taken` of the result_ack says that it is durable; of
 * `started`, that the order still counts: the node begins when it has heard that. */
#define LVM_RESULT_LIST(X, XREC, XRECS)                                                            \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(U64,   token,      2, FIELD_REQUIRED, "of the order")                                        \
    X(U64,   outcome,    3, FIELD_REQUIRED, "enum lvm_outcome")                                    \
    X(STR,   reason,     4, 0, "one sentence, of refused and failed")                              \
    X(STR,   vg_uuid,    5, 0, "of done: what it has become")                                      \
    X(U64,   seqno,      6, 0, "of done: of the metadata now; absent: it is no more")              \
    X(U64,   mark,       7, 0, "the same, as in lvm_order")                                        \
    X(STR,   lv_uuid,    8, 0, "of done: of what was created or changed")

/* Sent unasked to each node that sees any PV of a changed volume group. Repeated as the order. */
#define LVM_REFRESH_LIST(X, XREC, XRECS)                                                           \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(STR,   vg,         2, FIELD_REQUIRED, "name")                                                \
    X(STR,   vg_uuid,    3, FIELD_REQUIRED, "")                                                    \
    X(U64,   seqno,      4, 0, "that the node is to have; absent: the volume group is no more")    \
    X(U64,   mark,       5, 0, "the same, as in lvm_order")                                        \
    X(STRS,  unmapped,   6, 0, "UUIDs of LVs of which there may be no device")

/* Answer to lvm_refresh. */
#define LVM_REFRESHED_LIST(X, XREC, XRECS)                                                         \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(BOOL,  current,    2, FIELD_REQUIRED, "metadata are those asked for, and every active table is what they say") \
    X(STR,   reason,     3, 0, "one sentence, unless current")                                     \
    X(U64,   seqno,      4, 0, "that it has")                                                      \
    X(U64,   mark,       5, 0, "the same, as in lvm_order")

/* ---- from clients (proto/client.proto) --------------------------------------------------------- */

/* What is to be changed. Names as LVM has them. */
#define VG_ASK_LIST(X, XREC, XRECS)                                                                \
    X(U64,  op,         1, FIELD_REQUIRED, "enum lvm_op")                                          \
    X(STR,  vg,         2, FIELD_REQUIRED, "name, or any name of the resource; of create: the new name") \
    X(STRS, luns,       3, 0, "of create, extend and reduce: any names of LUNs, or LUN-partN")     \
    X(STR,  lv,         4, 0, "name in the volume group")                                          \
    X(STR,  new_name,   5, 0, "of rename and snapshot")                                            \
    X(U64,  size_bytes, 6, 0, "of an LV or snapshot; rounded up to extents")                       \
    X(U64,  extent_bytes, 7, 0, "of a new volume group: of its extents; absent: 4 MiB")

/* ---- in replies to clients (proto/client.proto) ---------------------------------------------- */

/* A volume group, and how far the nodes that see it agree. */
#define VG_INFO_LIST(X, XREC, XRECS)                                                               \
    X(U64,  resource, 1, 0, "resource index")                                                      \
    X(BOOL, adopted,  2, 0, "it is muster's to change")                                            \
    X(U64,  seqno,    3, 0, "the newest version of its metadata that a node has")                  \
    X(U64,  nodes,    4, 0, "that see it")                                                         \
    X(U64,  current,  5, 0, "of those, that are up and have that version")                         \
    X(U64,  behind,   6, 0, "that are up and have another one")                                    \
    X(U64,  silent,   7, 0, "that are not up: what they had when they were heard is not counted")  \
    X(I64,  differ_ms, 8, 0, "wall time since when those that are up differ")                      \
    X(U64,  task,     9, 0, "that changes it now")                                                 \
    X(U64,  waiting,  10, 0, "tasks that wait to change it")                                       \
    X(U64,  activating, 11, 0, "nodes of which something activates its LVs by itself")

/* What one node has of a volume group. */
#define VG_NODE_LIST(X, XREC, XRECS)                                                               \
    X(U64,  node,     1, 0, "node index")                                                          \
    X(U64,  resource, 2, 0, "resource index: the volume group")                                    \
    X(U64,  seqno,    3, 0, "of the metadata as it has read them")                                 \
    X(STR,  state,    4, 0, "current, behind, other, silent, lost")                                \
    X(STR,  text,     5, 0, "one sentence, unless current")                                        \
    X(BOOL, activates, 6, 0, "something of the node activates its LVs by itself, at boot or when PVs appear")

/* ---- between supervisor and worker (proto/worker.proto) -------------------------------------- */

/* A device that a change may be about. */
#define CHANGE_DEVICE_LIST(X, XREC, XRECS)                                                            \
    X(STR, container, 1, FIELD_REQUIRED, "as rows name it")                                        \
    X(STR, device,    2, FIELD_REQUIRED, "top of its stack: dm-3")                                 \
    X(STR, devnum,    3, FIELD_REQUIRED, "MAJOR:MINOR that it must have")                          \
    X(U64, size_bytes, 4, 0, "that it must have")                                                  \
    X(STR, pv_uuid,   5, 0, "that it must have; absent: it must be no PV, and hold nothing")       \
    X(STRS, paths,    6, 0, "DEVICE DESIGNATOR of each path below it that can be asked")

/* What a worker of kind change is to do; in /run too while the worker may live. */
#define LVM_CHANGE_LIST(X, XREC, XRECS)                                                            \
    XREC(lvm_order, order, 1, FIELD_REQUIRED, "")                                                  \
    XRECS(change_device, devices, 2, 0, "of all its PVs, then those that are to become PVs")

/* What a worker of kind refresh is to do: make the devices of the LVs of one volume group what its
 * metadata say. In /run too until that is so. */
#define REFRESH_WORK_LIST(X, XREC, XRECS)                                                          \
    XREC(order_key, order, 1, FIELD_REQUIRED, "that asks for it")                                  \
    X(STR,  vg,         2, FIELD_REQUIRED, "name")                                                 \
    X(STR,  vg_uuid,    3, FIELD_REQUIRED, "")                                                     \
    X(U64,  seqno,      4, 0, "as in lvm_refresh: of other metadata nothing is made so")           \
    X(U64,  mark,       5, 0, "the same")                                                          \
    X(STRS, unmapped,   6, 0, "as in lvm_refresh")                                                 \
    XRECS(change_device, devices, 7, 0, "of its PVs, as far as they are here")

/* What it has done. */
#define REFRESH_RESULT_LIST(X, XREC, XRECS)                                                        \
    X(U64, refreshed, 1, 0, "LVs that have got the table that the metadata say")                   \
    X(U64, removed,   2, 0, "devices that are no more")                                            \
    X(STR, reason,    3, 0, "one sentence: what is not so; absent: nothing")

/* clang-format on */

#define RECORD_ENUM_vg_info(TYPE, member, ...)        vg_info_##member,
#define RECORD_ENUM_vg_node(TYPE, member, ...)        vg_node_##member,
#define RECORD_ENUM_vg_ask(TYPE, member, ...)         vg_ask_##member,
#define RECORD_ENUM_lvm_order(TYPE, member, ...)      lvm_order_##member,
#define RECORD_ENUM_lvm_result(TYPE, member, ...)     lvm_result_##member,
#define RECORD_ENUM_lvm_refresh(TYPE, member, ...)    lvm_refresh_##member,
#define RECORD_ENUM_lvm_refreshed(TYPE, member, ...)  lvm_refreshed_##member,
#define RECORD_ENUM_change_device(TYPE, member, ...)  change_device_##member,
#define RECORD_ENUM_lvm_change(TYPE, member, ...)     lvm_change_##member,
#define RECORD_ENUM_refresh_work(TYPE, member, ...)   refresh_work_##member,
#define RECORD_ENUM_refresh_result(TYPE, member, ...) refresh_result_##member,

RECORD_DECLARE(vg_info, VG_INFO_LIST);
RECORD_DECLARE(vg_node, VG_NODE_LIST);
RECORD_DECLARE(vg_ask, VG_ASK_LIST);
RECORD_DECLARE(lvm_order, LVM_ORDER_LIST);
RECORD_DECLARE(lvm_result, LVM_RESULT_LIST);
RECORD_DECLARE(lvm_refresh, LVM_REFRESH_LIST);
RECORD_DECLARE(lvm_refreshed, LVM_REFRESHED_LIST);
RECORD_DECLARE(change_device, CHANGE_DEVICE_LIST);
RECORD_DECLARE(lvm_change, LVM_CHANGE_LIST);
RECORD_DECLARE(refresh_work, REFRESH_WORK_LIST);
RECORD_DECLARE(refresh_result, REFRESH_RESULT_LIST);

#endif
