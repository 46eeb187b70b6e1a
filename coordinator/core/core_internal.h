/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the core share: its state, and who offers which function on it. Nobody but
 * coordinator/core, its tests, the simulator and a benchmark includes this.
 *
 * Functions that can fail return 0 or -ENOMEM, which ends the step: the caller of coord_step throws
 * the whole core away then, so nobody undoes anything. */
#ifndef MUSTER_CORE_INTERNAL_H
#define MUSTER_CORE_INTERNAL_H

#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"
#include "core/core.h"
#include "core/explain.h"
#include "core/learnt.h"
#include "core/list.h"
#include "core/openshop.h"
#include "core/rescan.h"

#define MONO_NEVER    ((mono_ms){ INT64_MAX })
#define EDGE_STATES   (EDGE_QUARANTINED + 1)
#define SIGHT_SCRATCH 1100 /* a key in the making */
#define KEY_MOST      1024 /* bytes of a resource's own key, and of its label */
#define VLAN_COUNT    4096u
/* Numbers of nodes and resources are never used again. What nodes do may use up half of them. */
#define NUMBERS_MOST (UINT32_MAX / 2)

/* A place in a list that is kept in order of generation: the newest change is last. */
struct stamp {
    uint64_t gen;
    struct stamp *prev, *next;
};

/* One inventory row: attributes are in the database alone, but for the few that rows of several
 * nodes, or of two reports, are compared by. Sorted by key within the section. */
struct row {
    uint64_t hash;
    char *key;
    union {
        struct sighting *sighting; /* NULL: this row shows no resource */
        struct twin *twin;         /* section pvs: what its label lies on; NULL: it is missing */
        uint64_t mark;             /* section paths: path_mark() */
        struct use_at *use;        /* section uses; NULL: it is in nobody's way */
    };
    struct relation *relation; /* what it says lies in what; NULL: nothing */
};

/* What is kept of what a row says about a resource: of a large fleet there are millions. */
struct seen {
    const char *port; /* or the device that leads to it */
    /* What nodes that see the same should agree on; 0: not known. A LUN's bytes and serial number,
     * a VG's version and digest, how many devices a filesystem has and which of them this is. */
    uint64_t size, mark;
    uint32_t paths_active, paths_total;
    uint16_t base_len; /* of port, the leading part that is the NIC or bond */
    uint16_t vlan;     /* outermost tag */
    bool stacked;      /* more than one tag: never matches a declared network */
    bool stuck;        /* it does not answer */
    bool flawed;       /* it answers with errors, or its paths contradict each other: never ok */
    /* An LV: the node has a device of it. A VG: something of the node activates its LVs by itself.
     */
    bool active;
};

/* What a row says about a resource. All texts live as long as the row that they come from. */
struct sight {
    struct seen seen;
    enum resource_kind kind;
    /* But for a network: its identity among those of its kind, and a name for a person. `alone`:
     * the identity holds on this node alone. */
    const char *key, *label;
    const struct strs *devices; /* of a LUN all that lead to it */
    bool alone;
};

struct sighting {
    struct edge *edge;
    struct sighting *next; /* of the same edge */
    const char *row_key;   /* the row's own */
    struct seen seen;      /* port is the row's key or follows this struct */
    uint8_t section;
    bool ambiguous; /* more than one declared network matches */
};

struct edge {
    struct stamp stamp;
    struct node *node;
    struct resource *resource;
    struct edge *prev, *next; /* of the same resource */
    struct sighting *sightings;
    struct edge *heir; /* where its sightings have gone in this step; itself: to several */
    uint32_t paths_active, paths_total, paths_had;
    uint8_t state;    /* as stored: ok, degraded, lost */
    uint8_t shown;    /* as shown: liveness, stuck sections and distrust taken in; 0: not counted */
    uint32_t held_by; /* sections that hold, or last held, its sightings */
    bool bare;        /* had no sighting at the end of the last message */
    bool stuck;       /* had one that did not answer then */
    bool dirty;       /* on coord.dirty: sightings changed in this step */
    bool fresh;       /* made in this step */
    wall_ms had_until, since;
    struct distrust *distrust; /* core/trust.h; owned; NULL: the node's word is believed */
};

