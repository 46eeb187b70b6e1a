/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a node sees, half-sees or does not see a resource: the chain of evidence, outermost first.
 * Pure; the shell brings the node's sections from the database. */
#ifndef MUSTER_CORE_EXPLAIN_H
#define MUSTER_CORE_EXPLAIN_H

#include "core/core.h"
#include "core/fs_list.h"
#include "core/image_list.h"

/* A port of the node that more than one declared network matches. */
struct explain_rival {
    const char *port, *network, *other;
};

/* How the other node that sees the resource stands to a declared network, and this one to the same.
 */
struct explain_route {
    const char *link;    /* the other node's: "bond0", or the name of a VLAN link */
    const char *network; /* its name */
    uint64_t here;       /* enum edge_state of this node; 0: it does not see it */
    const char *port;    /* one of this node's; NULL: none */
};

/* Another node, to compare this one with. */
struct explain_peer {
    const char *name;
    uint32_t no;
    const struct explain_route *routes; /* of its links */
    size_t route_count;
    const struct section *sections; /* the shell's, once it has read them: SECTION_COUNT entries */
};

/* A PV that the node lacks, and where it is. */
struct explain_pv {
    const char *uuid;
    const char *node, *container;
    size_t peer; /* which of `peers` the node is; PEER_NONE: none, there are too many */
};
#define PEER_NONE SIZE_MAX

/* A LUN to which the node had more active paths in this boot than it has now. */
struct explain_fallen {
    const char *key;
    uint64_t had, total; /* paths that it had at most; that there are now, active or not */
    wall_ms until;       /* it had them all */
};

/* A path that is there no more: what is known of it is as it was last. */
struct path_lost {
    struct path path;
    wall_ms at;
};

/* Of an image all other facts are those of its filesystem. */
struct explain_image {
    struct image_wanted wanted;
    const struct resource_info *filesystem;
    const struct image *found; /* the shell's, once it has read it; NULL: no scan has found it */
    wall_ms seen;
};

/* What the core knows, copied out at query time into the reply's arena. */
struct explain_facts {
    const struct node_info *node;
    const struct resource_info *resource;
    enum resource_kind kind;
    const char *key;                      /* its own, in its kind */
    const struct edge_info *edge;         /* NULL: never seen here */
    const struct network_info *network;   /* NULL: not declared */
    const struct sighting_row *sightings; /* of this edge */
    size_t sighting_count;
    const struct explain_rival *rivals; /* that concern this resource */
    size_t rival_count;
    struct explain_image *image; /* NULL: it is none */
    const char *owner;           /* another node, beyond which it has no identity; NULL: none */
    /* Other nodes, from which is told what this one lacks. */
    struct explain_peer *peers;
    size_t peer_count;
    size_t best; /* the one that sees the resource best; PEER_NONE: none, or this one is whole */
    const struct explain_pv *pvs; /* that the node lacks, or the best one, and some other sees */
    size_t pv_count;
    bool pvs_left_out;                   /* there are too many to look for each of them */
    const struct explain_fallen *fallen; /* LUNs of this node, by key */
    size_t fallen_count;
    const struct path_lost *lost; /* newest first; the shell's, once it has read them */
    size_t lost_count;
    const char *const *holders; /* names of other nodes that have it, by use_info.node */
    struct recs holds;  /* use_info: how they use it; the shell's, once it has looked them up */
    struct strs active; /* of an LV: sentences on who has it active, by right or not */
    uint32_t reach_of;  /* number of the filesystem; 0: none */
    struct fs_node self;
    const struct reach_info *reach; /* the shell's, once it has read it; NULL: none is known */
    struct recs states; /* section_body without rows: status and ages, which the database has not */
    wall_ms wall;
};

/* Puts the ages of `states` on sections that were read from the database; a section that is not
 * known to have been confirmed since the start has none. */
void section_ages(struct recs states, struct section_body *bodies, size_t n);

/* `sections`: SECTION_COUNT entries, status SECTION_NEVER where the database has none. Fills
 * reply->evidence in `a`. 0 or -ENOMEM. */
int explain_build(const struct explain_facts *f, const struct section *sections, struct arena *a,
                  struct reply *reply);

#endif
