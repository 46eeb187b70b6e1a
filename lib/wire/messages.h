/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every message of muster as records (model/record.h). proto/ holds the same as protobuf; a test
 * proves that they agree. Numbers of enums are on the wire: append only. */
#ifndef MUSTER_WIRE_MESSAGES_H
#define MUSTER_WIRE_MESSAGES_H

#include "model/sections.h"
#include "wire/messages_scan.h"
#include "wire/messages_lvm.h"
#include "wire/messages_answers.h"

/* clang-format off */
/* ---- between nodes and coordinator (proto/node.proto) ------------------------------------- */

/* What identifies a machine, as the machine gives it: empty and placeholder values are sent too. */
#define IDENTITY_LIST(X, XREC, XRECS)                                                              \
    X(STR, product_uuid,   1, 0, "SMBIOS, absent when unreadable")                                 \
    X(STR, lowest_mac,     2, 0, "lowest permanent MAC")                                           \
    X(STR, configured_id,  3, 0, "node id that the operator gave this probe (UUID)")               \
    X(STR, configured_name,4, 0, "name that the operator gave this probe")                         \
    X(STR, hostname,       5, 0, "")                                                               \
    X(STR, probe_version,  6, 0, "")                                                               \
    X(STR, source,         7, 0, "what the node id was made of: smbios, mac, configured")

/* What a node remembers, for this boot, of the coordinator that it follows. */
#define MEMORY_LIST(X, XREC, XRECS)                                                                \
    X(BYTES, db_id,      1, FIELD_ID, "16 bytes")                                                  \
    X(U64,   epoch,      2, 0, "")                                                                 \
    X(U64,   start_no,   3, 0, "count of coordinator starts on that database")                     \
    X(BYTES, nonce,      4, FIELD_ID, "16 bytes, one for each start")                              \
    X(U64,   generation, 5, 0, "highest generation acknowledged to this node")                     \
    X(U64,   token,      6, 0, "highest token counter seen")

#define SECTION_STATE_LIST(X, XREC, XRECS)                                                         \
    X(U64,   section,       1, FIELD_REQUIRED, "enum section_id")                                  \
    X(U64,   generation,    2, FIELD_REQUIRED, "")                                                 \
    X(BYTES, digest,        3, FIELD_REQUIRED | FIELD_ID, "16 bytes")                              \
    X(I64,   age_ms,        4, 0, "since the rows were last collected")                            \
    X(I64,   status_age_ms, 5, 0, "since the status last changed")

/* One section with its rows; only the list of its own kind is filled. */
#define SECTION_BODY_LIST(X, XREC, XRECS)                                                          \
    X(U64,   section,       1, FIELD_REQUIRED, "enum section_id")                                  \
    X(U64,   status,        2, FIELD_REQUIRED, "enum section_status")                              \
    X(STR,   status_text,   3, 0, "")                                                              \
    X(U64,   generation,    4, 0, "")                                                              \
    X(I64,   age_ms,        5, 0, "")                                                              \
    X(I64,   status_age_ms, 6, 0, "")                                                              \
    X(BYTES, digest,        7, FIELD_ID, "16 bytes")                                               \
    XRECS(system, system,   16, 0, "")                                                             \
    XRECS(cpu,    cpu,      17, 0, "")                                                             \
    XRECS(nic,    nics,     18, 0, "")                                                             \
    XRECS(bond,   bonds,    19, 0, "")                                                             \
    XRECS(vlan,   vlans,    20, 0, "")                                                             \
    XRECS(bridge, bridges,  21, 0, "")                                                             \
    XRECS(lldp,   lldp,     22, 0, "") \
    XRECS(hba, hbas, 23, 0, "") \
    XRECS(lun, luns, 24, 0, "") \
    XRECS(path, paths, 25, 0, "") \
    XRECS(partition, partitions, 26, 0, "") \
    XRECS(pv, pvs, 27, 0, "") \
    XRECS(vg, vgs, 28, 0, "") \
    XRECS(lv, lvs, 29, 0, "") \
    XRECS(filesystem, filesystems, 30, 0, "") \
    XRECS(use, uses, 31, 0, "") XRECS(xen, xen, 32, 0, "") XRECS(domain, domains, 33, 0, "")

#define ENROL_LIST(X, XREC, XRECS)                                                                 \
    X(STR,  secret,   1, 0, "secret part of a one-time token; absent: wait for an operator")       \
    XREC(identity, identity, 2, FIELD_REQUIRED, "")

#define REGISTER_LIST(X, XREC, XRECS)                                                              \
    XREC(identity, identity, 1, FIELD_REQUIRED, "")                                                \
    XREC(memory,   memory,   2, 0, "absent: this boot has followed no coordinator yet")            \
    XRECS(section_state, sections, 3, 0, "")                                                       \
    XRECS(right, rights, 4, 0, "all that this boot has; what is missing is over and unmounted")    \
    X(U64, scans, 5, 0, "that may run here at one time; absent: 4")

#define HEARTBEAT_LIST(X, XREC, XRECS)                                                             \
    XRECS(section_state, sections, 1, 0, "")                                                       \
    XRECS(right, rights, 2, 0, "all that this boot has; what is missing is over and unmounted")

