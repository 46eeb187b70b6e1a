/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device-mapper devices: what the kernel tells as text (device-mapper's tables and status lines:
 * drivers/md/dm-mpath.c multipath_status, dm-linear.c), and multipathd's view of them. Pure. */
#ifndef MUSTER_COLLECT_PARSE_DM_H
#define MUSTER_COLLECT_PARSE_DM_H

#include "base/err.h"
#include "collect/rows.h"

/* As read. A line is "START LENGTH TYPE PARAMETERS", in sectors of 512 bytes. */
struct dm_text {
    struct bytes name, uuid;
    uint32_t major, minor;
    bool suspended, read_only;
    uint32_t open_count;
    struct bytes table;  /* a line per target; parameters of multipath and linear ones alone, since
                          * others may tell keys */
    struct bytes status; /* the same */
};

/* A device's number as one number, to compare and find by. */
#define DM_DEVNUM(major, minor) ((uint64_t)(major) << 32 | (minor))

struct dm_path {
    uint64_t devnum;
    uint32_t group;   /* 1 is preferred */
    char group_state; /* 'A' active, 'E' enabled, 'D' disabled, 0: not told */
    char state;       /* 'A' active, 'F' failed, 0: not told */
    struct opt failures;
    bool checker_failed; /* multipathd's checker calls it down */
};

struct dm_map {
    const char *name, *uuid; /* NULL: none */
    uint64_t devnum;
    bool suspended, read_only, multipath, queue_without_path;
    uint32_t open_count;
    struct dm_path *paths; /* of a multipath map, in the order of its table */
    size_t path_count;
    /* When the table is one linear target: where it lies, in sectors of `below`. */
    struct opt linear_start;
    uint64_t below;
};

/* Fills a zeroed map. A line that is not understood is passed over: the map is then what is left.
 */
void parse_dm(struct rows *r, const struct dm_text *text, struct dm_map *map);

/* "8:16" */
bool dm_devnum(struct bytes text, uint64_t *devnum);

/* What multipathd answers to "show maps json", for maps that the kernel's text has told of (adds
 * what its checkers found) and for those that it has not (adds a map). `maps` has room for
 * LIMIT_MULTIPATHD_MAPS more than *count. `devnum_of` finds a device's number by its name; false:
 * no such device. 0, or -ENOMEM or -EBADMSG with a sentence; an empty answer is none. */
int parse_multipathd(struct rows *r, struct bytes answer,
                     bool (*devnum_of)(const void *arg, const char *name, uint64_t *devnum),
                     const void *arg, struct dm_map *maps, size_t *count, struct err *e);

#endif
