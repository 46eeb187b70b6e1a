/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rights: the storage graph that they are compared by (graph.c), the one function that decides
 * (conflict.c), leases (lease.c), holds (hold.c), fences (fence.c). docs/ARCHITECTURE.md section 5
 * says what they promise. A part of core_internal.h, which alone includes it. */
#ifndef MUSTER_CORE_LEASE_H
#define MUSTER_CORE_LEASE_H

/* ---- graph.c: what lies in what */

/* A container that some row names. Lives while a row, a resource or a right refers to it. */
struct object {
    uint32_t references;
    struct object **parents; /* a partition's LUN, an LV's VG, a VG's PVs' containers */
    uint32_t parent_count, parent_cap;
    struct object **children;
    uint32_t child_count, child_cap;
    struct link resources; /* struct seat: filesystems, LUNs, LVs, VGs that it is or holds */
    struct link uses;      /* struct use_mark: what nodes do with it */
    struct link rights;    /* struct right_at */
    uint32_t seen;         /* scratch of a walk */
    char key[];            /* "0/naa.6001-part2", "0/lv.UUID", "0/vg.UUID", "7/local.sdb" */
};

/* ---- conflict.c */
enum want {
    WANT_SCAN, /* a scan lease */
    WANT_HOLD, /* a filesystem to write, or a change of a VG */
};
enum way { /* what is in the way, most lasting first */
           WAY_FREE = 0,
           WAY_UNFIT,   /* never: the type is not scanned, the resource is of no kind that can be */
           WAY_OBSERVE, /* not admitted */
           WAY_UNREACHED, /* this node's edge is not ok or degraded; or the node may have no rights
                             now */
           WAY_UNTOLD,    /* a node that sees it has never told what it uses */
           WAY_UNKNOWN,   /* recover, or a node whose rights are not known */
           WAY_USED,      /* mounted, open, exported: a foreign hold */
           WAY_HELD,      /* another node's hold */
           WAY_LEASED,    /* a live lease */
           WAY_RESIDUE,   /* of a lease; for WANT_HOLD alone */
};
struct verdict {
    enum way way;
    bool own_mount;                  /* WANT_SCAN: the node has the hold, and scans its own mount */
    const struct node *node;         /* who is in the way; NULL: nobody */
    const struct resource *resource; /* where, when not the one that was asked for */
    const char *text;                /* one sentence in the arena; NULL when free */
};
/* May this node have it now? `n` NULL: may anybody (edges are not looked at)? 0 or -ENOMEM. */
int conflict(const struct coord *c, struct arena *a, const struct resource *r, enum want want,
             const struct node *n, struct verdict *out);

/* ---- lease.c */
struct lease {
    struct link on_resource, on_node; /* resource.leases; node.leases */
    struct link by_end;               /* live ones, soonest first */
    struct lease_row row;
    struct node *node;
    struct resource *resource;
    mono_ms ends; /* LEASE_LIVE: becomes residue unless renewed */
};
/* A message of the node's brought its whole list. Ends what is missing, moves what is residue. */
int rights_told(struct step *s, struct node *n, uint64_t seq, struct recs rights);
/* Grants if nothing is in the way; else *why says who. The job is the caller's affair. */
int lease_grant(struct step *s, struct node *n, struct resource *r, const struct lease_row *what,
                struct lease **out, struct verdict *why);
int lease_renew(struct step *s, struct node *n, struct recs rights, struct recs *renewed);
struct lease *lease_by_token(const struct coord *c, uint64_t token);
int lease_end(struct step *s, struct lease *l, enum lease_ending how);
int lease_tick(struct step *s); /* what is at its end becomes residue */
mono_ms lease_deadline(const struct coord *c);

/* ---- fence.c */
/* (node, boot) is over: its rights end, and nothing of it is believed any more. */
int fence(struct step *s, struct node *n, uuid128 boot, enum fence_how how, const char *text);
bool is_fenced(const struct coord *c, uint32_t node_no, uuid128 boot);

/* ---- what lease.c tells scan.c: that a job's right is gone, so that it is open again */
int job_lost_lease(struct step *s, const struct lease *l);

#endif
