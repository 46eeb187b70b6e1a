/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every limit and default of muster, in one place. A limit that is hit is reported, never silently
 * cut. The figures that an operator may change are the defaults of coordinator.conf(5). */
#ifndef MUSTER_BASE_LIMITS_H
#define MUSTER_BASE_LIMITS_H

#define MUSTER_VERSION "0.1.0"

/* Wire. */
#define PROTOCOL_VERSION           1u
#define LIMIT_NODE_MESSAGE_BYTES   (4u << 20)  /* one message from a node */
#define LIMIT_CLIENT_MESSAGE_BYTES (64u << 10) /* one request from a client */
#define LIMIT_REPLY_BYTES          (64u << 20) /* one reply to a client */
#define LIMIT_STRING_BYTES         4096u       /* one string anywhere in a message */
#define LIMIT_STRINGS              4096u       /* strings in one list */
#define LIMIT_SECTIONS             64u         /* sections in one message */
#define LIMIT_UNKNOWN_FIELDS       65536u      /* fields of a newer version in one message */
#define LIMIT_DECODE_ARENA_BYTES   (32u << 20) /* memory that decoding one message may take */
#define LIMIT_TOKENS_PER_REQUEST   20000u

/* Inventory rows of one node. */
#define LIMIT_ROWS_NICS        1024u
#define LIMIT_ROWS_BONDS       256u
#define LIMIT_ROWS_VLANS       4096u
#define LIMIT_ROWS_BRIDGES     1024u
#define LIMIT_ROWS_LLDP        1024u
#define LIMIT_ROWS_HBAS        1024u
#define LIMIT_ROWS_LUNS        4096u
#define LIMIT_ROWS_PATHS       16384u
#define LIMIT_ROWS_PARTITIONS  8192u
#define LIMIT_ROWS_PVS         4096u
#define LIMIT_ROWS_VGS         1024u
#define LIMIT_ROWS_LVS         16384u
#define LIMIT_ROWS_FILESYSTEMS 16384u
#define LIMIT_ROWS_USES        16384u
#define LIMIT_ROWS_DOMAINS     2048u

/* What the collector of storage reads of one machine. */
#define LIMIT_TREE_ENTRIES    (1u << 20) /* files, links and folders of sysfs */
#define LIMIT_DM_MAPS         16384u     /* device-mapper devices */
#define LIMIT_MULTIPATHD_MAPS 4096u

/* Fleet. */
#define LIMIT_NODES         20000u
#define LIMIT_PENDING_NODES 1024u
#define LIMIT_RESOURCES     1000000u
#define LIMIT_NETWORKS      4096u
#define LIMIT_RETIRED       32u   /* keys, and boots, of one node that are over and remembered */
#define LIMIT_LOST_EDGES    2048u /* of one node: what it has seen and sees no more */
#define LIMIT_LOST_PATHS    1024  /* of one node: what led to its LUNs and is there no more */
#define LIMIT_TOKENS        65536u

/* Liveness. Milliseconds on CLOCK_BOOTTIME. */
#define DEFAULT_HEARTBEAT_MS         2000
#define DEFAULT_SUSPECT_MS           6000
#define DEFAULT_DOWN_MS              30000
#define DEFAULT_EDGE_RETENTION_MS    (INT64_C(30) * 24 * 3600 * 1000)
#define DEFAULT_EVENT_RETENTION_ROWS 1000000

/* Leases and scans. */
#define DEFAULT_LEASE_TTL_MS       15000
#define LIMIT_LEASE_TTL_MS         120000
#define DEFAULT_LEASE_RENEW_MS     5000
#define LEAST_LEASE_TTL_MS         6000 /* three times the stop budget */
#define DEFAULT_LEASE_HISTORY_ROWS 100000
#define DEFAULT_SCANS_PER_NODE     4u
#define LIMIT_SCANS_PER_NODE       64u
#define LEASE_CLOCK_ERROR_PER_MS   1000 /* clocks' rates differ by no more than 1 in this */
#define LEASE_EPOCH_SHIFT          40   /* a token: the epoch, and above so many bits a counter */
#define LEASE_STOP_BUDGET_MS       2000 /* from SIGKILL to unmounted, of a worker that can die */
#define DEFAULT_OFFER_MS           3000 /* an offer that is not taken up goes elsewhere */
#define DEFAULT_HELD_MS            60000 /* a job that something is in the way of for so long fails */
#define LIMIT_JOB_ATTEMPTS         3u
#define LIMIT_TASKS                4096u   /* that run */
#define LIMIT_JOBS                 200000u /* of those */
#define DEFAULT_TASK_HISTORY_ROWS  1000    /* with those that run */
#define LIMIT_TASKS_PRUNED         8       /* old ones, with each that is new */
#define LIMIT_IMAGES               16384u  /* of one filesystem */
#define LIMIT_RIGHTS               4096u   /* of one node in a message */

/* Placement. */
#define LIMIT_NEEDS 24u /* resources that one question names */

