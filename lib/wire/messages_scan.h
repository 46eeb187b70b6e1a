/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of leases, tasks and scans (docs/ARCHITECTURE.md section 5). Included by messages.h
 * alone. */
#ifndef MUSTER_WIRE_MESSAGES_SCAN_H
#define MUSTER_WIRE_MESSAGES_SCAN_H

/* clang-format off */

/* ---- between nodes and coordinator (proto/node.proto) ------------------------------------- */

enum right_state {
    RIGHT_ASKED = 1,   /* no answer yet, and one that comes may still be used */
    RIGHT_HELD = 2,    /* a worker has it, or may have it */
    RIGHT_RESIDUE = 3, /* no live worker, but it is not proven that nothing is mounted */
    RIGHT_CHANGE = 4,  /* to change a volume group, under this token: a worker may write. No request */
};

/* Also stored: append only. */
enum scan_outcome { SCAN_COMPLETE = 1, SCAN_INCOMPLETE = 2, SCAN_NOT_READ = 3 };
enum offer_kind { OFFER_SCAN = 1, OFFER_REACH = 2 };

/* One right of a node, as it knows it (docs/ARCHITECTURE.md section 5: rights and who knows them). */
#define RIGHT_LIST(X, XREC, XRECS)                                                                 \
    X(U64, request, 1, FIELD_REQUIRED, "seq of the lease_request that it was, or is, asked for in; 0: of a change") \
    X(U64, state,   2, FIELD_REQUIRED, "enum right_state")                                         \
    X(U64, token,   3, 0, "absent while it is asked for")                                          \
    X(BYTES, resource, 4, FIELD_ID, "the filesystem")

/* What an order, and all that is heard of it, belongs to. */
#define ORDER_KEY_LIST(X, XREC, XRECS)                                                             \
    X(U64, task,    1, FIELD_REQUIRED, "number of the task")                                       \
    X(U64, job,     2, FIELD_REQUIRED, "of the task")                                              \
    X(U64, attempt, 3, FIELD_REQUIRED, "counts from 1")

/* Sent unasked, to a node that is up; repeated until something is heard of it. It promises nothing:
 * the node asks for a lease, or does what needs none. */
#define OFFER_LIST(X, XREC, XRECS)                                                                 \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(U64,   kind,      2, FIELD_REQUIRED, "enum offer_kind")                                      \
    X(BYTES, resource,  3, FIELD_REQUIRED | FIELD_ID, "the filesystem")                            \
    X(STR,   container, 4, 0, "as rows name it")                                                   \
    X(STR,   type,      5, 0, "ext4, xfs, ...")                                                    \
    X(STR,   uuid,      6, 0, "")

/* Asks for the lease that an offer was made for. Of the list of rights it is the newest itself. */
#define LEASE_REQUEST_LIST(X, XREC, XRECS)                                                         \
    XREC(order_key, order, 1, FIELD_REQUIRED, "of the offer")                                      \
    X(BYTES, resource, 2, FIELD_REQUIRED | FIELD_ID, "the filesystem")                             \
    XRECS(right, rights, 3, 0, "all others of this boot")

/* Answer to lease_request, sent only after the lease is durable. */
#define GRANTED_LIST(X, XREC, XRECS)                                                               \
    X(U64,   token,       1, FIELD_REQUIRED, "")                                                   \
    X(U64,   ttl_ms,      2, FIELD_REQUIRED, "counts from when the request was sent")              \
    XREC(order_key, order, 3, FIELD_REQUIRED, "")                                                  \
    X(BYTES, resource,    4, FIELD_REQUIRED | FIELD_ID, "")                                        \
    X(STR,   container,   5, 0, "")                                                                \
    X(STR,   type,        6, 0, "")                                                                \
    X(STR,   uuid,        7, 0, "")                                                                \
    X(STR,   fingerprint, 8, 0, "of the last complete result; absent: read it in any case")        \
    X(BOOL,  own_mount,   9, 0, "this node has the hold: it scans its own mount")

#define DENIED_LIST(X, XREC, XRECS)                                                                \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(STR, text, 2, 0, "one sentence: who or what is in the way")

/* Renews all leases of the list that are held. */
#define LEASE_RENEW_LIST(X, XREC, XRECS)                                                           \
    XRECS(right, rights, 1, 0, "all that this boot has")

/* Answer to lease_renew. What was held and is not named is lost: its worker must end. */
#define RENEWED_LIST(X, XREC, XRECS)                                                               \
    XRECS(right, rights, 1, 0, "")

