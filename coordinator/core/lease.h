/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rights: the storage graph that they are compared by (graph.c), the one function that decides
 * (conflict.c), leases (lease.c), holds (hold.c), fences (fence.c). docs/ARCHITECTURE.md section 5
 * says what they promise. A part of core_internal.h, which alone includes it. */
#ifndef MUSTER_CORE_LEASE_H
#define MUSTER_CORE_LEASE_H

#include "base/guard.h"

struct answer;
struct chosen;
struct job;

/* ---- graph.c: what lies in what */

/* A container that some row names. Lives while a row or a resource refers to it. */
struct object {
    struct link above, below; /* struct relation: what it lies in, and what lies in it */
    struct link seats;        /* struct seat: filesystems, LUN, LV, VG that it is or holds */
    struct link uses;         /* struct use_at: what nodes do with it */
    struct relation *by_name; /* of a partition, to its LUN */
    uint32_t references;
    /* Scratch of a walk, of which `seen` is the number. */
    uint32_t seen;
    uint8_t roles, todo;
    struct object *from, *next, *queued;
    char key[]; /* number of the only node that means it, or 0: "0/naa.6001-part2", "0/vg.UUID" */
};

/* That the child lies in the parent; so many rows say so. */
struct relation {
    struct link of_child, of_parent; /* object.above, object.below */
    struct object *child, *parent;
    uint32_t rows;
};

/* One row of a node's section uses. */
struct use_at {
    struct link link; /* object.uses */
    struct object *object;
    struct node *node;
    uint64_t mark; /* use_mark() */
    bool over;     /* its scan is proven to be over; the next report will leave it out */
};

/* use_text.c: "NODE has it mounted at /mnt", without a full stop; NULL: out of memory. */
const char *use_text(struct arena *a, const struct use_at *u);

/* A resource of storage in the graph, and what is known of it as one that is scanned and leased. */
struct seat {
    struct link link; /* object.seats */
    struct object *object;
    struct resource *resource;
    struct link leases;    /* struct lease, oldest token first */
    struct link readings;  /* struct reading, of scans that run */
    struct scan_row *scan; /* of a filesystem or VG; NULL: never admitted. Its texts are owned */
    uint64_t own_seqno, own_mark; /* of a VG: the version that a task has made in this start */
    struct let_go {               /* of an LV: what a node has said, before its rows do */
        mono_ms until;
        uint32_t node_no, changes; /* slot.changes of its LVs then */
    } let_go;
    char *type;               /* of a filesystem: ext4, xfs, ...; NULL: not told */
    struct resource **images; /* of a filesystem: by path */
    uint32_t image_count;
};

/* Of a container that means the same on all nodes; NULL: nothing refers to it. */
const struct object *graph_object(const struct coord *c, const char *container);
int graph_seat(struct coord *c, struct resource *r); /* a new resource, of any kind */
void graph_unseat(struct coord *c, struct resource *r);
void graph_free_all(struct coord *c);
/* The little of a row that the core keeps; as long as the row lives. */
void row_kept(enum section_id id, const void *row, struct inventory_row *out);
/* What the row of the node says now, as it is kept. */
int graph_row_set(struct coord *c, struct node *n, enum section_id id, struct row *row,
                  const struct inventory_row *kept);
void graph_row_drop(struct coord *c, enum section_id id, struct row *row);
/* 1: the type is another one now. */
int seat_type(struct resource *r, const char *type);
int graph_check(const struct coord *c, struct err *e);

enum {
    ROLE_UP = 1,   /* the resource lies in it */
    ROLE_DOWN = 2, /* it lies in the resource; both: it is the resource, or may be */
};
/* All objects that meet the resource: the first, then by `next`. Valid until the next walk. */
struct object *graph_walk(const struct coord *c, const struct resource *r, int *rc);
/* "LUN naa.6001 > volume group vg0 > ...", from the outermost to the innermost, between what was
 * asked for and the object; "" when they are one. NULL: out of memory. */
const char *graph_chain(const struct coord *c, struct arena *a, const struct object *o);

bool resource_is_kept(const struct resource *r); /* though nobody sees it: it has rights */

/* ---- conflict.c */
enum want {
    WANT_SCAN,   /* a scan lease */
    WANT_HOLD,   /* a filesystem to write, or a volume group and all that is in it */
    WANT_CHANGE, /* a volume group's metadata, for a task; an LV or a LUN as far as the task changes
                    it */
    WANT_ACTIVATE, /* an LV, for a node to have devices of it */
    WANT_READ,     /* it has been read: who else uses or holds it is in the way, and nothing else */
    WANT_PLACE, /* what runs on the node is to have it: as WANT_READ, but for what the node itself
                   does with it; its edge is not looked at */
};
enum way { /* what is in the way, most lasting first */
           WAY_FREE = 0,
           WAY_UNFIT,   /* never: the type is not scanned, the resource is of no kind that can be */
           WAY_OBSERVE, /* not admitted */
           WAY_UNREACHED, /* this node's edge is not ok or degraded; or the node may have no rights
                             now */
           WAY_UNTOLD,    /* a node that sees it has never told what it uses */
           WAY_UNKNOWN,   /* recover, or a node whose rights are not known */
           WAY_USED,      /* mounted, open, exported: a foreign hold; active without a right */
           WAY_ACTIVE,    /* an LV is active on another node; of WANT_ACTIVATE, another's hold */
           WAY_HELD,      /* another node's hold */
           WAY_LEASED,    /* a live lease */
           WAY_RESIDUE,   /* of a lease; for those alone that are to write */
};
struct verdict {
    enum way way;
    bool own_mount;                  /* WANT_SCAN: the node has the hold, and scans its own mount */
    const struct node *node;         /* who is in the way; NULL: nobody */
    const struct resource *resource; /* where, when not the one that was asked for */
    const char *text;                /* one sentence in the arena; NULL when free */
};
/* What is known of the node's rights and uses has changed. */
void silent_settle(struct coord *c, struct node *n);
int silent_check(const struct coord *c, struct err *e);
/* Who has a hold of this very resource, in its present boot; NULL: nobody. */
const struct node *hold_of(const struct resource *r);
/* May this node have it now? `n` NULL: may anybody (edges are not looked at)? 0 or -ENOMEM. */
int conflict(const struct coord *c, struct arena *a, const struct resource *r, enum want want,
             const struct node *n, struct verdict *out);