struct resource {
    struct stamp stamp;
    uuid128 id;
    uint32_t no;
    uint8_t kind;
    uint16_t vlan;
    struct network *network; /* declared */
    struct node *owner;      /* the only node that can see it: unproven, or without identity */
    char *label;             /* but for networks; without the owner's name */
    struct edge *edges;
    struct seers *seers; /* NULL: nobody has asked lately who sees it */
    uint32_t counts[EDGE_STATES];
    uint32_t index; /* scratch: number in the reply that is being built */
    /* version.c: of all its sightings, those that differ in size or mark from these. */
    uint32_t sightings, others;
    uint64_t size, mark;
    wall_ms doubt_since;         /* since when its nodes contradict each other; 0: they do not */
    bool doubt_told;             /* and the event log says so */
    struct twin *twin;           /* of a filesystem that has a UUID */
    struct seat *seat;           /* in the storage graph; NULL: a network, an image */
    struct resource *filesystem; /* of an image, which has no label of its own, and no edges */
    /* The port where it is unproven; an image's path; else its identity where it is no network. */
    char key[];
};

struct match {
    char *node, *port; /* globs */
};

struct network {
    struct link link; /* coord.networks */
    uuid128 id;
    char *name;
    uint16_t vlan;
    wall_ms created;
    struct match *matches;
    uint32_t match_count;
    uint32_t ports;     /* sightings matched now */
    uint32_t ambiguous; /* scratch: those that match another network too, and belong to none */
    struct network *next_of_vlan;
    struct resource *resource;
};

/* What the core knows of one section of one node. */
struct slot {
    struct row *rows;
    uint32_t row_count;
    /* Since a start, and until there is something new: the rows as they were loaded, and none in
     * `rows` (load_pack.c). */
    uint32_t packed_rows;
    uint8_t *packed;
    size_t packed_bytes;
    uint8_t status;
    bool stored;    /* reported in this boot: there is a section row */
    bool confirmed; /* the digest was met in this start of the coordinator */
    bool partly;    /* as in struct section, and `understood` */
    bool was_asked;
    uint32_t changes; /* of its content in this start of the coordinator, a new boot's too */
    uint64_t generation;
    digest128 digest, understood;
    char *status_text;
    wall_ms at;
    mono_ms confirmed_at;
    int64_t age_ms; /* of the facts at that time */
    digest128 asked;
    mono_ms asked_at;
};

struct key {
    pubkey key;
    enum role role;
    enum key_state state;
    struct node *node; /* role node */
    uuid128 boot_id;
    char *name;
    wall_ms created;
    mono_ms first, heard; /* by coord.listened, in this start; valid only if heard_once */
    bool heard_once;
    bool goodbye;       /* its probe has ended in good order */
    bool other_machine; /* showed another lowest MAC than the node has */
    bool durable;       /* false: a claim kept in memory until an operator decides */
    bool bound;         /* admitted for this very node, by a token bound to it or an operator */
};

struct retired_boot {
    struct {
        uint32_t node_no;
        uint8_t boot_id[16];
    } id;
    wall_ms at;
};

struct token {
    struct link link; /* coord.tokens, oldest first */
    struct token_row row;
};

/* What others cause without being asked may fill no more than its share of the event log: so many
 * events at once, and one a second in the long run. */
struct event_limit {
    uint32_t used;
    mono_ms at;        /* up to when what was used has come back */
    uint64_t left_out; /* since the log was told that some are */
};

/* A report of uses may be as old as the time in which so many scans end. */
enum { NODE_OVER = 32 };

