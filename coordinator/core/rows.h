/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is durable: the rows that the core asks the store to persist, and that the store gives back
 * at start. One struct a table of schema/; the names are the columns'. */
#ifndef MUSTER_CORE_ROWS_H
#define MUSTER_CORE_ROWS_H

#include "model/sections.h"
#include "wire/messages.h"

/* One database. All of it in table `meta`, one row. */
struct meta_row {
    uuid128 db_id;
    uint64_t epoch;      /* raised by recover alone */
    uint64_t start_no;   /* this start; raised by each */
    uint64_t generation; /* raised by every batch that changes what a query can show */
    uint64_t event_no;   /* newest event */
    uint64_t token;      /* highest given out: the epoch times 2^40, plus a counter */
    uint32_t next_node_no;
    uint32_t next_resource_no;
    uint32_t next_task_no;
    /* An operator must decide: a node has seen more than this database knows. The highest that any
     * has reported; 0: nothing. */
    bool recover;
    uint64_t seen_epoch, seen_generation, seen_token;
    uint64_t ttl_ms; /* the longest that a lease has which may not be over, known here or not */
    bool waits;      /* after a recovery: rights that it knows nothing of may not be over yet */
};

/* Every start of this database: how a restored copy is recognised. */
struct start_row {
    uint64_t epoch;
    uint64_t start_no;
    uuid128 nonce;
    uint64_t generation; /* that was durable when it began */
    wall_ms at;
};

struct node_row {
    uint32_t no; /* never reused */
    uuid128 id;
    const char *name;
    bool name_set; /* by the operator; else it follows configured name, hostname, short id */
    enum node_admission admission;
    const char *text; /* why, when not simply approved; may be NULL */
    uuid128 boot_id;  /* accepted boot; nil: none yet */
    pubkey key;       /* of the accepted boot */
    bool draining;
    bool rights_unknown; /* since a recovery, until this boot tells its rights or is fenced */
    wall_ms first_seen;
    const char *product_uuid, *lowest_mac, *hostname, *probe_version, *source; /* may be NULL */
};

enum key_state {
    KEY_PENDING = 1, /* node asked, nobody approved yet */
    KEY_ACTIVE = 2,
    KEY_SUCCESSOR = 3, /* of a new boot that has not been confirmed yet */
    KEY_RETIRED = 4,   /* of an earlier boot; heard again it is a conflict */
    KEY_REVOKED = 5, /* retired, and an operator has settled the conflict: refused, nothing more */
};

struct key_row {
    pubkey key;
    enum role role;
    enum key_state state;
    uint32_t node_no; /* role node */
    uuid128 boot_id;  /* role node */
    const char *name; /* role observer, operator */
    wall_ms created;
    bool bound; /* role node: admitted for this very node, by a token bound to it or an operator */
};

struct retired_boot_row {
    uint32_t node_no;
    uuid128 boot_id;
    wall_ms at;
};

struct section_row_state {
    uint32_t node_no;
    enum section_id section;
    uint64_t generation; /* the probe's */
    digest128 digest;
    enum section_status status;
    const char *status_text; /* may be NULL */
    wall_ms at; /* while stuck or failed: since when; else when the content last changed */
};

/* One inventory row: upsert (row not NULL) or delete (row NULL). */
struct inventory_row {
    uint32_t node_no;
    enum section_id section;
    const char *key;
    uint64_t hash;
    const void *row; /* record of section_descs[section].row */
    /* The little of a row that the core keeps, and is given back. */
    const char *container; /* of a PV, of a use; may be NULL */
    const char *above;     /* of a PV and an LV its VG's UUID, of a filesystem that of its external
                              journal; may be NULL */
    uint64_t mark;         /* of a path: path_mark(); of a use: use_mark() */
};

/* A path that a node had in this boot and has no more. The store takes what is known of it from the
 * row of section paths, which is there still when this comes. */
struct path_lost_row {
    uint32_t node_no;
    const char *device;
    wall_ms at;
};