/* A file-backed guest disk, as a scan found it. Names are made valid UTF-8 as everywhere. */
#define IMAGE_LIST(X, XREC, XRECS)                                                                 \
    X(STR,  path,            1,  FIELD_KEY, "from the root of its filesystem, with a leading /")   \
    X(STR,  format,          2,  0, "raw, qcow2, vhd, vhdx, vmdk, iso9660")                        \
    X(STR,  subformat,       3,  0, "v2, v3; fixed, dynamic, differencing; monolithicSparse, ...") \
    X(U64,  virtual_bytes,   4,  0, "what the guest sees")                                         \
    X(U64,  size_bytes,      5,  0, "of the file")                                                 \
    X(U64,  allocated_bytes, 6,  0, "st_blocks * 512")                                             \
    X(I64,  mtime_ms,        7,  0, "wall time of the filesystem")                                 \
    X(U64,  cluster_bytes,   8,  0, "cluster, block or grain")                                     \
    X(STR,  backing,         9,  0, "backing or parent file as the image names it")                \
    X(STR,  backing_path,    10, 0, "the same from the root of this filesystem; absent: it is not in it, or not known") \
    X(STR,  backing_format,  11, 0, "")                                                            \
    X(STR,  backing_state,   12, 0, "found, missing, outside (not in this filesystem), unresolved (no plain file name); absent: it has none") \
    X(STR,  data_file,       13, 0, "external data file of a qcow2")                               \
    X(STRS, extents,         14, 0, "files of a VMDK: NAME TYPE BYTES STATE")                      \
    X(STR,  contents,        15, 0, "of a raw image: mbr, gpt, or the type of the filesystem in it") \
    X(STRS, flags,           16, 0, "dirty, corrupt, encrypted, replay; sorted")                   \
    X(U64,  snapshots,       17, 0, "inside a qcow2")                                              \
    X(STR,  fault,           18, 0, "one sentence: what is wrong with its header")

/* What a scan brought. Taken only under a live lease of this node and boot. */
#define SCAN_RESULT_LIST(X, XREC, XRECS)                                                           \
    X(U64,   token,    1, FIELD_REQUIRED, "")                                                      \
    XREC(order_key, order, 2, FIELD_REQUIRED, "")                                                  \
    X(U64,   outcome,  3, FIELD_REQUIRED, "enum scan_outcome")                                     \
    X(STR,   reason,   4, 0, "one sentence, unless complete")                                      \
    X(BOOL,  unchanged, 5, 0, "not read, because nothing has changed since the fingerprint of the grant") \
    X(STR,   fingerprint, 6, 0, "of the filesystem after the walk; absent when it may not be compared") \
    X(U64,   mounts,   7, 0, "how often it was mounted")                                           \
    X(U64,   ms,       8, 0, "from the start of the worker to the proof that it is unmounted")     \
    X(U64,   entries,  9, 0, "files and folders that were looked at")                              \
    X(BOOL,  again,    10, 0, "the reason may be gone another time, or on another node")           \
    XRECS(image, images, 11, 0, "in order of paths")                                               \
    XRECS(right, rights, 12, 0, "all that this boot has; not this one when it is unmounted")       \
    X(BOOL,  mismatch, 13, 0, "what is there is not what was asked for: another LUN, or another filesystem")

/* Answer to an offer of kind reach: no lease, no mount. */
#define REACH_RESULT_LIST(X, XREC, XRECS)                                                          \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(BOOL, proven, 2, FIELD_REQUIRED, "identity of the LUN and of the filesystem, read just now, are those asked for") \
    X(STR,  reason, 3, 0, "one sentence, unless proven")                                           \
    X(BOOL, again,  4, 0, "as in scan_result")                                                     \
    X(BOOL, mismatch, 5, 0, "as in scan_result")

/* Answer to scan_result and reach_result. Sent only after the outcome is durable. */
#define RESULT_ACK_LIST(X, XREC, XRECS)                                                            \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(BOOL, taken, 2, FIELD_REQUIRED, "")                                                          \
    X(STR,  text,  3, 0, "why not")

/* The node does not take an offer up. */
#define DECLINE_LIST(X, XREC, XRECS)                                                               \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(STR, reason,   2, 0, "one sentence")                                                         \
    X(U64, retry_ms, 3, 0, "absent: do not offer this job to this node again")

/* ---- rescans (docs/ARCHITECTURE.md section 4, "Rescans") -------------------------------------- */

/* What the node's storage has announced and its kernel does not look at by itself. Repeated until
 * it is answered. Each text is one that rescan_parse() takes. */