#define REPORT_LIST(X, XREC, XRECS)                                                                \
    XRECS(section_body, sections, 1, 0, "")

#define GOODBYE_LIST(X, XREC, XRECS)                                                               \
    X(STR, reason, 1, 0, "the probe ends in good order; the host may live on")

/* Answer to enrol. */
#define ENROLLED_LIST(X, XREC, XRECS)                                                              \
    X(U64, state,    1, FIELD_REQUIRED, "enum enrol_state")                                        \
    X(STR, text,     2, 0, "one sentence when not approved")                                       \
    X(U64, retry_ms, 3, 0, "ask again after this time")

/* Answer to register. `memory` is the coordinator's own identity of this start. */
#define REGISTERED_LIST(X, XREC, XRECS)                                                            \
    XREC(memory, coordinator, 1, FIELD_REQUIRED, "")                                               \
    X(STR,  node_name,    2, 0, "name under which the operator sees this node")                    \
    X(U64,  heartbeat_ms, 3, 0, "")                                                                \
    X(STRS, want,         4, 0, "names of the sections to send now")

#define HEARTBEAT_ACK_LIST(X, XREC, XRECS)                                                         \
    X(U64,  generation, 1, 0, "highest durable generation")                                        \
    X(STRS, want,       2, 0, "names of the sections to send")

/* Sent only after the report is durable. */
#define REPORT_ACK_LIST(X, XREC, XRECS)                                                            \
    X(U64, generation, 1, 0, "")                                                                   \
    XRECS(section_state, sections, 2, 0, "what is durable now")

#define REFUSED_LIST(X, XREC, XRECS)                                                               \
    X(U64, reason, 1, FIELD_REQUIRED, "enum refuse_reason")                                        \
    X(STR, text,   2, 0, "one sentence")                                                           \
    X(U64, retry_ms, 3, 0, "")

/* Exactly one body. */
#define ENVELOPE_LIST(X, XREC, XRECS)                                                              \
    X(U64,   version,     1, FIELD_REQUIRED, "of the node: that it speaks; of the coordinator: of this answer") \
    X(BYTES, node_id,     2, FIELD_ID, "16 bytes")                                                 \
    X(BYTES, boot_id,     3, FIELD_ID, "16 bytes")                                                 \
    X(U64,   seq,         4, 0, "strictly increasing for a boot of a node, across restarts of its probe") \
    X(U64,   correlation, 5, 0, "an answer carries the seq of what it answers")                    \
    X(BYTES, start,       6, FIELD_ID, "coordinator: nonce of its start")                          \
    XREC(enrol,         enrol,         16, 0, "node")                                              \
    XREC(node_register, node_register, 17, 0, "node")                                              \
    XREC(heartbeat,     heartbeat,     18, 0, "node")                                              \
    XREC(report,        report,        19, 0, "node")                                              \
    XREC(goodbye,       goodbye,       20, 0, "node")                                              \
    XREC(lease_request, lease_request, 21, 0, "node")                                              \
    XREC(lease_renew,   lease_renew,   22, 0, "node")                                              \
    XREC(scan_result,   scan_result,   23, 0, "node")                                              \
    XREC(reach_result,  reach_result,  24, 0, "node")                                              \
    XREC(decline,       decline,       25, 0, "node")                                              \
    XREC(rescan_want,   rescan_want,   26, 0, "node")                                              \
    XREC(rescan_result, rescan_result, 27, 0, "node")                                              \
    XREC(lvm_result,    lvm_result,    28, 0, "node")                                              \
    XREC(lvm_refreshed, lvm_refreshed, 29, 0, "node")                                              \
    XREC(enrolled,      enrolled,      32, 0, "coordinator")                                       \
    XREC(registered,    registered,    33, 0, "coordinator")                                       \
    XREC(heartbeat_ack, heartbeat_ack, 34, 0, "coordinator")                                       \
    XREC(report_ack,    report_ack,    35, 0, "coordinator")                                       \
    XREC(refused,       refused,       36, 0, "coordinator")                                       \
    XREC(offer,         offer,         37, 0, "coordinator, unasked")                              \
    XREC(granted,       granted,       38, 0, "coordinator")                                       \
    XREC(denied,        denied,        39, 0, "coordinator")                                       \
    XREC(renewed,       renewed,       40, 0, "coordinator")                                       \
    XREC(result_ack,    result_ack,    41, 0, "coordinator")                                       \
    XREC(rescan_order,  rescan_order,  42, 0, "coordinator, unasked")                              \
    XREC(rescan_noted,  rescan_noted,  43, 0, "coordinator") \
    XREC(lvm_order,     lvm_order,     44, 0, "coordinator, unasked")                              \
    XREC(lvm_refresh,   lvm_refresh,   45, 0, "coordinator, unasked")

enum enrol_state {
    ENROL_APPROVED = 1,
    ENROL_PENDING = 2,   /* an operator must approve, or the predecessor boot is not silent yet */
    ENROL_REJECTED = 3,  /* token unknown, used or expired; identity unusable */
};