struct resource_row {
    uint32_t no; /* never reused */
    uuid128 id;
    enum resource_kind kind;
    const char *key;
    const char *label;
    uint64_t vlan;
    bool declared;
    wall_ms doubt_since; /* its nodes contradict each other; 0: they do not */
    bool doubt_told;     /* there was an event */
    const char
        *seen_together; /* sets of what one node has seen at once: "NODE_NO.SET ..."; or NULL */
    uint32_t parent_no; /* of an image: its filesystem; else 0 */
    const char *type;   /* of a filesystem: ext4, xfs, ...; may be NULL */
};

/* One inventory row by which a node sees a resource. An edge is the sum of its sightings. */
struct sighting_row {
    uint32_t node_no;
    enum section_id section;
    const char *row_key;
    uint32_t resource_no;
    const char *port; /* "bond0.100": base and VLAN tags */
    const char *base; /* "bond0" */
    uint64_t vlan;    /* outermost tag, 0 untagged */
    uint32_t paths_active, paths_total;
    bool stuck;          /* what it shows does not answer */
    bool flawed;         /* what it shows is not right: see the LUN's state */
    bool active;         /* as in struct sight */
    uint64_t size, mark; /* below 2^63; see struct sight */
};

struct edge_row {
    uint32_t node_no, resource_no;
    enum edge_state state; /* ok, degraded, lost: never liveness */
    uint32_t paths_active, paths_total, paths_had;
    wall_ms had_until; /* 0: never fell */
    wall_ms since;
    const char *distrust; /* what the node found instead when it looked; NULL: it is believed */
    wall_ms distrusted;   /* since when; 0: it is believed */
};

struct network_row {
    uuid128 id;
    const char *name;
    uint64_t vlan;
    struct strs matches;
    wall_ms created;
};

enum token_state { TOKEN_UNUSED = 1, TOKEN_USED = 2, TOKEN_EXPIRED = 3 };

struct token_row {
    uint8_t hash[32]; /* BLAKE2b-256 of the secret; the secret itself is never stored */
    enum role role;
    uuid128 node; /* nil: any */
    wall_ms created, expires;
    enum token_state state;
};

struct event_row {
    uint64_t no;
    wall_ms at;
    const char *kind, *severity, *text;
    uint64_t generation;
    uuid128 node;               /* nil: none */
    const char *node_name;      /* may be NULL */
    uuid128 resource;           /* nil: none */
    const char *resource_label; /* may be NULL */
};

enum right_kind {
    KIND_LEASE = 1,
    KIND_HOLD = 2,
    KIND_CHANGE = 3,     /* of a volume group, to change its metadata; ends as a hold does */
    KIND_ACTIVATION = 4, /* of an LV, to have devices of it; ends as a hold does */
};
enum lease_state {
    LEASE_LIVE = 1,
    LEASE_RESIDUE = 2, /* over by time, but not proven unmounted */
    LEASE_HELD = 3,    /* a hold, a change */
};
enum lease_ending {
    LEASE_RELEASED = 1, /* of a hold: done */
    LEASE_EXPIRED = 2,  /* it was residue; the node has confirmed later */
    LEASE_FENCED = 3,
    LEASE_BROKEN = 4, /* a hold, by an operator's word */
};

/* A right that is not over. */
struct lease_row {
    uint64_t token;
    enum right_kind kind;
    enum lease_state state;
    uint32_t resource_no, node_no;
    uuid128 boot_id;
    uint64_t request; /* seq of the message that it was granted to; 0: no node asked */
    uint64_t ttl_ms;  /* 0: a hold */
    wall_ms granted;
    uint32_t task_no, job_no; /* 0: none */
    const char *text;         /* what for; may be NULL */
};

/* A right that is over, with the names of that time. */
struct lease_history_row {
    uint64_t token;
    enum right_kind kind;
    uuid128 resource;
    enum resource_kind resource_kind;
    const char *resource_label;
    uuid128 node;
    const char *node_name;
    uuid128 boot_id;
    uint64_t ttl_ms;
    wall_ms granted, ended;
    enum lease_ending ending;
    uint32_t task_no;
    const char *text; /* may be NULL */
};

enum fence_how {
    FENCE_BOOT = 1,     /* a newer boot, with a key bound to the node, and the old one is silent */
    FENCE_POWER = 2,    /* its power is proven off */
    FENCE_OPERATOR = 3, /* declared dead */
};
struct fence_row {
    uint32_t node_no;
    uuid128 boot_id;
    enum fence_how how;
    wall_ms at;
    const char *text; /* may be NULL */
};

