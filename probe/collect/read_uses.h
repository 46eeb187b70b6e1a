/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the collector of uses gets its bytes: /proc, sysfs, xenstore and the names in /dev. It never
 * touches a mount point, a file or a device. */
#ifndef MUSTER_COLLECT_READ_USES_H
#define MUSTER_COLLECT_READ_USES_H

#include "collect/collect.h"
#include "collect/parse_use.h"

enum {
    USE_PROCESSES_MAX = 20000, /* that are looked at */
    USE_NAMESPACES_MAX = 256,  /* of mounts */
    USE_OPENS_MAX = 4096,      /* files of processes that are devices of containers */
    USE_AGE_MS = 2000,         /* of a process, before what it has open counts */
    USE_XENSTORE_MS = 1000,    /* for all that is asked of xenstore */
};

/* What of the processes could not be read; each makes a part of the section's text. */
struct use_gaps {
    bool processes, namespaces, opens; /* there are more than the limits above */
    bool refused;                      /* the kernel does not let this process look */
};

/* Of which devices. */
struct used_devices {
    const struct tree *tree; /* what sysfs says of them */
    const struct block_container *containers;
    size_t n;
    const struct path *paths; /* of LUNs, since one that no map puts together is used through any */
    size_t path_count;
};

/* The section uses: in every way that this host uses one of the containers (docs/inventory.md).
 * Whatever cannot be read is said in the section's text. 0 or -ENOMEM with a sentence. */
int collect_uses(const struct collect_request *req, const struct used_devices *of, struct arena *a,
                 struct section *out, struct err *e);

/* The containers, sorted by name as they come, and after them those that have other devices too:
 * the paths of LUNs that have no map, and the partitions that the kernel has on them. NULL: out of
 * memory. */
struct block_container *use_devices(const struct collect_request *req, struct rows *r,
                                    const struct block_container *containers, size_t n,
                                    const struct path *paths, size_t path_count, size_t *count);

#define USE_SYS_BLOCK "/sys/class/block"

/* Of sysfs: an attribute, trimmed; the names in a folder. Nothing if it is not there. */
struct bytes use_attribute(const struct collect_request *req, struct rows *r, const char *folder,
                           const char *device, const char *name);
struct strs use_list(const struct collect_request *req, struct rows *r, const char *folder);

/* The devices that guests have, as DM_DEVNUM, in `a`: a device that xenstore does not tell of, when
 * it cannot be asked, is not among them. 0 or -ENOMEM with a sentence. */
int read_use_exports(const struct collect_request *req, struct arena *a, uint64_t **out, size_t *n,
                     struct err *e);

/* Namespaces and opens of all processes. 0 or a negative errno with a sentence. */
int read_use_processes(const struct collect_request *req, struct arena *a, struct use_input *in,
                       struct use_gaps *gaps, struct err *e);

/* Disks of guests that xenstore has under `backend` of Domain-0, asked over `fd`, which speaks its
 * protocol; at most for limit_ms. 0; -ETIMEDOUT, -EPROTO, -E2BIG, or another negative errno, each
 * with a sentence. */
int read_xenstore(int fd, int limit_ms, struct arena *a, struct use_guest **out, size_t *n,
                  struct err *e);

#endif