enum refuse_reason {
    REFUSE_MALFORMED = 1,    /* cannot be decoded, or breaks a rule of its section */
    REFUSE_VERSION = 2,      /* protocol version not served here */
    REFUSE_TOO_LARGE = 3,
    REFUSE_UNKNOWN_KEY = 4,  /* this key may only enrol */
    REFUSE_ROLE = 5,         /* a node asked what only a client may, or the reverse */
    REFUSE_IDENTITY = 6,     /* the node id is not the one this key was enrolled for */
    REFUSE_RETIRED_BOOT = 7, /* a newer boot of this node has been accepted */
    REFUSE_REPLAY = 8,       /* sequence not above the last one */
    REFUSE_FLOOD = 9,        /* over the message or byte rate; dropped */
    REFUSE_QUARANTINED = 10,
    REFUSE_PENDING = 11,     /* not approved yet */
    REFUSE_NOT_REGISTERED = 12, /* register first (after a coordinator restart) */
    REFUSE_RECOVER = 13,     /* this database is older than what the node has seen */
    REFUSE_BUSY = 14,        /* cannot store just now (disk); try again */
};

/* ---- between clients and coordinator (proto/client.proto) ---------------------------------- */

enum client_op {
    OP_HELLO = 1,
    OP_STATUS = 2,
    OP_NODE_LIST = 3,
    OP_NODE_SHOW = 4,        /* node */
    OP_NODE_APPROVE = 5,     /* node */
    OP_NODE_RENAME = 6,      /* node, name */
    OP_NODE_FORGET = 7,      /* node (exact name) */
    OP_NODE_DECLARE_DEAD = 8, /* node (exact name), confirm = the same name */
    OP_NODE_DRAIN = 9,       /* node, flag: true drains, false ends it */
    OP_SNAPSHOT = 10,        /* kind, nodes, resources: the matrix at one generation */
    OP_CHANGES = 11,         /* kind, since = generation */
    OP_RESOURCE_LIST = 12,   /* kind */
    OP_RESOURCE_SHOW = 13,   /* resource */
    OP_EXPLAIN = 14,         /* node, resource */
    OP_NETWORK_DEFINE = 15,  /* name, vlan, matches */
    OP_NETWORK_LIST = 16,
    OP_NETWORK_DELETE = 17,  /* name */
    OP_EVENTS = 18,          /* since = event number (exclusive) or since_wall_ms; limit */
    OP_WATCH = 19,           /* ask for hints for DEFAULT_WATCH_MS; repeat to go on */
    OP_TOKEN_CREATE = 20,    /* role, count, ttl_ms, node (optional binding) */
    OP_TOKEN_LIST = 21,
    OP_CLIENT_ENROL = 22,    /* secret, name: an unknown key becomes a client */
    OP_BACKUP_BEGIN = 23,    /* answer: handle, total_bytes */
    OP_BACKUP_READ = 24,     /* handle, offset: answer: chunk */
    OP_BACKUP_END = 25,      /* handle */
    OP_RECOVER = 26,         /* confirm */
    OP_IMPACT = 27,          /* resource or node */
    OP_TOKEN_REVOKE = 28,    /* name: the token's id */
    OP_CLIENT_LIST = 29,
    OP_CLIENT_REVOKE = 30,   /* name, or the beginning of its key */
    OP_FS_LIST = 31,         /* resources, nodes: filters; filesystems, and who uses what they lie in */
    OP_FS_ADMIT = 32,        /* resources (absent: all that can be); flag: true admits, false retires */
    OP_SCAN = 33,            /* resources (absent: all that are admitted); flag: every node */
    OP_TASK_LIST = 34,       /* flag: closed ones too; limit */
    OP_TASK_SHOW = 35,       /* count = number of the task */
    OP_TASK_CANCEL = 36,     /* count = number of the task */
    OP_LEASE_LIST = 37,      /* flag: those that are over; limit; resources, nodes: filters */
    OP_HOLD_LIST = 38,       /* flag: those that are over; limit; resources, nodes: filters */
    OP_HOLD_TAKE = 39,       /* resource, node, name = what for */
    OP_HOLD_END = 40,        /* count = token: what it was taken for is done */
    OP_HOLD_BREAK = 41,      /* resource (exact name), confirm = the same: an operator's word */
    OP_IMAGE_LIST = 42,      /* resources: filesystems, or images; since: so many passed over; limit */
    OP_RESCAN = 43,          /* nodes, or flag: all that are up; name: a target, or resource: a LUN;
                                neither: all targets */
    OP_PLACE = 44,           /* resources that are needed; nodes: filter; limit: of each kind of node */
    OP_VG_ADOPT = 50,        /* resource; flag: true adopts, false lets go */
    OP_VG_LIST = 52,         /* resource: that one, with its nodes, PVs and LVs; absent: all */
    OP_VG_CHANGE = 51,       /* vg_ask: a task that changes a volume group */
    OP_LV_ACTIVATE = 60,     /* vg_ask of activate with node, or of deactivate: a task */
};

