/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What /proc, sysfs and xenstore say of who uses which container, into the rows of uses. Pure. */
#ifndef MUSTER_COLLECT_PARSE_USE_H
#define MUSTER_COLLECT_PARSE_USE_H

#include "base/err.h"
#include "collect/parse_container.h"
#include "collect/parse_dm.h"
#include "collect/rows.h"

/* Device numbers are DM_DEVNUM's. */

enum {
    USE_MOUNTS_MAX = 64,   /* mount points of one file system in one mount namespace */
    USE_PROGRAM_BYTES = 16 /* of a process's name, with the NUL (man 5 proc, comm) */
};

/* The mounts that one mount namespace has. */
struct use_namespace {
    struct bytes mountinfo; /* of /proc/PID (man 5 proc) */
    uint64_t id;            /* inode of the namespace; 0: this process's own, which is the first */
    uint32_t pid;           /* a process in it, and its name; for others than the own */
    const char *program;
};

/* A device by its path. btrfs mounts have numbers of no device, and name their source. */
struct use_source {
    const char *path;
    uint64_t devnum;
};

/* One device of a btrfs file system. */
struct use_member {
    uint64_t fs; /* equal for members of one file system */
    uint64_t devnum;
};

/* A device that has a container below it: sysfs. */
struct use_holder {
    const char *device;      /* "dm-3", "md0" */
    uint64_t devnum;         /* 0: it has gone since it was listed */
    struct bytes name, uuid; /* device-mapper's */
    struct opt read_only;
};

struct use_loop {
    const char *device; /* "loop0" */
    uint64_t devnum;
    struct bytes file; /* loop/backing_file */
    struct opt read_only;
};

/* A disk of a guest. */
struct use_guest {
    const char *type; /* of the backend: "vbd", "qdisk" */
    uint32_t domid, vdev;
    struct bytes target; /* device or file, without the driver in front; may be empty */
    struct bytes mode;   /* begins with r or w */
    uint64_t devnum;     /* 0: not told */
};

/* A process that has a block device open, and had it at two looks. */
struct use_open {
    uint32_t pid;
    char program[USE_PROGRAM_BYTES];
    uint64_t devnum;
    bool writes;
};

struct use_input {
    const struct block_container *containers; /* one may have several devices */
    size_t container_count;
    const struct use_namespace *namespaces;
    size_t namespace_count;
    const struct use_source *sources; /* of paths in /dev that are named in what follows */
    size_t source_count;
    const struct use_member *members;
    size_t member_count;
    const struct use_holder *holders;
    size_t holder_count;
    const struct use_loop *loops;
    size_t loop_count;
    const struct use_guest *guests;
    size_t guest_count;
    const struct use_open *opens;
    size_t open_count;
    struct bytes swaps; /* /proc/swaps */
};

/* Sorted by key. */
struct use_rows {
    struct use *v;
    size_t n;
    bool cut; /* some mount points, or rows, are left out */
};

/* 0, or -ENOMEM with a sentence. Text that is not understood makes no row. */
int parse_uses(const struct use_input *in, struct arena *a, struct use_rows *out, struct err *e);

/* A line of mountinfo; texts as they are there, with \040 for blanks. */
struct use_mount {
    uint64_t devnum;
    struct bytes root, point, options, type, source, super_options;
};

/* Takes the next line that is a mount off `rest`. False: no more. */
bool use_mount_next(struct bytes *rest, struct use_mount *out);
/* The bytes with \NNN decoded. */
struct bytes use_unescape(struct rows *r, struct bytes b);
/* The number of the device that a path names; false: it is none of in->sources. */
bool use_devnum_of(const struct use_input *in, struct bytes path, uint64_t *devnum);
/* A line of /proc/swaps. `is_file`: not a device. */
bool use_swap_next(struct bytes *rest, struct bytes *path, bool *is_file);

/* The name of a process and when it was started, in ticks since boot: /proc/PID/stat (man 5 proc,
 * fields 2 and 22). False: the text is not understood. */
bool use_process(struct bytes stat, char program[USE_PROGRAM_BYTES], uint64_t *started);
/* A scan of muster reads a container over a loop device whose file is a node of the worker's own,
 * .../muster-scan-TOKEN-MAJOR:MINOR. */
bool use_is_scan(struct bytes file, struct bytes *token, uint64_t *devnum);
/* Of a loop device: what is written to such a scan's snapshot is in that file,
 * "/memfd:muster-scan-". Of a device-mapper UUID: it is a scan's snapshot. Both are the scan's own
 * affair. */
bool use_is_scan_memory(struct bytes file);
bool use_is_snapshot(const char *uuid);
/* udev's own: they open each device for a moment whenever something changes. */
bool use_is_udev(const char *program);

/* A disk of xenstore's backend/TYPE/DOMID/VDEV from its values; each may be empty. `params`:
 * qdisk's DRIVER:PATH or a path; `physical_device`: hexadecimal MAJOR:MINOR. */
void use_guest_set(struct use_guest *g, struct bytes params, struct bytes path,
                   struct bytes physical_device, struct bytes mode);
/* "vbd-DOMID-VDEV" and the like, as sysfs names a backend. */
bool use_guest_name(struct bytes name, struct use_guest *out);

#endif