struct node {
    struct stamp stamp;
    struct link live_link;           /* coord.live[state]: oldest heard first */
    struct node_row row;             /* strings are malloc'ed, owned */
    uint32_t slot;                   /* its bit in sets of nodes */
    enum node_liveness live, logged; /* logged: what the newest event says */
    bool registered;
    bool heard_once; /* in this start */
    mono_ms heard;   /* by coord.listened; before it is heard: since when it is waited for */
    uint64_t seq;
    uint64_t protocol; /* version that its last message was of; 0: not heard in this start */
    struct key *key;   /* of the accepted boot; NULL: none */
    struct key *claim; /* another key that wants to be it */
    struct slot sections[SECTION_COUNT];
    struct edge **edges; /* sorted by resource number */
    uint32_t edge_count, edge_cap;
    struct better *better; /* filesystems of devices that have an identity now: see better.c */
    uint32_t counts[EDGE_STATES];
    uint32_t index; /* scratch, as in resource */
    struct event_limit events;
    struct link leases;       /* struct lease, oldest token first; of all its boots */
    uint64_t over[NODE_OVER]; /* tokens of its newest leases that are over; by `over_count` */
    uint32_t over_count;      /* ever, in this start */
    struct route route; /* of its last message, once it is registered: for what is sent unasked */
    struct link waiting, under_way, held; /* struct job: of this node from their making; ordered */
    struct link order_due;                /* coord.orders_due: it may be sent something */
    uint32_t orders;                      /* under way, of steps that do not place jobs */
    uint32_t scans;                       /* at once, as it says; 0: it has not said */
    uint32_t server;                      /* of the open shop, plus 1; 0: none yet */
    struct link rests;                    /* coord.nodes_resting: no scans are offered until then */
    mono_ms rests_until;                  /* 0: it does not */
    struct link in_way_of; /* struct reading: blocked by what this node has, or has not told */
    /* In this start, and since the recovery: its whole list; and its uses too. */
    bool list_told, rights_told;
    struct link silent; /* coord.silent: its rights or its uses are not known */
};

struct tombstone {
    uint64_t gen;
    uuid128 node;     /* nil: the resource is gone */
    uuid128 resource; /* nil: the node is gone; neither nil: the edge */
};

struct drop {
    struct {
        pubkey key;
        uint8_t reason;
    } id;
    mono_ms at;
};

enum { DROP_REASONS = REFUSE_BUSY + 1 };

struct coord {
    struct core_config config;
    bool loaded, read_only;
    bool recover; /* meta.recover follows as soon as it can be written */
    char *mode_text;
    mono_ms now, started;
    mono_ms listened, listens_from; /* see struct coord_event; listens_from: at the start */
    wall_ms wall;
    struct meta_row meta;
    uuid128 nonce;
    struct start_row *starts;
    size_t start_count;
    uint64_t oldest_event_no;

    bool pending;          /* something visible changed since the last raise of the generation */
    bool meta_changed;     /* figures of meta changed without anything visible */
    uint64_t changes_from; /* oldest generation that changes can be served from */

    struct node **nodes; /* sorted by number */
    size_t node_count, node_cap;
    struct map *nodes_by_id, *nodes_by_name;
    struct node **slots;           /* by node.slot; NULL: empty */
    uint64_t *placeable;           /* bits: slots of nodes that something may be placed on */
    uint32_t slot_count, slot_cap; /* cap: whole steps of words */
    struct link seers;             /* struct seers: asked about longest ago first */
    uint32_t seers_count;
    struct link live[NODE_NEVER + 1];
    struct map *keys, *retired;
    struct map *resources;   /* by id */
    struct map *leases;      /* rights that are not over, by token */
    struct link leases_live; /* of those that end by time, soonest first */
    struct map *fences;
    mono_ms grants_from; /* after a recovery: no rights are given out before */
    mono_ms lost_until;  /* leases that this database may have lost are over then */
    uint64_t lease_history_count;
    struct map *objects;      /* the storage graph: struct object by key */
    uint32_t *walks;          /* of it, counted */
    struct map *twins;        /* UUIDs of filesystems and PVs: struct twins */
    struct map *pv_roots;     /* what PVs lie on, without the partition: struct pv_root */
    struct twins *twins_news; /* those whose containers a node sees anew in this step */
    struct split *splits;     /* VGs that may be told to be split */
    size_t split_count, split_cap;
    struct link networks;
    struct network *vlans[VLAN_COUNT];
    struct map *networks_by_name;
    struct map *tokens_by_hash;
    struct link tokens;