enum task_kind_id { TASK_SCAN = 1, TASK_RESCAN = 2, TASK_LVM = 3, TASK_ACTIVATION = 4, TASK_KINDS };
enum task_state {
    TASK_RUNNING = 1,
    TASK_DONE = 2,
    TASK_FAILED = 3,
    TASK_CANCELLED = 4,
    TASK_FAILING = 5,    /* a step has failed: what was done is being undone */
    TASK_CANCELLING = 6, /* what is under way is finished, then what was done is undone */
};
struct task_row {
    uint32_t no; /* never reused */
    enum task_kind_id kind;
    enum task_state state;
    uint32_t step;          /* index into the kind's table */
    bool every_node;        /* of a scan */
    wall_ms created, ended; /* ended 0: it is not over */
    const char *text;       /* may be NULL */
    uint32_t left_out;      /* jobs that were not made, since there were too many */
};

/* What a task of kind lvm is to change, or one of kind activation to make of an LV. */
struct vg_change_row {
    uint32_t task_no;
    uint32_t op;         /* enum lvm_op */
    const char *vg;      /* name */
    const char *vg_uuid; /* NULL: it is not created yet */
    struct strs containers;
    const char *lv, *lv_uuid, *new_name; /* may be NULL */
    uint64_t size_bytes;
    bool done;
    uint64_t seqno, mark;  /* done: what the metadata are since; 0: the volume group is no more */
    uint32_t node_no;      /* of activation: for whom */
    uint64_t extent_bytes; /* of a volume group that is created; 0: as muster chooses */
};

enum job_progress { JOB_OPEN = 1, JOB_TAKEN = 2 /* a node works on it */, JOB_DONE = 3 };
struct job_row {
    uint32_t task_no, no;
    uint32_t step; /* index; of a job that undoes one: index plus the number of steps */
    enum job_progress state;
    uint32_t resource_no; /* it may be gone later: hence id and label */
    uuid128 resource;
    const char *resource_label;
    uint32_t node_no; /* 0: the scheduler chooses; of one that is done: who did it */
    uint64_t attempt;
    uint32_t result; /* enum scan_outcome; of a reach job 1 proven, 2 not; enum rescan_outcome; 0:
                        none yet */
    const char *reason;
    uint64_t token, images, mounts, ms;
    bool unchanged;
    wall_ms ended;
};

struct scan_row {
    uint32_t resource_no;
    bool admitted;
    wall_ms admitted_at;
    uint32_t outcome; /* enum scan_outcome of the last one; 0: none yet */
    const char *reason;
    wall_ms at;
    uint32_t node_no;
    uint64_t token, ms, images;
    wall_ms complete_at;
    const char *fingerprint; /* of the last complete one; may be NULL */
};

/* The newest word of a node on whether it reaches a filesystem, from looking afresh. */
enum reach_how { REACHED_NOT, REACHED_PROVEN, REACHED_READ };
struct reach_row {
    uint32_t resource_no, node_no;
    enum reach_how how;
    uuid128 boot_id;    /* of the node: of another boot it proves nothing */
    const char *reason; /* of REACHED_NOT; may be NULL */
    wall_ms at;
};

struct image_row {
    uint32_t filesystem_no;
    uint32_t resource_no;
    wall_ms seen;
    const struct image *image; /* NULL: it is gone. Not loaded by the core */
};