enum reply_code {
    REPLY_OK = 0,
    REPLY_NOT_FOUND = 1,     /* no such node, resource, network, handle */
    REPLY_AMBIGUOUS = 2,     /* candidates lists them */
    REPLY_INVALID = 3,       /* the request is wrong; text says what would be right */
    REPLY_REFUSED = 4,       /* not in this state; text says why */
    REPLY_FORBIDDEN = 5,     /* role */
    REPLY_READ_ONLY = 6,     /* the coordinator cannot store just now */
    REPLY_RESYNC = 7,        /* changes: too far back, take a snapshot */
    REPLY_TOO_LARGE = 8,
    REPLY_FAILED = 9,
};

enum role { ROLE_NONE = 0, ROLE_NODE = 1, ROLE_OBSERVER = 2, ROLE_OPERATOR = 3 };

/* Also stored in the database: append only. */
enum edge_state {
    EDGE_OK = 1,
    EDGE_DEGRADED = 2,
    EDGE_LOST = 3,
    /* Shown, and never stored. */
    EDGE_UNKNOWN = 4,
    EDGE_STUCK = 5,
    EDGE_QUARANTINED = 6, /* the node found something else there when it looked */
};
enum resource_kind {
    RESOURCE_NETWORK = 1,
    RESOURCE_LUN = 2,
    RESOURCE_VG = 3,
    RESOURCE_LV = 4,
    RESOURCE_FILESYSTEM = 5,
    RESOURCE_IMAGE = 6, /* has no edges of its own: those of its filesystem */
    RESOURCE_KINDS
};
enum node_liveness { NODE_UP = 1, NODE_SUSPECT = 2, NODE_DOWN = 3, NODE_NEVER = 4 };
enum node_admission {
    NODE_PENDING = 1, NODE_APPROVED = 2, NODE_QUARANTINED = 3, NODE_DEAD = 4, /* declared dead */
};

#define REQUEST_LIST(X, XREC, XRECS)                                                               \
    X(U64,  version,     1,  FIELD_REQUIRED, "")                                                   \
    X(U64,  op,          2,  FIELD_REQUIRED, "enum client_op")                                     \
    X(U64,  correlation, 3,  0, "")                                                                \
    X(STR,  node,        4,  0, "name, id or unambiguous id prefix")                               \
    X(STR,  resource,    5,  0, "key, label, id or unambiguous id prefix")                         \
    X(STR,  kind,        6,  0, "network, ...; absent: all")                                       \
    X(STRS, nodes,       7,  0, "filter; absent: all")                                             \
    X(STRS, resources,   8,  0, "filter; absent: all")                                             \
    X(STR,  name,        9,  0, "")                                                                \
    X(U64,  vlan,        10, 0, "0 or absent: untagged")                                           \
    X(STRS, matches,     11, 0, "NODE-GLOB/PORT-GLOB")                                             \
    X(U64,  since,       12, 0, "")                                                                \
    X(I64,  since_wall_ms, 13, 0, "")                                                              \
    X(U64,  limit,       14, 0, "")                                                                \
    X(STR,  role,        15, 0, "node, observer, operator")                                        \
    X(U64,  count,       16, 0, "")                                                                \
    X(I64,  ttl_ms,      17, 0, "")                                                                \
    X(STR,  secret,      18, 0, "")                                                                \
    X(STR,  confirm,     19, 0, "")                                                                \
    X(BOOL, flag,        20, 0, "")                                                                \
    X(U64,  handle,      21, 0, "")                                                                \
    X(U64,  offset,      22, 0, "")                                                                \
    XREC(vg_ask, vg_ask, 24, 0, "")

#define STATUS_INFO_LIST(X, XREC, XRECS)                                                           \
    X(STR,  version,         1,  0, "of the coordinator")                                          \
    X(STR,  db_id,           2,  0, "")                                                            \
    X(U64,  epoch,           3,  0, "")                                                            \
    X(U64,  start_no,        4,  0, "")                                                            \
    X(I64,  uptime_ms,       5,  0, "")                                                            \
    X(STR,  mode,            6,  0, "normal, read-only, recover")                                  \
    X(STR,  mode_text,       7,  0, "why, when not normal; what to do")                            \
    X(U64,  nodes_up,        8,  0, "")                                                            \
    X(U64,  nodes_suspect,   9,  0, "")                                                            \
    X(U64,  nodes_down,      10, 0, "approved and silent")                                        \
    X(U64,  nodes_pending,   11, 0, "")                                                            \
    X(U64,  nodes_quarantined, 12, 0, "")                                                          \
    X(U64,  sections_stuck,  13, 0, "stuck or failed sections of nodes that are up")               \
    X(U64,  resources,       14, 0, "")                                                            \
    X(U64,  edges_ok,        15, 0, "")                                                            \
    X(U64,  edges_degraded,  16, 0, "")                                                            \
    X(U64,  edges_lost,      17, 0, "")                                                            \
    X(U64,  edges_unknown,   18, 0, "")                                                            \
    X(U64,  edges_stuck,     19, 0, "")                                                            \
    X(U64,  messages_received, 20, 0, "since start")                                               \
    X(U64,  messages_dropped, 21, 0, "since start, all reasons")                                   \
    X(STRS, drops,           22, 0, "\"reason count\" for each reason seen")                       \
    X(U64,  commits,         23, 0, "since start")                                                 \
    X(U64,  event_no,        24, 0, "newest event")                                                \
    X(STR,  server_key,      25, 0, "CURVE public key, hexadecimal; operators only")                \
    X(U64,  nodes_dead,      26, 0, "declared dead")                                               \
    X(U64,  nodes_never,     27, 0, "approved and not heard yet in this start of the coordinator") \
    X(U64,  leases_live,     28, 0, "")                                                            \
    X(U64,  leases_residue,  29, 0, "")                                                            \
    X(U64,  holds,           30, 0, "")                                                            \
    X(U64,  tasks_running,   31, 0, "")                                                            \
    X(U64,  jobs_running,    32, 0, "of those tasks")                                              \
    X(U64,  jobs_held,       33, 0, "of those tasks: something is in the way of them")             \
    X(U64,  edges_quarantined, 34, 0, "")                                                          \
    X(U64,  vgs_activating,  35, 0, "volume groups that are muster's to change, counted once for each node that activates their LVs by itself") \
    X(STR,  vgs_activating_text, 36, 0, "one sentence about the first of these, and what mends it")