#define RESCAN_WANT_LIST(X, XREC, XRECS)                                                           \
    X(STRS, what, 1, 0, "target HOST:CHANNEL:TARGET NAME, device HOST:CHANNEL:TARGET:LUN NAME, ...")

/* Answer to rescan_want, sent only after the jobs are durable. */
#define RESCAN_NOTED_LIST(X, XREC, XRECS)                                                          \
    X(U64, task, 1, 0, "in which the node's rescan stands; absent: in several")

/* Sent unasked, as an offer; but the node carries it out at once: it is within the budget. */
#define RESCAN_ORDER_LIST(X, XREC, XRECS)                                                          \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(STR, what,       2, FIELD_REQUIRED, "as in rescan_want")                                     \
    X(U64, timeout_ms, 3, FIELD_REQUIRED, "the node ends it after that; counts from when it comes")

/* Addresses are HOST:CHANNEL:TARGET:LUN. */
#define RESCAN_RESULT_LIST(X, XREC, XRECS)                                                         \
    XREC(order_key, order, 1, FIELD_REQUIRED, "")                                                  \
    X(BOOL, done,   2, FIELD_REQUIRED, "all that was asked for was looked at")                     \
    X(STR,  reason, 3, 0, "one sentence, unless done")                                             \
    X(BOOL, again,  4, 0, "the reason may be gone another time")                                   \
    X(U64,  ms,     5, 0, "")                                                                      \
    X(U64,  looked, 6, 0, "targets and devices that were looked at")                               \
    X(STRS, added,  7, 0, "LUNs that the target names and the kernel did not have")                \
    X(STRS, gone,   8, 0, "LUNs that the kernel has and the target does not name any more: they stay")

/* ---- between supervisor and worker (proto/worker.proto) -------------------------------------- */

enum scan_order_kind {
    SCAN_ORDER_SCAN = 1,
    SCAN_ORDER_REACH = 2, /* looks whether it is there, and mounts nothing */
    SCAN_ORDER_PROVE = 3, /* looks whether a scan has left it mounted */
};

/* What a scan's worker is to do; in /run too, for a later supervisor, while the worker may live. */
#define SCAN_ORDER_LIST(X, XREC, XRECS)                                                            \
    X(U64,  kind,        1,  FIELD_REQUIRED, "enum scan_order_kind")                               \
    X(U64,  request,     2,  0, "names the right")                                                 \
    X(U64,  token,       3,  0, "in the name of its loop device")                                  \
    X(U64,  deadline_ms, 4,  0, "of CLOCK_BOOTTIME, at which the worker must be dead")             \
    XREC(order_key, order, 5, FIELD_REQUIRED, "")                                                  \
    X(STR,  device,      6,  FIELD_REQUIRED, "the container: dm-3")                                \
    X(STR,  devnum,      7,  0, "MAJOR:MINOR that it must have")                                   \
    X(U64,  size_bytes,  8,  0, "that it must have")                                               \
    X(STR,  type,        9,  FIELD_REQUIRED, "ext4, xfs, ...")                                     \
    X(STR,  uuid,        10, FIELD_REQUIRED, "that its superblock must have")                      \
    X(STRS, paths,       11, 0, "DEVICE DESIGNATOR of each path below it that can be asked")       \
    X(STR,  fingerprint, 12, 0, "of the grant")                                                    \
    X(BOOL, own_mount,   13, 0, "of the grant")                                                    \
    X(STR,  mount_at,    14, 0, "a folder, which the worker covers for itself alone")              \
    X(BYTES, resource,   15, FIELD_ID, "of the grant")

/* What a rescan's worker is to do: look at these, and at nothing else. */
#define RESCAN_WORK_LIST(X, XREC, XRECS)                                                           \
    X(STRS, targets,    1, 0, "HOST:CHANNEL:TARGET: LUNs that are new are to be taken up")         \
    X(STRS, devices,    2, 0, "HOST:CHANNEL:TARGET:LUN: size and identity are to be read again")   \
    X(BOOL, all,        3, 0, "all targets that the kernel has a LUN of")                          \
    X(U64,  timeout_ms, 4, FIELD_REQUIRED, "in all")

/* While it runs. The worker's timer is set anew. */
#define SCAN_EXTEND_LIST(X, XREC, XRECS)                                                           \
    X(U64, deadline_ms, 1, FIELD_REQUIRED, "as in scan_order")

/* ---- in replies to clients (proto/client.proto) ---------------------------------------------- */