    struct stamp changed_nodes, changed_resources, changed_edges;
    struct tombstone *tombstones;
    size_t tombstone_first, tombstone_count, tombstone_cap, tombstone_limit;

    struct edge **dirty;
    size_t dirty_count, dirty_cap;
    mono_ms next_retention;

    uint64_t counts[EDGE_STATES];
    uint64_t received, dropped, drops[DROP_REASONS], commits;
    struct map *drop_times;
    mono_ms drop_window;
    uint32_t drop_events;
    struct event_limit claims; /* of machines that want to be nodes */

    const struct task_kind *const *task_kinds; /* of this core; tests have their own */
    struct map *tasks_by_no;
    struct link tasks, tasks_due;
    struct link jobs_unplaced, offers, orders_due; /* struct job, struct job, struct node */
    struct link jobs_held;                         /* struct job that fails then, soonest first */
    size_t task_count, job_count;
    struct rescans rescans;
    struct openshop *shop;
    struct learnt learnt;      /* of all filesystems: scan_row.ms */
    struct node **servers;     /* by number of the shop */
    struct reading **readings; /* by machine of the shop; NULL: none */
    uint32_t server_cap, reading_cap;
    struct link silent; /* struct node: those that may be in the way and have not said so */
    struct link readings_blocked, nodes_resting;
    bool vgs_due;      /* a change of a volume group may go on: vgs_settle() */
    mono_ms vgs_again; /* what is in the way of one may have passed by itself then */
    bool shop_failed;  /* memory was out where nothing could be returned: the step fails */
};

/* One step: what every handler gets. */
struct step {
    struct coord *c;
    const struct coord_event *ev;
    struct coord_update *u;
    uint32_t random_used;
};

/* ---- core.c */
void step_random(struct step *s, void *out, size_t n); /* n <= 32 */
int text_set(const char **to, const char *from);       /* owned copy; NULL and "" give NULL */
bool text_same(const char *a, const char *b);          /* NULL equals "" */

/* ---- emit.c: rows to persist. All strings are copied into the update's arena. */
struct change *emit(struct step *s, enum change_type type);
int emit_node(struct step *s, const struct node *n);
int emit_key(struct step *s, const struct key *k, enum change_type type);
int emit_section(struct step *s, const struct node *n, enum section_id id);
int emit_inventory(struct step *s, const struct node *n, enum section_id id, const char *key,
                   uint64_t hash, const void *row);
/* Before the row of the path is deleted or written anew. */
int emit_path_lost(struct step *s, const struct node *n, const char *device);
int emit_resource(struct step *s, const struct resource *r);
int emit_sighting(struct step *s, const struct node *n, const struct sighting *g);
int emit_sighting_delete(struct step *s, const struct node *n, const struct sighting *g);
int emit_edge(struct step *s, const struct edge *e, enum change_type type);
int emit_network(struct step *s, const struct network *w, enum change_type type);
int emit_token(struct step *s, const struct token_row *t, enum change_type type);

/* ---- event.c */
enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };
__attribute__((format(printf, 6, 7))) int event(struct step *s, const char *kind,
                                                enum severity severity, const struct node *n,
                                                const struct resource *r, const char *fmt, ...);
/* May there be an event that a message of this node, or a claim to be one, causes? 1; 0: it is left
 * out, and the log says so once; -ENOMEM. */
int event_due_of_node(struct step *s, struct node *n);
int event_due_of_claim(struct step *s);
int event_prune(struct step *s);