#define NODE_INFO_LIST(X, XREC, XRECS)                                                             \
    X(STR,  id,            1,  0, "")                                                              \
    X(STR,  name,          2,  0, "")                                                              \
    X(STR,  state,         3,  0, "up, suspect, down, never, pending, quarantined, dead")          \
    X(STR,  text,          4,  0, "why, when pending, quarantined or refused")                     \
    X(STR,  boot_id,       5,  0, "")                                                              \
    X(I64,  heard_ms,      6,  0, "since the last message; absent: not since this start")          \
    X(STR,  identity_source, 7, 0, "smbios, mac, configured")                                      \
    X(BOOL, draining,      8,  0, "")                                                              \
    X(STR,  key,           9,  0, "CURVE public key of this boot")                                 \
    X(STR,  hostname,      10, 0, "")                                                              \
    X(STR,  probe_version, 11, 0, "")                                                              \
    X(U64,  edges_ok,      12, 0, "")                                                              \
    X(U64,  edges_degraded,13, 0, "")                                                              \
    X(U64,  edges_lost,    14, 0, "")                                                              \
    X(U64,  edges_unknown, 15, 0, "unknown or stuck")                                              \
    X(STRS, sections_bad,  16, 0, "\"nics stuck since ...\"")                                      \
    X(I64,  first_seen_ms, 17, 0, "wall time")                                                     \
    X(U64,  index,         18, 0, "the node's number in edges of this reply")                      \
    X(U64,  edges_quarantined, 19, 0, "") X(U64, protocol, 20, 0, "version of the protocol that it speaks; absent: not heard since this start")

#define RESOURCE_INFO_LIST(X, XREC, XRECS)                                                         \
    X(STR, id,     1, 0, "UUID")                                                                   \
    X(STR, kind,   2, 0, "")                                                                       \
    X(STR, key,    3, 0, "identity in its kind: unproven:NODE/IFACE.VLAN, or the UUID of a declared segment") \
    X(STR, label,  4, 0, "name for a person")                                                      \
    X(U64, vlan,   5, 0, "")                                                                       \
    X(BOOL, declared, 6, 0, "")                                                                    \
    X(U64, nodes_ok,       7, 0, "")                                                               \
    X(U64, nodes_degraded, 8, 0, "")                                                               \
    X(U64, nodes_lost,     9, 0, "")                                                               \
    X(U64, nodes_unknown, 10, 0, "unknown or stuck")                                               \
    X(U64, index,  11, 0, "the resource's number in edges of this reply")                          \
    X(STR, conflict_class, 12, 0, "filesystems and LUNs with one class are, or may be, copies of each other: what is forbidden on one is on all; absent: alone") \
    X(STRS, doubts, 13, 0, "a sentence for each thing that is wrong with its identity: clones, nodes that contradict each other") \
    X(BOOL, admitted, 14, 0, "of a filesystem: it may be scanned")                                 \
    X(STR, scan,   15, 0, "of a filesystem: result of its last scan: complete, incomplete, not_read; absent: none yet") \
    X(STR, scan_reason, 16, 0, "of that result, unless complete")                                  \
    X(I64, scanned_ms,  17, 0, "wall time of that result")                                         \
    X(STR, scan_node,   18, 0, "name of the node that it came from")                               \
    X(U64, images, 19, 0, "of a filesystem: known to be in it")                                    \
    X(BOOL, changed, 20, 0, "fs admit: it was not so before")                                      \
    X(U64, nodes_quarantined, 21, 0, "")

