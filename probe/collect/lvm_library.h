/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LVM's command library in this process: how it is loaded, told what to do, and heard. */
#ifndef MUSTER_COLLECT_LVM_LIBRARY_H
#define MUSTER_COLLECT_LVM_LIBRARY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "collect/parse_lvm.h"

enum {
    LVM_LIBRARY_NONE = 1, /* LVM's library is not on this host */
};

enum { LVM_TROUBLE_MAX = 256 };

struct lvm_library {
    void *so, *handle;
    void (*exit)(void *handle);
    int (*run)(void *handle, const char *command);
};

/* Loads and starts it, with nothing of the host's own configuration: changes the environment of the
 * process (LVM_*, DM_*). Once at a time in a process. 0; LVM_LIBRARY_NONE with a sentence; -EIO:
 * it does not start. */
int lvm_library_open(struct lvm_library *l, struct err *e);
/* The same with the host's configuration, which is in that directory (lvm.conf): to ask what it
 * says, and nothing else. */
int lvm_library_open_as_host(struct lvm_library *l, const char *system_dir, struct err *e);
/* For who changes devices, before the first of them is opened: udev is told of each change as LVM's
 * programs do. libdevmapper decides once in a process, and without this each change would take the
 * device's links in /dev away. */
void lvm_library_with_udev(void);
/* For who suspends devices: what LVM is told before its first command goes into a folder that is
 * made for that. 0 or a negative errno with a sentence. */
int lvm_library_settle(const char *folder, struct err *e);
void lvm_library_close(struct lvm_library *l);

/* One command; what it reports is added to `report` (NULL: nothing is kept). LVM2_COMMAND_* of
 * lvm2cmd.h. */
int lvm_library_run(const struct lvm_library *l, const char *command, struct buf *report);

/* Since the library was opened, or this was asked for last. The first error that LVM told of, ""
 * when there was none. */
void lvm_library_trouble(char out[LVM_TROUBLE_MAX]);
/* Whether it said that the metadata areas of a volume group have different versions. */
bool lvm_library_unequal(void);

/* The options that say which devices it may read, and that nothing of the host counts:
 * " --config ... --devices A,B". Without `writes`, LVM refuses every change; without `activates`,
 * it does not ask device-mapper either. 0; -EINVAL (a path that LVM cannot be told) or -ENOMEM,
 * with a sentence. */
int lvm_library_config(const struct lvm_device *devices, size_t n, bool activates, bool writes,
                       struct buf *out, struct err *e);

#endif