/* ---- load.c */
int load_image(struct step *s);
struct row *row_by_key(const struct slot *slot, const char *key); /* or NULL */
/* load_pack.c: all rows of the node, before one of them is looked for or changed. */
int rows_unpack(struct coord *c, struct node *n);
void slot_unpacked(struct slot *slot); /* what is packed goes */

/* ---- node.c */
struct node *node_new(struct coord *c, uuid128 id, uint32_t no); /* in the index by id and number */
void node_free(struct node *n);                                  /* the struct alone */
void node_remove(struct coord *c, struct node *n);               /* from every index, and frees */
struct node *node_by_id(const struct coord *c, uuid128 id);
struct node *node_by_no(const struct coord *c, uint32_t no);
/* What it does at one time: so many scans, and so many orders that need no lease. */
uint32_t node_places(const struct node *n);
struct node *node_by_name(const struct coord *c, const char *name);
int node_set_name(struct coord *c, struct node *n, const char *name);
bool node_name_valid(const char *name);
/* The name that the node has for itself, made valid and unique, into `out` (80 bytes). */
void node_own_name(const struct coord *c, uuid128 id, const struct identity *i, char *out);
/* Renames: the labels of its resources and what matches it follow. */
int node_rename(struct step *s, struct node *n, const char *name);
int node_forget(struct step *s, struct node *n);
/* Sets admission and the text, writes the row, refreshes the edges. */
int node_admit(struct step *s, struct node *n, enum node_admission a, const char *text);
const char *node_state_name(const struct node *n);

/* ---- live.c: the liveness of nodes */
/* For how long the coordinator has listened since then, in vain or not. */
static inline int64_t listened_since(const struct coord *c, mono_ms then)
{
    return mono_since(c->listened, then);
}
int live_heard(struct step *s, struct node *n);
void live_await(struct coord *c, struct node *n); /* approved: it should be heard */
void live_reset(struct node *n);                  /* to never, out of the lists */
int live_tick(struct step *s);
int live_catch_up(struct step *s); /* after read-only: the events that could not be written */
mono_ms live_deadline(const struct coord *c);

/* ---- enrol.c, session.c, ingest.c: messages of nodes */
struct key *key_by(const struct coord *c, const pubkey *key);
struct key *key_new(struct step *s, const pubkey *key, enum role role, enum key_state state);
void key_heard(const struct coord *c, struct key *k); /* now */
void key_remove(struct coord *c, struct key *k);      /* from the index, and frees */
bool boot_is_retired(const struct coord *c, uint32_t node_no, uuid128 boot);
int boot_load(struct coord *c, const struct retired_boot_row *row);
int boot_retire(struct step *s, struct node *n, uuid128 boot);
/* Of each node the latest LIMIT_RETIRED keys and boots that are over are kept; older ones go. A
 * machine that shows one after that is unknown, and waits for an operator. */
int retired_trim(struct step *s);
bool predecessor_silent(const struct coord *c, const struct node *n);
/* What the node now says of itself; its name follows where the operator gave none. */
int identity_update(struct step *s, struct node *n, const struct identity *i);
int enrol_handle(struct step *s, const struct envelope *env, struct key *k);
/* bound: for this very node, by an operator or a token that says so */
int claim_approve(struct step *s, struct node *n, bool bound);
int claim_promote(struct step *s, struct node *n);
int node_conflict(struct step *s, struct node *n, const char *why);
int session_message(struct step *s);
int session_bad(struct step *s);
int ingest_report(struct step *s, struct node *n); /* 1: refused and answered */
int ingest_clear(struct step *s, struct node *n);  /* a new boot: rows and sightings go */
/* Compares digests; names of sections to ask for go to `want`. */
int sections_confirm(struct step *s, struct node *n, struct recs states, struct strs *want);