#define EDGE_INFO_LIST(X, XREC, XRECS)                                                             \
    X(U64,  node,          1,  0, "node index")                                                    \
    X(U64,  resource,      2,  0, "resource index")                                                \
    X(U64,  state,         3,  0, "enum edge_state")                                               \
    X(U64,  paths_active,  4,  0, "")                                                              \
    X(U64,  paths_total,   5,  0, "")                                                              \
    X(U64,  paths_had,     6,  0, "most active paths since the node's boot")                       \
    X(I64,  had_until_ms,  7,  0, "wall time at which paths_active fell below paths_had")          \
    X(I64,  age_ms,        8,  0, "since the fact was last confirmed; absent: not since this start") \
    X(I64,  since_ms,      9,  0, "wall time of the last change of state")                         \
    X(STRS, ports,         10, 0, "\"bond0.100\": what the node reaches it through")               \
    X(BOOL, removed,       11, 0, "changes: the edge exists no more")                              \
    X(STR,  distrust,      12, 0, "what the node found there instead; absent: its word is believed")\
    X(I64,  distrusted_ms, 13, 0, "wall time since when it is not")

#define EVENT_INFO_LIST(X, XREC, XRECS)                                                            \
    X(U64, no,       1, 0, "")                                                                     \
    X(I64, wall_ms,  2, 0, "")                                                                     \
    X(STR, kind,     3, 0, "node.up, edge.lost, ...: docs/json.md lists them")                     \
    X(STR, severity, 4, 0, "info, warning, error")                                                 \
    X(STR, node,     5, 0, "node id")                                                              \
    X(STR, node_name,6, 0, "name at that time")                                                    \
    X(STR, resource, 7, 0, "resource id")                                                          \
    X(STR, resource_label, 8, 0, "label at that time")                                             \
    X(STR, text,     9, 0, "one sentence")                                                         \
    X(U64, generation, 10, 0, "")

#define NETWORK_INFO_LIST(X, XREC, XRECS)                                                          \
    X(STR,  id,      1, 0, "")                                                                     \
    X(STR,  name,    2, 0, "")                                                                     \
    X(U64,  vlan,    3, 0, "")                                                                     \
    X(STRS, matches, 4, 0, "")                                                                     \
    X(U64,  ports,   5, 0, "ports matched now")                                                    \
    X(I64,  created_ms, 6, 0, "wall time")                                                         \
    X(U64,  ambiguous, 7, 0, "ports that match another network too, and stay unproven")            \
    X(STRS, overlaps, 8, 0, "define: names of those other networks, 16 at most")                   \
    X(STR,  was,     9, 0, "define: what it was before, when it was defined already")

/* One link of the chain of evidence, outermost first. */
#define EVIDENCE_LIST(X, XREC, XRECS)                                                              \
    X(U64, depth, 1, 0, "0 is the resource")                                                       \
    X(STR, what,  2, 0, "network, port, vlan, bond, nic, lldp, node, section; image, filesystem, lv, vg, pv, lun, partition, path, hba, use, scan")                     \
    X(STR, name,  3, 0, "")                                                                        \
    X(STR, state, 4, 0, "ok, degraded, lost, unknown, stuck, quarantined, missing, info")                       \
    X(STR, text,  5, 0, "one sentence of fact")                                                    \
    X(STR, mend,  6, 0, "what would mend it")

/* A container of a filesystem in use on a node, by whatever made it: a foreign hold. */
#define USE_INFO_LIST(X, XREC, XRECS)                                                              \
    X(U64,  node,      1, 0, "node index")                                                         \
    X(U64,  resource,  2, 0, "resource index: the filesystem")                                     \
    X(STR,  kind,      3, 0, "mount, swap, dm, md, loop, xen, open")                               \
    X(STR,  container, 4, 0, "what is in use: the filesystem's, or what that lies in")             \
    X(STR,  device,    5, 0, "")                                                                   \
    X(STR,  used_by,   6, 0, "mount point, device above it, DOMID/VDEV, PROGRAM[PID]")             \
    X(STR,  type,      7, 0, "file system; swap: partition, file; device-mapper: who made it (LVM, CRYPT); xen: backend") \
    X(BOOL, read_only, 8, 0, "")                                                                   \
    X(STR,  file,      9, 0, "image inside the file system: of a loop or of a guest")              \
    X(I64,  age_ms,   10, 0, "since the node has confirmed it; absent: not since this start")

/* What a filesystem is, as a node that sees it has read. */
#define FS_INFO_LIST(X, XREC, XRECS)                                                               \
    X(U64, resource,   1, 0, "resource index: the filesystem")                                     \
    X(STR, type,       2, 0, "ext4, xfs, btrfs, vfat, swap, crypto_LUKS, ...")                     \
    X(STR, label,      3, 0, "")                                                                   \
    X(U64, size_bytes, 4, 0, "as its superblock says")

#define TOKEN_INFO_LIST(X, XREC, XRECS)                                                            \
    X(STR, id,         1, 0, "first 8 hex digits of the hash; not secret")                         \
    X(STR, token,      2, 0, "the token itself, in the answer to create alone")                    \
    X(STR, role,       3, 0, "")                                                                   \
    X(STR, node,       4, 0, "binding")                                                            \
    X(I64, expires_ms, 5, 0, "wall time")                                                          \
    X(STR, state,      6, 0, "unused, used, expired")                                              \
    X(I64, created_ms, 7, 0, "wall time")

