/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of parse_block: one file for each kind of row. Pure. */
#ifndef MUSTER_COLLECT_PARSE_BLOCK_ROWS_H
#define MUSTER_COLLECT_PARSE_BLOCK_ROWS_H

#include "collect/parse_block.h"
#include "collect/parse_vpd.h"

struct block_lun;

/* A path while rows are built. */
struct block_path {
    const char *name;       /* of the block device */
    const char *dir;        /* its real path */
    const char *device;     /* real path of what it is a disk of; NULL: virtual */
    const char *controller; /* name of its hba row; NULL: none */
    bool hidden;            /* path of a native NVMe multipath device */
    struct opt devnum;      /* as DM_DEVNUM */
    struct opt size_bytes;  /* absent: none, or the path does not tell */
    const char *vendor, *model, *revision, *serial, *file;
    struct designators designators;
    const char *key, *wwid, *identified_by;
    bool stuck;
    const struct dm_map *map; /* the multipath map that uses it */
    const struct dm_path *in_map;
    struct block_lun *lun;
    struct path row;
};

struct block_lun {
    const char *key;
    struct block_path **paths; /* in natural order of their names */
    size_t path_count;
    const struct dm_map *map; /* multipath map on it */
    const char *head;         /* name of the native NVMe multipath device on it */
    const char *device, *dir; /* the one to use; NULL: the map is all that is left, without sysfs */
    const char *ghost;        /* what contradicts what; NULL: nothing */
};

struct block_build {
    struct rows r;
    const struct block_input *in;
    const struct tree *t;
    struct dm_map *maps; /* sorted by devnum */
    size_t map_count;
    struct block_path *paths; /* in natural order of their names */
    size_t path_count;
    struct block_lun *luns;
    size_t lun_count;
    const char *too_long; /* key of a LUN with a list that is too long; NULL: none */
};

/* parse_block_path.c */
/* Finds the paths and fills what sysfs says of each: all but key, lun and what maps say. */
void block_find_paths(struct block_build *b);
/* Natural order: shorter names first, so that sdz is before sdaa. */
int block_compare_names(const char *x, const char *y);
const char *block_text(struct block_build *b, const char *dir, const char *name);
struct opt block_number(struct block_build *b, const char *dir, const char *name);
/* NULL: "(null)", "<NULL>", "unknown", "none" and so on count as nothing. */
const char *block_known(const char *text);
const char *block_base(const char *path); /* what follows the last slash */
/* The last part of `path` that is `prefix` and a digit and so on ("host3" of "host"), in the arena;
 * NULL: none. *end, if not NULL: length of the path up to and with that part. */
const char *block_part(struct block_build *b, const char *path, const char *prefix, size_t *end);
const char *block_cut(struct block_build *b, const char *path, size_t n);
const char *block_devnum_text(struct block_build *b, uint64_t devnum);
/* "/sys/class/CLASS/NAME" as a real path; NULL: there is none. */
const char *block_class(struct block_build *b, const char *class, const char *name);
/* Names of the entries of a folder, sorted. */
struct strs block_entries(struct block_build *b, const char *dir, const char *sub);

/* parse_block_target.c: transport, hba, target, portal and their states. */
void block_scsi_target(struct block_build *b, struct block_path *p);
void block_nvme_target(struct block_build *b, struct block_path *p);
bool block_is_virtio(struct block_build *b, const char *device);

/* parse_block_lun.c: LUNs of paths and maps. */
void block_find_luns(struct block_build *b);

/* parse_block_row.c */
void block_lun_row(struct block_build *b, const struct block_lun *l, struct lun *row);
void block_path_row(struct block_build *b, struct block_path *p);

/* parse_block_identity.c */
void block_identify(struct block_build *b, struct block_path *p);
/* The designator that a multipath map's UUID is made of ("mpath-36001405..." is "naa.6001405...");
 * NULL: none that is understood. */
const char *block_map_wwid(struct block_build *b, const struct dm_map *map);
/* False: the path says that it is another LUN than the map's. */
bool block_path_fits(const struct block_path *p, const char *map_wwid);
/* Sets l->ghost when its paths contradict each other. */
void block_find_ghost(struct block_build *b, struct block_lun *l);

/* parse_block_hba.c */
void block_hba_rows(struct block_build *b, struct block_rows *out);
const char *block_scsi_transport(struct block_build *b, const char *host, const char *host_dir);
const char *block_nvme_transport(struct block_build *b, const char *controller_dir);
const char *block_scsi_port_name(struct block_build *b, const char *host, const char *host_dir);

/* parse_block_partition.c */
void block_partition_rows(struct block_build *b, struct block_rows *out);

#endif
