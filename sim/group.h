/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A volume group on LUNs of its own. Each of its PVs has a copy of the metadata; who changes them
 * writes one after the other, and can end in between: what LVM takes for the metadata is the copy
 * with the highest seqno. */
#ifndef MUSTER_SIM_GROUP_H
#define MUSTER_SIM_GROUP_H

#include "change/parse_mapped.h"
#include "change/parse_name.h"
#include "change/parse_plan.h"
#include "process_internal.h"

enum { GROUP_PVS = 3, GROUP_LVS = 6, GROUP_EXTENTS = 255, EXTENT_BYTES = 4 << 20 };
#define GROUP_NAME "vg0"

struct lv_meta {
    uint32_t id; /* its UUID is "LV" and this */
    uint64_t extents;
    char name[16];
    char tag[40];    /* of the order that has made it */
    uint32_t origin; /* of which it is a snapshot; 0: it is none */
};
struct group_meta {
    uint32_t no; /* of all that were ever written; 0: there are none, it is no PV */
    uint64_t seqno;
    uint32_t vg;  /* its UUID is "V" and this */
    char tag[40]; /* of the order that has made the volume group */
    uint32_t pvs; /* bit set; of a version that is written: none, it is removed */
    char pv_uuid[GROUP_PVS][LVM_UUID_TEXT];
    uint32_t n;
    struct lv_meta lvs[GROUP_LVS];
};

struct version { /* by its `no` */
    struct group_meta meta;
    const struct host *by; /* NULL: it was there */
    uint32_t boots, fork;  /* of the host; of the database that has ordered it */
    uint64_t token, task;  /* of the order that has made it */
    uint64_t op;           /* what that was to do */
    world_us at;           /* when it was made */
    bool written;          /* to a PV at least */
    world_us overtaken;    /* when another was the newest; WORLD_NEVER: it is, or never was */
};
struct mapping { /* a table of device-mapper on a host */
    struct mapping *next;
    uint64_t no; /* of all that there ever were */
    struct host *host;
    uint32_t boots; /* of the host */
    uint32_t lv, vg;
    uint64_t extents; /* as its table says */
    bool through;     /* and that it writes through its snapshots */
    uint32_t with;    /* a snapshot's: its origin, with which it was made; 0: it is none */
    bool suspended;   /* no I/O goes on */
    pid_t suspended_by;
    world_us neglected; /* since when nobody sees to that; 0: somebody does */
    bool open;          /* the kernel does not remove it */
    world_us since;
    /* Of the order that has made it, and of the database that knows of its right; 0: it was not
     * muster's. */
    uint64_t token;
    struct point in;
    bool recovered;
    world_us listed_at; /* LVM has told the probe of it; WORLD_NEVER: it has not */
    bool told;          /* a database knows that this host has it active */
    world_us told_at;
    struct point told_in;
};
struct group_order { /* that was sent */
    uint64_t token;
    struct host *host;
    uint32_t lv;     /* that it activates; 0: it is a change */
    struct point in; /* the database that knows of its right */
    bool recovered;  /* its operator has gone on with that database since it was copied */
};
struct group {
    struct group_meta on[GROUP_PVS];
    struct version *versions;
    size_t version_n;
    struct mapping *mappings;
    uint64_t mapping_no; /* the newest */
    uint32_t lv_ids, vg_ids;
    struct group_order *orders;
    size_t order_n;
    world_us *asked; /* by the task's number: when one was asked for first */
    size_t asked_n;
};

/* What a worker of a change is at. */
struct group_work {
    const struct lvm_change *change;
    bool writes;    /* LVM's command has read what it changes, and may write it */
    bool commanded; /* there was a command: what is read now is what has come of it */
    bool repairs;
    bool was; /* active before */
    struct group_meta base, next;
    unsigned at;     /* the PV that it writes next */
    world_us looked; /* when it has last compared what there is with its order */
    bool maps;       /* when its version is written, devices get their tables */
    bool resumed;    /* what was left suspended here goes on */
    happen_fn then;  /* when its version is written */
    uint64_t holds;  /* the device that it has suspended */
};

/* The devices of a host as its kernel tells of them, and what LVM reports. */
struct group_devices {
    struct lvm_rows rows;
    struct dm_text *maps;
    const char **uuids;
    struct mapping **of; /* two of these may be of one */
    size_t n;
};

/* ---- group.c */
const struct group_meta *group_newest(const struct group *g); /* never NULL */
bool group_is_unequal(const struct group *g);
/* A new version of what is there. */
void group_version(struct sim *s, struct group_meta *meta, const struct host *by,
                   const struct lvm_order *order);