/* A remote client. */
#define CLIENT_INFO_LIST(X, XREC, XRECS)                                                           \
    X(STR, name,       1, 0, "")                                                                   \
    X(STR, key,        2, 0, "CURVE public key, hexadecimal")                                      \
    X(STR, role,       3, 0, "observer, operator")                                                 \
    X(STR, state,      4, 0, "active, revoked")                                                    \
    X(I64, created_ms, 5, 0, "wall time")

#define REPLY_LIST(X, XREC, XRECS)                                                                 \
    X(U64,  version,     1,  FIELD_REQUIRED, "")                                                   \
    X(U64,  correlation, 2,  0, "0: a hint that the client did not ask for just now")              \
    X(U64,  code,        3,  FIELD_REQUIRED, "enum reply_code")                                    \
    X(STR,  text,        4,  0, "one sentence when code is not 0")                                 \
    X(U64,  generation,  5,  0, "")                                                                \
    X(U64,  event_no,    6,  0, "newest event")                                                    \
    X(STRS, candidates,  7,  0, "")                                                                \
    XREC(status_info, status, 8, 0, "")                                                            \
    XRECS(node_info,     nodes,     9,  0, "")                                                     \
    XRECS(resource_info, resources, 10, 0, "")                                                     \
    XRECS(edge_info,     edges,     11, 0, "")                                                     \
    XRECS(event_info,    events,    12, 0, "")                                                     \
    XRECS(network_info,  networks,  13, 0, "")                                                     \
    XRECS(section_body,  sections,  14, 0, "")                                                     \
    XRECS(evidence,      evidence,  15, 0, "")                                                     \
    XRECS(token_info,    tokens,    16, 0, "")                                                     \
    X(BYTES, chunk,      17, 0, "")                                                                \
    X(U64,  handle,      18, 0, "")                                                                \
    X(U64,  total_bytes, 19, 0, "")                                                                \
    X(BOOL, more,        20, 0, "the answer was cut at a limit: ask on from the last")             \
    X(STRS, removed_resources, 21, 0, "changes: ids")                                              \
    X(STRS, removed_nodes,     22, 0, "changes: ids")                                              \
    XRECS(client_info,   clients,   23, 0, "")                                                     \
    XRECS(use_info,      uses,      24, 0, "")                                                     \
    XRECS(dependent,     dependents, 25, 0, "")                                                    \
    XRECS(fs_info,       filesystems, 26, 0, "")                                                   \
    XRECS(lease_info,    leases,    27, 0, "leases, or holds; of fs list all that are not over")   \
    XRECS(task_info,     tasks,     28, 0, "")                                                     \
    XRECS(job_info,      jobs,      29, 0, "")                                                     \
    XRECS(image_info,    images,    30, 0, "")                                                     \
    XRECS(reach_info,    reaches,   31, 0, "of fs list for filesystems by name; of explain")       \
    XREC(placement,      placement, 32, 0, "")                                                     \
    XRECS(place_node,    place_nodes, 33, 0, "those that are eligible first, best first")          \
    XRECS(vg_info,       vgs,       40, 0, "")                                                     \
    XRECS(vg_node,       vg_nodes,  41, 0, "of vg show")

/* ---- between supervisor and worker (proto/worker.proto) ------------------------------------ */

#define WORKER_REQUEST_LIST(X, XREC, XRECS)                                                        \
    X(U64,  version,    1, FIELD_REQUIRED, "")                                                     \
    X(STR,  kind,       2, FIELD_REQUIRED, "net, system, ...")                                     \
    X(STRS, interfaces, 3, 0, "host's interfaces by configuration (globs)")                        \
    X(STR,  sys_root,   4, 0, "tests: another root in place of /sys and /proc")                    \
    X(STRS, devices,    5, 0, "names of block devices that are looked at (globs); absent: all")    \
    X(STRS, touched,    6, 0, "block devices that were announced since the last worker")           \
    X(BOOL, whole,      7, 0, "what is on all devices is to be read again, whatever is remembered") \
    XREC(scan_order, scan, 8, 0, "kind scan: what to do")                                          \
    XREC(rescan_work, rescan, 9, 0, "kind rescan: what to do") \
    XREC(lvm_change, change, 10, 0, "kind change: what to do") \
    XREC(refresh_work, refresh, 11, 0, "kind refresh: what to do")

/* The sections are in the memfd that the message carries, as a report. A second one is for the next
 * worker of the kind. */
#define WORKER_RESULT_LIST(X, XREC, XRECS)                                                         \
    X(U64, version, 1, FIELD_REQUIRED, "")                                                         \
    X(U64, bytes,   2, FIELD_REQUIRED, "")                                                         \
    X(STR, error,   3, 0, "one sentence when nothing could be collected")                          \
    X(BOOL, clean,   5, 0, "of a scan: proven unmounted; the memfd has a scan_result or a reach_result; of a rescan a rescan_result") \
    X(BOOL, stale,   6, 0, "of a scan: the device is not as it was last seen: it is to be looked at again")

/* clang-format on */