/* Rescans: nodes that look at their storage at one time, in all and at each target of it. */
#define DEFAULT_RESCANS            32u
#define DEFAULT_RESCANS_PER_TARGET 8u
#define DEFAULT_RESCAN_TIMEOUT_MS  30000
#define LEAST_RESCAN_TIMEOUT_MS    10000 /* twice what its end may take */

/* Flood control: token bucket per connection, refilled each second. */
#define DEFAULT_PEER_MESSAGES_PER_S 200
#define DEFAULT_PEER_MESSAGES_BURST 400
#define DEFAULT_PEER_BYTES_PER_S    (8u << 20)
#define DEFAULT_PEER_BYTES_BURST    (16u << 20)
/* Of all keys together that have not been accepted yet. 10,000 nodes enrol in the first burst. */
#define STRANGER_MESSAGES_PER_S 5000
#define STRANGER_MESSAGES_BURST 50000
#define STRANGER_BYTES_PER_S    (32u << 20)
#define STRANGER_BYTES_BURST    (128u << 20)

/* Workers of the probe. */
#define LIMIT_WORKERS              6u
#define LIMIT_WORKER_RESULT_BYTES  LIMIT_NODE_MESSAGE_BYTES
#define LIMIT_WORKER_MEMORY_BYTES  (256u << 20)
#define LIMIT_SCAN_MEMORY_BYTES    (512u << 20)
#define LIMIT_CHANGES_PER_NODE     2u           /* of volume groups, at one time */
#define LIMIT_CHANGE_DEVICES       512u         /* of one change */
#define LIMIT_WORKER_KEEPS_BYTES   (4u << 20)   /* what a worker wants kept for its successor */
#define LIMIT_WORKER_MESSAGE_BYTES (128u << 10) /* its request, and its result beside the rows */
#define DEFAULT_WORKER_TIMEOUT_MS  10000
#define DEFAULT_CHANGE_TIMEOUT_MS  60000
#define DEFAULT_RESCAN_MS          60000
#define DEFAULT_COALESCE_MS        10

/* Coordinator batches. */
#define LIMIT_BATCH_EVENTS 1024u
#define LIMIT_BATCH_ROWS   65536u

/* What may wait inside the coordinator. Over the totals it stops reading its sockets, so that TCP
 * holds the senders back; nodes stop at three quarters, so that an operator still gets through. */
#define LIMIT_QUEUED_MESSAGES 8192u
#define LIMIT_QUEUED_BYTES    (128u << 20) /* as received */
#define LIMIT_DECODED_BYTES   (256u << 20) /* decoded and waiting for the core */
#define LIMIT_PEER_QUEUED     128u         /* messages of one node */
#define LIMIT_CLIENT_QUEUED   64u          /* unanswered requests of one client connection */
#define LIMIT_ANSWERS         512u         /* that wait in the socket for one connection */
#define LIMIT_UNREAD_BYTES    (128u << 20) /* answers that one client does not read */
#define LIMIT_ANSWERING_BYTES (256u << 20) /* answers that are built and not encoded yet */
#define LIMIT_CONN_HELD_BYTES (80u << 20)  /* that have come from one connection, in no message */
#define LIMIT_HELD_BYTES      (512u << 20) /* the same, of all connections */
/* Connections without a first message: so many may take their time, others have LIMIT_SILENT_MS. */
#define LIMIT_SILENT_FREE       256u
#define LIMIT_SILENT_MS         30000
#define LIMIT_PEERS             65536u /* connections with flood control at one time */
#define LIMIT_DECODER_THREADS   64u
#define DEFAULT_DECODER_THREADS 2
#define CLIENT_RATE_FACTOR      10u /* a remote client's message rate over a node's */

/* Clients. */
#define LIMIT_WATCHES             4096u
#define DEFAULT_WATCH_COALESCE_MS 20
#define LIMIT_BACKUPS             2u
#define DEFAULT_BACKUP_IDLE_MS    600000
#define DEFAULT_WATCH_MS          30000
#define BACKUP_CHUNK_BYTES        (256u << 10)
#define LIMIT_EVENTS_PER_REPLY    1000u

_Static_assert(DEFAULT_SUSPECT_MS >= 2 * DEFAULT_HEARTBEAT_MS, "one lost heartbeat is not suspect");
_Static_assert(DEFAULT_DOWN_MS > DEFAULT_SUSPECT_MS, "a node is suspect before it is down");
/* libzmq hears of what a peer has read in steps of half the limit. */
_Static_assert(LIMIT_ANSWERS / 2 >= 2 * LIMIT_CLIENT_QUEUED,
               "each request has room for its answer");
_Static_assert(LIMIT_ANSWERS / 2 >= LIMIT_PEER_QUEUED, "each message has room for its answer");
_Static_assert(LIMIT_DECODE_ARENA_BYTES >= LIMIT_NODE_MESSAGE_BYTES, "a message must fit decoded");

#endif