/* ---- answer.c: envelopes to nodes */
struct envelope *answer_new(struct step *s, const struct node *n, uint64_t correlation);
/* One that the node has not asked for, to where it spoke from last. */
struct envelope *node_envelope(struct step *s, const struct node *n);
int answer_refused(struct step *s, enum refuse_reason reason, const char *text, int64_t retry_ms);
int answer_enrolled(struct step *s, enum enrol_state state, const char *text, int64_t retry_ms);
/* Counts a drop and writes the event, not more often than once a minute for a key and reason. */
int drop_count(struct step *s, enum refuse_reason reason, const char *text, uint64_t count);

/* ---- sighting.c: inventory rows -> sightings */
extern const uint32_t sighting_sections; /* bit set of those that bring any */
/* False: the row shows no resource. Text may live in `scratch`. */
bool sight_of_row(enum section_id id, const void *row, char scratch[SIGHT_SCRATCH],
                  struct sight *out);
int sighting_set(struct step *s, struct node *n, enum section_id id, struct row *row,
                 const struct sight *sight);                        /* sight NULL: none */
int sighting_drop(struct step *s, struct node *n, struct row *row); /* with its change */
int sighting_rematch(struct step *s, struct node *n, struct sighting *g, bool announce);
void row_release(struct coord *c, enum section_id id, struct row *row); /* without a change */
bool container_is_local(const char *container); /* it means something on its node alone */
struct sighting *sighting_new(const char *row_key, enum section_id id, const struct seen *seen);

/* ---- better.c: a device that had no identity and has one */
struct better;
/* A row shows the LUN, as `to`: what its devices were called, and what lay in them, may go. */
int better_known(struct step *s, struct node *n, const struct sight *sight, struct edge *to);
int better_settle(struct step *s, struct node *n); /* the report's rows are all in */
void better_forget(struct node *n);

#include "core/seers.h"
#include "core/lease.h"      /* graph.c, conflict.c, lease.c, hold.c, fence.c */
#include "core/task.h"       /* task.c, job.c */
#include "core/vg.h"         /* vg_change.c, vg_place.c, vg_result.c, vg_ask.c */
#include "core/activation.h" /* activation.c, activation_ask.c */
#include "core/scan.h"       /* scan.c, scan_place.c, scan_result.c */
#include "core/images.h"
#include "core/doubt.h" /* twin.c, together.c, twin_class.c, doubt.c, remap.c, version.c */

/* ---- network.c: declared networks */
struct network *network_new(struct coord *c, const struct network_row *row);
void network_remove(struct coord *c, struct network *w); /* and frees */
void network_hide(struct coord *c, struct network *w);   /* no port matches it any more */
/* Takes VLAN and matches of the row; what it was and who sees it stays. */
int network_redefine(struct coord *c, struct network *w, const struct network_row *row);
/* How many declared networks the port matches; the first two go to found[]. */
uint32_t network_match(const struct coord *c, const char *node_name, const struct seen *seen,
                       struct network *found[2]);
bool network_matches_seen(const struct network *w, const char *node_name, const struct seen *seen);
int network_rematch_node(struct step *s, struct node *n, int vlan); /* vlan < 0: all */
/* ambiguous.c: counts them for all networks. The names of the networks (16 at most) that w shares
 * such ports with. */
void ambiguous_count(struct coord *c);
int ambiguous_others(const struct coord *c, struct arena *a, const struct network *w,
                     struct strs *out);
bool match_valid(const char *text);
char *match_text(struct arena *a, const struct match *m);

/* ---- resource.c */
struct resource *resource_unproven(struct step *s, struct node *n, const char *port, uint16_t vlan);
struct resource *resource_new(enum resource_kind kind, uuid128 id, uint32_t no, const char *key);
/* That of a sight that is no port, made when it is new; its label follows the sight's. */
int resource_relabel(struct step *s, struct resource *r, const char *label);
struct resource *resource_seen(struct step *s, struct node *n, const struct sight *sight);
int resource_index(struct coord *c, struct resource *r);
int resource_delete(struct step *s, struct resource *r); /* has no edges; writes the change */
void resource_free(struct resource *r);
struct resource *resource_by_id(const struct coord *c, uuid128 id);
struct resource *resource_by_text(const struct coord *c, const char *text); /* key or label */
/* Of what is no network; `owner`: of the node beyond which it has no identity. */
uuid128 resource_id_of(const uuid128 *owner, enum resource_kind kind, const char *key);
uuid128 resource_seen_id(const struct node *owner, enum resource_kind kind, const char *key);
uuid128 resource_unproven_id(const struct node *n, const char *port);
char *resource_key(struct arena *a, const struct resource *r);
char *resource_label(struct arena *a, const struct resource *r);
char *resource_label_in(const struct resource *r, char *out, size_t n); /* cut where too long */

