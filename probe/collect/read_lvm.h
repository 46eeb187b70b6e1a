/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LVM through its command library, in this process. It may block for as long as a device does. */
#ifndef MUSTER_COLLECT_READ_LVM_H
#define MUSTER_COLLECT_READ_LVM_H

#include "base/arena.h"
#include "base/err.h"
#include "collect/parse_lvm.h"

enum {
    READ_LVM_NONE = 1, /* LVM's library is not on this host: LVM_LIBRARY_NONE */
};

/* Asks LVM (2.03.12 or later) about `devices` and no others, with nothing of the host's own LVM
 * configuration. Takes no lock and writes nothing; reads past the page cache. Fills `out` (texts in
 * `a`). *trouble: the first errors that LVM told of while it answered all the same, NULL when there
 * were none. 0; READ_LVM_NONE with a sentence; -EINVAL (a path that LVM cannot be told), -EIO (LVM
 * refused, with its reason), -EFBIG or -ENOMEM, each with a sentence. Changes the environment of
 * the process (LVM_*, DM_*). */
int read_lvm(const struct lvm_device *devices, size_t n, bool device_mapper, struct arena *a,
             struct lvm_input *out, const char **trouble, struct err *e);

/* The same by a library that is open, so that a worker that asks again, or goes on to change
 * something, starts LVM once (NULL: one is opened for this). With one it is not asked which PVs
 * there are twice. */
struct lvm_library;
int read_lvm_with(const struct lvm_library *library, const struct lvm_device *devices, size_t n,
                  bool device_mapper, struct arena *a, struct lvm_input *out, const char **trouble,
                  struct err *e);

/* Whether this kernel has device-mapper now. */
bool read_lvm_device_mapper(const char *sys_root);

/* The sections pvs, vgs and lvs (room for 3 in `out`), as collect_run gives sections, and the
 * tables that devices of LVs are to have. */
int collect_lvm(const char *sys_root, const struct lvm_device *devices, size_t n, struct arena *a,
                struct section *out, size_t *count, struct lvm_tables *tables, struct err *e);

#endif
