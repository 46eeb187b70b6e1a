/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of impact share. */
#ifndef MUSTER_CORE_IMPACT_INTERNAL_H
#define MUSTER_CORE_IMPACT_INTERNAL_H

#include "core/explain_internal.h"
#include "core/impact.h"

/* In the order in which they are listed below one thing. */
enum kind { PARTITION, PV, VG, LV, FILESYSTEM, IMAGE, USE };

/* What a node would have of a thing without the resource; each is worse than the one before. */
enum effect { DEGRADED, LOST };

/* Something that depends on the resource, whichever nodes see it. */
struct thing {
    enum kind kind;
    uint32_t hash;
    const char *key, *name, *text;
    const char *resource; /* the key of a filesystem's */
    const char *vg;       /* of a PV: its volume group's UUID */
    uint64_t pvs;         /* of a volume group: how many it has */
    uuid128 id, in;       /* of an image: its own, and its filesystem's */
    const char *path;     /* of an image */
    uint64_t more;        /* images in it that are not told one by one */
    uint32_t parent;      /* its number; 0: the resource itself */
    uint32_t depth;
    uint32_t nodes;          /* that report it */
    size_t seen;             /* number of the node that was looked at last, from 1 */
    enum effect effect;      /* on that node */
    uint64_t lost, degraded; /* bit sets of nodes */
    size_t place;            /* among the dependents, once it is told */
};

struct impact {
    const struct impact_facts *f;
    struct chain ch; /* for its texts, and in the end for the evidence */
    struct thing *v; /* v[0]: the resource */
    size_t n;
    bool full;
    size_t at;                      /* number of the node, from 1 */
    const struct section *sections; /* of the node that is looked at */
    const struct thing **pvs;       /* scratch: those of that node */
    size_t pv_count;
    struct dependent *dependents;
    size_t dependent_count;
};

/* For texts that only save comparisons. */
uint32_t impact_hash(const char *text);

/* impact_effect.c */
/* What the node that is looked at would have of each thing that it reports. */
void impact_effects(struct impact *im);
uuid128 impact_filesystem_id(const struct impact *im, const struct thing *t);
/* One more dependent; what it depends on is one already. */
void impact_tell(struct impact *im, struct thing *t, const char *kind);

#endif
