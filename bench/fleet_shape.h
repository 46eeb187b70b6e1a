/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a simulated fleet looks like: a few figures, from options or from a description file. */
#ifndef MUSTER_FLEET_SHAPE_H
#define MUSTER_FLEET_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { FLEET_LUNS = 256 }; /* of a masking group, at most */

/* Hosts stand in racks, one after the other; `group` of them in sequence are masked alike: they see
 * the same LUNs, of which each of the first `filesystems` has one, and the others are PVs. */
struct fleet_shape {
    uint64_t seed;
    uint32_t rack, cpus;       /* hosts in a rack; generations of processors, a rack has one */
    uint32_t nics, vlans;      /* physical NICs, pairs of which make bonds; VLANs over the bonds */
    uint32_t bad_per_mille;    /* hosts with one NIC without carrier */
    uint32_t group;            /* hosts in a masking group */
    uint32_t filesystems, vgs; /* of a group; none of both: the fleet has no shared storage */
    uint32_t pvs, lvs;         /* of each VG */
    uint32_t ports, paths;     /* FC ports of a host; paths to each LUN */
    uint32_t images, scan_ms;  /* in a filesystem, and what a scan takes; each between half and
                                  half as much again */
};

struct fleet_figure {
    const char *name;
    size_t at; /* in struct fleet_shape: a uint32_t */
    uint32_t least, most, usual;
    const char *what;
};
extern const struct fleet_figure fleet_figures[];
extern const size_t fleet_figure_count;

/* Each figure is the usual one, seed 1. */
void fleet_shape_usual(struct fleet_shape *out);
/* `name` is of the table, or "seed". 0, or -EINVAL with a sentence. */
int fleet_shape_set(struct fleet_shape *s, const char *name, const char *text, struct err *e);
/* A description: a line for each figure, NAME NUMBER, and comments from # on. 0, or a negative
 * errno with a sentence that names the line. */
int fleet_shape_read(struct fleet_shape *s, const char *path, struct err *e);
/* The figures fit each other. 0, or -EINVAL with a sentence. */
int fleet_shape_check(const struct fleet_shape *s, struct err *e);

static inline uint32_t fleet_luns(const struct fleet_shape *s)
{
    return s->filesystems + s->vgs * s->pvs;
}

#endif