/* ---- lease.c */
struct lease {
    struct link on_resource, on_node; /* seat.leases; node.leases */
    struct link by_end;               /* coord.leases_live: live ones, soonest first */
    struct lease_row row;             /* text is owned */
    struct node *node;
    struct resource *resource;
    mono_ms ends; /* LEASE_LIVE: becomes residue unless renewed */
};
/* For how long the coordinator counts on a right of so long: ttl (1 + e). */
static inline int64_t lease_span_ms(uint64_t ttl_ms)
{
    uint64_t error_ms = (ttl_ms + LEASE_CLOCK_ERROR_PER_MS - 1) / LEASE_CLOCK_ERROR_PER_MS;

    return (int64_t)(ttl_ms + GUARD(COORDINATOR_MARGIN, error_ms));
}
/* A message of the node's brought its whole list. Ends what is missing, moves what is residue. */
int rights_told(struct step *s, struct node *n, uint64_t seq, struct recs rights);
/* Grants if nothing is in the way; else *out is NULL and *why says who. Of `what` kind, request,
 * task_no, job_no and text count. */
int lease_grant(struct step *s, struct node *n, struct resource *r, const struct lease_row *what,
                struct lease **out, struct verdict *why);
/* The same, for what conflict() was asked for before: a right of kind KIND_CHANGE or
 * KIND_ACTIVATION. */
int lease_give(struct step *s, struct node *n, struct resource *r, const struct lease_row *what,
               struct lease **out);
/* The rights of the list that live on, into *renewed. */
int lease_renew(struct step *s, struct node *n, struct recs rights, struct recs *renewed);
struct lease *lease_by_token(const struct coord *c, uint64_t token);
int lease_end(struct step *s, struct lease *l, enum lease_ending how);
int lease_tick(struct step *s); /* what is at its end becomes residue */
mono_ms lease_deadline(const struct coord *c);
/* What lost leases are counted on for: raised before the first grant of a start, lowered to the TTL
 * of now when nothing that had a longer one can be live. */
void lease_ttl_load(struct coord *c);
void lease_ttl_settle(struct coord *c);
int lease_load(struct coord *c, const struct lease_row *row, struct resource *r);
void leases_free_all(struct coord *c);
int leases_check(const struct coord *c, struct err *e);
int lease_forget(struct step *s, struct lease *l); /* a recovery: nobody knows its token any more */
/* What a node finds a filesystem by; absent where its key does not say. */
struct fs_names {
    const char *container, *type, *uuid;
};
int fs_names(struct arena *a, const struct resource *r, struct fs_names *out);
/* session.c's handlers of these messages. */
int on_lease_request(struct step *s, const struct envelope *env, struct key *k);
int on_lease_renew(struct step *s, const struct envelope *env, struct key *k);

/* ---- hold.c */
/* Can all of them be scanned at some time, and are they admitted? If one cannot, *good is false and
 * the answer says which, and why. */
int scan_possible(struct answer *q, const struct chosen *ch, bool admitted, bool *good);
int op_fs_admit(struct answer *q);
int op_hold_take(struct answer *q);
int op_hold_end(struct answer *q);
int op_hold_break(struct answer *q);
/* lease_list.c */
int op_lease_list(struct answer *q); /* and OP_HOLD_LIST */
int info_lease(const struct coord *c, struct arena *a, const struct lease *l,
               struct lease_info *out);
/* The resource's scan row, made when there is none. NULL: out of memory. */
struct scan_row *seat_scan(struct seat *seat);
int emit_scan(struct step *s, const struct scan_row *row);
int scan_load(struct coord *c, const struct scan_row *row, struct resource *r);

/* ---- fence.c */
/* (node, boot) is over: its rights end, and nothing of it is believed any more. */
int fence(struct step *s, struct node *n, uuid128 boot, enum fence_how how, const char *text);
bool is_fenced(const struct coord *c, uint32_t node_no, uuid128 boot);
int fence_load(struct coord *c, const struct fence_row *row);
void fences_forget(struct coord *c, const struct node *n); /* the rows go with the node's */
void fences_free_all(struct coord *c);
int fence_delete(struct step *s, uint32_t node_no,
                 uuid128 boot); /* it is not remembered any more */
/* The node's own boot, and whichever else of it has a right. */
int fence_rights(struct step *s, struct node *n, enum fence_how how);
/* A fenced boot is heard again: what it had a hold of may have been written by two. */
int fenced_speaks(struct step *s, struct node *n, uuid128 boot);
/* Once it has told its list and its uses, its rights are known: the fleet waits for one less. */
int rights_known(struct step *s, struct node *n);
int rights_forget(struct step *s); /* of all nodes: a recovery */
void rights_wait(struct coord *c); /* no grants for as long as any lease can last */

#endif