enum change_type {
    CHANGE_META,
    CHANGE_START,
    CHANGE_NODE,
    CHANGE_NODE_DELETE, /* and everything that hangs on it */
    CHANGE_KEY,
    CHANGE_KEY_DELETE, /* by key */
    CHANGE_RETIRED_BOOT,
    CHANGE_RETIRED_BOOT_DELETE, /* by (node_no, boot_id) */
    CHANGE_SECTION,
    CHANGE_SECTION_CLEAR, /* a section's state and rows of a node (new boot) */
    CHANGE_INVENTORY,
    CHANGE_PATH_LOST, /* before the row of the path is deleted, or is another path's */
    CHANGE_RESOURCE,
    CHANGE_RESOURCE_DELETE, /* its edges have been deleted before */
    CHANGE_SIGHTING,
    CHANGE_SIGHTING_DELETE, /* by (node_no, section, row_key) */
    CHANGE_EDGE,
    CHANGE_EDGE_DELETE, /* by (node_no, resource_no) */
    CHANGE_NETWORK,
    CHANGE_NETWORK_DELETE, /* by id */
    CHANGE_TOKEN,
    CHANGE_TOKEN_DELETE, /* by hash */
    CHANGE_EVENT,
    CHANGE_EVENT_PRUNE, /* events with no <= event.no go */
    CHANGE_LEASE,
    CHANGE_LEASE_DELETE, /* by token */
    CHANGE_LEASE_HISTORY,
    CHANGE_LEASE_HISTORY_PRUNE, /* all but so many of the latest go: lease_history.token */
    CHANGE_FENCE,
    CHANGE_FENCE_DELETE, /* by (node_no, boot_id) */
    CHANGE_TASK,
    /* Tasks with no <= task.no that are over go, with their jobs and what they change: the oldest
     * LIMIT_TASKS_PRUNED of them, so that no commit takes long. */
    CHANGE_TASK_PRUNE,
    CHANGE_JOB,
    CHANGE_VG_CHANGE,
    CHANGE_SCAN,
    CHANGE_SCAN_DELETE, /* by resource_no, with reach and images */
    CHANGE_REACH,
    CHANGE_REACH_DELETE, /* by (resource_no, node_no) */
    CHANGE_IMAGE,        /* upsert, or delete by (filesystem_no, resource_no) */
    CHANGE_TYPE_COUNT,
};

/* Upserts unless the type says otherwise. Deletes fill only the fields that name the row. */
struct change {
    struct change *next;
    enum change_type type;
    union {
        struct meta_row meta;
        struct start_row start;
        struct node_row node;
        struct key_row key;
        struct retired_boot_row retired_boot;
        struct section_row_state section;
        struct inventory_row inventory;
        struct path_lost_row path_lost;
        struct resource_row resource;
        struct sighting_row sighting;
        struct edge_row edge;
        struct network_row network;
        struct token_row token;
        struct event_row event;
        struct lease_row lease;
        struct lease_history_row lease_history;
        struct fence_row fence;
        struct task_row task;
        struct job_row job;
        struct vg_change_row vg_change;
        struct scan_row scan;
        struct reach_row reach;
        struct image_row image;
    };
};

/* All of one node's sections, inventory, sightings and edges (core/pack.h). */
struct node_pack {
    uint32_t node_no;
    const void *p;
    size_t n;
};

/* Everything that the core needs at start. What is of a node is in its pack, or in the rows of the
 * four tables that a pack stands for. Arrays live in the arena that the store was given; each
 * is sorted by its table's key, the inventory by section, node and row. */
struct stored {
    struct meta_row meta;
    struct start_row *starts;
    size_t start_count;
    struct node_row *nodes;
    size_t node_count;
    struct key_row *keys;
    size_t key_count;
    struct retired_boot_row *boots;
    size_t boot_count;
    struct section_row_state *sections;
    size_t section_count;
    struct inventory_row *inventory;
    size_t inventory_count; /* row is NULL: key and hash only */
    struct resource_row *resources;
    size_t resource_count;
    struct sighting_row *sightings;
    size_t sighting_count;
    struct edge_row *edges;
    size_t edge_count;
    struct node_pack *packs; /* in order of nodes */
    size_t pack_count;
    /* NULL: all packs are there. Else they come one after the other, one for each node: waits for
     * that one; 0, or a negative errno: it does not come. */
    int (*pack_wait)(void *loading, size_t i);
    void *loading;
    size_t packs_made;    /* of those: made of rows, since there was none */
    size_t packs_damaged; /* of those made: there was one, and it was not what was written */
    struct network_row *networks;
    size_t network_count;
    struct token_row *tokens;
    size_t token_count;
    struct lease_row *leases;
    size_t lease_count;
    struct fence_row *fences;
    size_t fence_count;
    struct scan_row *scans;
    size_t scan_count;
    struct task_row *tasks; /* that run */
    size_t task_count;
    struct job_row *jobs; /* of those */
    size_t job_count;
    struct vg_change_row *vg_changes; /* of those */
    size_t vg_change_count;
    uint64_t oldest_event_no; /* 0: no events */
    uint64_t lease_history_count;
};

#endif