/* A lease or a hold. */
#define LEASE_INFO_LIST(X, XREC, XRECS)                                                            \
    X(STR, resource,   1, 0, "id")                                                                 \
    X(STR, kind,       2, 0, "of the resource")                                                    \
    X(STR, label,      3, 0, "of the resource")                                                    \
    X(STR, node,       4, 0, "id")                                                                 \
    X(STR, node_name,  5, 0, "")                                                                   \
    X(STR, boot_id,    6, 0, "")                                                                   \
    X(STR, token,      7, 0, "decimal")                                                            \
    X(STR, state,      8, 0, "live, residue, held, over")                                          \
    X(I64, ttl_ms,     9, 0, "of a lease")                                                         \
    X(I64, remaining_ms, 10, 0, "of a live lease, until it is residue unless renewed")             \
    X(I64, granted_ms, 11, 0, "wall time")                                                         \
    X(I64, ended_ms,   12, 0, "wall time; absent: it is not over")                                 \
    X(STR, end,        13, 0, "released, expired, fenced; of a hold: done, fenced, broken")        \
    X(STR, text,       14, 0, "what for")                                                          \
    X(U64, task,       15, 0, "that it was granted for")                                           \
    X(STR, right,      16, 0, "lease; hold, change, activation; outside: active without a right")

#define TASK_INFO_LIST(X, XREC, XRECS)                                                             \
    X(U64, no,         1, 0, "")                                                                   \
    X(STR, kind,       2, 0, "scan, rescan")                                                          \
    X(STR, state,      3, 0, "running, failing, cancelling; done, failed, cancelled")                                   \
    X(STR, step,       4, 0, "of a running one")                                                   \
    X(STR, text,       5, 0, "one sentence: what it is for, or how it ended")                      \
    X(I64, created_ms, 6, 0, "wall time")                                                          \
    X(I64, ended_ms,   7, 0, "wall time")                                                          \
    X(U64, jobs,       8, 0, "")                                                                   \
    X(U64, jobs_done,  9, 0, "")                                                                   \
    X(U64, jobs_running, 10, 0, "")                                                                \
    X(U64, jobs_held,  11, 0, "that something is in the way of")                                   \
    X(U64, images,     12, 0, "found")                                                             \
    X(U64, mounts,     13, 0, "")                                                                  \
    X(U64, skipped,    14, 0, "unchanged")                                                         \
    X(I64, remaining_ms, 15, 0, "as learnt durations say")                                         \
    X(BOOL, every_node, 16, 0, "mode of a scan")

#define JOB_INFO_LIST(X, XREC, XRECS)                                                              \
    X(U64, no,         1, 0, "of the task")                                                        \
    X(STR, step,       2, 0, "read, reach; of a rescan: look")                                                        \
    X(STR, resource,   3, 0, "id")                                                                 \
    X(STR, label,      4, 0, "of the resource; of a rescan: what it looks at")                     \
    X(STR, node,       5, 0, "id; absent: none yet")                                               \
    X(STR, node_name,  6, 0, "")                                                                   \
    X(STR, state,      7, 0, "waiting, offered, running, held, done")                              \
    X(U64, attempt,    8, 0, "")                                                                   \
    X(STR, result,     9, 0, "complete, incomplete, not_read; of reach: proven, not_proven; of a rescan: done, failed")       \
    X(STR, reason,     10, 0, "of the result, or who is in the way")                               \
    X(STR, token,      11, 0, "decimal")                                                           \
    X(U64, images,     12, 0, "")                                                                  \
    X(U64, mounts,     13, 0, "")                                                                  \
    X(I64, ms,         14, 0, "")                                                                  \
    X(BOOL, unchanged, 15, 0, "")                                                                  \
    X(I64, ended_ms,   16, 0, "wall time")

/* An image, where it lies and what is known of it. */
#define IMAGE_INFO_LIST(X, XREC, XRECS)                                                            \
    X(STR, resource,   1, 0, "id")                                                                 \
    X(STR, filesystem, 2, 0, "id")                                                                 \
    X(STR, label,      3, 0, "of the filesystem")                                                  \
    X(I64, seen_ms,    4, 0, "wall time of the scan that found it last")                           \
    XREC(image, image, 5, 0, "")