void group_write(struct sim *s, unsigned pv, const struct group_meta *meta);
void group_uuid_text(uint32_t vg, char out[16]);
void group_mark_text(uint32_t no, char out[16]); /* the digest of a version */
const struct version *group_by_mark(const struct group *g, uint64_t mark); /* NULL: none */
unsigned group_pv_of(const struct sim *s, const char *container);          /* GROUP_PVS: none */
struct lv_meta *group_lv(struct group_meta *m, const char *name);          /* NULL: none */
const struct lv_meta *group_lv_by_uuid(const struct group_meta *m, const char *uuid);
struct mapping *group_mapping(const struct sim *s, const struct host *h, uint32_t lv);
/* What LVM reports on that host of these metadata. */
void group_rows(const struct sim *s, const struct host *h, const struct group_meta *m,
                struct arena *a, struct lvm_rows *out);

struct mapping *group_map(struct sim *s, struct host *h, const struct lv_meta *lv);
void group_unmap(struct sim *s, struct mapping *m);
void group_work_ends(struct sim *s, struct process *p, enum lvm_outcome outcome,
                     const char *reason);

void group_work_begins(struct sim *s, struct process *p); /* to write its version */
void group_work_looks(struct sim *s, void *host, uint64_t pid);

/* ---- group_snapshot.c */
void group_snapshot_converts(struct sim *s, void *host, uint64_t pid);
void group_snapshot_gives_up(struct sim *s, struct process *p); /* the store goes */
/* The device that the store of a snapshot has here goes, unless it is open; it is none yet. */
bool group_snapshot_clears(struct sim *s, const struct process *p,
                           const struct change_state *state);
/* The origin is active here, and writes past the snapshot that was made. */
bool group_snapshot_is_bare(const struct sim *s, const struct process *p);

/* ---- group_device.c: devices of the LVs, where hosts have device-mapper */
void group_devices(const struct sim *s, const struct host *h, const struct group_meta *meta,
                   const char *vg, struct arena *a, struct group_devices *out);
enum mapped_is group_device_is(const struct refresh_work *work, const struct group_devices *d,
                               size_t i, struct arena *a, const struct lv **lv);
/* What the probe tells of devices that are not as these metadata say; NULL: there is none. */
const char *group_fault(const struct sim *s, const struct host *h, const struct group_meta *meta,
                        struct arena *a);
bool group_has_snapshots(const struct group_meta *meta, uint32_t lv);
struct mapping *group_map_no(const struct sim *s, uint64_t no); /* NULL: it is gone */
void group_suspend(struct sim *s, const struct process *p, struct mapping *m);
void group_resume_all(struct sim *s, const struct process *p);
void group_load(struct sim *s, const struct process *p, struct mapping *m); /* and goes on */

/* ---- oracle_device.c */
/* A worker changes a device, before it does. */
void oracle_device_touched(struct sim *s, const struct process *p, const struct mapping *m);
void oracle_device_made(struct sim *s, const struct mapping *m); /* with its snapshots */
void oracle_device_acknowledged(struct sim *s, const struct host *h, const struct group_question *q,
                                const struct group_meta *m);
void oracle_snapshot_converts(struct sim *s, const struct process *p, uint32_t origin);
void oracle_snapshot_ends(struct sim *s, const struct process *p, enum lvm_outcome outcome);
void oracle_origin_changes(struct sim *s, const struct process *p);

/* ---- group_outside.c */
void group_outside_starts(struct sim *s);
void group_outside_ends(struct sim *s);

/* ---- group_active.c */
bool group_is_activation(const struct lvm_order *o);
void group_active_begins(struct sim *s, struct process *p); /* a worker */
uint32_t group_active_lv(const struct lvm_order *o);

/* ---- oracle_active.c */
void oracle_active_ordered(struct sim *s, const struct brain *b, const struct group_order *o);
/* A table that the order has made, or taken over. */
void oracle_active_made(struct sim *s, struct mapping *m, const struct lvm_order *o);

/* ---- oracle_group.c */
const struct group_order *oracle_group_order(const struct group *g, uint64_t token,
                                             const struct host *h, uint32_t lv);
uint32_t oracle_group_fork(const struct group *g, uint64_t token, const struct host *h);
void oracle_group_begins(struct sim *s, const struct process *p); /* LVM's command has read */
void oracle_group_writes(struct sim *s, const struct process *p);

#endif