/* ---- matrix.c: edges */
struct edge *edge_find(const struct node *n, const struct resource *r);
int edges_reserve(struct node *n, size_t count); /* room for so many in all; -ENOMEM */
struct edge *edge_new(struct node *n, struct resource *r);
int edge_remove(struct step *s, struct edge *e);   /* with change and tombstone; frees */
void edge_free(struct edge *e);                    /* alone: it stays in lists and counts */
void edge_unlink(struct coord *c, struct edge *e); /* from lists and counts; frees */
int edge_dirty(struct coord *c, struct edge *e);
void edge_attach(struct edge *e, struct sighting *g);
void edge_detach(struct sighting *g);
/* After a step's rows: adds up dirty edges, writes them and their events. `quiet`: sections whose
 * new edges are no news because they are reported for the first time in a boot. */
int matrix_settle(struct step *s, uint32_t quiet);
int matrix_retention(struct step *s);
int history_trim(struct step *s, struct node *n);   /* of a node with too many lost edges */
void edge_refresh(struct coord *c, struct edge *e); /* shown state and all counts */
void edges_refresh(struct coord *c, struct node *n);
void edge_sum(const struct edge *e, uint32_t *active, uint32_t *total);
uint8_t edge_stored_state(const struct edge *e); /* by its figures and sightings */
bool edge_is_stuck(const struct edge *e);        /* one of its sightings does not answer */
uint8_t edge_shown_state(const struct edge *e);
/* Age of the facts; negative: not confirmed in this start. */
int64_t edge_age_ms(const struct coord *c, const struct edge *e);

/* ---- changes.c: what changed since when */
void stamp_init(struct stamp *head);
void stamp_remove(struct stamp *st);
void touch_node(struct coord *c, struct node *n);
void touch_resource(struct coord *c, struct resource *r);
void touch_edge(struct coord *c, struct edge *e); /* its node and resource too */
int bury(struct coord *c, uuid128 node, uuid128 resource);

/* ---- token.c */
struct token *token_find(const struct coord *c, const char *secret);
/* NULL: usable by `role` for `node` now; else one sentence. */
const char *token_unusable(const struct coord *c, const struct token *t, enum role role,
                           uuid128 node);
int token_use(struct step *s, struct token *t, const struct node *n, const char *who);
int token_load(struct coord *c, const struct token_row *row);
void token_free(struct coord *c, struct token *t);

/* ---- recover.c */
/* NULL: it can be what a node remembers of this fleet (or there is none); else a sentence. */
const char *memory_fault(const struct coord *c, const struct memory *m);
/* Does what the node remembers prove that this database is older than it was? Then the mode is
 * recover afterwards. */
int recover_detect(struct step *s, struct node *n, const struct memory *m);
const char *recover_text(void);

#include "core/query.h" /* query.c and its handlers */

/* info.c: records of a reply */
int info_node(const struct coord *c, struct arena *a, const struct node *n, struct node_info *out);
int info_resource(const struct coord *c, struct arena *a, const struct resource *r,
                  struct resource_info *out);
int info_edge(const struct coord *c, struct arena *a, const struct edge *e, struct edge_info *out);
int info_network(struct arena *a, const struct network *w, struct network_info *out);
int info_sections(const struct coord *c, struct arena *a, const struct node *n, struct recs *out);
struct fs_node info_fs_node(const struct coord *c, const struct node *n, uint64_t index);

#endif