/* The newest word of a node on whether it reaches a filesystem, from looking afresh. */
#define REACH_INFO_LIST(X, XREC, XRECS)                                                            \
    X(U64,  node,      1, 0, "node index")                                                         \
    X(U64,  resource,  2, 0, "resource index: the filesystem")                                     \
    X(STR,  how,       3, 0, "read_here, proven, not_proven")                                      \
    X(I64,  at_ms,     4, 0, "wall time")                                                          \
    X(STR,  boot_id,   5, 0, "the boot of the node that it is true of")                            \
    X(BOOL, this_boot, 6, 0, "it is in that boot still")                                           \
    X(STR,  reason,    7, 0, "one sentence, of not_proven")

/* clang-format on */

#define RECORD_ENUM_right(TYPE, member, ...)         right_##member,
#define RECORD_ENUM_order_key(TYPE, member, ...)     order_key_##member,
#define RECORD_ENUM_offer(TYPE, member, ...)         offer_##member,
#define RECORD_ENUM_lease_request(TYPE, member, ...) lease_request_##member,
#define RECORD_ENUM_granted(TYPE, member, ...)       granted_##member,
#define RECORD_ENUM_denied(TYPE, member, ...)        denied_##member,
#define RECORD_ENUM_lease_renew(TYPE, member, ...)   lease_renew_##member,
#define RECORD_ENUM_renewed(TYPE, member, ...)       renewed_##member,
#define RECORD_ENUM_image(TYPE, member, ...)         image_##member,
#define RECORD_ENUM_scan_result(TYPE, member, ...)   scan_result_##member,
#define RECORD_ENUM_reach_result(TYPE, member, ...)  reach_result_##member,
#define RECORD_ENUM_result_ack(TYPE, member, ...)    result_ack_##member,
#define RECORD_ENUM_decline(TYPE, member, ...)       decline_##member,
#define RECORD_ENUM_rescan_want(TYPE, member, ...)   rescan_want_##member,
#define RECORD_ENUM_rescan_noted(TYPE, member, ...)  rescan_noted_##member,
#define RECORD_ENUM_rescan_order(TYPE, member, ...)  rescan_order_##member,
#define RECORD_ENUM_rescan_result(TYPE, member, ...) rescan_result_##member,
#define RECORD_ENUM_scan_order(TYPE, member, ...)    scan_order_##member,
#define RECORD_ENUM_rescan_work(TYPE, member, ...)   rescan_work_##member,
#define RECORD_ENUM_scan_extend(TYPE, member, ...)   scan_extend_##member,
#define RECORD_ENUM_lease_info(TYPE, member, ...)    lease_info_##member,
#define RECORD_ENUM_task_info(TYPE, member, ...)     task_info_##member,
#define RECORD_ENUM_job_info(TYPE, member, ...)      job_info_##member,
#define RECORD_ENUM_image_info(TYPE, member, ...)    image_info_##member,
#define RECORD_ENUM_reach_info(TYPE, member, ...)    reach_info_##member,

RECORD_DECLARE(right, RIGHT_LIST);
RECORD_DECLARE(order_key, ORDER_KEY_LIST);
RECORD_DECLARE(offer, OFFER_LIST);
RECORD_DECLARE(lease_request, LEASE_REQUEST_LIST);
RECORD_DECLARE(granted, GRANTED_LIST);
RECORD_DECLARE(denied, DENIED_LIST);
RECORD_DECLARE(lease_renew, LEASE_RENEW_LIST);
RECORD_DECLARE(renewed, RENEWED_LIST);
RECORD_DECLARE(image, IMAGE_LIST);
RECORD_DECLARE(scan_result, SCAN_RESULT_LIST);
RECORD_DECLARE(reach_result, REACH_RESULT_LIST);
RECORD_DECLARE(result_ack, RESULT_ACK_LIST);
RECORD_DECLARE(decline, DECLINE_LIST);
RECORD_DECLARE(rescan_want, RESCAN_WANT_LIST);
RECORD_DECLARE(rescan_noted, RESCAN_NOTED_LIST);
RECORD_DECLARE(rescan_order, RESCAN_ORDER_LIST);
RECORD_DECLARE(rescan_result, RESCAN_RESULT_LIST);
RECORD_DECLARE(scan_order, SCAN_ORDER_LIST);
RECORD_DECLARE(rescan_work, RESCAN_WORK_LIST);
RECORD_DECLARE(scan_extend, SCAN_EXTEND_LIST);
RECORD_DECLARE(lease_info, LEASE_INFO_LIST);
RECORD_DECLARE(task_info, TASK_INFO_LIST);
RECORD_DECLARE(job_info, JOB_INFO_LIST);
RECORD_DECLARE(image_info, IMAGE_INFO_LIST);
RECORD_DECLARE(reach_info, REACH_INFO_LIST);

#endif