#define RECORD_ENUM_identity(TYPE, member, ...)       identity_##member,
#define RECORD_ENUM_memory(TYPE, member, ...)         memory_##member,
#define RECORD_ENUM_section_state(TYPE, member, ...)  section_state_##member,
#define RECORD_ENUM_section_body(TYPE, member, ...)   section_body_##member,
#define RECORD_ENUM_enrol(TYPE, member, ...)          enrol_##member,
#define RECORD_ENUM_node_register(TYPE, member, ...)  node_register_##member,
#define RECORD_ENUM_heartbeat(TYPE, member, ...)      heartbeat_##member,
#define RECORD_ENUM_report(TYPE, member, ...)         report_##member,
#define RECORD_ENUM_goodbye(TYPE, member, ...)        goodbye_##member,
#define RECORD_ENUM_enrolled(TYPE, member, ...)       enrolled_##member,
#define RECORD_ENUM_registered(TYPE, member, ...)     registered_##member,
#define RECORD_ENUM_heartbeat_ack(TYPE, member, ...)  heartbeat_ack_##member,
#define RECORD_ENUM_report_ack(TYPE, member, ...)     report_ack_##member,
#define RECORD_ENUM_refused(TYPE, member, ...)        refused_##member,
#define RECORD_ENUM_envelope(TYPE, member, ...)       envelope_##member,
#define RECORD_ENUM_request(TYPE, member, ...)        request_##member,
#define RECORD_ENUM_status_info(TYPE, member, ...)    status_info_##member,
#define RECORD_ENUM_node_info(TYPE, member, ...)      node_info_##member,
#define RECORD_ENUM_resource_info(TYPE, member, ...)  resource_info_##member,
#define RECORD_ENUM_edge_info(TYPE, member, ...)      edge_info_##member,
#define RECORD_ENUM_event_info(TYPE, member, ...)     event_info_##member,
#define RECORD_ENUM_network_info(TYPE, member, ...)   network_info_##member,
#define RECORD_ENUM_evidence(TYPE, member, ...)       evidence_##member,
#define RECORD_ENUM_token_info(TYPE, member, ...)     token_info_##member,
#define RECORD_ENUM_client_info(TYPE, member, ...)    client_info_##member,
#define RECORD_ENUM_use_info(TYPE, member, ...)       use_info_##member,
#define RECORD_ENUM_fs_info(TYPE, member, ...)        fs_info_##member,
#define RECORD_ENUM_reply(TYPE, member, ...)          reply_##member,
#define RECORD_ENUM_worker_request(TYPE, member, ...) worker_request_##member,
#define RECORD_ENUM_worker_result(TYPE, member, ...)  worker_result_##member,

RECORD_DECLARE(identity, IDENTITY_LIST);
RECORD_DECLARE(memory, MEMORY_LIST);
RECORD_DECLARE(section_state, SECTION_STATE_LIST);
RECORD_DECLARE(section_body, SECTION_BODY_LIST);
RECORD_DECLARE(enrol, ENROL_LIST);
RECORD_DECLARE(node_register, REGISTER_LIST);
RECORD_DECLARE(heartbeat, HEARTBEAT_LIST);
RECORD_DECLARE(report, REPORT_LIST);
RECORD_DECLARE(goodbye, GOODBYE_LIST);
RECORD_DECLARE(enrolled, ENROLLED_LIST);
RECORD_DECLARE(registered, REGISTERED_LIST);
RECORD_DECLARE(heartbeat_ack, HEARTBEAT_ACK_LIST);
RECORD_DECLARE(report_ack, REPORT_ACK_LIST);
RECORD_DECLARE(refused, REFUSED_LIST);
RECORD_DECLARE(envelope, ENVELOPE_LIST);
RECORD_DECLARE(request, REQUEST_LIST);
RECORD_DECLARE(status_info, STATUS_INFO_LIST);
RECORD_DECLARE(node_info, NODE_INFO_LIST);
RECORD_DECLARE(resource_info, RESOURCE_INFO_LIST);
RECORD_DECLARE(edge_info, EDGE_INFO_LIST);
RECORD_DECLARE(event_info, EVENT_INFO_LIST);
RECORD_DECLARE(network_info, NETWORK_INFO_LIST);
RECORD_DECLARE(evidence, EVIDENCE_LIST);
RECORD_DECLARE(token_info, TOKEN_INFO_LIST);
RECORD_DECLARE(client_info, CLIENT_INFO_LIST);
RECORD_DECLARE(use_info, USE_INFO_LIST);
RECORD_DECLARE(fs_info, FS_INFO_LIST);
RECORD_DECLARE(reply, REPLY_LIST);
RECORD_DECLARE(worker_request, WORKER_REQUEST_LIST);
RECORD_DECLARE(worker_result, WORKER_RESULT_LIST);

const char *refuse_reason_name(enum refuse_reason r); /* "malformed", "unknown-key", ... */
const char *edge_state_name(enum edge_state s);       /* "ok", "degraded", ... */
const char *resource_kind_name(enum resource_kind k); /* "network", "lun", ... */
int resource_kind_by_name(const char *name);          /* -1: no such kind */
const char *role_name(enum role r);
int role_by_name(const char *name); /* -1: no such role */

#endif
